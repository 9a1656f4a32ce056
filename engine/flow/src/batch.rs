//! The batch: what flows between operators.

use arrow::array::{
    Array, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt8Array, UInt64Array,
};
use arrow::compute;
use millrace_plan::{Error, Result, RowKind};

use crate::checkpoint::Barrier;

/// Number of a split within its pipeline; the same on every shard.
pub type SplitId = u32;

/// Where the rows of a batch come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Origin {
    /// The split the rows were read from.
    pub split: SplitId,
    /// A number that no later batch of this split starts below: the offset of the first row, in rows.
    pub first_row: u64,
}

impl Origin {
    /// The order of row `index` of this batch among all rows of the pipeline: by split, then by
    /// offset. FIRST_VALUE and LAST_VALUE are decided by it, so that they do not depend on which
    /// shard was faster.
    pub fn order(&self, index: usize) -> u64 {
        ((self.split as u64) << 40) | ((self.first_row + index as u64) & ((1 << 40) - 1))
    }
}

/// The row kinds of a batch: `All` inserts (the usual case, free), or one per row.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RowKinds {
    /// Every row is `+I`.
    #[default]
    Insert,
    /// The number of a [`RowKind`] per row.
    PerRow(UInt8Array),
}

impl RowKinds {
    /// Kinds from a list, one per row.
    pub fn from_kinds(kinds: impl IntoIterator<Item = RowKind>) -> Self {
        RowKinds::PerRow(UInt8Array::from_iter_values(kinds.into_iter().map(|kind| kind as u8)))
    }

    /// The kind of row `index`.
    pub fn get(&self, index: usize) -> RowKind {
        match self {
            RowKinds::Insert => RowKind::Insert,
            RowKinds::PerRow(kinds) => RowKind::ALL[(kinds.value(index) & 3) as usize],
        }
    }

    /// True if no row takes another one back.
    pub fn is_insert_only(&self) -> bool {
        match self {
            RowKinds::Insert => true,
            RowKinds::PerRow(kinds) => kinds.values().iter().all(|kind| *kind == 0),
        }
    }
}

/// The watermark of its own split just before each row: what decides whether the row is late.
#[derive(Debug, Clone, PartialEq)]
pub enum RowWatermarks {
    /// The same for every row of the batch (rows in time order, or made by an operator).
    Constant(i64),
    /// One per row.
    PerRow(Int64Array),
}

impl RowWatermarks {
    /// The watermark just before row `index`.
    pub fn get(&self, index: usize) -> i64 {
        match self {
            RowWatermarks::Constant(watermark) => *watermark,
            RowWatermarks::PerRow(watermarks) => watermarks.value(index),
        }
    }
}

/// Rows and what Millrace knows about them. Moves between shards by pointer.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The columns.
    pub rows: RecordBatch,
    /// What each row does.
    pub kinds: RowKinds,
    /// Where the rows were read; the first split's for rows made of several.
    pub origin: Origin,
    /// For lateness.
    pub watermarks: RowWatermarks,
    /// Wall time at which the oldest row entered, in milliseconds since 1970.
    pub ingest_ms: i64,
}

impl Batch {
    /// A batch of inserts with no origin: rows that an operator made.
    pub fn derived(rows: RecordBatch, ingest_ms: i64) -> Self {
        Batch {
            rows,
            kinds: RowKinds::Insert,
            origin: Origin::default(),
            watermarks: RowWatermarks::Constant(millrace_plan::WATERMARK_MIN),
            ingest_ms,
        }
    }

    /// Rows in the batch.
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same rows with other columns.
    pub fn with_rows(&self, rows: RecordBatch) -> Result<Batch> {
        if rows.num_rows() != self.len() {
            return Err(Error::bug("a projection changed the number of rows"));
        }
        Ok(Batch { rows, ..self.clone() })
    }

    /// The rows for which `keep` is true.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Batch> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("filter: {error}"));
        let rows = crate::compact::compact(&self.rows, keep).map_err(bug)?;
        self.filtered(rows, keep)
    }

    /// The batch with `rows`, which are made of the rows for which `keep` is true.
    pub fn filtered(&self, rows: RecordBatch, keep: &BooleanArray) -> Result<Batch> {
        self.select(rows, |array| compute::filter(array, keep))
    }

    /// The rows at these positions, in this order; a position may appear more than once.
    pub fn take(&self, positions: &UInt64Array) -> Result<Batch> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("take: {error}"));
        let rows = match self.rows.num_columns() {
            0 => {
                let options = RecordBatchOptions::new().with_row_count(Some(positions.len()));
                RecordBatch::try_new_with_options(self.rows.schema(), vec![], &options).map_err(bug)?
            }
            _ => compute::take_record_batch(&self.rows, positions).map_err(bug)?,
        };
        self.select(rows, |array| compute::take(array, positions, None))
    }

    /// The rows `offset..offset + len`.
    pub fn slice(&self, offset: usize, len: usize) -> Batch {
        let kinds = match &self.kinds {
            RowKinds::Insert => RowKinds::Insert,
            RowKinds::PerRow(kinds) => RowKinds::PerRow(kinds.slice(offset, len)),
        };
        let watermarks = match &self.watermarks {
            RowWatermarks::Constant(watermark) => RowWatermarks::Constant(*watermark),
            RowWatermarks::PerRow(watermarks) => RowWatermarks::PerRow(watermarks.slice(offset, len)),
        };
        let origin = Origin { first_row: self.origin.first_row + offset as u64, ..self.origin };
        let ingest_ms = self.ingest_ms;
        Batch { rows: self.rows.slice(offset, len), kinds, origin, watermarks, ingest_ms }
    }

    /// These rows, then those of `other` (the same columns and split).
    pub fn concat(self, other: Batch) -> Result<Batch> {
        let rows = crate::operator::concat_rows(&self.rows, &other.rows)?;
        let all = |kind: fn(&Batch, usize) -> u8| {
            let own = (0..self.len()).map(|row| kind(&self, row));
            own.chain((0..other.len()).map(|row| kind(&other, row))).collect::<Vec<u8>>()
        };
        let kinds = match (&self.kinds, &other.kinds) {
            (RowKinds::Insert, RowKinds::Insert) => RowKinds::Insert,
            _ => RowKinds::PerRow(UInt8Array::from(all(|batch, row| batch.kinds.get(row) as u8))),
        };
        let watermarks = match (&self.watermarks, &other.watermarks) {
            (RowWatermarks::Constant(a), RowWatermarks::Constant(b)) if a == b => RowWatermarks::Constant(*a),
            _ => {
                let own = (0..self.len()).map(|row| self.watermarks.get(row));
                let others = (0..other.len()).map(|row| other.watermarks.get(row));
                RowWatermarks::PerRow(Int64Array::from_iter_values(own.chain(others)))
            }
        };
        Ok(Batch { rows, kinds, watermarks, origin: self.origin, ingest_ms: self.ingest_ms })
    }

    /// The weight of each row; `None` = every row is added.
    pub fn weights(&self) -> Option<Vec<i64>> {
        match &self.kinds {
            RowKinds::Insert => None,
            RowKinds::PerRow(_) => Some((0..self.len()).map(|row| self.kinds.get(row).weight()).collect()),
        }
    }

    fn select(
        &self,
        rows: RecordBatch,
        pick: impl Fn(&dyn Array) -> std::result::Result<arrow::array::ArrayRef, arrow::error::ArrowError>,
    ) -> Result<Batch> {
        use arrow::array::AsArray;
        use arrow::datatypes::{Int64Type, UInt8Type};
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("select: {error}"));
        let kinds = match &self.kinds {
            RowKinds::Insert => RowKinds::Insert,
            RowKinds::PerRow(kinds) => {
                RowKinds::PerRow(pick(kinds).map_err(bug)?.as_primitive::<UInt8Type>().clone())
            }
        };
        let watermarks = match &self.watermarks {
            RowWatermarks::Constant(watermark) => RowWatermarks::Constant(*watermark),
            RowWatermarks::PerRow(watermarks) => {
                RowWatermarks::PerRow(pick(watermarks).map_err(bug)?.as_primitive::<Int64Type>().clone())
            }
        };
        Ok(Batch { rows, kinds, watermarks, origin: self.origin, ingest_ms: self.ingest_ms })
    }
}

/// What a source says about one of its splits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitStatus {
    /// The split exists and may hold the watermark back.
    Active,
    /// Nothing has come for `scan.watermark.idle-timeout`: it stops holding the watermark back.
    Idle,
    /// No more rows will come.
    Ended,
}

/// What travels along an edge of the plan.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one per batch; a box would be one more allocation")]
pub enum Event {
    /// Rows.
    Batch(Batch),
    /// No row with an earlier event time will follow, but late ones.
    Watermark(i64),
    /// A split opened, fell silent or ended. Travels from a source to its `RowTime`.
    Split(SplitId, SplitStatus),
    /// The sender no longer holds time back (true), because it has no split that could, or does again.
    Idle(bool),
    /// An epoch ends here: see [`crate::checkpoint`].
    Barrier(Barrier),
    /// Nothing will follow.
    End,
}
