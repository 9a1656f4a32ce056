//! The join of rows of the same window: each window is joined once, when the watermark says it is complete.

use std::collections::BTreeMap;

use arrow::array::{RecordBatch, RecordBatchOptions, UInt64Array};
use millrace_plan::{Error, Result, WATERMARK_MIN};

use super::millis;
use super::shape::{LEFT, RIGHT, Shape};
use super::snapshot::{add_rows, parts, rows_of_windows, snapshot_of_windows};
use super::state::{Arrival, Free, Padding, State};
use crate::batch::Batch;
use crate::checkpoint::{OperatorState, as_layout};
use crate::operator::{Account, Operator, Output};
use crate::state::RowStore;

/// The rows of the windows that end at one time; their start is one of the keys.
struct Open {
    left: RowStore,
    right: RowStore,
}

/// The Join operator for JoinTime::Window.
pub struct WindowJoin {
    shape: Shape,
    /// The column of each side with the end of the row's window.
    ends: [usize; 2],
    open: BTreeMap<i64, Open>,
    watermark: i64,
    ingest_ms: i64,
    account: Account,
}

impl WindowJoin {
    /// A join without rows; `ends` are the columns with the end of the window.
    pub fn new(shape: Shape, ends: [usize; 2]) -> Self {
        let (watermark, ingest_ms) = (WATERMARK_MIN, 0);
        WindowJoin { shape, ends, open: BTreeMap::new(), watermark, ingest_ms, account: Account::default() }
    }

    fn keep(&mut self, port: usize, end: i64, rows: &RecordBatch) -> Result<()> {
        let inputs = &self.shape.inputs;
        let open = self.open.entry(end).or_insert_with(|| Open {
            left: RowStore::new(&inputs[LEFT]),
            right: RowStore::new(&inputs[RIGHT]),
        });
        let store = if port == LEFT { &mut open.left } else { &mut open.right };
        store.add(rows.columns().to_vec(), rows.num_rows(), &mut vec![])?;
        store.settle()
    }

    fn stores(&self) -> impl Iterator<Item = &RowStore> {
        self.open.values().flat_map(|open| [&open.left, &open.right])
    }

    /// Joins the windows that end at one time, and forgets them.
    fn fire(&mut self, open: Open, out: &mut Output) -> Result<()> {
        let mut state = State::new(&self.shape, [false, false])?;
        let bad = out.bad.len();
        let rows = (open.left.len() + open.right.len()) as u64;
        // The right rows meet nobody, because no left row is stored: they are only kept by key.
        let mut lonely = vec![];
        for slots in open.right.chunks() {
            let batch = self.batch(RIGHT, &open.right, &slots)?;
            let arrival = Arrival { side: RIGHT, batch: &batch, padding: Padding::WhenOver, stored: None };
            let kept = state.arrive(&self.shape, &arrival, &Free, out)?;
            lonely.extend(kept.into_iter().filter(|slot| *slot != crate::state::NO_SLOT));
        }
        for slots in open.left.chunks() {
            let batch = self.batch(LEFT, &open.left, &slots)?;
            let stored = vec![false; batch.len()];
            let arrival =
                Arrival { side: LEFT, batch: &batch, padding: Padding::Complete, stored: Some(&stored) };
            state.arrive(&self.shape, &arrival, &Free, out)?;
        }
        if self.shape.kind.keeps(RIGHT) {
            lonely.retain(|slot| state.sides[RIGHT].of(*slot).partners == 0);
            state.send_alone(&self.shape, RIGHT, (&lonely, &[]), self.ingest_ms, out)?;
        }
        self.account.bad += (out.bad.len() - bad) as u64;
        self.account.rows_out += state.sent();
        self.account.retired += rows;
        Ok(())
    }

    fn batch(&self, side: usize, store: &RowStore, slots: &[u32]) -> Result<Batch> {
        let schema = &self.shape.inputs[side];
        let columns = (0..schema.fields().len()).map(|column| store.gather(column, slots));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(slots.len()));
        let rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("the rows of a window: {error}")))?;
        Ok(Batch::derived(rows, self.ingest_ms))
    }
}

impl Operator for WindowJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let ends = millis(batch.rows.column(self.ends[port]))?;
        let mut rows: BTreeMap<i64, Vec<u64>> = BTreeMap::new();
        let mut late = vec![];
        for (row, end) in ends.values().iter().enumerate() {
            match end - 1 <= batch.watermarks.get(row).max(self.watermark) {
                true => late.push(row as u64),
                false => rows.entry(*end).or_default().push(row as u64),
            }
        }
        if !late.is_empty() {
            self.account.late += late.len() as u64;
            out.late.push(batch.take(&UInt64Array::from(late))?);
        }
        for (end, rows) in rows {
            self.account.accepted += rows.len() as u64;
            match rows.len() == batch.len() {
                true => self.keep(port, end, &batch.rows)?,
                false => self.keep(port, end, &batch.take(&UInt64Array::from(rows))?.rows)?,
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.watermark = watermark_ms;
        while let Some(first) = self.open.first_entry() {
            if first.key() - 1 > watermark_ms {
                break;
            }
            let open = first.remove();
            self.fire(open, out)?;
        }
        out.watermark(watermark_ms);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        for Open { left, right } in self.open.values() {
            for (side, store) in [left, right].into_iter().enumerate() {
                for rows in snapshot_of_windows(&self.shape, side, store)? {
                    add_rows(&mut state, side, rows);
                }
            }
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.watermark = watermark_ms;
        for (side, rows) in parts(state)? {
            let columns = rows_of_windows(&self.shape, side, rows)?;
            let rows = as_layout(&columns, &self.shape.inputs[side])?;
            let ends = millis(rows.column(self.ends[side]))?;
            let mut first = 0;
            for same in ends.values().chunk_by(|end, other| end == other) {
                self.keep(side, same[0], &rows.slice(first, same.len()))?;
                first += same.len();
            }
        }
        self.account.restored = self.stores().map(|store| store.len() as u64).sum();
        Ok(())
    }

    fn account(&self) -> Account {
        Account {
            in_state: self.stores().map(|store| store.len() as u64).sum(),
            state_bytes: self.stores().map(|store| store.bytes() as u64).sum(),
            ..self.account
        }
    }
}
