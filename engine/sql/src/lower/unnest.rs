//! UNNEST as a node: the array or map as a column, then its elements beside the row.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use datafusion_common::DFSchema;
use datafusion_expr::LogicalPlan;
use millrace_plan::{Node, Operator, Result};

use super::relation::Relation;
use super::{Lowering, Statement};
use crate::bind::unnest::Unnest;

impl Lowering {
    pub(super) fn unnest(
        &mut self,
        unnest: &Unnest,
        plan: &LogicalPlan,
        statement: Statement,
    ) -> Result<Relation> {
        let input = match &unnest.input {
            Some(input) => self.relation(input, statement)?,
            None => Relation::of(self.made_rows("[{}]"), Arc::new(DFSchema::empty())),
        };
        let (widened, positions) = self.widened(input, std::slice::from_ref(&unnest.expr))?;
        let Node { schema, changelog, .. } = self.graph.node(widened.node).clone();
        let elements = plan.schema().fields().iter().skip(plan.schema().fields().len() - unnest.width());
        let fields: Vec<FieldRef> =
            schema.fields().iter().take(widened.width).chain(elements).cloned().collect();
        let below = widened.relation;
        let node = self.graph.add(Node {
            operator: Operator::Unnest {
                column: positions[0],
                columns: widened.width,
                outer: unnest.outer,
                ordinality: unnest.ordinality,
            },
            inputs: vec![widened.node],
            schema: Arc::new(Schema::new(fields)),
            changelog,
            row_time: self.graph.node(below.node).row_time,
            reason: String::new(),
        });
        Ok(Relation {
            times: below.times,
            arrivals: below.arrivals,
            attached: below.attached,
            ..Relation::of(node, plan.schema().clone())
        })
    }
}
