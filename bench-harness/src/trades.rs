//! Trades for the scenarios: by trader and symbol, uniform or skewed, in memory and as files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millrace_connect::format;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};

use crate::input::{BATCH_ROWS, mix};
use crate::record::write_file;

/// The columns of a trade in SQL, with event time.
pub const COLUMNS: &str = "trader INT, symbol STRING, price DOUBLE, qty BIGINT, ts TIMESTAMP(3), \
                           WATERMARK FOR ts AS ts - INTERVAL '1' SECOND";

/// The declaration of the trades `t`, with options for `WITH`.
pub fn table(with: &str) -> String {
    format!("CREATE TABLE t ({COLUMNS}) WITH ({with});\n")
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("trader", DataType::Int32, true),
        Field::new("symbol", DataType::Utf8, true),
        Field::new("price", DataType::Float64, true),
        Field::new("qty", DataType::Int64, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]))
}

/// How keys are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each as often as any other.
    Uniform,
    /// The n-th 1 / n^1.1 times as often as the first.
    Zipf,
}

impl Spread {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Spread::Uniform => "uniform",
            Spread::Zipf => "zipf 1.1",
        }
    }
}

/// Which trades.
#[derive(Debug, Clone, Copy)]
pub struct Trades {
    /// Rows in all.
    pub rows: usize,
    /// Pairs of a trader and a symbol; there are up to ten traders.
    pub keys: u64,
    /// How they are spread.
    pub spread: Spread,
    /// For everything.
    pub seed: u64,
}

/// Rows per second of event time: a minute holds 60,000.
const ROWS_PER_SECOND: i64 = 1000;

const TRADERS: u64 = 10;

impl Trades {
    /// The rows as `splits` splits, each in time order and as long as the others.
    pub fn splits(&self, splits: usize) -> Result<Vec<Arc<[RecordBatch]>>> {
        let draw = self.draw();
        let symbols: Vec<String> =
            (0..self.keys.div_ceil(TRADERS).max(1)).map(|own| format!("SYM-{own:06}")).collect();
        let each = self.rows / splits;
        let split = |index: usize| -> Result<Arc<[RecordBatch]>> {
            let starts = (0..each).step_by(BATCH_ROWS);
            starts
                .map(|start| {
                    self.batch(index, splits, start..(start + BATCH_ROWS).min(each), &draw, &symbols)
                })
                .collect()
        };
        (0..splits).map(split).collect()
    }

    /// Turns a random number into a key.
    fn draw(&self) -> impl Fn(u64) -> u64 + use<> {
        let keys = self.keys;
        let mut sums = vec![];
        if self.spread == Spread::Zipf {
            let mut sum = 0.0;
            for rank in 1..=keys {
                sum += (rank as f64).powf(-1.1);
                sums.push(sum);
            }
        }
        move |random: u64| match sums.last() {
            None => random % keys,
            Some(total) => {
                let wanted = (random >> 11) as f64 / (1u64 << 53) as f64 * total;
                mix(sums.partition_point(|own| *own < wanted) as u64) % keys
            }
        }
    }

    fn batch(
        &self,
        split: usize,
        splits: usize,
        rows: std::ops::Range<usize>,
        draw: &impl Fn(u64) -> u64,
        symbols: &[String],
    ) -> Result<RecordBatch> {
        let random = |row: usize, salt: u64| mix(mix(row as u64 ^ self.seed) ^ salt ^ ((split as u64) << 32));
        let keys: Vec<u64> = rows.clone().map(|row| draw(random(row, 1))).collect();
        let time = |row: usize| (row * splits + split) as i64 * 1000 / ROWS_PER_SECOND;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from_iter_values(keys.iter().map(|key| (key % TRADERS) as i32))),
            Arc::new(StringArray::from_iter_values(
                keys.iter().map(|key| &symbols[(key / TRADERS) as usize]),
            )),
            Arc::new(Float64Array::from_iter_values(
                rows.clone().map(|row| (random(row, 2) % 100_000) as f64 / 100.0),
            )),
            Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| (random(row, 3) % 1000) as i64))),
            Arc::new(TimestampMillisecondArray::from_iter_values(rows.map(time))),
        ];
        RecordBatch::try_new(schema(), columns).map_err(|error| Error::bug(error.to_string()))
    }
}

/// Writes each split (of trades, or of any other rows) as a file of this format into a folder; how many bytes they
/// have.
pub fn write(splits: &[Arc<[RecordBatch]>], name: &str, folder: &Path) -> Result<u64> {
    let own = format::find(name).ok_or_else(|| Error::bug(format!("no format {name}")))?;
    let make = own.encoder.ok_or_else(|| Error::bug(format!("{name} cannot be written")))?;
    let first = splits.iter().flat_map(|own| own.iter()).next();
    let schema = first.map_or_else(schema, |own| own.schema());
    let mut total = 0;
    for (index, split) in splits.iter().enumerate() {
        let (mut encoder, mut bytes) = (make(&schema, &Default::default())?, vec![]);
        split.iter().try_for_each(|batch| encoder.encode(batch, &RowKinds::Insert, &mut bytes))?;
        encoder.finish(&mut bytes)?;
        let file: PathBuf = folder.join(format!("{index}.{}", own.suffix));
        write_file(&file, &bytes)?;
        total += bytes.len() as u64;
    }
    Ok(total)
}
