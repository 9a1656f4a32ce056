//! Lines of JSON to columns: one pass over the bytes. What a line says is up to its [`ReadLine`].

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result, RowKind};

use super::super::column::{Column, Fault};
use super::super::framing::Input;
use super::super::{BadRow, DecodeRequest, Decoded, Decoder};
use super::cursor::Cursor;
use crate::connector::Position;

/// A batch ends early when its rows take this much, so that offsets fit and memory stays flat.
const BATCH_BYTES: usize = 64 << 20;

/// The rows of a batch under construction.
pub(in super::super) struct Rows<'a> {
    /// The projected columns.
    pub(in super::super) columns: &'a mut [Column],
    /// The kind of each row; none at all if every row is new.
    pub(in super::super) kinds: &'a mut Vec<RowKind>,
    /// Rows there are.
    pub(in super::super) count: usize,
}

/// Reads one line.
pub(in super::super) trait ReadLine {
    /// Adds the rows of the line at the cursor, none to two, and moves past its value. After a fault the caller
    /// takes back what was added.
    fn read(&mut self, rows: &mut Rows<'_>, cursor: &mut Cursor<'_>) -> Result<(), Fault>;
}

/// A decoder of lines.
pub(in super::super) struct LineDecoder<R> {
    reader: R,
    input: Input,
    columns: Vec<Column>,
    kinds: Vec<RowKind>,
    schema: SchemaRef,
    row_bytes: usize,
    /// Complete lines end here.
    complete: usize,
    /// The complete lines are valid UTF-8; else each is looked at.
    valid: bool,
}

/// The projected columns of a request.
pub(in super::super) fn projected(request: &DecodeRequest) -> SchemaRef {
    let fields = request.projection.iter().map(|own| request.table_schema.fields()[*own].clone());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl<R: ReadLine> LineDecoder<R> {
    /// Decodes lines of at most `row_bytes` with `reader` into the columns of `schema`.
    pub(in super::super) fn new(reader: R, schema: SchemaRef, row_bytes: usize) -> Result<LineDecoder<R>> {
        Ok(LineDecoder {
            reader,
            input: Input::default(),
            columns: schema.fields().iter().map(Column::new).collect::<Result<_>>()?,
            kinds: vec![],
            schema,
            row_bytes,
            complete: 0,
            valid: true,
        })
    }

    /// Decodes up to `max_rows` good rows of the complete lines.
    fn lines(&mut self, bytes: &[u8], max_rows: usize, bad: &mut Vec<BadRow>) -> usize {
        let mut rows = 0;
        let start = self.input.at;
        while rows < max_rows && self.input.at < self.complete {
            if rows > 0 && self.input.at - start >= BATCH_BYTES {
                break;
            }
            let mut cursor = Cursor { bytes: &bytes[..self.complete], at: self.input.at };
            cursor.skip_space();
            if cursor.peek() == b'\n' {
                self.input.at = cursor.at + 1;
                continue;
            }
            let outcome = self.line(&mut cursor, rows);
            match outcome {
                Ok(count) => {
                    self.input.at = cursor.at;
                    self.input.rows += (count - rows) as u64;
                    rows = count;
                }
                Err(fault) => {
                    self.columns.iter_mut().for_each(|column| column.truncate(rows));
                    self.kinds.truncate(rows);
                    let rest = &bytes[self.input.at..self.complete];
                    let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    let line = self.input.at + end;
                    let text = if bytes[line - 1] == b'\n' { line - 1 } else { line };
                    bad.push(bad_row(&mut self.input, bytes, text, fault));
                    self.input.at = line;
                    if bad.len() >= max_rows {
                        break;
                    }
                }
            }
        }
        rows
    }

    /// One line, to past its end. How many rows there are then.
    #[inline]
    fn line(&mut self, cursor: &mut Cursor<'_>, count: usize) -> Result<usize, Fault> {
        let start = cursor.at;
        let mut rows = Rows { columns: &mut self.columns, kinds: &mut self.kinds, count };
        self.reader.read(&mut rows, cursor)?;
        let count = rows.count;
        cursor.skip_space();
        match cursor.peek() {
            b'\n' => cursor.at += 1,
            _ if cursor.at == cursor.bytes.len() => {}
            _ => return Err("something follows the object on its line".into()),
        }
        if cursor.at - start > self.row_bytes {
            return Err(format!("the row is longer than {} bytes", self.row_bytes));
        }
        if !self.valid && simdutf8::basic::from_utf8(&cursor.bytes[start..cursor.at]).is_err() {
            return Err("the row is not valid UTF-8".into());
        }
        Ok(count)
    }
}

fn bad_row(input: &mut Input, bytes: &[u8], end: usize, reason: Fault) -> BadRow {
    let raw = super::super::framing::raw(&bytes[input.at..end]);
    let bad = BadRow { row: input.rows, offset: input.offset(), reason, raw };
    input.rows += 1;
    bad
}

impl<R: ReadLine> Decoder for LineDecoder<R> {
    fn position(&self) -> Position {
        self.input.position()
    }

    fn seek(&mut self, position: Position) {
        self.input.seek(position);
    }

    fn supply(&mut self, bytes: Vec<u8>, last: bool) -> Result<()> {
        self.input.supply(bytes, last);
        self.complete = match last {
            true => self.input.bytes.len(),
            false => memchr::memrchr(b'\n', &self.input.bytes).map_or(0, |at| at + 1),
        };
        self.complete = self.complete.max(self.input.at);
        let lines = &self.input.bytes[self.input.at..self.complete];
        self.valid = simdutf8::basic::from_utf8(lines).is_ok();
        Ok(())
    }

    fn decode(&mut self, max_rows: usize) -> Result<Option<Decoded>> {
        let mut bad = vec![];
        let first_row = self.input.rows;
        let from = self.input.offset();
        if self.input.skipping() {
            match self.input.skip_too_long(self.row_bytes) {
                Some(row) => bad.push(row),
                None => return Ok(None),
            }
        }
        let bytes = std::mem::take(&mut self.input.bytes);
        let rows = self.lines(&bytes, max_rows, &mut bad);
        self.input.bytes = bytes;
        if self.input.at >= self.complete && !self.input.last {
            bad.extend(self.input.skip_too_long(self.row_bytes));
        }
        if rows == 0 && bad.is_empty() {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().map(Column::take).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("assembling JSON rows: {error}")))?;
        let bytes = self.input.offset() - from;
        let kinds = match self.kinds.iter().all(|kind| *kind == RowKind::Insert) {
            true => RowKinds::Insert,
            false => RowKinds::from_kinds(self.kinds.iter().copied()),
        };
        self.kinds.clear();
        Ok(Some(Decoded { rows: (rows > 0).then_some(batch), kinds, first_row, bytes, bad }))
    }
}
