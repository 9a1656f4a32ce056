//! `millrace-bench scenario`: the queries that streams are used for, over memory and files, against the machine's own
//! limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use clap::Args;
use millrace_plan::{Error, Result};
use millrace_runtime::Clock;

use crate::load::binary;
use crate::record::{Record, Table, rate};
use crate::trades::{self, Spread, Trades};
use crate::{decode, input, memory, pipeline, process};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct ScenarioArgs {
    /// Only these scenarios, as in S0,S3a; default: all.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Rows in memory.
    #[arg(long, default_value = "10000000")]
    pub rows: usize,
    /// Rows in files.
    #[arg(long, default_value = "4000000")]
    pub file_rows: usize,
    /// Numbers of keys.
    #[arg(long, value_delimiter = ',', default_value = "100,10000,1000000")]
    pub keys: Vec<u64>,
    /// Runs; the median counts.
    #[arg(long, default_value = "3")]
    pub repeat: usize,
    /// The `millrace` to measure files with; default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub millrace: Option<PathBuf>,
}

struct Scenario {
    name: &'static str,
    about: &'static str,
    /// `None`: the operator does not exist yet.
    query: Option<Query>,
}

struct Query {
    sql: &'static str,
    /// The columns of a table that takes its results.
    columns: &'static str,
}

macro_rules! by_minute {
    ($emit:literal) => {
        Some(Query {
            sql: concat!(
                "SELECT window_start, trader, symbol, COUNT(*), SUM(qty), AVG(price) \
                 FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
                 GROUP BY window_start, window_end, trader, symbol",
                $emit
            ),
            columns: "w TIMESTAMP(3), trader INT, symbol STRING, n BIGINT, total BIGINT, mean DOUBLE",
        })
    };
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "S0",
        about: "filter and project",
        query: Some(Query {
            sql: "SELECT symbol, price, qty FROM t WHERE price > 500",
            columns: "symbol STRING, price DOUBLE, qty BIGINT",
        }),
    },
    Scenario { name: "S1", about: "moving average over 100 rows (OVER)", query: None },
    Scenario {
        name: "S2",
        about: "continuous GROUP BY symbol",
        query: Some(Query {
            sql: "SELECT symbol, COUNT(*), AVG(price), MIN(price), MAX(price), SUM(qty) FROM t GROUP BY symbol",
            columns: "symbol STRING, n BIGINT, mean DOUBLE, least DOUBLE, greatest DOUBLE, total BIGINT",
        }),
    },
    Scenario { name: "S3a", about: "tumbling minute by trader and symbol, final", query: by_minute!("") },
    Scenario { name: "S3b", about: "the same with EMIT CHANGES", query: by_minute!(" EMIT CHANGES") },
    Scenario {
        name: "S4",
        about: "hop 60 s by 5 s",
        query: Some(Query {
            sql: "SELECT window_start, symbol, COUNT(*), SUM(qty), AVG(price) \
                  FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '60' SECOND)) \
                  GROUP BY window_start, window_end, symbol",
            columns: "w TIMESTAMP(3), symbol STRING, n BIGINT, total BIGINT, mean DOUBLE",
        }),
    },
    Scenario { name: "S5", about: "session windows", query: None },
    Scenario { name: "S6", about: "interval join", query: None },
    Scenario { name: "S7", about: "top-N", query: None },
];

/// One measured point.
struct Point {
    rows: u64,
    bytes: u64,
    seconds: f64,
    emitted: u64,
    peak_bytes: Option<u64>,
}

/// Runs the scenarios.
pub fn run(args: &ScenarioArgs, quick: bool, seed: u64, record: &mut Record) -> Result<()> {
    let mut args = args.clone();
    if quick {
        args.rows = args.rows.min(1_000_000);
        args.file_rows = args.file_rows.min(200_000);
        args.keys.retain(|own| *own <= 10_000);
        args.repeat = 1;
    }
    if let Some(unknown) = args.only.iter().find(|own| SCENARIOS.iter().all(|known| known.name != **own)) {
        let known: Vec<&str> = SCENARIOS.iter().map(|own| own.name).collect();
        return Err(
            Error::query(format!("no scenario `{unknown}`")).hint(format!("known: {}", known.join(", ")))
        );
    }
    if args.repeat == 0 || args.rows == 0 || args.file_rows == 0 || args.keys.contains(&0) {
        return Err(Error::query("rows, keys and repeats begin at 1"));
    }
    let chosen: Vec<&Scenario> = SCENARIOS
        .iter()
        .filter(|own| args.only.is_empty() || args.only.iter().any(|name| name == own.name))
        .collect();
    let limits = Limits::measure(if quick { 100_000 } else { 500_000 });
    record.tables.push(limits.table());
    record.tables.push(in_memory(&args, &chosen, seed, &limits)?);
    record.tables.push(from_files(&args, &chosen, seed, &limits)?);
    Ok(())
}

/// What the machine itself can do, one core.
struct Limits {
    read_bytes_per_second: f64,
    json_rows_per_second: f64,
}

impl Limits {
    fn measure(lines: usize) -> Limits {
        let clock = Clock::new();
        let best = |work: &dyn Fn()| {
            let once = |_| {
                let began = clock.monotonic_ns();
                work();
                clock.monotonic_ns() - began
            };
            (0..5).map(once).min().unwrap_or(1).max(1) as f64 / 1e9
        };
        let words = vec![1u64; 32 << 20];
        let seconds = best(&|| {
            std::hint::black_box(std::hint::black_box(&words).iter().sum::<u64>());
        });
        let read_bytes_per_second = (words.len() * 8) as f64 / seconds;
        let text = input::json_lines(lines, 1000);
        let seconds = best(&|| {
            std::hint::black_box(decode::by_sonic(&text));
        });
        Limits { read_bytes_per_second, json_rows_per_second: lines as f64 / seconds }
    }

    fn table(&self) -> Table {
        let mut table = Table::new("Limits of one core, measured in this run", &["what", "per second"]);
        table.row(["memory read".into(), format!("{}B", rate(self.read_bytes_per_second))]);
        table.row([
            "JSON lines of 130 bytes, sonic-rs into a struct".into(),
            format!("{} rows", rate(self.json_rows_per_second)),
        ]);
        table
    }
}

const COLUMNS: &[&str] = &[
    "scenario",
    "input",
    "keys",
    "spread",
    "shards",
    "rows/s",
    "rows/s per shard",
    "bytes/s",
    "scaling",
    "rows out per row in",
    "of the limit",
    "peak MB",
];

fn shard_counts() -> Vec<usize> {
    (1..=std::thread::available_parallelism().map_or(1, |own| own.get())).collect()
}

fn in_memory(args: &ScenarioArgs, chosen: &[&Scenario], seed: u64, limits: &Limits) -> Result<Table> {
    let mut table = Table::new(format!("In memory, {} rows", args.rows), COLUMNS);
    for keys in &args.keys {
        for spread in [Spread::Uniform, Spread::Zipf] {
            let cores = shard_counts().len();
            let splits = Trades { rows: args.rows, keys: *keys, spread, seed }.splits(cores)?;
            for (scenario, query) in chosen.iter().filter_map(|own| Some((own, own.query.as_ref()?))) {
                let measure = |shards: usize| in_memory_once(query, &splits, shards);
                let head = ["memory".to_string(), keys.to_string(), spread.name().to_string()];
                rows(&mut table, scenario, &head, args.repeat, &measure, &|point, shards| {
                    point.bytes as f64 / point.seconds / shards as f64 / limits.read_bytes_per_second
                })?;
            }
        }
    }
    missing(&mut table, chosen);
    table.notes.push("limit: memory read, one core, for all columns of the input".into());
    table.notes.push("the time includes starting the shards; the rows of the sink are dropped".into());
    Ok(table)
}

fn in_memory_once(query: &Query, splits: &[Arc<[RecordBatch]>], shards: usize) -> Result<Point> {
    let sql = format!("{}{};", trades::table("'connector' = 'memory'"), query.sql);
    let plan = pipeline::plan_for(&sql, shards)?;
    let outcome = memory::run(memory::Run::of(&plan, shards), &|_| splits.to_vec())?;
    let of =
        |figure: fn(&millrace_server::report::ShardReport) -> u64| outcome.shards.iter().map(figure).sum();
    Ok(Point {
        rows: of(|own| own.rows_in),
        bytes: of(|own| own.bytes_in),
        seconds: outcome.elapsed_ns as f64 / 1e9,
        emitted: of(|own| own.rows_out),
        peak_bytes: None,
    })
}

fn from_files(args: &ScenarioArgs, chosen: &[&Scenario], seed: u64, limits: &Limits) -> Result<Table> {
    const KEYS: u64 = 10_000;
    let mut table = Table::new(format!("From files, {} rows", args.file_rows), COLUMNS);
    let millrace = binary(args.millrace.as_deref())?;
    let trades = Trades { rows: args.file_rows, keys: KEYS, spread: Spread::Uniform, seed };
    let splits = trades.splits(shard_counts().len())?;
    for format in ["arrow", "json", "csv"] {
        let folder = tempfile::tempdir().map_err(|error| Error::environment(format!("a folder: {error}")))?;
        trades::write(&splits, format, folder.path())?;
        for (scenario, query) in chosen.iter().filter_map(|own| Some((own, own.query.as_ref()?))) {
            let measure = |shards: usize| from_file_once(&millrace, query, format, folder.path(), shards);
            let head = [format!("{format} file"), KEYS.to_string(), "uniform".to_string()];
            rows(&mut table, scenario, &head, args.repeat, &measure, &|point, shards| match format {
                "json" => point.rows as f64 / point.seconds / shards as f64 / limits.json_rows_per_second,
                _ => point.bytes as f64 / point.seconds / shards as f64 / limits.read_bytes_per_second,
            })?;
        }
    }
    table.notes.push("the real binary, from its start to its end; limits: sonic-rs for json, memory read for arrow and csv".into());
    Ok(table)
}

fn from_file_once(
    millrace: &Path,
    query: &Query,
    format: &str,
    folder: &Path,
    shards: usize,
) -> Result<Point> {
    let with = format!("'connector' = 'filesystem', 'path' = '{}', 'format' = '{format}'", folder.display());
    let Query { sql, columns } = query;
    let script = format!(
        "{}CREATE TABLE o ({columns}) WITH ('connector' = 'blackhole');\nINSERT INTO o {sql};",
        trades::table(&with)
    );
    let finished = process::run(millrace, &script, shards)?;
    Ok(Point {
        rows: finished.figure("rows_in"),
        bytes: finished.figure("bytes_in"),
        seconds: finished.seconds(),
        emitted: finished.figure("rows_out"),
        peak_bytes: Some(finished.peak_bytes),
    })
}

/// A row for each number of shards.
fn rows(
    table: &mut Table,
    scenario: &Scenario,
    head: &[String],
    repeat: usize,
    measure: &dyn Fn(usize) -> Result<Point>,
    of_limit: &dyn Fn(&Point, usize) -> f64,
) -> Result<()> {
    let mut alone = 0.0;
    for shards in shard_counts() {
        eprint!("\r{:<4} {:<12} {:>8} keys, {shards} shards ", scenario.name, head[0], head[1]);
        let mut points = (0..repeat).map(|_| measure(shards)).collect::<Result<Vec<_>>>()?;
        points.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        let point = points.swap_remove(repeat / 2);
        let per_second = point.rows as f64 / point.seconds;
        if shards == 1 {
            alone = per_second;
        }
        let tail = [
            shards.to_string(),
            rate(per_second),
            rate(per_second / shards as f64),
            rate(point.bytes as f64 / point.seconds),
            format!("{:.2}", per_second / alone / shards as f64),
            format!("{:.3}", point.emitted as f64 / point.rows.max(1) as f64),
            format!("{:.2}", of_limit(&point, shards)),
            point.peak_bytes.map_or("-".into(), |own| format!("{:.0}", own as f64 / 1e6)),
        ];
        table.row(std::iter::once(scenario.name.to_string()).chain(head.iter().cloned()).chain(tail));
    }
    eprintln!();
    Ok(())
}

fn missing(table: &mut Table, chosen: &[&Scenario]) {
    let (there, missing): (Vec<&Scenario>, Vec<&Scenario>) =
        chosen.iter().partition(|own| own.query.is_some());
    let names = |of: Vec<&Scenario>| {
        of.iter().map(|own| format!("{}: {}", own.name, own.about)).collect::<Vec<_>>().join("; ")
    };
    table.notes.push(names(there));
    if !missing.is_empty() {
        table.notes.push(format!("not yet, for want of their operators: {}", names(missing)));
    }
}
