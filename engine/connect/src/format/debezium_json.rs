//! `debezium-json`: changes as Debezium and Flink spell them, one a line.
//!
//! As Flink's encoder: `+I` and `+U` are `"op":"c"` with the row in `after`; `-U` and `-D` are `"op":"d"` with
//! the row in `before`.

use arrow::array::RecordBatch;
use arrow::datatypes::{Fields, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Options, Result};

use super::cell::Cells;
use super::json::{Style, option, write_object};
use super::{Encoder, Format};

/// Debezium's JSON, for sinks.
pub(super) static DEBEZIUM_JSON: Format = Format {
    name: "debezium-json",
    about: "changes as {\"before\":...,\"after\":...,\"op\":\"c\"}, one a line",
    options: &[option("json.timestamp-format.standard", "'SQL' (default) or 'ISO-8601'")],
    decoder: None,
    encoder: Some(|schema, options| Ok(Box::new(DebeziumEncoder::new(schema, options)?))),
    writes_changes: true,
    streams: true,
    suffix: "json",
};

struct DebeziumEncoder {
    style: Style,
    names: Fields,
}

impl DebeziumEncoder {
    fn new(schema: &SchemaRef, options: &Options) -> Result<DebeziumEncoder> {
        Ok(DebeziumEncoder { style: Style::new(options)?, names: schema.fields().clone() })
    }
}

impl Encoder for DebeziumEncoder {
    fn encode(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        let cells = rows.columns().iter().map(|own| Cells::new(own.as_ref())).collect::<Result<Vec<_>>>()?;
        for row in 0..rows.num_rows() {
            let adds = kinds.get(row).weight() > 0;
            out.extend_from_slice(if adds { b"{\"before\":null,\"after\":" } else { b"{\"before\":" });
            write_object(&self.names, &cells, row, self.style, out);
            let end: &[u8] = if adds { b",\"op\":\"c\"}\n" } else { b",\"after\":null,\"op\":\"d\"}\n" };
            out.extend_from_slice(end);
        }
        Ok(())
    }
}
