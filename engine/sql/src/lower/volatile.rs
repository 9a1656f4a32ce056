//! Where random values may be drawn: in columns and filters over rows that are never taken back. A row that is
//! taken back must be the row that was sent; drawn twice, it would not be.

use std::sync::Arc;

use datafusion_common::tree_node::TreeNode;
use datafusion_physical_expr::PhysicalExpr;
use millrace_plan::{Changelog, Error, Node, NodeId, Operator, Place, Result};

use super::graph::Graph;

/// True if the expression gives another value each time it is evaluated.
pub fn is_volatile(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.exists(|node| Ok(node.is_volatile_node())).unwrap_or(true)
}

/// Fails if one of the nodes from `first` on draws a random value where it may not.
pub fn check(graph: &Graph, first: NodeId, place: Option<Place>) -> Result<()> {
    for node in graph.since(first) {
        let changes = node.inputs.iter().any(|input| graph.node(*input).changelog == Changelog::Retract);
        if changes && draws(node) {
            return Err(Error::query("a random value is drawn for rows that may be taken back")
                .hint("draw it in a subquery below the aggregation or join, or write EMIT FINAL")
                .at(place));
        }
    }
    Ok(())
}

fn draws(node: &Node) -> bool {
    let Operator::Calc { filter, exprs, .. } = &node.operator else { return false };
    let exprs = exprs.iter().map(|own| &own.expr);
    filter.iter().chain(exprs).any(is_volatile)
}
