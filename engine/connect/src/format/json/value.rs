//! Reads one JSON value straight into a column.

use std::borrow::Cow;

use super::super::column::{Column, Fault, Values};
use super::cursor::{Cursor, is_number, unescape};

/// Deepest nesting of values that are read.
const MOST_DEPTH: usize = 64;

/// Reads the value at the cursor. On `Err` the column may hold a part: the caller truncates it.
#[inline]
pub(in super::super) fn read(
    column: &mut Column,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> Result<(), Fault> {
    let first = cursor.peek();
    if first == b'n' {
        return match cursor.word() {
            b"null" => column.push_null(),
            _ => Err("a word that is no JSON value".into()),
        };
    }
    let read = match &mut column.values {
        Values::Int64(own) if is_digit(first) => integer(cursor).map(|value| own.push(value)),
        Values::Float64(own) if is_digit(first) => double(cursor).map(|value| own.push(value)),
        Values::Utf8 { ends, bytes } if first == b'"' => {
            cursor.at += 1;
            let (text, escaped) = cursor.string()?;
            match escaped {
                false => bytes.extend_from_slice(text),
                true => unescape(text, bytes)?,
            }
            ends.push(bytes.len() as i32);
            Some(())
        }
        Values::List { .. } | Values::Struct(_) | Values::Map { .. } => {
            return nested(column, cursor, depth);
        }
        _ => None,
    };
    match read {
        Some(()) => {
            column.pushed();
            Ok(())
        }
        None => other(column, cursor, first),
    }
}

#[inline]
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'-'
}

/// A whole number; `None` leaves the cursor where it was, for the slow way.
#[inline]
fn integer(cursor: &mut Cursor<'_>) -> Option<i64> {
    let negative = cursor.peek() == b'-';
    let start = cursor.at + usize::from(negative);
    let mut at = start;
    let mut value = 0i64;
    while let Some(digit) = cursor.bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|own| *own <= 9) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        at += 1;
    }
    const SAFE_DIGITS: usize = 18;
    let len = at - start;
    let ends = matches!(cursor.bytes.get(at), Some(b',' | b'}' | b']' | b' ' | b'\r' | b'\t'));
    let leading_zero = len > 1 && cursor.bytes[start] == b'0';
    if len == 0 || len > SAFE_DIGITS || !ends || leading_zero {
        return None;
    }
    cursor.at = at;
    Some(if negative { -value } else { value })
}

/// A number of at most 19 digits whose value one multiplication or division gives exactly (Clinger, "How to
/// read floating point numbers accurately", 1990); `None` leaves the cursor, for the slow way.
#[inline]
fn double(cursor: &mut Cursor<'_>) -> Option<f64> {
    const POWERS: [f64; 23] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19, 1e20, 1e21, 1e22,
    ];
    let negative = cursor.peek() == b'-';
    let start = cursor.at + usize::from(negative);
    let digit = |at: usize| cursor.bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|own| *own <= 9);
    let (mut at, mut mantissa) = (start, 0u64);
    while let Some(own) = digit(at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(own));
        at += 1;
    }
    let whole = at - start;
    let mut fraction = 0;
    if cursor.bytes.get(at) == Some(&b'.') {
        at += 1;
        let first = at;
        while let Some(own) = digit(at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(own));
            at += 1;
        }
        fraction = at - first;
        if fraction == 0 {
            return None;
        }
    }
    let ends = matches!(cursor.bytes.get(at), Some(b',' | b'}' | b']' | b' ' | b'\r' | b'\t'));
    let leading_zero = whole > 1 && cursor.bytes[start] == b'0';
    if whole == 0 || whole + fraction > 19 || mantissa > 1 << 53 || !ends || leading_zero {
        return None;
    }
    cursor.at = at;
    let value = mantissa as f64 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

/// Every combination of value and column that is not the usual one.
fn other(column: &mut Column, cursor: &mut Cursor<'_>, first: u8) -> Result<(), Fault> {
    match first {
        b'"' => {
            cursor.at += 1;
            let text = cursor.unescaped()?;
            column.push_text(&text)
        }
        b'{' | b'[' => {
            let start = cursor.at;
            cursor.skip_value()?;
            let text = compact(&cursor.bytes[start..cursor.at]);
            match &column.values {
                Values::Utf8 { .. } => column.push_text(&text),
                _ => Err(unexpected(column, &text)),
            }
        }
        _ => {
            let word = cursor.word();
            match word {
                b"" => Err("a value is missing".into()),
                b"true" | b"false" => match &column.values {
                    Values::Boolean(_) | Values::Utf8 { .. } => column.push_text(word),
                    _ => Err(unexpected(column, word)),
                },
                _ if is_number(word) => number(column, word),
                _ => Err("a word that is no JSON value".into()),
            }
        }
    }
}

fn unexpected(column: &Column, found: &[u8]) -> Fault {
    const SHOWN_BYTES: usize = 100;
    let shown = String::from_utf8_lossy(&found[..found.len().min(SHOWN_BYTES)]);
    format!("expected {}, found {shown}", column.type_name())
}

/// A JSON number: a fraction for a whole-number column is cut, as Java's conversions do.
fn number(column: &mut Column, word: &[u8]) -> Result<(), Fault> {
    let takes_numbers = !matches!(
        column.values,
        Values::Boolean(_)
            | Values::Binary { .. }
            | Values::Date(_)
            | Values::Time(_)
            | Values::Timestamp(..)
    );
    if !takes_numbers {
        return Err(unexpected(column, word));
    }
    let whole =
        matches!(column.values, Values::Int8(_) | Values::Int16(_) | Values::Int32(_) | Values::Int64(_));
    if whole && word.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        let value: f64 = lexical_core::parse(word).map_err(|_| unexpected(column, word))?;
        const BEYOND: f64 = 9.2e18;
        if value.abs() > BEYOND {
            return Err(unexpected(column, word));
        }
        return column.push_text((value as i64).to_string().as_bytes());
    }
    column.push_text(word)
}

/// JSON text without the white space between its tokens.
fn compact(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(u8::is_ascii_whitespace) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut quoted, mut escaped) = (Vec::with_capacity(text.len()), false, false);
    for byte in text {
        if quoted || !byte.is_ascii_whitespace() {
            out.push(*byte);
        }
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
    }
    Cow::Owned(out)
}

fn nested(column: &mut Column, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    if depth >= MOST_DEPTH {
        return Err(format!("nested deeper than {MOST_DEPTH}"));
    }
    let start = cursor.at;
    let opens = cursor.peek();
    cursor.at += 1;
    match (&mut column.values, opens) {
        (Values::List { ends, items }, b'[') => {
            list(items, cursor, depth)?;
            ends.push(items.len() as i32);
        }
        (Values::Struct(fields), b'{') => {
            let len = column_len(fields);
            record(fields, len, cursor, depth)?;
        }
        (Values::Map { ends, keys, items }, b'{') => {
            map(keys, items, cursor, depth)?;
            ends.push(items.len() as i32);
        }
        _ => {
            cursor.at = start;
            cursor.skip_value()?;
            return Err(unexpected(column, &cursor.bytes[start..cursor.at]));
        }
    }
    column.pushed();
    Ok(())
}

fn column_len(fields: &[Column]) -> usize {
    fields.iter().map(Column::len).min().unwrap_or(0)
}

fn list(items: &mut Column, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    cursor.skip_space();
    if cursor.peek() == b']' {
        cursor.at += 1;
        return Ok(());
    }
    loop {
        cursor.skip_space();
        read(items, cursor, depth + 1)?;
        cursor.skip_space();
        match cursor.peek() {
            b',' => cursor.at += 1,
            b']' => {
                cursor.at += 1;
                return Ok(());
            }
            _ => return Err("expected , or ] in an array".into()),
        }
    }
}

/// Past the opening brace: calls `field` with the cursor at the value of each key, up to the closing brace.
pub(in super::super) fn members(
    cursor: &mut Cursor<'_>,
    mut field: impl FnMut(&[u8], &mut Cursor<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    cursor.skip_space();
    if cursor.peek() == b'}' {
        cursor.at += 1;
        return Ok(());
    }
    loop {
        cursor.expect(b'"', "expected a key in an object")?;
        let key = cursor.unescaped()?;
        cursor.expect(b':', "expected : after a key")?;
        cursor.skip_space();
        field(&key, cursor)?;
        cursor.skip_space();
        match cursor.peek() {
            b',' => cursor.at += 1,
            b'}' => {
                cursor.at += 1;
                return Ok(());
            }
            _ => return Err("expected , or } in an object".into()),
        }
    }
}

fn record(fields: &mut [Column], len: usize, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    members(cursor, |key, cursor| {
        let Some(field) = fields.iter_mut().find(|own| own.field.name().as_bytes() == key) else {
            return Ok(cursor.skip_value()?);
        };
        // Of two values for one key the last counts.
        field.truncate(len);
        read(field, cursor, depth + 1).map_err(|fault| format!("field `{}`: {fault}", field.field.name()))
    })?;
    for field in fields.iter_mut().filter(|own| own.len() == len) {
        field.push_null().map_err(|fault| format!("field `{}`: {fault}", field.field.name()))?;
    }
    Ok(())
}

fn map(keys: &mut Column, items: &mut Column, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Fault> {
    members(cursor, |key, cursor| {
        keys.push_text(key)?;
        read(items, cursor, depth + 1)
    })
}
