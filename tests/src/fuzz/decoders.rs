//! The formats, from bytes to rows and back.

use std::sync::OnceLock;

use arrow::datatypes::SchemaRef;
use millrace_connect::format::{DecodeRequest, Format, find};
use millrace_plan::{Culprit, Error, Operator};
use millrace_server::config::Config;
use millrace_server::job::compile_script;

use super::{Corpus, Target};

/// The columns of the files in `tests/corpus`; CSV has those without brackets.
pub const COLUMNS: &str = "id BIGINT, name STRING, price DOUBLE, ok BOOLEAN, at TIMESTAMP(3), cost DECIMAL(12, 2), \
    born DATE, hour TIME(0), raw BYTES, small TINYINT, ratio FLOAT";
/// Columns of rows in rows.
pub const NESTED: &str = ", tags ARRAY<STRING>, place ROW<x INT, y STRING>, marks MAP<STRING, BIGINT>";

/// Longest row, in bytes.
const ROW_BYTES: usize = 1 << 16;

/// JSON lines.
pub(super) const JSON: Target =
    Target { name: "json", corpus: || corpus("json", true), read: |input| read("json", input) };
/// CSV.
pub(super) const CSV: Target =
    Target { name: "csv", corpus: || corpus("csv", true), read: |input| read("csv", input) };
/// Arrow IPC.
pub(super) const ARROW: Target =
    Target { name: "arrow", corpus: || corpus("arrow", false), read: |input| read("arrow", input) };
/// Parquet.
pub(super) const PARQUET: Target =
    Target { name: "parquet", corpus: || corpus("parquet", false), read: |input| read("parquet", input) };
/// Changes as Debezium writes them.
pub(super) const DEBEZIUM_JSON: Target = Target {
    name: "debezium-json",
    corpus: || corpus("debezium-json", true),
    read: |input| read("debezium-json", input),
};
/// Changes as Millrace writes them.
pub(super) const CHANGELOG_JSON: Target = Target {
    name: "changelog-json",
    corpus: || corpus("changelog-json", true),
    read: |input| read("changelog-json", input),
};

fn corpus(name: &str, text: bool) -> Result<Corpus, String> {
    Ok(Corpus { entries: super::files(&format!("tests/corpus/{name}"), |_| true)?, text })
}

fn schema(nested: bool) -> Result<SchemaRef, String> {
    static SCHEMAS: OnceLock<[Result<SchemaRef, String>; 2]> = OnceLock::new();
    let schemas = SCHEMAS.get_or_init(|| {
        ["", NESTED].map(|nested| {
            let sql = format!(
                "CREATE TABLE t ({COLUMNS}{nested}) WITH ('connector' = 'stdin', 'format' = 'json'); SELECT * FROM t;"
            );
            let compiled = compile_script(&sql, 1, &Config::plain()).map_err(|error| error.to_string())?;
            let tables = compiled.plan.nodes.iter().find_map(|own| match &own.operator {
                Operator::Source { table, .. } => Some(table.schema.clone()),
                _ => None,
            });
            tables.ok_or_else(|| "no source".to_string())
        })
    });
    schemas[usize::from(nested)].clone()
}

fn read(name: &str, input: &[u8]) -> Result<u64, String> {
    let format = find(name).ok_or("no such format")?;
    let schema = schema(name != "csv")?;
    match decode(format, &schema, input) {
        Ok(rows) => Ok(rows),
        Err(error) if error.culprit == Culprit::Bug => Err(error.to_string()),
        Err(_) => Ok(0),
    }
}

/// Decodes in pieces, and writes again what was read.
fn decode(format: &Format, schema: &SchemaRef, input: &[u8]) -> Result<u64, Error> {
    let (Some(decoder), Some(encoder)) = (format.decoder, format.encoder) else {
        return Err(Error::bug(format!("{} does not read and write", format.name)));
    };
    let options = Default::default();
    let projection = (0..schema.fields().len()).rev().collect::<Vec<_>>();
    let request = DecodeRequest {
        table_schema: schema.clone(),
        projection: projection.clone(),
        options,
        row_bytes: ROW_BYTES,
    };
    let mut decoder = decoder(&request)?;
    let written =
        std::sync::Arc::new(schema.project(&projection).map_err(|error| Error::bug(error.to_string()))?);
    let mut encoder = encoder(&written, &request.options)?;
    let (most_rows, mut rows, mut out) = (64, 0, vec![]);
    let piece = match decoder.chunk_bytes() {
        Some(_) => 1 + input.len() / 3,
        None => input.len().max(1),
    };
    let pieces = input.chunks(piece).count().max(1);
    for at in 0..pieces {
        let bytes = input.get(at * piece..).unwrap_or_default();
        decoder.supply(bytes[..bytes.len().min(piece)].to_vec(), at + 1 == pieces)?;
        while let Some(decoded) = decoder.decode(most_rows)? {
            rows += decoded.bad.len() as u64;
            if let Some(own) = &decoded.rows {
                rows += own.num_rows() as u64;
                out.clear();
                encoder.encode(own, &decoded.kinds, &mut out)?;
            }
        }
    }
    encoder.finish(&mut out)?;
    Ok(rows)
}
