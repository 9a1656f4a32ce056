//! The plan under construction.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::DFSchemaRef;
use millrace_plan::{Changelog, Exchange, Node, NodeId, Operator, Plan};

use super::relation::Relation;
use crate::bind::window::TimeDomain;

/// Nodes, each added after its inputs.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// Adds a node.
    pub fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds a node with one input, which hands on its input's changelog.
    pub fn add_after(
        &mut self,
        input: NodeId,
        operator: Operator,
        schema: SchemaRef,
        row_time: Option<usize>,
    ) -> NodeId {
        let changelog = self.nodes[input].changelog;
        self.add(Node { operator, inputs: vec![input], schema, changelog, row_time, reason: String::new() })
    }

    /// Adds an exchange after `input`.
    pub fn exchange(&mut self, input: NodeId, exchange: Exchange, reason: &str) -> NodeId {
        let Node { schema, changelog, row_time, .. } = self.nodes[input].clone();
        let operator = Operator::Exchange(exchange);
        self.add(Node { operator, inputs: vec![input], schema, changelog, row_time, reason: reason.into() })
    }

    /// The id that the next node gets.
    pub fn next_id(&self) -> NodeId {
        self.nodes.len()
    }

    /// The nodes from `first` on.
    pub fn since(&self, first: NodeId) -> &[Node] {
        &self.nodes[first..]
    }

    /// The node `id`.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// The node `id`, to complete it.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id]
    }

    /// A union of relations that already have the same columns.
    pub fn union(&mut self, inputs: Vec<Relation>, schema: DFSchemaRef) -> Relation {
        let retracting = inputs.iter().any(|input| self.nodes[input.node].changelog == Changelog::Retract);
        let changelog = if retracting { Changelog::Retract } else { Changelog::Append };
        let of_one_domain = inputs.windows(2).all(|pair| pair[0].domain == pair[1].domain);
        let times = match of_one_domain {
            true => in_all(&inputs, |input| &input.times),
            false => BTreeSet::new(),
        };
        let node = self.add(Node {
            operator: Operator::Union,
            inputs: inputs.iter().map(|input| input.node).collect(),
            schema: Arc::new(Schema::clone(schema.as_arrow())),
            changelog,
            row_time: times.first().copied(),
            reason: String::new(),
        });
        let attached = inputs.iter().map(|input| input.attached).reduce(|a, b| a?.in_both(b?));
        let attached = attached.flatten().filter(|_| of_one_domain);
        let domain = inputs.first().map_or(TimeDomain::Event, |input| input.domain);
        let arrivals = in_all(&inputs, |input| &input.arrivals);
        Relation { times, domain, arrivals, attached, ..Relation::of(node, schema) }
    }

    /// The finished plan.
    pub fn finish(self) -> Plan {
        Plan { nodes: self.nodes }
    }
}

/// The columns that are among those of every input.
fn in_all(inputs: &[Relation], of: impl Fn(&Relation) -> &BTreeSet<usize>) -> BTreeSet<usize> {
    let all = inputs.iter().map(|input| of(input).clone());
    all.reduce(|a, b| a.intersection(&b).copied().collect()).unwrap_or_default()
}
