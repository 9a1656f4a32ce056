//! Formats: bytes to Arrow columns and back. One file per format, one line in [`FORMATS`].

mod arrow_ipc;
mod cell;
mod change_rules;
mod changelog_json;
mod column;
mod csv;
mod debezium_json;
mod framing;
mod json;
mod parquet;
pub mod print_form;
mod scalar;
mod whole_columns;

pub(crate) use change_rules::sent_field;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_flow::RowKinds;
use millrace_plan::{Options, Result};

use crate::connector::OptionDef;

use crate::connector::Position;

/// A row that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Row number within the split, from 0, counting bad rows too.
    pub row: u64,
    /// Byte offset of the row's first byte in the split, for text formats.
    pub offset: u64,
    /// Why, with the column: "column `price`: expected DOUBLE, found \"abc\"".
    pub reason: String,
    /// The bytes as they came, cut at 64 KiB.
    pub raw: Vec<u8>,
}

/// Decoded rows.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The projected columns; `None` if no good row was found.
    pub rows: Option<RecordBatch>,
    /// What each row does.
    pub kinds: RowKinds,
    /// Row number of the first row within the split (bad rows count).
    pub first_row: u64,
    /// Input bytes that these rows took.
    pub bytes: u64,
    /// Rows that could not be decoded.
    pub bad: Vec<BadRow>,
}

/// Bytes in, rows out. Owned by one split.
pub trait Decoder {
    /// Gives the next bytes of the input, in order. `last` = nothing follows.
    /// Implementations keep an unfinished row themselves.
    fn supply(&mut self, bytes: Vec<u8>, last: bool) -> Result<()>;

    /// Up to `max_rows` rows (one more where an update's two rows would be torn apart) of what was supplied; `None` when more bytes are needed (or, after the
    /// last bytes, when everything has been decoded).
    /// An `Err` is a file that cannot be read at all (`Culprit::Data`); bad rows are not errors.
    fn decode(&mut self, max_rows: usize) -> Result<Option<Decoded>>;

    /// How far the rows given so far go.
    fn position(&self) -> Position;

    /// Goes on at a position that an earlier decoder gave: bytes are supplied from its offset on. Called before
    /// anything else.
    fn seek(&mut self, position: Position);

    /// How many bytes to supply at a time. `None` = the whole input at once (parquet, arrow file).
    fn chunk_bytes(&self) -> Option<usize> {
        Some(1 << 20)
    }
}

/// Rows in, bytes out. Owned by one output file.
pub trait Encoder {
    /// Appends these rows to `out`.
    fn encode(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()>;

    /// Appends what ends a file (a footer), if anything.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

/// What a decoder is made from.
#[derive(Debug, Clone)]
pub struct DecodeRequest {
    /// All physical columns of the table, in declared order (csv finds columns by position).
    pub table_schema: SchemaRef,
    /// The columns to decode, as positions in `table_schema`; the result has them in this order.
    pub projection: Vec<usize>,
    /// The options of the table.
    pub options: Options,
    /// Longest row, in bytes.
    pub row_bytes: usize,
}

/// A format: its name, its options, and how to make its two halves.
pub struct Format {
    /// The value of the `format` option.
    pub name: &'static str,
    /// One line for `millrace connectors`.
    pub about: &'static str,
    /// The options it understands, named in full (`csv.field-delimiter`).
    pub options: &'static [OptionDef],
    /// Makes a decoder; `None` if the format is for sinks only.
    pub decoder: Option<fn(&DecodeRequest) -> Result<Box<dyn Decoder>>>,
    /// Makes an encoder; `None` if the format is for sources only.
    pub encoder: Option<fn(&SchemaRef, &Options) -> Result<Box<dyn Encoder>>>,
    /// True if its rows have kinds when they are read.
    pub reads_changes: bool,
    /// True if it can write `-U`, `+U` and `-D`.
    pub writes_changes: bool,
    /// True if the rows at the beginning can be read before the end is there.
    pub streams: bool,
    /// File-name suffix of sinks, without the dot.
    pub suffix: &'static str,
}

/// Every format. A new one is one file and one line here.
pub static FORMATS: &[&Format] = &[
    &json::JSON,
    &csv::CSV,
    &arrow_ipc::ARROW,
    &parquet::PARQUET,
    &debezium_json::DEBEZIUM_JSON,
    &changelog_json::CHANGELOG_JSON,
];

/// The format of this name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|own| own.name == name).copied()
}
