//! A window table function without an aggregation above it: appends the window's columns; a row leaves
//! once for each of its windows. No row is late here.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMillisecondArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use millrace_plan::{Error, Result, WindowSpec};

use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::window::windows_of;

/// The WindowAssign operator.
pub struct WindowAssign {
    time: usize,
    window: WindowSpec,
    schema: SchemaRef,
    account: Account,
}

impl WindowAssign {
    /// Assigns `window` by the row time in column `time`; sends `schema`.
    pub fn new(time: usize, window: WindowSpec, schema: SchemaRef) -> Self {
        WindowAssign { time, window, schema, account: Account::default() }
    }
}

impl Operator for WindowAssign {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("window columns: {error}"));
        self.account.rows_in += batch.len() as u64;
        let times = cast(batch.rows.column(self.time), &DataType::Int64).map_err(bug)?;
        let times = times.as_primitive::<Int64Type>().values();
        let (mut positions, mut starts, mut ends) = (vec![], vec![], vec![]);
        for (row, time) in times.iter().enumerate() {
            let before = positions.len();
            for window in windows_of(&self.window, *time) {
                positions.push(row as u64);
                starts.push(window.start);
                ends.push(window.end);
            }
            self.account.filtered += (positions.len() == before) as u64;
        }
        let whole = positions.len() == batch.len() && positions.windows(2).all(|pair| pair[0] < pair[1]);
        let batch = if whole { batch } else { batch.take(&UInt64Array::from(positions))? };
        let last = TimestampMillisecondArray::from_iter_values(ends.iter().map(|end| end - 1));
        let time_type = self.schema.field(self.schema.fields().len() - 1).data_type();
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        columns.push(Arc::new(TimestampMillisecondArray::from(starts)));
        columns.push(Arc::new(TimestampMillisecondArray::from(ends)));
        columns.push(cast(&last, time_type).map_err(bug)?);
        let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        self.account.rows_out += rows.num_rows() as u64;
        out.batch(batch.with_rows(rows)?);
        Ok(())
    }

    /// Holds nothing between two rows.
    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        Ok(OperatorState::none())
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[])
    }

    fn account(&self) -> Account {
        self.account
    }
}
