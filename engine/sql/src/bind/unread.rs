//! An aggregate without keys of which nothing is read: in a stream it is one row once there is a row to aggregate, and
//! none before. The optimizer takes it for one row whatever there is, as a batch would; so it becomes an aggregate by
//! a constant, which has a row if its input has one.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::{Aggregate, Expr, Filter, LogicalPlan, Projection, lit};
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
            LogicalPlan::Projection(own) if reads_nothing(&own.expr) => match only_rows(&own.input)? {
                Some(input) => {
                    let made = Projection::try_new_with_schema(own.expr, Arc::new(input), own.schema)?;
                    Ok(Transformed::yes(LogicalPlan::Projection(made)))
                }
                None => Ok(Transformed::no(LogicalPlan::Projection(own))),
            },
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
