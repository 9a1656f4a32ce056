//! ROUND and TRUNCATE at a decimal place. DOUBLEs are rounded as the decimal number that they print as, so
//! ROUND(1.005, 2) is 1.01.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion_common::{Result, ScalarValue, exec_err};

use crate::function::call::Call;

/// Where a number between two goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// To the nearer; from the middle away from zero.
    HalfUp,
    /// Toward zero.
    Down,
}

/// A literal number of digits narrows a DECIMAL: DECIMAL(p, s) becomes DECIMAL(1 + p - s + digits, digits).
pub(super) fn rounded_type(types: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let DataType::Decimal128(precision, scale) = types[0] else { return Ok(types[0].clone()) };
    let digits = match (types.len(), literals.get(1)) {
        (1, _) => 0,
        (_, Some(Some(ScalarValue::Int32(Some(digits))))) => *digits,
        (_, Some(Some(ScalarValue::Int64(Some(digits))))) => *digits as i32,
        _ => return Ok(types[0].clone()),
    };
    let (precision, scale) = (precision as i32, scale as i32);
    if digits >= scale {
        return Ok(types[0].clone());
    }
    let digits = digits.max(0);
    Ok(DataType::Decimal128((1 + precision - scale + digits).min(38) as u8, digits as i8))
}

pub(super) fn round(call: &Call, mode: Mode) -> Result<ArrayRef> {
    let digits = if call.has(1) { Some(call.number::<Int32Type>(1)?) } else { None };
    let digits = |row: usize| digits.as_ref().map_or(Some(0), |digits| digits.get(row));
    macro_rules! whole_numbers {
        ($type:ty, $native:ty) => {{
            let x = call.number::<$type>(0)?;
            call.numbers::<$type>(|row| {
                let (Some(x), Some(digits)) = (x.get(row), digits(row)) else { return Ok(None) };
                match <$native>::try_from(at_place(x as i128, 0, digits, mode)) {
                    Ok(rounded) => Ok(Some(rounded)),
                    Err(_) => exec_err!("{x} rounded at {digits} digits is out of its type's range"),
                }
            })
        }};
    }
    match call.array(0).data_type() {
        DataType::Int8 => whole_numbers!(Int8Type, i8),
        DataType::Int16 => whole_numbers!(Int16Type, i16),
        DataType::Int32 => whole_numbers!(Int32Type, i32),
        DataType::Int64 => whole_numbers!(Int64Type, i64),
        DataType::Float32 => {
            let x = call.number::<Float32Type>(0)?;
            let mut text = String::new();
            call.numbers::<Float32Type>(|row| {
                let pair = x.get(row).zip(digits(row));
                Ok(pair.map(|(x, digits)| double_at_place(x as f64, digits, mode, &mut text) as f32))
            })
        }
        DataType::Float64 => {
            let x = call.number::<Float64Type>(0)?;
            let mut text = String::new();
            call.numbers::<Float64Type>(|row| {
                let pair = x.get(row).zip(digits(row));
                Ok(pair.map(|(x, digits)| double_at_place(x, digits, mode, &mut text)))
            })
        }
        DataType::Decimal128(_, scale) => decimals(call, *scale as i32, digits, mode),
        other => exec_err!("{other} is not a number of the dialect"),
    }
}

fn decimals(call: &Call, scale: i32, digits: impl Fn(usize) -> Option<i32>, mode: Mode) -> Result<ArrayRef> {
    let DataType::Decimal128(precision, new_scale) = *call.result else {
        return exec_err!("a decimal rounds to a decimal");
    };
    let narrower = 10i128.pow((scale - new_scale as i32).max(0) as u32);
    let limit = 10i128.pow(precision as u32);
    let x = call.number::<Decimal128Type>(0)?;
    call.numbers::<Decimal128Type>(|row| {
        let pair = x.get(row).zip(digits(row));
        let rounded = pair.map(|(x, digits)| at_place(x, scale, digits, mode) / narrower);
        Ok(rounded.filter(|rounded| rounded.abs() < limit))
    })
}

/// `x`, which has `scale` digits after the point, rounded at `digits` digits after the point.
fn at_place(x: i128, scale: i32, digits: i32, mode: Mode) -> i128 {
    let dropped = scale as i64 - digits as i64;
    if dropped <= 0 {
        return x;
    }
    if dropped > 38 {
        return 0;
    }
    let unit = 10i128.pow(dropped as u32);
    let (quotient, rest) = (x / unit, x % unit);
    let away = mode == Mode::HalfUp && rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2);
    let quotient = if away { quotient + x.signum() } else { quotient };
    quotient.saturating_mul(unit)
}

/// `x` rounded at `digits` digits after the point. `text` is room for its digits.
fn double_at_place(x: f64, digits: i32, mode: Mode, text: &mut String) -> f64 {
    const EXACT_POWER: i32 = 22;
    const EXACT_WHOLE: f64 = 9_007_199_254_740_992.0;
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    if (0..=EXACT_POWER).contains(&digits) {
        // The quotient of two exactly held numbers is the double nearest to the decimal number.
        let power = 10f64.powi(digits);
        let shifted = x * power;
        let (fraction, unsure) = (shifted.fract().abs(), 1e-6);
        let doubtful = match mode {
            Mode::HalfUp => (fraction - 0.5).abs() < unsure,
            Mode::Down => fraction < unsure || fraction > 1.0 - unsure,
        };
        if shifted.abs() < EXACT_WHOLE / 1e4 && !doubtful {
            let whole = if mode == Mode::HalfUp { shifted.round() } else { shifted.trunc() };
            return whole / power;
        }
    }
    by_digits(x, digits, mode, text)
}

/// The slow, exact way: by the shortest decimal number that stands for `x`.
fn by_digits(x: f64, digits: i32, mode: Mode, text: &mut String) -> f64 {
    use std::fmt::Write;
    text.clear();
    if write!(text, "{:e}", x.abs()).is_err() {
        return x;
    }
    let Some((mantissa, exponent)) = text.split_once('e') else { return x };
    let Ok(exponent) = exponent.parse::<i32>() else { return x };
    let mut coefficient: i128 = 0;
    let mut scale = -exponent;
    for digit in mantissa.bytes().filter(u8::is_ascii_digit) {
        coefficient = coefficient * 10 + (digit - b'0') as i128;
    }
    scale += mantissa.len().saturating_sub(2) as i32;
    if scale <= digits {
        return x;
    }
    let rounded = at_place(coefficient, scale, digits, mode);
    text.clear();
    if write!(text, "{rounded}e{}", -scale).is_err() {
        return x;
    }
    text.parse::<f64>().map_or(x, |rounded| rounded.copysign(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_round_as_they_print() {
        let cases = [
            (1.005, 2, 1.01),
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (0.285, 2, 0.29),
            (1.0e300, 2, 1.0e300),
            (123456.789, -2, 123500.0),
            (49.9, -2, 0.0),
            (50.0, -2, 100.0),
            (1e-320, 3, 0.0),
            (47.97, 1, 48.0),
        ];
        let mut text = String::new();
        for (x, digits, rounded) in cases {
            assert_eq!(double_at_place(x, digits, Mode::HalfUp, &mut text), rounded, "{x} at {digits}");
        }
        assert_eq!(double_at_place(0.29, 2, Mode::Down, &mut text), 0.29);
        assert_eq!(double_at_place(4.35, 2, Mode::Down, &mut text), 4.35);
        assert_eq!(double_at_place(-1.999, 2, Mode::Down, &mut text), -1.99);
    }

    proptest::proptest! {
        #[test]
        fn the_fast_way_agrees_with_the_exact_way(x in -1e9f64..1e9, digits in 0i32..8) {
            let mut text = String::new();
            for mode in [Mode::HalfUp, Mode::Down] {
                let fast = double_at_place(x, digits, mode, &mut text);
                let exact = by_digits(x, digits, mode, &mut text);
                proptest::prop_assert_eq!(fast, exact);
            }
        }
    }
}
