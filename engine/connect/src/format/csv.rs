//! `csv`: columns by position, quotes around fields that need them (RFC 4180).
//!
//! An empty field that is not quoted is NULL, except in STRING columns, where it is the empty string.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Options, Result};

use super::cell::{Cells, instant, time_of_day};
use super::column::{Column, Fault, Values};
use super::framing::Input;
use super::json::{flag, option};
use super::print_form::print_cell;
use super::scalar::{Seconds, write_base64, write_time, write_timestamp};
use super::{DecodeRequest, Decoded, Decoder, Encoder, Format};
use crate::connector::Position;

/// Comma-separated values.
pub(super) static CSV: Format = Format {
    name: "csv",
    about: "fields by position, separated by commas",
    options: &[
        option("csv.field-delimiter", "one character; default ','; '\\t' is a tab"),
        option("csv.quote-character", "default '\"'"),
        option("csv.disable-quote-character", "'true': quotes are ordinary characters"),
        option("csv.escape-character", "makes the next character ordinary; default none"),
        option("csv.null-literal", "a field with this text is NULL; default none"),
        option("csv.ignore-first-line", "'true': the first line of each file is a header; default false"),
        option("csv.allow-comments", "'true': lines that begin with # are skipped"),
        option(
            "csv.ignore-parse-errors",
            "accepted for Flink's sake: bad rows never stop a run by themselves",
        ),
        option("csv.write-header", "'true': files begin with the names of the columns; default false"),
    ],
    decoder: Some(|request| Ok(Box::new(CsvDecoder::new(request)?))),
    encoder: Some(|schema, options| {
        let header = flag(options, "csv.write-header")?.then(|| schema.clone());
        Ok(Box::new(CsvEncoder { rules: Rules::new(options)?, header }))
    }),
    reads_changes: false,
    writes_changes: false,
    streams: true,
    suffix: "csv",
};

#[derive(Debug, Clone)]
struct Rules {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    null_literal: Option<Vec<u8>>,
    comments: bool,
    header: bool,
}

impl Rules {
    fn new(options: &Options) -> Result<Rules> {
        let character = |name: &str| -> Result<Option<u8>> {
            match options.get(name).map(String::as_str) {
                None => Ok(None),
                Some("\\t") => Ok(Some(b'\t')),
                Some(text) if text.len() == 1 && !matches!(text, "\n" | "\r") => Ok(Some(text.as_bytes()[0])),
                Some(text) => Err(Error::query(format!("'{name}' = '{text}': expected one ASCII character"))),
            }
        };
        let quote = character("csv.quote-character")?.unwrap_or(b'"');
        Ok(Rules {
            delimiter: character("csv.field-delimiter")?.unwrap_or(b','),
            quote: (!flag(options, "csv.disable-quote-character")?).then_some(quote),
            escape: character("csv.escape-character")?,
            null_literal: options.get("csv.null-literal").map(|text| text.clone().into_bytes()),
            comments: flag(options, "csv.allow-comments")?,
            header: flag(options, "csv.ignore-first-line")?,
        })
    }
}

/// Where a record ends: the end of its last field, and the start of the next record.
struct End {
    fields: usize,
    next: usize,
}

struct CsvDecoder {
    input: Input,
    rules: Rules,
    /// For each field of a record, the projected column it goes to.
    targets: Vec<Option<usize>>,
    columns: Vec<Column>,
    schema: SchemaRef,
    row_bytes: usize,
    header_seen: bool,
    field: Vec<u8>,
}

impl CsvDecoder {
    fn new(request: &DecodeRequest) -> Result<CsvDecoder> {
        let fields = request.projection.iter().map(|own| request.table_schema.fields()[*own].clone());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let target = |field: usize| request.projection.iter().position(|own| *own == field);
        Ok(CsvDecoder {
            input: Input::default(),
            rules: Rules::new(&request.options)?,
            targets: (0..request.table_schema.fields().len()).map(target).collect(),
            columns: schema.fields().iter().map(Column::new).collect::<Result<_>>()?,
            schema,
            row_bytes: request.row_bytes,
            header_seen: false,
            field: vec![],
        })
    }

    /// The end of the record at `at`; `None` = it is not all there. Line breaks between quotes belong to the
    /// field.
    fn end(&self, bytes: &[u8], at: usize) -> Option<End> {
        let mut quoted = false;
        let mut position = at;
        let (quote, escape) = (self.rules.quote.unwrap_or(b'\n'), self.rules.escape.unwrap_or(b'\n'));
        loop {
            let Some(found) = memchr::memchr3(b'\n', quote, escape, &bytes[position..]) else {
                return self.input.last.then_some(End { fields: bytes.len(), next: bytes.len() });
            };
            position += found;
            match bytes[position] {
                b'\n' if !quoted => {
                    let carriage = position > at && bytes[position - 1] == b'\r';
                    return Some(End { fields: position - usize::from(carriage), next: position + 1 });
                }
                b'\n' => {}
                own if Some(own) == self.rules.escape => position += 1,
                _ => quoted = !quoted,
            }
            position += 1;
            if position > bytes.len() {
                position = bytes.len();
            }
        }
    }

    /// Reads the fields of one record into row `row` of the columns.
    fn record(&mut self, record: &[u8], row: usize) -> Result<(), Fault> {
        let (mut at, mut number) = (0, 0);
        loop {
            let quoted = self.read_field(record, &mut at)?;
            match self.targets.get(number) {
                None => return Err(format!("more than the {} fields of the table", self.targets.len())),
                Some(None) => {}
                Some(Some(index)) => {
                    let column = &mut self.columns[*index];
                    push(column, &self.field, quoted, &self.rules)
                        .map_err(|fault| format!("column `{}`: {fault}", column.field.name()))?;
                }
            }
            number += 1;
            match record.get(at) {
                None => break,
                Some(_) => at += 1,
            }
        }
        if number < self.targets.len() {
            return Err(format!("{number} fields where the table has {}", self.targets.len()));
        }
        debug_assert!(self.columns.iter().all(|column| column.len() == row + 1));
        Ok(())
    }

    /// Reads the field at `at` into `self.field`; ends at its delimiter or at the end. True = it was quoted.
    fn read_field(&mut self, record: &[u8], at: &mut usize) -> Result<bool, Fault> {
        self.field.clear();
        let quoted = self.rules.quote.is_some() && record.get(*at).copied() == self.rules.quote;
        *at += usize::from(quoted);
        while let Some(byte) = record.get(*at).copied() {
            if Some(byte) == self.rules.escape {
                let Some(next) = record.get(*at + 1) else { return Err("an escape at the end".into()) };
                self.field.push(*next);
                *at += 2;
            } else if quoted && Some(byte) == self.rules.quote {
                *at += 1;
                if record.get(*at).copied() != self.rules.quote {
                    return match record.get(*at) {
                        None => Ok(true),
                        Some(own) if *own == self.rules.delimiter => Ok(true),
                        Some(_) => Err("something follows a closing quote".into()),
                    };
                }
                // Two quotes are one.
                self.field.push(byte);
                *at += 1;
            } else if !quoted && byte == self.rules.delimiter {
                return Ok(false);
            } else {
                self.field.push(byte);
                *at += 1;
            }
        }
        if quoted { Err("a quote without an end".into()) } else { Ok(false) }
    }

    fn is_skipped(&mut self, record: &[u8]) -> bool {
        if self.rules.header && !self.header_seen {
            self.header_seen = true;
            return true;
        }
        record.is_empty() || (self.rules.comments && record[0] == b'#')
    }
}

fn push(column: &mut Column, field: &[u8], quoted: bool, rules: &Rules) -> Result<(), Fault> {
    let text = matches!(column.values, Values::Utf8 { .. });
    let null = !quoted && rules.null_literal.as_deref() == Some(field);
    if null || (field.is_empty() && !text) {
        return column.push_null();
    }
    if text && std::str::from_utf8(field).is_err() {
        return Err("not valid UTF-8".into());
    }
    column.push_text(field)
}

/// A batch ends early when its rows take this much, so that offsets fit and memory stays flat.
const BATCH_BYTES: usize = 64 << 20;

impl Decoder for CsvDecoder {
    fn position(&self) -> Position {
        match self.rules.header && !self.header_seen {
            true => Position::default(),
            false => self.input.position(),
        }
    }

    fn seek(&mut self, position: Position) {
        self.header_seen = position.offset > 0;
        self.input.seek(position);
    }

    fn supply(&mut self, bytes: Vec<u8>, last: bool) -> Result<()> {
        self.input.supply(bytes, last);
        Ok(())
    }

    fn decode(&mut self, max_rows: usize) -> Result<Option<Decoded>> {
        let (mut rows, mut bad) = (0, vec![]);
        let first_row = self.input.rows;
        let from = self.input.offset();
        let start = self.input.at;
        if self.input.skipping() {
            match self.input.skip_too_long(self.row_bytes) {
                Some(row) => bad.push(row),
                None => return Ok(None),
            }
        }
        let bytes = std::mem::take(&mut self.input.bytes);
        while rows < max_rows
            && bad.len() < max_rows
            && self.input.at - start.min(self.input.at) < BATCH_BYTES
        {
            if self.input.at >= bytes.len() {
                break;
            }
            let Some(end) = self.end(&bytes, self.input.at) else { break };
            let record = &bytes[self.input.at..end.fields];
            let outcome = match self.is_skipped(record) {
                true => None,
                false if record.len() > self.row_bytes => {
                    Some(Err(format!("the row is longer than {} bytes", self.row_bytes)))
                }
                false => Some(self.record(record, rows)),
            };
            match outcome {
                None => {}
                Some(Ok(())) => {
                    rows += 1;
                    self.input.rows += 1;
                }
                Some(Err(fault)) => {
                    self.columns.iter_mut().for_each(|column| column.truncate(rows));
                    let raw = super::framing::raw(record);
                    let (row, offset) = (self.input.rows, self.input.offset());
                    bad.push(super::BadRow { row, offset, reason: fault, raw });
                    self.input.rows += 1;
                }
            }
            self.input.at = end.next;
        }
        self.input.bytes = bytes;
        if rows == 0 && bad.is_empty() && !self.input.last {
            bad.extend(self.input.skip_too_long(self.row_bytes));
        }
        if rows == 0 && bad.is_empty() {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().map(Column::take).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("assembling CSV rows: {error}")))?;
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

struct CsvEncoder {
    rules: Rules,
    /// Written before the first row.
    header: Option<SchemaRef>,
}

impl CsvEncoder {
    /// A field, in quotes if it would read as something else without.
    fn field(&self, text: &[u8], is_text: bool, out: &mut Vec<u8>) {
        let Some(quote) = self.rules.quote else {
            out.extend_from_slice(text);
            return;
        };
        let special = |byte: &u8| {
            *byte == self.rules.delimiter
                || *byte == quote
                || matches!(byte, b'\n' | b'\r')
                || Some(*byte) == self.rules.escape
        };
        let reads_as_null = is_text && self.rules.null_literal.as_deref() == Some(text);
        let reads_as_comment = self.rules.comments && text.first() == Some(&b'#');
        if !reads_as_null && !reads_as_comment && !text.iter().any(special) {
            out.extend_from_slice(text);
            return;
        }
        out.push(quote);
        for byte in text {
            if *byte == quote || Some(*byte) == self.rules.escape {
                out.push(*byte);
            }
            out.push(*byte);
        }
        out.push(quote);
    }

    fn value(&self, cells: &Cells<'_>, row: usize, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        if cells.is_null(row) {
            out.extend_from_slice(self.rules.null_literal.as_deref().unwrap_or_default());
            return;
        }
        scratch.clear();
        match cells {
            Cells::Utf8(own) => return self.field(own.value(row).as_bytes(), true, out),
            Cells::Binary(own) => write_base64(own.value(row), scratch),
            Cells::Time(own) => {
                let (seconds, nanos) = time_of_day(own.value(row));
                write_time(seconds, nanos, Seconds::Always, scratch);
            }
            Cells::Timestamp { ticks, unit, local_zone, .. } => {
                write_timestamp(instant(ticks[row], *unit), b' ', Seconds::Always, scratch);
                if *local_zone {
                    scratch.push(b'Z');
                }
            }
            other => print_cell(other, row, scratch),
        }
        self.field(scratch, false, out);
    }
}

impl Encoder for CsvEncoder {
    fn encode(&mut self, rows: &RecordBatch, _kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        if let Some(schema) = self.header.take() {
            for (number, field) in schema.fields().iter().enumerate() {
                if number > 0 {
                    out.push(self.rules.delimiter);
                }
                self.field(field.name().as_bytes(), false, out);
            }
            out.push(b'\n');
        }
        let cells = rows.columns().iter().map(|own| Cells::new(own.as_ref())).collect::<Result<Vec<_>>>()?;
        let mut scratch = vec![];
        for row in 0..rows.num_rows() {
            for (number, own) in cells.iter().enumerate() {
                if number > 0 {
                    out.push(self.rules.delimiter);
                }
                self.value(own, row, &mut scratch, out);
            }
            out.push(b'\n');
        }
        Ok(())
    }
}
