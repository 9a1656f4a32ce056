//! INTERSECT ALL and EXCEPT ALL as a node: rows as often as a number says.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use datafusion_expr::LogicalPlan;
use millrace_plan::{Changelog, Node, Operator, Result};

use super::relation::Relation;
use super::{Lowering, Statement};
use crate::bind::set_operation::Repeat;

impl Lowering {
    pub(super) fn repeat(
        &mut self,
        repeat: &Repeat,
        plan: &LogicalPlan,
        statement: Statement,
    ) -> Result<Relation> {
        let input = self.relation(&repeat.input, statement)?;
        let (widened, positions) = self.widened(input, std::slice::from_ref(&repeat.count))?;
        let Node { schema, changelog, .. } = self.graph.node(widened.node).clone();
        let columns = plan.schema().fields().len();
        let fields: Vec<FieldRef> = schema.fields().iter().take(columns).cloned().collect();
        let node = self.graph.add(Node {
            operator: Operator::Repeat { count: positions[0], columns },
            inputs: vec![widened.node],
            schema: Arc::new(Schema::new(fields)),
            changelog: match changelog {
                Changelog::Append => Changelog::Append,
                Changelog::Upsert | Changelog::Retract => Changelog::Retract,
            },
            row_time: None,
            reason: "as many of a row as both sides have, or as the right side leaves".into(),
        });
        Ok(Relation::of(node, plan.schema().clone()))
    }
}
