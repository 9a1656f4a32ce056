//! `debezium-json`: changes as Debezium and Flink spell them, one a line.
//!
//! Read: `"op":"c"` and `"r"` are `+I` with the row in `after`; `"u"` is `-U` with `before` and `+U` with `after`;
//! `"d"` is `-D` with `before`. A line `null` says nothing (Kafka's tombstone). Written as Flink's encoder does: `+I`
//! and `+U` are `"c"` with the row in `after`; `-U` and `-D` are `"d"` with the row in `before`.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Options, Result, RowKind};

use super::cell::Cells;
use super::change_rules::ChangeRules;
use super::column::Fault;
use super::json::{
    Cursor, LineDecoder, ObjectReader, ReadLine, Rows, Style, flag, members, object_keys, option,
    write_object,
};
use super::{DecodeRequest, Encoder, Format};
use crate::connector::CHANGELOG_MODE;

/// Debezium's JSON.
pub(super) static DEBEZIUM_JSON: Format = Format {
    name: "debezium-json",
    about: "changes as {\"before\":...,\"after\":...,\"op\":\"u\"}, one a line",
    options: &[
        CHANGELOG_MODE,
        option(SCHEMA_INCLUDE, "'true': the change is in `payload`, beside its `schema`; default false"),
        option(
            "debezium-json.ignore-parse-errors",
            "accepted for Flink's sake: bad rows never stop a run by themselves",
        ),
        option("debezium-json.timestamp-format.standard", "'SQL' (default) or 'ISO-8601'; both are read"),
    ],
    decoder: Some(|request| {
        let (rules, schema) = ChangeRules::new(request)?;
        let reader = DebeziumReader::new(rules, request)?;
        Ok(Box::new(LineDecoder::new(reader, schema, request.row_bytes)?))
    }),
    encoder: Some(|schema, options| Ok(Box::new(DebeziumEncoder::new(schema, options)?))),
    reads_changes: true,
    writes_changes: true,
    streams: true,
    suffix: "json",
};

const SCHEMA_INCLUDE: &str = "debezium-json.schema-include";

struct DebeziumReader {
    rules: ChangeRules,
    schema_include: bool,
    before: ObjectReader,
    after: ObjectReader,
}

/// What one message holds; rows by where they begin.
#[derive(Default)]
struct Message {
    op: Option<u8>,
    before: Option<usize>,
    after: Option<usize>,
}

impl DebeziumReader {
    fn new(rules: ChangeRules, request: &DecodeRequest) -> Result<DebeziumReader> {
        let options = &request.options;
        let (before, after) = (ObjectReader::new(options)?, ObjectReader::new(options)?);
        Ok(DebeziumReader { rules, schema_include: flag(options, SCHEMA_INCLUDE)?, before, after })
    }

    /// The message at the cursor; `None` = it says nothing.
    fn message(&self, cursor: &mut Cursor<'_>) -> Result<Option<Message>, Fault> {
        cursor.skip_space();
        if cursor.peek() == b'n' {
            return match cursor.word() {
                b"null" => Ok(None),
                _ => Err("a word that is no JSON value".into()),
            };
        }
        if !self.schema_include {
            return envelope(cursor).map(Some);
        }
        cursor.expect(b'{', "expected an object, one a line")?;
        let (mut found, mut empty) = (None, false);
        members(cursor, |key, cursor| match key {
            b"payload" if cursor.peek() == b'n' => {
                empty = true;
                Ok(cursor.skip_value()?)
            }
            b"payload" => {
                found = Some(envelope(cursor)?);
                Ok(())
            }
            _ => Ok(cursor.skip_value()?),
        })?;
        match (found, empty) {
            (None, false) => Err(format!("no `payload`, but '{SCHEMA_INCLUDE}' = 'true'")),
            (found, _) => Ok(found),
        }
    }

    /// Reads one row of a message, which begins at `start`.
    fn row(&mut self, rows: &mut Rows<'_>, bytes: &[u8], start: usize, kind: RowKind) -> Result<(), Fault> {
        let reader = if kind.weight() > 0 { &mut self.after } else { &mut self.before };
        reader.object(rows.columns, &mut Cursor { bytes, at: start }, rows.count)?;
        self.rules.check(kind, rows.columns)?;
        rows.kinds.push(kind);
        rows.count += 1;
        Ok(())
    }
}

/// The object with `op`, `before` and `after`.
fn envelope(cursor: &mut Cursor<'_>) -> Result<Message, Fault> {
    cursor.expect(b'{', "expected an object, one a line")?;
    let mut message = Message::default();
    members(cursor, |key, cursor| {
        let row = match key {
            b"op" => {
                cursor.expect(b'"', "`op` is not a text")?;
                message.op = match *cursor.unescaped()? {
                    [op] => Some(op),
                    _ => None,
                };
                return Ok(());
            }
            b"before" => &mut message.before,
            b"after" => &mut message.after,
            _ => return Ok(cursor.skip_value()?),
        };
        *row = (cursor.peek() != b'n').then_some(cursor.at);
        Ok(cursor.skip_value()?)
    })?;
    Ok(message)
}

impl ReadLine for DebeziumReader {
    fn read(&mut self, rows: &mut Rows<'_>, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        const NO_BEFORE: &str = "`before` is null: let the database log whole old rows (Postgres: REPLICA IDENTITY \
                                 FULL), or set 'changelog-mode' = 'I,UA,D' if the table has a PRIMARY KEY";
        let Some(Message { op, before, after }) = self.message(cursor)? else { return Ok(()) };
        let bytes = cursor.bytes;
        let after = after.ok_or("`after` is null");
        match op {
            Some(b'c' | b'r') => self.row(rows, bytes, after?, RowKind::Insert),
            Some(b'u') if self.rules.is_upsert() => self.row(rows, bytes, after?, RowKind::UpdateAfter),
            Some(b'u') => {
                let after = after?;
                self.row(rows, bytes, before.ok_or(NO_BEFORE)?, RowKind::UpdateBefore)?;
                self.row(rows, bytes, after, RowKind::UpdateAfter)
            }
            Some(b'd') => self.row(rows, bytes, before.ok_or(NO_BEFORE)?, RowKind::Delete),
            Some(_) => Err("`op` is not one of c, r, u, d".into()),
            None => Err("no `op`: expected {\"before\": ..., \"after\": ..., \"op\": \"c\"}".into()),
        }
    }
}

struct DebeziumEncoder {
    style: Style,
    keys: Vec<Vec<u8>>,
}

impl DebeziumEncoder {
    fn new(schema: &SchemaRef, options: &Options) -> Result<DebeziumEncoder> {
        if flag(options, SCHEMA_INCLUDE)? {
            return Err(Error::query(format!("'{SCHEMA_INCLUDE}' = 'true' is for sources only"))
                .hint("leave it out: changes are written without their schema"));
        }
        Ok(DebeziumEncoder {
            style: Style::new(options, "debezium-json")?,
            keys: object_keys(schema.fields()),
        })
    }
}

impl Encoder for DebeziumEncoder {
    fn encode(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        let cells = rows.columns().iter().map(|own| Cells::new(own.as_ref())).collect::<Result<Vec<_>>>()?;
        for row in 0..rows.num_rows() {
            let adds = kinds.get(row).weight() > 0;
            out.extend_from_slice(if adds { b"{\"before\":null,\"after\":" } else { b"{\"before\":" });
            write_object(&self.keys, &cells, row, self.style, out);
            let end: &[u8] = if adds { b",\"op\":\"c\"}\n" } else { b",\"after\":null,\"op\":\"d\"}\n" };
            out.extend_from_slice(end);
        }
        Ok(())
    }
}
