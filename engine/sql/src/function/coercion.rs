//! Implicit casts of arguments: what a function takes, and the type that several values have in common.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

/// A kind of argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// STRING.
    Text,
    /// BYTES.
    Bytes,
    /// STRING or BYTES.
    TextOrBytes,
    /// A whole number that fits INT.
    Int,
    /// A whole number.
    Bigint,
    /// Any number, as DOUBLE.
    Double,
    /// Any number, as it is.
    Number,
    /// A whole number or a text, as it is.
    IntOrText,
    /// DATE, TIME, TIMESTAMP, TIMESTAMP_LTZ.
    Time,
    /// ARRAY.
    Array,
    /// MAP.
    Map,
    /// Anything.
    Any,
}

impl Takes {
    /// The type to which a value of `own` type is cast, or `None` if it cannot be.
    pub fn coerce(self, own: &DataType) -> Option<DataType> {
        use DataType::{
            Binary, BinaryView, Date32, Float64, Int32, Int64, LargeBinary, LargeUtf8, List, Null, Time32,
            Timestamp, Utf8, Utf8View,
        };
        let text = matches!(own, Utf8 | LargeUtf8 | Utf8View);
        let bytes = matches!(own, Binary | LargeBinary | BinaryView);
        let null = *own == Null;
        match self {
            Takes::Text => (text || null).then_some(Utf8),
            Takes::Bytes => (bytes || null).then_some(Binary),
            Takes::TextOrBytes => (text || null).then_some(Utf8).or(bytes.then_some(Binary)),
            Takes::Int => (own.is_signed_integer() || null).then_some(Int32),
            Takes::Bigint => (own.is_signed_integer() || null).then_some(Int64),
            Takes::Double => (own.is_numeric() || null).then_some(Float64),
            Takes::Number => own.is_numeric().then(|| own.clone()).or(null.then_some(Int32)),
            Takes::IntOrText => (text || null).then_some(Utf8).or(own.is_signed_integer().then_some(Int64)),
            Takes::Time => match own {
                Date32 | Time32(TimeUnit::Millisecond) | Timestamp(..) => Some(own.clone()),
                Null => Some(Timestamp(TimeUnit::Millisecond, None)),
                _ => None,
            },
            Takes::Array => match own {
                List(_) => Some(own.clone()),
                Null => Some(crate::types::array(Null)),
                _ => None,
            },
            Takes::Map => matches!(own, DataType::Map(..)).then(|| own.clone()),
            Takes::Any => Some(own.clone()),
        }
    }

    /// How the kind is called in messages.
    pub fn shown(self) -> &'static str {
        match self {
            Takes::Text => "a STRING",
            Takes::Bytes => "BYTES",
            Takes::TextOrBytes => "a STRING or BYTES",
            Takes::Int => "an INT",
            Takes::Bigint => "a BIGINT",
            Takes::Double | Takes::Number => "a number",
            Takes::IntOrText => "a whole number or a STRING",
            Takes::Time => "a DATE, TIME or TIMESTAMP",
            Takes::Array => "an ARRAY",
            Takes::Map => "a MAP",
            Takes::Any => "a value",
        }
    }
}

/// The type to which values of these types are cast to be compared or to stand in one column.
pub fn common_type(types: &[DataType]) -> Result<DataType, String> {
    let mut common = DataType::Null;
    for own in types {
        common = pair(&common, own).ok_or_else(|| {
            let (a, b) = (crate::types::sql_name(&common), crate::types::sql_name(own));
            format!("{a} and {b} have no type in common")
        })?;
    }
    Ok(common)
}

fn pair(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Date32, LargeUtf8, List, Map, Null, Struct, Timestamp, Utf8, Utf8View};
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (Null, other) | (other, Null) => Some(other.clone()),
        (a, b) if a.is_numeric() && b.is_numeric() => number_pair(a, b),
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View) => Some(Utf8),
        (Timestamp(u, z), Timestamp(v, y)) => Some(Timestamp(finer(u, v), z.clone().or(y.clone()))),
        (Date32, Timestamp(u, z)) | (Timestamp(u, z), Date32) => Some(Timestamp(*u, z.clone())),
        (List(x), List(y)) => pair(x.data_type(), y.data_type()).map(crate::types::array),
        (Struct(x), Struct(y)) if x.len() == y.len() => {
            let fields = x.iter().zip(y).map(|(x, y)| {
                pair(x.data_type(), y.data_type()).map(|common| Arc::new(Field::new(x.name(), common, true)))
            });
            fields.collect::<Option<Vec<_>>>().map(|fields| Struct(fields.into()))
        }
        (Map(x, _), Map(y, _)) => match (x.data_type(), y.data_type()) {
            (Struct(x), Struct(y)) if x.len() == 2 && y.len() == 2 => {
                let key = pair(x[0].data_type(), y[0].data_type())?;
                Some(crate::types::map(key, pair(x[1].data_type(), y[1].data_type())?))
            }
            _ => None,
        },
        _ => None,
    }
}

fn finer(a: &TimeUnit, b: &TimeUnit) -> TimeUnit {
    if *a as usize > *b as usize { *a } else { *b }
}

fn number_pair(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType::{Decimal128, Float32, Float64};
    match (a, b) {
        (Float64, _) | (_, Float64) => Some(Float64),
        (Float32, Decimal128(..)) | (Decimal128(..), Float32) => Some(Float64),
        (Float32, _) | (_, Float32) => Some(Float32),
        (a, b) if a.is_signed_integer() && b.is_signed_integer() => {
            Some(if a.primitive_width() >= b.primitive_width() { a.clone() } else { b.clone() })
        }
        (a, b) => {
            let ((p, s), (q, t)) = (exact(a)?, exact(b)?);
            let scale = s.max(t);
            let whole = (p - s).max(q - t);
            Some(Decimal128((whole + scale).min(38) as u8, scale as i8))
        }
    }
}

/// Precision and scale of a number that is exact.
pub(super) fn exact(data_type: &DataType) -> Option<(i32, i32)> {
    match data_type {
        DataType::Int8 => Some((3, 0)),
        DataType::Int16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::Decimal128(precision, scale) => Some((*precision as i32, *scale as i32)),
        _ => None,
    }
}
