//! Columns to JSON.

use std::fmt::LowerExp;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Fields, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Options, Result};

use super::super::Encoder;
use super::super::cell::{Cells, instant, range, time_of_day};
use super::super::scalar::{
    Seconds, write_base64, write_date, write_decimal, write_integer, write_java_number, write_time,
    write_timestamp,
};
use super::flag;

/// How values are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Style {
    /// Between date and time: a space (SQL) or `T` (ISO-8601).
    separator: u8,
    /// NULL fields are left out.
    ignore_null_fields: bool,
}

impl Style {
    /// As the options of a table ask for, whose names begin with that of the format.
    pub(in super::super) fn new(options: &Options, format: &str) -> Result<Style> {
        let standard = format!("{format}.timestamp-format.standard");
        let separator = match options.get(&standard).map(String::as_str) {
            None | Some("SQL") => b' ',
            Some("ISO-8601") => b'T',
            Some(other) => {
                return Err(Error::query(format!("'{standard}' = '{other}': expected 'SQL' or 'ISO-8601'")));
            }
        };
        let ignore_null_fields = flag(options, &format!("{format}.encode.ignore-null-fields"))?;
        Ok(Style { separator, ignore_null_fields })
    }
}

pub(super) struct JsonEncoder {
    style: Style,
    keys: Vec<Vec<u8>>,
}

impl JsonEncoder {
    pub(super) fn new(schema: &SchemaRef, options: &Options) -> Result<JsonEncoder> {
        Ok(JsonEncoder { style: Style::new(options, "json")?, keys: object_keys(schema.fields()) })
    }
}

impl Encoder for JsonEncoder {
    fn encode(&mut self, rows: &RecordBatch, _kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        let cells = rows.columns().iter().map(|own| Cells::new(own.as_ref())).collect::<Result<Vec<_>>>()?;
        for row in 0..rows.num_rows() {
            write_object(&self.keys, &cells, row, self.style, out);
            out.push(b'\n');
        }
        Ok(())
    }
}

/// The names of fields as the keys of an object, each with its colon.
pub(in super::super) fn object_keys(fields: &Fields) -> Vec<Vec<u8>> {
    let spell = |field: &FieldRef| {
        let mut key = vec![];
        write_string(field.name(), &mut key);
        key.push(b':');
        key
    };
    fields.iter().map(spell).collect()
}

/// One row as an object.
pub(in super::super) fn write_object(
    keys: &[Vec<u8>],
    cells: &[Cells<'_>],
    row: usize,
    style: Style,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    let mut first = true;
    for (key, own) in keys.iter().zip(cells) {
        if style.ignore_null_fields && own.is_null(row) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(key);
        write_value(own, row, style, out);
    }
    out.push(b'}');
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.push(b'"');
    // Without a way out of the loop it is a few vector instructions.
    if bytes.iter().fold(false, |found, byte| found | must_escape(*byte)) {
        write_escaped(bytes, out);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut plain = 0;
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| must_escape(**byte)) {
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[plain..]);
}

/// A number that JSON cannot spell becomes a string, as Flink's does.
fn write_double<T: zmij::Float + LowerExp + Copy + Into<f64>>(value: T, out: &mut Vec<u8>) {
    if value.into().is_finite() {
        write_java_number(value, out);
    } else {
        quoted(out, |out| write_java_number(value, out));
    }
}

/// One value.
pub(in super::super) fn write_value(cells: &Cells<'_>, row: usize, style: Style, out: &mut Vec<u8>) {
    if cells.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    match cells {
        Cells::Null => {}
        Cells::Boolean(own) => out.extend_from_slice(if own.value(row) { b"true" } else { b"false" }),
        Cells::Int8(own) => write_integer(i64::from(own.value(row)), out),
        Cells::Int16(own) => write_integer(i64::from(own.value(row)), out),
        Cells::Int32(own) => write_integer(i64::from(own.value(row)), out),
        Cells::Int64(own) => write_integer(own.value(row), out),
        Cells::Float32(own) => write_double(own.value(row), out),
        Cells::Float64(own) => write_double(own.value(row), out),
        Cells::Decimal(own, scale) => write_decimal(own.value(row), *scale, out),
        Cells::Utf8(own) => write_string(own.value(row), out),
        Cells::Binary(own) => quoted(out, |out| write_base64(own.value(row), out)),
        Cells::Date(own) => quoted(out, |out| write_date(i64::from(own.value(row)), out)),
        Cells::Time(own) => quoted(out, |out| {
            let (seconds, nanos) = time_of_day(own.value(row));
            write_time(seconds, nanos, Seconds::Always, out);
        }),
        Cells::Timestamp { ticks, unit, local_zone, .. } => quoted(out, |out| {
            write_timestamp(instant(ticks[row], *unit), style.separator, Seconds::Always, out);
            if *local_zone {
                out.push(b'Z');
            }
        }),
        Cells::List { ends, items, .. } => {
            out.push(b'[');
            for (number, item) in range(ends, row).enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_value(items, item, style, out);
            }
            out.push(b']');
        }
        Cells::Struct { keys, fields, .. } => write_object(keys, fields, row, style, out),
        Cells::Map { ends, keys, items, .. } => {
            out.push(b'{');
            for (number, item) in range(ends, row).enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_key(keys, item, style, out);
                out.push(b':');
                write_value(items, item, style, out);
            }
            out.push(b'}');
        }
    }
}

/// Keys of objects are strings, whatever type they have.
fn write_key(keys: &Cells<'_>, row: usize, style: Style, out: &mut Vec<u8>) {
    let mut key = vec![];
    write_value(keys, row, style, &mut key);
    if key.first() == Some(&b'"') {
        out.extend_from_slice(&key);
    } else {
        quoted(out, |out| out.extend_from_slice(&key));
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}
