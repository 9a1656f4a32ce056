//! Texts to values. Spaces around numbers and booleans do not count.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, Int64Builder, PrimitiveBuilder, StringArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use datafusion_common::{Result, exec_err};

use super::OnFailure;
use super::number::Decimal;
use crate::function::call::from_ticks;
use crate::function::time::civil::Scale;
use crate::function::time::read;
use crate::types::sql_name;

pub(super) fn cast(array: &ArrayRef, to: &DataType, failure: OnFailure) -> Result<ArrayRef> {
    let texts = array.as_string::<i32>();
    macro_rules! whole {
        ($type:ty) => {
            parsed::<$type>(texts, to, failure, |text| whole(text)?.try_into().ok())
        };
    }
    match to {
        DataType::Boolean => {
            let mut out = BooleanBuilder::with_capacity(texts.len());
            each(texts, to, failure, boolean, |value| out.append_option(value))?;
            Ok(Arc::new(out.finish()))
        }
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => parsed::<Int64Type>(texts, to, failure, whole),
        DataType::Float32 => parsed::<Float32Type>(texts, to, failure, float),
        DataType::Float64 => parsed::<Float64Type>(texts, to, failure, double),
        DataType::Decimal128(precision, scale) => {
            let target = Decimal { precision: *precision, scale: *scale };
            let mut out =
                PrimitiveBuilder::<Decimal128Type>::with_capacity(texts.len()).with_data_type(to.clone());
            let read = |text: &str| decimal(text.trim_matches([' ', '\n', '\t']), target);
            each(texts, to, failure, read, |value| out.append_option(value))?;
            Ok(Arc::new(out.finish()))
        }
        DataType::Date32 => ticks(texts, to, failure, read::date),
        DataType::Time32(_) => ticks(texts, to, failure, read::time),
        DataType::Timestamp(..) => {
            let scale = Scale::of(to)?;
            ticks(texts, to, failure, |text| {
                let (days, nanos) = read::timestamp(text)?;
                scale.join(days, nanos)
            })
        }
        other => exec_err!("a STRING cannot be cast to {}", sql_name(other)),
    }
}

/// Reads each text; what cannot be read is an error or NULL.
fn each<T>(
    texts: &StringArray,
    to: &DataType,
    failure: OnFailure,
    read: impl Fn(&str) -> Option<T>,
    mut push: impl FnMut(Option<T>),
) -> Result<()> {
    for text in texts {
        let value = text.and_then(&read);
        if value.is_none()
            && failure == OnFailure::Fail
            && let Some(text) = text
        {
            return exec_err!("'{text}' cannot be cast to {}", sql_name(to));
        }
        push(value);
    }
    Ok(())
}

fn parsed<T: ArrowPrimitiveType>(
    texts: &StringArray,
    to: &DataType,
    failure: OnFailure,
    read: impl Fn(&str) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let mut out = PrimitiveBuilder::<T>::with_capacity(texts.len());
    each(texts, to, failure, read, |value| out.append_option(value))?;
    Ok(Arc::new(out.finish()))
}

fn ticks(
    texts: &StringArray,
    to: &DataType,
    failure: OnFailure,
    read: impl Fn(&str) -> Option<i64>,
) -> Result<ArrayRef> {
    let mut out = Int64Builder::with_capacity(texts.len());
    each(texts, to, failure, read, |value| out.append_option(value))?;
    from_ticks(Arc::new(out.finish()), to)
}

fn boolean(text: &str) -> Option<bool> {
    let text = text.trim_matches(' ');
    let is = |names: [&str; 5]| names.iter().any(|name| name.eq_ignore_ascii_case(text));
    if is(["t", "true", "y", "yes", "1"]) {
        return Some(true);
    }
    is(["f", "false", "n", "no", "0"]).then_some(false)
}

/// A whole number; a fraction is cut off.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim_matches(' ');
    let (number, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(digits) || !only_digits(fraction) || (digits.is_empty() && fraction.is_empty()) {
        return None;
    }
    if digits.is_empty() { Some(0) } else { number.parse().ok() }
}

/// A floating-point number as Java writes and reads it.
pub(in crate::function) fn double(text: &str) -> Option<f64> {
    java_float(text).and_then(|text| text.parse().ok())
}

fn float(text: &str) -> Option<f32> {
    java_float(text).and_then(|text| text.parse().ok())
}

/// The text without what Java allows and Rust does not; `None` = Rust would read what Java does not.
fn java_float(text: &str) -> Option<&str> {
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "NaN" || unsigned == "Infinity" {
        return Some(text);
    }
    let text =
        if unsigned.len() > 1 { text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text) } else { text };
    unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.').then_some(text)
}

/// A decimal, rounded half up to the scale; `None` = no number, or too many digits.
pub(super) fn decimal(text: &str, target: Decimal) -> Option<i128> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Digits to keep: all before the point, `scale` behind it, moved by the exponent.
    let kept = whole.len() as i64 + exponent as i64 + target.scale as i64;
    let (mut value, mut seen, mut round_up) = (0u128, 0i64, false);
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        let digit = (byte - b'0') as u128;
        if seen < kept {
            value = value.saturating_mul(10).saturating_add(digit);
        } else if seen == kept {
            round_up = digit >= 5;
        }
        seen += 1;
    }
    let missing = (kept - seen).max(0);
    for _ in 0..missing.min(39) {
        value = value.saturating_mul(10);
    }
    value = value.saturating_add(round_up as u128);
    if value >= target.limit() as u128 {
        return None;
    }
    Some(if negative { -(value as i128) } else { value as i128 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_round_half_up() {
        let target = Decimal { precision: 5, scale: 2 };
        let cases = [
            ("1.005", Some(101)),
            ("-1.005", Some(-101)),
            ("1.0049", Some(100)),
            ("1e2", Some(10_000)),
            ("12345e-3", Some(1_235)),
            ("999.994", Some(99_999)),
            ("999.995", None),
            ("1e300", None),
            ("1e-300", Some(0)),
            ("0.005", Some(1)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("x", None),
            ("1e", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text, target), expected, "{text}");
        }
    }

    #[test]
    fn rusts_own_spellings_of_floats_are_not_java() {
        for text in ["inf", "nan", "infinity", "", "+", "1_000", "0x10", "d"] {
            assert_eq!(double(text), None, "{text}");
        }
        for (text, value) in
            [("1", 1.0), (" 1.5d ", 1.5), ("1e3", 1e3), (".5", 0.5), ("-Infinity", f64::NEG_INFINITY)]
        {
            assert_eq!(double(text), Some(value), "{text}");
        }
    }
}
