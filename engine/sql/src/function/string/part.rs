//! Parts of a text.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion_common::Result;

use super::find::{byte_of, characters};
use crate::function::call::Call;

/// `length` characters of `text` from `start`: from 1, or negative from the end.
fn slice(text: &str, start: i32, length: i32) -> &str {
    let from = match start {
        0 => 0,
        1.. => start as usize - 1,
        _ => match characters(text).checked_sub(start.unsigned_abs() as usize) {
            Some(from) => from,
            None => return "",
        },
    };
    let rest = &text[byte_of(text, from)..];
    &rest[..byte_of(rest, length.max(0) as usize)]
}

pub(super) fn substring(call: &Call) -> Result<ArrayRef> {
    let (text, start) = (call.text(0)?, call.number::<Int32Type>(1)?);
    let length = if call.has(2) { Some(call.number::<Int32Type>(2)?) } else { None };
    call.texts(|row, out| {
        let length = length.as_ref().map_or(Some(i32::MAX), |length| length.get(row));
        match (text.get(row), start.get(row), length) {
            (Some(text), Some(start), Some(length)) if length >= 0 => {
                out.push_str(slice(text, start, length));
                Ok(true)
            }
            _ => Ok(false),
        }
    })
}

pub(super) fn left(call: &Call) -> Result<ArrayRef> {
    let (text, count) = (call.text(0)?, call.number::<Int32Type>(1)?);
    call.texts(|row, out| {
        let (Some(text), Some(count)) = (text.get(row), count.get(row)) else { return Ok(false) };
        out.push_str(slice(text, 1, count));
        Ok(true)
    })
}

pub(super) fn right(call: &Call) -> Result<ArrayRef> {
    let (text, count) = (call.text(0)?, call.number::<Int32Type>(1)?);
    call.texts(|row, out| {
        let (Some(text), Some(count)) = (text.get(row), count.get(row)) else { return Ok(false) };
        let skipped = characters(text).saturating_sub(count.max(0) as usize);
        out.push_str(&text[byte_of(text, skipped)..]);
        Ok(true)
    })
}

pub(super) fn overlay(call: &Call) -> Result<ArrayRef> {
    let (text, new, start) = (call.text(0)?, call.text(1)?, call.number::<Int32Type>(2)?);
    let length = if call.has(3) { Some(call.number::<Int32Type>(3)?) } else { None };
    call.texts(|row, out| {
        let (Some(text), Some(new), Some(start)) = (text.get(row), new.get(row), start.get(row)) else {
            return Ok(false);
        };
        let length = length.as_ref().map_or(Some(characters(new) as i32), |length| length.get(row));
        let Some(length) = length else { return Ok(false) };
        let whole = characters(text) as i64;
        let (start, length) = (start as i64, length as i64);
        if start <= 0 || start > whole {
            out.push_str(text);
            return Ok(true);
        }
        out.push_str(&text[..byte_of(text, start as usize - 1)]);
        out.push_str(new);
        if length > 0 && start + length <= whole {
            out.push_str(&text[byte_of(text, (start - 1 + length) as usize)..]);
        }
        Ok(true)
    })
}

pub(super) fn trim(call: &Call, start: bool, end: bool) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let removed = if call.has(1) { Some(call.text(1)?) } else { None };
    call.texts(|row, out| {
        let removed = removed.as_ref().map_or(Some(" "), |removed| removed.get(row));
        let (Some(mut text), Some(removed)) = (text.get(row), removed) else { return Ok(false) };
        let goes = |character: char| removed.contains(character);
        if start {
            text = text.trim_start_matches(goes);
        }
        if end {
            text = text.trim_end_matches(goes);
        }
        out.push_str(text);
        Ok(true)
    })
}

pub(super) fn split_index(call: &Call) -> Result<ArrayRef> {
    let (text, index) = (call.text(0)?, call.number::<Int32Type>(2)?);
    if let Ok(separator) = call.text(1) {
        return call.texts(|row, out| {
            let (Some(text), Some(separator), Some(index)) =
                (text.get(row), separator.get(row), index.get(row))
            else {
                return Ok(false);
            };
            Ok(part(text, separator, index).map(|part| out.push_str(part)).is_some())
        });
    }
    let separator = call.integer(1)?;
    call.texts(|row, out| {
        let (Some(text), Some(code), Some(index)) = (text.get(row), separator.get(row), index.get(row))
        else {
            return Ok(false);
        };
        let Some(code) = u8::try_from(code).ok().filter(|code| *code > 0) else { return Ok(false) };
        let mut buffer = [0; 4];
        let separator = (code as char).encode_utf8(&mut buffer);
        Ok(part(text, separator, index).map(|part| out.push_str(part)).is_some())
    })
}

/// Part number `index`; an empty text has no parts, an empty separator means white space.
fn part<'a>(text: &'a str, separator: &str, index: i32) -> Option<&'a str> {
    let index = usize::try_from(index).ok()?;
    match (text.is_empty(), separator.is_empty()) {
        (true, _) => None,
        (false, true) => text.split(char::is_whitespace).nth(index),
        (false, false) => text.split(separator).nth(index),
    }
}

pub(super) fn split(call: &Call) -> Result<ArrayRef> {
    let (text, separator) = (call.text(0)?, call.text(1)?);
    let field = Arc::new(Field::new("item", DataType::Utf8, true));
    let mut out = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..call.rows {
        let (Some(text), Some(separator)) = (text.get(row), separator.get(row)) else {
            out.append_null();
            continue;
        };
        match separator.is_empty() {
            true => {
                let mut buffer = [0; 4];
                text.chars().for_each(|c| out.values().append_value(&*c.encode_utf8(&mut buffer)));
            }
            // An empty text has no parts.
            false if text.is_empty() => {}
            false => text.split(separator).for_each(|part| out.values().append_value(part)),
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}
