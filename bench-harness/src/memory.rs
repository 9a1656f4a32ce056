//! Rows in memory through the product's own shards: rings, exchange, windows; no decoding.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use arrow::array::RecordBatch;
use millrace_connect::connector::{
    Location, Position, Sink, SinkWriter, Source, Split, SplitReader, Step, Target,
};
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
    /// Context switches of the shards' threads, if they could be counted.
    pub switches: Option<u64>,
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
    fn position(&self) -> Position {
        Position { rows: self.first_row, offset: self.next as u64 }
    }

    fn seek(&mut self, position: Position) -> Result<()> {
        (self.first_row, self.next) = (position.rows, position.offset as usize);
        Ok(())
    }

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

/// The splits of each table, by its name.
pub type Tables = BTreeMap<String, Vec<Arc<[RecordBatch]>>>;

/// What to run.
pub struct Run<'a> {
    /// Made for `shards`.
    pub plan: &'a Plan,
    /// How many.
    pub shards: usize,
    /// What they run on.
    pub backend: BackendKind,
    /// The rows of the sink are part of the outcome.
    pub keeps: bool,
    /// The shards' limits.
    pub limits: Limits,
}

impl<'a> Run<'a> {
    /// Of this plan, with what the product does by default; the rows of the sink are dropped.
    pub fn of(plan: &'a Plan, shards: usize) -> Run<'a> {
        Run { plan, shards, backend: BackendKind::Auto, keeps: false, limits: Limits::default() }
    }
}

/// How long a run takes without rows, the least of three, in nanoseconds: start and end of the shards.
pub fn start_up_ns(plan: &Plan, shards: usize) -> Result<u64> {
    let once = |_| Ok(run(Run::of(plan, shards), &|_| vec![Arc::from([])])?.elapsed_ns);
    Ok((0..3).map(once).collect::<Result<Vec<_>>>()?.into_iter().min().unwrap_or(0))
}

/// Runs a plan over the splits of its tables. Main thread; shards take turns on cores if there are too few.
pub fn run(run: Run<'_>, splits: &dyn Fn(&str) -> Vec<Arc<[RecordBatch]>>) -> Result<Outcome> {
    let Run { plan, shards, backend, keeps, limits } = run;
    let bug = |error: runtime::RuntimeError| Error::environment(error.to_string());
    let bell = Bell::new().map_err(|error| Error::environment(format!("a bell: {error}")))?;
    let (sender, collected) = channel();
    let sink: Arc<dyn Sink> = Arc::new(Collect { sender, keeps });
    let (mut mains, mut hosts) = (vec![], vec![]);
    for (index, mesh) in runtime::mesh(shards, limits.ring_batches).into_iter().enumerate() {
        const HOST_EVENTS: usize = 1024;
        let (host, receiver) = runtime::ring(HOST_EVENTS, bell.handle());
        hosts.push(receiver);
        let job = ShardJob {
            plan: Arc::new(plan.clone()),
            limits: limits.clone(),
            sources: sources(plan, splits, index, shards)?,
            sinks: sinks(plan, &sink),
            mesh,
            host,
            reads_stdin: false,
            ordered: false,
            checkpoint: None,
        };
        mains.push(move |context| async move {
            let before = thread_switches();
            let report = shard::run(context, job).await;
            report.map(|own| (own, before.zip(thread_switches()).map(|(before, after)| after - before)))
        });
    }
    drop(sink);
    let placement = runtime::place(Some(shards), None, true).map_err(bug)?;
    let clock = Clock::new();
    let running = runtime::start(backend, &placement, clock, bell.handle(), mains).map_err(bug)?;
    while !running.finished() {
        hosts.iter_mut().for_each(|host| while host.poll().is_some() {});
        bell.wait(Some(Duration::from_millis(10)));
    }
    let ended = running.wait().map_err(bug)?.into_iter().collect::<Result<Vec<_>>>()?;
    let elapsed_ns = clock.monotonic_ns();
    let (shards, switches): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
    let switches = switches.into_iter().sum();
    Ok(Outcome { elapsed_ns, rows: collected.try_iter().collect(), shards, switches })
}

/// Context switches of the calling thread so far.
#[allow(clippy::disallowed_methods, reason = "asks the kernel, before and after what a shard does")]
fn thread_switches() -> Option<u64> {
    std::fs::read_to_string("/proc/thread-self/status").ok().map(|own| switches(&own))
}

/// The context switches that a thread's status in `/proc` tells of.
pub fn switches(status: &str) -> u64 {
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum()
}

fn sources(
    plan: &Plan,
    splits: &dyn Fn(&str) -> Vec<Arc<[RecordBatch]>>,
    shard: usize,
    shards: usize,
) -> Result<Vec<ShardSource>> {
    let nodes = plan.nodes.iter().enumerate();
    let nodes = nodes.filter_map(|(node, own)| match &own.operator {
        Operator::Source { table, .. } => Some((node, table.name.as_str())),
        _ => None,
    });
    let own = |(node, table)| {
        let source: Arc<dyn Source> = Arc::new(Memory(splits(table)));
        let splits = source.splits(shards)?;
        let free_id = splits.len() as SplitId;
        Ok(ShardSource {
            node,
            source,
            splits: (0..).zip(splits).filter(|(id, _)| *id as usize % shards == shard).collect(),
            known: vec![],
            free_id,
            fail_on_bad: true,
            listener: None,
        })
    };
    nodes.map(own).collect()
}

fn sinks(plan: &Plan, sink: &Arc<dyn Sink>) -> Vec<ShardSink> {
    let nodes = plan.nodes.iter().enumerate();
    let nodes = nodes.filter(|(_, node)| matches!(node.operator, Operator::Sink { .. }));
    nodes.map(|(node, _)| ShardSink { node, sink: sink.clone(), peer: None }).collect()
}
