//! `LATERAL (SELECT ... ORDER BY ... LIMIT n)`: the first rows for each row of the left side.
//!
//! A LIMIT for each left row is a rank among the rows that are equal in what the left row asks for. With the rank in
//! its place, the optimizer makes a join of the subquery like of any other.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DataFusionError, Result};
use datafusion_expr::expr::{Sort as SortExpr, WindowFunction};
use datafusion_expr::logical_plan::{FetchType, SkipType, Subquery};
use datafusion_expr::utils::{conjunction, split_conjunction_owned};
use datafusion_expr::{
    BinaryExpr, Expr, ExprFunctionExt, Limit, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Sort,
    WindowFunctionDefinition, lit,
};
use millrace_plan::Error;

const RANK: &str = "__rank";

/// Every LIMIT of a subquery that sees the left side, as a rank.
pub fn ranked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Subquery(Subquery { subquery, outer_ref_columns, spans })
            if !outer_ref_columns.is_empty() =>
        {
            let subquery = match subquery.as_ref() {
                LogicalPlan::Limit(limit) => first_rows(limit)?.into(),
                _ => subquery,
            };
            check_aggregates(&subquery)?;
            Ok(Transformed::yes(LogicalPlan::Subquery(Subquery { subquery, outer_ref_columns, spans })))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}

fn unsupported(what: &str, hint: &str) -> DataFusionError {
    DataFusionError::External(Box::new(Error::query(format!("{what} is not supported")).hint(hint)))
}

/// The error of a subquery that could not be made a join.
pub fn not_a_join() -> Error {
    Error::query("this LATERAL subquery is not supported").hint(
        "let it refer to the left side in its WHERE alone; or join with GROUP BY in a subquery of its own",
    )
}

/// An aggregate of all rows that a left row asks for is one row even of none. The optimizer makes that row where it
/// joins; what would take it away again, or read it before, it passes over. So nothing but SELECT may be above it.
fn check_aggregates(plan: &LogicalPlan) -> Result<()> {
    let selected = match plan {
        LogicalPlan::Projection(own) => own.input.as_ref(),
        other => other,
    };
    let below = match selected {
        LogicalPlan::Aggregate(own) if own.group_expr.is_empty() => own.input.as_ref(),
        _ => plan,
    };
    below.apply(|node| match node {
        LogicalPlan::Aggregate(own) if own.group_expr.is_empty() && refers_inside(&own.input)? => {
            Err(unsupported(
                "HAVING, or anything else over an aggregate without GROUP BY, in LATERAL",
                "ask it of the rows in the query above",
            ))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(())
}

fn first_rows(limit: &Limit) -> Result<LogicalPlan> {
    let (SkipType::Literal(skipped), FetchType::Literal(Some(rows))) =
        (limit.get_skip_type()?, limit.get_fetch_type()?)
    else {
        return Err(unsupported("LIMIT in LATERAL without a constant", "write LIMIT n"));
    };
    let (above, below) = match limit.input.as_ref() {
        LogicalPlan::Projection(own) => (Some(own), own.input.as_ref()),
        other => (None, other),
    };
    let LogicalPlan::Sort(sort) = below else {
        return Err(unsupported(
            "LIMIT in LATERAL without ORDER BY",
            "say which rows are the first: ORDER BY ... LIMIT n",
        ));
    };
    let LogicalPlan::Projection(selected) = sort.input.as_ref() else { return Err(aggregated()) };
    let LogicalPlan::Filter(filter) = selected.input.as_ref() else { return Err(aggregated()) };
    let (asked, own): (Vec<Expr>, Vec<Expr>) =
        split_conjunction_owned(filter.predicate.clone()).into_iter().partition(refers_outside);
    if refers_inside(&filter.input)? {
        return Err(aggregated());
    }
    let keys = asked.iter().map(key).collect::<Result<Vec<Expr>>>()?;
    let mut rows_below = LogicalPlanBuilder::from(filter.input.as_ref().clone());
    if let Some(own) = conjunction(own) {
        rows_below = rows_below.filter(own)?;
    }
    let rank = rank(keys, order(sort, selected)?)?;
    let is_among = Expr::Column(Column::from_name(RANK));
    let (first, last) = (skipped as i64, skipped.saturating_add(rows) as i64);
    let mut ranked = rows_below.window(vec![rank.alias(RANK)])?.filter(is_among.clone().lt_eq(lit(last)))?;
    if first > 0 {
        ranked = ranked.filter(is_among.gt(lit(first)))?;
    }
    if let Some(asked) = conjunction(asked) {
        ranked = ranked.filter(asked)?;
    }
    let ranked = ranked.project(selected.expr.clone())?;
    match above {
        Some(Projection { expr, .. }) => ranked.project(expr.clone())?.build(),
        None => ranked.build(),
    }
}

fn aggregated() -> DataFusionError {
    unsupported(
        "LIMIT in LATERAL over a query without a WHERE of its own",
        "refer to the left side in the WHERE right below ORDER BY; or rank with ROW_NUMBER() in a subquery and join it",
    )
}

fn refers_outside(expr: &Expr) -> bool {
    expr.exists(|own| Ok(matches!(own, Expr::OuterReferenceColumn(..)))).unwrap_or(true)
}

/// True if a node of `plan` refers to the left side.
fn refers_inside(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.expressions().iter().any(refers_outside);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// The side of an equality that is the subquery's own: rows that are equal in it are ranked together.
fn key(condition: &Expr) -> Result<Expr> {
    if let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition {
        for (own, other) in [(left, right), (right, left)] {
            if !refers_outside(own) && refers_outside(other) && other.column_refs().is_empty() {
                return Ok(own.as_ref().clone());
            }
        }
    }
    Err(unsupported(
        &format!("LIMIT in LATERAL where {condition}"),
        "compare a column of the subquery with one of the left side by =",
    ))
}

/// What sorts the rows, in terms of what is below SELECT.
fn order(sort: &Sort, selected: &Projection) -> Result<Vec<SortExpr>> {
    // What stands in the place of a column is in terms of other columns: it is left as it is.
    let below = |expr: Expr| -> Result<Transformed<Expr>> {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        let Some(position) = selected.schema.maybe_index_of_column(column) else {
            return Ok(Transformed::no(expr));
        };
        let own = selected.expr[position].clone().unalias();
        Ok(Transformed::new(own, true, TreeNodeRecursion::Jump))
    };
    let sorted = |own: &SortExpr| -> Result<SortExpr> {
        Ok(SortExpr { expr: own.expr.clone().transform_down(below)?.data, ..own.clone() })
    };
    sort.expr.iter().map(sorted).collect()
}

fn rank(keys: Vec<Expr>, order: Vec<SortExpr>) -> Result<Expr> {
    let function = super::over::over_function("row_number")
        .ok_or_else(|| DataFusionError::External(Box::new(Error::bug("ROW_NUMBER is missing"))))?;
    let call = WindowFunction::new(WindowFunctionDefinition::WindowUDF(function), vec![]);
    Expr::WindowFunction(Box::new(call)).partition_by(keys).order_by(order).build()
}
