//! Trades in memory: the same for the same numbers.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

/// Rows of a batch.
pub const BATCH_ROWS: usize = 8192;

/// Milliseconds between two rows: about 60,000 rows a minute of event time.
const STEP_MS: i64 = 1;

/// The columns of a trade: `k STRING, v DOUBLE, q BIGINT, ts TIMESTAMP(3)`.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("k", DataType::Utf8, true),
        Field::new("v", DataType::Float64, true),
        Field::new("q", DataType::Int64, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]))
}

/// The same columns in SQL.
pub const TABLE: &str = "CREATE TABLE t (k STRING, v DOUBLE, q BIGINT, ts TIMESTAMP(3), \
                         WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'memory');\n";

/// The same columns in SQL, without event time.
pub const TIMELESS_TABLE: &str =
    "CREATE TABLE t (k STRING, v DOUBLE, q BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'memory');\n";

/// The finalizer of SplitMix64: uniform enough, and a pure function of the row.
pub fn mix(row: u64) -> u64 {
    let mut z = row.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The trades with these numbers. `random`: a number for a number; `key` and `time`: of a trade, by its number.
pub fn batch<'a>(
    rows: Range<u64>,
    random: impl Fn(u64) -> u64,
    key: impl Fn(u64) -> &'a str,
    time: impl Fn(u64) -> i64,
) -> Result<RecordBatch, ArrowError> {
    let price = |row: u64| (random(!row) % 100_000) as f64 / 100.0;
    let quantity = |row: u64| (random(row ^ 77) % 1000) as i64;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.clone().map(key))),
        Arc::new(Float64Array::from_iter_values(rows.clone().map(price))),
        Arc::new(Int64Array::from_iter_values(rows.clone().map(quantity))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.map(time))),
    ];
    RecordBatch::try_new(schema(), columns)
}

/// `rows` trades over `groups` keys, in batches.
pub fn batches(rows: usize, groups: u64) -> Vec<RecordBatch> {
    let keys: Vec<String> = (0..groups).map(|key| format!("SYM-{key:06}")).collect();
    let key = |row| keys[(mix(row) % groups) as usize].as_str();
    let starts = (0..rows).step_by(BATCH_ROWS);
    let ranges = starts.map(|start| start as u64..(start + BATCH_ROWS).min(rows) as u64);
    ranges.filter_map(|range| batch(range, mix, key, |row| row as i64 * STEP_MS).ok()).collect()
}

/// Trades as JSON lines of about 130 bytes.
pub fn json_lines(rows: usize, groups: u64) -> Vec<u8> {
    let mut text = String::with_capacity(rows * 132);
    for row in 0..rows as u64 {
        let (seconds, millis) = (row / 1000 % 60, row % 1000);
        let _ = writeln!(
            text,
            "{{\"id\":{row},\"symbol\":\"SYM-{:06}\",\"trader\":{},\"price\":{:.2},\"qty\":{},\"fee\":\"{:.2}\",\"ok\":{},\"ts\":\"2026-03-01 09:{:02}:{seconds:02}.{millis:03}\"}}",
            mix(row) % groups,
            mix(row ^ 1) % 500,
            (mix(!row) % 100_000) as f64 / 100.0,
            mix(row ^ 77) % 1000,
            (mix(row ^ 3) % 1000) as f64 / 100.0,
            mix(row).is_multiple_of(2),
            row / 60_000 % 60,
        );
    }
    text.into_bytes()
}

/// Reads the two columns of numbers once, and does as little with them as a reader can.
pub fn sum_of_numbers(batch: &RecordBatch) -> f64 {
    let prices: f64 = lanes(batch.column(1).as_primitive::<Float64Type>().values(), |price| price);
    let quantities = lanes(batch.column(2).as_primitive::<Int64Type>().values(), |quantity| quantity as f64);
    prices + quantities
}

/// A sum in eight lanes, so that no addition waits for the one before.
fn lanes<N: Copy>(values: &[N], number: impl Fn(N) -> f64) -> f64 {
    const LANES: usize = 8;
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        (0..LANES).for_each(|lane| sums[lane] += number(chunk[lane]));
    }
    sums.iter().sum::<f64>() + rest.iter().map(|value| number(*value)).sum::<f64>()
}
