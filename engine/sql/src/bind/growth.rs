//! Expressions that grow when they are simplified.

use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::{Expr, LogicalPlan};
use millrace_plan::{Error, Result};

use super::error::explain_error;

/// `COALESCE`, `IFNULL` and `BETWEEN` become an expression that has a value twice: inside of each other as often as
/// this they make some hundred of one.
const MOST_NESTED: usize = 8;

/// Refuses what would grow beyond measure.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    let mut deepest = 0;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            deepest = deepest.max(nested(expr)?);
            Ok(TreeNodeRecursion::Continue)
        })
    });
    walked.map_err(|error| explain_error(&error, None))?;
    match deepest > MOST_NESTED {
        false => Ok(()),
        true => Err(Error::query(format!(
            "COALESCE, IFNULL or BETWEEN stand more than {MOST_NESTED} deep inside of each other"
        ))
        .hint("COALESCE takes any number of values; or name an inner one in a subquery")),
    }
}

fn nested(expr: &Expr) -> datafusion_common::Result<usize> {
    let mut deepest = 0;
    expr.apply_children(|inner| {
        deepest = deepest.max(nested(inner)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(deepest + usize::from(doubles(expr)))
}

fn doubles(expr: &Expr) -> bool {
    match expr {
        Expr::Between(_) => true,
        Expr::ScalarFunction(call) => matches!(call.name(), "coalesce" | "ifnull"),
        _ => false,
    }
}
