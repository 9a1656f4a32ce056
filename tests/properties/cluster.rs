//! Several shards of the real pipeline on one thread: a seeded generator decides who steps and what moves.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Schema;
use millrace_flow::checkpoint::{Barrier, ShardSnapshot, Since, merged};
use millrace_flow::pipeline::{Message, Pipeline, ShardId};
use millrace_flow::{Batch, Origin, RowKinds, RowWatermarks, SplitStatus};
use millrace_plan::{
    Changelog, Error, FunctionDef, Limits, NodeId, Operator, Plan, Result, RowKind, TableDef, UserFunction,
    WATERMARK_MIN,
};
use millrace_sql::{Request, TableRules, compile};

use crate::oracle::{self, Change, InputRow};

/// The option of a table whose rows are changes: `upserts` ([`oracle::upserts`] of the rows), `normalized` (what
/// they stand for), or `repeated` (those, some again).
pub const CHANGES: &str = "changes";

/// Every table is as good as any other.
struct AnyTable;

impl TableRules for AnyTable {
    fn source_changelog(&self, table: &TableDef) -> Result<Changelog> {
        Ok(match table.option(CHANGES) {
            None => Changelog::Append,
            Some("upserts") => Changelog::Upsert,
            Some(_) => Changelog::Retract,
        })
    }

    fn may_fall_idle(&self, table: &TableDef) -> Result<bool> {
        Ok(table.option("scan.watermark.idle-timeout").is_some())
    }

    fn check(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_source(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_lookup(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_sink(&self, _: &TableDef, _: bool) -> Result<()> {
        Ok(())
    }

    /// Files are those of `tests/modules`.
    fn load_function(&self, def: &FunctionDef) -> Result<UserFunction> {
        let file = format!("{}/modules/{}.wat", env!("CARGO_MANIFEST_DIR"), def.path);
        millrace_wasm::load(def, &wat::parse_file(file).unwrap())
    }
}

/// The sink of late rows, where there is one.
pub const LATE: &str = "late";

/// What a run gave: the batches that reached the sinks, those of [`LATE`] apart, and how many rows were late.
pub struct Outcome {
    pub batches: Vec<Batch>,
    pub late_batches: Vec<Batch>,
    pub late: u64,
}

/// When the first rows come, in milliseconds since 1970. All others come then too, unless the answer depends on it.
const INGEST_MS: i64 = 1_700_000_000_000;

/// From one row of a split to the next, in milliseconds, where the answer depends on it.
const ROW_MS: i64 = 10;

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub shards: usize,
    pub batch_rows: usize,
    pub seed: u64,
}

/// A barrier while the shards run: what is held then is taken over by other shards.
#[derive(Debug, Clone, Copy)]
pub struct Stop {
    /// After this many steps.
    pub steps: u64,
    /// The number of shards that go on.
    pub shards: usize,
}

/// Xorshift64* (Marsaglia; Vigna 2016): enough to choose who steps next.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % count
    }
}

/// Batches of a split that have not been read: the source, the split.
type Unread = (NodeId, u64, VecDeque<Batch>);

struct Cluster {
    pipelines: Vec<Pipeline>,
    /// In flight from one shard to another, in order: `channels[from][to]`.
    channels: Vec<Vec<VecDeque<Message>>>,
    /// Batches not yet read, and the shard that reads them.
    unread: Vec<(usize, Unread)>,
    /// Shards whose splits of a source have all ended, but that have not yet been told that no more will come.
    ending: Vec<(usize, NodeId)>,
    /// The sources whose rows are read by every run.
    lookups: Vec<NodeId>,
    /// The sink of late rows.
    late_sink: Option<NodeId>,
    outcome: Outcome,
    choices: Choices,
    steps: u64,
    /// The clock stands while a barrier is on its way: rows that are behind it will come again, at their time.
    clock_stands: bool,
    /// Shards that the barrier has passed: what reaches the sink there will come again.
    behind: Vec<bool>,
}

/// The plan of `sql`; the same for any number of shards above one.
pub fn plan_of(sql: &str, shards: usize, limits: &Limits) -> Result<Plan> {
    let request = Request {
        sql,
        shards,
        limits,
        rules: &AnyTable,
        stdout: [("connector".to_string(), "print".to_string())].into(),
        ordered: false,
    };
    Ok(compile(&request)?.plan)
}

/// Runs `sql` over the splits.
pub fn run(sql: &str, splits: &[Vec<InputRow>], schedule: Schedule) -> Result<Outcome> {
    let limits = Limits { batch_rows: schedule.batch_rows, ..Limits::default() };
    let plan = plan_of(sql, schedule.shards, &limits)?;
    let unread = batches(&plan, splits, schedule.batch_rows);
    let mut cluster = Cluster::new(&plan, unread, schedule.shards, schedule.seed, &limits)?;
    cluster.announce()?;
    cluster.run_to_end()
}

/// The rows of a split as `table` sends them.
pub fn log(table_changes: Option<&str>, rows: &[InputRow]) -> Vec<Change> {
    let upserts = oracle::upserts(rows);
    match table_changes {
        None => rows.iter().map(|row| (row.clone(), RowKind::Insert)).collect(),
        Some("upserts") => upserts,
        Some("normalized") => oracle::normalized(&upserts),
        Some(_) => oracle::repeated(&oracle::normalized(&upserts)),
    }
}

/// Runs `sql` over the splits, stopped now and then: other shards go on with what was held at a barrier and with
/// the rows that were not read before it. What was held is put together from a chain of snapshots, of which some are
/// lost. Gives what reached the sink before each barrier and after the last.
pub fn run_with_stops(
    sql: &str,
    splits: &[Vec<InputRow>],
    schedule: Schedule,
    stops: &[Stop],
) -> Result<Outcome> {
    let limits = Limits { batch_rows: schedule.batch_rows, ..Limits::default() };
    let plan = plan_of(sql, schedule.shards.max(2), &limits)?;
    let unread = batches(&plan, splits, schedule.batch_rows);
    let mut cluster = Cluster::new(&plan, unread, schedule.shards, schedule.seed, &limits)?;
    cluster.announce()?;
    for stop in stops {
        let mut chain = Chain::default();
        for _ in 0..cluster.choices.below(MOST_LINKS) {
            cluster.steps_on(stop.steps / MOST_LINKS as u64)?;
            if !cluster.finished() {
                let (barrier, lost) = (chain.next(), cluster.choices.below(4) == 0);
                let (snapshots, _) = cluster.cut(barrier, false)?;
                (0..snapshots.len()).for_each(|shard| cluster.collect(shard));
                chain.add(barrier, snapshots, lost);
            }
        }
        cluster.steps_on(stop.steps)?;
        if cluster.finished() {
            break;
        }
        let barrier = chain.next();
        let (snapshots, mut unread) = cluster.cut(barrier, true)?;
        chain.add(barrier, snapshots, false);
        let snapshots = chain.merged()?;
        let lookups = batches(&plan, splits, schedule.batch_rows).into_iter();
        unread.extend(lookups.filter(|(source, _, _)| cluster.lookups.contains(source)));
        let (outcome, seed) = (cluster.outcome, cluster.choices.0);
        cluster = Cluster::new(&plan, unread, stop.shards, seed, &limits)?;
        cluster.outcome = outcome;
        cluster.pipelines.iter_mut().try_for_each(|own| own.restore(&snapshots))?;
        cluster.announce()?;
        cluster.pipelines.iter_mut().try_for_each(Pipeline::resume)?;
        (0..stop.shards).for_each(|shard| cluster.collect(shard));
    }
    cluster.run_to_end()
}

/// Snapshots of changes before a stop: fewer than this.
const MOST_LINKS: usize = 5;

/// Snapshots of each shard that follow each other.
#[derive(Default)]
struct Chain {
    shards: Vec<Vec<ShardSnapshot>>,
    epoch: u64,
    lost: bool,
}

impl Chain {
    fn next(&self) -> Barrier {
        let since = match (self.shards.is_empty(), self.lost) {
            (true, _) => Since::Start,
            (false, true) => Since::LastDurable,
            (false, false) => Since::Last,
        };
        Barrier { epoch: self.epoch + 1, since }
    }

    fn add(&mut self, barrier: Barrier, snapshots: Vec<ShardSnapshot>, lost: bool) {
        self.epoch = barrier.epoch;
        self.lost = lost;
        match (lost, barrier.since) {
            (true, _) => {}
            (false, Since::Start) => self.shards = snapshots.into_iter().map(|own| vec![own]).collect(),
            (false, _) => self.shards.iter_mut().zip(snapshots).for_each(|(chain, own)| chain.push(own)),
        }
    }

    fn merged(self) -> Result<Vec<ShardSnapshot>> {
        self.shards.into_iter().map(merged).collect()
    }
}

/// The first source of a plan, and what is read of it.
pub fn source_of(plan: &Plan) -> Result<(NodeId, &TableDef, &[usize])> {
    let first = sources_of(plan).next().map(|(id, table, projection, _)| (id, table, projection));
    first.ok_or_else(|| Error::bug("a plan without a source"))
}

/// All sources; each reads the same rows.
fn sources_of(plan: &Plan) -> impl Iterator<Item = (NodeId, &TableDef, &[usize], bool)> {
    plan.nodes.iter().enumerate().filter_map(|(id, node)| match &node.operator {
        Operator::Source { table, projection, lookup } => {
            Some((id, &**table, projection.as_slice(), *lookup))
        }
        _ => None,
    })
}

/// When the rows of a batch come whose first is this one of its split.
pub fn ingest_ms(plan: &Plan, first_row: usize) -> i64 {
    let by_clock = plan.nodes.iter().any(|node| matches!(node.operator, Operator::ProcessingTime { .. }));
    INGEST_MS + if by_clock { first_row as i64 * ROW_MS } else { 0 }
}

fn batches(plan: &Plan, splits: &[Vec<InputRow>], batch_rows: usize) -> Vec<Unread> {
    let of_split = |(source, table, projection, split): (NodeId, &TableDef, &[usize], usize)| {
        let id = source * splits.len() + split;
        let log = log(table.option(CHANGES), &splits[split]);
        let batches = log.chunks(batch_rows).enumerate().map(|(at, log)| Batch {
            rows: columns(log, table, projection),
            kinds: match table.option(CHANGES) {
                None => RowKinds::Insert,
                Some(_) => RowKinds::from_kinds(log.iter().map(|(_, kind)| *kind)),
            },
            origin: Origin { split: id as _, first_row: (at * batch_rows) as u64 },
            watermarks: RowWatermarks::Constant(WATERMARK_MIN),
            ingest_ms: ingest_ms(plan, at * batch_rows),
        });
        (source, id as u64, batches.collect())
    };
    let each = sources_of(plan).flat_map(|(source, table, projection, _)| {
        (0..splits.len()).map(move |split| (source, table, projection, split))
    });
    each.map(of_split).collect()
}

impl Cluster {
    fn new(plan: &Plan, unread: Vec<Unread>, shards: usize, seed: u64, limits: &Limits) -> Result<Cluster> {
        let pipelines =
            (0..shards).map(|index| Pipeline::new(plan, ShardId { index, count: shards }, limits));
        let unread: Vec<_> = unread.into_iter().enumerate().map(|(at, own)| (at % shards, own)).collect();
        let sources: Vec<NodeId> = sources_of(plan).map(|(source, ..)| source).collect();
        let everywhere = (0..shards).flat_map(|shard| sources.iter().map(move |source| (shard, *source)));
        let reads = |at: &(usize, NodeId)| unread.iter().any(|(shard, own)| (*shard, own.0) == *at);
        let ending = everywhere.filter(|at| !reads(at)).collect();
        Ok(Cluster {
            pipelines: pipelines.collect::<Result<_>>()?,
            channels: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            ending,
            unread,
            lookups: sources_of(plan).filter(|own| own.3).map(|own| own.0).collect(),
            late_sink: plan
                .nodes
                .iter()
                .position(|node| matches!(&node.operator, Operator::Sink { table } if table.name == LATE)),
            outcome: Outcome { batches: vec![], late_batches: vec![], late: 0 },
            choices: Choices(seed | 1),
            steps: 0,
            clock_stands: false,
            behind: vec![false; shards],
        })
    }

    fn announce(&mut self) -> Result<()> {
        for (shard, (source, split, _)) in &self.unread {
            self.pipelines[*shard].source_split(*source, *split as _, SplitStatus::Active)?;
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.pipelines.iter().all(Pipeline::finished)
    }

    fn run_to_end(mut self) -> Result<Outcome> {
        while !self.finished() {
            self.step()?;
        }
        for pipeline in &self.pipelines {
            pipeline.check_ledger()?;
            self.outcome.late += pipeline.accounts().iter().map(|own| own.account.late).sum::<u64>();
        }
        Ok(self.outcome)
    }

    fn steps_on(&mut self, steps: u64) -> Result<()> {
        let until = self.steps + steps;
        while self.steps < until && !self.finished() {
            self.step()?;
        }
        Ok(())
    }

    /// Sends a barrier through all shards, each when its turn comes, and lets them work on until it has passed.
    /// What they held, which they tell piece by piece while they work on, and the rows that were not read before it.
    /// `stops`: what comes behind it will come again.
    fn cut(&mut self, barrier: Barrier, stops: bool) -> Result<(Vec<ShardSnapshot>, Vec<Unread>)> {
        self.clock_stands = stops;
        let shards = self.pipelines.len();
        let mut asked = vec![false; shards];
        let mut snapshots: Vec<Option<ShardSnapshot>> = vec![None; shards];
        let mut whole = vec![false; shards];
        let mut unread = vec![];
        while whole.contains(&false) {
            let shard = self.choices.below(shards);
            if !asked[shard] {
                asked[shard] = true;
                let own = self.unread.iter().filter(|(own, _)| *own == shard).map(|(_, own)| own);
                unread.extend(own.filter(|own| !self.lookups.contains(&own.0)).cloned());
                self.pipelines[shard].barrier(barrier)?;
            }
            match &mut snapshots[shard] {
                Some(own) if self.choices.below(8) == 0 => {
                    whole[shard] |= !self.pipelines[shard].add_rest(own)?
                }
                Some(_) => {}
                None => {
                    self.collect(shard);
                    snapshots[shard] = self.pipelines[shard].take_snapshot();
                }
            }
            self.behind[shard] = stops && snapshots[shard].is_some();
            self.step()?;
        }
        unread.sort_by_key(|(_, split, _)| *split);
        Ok((snapshots.into_iter().flatten().collect(), unread))
    }

    /// One thing happens: a batch is read, a message arrives, a timer goes off, an epoch ends.
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        assert!(self.steps < 1_000_000, "the shards wait for each other");
        let shards = self.pipelines.len();
        let shard = self.choices.below(shards);
        match self.choices.below(8) {
            0 => {
                self.pipelines[shard].tick()?;
                self.tell_time(shard)?;
            }
            1 => {
                self.pipelines[shard].epoch(self.steps)?;
                // Also while a join waits for the barrier of one of its inputs.
                self.pipelines[shard].check_ledger()?;
            }
            2..5 => {
                let from = self.choices.below(shards);
                if let Some(message) = self.channels[from][shard].pop_front() {
                    self.pipelines[shard].receive(from, message)?;
                }
            }
            _ if self.unread.is_empty() && self.ending.is_empty() => {}
            _ => {
                let which = self.choices.below(self.unread.len() + self.ending.len());
                return self.read(which);
            }
        }
        self.collect(shard);
        Ok(())
    }

    /// A clock that shows no later time than that of the next rows to come.
    fn tell_time(&mut self, shard: usize) -> Result<()> {
        let next =
            self.unread.iter().filter_map(|(_, (_, _, batches))| Some(batches.front()?.ingest_ms)).min();
        match next.filter(|_| !self.clock_stands) {
            Some(now_ms) => self.pipelines[shard].clock(now_ms),
            None => Ok(()),
        }
    }

    fn read(&mut self, which: usize) -> Result<()> {
        if which >= self.unread.len() {
            let (shard, source) = self.ending.swap_remove(which - self.unread.len());
            self.pipelines[shard].source_end(source)?;
            self.collect(shard);
            return Ok(());
        }
        let (shard, (source, split, batches)) = &mut self.unread[which];
        let (shard, source, split) = (*shard, *source, *split);
        match batches.pop_front() {
            Some(batch) => self.pipelines[shard].source_batch(source, batch)?,
            None => {
                self.unread.swap_remove(which);
                self.pipelines[shard].source_split(source, split as _, SplitStatus::Ended)?;
                if self.unread.iter().all(|(own, left)| (*own, left.0) != (shard, source)) {
                    self.ending.push((shard, source));
                }
            }
        }
        self.collect(shard);
        Ok(())
    }

    fn collect(&mut self, shard: usize) {
        for (to, message) in self.pipelines[shard].take_messages() {
            self.channels[shard][to].push_back(message);
        }
        let rows = self.pipelines[shard].take_rows();
        if !self.behind[shard] {
            let (late, others): (Vec<_>, Vec<_>) =
                rows.into_iter().partition(|(sink, _)| Some(*sink) == self.late_sink);
            self.outcome.batches.extend(others.into_iter().map(|(_, batch)| batch));
            self.outcome.late_batches.extend(late.into_iter().map(|(_, batch)| batch));
        }
    }
}

/// The projected columns of `k STRING, v BIGINT, ts TIMESTAMP(3)`.
pub fn columns(log: &[Change], table: &TableDef, projection: &[usize]) -> RecordBatch {
    let rows = || log.iter().map(|(row, _)| row);
    let column = |position: &usize| -> ArrayRef {
        match position {
            0 => Arc::new(StringArray::from_iter(rows().map(|row| row.key.map(|key| format!("key-{key}"))))),
            1 => Arc::new(Int64Array::from_iter(rows().map(|row| row.value))),
            _ => Arc::new(TimestampMillisecondArray::from_iter_values(rows().map(|row| row.time))),
        }
    };
    let fields: Vec<_> = projection.iter().map(|own| table.schema.fields()[*own].clone()).collect();
    let columns = projection.iter().map(column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
