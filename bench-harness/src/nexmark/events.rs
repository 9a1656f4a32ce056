//! The events of Nexmark: made once by the connector, kept in memory, and written as JSON lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Schema, TimestampMillisecondType};
use arrow::error::ArrowError;
use millrace_connect::connector::{self, Source, Split, Step};
use millrace_connect::format;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Limits, Operator, Result, TableDef};

use crate::input::BATCH_ROWS;
use crate::memory::Tables;
use crate::pipeline;
use crate::record::write_file;

/// Columns of each table in SQL.
pub const TABLES: &[(&str, &str)] = &[
    (
        "person",
        "id BIGINT, name STRING, email_address STRING, credit_card STRING, city STRING, state STRING, \
         date_time TIMESTAMP(3), extra STRING",
    ),
    (
        "auction",
        "id BIGINT, item_name STRING, description STRING, initial_bid BIGINT, reserve BIGINT, \
         date_time TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING",
    ),
    (
        "bid",
        "auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, date_time TIMESTAMP(3), \
         extra STRING",
    ),
];

/// Their event time.
pub const WATERMARK: &str = "WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND";

/// The table that one query looks up.
pub const SIDE_INPUT: &str = "side_input";

/// The declarations of all tables. `with`: the options of a table, by its name; `clock`: bids have the time at which
/// they are read.
pub fn declarations(with: &dyn Fn(&str) -> String, clock: bool) -> String {
    let events = TABLES.iter().map(|(name, columns)| {
        let computed = if clock && *name == "bid" { ", p_time AS PROCTIME()" } else { "" };
        format!("CREATE TABLE {name} ({columns}{computed}, {WATERMARK}) WITH ({});\n", with(name))
    });
    let side =
        format!("CREATE TABLE {SIDE_INPUT} (`key` BIGINT, `value` STRING) WITH ({});\n", with(SIDE_INPUT));
    events.chain([side]).collect()
}

/// All events with numbers below `events`, by table and split: splits move through time together.
pub fn generate(events: u64, seed: u64) -> Result<Tables> {
    let mut tables = Tables::new();
    for (name, _) in TABLES {
        // The generator has no seed: other seeds begin at another time, and so make other events' times.
        let start_ms = 1_767_225_600_000 + seed % 1000 * 86_400_000;
        let with = |_: &str| {
            format!("'connector' = 'nexmark', 'events.num' = '{events}', 'start.time-ms' = '{start_ms}'")
        };
        let script = format!("{}SELECT * FROM {name};", declarations(&with, false));
        let table = source_table(&script)?;
        let source = &connector::source(&table)?;
        let columns = &(0..table.schema.fields().len()).collect::<Vec<usize>>();
        let splits = source.splits(1)?;
        let cores = std::thread::available_parallelism().map_or(1, |own| own.get());
        let mut made = vec![];
        for some in splits.chunks(cores) {
            made.extend(std::thread::scope(|scope| {
                let make = |split| scope.spawn(move || read(source.as_ref(), split, columns));
                let threads: Vec<_> = some.iter().map(make).collect();
                threads
                    .into_iter()
                    .map(|own| own.join().unwrap_or_else(|_| Err(Error::bug("a panic"))))
                    .collect::<Vec<_>>()
            }));
        }
        tables.insert(name.to_string(), made.into_iter().collect::<Result<_>>()?);
    }
    tables.insert(SIDE_INPUT.into(), vec![Arc::from([side_input()?])]);
    Ok(tables)
}

fn source_table(script: &str) -> Result<Arc<TableDef>> {
    let plan = pipeline::plan(script)?;
    let table = plan.nodes.iter().find_map(|own| match &own.operator {
        Operator::Source { table, .. } => Some(table.clone()),
        _ => None,
    });
    table.ok_or_else(|| Error::bug("a plan without a source"))
}

fn read(source: &dyn Source, split: &Split, columns: &[usize]) -> Result<Arc<[RecordBatch]>> {
    let limits = Limits::default();
    let mut reader = source.open(split, columns, &limits)?;
    let mut batches = vec![];
    loop {
        match reader.step(limits.batch_rows, 0)? {
            Step::Rows(decoded) => batches.extend(decoded.rows),
            Step::End => return Ok(batches.into()),
            _ => return Err(Error::bug("generated events have to be waited for")),
        }
    }
}

/// The rows of a table by the time in a column, dealt to `parts` splits one after the other: no row of a split is late.
pub fn in_time_order(
    splits: &[Arc<[RecordBatch]>],
    time: &str,
    parts: usize,
) -> Result<Vec<Arc<[RecordBatch]>>> {
    let bug = |error: ArrowError| Error::bug(error.to_string());
    let batches: Vec<&RecordBatch> = splits.iter().flat_map(|own| own.iter()).collect();
    let mut rows: Vec<(i64, (usize, usize))> = vec![];
    for (index, batch) in batches.iter().enumerate() {
        let times = batch.column_by_name(time).ok_or_else(|| Error::bug("rows without time"))?;
        let times = times.as_primitive::<TimestampMillisecondType>().values();
        rows.extend(times.iter().enumerate().map(|(row, time)| (*time, (index, row))));
    }
    rows.sort_unstable();
    let part = |part: usize| -> Result<Arc<[RecordBatch]>> {
        let own: Vec<(usize, usize)> = rows.iter().skip(part).step_by(parts).map(|own| own.1).collect();
        own.chunks(BATCH_ROWS).map(|own| interleave_record_batch(&batches, own).map_err(bug)).collect()
    };
    (0..parts).map(part).collect()
}

fn side_input() -> Result<RecordBatch> {
    const KEYS: i64 = 10_000;
    let schema = Schema::new(vec![
        Field::new("key", DataType::Int64, true),
        Field::new("value", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..KEYS)),
        Arc::new(StringArray::from_iter_values((0..KEYS).map(|own| format!("value-{own}")))),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).map_err(|error| Error::bug(error.to_string()))
}

/// JSON lines in a folder per table, a file per split.
pub struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    /// Writes all tables.
    #[allow(clippy::disallowed_methods, reason = "the measuring side")]
    pub fn write(tables: &Tables) -> Result<Files> {
        let failed = |error: std::io::Error| Error::environment(format!("a folder: {error}"));
        let folder = tempfile::tempdir().map_err(failed)?;
        for (name, splits) in tables {
            std::fs::create_dir(folder.path().join(name)).map_err(failed)?;
            for (index, split) in splits.iter().enumerate() {
                write_file(&folder.path().join(name).join(format!("{index}.json")), &lines(split)?)?;
            }
        }
        Ok(Files { folder })
    }

    /// The folder of a table.
    pub fn of(&self, table: &str) -> PathBuf {
        self.folder.path().join(table)
    }

    /// Where a run may write.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }
}

fn lines(batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    let Some(first) = batches.first() else { return Ok(bytes) };
    let encoder = format::find("json").and_then(|own| own.encoder);
    let make = encoder.ok_or_else(|| Error::bug("json cannot be written"))?;
    let mut encoder = make(&first.schema(), &Default::default())?;
    batches.iter().try_for_each(|own| encoder.encode(own, &RowKinds::Insert, &mut bytes))?;
    Ok(bytes)
}

/// An event a day after all others, as a line: the windows before it fire.
pub fn future_line(splits: &[Arc<[RecordBatch]>]) -> Result<String> {
    const DAY_MS: i64 = 86_400_000;
    let bug = |error: ArrowError| Error::bug(error.to_string());
    let Some(row) = splits.iter().find_map(|own| own.last()).map(|own| own.slice(0, 1)) else {
        return Ok(String::new());
    };
    let mut columns = row.columns().to_vec();
    let (place, _) = row
        .schema()
        .column_with_name("date_time")
        .map(|(at, own)| (at, own.clone()))
        .ok_or_else(|| Error::bug("events without time"))?;
    let times = columns[place].as_any().downcast_ref::<TimestampMillisecondArray>();
    let time = times.map_or(0, |own| own.value(0)) + DAY_MS;
    columns[place] = Arc::new(TimestampMillisecondArray::from(vec![time]));
    let row = RecordBatch::try_new(row.schema(), columns).map_err(bug)?;
    String::from_utf8(lines(&[row])?).map_err(|error| Error::bug(error.to_string()))
}
