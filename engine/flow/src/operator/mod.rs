//! Operators: one file per operator, and the trait they all are.

mod calc;
mod changelog_normalize;
mod deduplicate;
mod exchange;
mod expand;
mod expiring_aggregate;
mod forward;
mod group_aggregate;
mod match_recognize;
mod over_aggregate;
mod pending;
mod processing_time;
mod repeat;
mod results;
mod row_counts;
mod row_time;
mod session_aggregate;
mod temporal_sort;
mod top_n;
mod unnest;
mod window_aggregate;
mod window_assign;
mod window_top_n;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_plan::{Error, Limits, Node, Plan, Result};

use crate::batch::{Batch, Event, SplitId, SplitStatus};
use crate::checkpoint::{OperatorState, StateTable};

pub use calc::{concat_rows, narrow};
pub use exchange::{Exchange, Route};
pub use row_time::RowTime;

/// Makes the operator of a node. Exchanges and row times are made by the pipeline, which talks to them.
pub fn create(plan: &Plan, node: &Node, limits: &Limits) -> Result<Box<dyn Operator>> {
    use millrace_plan::Operator as Spec;
    let input = node.inputs.first().map(|input| plan.nodes[*input].schema.clone());
    let input = || input.clone().ok_or_else(|| Error::bug(format!("{} without input", node.operator.name())));
    Ok(match &node.operator {
        Spec::Source { .. } | Spec::Union | Spec::LateRows { .. } | Spec::Sink { .. } => {
            Box::new(forward::Forward::default())
        }
        Spec::Calc { filter, exprs, now } => {
            Box::new(calc::Calc::new(filter.clone(), exprs.clone(), *now, node.schema.clone())?)
        }
        Spec::Expand { projections } => {
            Box::new(expand::Expand::new(projections.clone(), node.schema.clone()))
        }
        Spec::WindowAssign { time, window } => {
            Box::new(window_assign::WindowAssign::new(*time, *window, node.schema.clone()))
        }
        Spec::GroupAggregate { .. } => {
            Box::new(group_aggregate::GroupAggregate::new(node, &raw_input(plan, node, &input()?), limits)?)
        }
        Spec::ExpiringAggregate { .. } => {
            Box::new(expiring_aggregate::ExpiringAggregate::new(node, &input()?, limits)?)
        }
        Spec::WindowAggregate { .. } => {
            Box::new(window_aggregate::WindowAggregate::new(node, &raw_input(plan, node, &input()?), limits)?)
        }
        Spec::SessionAggregate { .. } => {
            Box::new(session_aggregate::SessionAggregate::new(node, &input()?, limits)?)
        }
        Spec::Join(_) | Spec::LookupJoin { .. } => match node.inputs.as_slice() {
            [left, right] => {
                let schema = |input: &usize| plan.nodes[*input].schema.clone();
                crate::join::create(node, [schema(left), schema(right)], limits)?
            }
            _ => return Err(Error::bug("a join has two inputs")),
        },
        Spec::TopN { window: None, .. } => Box::new(top_n::TopN::new(node, &input()?, limits)?),
        Spec::TopN { .. } => {
            Box::new(window_top_n::WindowTopN::new(node, &input()?, routed_by(plan, node), limits)?)
        }
        Spec::ChangelogNormalize { .. } => {
            Box::new(changelog_normalize::ChangelogNormalize::new(node, &input()?)?)
        }
        Spec::Deduplicate { .. } => Box::new(deduplicate::Deduplicate::new(node, &input()?, limits)?),
        Spec::OverAggregate { .. } => Box::new(over_aggregate::OverAggregate::new(node, &input()?, limits)?),
        Spec::ProcessingTime { column } => {
            Box::new(processing_time::ProcessingTime::new(*column, node.schema.clone()))
        }
        Spec::Unnest { .. } => Box::new(unnest::Unnest::new(node, limits)?),
        Spec::Repeat { count, columns } => {
            Box::new(repeat::Repeat::new(*count, *columns, node.schema.clone(), limits))
        }
        Spec::TemporalSort { .. } => Box::new(temporal_sort::TemporalSort::new(node, &input()?, limits)?),
        Spec::MatchRecognize(spec) => {
            Box::new(match_recognize::MatchRecognize::new(spec, node, &input()?, limits)?)
        }
        Spec::RowTime(spec) => Box::new(RowTime::new(spec.clone())),
        Spec::Exchange(_) => return Err(Error::bug("the pipeline makes exchanges")),
    })
}

/// The columns by whose hash the rows of a node are routed to their owner; none if they are not.
fn routed_by<'a>(plan: &'a Plan, node: &Node) -> &'a [usize] {
    use millrace_plan::{Exchange as Strategy, Operator as Spec};
    match node.inputs.first().map(|input| &plan.nodes[*input].operator) {
        Some(Spec::Exchange(Strategy::Hash(columns))) => columns,
        _ => &[],
    }
}

/// The schema of the rows that an aggregation was planned over: below its `Local` half, if it is the
/// `Final` one.
fn raw_input(plan: &Plan, node: &Node, input: &arrow::datatypes::SchemaRef) -> arrow::datatypes::SchemaRef {
    use millrace_plan::{Operator as Spec, Phase};
    let phase = match &node.operator {
        Spec::GroupAggregate { phase, .. } | Spec::WindowAggregate { phase, .. } => *phase,
        _ => return input.clone(),
    };
    let below = |node: &Node| node.inputs.first().map(|input| &plan.nodes[*input]);
    let local = (phase == Phase::Final).then(|| below(node).and_then(below)).flatten();
    match local.and_then(below) {
        Some(rows) => rows.schema.clone(),
        None => input.clone(),
    }
}

/// A row as text, for the dead letters.
pub fn print_row(rows: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let values = rows.columns().iter().map(|column| match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => formatter.value(row).to_string(),
        Err(_) => "?".into(),
    });
    values.collect::<Vec<_>>().join(", ")
}

/// What an operator may ask its pipeline for, and where its results go.
#[derive(Debug, Default)]
pub struct Output {
    /// Sent to every reader of the node, in order.
    pub events: Vec<Event>,
    /// Rows that cannot be processed: counted in the ledger and sent to the dead letters.
    pub bad: Vec<BadRow>,
    /// Rows of the batch that has come whose last window had fired: counted in the ledger, and sent to the `LateRows`
    /// of the port they came on.
    pub late: Vec<Batch>,
}

impl Output {
    /// Sends rows, if there are any.
    pub fn batch(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.events.push(Event::Batch(batch));
        }
    }

    /// Sends a watermark.
    pub fn watermark(&mut self, watermark_ms: i64) {
        self.events.push(Event::Watermark(watermark_ms));
    }
}

/// A row that left for the dead letters inside the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The split it was read from.
    pub split: SplitId,
    /// Its offset, in rows of that split, as far as it is still known.
    pub row: u64,
    /// Why.
    pub reason: String,
    /// The row, printed.
    pub raw: String,
}

/// Where every row that an operator accepted has gone; the ledger adds these up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// Rows received.
    pub rows_in: u64,
    /// Rows sent.
    pub rows_out: u64,
    /// Rows that a filter dropped.
    pub filtered: u64,
    /// Rows dropped because their last window had fired.
    pub late: u64,
    /// Rows sent to the dead letters.
    pub bad: u64,
    /// Rows accepted into state so far (stateful operators).
    pub accepted: u64,
    /// Rows whose state came from a checkpoint: accepted by an earlier run.
    pub restored: u64,
    /// Accepted or restored rows whose state has been dropped: their window fired.
    pub retired: u64,
    /// Accepted or restored rows whose state is still held, counted from the state itself.
    pub in_state: u64,
    /// Bytes of state held now.
    pub state_bytes: u64,
}

/// One step of a pipeline on one shard. Owned by the shard; never shared.
///
/// A pipeline calls `on_watermark` with the minimum over the input ports that are not idle, only when it
/// grows, `on_idle` when the last of them falls idle or the first wakes, and `on_end` once, when every port has ended (a final `on_watermark(WATERMARK_MAX)` comes before it).
pub trait Operator {
    /// Rows arrived on input `port`.
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()>;

    /// Event time has moved on all inputs. The default passes it on.
    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        out.watermark(watermark_ms);
        Ok(())
    }

    /// The watermark of input `port` is this, even if the others keep event time back. Comes before `on_watermark`.
    fn on_port_watermark(&mut self, port: usize, watermark_ms: i64) -> Result<()> {
        let _ = (port, watermark_ms);
        Ok(())
    }

    /// A split changed its status. The default passes it on.
    fn on_split(&mut self, split: SplitId, status: SplitStatus, out: &mut Output) -> Result<()> {
        out.events.push(Event::Split(split, status));
        Ok(())
    }

    /// The input no longer holds time back, or does again. The default passes it on.
    fn on_idle(&mut self, idle: bool, out: &mut Output) -> Result<()> {
        out.events.push(Event::Idle(idle));
        Ok(())
    }

    /// The emit interval has passed, or a message burst has ended: collected changes may leave.
    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// The wall clock shows `now_ms`, milliseconds since 1970. Only those are told that follow it.
    fn on_clock(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        let _ = (now_ms, out);
        Ok(())
    }

    /// No input will follow on this port. Comes before what that means for time, and before `on_end`.
    fn on_port_end(&mut self, port: usize, out: &mut Output) -> Result<()> {
        let _ = (port, out);
        Ok(())
    }

    /// No input will follow. What must still leave, leaves now; the pipeline sends the `End`.
    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Everything the operator holds, for a checkpoint: the barrier has arrived on every port.
    ///
    /// What is sent to `out` goes ahead of the barrier: an operator that collects (changes to emit, partial
    /// states of a `Local` half) sends what it has collected rather than describe it. What is left must be
    /// enough to go on as if nothing had happened, without the rows before the barrier and at any shard count
    /// (see [`OperatorState`]); the operator itself goes on unchanged. One that holds nothing between two rows
    /// returns [`OperatorState::none`]. Watermarks of ports need not be kept: the pipeline does that.
    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState>;

    /// What has changed since the last snapshot, or since the last durable one if that was `lost`: otherwise as
    /// [`Operator::snapshot`], after which it may be asked for. `None`, and nothing is sent: the operator does not
    /// know, and a whole snapshot must follow at once. One with much state should know.
    fn changes(&mut self, lost: bool, out: &mut Output) -> Result<Option<OperatorState>> {
        let _ = (lost, out);
        Ok(None)
    }

    /// More of the last snapshot: one with much state need not give all of it at once, which would make rows wait. It
    /// goes on meanwhile, and gives what it held when the barrier came. `None`: that was all.
    fn rest(&mut self) -> Result<Option<StateTable>> {
        Ok(None)
    }

    /// Takes over what snapshots held: called once, before any event, with this shard's part of what all
    /// shards held, and the watermark that all of them had reached (`on_watermark` will not repeat it). Tables
    /// may be missing (nothing was held) or come in several batches. Tables that are not known must be refused
    /// ([`OperatorState::only`]). Rows taken into state count as [`Account::restored`].
    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()>;

    /// Where the rows have gone so far.
    fn account(&self) -> Account;
}
