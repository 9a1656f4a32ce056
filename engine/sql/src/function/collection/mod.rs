//! ARRAY, MAP and ROW. Positions in arrays count from 1; NULL is an element like any other where a function
//! looks for one.

mod access;
mod build;
mod change;
mod order;

use arrow::array::{Array, ArrayRef, BooleanArray, ListArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use std::sync::Arc;

use super::ScalarEntry;
use super::coercion::{Takes, common_type};
use super::udf::{Arguments, Gives, borrowed, checked, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    borrowed("get_field", "row.field", "the field of a ROW", datafusion_functions::core::get_field),
    checked(
        "item",
        "array[position] | map[key]",
        "the element at a position (from 1), the value of a key, or NULL",
        Arguments::Checked(access::item_arguments),
        Gives::Of(|types, _| Ok(access::item_type(&types[0]))),
        access::item,
    ),
    checked(
        "cardinality",
        "CARDINALITY(array | map)",
        "number of elements",
        Arguments::Checked(access::array_or_map),
        Gives::Int,
        access::cardinality,
    ),
    entry(
        "element",
        "ELEMENT(array)",
        "the only element; an error if there are several",
        &[Takes::Array],
        Gives::Of(|types, _| Ok(access::item_type(&types[0]))),
        access::element,
    ),
    checked(
        "array",
        "ARRAY[value, ...]",
        "an ARRAY of the values",
        Arguments::Checked(build::elements),
        Gives::Of(build::array_type),
        build::array,
    )
    .or(&["make_array"]),
    checked(
        "map",
        "MAP[key, value, ...]",
        "a MAP of the keys and values",
        Arguments::Checked(build::pairs),
        Gives::Of(build::map_type),
        build::map,
    ),
    checked(
        "row",
        "ROW(value, ...)",
        "a ROW of the values",
        Arguments::Checked(build::any),
        Gives::Of(build::row_type),
        build::row,
    )
    .or(&["struct"]),
    checked(
        "map_from_arrays",
        "MAP_FROM_ARRAYS(keys, values)",
        "a MAP of two arrays of one length",
        Arguments::Checked(build::two_arrays),
        Gives::Of(build::arrays_map_type),
        build::map_from_arrays,
    ),
    entry(
        "str_to_map",
        "STR_TO_MAP(string[, pairs, values])",
        "a MAP of 'k=v,k=v'; separators are regular expressions",
        &[Takes::Text, Takes::Text, Takes::Text],
        Gives::Of(|_, _| Ok(crate::types::map(DataType::Utf8, DataType::Utf8))),
        build::str_to_map,
    )
    .optional(2),
    entry(
        "map_keys",
        "MAP_KEYS(map)",
        "the keys as an ARRAY",
        &[Takes::Map],
        Gives::Of(|types, _| access::map_part(&types[0], 0)),
        |call| access::keys_or_values(call, 0),
    ),
    entry(
        "map_values",
        "MAP_VALUES(map)",
        "the values as an ARRAY",
        &[Takes::Map],
        Gives::Of(|types, _| access::map_part(&types[0], 1)),
        |call| access::keys_or_values(call, 1),
    ),
    checked(
        "array_contains",
        "ARRAY_CONTAINS(array, value)",
        "true if the array has the value",
        Arguments::Checked(array_and_value),
        Gives::Boolean,
        access::contains,
    ),
    checked(
        "array_position",
        "ARRAY_POSITION(array, value)",
        "first place of the value; 0 = not found",
        Arguments::Checked(array_and_value),
        Gives::Int,
        access::position,
    ),
    checked(
        "array_remove",
        "ARRAY_REMOVE(array, value)",
        "without the value",
        Arguments::Checked(array_and_value),
        Gives::First,
        change::remove,
    ),
    checked(
        "array_append",
        "ARRAY_APPEND(array, value)",
        "with the value at the end",
        Arguments::Checked(array_and_value),
        Gives::First,
        |call| change::extend(call, false),
    ),
    checked(
        "array_prepend",
        "ARRAY_PREPEND(array, value)",
        "with the value at the start",
        Arguments::Checked(array_and_value),
        Gives::First,
        |call| change::extend(call, true),
    ),
    checked(
        "array_concat",
        "ARRAY_CONCAT(array, ...)",
        "the elements of all arrays",
        Arguments::Checked(arrays),
        Gives::First,
        change::concat,
    ),
    entry(
        "array_distinct",
        "ARRAY_DISTINCT(array)",
        "each element once",
        &[Takes::Array],
        Gives::First,
        change::distinct,
    ),
    entry(
        "array_reverse",
        "ARRAY_REVERSE(array)",
        "elements in reverse order",
        &[Takes::Array],
        Gives::First,
        change::reverse,
    ),
    entry(
        "array_slice",
        "ARRAY_SLICE(array, start[, end])",
        "from start to end; negative counts from the end",
        &[Takes::Array, Takes::Int, Takes::Int],
        Gives::First,
        change::slice,
    )
    .optional(1),
    checked(
        "array_union",
        "ARRAY_UNION(array, array)",
        "elements of either, each once",
        Arguments::Checked(two_arrays),
        Gives::First,
        |call| change::combine(call, change::Set::Union),
    ),
    checked(
        "array_intersect",
        "ARRAY_INTERSECT(array, array)",
        "elements of both, each once",
        Arguments::Checked(two_arrays),
        Gives::First,
        |call| change::combine(call, change::Set::Intersect),
    ),
    checked(
        "array_except",
        "ARRAY_EXCEPT(array, array)",
        "elements of the first that are not in the second, each once",
        Arguments::Checked(two_arrays),
        Gives::First,
        |call| change::combine(call, change::Set::Except),
    ),
    entry(
        "array_sort",
        "ARRAY_SORT(array[, ascending])",
        "sorted; NULLs first, or last if descending",
        &[Takes::Array, Takes::Any],
        Gives::First,
        order::sort,
    )
    .optional(1),
    entry(
        "array_max",
        "ARRAY_MAX(array)",
        "the greatest element that is not NULL",
        &[Takes::Array],
        Gives::Of(|types, _| Ok(access::item_type(&types[0]))),
        |call| order::extreme(call, std::cmp::Ordering::Greater),
    ),
    entry(
        "array_min",
        "ARRAY_MIN(array)",
        "the least element that is not NULL",
        &[Takes::Array],
        Gives::Of(|types, _| Ok(access::item_type(&types[0]))),
        |call| order::extreme(call, std::cmp::Ordering::Less),
    ),
    checked(
        "array_join",
        "ARRAY_JOIN(array, separator[, null])",
        "the elements as one text; NULLs left out or written as null",
        Arguments::Checked(order::join_arguments),
        Gives::Text,
        order::join,
    ),
];

/// An array and a value of its elements' type.
fn array_and_value(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let [DataType::List(item), value] = types else { return Err("it takes an ARRAY and a value".into()) };
    let common = common_type(&[item.data_type().clone(), value.clone()])?;
    Ok(vec![crate::types::array(common.clone()), common])
}

/// Arrays of one type.
fn arrays(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let all = types.iter().all(|own| matches!(own, DataType::List(_) | DataType::Null));
    match common_type(types)? {
        common @ DataType::List(_) if all => Ok(vec![common; types.len()]),
        _ => Err("it takes ARRAYs".into()),
    }
}

/// Two arrays of one type.
fn two_arrays(types: &[DataType]) -> Result<Vec<DataType>, String> {
    if types.len() == 2 { arrays(types) } else { Err("it takes two ARRAYs".into()) }
}

/// An array of arrays picked from `values`: the elements at `indexes` (`None` = NULL), `ends[row]` of them up
/// to and with each row.
struct Picked {
    indexes: Vec<Option<u32>>,
    ends: Vec<i32>,
    valid: Vec<bool>,
}

impl Picked {
    fn new(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Picked { indexes: vec![], ends, valid: Vec::with_capacity(rows) }
    }

    fn end_row(&mut self, valid: bool) -> Result<()> {
        let Ok(end) = i32::try_from(self.indexes.len()) else {
            return exec_err!("the arrays of one batch have more than 2^31 elements");
        };
        self.ends.push(end);
        self.valid.push(valid);
        Ok(())
    }

    fn finish(self, values: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
        let DataType::List(item) = result else { return exec_err!("{result} is not an array") };
        let values = take(values, &UInt32Array::from(self.indexes), None)?;
        let nulls = Some(NullBuffer::from(self.valid)).filter(|nulls| nulls.null_count() > 0);
        let offsets = OffsetBuffer::new(self.ends.into());
        Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?))
    }
}

/// The elements of one row of an array of arrays.
fn elements_of(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    list.value_offsets()[row] as usize..list.value_offsets()[row + 1] as usize
}

/// True where both are NULL or both are the same value.
fn same(left: &ArrayRef, right: &ArrayRef) -> Result<BooleanArray> {
    if left.data_type() == &DataType::Null {
        return Ok(BooleanArray::from(vec![true; left.len()]));
    }
    if !left.data_type().is_nested() {
        return Ok(arrow::compute::kernels::cmp::not_distinct(left, right)?);
    }
    let compare = arrow::array::make_comparator(left, right, Default::default())?;
    Ok((0..left.len()).map(|row| Some(compare(row, row).is_eq())).collect())
}

/// For each element of `list`: true if it is the value (an array of one value per row) of its row.
fn matches(list: &ListArray, value: &ArrayRef) -> Result<BooleanArray> {
    let mut rows = Vec::with_capacity(list.values().len());
    let mut indexes = Vec::with_capacity(list.values().len());
    for row in 0..list.len() {
        for index in elements_of(list, row) {
            rows.push(row as u32);
            indexes.push(index as u32);
        }
    }
    let of_rows = take(value, &UInt32Array::from(rows), None)?;
    let elements = take(list.values(), &UInt32Array::from(indexes), None)?;
    same(&elements, &of_rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int32Array;

    #[test]
    fn null_is_the_same_as_null() {
        let left: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, None]));
        let right: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
        let same: Vec<_> = same(&left, &right).unwrap().iter().collect();
        assert_eq!(same, [Some(true), Some(true), Some(false)]);
    }
}
