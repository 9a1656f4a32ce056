//! Exact decimal division with Flink's result type, rounded half up.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNativeTypeOp, AsArray, Decimal128Builder};
use arrow::datatypes::{DataType, Decimal128Type, i256};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// The function that divides two decimals into `result` (a Decimal128).
pub fn divide(result: &DataType) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(DecimalDivide { result: result.clone(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DecimalDivide {
    result: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for DecimalDivide {
    fn name(&self) -> &str {
        "decimal_divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        match arg_types {
            [DataType::Decimal128(..), DataType::Decimal128(..)] => Ok(arg_types.to_vec()),
            _ => plan_err!("decimal_divide takes two decimals"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (DataType::Decimal128(_, s1), DataType::Decimal128(_, s2)) =
            (arrays[0].data_type(), arrays[1].data_type())
        else {
            return exec_err!("decimal_divide takes two decimals");
        };
        let DataType::Decimal128(precision, scale) = self.result else {
            return exec_err!("decimal_divide gives a decimal");
        };
        let shift = scale as i32 - *s1 as i32 + *s2 as i32;
        quotients(&arrays[0], &arrays[1], shift, precision, scale).map(ColumnarValue::Array)
    }
}

fn quotients(left: &ArrayRef, right: &ArrayRef, shift: i32, precision: u8, scale: i8) -> Result<ArrayRef> {
    let (left, right) = (left.as_primitive::<Decimal128Type>(), right.as_primitive::<Decimal128Type>());
    let factor = i256::from_i128(10).pow_wrapping(shift.unsigned_abs());
    let limit = i256::from_i128(10).pow_wrapping(precision as u32);
    let mut out = Decimal128Builder::with_capacity(left.len()).with_precision_and_scale(precision, scale)?;
    for row in 0..left.len() {
        if left.is_null(row) || right.is_null(row) {
            out.append_null();
            continue;
        }
        if right.value(row) == 0 {
            return exec_err!("division by zero");
        }
        let (mut dividend, mut divisor) =
            (i256::from_i128(left.value(row)), i256::from_i128(right.value(row)));
        match shift >= 0 {
            true => dividend = dividend.wrapping_mul(factor),
            false => divisor = divisor.wrapping_mul(factor),
        }
        let quotient = half_up(dividend, divisor);
        match quotient.wrapping_abs() < limit {
            true => out.append_option(quotient.to_i128()),
            false => out.append_null(),
        }
    }
    Ok(Arc::new(out.finish()))
}

fn half_up(dividend: i256, divisor: i256) -> i256 {
    let quotient = dividend.wrapping_div(divisor);
    let rest = dividend.wrapping_rem(divisor).wrapping_abs();
    if rest.wrapping_mul(i256::from_i128(2)) < divisor.wrapping_abs() {
        return quotient;
    }
    let away = match (dividend < i256::ZERO) == (divisor < i256::ZERO) {
        true => i256::ONE,
        false => i256::MINUS_ONE,
    };
    quotient.wrapping_add(away)
}
