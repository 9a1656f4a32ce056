//! A text in another form, or several made into one.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Int32Type};
use datafusion_common::{Result, exec_err};

use super::find::{byte_of, characters};
use crate::function::call::{Call, MOST_BYTES};
use crate::function::coercion::common_type;

pub(super) fn upper(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        match text.is_ascii() {
            true => {
                let start = out.len();
                out.push_str(text);
                out[start..].make_ascii_uppercase();
            }
            false => out.push_str(&text.to_uppercase()),
        }
        Ok(true)
    })
}

pub(super) fn lower(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        match text.is_ascii() {
            true => {
                let start = out.len();
                out.push_str(text);
                out[start..].make_ascii_lowercase();
            }
            false => out.push_str(&text.to_lowercase()),
        }
        Ok(true)
    })
}

pub(super) fn initcap(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        let mut inside = false;
        for character in text.chars() {
            // Words are of the letters A to Z and digits: all others stay as they are, and stand between words.
            out.push(match inside {
                false => character.to_ascii_uppercase(),
                true => character.to_ascii_lowercase(),
            });
            inside = character.is_ascii_alphanumeric();
        }
        Ok(true)
    })
}

pub(super) fn reverse(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| Ok(text.get(row).map(|text| out.extend(text.chars().rev())).is_some()))
}

pub(super) fn replace(call: &Call) -> Result<ArrayRef> {
    let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    call.texts(|row, out| {
        let (Some(text), Some(old), Some(new)) = (text.get(row), old.get(row), new.get(row)) else {
            return Ok(false);
        };
        let mut done = 0;
        for (at, found) in text.match_indices(old) {
            out.push_str(&text[done..at]);
            out.push_str(new);
            done = at + found.len();
        }
        out.push_str(&text[done..]);
        Ok(true)
    })
}

pub(super) fn translate(call: &Call) -> Result<ArrayRef> {
    let (text, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
    call.texts(|row, out| {
        let (Some(text), Some(from), Some(to)) = (text.get(row), from.get(row), to.get(row)) else {
            return Ok(false);
        };
        for character in text.chars() {
            match from.chars().position(|own| own == character) {
                None => out.push(character),
                Some(place) => out.extend(to.chars().nth(place)),
            }
        }
        Ok(true)
    })
}

fn bounded(bytes: usize) -> Result<()> {
    match bytes > MOST_BYTES {
        true => exec_err!("the result has {bytes} bytes; {MOST_BYTES} are allowed"),
        false => Ok(()),
    }
}

pub(super) fn repeat(call: &Call) -> Result<ArrayRef> {
    let (text, count) = (call.text(0)?, call.number::<Int32Type>(1)?);
    call.texts(|row, out| {
        let (Some(text), Some(count)) = (text.get(row), count.get(row)) else { return Ok(false) };
        let count = count.max(0) as usize;
        bounded(text.len().saturating_mul(count))?;
        out.extend(std::iter::repeat_n(text, if text.is_empty() { 0 } else { count }));
        Ok(true)
    })
}

pub(super) fn pad(call: &Call, at_start: bool) -> Result<ArrayRef> {
    let (text, length, fill) = (call.text(0)?, call.number::<Int32Type>(1)?, call.text(2)?);
    call.texts(|row, out| {
        let (Some(text), Some(length), Some(fill)) = (text.get(row), length.get(row), fill.get(row)) else {
            return Ok(false);
        };
        if length < 0 || fill.is_empty() {
            return Ok(false);
        }
        let length = length as usize;
        let kept = &text[..byte_of(text, length)];
        let missing = length - characters(kept);
        bounded(missing.saturating_mul(4))?;
        if !at_start {
            out.push_str(kept);
        }
        out.extend(fill.chars().cycle().take(missing));
        if at_start {
            out.push_str(kept);
        }
        Ok(true)
    })
}

pub(super) fn concat(call: &Call) -> Result<ArrayRef> {
    let texts = (0..call.arguments()).map(|index| call.text(index)).collect::<Result<Vec<_>>>()?;
    call.texts(|row, out| {
        for text in &texts {
            let Some(text) = text.get(row) else { return Ok(false) };
            out.push_str(text);
        }
        Ok(true)
    })
}

pub(super) fn concat_ws(call: &Call) -> Result<ArrayRef> {
    let separator = call.text(0)?;
    let texts = (1..call.arguments()).map(|index| call.text(index)).collect::<Result<Vec<_>>>()?;
    call.texts(|row, out| {
        let Some(separator) = separator.get(row) else { return Ok(false) };
        for (index, text) in texts.iter().filter_map(|text| text.get(row)).enumerate() {
            if index > 0 {
                out.push_str(separator);
            }
            out.push_str(text);
        }
        Ok(true)
    })
}

pub(super) fn chr(call: &Call) -> Result<ArrayRef> {
    let code = call.integer(0)?;
    call.texts(|row, out| {
        let Some(code) = code.get(row) else { return Ok(false) };
        if code >= 0 {
            out.push((code & 0xff) as u8 as char);
        }
        Ok(true)
    })
}

pub(super) fn elt_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [index, values @ ..] if index.is_signed_integer() && !values.is_empty() => {
            let mut wanted = vec![common_type(values)?; types.len()];
            wanted[0] = DataType::Int32;
            match wanted[1] {
                DataType::Utf8 | DataType::Binary => Ok(wanted),
                _ => Err("the values must be STRING or BYTES".into()),
            }
        }
        _ => Err("it takes an INT and values".into()),
    }
}

pub(super) fn elt(call: &Call) -> Result<ArrayRef> {
    let index = call.number::<Int32Type>(0)?;
    let values = (1..call.arguments()).map(|index| call.full(index)).collect::<Result<Vec<_>>>()?;
    let null = arrow::array::new_null_array(call.result, 1);
    let mut columns: Vec<&dyn Array> = values.iter().map(|value| value.as_ref()).collect();
    columns.push(null.as_ref());
    let place = |row: usize| match index.get(row).and_then(|index| usize::try_from(index).ok()) {
        Some(index) if (1..=values.len()).contains(&index) => (index - 1, row),
        _ => (values.len(), 0),
    };
    let places: Vec<(usize, usize)> = (0..call.rows).map(place).collect();
    if places.is_empty() {
        return Ok(arrow::compute::take(&null, &UInt32Array::from(Vec::<u32>::new()), None)?);
    }
    Ok(interleave(&columns, &places)?)
}
