//! Results that functions computed: as rows of the operator's schema, without those that cannot be represented,
//! in batches.

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use millrace_plan::{Error, Result};

use super::{Account, BadRow, Output, print_row};
use crate::batch::Batch;
use crate::state::Faults;

/// Columns as rows of `schema`.
pub fn record(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| Error::bug(format!("results: {error}")))
}

/// Sends rows whose result cannot be represented to the dead letters, each once. True for those rows; `None` =
/// there is none.
pub fn report_faults(
    rows: &RecordBatch,
    faults: Faults,
    account: &mut Account,
    out: &mut Output,
) -> Option<Vec<bool>> {
    if faults.is_empty() {
        return None;
    }
    let mut faulty = vec![false; rows.num_rows()];
    for (position, reason) in faults {
        if !std::mem::replace(&mut faulty[position], true) {
            account.bad += 1;
            out.bad.push(BadRow { split: 0, row: 0, reason, raw: print_row(rows, position) });
        }
    }
    Some(faulty)
}

/// The rows without those that [`report_faults`] sends away.
pub fn without_faults(
    rows: RecordBatch,
    faults: Faults,
    account: &mut Account,
    out: &mut Output,
) -> Result<RecordBatch> {
    let Some(faulty) = report_faults(&rows, faults, account, out) else { return Ok(rows) };
    let kept: BooleanArray = faulty.into_iter().map(|faulty| Some(!faulty)).collect();
    filter_record_batch(&rows, &kept).map_err(|error| Error::bug(format!("picking results: {error}")))
}

/// Sends new rows in batches of at most `batch_rows`.
pub fn send(rows: &RecordBatch, batch_rows: usize, ingest_ms: i64, account: &mut Account, out: &mut Output) {
    account.rows_out += rows.num_rows() as u64;
    for first in (0..rows.num_rows()).step_by(batch_rows) {
        let part = rows.slice(first, batch_rows.min(rows.num_rows() - first));
        out.batch(Batch::derived(part, ingest_ms));
    }
}
