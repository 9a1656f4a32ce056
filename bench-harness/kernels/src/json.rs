//! JSON lines to columns and back, by Millrace's format.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use millrace_connect::format::{self, DecodeRequest, Decoder};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Limits, Result};

/// A decoder of [`crate::input::json_lines`]: four of the eight columns, as a query would want them.
fn decoder() -> Result<Box<dyn Decoder>> {
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
    make(&DecodeRequest {
        table_schema: Arc::new(schema),
        projection: vec![1, 3, 4, 7],
        options: Default::default(),
        row_bytes: Limits::default().row_bytes,
    })
}

/// Decodes lines; how many rows they have.
pub fn decode(lines: &[u8]) -> Result<usize> {
    const CHUNK_BYTES: usize = 1 << 20;
    let (mut decoder, batch_rows) = (decoder()?, Limits::default().batch_rows);
    let (mut rows, mut chunks) = (0, lines.chunks(CHUNK_BYTES).peekable());
    while let Some(chunk) = chunks.next() {
        decoder.supply(chunk.to_vec(), chunks.peek().is_none())?;
        while let Some(decoded) = decoder.decode(batch_rows)? {
            rows += decoded.rows.map_or(0, |own| own.num_rows());
        }
    }
    Ok(rows)
}

/// Encodes rows as lines into `out`, which is emptied first.
pub fn encode(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let Some(make) = format::find("json").and_then(|own| own.encoder) else {
        return Err(Error::bug("json cannot be written"));
    };
    out.clear();
    make(&rows.schema(), &Default::default())?.encode(rows, &RowKinds::Insert, out)
}
