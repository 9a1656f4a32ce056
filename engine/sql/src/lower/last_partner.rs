//! Rows of a join without a bound that are of no use any more, because of what the other side still sends.
//!
//! A result of a window leaves when the watermark passes the window's end, and rows for it that come later are dropped.
//! So what is still to come from there is later than the watermark, and of a row of the other side that asks for a
//! window not later than some time of its own nothing can come once the watermark has passed that time.

use std::collections::BTreeSet;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_expr::Expr;
use datafusion_physical_expr::expressions::Column;
use millrace_plan::{EmitMode, LastPartner, NodeId, Operator, Phase};

use super::Lowering;
use super::join_time::{Compared, Difference};
use super::relation::Relation;

impl Lowering {
    /// What bounds the use of each side's rows in a join of these relations where `conditions` hold.
    pub(super) fn last_partners(
        &self,
        relations: [&Relation; 2],
        conditions: &[Expr],
    ) -> [Option<LastPartner>; 2] {
        [0, 1].map(|side| {
            let other = relations[1 - side];
            let columns = 0..other.schema.fields().len();
            let later = columns.filter(|column| self.is_later_than_watermark(other.node, *column));
            last_partner(relations, side, &later.collect(), conditions)
        })
    }

    /// True if whatever the node still sends is later in this column than the watermark it has sent.
    fn is_later_than_watermark(&self, node: NodeId, column: usize) -> bool {
        let own = self.graph.node(node);
        match &own.operator {
            Operator::Exchange(_) => self.is_later_than_watermark(own.inputs[0], column),
            Operator::Calc { exprs, .. } => {
                let read = exprs.get(column).and_then(|own| own.expr.downcast_ref::<Column>());
                read.is_some_and(|read| self.is_later_than_watermark(own.inputs[0], read.index()))
            }
            Operator::WindowAggregate { keys, aggregates, phase, emit, lateness, .. } => {
                let start = keys.len() + aggregates.len();
                let sends_once = *phase != Phase::Local && *emit == EmitMode::Final && *lateness == 0;
                sends_once && (start + 1..=start + 2).contains(&column) && self.never_idle(node)
            }
            _ => false,
        }
    }

    /// True if time goes on by the rows of every source below the node: one that falls silent holds it back.
    fn never_idle(&self, node: NodeId) -> bool {
        let own = self.graph.node(node);
        let goes_on = match &own.operator {
            Operator::RowTime(spec) => spec.idle_timeout_ms == 0,
            Operator::ProcessingTime { .. } => false,
            _ => true,
        };
        goes_on && own.inputs.iter().all(|input| self.never_idle(*input))
    }
}

fn last_partner(
    relations: [&Relation; 2],
    side: usize,
    later: &BTreeSet<usize>,
    conditions: &[Expr],
) -> Option<LastPartner> {
    let times = |own: usize| match own == side {
        true => times_of(relations[own]),
        false => later.clone(),
    };
    let [left, right] = [0, 1].map(|own| Relation { times: times(own), ..relations[own].clone() });
    let Compared { columns, difference, .. } = Compared::of([&left, &right], conditions);
    let ((left, right), Difference { least, greatest }) = (columns?, difference);
    match side {
        0 => Some(LastPartner { column: left, plus_ms: greatest? }),
        _ => Some(LastPartner { column: right, plus_ms: least?.checked_neg()? }),
    }
}

/// The columns that hold times.
fn times_of(relation: &Relation) -> BTreeSet<usize> {
    let is_time = |own: &DataType| *own == DataType::Timestamp(TimeUnit::Millisecond, None);
    let fields = relation.schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_time(field.data_type())).map(|(column, _)| column).collect()
}
