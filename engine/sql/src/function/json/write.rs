//! JSON texts as Jackson writes them for Flink: no white space, keys in order, each key once, exact decimals.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::Result;

use super::number::push_number;
use super::scan::{Kind, elements, members, text_of};
use crate::function::cast::Printer;

/// Appends a text as a JSON string.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    text.chars().for_each(|character| match short_escape(character) {
        Some(letter) => out.extend(['\\', letter]),
        None if character < ' ' => push_unit(out, character as u16, b"0123456789ABCDEF"),
        None => out.push(character),
    });
    out.push('"');
}

/// Appends a text as a JSON string in ASCII: all else, and the slash, is escaped.
pub(super) fn push_ascii(out: &mut String, text: &str) {
    out.push('"');
    text.chars().for_each(|character| match short_escape(character) {
        Some(letter) => out.extend(['\\', letter]),
        None if character == '/' => out.push_str("\\/"),
        None if (' '..='\x7f').contains(&character) => out.push(character),
        None => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                push_unit(out, *unit, b"0123456789abcdef");
            }
        }
    });
    out.push('"');
}

/// The letter of an escape that has one.
fn short_escape(character: char) -> Option<char> {
    Some(match character {
        '"' | '\\' => character,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        _ => return None,
    })
}

fn push_unit(out: &mut String, unit: u16, digits: &[u8; 16]) {
    out.push_str("\\u");
    crate::function::bytes::push_hex(out, &unit.to_be_bytes(), digits);
}

/// The order of keys: that of their UTF-16 units.
pub(super) fn by_key(a: &str, b: &str) -> std::cmp::Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

/// True if the keys of an object are plain, and each is behind the one before it: most objects need no sorting.
fn has_keys_in_order(object: &str) -> bool {
    let mut last = "";
    members(object).all(|(key, _)| {
        let behind = !key.contains('\\') && by_key(last, key).is_lt();
        last = key;
        behind
    })
}

/// Appends a valid JSON value in the one spelling.
pub(super) fn push_json(out: &mut String, value: &str) {
    match Kind::of(value) {
        Kind::Null | Kind::Boolean => out.push_str(value),
        Kind::Number => push_number(out, value),
        Kind::Text => push_quoted(out, &text_of(value)),
        Kind::Array => {
            out.push('[');
            for (at, element) in elements(value).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json(out, element);
            }
            out.push(']');
        }
        Kind::Object if has_keys_in_order(value) => {
            out.push('{');
            for (at, (key, own)) in members(value).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_quoted(out, &text_of(key));
                out.push(':');
                push_json(out, own);
            }
            out.push('}');
        }
        Kind::Object => {
            let mut pairs: Vec<(Cow<str>, &str)> =
                members(value).map(|(key, own)| (text_of(key), own)).collect();
            pairs.sort_by(|(a, _), (b, _)| by_key(a, b));
            out.push('{');
            let mut first = true;
            for (at, (key, own)) in pairs.iter().enumerate() {
                // Of equal keys, which stand in their first order, the last counts.
                if pairs.get(at + 1).is_some_and(|(next, _)| next == key) {
                    continue;
                }
                if !first {
                    out.push(',');
                }
                first = false;
                push_quoted(out, key);
                out.push(':');
                push_json(out, own);
            }
            out.push('}');
        }
    }
}

/// The same values with the fields of every ROW in the order of their names.
pub(super) fn fields_by_name(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::List(item) => {
            let own = array.as_list::<i32>();
            let values = fields_by_name(own.values())?;
            let item = Arc::new(Field::new(item.name(), values.data_type().clone(), true));
            Arc::new(ListArray::try_new(item, own.offsets().clone(), values, own.nulls().cloned())?)
        }
        DataType::Struct(fields) => {
            let own = array.as_struct();
            let mut order: Vec<usize> = (0..fields.len()).collect();
            order.sort_by(|a, b| by_key(fields[*a].name(), fields[*b].name()));
            let columns =
                order.iter().map(|at| fields_by_name(own.column(*at))).collect::<Result<Vec<_>>>()?;
            let field = |(at, column): (&usize, &ArrayRef)| {
                Field::new(fields[*at].name(), column.data_type().clone(), true)
            };
            let fields: Fields = order.iter().zip(&columns).map(field).collect();
            let nulls = own.nulls().cloned();
            Arc::new(StructArray::try_new_with_length(fields, columns, nulls, own.len())?)
        }
        DataType::Map(entries, sorted) => {
            let own = array.as_map();
            let values = fields_by_name(own.values())?;
            let DataType::Struct(fields) = entries.data_type() else { return Ok(array.clone()) };
            let value = Field::new(fields[1].name(), values.data_type().clone(), true);
            let fields: Fields = vec![fields[0].clone(), Arc::new(value)].into();
            let pairs = StructArray::try_new(fields.clone(), vec![own.keys().clone(), values], None)?;
            let entries = Arc::new(Field::new(entries.name(), DataType::Struct(fields), false));
            let (offsets, nulls) = (own.offsets().clone(), own.nulls().cloned());
            Arc::new(MapArray::try_new(entries, offsets, pairs, nulls, *sorted)?)
        }
        _ => array.clone(),
    })
}

/// Appends a value as JSON: times as ISO 8601, bytes as Base64, numbers that JSON has no form for as texts.
pub(super) fn push_value(printer: &Printer, row: usize, out: &mut String) {
    if printer.is_null(row) {
        return out.push_str("null");
    }
    match printer {
        Printer::Boolean(own) => out.push_str(if own.value(row) { "true" } else { "false" }),
        Printer::Text(own) => push_quoted(out, own.value(row)),
        Printer::Bytes(own) => {
            out.push('"');
            crate::function::bytes::push_base64(out, own.value(row));
            out.push('"');
        }
        Printer::Double(own) if own.value(row).is_finite() => push_printed_number(printer, row, out),
        Printer::Float(own) if own.value(row).is_finite() => push_printed_number(printer, row, out),
        Printer::Decimal(..) => push_printed_number(printer, row, out),
        Printer::Whole(_) => printer.write(row, out),
        Printer::Timestamp { zoned, .. } => push_timestamp(printer, row, *zoned, out),
        Printer::List(own, values) => {
            let (from, to) = (own.value_offsets()[row] as usize, own.value_offsets()[row + 1] as usize);
            out.push('[');
            separated(out, from..to, |out, index| push_value(values, index, out));
            out.push(']');
        }
        Printer::Struct(own, columns) => {
            out.push('{');
            separated(out, 0..columns.len(), |out, index| {
                push_quoted(out, own.fields()[index].name());
                out.push(':');
                push_value(&columns[index], row, out);
            });
            out.push('}');
        }
        Printer::Map(own, keys, values) => {
            let (from, to) = (own.value_offsets()[row] as usize, own.value_offsets()[row + 1] as usize);
            push_map(keys, values, from..to, out);
        }
        _ => {
            out.push('"');
            printer.write(row, out);
            out.push('"');
        }
    }
}

/// A number that may have an exponent.
fn push_printed_number(printer: &Printer, row: usize, out: &mut String) {
    let start = out.len();
    printer.write(row, out);
    let printed = &out[start..];
    if printed.contains('E') || printed.starts_with("0.000000") || printed.starts_with("-0") {
        let printed = printed.to_string();
        out.truncate(start);
        push_number(out, &printed);
    }
}

/// ISO 8601, with as many digits of a second as are not 0.
fn push_timestamp(printer: &Printer, row: usize, zoned: bool, out: &mut String) {
    out.push('"');
    let start = out.len();
    printer.write(row, out);
    if let Some(space) = out[start..].find(' ') {
        out.replace_range(start + space..start + space + 1, "T");
    }
    if out[start..].contains('.') {
        let kept = out.trim_end_matches('0').trim_end_matches('.').len();
        out.truncate(kept);
    }
    out.push_str(if zoned { "Z\"" } else { "\"" });
}

/// The entries `range` of a map, in the order of their keys.
fn push_map(keys: &Printer, values: &Printer, range: std::ops::Range<usize>, out: &mut String) {
    let text = |index: usize| {
        let mut key = String::new();
        keys.write(index, &mut key);
        key
    };
    let mut entries: Vec<(String, usize)> = range.map(|index| (text(index), index)).collect();
    entries.sort_by(|(a, _), (b, _)| by_key(a, b));
    out.push('{');
    separated(out, 0..entries.len(), |out, at| {
        push_quoted(out, &entries[at].0);
        out.push(':');
        push_value(values, entries[at].1, out);
    });
    out.push('}');
}

/// Calls `write` for each index, with commas between.
pub(super) fn separated(
    out: &mut String,
    indexes: std::ops::Range<usize>,
    mut write: impl FnMut(&mut String, usize),
) {
    let first = indexes.start;
    for index in indexes {
        if index > first {
            out.push(',');
        }
        write(out, index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};

    use super::super::scan::{is_valid, trim};
    use super::*;

    /// JSON texts with white space, escapes and keys in any order, each once.
    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_string()),
            any::<bool>().prop_map(|own| own.to_string()),
            "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?([eE][-+]?[0-9])?",
            "\"([ -!#-\\[\\]-~é€]|\\\\n|\\\\u00e9|\\\\/|\\\\\"){0,6}\"",
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            let members = prop::collection::btree_map("[a-cé]{1,3}", inner.clone(), 0..4);
            let object = members.prop_map(|own| {
                let pairs: Vec<String> =
                    own.iter().rev().map(|(key, own)| format!("\"{key}\" :{own}")).collect();
                format!("{{ {} }}", pairs.join(","))
            });
            let array =
                prop::collection::vec(inner, 0..4).prop_map(|own| format!("[ {}\n]", own.join(" , ")));
            prop_oneof![object, array]
        })
    }

    fn written(json: &str) -> String {
        let mut out = String::new();
        push_json(&mut out, trim(json));
        out
    }

    /// True if two values are equal, however their numbers are spelled.
    fn are_same(a: &Value, b: &Value) -> bool {
        if let (Some(a), Some(b)) = (a.as_object(), b.as_object()) {
            let has = |(key, own): (&str, &Value)| b.get(&key).is_some_and(|other| are_same(own, other));
            return a.len() == b.len() && a.iter().all(has);
        }
        if let (Some(a), Some(b)) = (a.as_array(), b.as_array()) {
            return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| are_same(a, b));
        }
        match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_the_same_value_in_one_spelling(json in json()) {
            prop_assert!(is_valid(&json));
            let once = written(&json);
            let value = |text: &str| sonic_rs::from_str::<Value>(text).unwrap();
            prop_assert!(are_same(&value(&once), &value(&json)), "{}", once);
            prop_assert_eq!(&written(&once), &once);
        }
    }
}
