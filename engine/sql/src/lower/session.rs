//! The rows of sessions. Which session a row is in is known when it has ended: until then its rows are collected
//! into one array, which becomes rows again.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::Column;
use datafusion_expr::Expr;
use datafusion_expr::expr::ScalarFunction;
use millrace_plan::{AggregateCall, Changelog, Error, Exchange, Node, NodeId, Operator, Result};

use super::calc::{CalcColumns, compile, window_fields};
use super::lateness::OPTION;
use super::relation::hidden;
use super::{Lowering, Statement};
use crate::types;

/// The column of the collected rows.
const ROWS: &str = "rows";

impl Lowering {
    /// The rows of `input` with the columns of their session behind their own. `time` is the row-time column, and
    /// the gap in milliseconds.
    pub(super) fn session_rows(
        &mut self,
        input: NodeId,
        (time, gap): (usize, i64),
        partition: &[usize],
        time_type: DataType,
    ) -> Result<NodeId> {
        let below = self.graph.node(input).schema.clone();
        let width = below.fields().len();
        if self.lateness(input, Statement { emit: None, place: None })? > 0 {
            return Err(Error::query(format!("'{OPTION}' is not supported for rows of sessions")).hint(
                "group by window_start, window_end and the columns of PARTITION BY right above SESSION",
            ));
        }
        let windows: Vec<FieldRef> = window_fields(time_type).collect();
        let (node, rows) = self.with_whole_row(input)?;
        let call = AggregateCall {
            function: "array_agg".into(),
            args: vec![width],
            arg_types: vec![rows.clone()],
            constants: vec![],
            filter: None,
            distinct: false,
            result_type: types::array(rows),
            name: ROWS.into(),
            user: None,
        };
        let node = match self.strategy.shards {
            1 => node,
            _ => {
                let reason = "sessions need every row of a key: rows go to the owner of their session";
                self.graph.exchange(node, Exchange::Hash(partition.to_vec()), reason)
            }
        };
        let collected = Arc::new(Field::new(ROWS, call.result_type.clone(), true));
        let keys = partition.iter().map(|key| below.fields()[*key].clone());
        let fields: Vec<FieldRef> = keys.chain([collected.clone()]).chain(windows.iter().cloned()).collect();
        let first = partition.len();
        let node = self.graph.add(Node {
            operator: Operator::SessionAggregate {
                time,
                gap,
                keys: partition.to_vec(),
                aggregates: vec![call],
                retracting: self.graph.node(node).changelog == Changelog::Retract,
                lateness: 0,
            },
            inputs: vec![node],
            row_time: Some(fields.len() - 1),
            schema: Arc::new(Schema::new(fields)),
            changelog: Changelog::Append,
            reason: "rows are in a session when it has ended".into(),
        });
        // The window, then the rows; then the rows beside the window; then in the order that is wanted.
        let node = self.picked(node, (0..windows.len()).map(|own| first + 1 + own).chain([first]));
        self.graph.node_mut(node).row_time = Some(windows.len() - 1);
        let elements = below.fields().iter().map(|own| Arc::new(own.as_ref().clone().with_nullable(true)));
        let fields: Vec<FieldRef> = windows.iter().cloned().chain(elements).collect();
        let (column, columns) = (windows.len(), windows.len());
        let operator = Operator::Unnest { column, columns, outer: false, ordinality: false };
        let schema = Arc::new(Schema::new(fields));
        let node = self.graph.add_after(node, operator, schema, Some(windows.len() - 1));
        let node = self.picked(node, (windows.len()..windows.len() + width).chain(0..windows.len()));
        self.graph.node_mut(node).row_time = Some(width + windows.len() - 1);
        Ok(node)
    }

    /// The columns of `input`, then all of them as one ROW. Answers its type too.
    fn with_whole_row(&mut self, input: NodeId) -> Result<(NodeId, DataType)> {
        let node = self.graph.node(input).clone();
        let names = node.schema.fields().iter().enumerate();
        let named = names.map(|(at, own)| Arc::new(own.as_ref().clone().with_name(hidden(at))));
        let schema = super::relation::unqualified(named.collect())?;
        let row = crate::function::scalar("row").ok_or_else(|| Error::bug("ROW is missing"))?;
        let values = (0..node.schema.fields().len()).map(|at| Expr::Column(Column::from_name(hidden(at))));
        let row = Expr::ScalarFunction(ScalarFunction::new_udf(row, values.collect()));
        let compiled = compile(&row, &schema)?;
        let data_type = compiled.expr.data_type(schema.as_arrow());
        let data_type = data_type.map_err(|error| Error::bug(format!("type of a row: {error}")))?;
        let mut columns = CalcColumns::default();
        for (position, field) in node.schema.fields().iter().enumerate() {
            columns.column(position, field);
        }
        columns.append(compiled.expr, Field::new(ROWS, data_type.clone(), false));
        let made = self.calc(input, columns);
        self.graph.node_mut(made).row_time = node.row_time;
        Ok((made, data_type))
    }

    /// These columns of `input`, in this order.
    fn picked(&mut self, input: NodeId, positions: impl Iterator<Item = usize>) -> NodeId {
        let schema = self.graph.node(input).schema.clone();
        let mut columns = CalcColumns::default();
        positions.for_each(|position| {
            columns.column(position, schema.field(position));
        });
        self.calc(input, columns)
    }
}
