//! Values to JSON: JSON_STRING, JSON_OBJECT, JSON_ARRAY.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::scan::{is_valid, trim};
use super::write::{by_key, fields_by_name, push_json, push_quoted, push_value};
use crate::function::call::Call;
use crate::function::cast::Printer;

pub(super) fn string(call: &Call) -> Result<ArrayRef> {
    let printer = Printer::of(&fields_by_name(&call.full(0)?)?)?;
    call.texts(|row, out| {
        if printer.is_null(row) {
            return Ok(false);
        }
        push_value(&printer, row, out);
        Ok(true)
    })
}

/// The types of `JSON(string, 'value')`; without the second argument it stands outside an object or array.
pub(super) fn json_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [DataType::Utf8 | DataType::Null, DataType::Utf8] => Ok(vec![DataType::Utf8, DataType::Utf8]),
        [_, _] => Err("it takes a STRING".into()),
        _ => Err("it stands only as a value of JSON_OBJECT or JSON_ARRAY".into()),
    }
}

/// A JSON text in the one spelling; NULL if it is blank.
pub(super) fn json(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        let json = trim(text);
        if json.is_empty() {
            return Ok(false);
        }
        if !is_valid(json) {
            return exec_err!("JSON: '{text}' is not JSON");
        }
        push_json(out, json);
        Ok(true)
    })
}

/// What an object or an array is made of.
struct Items {
    printers: Vec<Printer>,
    /// For each value: it is JSON already.
    raw: Vec<bool>,
    /// NULLs are left out.
    absent: bool,
}

impl Items {
    /// The values at the arguments `indexes`; argument 0 says how they are written.
    fn of(call: &Call, indexes: impl Iterator<Item = usize>) -> Result<Items> {
        let printers = indexes.map(|index| Printer::of(&fields_by_name(&call.full(index)?)?));
        let printers = printers.collect::<Result<Vec<_>>>()?;
        let spec = call.constant_text(0)?.unwrap_or_default();
        let (absent, letters) = match spec.split_once(',') {
            Some(("NULL", letters)) => (false, letters),
            Some(("ABSENT", letters)) => (true, letters),
            _ => return exec_err!("'{spec}' does not say what becomes of NULLs"),
        };
        if letters.len() != printers.len() {
            return exec_err!("'{spec}' does not say how the values are written");
        }
        let texts = |printer: &Printer| matches!(printer, Printer::Text(_) | Printer::Null);
        let raw = letters.bytes().zip(&printers).map(|(letter, own)| letter == b'r' && texts(own)).collect();
        Ok(Items { printers, raw, absent })
    }

    fn is_left_out(&self, item: usize, row: usize) -> bool {
        self.absent && self.printers[item].is_null(row)
    }

    fn push(&self, item: usize, row: usize, out: &mut String) {
        let printer = &self.printers[item];
        match self.raw[item] && !printer.is_null(row) {
            true => printer.write(row, out),
            false => push_value(printer, row, out),
        }
    }
}

/// The types of the arguments of JSON_ARRAY as the parser writes it.
pub(super) fn array_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types.first() {
        Some(DataType::Utf8) => Ok(types.to_vec()),
        _ => Err("its first argument says what becomes of NULLs".into()),
    }
}

/// The types of the arguments of JSON_OBJECT as the parser writes it.
pub(super) fn object_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let keys = types.iter().skip(1).step_by(2);
    match types.len() % 2 == 1 && keys.clone().all(|key| *key == DataType::Utf8) {
        true => array_types(types),
        false => Err("its keys are texts".into()),
    }
}

pub(super) fn array(call: &Call) -> Result<ArrayRef> {
    let items = Items::of(call, 1..call.arguments())?;
    call.texts(|row, out| {
        out.push('[');
        let mut first = true;
        for item in (0..items.printers.len()).filter(|item| !items.is_left_out(*item, row)) {
            if !first {
                out.push(',');
            }
            first = false;
            items.push(item, row, out);
        }
        out.push(']');
        Ok(true)
    })
}

pub(super) fn object(call: &Call) -> Result<ArrayRef> {
    let items = Items::of(call, (2..call.arguments()).step_by(2))?;
    let mut keys: Vec<(&str, usize)> = vec![];
    for item in 0..items.printers.len() {
        let Some(key) = call.constant_text(1 + 2 * item)? else {
            return exec_err!("a key of JSON_OBJECT is NULL");
        };
        // Of equal keys the last counts.
        keys.retain(|(own, _)| *own != key);
        keys.push((key, item));
    }
    keys.sort_by(|(a, _), (b, _)| by_key(a, b));
    let mut spelled = vec![];
    for (key, item) in keys {
        let mut text = String::new();
        push_quoted(&mut text, key);
        spelled.push((text + ":", item));
    }
    call.texts(|row, out| {
        out.push('{');
        let mut first = true;
        for (key, item) in spelled.iter().filter(|(_, item)| !items.is_left_out(*item, row)) {
            if !first {
                out.push(',');
            }
            first = false;
            out.push_str(key);
            items.push(*item, row, out);
        }
        out.push('}');
        Ok(true)
    })
}
