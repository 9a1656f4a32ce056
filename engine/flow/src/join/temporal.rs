//! The join of rows with the version of the right row of their key that was valid at their time.
//!
//! Rows of both sides wait until the watermark reaches them, and are then taken in the order of time: a version
//! takes the place of the one before, a left row meets the one in place. So one version of each key is kept, and
//! those whose time has not come. A delete is a version too, of which nothing is known: left rows from its time on have
//! no partner.
//!
//! What is late is decided by the watermark of a row's own split, so that the answer does not depend on which input
//! was faster. A late left row is taken when the watermark reaches that of its split: it meets the version in place
//! then, if that was valid at its time already; else it has none. A late version takes its place behind the rows
//! that its split had promised to be complete, if no later version of its key has.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Int64Type, SchemaRef, UInt64Type};
use millrace_plan::{Error, Result, RowKind, WATERMARK_MIN};

use super::keys::{Keys, NO_KEY};
use super::millis;
use super::shape::{LEFT, RIGHT, Shape};
use super::snapshot::{add_rows, gathered, layout, parts, record};
use super::state::pick;
use crate::batch::{Batch, RowWatermarks};
use crate::checkpoint::{OperatorState, as_layout};
use crate::operator::{Account, Operator, Output};
use crate::state::hash_keys;
use crate::state::{NO_SLOT, RowStore};

/// What is known of a row beside its columns.
#[derive(Clone, Copy, Default)]
struct Held {
    key: u32,
    time: i64,
    /// That of its split just before it.
    watermark: i64,
    /// Left: when it came. Right: its place among all rows of the input.
    order: u64,
    /// Right: a delete.
    gone: bool,
}

impl Held {
    /// When its turn comes.
    fn turn(&self, side: usize) -> i64 {
        match side {
            LEFT => self.time.max(self.watermark),
            _ => self.time.max(self.watermark.saturating_add(1)),
        }
    }
}

/// The rows of one side.
struct Rows {
    store: RowStore,
    /// By slot.
    held: Vec<Held>,
    /// Rows whose turn has not come: the turn, the time, the order, the slot.
    turns: BinaryHeap<Reverse<(i64, i64, u64, u32)>>,
}

impl Rows {
    fn new(schema: &SchemaRef) -> Self {
        Rows { store: RowStore::new(schema), held: vec![], turns: BinaryHeap::new() }
    }

    fn next_turn(&self) -> Option<i64> {
        self.turns.peek().map(|Reverse(own)| own.0)
    }

    fn bytes(&self) -> usize {
        let turn = size_of::<(i64, i64, u64, u32)>();
        self.store.bytes() + self.held.capacity() * size_of::<Held>() + self.turns.capacity() * turn
    }
}

/// What has been decided and not yet sent.
#[derive(Default)]
struct Decided {
    lefts: Vec<u32>,
    /// The version that each meets; [`NO_SLOT`] = none.
    rights: Vec<u32>,
    /// Versions that others have replaced.
    replaced: Vec<u32>,
}

/// The Join operator for JoinTime::Version.
pub struct TemporalJoin {
    shape: Shape,
    /// The row-time column of each side.
    times: [usize; 2],
    keys: Keys,
    sides: [Rows; 2],
    /// The version in place of each key.
    valid: Vec<u32>,
    /// Left rows so far.
    arrived: u64,
    watermark: i64,
    ingest_ms: i64,
    numbers: Vec<u32>,
    slots: Vec<u32>,
    account: Account,
}

impl TemporalJoin {
    /// A join without rows; `times` are the row-time columns.
    pub fn new(shape: Shape, times: [usize; 2]) -> Result<Self> {
        Ok(TemporalJoin {
            keys: Keys::new(&shape.key_types(), shape.null_equal)?,
            sides: [Rows::new(&shape.inputs[LEFT]), Rows::new(&shape.inputs[RIGHT])],
            shape,
            times,
            valid: vec![],
            arrived: 0,
            watermark: WATERMARK_MIN,
            ingest_ms: 0,
            numbers: vec![],
            slots: vec![],
            account: Account::default(),
        })
    }

    /// Takes rows in; `known` tells of each its watermark and order. Answers how many: a row without a key is
    /// taken only if it leaves without a partner.
    fn keep(
        &mut self,
        side: usize,
        columns: &[ArrayRef],
        times: &Int64Array,
        known: impl Fn(usize) -> (i64, u64, bool),
    ) -> Result<usize> {
        self.keys.locate(&self.shape.key_columns(side, columns), times.len(), &mut self.numbers)?;
        self.valid.resize(self.keys.len(), NO_SLOT);
        let lonely = side == LEFT && self.shape.kind.keeps(LEFT);
        let rows: Vec<u32> =
            (0..times.len() as u32).filter(|row| lonely || self.numbers[*row as usize] != NO_KEY).collect();
        let columns = match rows.len() == times.len() {
            true => columns.to_vec(),
            false => pick(columns, &rows)?,
        };
        let own = &mut self.sides[side];
        own.store.add(columns, rows.len(), &mut self.slots)?;
        own.held.resize(own.store.slots(), Held::default());
        for (row, slot) in rows.iter().zip(&self.slots) {
            let row = *row as usize;
            let (watermark, order, gone) = known(row);
            let held = Held { key: self.numbers[row], time: times.value(row), watermark, order, gone };
            if held.key != NO_KEY {
                self.keys.add_row(held.key);
            }
            own.held[*slot as usize] = held;
            // Left rows of one turn leave in the order they came.
            let time = if side == LEFT { 0 } else { held.time };
            own.turns.push(Reverse((held.turn(side), time, order, *slot)));
        }
        Ok(rows.len())
    }

    /// Everything whose turn has come, in the order of time.
    fn advance(&mut self, out: &mut Output) -> Result<()> {
        let mut decided = Decided::default();
        loop {
            let (row, version) = (self.sides[LEFT].next_turn(), self.sides[RIGHT].next_turn());
            let has_come = |turn: &i64| *turn <= self.watermark;
            let row = row.filter(has_come);
            match version.filter(has_come) {
                Some(version) if row.is_none_or(|row| version <= row) => self.replace(&mut decided),
                _ if row.is_some() => self.meet(&mut decided),
                _ => break,
            }
            if decided.lefts.len() >= self.shape.batch_rows {
                self.send(&mut decided, out)?;
            }
        }
        self.send(&mut decided, out)?;
        self.sides.iter_mut().try_for_each(|side| side.store.settle())?;
        self.forget_unused_keys()
    }

    /// The next version takes its place.
    fn replace(&mut self, decided: &mut Decided) {
        let side = &mut self.sides[RIGHT];
        let Some(Reverse((_, _, _, slot))) = side.turns.pop() else { return };
        let own = side.held[slot as usize];
        let valid = &mut self.valid[own.key as usize];
        let later = |other: &Held| (other.time, other.order) > (own.time, own.order);
        match side.held.get(*valid as usize).is_some_and(later) {
            true => decided.replaced.push(slot),
            false => {
                let before = std::mem::replace(valid, slot);
                decided.replaced.extend((before != NO_SLOT).then_some(before));
            }
        }
    }

    /// The next left row meets the version in place.
    fn meet(&mut self, decided: &mut Decided) {
        let Some(Reverse((_, _, _, slot))) = self.sides[LEFT].turns.pop() else { return };
        let own = self.sides[LEFT].held[slot as usize];
        let valid = self.valid.get(own.key as usize).copied().unwrap_or(NO_SLOT);
        let version = self.sides[RIGHT].held.get(valid as usize);
        let was_valid = version.is_some_and(|version| version.time <= own.time && !version.gone);
        decided.lefts.push(slot);
        decided.rights.push(if was_valid { valid } else { NO_SLOT });
    }

    /// Sends what has been decided, and forgets what is no longer needed.
    fn send(&mut self, decided: &mut Decided, out: &mut Output) -> Result<()> {
        let (lefts, rights) = self.results(decided, out)?;
        if !lefts.is_empty() {
            let mut columns = gathered(&self.sides[LEFT].store, &self.shape, LEFT, &lefts)?;
            columns.extend(gathered(&self.sides[RIGHT].store, &self.shape, RIGHT, &rights)?);
            let rows = RecordBatch::try_new(self.shape.output.clone(), columns)
                .map_err(|error| Error::bug(format!("joined rows: {error}")))?;
            let watermarks = lefts.iter().map(|slot| self.sides[LEFT].held[*slot as usize].watermark);
            let watermarks = RowWatermarks::PerRow(Int64Array::from_iter_values(watermarks));
            self.account.rows_out += rows.num_rows() as u64;
            out.batch(Batch { watermarks, ..Batch::derived(rows, self.ingest_ms) });
        }
        for (side, slots) in [(LEFT, &mut decided.lefts), (RIGHT, &mut decided.replaced)] {
            for slot in slots.drain(..) {
                let key = self.sides[side].held[slot as usize].key;
                if key != NO_KEY {
                    self.keys.remove_row(key);
                }
                self.sides[side].store.remove(slot);
                self.account.retired += 1;
            }
        }
        decided.rights.clear();
        Ok(())
    }

    /// The left rows that leave, each with its version or none.
    fn results(&mut self, decided: &Decided, out: &mut Output) -> Result<(Vec<u32>, Vec<u32>)> {
        let Decided { lefts, rights, .. } = decided;
        let met: Vec<usize> = (0..lefts.len()).filter(|at| rights[*at] != NO_SLOT).collect();
        let mut fulfilled = vec![false; lefts.len()];
        match &self.shape.condition {
            Some(condition) if !met.is_empty() => {
                let slots = |of: &[u32]| met.iter().map(|at| of[*at]).collect::<Vec<_>>();
                let slots = [slots(lefts), slots(rights)];
                let column =
                    |(side, column): (usize, usize)| self.sides[side].store.gather(column, &slots[side]);
                let bad = out.bad.len();
                let mask = condition.evaluate(met.len(), column, out)?;
                self.account.bad += (out.bad.len() - bad) as u64;
                met.iter().zip(mask.values()).for_each(|(at, own)| fulfilled[*at] = own);
            }
            _ => met.iter().for_each(|at| fulfilled[*at] = true),
        }
        let kept = (0..lefts.len()).filter(|at| fulfilled[*at] || self.shape.kind.keeps(LEFT));
        Ok(kept.map(|at| (lefts[at], if fulfilled[at] { rights[at] } else { NO_SLOT })).unzip())
    }

    fn forget_unused_keys(&mut self) -> Result<()> {
        let Some(renumbered) = self.keys.settle()? else { return Ok(()) };
        let mut valid = vec![NO_SLOT; renumbered.keys];
        for (old, slot) in self.valid.iter().enumerate().filter(|(_, slot)| **slot != NO_SLOT) {
            valid[renumbered.numbers[old] as usize] = *slot;
        }
        self.valid = valid;
        for held in self.sides.iter_mut().flat_map(|side| &mut side.held) {
            // Of slots that are free the key may be an old one.
            held.key = renumbered.numbers.get(held.key as usize).copied().unwrap_or(NO_KEY);
        }
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.sides.iter().map(|side| side.store.len() as u64).sum()
    }

    /// The key hash, what is known of a row, and its columns.
    fn layout(&self, side: usize) -> SchemaRef {
        let known =
            [("watermark", DataType::Int64), ("order", DataType::UInt64), ("gone", DataType::Boolean)];
        layout(&self.shape, side, if side == LEFT { &known[..2] } else { &known })
    }
}

/// The rows that say what is known of a key from their time on: what an update replaces says nothing.
fn versions(batch: Batch) -> Result<Batch> {
    if batch.kinds.is_insert_only() {
        return Ok(batch);
    }
    let says = (0..batch.len()).map(|row| Some(batch.kinds.get(row) != RowKind::UpdateBefore));
    batch.filter(&BooleanArray::from_iter(says))
}

impl Operator for TemporalJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, _: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let given = batch.len();
        let batch = if port == RIGHT { versions(batch)? } else { batch };
        let times = millis(batch.rows.column(self.times[port]))?;
        let arrived = self.arrived;
        let known = |row: usize| {
            let order = if port == LEFT { arrived + row as u64 } else { batch.origin.order(row) };
            (batch.watermarks.get(row), order, batch.kinds.get(row) == RowKind::Delete)
        };
        let kept = self.keep(port, batch.rows.columns(), &times, known)?;
        self.arrived += if port == LEFT { batch.len() as u64 } else { 0 };
        self.account.retired += (given - kept) as u64;
        self.sides[port].store.settle()
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.watermark = watermark_ms;
        self.advance(out)?;
        out.watermark(watermark_ms);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        for side in [LEFT, RIGHT] {
            for slots in self.sides[side].store.chunks() {
                let held = || slots.iter().map(|slot| self.sides[side].held[*slot as usize]);
                let rows = gathered(&self.sides[side].store, &self.shape, side, &slots)?;
                let mut hashes = vec![];
                hash_keys(&self.shape.key_columns(side, &rows), slots.len(), &mut hashes)?;
                let mut columns: Vec<ArrayRef> = vec![
                    Arc::new(UInt64Array::from(hashes)),
                    Arc::new(Int64Array::from_iter_values(held().map(|own| own.watermark))),
                    Arc::new(UInt64Array::from_iter_values(held().map(|own| own.order))),
                ];
                if side == RIGHT {
                    columns.push(Arc::new(BooleanArray::from_iter(held().map(|own| Some(own.gone)))));
                }
                columns.extend(rows);
                add_rows(&mut state, side, record(self.layout(side), columns)?);
            }
        }
        Ok(state)
    }

    /// Versions in place wait for their turn again: it comes before that of any left row.
    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.watermark = watermark_ms;
        for (side, rows) in parts(state)? {
            let rows = as_layout(rows.columns(), &self.layout(side))?;
            let columns = &rows.columns()[rows.num_columns() - self.shape.inputs[side].fields().len()..];
            let times = millis(&columns[self.times[side]])?;
            let watermarks = rows.column(1).as_primitive::<Int64Type>().values();
            let orders = rows.column(2).as_primitive::<UInt64Type>().values();
            let gone = (side == RIGHT).then(|| rows.column(3).as_boolean());
            let is_gone = |row: usize| gone.is_some_and(|own| own.value(row));
            self.keep(side, columns, &times, |row| (watermarks[row], orders[row], is_gone(row)))?;
            if side == LEFT {
                self.arrived = orders.iter().fold(self.arrived, |most, own| most.max(own + 1));
            }
            self.sides[side].store.settle()?;
        }
        self.account.restored = self.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        let bytes = self.keys.bytes() + self.sides.iter().map(Rows::bytes).sum::<usize>();
        let valid = self.valid.capacity() * size_of::<u32>();
        Account { in_state: self.rows(), state_bytes: (bytes + valid) as u64, ..self.account }
    }
}
