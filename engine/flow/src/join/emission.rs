//! Results on their way out: which row of the batch, which stored row, which kind.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt8Array, UInt32Array};
use arrow::compute::take;
use millrace_plan::{Error, Result, RowKind};

use super::shape::{LEFT, RIGHT, Shape};
use crate::batch::{Batch, RowKinds, RowWatermarks};
use crate::operator::Output;
use crate::state::RowStore;

/// No row of the batch: NULLs.
pub const NO_ROW: u32 = u32::MAX;

/// Rows of a batch of one side, to be put together with stored rows of the other.
pub struct Probing<'a> {
    /// The side of the batch.
    pub side: usize,
    /// Its columns.
    pub columns: &'a [ArrayRef],
    /// When the oldest of its rows entered.
    pub ingest_ms: i64,
}

/// Results collected, not yet sent.
#[derive(Default)]
pub struct Emission {
    rows: Vec<u32>,
    slots: Vec<u32>,
    kinds: Vec<u8>,
    watermarks: Vec<i64>,
    /// Rows sent so far.
    pub sent: u64,
}

impl Emission {
    /// One more result; answers how many wait.
    pub fn push(&mut self, row: u32, slot: u32, kind: RowKind) -> usize {
        self.rows.push(row);
        self.slots.push(slot);
        self.kinds.push(kind as u8);
        self.rows.len()
    }

    /// Says by which watermark the result that was pushed last is to be judged late.
    pub fn judged_by(&mut self, watermark: i64) {
        self.watermarks.push(watermark);
    }

    /// Sends what waits. `others` are the stored rows of the other side.
    pub fn send(
        &mut self,
        shape: &Shape,
        probing: &Probing,
        others: &RowStore,
        out: &mut Output,
    ) -> Result<()> {
        let count = self.rows.len();
        if count == 0 {
            return Ok(());
        }
        let rows: UInt32Array = self.rows.iter().map(|row| (*row != NO_ROW).then_some(*row)).collect();
        let of_batch = |column: &ArrayRef| {
            take(column, &rows, None).map_err(|error| Error::bug(format!("picking rows: {error}")))
        };
        let mut columns = Vec::with_capacity(shape.output.fields().len());
        let sides = if shape.kind.is_left_only() { LEFT..RIGHT } else { LEFT..RIGHT + 1 };
        for side in sides {
            for column in 0..shape.inputs[side].fields().len() {
                columns.push(match side == probing.side {
                    true => of_batch(&probing.columns[column])?,
                    false => others.gather(column, &self.slots)?,
                });
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(shape.output.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("joined rows: {error}")))?;
        let mut batch = Batch::derived(rows, probing.ingest_ms);
        if self.kinds.iter().any(|kind| *kind != RowKind::Insert as u8) {
            batch.kinds = RowKinds::PerRow(UInt8Array::from(self.kinds.clone()));
        }
        if !self.watermarks.is_empty() {
            batch.watermarks = RowWatermarks::PerRow(Int64Array::from(self.watermarks.clone()));
        }
        self.sent += count as u64;
        self.rows.clear();
        self.slots.clear();
        self.kinds.clear();
        self.watermarks.clear();
        out.batch(batch);
        Ok(())
    }
}
