//! ARRAY, MAP and ROW made of values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, MapBuilder, MapFieldNames, StringBuilder, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field};
use datafusion_common::{Result, ScalarValue, exec_err};

use super::access::item_type;
use crate::function::call::{Call, Compiled};
use crate::function::coercion::common_type;
use crate::function::regex::compile;

pub(super) fn elements(types: &[DataType]) -> Result<Vec<DataType>, String> {
    Ok(vec![common_type(types)?; types.len()])
}

pub(super) fn array_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(crate::types::array(types.first().cloned().unwrap_or(DataType::Null)))
}

/// The values of columns `from`, `from + step` ... row by row.
fn side_by_side(call: &Call, from: usize, step: usize) -> Result<ArrayRef> {
    let columns = (from..call.arguments()).step_by(step).map(|index| call.full(index));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let parts: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
    let places = (0..call.rows).flat_map(|row| (0..parts.len()).map(move |column| (column, row)));
    Ok(interleave(&parts, &places.collect::<Vec<_>>())?)
}

pub(super) fn array(call: &Call) -> Result<ArrayRef> {
    let DataType::List(item) = call.result else { return exec_err!("{} is not an array", call.result) };
    let width = call.arguments();
    let values = match width {
        0 => arrow::array::new_empty_array(item.data_type()),
        _ => side_by_side(call, 0, 1)?,
    };
    let offsets = OffsetBuffer::from_repeated_length(width, call.rows);
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, None)?))
}

pub(super) fn pairs(types: &[DataType]) -> Result<Vec<DataType>, String> {
    if types.is_empty() || !types.len().is_multiple_of(2) {
        return Err("it takes keys and values in pairs".into());
    }
    let of = |from: usize| common_type(&types.iter().skip(from).step_by(2).cloned().collect::<Vec<_>>());
    let (key, value) = (of(0)?, of(1)?);
    Ok((0..types.len()).map(|index| if index % 2 == 0 { key.clone() } else { value.clone() }).collect())
}

pub(super) fn map_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(crate::types::map(types[0].clone(), types[1].clone()))
}

/// A map of keys and values that stand side by side.
fn map_of(
    result: &DataType,
    offsets: OffsetBuffer<i32>,
    keys: ArrayRef,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let DataType::Map(entries, sorted) = result else { return exec_err!("{result} is not a map") };
    let DataType::Struct(fields) = entries.data_type() else { return exec_err!("{result} is not a map") };
    if keys.logical_null_count() > 0 {
        return exec_err!("a key of a MAP is NULL");
    }
    let entries_array = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, entries_array, nulls, *sorted)?))
}

pub(super) fn map(call: &Call) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_repeated_length(call.arguments() / 2, call.rows);
    map_of(call.result, offsets, side_by_side(call, 0, 2)?, side_by_side(call, 1, 2)?, None)
}

pub(super) fn any(types: &[DataType]) -> Result<Vec<DataType>, String> {
    if types.is_empty() { Err("it has no arguments".into()) } else { Ok(types.to_vec()) }
}

/// The fields are called EXPR$0, EXPR$1 ...
pub(super) fn row_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    let field = |(index, own): (usize, &DataType)| Field::new(format!("EXPR${index}"), own.clone(), true);
    Ok(DataType::Struct(types.iter().enumerate().map(field).collect()))
}

pub(super) fn row(call: &Call) -> Result<ArrayRef> {
    let DataType::Struct(fields) = call.result else { return exec_err!("{} is not a row", call.result) };
    let columns = (0..call.arguments()).map(|index| call.full(index)).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, None, call.rows)?))
}

pub(super) fn two_arrays(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [DataType::List(_), DataType::List(_)] => Ok(types.to_vec()),
        _ => Err("it takes two ARRAYs".into()),
    }
}

pub(super) fn arrays_map_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(crate::types::map(item_type(&types[0]), item_type(&types[1])))
}

pub(super) fn map_from_arrays(call: &Call) -> Result<ArrayRef> {
    let (keys, values) = (call.full(0)?, call.full(1)?);
    let (keys, values) = (keys.as_list::<i32>(), values.as_list::<i32>());
    let nulls = NullBuffer::union(keys.nulls(), values.nulls());
    let mut lengths = Vec::with_capacity(call.rows);
    let (mut key_places, mut value_places) = (vec![], vec![]);
    for row in 0..call.rows {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            lengths.push(0);
            continue;
        }
        let (own, other) = (super::elements_of(keys, row), super::elements_of(values, row));
        if own.len() != other.len() {
            return exec_err!("MAP_FROM_ARRAYS: {} keys and {} values", own.len(), other.len());
        }
        lengths.push(own.len());
        key_places.extend(own.map(|index| index as u32));
        value_places.extend(other.map(|index| index as u32));
    }
    let pick = |array: &ArrayRef, places: Vec<u32>| {
        arrow::compute::take(array, &arrow::array::UInt32Array::from(places), None)
    };
    let (keys, values) = (pick(keys.values(), key_places)?, pick(values.values(), value_places)?);
    map_of(call.result, OffsetBuffer::from_lengths(lengths), keys, values, nulls)
}

pub(super) fn str_to_map(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let pairs = if call.has(1) { Some(call.text(1)?) } else { None };
    let values = if call.has(2) { Some(call.text(2)?) } else { None };
    let (mut pair_patterns, mut value_patterns) = (Compiled::new(), Compiled::new());
    let names = MapFieldNames { entry: "entries".into(), key: "key".into(), value: "value".into() };
    let mut out = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    let mut kept: Vec<(&str, Option<&str>)> = vec![];
    for row in 0..call.rows {
        let between = pairs.as_ref().map_or(Some(","), |pairs| pairs.get(row));
        let inside = values.as_ref().map_or(Some("="), |values| values.get(row));
        let (Some(text), Some(between), Some(inside)) = (text.get(row), between, inside) else {
            out.append(false)?;
            continue;
        };
        let (between, inside) = (pair_patterns.of(between, compile)?, value_patterns.of(inside, compile)?);
        kept.clear();
        if !text.is_empty() {
            for pair in between.split(text) {
                let mut halves = inside.splitn(pair, 2);
                let (key, value) = (halves.next().unwrap_or(pair), halves.next());
                match kept.iter_mut().find(|(own, _)| *own == key) {
                    Some(known) => known.1 = value,
                    None => kept.push((key, value)),
                }
            }
        }
        for (key, value) in &kept {
            out.keys().append_value(key);
            out.values().append_option(*value);
        }
        out.append(true)?;
    }
    let built = out.finish();
    let (keys, values) = (built.keys().clone(), built.values().clone());
    map_of(call.result, built.offsets().clone(), keys, values, built.nulls().cloned())
}
