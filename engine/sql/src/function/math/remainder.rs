//! MOD: the remainder of truncated division, of the type of the divisor.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion_common::{Result, ScalarValue, exec_err};

use crate::function::call::{Call, from_ticks};
use crate::function::coercion::exact;

/// Whole numbers stay as they are; with a DECIMAL both become decimals, with a DOUBLE both DOUBLE.
pub(super) fn operands(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let [a, b] = types else { return Err(format!("it has {} argument(s)", types.len())) };
    let known = |own: &DataType| if *own == DataType::Null { DataType::Int32 } else { own.clone() };
    let (a, b) = (known(a), known(b));
    if !a.is_numeric() || !b.is_numeric() {
        return Err("both arguments must be numbers".into());
    }
    match (exact(&a), exact(&b)) {
        (Some(_), Some(_)) if a.is_signed_integer() && b.is_signed_integer() => Ok(vec![a, b]),
        (Some((p, s)), Some((q, t))) => {
            Ok(vec![DataType::Decimal128(p as u8, s as i8), DataType::Decimal128(q as u8, t as i8)])
        }
        _ => Ok(vec![DataType::Float64; 2]),
    }
}

pub(super) fn result_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match (&types[0], &types[1]) {
        (DataType::Decimal128(p, s), DataType::Decimal128(q, t)) => {
            let scale = *s.max(t);
            let whole = (*p as i32 - *s as i32).min(*q as i32 - *t as i32);
            DataType::Decimal128((whole + scale as i32).clamp(1, 38) as u8, scale)
        }
        (_, divisor) => divisor.clone(),
    })
}

pub(super) fn remainder(call: &Call) -> Result<ArrayRef> {
    match call.array(1).data_type() {
        DataType::Float64 => {
            let (a, b) = (call.number::<Float64Type>(0)?, call.number::<Float64Type>(1)?);
            call.numbers::<Float64Type>(|row| Ok(a.get(row).zip(b.get(row)).map(|(a, b)| a % b)))
        }
        DataType::Decimal128(..) => decimals(call),
        _ => integers(call),
    }
}

fn integers(call: &Call) -> Result<ArrayRef> {
    let (a, b) = (call.integer(0)?, call.integer(1)?);
    let mut out = arrow::array::Int64Array::builder(call.rows);
    for row in 0..call.rows {
        match a.get(row).zip(b.get(row)) {
            None => out.append_null(),
            Some((a, 0)) => return exec_err!("MOD({a}, 0): division by zero"),
            Some((a, b)) => out.append_value(a.wrapping_rem(b)),
        }
    }
    from_whole(std::sync::Arc::new(out.finish()), call.result)
}

/// BIGINTs that are known to fit a narrower type.
fn from_whole(array: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    match data_type {
        DataType::Int64 => from_ticks(array, data_type),
        _ => Ok(cast(&array, data_type)?),
    }
}

fn decimals(call: &Call) -> Result<ArrayRef> {
    let scale = |index: usize| match call.array(index).data_type() {
        DataType::Decimal128(_, scale) => *scale as u32,
        _ => 0,
    };
    let common = scale(0).max(scale(1));
    let (up_a, up_b) = (10i128.pow(common - scale(0)), 10i128.pow(common - scale(1)));
    let limit = match call.result {
        DataType::Decimal128(precision, _) => 10i128.pow(*precision as u32),
        _ => i128::MAX,
    };
    let (a, b) = (
        call.array(0).as_primitive_opt::<Decimal128Type>(),
        call.array(1).as_primitive_opt::<Decimal128Type>(),
    );
    if a.is_none() || b.is_none() {
        return exec_err!("MOD of a decimal takes decimals");
    }
    let (a, b) = (call.number::<Decimal128Type>(0)?, call.number::<Decimal128Type>(1)?);
    call.numbers::<Decimal128Type>(|row| {
        let Some((a, b)) = a.get(row).zip(b.get(row)) else { return Ok(None) };
        if b == 0 {
            return exec_err!("MOD: division by zero");
        }
        match a.checked_mul(up_a).zip(b.checked_mul(up_b)) {
            Some((a, b)) => Ok(Some(a % b).filter(|rest| rest.abs() < limit)),
            None => exec_err!("MOD: the digits of both decimals together exceed 38"),
        }
    })
}
