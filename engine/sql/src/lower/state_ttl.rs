//! How long state is kept that has no end of its own: `STATE_TTL` in a query and `table.exec.state.ttl` for all.

use datafusion_expr::LogicalPlan;
use millrace_plan::{EmitMode, Error, JoinTime, NodeId, Operator, Result};

use super::{Lowering, Statement};
use crate::parse::StateTtl;

/// The hints of a statement, and how many operators each has been for.
#[derive(Debug, Default)]
pub struct StateTtls {
    hints: Vec<(StateTtl, usize)>,
}

impl StateTtls {
    /// No hint has been used yet.
    pub fn new(hints: Vec<StateTtl>) -> Self {
        StateTtls { hints: hints.into_iter().map(|hint| (hint, 0)).collect() }
    }

    /// The hint for the state that an operator makes of `input`.
    fn hint(&mut self, input: &LogicalPlan) -> Option<&StateTtl> {
        let name = name_of(input)?;
        let (hint, used) = self.hints.iter_mut().find(|(hint, _)| hint.table == name)?;
        *used += 1;
        Some(hint)
    }
}

/// The name by which a query knows the rows of `plan`.
fn name_of(plan: &LogicalPlan) -> Option<&str> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => Some(alias.alias.table()),
        LogicalPlan::TableScan(scan) => Some(scan.table_name.table()),
        LogicalPlan::Projection(own) => name_of(&own.input),
        LogicalPlan::Filter(own) => name_of(&own.input),
        _ => None,
    }
}

impl Lowering {
    /// How long a group of the rows of `input` is kept, in milliseconds; `None` = for ever.
    pub(super) fn group_ttl(&mut self, input: &LogicalPlan, statement: Statement) -> Result<Option<u64>> {
        let (ttl_ms, place) = match self.state_ttls.hint(input) {
            Some(hint) => (Some(hint.ttl_ms), hint.place),
            None => (self.strategy.state_ttl_ms, statement.place),
        };
        let ttl_ms = ttl_ms.filter(|own| *own > 0);
        match (ttl_ms, statement.emit) {
            (Some(_), Some(EmitMode::Final)) => {
                Err(Error::query("EMIT FINAL of groups that are forgotten: they would not be sent")
                    .hint("leave EMIT FINAL out, or keep the state for ever ('0 s')")
                    .at(place))
            }
            _ => Ok(ttl_ms),
        }
    }

    /// How long a row of each input of a join without a bound is kept, in milliseconds; `None` = for ever.
    pub(super) fn join_ttl(&mut self, inputs: [&LogicalPlan; 2]) -> [Option<u64>; 2] {
        inputs.map(|input| {
            let ttl_ms = self.state_ttls.hint(input).map(|hint| hint.ttl_ms);
            ttl_ms.or(self.strategy.state_ttl_ms).filter(|own| *own > 0)
        })
    }

    /// Fails if a hint was for none of the operators since `first`, or for several, or if there is one whose state
    /// would have to be forgotten and is not.
    pub(super) fn check_state_ttl(&self, first: NodeId, statement: Statement) -> Result<()> {
        for (hint, used) in &self.state_ttls.hints {
            let name = &hint.table;
            let wrong = match used {
                1 => continue,
                0 => Error::query(format!("STATE_TTL names `{name}`, which no GROUP BY and no JOIN of the query reads"))
                    .hint("name the table, view or alias right below a GROUP BY without a window or a JOIN without a bound in time"),
                _ => Error::query(format!("STATE_TTL names `{name}`, which several operators read"))
                    .hint("give each of them an alias of its own"),
            };
            return Err(wrong.at(hint.place));
        }
        if self.strategy.state_ttl_ms.is_none_or(|own| own == 0) {
            return Ok(());
        }
        let refused = self.graph.since(first).iter().find_map(|node| not_forgotten(&node.operator));
        refused.map_or(Ok(()), |error| Err(error.at(statement.place)))
    }
}

/// Why `table.exec.state.ttl` cannot be kept for an operator whose state it is about in Flink.
fn not_forgotten(operator: &Operator) -> Option<Error> {
    let (what, instead) = match operator {
        Operator::Join(spec) if matches!(spec.time, JoinTime::Version { .. }) => {
            ("a temporal join", "ask the table AS OF a processing time")
        }
        Operator::TopN { window: None, .. } => ("a top-N", "rank the rows of a window"),
        Operator::ChangelogNormalize { .. } => {
            ("the last row of each key", "read changes that fit each other")
        }
        Operator::Deduplicate { .. } => ("the first row of each key", "rank the rows of a window"),
        Operator::OverAggregate { .. } => ("OVER", "compute it in a window"),
        _ => return None,
    };
    Some(
        Error::query(format!(
            "'table.exec.state.ttl': the state of {what} cannot be forgotten by the clock yet"
        ))
        .hint(format!(
            "{instead}; or leave the setting out and write /*+ STATE_TTL('t' = '1 d') */ at a GROUP BY"
        )),
    )
}
