//! Functions of ARRAY, MAP and ROW.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, MapArray, StructArray, UInt32Array,
    make_comparator, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{SortOptions, cast, interleave, is_not_null, take};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::{Result, ScalarValue};

use super::Parameter::{Any, Text};
use super::arguments::Arguments;
use super::{Entry, Returns, failed};

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "array",
        aliases: &[],
        signature: "ARRAY[value, ...]",
        about: "an ARRAY of these values",
        takes: &[Any],
        needs: 1,
        repeats: true,
        returns: Returns::Of(|types, _| Ok(list_of(types[0].clone()))),
        evaluate: |args, result| {
            let columns = (0..args.count()).map(|own| args.array(own)).collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(lists(&columns, item_type(result)?, args.rows())?))
        },
        examples: &[("CARDINALITY(ARRAY[1, 2, 3])", "3")],
    },
    Entry {
        name: "map",
        aliases: &[],
        signature: "MAP[key, value, ...]",
        about: "a MAP of these keys and values",
        takes: &[Any],
        needs: 2,
        repeats: true,
        returns: Returns::Of(|types, _| match types {
            [key, value, ..] if types.len() % 2 == 0 => Ok(map_of(key.clone(), value.clone())),
            _ => failed("MAP takes keys and values in turn"),
        }),
        evaluate: map,
        examples: &[("MAP['a', 1, 'b', 2]['b']", "2"), ("CARDINALITY(MAP['a', 1])", "1")],
    },
    Entry {
        name: "get_field",
        aliases: &[],
        signature: "row.field",
        about: "a field of a ROW",
        takes: &[Any, Text],
        needs: 2,
        repeats: false,
        returns: Returns::Of(|types, constants| match (&types[0], constants.get(1)) {
            (DataType::Struct(fields), Some(Some(ScalarValue::Utf8(Some(name))))) => {
                match fields.find(name) {
                    Some((_, field)) => Ok(field.data_type().clone()),
                    None => failed(format!("the ROW has no field `{name}`")),
                }
            }
            (other, _) => failed(format!("{} is not a ROW", crate::types::sql_name(other))),
        }),
        evaluate: |args, _| {
            let (rows, name) = (args.array(0)?, args.texts(1)?);
            match (rows.as_struct_opt(), name.get(0)) {
                (Some(rows), Some(name)) => match rows.column_by_name(name) {
                    Some(column) => Ok(under(column, rows.nulls())?),
                    None => failed(format!("the ROW has no field {name}")),
                },
                _ => failed(format!("{} is not a ROW", rows.data_type())),
            }
        },
        examples: &[],
    },
    Entry {
        name: "item",
        aliases: &[],
        signature: "array[index], map[key]",
        about: "an item of an ARRAY, counted from 1, or the value of a key; NULL if there is none",
        takes: &[Any, Any],
        needs: 2,
        repeats: false,
        returns: Returns::Of(|types, _| match &types[0] {
            DataType::List(item) => Ok(item.data_type().clone()),
            DataType::Map(entry, _) => Ok(entry_types(entry)?.1),
            other => failed(format!("{other} is neither an ARRAY nor a MAP")),
        }),
        evaluate: item,
        examples: &[("ARRAY['a', 'b'][2]", "b"), ("ARRAY['a'][2]", "NULL")],
    },
    Entry {
        name: "cardinality",
        aliases: &[],
        signature: "CARDINALITY(array or map)",
        about: "number of items",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Int32),
        evaluate: |args, _| {
            let values = args.array(0)?;
            let ends = ends(&values)?;
            args.build_ints(|row| Ok(values.is_valid(row).then(|| ends[row + 1] - ends[row])))
        },
        examples: &[("CARDINALITY(ARRAY['a', 'b'])", "2")],
    },
    Entry {
        name: "array_contains",
        aliases: &[],
        signature: "ARRAY_CONTAINS(array, value)",
        about: "true if the value is among the items",
        takes: &[Any, Any],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| {
            let found = positions(args)?;
            Ok(Arc::new(found.into_iter().map(|own| own.map(|own| own > 0)).collect::<BooleanArray>()))
        },
        examples: &[("ARRAY_CONTAINS(ARRAY[1, 2], 2)", "true"), ("ARRAY_CONTAINS(ARRAY[1, 2], 3)", "false")],
    },
    Entry {
        name: "array_position",
        aliases: &[],
        signature: "ARRAY_POSITION(array, value)",
        about: "where the value is among the items, from 1; 0 if nowhere",
        takes: &[Any, Any],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Int32),
        evaluate: |args, _| Ok(Arc::new(Int32Array::from(positions(args)?))),
        examples: &[("ARRAY_POSITION(ARRAY['a', 'b'], 'b')", "2"), ("ARRAY_POSITION(ARRAY['a'], 'x')", "0")],
    },
    Entry {
        name: "map_keys",
        aliases: &[],
        signature: "MAP_KEYS(map)",
        about: "the keys, as ARRAY",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|types, _| Ok(list_of(map_types(&types[0])?.0))),
        evaluate: |args, result| half_of_map(args, result, 0),
        examples: &[("MAP_KEYS(MAP['a', 1])[1]", "a")],
    },
    Entry {
        name: "map_values",
        aliases: &[],
        signature: "MAP_VALUES(map)",
        about: "the values, as ARRAY",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|types, _| Ok(list_of(map_types(&types[0])?.1))),
        evaluate: |args, result| half_of_map(args, result, 1),
        examples: &[("MAP_VALUES(MAP['a', 1])[1]", "1")],
    },
];

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

fn map_of(key: DataType, value: DataType) -> DataType {
    let fields = Fields::from(vec![Field::new("key", key, false), Field::new("value", value, true)]);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields), false)), false)
}

fn entry_types(entry: &Field) -> Result<(DataType, DataType)> {
    match entry.data_type() {
        DataType::Struct(fields) if fields.len() == 2 => {
            Ok((fields[0].data_type().clone(), fields[1].data_type().clone()))
        }
        other => failed(format!("a MAP of {other}")),
    }
}

fn map_types(data_type: &DataType) -> Result<(DataType, DataType)> {
    match data_type {
        DataType::Map(entry, _) => entry_types(entry),
        other => failed(format!("{other} is not a MAP")),
    }
}

fn item_type(list: &DataType) -> Result<&DataType> {
    match list {
        DataType::List(item) => Ok(item.data_type()),
        other => failed(format!("{other} is not an ARRAY")),
    }
}

/// A field with NULL where its row is NULL.
fn under(column: &ArrayRef, nulls: Option<&NullBuffer>) -> Result<ArrayRef> {
    match nulls {
        None => Ok(column.clone()),
        Some(nulls) => {
            let null = BooleanArray::new(!nulls.inner(), None);
            Ok(arrow::compute::nullif(column, &null)?)
        }
    }
}

/// Row by row, the values of the columns one after the other.
fn interleaved(columns: &[ArrayRef], item: &DataType, rows: usize) -> Result<ArrayRef> {
    let columns = columns.iter().map(|own| cast(own, item)).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<&dyn Array> = columns.iter().map(|own| own.as_ref()).collect();
    let places: Vec<(usize, usize)> =
        (0..rows).flat_map(|row| (0..parts.len()).map(move |column| (column, row))).collect();
    Ok(interleave(&parts, &places)?)
}

fn lists(columns: &[ArrayRef], item: &DataType, rows: usize) -> Result<ListArray> {
    let items = interleaved(columns, item, rows)?;
    let ends = OffsetBuffer::from_repeated_length(columns.len(), rows);
    Ok(ListArray::try_new(Arc::new(Field::new("item", item.clone(), true)), ends, items, None)?)
}

fn map(args: &Arguments, result: &DataType) -> Result<ArrayRef> {
    let DataType::Map(entry, _) = result else { return failed(format!("{result} is not a MAP")) };
    let DataType::Struct(fields) = entry.data_type() else { return failed("a MAP without entries") };
    let (key, value) = entry_types(entry)?;
    let column = |start: usize| {
        (start..args.count()).step_by(2).map(|own| args.array(own)).collect::<Result<Vec<_>>>()
    };
    let keys = interleaved(&column(0)?, &key, args.rows())?;
    let values = interleaved(&column(1)?, &value, args.rows())?;
    // A MAP with a NULL key is NULL: Arrow has no such keys.
    let width = args.count() / 2;
    let nulls = (keys.null_count() > 0).then(|| {
        NullBuffer::from_iter(
            (0..args.rows()).map(|row| (0..width).all(|own| keys.is_valid(row * width + own))),
        )
    });
    let keys = match nulls {
        None => keys,
        Some(_) => zip(&is_not_null(&keys)?, &keys, &ScalarValue::new_default(&key)?.to_scalar()?)?,
    };
    let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
    let ends = OffsetBuffer::from_repeated_length(width, args.rows());
    Ok(Arc::new(MapArray::try_new(entry.clone(), ends, entries, nulls, false)?))
}

fn ends(values: &ArrayRef) -> Result<&[i32]> {
    match values.data_type() {
        DataType::List(_) => Ok(values.as_list::<i32>().value_offsets()),
        DataType::Map(..) => Ok(values.as_map().value_offsets()),
        other => failed(format!("{other} is neither an ARRAY nor a MAP")),
    }
}

fn item(args: &Arguments, result: &DataType) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let (ends, key) = (ends(&values)?, args.array(1)?);
    let (items, places): (ArrayRef, Vec<Option<u32>>) = match values.data_type() {
        DataType::List(_) => {
            let index = cast(&key, &DataType::Int32)?;
            let index = index.as_primitive::<arrow::datatypes::Int32Type>();
            let place = |row: usize| {
                let inside = values.is_valid(row) && index.is_valid(row);
                let place = index.value(row);
                (inside && place >= 1 && place <= ends[row + 1] - ends[row])
                    .then(|| (ends[row] + place - 1) as u32)
            };
            (values.as_list::<i32>().values().clone(), (0..args.rows()).map(place).collect())
        }
        _ => {
            let map = values.as_map();
            let key = cast(&key, map.keys().data_type())?;
            let compare = make_comparator(map.keys(), &key, SortOptions::default())?;
            let place = |row: usize| {
                let mut places = ends[row] as usize..ends[row + 1] as usize;
                let inside = values.is_valid(row) && key.is_valid(row);
                inside
                    .then(|| places.rfind(|place| compare(*place, row).is_eq()))
                    .flatten()
                    .map(|own| own as u32)
            };
            (map.values().clone(), (0..args.rows()).map(place).collect())
        }
    };
    if items.is_empty() {
        return Ok(new_null_array(result, args.rows()));
    }
    Ok(take(&items, &UInt32Array::from(places), None)?)
}

/// Where the value of the second argument is in the array of the first.
fn positions(args: &Arguments) -> Result<Vec<Option<i32>>> {
    let values = args.array(0)?;
    let Some(list) = values.as_list_opt::<i32>() else {
        return failed(format!("{} is not an ARRAY", values.data_type()));
    };
    let wanted = cast(&args.array(1)?, list.values().data_type())?;
    let compare = make_comparator(list.values(), &wanted, SortOptions::default())?;
    let ends = list.value_offsets();
    let place = |row: usize| {
        let mut places = ends[row] as usize..ends[row + 1] as usize;
        let found = places.position(|place| compare(place, row).is_eq());
        list.is_valid(row).then(|| found.map_or(0, |own| own as i32 + 1))
    };
    Ok((0..args.rows()).map(place).collect())
}

fn half_of_map(args: &Arguments, result: &DataType, half: usize) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let Some(map) = values.as_map_opt() else {
        return failed(format!("{} is not a MAP", values.data_type()));
    };
    let field = Arc::new(Field::new("item", item_type(result)?.clone(), true));
    let items = map.entries().column(half).clone();
    Ok(Arc::new(ListArray::try_new(field, map.offsets().clone(), items, map.nulls().cloned())?))
}
