//! An aggregate without keys of which nothing is read, also by the join that it is a side of: in a stream it is one row once there is a row to aggregate, and
//! none before. The optimizer takes it for one row whatever there is, as a batch would; so it becomes an aggregate by
//! a constant, which has a row if its input has one.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::tree_node::Transformed;
use datafusion_common::{Column, Result};
use datafusion_expr::{Aggregate, Expr, Filter, Join, LogicalPlan, Projection, lit};
use datafusion_optimizer::optimizer::ApplyOrder;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

/// The optimizer's rule.
#[derive(Debug)]
pub struct UnreadAggregates;

impl OptimizerRule for UnreadAggregates {
    fn name(&self) -> &str {
        "unread_aggregates"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Projection(own) => {
                let input = match reads_nothing(&own.expr) {
                    true => only_rows(&own.input)?,
                    false => joined_rows(&own.input, own.expr.iter().flat_map(Expr::column_refs).collect())?,
                };
                match input {
                    Some(input) => {
                        let made = Projection::try_new_with_schema(own.expr, Arc::new(input), own.schema)?;
                        Ok(Transformed::yes(LogicalPlan::Projection(made)))
                    }
                    None => Ok(Transformed::no(LogicalPlan::Projection(own))),
                }
            }
            LogicalPlan::Aggregate(own)
                if reads_nothing(&own.group_expr) && reads_nothing(&own.aggr_expr) =>
            {
                match only_rows(&own.input)? {
                    Some(input) => {
                        let Aggregate { group_expr, aggr_expr, schema, .. } = own;
                        let made =
                            Aggregate::try_new_with_schema(Arc::new(input), group_expr, aggr_expr, schema)?;
                        Ok(Transformed::yes(LogicalPlan::Aggregate(made)))
                    }
                    None => Ok(Transformed::no(LogicalPlan::Aggregate(own))),
                }
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn reads_nothing(exprs: &[Expr]) -> bool {
    exprs.iter().all(|expr| expr.column_refs().is_empty())
}

/// `plan` with as many rows of the sides of joins of which nothing is in `read`, if they are aggregates without keys.
fn joined_rows<'a>(plan: &'a LogicalPlan, mut read: BTreeSet<&'a Column>) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(own) => {
            read.extend(own.predicate.column_refs());
            let Some(input) = joined_rows(&own.input, read)? else { return Ok(None) };
            Ok(Some(LogicalPlan::Filter(Filter::try_new(own.predicate.clone(), Arc::new(input))?)))
        }
        LogicalPlan::Join(own) => {
            let keys = own.on.iter().flat_map(|(left, right)| [left, right]);
            read.extend(keys.chain(&own.filter).flat_map(Expr::column_refs));
            let side =
                |input: &LogicalPlan| match input.schema().columns().iter().any(|own| read.contains(own)) {
                    true => joined_rows(input, read.clone()),
                    false => only_rows(input),
                };
            let (left, right) = (side(&own.left)?, side(&own.right)?);
            if left.is_none() && right.is_none() {
                return Ok(None);
            }
            let given =
                |side: Option<LogicalPlan>, own: &Arc<LogicalPlan>| side.map_or(own.clone(), Arc::new);
            let made = Join::try_new(
                given(left, &own.left),
                given(right, &own.right),
                own.on.clone(),
                own.filter.clone(),
                own.join_type,
                own.join_constraint,
                own.null_equality,
                own.null_aware,
            )?;
            Ok(Some(LogicalPlan::Join(made)))
        }
        _ => Ok(None),
    }
}

/// As many rows as `plan` has, if they are those of an aggregate without keys.
fn only_rows(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(own) if own.group_expr.is_empty() => {
            let made = Aggregate::try_new(own.input.clone(), vec![lit(true)], vec![])?;
            Ok(Some(LogicalPlan::Aggregate(made)))
        }
        LogicalPlan::SubqueryAlias(own) => only_rows(&own.input),
        LogicalPlan::Projection(own) => only_rows(&own.input),
        LogicalPlan::Filter(own) if own.predicate.column_refs().is_empty() => {
            let Some(input) = only_rows(&own.input)? else { return Ok(None) };
            Ok(Some(LogicalPlan::Filter(Filter::try_new(own.predicate.clone(), Arc::new(input))?)))
        }
        _ => Ok(None),
    }
}
