//! Top-N: `SELECT ... FROM (SELECT *, ROW_NUMBER() OVER (...) AS rn FROM t) WHERE rn <= n`.
//!
//! The condition on the rank is found in the filter and handed down to the window it belongs to; what else
//! the filter asks stays above.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::{Column, ScalarValue};
use datafusion_expr::logical_plan::{Projection, SubqueryAlias};
use datafusion_expr::utils::{conjunction, split_conjunction};
use datafusion_expr::{BinaryExpr, Expr, Filter, LogicalPlan, Operator as Comparison, Window};
use millrace_plan::{
    Changelog, EmitMode, Error, Exchange, GREATEST_RANK, Node, NodeId, Operator, Plan, Result, SortColumn,
    Ties,
};

use super::over::functions;
use super::relation::{Attached, Relation};
use super::{Lowering, Statement};

/// The ranks that a filter keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ranks {
    first: u64,
    last: u64,
}

impl Ranks {
    /// Those behind `skipped`: the next `rows`, or all.
    pub fn of(skipped: u64, rows: Option<u64>) -> Self {
        let first = skipped.min(GREATEST_RANK) + 1;
        let last = rows.map_or(GREATEST_RANK, |rows| skipped.saturating_add(rows).min(GREATEST_RANK));
        Ranks { first, last }
    }

    /// The first and the last.
    pub fn range(self) -> (u64, u64) {
        (self.first, self.last)
    }

    /// False if no rank is too great.
    pub fn is_bounded(self) -> bool {
        self.last < GREATEST_RANK
    }
}

/// The ranks that `filter` keeps and what else it asks, if it is over the rank of a window.
pub fn ranks(filter: &Filter) -> Option<(Ranks, Option<Expr>)> {
    let (mut first, mut last, mut rest) = (1i64, i64::MAX, vec![]);
    for condition in split_conjunction(&filter.predicate) {
        match bounds(condition).filter(|(column, ..)| is_rank(&filter.input, column)) {
            Some((_, least, most)) => (first, last) = (first.max(least), last.min(most)),
            None => rest.push(condition.clone()),
        }
    }
    (last < i64::MAX).then(|| {
        let ranks = Ranks { first: first as u64, last: last.clamp(0, i64::MAX - 1) as u64 };
        (ranks, conjunction(rest))
    })
}

/// The column and the range that it must lie in, if the condition says that.
fn bounds(condition: &Expr) -> Option<(&Column, i64, i64)> {
    let open = (i64::MIN, i64::MAX);
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, value, op) = match (column(left), column(right)) {
                (Some(column), None) => (column, whole(right)?, *op),
                (None, Some(column)) => (column, whole(left)?, op.swap()?),
                _ => return None,
            };
            let (least, most) = match op {
                Comparison::Eq => (value, value),
                Comparison::LtEq => (open.0, value),
                Comparison::Lt => (open.0, value.checked_sub(1)?),
                Comparison::GtEq => (value, open.1),
                Comparison::Gt => (value.checked_add(1)?, open.1),
                _ => return None,
            };
            Some((column, least, most))
        }
        Expr::Between(between) if !between.negated => {
            Some((column(&between.expr)?, whole(&between.low)?, whole(&between.high)?))
        }
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Cast(inner) => column(&inner.expr),
        _ => None,
    }
}

/// The whole number that a constant is.
pub fn whole(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(whole)) if value.data_type().is_integer() => whole,
            _ => None,
        },
        Expr::Cast(inner) => whole(&inner.expr),
        _ => None,
    }
}

/// True if `column` of `plan` is the only function of a window and ranks rows.
fn is_rank(plan: &LogicalPlan, column: &Column) -> bool {
    let Some(position) = plan.schema().maybe_index_of_column(column) else { return false };
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => {
            let (qualifier, field) = input.schema().qualified_field(position);
            is_rank(input, &Column::from((qualifier, field.as_ref())))
        }
        LogicalPlan::Projection(Projection { expr, input, .. }) => match expr[position].clone().unalias() {
            Expr::Column(column) => is_rank(input, &column),
            _ => false,
        },
        LogicalPlan::Window(window) => {
            let ranks = |name: &str| matches!(name, "row_number" | "rank" | "dense_rank");
            position + 1 == window.schema.fields().len()
                && functions(window).is_ok_and(|own| own.len() == 1 && ranks(own[0].fun.name()))
        }
        _ => false,
    }
}

/// What a window ranks rows by.
struct Ranking {
    keys: Vec<usize>,
    order: Vec<SortColumn>,
    ties: Ties,
    /// The columns with the start and end of the window, if it is one of the keys.
    window: Option<(usize, usize)>,
    /// Ordered by the row time alone: by this column, ascending or descending.
    by_time: Option<usize>,
}

impl Lowering {
    pub(super) fn top_n(&mut self, window: &Window, ranks: Ranks, statement: Statement) -> Result<Relation> {
        let functions = functions(window)?;
        let function = &functions[0];
        if function.fun.name() != "row_number" {
            let name = function.fun.name().to_uppercase();
            return Err(Error::query(format!("{name} in a top-N is not supported yet"))
                .hint("use ROW_NUMBER, which gives every row a rank of its own")
                .at(statement.place));
        }
        let input = self.relation(&window.input, statement)?;
        let params = &function.params;
        // Rows are in the order of processing time when they come.
        let arrival = params.order_by.iter().position(|own| input.is_arrival(&own.expr));
        let order_by = &params.order_by[..arrival.unwrap_or(params.order_by.len())];
        let by_row_time = |expr: &Expr| input.column(expr).is_some_and(|own| input.times.contains(&own));
        let by_time = order_by.len() == 1 && arrival.is_none() && by_row_time(&order_by[0].expr);
        let attached = window_keys(&input, &params.partition_by);
        let mut exprs = params.partition_by.clone();
        exprs.extend(order_by.iter().map(|own| own.expr.clone()));
        let (widened, positions) = self.widened(input, &exprs)?;
        let (all_keys, sorted) = positions.split_at(params.partition_by.len());
        let columns = order_by.iter().zip(sorted).map(|(own, column)| SortColumn {
            column: *column,
            descending: !own.asc,
            nulls_first: own.nulls_first,
        });
        let order: Vec<SortColumn> = columns.collect();
        let retracting = self.graph.node(widened.node).changelog == Changelog::Retract;
        let latest = arrival.map(|at| !params.order_by[at].asc);
        let latest = latest.unwrap_or(by_time && ranks.last == 1 && order[0].descending);
        if arrival.is_some() && retracting {
            return Err(Error::query("a ranking by processing time of rows that change")
                .hint("order by a column, or rank the rows below the aggregation")
                .at(statement.place));
        }
        let ties = match (self.keeps_order(widened.node) || arrival.is_some(), latest) {
            (false, _) => Ties::Content,
            (true, true) => Ties::Latest,
            (true, false) => Ties::Earliest,
        };
        let window_columns = attached.filter(|_| !retracting);
        let is_window = |key: usize| window_columns.is_some_and(|(start, end)| key == start || key == end);
        let keys = all_keys.iter().copied().filter(|key| !is_window(*key)).collect();
        let by_time = (by_time && !retracting).then(|| order[0].column);
        let ranking = Ranking { keys, order, ties, window: window_columns, by_time };
        let node = self.owned(widened.node, all_keys, "ranking: rows go to the owner of their key");
        let below = widened.relation;
        let node = self.ranked(node, &below, widened.width, ranking, ranks, statement);
        let append = self.graph.node(node).changelog == Changelog::Append;
        let keeps = append && self.graph.node(node).row_time.is_some();
        Ok(Relation {
            times: if keeps { below.times } else { Default::default() },
            domain: below.domain,
            attached: below.attached.filter(|_| append),
            ..Relation::of(node, window.schema.clone())
        })
    }

    /// The node that ranks.
    fn ranked(
        &mut self,
        input: NodeId,
        below: &Relation,
        columns: usize,
        ranking: Ranking,
        ranks: Ranks,
        statement: Statement,
    ) -> NodeId {
        let Node { schema, changelog, .. } = self.graph.node(input).clone();
        let row_time = self.graph.node(below.node).row_time;
        let Ranking { keys, order, ties, window, by_time } = ranking;
        let emit = statement.emit.unwrap_or(EmitMode::Changes);
        let ascending = order.first().is_some_and(|own| !own.descending);
        let mut fields: Vec<FieldRef> = schema.fields().iter().take(columns).cloned().collect();
        if let (None, Some(time), true, (1, 1)) = (window, by_time, ascending, (ranks.first, ranks.last))
            && emit == EmitMode::Changes
        {
            let first = self.graph.add(Node {
                operator: Operator::Deduplicate { keys, time, columns },
                inputs: vec![input],
                schema: Arc::new(Schema::new(fields)),
                changelog: Changelog::Append,
                row_time,
                reason: "the first row by row time is known when the watermark reaches it".into(),
            });
            return self.with_rank_one(first);
        }
        fields.push(Arc::new(Field::new("rank", DataType::Int64, false)));
        let append = window.is_some() || emit == EmitMode::Final;
        let Ranks { first, last } = ranks;
        let retracting = changelog == Changelog::Retract;
        self.graph.add(Node {
            operator: Operator::TopN {
                keys,
                order,
                ties,
                first,
                last,
                rank: true,
                columns,
                window,
                emit,
                retracting,
            },
            inputs: vec![input],
            schema: Arc::new(Schema::new(fields)),
            changelog: if append { Changelog::Append } else { Changelog::Retract },
            row_time: row_time.filter(|_| window.is_some()),
            reason: String::new(),
        })
    }

    /// The rows with the rank that all of them have.
    fn with_rank_one(&mut self, node: NodeId) -> NodeId {
        use datafusion_physical_expr::expressions::{Column, Literal};
        let Node { schema, row_time, .. } = self.graph.node(node).clone();
        let mut columns = super::calc::CalcColumns::default();
        for (position, field) in schema.fields().iter().enumerate() {
            columns.append(Arc::new(Column::new(field.name(), position)), field.as_ref().clone());
        }
        let one = Literal::new(ScalarValue::Int64(Some(1)));
        columns.append(Arc::new(one), Field::new("rank", DataType::Int64, false));
        let node = self.calc(node, columns);
        self.graph.node_mut(node).row_time = row_time;
        node
    }

    /// True if the rows of `node` come in the order of their splits, however shards run: nothing below makes
    /// new rows.
    pub(super) fn keeps_order(&self, node: NodeId) -> bool {
        let Node { operator, inputs, .. } = self.graph.node(node);
        let keeps = match operator {
            Operator::Source { .. } => return true,
            Operator::RowTime(_)
            | Operator::ProcessingTime { .. }
            | Operator::Calc { .. }
            | Operator::Unnest { .. }
            | Operator::WindowAssign { .. } => true,
            // A list of rows.
            Operator::Expand { .. } => return inputs.iter().all(|input| self.is_one_row(*input)),
            Operator::Exchange(exchange) => matches!(exchange, Exchange::Hash(_) | Exchange::Gather),
            _ => false,
        };
        keeps && inputs.iter().all(|input| self.keeps_order(*input))
    }
}

/// The columns of the start and end of the rows' window, if both are keys.
fn window_keys(input: &Relation, keys: &[Expr]) -> Option<(usize, usize)> {
    let Attached { start, end, .. } = input.attached?;
    let is_key = |column: usize| keys.iter().any(|key| input.column(key) == Some(column));
    (is_key(start) && is_key(end)).then_some((start, end))
}

/// Takes the rank out of a top-N if the node above does not read it: then a row that moves up is no change.
pub fn without_unused_ranks(plan: &mut Plan) {
    for id in 0..plan.nodes.len() {
        let readers: Vec<NodeId> = plan.readers(id).map(|(reader, _)| reader).collect();
        let last = plan.nodes[id].schema.fields().len().saturating_sub(1);
        let &[reader] = readers.as_slice() else { continue };
        if reads(&plan.nodes[reader].operator, last) {
            continue;
        }
        let node = &mut plan.nodes[id];
        if let Operator::TopN { rank, .. } = &mut node.operator
            && *rank
        {
            *rank = false;
            let kept: Vec<FieldRef> = node.schema.fields().iter().take(last).cloned().collect();
            node.schema = Arc::new(Schema::new(kept));
        }
    }
}

/// True unless the operator is known not to read the column.
fn reads(operator: &Operator, column: usize) -> bool {
    use datafusion_physical_expr::utils::collect_columns;
    let Operator::Calc { filter, exprs, now: false } = operator else { return true };
    let mut all = filter.iter().chain(exprs.iter().map(|own| &own.expr));
    all.any(|expr| collect_columns(expr).iter().any(|own| own.index() == column))
}
