//! JSON lines to columns: one pass over the bytes, projected fields only.
//!
//! Rows of one producer have their keys in one order: the bytes from one value to the next are compared with
//! those of the row before, and only on a difference is the key read and looked up.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};

use super::super::column::{Column, Fault};
use super::super::framing::Input;
use super::super::{BadRow, DecodeRequest, Decoded, Decoder};
use super::cursor::Cursor;
use super::{flag, value};
use crate::connector::Position;

/// The bytes before a value, as the last row had them, and where the value goes.
#[derive(Debug)]
struct Slot {
    /// From the brace or comma (not included) to the value: space, key, colon, space.
    prefix: Vec<u8>,
    column: Option<usize>,
}

/// A batch ends early when its rows take this much, so that offsets fit and memory stays flat.
const BATCH_BYTES: usize = 64 << 20;

pub(super) struct JsonDecoder {
    input: Input,
    columns: Vec<Column>,
    schema: SchemaRef,
    slots: Vec<Slot>,
    row_bytes: usize,
    fail_on_missing_field: bool,
    /// Complete lines end here.
    complete: usize,
    /// The complete lines are valid UTF-8; else each is looked at.
    valid: bool,
}

impl JsonDecoder {
    pub(super) fn new(request: &DecodeRequest) -> Result<JsonDecoder> {
        let fields = request.projection.iter().map(|own| request.table_schema.fields()[*own].clone());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(JsonDecoder {
            input: Input::default(),
            columns: schema.fields().iter().map(Column::new).collect::<Result<_>>()?,
            schema,
            slots: vec![],
            row_bytes: request.row_bytes,
            fail_on_missing_field: flag(&request.options, "json.fail-on-missing-field")?,
            complete: 0,
            valid: true,
        })
    }

    /// Reads the object at the cursor into row `row` of the columns.
    fn row(&mut self, cursor: &mut Cursor<'_>, row: usize) -> Result<(), Fault> {
        cursor.expect(b'{', "expected an object, one a line")?;
        let mut number = 0;
        let mut read = 0;
        let start = cursor.at;
        cursor.skip_space();
        if cursor.peek() == b'}' {
            cursor.at += 1;
        } else {
            cursor.at = start;
            loop {
                let column = self.key(cursor, number)?;
                number += 1;
                match column {
                    None => cursor.skip_value()?,
                    Some(index) => {
                        let own = &mut self.columns[index];
                        if own.len() > row {
                            // Of two values for one key the last counts.
                            own.truncate(row);
                            read -= 1;
                        }
                        value::read(own, cursor, 0).map_err(|fault| in_column(own, &fault))?;
                        read += 1;
                    }
                }
                cursor.skip_space();
                match cursor.peek() {
                    b',' => cursor.at += 1,
                    b'}' => {
                        cursor.at += 1;
                        break;
                    }
                    _ => return Err("expected , or } after a value".into()),
                }
            }
        }
        if read < self.columns.len() {
            self.missing(row)?;
        }
        Ok(())
    }

    /// Moves past the key at the cursor, to its value. The column it belongs to, if it is projected.
    #[inline]
    fn key(&mut self, cursor: &mut Cursor<'_>, number: usize) -> Result<Option<usize>, Fault> {
        if let Some(slot) = self.slots.get(number)
            && cursor.bytes[cursor.at..].starts_with(&slot.prefix)
        {
            cursor.at += slot.prefix.len();
            // White space may follow where the last row had none.
            if !matches!(cursor.peek(), b' ' | b'\t') {
                return Ok(slot.column);
            }
            cursor.skip_space();
            return Ok(slot.column);
        }
        let start = cursor.at;
        cursor.expect(b'"', "expected a key")?;
        let key = cursor.unescaped()?;
        cursor.expect(b':', "expected : after a key")?;
        cursor.skip_space();
        let column = self.schema.fields().iter().position(|field| field.name().as_bytes() == &*key);
        let slot = Slot { prefix: cursor.bytes[start..cursor.at].to_vec(), column };
        match self.slots.get_mut(number) {
            Some(own) => *own = slot,
            // Objects with ever new keys must not make this grow.
            None if number < 4096 => self.slots.push(slot),
            None => {}
        }
        Ok(column)
    }

    fn missing(&mut self, row: usize) -> Result<(), Fault> {
        for column in self.columns.iter_mut().filter(|own| own.len() == row) {
            if self.fail_on_missing_field {
                return Err(in_column(column, "the field is missing"));
            }
            column.push_null().map_err(|fault| in_column(column, &fault))?;
        }
        Ok(())
    }

    /// Decodes up to `max_rows` good rows of the complete lines.
    fn lines(&mut self, bytes: &[u8], max_rows: usize, bad: &mut Vec<BadRow>) -> usize {
        let mut rows = 0;
        let start = self.input.at;
        while rows < max_rows && self.input.at < self.complete && self.input.at - start < BATCH_BYTES {
            let mut cursor = Cursor { bytes: &bytes[..self.complete], at: self.input.at };
            cursor.skip_space();
            if cursor.peek() == b'\n' {
                self.input.at = cursor.at + 1;
                continue;
            }
            let outcome = self.line(&mut cursor, rows);
            match outcome {
                Ok(()) => {
                    self.input.at = cursor.at;
                    self.input.rows += 1;
                    rows += 1;
                }
                Err(fault) => {
                    self.columns.iter_mut().for_each(|column| column.truncate(rows));
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

    /// One line, to past its end.
    fn line(&mut self, cursor: &mut Cursor<'_>, row: usize) -> Result<(), Fault> {
        let start = cursor.at;
        self.row(cursor, row)?;
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
        Ok(())
    }
}

fn bad_row(input: &mut Input, bytes: &[u8], end: usize, reason: Fault) -> BadRow {
    let raw = super::super::framing::raw(&bytes[input.at..end]);
    let bad = BadRow { row: input.rows, offset: input.offset(), reason, raw };
    input.rows += 1;
    bad
}

fn in_column(column: &Column, fault: &str) -> Fault {
    format!("column `{}`: {fault}", column.field.name())
}

impl Decoder for JsonDecoder {
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
        Ok(Some(Decoded {
            rows: (rows > 0).then_some(batch),
            kinds: RowKinds::Insert,
            first_row,
            bytes,
            bad,
        }))
    }
}
