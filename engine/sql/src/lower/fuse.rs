//! Two Calcs in a row become one, so that a batch is walked through once and only what leaves is copied.
//!
//! The expressions of the upper one are written in terms of the lower one's input. What the lower one
//! computes must not be computed twice, and what its filter keeps from the upper one must stay away from
//! the upper one's filter, because a condition can fail.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use millrace_plan::{Error, Node, NodeId, Operator, Plan, ProjectExpr, Result};

/// A Calc, taken apart.
struct Calc<'a> {
    filter: &'a Option<Arc<dyn PhysicalExpr>>,
    exprs: &'a [ProjectExpr],
}

/// The Calc of a node that does not read the ingest time.
fn calc(node: &Node) -> Option<Calc<'_>> {
    match &node.operator {
        Operator::Calc { filter, exprs, now: false } => Some(Calc { filter, exprs }),
        _ => None,
    }
}

/// The plan with every Calc that only another Calc reads taken into it.
pub fn fuse(mut plan: Plan) -> Result<Plan> {
    let mut readers = vec![0; plan.nodes.len()];
    plan.nodes.iter().flat_map(|node| &node.inputs).for_each(|input| readers[*input] += 1);
    let mut taken = vec![false; plan.nodes.len()];
    for upper in 0..plan.nodes.len() {
        let &[lower] = plan.nodes[upper].inputs.as_slice() else { continue };
        if readers[lower] != 1 {
            continue;
        }
        if let Some(operator) = fused(&plan, lower, upper)? {
            plan.nodes[upper].operator = operator;
            plan.nodes[upper].inputs = plan.nodes[lower].inputs.clone();
            taken[lower] = true;
        }
    }
    Ok(without(plan, &taken))
}

/// Both nodes as one operator over the lower one's input, if they are Calcs that may become one.
fn fused(plan: &Plan, lower: NodeId, upper: NodeId) -> Result<Option<Operator>> {
    let (below, above) = (&plan.nodes[lower], &plan.nodes[upper]);
    let (Some(own), Some(other)) = (calc(below), calc(above)) else { return Ok(None) };
    let &[input] = below.inputs.as_slice() else { return Ok(None) };
    let both_filter = own.filter.is_some() && other.filter.is_some();
    if both_filter || !keeps_types(&own, &plan.nodes[input].schema, &below.schema) || repeats(&own, &other)? {
        return Ok(None);
    }
    let rewrite = |expr: &Arc<dyn PhysicalExpr>| substitute(expr, own.exprs);
    let filter = match (own.filter, other.filter) {
        (Some(filter), _) => Some(filter.clone()),
        (None, filter) => filter.as_ref().map(rewrite).transpose()?,
    };
    let rewrite = |own: &ProjectExpr| Ok(ProjectExpr { expr: rewrite(&own.expr)?, name: own.name.clone() });
    let exprs = other.exprs.iter().map(rewrite).collect::<Result<_>>()?;
    Ok(Some(Operator::Calc { filter, exprs, now: false }))
}

/// True if every column has the type of its expression, so that nothing is cast on the way.
fn keeps_types(own: &Calc, input: &SchemaRef, output: &SchemaRef) -> bool {
    let same = |(own, field): (&ProjectExpr, &Arc<arrow::datatypes::Field>)| {
        own.expr.data_type(input).is_ok_and(|own| own == *field.data_type())
    };
    own.exprs.iter().zip(output.fields()).all(same)
}

/// True if the upper Calc reads something that the lower one computes more than once.
fn repeats(own: &Calc, other: &Calc) -> Result<bool> {
    let mut reads = vec![0; own.exprs.len()];
    for expr in other.filter.iter().chain(other.exprs.iter().map(|own| &own.expr)) {
        let counted = expr.apply(|node| {
            if let Some(reads) = node.downcast_ref::<Column>().and_then(|own| reads.get_mut(own.index())) {
                *reads += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        });
        counted.map_err(|error| Error::bug(format!("reading an expression: {error}")))?;
    }
    let computed = |own: &ProjectExpr| own.expr.downcast_ref::<Column>().is_none();
    Ok(own.exprs.iter().zip(reads).any(|(own, reads)| reads > 1 && computed(own)))
}

/// `expr` with each column replaced by the expression that computes it.
fn substitute(expr: &Arc<dyn PhysicalExpr>, columns: &[ProjectExpr]) -> Result<Arc<dyn PhysicalExpr>> {
    let replaced = expr.clone().transform_up(|node| {
        match node.downcast_ref::<Column>().and_then(|own| columns.get(own.index())) {
            Some(own) => Ok(Transformed::yes(own.expr.clone())),
            None => Ok(Transformed::no(node)),
        }
    });
    replaced.map(|own| own.data).map_err(|error| Error::bug(format!("rewriting an expression: {error}")))
}

/// The plan without the taken nodes.
fn without(plan: Plan, taken: &[bool]) -> Plan {
    let mut position = 0;
    let positions: Vec<NodeId> = taken
        .iter()
        .map(|taken| {
            let own = position;
            position += usize::from(!taken);
            own
        })
        .collect();
    let kept = plan.nodes.into_iter().zip(taken).filter(|(_, taken)| !**taken);
    let renumbered = kept.map(|(mut node, _)| {
        node.inputs.iter_mut().for_each(|input| *input = positions[*input]);
        node
    });
    Plan { nodes: renumbered.collect() }
}
