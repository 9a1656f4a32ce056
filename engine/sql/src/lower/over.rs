//! OVER windows as nodes: the columns they need, and how rows get to the owner of their key.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::ScalarValue;
use datafusion_expr::expr::{Sort, WindowFunction, WindowFunctionParams};
use datafusion_expr::{
    Expr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, lit, when,
};
use millrace_plan::{
    AggregateCall, Changelog, Error, Exchange, Frame, Node, NodeId, Operator, OverCall, Result,
};

use super::calc::{CalcColumns, compile};
use super::relation::Relation;
use super::{Lowering, Statement, literal};
use crate::bind::{explain_error, user_aggregate};

/// Rows with the columns that a window needs appended to their own.
pub struct Widened {
    /// The node that sends them.
    pub node: NodeId,
    /// The rows under their own names.
    pub relation: Relation,
    /// Their own columns come first.
    pub width: usize,
}

/// The window functions of a node, each with the name of its result.
pub fn functions(window: &Window) -> Result<Vec<WindowFunction>> {
    let function = |expr: &Expr| match expr.clone().unalias() {
        Expr::WindowFunction(function) => Ok(*function),
        other => Err(Error::bug(format!("not a window function: {other}"))),
    };
    window.window_expr.iter().map(function).collect()
}

impl Lowering {
    /// The relation below a window, with `exprs` computed. Answers where each of them is.
    pub(super) fn widened(&mut self, relation: Relation, exprs: &[Expr]) -> Result<(Widened, Vec<usize>)> {
        let relation = self.materialized(relation)?;
        let real = self.real_schema(&relation)?;
        let own = self.graph.node(relation.node).clone();
        let width = own.schema.fields().len();
        let mut columns = CalcColumns::default();
        for (position, field) in own.schema.fields().iter().enumerate() {
            columns.append(
                Arc::new(datafusion_physical_expr::expressions::Column::new(field.name(), position)),
                field.as_ref().clone(),
            );
        }
        let mut positions = vec![];
        for expr in exprs {
            let data_type = compile(expr, &real)?.expr.data_type(real.as_arrow());
            let data_type = data_type.map_err(|error| Error::bug(format!("type of a column: {error}")))?;
            let field = Field::new(expr.schema_name().to_string(), data_type, true);
            positions.push(columns.push(expr, &real, &field)?);
        }
        let node = self.calc(relation.node, columns);
        self.graph.node_mut(node).row_time = own.row_time;
        Ok((Widened { node, relation, width }, positions))
    }

    /// Rows on the shard that owns their key; without a key, on the first.
    pub(super) fn owned(&mut self, node: NodeId, keys: &[usize], reason: &str) -> NodeId {
        match (self.strategy.shards, keys) {
            (1, _) => node,
            (_, []) => {
                self.graph.exchange(node, Exchange::Gather, "no PARTITION BY: one shard sees all rows")
            }
            (_, keys) => self.graph.exchange(node, Exchange::Hash(keys.to_vec()), reason),
        }
    }

    pub(super) fn over(&mut self, window: &Window, statement: Statement) -> Result<Relation> {
        let input = self.relation(&window.input, statement)?;
        let functions = functions(window)?;
        let Some(first) = functions.first() else { return Err(Error::bug("a window without a function")) };
        let time = order(&input, first, statement)?;
        if self.graph.node(input.node).changelog == Changelog::Retract {
            return Err(Error::query("OVER over a query whose rows change")
                .hint("compute it over the rows below the aggregation, or EMIT FINAL")
                .at(statement.place));
        }
        let mut exprs = first.params.partition_by.clone();
        let keys = exprs.len();
        exprs.extend(time.clone());
        let mut calls = vec![];
        for (position, function) in functions.iter().enumerate() {
            let field = window.schema.field(window.schema.fields().len() - functions.len() + position);
            calls.push(call(function, field, &mut exprs).map_err(|error| error.at(statement.place))?);
        }
        let (widened, positions) = self.widened(input, &exprs)?;
        let keys = positions[..keys].to_vec();
        let schema = self.graph.node(widened.node).schema.clone();
        for own in &mut calls {
            own.call.args.iter_mut().for_each(|arg| *arg = positions[*arg]);
            own.call.arg_types =
                own.call.args.iter().map(|arg| schema.field(*arg).data_type().clone()).collect();
        }
        let time = time.map(|_| positions[keys.len()]);
        let node = self.owned(widened.node, &keys, "OVER: rows go to the owner of their key");
        let results = calls.iter().map(|own| {
            Arc::new(Field::new(own.call.name.clone(), own.call.result_type.clone(), true)) as FieldRef
        });
        let fields: Vec<FieldRef> =
            schema.fields().iter().take(widened.width).cloned().chain(results).collect();
        let below = widened.relation;
        let row_time = self.graph.node(below.node).row_time;
        let node = self.graph.add(Node {
            operator: Operator::OverAggregate { keys, time, calls, columns: widened.width },
            inputs: vec![node],
            schema: Arc::new(Schema::new(fields)),
            changelog: Changelog::Append,
            row_time,
            reason: String::new(),
        });
        Ok(Relation {
            times: below.times,
            domain: below.domain,
            arrivals: below.arrivals,
            attached: below.attached,
            ..Relation::of(node, window.schema.clone())
        })
    }
}

/// The row time that orders the window; `None` = processing time.
fn order(input: &Relation, function: &WindowFunction, statement: Statement) -> Result<Option<Expr>> {
    let hint = match function.fun.name() {
        "row_number" => {
            "for a top-N keep its ranks, as in WHERE rn <= 10; else order by one time attribute, \
                         ascending: the column of WATERMARK FOR, or PROCTIME()"
        }
        _ => "order by one time attribute, ascending: the column of WATERMARK FOR, or PROCTIME()",
    };
    let wrong =
        |what: &str| Error::query(format!("{what} in the ORDER BY of OVER")).hint(hint).at(statement.place);
    let [Sort { expr, asc, .. }] = function.params.order_by.as_slice() else {
        return Err(wrong(match function.params.order_by.len() {
            0 => "no column",
            _ => "several columns",
        }));
    };
    if !asc {
        return Err(wrong("DESC"));
    }
    if input.is_arrival(expr) {
        return Ok(None);
    }
    match input.column(expr).is_some_and(|column| input.times.contains(&column)) {
        true => Ok(Some(expr.clone())),
        false => Err(wrong("a column that is not a time attribute")),
    }
}

/// The rows that a function sees.
fn frame(name: &str, frame: &WindowFrame) -> Result<Frame> {
    let refused = |what: &str| {
        Error::query(format!("{what} in an OVER window"))
            .hint("write ROWS or RANGE BETWEEN n PRECEDING (or UNBOUNDED PRECEDING) AND CURRENT ROW")
    };
    match name {
        "row_number" => return Ok(Frame::Rows(None)),
        "lag" | "rank" | "dense_rank" => return Ok(Frame::Range(None)),
        _ => {}
    }
    if frame.end_bound != WindowFrameBound::CurrentRow {
        return Err(refused("a frame that does not end with CURRENT ROW"));
    }
    let bound = match &frame.start_bound {
        WindowFrameBound::Preceding(value) if value.is_null() => None,
        WindowFrameBound::Preceding(value) => Some(value.clone()),
        WindowFrameBound::CurrentRow => Some(ScalarValue::UInt64(Some(0))),
        WindowFrameBound::Following(_) => return Err(refused("FOLLOWING")),
    };
    match frame.units {
        WindowFrameUnits::Rows => {
            let rows = |value: ScalarValue| match value.cast_to(&DataType::UInt64) {
                Ok(ScalarValue::UInt64(Some(rows))) => Ok(rows),
                _ => Err(refused("a number of rows that is not a constant")),
            };
            Ok(Frame::Rows(bound.map(rows).transpose()?))
        }
        WindowFrameUnits::Range => {
            let length = |value: ScalarValue| {
                interval_ms(&value)
                    .ok_or_else(|| refused("a length that is not an interval of days to seconds"))
            };
            Ok(Frame::Range(bound.map(length).transpose()?))
        }
        WindowFrameUnits::Groups => Err(refused("GROUPS")),
    }
}

fn interval_ms(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::UInt64(Some(0)) => Some(0),
        ScalarValue::IntervalMonthDayNano(Some(value)) if value.months == 0 => {
            Some(value.days as i64 * 86_400_000 + value.nanoseconds / 1_000_000)
        }
        ScalarValue::IntervalDayTime(Some(value)) => {
            Some(value.days as i64 * 86_400_000 + value.milliseconds as i64)
        }
        _ => None,
    }
}

/// One call; its arguments are appended to `exprs`, which its `args` point into.
fn call(function: &WindowFunction, field: &Field, exprs: &mut Vec<Expr>) -> Result<OverCall> {
    let name = function.fun.name().to_string();
    let WindowFunctionParams { args, filter, null_treatment, distinct, window_frame, .. } = &function.params;
    let refused = |what: &str, hint: &str| Err(Error::query(what.to_string()).hint(hint));
    if name == "lead" {
        return refused(
            "LEAD needs rows that have not come yet",
            "use LAG, which looks back, and take the row it stands beside as the earlier one",
        );
    }
    if let WindowFunctionDefinition::AggregateUDF(own) = &function.fun
        && user_aggregate(own).is_some()
    {
        return refused(
            &format!("{name} with OVER is not supported yet"),
            "user aggregates run with GROUP BY, over windows or without",
        );
    }
    if null_treatment.is_some() {
        return refused("IGNORE NULLS and RESPECT NULLS in OVER", "leave it out: NULLs are ignored");
    }
    let of_aggregate = matches!(function.fun, WindowFunctionDefinition::AggregateUDF(_));
    if filter.is_some() && !of_aggregate {
        return refused("FILTER with a function that is not an aggregate", "use CASE in its argument");
    }
    let (mut positions, mut constants) = (vec![], vec![]);
    for (position, arg) in args.iter().enumerate() {
        match literal(arg) {
            Some(_) if name == "count" && filter.is_none() && !distinct => {}
            Some(constant) if position == 1 => constants.push(constant),
            None if position == 1 => {
                return refused("the second argument of a function in OVER", "it must be a constant");
            }
            _ => {
                positions.push(exprs.len());
                exprs.push(filtered(arg, filter.as_deref())?);
            }
        }
    }
    if name == "lag" && constants.first().is_some_and(|text| text.parse::<u32>().is_err()) {
        return refused("the second argument of LAG", "it is the number of rows back, from 0");
    }
    let call = AggregateCall {
        function: name.clone(),
        args: positions,
        arg_types: vec![],
        constants,
        filter: None,
        distinct: *distinct,
        result_type: field.data_type().clone(),
        name: field.name().clone(),
        user: None,
    };
    Ok(OverCall { call, frame: frame(&name, window_frame)? })
}

/// The argument where the filter is true, else NULL, which no aggregate counts.
fn filtered(arg: &Expr, filter: Option<&Expr>) -> Result<Expr> {
    match filter {
        None => Ok(arg.clone()),
        Some(filter) => when(filter.clone(), arg.clone())
            .otherwise(lit(ScalarValue::Null))
            .map_err(|error| explain_error(&error, None)),
    }
}
