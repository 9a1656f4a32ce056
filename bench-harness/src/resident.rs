//! `millrace-bench data` and `millrace-bench memory`: the same rows for Millrace and for what it is compared with.
//!
//! `data` writes the trades and the events of one seed as files that every peer reads. `memory` loads such Arrow files
//! before the clock starts, runs one query over them, and prints one line of JSON with the seconds of each run and of
//! a run without rows. `queries` prints the queries that have a name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::FileWriter;
use clap::Args;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Operator, Result};
use serde_json::Value;

use crate::memory::{self, Run};
use crate::nexmark::events;
use crate::nexmark::queries::QUERIES;
use crate::pipeline;
use crate::record::write_file;
use crate::scenario::queries::SCENARIOS;
use crate::trades::{self, Spread, Trades};

/// Which files to write.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// Where the files go; one per format, `0.<suffix>`.
    pub folder: PathBuf,
    /// Rows; a minute of event time holds 60,000.
    #[arg(long, default_value = "10000000")]
    pub rows: usize,
    /// Pairs of a trader and a symbol, ten traders.
    #[arg(long, default_value = "5000")]
    pub keys: u64,
    /// Events of Nexmark beside the trades, a folder per table, in time order.
    #[arg(long, default_value = "0", value_name = "EVENTS")]
    pub nexmark: u64,
    /// Files of each table, as long as each other.
    #[arg(long, default_value = "1")]
    pub splits: usize,
    /// Formats: arrow, json, csv.
    #[arg(long, value_delimiter = ',', default_value = "arrow")]
    pub format: Vec<String>,
}

/// What to run over rows in memory.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// The Arrow file with the trades, as `data` writes it, or the folder that has Nexmark's tables.
    pub input: PathBuf,
    /// A query over table `t` (Nexmark: `person`, `auction`, `bid`) without a semicolon, or the name of one.
    pub query: String,
    /// Runs; all are printed.
    #[arg(long, default_value = "3")]
    pub repeat: usize,
    /// Keep the rows of one more run, which is not timed, in this Arrow file.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
}

/// Writes trades, and events if any are asked for, as files.
pub fn write(args: &DataArgs, seed: u64) -> Result<()> {
    if args.rows == 0 || args.keys == 0 || args.splits == 0 {
        return Err(Error::query("rows, keys and splits begin at 1"));
    }
    if let Some(unknown) = args.format.iter().find(|own| !["arrow", "json", "csv"].contains(&own.as_str())) {
        return Err(Error::query(format!("no format `{unknown}`")).hint("known: arrow, json, csv"));
    }
    let trades = Trades { rows: args.rows, keys: args.keys, spread: Spread::Uniform, seed };
    let splits = events::in_time_order(&trades.splits(1)?, "ts", args.splits)?;
    write_table("trades", &splits, args, &args.folder)?;
    if args.nexmark > 0 {
        let tables = events::generate(args.nexmark, seed)?;
        for (name, _) in events::TABLES {
            let splits = tables.get(*name).map_or(&[][..], |own| own);
            let folder = args.folder.join(name);
            make_folder(&folder)?;
            write_table(name, &events::in_time_order(splits, "date_time", args.splits)?, args, &folder)?;
        }
    }
    Ok(())
}

fn write_table(name: &str, splits: &[Arc<[RecordBatch]>], args: &DataArgs, folder: &Path) -> Result<()> {
    let rows: usize = splits.iter().flat_map(|own| own.iter()).map(RecordBatch::num_rows).sum();
    for format in &args.format {
        let bytes = trades::write(splits, format, folder)?;
        println!("{name}, {format}: {bytes} bytes, {rows} rows");
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the measuring side, before the clock starts")]
fn make_folder(folder: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::environment(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)
}

/// Prints the queries that have a name: what they do, the columns of the tables that they are over, their text, and the
/// columns of their results (none, if the planner does not take the query yet).
pub fn queries() -> Result<()> {
    let with = "'connector' = 'memory'";
    let scenarios =
        SCENARIOS.iter().map(|own| (own.name, own.about, own.sql, trades::table(with), trade_columns()));
    let nexmark = QUERIES.iter().map(|own| {
        let tables = events::declarations(&|_| with.into(), own.asks_the_clock());
        (own.name, own.about, own.sql, tables, event_columns())
    });
    let mut all = serde_json::Map::new();
    for (name, about, sql, declarations, tables) in scenarios.chain(nexmark) {
        let results = pipeline::result_columns(&format!("{declarations}{sql};")).ok();
        let query = serde_json::json!({ "about": about, "tables": tables, "sql": sql, "results": results });
        all.insert(name.to_string(), query);
    }
    println!("{}", Value::from(all));
    Ok(())
}

fn trade_columns() -> Value {
    serde_json::json!({ "t": trades::COLUMNS })
}

fn event_columns() -> Value {
    let columns =
        |(name, own): &(&str, &str)| (name.to_string(), format!("{own}, {}", events::WATERMARK).into());
    events::TABLES.iter().map(columns).collect::<serde_json::Map<_, _>>().into()
}

/// The text of a query that may be named.
fn text(query: &str) -> &str {
    let scenario = SCENARIOS.iter().find(|own| own.name == query).map(|own| own.sql);
    scenario.or_else(|| QUERIES.iter().find(|own| own.name == query).map(|own| own.sql)).unwrap_or(query)
}

/// Runs a query over rows in memory on one shard, and prints the seconds.
pub fn run(args: &MemoryArgs) -> Result<()> {
    if args.repeat == 0 {
        return Err(Error::query("repeats begin at 1"));
    }
    let with = "'connector' = 'memory'";
    let tables =
        if args.input.is_dir() { events::declarations(&|_| with.into(), false) } else { trades::table(with) };
    let plan = pipeline::plan_for(&format!("{tables}{};", text(&args.query)), 1)?;
    let mut splits = BTreeMap::new();
    for table in plan.nodes.iter().filter_map(|own| match &own.operator {
        Operator::Source { table, .. } => Some(table.name.clone()),
        _ => None,
    }) {
        let file =
            if args.input.is_dir() { args.input.join(&table).join("0.arrow") } else { args.input.clone() };
        if let Entry::Vacant(split) = splits.entry(table) {
            split.insert(load(&file)?);
        }
    }
    let of = |table: &str| splits.get(table).cloned().into_iter().collect::<Vec<_>>();
    let once = |keeps| memory::run(Run { keeps, ..Run::of(&plan, 1) }, &of);
    let (mut seconds, mut rows_in, mut rows_out) = (vec![], 0, 0);
    for _ in 0..args.repeat {
        let outcome = once(false)?;
        seconds.push(outcome.elapsed_ns as f64 / 1e9);
        rows_in = outcome.shards.iter().map(|own| own.rows_in).sum::<u64>();
        rows_out = outcome.shards.iter().map(|own| own.rows_out).sum::<u64>();
    }
    if let Some(file) = &args.keep {
        keep(file, &once(true)?)?;
    }
    let start_up = memory::start_up_ns(&plan, 1)? as f64 / 1e9;
    let rows = serde_json::json!({ "seconds": seconds, "start_up": start_up, "rows_in": rows_in, "rows_out": rows_out });
    println!("{rows}");
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "the measuring side, before the clock starts")]
fn load(file: &Path) -> Result<Arc<[RecordBatch]>> {
    let failed = |error: String| Error::environment(format!("{}: {error}", file.display()));
    let opened = std::fs::File::open(file)
        .map_err(|error| failed(error.to_string()).hint("write it with `millrace-bench data FOLDER`"))?;
    let reader = StreamReader::try_new(std::io::BufReader::new(opened), None);
    let reader = reader.map_err(|error| failed(error.to_string()))?;
    reader.map(|batch| batch.map_err(|error| failed(error.to_string()))).collect()
}

/// The rows of a run as an Arrow file, with the number of each row's kind in a last column `kind`.
fn keep(file: &Path, outcome: &memory::Outcome) -> Result<()> {
    let bug = |error: ArrowError| Error::bug(error.to_string());
    let mut bytes = vec![];
    let with_kinds = outcome.rows.iter().map(|(rows, kinds)| with_kinds(rows, kinds));
    let batches = with_kinds.collect::<std::result::Result<Vec<_>, _>>().map_err(bug)?;
    if let Some(first) = batches.first() {
        let mut writer = FileWriter::try_new(&mut bytes, &first.schema()).map_err(bug)?;
        batches.iter().try_for_each(|own| writer.write(own)).map_err(bug)?;
        writer.finish().map_err(bug)?;
    }
    write_file(file, &bytes)
}

fn with_kinds(rows: &RecordBatch, kinds: &RowKinds) -> std::result::Result<RecordBatch, ArrowError> {
    let kinds = UInt8Array::from_iter_values((0..rows.num_rows()).map(|row| kinds.get(row) as u8));
    let mut fields = rows.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("kind", DataType::UInt8, false)));
    let columns = rows.columns().iter().cloned().chain([Arc::new(kinds) as ArrayRef]);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.collect())
}
