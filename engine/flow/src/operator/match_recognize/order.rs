//! The order of rows that have the same time.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::{SortColumn as ArrowColumn, SortOptions, lexsort_to_indices, take_record_batch};
use millrace_plan::{Error, Result, SortColumn};

/// Rows in the order of their times, and of arrival where those are the same: put in the order of `columns` where the
/// times are the same, and of arrival where those are, too.
pub fn then_by(rows: RecordBatch, times: &[i64], columns: &[SortColumn]) -> Result<RecordBatch> {
    if columns.is_empty() || times.is_sorted_by(|one, next| one < next) {
        return Ok(rows);
    }
    let own = |values: ArrayRef| ArrowColumn { values, options: None };
    let column = |column: &SortColumn| ArrowColumn {
        values: rows.column(column.column).clone(),
        options: Some(SortOptions { descending: column.descending, nulls_first: column.nulls_first }),
    };
    let arrival = UInt64Array::from_iter_values(0..rows.num_rows() as u64);
    let mut keys = vec![own(Arc::new(Int64Array::from(times.to_vec())))];
    keys.extend(columns.iter().map(column));
    keys.push(own(Arc::new(arrival)));
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("the order of rows: {error}"));
    let order = lexsort_to_indices(&keys, None).map_err(bug)?;
    take_record_batch(&rows, &order).map_err(bug)
}
