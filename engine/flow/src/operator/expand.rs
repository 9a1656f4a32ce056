//! Each row leaves once for each list of expressions: grouping sets, and lists of rows in the query.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use millrace_plan::{Error, ProjectExpr, Result};

use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;

/// The Expand operator.
pub struct Expand {
    projections: Vec<Vec<ProjectExpr>>,
    schema: SchemaRef,
    account: Account,
}

impl Expand {
    /// Sends each row once for each list of expressions, as columns of `schema`.
    pub fn new(projections: Vec<Vec<ProjectExpr>>, schema: SchemaRef) -> Self {
        Expand { projections, schema, account: Account::default() }
    }
}

impl Operator for Expand {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        let bug = |error: &dyn std::fmt::Display| Error::bug(format!("grouping sets: {error}"));
        let fault = |error: &dyn std::fmt::Display| Error::data(format!("a value in VALUES: {error}"));
        self.account.rows_in += batch.len() as u64;
        for projection in &self.projections {
            let columns = projection.iter().zip(self.schema.fields()).map(|(own, field)| {
                let value = own.expr.evaluate(&batch.rows).map_err(|error| fault(&error))?;
                let column = value.into_array(batch.len()).map_err(|error| bug(&error))?;
                arrow::compute::cast(&column, field.data_type()).map_err(|error| bug(&error))
            });
            let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
            let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| bug(&error))?;
            self.account.rows_out += rows.num_rows() as u64;
            out.batch(batch.with_rows(rows)?);
        }
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
