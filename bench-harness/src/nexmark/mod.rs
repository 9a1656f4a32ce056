//! `millrace-bench nexmark`: every query of Nexmark that the planner takes, from memory, JSON files and sockets, with
//! the answer of one shard in memory as the reference.

mod answer;
pub mod events;
pub mod queries;

use std::path::PathBuf;

use clap::Args;
use millrace_plan::{Error, Operator, Plan, Result};

use crate::feed::{self, Stream};
use crate::load::binary;
use crate::memory::{self, Run, Tables};
use crate::record::{Record, Table, net_seconds, rate, ratio};
use crate::{pipeline, process};
use answer::Answer;
use events::{Files, SIDE_INPUT};
use queries::{QUERIES, Query};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct NexmarkArgs {
    /// Events of all three kinds.
    #[arg(long, default_value = "10000000")]
    pub events: u64,
    /// Events in files and through sockets.
    #[arg(long, default_value = "1000000")]
    pub file_events: u64,
    /// Events over which the answers are compared.
    #[arg(long, default_value = "500000")]
    pub check_events: u64,
    /// Only these queries, as in q0,q5; default: all.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Numbers of shards; default: one, and one per core.
    #[arg(long, value_delimiter = ',')]
    pub shards: Vec<usize>,
    /// The `millrace` to measure files and sockets with; default: the one beside this program.
    #[arg(long, value_name = "FILE")]
    pub millrace: Option<PathBuf>,
}

/// Where a run gets its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Memory,
    Json,
    Socket,
}

impl Input {
    fn name(self) -> &'static str {
        match self {
            Input::Memory => "memory",
            Input::Json => "json file",
            Input::Socket => "socket",
        }
    }
}

/// Events in memory and the same as files.
struct Events {
    tables: Tables,
    /// Not of those that are for memory alone.
    files: Option<Files>,
}

impl Events {
    fn new(events: u64, seed: u64, written: bool) -> Result<Events> {
        eprintln!("making {events} events");
        let tables = events::generate(events, seed)?;
        let files = if written { Some(Files::write(&tables)?) } else { None };
        Ok(Events { tables, files })
    }

    fn files(&self) -> Result<&Files> {
        self.files.as_ref().ok_or_else(|| Error::bug("these events are in memory alone"))
    }

    /// Rows of the tables that a plan reads.
    fn rows(&self, plan: &Plan) -> u64 {
        let mut names = sources(plan);
        names.dedup();
        let splits = names.iter().filter_map(|own| self.tables.get(own)).flatten();
        splits.flat_map(|own| own.iter()).map(|own| own.num_rows() as u64).sum()
    }
}

/// The tables that a plan reads, in order, each as often as it is read.
fn sources(plan: &Plan) -> Vec<String> {
    let name = |operator: &Operator| match operator {
        Operator::Source { table, .. } => Some(table.name.clone()),
        _ => None,
    };
    let mut names: Vec<String> = plan.nodes.iter().filter_map(|own| name(&own.operator)).collect();
    names.sort();
    names
}

/// A query that the planner takes.
struct Supported {
    query: &'static Query,
    /// The declaration of a table for its results, up to the options.
    sink: String,
}

impl Supported {
    fn script(&self, with: &dyn Fn(&str) -> String, sink: &str) -> String {
        let declarations = events::declarations(with, self.query.asks_the_clock());
        format!("{declarations}{} WITH ({sink});\nINSERT INTO o {};", self.sink, self.query.sql)
    }

    fn plan(&self, shards: usize) -> Result<Plan> {
        pipeline::plan_for(
            &self.script(&|_| "'connector' = 'memory'".into(), "'connector' = 'memory'"),
            shards,
        )
    }
}

/// What the planner says of a query.
fn compile(query: &'static Query) -> Result<Supported> {
    let declarations = events::declarations(&|_| "'connector' = 'memory'".into(), query.asks_the_clock());
    let columns = pipeline::result_columns(&format!("{declarations}{};", query.sql))?;
    let supported = Supported { query, sink: format!("CREATE TABLE o ({columns})") };
    supported.plan(1).map(|_| supported)
}

/// Runs the queries.
pub fn run(args: &NexmarkArgs, quick: bool, seed: u64, record: &mut Record) -> Result<()> {
    let mut args = args.clone();
    if quick {
        args.events = args.events.min(200_000);
        args.file_events = args.file_events.min(200_000);
        args.check_events = args.check_events.min(20_000);
    }
    if let Some(unknown) = args.only.iter().find(|own| QUERIES.iter().all(|known| known.name != **own)) {
        return Err(Error::query(format!("no query `{unknown}`")).hint("known: q0 to q22"));
    }
    if [args.events, args.file_events, args.check_events].contains(&0) || args.shards.contains(&0) {
        return Err(Error::query("events and shards begin at 1"));
    }
    if args.shards.is_empty() {
        args.shards = vec![1, std::thread::available_parallelism().map_or(1, |own| own.get())];
        args.shards.dedup();
    }
    let mut bench = Bench {
        millrace: binary(args.millrace.as_deref())?,
        checks: Events::new(args.check_events, seed, true)?,
        in_memory: Events::new(args.events, seed, false)?,
        in_files: Events::new(args.file_events, seed, true)?,
        shards: args.shards.clone(),
        rates: rates(&args),
        wrong: vec![],
    };
    let mut refused =
        Table::new("Nexmark: not supported yet, in the planner's words", &["query", "what", "why"]);
    let is_chosen = |own: &&Query| args.only.is_empty() || args.only.iter().any(|name| name == own.name);
    for query in QUERIES.iter().filter(is_chosen) {
        match compile(query) {
            Ok(supported) => bench.measure(&supported)?,
            Err(error) => refused.row([query.name.into(), query.about.into(), error.message]),
        }
    }
    record.tables.extend([bench.rates, refused]);
    match bench.wrong.is_empty() {
        true => Ok(()),
        false => Err(Error::bug(format!("answers differ: {}", bench.wrong.join("; ")))),
    }
}

fn rates(args: &NexmarkArgs) -> Table {
    let mut table = Table::new(
        format!(
            "Nexmark, {} events in memory, {} in files and through sockets",
            args.events, args.file_events
        ),
        &[
            "query",
            "input",
            "shards",
            "events/s",
            "events/s per shard",
            "scaling",
            "rows out",
            "peak MB",
            "answer",
        ],
    );
    table.notes.push("events: rows of the tables that the query names, each counted once".into());
    table.notes.push(format!(
        "answer: rows left and checksum over {} events, against one shard in memory",
        args.check_events
    ));
    table.notes.push("other ties: as many rows; of equal ones the first counts, and connections race".into());
    table.notes.push("memory: pre-decoded, start and end of the shards taken off, a dash where they are most of the time; json file: the real binary; socket: one connection for each of eight splits of a table, sent by this program on the same cores".into());
    table
}

struct Bench {
    millrace: PathBuf,
    checks: Events,
    in_memory: Events,
    in_files: Events,
    shards: Vec<usize>,
    rates: Table,
    wrong: Vec<String>,
}

/// One run.
struct Point {
    seconds: f64,
    rows_out: u64,
    peak_bytes: Option<u64>,
    answer: Option<Answer>,
    /// Rows that came too late for their windows.
    late: u64,
}

const DIFFERS: &str = "DIFFERS";

/// What the table says of an answer.
fn verdict(query: &Query, input: Input, answer: Option<Answer>, reference: Option<Answer>) -> String {
    let (Some(own), Some(expected)) = (answer, reference) else { return "-".into() };
    match own == expected {
        _ if query.asks_the_clock() => "depends on the clock".into(),
        true => format!("{} rows, {:016x}", own.rows, own.checksum),
        false if input == Input::Socket && query.has_ties() && own.rows == expected.rows => {
            format!("{} rows, other ties", own.rows)
        }
        false => DIFFERS.into(),
    }
}

impl Bench {
    fn measure(&mut self, supported: &Supported) -> Result<()> {
        let query = supported.query;
        let reference = self.run(supported, Input::Memory, 1, &self.checks, true)?.answer;
        let plan = supported.plan(1)?;
        let mut names = sources(&plan);
        names.dedup();
        let is_read_twice = names.len() < sources(&plan).len();
        for input in [Input::Memory, Input::Json, Input::Socket] {
            let mut alone = None;
            let events = if input == Input::Memory { &self.in_memory } else { &self.in_files };
            let rows = events.rows(&plan);
            for shards in self.shards.clone() {
                eprint!("\r{:<4} {:<10} {shards} shards  ", query.name, input.name());
                if input == Input::Socket && is_read_twice {
                    let words = "-: reads a table twice".to_string();
                    let head = [query.name.to_string(), input.name().into(), shards.to_string()];
                    self.rates.row(head.into_iter().chain(std::iter::repeat_n("-".into(), 5)).chain([words]));
                    continue;
                }
                let Point { answer, late, .. } = self.run(supported, input, shards, &self.checks, true)?;
                let point = self.run(supported, input, shards, events, false)?;
                let per_second = rows as f64 / point.seconds;
                let per_shard = per_second / shards as f64;
                let alone = *alone.get_or_insert(per_shard);
                let verdict = verdict(query, input, answer, reference);
                if verdict == DIFFERS {
                    let head = format!("{}, {}, {shards} shards", query.name, input.name());
                    self.wrong.push(format!("{head}: {answer:?}, expected {reference:?}, {late} rows late"));
                }
                self.rates.row([
                    query.name.to_string(),
                    input.name().to_string(),
                    shards.to_string(),
                    rate(per_second),
                    rate(per_shard),
                    ratio(per_shard / alone),
                    point.rows_out.to_string(),
                    point.peak_bytes.map_or("-".into(), |own| format!("{:.0}", own as f64 / 1e6)),
                    verdict,
                ]);
            }
        }
        eprintln!();
        Ok(())
    }

    fn run(
        &self,
        supported: &Supported,
        input: Input,
        shards: usize,
        events: &Events,
        keeps: bool,
    ) -> Result<Point> {
        match input {
            Input::Memory => in_memory(supported, shards, events, keeps),
            _ => self.by_binary(supported, input, shards, events, keeps),
        }
    }

    fn by_binary(
        &self,
        supported: &Supported,
        input: Input,
        shards: usize,
        events: &Events,
        keeps: bool,
    ) -> Result<Point> {
        let files = events.files()?;
        let results = tempfile::tempdir_in(files.root())
            .map_err(|error| Error::environment(format!("a folder: {error}")))?;
        let sink = match keeps {
            true => format!(
                "'connector' = 'filesystem', 'path' = '{}', 'format' = 'changelog-json'",
                results.path().display()
            ),
            false => "'connector' = 'blackhole'".to_string(),
        };
        let from_file = |table: &str| {
            format!("'connector' = 'filesystem', 'path' = '{}', 'format' = 'json'", files.of(table).display())
        };
        let (seconds, finished) = match input {
            Input::Socket => {
                let names = sources(&supported.plan(1)?);
                let streams = streams(supported.query, &names, events)?;
                let port = |table: &str| names.iter().position(|own| own == table).map(|at| streams[at].port);
                let with = |table: &str| match port(table) {
                    Some(port) if table != SIDE_INPUT => {
                        format!("'connector' = 'socket', 'port' = '{port}', 'format' = 'json'")
                    }
                    _ => from_file(table),
                };
                // Changes are collected for a shorter time, and waited for, when they are compared.
                let settings =
                    if keeps { "SET 'table.exec.mini-batch.allow-latency' = '10 ms';\n" } else { "" };
                let script = format!("{settings}{}", supported.script(&with, &sink));
                let fed = feed::run(&self.millrace, &script, shards, &streams, keeps)?;
                (fed.seconds, fed.finished)
            }
            _ => {
                let finished = process::run(&self.millrace, &supported.script(&from_file, &sink), shards)?;
                (finished.seconds(), finished)
            }
        };
        Ok(Point {
            seconds,
            rows_out: finished.figure("rows_out"),
            peak_bytes: Some(finished.peak_bytes),
            answer: if keeps { Some(Answer::of_folder(results.path())?) } else { None },
            late: finished.figure("late"),
        })
    }
}

/// What goes to the port of each table; nothing for the side input, which is a file.
fn streams(query: &Query, names: &[String], events: &Events) -> Result<Vec<Stream>> {
    let files = events.files()?;
    let stream = |table: &String| {
        let splits = events.tables.get(table).map_or(&[][..], |own| own);
        let count = if table == SIDE_INPUT { 0 } else { splits.len() };
        let last = if query.is_windowed() { events::future_line(splits)? } else { String::new() };
        let file = |index: usize| files.of(table).join(format!("{index}.json"));
        Ok(Stream { port: feed::free_port()?, files: (0..count).map(file).collect(), last })
    };
    names.iter().map(stream).collect()
}

fn in_memory(supported: &Supported, shards: usize, events: &Events, keeps: bool) -> Result<Point> {
    let plan = supported.plan(shards)?;
    let start_up_ns = if keeps { 0 } else { memory::start_up_ns(&plan, shards)? };
    let splits = |table: &str| events.tables.get(table).cloned().unwrap_or_default();
    let outcome = memory::run(Run { keeps, ..Run::of(&plan, shards) }, &splits)?;
    Ok(Point {
        seconds: net_seconds(outcome.elapsed_ns as f64 / 1e9, start_up_ns as f64 / 1e9),
        rows_out: outcome.shards.iter().map(|own| own.rows_out).sum(),
        peak_bytes: None,
        answer: if keeps { Some(Answer::of_rows(&outcome.rows)?) } else { None },
        late: 0,
    })
}
