//! JSON lines to columns, and to structs with sonic-rs.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use millrace_connect::format::{self, DecodeRequest};
use millrace_plan::{Error, Limits, Result};
use serde::Deserialize;

/// A trade as sonic-rs reads it.
#[derive(Debug, Deserialize)]
pub struct Trade<'a> {
    /// Number.
    pub id: i64,
    /// Key.
    pub symbol: &'a str,
    /// Who.
    pub trader: i32,
    /// Price.
    pub price: f64,
    /// Quantity.
    pub qty: i64,
    /// Fee.
    pub fee: &'a str,
    /// Flag.
    pub ok: bool,
    /// When.
    pub ts: &'a str,
}

/// Rows decoded by Millrace's decoder, all columns but the fee, which the query does not read.
pub fn by_millrace(lines: &[u8]) -> Result<usize> {
    let Some(make) = format::find("json").and_then(|own| own.decoder) else {
        return Err(Error::bug("no format json"));
    };
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("symbol", DataType::Utf8, true),
        Field::new("trader", DataType::Int32, true),
        Field::new("price", DataType::Float64, true),
        Field::new("qty", DataType::Int64, true),
        Field::new("fee", DataType::Decimal128(12, 2), true),
        Field::new("ok", DataType::Boolean, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Millisecond, None), true),
    ]);
    let limits = Limits::default();
    let mut decoder = make(&DecodeRequest {
        table_schema: Arc::new(schema),
        projection: vec![1, 3, 4, 7],
        options: Default::default(),
        row_bytes: limits.row_bytes,
    })?;
    const CHUNK_BYTES: usize = 1 << 20;
    let (mut rows, mut chunks) = (0, lines.chunks(CHUNK_BYTES).peekable());
    while let Some(chunk) = chunks.next() {
        decoder.supply(chunk.to_vec(), chunks.peek().is_none())?;
        while let Some(decoded) = decoder.decode(limits.batch_rows)? {
            rows += decoded.rows.map_or(0, |own| own.num_rows());
        }
    }
    Ok(rows)
}

/// Rows parsed by sonic-rs into structs that borrow.
pub fn by_sonic(lines: &[u8]) -> usize {
    let parse = |line: &&[u8]| match sonic_rs::from_slice::<Trade<'_>>(line) {
        Ok(trade) => std::hint::black_box(&trade).id >= 0,
        Err(_) => false,
    };
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter(parse).count()
}
