//! A job: a compiled script with its sources and sinks, run on shards from start to end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use millrace_connect::connector::{self, Location, Sink, Source, Split, Target};
use millrace_flow::SplitId;
use millrace_plan::{Error, GREATEST_RANK, Limits, NodeId, Operator, Plan, Result};
use millrace_runtime::{self as runtime, Bell, Clock, DiskError, NetError, Placement, RuntimeError};
use millrace_sql::{Compiled, Request, compile};

use crate::checkpoint::Checkpoints;
use crate::config::Config;
use crate::host::Host;
use crate::progress::Progress;
use crate::report::{RunReport, ShardReport};
use crate::rules::Surroundings;
use crate::shard::{self, ShardJob, ShardListener, ShardSink, ShardSource};
use crate::signals::Signals;

/// A disk error as the user sees it.
pub fn environment(error: &DiskError) -> Error {
    let explained = Error::environment(format!("{}: {}", error.path.display(), error.source));
    match error.source.kind() {
        io::ErrorKind::NotFound => explained.hint("check the path; it is relative to the working folder"),
        io::ErrorKind::PermissionDenied => {
            explained.hint("check the permissions of the file and its folders")
        }
        io::ErrorKind::StorageFull => Error {
            culprit: millrace_plan::Culprit::Exhausted,
            ..explained.hint("make room, or write to another disk")
        },
        io::ErrorKind::IsADirectory => explained.hint("name a file, or use a table whose path is a folder"),
        _ => explained,
    }
}

fn net_error(error: NetError) -> Error {
    let explained = Error::environment(error.to_string());
    let (NetError::Listen { source, .. } | NetError::Connect { source, .. }) = error;
    match source.kind() {
        io::ErrorKind::AddrInUse => explained.hint("another process has the port: choose another 'port'"),
        io::ErrorKind::PermissionDenied => explained.hint("choose a 'port' above 1023"),
        io::ErrorKind::ConnectionRefused => explained.hint("nobody listens there: start the receiver first"),
        _ => explained.hint("check 'hostname' and 'port'"),
    }
}

fn runtime_error(error: RuntimeError) -> Error {
    match error {
        RuntimeError::Environment { message, hint } => Error::environment(message).hint(hint),
        RuntimeError::Panicked { shard, message } => Error::bug(format!("shard {shard} panicked: {message}")),
    }
}

/// Compiles a script. Runs on a thread with a large stack: SQL may nest deep.
pub fn compile_script(sql: &str, shards: usize, config: &Config) -> Result<Compiled> {
    const STACK_BYTES: usize = 512 << 20;
    let compile_here = || {
        compile(&Request {
            sql,
            shards,
            limits: &config.limits,
            rules: &Surroundings { functions: &config.functions },
            stdout: config.output.options(),
            ordered: config.ordered,
        })
    };
    runtime::with_stack(STACK_BYTES, compile_here).unwrap_or_else(|| Err(Error::bug("the planner panicked")))
}

/// Where the shards of this configuration run.
pub fn placement(config: &Config) -> Result<Vec<Placement>> {
    runtime::place(config.shards, config.cores.as_deref(), config.oversubscribe).map_err(
        |error| match error {
            RuntimeError::Environment { message, hint } => Error::query(message).hint(hint),
            other => runtime_error(other),
        },
    )
}

struct OpenSource {
    node: NodeId,
    source: Arc<dyn Source>,
    splits: Vec<(SplitId, Split)>,
    /// The names of splits that an earlier run has read to their end.
    ended: Vec<String>,
    fail_on_bad: bool,
}

/// A script ready to run.
pub struct Job {
    plan: Arc<Plan>,
    sources: Vec<OpenSource>,
    sinks: Vec<(NodeId, Arc<dyn Sink>)>,
    limits: Limits,
    ordered: bool,
    checkpoints: Option<Checkpoints>,
    /// The first number of a split that is not used yet.
    free_id: SplitId,
}

impl Job {
    /// Opens the sources and sinks of a compiled script.
    pub fn open(compiled: &Compiled, shards: usize, config: &Config) -> Result<Job> {
        let plan = Arc::new(compiled.plan.clone());
        let checkpoints = Checkpoints::open(config, &plan)?;
        let (mut sources, mut sinks) = (vec![], vec![]);
        let mut free_id = checkpoints.as_ref().map_or(0, Checkpoints::free_id);
        for (node, own) in plan.nodes.iter().enumerate() {
            match &own.operator {
                Operator::Source { table, lookup, .. } => {
                    let source: Arc<dyn Source> = Arc::from(connector::source(table)?);
                    let within = |error: Error| error.within(format!("table `{}`", table.name));
                    if checkpoints.is_some() && !source.replays() && !config.lossy_sources {
                        return Err(cannot_replay(&table.name));
                    }
                    let found = source.splits(shards).map_err(within)?;
                    // What is looked up is read anew.
                    let (splits, ended) = match checkpoints.as_ref().filter(|_| !lookup) {
                        Some(own) => {
                            own.number(found, node, source.replays(), &mut free_id).map_err(within)?
                        }
                        None => {
                            let first = free_id;
                            free_id += found.len() as SplitId;
                            ((first..).zip(found).collect(), vec![])
                        }
                    };
                    let fail_on_bad = table.option("on-error") == Some("fail");
                    sources.push(OpenSource { node, source, splits, ended, fail_on_bad });
                }
                Operator::Sink { table } => {
                    sinks.push((node, Arc::from(connector::sink(table)?)));
                }
                _ => {}
            }
        }
        let splits = sources.iter().flat_map(|own| &own.splits);
        if splits.filter(|(_, split)| split.location == Location::Stdin).count() > 1 {
            return Err(Error::query("two tables read standard input, which can be read only once")
                .hint("declare one table, and a view for each use of it"));
        }
        let mut limits = config.limits.clone();
        if let Some(interval) = compiled.settings.emit_interval_ms {
            limits.emit_interval_ms = interval.max(1);
        }
        let ordered = config.ordered;
        let job = Job { plan, sources, sinks, limits, ordered, checkpoints, free_id };
        job.refuse_endless_sort()?;
        Ok(job)
    }

    /// A sort of all rows gives its first row when its input ends: over one that does not, never.
    fn refuse_endless_sort(&self) -> Result<()> {
        let sorts = |own: &Operator| matches!(own, Operator::TopN { last: GREATEST_RANK, .. });
        let endless = self.sources.iter().filter(|own| !own.source.bounded());
        for (source, node) in endless.flat_map(|own| (0..self.plan.nodes.len()).map(|node| (own.node, node)))
        {
            if sorts(&self.plan.nodes[node].operator) && self.plan.reaches(source, node) {
                let table = match &self.plan.nodes[source].operator {
                    Operator::Source { table, .. } => table.name.as_str(),
                    _ => "input",
                };
                return Err(Error::query(format!(
                    "ORDER BY without LIMIT over `{table}`, which does not end"
                ))
                .hint("write LIMIT n, rank rows per window, or bound the table, as by 'number-of-rows'"));
            }
        }
        Ok(())
    }

    fn bounded(&self) -> bool {
        self.sources.iter().all(|own| own.source.bounded())
    }

    fn total_bytes(&self) -> Option<u64> {
        self.sources.iter().flat_map(|own| &own.splits).map(|(_, split)| split.bytes).sum()
    }

    fn total_rows(&self) -> Option<u64> {
        self.sources.iter().flat_map(|own| &own.splits).map(|(_, split)| split.rows).sum()
    }

    /// Which shard reads each split: the longest first, each to the shard with least to read; splits of
    /// unknown length in turn.
    fn assign(&self, shards: usize) -> Vec<Vec<ShardSource>> {
        let mut load = vec![0u64; shards];
        let mut assigned: Vec<Vec<ShardSource>> = (0..shards).map(|_| vec![]).collect();
        for own in &self.sources {
            let mut order: Vec<usize> = (0..own.splits.len()).collect();
            order.sort_by_key(|index| std::cmp::Reverse(own.splits[*index].1.bytes));
            let mut parts: Vec<Vec<(SplitId, Split)>> = vec![vec![]; shards];
            for index in order {
                let (id, split) = &own.splits[index];
                let lightest = (0..shards).min_by_key(|shard| load[*shard]).unwrap_or(0);
                load[lightest] += split.bytes.or(split.rows).unwrap_or(1 << 20).max(1);
                parts[lightest].push((*id, split.clone()));
            }
            for (shard, mut splits) in parts.into_iter().enumerate() {
                splits.sort_by_key(|(id, _)| *id);
                assigned[shard].push(ShardSource {
                    node: own.node,
                    source: own.source.clone(),
                    splits,
                    known: own
                        .splits
                        .iter()
                        .map(|(_, split)| &split.name)
                        .chain(&own.ended)
                        .cloned()
                        .collect(),
                    free_id: self.free_id,
                    fail_on_bad: own.fail_on_bad,
                    listener: None,
                });
            }
        }
        assigned
    }

    /// Takes the ports of sources that listen: a listener for each shard.
    fn listen(&self, assigned: &mut [Vec<ShardSource>], quiet: bool) -> Result<()> {
        for (index, own) in self.sources.iter().enumerate() {
            let Some(endpoint) = own.source.endpoint() else { continue };
            let sockets =
                runtime::listen(&endpoint.host, endpoint.port, assigned.len()).map_err(net_error)?;
            for (sources, socket) in assigned.iter_mut().zip(sockets) {
                let name = format!("socket {endpoint}");
                sources[index].listener = Some(ShardListener { name, socket });
            }
            if !quiet {
                eprintln!("listening on {endpoint}");
            }
        }
        Ok(())
    }

    /// The sinks of each shard; those that send to a peer are connected.
    fn connect(&self, shards: usize) -> Result<Vec<Vec<ShardSink>>> {
        let mut connected: Vec<Vec<ShardSink>> = (0..shards).map(|_| vec![]).collect();
        for (node, sink) in &self.sinks {
            let mut peers = match sink.target() {
                Target::Socket(to) => runtime::connect(&to.host, to.port, shards).map_err(net_error)?,
                _ => vec![],
            };
            for sinks in connected.iter_mut().rev() {
                sinks.push(ShardSink { node: *node, sink: sink.clone(), peer: peers.pop() });
            }
        }
        Ok(connected)
    }

    /// True if an earlier run has come to the end of the input: there is nothing to do.
    pub fn is_finished(&self) -> bool {
        self.checkpoints.as_ref().is_some_and(Checkpoints::is_finished)
    }

    /// Makes what an earlier run had committed visible, and removes what it had not.
    pub fn finish_output(&self) -> Result<()> {
        let Some(own) = &self.checkpoints else { return Ok(()) };
        let folders = self.sinks.iter().filter_map(|(_, sink)| match sink.target() {
            Target::Folder { path, .. } => Some(path),
            _ => None,
        });
        own.finish_output(&folders.collect::<Vec<PathBuf>>())
    }

    /// The epoch that the run goes on from.
    pub fn resumes_from(&self) -> Option<u64> {
        self.checkpoints.as_ref().and_then(Checkpoints::resumes_from)
    }

    /// Runs to the end of the input, or until a signal comes.
    pub fn run(mut self, placement: &[Placement], config: &Config, signals: &Signals) -> Result<RunReport> {
        let shards = placement.len();
        self.finish_output()?;
        let checkpoint = self.checkpoints.as_mut().map(Checkpoints::for_shards);
        let clock = Clock::new();
        let bell = Bell::new().map_err(|error| Error::environment(format!("eventfd: {error}")))?;
        let mut assigned = self.assign(shards);
        self.listen(&mut assigned, config.quiet)?;
        let sinks = self.connect(shards)?;
        let reads_stdin = |sources: &[ShardSource]| {
            sources.iter().any(|own| own.splits.iter().any(|(_, split)| split.location == Location::Stdin))
        };
        let mut mains = vec![];
        let mut hosts = vec![];
        let meshes = runtime::mesh(shards, self.limits.ring_batches);
        for ((sources, sinks), mesh) in assigned.into_iter().zip(sinks).zip(meshes) {
            const HOST_EVENTS: usize = 1024;
            let (host, receiver) = runtime::ring(HOST_EVENTS, bell.handle());
            hosts.push(receiver);
            let reads_stdin = reads_stdin(&sources);
            let job = ShardJob {
                plan: self.plan.clone(),
                limits: self.limits.clone(),
                sources,
                sinks,
                mesh,
                host,
                reads_stdin,
                ordered: self.ordered,
                checkpoint: checkpoint.clone(),
            };
            mains.push(move |context| shard::run(context, job));
        }
        let progress = Progress::new(config.quiet, self.bounded(), self.total_bytes(), self.total_rows());
        drop(checkpoint);
        let resumes_from = self.resumes_from().filter(|_| !config.quiet);
        let epochs =
            self.checkpoints.take().map(|own| own.epochs(shards, &self.limits, bell.handle())).transpose()?;
        let mut host = Host::new(hosts, &self.plan, &self.limits, progress, epochs);
        host.resumes_from(resumes_from);
        let running =
            runtime::start(config.backend, placement, clock, bell.handle(), mains).map_err(runtime_error)?;
        if let Some(warning) = running.warning() {
            eprintln!("warning: {warning}");
        }
        let backend = running.backend().to_string();
        let mut attended = Ok(());
        while attended.is_ok() && !running.finished() {
            attended = attend(&running, &mut host, signals, &clock, &bell);
        }
        if attended.is_err() {
            running.stop();
        }
        let results = running.wait().map_err(runtime_error);
        attended?;
        host.poll(&clock)?;
        host.finish()?;
        let reports: Vec<ShardReport> = results?.into_iter().collect::<Result<_>>()?;
        let elapsed_ms = clock.monotonic_ns() / 1_000_000;
        Ok(RunReport { shards: reports, elapsed_ms, backend, epochs: host.epochs() })
    }
}

/// What the main thread does once while the shards run.
fn attend<T>(
    running: &runtime::Running<T>,
    host: &mut Host,
    signals: &Signals,
    clock: &Clock,
    bell: &Bell,
) -> Result<()> {
    if host.stdout_closed() || (signals.stop_requested() && !host.end(clock)?) {
        running.stop();
    }
    if signals.checkpoint_requested() && !host.checkpoint(clock)? {
        eprintln!("warning: SIGUSR1 asks for a checkpoint, but there is no --checkpoint-dir");
    }
    host.tick(clock)?;
    if !host.poll(clock)? {
        bell.wait(Some(host.patience()));
    }
    Ok(())
}

fn cannot_replay(table: &str) -> Error {
    Error::query(format!(
        "`{table}` cannot be read again: after a crash its rows since the last epoch are lost"
    ))
    .hint("read it from files, or accept that with --allow-source-loss")
}
