//! JSON texts: taken apart by path, and made.

use arrow::array::ArrayRef;
use datafusion_common::{Result, exec_err};
use sonic_rs::{JsonValueTrait, LazyValue, PointerNode};

use super::ScalarEntry;
use super::call::{Call, Compiled};
use super::cast::Printer;
use super::coercion::Takes::{Any, Text};
use super::udf::{Gives, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry(
        "json_value",
        "JSON_VALUE(json, path)",
        "the scalar at path as text, or NULL",
        &[Text, Text],
        Gives::Text,
        value,
    ),
    entry(
        "json_query",
        "JSON_QUERY(json, path)",
        "the object or array at path, or NULL",
        &[Text, Text],
        Gives::Text,
        query,
    ),
    entry(
        "json_exists",
        "JSON_EXISTS(json, path)",
        "true if there is something at path",
        &[Text, Text],
        Gives::Boolean,
        exists,
    ),
    entry("is_json", "IS_JSON(string)", "true if the text is JSON", &[Text], Gives::Boolean, is_json),
    entry("json_string", "JSON_STRING(value)", "any value as JSON", &[Any], Gives::Text, string),
    entry("json_quote", "JSON_QUOTE(string)", "as a JSON string", &[Text], Gives::Text, quote),
    entry(
        "json_unquote",
        "JSON_UNQUOTE(string)",
        "the text of a JSON string; anything else as it is",
        &[Text],
        Gives::Text,
        unquote,
    ),
];

/// A path such as `$.a[0]['b c']`, with or without `lax` or `strict` before it. Both take the same steps
/// here: what is not there is NULL either way.
struct Path {
    steps: Vec<PointerNode>,
}

impl Path {
    fn parse(path: &str) -> Result<Path> {
        let wrong =
            || exec_err!("'{path}' is not a JSON path that Millrace follows: write $.key, $['key'] or $[0]");
        let text = path.trim();
        let text = text.strip_prefix("lax ").or(text.strip_prefix("strict ")).unwrap_or(text).trim_start();
        let Some(mut rest) = text.strip_prefix('$') else { return wrong() };
        let mut steps = vec![];
        while !rest.is_empty() {
            let bracket = rest.strip_prefix(".[").or(rest.strip_prefix('['));
            if let Some(inside) = bracket {
                let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let (step, after) = match quote {
                    Some(quote) => {
                        let Some((key, after)) = inside[1..].split_once(quote) else { return wrong() };
                        let Some(after) = after.trim_start().strip_prefix(']') else { return wrong() };
                        (PointerNode::Key(key.to_string().into()), after)
                    }
                    None => {
                        let Some((index, after)) = inside.split_once(']') else { return wrong() };
                        let Ok(index) = index.trim().parse() else { return wrong() };
                        (PointerNode::Index(index), after)
                    }
                };
                steps.push(step);
                rest = after;
                continue;
            }
            let Some(key) = rest.strip_prefix('.') else { return wrong() };
            let end = key.find(['.', '[']).unwrap_or(key.len());
            if end == 0 || key.starts_with('*') {
                return wrong();
            }
            steps.push(PointerNode::Key(key[..end].to_string().into()));
            rest = &key[end..];
        }
        Ok(Path { steps })
    }

    /// What is at the path of a JSON text; `None` = nothing, or the text is no JSON.
    fn find<'a>(&self, json: &'a str) -> Option<LazyValue<'a>> {
        sonic_rs::get(json, &self.steps).ok()
    }
}

fn value(call: &Call) -> Result<ArrayRef> {
    let (json, path) = (call.text(0)?, call.text(1)?);
    let mut paths = Compiled::new();
    call.texts(|row, out| {
        let (Some(json), Some(path)) = (json.get(row), path.get(row)) else { return Ok(false) };
        let Some(found) = paths.of(path, Path::parse)?.find(json) else { return Ok(false) };
        if found.is_object() || found.is_array() || found.is_null() {
            return Ok(false);
        }
        match found.as_str() {
            Some(text) => out.push_str(text),
            None => out.push_str(found.as_raw_str()),
        }
        Ok(true)
    })
}

fn query(call: &Call) -> Result<ArrayRef> {
    let (json, path) = (call.text(0)?, call.text(1)?);
    let mut paths = Compiled::new();
    call.texts(|row, out| {
        let (Some(json), Some(path)) = (json.get(row), path.get(row)) else { return Ok(false) };
        let Some(found) = paths.of(path, Path::parse)?.find(json) else { return Ok(false) };
        if !found.is_object() && !found.is_array() {
            return Ok(false);
        }
        push_compact(out, found.as_raw_str());
        Ok(true)
    })
}

/// Appends JSON without the white space between its tokens.
fn push_compact(out: &mut String, json: &str) {
    let (mut inside, mut escaped) = (false, false);
    out.extend(json.chars().filter(|character| {
        let kept = inside || !character.is_ascii_whitespace();
        match character {
            '"' if !escaped => inside = !inside,
            _ => {}
        }
        escaped = inside && *character == '\\' && !escaped;
        kept
    }));
}

fn exists(call: &Call) -> Result<ArrayRef> {
    let (json, path) = (call.text(0)?, call.text(1)?);
    let mut paths = Compiled::new();
    call.booleans(|row| {
        let (Some(json), Some(path)) = (json.get(row), path.get(row)) else { return Ok(None) };
        Ok(Some(paths.of(path, Path::parse)?.find(json).is_some()))
    })
}

fn is_json(call: &Call) -> Result<ArrayRef> {
    let json = call.text(0)?;
    call.booleans(|row| {
        Ok(Some(json.get(row).is_some_and(|json| sonic_rs::from_str::<sonic_rs::LazyValue>(json).is_ok())))
    })
}

/// Appends a text as a JSON string.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                out.push_str("\\u00");
                super::bytes::push_hex(out, &[control as u8], b"0123456789abcdef");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

fn quote(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| Ok(text.get(row).map(|text| push_quoted(out, text)).is_some()))
}

fn unquote(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        let quoted = text.len() >= 2 && text.starts_with('"') && text.ends_with('"');
        match quoted.then(|| sonic_rs::from_str::<String>(text).ok()).flatten() {
            Some(inside) => out.push_str(&inside),
            None => out.push_str(text),
        }
        Ok(true)
    })
}

fn string(call: &Call) -> Result<ArrayRef> {
    let value = call.full(0)?;
    let printer = Printer::of(&value)?;
    call.texts(|row, out| {
        if printer.is_null(row) {
            return Ok(false);
        }
        push_value(&printer, row, out);
        Ok(true)
    })
}

/// Appends a value as JSON: times as ISO 8601, bytes as Base64, numbers that JSON has no form for as texts.
fn push_value(printer: &Printer, row: usize, out: &mut String) {
    if printer.is_null(row) {
        return out.push_str("null");
    }
    match printer {
        Printer::Boolean(own) => out.push_str(if own.value(row) { "true" } else { "false" }),
        Printer::Text(own) => push_quoted(out, own.value(row)),
        Printer::Bytes(own) => {
            out.push('"');
            super::bytes::push_base64(out, own.value(row));
            out.push('"');
        }
        Printer::Double(own) if own.value(row).is_finite() => printer.write(row, out),
        Printer::Float(own) if own.value(row).is_finite() => printer.write(row, out),
        Printer::Whole(_) | Printer::Decimal(..) => printer.write(row, out),
        Printer::Timestamp(..) => {
            out.push('"');
            let start = out.len();
            printer.write(row, out);
            if let Some(space) = out[start..].find(' ') {
                out.replace_range(start + space..start + space + 1, "T");
            }
            out.push('"');
        }
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
            out.push('{');
            separated(out, from..to, |out, index| {
                let mut key = String::new();
                keys.write(index, &mut key);
                push_quoted(out, &key);
                out.push(':');
                push_value(values, index, out);
            });
            out.push('}');
        }
        _ => {
            out.push('"');
            printer.write(row, out);
            out.push('"');
        }
    }
}

fn separated(out: &mut String, indexes: std::ops::Range<usize>, mut write: impl FnMut(&mut String, usize)) {
    let first = indexes.start;
    for index in indexes {
        if index > first {
            out.push(',');
        }
        write(out, index);
    }
}
