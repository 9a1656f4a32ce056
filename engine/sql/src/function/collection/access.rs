//! What an array or a map has.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Builder};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion_common::{Result, exec_err};
use std::sync::Arc;

use super::{elements_of, matches};
use crate::function::call::Call;
use crate::function::coercion::common_type;

/// The type of an array's elements or a map's values.
pub(super) fn item_type(own: &DataType) -> DataType {
    match own {
        DataType::List(item) => item.data_type().clone(),
        DataType::Map(entries, _) => map_fields(entries).map_or(DataType::Null, |(_, value)| value),
        _ => DataType::Null,
    }
}

/// The types of a map's keys and values.
pub(super) fn map_fields(entries: &Field) -> Option<(DataType, DataType)> {
    match entries.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            Some((fields[0].data_type().clone(), fields[1].data_type().clone()))
        }
        _ => None,
    }
}

pub(super) fn item_arguments(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [own @ DataType::List(_), position] if position.is_signed_integer() => {
            Ok(vec![own.clone(), DataType::Int64])
        }
        [DataType::List(_), _] => Err("the position in an ARRAY must be an INT".into()),
        [own @ DataType::Map(entries, _), key] => {
            let (own_key, _) = map_fields(entries).ok_or("the MAP has no keys")?;
            // A narrower key is made wide; a wider one cannot be in the map as it is.
            match common_type(&[own_key.clone(), key.clone()])? == own_key {
                true => Ok(vec![own.clone(), own_key]),
                false => Err(format!("the keys are {}", crate::types::sql_name(&own_key))),
            }
        }
        _ => Err("it takes an ARRAY and a position, or a MAP and a key".into()),
    }
}

pub(super) fn array_or_map(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [own @ (DataType::List(_) | DataType::Map(..))] => Ok(vec![own.clone()]),
        _ => Err("it takes an ARRAY or a MAP".into()),
    }
}

pub(super) fn item(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    match own.data_type() {
        DataType::Map(..) => value_of_key(call, &own),
        _ => {
            let (list, position) = (own.as_list::<i32>(), call.integer(1)?);
            let mut indexes = UInt32Builder::with_capacity(call.rows);
            for row in 0..call.rows {
                let elements = elements_of(list, row);
                let index = position.get(row).filter(|_| list.is_valid(row)).and_then(|position| {
                    let index = usize::try_from(position.checked_sub(1)?).ok()?;
                    elements.start.checked_add(index).filter(|index| *index < elements.end)
                });
                indexes.append_option(index.map(|index| index as u32));
            }
            Ok(take(list.values(), &indexes.finish(), None)?)
        }
    }
}

fn value_of_key(call: &Call, own: &ArrayRef) -> Result<ArrayRef> {
    let map = own.as_map();
    let (keys, values) = (map.keys(), map.values());
    let field = Arc::new(Field::new("item", keys.data_type().clone(), true));
    let list = ListArray::try_new(field, map.offsets().clone(), keys.clone(), map.nulls().cloned())?;
    let wanted = call.full(1)?;
    let found = matches(&list, &wanted)?;
    let mut indexes = UInt32Builder::with_capacity(call.rows);
    let mut seen = 0;
    for row in 0..call.rows {
        let elements = elements_of(&list, row);
        // The last one, as when the pairs are put into a hash map one by one.
        let place = (0..elements.len()).rev().find(|at| found.value(seen + at));
        seen += elements.len();
        let place = place.filter(|_| list.is_valid(row) && wanted.is_valid(row));
        indexes.append_option(place.map(|at| (elements.start + at) as u32));
    }
    Ok(take(values, &indexes.finish(), None)?)
}

pub(super) fn cardinality(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let offsets = match own.data_type() {
        DataType::Map(..) => own.as_map().offsets().clone(),
        _ => own.as_list::<i32>().offsets().clone(),
    };
    call.numbers::<Int32Type>(|row| Ok(own.is_valid(row).then(|| offsets[row + 1] - offsets[row])))
}

pub(super) fn element(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    let mut indexes = UInt32Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        match (list.is_valid(row), list.value_length(row)) {
            (false, _) | (_, 0) => indexes.append_null(),
            (true, 1) => indexes.append_value(list.value_offsets()[row] as u32),
            (true, count) => return exec_err!("ELEMENT: the array has {count} elements"),
        }
    }
    Ok(take(list.values(), &indexes.finish(), None)?)
}

/// The type of an array of a map's keys (0) or values (1).
pub(super) fn map_part(own: &DataType, part: usize) -> Result<DataType> {
    let DataType::Map(entries, _) = own else { return exec_err!("{own} is not a map") };
    match map_fields(entries) {
        Some((key, value)) => Ok(crate::types::array(if part == 0 { key } else { value })),
        None => exec_err!("{own} is not a map"),
    }
}

pub(super) fn keys_or_values(call: &Call, part: usize) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let map = own.as_map();
    let DataType::List(item) = call.result else { return exec_err!("{} is not an array", call.result) };
    let values = map.entries().column(part).clone();
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?))
}

/// The place (from 0) of the value in each array; `None` = it is not there.
fn places(list: &ListArray, value: &ArrayRef) -> Result<Vec<Option<usize>>> {
    let found = matches(list, value)?;
    let mut seen = 0;
    let place = |row: usize| {
        let count = elements_of(list, row).len();
        let place = (0..count).find(|at| found.value(seen + at));
        seen += count;
        place
    };
    Ok((0..list.len()).map(place).collect())
}

pub(super) fn contains(call: &Call) -> Result<ArrayRef> {
    let (own, value) = (call.full(0)?, call.full(1)?);
    let list = own.as_list::<i32>();
    let places = places(list, &value)?;
    call.booleans(|row| Ok(list.is_valid(row).then(|| places[row].is_some())))
}

pub(super) fn position(call: &Call) -> Result<ArrayRef> {
    let (own, value) = (call.full(0)?, call.full(1)?);
    let list = own.as_list::<i32>();
    let places = places(list, &value)?;
    let nulls = value.logical_nulls();
    call.numbers::<Int32Type>(|row| {
        let known = list.is_valid(row) && nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        Ok(known.then(|| places[row].map_or(0, |place| place as i32 + 1)))
    })
}
