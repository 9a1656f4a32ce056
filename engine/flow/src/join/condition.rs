//! What must be true of a pair beside equal keys.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use millrace_plan::{Error, ProjectExpr, Result};

use crate::operator::{BadRow, Output, narrow, print_row};

/// A condition over the columns it reads.
pub struct Condition {
    expr: Arc<dyn PhysicalExpr>,
    /// The columns it reads: side and position there.
    columns: Vec<(usize, usize)>,
    schema: SchemaRef,
}

impl Condition {
    /// `expr` is over the left columns, then the right ones.
    pub fn new(expr: Arc<dyn PhysicalExpr>, inputs: &[SchemaRef; 2]) -> Result<Self> {
        let (needed, mut narrowed) = narrow(vec![ProjectExpr { expr, name: String::new() }])?;
        let own = narrowed.pop().ok_or_else(|| Error::bug("a condition got lost"))?;
        let width = inputs[0].fields().len();
        let side = |column: &usize| match column.checked_sub(width) {
            None => (0, *column),
            Some(right) => (1, right),
        };
        let columns: Vec<(usize, usize)> = needed.iter().map(side).collect();
        let fields = columns.iter().map(|(side, column)| inputs[*side].field(*column).clone());
        let fields: Vec<_> = fields.map(|field| field.with_nullable(true)).collect();
        Ok(Condition { expr: own.expr, columns, schema: Arc::new(Schema::new(fields)) })
    }

    /// Which of `pairs` pairs fulfil it; `column` gives the values of a column for all of them. A pair for
    /// which it fails goes to the dead letters and does not fulfil it.
    pub fn evaluate(
        &self,
        pairs: usize,
        column: impl FnMut((usize, usize)) -> Result<ArrayRef>,
        out: &mut Output,
    ) -> Result<BooleanArray> {
        let columns = self.columns.iter().copied().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(pairs));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("columns of a condition: {error}")))?;
        let mut kept = Vec::with_capacity(pairs);
        self.parts(&rows, &mut kept, out);
        Ok(BooleanArray::from(kept))
    }

    fn parts(&self, rows: &RecordBatch, kept: &mut Vec<bool>, out: &mut Output) {
        let mask = self.expr.evaluate(rows).and_then(|value| value.into_array(rows.num_rows()));
        match mask {
            Ok(mask) => match mask.as_boolean_opt() {
                Some(mask) if mask.null_count() > 0 => kept.extend(prep_null_mask_filter(mask).values()),
                Some(mask) => kept.extend(mask.values()),
                None => kept.extend(std::iter::repeat_n(false, rows.num_rows())),
            },
            Err(error) if rows.num_rows() == 1 => {
                let reason = error.strip_backtrace().lines().next().unwrap_or_default().to_string();
                out.bad.push(BadRow { split: 0, row: 0, reason, raw: print_row(rows, 0) });
                kept.push(false);
            }
            Err(_) => {
                let middle = rows.num_rows() / 2;
                self.parts(&rows.slice(0, middle), kept, out);
                self.parts(&rows.slice(middle, rows.num_rows() - middle), kept, out);
            }
        }
    }
}
