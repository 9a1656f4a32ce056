//! A column with its type known: what encoders read values from, without asking the type at each row.

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, StringArray, Time32MillisecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use millrace_plan::{Error, Result};

use super::json;
use super::scalar::Instant;

/// A column to write.
pub(super) enum Cells<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Utf8(&'a StringArray),
    Binary(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time32MillisecondArray),
    Timestamp {
        ticks: &'a [i64],
        unit: TimeUnit,
        local_zone: bool,
        array: &'a dyn Array,
    },
    List {
        array: &'a dyn Array,
        ends: &'a [i32],
        items: Box<Cells<'a>>,
    },
    Struct {
        array: &'a dyn Array,
        keys: Vec<Vec<u8>>,
        fields: Vec<Cells<'a>>,
    },
    Map {
        array: &'a dyn Array,
        ends: &'a [i32],
        keys: Box<Cells<'a>>,
        items: Box<Cells<'a>>,
    },
    /// A column of NULLs without a type.
    Null,
}

impl<'a> Cells<'a> {
    /// The cells of a column. `Err` for types that SQL has no name for.
    pub(super) fn new(array: &'a dyn Array) -> Result<Cells<'a>> {
        let timestamp = |ticks, unit, zone: &Option<_>| Cells::Timestamp {
            ticks,
            unit,
            local_zone: zone.is_some(),
            array,
        };
        Ok(match array.data_type() {
            DataType::Null => Cells::Null,
            DataType::Boolean => Cells::Boolean(array.as_boolean()),
            DataType::Int8 => Cells::Int8(array.as_primitive::<Int8Type>()),
            DataType::Int16 => Cells::Int16(array.as_primitive::<Int16Type>()),
            DataType::Int32 => Cells::Int32(array.as_primitive::<Int32Type>()),
            DataType::Int64 => Cells::Int64(array.as_primitive::<Int64Type>()),
            DataType::Float32 => Cells::Float32(array.as_primitive::<Float32Type>()),
            DataType::Float64 => Cells::Float64(array.as_primitive::<Float64Type>()),
            DataType::Decimal128(_, scale) => Cells::Decimal(array.as_primitive::<Decimal128Type>(), *scale),
            DataType::Utf8 => Cells::Utf8(array.as_string::<i32>()),
            DataType::Binary => Cells::Binary(array.as_binary::<i32>()),
            DataType::Date32 => Cells::Date(array.as_primitive::<Date32Type>()),
            DataType::Time32(TimeUnit::Millisecond) => {
                Cells::Time(array.as_primitive::<Time32MillisecondType>())
            }
            DataType::Timestamp(unit, zone) => {
                let ticks: &[i64] = match unit {
                    TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
                    TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
                    TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
                    TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
                };
                timestamp(ticks, *unit, zone)
            }
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Cells::List {
                    array,
                    ends: list.value_offsets(),
                    items: Box::new(Cells::new(list.values().as_ref())?),
                }
            }
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns().iter().map(|own| Cells::new(own.as_ref()));
                Cells::Struct {
                    array,
                    keys: json::object_keys(fields),
                    fields: columns.collect::<Result<_>>()?,
                }
            }
            DataType::Map(_, _) => {
                let map = array.as_map();
                Cells::Map {
                    array,
                    ends: map.value_offsets(),
                    keys: Box::new(Cells::new(map.keys().as_ref())?),
                    items: Box::new(Cells::new(map.values().as_ref())?),
                }
            }
            other => {
                return Err(Error::query(format!("{other} has no text form"))
                    .hint("cast the column to STRING, or use the format 'arrow' or 'parquet'"));
            }
        })
    }

    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Cells::Boolean(own) => own.is_null(row),
            Cells::Int8(own) => own.is_null(row),
            Cells::Int16(own) => own.is_null(row),
            Cells::Int32(own) => own.is_null(row),
            Cells::Int64(own) => own.is_null(row),
            Cells::Float32(own) => own.is_null(row),
            Cells::Float64(own) => own.is_null(row),
            Cells::Decimal(own, _) => own.is_null(row),
            Cells::Utf8(own) => own.is_null(row),
            Cells::Binary(own) => own.is_null(row),
            Cells::Date(own) => own.is_null(row),
            Cells::Time(own) => own.is_null(row),
            Cells::Timestamp { array, .. }
            | Cells::List { array, .. }
            | Cells::Struct { array, .. }
            | Cells::Map { array, .. } => array.is_null(row),
            Cells::Null => true,
        }
    }
}

/// The items of row `row` of a list or map.
pub(super) fn range(ends: &[i32], row: usize) -> std::ops::Range<usize> {
    ends[row] as usize..ends[row + 1] as usize
}

/// A count of `unit` as a point in time.
pub(super) fn instant(ticks: i64, unit: TimeUnit) -> Instant {
    let (per_second, nanos) = match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    (ticks.div_euclid(per_second), (ticks.rem_euclid(per_second) * nanos) as u32)
}

/// Seconds and nanoseconds of a time of day in milliseconds.
pub(super) fn time_of_day(millis: i32) -> (u32, u32) {
    let millis = millis.rem_euclid(86_400_000) as u32;
    (millis / 1000, millis % 1000 * 1_000_000)
}
