//! One shard's copy of a pipeline: **start reading here**.
//!
//! Rows come in by [`Pipeline::source_batch`] and [`Pipeline::receive`]; rows, messages for other shards
//! and bad rows are taken out by the `take_*` functions. Between the two everything is synchronous: an
//! event goes through a queue from operator to operator until nothing is left to do. The pipeline reads no
//! clock and does no I/O; the caller says what time it is ([`Pipeline::clock`]), when the emit interval has passed
//! ([`Pipeline::tick`]) and when to check the account ([`Pipeline::epoch`]).

mod cut;

use std::collections::VecDeque;

use millrace_plan::{
    Error, Limits, Node, NodeId, Operator as Spec, Plan, Result, WATERMARK_MAX, WATERMARK_MIN,
};

use crate::batch::{Batch, Event, SplitId, SplitStatus};
use crate::checkpoint::{Alignment, Barrier};
use crate::ledger::{self, ChannelAccount, NodeAccount};
use crate::operator::{self, Account, BadRow, Exchange, Operator, Output, Route, RowTime};

/// Which copy this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardId {
    /// This shard, from 0.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

/// What goes from one shard's pipeline to another's, in order per pair of shards.
#[derive(Debug)]
pub struct Message {
    /// The exchange node it belongs to.
    pub exchange: NodeId,
    /// What it says.
    pub body: Body,
}

/// The content of a [`Message`].
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one per batch; a box would be one more allocation")]
pub enum Body {
    /// Rows.
    Batch(Batch),
    /// The sender's watermark.
    Watermark(i64),
    /// The sender no longer holds time back, or does again.
    Idle(bool),
    /// An epoch ends here; so many rows were sent on this channel before it.
    EpochEnd {
        /// The epoch.
        epoch: u64,
        /// Rows sent so far.
        rows_sent: u64,
    },
    /// The barrier of an epoch: what the receiver holds is to be kept when it has come from all shards.
    Barrier {
        /// The barrier.
        barrier: Barrier,
        /// Rows sent on this channel so far.
        rows_sent: u64,
    },
    /// Nothing will follow.
    End,
}

/// A node at work.
enum Unit {
    Plain(Box<dyn Operator>),
    RowTime(RowTime),
    Exchange { route: Exchange, sent: Vec<u64>, received: Vec<u64> },
}

#[derive(Clone, Copy)]
struct Port {
    watermark: i64,
    idle: bool,
    ended: bool,
}

impl Port {
    const OPEN: Port = Port { watermark: WATERMARK_MIN, idle: false, ended: false };
    const ENDED: Port = Port { watermark: WATERMARK_MAX, idle: false, ended: true };
}

struct NodeState {
    unit: Unit,
    /// Inputs; for an exchange one per shard.
    ports: Vec<Port>,
    watermark: i64,
    idle: bool,
    ended: bool,
    readers: Vec<(NodeId, usize)>,
    /// Those that read what this node drops as late, by the port it came on.
    late_readers: Vec<(NodeId, usize)>,
    is_sink: bool,
    /// Rows that could not be decoded (sources).
    undecoded: u64,
    /// The barrier that has come on some ports.
    alignment: Alignment,
}

impl NodeState {
    /// What the ports say of time, as news for the node: whether it is idle now, if that has changed, and its
    /// watermark, if it has grown.
    fn advance(&mut self) -> (Option<bool>, Option<i64>) {
        let (idle, promised) = promise(&self.ports);
        let grown = promised.filter(|promised| *promised > self.watermark);
        let changed = (idle != self.idle).then_some(idle);
        self.idle = idle;
        self.watermark = grown.unwrap_or(self.watermark);
        (changed, grown)
    }
}

/// Whether all open ports are idle, and the watermark that the ports promise together. An idle port does not
/// hold time back; when the last falls idle, none does, and the greatest watermark counts (as in Flink's
/// `StatusWatermarkValve`). But the end of time waits for idle ports: they may hold rows that only their own
/// end sets free.
fn promise(ports: &[Port]) -> (bool, Option<i64>) {
    let open = || ports.iter().filter(|port| !port.ended);
    let idle = open().count() > 0 && open().all(|port| port.idle);
    let promised = match idle {
        true => open().map(|port| port.watermark).max(),
        false => ports.iter().filter(|port| !port.idle).map(|port| port.watermark).min(),
    };
    let ends = ports.iter().all(|port| port.watermark == WATERMARK_MAX);
    (idle, promised.filter(|promised| ends || *promised < WATERMARK_MAX))
}

/// One shard's copy of a pipeline.
pub struct Pipeline {
    shard: ShardId,
    plan: Plan,
    nodes: Vec<NodeState>,
    queue: VecDeque<(NodeId, usize, Event)>,
    messages: Vec<(usize, Message)>,
    rows: Vec<(NodeId, Batch)>,
    bad: Vec<(NodeId, BadRow)>,
    /// The row-time node of each source.
    row_times: Vec<Option<NodeId>>,
    /// The exchanges that rows with a row time meet first.
    first_exchanges: Vec<NodeId>,
    /// The nodes that follow the clock.
    clocked: Vec<NodeId>,
    /// The barrier on its way, and what it has left.
    passing: Option<cut::Passing>,
    /// The barrier is the last, and nothing is to be held.
    drains: bool,
    partitions: usize,
    /// When the youngest batch entered: what results of restored state carry until rows have come.
    ingest_ms: i64,
}

impl Pipeline {
    /// A copy of `plan` for one shard.
    pub fn new(plan: &Plan, shard: ShardId, limits: &Limits) -> Result<Self> {
        let nodes = plan.nodes.iter().enumerate().map(|(id, node)| node_state(plan, id, node, shard, limits));
        let nodes = nodes.collect::<Result<Vec<_>>>()?;
        let row_times: Vec<_> = (0..nodes.len()).map(|id| find_row_time(plan, id)).collect();
        let first_exchanges = first_exchanges(plan, row_times.iter().flatten());
        Ok(Pipeline {
            shard,
            plan: plan.clone(),
            nodes,
            queue: VecDeque::new(),
            messages: vec![],
            rows: vec![],
            bad: vec![],
            row_times,
            first_exchanges,
            clocked: clocked(plan),
            passing: None,
            drains: false,
            partitions: limits.partitions,
            ingest_ms: 0,
        })
    }

    /// Decoded rows of one local split of a source.
    pub fn source_batch(&mut self, source: NodeId, batch: Batch) -> Result<()> {
        self.ingest_ms = self.ingest_ms.max(batch.ingest_ms);
        self.enter(source, Event::Batch(batch))
    }

    /// Rows of a source that could not be decoded, for the ledger.
    pub fn source_bad(&mut self, source: NodeId, rows: u64) -> Result<()> {
        self.nodes[source].undecoded += rows;
        Ok(())
    }

    /// A local split of a source opened, fell silent or ended.
    pub fn source_split(&mut self, source: NodeId, split: SplitId, status: SplitStatus) -> Result<()> {
        if status == SplitStatus::Active {
            self.enter(source, Event::Idle(false))?;
        }
        self.enter(source, Event::Split(split, status))
    }

    /// No local split of this source is there now, but some may come: until then it does not hold time back.
    pub fn source_idle(&mut self, source: NodeId) -> Result<()> {
        match self.row_times[source] {
            Some(_) => self.enter(source, Event::Idle(true)),
            None => Ok(()),
        }
    }

    /// No more local splits of this source, ever.
    pub fn source_end(&mut self, source: NodeId) -> Result<()> {
        self.enter(source, Event::End)
    }

    /// The watermark of a local split; [`WATERMARK_MIN`] without one.
    pub fn split_watermark(&self, source: NodeId, split: SplitId) -> i64 {
        match self.row_times[source].map(|id| &self.nodes[id].unit) {
            Some(Unit::RowTime(row_time)) => row_time.split_watermark(split),
            _ => WATERMARK_MIN,
        }
    }

    /// How far a shard has come in event time, as far as this one has heard; [`WATERMARK_MAX`] if nothing waits for
    /// it.
    pub fn shard_watermark(&self, shard: usize) -> i64 {
        let ports = self.first_exchanges.iter().map(|id| self.nodes[*id].ports[shard]);
        let waited_for = ports.filter(|port| !port.ended && !port.idle);
        waited_for.map(|port| port.watermark).min().unwrap_or(WATERMARK_MAX)
    }

    /// A message from another shard's pipeline.
    pub fn receive(&mut self, from: usize, message: Message) -> Result<()> {
        let Message { exchange, body } = message;
        match body {
            Body::Batch(batch) => {
                self.ingest_ms = self.ingest_ms.max(batch.ingest_ms);
                self.arrive(exchange, from, Event::Batch(batch))?;
            }
            Body::Watermark(watermark) => self.arrive(exchange, from, Event::Watermark(watermark))?,
            Body::Idle(idle) => self.arrive(exchange, from, Event::Idle(idle))?,
            Body::End => self.arrive(exchange, from, Event::End)?,
            Body::EpochEnd { epoch, rows_sent } => self.check_channel(exchange, from, epoch, rows_sent)?,
            Body::Barrier { barrier, rows_sent } => {
                self.check_channel(exchange, from, barrier.epoch, rows_sent)?;
                self.arrive(exchange, from, Event::Barrier(barrier))?;
            }
        }
        self.run()
    }

    /// The emit interval has passed: partial states and collected changes leave.
    pub fn tick(&mut self) -> Result<()> {
        for id in 0..self.nodes.len() {
            let mut out = Output::default();
            let NodeState { unit: Unit::Plain(operator), ended: false, .. } = &mut self.nodes[id] else {
                continue;
            };
            operator.on_tick(&mut out)?;
            self.dispatch(id, out);
            self.run()?;
        }
        Ok(())
    }

    /// True if the answer depends on the clock: the caller tells it by [`Pipeline::clock`], every few milliseconds
    /// even if nothing comes.
    pub fn follows_clock(&self) -> bool {
        !self.clocked.is_empty()
    }

    /// The wall clock shows `now_ms`, milliseconds since 1970: windows of processing time that end by then fire.
    pub fn clock(&mut self, now_ms: i64) -> Result<()> {
        for position in 0..self.clocked.len() {
            let id = self.clocked[position];
            if self.nodes[id].ended {
                continue;
            }
            let mut out = Output::default();
            self.operator(id)?.on_clock(now_ms, &mut out)?;
            self.dispatch(id, out);
            self.run()?;
        }
        Ok(())
    }

    /// An epoch ends: every channel says how many rows it has carried, and the receiver checks.
    pub fn epoch(&mut self, epoch: u64) -> Result<()> {
        for (id, node) in self.nodes.iter().enumerate() {
            if let Unit::Exchange { sent, .. } = &node.unit {
                let open = !node.ports.get(self.shard.index).is_none_or(|port| port.ended);
                for target in (0..self.shard.count).filter(|target| open && *target != self.shard.index) {
                    let body = Body::EpochEnd { epoch, rows_sent: sent[target] };
                    self.messages.push((target, Message { exchange: id, body }));
                }
            }
        }
        Ok(())
    }

    /// Messages for other shards, by shard, in order.
    pub fn take_messages(&mut self) -> Vec<(usize, Message)> {
        std::mem::take(&mut self.messages)
    }

    /// Rows that reached a sink.
    pub fn take_rows(&mut self) -> Vec<(NodeId, Batch)> {
        std::mem::take(&mut self.rows)
    }

    /// Rows that could not be processed.
    pub fn take_bad(&mut self) -> Vec<(NodeId, BadRow)> {
        std::mem::take(&mut self.bad)
    }

    /// True when every sink has seen the end of its input.
    pub fn finished(&self) -> bool {
        self.nodes.iter().filter(|node| node.is_sink).all(|node| node.ended)
    }

    /// The account of every node.
    pub fn accounts(&self) -> Vec<NodeAccount> {
        let account = |(id, node): (usize, &NodeState)| NodeAccount {
            node: id,
            operator: self.plan.nodes[id].operator.name().to_string(),
            account: self.account(id),
            waiting_rows: match node.unit {
                // What has not been received has not been sent on either.
                Unit::Exchange { .. } => 0,
                _ => node.alignment.rows(),
            },
            watermark: node.watermark,
            channels: match &node.unit {
                Unit::Exchange { sent, received, .. } => {
                    Some(ChannelAccount { sent: sent.clone(), received: received.clone() })
                }
                _ => None,
            },
        };
        self.nodes.iter().enumerate().map(account).collect()
    }

    /// Adds up the ledger; an error reports every node if it does not balance.
    pub fn check_ledger(&self) -> Result<()> {
        ledger::check(&self.plan, self.shard, &self.accounts())
    }

    fn account(&self, id: NodeId) -> Account {
        let node = &self.nodes[id];
        let own = match &node.unit {
            Unit::Plain(operator) => operator.account(),
            Unit::RowTime(row_time) => row_time.account(),
            Unit::Exchange { sent, received, .. } => {
                Account { rows_in: sent.iter().sum(), rows_out: received.iter().sum(), ..Account::default() }
            }
        };
        Account { rows_in: own.rows_in + node.undecoded, bad: own.bad + node.undecoded, ..own }
    }

    fn enter(&mut self, source: NodeId, event: Event) -> Result<()> {
        if !matches!(self.plan.nodes[source].operator, Spec::Source { .. }) {
            return Err(Error::bug(format!("node {source} is not a source")));
        }
        self.queue.push_back((source, 0, event));
        self.run()
    }

    /// Carries events from operator to operator until there are none.
    fn run(&mut self) -> Result<()> {
        while let Some((id, port, event)) = self.queue.pop_front() {
            match &self.nodes[id].unit {
                Unit::Exchange { .. } => self.send(id, event)?,
                _ => self.step(id, port, event)?,
            }
        }
        Ok(())
    }

    /// One event at one operator.
    fn step(&mut self, id: NodeId, port: usize, event: Event) -> Result<()> {
        if self.nodes[id].alignment.holds(port) {
            self.nodes[id].alignment.hold(port, event);
            return Ok(());
        }
        let aligns = matches!(event, Event::Barrier(_) | Event::End);
        let mut out = Output::default();
        match event {
            Event::Batch(batch) => {
                self.operator(id)?.on_batch(port, batch, &mut out)?;
                self.send_late(id, port, &mut out);
            }
            Event::Split(split, status) => self.operator(id)?.on_split(split, status, &mut out)?,
            Event::Barrier(barrier) => {
                let node = &mut self.nodes[id];
                node.alignment.arrive(port, node.ports.len(), barrier);
            }
            Event::Watermark(watermark) => {
                self.nodes[id].ports[port].watermark = watermark;
                self.operator(id)?.on_port_watermark(port, watermark)?;
                self.advance(id, &mut out)?;
            }
            Event::Idle(idle) => {
                self.nodes[id].ports[port].idle = idle;
                self.advance(id, &mut out)?;
            }
            Event::End => {
                if !self.nodes[id].ports[port].ended {
                    self.operator(id)?.on_port_end(port, &mut out)?;
                }
                self.nodes[id].ports[port] = Port::ENDED;
                self.advance(id, &mut out)?;
                if self.nodes[id].ports.iter().all(|port| port.ended) && !self.nodes[id].ended {
                    self.nodes[id].ended = true;
                    self.operator(id)?.on_end(&mut out)?;
                    out.events.push(Event::End);
                }
            }
        }
        self.dispatch(id, out);
        if aligns { self.align(id) } else { Ok(()) }
    }

    fn operator(&mut self, id: NodeId) -> Result<&mut dyn Operator> {
        match &mut self.nodes[id].unit {
            Unit::Plain(operator) => Ok(operator.as_mut()),
            Unit::RowTime(row_time) => Ok(row_time),
            Unit::Exchange { .. } => Err(Error::bug("an exchange is not an operator")),
        }
    }

    /// Tells an operator what its ports say of time, if that is news.
    fn advance(&mut self, id: NodeId, out: &mut Output) -> Result<()> {
        let (idle, watermark) = self.nodes[id].advance();
        // One that falls idle has said all it had to say; one that wakes speaks after it has risen.
        if idle == Some(false) {
            self.operator(id)?.on_idle(false, out)?;
        }
        if let Some(watermark) = watermark {
            self.operator(id)?.on_watermark(watermark, out)?;
        }
        if idle == Some(true) {
            self.operator(id)?.on_idle(true, out)?;
        }
        Ok(())
    }

    /// Hands the late rows of a batch that came on `port` to those that read them.
    fn send_late(&mut self, id: NodeId, port: usize, out: &mut Output) {
        for batch in std::mem::take(&mut out.late) {
            for (reader, _) in self.nodes[id].late_readers.iter().filter(|(_, of)| *of == port) {
                self.queue.push_back((*reader, 0, Event::Batch(batch.clone())));
            }
        }
    }

    /// Hands what an operator has sent to its readers.
    fn dispatch(&mut self, id: NodeId, out: Output) {
        self.bad.extend(out.bad.into_iter().map(|bad| (id, bad)));
        for mut event in out.events {
            if let Event::Batch(batch) = &mut event
                && batch.ingest_ms == 0
            {
                batch.ingest_ms = self.ingest_ms;
            }
            for (reader, port) in &self.nodes[id].readers {
                self.queue.push_back((*reader, *port, event.clone()));
            }
            for (reader, _) in &self.nodes[id].late_readers {
                if !matches!(event, Event::Batch(_)) {
                    self.queue.push_back((*reader, 0, event.clone()));
                }
            }
            if let (true, Event::Batch(batch)) = (self.nodes[id].is_sink, event) {
                self.deliver(id, batch);
            }
        }
    }

    /// The sending half of an exchange.
    fn send(&mut self, id: NodeId, event: Event) -> Result<()> {
        let own = self.shard.index;
        match event {
            Event::Batch(batch) => {
                let Unit::Exchange { route, .. } = &mut self.nodes[id].unit else { return Ok(()) };
                let parts = match route.route(batch)? {
                    Route::One(target, batch) => vec![(target, batch)],
                    Route::Split(parts) => parts,
                    Route::All(batch) => {
                        (0..self.shard.count).map(|target| (target, batch.clone())).collect()
                    }
                };
                for (target, batch) in parts {
                    if let Unit::Exchange { sent, .. } = &mut self.nodes[id].unit {
                        sent[target] += batch.len() as u64;
                    }
                    match target == own {
                        true => self.arrive(id, own, Event::Batch(batch))?,
                        false => {
                            self.messages.push((target, Message { exchange: id, body: Body::Batch(batch) }))
                        }
                    }
                }
            }
            Event::Watermark(watermark) => {
                self.tell_others(id, |_| Body::Watermark(watermark));
                self.arrive(id, own, Event::Watermark(watermark))?;
            }
            Event::Idle(idle) => {
                self.tell_others(id, |_| Body::Idle(idle));
                self.arrive(id, own, Event::Idle(idle))?;
            }
            Event::End => {
                self.tell_others(id, |_| Body::End);
                self.arrive(id, own, Event::End)?;
            }
            Event::Barrier(barrier) => {
                self.send_barrier(id, barrier);
                self.arrive(id, own, Event::Barrier(barrier))?;
            }
            Event::Split(..) => {}
        }
        Ok(())
    }

    fn tell_others(&mut self, exchange: NodeId, body: impl Fn(usize) -> Body) {
        for target in (0..self.shard.count).filter(|target| *target != self.shard.index) {
            self.messages.push((target, Message { exchange, body: body(target) }));
        }
    }

    /// The receiving half of an exchange: an event that shard `from` sent.
    fn arrive(&mut self, id: NodeId, from: usize, event: Event) -> Result<()> {
        let mut out = Output::default();
        let Some(node) = self.nodes.get_mut(id) else {
            return Err(Error::bug(format!("a message for node {id}")));
        };
        let Unit::Exchange { received, .. } = &mut node.unit else {
            return Err(Error::bug(format!("a message for node {id}, which is no exchange")));
        };
        if node.alignment.holds(from) {
            node.alignment.hold(from, event);
            return Ok(());
        }
        let aligns = matches!(event, Event::Barrier(_) | Event::End);
        match event {
            Event::Batch(batch) => {
                received[from] += batch.len() as u64;
                out.batch(batch);
            }
            Event::Watermark(watermark) => node.ports[from].watermark = watermark,
            Event::Idle(idle) => node.ports[from].idle = idle,
            Event::End => node.ports[from] = Port::ENDED,
            Event::Barrier(barrier) => node.alignment.arrive(from, node.ports.len(), barrier),
            Event::Split(..) => {}
        }
        let (idle, watermark) = node.advance();
        out.events.extend(idle.filter(|idle| !idle).map(Event::Idle));
        out.events.extend(watermark.map(Event::Watermark));
        out.events.extend(idle.filter(|idle| *idle).map(Event::Idle));
        if node.ports.iter().all(|port| port.ended) && !node.ended {
            node.ended = true;
            out.events.push(Event::End);
        }
        self.dispatch(id, out);
        if aligns { self.align(id) } else { Ok(()) }
    }

    fn check_channel(&self, exchange: NodeId, from: usize, epoch: u64, rows_sent: u64) -> Result<()> {
        let Some(node) = self.nodes.get(exchange) else {
            return Err(Error::bug(format!("a barrier for node {exchange}")));
        };
        match &node.unit {
            // What the sender has sent since its barrier waits, and is counted with the next.
            Unit::Exchange { .. } if node.alignment.holds(from) => Ok(()),
            Unit::Exchange { received, .. } if received[from] == rows_sent => Ok(()),
            Unit::Exchange { received, .. } => Err(Error::bug(format!(
                "epoch {epoch}: shard {from} sent {rows_sent} rows on exchange {exchange}, shard {} received {}",
                self.shard.index, received[from]
            ))),
            _ => Err(Error::bug(format!("a barrier for node {exchange}, which is no exchange"))),
        }
    }
}

fn node_state(plan: &Plan, id: NodeId, node: &Node, shard: ShardId, limits: &Limits) -> Result<NodeState> {
    let (unit, ports) = match &node.operator {
        Spec::Exchange(strategy) => {
            let route = Exchange::new(strategy.clone(), shard.count, limits.partitions, shard.index);
            let counts = vec![0; shard.count];
            (Unit::Exchange { route, sent: counts.clone(), received: counts }, shard.count)
        }
        Spec::RowTime(spec) => (Unit::RowTime(RowTime::new(spec.clone())), 1),
        _ => (Unit::Plain(operator::create(plan, node, limits)?), node.inputs.len().max(1)),
    };
    let of_late = |reader: &(NodeId, usize)| match plan.nodes[reader.0].operator {
        Spec::LateRows { port } => Ok((reader.0, port)),
        _ => Err(*reader),
    };
    let readers = || plan.readers(id);
    Ok(NodeState {
        unit,
        ports: vec![Port::OPEN; ports],
        watermark: WATERMARK_MIN,
        idle: false,
        ended: false,
        readers: readers().filter_map(|own| of_late(&own).err()).collect(),
        late_readers: readers().filter_map(|own| of_late(&own).ok()).collect(),
        is_sink: matches!(node.operator, Spec::Sink { .. }),
        undecoded: 0,
        alignment: Alignment::default(),
    })
}

/// The exchanges above these nodes with no other between.
fn first_exchanges<'a>(plan: &Plan, row_times: impl Iterator<Item = &'a NodeId>) -> Vec<NodeId> {
    let mut below = vec![false; plan.nodes.len()];
    row_times.for_each(|id| below[*id] = true);
    let mut found = vec![];
    for (id, node) in plan.nodes.iter().enumerate() {
        if !node.inputs.iter().any(|input| below[*input]) {
            continue;
        }
        match node.operator {
            Spec::Exchange(_) => found.push(id),
            // From here on time is another.
            Spec::ProcessingTime { .. } => {}
            _ => below[id] = true,
        }
    }
    found
}

/// The nodes that follow the clock.
fn clocked(plan: &Plan) -> Vec<NodeId> {
    let follows = |node: &Node| match &node.operator {
        Spec::ProcessingTime { .. } | Spec::ExpiringAggregate { .. } => true,
        Spec::Join(spec) => spec.ttl_ms.iter().any(Option::is_some),
        _ => false,
    };
    (0..plan.nodes.len()).filter(|id| follows(&plan.nodes[*id])).collect()
}

/// The row-time node above a source: there is at most one, right above its computed columns.
fn find_row_time(plan: &Plan, source: NodeId) -> Option<NodeId> {
    let mut id = source;
    if !matches!(plan.nodes[id].operator, Spec::Source { .. }) {
        return None;
    }
    loop {
        let (reader, _) = plan.readers(id).next()?;
        match plan.nodes[reader].operator {
            Spec::RowTime(_) => return Some(reader),
            Spec::Calc { .. } => id = reader,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(watermark: i64, idle: bool) -> Port {
        Port { watermark, idle, ended: false }
    }

    #[test]
    fn an_idle_port_does_not_hold_time_back() {
        assert_eq!(promise(&[at(5, false), at(9, false)]), (false, Some(5)));
        assert_eq!(promise(&[at(5, true), at(9, false)]), (false, Some(9)));
    }

    #[test]
    fn when_the_last_port_falls_idle_the_greatest_watermark_counts() {
        assert_eq!(promise(&[at(5, true), at(9, true), Port::ENDED]), (true, Some(9)));
    }

    #[test]
    fn the_end_of_time_waits_for_an_idle_port() {
        assert_eq!(promise(&[at(5, true), at(WATERMARK_MAX, false)]), (false, None));
        assert_eq!(promise(&[Port::ENDED, Port::ENDED]), (false, Some(WATERMARK_MAX)));
    }
}
