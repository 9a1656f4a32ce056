//! Where something is in a text, and how long it is.

use arrow::array::ArrayRef;
use arrow::datatypes::Int32Type;
use datafusion_common::{Result, exec_err};

use crate::function::call::Call;

/// Characters in `text`.
#[inline]
pub(super) fn characters(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// The byte at which character number `index` (from 0) starts; the length if there are fewer.
#[inline]
pub(super) fn byte_of(text: &str, index: usize) -> usize {
    if text.is_ascii() {
        return index.min(text.len());
    }
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

pub(super) fn char_length(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.numbers::<Int32Type>(|row| Ok(text.get(row).map(|text| characters(text) as i32)))
}

/// The place of `search` in `text` from character `from` (from 0), counted from 1; 0 = not found.
fn place(text: &str, search: &str, from: usize) -> i32 {
    let start = byte_of(text, from);
    match text[start..].find(search) {
        Some(at) => characters(&text[..start + at]) as i32 + 1,
        None => 0,
    }
}

pub(super) fn position(call: &Call) -> Result<ArrayRef> {
    let (text, search) = (call.text(0)?, call.text(1)?);
    call.numbers::<Int32Type>(|row| match (text.get(row), search.get(row)) {
        (Some(text), Some(search)) => Ok(Some(place(text, search, 0))),
        _ => Ok(None),
    })
}

pub(super) fn locate(call: &Call) -> Result<ArrayRef> {
    let (search, text) = (call.text(0)?, call.text(1)?);
    let start = if call.has(2) { Some(call.number::<Int32Type>(2)?) } else { None };
    call.numbers::<Int32Type>(|row| {
        let (Some(text), Some(search)) = (text.get(row), search.get(row)) else { return Ok(None) };
        let start = match &start {
            None => 1,
            Some(start) => match start.get(row) {
                Some(start) => start,
                None => return Ok(None),
            },
        };
        Ok(Some(place(text, search, (start - 1).max(0) as usize)))
    })
}

pub(super) fn instr(call: &Call) -> Result<ArrayRef> {
    let (text, search) = (call.text(0)?, call.text(1)?);
    let start = if call.has(2) { Some(call.number::<Int32Type>(2)?) } else { None };
    let nth = if call.has(3) { Some(call.number::<Int32Type>(3)?) } else { None };
    call.numbers::<Int32Type>(|row| {
        let (Some(text), Some(search)) = (text.get(row), search.get(row)) else { return Ok(None) };
        let start = start.as_ref().map_or(Some(1), |start| start.get(row));
        let nth = nth.as_ref().map_or(Some(1), |nth| nth.get(row));
        match (start, nth) {
            (Some(_), Some(nth)) if nth <= 0 => exec_err!("INSTR: the appearance is {nth}, not 1 or more"),
            (Some(start), Some(nth)) => Ok(Some(nth_place(text, search, start, nth))),
            _ => Ok(None),
        }
    })
}

fn nth_place(text: &str, search: &str, start: i32, nth: i32) -> i32 {
    if start == 0 {
        return 0;
    }
    if start > 0 {
        let mut from = start as usize - 1;
        let mut found = 0;
        for _ in 0..nth {
            found = place(text, search, from);
            if found == 0 || search.is_empty() {
                return found;
            }
            from = found as usize;
        }
        return found;
    }
    let (length, width) = (characters(text), characters(search));
    let (text, search): (String, String) = (text.chars().rev().collect(), search.chars().rev().collect());
    match nth_place(&text, &search, start.saturating_neg(), nth) {
        0 => 0,
        place => length as i32 + 2 - place - width as i32,
    }
}

pub(super) fn compare(call: &Call, holds: fn(&str, &str) -> bool) -> Result<ArrayRef> {
    let (text, part) = (call.text(0)?, call.text(1)?);
    call.booleans(|row| Ok(text.get(row).zip(part.get(row)).map(|(text, part)| holds(text, part))))
}

pub(super) fn ascii(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.numbers::<Int32Type>(|row| {
        Ok(text.get(row).map(|text| text.as_bytes().first().map_or(0, |byte| *byte as i8 as i32)))
    })
}
