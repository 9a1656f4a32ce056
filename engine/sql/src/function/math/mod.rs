//! Numbers.

mod remainder;
mod round;
mod whole;

use arrow::array::ArrayRef;
use arrow::datatypes::Float64Type;
use datafusion_common::Result;

use super::ScalarEntry;
use super::call::Call;
use super::coercion::Takes::{Double, Int, Number};
use super::udf::{Arguments, Gives, checked, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry("abs", "ABS(number)", "without its sign", &[Number], Gives::First, whole::abs),
    entry("sign", "SIGN(number)", "-1, 0 or 1", &[Number], Gives::First, whole::sign),
    entry(
        "floor",
        "FLOOR(number)",
        "rounded down to a whole number",
        &[Number],
        Gives::Of(whole::whole_type),
        whole::floor,
    ),
    entry(
        "ceil",
        "CEIL(number)",
        "rounded up to a whole number",
        &[Number],
        Gives::Of(whole::whole_type),
        whole::ceil,
    )
    .or(&["ceiling"]),
    entry(
        "round",
        "ROUND(number[, digits])",
        "rounded half up to digits (0) after the point",
        &[Number, Int],
        Gives::Of(round::rounded_type),
        |call| round::round(call, round::Mode::HalfUp),
    )
    .optional(1),
    entry(
        "truncate",
        "TRUNCATE(number[, digits])",
        "cut off after digits (0) after the point",
        &[Number, Int],
        Gives::Of(round::rounded_type),
        |call| round::round(call, round::Mode::Down),
    )
    .optional(1),
    checked(
        "mod",
        "MOD(number, divisor)",
        "remainder, with the sign of number; of divisor's type",
        Arguments::Checked(remainder::operands),
        Gives::Of(remainder::result_type),
        remainder::remainder,
    ),
    entry(
        "power",
        "POWER(base, exponent)",
        "base to the exponent",
        &[Double, Double],
        Gives::Double,
        |call| two(call, f64::powf),
    )
    .or(&["pow"]),
    entry("sqrt", "SQRT(number)", "square root", &[Double], Gives::Double, |call| one(call, f64::sqrt)),
    entry("exp", "EXP(number)", "e to the number", &[Double], Gives::Double, |call| one(call, f64::exp)),
    entry("ln", "LN(number)", "natural logarithm", &[Double], Gives::Double, |call| one(call, f64::ln)),
    entry("log10", "LOG10(number)", "logarithm to base 10", &[Double], Gives::Double, |call| {
        one(call, f64::log10)
    }),
    entry("log2", "LOG2(number)", "logarithm to base 2", &[Double], Gives::Double, |call| {
        one(call, f64::log2)
    }),
    entry(
        "log",
        "LOG([base,] number)",
        "logarithm to base, natural without",
        &[Double, Double],
        Gives::Double,
        log,
    )
    .optional(1),
    entry("sin", "SIN(number)", "sine", &[Double], Gives::Double, |call| one(call, f64::sin)),
    entry("cos", "COS(number)", "cosine", &[Double], Gives::Double, |call| one(call, f64::cos)),
    entry("tan", "TAN(number)", "tangent", &[Double], Gives::Double, |call| one(call, f64::tan)),
    entry("cot", "COT(number)", "cotangent", &[Double], Gives::Double, |call| one(call, |x| 1.0 / x.tan())),
    entry("asin", "ASIN(number)", "arc sine", &[Double], Gives::Double, |call| one(call, f64::asin)),
    entry("acos", "ACOS(number)", "arc cosine", &[Double], Gives::Double, |call| one(call, f64::acos)),
    entry("atan", "ATAN(number)", "arc tangent", &[Double], Gives::Double, |call| one(call, f64::atan)),
    entry("atan2", "ATAN2(y, x)", "angle of the point (x, y)", &[Double, Double], Gives::Double, |call| {
        two(call, f64::atan2)
    }),
    entry("sinh", "SINH(number)", "hyperbolic sine", &[Double], Gives::Double, |call| one(call, f64::sinh)),
    entry("cosh", "COSH(number)", "hyperbolic cosine", &[Double], Gives::Double, |call| one(call, f64::cosh)),
    entry("tanh", "TANH(number)", "hyperbolic tangent", &[Double], Gives::Double, |call| {
        one(call, f64::tanh)
    }),
    entry("degrees", "DEGREES(number)", "radians as degrees", &[Double], Gives::Double, |call| {
        one(call, f64::to_degrees)
    }),
    entry("radians", "RADIANS(number)", "degrees as radians", &[Double], Gives::Double, |call| {
        one(call, f64::to_radians)
    }),
    entry("pi", "PI()", "3.14159...", &[], Gives::Double, |call| constant(call, std::f64::consts::PI)),
    entry("e", "E()", "2.71828...", &[], Gives::Double, |call| constant(call, std::f64::consts::E)),
];

fn one(call: &Call, of: fn(f64) -> f64) -> Result<ArrayRef> {
    let x = call.number::<Float64Type>(0)?;
    call.numbers::<Float64Type>(|row| Ok(x.get(row).map(of)))
}

fn two(call: &Call, of: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (x, y) = (call.number::<Float64Type>(0)?, call.number::<Float64Type>(1)?);
    call.numbers::<Float64Type>(|row| Ok(x.get(row).zip(y.get(row)).map(|(x, y)| of(x, y))))
}

fn log(call: &Call) -> Result<ArrayRef> {
    match call.has(1) {
        true => two(call, |base, x| x.ln() / base.ln()),
        false => one(call, f64::ln),
    }
}

fn constant(call: &Call, value: f64) -> Result<ArrayRef> {
    call.numbers::<Float64Type>(|_| Ok(Some(value)))
}
