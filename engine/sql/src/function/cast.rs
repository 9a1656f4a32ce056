//! CAST and TRY_CAST where Flink's meaning differs from Arrow's.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, Decimal128Array, PrimitiveArray,
    StringBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit,
};
use chrono::Timelike;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::failed;
use super::text_form::{parse_date, parse_time, parse_timestamp, write};
use crate::types::sql_name;

/// True if `CAST(from AS to)` must go through [`cast_udf`].
pub fn needs_flink_cast(from: &DataType, to: &DataType) -> bool {
    use DataType::{Boolean, Decimal128, Float32, Float64, Utf8};
    match (from, to) {
        (DataType::Null, _) => false,
        (a, b) if a == b => false,
        (Utf8, _) | (_, Utf8) => true,
        (a, b) if a.is_integer() && b.is_integer() => true,
        (Float32 | Float64 | Decimal128(..), b) if b.is_integer() => true,
        (a, Decimal128(..)) if a.is_numeric() => true,
        (a, Boolean) if a.is_numeric() => true,
        (Boolean, b) if b.is_numeric() => true,
        _ => false,
    }
}

/// The function that casts to `target`; `try_`: what cannot be cast becomes NULL.
pub fn cast_udf(target: &DataType, try_: bool) -> Arc<ScalarUDF> {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(FlinkCast { target: target.clone(), try_, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FlinkCast {
    target: DataType,
    try_: bool,
    signature: Signature,
}

impl ScalarUDFImpl for FlinkCast {
    fn name(&self) -> &str {
        if self.try_ { "try_cast" } else { "cast" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &args.args[0] {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(self.cast(array)?)),
            ColumnarValue::Scalar(value) => {
                let cast = self.cast(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?))
            }
        }
    }
}

impl FlinkCast {
    fn cast(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let from = values.data_type();
        match (from, &self.target) {
            (_, DataType::Utf8) => self.write_text(values),
            (DataType::Utf8, _) => self.parse_text(values),
            (_, DataType::Boolean) => {
                let numbers = cast(values, &DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                Ok(Arc::new(BooleanArray::from_iter(numbers.iter().map(|own| own.map(|own| own != 0.0)))))
            }
            (_, DataType::Decimal128(precision, scale)) => decimal(values, *precision, *scale),
            (DataType::Boolean, other) => Ok(cast(&cast(values, &DataType::Int8)?, other)?),
            (_, DataType::Int8) => whole::<Int8Type>(values, |own| own as i8, |own| own as i32 as i8),
            (_, DataType::Int16) => whole::<Int16Type>(values, |own| own as i16, |own| own as i32 as i16),
            (_, DataType::Int32) => whole::<Int32Type>(values, |own| own as i32, |own| own as i32),
            (_, DataType::Int64) => whole::<Int64Type>(values, |own| own, |own| own as i64),
            (from, to) => failed(format!("CAST of {} to {}", sql_name(from), sql_name(to))),
        }
    }

    fn write_text(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(values.len(), values.len() * 12);
        let mut text = String::new();
        for row in 0..values.len() {
            if values.is_null(row) {
                builder.append_null();
                continue;
            }
            text.clear();
            if !write(values.as_ref(), row, &mut text) {
                return failed(format!("{} has no text form", sql_name(values.data_type())));
            }
            builder.append_value(&text);
        }
        Ok(Arc::new(builder.finish()))
    }

    fn parse_text(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let texts = values.as_string::<i32>();
        match &self.target {
            DataType::Boolean => {
                let values = (0..texts.len()).map(|row| self.read(texts, row, boolean));
                Ok(Arc::new(BooleanArray::from(values.collect::<Result<Vec<_>>>()?)))
            }
            DataType::Int8 => self.numbers::<Int8Type>(texts, |own| integer(own)?.try_into().ok()),
            DataType::Int16 => self.numbers::<Int16Type>(texts, |own| integer(own)?.try_into().ok()),
            DataType::Int32 => self.numbers::<Int32Type>(texts, |own| integer(own)?.try_into().ok()),
            DataType::Int64 => self.numbers::<Int64Type>(texts, integer),
            DataType::Float32 => self.numbers::<Float32Type>(texts, |own| own.trim().parse().ok()),
            DataType::Float64 => self.numbers::<Float64Type>(texts, |own| own.trim().parse().ok()),
            DataType::Decimal128(precision, scale) => {
                let values = (0..texts.len())
                    .map(|row| self.read(texts, row, |own| decimal_text(own.trim(), *precision, *scale)));
                // Too many digits are NULL, as Flink has it; no number at all is an error.
                let values = values.map(|own| own.map(Option::flatten)).collect::<Result<Vec<_>>>()?;
                Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(*precision, *scale)?))
            }
            DataType::Date32 => self.numbers::<Date32Type>(texts, |own| {
                let date = parse_timestamp(own).map(|time| time.date()).or_else(|| parse_date(own));
                date.map(Date32Type::from_naive_date)
            }),
            DataType::Time32(TimeUnit::Millisecond) => self.numbers::<Time32MillisecondType>(texts, |own| {
                let time = parse_time(own).or_else(|| parse_timestamp(own).map(|time| time.time()))?;
                Some((time.num_seconds_from_midnight() * 1000 + time.nanosecond() / 1_000_000) as i32)
            }),
            DataType::Timestamp(_, zone) => {
                let micros = self.numbers::<arrow::datatypes::TimestampMicrosecondType>(texts, |own| {
                    Some(parse_timestamp(own)?.and_utc().timestamp_micros())
                })?;
                let micros = micros.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone();
                Ok(cast(&micros.with_timezone_opt(zone.clone()), &self.target)?)
            }
            DataType::Binary => {
                let bytes =
                    (0..texts.len()).map(|row| texts.is_valid(row).then(|| texts.value(row).as_bytes()));
                Ok(Arc::new(BinaryArray::from_iter(bytes)))
            }
            other => failed(format!("CAST of STRING to {}", sql_name(other))),
        }
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        texts: &arrow::array::StringArray,
        parse: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let values = (0..texts.len()).map(|row| self.read(texts, row, &parse)).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(PrimitiveArray::<T>::from_iter(values)))
    }

    fn read<V>(
        &self,
        texts: &arrow::array::StringArray,
        row: usize,
        parse: impl Fn(&str) -> Option<V>,
    ) -> Result<Option<V>> {
        if texts.is_null(row) {
            return Ok(None);
        }
        let text = texts.value(row);
        match parse(text) {
            Some(value) => Ok(Some(value)),
            None if self.try_ => Ok(None),
            None => failed(format!("CAST: '{text}' is not {}; TRY_CAST gives NULL", sql_name(&self.target))),
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number; a fraction is cut, as Flink's CAST of STRING does.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    whole.parse().ok()
}

/// `Some(None)`: a number of too many digits.
fn decimal_text(text: &str, precision: u8, scale: i8) -> Option<Option<i128>> {
    text.parse::<f64>().ok().filter(|own| own.is_finite())?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: Vec<i128> =
        whole.bytes().chain(fraction.bytes()).map(|byte| i128::from(byte - b'0')).collect();
    let kept = whole.len() as i64 + exponent + i64::from(scale);
    let mut value = 0i128;
    for position in 0..kept.max(0) {
        let digit = digits.get(position as usize).copied().unwrap_or(0);
        value = match value.checked_mul(10).and_then(|own| own.checked_add(digit)) {
            Some(value) => value,
            None => return Some(None),
        };
        if position as usize >= digits.len() && value == 0 {
            break;
        }
    }
    let next = usize::try_from(kept).ok().and_then(|own| digits.get(own).copied()).unwrap_or(0);
    value += i128::from(next >= 5);
    let fits = value < 10i128.pow(u32::from(precision));
    Some(fits.then_some(if negative { -value } else { value }))
}

/// To a whole number as Java casts: fractions are cut, `long` wraps, `double` saturates.
fn whole<T: ArrowPrimitiveType>(
    values: &ArrayRef,
    from_long: fn(i64) -> T::Native,
    from_double: fn(f64) -> T::Native,
) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Float32 | DataType::Float64 => {
            let values = cast(values, &DataType::Float64)?;
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, T>(from_double))
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10i128.pow(u32::from(scale.unsigned_abs()));
            let cut = |own: i128| from_long((own / unit) as i64);
            Arc::new(values.as_primitive::<Decimal128Type>().unary::<_, T>(cut))
        }
        _ => {
            let values = cast(values, &DataType::Int64)?;
            Arc::new(values.as_primitive::<Int64Type>().unary::<_, T>(from_long))
        }
    })
}

/// To a decimal, rounded half up; what has too many digits becomes NULL.
fn decimal(values: &ArrayRef, precision: u8, scale: i8) -> Result<ArrayRef> {
    let most = 10i128.pow(u32::from(precision));
    let fitting = |value: Option<i128>| value.filter(|own| own.abs() < most);
    let made: Decimal128Array = match values.data_type() {
        DataType::Float32 | DataType::Float64 => {
            // The digits that the number prints are the ones that count.
            let text = |row: usize| match values.data_type() {
                DataType::Float32 => values.as_primitive::<Float32Type>().value(row).to_string(),
                _ => values.as_primitive::<Float64Type>().value(row).to_string(),
            };
            let read = |row: usize| {
                values.is_valid(row).then(|| decimal_text(&text(row), precision, scale).flatten()).flatten()
            };
            (0..values.len()).map(read).collect()
        }
        DataType::Decimal128(_, from) => {
            let shift = i32::from(scale) - i32::from(*from);
            let unit = 10i128.pow(shift.unsigned_abs());
            let scaled = |own: i128| match shift {
                0.. => own.checked_mul(unit),
                _ => Some((own + unit / 2 * own.signum()) / unit),
            };
            let values = values.as_primitive::<Decimal128Type>();
            values.iter().map(|own| fitting(own.and_then(scaled))).collect()
        }
        _ => {
            let unit = 10i128.pow(u32::from(scale.unsigned_abs()));
            let longs = cast(values, &DataType::Int64)?;
            let longs = longs.as_primitive::<Int64Type>();
            longs.iter().map(|own| fitting(own.and_then(|own| i128::from(own).checked_mul(unit)))).collect()
        }
    };
    Ok(Arc::new(made.with_precision_and_scale(precision, scale)?))
}
