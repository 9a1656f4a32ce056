//! How a barrier passes through one shard's copy of a pipeline, what each node leaves behind when it does, and
//! how that is put back.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use millrace_plan::{Error, Exchange as Strategy, NodeId, Operator as Spec, Plan, Result, WATERMARK_MIN};

use super::{Body, Pipeline, Unit};
use crate::batch::{Batch, Event};
use crate::checkpoint::{Barrier, NodeSnapshot, OperatorState, ShardSnapshot, Since, StateTable};
use crate::operator::Output;
use crate::state::partition_of;

/// A table beside those of an operator: when the youngest batch had entered its shard.
const INGEST: &str = "pipeline.ingest";

/// A barrier on its way through this shard.
pub(super) struct Passing {
    epoch: u64,
    nodes: Vec<NodeSnapshot>,
    /// Rows that reached a sink behind the barrier.
    behind: Vec<(NodeId, Batch)>,
}

impl Passing {
    fn passed(&self, node: NodeId) -> bool {
        self.nodes.iter().any(|own| own.node == node)
    }
}

impl Pipeline {
    /// An epoch ends: its barrier enters at every local source. The rows given before are before it, so the
    /// caller notes now how far each split has been read. [`Pipeline::take_snapshot`] says when it has passed.
    pub fn barrier(&mut self, barrier: Barrier) -> Result<()> {
        self.passing(barrier.epoch)?;
        for source in 0..self.nodes.len() {
            // A table for lookups is read anew by the next run: a barrier waits for its end instead.
            let enters = matches!(self.plan.nodes[source].operator, Spec::Source { lookup: false, .. });
            if enters && !self.nodes[source].ended {
                self.enter(source, Event::Barrier(barrier))?;
            }
        }
        Ok(())
    }

    /// The run stops: a last barrier enters, before which everything that operators have collected leaves. What
    /// they hold is not asked for.
    pub fn drain(&mut self) -> Result<()> {
        self.drains = true;
        self.barrier(Barrier { epoch: u64::MAX, since: Since::Start })
    }

    fn passing(&mut self, epoch: u64) -> Result<&mut Passing> {
        let passing = self.passing.get_or_insert_with(|| Passing { epoch, nodes: vec![], behind: vec![] });
        match passing.epoch == epoch {
            true => Ok(passing),
            false => Err(Error::bug(format!(
                "the barrier of epoch {epoch} came before that of epoch {} had passed",
                passing.epoch
            ))),
        }
    }

    /// What this shard held when the barrier passed, once it has passed every node; [`Pipeline::rest`] has more. Rows
    /// that sinks get behind the barrier are kept back until then: those taken before by [`Pipeline::take_rows`] are
    /// before it.
    pub fn take_snapshot(&mut self) -> Option<ShardSnapshot> {
        let passing = self.passing.as_ref()?;
        let all = self.nodes.iter().enumerate().all(|(id, node)| node.ended || passing.passed(id));
        if !all || !self.rows.is_empty() {
            return None;
        }
        let passed = self.passing.take()?;
        self.rows = passed.behind;
        Some(ShardSnapshot { epoch: passed.epoch, nodes: passed.nodes })
    }

    /// More of what a node held when the last barrier passed, which [`Pipeline::take_snapshot`] has told; `None` if
    /// that was all. To be asked for each node until then, even if the snapshot is of no use any more.
    pub fn rest(&mut self, node: NodeId) -> Result<Option<StateTable>> {
        match self.nodes[node].unit {
            Unit::Exchange { .. } => Ok(None),
            _ => self.operator(node)?.rest(),
        }
    }

    /// Adds what [`Pipeline::rest`] answers next to the snapshot; false if that is whole.
    pub fn add_rest(&mut self, snapshot: &mut ShardSnapshot) -> Result<bool> {
        for own in &mut snapshot.nodes {
            if let Some(table) = self.rest(own.node)? {
                own.state.add_table(table);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Rows for a sink.
    pub(super) fn deliver(&mut self, sink: NodeId, batch: Batch) {
        match self.passing.as_mut().filter(|own| own.passed(sink)) {
            Some(passing) => passing.behind.push((sink, batch)),
            None => self.rows.push((sink, batch)),
        }
    }

    /// A port of a node has brought the barrier or its end: if no other is waited for, the node says what it
    /// holds, the barrier goes on, and then what was held back.
    pub(super) fn align(&mut self, id: NodeId) -> Result<()> {
        let node = &mut self.nodes[id];
        let Some((barrier, held)) = node.alignment.pass(|port| node.ports[port].ended) else { return Ok(()) };
        let mut out = Output::default();
        if !self.nodes[id].ended {
            let state = match &mut self.nodes[id].unit {
                Unit::Exchange { .. } => OperatorState::none(),
                _ if self.drains => {
                    self.operator(id)?.on_tick(&mut out)?;
                    OperatorState::none()
                }
                _ => self.held(id, barrier.since, &mut out)?,
            };
            let state = with_ingest(state, self.ingest_ms);
            let watermark_ms = self.nodes[id].watermark;
            self.passing(barrier.epoch)?.nodes.push(NodeSnapshot { node: id, watermark_ms, state });
            out.events.push(Event::Barrier(barrier));
        }
        self.dispatch(id, out);
        for (port, event) in held {
            match self.nodes[id].unit {
                Unit::Exchange { .. } => self.arrive(id, port, event)?,
                _ => self.step(id, port, event)?,
            }
        }
        Ok(())
    }

    fn held(&mut self, id: NodeId, since: Since, out: &mut Output) -> Result<OperatorState> {
        let operator = self.operator(id)?;
        let changes = match since {
            Since::Start => None,
            Since::Last => operator.changes(false, out)?,
            Since::LastDurable => operator.changes(true, out)?,
        };
        match changes {
            Some(changes) => Ok(changes),
            None => operator.snapshot(out),
        }
    }

    /// Tells the other shards of a barrier, with the rows sent before it.
    pub(super) fn send_barrier(&mut self, exchange: NodeId, barrier: Barrier) {
        let Unit::Exchange { sent, .. } = &self.nodes[exchange].unit else { return };
        let sent = sent.clone();
        self.tell_others(exchange, |target| Body::Barrier { barrier, rows_sent: sent[target] });
    }

    /// Takes over what all shards held, as far as this shard owns it; to be called first of all.
    /// The number of shards may have changed, the plan may not.
    pub fn restore(&mut self, shards: &[ShardSnapshot]) -> Result<()> {
        for id in 0..self.nodes.len() {
            let held: Vec<&NodeSnapshot> =
                shards.iter().flat_map(|own| own.nodes.iter().filter(|own| own.node == id)).collect();
            let watermark_ms = held.iter().map(|own| own.watermark_ms).min().unwrap_or(WATERMARK_MIN);
            let gathered = is_gathered(&self.plan, id);
            let (shard, partitions) = (self.shard, self.partitions);
            let owns = |hash: u64| match gathered {
                true => shard.index == 0,
                false => partition_of(hash, partitions) * shard.count / partitions == shard.index,
            };
            let mut state = OperatorState::none();
            for own in held {
                state.tables.extend(own.state.part(owns)?.tables);
            }
            self.ingest_ms = self.ingest_ms.max(take_ingest(&mut state)?);
            self.nodes[id].watermark = watermark_ms;
            match self.nodes[id].unit {
                Unit::Exchange { .. } => state.only(&[])?,
                _ => self.operator(id)?.restore(&state, watermark_ms)?,
            }
        }
        Ok(())
    }

    /// After [`Pipeline::restore`], when every split that is there has been announced: what the splits had
    /// promised holds again, even if no row comes.
    pub fn resume(&mut self) -> Result<()> {
        for id in 0..self.nodes.len() {
            if let Unit::RowTime(row_time) = &mut self.nodes[id].unit {
                let mut out = Output::default();
                row_time.resume(&mut out);
                self.dispatch(id, out);
                self.run()?;
            }
        }
        Ok(())
    }
}

/// The state of an operator and, if there is any, when the youngest batch had entered.
fn with_ingest(mut state: OperatorState, ingest_ms: i64) -> OperatorState {
    if !state.tables.is_empty() {
        let field = Field::new("ingest", DataType::Int64, false);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![ingest_ms]));
        let rows = RecordBatch::from(StructArray::from(vec![(Arc::new(field), column)]));
        state.add_everywhere(INGEST, rows);
    }
    state
}

/// Takes out what [`with_ingest`] added: the greatest of all shards, 0 if there is none.
fn take_ingest(state: &mut OperatorState) -> Result<i64> {
    let mut youngest = 0;
    for own in state.rows(INGEST) {
        let times = own.columns().first().and_then(|own| own.as_primitive_opt::<Int64Type>());
        let times = times.ok_or_else(|| Error::data("the time of input in the checkpoint cannot be read"))?;
        youngest = times.values().iter().copied().fold(youngest, i64::max);
    }
    state.tables.retain(|own| own.name != INGEST);
    Ok(youngest)
}

/// True if the rows of a node come from an exchange that gathers them on one shard.
fn is_gathered(plan: &Plan, node: NodeId) -> bool {
    match (&plan.nodes[node].operator, plan.nodes[node].inputs.first()) {
        (Spec::Exchange(strategy), _) => *strategy == Strategy::Gather,
        (_, Some(input)) => is_gathered(plan, *input),
        (_, None) => false,
    }
}
