//! MATCH_RECOGNIZE: one row for each match of a row pattern in the rows of a key.
//!
//! By row time, rows wait until the watermark passes their time and are then taken in the order of time, rows of the
//! same time by the other columns of ORDER BY, then in the order of arrival; a row that the watermark of its own split had passed is late. In processing
//! time rows are taken as they arrive. Each row leads every match that has begun on, or ends it, and may begin one.
//! Of the complete matches the earliest leaves as soon as none that began before it is open; it closes those that
//! AFTER MATCH SKIP forbids. WITHIN closes what lasts too long.
//!
//! A match that waits for an earlier one holds the watermark back, so that its MATCH_ROWTIME is not late.

mod automaton;
mod evaluate;
mod order;
mod rows;
mod snapshot;
mod store;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use millrace_plan::{
    Error, Limits, MatchExpr, MatchSpec, Node, PatternVariable, Pick, Result, WATERMARK_MAX, WATERMARK_MIN,
};

use super::pending::Pending;
use super::results::{record, send, without_faults};
use super::{Account, BadRow, Operator, Output, print_row};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::state::hash_keys;
use automaton::{Automaton, COMPLETE, Way};
use evaluate::{Evaluator, Matches};
use rows::{Candidate, Held, KeyRows};
use store::Store;

/// The rows being taken.
struct Taking {
    /// Whether each row is of a variable, as far as that is known from the row alone.
    known: Vec<Option<BooleanArray>>,
    /// Rows whose condition failed, and why.
    failed: Vec<(u32, String)>,
    /// A match that begins with the row at hand, without it.
    fresh: Candidate,
    /// Of which variables the row at hand is, for the match at hand.
    memory: Vec<Option<bool>>,
    /// Where the match at hand leads.
    ways: Vec<Way>,
    /// Where all matches of the key have led.
    led: Vec<Candidate>,
}

impl Taking {
    /// Leads a match on, every way.
    fn lead(&mut self, key: &mut KeyRows, own: Candidate) {
        let mut own = Some(own);
        for (place, way) in self.ways.iter().enumerate() {
            let last = place + 1 == self.ways.len();
            let led = if last { own.take() } else { own.clone() };
            let Some(mut led) = led else { return };
            led.counts[way.variable] += 1;
            if way.completes {
                key.complete.push(Candidate { state: COMPLETE, ..led.clone() });
            }
            if way.to != COMPLETE {
                self.led.push(Candidate { state: way.to, ..led });
            }
        }
    }
}

/// Matches found while rows are taken: sent together.
struct Found {
    groups: Vec<u32>,
    measures: Vec<Matches>,
}

/// The MatchRecognize operator.
pub struct MatchRecognize {
    keys: Vec<usize>,
    time: Option<usize>,
    spec: MatchSpec,
    automaton: Automaton,
    conditions: Vec<Option<Evaluator>>,
    measures: Vec<Evaluator>,
    schema: SchemaRef,
    store: Store,
    pending: Pending,
    watermark: i64,
    expired_at: i64,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

/// The input columns that the expressions read, in ascending order.
fn read_columns(spec: &MatchSpec) -> Vec<usize> {
    let conditions = spec.variables.iter().filter_map(|own| own.condition.as_ref());
    let mut columns: Vec<usize> = conditions.chain(&spec.measures).flat_map(columns_of).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn columns_of(own: &MatchExpr) -> Vec<usize> {
    let columns = own.reads.iter().flat_map(|read| match &read.pick {
        Pick::First { column, .. } | Pick::Last { column, .. } => vec![*column],
        Pick::Aggregate(call) => call.args.clone(),
    });
    columns.collect()
}

impl MatchRecognize {
    /// The operator of `node` over rows of `input`.
    pub fn new(spec: &MatchSpec, node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let store = Store::new(input, &spec.keys, read_columns(spec))?;
        let evaluator =
            |own: &MatchExpr| Evaluator::new(own, store.chunk_schema(), |column| store.position(column));
        let condition = |own: &PatternVariable| own.condition.as_ref().map(evaluator).transpose();
        Ok(MatchRecognize {
            keys: spec.keys.clone(),
            time: spec.time,
            automaton: Automaton::new(&spec.variables),
            conditions: spec.variables.iter().map(condition).collect::<Result<_>>()?,
            measures: spec.measures.iter().map(evaluator).collect::<Result<_>>()?,
            spec: spec.clone(),
            schema: node.schema.clone(),
            store,
            pending: Pending::new(input.clone()),
            watermark: WATERMARK_MIN,
            expired_at: WATERMARK_MIN,
            batch_rows: limits.batch_rows.max(1),
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    /// Takes rows in the order in which they count, and sends the matches that they complete.
    fn process(&mut self, input: RecordBatch, times: &[i64], out: &mut Output) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| input.column(*key).clone()).collect();
        let (mut hashes, mut groups) = (vec![], vec![]);
        hash_keys(&keys, input.num_rows(), &mut hashes)?;
        self.store.intern(&keys, &hashes, &mut groups)?;
        let chunk = self.store.add_chunk(&input)?;
        let rows = self.store.chunk(chunk);
        let known = self.conditions.iter().enumerate().map(|(variable, own)| match own {
            Some(own) => own.of_each_row(variable, rows),
            None => Ok(None),
        });
        let variables = self.conditions.len();
        let mut taking = Taking {
            known: known.collect::<Result<_>>()?,
            failed: vec![],
            fresh: Candidate { start: 0, state: self.automaton.first(), counts: vec![0; variables].into() },
            memory: vec![None; variables],
            ways: vec![],
            led: vec![],
        };
        let mut found = self.nothing_found();
        for (row, (group, time)) in groups.iter().zip(times).enumerate() {
            let mut key = self.store.take(*group);
            let number = key.push(Held { at: (chunk, row as u32), time: *time });
            self.expire(*group, &mut key, *time, &mut found)?;
            self.lead_on(&mut key, number, &mut taking)?;
            self.collect(*group, &mut key, &mut found)?;
            self.account.retired += key.trim();
            self.store.put(*group, key);
        }
        self.report(&input, taking.failed, out);
        self.send(found, out)?;
        self.store.tidy()
    }

    fn nothing_found(&self) -> Found {
        Found { groups: vec![], measures: self.measures.iter().map(Evaluator::matches).collect() }
    }

    /// Leads the matches of a key that have begun on with its newest row, and begins one there.
    fn lead_on(&self, key: &mut KeyRows, number: u64, taking: &mut Taking) -> Result<()> {
        taking.fresh.start = number;
        taking.led.clear();
        let complete = key.complete.len();
        let mut begun = std::mem::take(&mut key.begun);
        for own in begun.drain(..) {
            self.find_ways(key, &own, number, taking)?;
            taking.lead(key, own);
        }
        let fresh = std::mem::take(&mut taking.fresh);
        self.find_ways(key, &fresh, number, taking)?;
        if !taking.ways.is_empty() {
            taking.lead(key, fresh.clone());
        }
        taking.fresh = fresh;
        std::mem::swap(&mut begun, &mut taking.led);
        key.begun = begun;
        if key.complete.len() > complete {
            // Stable: of matches that begin with the same row the first found counts.
            key.complete.sort_by_key(|own| own.start);
        }
        Ok(())
    }

    /// Finds where the newest row leads a match.
    fn find_ways(&self, key: &KeyRows, own: &Candidate, number: u64, taking: &mut Taking) -> Result<()> {
        taking.memory.fill(None);
        let mut ways = std::mem::take(&mut taking.ways);
        ways.clear();
        let mut is = |variable: usize| match taking.memory[variable] {
            Some(known) => Ok(known),
            None => {
                let is = self.meets(key, own, variable, number, taking)?;
                taking.memory[variable] = Some(is);
                Ok(is)
            }
        };
        self.automaton.follow(own.state, &mut is, &mut ways)?;
        for way in &mut ways {
            way.completes = self.automaton.completes(way.to, &mut is)?;
        }
        taking.ways = ways;
        Ok(())
    }

    /// True if the newest row meets the condition of a variable as the next row of `own`.
    fn meets(
        &self,
        key: &KeyRows,
        own: &Candidate,
        variable: usize,
        number: u64,
        taking: &mut Taking,
    ) -> Result<bool> {
        let Some(condition) = &self.conditions[variable] else { return Ok(true) };
        let (_, row) = key.get(number).at;
        if let Some(known) = &taking.known[variable] {
            return Ok(known.is_valid(row as usize) && known.value(row as usize));
        }
        let mut matches = condition.matches();
        condition.add(&mut matches, key, own, Some(variable));
        let (result, faults) = condition.evaluate(&matches, self.store.chunks())?;
        if let Some((_, reason)) = faults.into_iter().next() {
            if taking.failed.last().is_none_or(|(failed, _)| *failed != row) {
                taking.failed.push((row, reason));
            }
            return Ok(false);
        }
        let result = result.as_boolean_opt().ok_or_else(|| Error::bug("a DEFINE that is not a condition"))?;
        Ok(result.is_valid(0) && result.value(0))
    }

    /// Drops what lasts too long at `time`, and takes up the matches that waited for it.
    fn expire(&self, group: u32, key: &mut KeyRows, time: i64, found: &mut Found) -> Result<()> {
        let Some(within) = self.spec.within else { return Ok(()) };
        key.expire(time, within);
        self.collect(group, key, found)
    }

    /// Takes up the complete matches that need not wait.
    fn collect(&self, group: u32, key: &mut KeyRows, found: &mut Found) -> Result<()> {
        while let Some(own) = key.next_match(self.spec.skip, &self.spec.variables)? {
            found.groups.push(group);
            for (measure, matches) in self.measures.iter().zip(&mut found.measures) {
                measure.add(matches, key, &own, None);
            }
        }
        Ok(())
    }

    /// Drops everywhere what lasts too long. Costs a walk over all keys, so it waits until time has moved by the
    /// length of a match.
    fn expire_all(&mut self, time: i64, out: &mut Output) -> Result<()> {
        let Some(within) = self.spec.within else { return Ok(()) };
        if time.saturating_sub(self.expired_at) < within && time != WATERMARK_MAX {
            return Ok(());
        }
        self.expired_at = time;
        let mut found = self.nothing_found();
        for group in 0..self.store.len() {
            let mut key = self.store.take(group);
            self.expire(group, &mut key, time, &mut found)?;
            self.account.retired += key.trim();
            self.store.put(group, key);
        }
        self.send(found, out)?;
        self.store.tidy()
    }

    /// Rows of which a condition could not be computed are told of; they count as not meeting it.
    fn report(&mut self, rows: &RecordBatch, failed: Vec<(u32, String)>, out: &mut Output) {
        for (row, reason) in failed {
            self.account.bad += 1;
            out.bad.push(BadRow { split: 0, row: 0, reason, raw: print_row(rows, row as usize) });
        }
    }

    fn send(&mut self, found: Found, out: &mut Output) -> Result<()> {
        if found.groups.is_empty() {
            return Ok(());
        }
        let mut columns = self.store.keys(&found.groups)?;
        let mut faults = vec![];
        let fields = self.schema.fields().iter().skip(columns.len());
        for ((measure, matches), field) in self.measures.iter().zip(&found.measures).zip(fields) {
            let (values, own) = measure.evaluate(matches, self.store.chunks())?;
            columns.push(
                cast(&values, field.data_type())
                    .map_err(|error| Error::bug(format!("a measure of MATCH_RECOGNIZE: {error}")))?,
            );
            faults.extend(own);
        }
        let rows = without_faults(record(&self.schema, columns)?, faults, &mut self.account, out)?;
        send(&rows, self.batch_rows, self.ingest_ms, &mut self.account, out);
        Ok(())
    }
}

impl Operator for MatchRecognize {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let Some(time) = self.time else {
            self.account.accepted += batch.len() as u64;
            let times = vec![batch.ingest_ms; batch.len()];
            self.process(batch.rows, &times, out)?;
            return self.expire_all(self.ingest_ms, out);
        };
        self.pending.add_in_time(batch, time, self.watermark, &mut self.account, out)?;
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        if let Some((rows, times)) = self.pending.due(watermark_ms)? {
            let rows = order::then_by(rows, &times, &self.spec.then_by)?;
            self.process(rows, &times, out)?;
        }
        if self.time.is_some() {
            self.expire_all(watermark_ms, out)?;
        }
        self.watermark = self.watermark.max(watermark_ms);
        let waits = self.store.first_waiting().filter(|_| watermark_ms != WATERMARK_MAX);
        out.watermark(waits.map_or(watermark_ms, |time| watermark_ms.min(time.saturating_sub(1))));
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.write()
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.watermark = watermark_ms;
        self.read(state)
    }

    fn account(&self) -> Account {
        let state_bytes = (self.store.bytes() + self.pending.bytes()) as u64;
        Account { in_state: self.pending.len() + self.store.held(), state_bytes, ..self.account }
    }
}
