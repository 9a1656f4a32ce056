//! The kernels.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use millrace_flow::batch::Batch;
use millrace_flow::operator::{Exchange, Route};
use millrace_flow::state::{AggregateSlots, GroupTable, Grouped, hash_keys};
use millrace_plan::{AggregateCall, Error, Exchange as Strategy, Result};

use crate::{input, json};

/// Runs a kernel once more over the same rows; how many rows or groups came out.
pub type Run = Box<dyn FnMut() -> Result<usize>>;

/// An inner loop.
pub struct Kernel {
    /// Its name in tables and in the file of counts.
    pub name: &'static str,
    /// What it does to a row.
    pub about: &'static str,
    /// Rows of a run (groups, for the merge of panes).
    pub rows: usize,
    /// Makes its input and state.
    pub prepare: fn() -> Result<Run>,
}

/// Keys of the rows.
const KEYS: u64 = 512;

/// Rows that are decoded and encoded: hundreds of instructions each.
const LINES: usize = 128;

/// Rows that are hashed, found, added up and split.
const ROWS: usize = 1024;

/// All of them, in the order in which a row meets them.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "decode", about: "a JSON line of 130 bytes to 4 columns", rows: LINES, prepare: decode },
    Kernel { name: "hash", about: "a string and a number to one hash", rows: ROWS, prepare: hash },
    Kernel { name: "intern", about: "a string key to its group's number", rows: ROWS, prepare: intern },
    Kernel { name: "accumulate", about: "COUNT, SUM, SUM, MIN, MAX", rows: ROWS, prepare: accumulate },
    Kernel {
        name: "pane merge",
        about: "a group's five aggregates into the window's",
        rows: KEYS as usize,
        prepare: pane_merge,
    },
    Kernel {
        name: "exchange split",
        about: "a row to one of two shards",
        rows: ROWS,
        prepare: exchange_split,
    },
    Kernel { name: "encode", about: "4 columns to a JSON line", rows: LINES, prepare: encode },
];

fn batch(rows: usize) -> Result<RecordBatch> {
    let batch = input::batches(rows, KEYS).into_iter().next();
    batch.ok_or_else(|| Error::bug("no rows"))
}

/// The five aggregates over `v` and `q` of [`input::schema`].
fn calls() -> Arc<[AggregateCall]> {
    let call = |function: &str, column: Option<(usize, DataType)>, result_type: DataType| AggregateCall {
        function: function.into(),
        args: column.iter().map(|(column, _)| *column).collect(),
        arg_types: column.into_iter().map(|(_, own)| own).collect(),
        constants: vec![],
        filter: None,
        distinct: false,
        result_type,
        name: function.into(),
        user: None,
    };
    let (price, quantity) = (Some((1, DataType::Float64)), Some((2, DataType::Int64)));
    Arc::new([
        call("count", None, DataType::Int64),
        call("sum", quantity, DataType::Int64),
        call("sum", price.clone(), DataType::Float64),
        call("min", price.clone(), DataType::Float64),
        call("max", price, DataType::Float64),
    ])
}

fn decode() -> Result<Run> {
    let lines = input::json_lines(LINES, KEYS);
    Ok(Box::new(move || json::decode(&lines)))
}

fn hash() -> Result<Run> {
    let batch = batch(ROWS)?;
    let (keys, mut hashes) = ([batch.column(0).clone(), batch.column(2).clone()], vec![]);
    Ok(Box::new(move || hash_keys(&keys, ROWS, &mut hashes).map(|_| hashes.len())))
}

/// The keys of a batch and their hashes.
fn hashed(batch: &RecordBatch) -> Result<(Vec<ArrayRef>, Vec<u64>)> {
    let (keys, mut hashes) = (vec![batch.column(0).clone()], vec![]);
    hash_keys(&keys, batch.num_rows(), &mut hashes)?;
    Ok((keys, hashes))
}

/// All keys are known after the first run.
fn intern() -> Result<Run> {
    let (keys, hashes) = hashed(&batch(ROWS)?)?;
    let (mut table, mut groups) = (GroupTable::new(&[DataType::Utf8])?, vec![]);
    Ok(Box::new(move || table.intern(&keys, &hashes, &mut groups).map(|_| groups.len())))
}

fn accumulate() -> Result<Run> {
    let batch = batch(ROWS)?;
    let (keys, hashes) = hashed(&batch)?;
    let (mut table, mut groups) = (GroupTable::new(&[DataType::Utf8])?, vec![]);
    table.intern(&keys, &hashes, &mut groups)?;
    let mut slots = AggregateSlots::new(calls(), false)?;
    slots.resize(table.len());
    Ok(Box::new(move || slots.update(&groups, &batch, None, 0).map(|_| groups.len())))
}

/// A window that knows all keys takes one more pane.
fn pane_merge() -> Result<Run> {
    // Enough rows that every key is among them.
    let rows = batch(input::BATCH_ROWS)?;
    let (keys, hashes) = hashed(&rows)?;
    let mut pane = Grouped::new(calls(), &[DataType::Utf8], false)?;
    pane.locate(&keys, &hashes)?;
    pane.update(&rows, None, 0)?;
    let mut window = Grouped::new(calls(), &[DataType::Utf8], false)?;
    Ok(Box::new(move || window.absorb(&pane).map(|_| window.live().len())))
}

fn exchange_split() -> Result<Run> {
    const PARTITIONS: usize = 256;
    let rows = batch(ROWS)?;
    let mut exchange = Exchange::new(Strategy::Hash(vec![0]), 2, PARTITIONS, 0);
    Ok(Box::new(move || match exchange.route(Batch::derived(rows.clone(), 0))? {
        Route::Split(parts) => Ok(parts.iter().map(|(_, own)| own.len()).sum()),
        _ => Err(Error::bug("all keys belong to one shard")),
    }))
}

fn encode() -> Result<Run> {
    let (rows, mut lines) = (batch(LINES)?, vec![]);
    Ok(Box::new(move || json::encode(&rows, &mut lines).map(|_| rows.num_rows())))
}
