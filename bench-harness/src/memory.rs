//! Rows in memory through the product's own shards: rings, exchange, windows; no decoding.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use arrow::array::RecordBatch;
use millrace_connect::connector::{Location, Sink, SinkWriter, Source, Split, SplitReader, Step, Target};
use millrace_connect::format::Decoded;
use millrace_flow::{RowKinds, SplitId};
use millrace_plan::{Error, Limits, Operator, Plan, Result};
use millrace_runtime::{self as runtime, BackendKind, Bell, Clock};
use millrace_server::report::ShardReport;
use millrace_server::shard::{self, ShardJob, ShardSink, ShardSource};

/// What a run gave.
pub struct Outcome {
    /// From the start of the shards to the end of the last, in nanoseconds.
    pub elapsed_ns: u64,
    /// The rows that reached the sink and what each did, in no order.
    pub rows: Vec<(RecordBatch, RowKinds)>,
    /// The account of each shard.
    pub shards: Vec<ShardReport>,
}

/// Each element of the inputs is a split.
struct Memory(Vec<Arc<[RecordBatch]>>);

impl Source for Memory {
    fn bounded(&self) -> bool {
        true
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        let split = |(index, batches): (usize, &Arc<[RecordBatch]>)| Split {
            name: format!("memory-{index}"),
            location: Location::Made,
            bytes: None,
            rows: Some(batches.iter().map(|own| own.num_rows() as u64).sum()),
            detail: index.to_string(),
        };
        Ok(self.0.iter().enumerate().map(split).collect())
    }

    fn open(&self, split: &Split, projection: &[usize], _: &Limits) -> Result<Box<dyn SplitReader>> {
        let index: usize = split.detail.parse().map_err(|_| Error::bug("a split without its number"))?;
        let batches = self.0[index].clone();
        Ok(Box::new(Reader { batches, next: 0, first_row: 0, projection: projection.to_vec() }))
    }
}

struct Reader {
    batches: Arc<[RecordBatch]>,
    next: usize,
    first_row: u64,
    projection: Vec<usize>,
}

impl SplitReader for Reader {
    fn step(&mut self, _max_rows: usize, _now_ms: u64) -> Result<Step> {
        let Some(batch) = self.batches.get(self.next) else { return Ok(Step::End) };
        let rows = batch.project(&self.projection).map_err(|error| Error::bug(error.to_string()))?;
        let decoded = Decoded {
            rows: Some(rows),
            first_row: self.first_row,
            bytes: batch.get_array_memory_size() as u64,
            ..Decoded::default()
        };
        self.next += 1;
        self.first_row += batch.num_rows() as u64;
        Ok(Step::Rows(decoded))
    }

    fn supply(&mut self, _bytes: Vec<u8>) -> Result<()> {
        Err(Error::bug("rows in memory need no bytes"))
    }
}

struct Collect {
    sender: Sender<(RecordBatch, RowKinds)>,
    keeps: bool,
}

impl Sink for Collect {
    fn target(&self) -> Target {
        Target::Nothing
    }

    fn takes_changes(&self) -> bool {
        true
    }

    fn writer(&self) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(Collect { sender: self.sender.clone(), keeps: self.keeps }))
    }
}

impl SinkWriter for Collect {
    fn write(&mut self, rows: &RecordBatch, kinds: &RowKinds, _out: &mut Vec<u8>) -> Result<()> {
        if self.keeps {
            // The receiver outlives the run.
            let _ = self.sender.send((rows.clone(), kinds.clone()));
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

/// Runs `plan`, which was made for `shards`, over `splits`. `keeps`: the rows of the sink are part of the outcome.
/// Main thread; shards take turns on cores if there are too few.
pub fn run(
    plan: &Plan,
    splits: &[Arc<[RecordBatch]>],
    shards: usize,
    backend: BackendKind,
    keeps: bool,
) -> Result<Outcome> {
    let bug = |error: runtime::RuntimeError| Error::environment(error.to_string());
    let bell = Bell::new().map_err(|error| Error::environment(format!("a bell: {error}")))?;
    let source: Arc<dyn Source> = Arc::new(Memory(splits.to_vec()));
    let (sender, collected) = channel();
    let sink: Arc<dyn Sink> = Arc::new(Collect { sender, keeps });
    let limits = Limits::default();
    let (mut mains, mut hosts) = (vec![], vec![]);
    for (index, mesh) in runtime::mesh(shards, limits.ring_batches).into_iter().enumerate() {
        const HOST_EVENTS: usize = 1024;
        let (host, receiver) = runtime::ring(HOST_EVENTS, bell.handle());
        hosts.push(receiver);
        let job = ShardJob {
            plan: Arc::new(plan.clone()),
            limits: limits.clone(),
            sources: sources(plan, &source, index, shards)?,
            sinks: sinks(plan, &sink),
            mesh,
            host,
            reads_stdin: false,
            ordered: false,
        };
        mains.push(move |context| shard::run(context, job));
    }
    drop(sink);
    let placement = runtime::place(Some(shards), None, true).map_err(bug)?;
    let clock = Clock::new();
    let running = runtime::start(backend, &placement, clock, bell.handle(), mains).map_err(bug)?;
    while !running.finished() {
        hosts.iter_mut().for_each(|host| while host.poll().is_some() {});
        bell.wait(Some(Duration::from_millis(10)));
    }
    let shards = running.wait().map_err(bug)?.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Outcome { elapsed_ns: clock.monotonic_ns(), rows: collected.try_iter().collect(), shards })
}

fn sources(plan: &Plan, source: &Arc<dyn Source>, shard: usize, shards: usize) -> Result<Vec<ShardSource>> {
    let splits = source.splits(shards)?;
    let nodes = plan.nodes.iter().enumerate();
    let nodes = nodes.filter(|(_, node)| matches!(node.operator, Operator::Source { .. }));
    let own = |(node, _)| ShardSource {
        node,
        source: source.clone(),
        splits: (0..).zip(splits.clone()).filter(|(id, _)| *id as usize % shards == shard).collect(),
        known: vec![],
        free_id: splits.len() as SplitId,
        fail_on_bad: true,
        listener: None,
    };
    Ok(nodes.map(own).collect())
}

fn sinks(plan: &Plan, sink: &Arc<dyn Sink>) -> Vec<ShardSink> {
    let nodes = plan.nodes.iter().enumerate();
    let nodes = nodes.filter(|(_, node)| matches!(node.operator, Operator::Sink { .. }));
    nodes.map(|(node, _)| ShardSink { node, sink: sink.clone(), peer: None }).collect()
}
