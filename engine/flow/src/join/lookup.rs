//! The join with a table as it was when the run began.
//!
//! Every shard gets the whole table. Left rows wait until it has ended; then each finds its rows at once, and
//! nothing of it is kept. No barrier enters at the table's source, so a checkpoint waits until the table has been
//! read and holds nothing of it: the next run reads it anew.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::take;
use millrace_plan::{Error, Result};

use super::keys::{Keys, NO_KEY};
use super::shape::{LEFT, RIGHT, Shape};
use crate::batch::{Batch, Origin};
use crate::checkpoint::OperatorState;
use crate::operator::{Account, Operator, Output};
use crate::state::{GroupTable, hash_keys};
use crate::state::{NO_SLOT, RowStore};

/// Pairs whose condition is evaluated at once, or those of one left row.
const MOST_PAIRS: usize = 1 << 15;

/// The LookupJoin operator.
pub struct LookupJoin {
    shape: Shape,
    primary_key: Vec<usize>,
    /// The table, until it has been read.
    loading: Vec<Batch>,
    /// Left rows that came before the end of the table.
    waiting: Vec<Batch>,
    loaded: bool,
    /// How far event time had come meanwhile: it must not overtake the rows that wait.
    held_back: Option<i64>,
    keys: Keys,
    table: RowStore,
    /// The first row of each key, in the order of the table.
    first: Vec<u32>,
    /// The row behind each row with the same key.
    next: Vec<u32>,
    numbers: Vec<u32>,
    account: Account,
}

/// Left rows and rows of the table.
#[derive(Default)]
struct Pairs {
    rows: Vec<u32>,
    slots: Vec<u32>,
}

impl Pairs {
    fn push(&mut self, row: u32, slot: u32) {
        self.rows.push(row);
        self.slots.push(slot);
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.slots.clear();
    }
}

impl LookupJoin {
    /// A join with a table that is still to come; of each value of `primary_key` its last row counts.
    pub fn new(shape: Shape, primary_key: Vec<usize>) -> Result<Self> {
        Ok(LookupJoin {
            keys: Keys::new(&shape.key_types(), shape.null_equal)?,
            table: RowStore::new(&shape.inputs[RIGHT]),
            shape,
            primary_key,
            loading: vec![],
            waiting: vec![],
            loaded: false,
            held_back: None,
            first: vec![],
            next: vec![],
            numbers: vec![],
            account: Account::default(),
        })
    }

    /// The table has ended: its rows are chained by key.
    fn load(&mut self) -> Result<()> {
        let mut batches = std::mem::take(&mut self.loading);
        batches.sort_by_key(|batch| batch.origin.order(0));
        let mut keys: Vec<u32> = vec![];
        let mut slots = vec![];
        for batch in &batches {
            let columns = batch.rows.columns();
            self.keys.locate(&self.shape.key_columns(RIGHT, columns), batch.len(), &mut self.numbers)?;
            keys.extend(&self.numbers);
            // No row has been removed yet: slots are given out in order.
            self.table.add(columns.to_vec(), batch.len(), &mut slots)?;
            self.table.settle()?;
        }
        self.first = vec![NO_SLOT; self.keys.len()];
        self.next = vec![NO_SLOT; keys.len()];
        let replaced = self.replaced(&batches, keys.len())?;
        for (slot, key) in keys.iter().enumerate().rev() {
            match replaced[slot] || *key == NO_KEY {
                true => self.table.remove(slot as u32),
                false => {
                    self.next[slot] = std::mem::replace(&mut self.first[*key as usize], slot as u32);
                    self.keys.add_row(*key);
                }
            }
        }
        self.account.retired += (keys.len() - self.table.len()) as u64;
        self.loaded = true;
        self.table.settle()
    }

    /// Which rows are not the last of their primary key.
    fn replaced(&self, batches: &[Batch], rows: usize) -> Result<Vec<bool>> {
        let mut replaced = vec![false; rows];
        if self.primary_key.is_empty() {
            return Ok(replaced);
        }
        let schema = &self.shape.inputs[RIGHT];
        let types: Vec<_> =
            self.primary_key.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        let mut groups = GroupTable::new(&types)?;
        let (mut hashes, mut numbers, mut last): (_, _, Vec<u32>) = (vec![], vec![], vec![]);
        let mut row = 0;
        for batch in batches {
            let columns: Vec<ArrayRef> =
                self.primary_key.iter().map(|column| batch.rows.column(*column).clone()).collect();
            hash_keys(&columns, batch.len(), &mut hashes)?;
            groups.intern(&columns, &hashes, &mut numbers)?;
            last.resize(groups.len(), NO_SLOT);
            for number in &numbers {
                let before = std::mem::replace(&mut last[*number as usize], row);
                if let Some(before) = replaced.get_mut(before as usize) {
                    *before = true;
                }
                row += 1;
            }
        }
        Ok(replaced)
    }

    /// Left rows meet the table.
    fn join(&mut self, batch: &Batch, out: &mut Output) -> Result<()> {
        let columns = batch.rows.columns();
        self.keys.locate(&self.shape.key_columns(LEFT, columns), batch.len(), &mut self.numbers)?;
        let (mut pairs, mut results) = (Pairs::default(), Pairs::default());
        let mut row = 0;
        while row < batch.len() {
            let start = row;
            pairs.clear();
            while row < batch.len() && pairs.rows.len() < MOST_PAIRS {
                let mut slot = self.first.get(self.numbers[row] as usize).copied().unwrap_or(NO_SLOT);
                while slot != NO_SLOT {
                    pairs.push(row as u32, slot);
                    slot = self.next[slot as usize];
                }
                row += 1;
            }
            let fulfilled = self.fulfilled(columns, &pairs, out)?;
            let mut pair = 0;
            for own in start..row {
                let before = results.rows.len();
                while pairs.rows.get(pair).is_some_and(|of| *of as usize == own) {
                    if fulfilled.as_ref().is_none_or(|mask| mask.value(pair)) {
                        results.push(own as u32, pairs.slots[pair]);
                    }
                    pair += 1;
                }
                if results.rows.len() == before && self.shape.kind.keeps(LEFT) {
                    results.push(own as u32, NO_SLOT);
                }
            }
            self.send(batch, &results, out)?;
            results.clear();
        }
        self.account.retired += batch.len() as u64;
        self.forget_unknown_keys()
    }

    /// Which pairs fulfil the rest of the condition; `None` = all.
    fn fulfilled(
        &mut self,
        columns: &[ArrayRef],
        pairs: &Pairs,
        out: &mut Output,
    ) -> Result<Option<BooleanArray>> {
        let Some(condition) = self.shape.condition.as_ref().filter(|_| !pairs.rows.is_empty()) else {
            return Ok(None);
        };
        let bad = out.bad.len();
        let rows = UInt32Array::from(pairs.rows.clone());
        let column = |(side, column): (usize, usize)| match side {
            LEFT => take(&columns[column], &rows, None)
                .map_err(|error| Error::bug(format!("picking rows: {error}"))),
            _ => self.table.gather(column, &pairs.slots),
        };
        let fulfilled = condition.evaluate(pairs.rows.len(), column, out)?;
        self.account.bad += (out.bad.len() - bad) as u64;
        Ok(Some(fulfilled))
    }

    fn send(&mut self, batch: &Batch, results: &Pairs, out: &mut Output) -> Result<()> {
        let parts =
            results.rows.chunks(self.shape.batch_rows).zip(results.slots.chunks(self.shape.batch_rows));
        for (rows, slots) in parts {
            let whole =
                rows.len() == batch.len() && rows.iter().enumerate().all(|(at, row)| at == *row as usize);
            let left = match whole {
                true => batch.clone(),
                false => {
                    batch.take(&UInt64Array::from_iter_values(rows.iter().map(|row| u64::from(*row))))?
                }
            };
            let mut columns = left.rows.columns().to_vec();
            for column in 0..self.shape.inputs[RIGHT].fields().len() {
                columns.push(self.table.gather(column, slots)?);
            }
            let made = RecordBatch::try_new(self.shape.output.clone(), columns)
                .map_err(|error| Error::bug(format!("joined rows: {error}")))?;
            self.account.rows_out += rows.len() as u64;
            let first_row = batch.origin.first_row + u64::from(rows[0]);
            out.batch(Batch { rows: made, origin: Origin { first_row, ..batch.origin }, ..left });
        }
        Ok(())
    }

    /// Left rows have brought keys that the table does not have.
    fn forget_unknown_keys(&mut self) -> Result<()> {
        if let Some(renumbered) = self.keys.settle()? {
            let mut first = vec![NO_SLOT; renumbered.keys];
            for (old, slot) in self.first.iter().enumerate().filter(|(_, slot)| **slot != NO_SLOT) {
                first[renumbered.numbers[old] as usize] = *slot;
            }
            self.first = first;
        }
        Ok(())
    }
}

fn held<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> (u64, u64) {
    let sizes = batches.into_iter().map(|own| (own.len() as u64, own.rows.get_array_memory_size() as u64));
    sizes.fold((0, 0), |all, own| (all.0 + own.0, all.1 + own.1))
}

impl Operator for LookupJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        match (port, self.loaded) {
            (LEFT, true) => self.join(&batch, out)?,
            (LEFT, false) => self.waiting.push(batch),
            (_, false) => self.loading.push(batch),
            (_, true) => return Err(Error::bug("a row of a lookup table after its end")),
        }
        Ok(())
    }

    fn on_port_end(&mut self, port: usize, out: &mut Output) -> Result<()> {
        if port == RIGHT && !self.loaded {
            self.load()?;
            for batch in std::mem::take(&mut self.waiting) {
                self.join(&batch, out)?;
            }
            self.held_back.take().into_iter().for_each(|watermark| out.watermark(watermark));
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        match self.loaded {
            true => out.watermark(watermark_ms),
            false => self.held_back = Some(watermark_ms),
        }
        Ok(())
    }

    /// Holds nothing but the table, which the next run reads itself.
    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        match self.loaded {
            true => Ok(OperatorState::none()),
            false => Err(Error::bug("a barrier passed a lookup table that was being read")),
        }
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[])
    }

    fn account(&self) -> Account {
        let (rows, bytes) = held(self.loading.iter().chain(&self.waiting));
        let index = (self.first.capacity() + self.next.capacity()) * size_of::<u32>();
        Account {
            in_state: rows + self.table.len() as u64,
            state_bytes: bytes + (self.table.bytes() + self.keys.bytes() + index) as u64,
            ..self.account
        }
    }
}
