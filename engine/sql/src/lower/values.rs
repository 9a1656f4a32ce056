//! Rows in the query itself: `VALUES`, and `SELECT` without `FROM`.
//!
//! One row without columns comes from a bounded table; each row of the list is computed from it. So the rows come
//! once, also when the pipeline goes on after a stop.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::{EmptyRelation, Expr, Values};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{Column, Literal};
use millrace_plan::{Changelog, Error, Node, NodeId, Operator, ProjectExpr, Result, TableDef};

use super::Lowering;
use super::calc::{CalcColumns, compile};
use super::relation::Relation;
use super::volatile::is_volatile;
use crate::bind::explain_error;
use crate::bind::now::{NOW_COLUMN, now_type};

impl Lowering {
    /// The rows of a VALUES list.
    pub(super) fn values(&mut self, values: &Values) -> Result<Relation> {
        let mut lists = vec![];
        let mut now = false;
        for row in &values.values {
            let columns = constants(row, values.schema.as_ref())?;
            now |= columns.now;
            lists.push(columns);
        }
        let schema: SchemaRef = Arc::new(Schema::clone(values.schema.as_arrow()));
        let row = self.made_rows("[{}]");
        let node = match lists.len() {
            1 => {
                let columns = lists.swap_remove(0);
                let operator = Operator::Calc { filter: None, exprs: columns.exprs, now };
                self.graph.add_after(row, operator, schema, None)
            }
            _ => {
                let input = if now { self.with_now(row)? } else { row };
                let projections: Vec<Vec<ProjectExpr>> = lists.into_iter().map(|own| own.exprs).collect();
                self.graph.add_after(input, Operator::Expand { projections }, schema, None)
            }
        };
        Ok(Relation::of(node, values.schema.clone()))
    }

    /// One row without columns, or none.
    pub(super) fn empty_relation(&mut self, empty: &EmptyRelation) -> Relation {
        let node = self.made_rows(if empty.produce_one_row { "[{}]" } else { "[]" });
        if empty.schema.fields().is_empty() {
            return Relation::of(node, empty.schema.clone());
        }
        // Nothing comes, whatever columns it would have.
        let schema = Arc::new(Schema::clone(empty.schema.as_arrow()));
        let node = self.graph.add_after(node, Operator::Expand { projections: vec![] }, schema, None);
        Relation::of(node, empty.schema.clone())
    }

    /// A table of these rows, which have no columns.
    pub(super) fn made_rows(&mut self, rows: &str) -> NodeId {
        let options = [("connector", "values"), ("rows", rows)];
        let table = TableDef {
            name: "VALUES".into(),
            schema: Arc::new(Schema::empty()),
            metadata: vec![],
            primary_key: vec![],
            options: options.map(|(name, value)| (name.to_string(), value.to_string())).into(),
        };
        self.graph.add(Node {
            operator: Operator::Source { table: Arc::new(table), projection: vec![], lookup: false },
            inputs: vec![],
            schema: Arc::new(Schema::empty()),
            changelog: Changelog::Append,
            row_time: None,
            reason: "rows in the query".into(),
        })
    }

    /// True if `node` sends the one row that a list is made from.
    pub(super) fn is_one_row(&self, node: NodeId) -> bool {
        let Node { operator, inputs, .. } = self.graph.node(node);
        match operator {
            Operator::Source { table, .. } => table.schema.fields().is_empty(),
            Operator::Calc { .. } => inputs.iter().all(|input| self.is_one_row(*input)),
            _ => false,
        }
    }

    /// The time of the row as its only column, where expressions that read it expect it.
    fn with_now(&mut self, row: NodeId) -> Result<NodeId> {
        let now = Column::new(NOW_COLUMN, 0);
        let mut columns = CalcColumns { now: true, ..CalcColumns::default() };
        columns.append(Arc::new(now), Field::new(NOW_COLUMN, now_type(), false));
        Ok(self.calc(row, columns))
    }
}

/// The expressions of one row as columns of `schema`; what is the same whenever it is computed is computed here.
fn constants(row: &[Expr], schema: &DFSchema) -> Result<CalcColumns> {
    let nothing = DFSchema::empty();
    let mut columns = CalcColumns::default();
    for (expr, field) in row.iter().zip(schema.fields()) {
        let compiled = compile(expr, &nothing)?;
        columns.now |= compiled.now;
        let expr = match compiled.now || is_volatile(&compiled.expr) {
            true => compiled.expr,
            false => Arc::new(Literal::new(constant(&compiled.expr)?)),
        };
        columns.append(expr, field.as_ref().clone());
    }
    Ok(columns)
}

fn constant(expr: &Arc<dyn PhysicalExpr>) -> Result<ScalarValue> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)
        .map_err(|error| Error::bug(format!("a row without columns: {error}")))?;
    let value = expr.evaluate(&row).and_then(|value| value.into_array(1));
    let value = value.and_then(|value| ScalarValue::try_from_array(&value, 0));
    value.map_err(|error| explain_error(&error, None).within("a value in VALUES"))
}
