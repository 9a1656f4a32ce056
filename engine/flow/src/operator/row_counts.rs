//! How many rows the groups of a checkpoint stand for: a table beside theirs, as no single group knows.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_plan::Result;

use super::results::record;
use crate::checkpoint::{OperatorState, as_layout};

/// The name of the table.
pub const ROW_COUNTS: &str = "row_counts";

fn layout() -> SchemaRef {
    let own = ["start", "end", "rows"].map(|name| Field::new(name, DataType::Int64, false));
    let hash = Field::new("hash", DataType::UInt64, false);
    Arc::new(Schema::new([hash].into_iter().chain(own).collect::<Vec<_>>()))
}

/// Rows of the groups of panes, or of all groups.
#[derive(Default)]
pub struct RowCounts {
    hashes: Vec<u64>,
    columns: [Vec<i64>; 3],
    parts: Vec<u64>,
}

impl RowCounts {
    /// The groups of the pane `key` stand for `rows`; they go where `hash` goes, the hash of one of them.
    pub fn add(&mut self, hash: u64, key: (i64, i64), rows: u64, part: u64) {
        self.hashes.push(hash);
        self.columns.iter_mut().zip([key.0, key.1, rows as i64]).for_each(|(own, value)| own.push(value));
        self.parts.push(part);
    }

    /// Adds the table to a checkpoint, and which of its parts are gone.
    pub fn snapshot(self, state: &mut OperatorState, gone: Vec<Range<u64>>) -> Result<()> {
        let hashes: ArrayRef = Arc::new(UInt64Array::from(self.hashes));
        let columns = self.columns.map(|own| Arc::new(Int64Array::from(own)) as ArrayRef);
        let rows = record(&layout(), [hashes].into_iter().chain(columns).collect())?;
        state.add_parts(ROW_COUNTS, rows, self.parts, gone);
        Ok(())
    }
}

/// The panes of a checkpoint and the rows they stand for.
pub fn row_counts(state: &OperatorState) -> Result<Vec<((i64, i64), u64)>> {
    let mut counts = vec![];
    for rows in state.rows(ROW_COUNTS) {
        let rows: RecordBatch = as_layout(rows.columns(), &layout())?;
        let column = |index: usize| rows.column(index).as_primitive::<Int64Type>().values();
        let keys = column(1).iter().copied().zip(column(2).iter().copied());
        counts.extend(keys.zip(column(3).iter().map(|own| *own as u64)));
    }
    Ok(counts)
}
