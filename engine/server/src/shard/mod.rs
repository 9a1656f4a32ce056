//! One shard's outer loop: the only place that awaits. It fetches bytes for the readers, steps the
//! pipeline, moves messages through the rings, and hands encoded rows to files or to the main thread.

mod cut;
mod feed;
mod input;
mod listen;
mod monitor;
mod output;
mod pace;
mod peer;
mod snapshot;
mod stages;

use std::sync::Arc;

use millrace_connect::connector::{Sink, Source, Split};
use millrace_flow::SplitId;
use millrace_flow::pipeline::{Message, Pipeline, ShardId};
use millrace_plan::{Error, Limits, NodeId, Plan, Result, WATERMARK_MAX};
use millrace_runtime::{ConnectedSocket, ListenSocket, MeshEnd, RingSender, ShardContext};

use crate::checkpoint::{ShardCheckpoint, hidden_mark};
use crate::report::{HostEvent, ShardReport, Snapshot};
use cut::Cuts;
use input::Inputs;
use output::{HIDDEN_MARK, Outputs};
use pace::Pace;
use stages::Stage;
pub use stages::Stages;

/// A source as one shard runs it.
pub struct ShardSource {
    /// The plan's source node.
    pub node: NodeId,
    /// Opens its splits.
    pub source: Arc<dyn Source>,
    /// The splits this shard owns.
    pub splits: Vec<(SplitId, Split)>,
    /// The names of the splits of all shards.
    pub known: Vec<String>,
    /// The first split number that no shard uses yet.
    pub free_id: SplitId,
    /// A bad row ends the run: `'on-error' = 'fail'`.
    pub fail_on_bad: bool,
    /// Where its connections come from.
    pub listener: Option<ShardListener>,
}

/// A port that one shard listens on.
pub struct ShardListener {
    /// For messages: `socket 127.0.0.1:9000`.
    pub name: String,
    /// The socket.
    pub socket: ListenSocket,
}

/// A sink as one shard runs it.
pub struct ShardSink {
    /// The plan's sink node.
    pub node: NodeId,
    /// Makes its writers.
    pub sink: Arc<dyn Sink>,
    /// Where its bytes go, if to a peer.
    pub peer: Option<ConnectedSocket>,
}

/// What a shard needs to run its copy of a pipeline.
pub struct ShardJob {
    /// The plan, the same on every shard.
    pub plan: Arc<Plan>,
    /// Bounds.
    pub limits: Limits,
    /// Sources with this shard's splits.
    pub sources: Vec<ShardSource>,
    /// Sinks.
    pub sinks: Vec<ShardSink>,
    /// The rings to and from the other shards.
    pub mesh: MeshEnd<Sent>,
    /// To the main thread: printed bytes, bad rows, progress.
    pub host: RingSender<HostEvent>,
    /// This shard owns standard input.
    pub reads_stdin: bool,
    /// Hold all rows back and sort them at the end.
    pub ordered: bool,
    /// Epochs are made durable, and perhaps gone on from.
    pub checkpoint: Option<ShardCheckpoint>,
}

/// A message on its way to another shard.
pub struct Sent {
    /// When it left, on the clock that all shards share.
    at_ns: u64,
    message: Message,
}

/// How often a shard tells the main thread how far it is, in milliseconds.
const SNAPSHOT_INTERVAL_MS: u64 = 100;

/// How often a pipeline that follows the clock is told the time, in milliseconds: so late may its windows fire.
const CLOCK_INTERVAL_MS: u64 = 10;

/// A shard gives way to its executor after this long, in nanoseconds.
const STEP_NS: u64 = 500_000;

/// After so long the messages of other shards wait for the next turn.
const RECEIVE_NS: u64 = 1_000_000;

/// Runs one shard to the end of its input, or until it is told to stop.
pub async fn run(context: ShardContext, job: ShardJob) -> Result<ShardReport> {
    let stop = context.clone();
    let outcome = match Shard::new(context, job) {
        Ok(mut shard) => shard.run().await,
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        // What the others wait for will not come.
        stop.stop_all();
    }
    outcome
}

struct Shard {
    context: ShardContext,
    pipeline: Pipeline,
    inputs: Inputs,
    outputs: Outputs,
    cuts: Cuts,
    pace: Pace,
    /// The next batch is not read until others have caught up.
    waits_for_others: bool,
    outbox: millrace_runtime::Outbox<Sent>,
    inbox: millrace_runtime::Inbox<Sent>,
    stages: Stages,
    limits: Limits,
    last_tick_ms: u64,
    last_clock_ms: u64,
    last_epoch_ms: u64,
    last_snapshot_ms: u64,
    epoch: u64,
    /// The shard whose messages are taken next.
    receives_from: usize,
    /// The run goes on from a checkpoint.
    resumed: bool,
    stopped: bool,
    peak_state_bytes: u64,
}

impl Shard {
    fn new(context: ShardContext, job: ShardJob) -> Result<Self> {
        let id = ShardId { index: context.shard(), count: context.shards() };
        let mut pipeline = Pipeline::new(&job.plan, id, &job.limits)?;
        let checkpoint = job.checkpoint;
        if let Some(held) = checkpoint.as_ref().and_then(|own| own.held.as_ref()) {
            pipeline.restore(held)?;
        }
        let (outbox, inbox) = job.mesh.split();
        let inputs = {
            let stdin = job.reads_stdin.then(|| millrace_runtime::read_stdin(context.wake_handle()));
            Inputs::new(job.sources, stdin, &job.plan, &job.limits, &context, checkpoint.as_ref())?
        };
        let mark = checkpoint.as_ref().map_or(HIDDEN_MARK.into(), |own| hidden_mark(&own.pipeline));
        let outputs = Outputs::new(job.sinks, job.host, &context, job.ordered, &job.plan, mark)?;
        let resumed = checkpoint.as_ref().is_some_and(|own| own.held.is_some());
        let cuts = Cuts::new(checkpoint, &context);
        Ok(Shard {
            context,
            pipeline,
            inputs,
            outputs,
            cuts,
            pace: Pace::new(job.limits.batch_rows),
            waits_for_others: false,
            resumed,
            outbox,
            inbox,
            stages: Stages::default(),
            limits: job.limits,
            last_tick_ms: 0,
            last_clock_ms: 0,
            last_epoch_ms: 0,
            last_snapshot_ms: 0,
            epoch: 0,
            receives_from: 0,
            stopped: false,
            peak_state_bytes: 0,
        })
    }

    async fn run(&mut self) -> Result<ShardReport> {
        self.cuts.announce(&mut self.outputs);
        self.inputs.start(&self.context, &mut self.pipeline)?;
        if self.resumed {
            self.pipeline.resume()?;
        }
        let mut yielded_ns = self.context.clock().monotonic_ns();
        let mut turn_ns = yielded_ns;
        loop {
            if self.context.stopping() || (self.cuts.stopped && self.outbox.pending() == 0) {
                self.stopped = !self.pipeline.finished();
                break;
            }
            let is_cutting = self.cuts.is_cutting();
            let mut progress = self.receive()?;
            progress |= self.read().await?;
            self.timers()?;
            progress |= self.send().await?;
            let (pipeline, inputs) = (&mut self.pipeline, &self.inputs);
            progress |= self.cuts.step(&self.context, pipeline, inputs, &mut self.outputs).await?;
            if self.pipeline.finished() && self.outbox.pending() == 0 && !self.cuts.are_durable() {
                break;
            }
            let now_ns = self.context.clock().monotonic_ns();
            self.stages.record(Stage::Turn, now_ns - turn_ns);
            if is_cutting || self.cuts.is_cutting() {
                self.stages.record(Stage::Checkpoint, now_ns - turn_ns);
            }
            turn_ns = now_ns;
            if !progress {
                self.idle(now_ns).await?;
                yielded_ns = self.context.clock().monotonic_ns();
                turn_ns = yielded_ns;
            } else if now_ns - yielded_ns > STEP_NS {
                self.context.yield_now().await;
                (yielded_ns, turn_ns) = (now_ns, self.context.clock().monotonic_ns());
            }
        }
        self.finish().await
    }

    /// Takes messages from other shards, for a bounded time.
    fn receive(&mut self) -> Result<bool> {
        let mut any = false;
        let until_ns = self.context.clock().monotonic_ns() + RECEIVE_NS;
        for _ in 0..self.context.shards() {
            let from = self.receives_from;
            self.receives_from = (from + 1) % self.context.shards();
            for _ in 0..self.pace.burst(self.pipeline.shard_watermark(from)) {
                let Some(Sent { at_ns, message }) = self.inbox.poll_from(from) else { break };
                let now_ns = self.context.clock().monotonic_ns();
                self.stages.record(Stage::Exchange, now_ns.saturating_sub(at_ns));
                self.pipeline.receive(from, message)?;
                any = true;
                if now_ns > until_ns {
                    return Ok(true);
                }
            }
        }
        Ok(any)
    }

    /// Reads the next batch, unless others must catch up first.
    async fn read(&mut self) -> Result<bool> {
        if self.cuts.ended() || self.outbox.pending() > 0 || self.outputs.congested() {
            return Ok(false);
        }
        let others = (0..self.context.shards()).filter(|shard| *shard != self.context.shard());
        let behind = others.map(|shard| self.pipeline.shard_watermark(shard)).min().unwrap_or(WATERMARK_MAX);
        self.waits_for_others = self.pace.is_too_far_ahead(self.context.clock().monotonic_ns(), behind);
        if self.waits_for_others {
            return Ok(false);
        }
        let read = self.inputs.step(&self.context, &mut self.pipeline, &mut self.stages).await?;
        if let Some(rows) = self.inputs.last_read_rows().filter(|_| read) {
            self.pace.has_read(rows, self.pipeline.shard_watermark(self.context.shard()));
        }
        Ok(read)
    }

    fn timers(&mut self) -> Result<()> {
        let now_ms = self.context.clock().monotonic_ns() / 1_000_000;
        if now_ms - self.last_tick_ms >= self.limits.emit_interval_ms {
            self.last_tick_ms = now_ms;
            self.pipeline.tick()?;
        }
        if self.pipeline.follows_clock() && now_ms - self.last_clock_ms >= CLOCK_INTERVAL_MS {
            self.last_clock_ms = now_ms;
            self.pipeline.clock(self.context.clock().wall_ms())?;
        }
        if now_ms - self.last_epoch_ms >= self.limits.epoch_interval_ms {
            self.last_epoch_ms = now_ms;
            self.epoch += 1;
            self.pipeline.epoch(self.epoch)?;
            self.pipeline.check_ledger()?;
            self.check_memory()?;
        }
        if now_ms - self.last_snapshot_ms >= SNAPSHOT_INTERVAL_MS {
            self.last_snapshot_ms = now_ms;
            self.outputs.tell(HostEvent::Snapshot(self.snapshot()));
        }
        Ok(())
    }

    /// Fails when the state outgrows this shard's share of the memory, naming the largest operators.
    fn check_memory(&mut self) -> Result<()> {
        let accounts = self.pipeline.accounts();
        let held: u64 = accounts.iter().map(|own| own.account.state_bytes).sum();
        self.peak_state_bytes = self.peak_state_bytes.max(held);
        let Some(limit) = self.limits.memory_bytes else { return Ok(()) };
        let share = (limit / self.context.shards()) as u64;
        if held <= share {
            return Ok(());
        }
        let mut largest = accounts;
        largest.sort_by_key(|own| std::cmp::Reverse(own.account.state_bytes));
        let names: Vec<String> = largest
            .iter()
            .take(3)
            .map(|own| format!("node {} {} {} bytes", own.node, own.operator, own.account.state_bytes))
            .collect();
        Err(Error::exhausted(format!(
            "shard {} holds {held} bytes of state, its share of --memory is {share}: {}",
            self.context.shard(),
            names.join(", ")
        ))
        .hint("raise --memory, use shorter windows, or group by fewer keys"))
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            shard: self.context.shard(),
            rows: self.inputs.rows(),
            bytes: self.inputs.bytes(),
            bad: self.inputs.bad(),
        }
    }

    /// Hands on what the pipeline has produced.
    async fn send(&mut self) -> Result<bool> {
        let mut progress = false;
        let messages = self.pipeline.take_messages();
        if !messages.is_empty() {
            let at_ns = self.context.clock().monotonic_ns();
            messages
                .into_iter()
                .for_each(|(target, message)| self.outbox.send(target, Sent { at_ns, message }));
            progress = true;
        }
        progress |= self.outbox.flush(&self.context);
        for (sink, batch) in self.pipeline.take_rows() {
            let began_ns = self.context.clock().monotonic_ns();
            self.outputs.write(&self.context, sink, batch).await?;
            self.stages.record(Stage::Sink, self.context.clock().monotonic_ns() - began_ns);
            progress = true;
        }
        for (node, bad) in self.pipeline.take_bad() {
            self.outputs.tell(HostEvent::bad_in_pipeline(node, bad));
        }
        for news in self.inputs.take_news() {
            self.outputs.tell(news);
        }
        progress |= self.outputs.flush_peers()?;
        progress |= self.outputs.flush_host();
        Ok(progress)
    }

    /// Nothing to do: flush what waits, then sleep until a message, a socket, a timer or the next wish of a reader.
    async fn idle(&mut self, now_ns: u64) -> Result<()> {
        self.outputs.flush_files(&self.context).await?;
        let timers_ms = [
            self.last_tick_ms + self.limits.emit_interval_ms,
            self.last_epoch_ms + self.limits.epoch_interval_ms,
            self.last_snapshot_ms + SNAPSHOT_INTERVAL_MS,
        ];
        let clock_ms = self.pipeline.follows_clock().then_some(self.last_clock_ms + CLOCK_INTERVAL_MS);
        let next_ms =
            timers_ms.into_iter().chain(clock_ms).chain(self.inputs.wake_ms()).min().unwrap_or(u64::MAX);
        let writing = self.cuts.is_writing();
        let waiting =
            writing || self.waits_for_others || self.outbox.pending() > 0 || self.outputs.congested();
        let until_ns = match waiting {
            true => now_ns + STEP_NS,
            false => next_ms.saturating_mul(1_000_000).max(now_ns + 1),
        };
        self.context.park(Some(until_ns)).await;
        Ok(())
    }

    async fn finish(&mut self) -> Result<ShardReport> {
        self.pipeline.check_ledger()?;
        match self.cuts.are_durable() {
            // All that is meant to be seen is visible since the last epoch.
            true => self.outputs.discard(&self.context).await?,
            false => self.outputs.finish(&self.context).await?,
        }
        self.outputs.finish_peers(&self.context).await?;
        self.outputs.tell(HostEvent::Snapshot(self.snapshot()));
        while !self.outputs.flush_host_all() {
            self.context.park(Some(self.context.clock().monotonic_ns() + STEP_NS)).await;
        }
        Ok(ShardReport {
            shard: self.context.shard(),
            stopped: self.stopped,
            nodes: self.pipeline.accounts(),
            rows_in: self.inputs.rows(),
            bytes_in: self.inputs.bytes(),
            undecoded: self.inputs.bad(),
            rows_out: self.outputs.rows(),
            bytes_out: self.outputs.bytes(),
            peak_state_bytes: self.peak_state_bytes,
            stages: std::mem::take(&mut self.stages),
        })
    }
}

/// A failure that names the split it happened in.
fn in_split(error: Error, split: &Split) -> Error {
    error.within(split.name.to_string())
}
