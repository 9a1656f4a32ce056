//! Between numbers, and between numbers and booleans.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use datafusion_common::{Result, exec_err};

use super::OnFailure;
use super::from_text::decimal;
use crate::types::sql_name;

/// A DECIMAL type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    pub precision: u8,
    pub scale: i8,
}

impl Decimal {
    /// The least number of units that does not fit.
    pub fn limit(self) -> i128 {
        10i128.pow(self.precision as u32)
    }

    fn fits(self, value: i128) -> Option<i128> {
        (value.unsigned_abs() < self.limit().unsigned_abs()).then_some(value)
    }
}

pub(super) fn cast(array: &ArrayRef, to: &DataType, failure: OnFailure) -> Result<ArrayRef> {
    use DataType::{Boolean, Decimal128, Float32, Float64};
    match (array.data_type(), to) {
        (Boolean, to) => {
            let bits = array.as_boolean();
            let whole: ArrayRef =
                Arc::new(bits.iter().map(|bit| bit.map(i64::from)).collect::<PrimitiveArray<Int64Type>>());
            cast(&whole, to, failure)
        }
        (_, Boolean) => non_zero(array),
        (Decimal128(_, scale), to) => {
            let from = array.as_primitive::<Decimal128Type>();
            from_decimal(from, *scale, to)
        }
        (Float32 | Float64, Decimal128(precision, scale)) => {
            let target = Decimal { precision: *precision, scale: *scale };
            from_double(array, to, target, failure)
        }
        (Float32 | Float64, to) => double_to(array, to),
        (_, Decimal128(precision, scale)) => {
            let target = Decimal { precision: *precision, scale: *scale };
            let factor = 10i128.pow(*scale as u32);
            let whole = arrow::compute::cast(array, &DataType::Int64)?;
            let scaled = whole.as_primitive::<Int64Type>().unary_opt::<_, Decimal128Type>(|value| {
                (value as i128).checked_mul(factor).and_then(|value| target.fits(value))
            });
            Ok(Arc::new(scaled.with_data_type(to.clone())))
        }
        (_, Float32 | Float64) => Ok(arrow::compute::cast(array, to)?),
        (_, to) => narrow(&arrow::compute::cast(array, &DataType::Int64)?, to),
    }
}

fn non_zero(array: &ArrayRef) -> Result<ArrayRef> {
    macro_rules! non_zero {
        ($type:ty, $zero:expr) => {
            BooleanArray::from_unary(array.as_primitive::<$type>(), |value| value != $zero)
        };
    }
    Ok(Arc::new(match array.data_type() {
        DataType::Int8 => non_zero!(Int8Type, 0),
        DataType::Int16 => non_zero!(Int16Type, 0),
        DataType::Int32 => non_zero!(Int32Type, 0),
        DataType::Int64 => non_zero!(Int64Type, 0),
        DataType::Float32 => non_zero!(Float32Type, 0.0),
        DataType::Float64 => non_zero!(Float64Type, 0.0),
        DataType::Decimal128(..) => non_zero!(Decimal128Type, 0),
        other => return exec_err!("{other} cannot be cast to BOOLEAN"),
    }))
}

fn map<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &PrimitiveArray<F>,
    of: impl Fn(F::Native) -> T::Native,
) -> Result<ArrayRef> {
    Ok(Arc::new(array.unary::<_, T>(of)))
}

/// BIGINTs to a narrower type: the low bits.
fn narrow(whole: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let own = whole.as_primitive::<Int64Type>();
    match to {
        DataType::Int8 => map::<_, Int8Type>(own, |value| value as i8),
        DataType::Int16 => map::<_, Int16Type>(own, |value| value as i16),
        DataType::Int32 => map::<_, Int32Type>(own, |value| value as i32),
        DataType::Int64 => Ok(whole.clone()),
        other => exec_err!("a whole number cannot be cast to {}", sql_name(other)),
    }
}

/// Toward zero and saturating; narrower than INT by way of INT.
fn double_to(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let wide = arrow::compute::cast(array, &DataType::Float64)?;
    let own = wide.as_primitive::<Float64Type>();
    match to {
        DataType::Int8 => map::<_, Int8Type>(own, |value| value as i32 as i8),
        DataType::Int16 => map::<_, Int16Type>(own, |value| value as i32 as i16),
        DataType::Int32 => map::<_, Int32Type>(own, |value| value as i32),
        DataType::Int64 => map::<_, Int64Type>(own, |value| value as i64),
        DataType::Float32 => map::<_, Float32Type>(own, |value| value as f32),
        DataType::Float64 => Ok(wide),
        other => exec_err!("a DOUBLE cannot be cast to {}", sql_name(other)),
    }
}

fn from_decimal(array: &PrimitiveArray<Decimal128Type>, scale: i8, to: &DataType) -> Result<ArrayRef> {
    let unit = 10i128.pow(scale as u32);
    match to {
        DataType::Float64 => map::<_, Float64Type>(array, |value| decimal_as_double(value, scale)),
        DataType::Float32 => map::<_, Float32Type>(array, |value| decimal_as_double(value, scale) as f32),
        DataType::Decimal128(precision, new_scale) => {
            let target = Decimal { precision: *precision, scale: *new_scale };
            let cast = array.unary_opt::<_, Decimal128Type>(|value| rescale(value, scale, target));
            Ok(Arc::new(cast.with_data_type(to.clone())))
        }
        to => {
            let whole: ArrayRef = Arc::new(array.unary::<_, Int64Type>(|value| (value / unit) as i64));
            narrow(&whole, to)
        }
    }
}

/// The double nearest to `value / 10^scale`.
pub(super) fn decimal_as_double(value: i128, scale: i8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if value.unsigned_abs() <= EXACT && scale <= 22 {
        return value as f64 / 10f64.powi(scale as i32);
    }
    format!("{value}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// A decimal with another scale, rounded half up; `None` = it does not fit.
fn rescale(value: i128, scale: i8, target: Decimal) -> Option<i128> {
    let up = target.scale as i32 - scale as i32;
    if up >= 0 {
        return 10i128
            .checked_pow(up as u32)
            .and_then(|factor| value.checked_mul(factor))
            .and_then(|v| target.fits(v));
    }
    let unit = 10i128.pow(up.unsigned_abs());
    let (quotient, rest) = (value / unit, value % unit);
    let away = rest.unsigned_abs() * 2 >= unit.unsigned_abs();
    target.fits(if away { quotient + value.signum() } else { quotient })
}

/// By the shortest decimal number that stands for the double, as Java's `BigDecimal.valueOf`.
fn from_double(array: &ArrayRef, to: &DataType, target: Decimal, failure: OnFailure) -> Result<ArrayRef> {
    use std::fmt::Write;
    let wide = arrow::compute::cast(array, &DataType::Float64)?;
    let own = wide.as_primitive::<Float64Type>();
    let mut text = String::new();
    let mut out = PrimitiveArray::<Decimal128Type>::builder(own.len()).with_data_type(to.clone());
    for value in own {
        let Some(value) = value else {
            out.append_null();
            continue;
        };
        text.clear();
        let written = write!(text, "{value:e}");
        match value.is_finite() {
            true => out.append_option(written.ok().and_then(|()| decimal(&text, target))),
            false if failure == OnFailure::Null => out.append_null(),
            false => return exec_err!("{value} cannot be cast to {}", sql_name(to)),
        }
    }
    Ok(Arc::new(out.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn decimals_become_the_nearest_double(value in proptest::num::i128::ANY, scale in 0i8..38) {
            let value = value % 10i128.pow(38);
            let text = format!("{value}e-{scale}");
            proptest::prop_assert_eq!(decimal_as_double(value, scale), text.parse::<f64>().unwrap());
        }

        #[test]
        fn a_wider_scale_and_back_is_the_same(value in -10i128.pow(18)..10i128.pow(18), scale in 0i8..10, more in 0i8..10) {
            let wide = Decimal { precision: 38, scale: scale + more };
            let narrow = Decimal { precision: 38, scale };
            let there = rescale(value, scale, wide).unwrap();
            proptest::prop_assert_eq!(rescale(there, scale + more, narrow), Some(value));
        }
    }
}
