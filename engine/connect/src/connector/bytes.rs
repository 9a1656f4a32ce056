//! Splits that are bytes in a format: reads and decodes them, and adds metadata columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_plan::{Error, Limits, Result, TableDef};

use super::options::{required_format, source_changelog};
use super::{Position, Sink, SinkWriter, SplitReader, Step, Target};
use crate::format::{DecodeRequest, Decoded, Decoder, Encoder, Format, sent_field};
use millrace_flow::RowKinds;

/// A metadata column's value in every row of a split: one row long.
pub(super) type Constant = ArrayRef;

/// Where a projected column comes from.
enum Column {
    Decoded(usize),
    Constant(Constant),
}

/// Feeds one split's bytes to a decoder.
pub(super) struct ByteReader {
    decoder: Box<dyn Decoder>,
    columns: Vec<Column>,
    schema: SchemaRef,
    offset: u64,
    asked: Option<usize>,
    ended: bool,
    /// Fewer bytes than asked for end the input; else only none do.
    short_is_end: bool,
}

impl ByteReader {
    /// For the columns `projection` of `table`; `constants` are its metadata columns in declared order.
    pub(super) fn new(
        table: &TableDef,
        projection: &[usize],
        constants: &[Constant],
        limits: &Limits,
        short_is_end: bool,
    ) -> Result<ByteReader> {
        let physical = table.schema.fields().len();
        let format = required_format(table)?;
        let Some(make) = format.decoder else {
            return Err(Error::bug(format!("format '{}' has no decoder", format.name)));
        };
        let decoded: Vec<usize> = projection.iter().copied().filter(|own| *own < physical).collect();
        let decoder = make(&DecodeRequest {
            table_schema: table.schema.clone(),
            projection: decoded.clone(),
            options: table.options.clone(),
            row_bytes: limits.row_bytes,
        })?;
        let changelog = source_changelog(table)?;
        let (mut columns, mut fields) = (vec![], vec![]);
        for own in projection {
            match own.checked_sub(physical) {
                None => {
                    let position = decoded.iter().position(|column| column == own).unwrap_or(0);
                    columns.push(Column::Decoded(position));
                    fields.push(sent_field(changelog, &table.schema.fields()[*own]));
                }
                Some(metadata) => {
                    columns.push(Column::Constant(constants[metadata].clone()));
                    fields.push(sent_field(changelog, &table.metadata[metadata].1));
                }
            }
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(ByteReader { decoder, columns, schema, offset: 0, asked: None, ended: false, short_is_end })
    }

    fn finish(&self, mut decoded: Decoded) -> Result<Decoded> {
        if let Some(rows) = &decoded.rows {
            let count = rows.num_rows();
            let column = |own: &Column| match own {
                Column::Decoded(position) => Ok(rows.column(*position).clone()),
                Column::Constant(value) => repeated(value, count),
            };
            let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(count));
            let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
                .map_err(|error| Error::bug(format!("assembling rows: {error}")))?;
            decoded.rows = Some(rows);
        }
        Ok(decoded)
    }
}

fn repeated(value: &Constant, rows: usize) -> Result<ArrayRef> {
    let zeros = arrow::array::UInt32Array::from(vec![0; rows]);
    arrow::compute::take(value, &zeros, None)
        .map_err(|error| Error::bug(format!("repeating a metadata value: {error}")))
}

impl SplitReader for ByteReader {
    fn position(&self) -> Position {
        self.decoder.position()
    }

    fn seek(&mut self, position: Position) -> Result<()> {
        self.decoder.seek(position);
        self.offset = position.offset;
        Ok(())
    }

    fn step(&mut self, max_rows: usize, _now_ms: u64) -> Result<Step> {
        if let Some(decoded) = self.decoder.decode(max_rows)? {
            return Ok(Step::Rows(self.finish(decoded)?));
        }
        if self.ended {
            return Ok(Step::End);
        }
        self.asked = self.decoder.chunk_bytes();
        Ok(Step::NeedBytes { offset: self.offset, len: self.asked })
    }

    fn supply(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.offset += bytes.len() as u64;
        let whole = self.asked.is_none();
        let short = self.asked.is_some_and(|asked| bytes.len() < asked);
        self.ended = whole || bytes.is_empty() || (self.short_is_end && short);
        self.decoder.supply(bytes, self.ended)
    }
}

/// Rows that leave as bytes in a format.
pub(super) struct ByteSink {
    target: Target,
    format: &'static Format,
    table: TableDef,
}

impl ByteSink {
    pub(super) fn new(table: &TableDef, target: impl FnOnce(&'static Format) -> Target) -> Result<ByteSink> {
        let format = required_format(table)?;
        let own = ByteSink { target: target(format), format, table: table.clone() };
        own.encoder().map(|_| own)
    }

    fn encoder(&self) -> Result<Box<dyn Encoder>> {
        let Some(make) = self.format.encoder else {
            return Err(Error::bug(format!("format '{}' has no encoder", self.format.name)));
        };
        make(&self.table.schema, &self.table.options)
    }
}

impl Sink for ByteSink {
    fn target(&self) -> Target {
        self.target.clone()
    }

    fn takes_changes(&self) -> bool {
        self.format.writes_changes
    }

    fn writer(&self) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(ByteWriter(self.encoder()?)))
    }
}

struct ByteWriter(Box<dyn Encoder>);

impl SinkWriter for ByteWriter {
    fn write(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        self.0.encode(rows, kinds, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.0.finish(out)
    }
}
