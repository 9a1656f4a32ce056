//! Flink's type names and their Arrow types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use datafusion_sql::sqlparser::ast::{self, ExactNumberInfo, TimezoneInfo};
use millrace_plan::{Error, Result};

/// TIMESTAMP(precision): the unit that holds it in 64 bits.
pub fn timestamp(precision: u64, local_zone: bool) -> Result<DataType> {
    let unit = match precision {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        7..=9 => TimeUnit::Nanosecond,
        _ => {
            return Err(Error::query(format!("TIMESTAMP({precision}) is too precise"))
                .hint("the precision is 0 to 9"));
        }
    };
    Ok(DataType::Timestamp(unit, local_zone.then(|| "UTC".into())))
}

/// DECIMAL(precision, scale).
pub fn decimal(precision: u64, scale: i64) -> Result<DataType> {
    if !(1..=38).contains(&precision) || scale < 0 || scale > precision as i64 {
        return Err(Error::query(format!("DECIMAL({precision}, {scale}) does not exist"))
            .hint("the precision is 1 to 38, the scale 0 to the precision"));
    }
    Ok(DataType::Decimal128(precision as u8, scale as i8))
}

/// ARRAY of `element`.
pub fn array(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// MAP from `key` to `value`.
pub fn map(key: DataType, value: DataType) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

/// TIME of any precision.
pub fn time() -> DataType {
    DataType::Time32(TimeUnit::Millisecond)
}

/// INTERVAL of any unit.
pub fn interval() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

/// The Arrow type of a type in an expression (`CAST(x AS ...)`).
pub fn type_of_ast(sql_type: &ast::DataType) -> Result<DataType> {
    use ast::DataType as Sql;
    let exact = |info: &ExactNumberInfo| match info {
        ExactNumberInfo::None => decimal(10, 0),
        ExactNumberInfo::Precision(precision) => decimal(*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => decimal(*precision, *scale),
    };
    Ok(match sql_type {
        Sql::Boolean | Sql::Bool => DataType::Boolean,
        Sql::TinyInt(_) => DataType::Int8,
        Sql::SmallInt(_) => DataType::Int16,
        Sql::Int(_) | Sql::Integer(_) => DataType::Int32,
        Sql::BigInt(_) => DataType::Int64,
        Sql::Float(_) | Sql::Real => DataType::Float32,
        Sql::Double(_) | Sql::DoublePrecision => DataType::Float64,
        Sql::Decimal(info) | Sql::Dec(info) | Sql::Numeric(info) => exact(info)?,
        Sql::String(_) | Sql::Varchar(_) | Sql::Char(_) | Sql::Character(_) | Sql::Text => DataType::Utf8,
        Sql::Bytes(_) | Sql::Binary(_) | Sql::Varbinary(_) => DataType::Binary,
        Sql::Date => DataType::Date32,
        Sql::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => time(),
        Sql::Timestamp(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            timestamp(precision.unwrap_or(6), false)?
        }
        Sql::Interval { .. } => interval(),
        Sql::Array(ast::ArrayElemTypeDef::AngleBracket(element))
        | Sql::Array(ast::ArrayElemTypeDef::SquareBracket(element, _))
        | Sql::Array(ast::ArrayElemTypeDef::Parenthesis(element)) => array(type_of_ast(element)?),
        Sql::Map(key, value) => map(type_of_ast(key)?, type_of_ast(value)?),
        Sql::Custom(name, arguments) if name.to_string().eq_ignore_ascii_case("TIMESTAMP_LTZ") => {
            let precision = match arguments.first() {
                None => 6,
                Some(text) => {
                    text.parse().map_err(|_| Error::query(format!("TIMESTAMP_LTZ({text}) does not exist")))?
                }
            };
            timestamp(precision, true)?
        }
        other => {
            return Err(Error::query(format!("unknown type {other}"))
                .hint("Flink's types are BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p, s), STRING, BYTES, DATE, TIME, TIMESTAMP(p), TIMESTAMP_LTZ(p), INTERVAL, ARRAY<t>, MAP<k, v>, ROW<...>"));
        }
    })
}

/// How long the values of a CHAR(n), VARCHAR(n), BINARY(n) or VARBINARY(n) are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Length {
    /// Characters or bytes, at most.
    pub most: usize,
    /// Shorter values are padded: CHAR and BINARY.
    pub pad: bool,
}

/// The length that a type in an expression demands. Without one a VARCHAR or VARBINARY has any, a CHAR or BINARY 1.
pub fn length_of_ast(sql_type: &ast::DataType) -> Option<Length> {
    use ast::{BinaryLength, CharacterLength, DataType as Sql};
    let of_text = |own: &Option<CharacterLength>| match own {
        Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
        Some(CharacterLength::Max) | None => None,
    };
    let of_bytes = |own: &Option<BinaryLength>| match own {
        Some(BinaryLength::IntegerLength { length }) => Some(*length),
        Some(BinaryLength::Max) | None => None,
    };
    let (most, pad) = match sql_type {
        Sql::Char(own) | Sql::Character(own) => (Some(of_text(own).unwrap_or(1)), true),
        Sql::Varchar(own) => (of_text(own), false),
        Sql::Binary(own) => (Some(own.unwrap_or(1)), true),
        Sql::Varbinary(own) => (of_bytes(own), false),
        _ => return None,
    };
    Some(Length { most: usize::try_from(most?).unwrap_or(usize::MAX), pad })
}

/// Flink's name of an Arrow type.
pub fn sql_name(data_type: &DataType) -> String {
    let precision = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    };
    match data_type {
        DataType::Null => "NULL".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "FLOAT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Decimal128(precision, scale) => format!("DECIMAL({precision}, {scale})"),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "STRING".into(),
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "BYTES".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Time32(_) | DataType::Time64(_) => "TIME".into(),
        DataType::Timestamp(unit, None) => format!("TIMESTAMP({})", precision(unit)),
        DataType::Timestamp(unit, Some(_)) => format!("TIMESTAMP_LTZ({})", precision(unit)),
        DataType::Interval(_) | DataType::Duration(_) => "INTERVAL".into(),
        DataType::List(item) => format!("ARRAY<{}>", sql_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{} {}", field.name(), sql_name(field.data_type())))
                .collect();
            format!("ROW<{}>", fields.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("MAP<{}, {}>", sql_name(fields[0].data_type()), sql_name(fields[1].data_type()))
            }
            _ => "MAP".into(),
        },
        other => other.to_string(),
    }
}
