//! `millrace-bench scenario`: the queries that streams are used for, over memory, files and sockets, against the
//! machine's own limits.

mod by_hand;
mod limits;
pub mod queries;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use clap::Args;
use millrace_plan::{Error, Result};
use millrace_runtime::Clock;

use crate::load::binary;
use crate::memory::{self, Run};
use crate::record::{Record, Table, net_seconds, rate, ratio, time};
use crate::trades::{self, Spread, Trades};
use crate::{feed, instructions, pipeline, process};
use limits::Limits;
use queries::{SCENARIOS, Scenario};

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
    #[arg(long, default_value = "2000000")]
    pub file_rows: usize,
    /// Numbers of keys.
    #[arg(long, value_delimiter = ',', default_value = "100,10000,1000000")]
    pub keys: Vec<u64>,
    /// Runs; the median counts.
    #[arg(long, default_value = "3")]
    pub repeat: usize,
    /// Rows under valgrind; twice as many in the second of two runs.
    #[arg(long, default_value = "100000")]
    pub instruction_rows: usize,
    /// The `millrace` to measure files and sockets with; default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub millrace: Option<PathBuf>,
}

/// One measured point.
struct Point {
    rows: u64,
    bytes: u64,
    seconds: f64,
    emitted: u64,
    /// Of a run without rows, in seconds; taken off already.
    start_up: Option<f64>,
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
        args.instruction_rows = args.instruction_rows.min(20_000);
    }
    if let Some(unknown) = args.only.iter().find(|own| SCENARIOS.iter().all(|known| known.name != **own)) {
        let known: Vec<&str> = SCENARIOS.iter().map(|own| own.name).collect();
        return Err(
            Error::query(format!("no scenario `{unknown}`")).hint(format!("known: {}", known.join(", ")))
        );
    }
    if [args.repeat, args.rows, args.file_rows, args.instruction_rows].contains(&0) || args.keys.contains(&0)
    {
        return Err(Error::query("rows, keys and repeats begin at 1"));
    }
    let (mut chosen, mut refused) = (vec![], vec![]);
    for own in
        SCENARIOS.iter().filter(|own| args.only.is_empty() || args.only.iter().any(|name| name == own.name))
    {
        match own.script("'connector' = 'memory'") {
            Ok(_) => chosen.push(own),
            Err(error) => refused.push((own, error)),
        }
    }
    let bench = Bench {
        millrace: binary(args.millrace.as_deref())?,
        limits: Limits::measure(if quick { 100_000 } else { 500_000 }),
        args,
        chosen,
        seed,
    };
    record.tables.push(bench.limits.table());
    record.tables.push(bench.in_memory()?);
    record.tables.push(bench.outside()?);
    record.tables.push(bench.instructions(quick)?);
    let mut table = Table::new("Not yet, in the planner's words", &["scenario", "what", "why"]);
    for (own, error) in refused {
        table.row([own.name.into(), own.about.into(), error.message]);
    }
    record.tables.push(table);
    Ok(())
}

struct Bench {
    millrace: PathBuf,
    limits: Limits,
    args: ScenarioArgs,
    chosen: Vec<&'static Scenario>,
    seed: u64,
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
    "of the loop",
    "start-up",
    "peak MB",
];

fn shard_counts() -> Vec<usize> {
    (1..=std::thread::available_parallelism().map_or(1, |own| own.get())).collect()
}

/// The rows that a scenario gets.
fn rows_of(scenario: &Scenario, splits: &[Arc<[RecordBatch]>]) -> Vec<Arc<[RecordBatch]>> {
    let most = scenario.most_rows.unwrap_or(usize::MAX);
    let pieces = |batch: &RecordBatch| {
        let each = if scenario.row_by_row { 1 } else { batch.num_rows().max(1) };
        let piece = |start: usize| batch.slice(start, each.min(batch.num_rows() - start));
        (0..batch.num_rows()).step_by(each).map(piece).collect::<Vec<_>>()
    };
    let cut = |split: &Arc<[RecordBatch]>| -> Arc<[RecordBatch]> {
        let (mut rows, mut kept) = (0, vec![]);
        for batch in split.iter().take_while(|own| {
            rows += own.num_rows();
            rows - own.num_rows() < most
        }) {
            kept.extend(pieces(batch));
        }
        if scenario.row_by_row {
            kept.truncate(most);
        }
        kept.into()
    };
    splits.iter().map(cut).collect()
}

impl Bench {
    fn in_memory(&self) -> Result<Table> {
        let mut table = Table::new(format!("In memory, {} rows", self.args.rows), COLUMNS);
        for keys in &self.args.keys {
            for spread in [Spread::Uniform, Spread::Zipf] {
                let (rows, seed) = (self.args.rows, self.seed);
                let splits = Trades { rows, keys: *keys, spread, seed }.splits(shard_counts().len())?;
                for scenario in &self.chosen {
                    let splits = rows_of(scenario, &splits);
                    let head = ["memory".to_string(), keys.to_string(), spread.name().to_string()];
                    let measure = |shards: usize| in_memory_once(scenario, &splits, shards);
                    let loop_rows = self.loop_rows_per_second(scenario, &splits);
                    let repeat = if scenario.row_by_row { 1 } else { self.args.repeat };
                    self.rows(&mut table, scenario, &head, repeat, loop_rows, &measure)?;
                }
            }
        }
        let about = self.chosen.iter().map(|own| format!("{}: {}", own.name, own.about));
        table.notes.push(about.collect::<Vec<_>>().join("; "));
        table.notes.push("limit: memory read, one core, for all columns of the input; loop: written by hand for this scenario alone, one core, same rows; both per shard".into());
        table.notes.push("start-up: a run without rows, taken off the time, and no rate where it is most of it; scaling: rows/s per shard against one shard; the rows of the sink are dropped".into());
        let capped = self.chosen.iter().filter_map(|own| Some(format!("{} {}", own.name, own.most_rows?)));
        table.notes.push(format!(
            "at most about so many rows of each split: {}; S3b-row: batches of one row, changes written after each",
            capped.collect::<Vec<_>>().join(", ")
        ));
        Ok(table)
    }

    /// Of the loop written by hand, the better of two.
    fn loop_rows_per_second(&self, scenario: &Scenario, splits: &[Arc<[RecordBatch]>]) -> Option<f64> {
        let clock = Clock::new();
        let once = |_| {
            let began_ns = clock.monotonic_ns();
            by_hand::run(scenario.name, splits).then(|| clock.monotonic_ns() - began_ns)
        };
        let ns = (0..2).filter_map(once).min()?;
        let rows: usize = splits.iter().flat_map(|own| own.iter()).map(RecordBatch::num_rows).sum();
        Some(rows as f64 * 1e9 / ns.max(1) as f64)
    }

    /// From files and through sockets, by the real binary.
    fn outside(&self) -> Result<Table> {
        const KEYS: u64 = 10_000;
        let mut table = Table::new(format!("From files and sockets, {} rows", self.args.file_rows), COLUMNS);
        let failed = |error: std::io::Error| Error::environment(format!("a folder: {error}"));
        let (rows, spread, seed) = (self.args.file_rows, Spread::Uniform, self.seed);
        let splits = Trades { rows, keys: KEYS, spread, seed }.splits(shard_counts().len())?;
        for input in ["arrow file", "json file", "csv file", "socket"] {
            let format =
                input.split(' ').next().map_or("json", |own| if own == "socket" { "json" } else { own });
            let [folder, empty] =
                [tempfile::tempdir().map_err(failed)?, tempfile::tempdir().map_err(failed)?];
            trades::write(&splits, format, folder.path())?;
            trades::write(&[Arc::from([splits[0][0].slice(0, 1)])], format, empty.path())?;
            for scenario in self.chosen.iter().filter(|own| !own.row_by_row) {
                let measure = |shards: usize| match input {
                    "socket" => self.by_socket(scenario, folder.path(), shards),
                    _ => self.by_files(scenario, format, folder.path(), empty.path(), shards),
                };
                let head = [input.to_string(), KEYS.to_string(), spread.name().to_string()];
                self.rows(&mut table, scenario, &head, 1, None, &measure)?;
            }
        }
        table.notes.push("the real binary; start-up: over one row, taken off the time of files; a socket's time begins with the first byte".into());
        table.notes.push("limits: sonic-rs for json and sockets, memory read for arrow and csv; sockets: one connection for each of as many splits as cores, sent by this program on the same cores; one run each".into());
        Ok(table)
    }

    fn by_files(
        &self,
        scenario: &Scenario,
        format: &str,
        folder: &Path,
        empty: &Path,
        shards: usize,
    ) -> Result<Point> {
        let script = |folder: &Path| {
            scenario.script(&format!(
                "'connector' = 'filesystem', 'path' = '{}', 'format' = '{format}'",
                folder.display()
            ))
        };
        let start_up = process::run(&self.millrace, &script(empty)?, shards)?.seconds();
        let finished = process::run(&self.millrace, &script(folder)?, shards)?;
        let seconds = net_seconds(finished.seconds(), start_up);
        Ok(point(&finished, seconds, Some(start_up)))
    }

    fn by_socket(&self, scenario: &Scenario, folder: &Path, shards: usize) -> Result<Point> {
        let port = feed::free_port()?;
        let script =
            scenario.script(&format!("'connector' = 'socket', 'port' = '{port}', 'format' = 'json'"))?;
        let files = (0..shard_counts().len()).map(|own| folder.join(format!("{own}.json"))).collect();
        let stream = feed::Stream { port, files, last: String::new() };
        let fed = feed::run(&self.millrace, &script, shards, &[stream], false)?;
        Ok(point(&fed.finished, fed.seconds, None))
    }

    /// Instructions per row, by the difference of two runs: what does not depend on the rows drops out.
    fn instructions(&self, quick: bool) -> Result<Table> {
        let mut table = Table::new(
            "Instructions per row, one shard on threads, arrow file",
            &["scenario", "instructions"],
        );
        if !instructions::countable() {
            table.notes.push("valgrind is not installed: not counted".into());
            return Ok(table);
        }
        const KEYS: u64 = 10_000;
        let failed = |error: std::io::Error| Error::environment(format!("a folder: {error}"));
        let (once, spread, seed) = (self.args.instruction_rows, Spread::Uniform, self.seed);
        let folders = [once, 2 * once].map(|rows| -> Result<tempfile::TempDir> {
            let folder = tempfile::tempdir().map_err(failed)?;
            trades::write(&Trades { rows, keys: KEYS, spread, seed }.splits(1)?, "arrow", folder.path())?;
            Ok(folder)
        });
        let [few, many] = folders;
        let [few, many] = [few?, many?];
        let counted = |own: &&&Scenario| !own.row_by_row && (!quick || ["S0", "S3a"].contains(&own.name));
        for scenario in self.chosen.iter().filter(counted) {
            let count = |folder: &Path| {
                let script = scenario.script(&format!(
                    "'connector' = 'filesystem', 'path' = '{}', 'format' = 'arrow'",
                    folder.display()
                ))?;
                let fixed = ["run", "--quiet", "--backend", "threads", "--shards", "1", "-e"];
                instructions::count(&self.millrace, &[&fixed[..], &[script.as_str()]].concat())
            };
            eprint!("\r{:<8} instructions          ", scenario.name);
            let own = count(many.path())?.saturating_sub(count(few.path())?) as f64 / once as f64;
            table.row([scenario.name.to_string(), format!("{own:.1}")]);
        }
        eprintln!();
        table.notes.push(format!(
            "valgrind callgrind: {} rows less {once} rows, {KEYS} keys; changes of S2 and S3b are written by time, and time is slow there",
            2 * once
        ));
        Ok(table)
    }

    /// A row for each number of shards.
    fn rows(
        &self,
        table: &mut Table,
        scenario: &Scenario,
        head: &[String; 3],
        repeat: usize,
        loop_rows_per_second: Option<f64>,
        measure: &dyn Fn(usize) -> Result<Point>,
    ) -> Result<()> {
        let mut alone = 0.0;
        for shards in shard_counts() {
            eprint!("\r{:<8} {:<12} {:>8} keys, {shards} shards ", scenario.name, head[0], head[1]);
            let mut points = (0..repeat).map(|_| measure(shards)).collect::<Result<Vec<_>>>()?;
            points.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
            let point = points.swap_remove(repeat / 2);
            let per_shard = point.rows as f64 / point.seconds / shards as f64;
            if shards == 1 {
                alone = per_shard;
            }
            let of_limit = match head[0].as_str() {
                "json file" | "socket" => per_shard / self.limits.json_rows_per_second,
                _ => point.bytes as f64 / point.seconds / shards as f64 / self.limits.read_bytes_per_second,
            };
            let tail = [
                shards.to_string(),
                rate(per_shard * shards as f64),
                rate(per_shard),
                rate(point.bytes as f64 / point.seconds),
                ratio(per_shard / alone),
                format!("{:.3}", point.emitted as f64 / point.rows.max(1) as f64),
                ratio(of_limit),
                loop_rows_per_second.map_or("-".into(), |own| ratio(per_shard / own)),
                point.start_up.map_or("-".into(), |own| time((own * 1e9) as u64)),
                point.peak_bytes.map_or("-".into(), |own| format!("{:.0}", own as f64 / 1e6)),
            ];
            table.row(std::iter::once(scenario.name.to_string()).chain(head.iter().cloned()).chain(tail));
        }
        eprintln!();
        Ok(())
    }
}

/// What a run of the binary gave.
fn point(finished: &process::Finished, seconds: f64, start_up: Option<f64>) -> Point {
    Point {
        rows: finished.figure("rows_in"),
        bytes: finished.figure("bytes_in"),
        seconds,
        emitted: finished.figure("rows_out"),
        start_up,
        peak_bytes: Some(finished.peak_bytes),
    }
}

fn in_memory_once(scenario: &Scenario, splits: &[Arc<[RecordBatch]>], shards: usize) -> Result<Point> {
    let plan = pipeline::plan_for(&scenario.script("'connector' = 'memory'")?, shards)?;
    let start_up_ns = memory::start_up_ns(&plan, shards)?;
    let mut run = Run::of(&plan, shards);
    if scenario.row_by_row {
        run.limits.emit_interval_ms = 0;
    }
    let outcome = memory::run(run, &|_| splits.to_vec())?;
    let of =
        |figure: fn(&millrace_server::report::ShardReport) -> u64| outcome.shards.iter().map(figure).sum();
    Ok(Point {
        rows: of(|own| own.rows_in),
        bytes: of(|own| own.bytes_in),
        seconds: net_seconds(outcome.elapsed_ns as f64 / 1e9, start_up_ns as f64 / 1e9),
        emitted: of(|own| own.rows_out),
        start_up: Some(start_up_ns as f64 / 1e9),
        peak_bytes: None,
    })
}
