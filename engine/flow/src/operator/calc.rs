//! Filter and project. A row whose expression fails leaves for the dead letters; the others go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, TimestampMillisecondArray,
};
use arrow::compute::{concat_batches, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;
use millrace_plan::{Error, ProjectExpr, Result};

use super::{Account, BadRow, Operator, Output, print_row};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::compact::compact;

/// The Calc operator.
pub struct Calc {
    filter: Option<Arc<dyn PhysicalExpr>>,
    /// The input columns that `exprs` read, which see only these.
    needed: Vec<usize>,
    exprs: Vec<ProjectExpr>,
    now: bool,
    schema: SchemaRef,
    account: Account,
}

impl Calc {
    /// Filters by `filter`, then computes `exprs` as columns of `schema`.
    pub fn new(
        filter: Option<Arc<dyn PhysicalExpr>>,
        exprs: Vec<ProjectExpr>,
        now: bool,
        schema: SchemaRef,
    ) -> Result<Self> {
        let (needed, exprs) = narrow(exprs)?;
        Ok(Calc { filter, needed, exprs, now, schema, account: Account::default() })
    }

    fn compute(&mut self, batch: Batch, out: &mut Output) -> Result<Option<Batch>> {
        let input = match self.now {
            true => with_now(&batch)?,
            false => batch.rows.clone(),
        };
        match self.evaluate(&input) {
            Ok((kept, rows)) => {
                let batch = match kept {
                    None => Batch { rows, ..batch },
                    Some(kept) => {
                        self.account.filtered += (batch.len() - rows.num_rows()) as u64;
                        batch.filtered(rows, &kept)?
                    }
                };
                Ok(Some(batch))
            }
            Err(reason) => self.halves(batch, reason, out),
        }
    }

    /// The rows that the filter keeps (`None` = all) and their computed columns.
    fn evaluate(&self, input: &RecordBatch) -> Result<(Option<BooleanArray>, RecordBatch), String> {
        let text = |error: datafusion_common::DataFusionError| {
            error.strip_backtrace().lines().next().unwrap_or_default().to_string()
        };
        let kept = match &self.filter {
            None => None,
            Some(filter) => {
                let mask = filter.evaluate(input).and_then(|value| value.into_array(input.num_rows()));
                let mask = mask.map_err(text)?;
                let mask = mask.as_boolean_opt().ok_or("the filter is not a condition")?;
                let mask = if mask.null_count() > 0 { prep_null_mask_filter(mask) } else { mask.clone() };
                Some(mask).filter(|mask| mask.true_count() < mask.len())
            }
        };
        let mut input = input.project(&self.needed).map_err(|error| error.to_string())?;
        if let Some(kept) = &kept {
            input = compact(&input, kept).map_err(|error| error.to_string())?;
        }
        let rows = input.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.exprs.len());
        for (own, field) in self.exprs.iter().zip(self.schema.fields()) {
            let column = own.expr.evaluate(&input).and_then(|value| value.into_array(rows)).map_err(text)?;
            columns.push(match column.data_type() == field.data_type() {
                true => column,
                false => {
                    arrow::compute::cast(&column, field.data_type()).map_err(|error| error.to_string())?
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options);
        rows.map(|rows| (kept, rows)).map_err(|error| error.to_string())
    }

    /// Finds the rows that fail by halving; the others go on, in order.
    fn halves(&mut self, batch: Batch, reason: String, out: &mut Output) -> Result<Option<Batch>> {
        if batch.len() == 1 {
            self.account.bad += 1;
            out.bad.push(BadRow {
                split: batch.origin.split,
                row: batch.origin.first_row,
                reason,
                raw: print_row(&batch.rows, 0),
            });
            return Ok(None);
        }
        let middle = batch.len() / 2;
        let (left, right) = (batch.slice(0, middle), batch.slice(middle, batch.len() - middle));
        let left = self.compute(left, out)?;
        let right = self.compute(right, out)?;
        match (left, right) {
            (Some(left), Some(right)) => left.concat(right).map(Some),
            (one, None) | (None, one) => Ok(one),
        }
    }
}

/// The columns that expressions read, in ascending order, and the expressions over just these.
pub fn narrow(exprs: Vec<ProjectExpr>) -> Result<(Vec<usize>, Vec<ProjectExpr>)> {
    let bug = |error| Error::bug(format!("reading an expression: {error}"));
    let needed: BTreeSet<usize> = exprs
        .iter()
        .flat_map(|own| collect_columns(&own.expr))
        .map(|column: Column| column.index())
        .collect();
    let needed: Vec<usize> = needed.into_iter().collect();
    let narrowed = |own: ProjectExpr| {
        let expr = own.expr.transform_up(|node| {
            let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
            let position = needed.partition_point(|own| *own < column.index());
            Ok(Transformed::yes(Arc::new(Column::new(column.name(), position)) as Arc<dyn PhysicalExpr>))
        });
        Ok(ProjectExpr { expr: expr.map_err(bug)?.data, name: own.name })
    };
    let exprs = exprs.into_iter().map(narrowed).collect::<Result<_>>()?;
    Ok((needed, exprs))
}

/// The rows with the ingest time as one more column.
fn with_now(batch: &Batch) -> Result<RecordBatch> {
    let now = TimestampMillisecondArray::from(vec![batch.ingest_ms; batch.len()]).with_timezone("UTC");
    let data_type = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let mut fields: Vec<_> = batch.rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("__now", data_type, false)));
    let mut columns = batch.rows.columns().to_vec();
    columns.push(Arc::new(now));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| Error::bug(format!("ingest time: {error}")))
}

impl Operator for Calc {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        if let Some(batch) = self.compute(batch, out)? {
            self.account.rows_out += batch.len() as u64;
            out.batch(batch);
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

/// Rows of `left`, then of `right`.
pub fn concat_rows(left: &RecordBatch, right: &RecordBatch) -> Result<RecordBatch> {
    if left.num_columns() == 0 {
        let options = RecordBatchOptions::new().with_row_count(Some(left.num_rows() + right.num_rows()));
        return RecordBatch::try_new_with_options(left.schema(), vec![], &options)
            .map_err(|error| Error::bug(format!("joining rows: {error}")));
    }
    concat_batches(&left.schema(), [left, right])
        .map_err(|error| Error::bug(format!("joining rows: {error}")))
}
