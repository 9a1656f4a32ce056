//! Sessions that are grouped by what tells them apart, and by nothing else, are computed by the aggregation itself: in
//! Flink a filter between the two then decides which rows make a session. A filter that asks for a column of the
//! window stays above, and so does all of it; where sessions are not aggregated so, a filter takes rows away, not what
//! holds a session together.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::{Aggregate, Expr, Extension, Filter, LogicalPlan, Projection, SubqueryAlias};
use datafusion_optimizer::optimizer::ApplyOrder;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

use super::window::{WindowAssign, Windows};

/// The optimizer's rule.
#[derive(Debug)]
pub struct GroupedSessions;

impl OptimizerRule for GroupedSessions {
    fn name(&self) -> &str {
        "grouped_sessions"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(own) = &plan else { return Ok(Transformed::no(plan)) };
        match filtered_first(&own.input, own.group_expr.clone())? {
            Some(input) => {
                let (input, aggregates) = (Arc::new(input), own.aggr_expr.clone());
                let made = Aggregate::try_new_with_schema(
                    input,
                    own.group_expr.clone(),
                    aggregates,
                    own.schema.clone(),
                )?;
                Ok(Transformed::yes(LogicalPlan::Aggregate(made)))
            }
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// `plan` with the filter below the sessions that `groups` are of; `None` if it is not such a plan.
fn filtered_first(plan: &LogicalPlan, groups: Vec<Expr>) -> Result<Option<LogicalPlan>> {
    let position = |expr: &Expr| match expr {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        _ => None,
    };
    let Some(positions) = groups.iter().map(position).collect::<Option<Vec<_>>>() else { return Ok(None) };
    match plan {
        LogicalPlan::Projection(own) => {
            let groups = positions.iter().map(|position| own.expr[*position].clone().unalias_nested().data);
            let Some(input) = filtered_first(&own.input, groups.collect())? else { return Ok(None) };
            let made =
                Projection::try_new_with_schema(own.expr.clone(), Arc::new(input), own.schema.clone())?;
            Ok(Some(LogicalPlan::Projection(made)))
        }
        LogicalPlan::SubqueryAlias(own) => {
            let columns = own.input.schema().columns();
            let groups = positions.iter().map(|position| Expr::Column(columns[*position].clone()));
            let Some(input) = filtered_first(&own.input, groups.collect())? else { return Ok(None) };
            let made = SubqueryAlias::try_new(Arc::new(input), own.alias.clone())?;
            Ok(Some(LogicalPlan::SubqueryAlias(made)))
        }
        LogicalPlan::Filter(own) => below_sessions(own, positions),
        _ => Ok(None),
    }
}

/// The sessions of the rows that `filter` keeps; `groups` are the columns that they are grouped by.
fn below_sessions(filter: &Filter, groups: Vec<usize>) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::Extension(extension) = filter.input.as_ref() else { return Ok(None) };
    let Some(sessions) = extension.node.as_any().downcast_ref::<WindowAssign>() else { return Ok(None) };
    let Windows::Session { partition: Some(partition), .. } = &sessions.window else { return Ok(None) };
    // The columns of the window are the last ones: its start, its end, its time.
    let (schema, width) = (filter.input.schema(), sessions.input.schema().fields().len());
    let (windows, keys): (BTreeSet<_>, BTreeSet<_>) = groups.into_iter().partition(|group| *group >= width);
    let wanted = partition.iter().map(|column| schema.maybe_index_of_column(column).unwrap_or(width));
    let asks_window = |column: &_| schema.maybe_index_of_column(column).is_none_or(|own| own >= width);
    let is_theirs = windows.contains(&width) && windows.contains(&(width + 1)) && keys == wanted.collect();
    if !is_theirs || filter.predicate.column_refs().into_iter().any(asks_window) {
        return Ok(None);
    }
    let kept = Filter::try_new(filter.predicate.clone(), Arc::new(sessions.input.clone()))?;
    let node = WindowAssign::try_new(
        LogicalPlan::Filter(kept),
        sessions.time.clone(),
        sessions.window.clone(),
        sessions.asked,
    )?;
    Ok(Some(LogicalPlan::Extension(Extension { node: Arc::new(node) })))
}
