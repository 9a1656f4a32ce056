//! Both sides of a join by key, and how a batch of one side meets the rows of the other.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use millrace_plan::{Error, JoinKind, Result, RowKind};

use super::emission::{Emission, NO_ROW, Probing};
use super::keys::{Keys, NO_KEY};
use super::shape::{LEFT, RIGHT, Shape};
use super::side::{Equality, Link, Side};
use crate::batch::Batch;
use crate::operator::{Account, Output};
use crate::state::{Changed, NO_SLOT, hash_keys};

/// Pairs whose condition is evaluated at once.
const MOST_PAIRS: usize = 1 << 15;

/// When rows without a partner leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// At once, to be taken back when a partner comes: all changes of both sides are followed.
    AtOnce,
    /// When nothing can come any more for them: here only rows that are not stored.
    WhenOver,
    /// At once and for good: the other side is complete.
    Complete,
}

/// A batch of one side to be joined.
pub struct Arrival<'a> {
    /// The side it came in on.
    pub side: usize,
    /// The rows.
    pub batch: &'a Batch,
    /// When rows without a partner leave.
    pub padding: Padding,
    /// Which rows are stored; `None` = all that can have partners.
    pub stored: Option<&'a [bool]>,
}

/// What a bounded join asks of a pair, and what it notes of a row.
pub trait Bound {
    /// True if row `row` of the batch may meet the stored row.
    fn admits(&self, row: usize, stored: &Link) -> bool;

    /// The row time and watermark of row `row`.
    fn times(&self, row: usize) -> (i64, i64);

    /// The watermark by which a result of row `row` and a stored row is judged late.
    fn judged_by(&self, row: usize, stored: Option<&Link>) -> Option<i64>;

    /// When a stored row is written of which partners come or go; `None` = nobody asks.
    fn writes_at(&self) -> Option<i64> {
        None
    }
}

/// No bound.
pub struct Free;

impl Bound for Free {
    fn admits(&self, _: usize, _: &Link) -> bool {
        true
    }

    fn times(&self, _: usize) -> (i64, i64) {
        (0, 0)
    }

    fn judged_by(&self, _: usize, _: Option<&Link>) -> Option<i64> {
        None
    }
}

/// Both sides by key.
pub struct State {
    /// The keys of both.
    pub keys: Keys,
    /// Left and right rows.
    pub sides: [Side; 2],
    emission: Emission,
    /// Keys whose rows have changed since the last checkpoint, or what is known of them.
    pub(super) changed: Changed,
    /// Rows that have left the state, and rows that never entered it.
    retired: u64,
    numbers: Vec<u32>,
    hashes: Vec<u64>,
    slots: Vec<u32>,
}

/// A batch while it is joined.
struct Walk<'a, B> {
    arrival: &'a Arrival<'a>,
    probing: Probing<'a>,
    bound: &'a B,
    /// The slot of each row that is stored; [`NO_SLOT`] for others.
    slots: Vec<u32>,
    /// Partners found of each row.
    partners: Vec<u32>,
    equality: Equality,
}

/// Candidate pairs.
#[derive(Default)]
struct Pairs {
    rows: Vec<u32>,
    slots: Vec<u32>,
}

impl State {
    /// Without rows; `retracting` = which sides may take rows back.
    pub fn new(shape: &Shape, retracting: [bool; 2]) -> Result<Self> {
        let side = |side: usize| Side::new(&shape.inputs[side], retracting[side]);
        Ok(State {
            keys: Keys::new(&shape.key_types(), shape.null_equal)?,
            sides: [side(LEFT), side(RIGHT)],
            emission: Emission::default(),
            changed: Changed::default(),
            retired: 0,
            numbers: vec![],
            hashes: vec![],
            slots: vec![],
        })
    }

    /// Joins a batch with the other side's rows and keeps its rows for those that come later. Answers the slot
    /// of each row; [`NO_SLOT`] for those that are not kept.
    pub fn arrive(
        &mut self,
        shape: &Shape,
        arrival: &Arrival,
        bound: &impl Bound,
        out: &mut Output,
    ) -> Result<Vec<u32>> {
        let (side, batch) = (arrival.side, arrival.batch);
        let columns = batch.rows.columns();
        let mut numbers = std::mem::take(&mut self.numbers);
        self.keys.locate(&shape.key_columns(side, columns), batch.len(), &mut numbers)?;
        self.changed.touch_all(numbers.iter().copied().filter(|key| *key != NO_KEY));
        self.numbers = numbers;
        if self.sides[side].may_retract() {
            hash_keys(columns, batch.len(), &mut self.hashes)?;
        }
        let slots = self.store(arrival)?;
        let mut walk = Walk {
            arrival,
            probing: Probing { side, columns, ingest_ms: batch.ingest_ms },
            bound,
            slots,
            partners: vec![0; batch.len()],
            equality: Equality::default(),
        };
        self.probe(shape, &mut walk, out)?;
        self.emission.send(shape, &walk.probing, &self.sides[1 - side].store, out)?;
        Ok(walk.slots)
    }

    /// Tidies up between batches.
    pub fn settle(&mut self) -> Result<()> {
        self.sides.iter_mut().try_for_each(|side| side.store.settle())?;
        if let Some(renumbered) = self.keys.settle()? {
            self.sides.iter_mut().for_each(|side| side.renumber(&renumbered.numbers, renumbered.keys));
            self.changed.lose();
        }
        Ok(())
    }

    /// Puts the rows that are to be kept into the store, not yet into chains.
    fn store(&mut self, arrival: &Arrival) -> Result<Vec<u32>> {
        let batch = arrival.batch;
        let kept = |row: usize| {
            arrival.stored.is_none_or(|stored| stored[row])
                && self.numbers[row] != NO_KEY
                && batch.kinds.get(row).weight() > 0
        };
        let rows: Vec<u32> = (0..batch.len()).filter(|row| kept(*row)).map(|row| row as u32).collect();
        let columns = match rows.len() == batch.len() {
            true => batch.rows.columns().to_vec(),
            false => pick(batch.rows.columns(), &rows)?,
        };
        let side = &mut self.sides[arrival.side];
        side.store.add(columns, rows.len(), &mut self.slots)?;
        self.sides.iter_mut().for_each(|side| side.reserve(self.keys.len()));
        let mut slots = vec![NO_SLOT; batch.len()];
        rows.iter().zip(&self.slots).for_each(|(row, slot)| slots[*row as usize] = *slot);
        Ok(slots)
    }

    /// Walks through the batch, so many pairs at a time.
    fn probe<B: Bound>(&mut self, shape: &Shape, walk: &mut Walk<B>, out: &mut Output) -> Result<()> {
        let rows = walk.arrival.batch.len();
        let (mut row, mut slot) = (0, None);
        let mut pairs = Pairs::default();
        while row < rows {
            let first = row;
            pairs.rows.clear();
            pairs.slots.clear();
            let others = &self.sides[1 - walk.arrival.side];
            while row < rows && pairs.rows.len() < MOST_PAIRS {
                let mut next = slot.take().unwrap_or_else(|| others.first(self.numbers[row]));
                while next != NO_SLOT && pairs.rows.len() < MOST_PAIRS {
                    if walk.bound.admits(row, others.of(next)) {
                        pairs.rows.push(row as u32);
                        pairs.slots.push(next);
                    }
                    next = others.next(next);
                }
                match next {
                    NO_SLOT => row += 1,
                    more => slot = Some(more),
                }
            }
            let fulfilled = match &shape.condition {
                Some(condition) if !pairs.rows.is_empty() => {
                    let picked = UInt32Array::from(pairs.rows.clone());
                    let column = |(side, column): (usize, usize)| match side == walk.arrival.side {
                        true => take(&walk.probing.columns[column], &picked, None)
                            .map_err(|error| Error::bug(format!("picking rows: {error}"))),
                        false => others.store.gather(column, &pairs.slots),
                    };
                    Some(condition.evaluate(pairs.rows.len(), column, out)?)
                }
                _ => None,
            };
            let mut pair = 0;
            for own in first..rows.min(row + 1) {
                while pairs.rows.get(pair).is_some_and(|of| *of as usize == own) {
                    if fulfilled.as_ref().is_none_or(|mask| mask.value(pair)) {
                        self.meet(shape, walk, own, pairs.slots[pair], out)?;
                    }
                    pair += 1;
                }
                if own < row {
                    self.complete(shape, walk, own, out)?;
                }
            }
        }
        Ok(())
    }

    fn emit<B: Bound>(
        &mut self,
        shape: &Shape,
        walk: &Walk<B>,
        (row, slot): (u32, u32),
        kind: RowKind,
        out: &mut Output,
    ) -> Result<()> {
        let others = &self.sides[1 - walk.arrival.side];
        let waiting = self.emission.push(row, slot, kind);
        let stored = (slot != NO_SLOT).then(|| others.of(slot));
        if let Some(watermark) = walk.bound.judged_by(row as usize, stored) {
            self.emission.judged_by(watermark);
        }
        match waiting >= shape.batch_rows {
            true => self.emission.send(shape, &walk.probing, &others.store, out),
            false => Ok(()),
        }
    }

    /// Row `row` of the batch has found a partner.
    fn meet<B: Bound>(
        &mut self,
        shape: &Shape,
        walk: &mut Walk<B>,
        row: usize,
        slot: u32,
        out: &mut Output,
    ) -> Result<()> {
        let (side, kind) = (walk.arrival.side, walk.arrival.batch.kinds.get(row));
        let added = kind.weight() > 0;
        walk.partners[row] += 1;
        if shape.kind == JoinKind::Inner {
            return self.emit(shape, walk, (row as u32, slot), kind, out);
        }
        // The number of partners is kept for rows that leave alone without one.
        let counts = shape.kind.keeps(1 - side) || (shape.kind.is_left_only() && side != LEFT);
        if let Some(now_ms) = walk.bound.writes_at().filter(|_| counts) {
            self.sides[1 - side].write(slot, now_ms);
        }
        let partners = self.sides[1 - side].partners(slot);
        let was = *partners;
        *partners = if added { was + 1 } else { was.saturating_sub(1) };
        let (lonely_before, lonely_after) = (was == 0, *partners == 0);
        let follows = walk.arrival.padding == Padding::AtOnce && lonely_before != lonely_after;
        let leaves = if lonely_after { RowKind::Insert } else { RowKind::Delete };
        match shape.kind {
            JoinKind::Semi | JoinKind::Anti if side == LEFT || !follows => Ok(()),
            JoinKind::Anti => self.emit(shape, walk, (NO_ROW, slot), leaves, out),
            JoinKind::Semi => {
                let comes = if lonely_after { RowKind::Delete } else { RowKind::Insert };
                self.emit(shape, walk, (NO_ROW, slot), comes, out)
            }
            kept => {
                let pads = follows && kept.keeps(1 - side);
                if pads && !lonely_after {
                    self.emit(shape, walk, (NO_ROW, slot), leaves, out)?;
                }
                self.emit(shape, walk, (row as u32, slot), kind, out)?;
                if pads && lonely_after {
                    self.emit(shape, walk, (NO_ROW, slot), leaves, out)?;
                }
                Ok(())
            }
        }
    }

    /// All partners of row `row` have been found: it leaves alone if it must, and enters or leaves the state.
    fn complete<B: Bound>(
        &mut self,
        shape: &Shape,
        walk: &mut Walk<B>,
        row: usize,
        out: &mut Output,
    ) -> Result<()> {
        let (side, kind) = (walk.arrival.side, walk.arrival.batch.kinds.get(row));
        let (partners, slot) = (walk.partners[row], walk.slots[row]);
        let alone = match shape.kind {
            JoinKind::Semi => side == LEFT && partners > 0,
            JoinKind::Anti => side == LEFT && partners == 0,
            kept => kept.keeps(side) && partners == 0,
        };
        let waits = walk.arrival.padding == Padding::WhenOver && slot != NO_SLOT;
        if alone && !waits {
            self.emit(shape, walk, (row as u32, NO_SLOT), kind, out)?;
        }
        let key = self.numbers[row];
        let hash = self.hashes.get(row).copied().unwrap_or(0);
        if slot != NO_SLOT {
            let (time, watermark) = walk.bound.times(row);
            self.sides[side].link(slot, Link { hash, time, watermark, ..Link::new(key, partners) });
            self.keys.add_row(key);
            return Ok(());
        }
        self.retired += 1;
        if key != NO_KEY && kind.weight() < 0 {
            let columns = walk.probing.columns;
            let found = self.sides[side].find(hash, columns, row, &mut walk.equality)?;
            if let Some(found) = found {
                self.remove(side, found);
            }
        }
        Ok(())
    }

    /// Forgets a stored row.
    pub fn remove(&mut self, side: usize, slot: u32) {
        let key = self.sides[side].of(slot).key;
        self.keys.remove_row(key);
        self.changed.touch(key);
        self.sides[side].remove(slot);
        self.retired += 1;
    }

    /// Sends stored rows of `side` without a partner.
    pub fn send_alone(
        &mut self,
        shape: &Shape,
        side: usize,
        (slots, watermarks): (&[u32], &[i64]),
        ingest_ms: i64,
        out: &mut Output,
    ) -> Result<()> {
        let store = &self.sides[side].store;
        // As if the other side had sent a batch without rows: every result is a stored row and NULLs.
        let empty: Vec<ArrayRef> = shape.inputs[1 - side]
            .fields()
            .iter()
            .map(|field| arrow::array::new_empty_array(field.data_type()))
            .collect();
        let probing = Probing { side: 1 - side, columns: &empty, ingest_ms };
        for (position, slot) in slots.iter().enumerate() {
            let waiting = self.emission.push(NO_ROW, *slot, RowKind::Insert);
            if let Some(watermark) = watermarks.get(position) {
                self.emission.judged_by(*watermark);
            }
            if waiting >= shape.batch_rows {
                self.emission.send(shape, &probing, store, out)?;
            }
        }
        self.emission.send(shape, &probing, store, out)
    }

    /// Rows sent so far.
    pub fn sent(&self) -> u64 {
        self.emission.sent
    }

    /// Rows held.
    pub fn rows(&self) -> u64 {
        self.sides.iter().map(|side| side.store.len() as u64).sum()
    }

    /// The account of a join with this state.
    pub fn account(&self, account: Account) -> Account {
        let bytes =
            self.keys.bytes() + self.changed.bytes() + self.sides.iter().map(Side::bytes).sum::<usize>();
        Account {
            rows_out: self.sent(),
            retired: self.retired,
            in_state: self.rows(),
            state_bytes: bytes as u64,
            ..account
        }
    }
}

/// The rows at these positions.
pub fn pick(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>> {
    let rows = UInt32Array::from(rows.to_vec());
    let picked = columns.iter().map(|column| take(column, &rows, None));
    let picked = picked.collect::<std::result::Result<Vec<_>, _>>();
    picked.map_err(|error| Error::bug(format!("picking rows: {error}")))
}
