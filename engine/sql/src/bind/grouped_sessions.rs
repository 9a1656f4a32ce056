//! Sessions that are grouped by what tells them apart, and by nothing else, are computed by the aggregation itself: in
//! Flink a filter between the two then decides which rows make a session. A filter that asks for a column of the
//! window stays above, and so does all of it; where sessions are not aggregated so, a filter takes rows away, not what
//! holds a session together. Of `GROUP BY SESSION(...)`, whose sessions only the aggregation knows, what the optimizer
//! has pushed below it and asks for the window goes back above.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, Result};
use datafusion_expr::utils::split_conjunction_owned;
use datafusion_expr::{Aggregate, Expr, Extension, Filter, LogicalPlan, Projection, SubqueryAlias, lit};
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
        let of = |input: LogicalPlan| {
            let (groups, aggregates) = (own.group_expr.clone(), own.aggr_expr.clone());
            Aggregate::try_new_with_schema(Arc::new(input), groups, aggregates, own.schema.clone())
        };
        if let Some(input) = at_filter(&own.input, own.group_expr.clone(), &mut below_sessions)? {
            return Ok(Transformed::yes(LogicalPlan::Aggregate(of(input)?)));
        }
        let mut above = vec![];
        let mut take = |filter: &Filter, groups: Vec<usize>| {
            let columns = groups.into_iter().zip(own.schema.columns()).collect();
            without_windows(filter, &columns, &mut above)
        };
        let Some(input) = at_filter(&own.input, own.group_expr.clone(), &mut take)? else {
            return Ok(Transformed::no(plan));
        };
        let aggregate = LogicalPlan::Aggregate(of(input)?);
        let condition = above.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
        Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(condition, Arc::new(aggregate))?)))
    }
}

/// What to make of a filter, if anything, when rows are grouped by these columns of it.
type Change<'a> = &'a mut dyn FnMut(&Filter, Vec<usize>) -> Result<Option<LogicalPlan>>;

/// `plan`, which is grouped by columns, with the filter in it changed; `None` if there is none, or no change.
fn at_filter(plan: &LogicalPlan, groups: Vec<Expr>, change: Change) -> Result<Option<LogicalPlan>> {
    let position = |expr: &Expr| match expr {
        Expr::Column(column) => plan.schema().maybe_index_of_column(column),
        _ => None,
    };
    let Some(positions) = groups.iter().map(position).collect::<Option<Vec<_>>>() else { return Ok(None) };
    match plan {
        LogicalPlan::Projection(own) => {
            let groups = positions.iter().map(|position| own.expr[*position].clone().unalias_nested().data);
            let Some(input) = at_filter(&own.input, groups.collect(), change)? else { return Ok(None) };
            let made =
                Projection::try_new_with_schema(own.expr.clone(), Arc::new(input), own.schema.clone())?;
            Ok(Some(LogicalPlan::Projection(made)))
        }
        LogicalPlan::SubqueryAlias(own) => {
            let columns = own.input.schema().columns();
            let groups = positions.iter().map(|position| Expr::Column(columns[*position].clone()));
            let Some(input) = at_filter(&own.input, groups.collect(), change)? else { return Ok(None) };
            let made = SubqueryAlias::try_new(Arc::new(input), own.alias.clone())?;
            Ok(Some(LogicalPlan::SubqueryAlias(made)))
        }
        LogicalPlan::Filter(own) => change(own, positions),
        _ => Ok(None),
    }
}

/// The sessions that `filter` is right above.
fn sessions_below(filter: &Filter) -> Option<&WindowAssign> {
    let LogicalPlan::Extension(extension) = filter.input.as_ref() else { return None };
    let sessions = extension.node.as_any().downcast_ref::<WindowAssign>()?;
    matches!(sessions.window, Windows::Session { .. }).then_some(sessions)
}

/// The filter without what asks for columns of the windows of GROUP BY SESSION(...), which goes to `above` in terms of
/// the aggregation's `columns`.
fn without_windows(
    filter: &Filter,
    columns: &BTreeMap<usize, Column>,
    above: &mut Vec<Expr>,
) -> Result<Option<LogicalPlan>> {
    let Some(sessions) = sessions_below(filter) else { return Ok(None) };
    if !matches!(sessions.window, Windows::Session { partition: None, .. }) {
        return Ok(None);
    }
    let (schema, width) = (filter.input.schema(), sessions.input.schema().fields().len());
    let asks_window = |column: &_| schema.maybe_index_of_column(column).is_none_or(|own| own >= width);
    let parts = split_conjunction_owned(filter.predicate.clone());
    let (moved, kept): (Vec<_>, Vec<_>) =
        parts.into_iter().partition(|part| part.column_refs().into_iter().any(asks_window));
    let grouped =
        |column: &&Column| schema.maybe_index_of_column(column).is_some_and(|own| columns.contains_key(&own));
    if moved.is_empty() || !moved.iter().all(|part| part.column_refs().iter().all(grouped)) {
        return Ok(None);
    }
    for part in moved {
        let translated = part.transform(|expr| match &expr {
            Expr::Column(column) => {
                let of_group = schema.maybe_index_of_column(column).and_then(|own| columns.get(&own));
                Ok(of_group
                    .map_or(Transformed::no(expr.clone()), |own| Transformed::yes(Expr::Column(own.clone()))))
            }
            _ => Ok(Transformed::no(expr)),
        })?;
        above.push(translated.data);
    }
    let input = filter.input.clone();
    Ok(Some(match kept.into_iter().reduce(Expr::and) {
        Some(kept) => LogicalPlan::Filter(Filter::try_new(kept, input)?),
        None => Arc::unwrap_or_clone(input),
    }))
}

/// The sessions of the rows that `filter` keeps; `groups` are the columns that they are grouped by.
fn below_sessions(filter: &Filter, groups: Vec<usize>) -> Result<Option<LogicalPlan>> {
    let Some(sessions) = sessions_below(filter) else { return Ok(None) };
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
