//! `WHERE TRUE` is no filter. `WHERE FALSE` is one like any other: its rows, none, still have a row time.

use std::sync::Arc;

use datafusion_common::tree_node::Transformed;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::optimizer::ApplyOrder;
use datafusion_optimizer::{OptimizerConfig, OptimizerRule};

/// The optimizer's rule.
#[derive(Debug)]
pub struct TrueFilters;

impl OptimizerRule for TrueFilters {
    fn name(&self) -> &str {
        "true_filters"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Filter(own)
                if matches!(own.predicate, Expr::Literal(ScalarValue::Boolean(Some(true)), _)) =>
            {
                Ok(Transformed::yes(Arc::unwrap_or_clone(own.input)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}
