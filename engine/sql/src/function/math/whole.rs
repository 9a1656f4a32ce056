//! Functions whose result has the type of the number.

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion_common::{Result, ScalarValue, exec_err};

use crate::function::call::Call;

/// Computes `$x`, the first argument, row by row.
macro_rules! each {
    ($call:expr, $x:ident: $type:ty => $of:expr) => {{
        let own = $call.number::<$type>(0)?;
        $call.numbers::<$type>(|row| {
            let Some($x) = own.get(row) else { return Ok(None) };
            Ok(Some($of))
        })
    }};
}

/// Computes `$x`, the first argument, by the expression for its kind of number.
macro_rules! by_type {
    ($call:expr, $x:ident, int => $int:expr, float => $float:expr, decimal => $decimal:expr) => {
        match $call.array(0).data_type() {
            DataType::Int8 => each!($call, $x: Int8Type => $int),
            DataType::Int16 => each!($call, $x: Int16Type => $int),
            DataType::Int32 => each!($call, $x: Int32Type => $int),
            DataType::Int64 => each!($call, $x: Int64Type => $int),
            DataType::Float32 => each!($call, $x: Float32Type => $float),
            DataType::Float64 => each!($call, $x: Float64Type => $float),
            DataType::Decimal128(..) => each!($call, $x: Decimal128Type => $decimal),
            other => exec_err!("{other} is not a number of the dialect"),
        }
    };
}

/// What 1 is in the units of a decimal argument.
fn unit(call: &Call) -> i128 {
    match call.array(0).data_type() {
        DataType::Decimal128(_, scale) => 10i128.pow(*scale as u32),
        _ => 1,
    }
}

pub(super) fn abs(call: &Call) -> Result<ArrayRef> {
    by_type!(call, x, int => magnitude(x)?, float => x.abs(), decimal => x.abs())
}

fn magnitude<T: ArrowNativeTypeOp + std::fmt::Display>(x: T) -> Result<T> {
    match x.is_lt(T::ZERO) {
        false => Ok(x),
        true => x.neg_checked().or_else(|_| exec_err!("ABS({x}) is out of its type's range")),
    }
}

pub(super) fn sign(call: &Call) -> Result<ArrayRef> {
    let one = unit(call);
    by_type!(
        call, x,
        int => x.signum(),
        float => if x == 0.0 || x.is_nan() { x } else { x.signum() },
        decimal => x.signum() * one
    )
}

/// FLOOR and CEIL of DECIMAL(p, s) are DECIMAL(p, 0).
pub(super) fn whole_type(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(match &types[0] {
        DataType::Decimal128(precision, _) => DataType::Decimal128(*precision, 0),
        other => other.clone(),
    })
}

pub(super) fn floor(call: &Call) -> Result<ArrayRef> {
    let one = unit(call);
    by_type!(call, x, int => x, float => x.floor(), decimal => x.div_euclid(one))
}

pub(super) fn ceil(call: &Call) -> Result<ArrayRef> {
    let one = unit(call);
    by_type!(call, x, int => x, float => x.ceil(), decimal => -(-x).div_euclid(one))
}
