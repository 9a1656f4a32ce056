//! Arrays by the order of their elements, and arrays as texts.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Builder, make_comparator};
use arrow::compute::{SortOptions, take};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::{Picked, elements_of};
use crate::function::call::Call;
use crate::function::cast::Printer;

pub(super) fn extreme(call: &Call, wanted: Ordering) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    let values = list.values();
    let compare = make_comparator(values, values, SortOptions::default())?;
    let nulls = values.logical_nulls();
    let valid = |index: &usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*index));
    let mut indexes = UInt32Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        let elements = elements_of(list, row).filter(|_| list.is_valid(row)).filter(valid);
        let best = elements.reduce(|best, next| if compare(next, best) == wanted { next } else { best });
        indexes.append_option(best.map(|index| index as u32));
    }
    Ok(take(values, &indexes.finish(), None)?)
}

pub(super) fn sort(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    let ascending = match call.has(1) {
        false => None,
        true => {
            let Some(flags) = call.array(1).as_boolean_opt() else {
                return exec_err!("ARRAY_SORT: the second argument must be a BOOLEAN");
            };
            Some((flags.clone(), call.is_constant(1)))
        }
    };
    let ascending = |row: usize| match &ascending {
        None => Some(true),
        Some((flags, constant)) => {
            let index = if *constant { 0 } else { row };
            flags.is_valid(index).then(|| flags.value(index))
        }
    };
    let values = list.values();
    let compare = make_comparator(values, values, SortOptions { descending: false, nulls_first: true })?;
    let mut picked = Picked::new(call.rows);
    let mut order: Vec<usize> = vec![];
    for row in 0..call.rows {
        let ascending = ascending(row).filter(|_| list.is_valid(row));
        if let Some(ascending) = ascending {
            order.clear();
            order.extend(elements_of(list, row));
            order.sort_by(|a, b| if ascending { compare(*a, *b) } else { compare(*b, *a) });
            picked.indexes.extend(order.iter().map(|index| Some(*index as u32)));
        }
        picked.end_row(ascending.is_some())?;
    }
    picked.finish(values, call.result)
}

pub(super) fn join_arguments(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let text = |own: &DataType| matches!(own, DataType::Utf8 | DataType::Null);
    match types {
        [own @ DataType::List(_), rest @ ..] if (1..=2).contains(&rest.len()) && rest.iter().all(text) => {
            let mut wanted = vec![DataType::Utf8; types.len()];
            wanted[0] = own.clone();
            Ok(wanted)
        }
        _ => Err("it takes an ARRAY, a separator and what to write for NULL".into()),
    }
}

pub(super) fn join(call: &Call) -> Result<ArrayRef> {
    let (own, separator) = (call.full(0)?, call.text(1)?);
    let null = if call.has(2) { Some(call.text(2)?) } else { None };
    let list = own.as_list::<i32>();
    let printer = Printer::of(list.values())?;
    call.texts(|row, out| {
        let Some(separator) = separator.get(row).filter(|_| list.is_valid(row)) else { return Ok(false) };
        let null = match &null {
            None => None,
            Some(null) => match null.get(row) {
                Some(null) => Some(null),
                None => return Ok(false),
            },
        };
        let mut first = true;
        for index in elements_of(list, row) {
            let is_null = printer.is_null(index);
            if is_null && null.is_none() {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push_str(separator);
            }
            match null {
                Some(null) if is_null => out.push_str(null),
                _ => printer.write(index, out),
            }
        }
        Ok(true)
    })
}
