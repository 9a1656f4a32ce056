//! `millrace-bench data` and `millrace-bench memory`: the same rows for Millrace and for what it is compared with.
//!
//! `data` writes the trades of one seed as files that every peer reads. `memory` loads such an Arrow file before the
//! clock starts, runs one query over it, and prints one line of JSON with the seconds of each run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt8Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::FileWriter;
use clap::Args;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};

use crate::memory::{self, Run};
use crate::pipeline;
use crate::record::write_file;
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
    /// Formats: arrow, json, csv.
    #[arg(long, value_delimiter = ',', default_value = "arrow")]
    pub format: Vec<String>,
}

/// What to run over rows in memory.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// The Arrow file with the trades, as `data` writes it.
    pub file: PathBuf,
    /// A query over table `t`, without a semicolon.
    pub query: String,
    /// Runs; all are printed.
    #[arg(long, default_value = "3")]
    pub repeat: usize,
    /// Keep the rows of one more run, which is not timed, in this Arrow file.
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
}

/// Writes trades as files.
pub fn write(args: &DataArgs, seed: u64) -> Result<()> {
    if args.rows == 0 || args.keys == 0 {
        return Err(Error::query("rows and keys begin at 1"));
    }
    if let Some(unknown) = args.format.iter().find(|own| !["arrow", "json", "csv"].contains(&own.as_str())) {
        return Err(Error::query(format!("no format `{unknown}`")).hint("known: arrow, json, csv"));
    }
    let trades = Trades { rows: args.rows, keys: args.keys, spread: Spread::Uniform, seed };
    let splits = trades.splits(1)?;
    for format in &args.format {
        let bytes = trades::write(&splits, format, &args.folder)?;
        println!("{format}: {bytes} bytes, {} rows", args.rows);
    }
    Ok(())
}

/// Runs a query over a file's rows on one shard, and prints the seconds.
pub fn run(args: &MemoryArgs) -> Result<()> {
    if args.repeat == 0 {
        return Err(Error::query("repeats begin at 1"));
    }
    let split = load(&args.file)?;
    let sql = format!("{}{};", trades::table("'connector' = 'memory'"), args.query);
    let plan = pipeline::plan_for(&sql, 1)?;
    let once = |keeps| memory::run(Run { keeps, ..Run::of(&plan, 1) }, &|_| vec![split.clone()]);
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
    println!("{}", serde_json::json!({ "seconds": seconds, "rows_in": rows_in, "rows_out": rows_out }));
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
