//! `millrace-bench load`: a running `millrace` under load through sockets, and what a client sees of it.

mod drive;
mod engine;
mod pauses;
mod receiver;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use millrace_plan::{Error, Result};
use serde_json::Value;

use crate::record::{Record, Table, rate, time};
use drive::{Drive, Driven, drive};
pub use engine::binary;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// What the engine computes; default: both, one after the other.
    #[arg(long, value_enum)]
    pub query: Option<Query>,
    /// Events per second; default: look for the highest rate that holds (--ramp).
    #[arg(long)]
    pub rate: Option<u64>,
    /// Raise the rate until latency or queues grow; then measure at 25, 50 and 80 % of that, and at twice of it.
    #[arg(long)]
    pub ramp: bool,
    /// How long each rate is held.
    #[arg(long, default_value = "10")]
    pub seconds: f64,
    /// How long the highest rate must hold.
    #[arg(long, default_value = "60")]
    pub hold_seconds: f64,
    /// Seconds at the beginning that do not count.
    #[arg(long, default_value = "1")]
    pub warmup_seconds: f64,
    /// Client connections.
    #[arg(long, default_value = "4")]
    pub connections: usize,
    /// Runs at each rate; the median by p99 counts.
    #[arg(long, default_value = "1")]
    pub repeat: usize,
    /// Shards; default: all cores but one, which is for the load.
    #[arg(long)]
    pub shards: Option<usize>,
    /// The `millrace` to measure; default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub millrace: Option<PathBuf>,
}

/// What the engine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Query {
    /// Each event goes on: the latency of an event.
    Pass,
    /// Count per 100 ms and key: the latency from the end of the window.
    Window,
}

/// Length of the windows.
const WINDOW_NS: u64 = 100_000_000;

impl Query {
    fn name(self) -> &'static str {
        match self {
            Query::Pass => "pass",
            Query::Window => "window",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Query::Pass => {
                "CREATE TABLE t (id BIGINT, k STRING, v DOUBLE, ms BIGINT, sent_ns BIGINT) \
                 WITH ('connector' = 'socket', 'port' = '{in}', 'format' = 'json'); \
                 CREATE TABLE o (n BIGINT, sent_ns BIGINT) \
                 WITH ('connector' = 'socket', 'port' = '{out}', 'format' = 'json'); \
                 INSERT INTO o SELECT 1, sent_ns FROM t WHERE v >= 0;"
            }
            Query::Window => {
                "CREATE TABLE t (id BIGINT, k STRING, v DOUBLE, ms BIGINT, sent_ns BIGINT, \
                 ts AS TO_TIMESTAMP_LTZ(ms, 3), WATERMARK FOR ts AS ts - INTERVAL '0.001' SECOND) \
                 WITH ('connector' = 'socket', 'port' = '{in}', 'format' = 'json'); \
                 CREATE TABLE o (n BIGINT, sent_ns BIGINT) \
                 WITH ('connector' = 'socket', 'port' = '{out}', 'format' = 'json'); \
                 INSERT INTO o SELECT COUNT(*), MAX(sent_ns) \
                 FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.1' SECOND)) \
                 GROUP BY window_start, window_end, k;"
            }
        }
    }

    /// Of a result line: how many events it stands for, and when it could be known at the earliest.
    fn result(self, line: &[u8]) -> (u64, u64) {
        let number = |digits: &[u8]| {
            digits
                .iter()
                .filter(|own| own.is_ascii_digit())
                .fold(0, |sum, own| sum * 10 + u64::from(own - b'0'))
        };
        let comma = memchr::memchr(b',', line).unwrap_or(line.len());
        let (count, sent_ns) = (number(&line[..comma]), number(&line[comma..]));
        match self {
            Query::Pass => (count, sent_ns),
            Query::Window => (count, (sent_ns / WINDOW_NS + 1) * WINDOW_NS),
        }
    }
}

/// Which cores the engine has, and which the load.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    shards: usize,
    /// For the load; `None` = wherever there is room.
    core: Option<usize>,
}

impl Placed {
    fn new(shards: Option<usize>) -> Result<Placed> {
        let cores = std::thread::available_parallelism().map_or(1, |own| own.get());
        let shards = shards.unwrap_or(cores.saturating_sub(1).max(1));
        if shards == 0 || shards > cores {
            return Err(Error::query(format!("{shards} shards on {cores} cores")));
        }
        Ok(Placed { shards, core: (shards < cores).then_some(cores - 1) })
    }

    /// Pins the calling thread beside the shards.
    fn pin(self) {
        if let Some(id) = self.core {
            // A thread that cannot be pinned measures too, with more noise.
            let _ = core_affinity::set_for_current(core_affinity::CoreId { id });
        }
    }

    fn text(self) -> String {
        match self.core {
            Some(core) => {
                format!("{} shards on cores 0-{}, the load on core {core}", self.shards, self.shards - 1)
            }
            None => format!("{} shards, the load on the same cores", self.shards),
        }
    }
}

/// A rate holds if its p99 is below this and the sender keeps up.
const BOUND_NS: u64 = 10_000_000;

/// A sender who is further behind than this does not keep up.
const BEHIND_NS: u64 = 50_000_000;

fn holds(driven: &Driven) -> bool {
    driven.latency.at(0.99) < BOUND_NS && driven.behind_ns < BEHIND_NS
}

/// Runs the measurement.
pub fn run(args: &LoadArgs, quick: bool, seed: u64, record: &mut Record) -> Result<()> {
    let mut args = args.clone();
    if quick {
        args.seconds = args.seconds.min(1.5);
        args.hold_seconds = args.hold_seconds.min(2.0);
        args.warmup_seconds = args.warmup_seconds.min(0.5);
    }
    if args.connections == 0
        || args.repeat == 0
        || args.rate == Some(0)
        || args.seconds <= args.warmup_seconds
    {
        return Err(Error::query(
            "rate, connections and repeat begin at 1, and seconds are more than the warm-up",
        ));
    }
    let placed = Placed::new(args.shards)?;
    let load = Load { binary: binary(args.millrace.as_deref())?, placed, args: &args, seed };
    let queries = args.query.map_or(vec![Query::Pass, Query::Window], |own| vec![own]);
    let first = record.tables.len();
    for query in queries {
        match args.rate.filter(|_| !args.ramp) {
            Some(rate) => {
                let driven = load.at(query, rate, args.seconds)?;
                let mut table = load.table(format!("Latency, query `{}`", query.name()));
                load.add(&mut table, "fixed", rate, &driven)?;
                record.tables.extend([table, stages(query, "fixed", &driven)]);
            }
            None => {
                load.ramp(query, args.rate.unwrap_or(if quick { 100_000 } else { 20_000 }), quick, record)?
            }
        }
    }
    let pauses = pauses::watch(args.seconds);
    if let Some(table) = record.tables.get_mut(first..).and_then(|own| own.last_mut()) {
        table.notes.push(pauses);
    }
    Ok(())
}

struct Load<'a> {
    binary: PathBuf,
    placed: Placed,
    args: &'a LoadArgs,
    seed: u64,
}

impl Load<'_> {
    fn at(&self, query: Query, rate: u64, seconds: f64) -> Result<Driven> {
        let (connections, warmup_seconds) = (self.args.connections, self.args.warmup_seconds);
        let one = Drive { query, rate, seconds, warmup_seconds, connections, seed: self.seed };
        let runs = (0..self.args.repeat).map(|_| drive(&self.binary, self.placed, one));
        let mut runs = runs.collect::<Result<Vec<_>>>()?;
        runs.sort_by_key(|own| own.latency.at(0.99));
        Ok(runs.swap_remove(self.args.repeat / 2))
    }

    fn ramp(&self, query: Query, from: u64, quick: bool, record: &mut Record) -> Result<()> {
        let step_seconds = if quick { self.args.seconds } else { self.args.seconds.min(4.0) };
        let mut table = self.table(format!("Ramp, query `{}`", query.name()));
        let (mut rate, mut knee) = (from, 0);
        loop {
            eprintln!("{} at {rate} events/s", query.name());
            let driven = self.at(query, rate, step_seconds)?;
            self.add(&mut table, "ramp", rate, &driven)?;
            if !holds(&driven) {
                break;
            }
            knee = rate;
            rate = if quick { rate * 3 } else { rate * 8 / 5 };
        }
        // Between the last that held and the first that did not.
        let between = (knee + rate) / 2;
        if knee > 0 && holds(&self.at(query, between, step_seconds)?) {
            knee = between;
        }
        let mut held = None;
        while knee > 0 && held.is_none() {
            eprintln!("{} held at {knee} events/s", query.name());
            let driven = self.at(query, knee, self.args.hold_seconds)?;
            let label = format!("held {:.0} s", self.args.hold_seconds);
            self.add(&mut table, &label, knee, &driven)?;
            match holds(&driven) {
                true => held = Some(driven),
                false => knee = knee * 9 / 10,
            }
        }
        record.tables.push(table);
        if held.is_none() {
            return Err(Error::environment(format!("no rate from {from} events/s on holds a p99 of 10 ms"))
                .hint("the machine is busy, or --rate is too high to begin with"));
        }
        self.beside_knee(query, knee, record)
    }

    fn beside_knee(&self, query: Query, knee: u64, record: &mut Record) -> Result<()> {
        let title =
            format!("Latency, query `{}`, against the knee of {} events/s", query.name(), rate(knee as f64));
        let mut table = self.table(title);
        for percent in [25, 50, 80, 200] {
            eprintln!("{} at {percent} % of the knee", query.name());
            let driven = self.at(query, knee * percent / 100, self.args.seconds)?;
            self.add(&mut table, &format!("{percent} %"), knee * percent / 100, &driven)?;
            if percent == 50 {
                record.tables.push(stages(query, "half the knee", &driven));
            }
        }
        table.notes.push(
            "at 200 % back-pressure holds the sender; memory stays bounded, and every event sent is in the ledger".into(),
        );
        record.tables.push(table);
        Ok(())
    }

    fn table(&self, title: String) -> Table {
        let mut table = Table::new(
            title,
            &[
                "load",
                "events/s",
                "sent/s",
                "p50",
                "p90",
                "p99",
                "p99.9",
                "p99.99",
                "max",
                "behind",
                "load stood still",
                "events",
                "peak MB",
            ],
        );
        table.notes.push(
            "load stood still: the longest time for which the machine did not run the load; nor, most likely, the engine".into(),
        );
        table.notes.push(format!(
            "{}; {} connections; {} s of warm-up; median of {} by p99",
            self.placed.text(),
            self.args.connections,
            self.args.warmup_seconds,
            self.args.repeat
        ));
        table
    }

    /// Adds a row. Fails if the ledger does not have every event that was sent.
    fn add(&self, table: &mut Table, label: &str, planned: u64, driven: &Driven) -> Result<()> {
        let (rows_in, late) = (driven.figure("rows_in"), driven.figure("late"));
        // The last windows stay open.
        let complete = rows_in == driven.sent && late == 0;
        if !complete || (table.title.contains("`pass`") && driven.received != driven.sent) {
            return Err(Error::bug(format!(
                "{} events sent, {rows_in} in the ledger, {late} late, {} in the results",
                driven.sent, driven.received
            )));
        }
        let latency = &driven.latency;
        let quantiles = [0.5, 0.9, 0.99, 0.999, 0.9999, 1.0].map(|own| time(latency.at(own)));
        let head = [label.to_string(), rate(planned as f64), rate(driven.rate())];
        let tail = [
            time(driven.behind_ns),
            time(driven.stood_still_ns),
            driven.sent.to_string(),
            format!("{:.0}", driven.peak_bytes as f64 / 1e6),
        ];
        table.row(head.into_iter().chain(quantiles).chain(tail));
        Ok(())
    }
}

/// The shards' own histograms.
fn stages(query: Query, label: &str, driven: &Driven) -> Table {
    let mut table = Table::new(
        format!("Stages per batch, query `{}`, {label}", query.name()),
        &["stage", "batches", "p50 us", "p99 us", "p99.9 us", "p99.99 us", "max us"],
    );
    let stages = driven.account["total"]["stages"].as_object();
    for (name, own) in stages.into_iter().flatten() {
        let figure = |key: &str| match &own[key] {
            Value::Number(number) => number.to_string(),
            _ => "-".into(),
        };
        let figures = ["batches", "p50_us", "p99_us", "p99.9_us", "p99.99_us", "max_us"].map(figure);
        table.row(std::iter::once(name.clone()).chain(figures));
    }
    table
}
