//! Random values in conditions over joins: refused, because the optimizer would move the condition below the join,
//! where it is drawn once for a row and not for a pair.

use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_expr::logical_plan::Extension;
use datafusion_expr::{Expr, LogicalPlan};
use millrace_plan::{Error, Place, Result};

use super::temporal::TemporalJoin;

/// Fails if a condition over a join draws a random value.
pub fn refuse_random_conditions(plan: &LogicalPlan, place: Option<Place>) -> Result<()> {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        found |= match node {
            LogicalPlan::Join(join) => {
                let keys = join.on.iter().any(|(left, right)| left.is_volatile() || right.is_volatile());
                keys || join.filter.as_ref().is_some_and(|filter| filter.is_volatile())
            }
            LogicalPlan::Extension(Extension { node }) => node
                .as_any()
                .downcast_ref::<TemporalJoin>()
                .is_some_and(|join| join.conditions.iter().any(Expr::is_volatile)),
            LogicalPlan::Filter(filter) => filter.predicate.is_volatile() && is_over_join(&filter.input),
            _ => false,
        };
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| Error::bug(format!("walking the plan: {error}")))?;
    match found {
        false => Ok(()),
        true => Err(Error::query("a condition over a join draws a random value")
            .hint("draw it in the SELECT of a subquery, and compare that column")
            .at(place)),
    }
}

/// True if a condition over `plan` may be moved below a join.
fn is_over_join(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(_) => true,
        LogicalPlan::Filter(filter) => is_over_join(&filter.input),
        LogicalPlan::Projection(projection) => is_over_join(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_over_join(&alias.input),
        _ => false,
    }
}
