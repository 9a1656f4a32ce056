//! Arrays with other elements, or in another order.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, new_null_array};
use arrow::compute::concat as concat_arrays;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion_common::Result;

use super::{Picked, elements_of, matches};
use crate::function::call::Call;

pub(super) fn remove(call: &Call) -> Result<ArrayRef> {
    let (own, value) = (call.full(0)?, call.full(1)?);
    let list = own.as_list::<i32>();
    let found = matches(list, &value)?;
    let mut picked = Picked::new(call.rows);
    let mut seen = 0;
    for row in 0..call.rows {
        for index in elements_of(list, row) {
            if !found.value(seen) {
                picked.indexes.push(Some(index as u32));
            }
            seen += 1;
        }
        picked.end_row(list.is_valid(row))?;
    }
    picked.finish(list.values(), call.result)
}

pub(super) fn extend(call: &Call, at_start: bool) -> Result<ArrayRef> {
    let (own, value) = (call.full(0)?, call.full(1)?);
    let list = own.as_list::<i32>();
    let values = concat_arrays(&[list.values().as_ref(), value.as_ref()])?;
    let added = |row: usize| Some((list.values().len() + row) as u32);
    let mut picked = Picked::new(call.rows);
    for row in 0..call.rows {
        if list.is_valid(row) {
            if at_start {
                picked.indexes.push(added(row));
            }
            picked.indexes.extend(elements_of(list, row).map(|index| Some(index as u32)));
            if !at_start {
                picked.indexes.push(added(row));
            }
        }
        picked.end_row(list.is_valid(row))?;
    }
    picked.finish(&values, call.result)
}

pub(super) fn concat(call: &Call) -> Result<ArrayRef> {
    let columns = (0..call.arguments()).map(|index| call.full(index)).collect::<Result<Vec<_>>>()?;
    let lists: Vec<&ListArray> = columns.iter().map(|column| column.as_list::<i32>()).collect();
    let parts: Vec<&dyn Array> = lists.iter().map(|list| list.values().as_ref()).collect();
    let values = concat_arrays(&parts)?;
    let mut picked = Picked::new(call.rows);
    for row in 0..call.rows {
        let valid = lists.iter().all(|list| list.is_valid(row));
        let mut before = 0;
        for list in &lists {
            if valid {
                picked.indexes.extend(elements_of(list, row).map(|index| Some((before + index) as u32)));
            }
            before += list.values().len();
        }
        picked.end_row(valid)?;
    }
    picked.finish(&values, call.result)
}

/// Values as byte strings that are equal where the values are, NULL being equal to NULL.
fn comparable(values: &ArrayRef) -> Result<Rows> {
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    Ok(converter.convert_columns(std::slice::from_ref(values))?)
}

pub(super) fn distinct(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    if list.values().is_empty() {
        return Ok(own.clone());
    }
    let values = comparable(list.values())?;
    let mut picked = Picked::new(call.rows);
    let mut seen = rustc_hash::FxHashSet::default();
    for row in 0..call.rows {
        seen.clear();
        for index in elements_of(list, row) {
            if seen.insert(values.row(index)) {
                picked.indexes.push(Some(index as u32));
            }
        }
        picked.end_row(list.is_valid(row))?;
    }
    picked.finish(list.values(), call.result)
}

pub(super) fn reverse(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    let mut picked = Picked::new(call.rows);
    for row in 0..call.rows {
        picked.indexes.extend(elements_of(list, row).rev().map(|index| Some(index as u32)));
        picked.end_row(list.is_valid(row))?;
    }
    picked.finish(list.values(), call.result)
}

pub(super) fn slice(call: &Call) -> Result<ArrayRef> {
    let own = call.full(0)?;
    let list = own.as_list::<i32>();
    let start = call.integer(1)?;
    let end = if call.has(2) { Some(call.integer(2)?) } else { None };
    let mut picked = Picked::new(call.rows);
    for row in 0..call.rows {
        let elements = elements_of(list, row);
        let count = elements.len() as i64;
        let place = |at: i64| if at < 0 { count + at } else { (at - 1).max(0) };
        let end = end.as_ref().map_or(Some(count), |end| end.get(row));
        let bounds = start.get(row).zip(end).filter(|_| list.is_valid(row));
        if let Some((start, end)) = bounds {
            let (from, to) = (place(start).max(0), if end == 0 { 0 } else { place(end).min(count - 1) + 1 });
            let indexes = (from..to.max(from)).map(|at| Some((elements.start as i64 + at) as u32));
            picked.indexes.extend(indexes);
        }
        picked.end_row(bounds.is_some())?;
    }
    picked.finish(list.values(), call.result)
}

/// What to keep of two arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Union,
    Intersect,
    Except,
}

pub(super) fn combine(call: &Call, set: Set) -> Result<ArrayRef> {
    let (left, right) = (call.full(0)?, call.full(1)?);
    let (left, right) = (left.as_list::<i32>(), right.as_list::<i32>());
    let values = concat_arrays(&[left.values().as_ref(), right.values().as_ref()])?;
    if values.data_type() == &DataType::Null || values.is_empty() {
        return Ok(if left.null_count() == left.len() {
            new_null_array(call.result, call.rows)
        } else {
            call.full(0)?
        });
    }
    let bytes = comparable(&values)?;
    let before = left.values().len();
    let mut picked = Picked::new(call.rows);
    let (mut seen, mut others) = (rustc_hash::FxHashSet::default(), rustc_hash::FxHashSet::default());
    for row in 0..call.rows {
        let valid = left.is_valid(row) && right.is_valid(row);
        seen.clear();
        others.clear();
        let others_at = elements_of(right, row).map(|index| before + index);
        if set != Set::Union {
            others.extend(others_at.clone().map(|index| bytes.row(index)));
        }
        let kept = elements_of(left, row).chain(others_at.filter(|_| set == Set::Union));
        for index in kept.filter(|_| valid) {
            let value = bytes.row(index);
            let wanted = match set {
                Set::Union => true,
                Set::Intersect => others.contains(&value),
                Set::Except => !others.contains(&value),
            };
            if wanted && seen.insert(value) {
                picked.indexes.push(Some(index as u32));
            }
        }
        picked.end_row(valid)?;
    }
    picked.finish(&values, call.result)
}
