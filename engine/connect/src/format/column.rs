//! Growing columns: what decoders of text append to. A row that turns out bad is taken back by truncating.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, ListArray, MapArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Field, FieldRef, Fields, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use millrace_plan::{Error, Result};

use super::scalar;

/// Why a value does not fit its column; `None` = its type.
pub(super) type Fault = String;

/// A growing column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) values: Values,
    /// `None` while there is no NULL.
    valid: Option<Vec<bool>>,
    len: usize,
    pub(super) field: FieldRef,
}

/// The values, by type.
#[derive(Debug)]
pub(super) enum Values {
    Boolean(Vec<bool>),
    Int8(Vec<i8>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>, u8, i8),
    Utf8 { ends: Vec<i32>, bytes: Vec<u8> },
    Binary { ends: Vec<i32>, bytes: Vec<u8> },
    Date(Vec<i32>),
    Time(Vec<i32>),
    Timestamp(Vec<i64>, TimeUnit),
    List { ends: Vec<i32>, items: Box<Column> },
    Struct(Vec<Column>),
    Map { ends: Vec<i32>, keys: Box<Column>, items: Box<Column> },
}

impl Column {
    /// An empty column. `Err`: no text format has values of this type.
    pub(super) fn new(field: &FieldRef) -> Result<Column> {
        let values = match field.data_type() {
            DataType::Boolean => Values::Boolean(vec![]),
            DataType::Int8 => Values::Int8(vec![]),
            DataType::Int16 => Values::Int16(vec![]),
            DataType::Int32 => Values::Int32(vec![]),
            DataType::Int64 => Values::Int64(vec![]),
            DataType::Float32 => Values::Float32(vec![]),
            DataType::Float64 => Values::Float64(vec![]),
            DataType::Decimal128(precision, scale) => Values::Decimal(vec![], *precision, *scale),
            DataType::Utf8 => Values::Utf8 { ends: vec![0], bytes: vec![] },
            DataType::Binary => Values::Binary { ends: vec![0], bytes: vec![] },
            DataType::Date32 => Values::Date(vec![]),
            DataType::Time32(TimeUnit::Millisecond) => Values::Time(vec![]),
            DataType::Timestamp(unit, _) => Values::Timestamp(vec![], *unit),
            DataType::List(item) => Values::List { ends: vec![0], items: Box::new(Column::new(item)?) },
            DataType::Struct(fields) => {
                Values::Struct(fields.iter().map(Column::new).collect::<Result<_>>()?)
            }
            DataType::Map(entry, _) => match entry.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Values::Map {
                    ends: vec![0],
                    keys: Box::new(Column::new(&fields[0])?),
                    items: Box::new(Column::new(&fields[1])?),
                },
                other => return Err(Error::bug(format!("a MAP of {other}"))),
            },
            other => {
                return Err(Error::query(format!("column `{}`: {other} has no text form", field.name()))
                    .hint("declare it as another type, or use the format 'arrow' or 'parquet'"));
            }
        };
        Ok(Column { values, valid: None, len: 0, field: field.clone() })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// True if the last value is NULL.
    pub(super) fn ends_with_null(&self) -> bool {
        self.valid.as_ref().and_then(|own| own.last()).is_some_and(|valid| !valid)
    }

    /// What the column holds, as SQL names it in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match &self.values {
            Values::Boolean(_) => "BOOLEAN",
            Values::Int8(_) => "TINYINT",
            Values::Int16(_) => "SMALLINT",
            Values::Int32(_) => "INT",
            Values::Int64(_) => "BIGINT",
            Values::Float32(_) => "FLOAT",
            Values::Float64(_) => "DOUBLE",
            Values::Decimal(..) => "DECIMAL",
            Values::Utf8 { .. } => "STRING",
            Values::Binary { .. } => "BYTES",
            Values::Date(_) => "DATE",
            Values::Time(_) => "TIME",
            Values::Timestamp(..) => "TIMESTAMP",
            Values::List { .. } => "ARRAY",
            Values::Struct(_) => "ROW",
            Values::Map { .. } => "MAP",
        }
    }

    /// Counts a value that was pushed into `values`.
    pub(super) fn pushed(&mut self) {
        self.len += 1;
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
    }

    /// Appends NULL. `Err` if the column is NOT NULL.
    pub(super) fn push_null(&mut self) -> Result<(), Fault> {
        if !self.field.is_nullable() {
            return Err("NULL in a NOT NULL column".into());
        }
        self.push_empty();
        Ok(())
    }

    fn push_empty(&mut self) {
        self.valid.get_or_insert_with(|| vec![true; self.len]).push(false);
        self.len += 1;
        match &mut self.values {
            Values::Boolean(own) => own.push(false),
            Values::Int8(own) => own.push(0),
            Values::Int16(own) => own.push(0),
            Values::Int32(own) | Values::Date(own) | Values::Time(own) => own.push(0),
            Values::Int64(own) | Values::Timestamp(own, _) => own.push(0),
            Values::Float32(own) => own.push(0.0),
            Values::Float64(own) => own.push(0.0),
            Values::Decimal(own, ..) => own.push(0),
            Values::Utf8 { ends, .. }
            | Values::Binary { ends, .. }
            | Values::List { ends, .. }
            | Values::Map { ends, .. } => ends.push(*ends.last().unwrap_or(&0)),
            // Under a NULL row there is nothing, whatever its fields promise.
            Values::Struct(fields) => fields.iter_mut().for_each(Column::push_empty),
        }
    }

    /// Keeps the first `len` values.
    pub(super) fn truncate(&mut self, len: usize) {
        if self.len <= len {
            // A nested value may have been pushed in part.
            if let Values::Struct(fields) = &mut self.values {
                fields.iter_mut().for_each(|field| field.truncate(len));
            }
        }
        self.len = self.len.min(len);
        if let Some(valid) = &mut self.valid {
            valid.truncate(len);
        }
        let cut = |ends: &mut Vec<i32>| {
            ends.truncate(len + 1);
            *ends.last().unwrap_or(&0) as usize
        };
        match &mut self.values {
            Values::Boolean(own) => own.truncate(len),
            Values::Int8(own) => own.truncate(len),
            Values::Int16(own) => own.truncate(len),
            Values::Int32(own) | Values::Date(own) | Values::Time(own) => own.truncate(len),
            Values::Int64(own) | Values::Timestamp(own, _) => own.truncate(len),
            Values::Float32(own) => own.truncate(len),
            Values::Float64(own) => own.truncate(len),
            Values::Decimal(own, ..) => own.truncate(len),
            Values::Utf8 { ends, bytes } | Values::Binary { ends, bytes } => bytes.truncate(cut(ends)),
            Values::List { ends, items } => items.truncate(cut(ends)),
            Values::Struct(fields) => fields.iter_mut().for_each(|field| field.truncate(len)),
            Values::Map { ends, keys, items } => {
                let end = cut(ends);
                keys.truncate(end);
                items.truncate(end);
            }
        }
    }

    /// Appends a value from its text, white space around it ignored except in STRING. For types that have
    /// one text form; nested ones do not.
    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), Fault> {
        let trimmed = text.trim_ascii();
        let fits = match &mut self.values {
            Values::Utf8 { ends, bytes } => {
                bytes.extend_from_slice(text);
                ends.push(bytes.len() as i32);
                true
            }
            Values::Binary { ends, bytes } => {
                let decoded = scalar::base64(trimmed, bytes);
                ends.push(bytes.len() as i32);
                decoded
            }
            Values::Boolean(own) => push(own, boolean(trimmed)),
            Values::Int8(own) => push(own, lexical_core::parse(trimmed).ok()),
            Values::Int16(own) => push(own, lexical_core::parse(trimmed).ok()),
            Values::Int32(own) => push(own, lexical_core::parse(trimmed).ok()),
            Values::Int64(own) => push(own, lexical_core::parse(trimmed).ok()),
            Values::Float32(own) => push(own, lexical_core::parse(java_float(trimmed)).ok()),
            Values::Float64(own) => push(own, lexical_core::parse(java_float(trimmed)).ok()),
            Values::Decimal(own, precision, scale) => push(own, scalar::decimal(trimmed, *precision, *scale)),
            Values::Date(own) => push(own, scalar::date(trimmed)),
            Values::Time(own) => push(own, scalar::time(trimmed)),
            Values::Timestamp(own, unit) => {
                push(own, scalar::timestamp(trimmed).and_then(|at| in_unit(at, *unit)))
            }
            Values::List { .. } | Values::Struct(_) | Values::Map { .. } => false,
        };
        if !fits {
            const SHOWN_BYTES: usize = 100;
            let shown = String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES)]);
            return Err(format!("expected {}, found {shown:?}", self.type_name()));
        }
        self.pushed();
        Ok(())
    }

    /// The column as an array, and an empty one in its place.
    pub(super) fn take(&mut self) -> Result<ArrayRef> {
        let empty = Column::new(&self.field)?;
        std::mem::replace(self, empty).finish()
    }

    fn finish(self) -> Result<ArrayRef> {
        let len = self.len;
        let nulls = self.valid.map(|valid| NullBuffer::new(BooleanBuffer::from_iter(valid)));
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("finishing a column: {error}"));
        fn primitive<T: ArrowPrimitiveType>(
            own: Vec<T::Native>,
            nulls: Option<NullBuffer>,
        ) -> PrimitiveArray<T> {
            PrimitiveArray::new(ScalarBuffer::from(own), nulls)
        }
        fn offsets(ends: Vec<i32>) -> OffsetBuffer<i32> {
            OffsetBuffer::new(ScalarBuffer::from(ends))
        }
        let zone = match self.field.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        let array: ArrayRef = match self.values {
            Values::Boolean(own) => Arc::new(BooleanArray::new(BooleanBuffer::from_iter(own), nulls)),
            Values::Int8(own) => Arc::new(primitive::<Int8Type>(own, nulls)),
            Values::Int16(own) => Arc::new(primitive::<Int16Type>(own, nulls)),
            Values::Int32(own) => Arc::new(primitive::<Int32Type>(own, nulls)),
            Values::Int64(own) => Arc::new(primitive::<Int64Type>(own, nulls)),
            Values::Float32(own) => Arc::new(primitive::<Float32Type>(own, nulls)),
            Values::Float64(own) => Arc::new(primitive::<Float64Type>(own, nulls)),
            Values::Date(own) => Arc::new(primitive::<Date32Type>(own, nulls)),
            Values::Time(own) => Arc::new(primitive::<Time32MillisecondType>(own, nulls)),
            Values::Decimal(own, precision, scale) => Arc::new(
                primitive::<Decimal128Type>(own, nulls)
                    .with_precision_and_scale(precision, scale)
                    .map_err(bug)?,
            ),
            Values::Timestamp(own, unit) => timestamps(own, unit, nulls, zone),
            Values::Utf8 { ends, bytes } => {
                Arc::new(StringArray::try_new(offsets(ends), Buffer::from_vec(bytes), nulls).map_err(bug)?)
            }
            Values::Binary { ends, bytes } => {
                Arc::new(BinaryArray::try_new(offsets(ends), Buffer::from_vec(bytes), nulls).map_err(bug)?)
            }
            Values::List { ends, items } => {
                let field = items.field.clone();
                Arc::new(ListArray::try_new(field, offsets(ends), items.finish()?, nulls).map_err(bug)?)
            }
            Values::Struct(columns) => {
                let fields: Fields = columns.iter().map(|own| own.field.clone()).collect();
                let arrays = columns.into_iter().map(Column::finish).collect::<Result<Vec<_>>>()?;
                Arc::new(StructArray::try_new_with_length(fields, arrays, nulls, len).map_err(bug)?)
            }
            Values::Map { ends, keys, items } => {
                let fields: Fields = [keys.field.clone(), items.field.clone()].into_iter().collect();
                let entries =
                    StructArray::try_new(fields.clone(), vec![keys.finish()?, items.finish()?], None);
                let entry = match self.field.data_type() {
                    DataType::Map(entry, _) => entry.clone(),
                    _ => Arc::new(Field::new("entries", DataType::Struct(fields), false)),
                };
                Arc::new(
                    MapArray::try_new(entry, offsets(ends), entries.map_err(bug)?, nulls, false)
                        .map_err(bug)?,
                )
            }
        };
        Ok(array)
    }
}

fn primitive<T: ArrowPrimitiveType>(own: Vec<T::Native>, nulls: Option<NullBuffer>) -> PrimitiveArray<T> {
    PrimitiveArray::new(ScalarBuffer::from(own), nulls)
}

fn timestamps(own: Vec<i64>, unit: TimeUnit, nulls: Option<NullBuffer>, zone: Option<Arc<str>>) -> ArrayRef {
    match unit {
        TimeUnit::Second => Arc::new(primitive::<TimestampSecondType>(own, nulls).with_timezone_opt(zone)),
        TimeUnit::Millisecond => {
            Arc::new(primitive::<TimestampMillisecondType>(own, nulls).with_timezone_opt(zone))
        }
        TimeUnit::Microsecond => {
            Arc::new(primitive::<TimestampMicrosecondType>(own, nulls).with_timezone_opt(zone))
        }
        TimeUnit::Nanosecond => {
            Arc::new(primitive::<TimestampNanosecondType>(own, nulls).with_timezone_opt(zone))
        }
    }
}

/// Pushes the value, or nothing: the caller takes the row back.
fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            values.push(value);
            true
        }
        None => false,
    }
}

fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case(b"true") => Some(true),
        _ if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// Java's names of the values that are no numbers, as the parser knows them.
fn java_float(text: &[u8]) -> &[u8] {
    match text {
        b"Infinity" | b"+Infinity" => b"inf",
        b"-Infinity" => b"-inf",
        other => other,
    }
}

/// A point in time counted in `unit`; finer digits are cut.
pub(super) fn in_unit((seconds, nanos): scalar::Instant, unit: TimeUnit) -> Option<i64> {
    let (per_second, nanos_each) = match unit {
        TimeUnit::Second => (1, 1_000_000_000),
        TimeUnit::Millisecond => (1000, 1_000_000),
        TimeUnit::Microsecond => (1_000_000, 1000),
        TimeUnit::Nanosecond => (1_000_000_000, 1),
    };
    seconds.checked_mul(per_second)?.checked_add(i64::from(nanos) / nanos_each)
}
