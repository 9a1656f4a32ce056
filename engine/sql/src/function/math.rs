//! Functions of numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::compute::kernels::numeric::rem;
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use datafusion_common::Result;
use datafusion_expr::type_coercion::binary::comparison_coercion;

use super::Parameter::{Double, Number};
use super::arguments::Arguments;
use super::{Entry, Evaluate, Returns, failed};

const DOUBLE: Returns = Returns::Always(DataType::Float64);

type Examples = &'static [(&'static str, &'static str)];

/// A function of one DOUBLE.
const fn real(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    evaluate: Evaluate,
    examples: Examples,
) -> Entry {
    Entry {
        name,
        aliases: &[],
        signature,
        about,
        takes: &[Double],
        needs: 1,
        repeats: false,
        returns: DOUBLE,
        evaluate,
        examples,
    }
}

fn each(args: &Arguments, value: fn(f64) -> f64) -> Result<ArrayRef> {
    let given = args.doubles(0)?;
    args.build_doubles(|row| given.get(row).map(value))
}

fn each_two(args: &Arguments, value: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (left, right) = (args.doubles(0)?, args.doubles(1)?);
    args.build_doubles(|row| left.get(row).zip(right.get(row)).map(|(left, right)| value(left, right)))
}

pub(super) static FUNCTIONS: &[Entry] = &[
    real("sqrt", "SQRT(x)", "square root", |args, _| each(args, f64::sqrt), &[("SQRT(9)", "3.0")]),
    real("exp", "EXP(x)", "e to the power x", |args, _| each(args, f64::exp), &[("EXP(0)", "1.0")]),
    real("ln", "LN(x)", "natural logarithm", |args, _| each(args, f64::ln), &[("LN(1)", "0.0")]),
    real(
        "log10",
        "LOG10(x)",
        "logarithm to base 10",
        |args, _| each(args, f64::log10),
        &[("LOG10(100)", "2.0")],
    ),
    real("log2", "LOG2(x)", "logarithm to base 2", |args, _| each(args, f64::log2), &[("LOG2(8)", "3.0")]),
    real("sin", "SIN(x)", "sine", |args, _| each(args, f64::sin), &[("SIN(0)", "0.0")]),
    real("cos", "COS(x)", "cosine", |args, _| each(args, f64::cos), &[("COS(0)", "1.0")]),
    real("tan", "TAN(x)", "tangent", |args, _| each(args, f64::tan), &[("TAN(0)", "0.0")]),
    real(
        "cot",
        "COT(x)",
        "cotangent",
        |args, _| each(args, |x| 1.0 / x.tan()),
        &[("ROUND(COT(0.5), 4)", "1.8305")],
    ),
    real("asin", "ASIN(x)", "arc sine", |args, _| each(args, f64::asin), &[("ASIN(0)", "0.0")]),
    real("acos", "ACOS(x)", "arc cosine", |args, _| each(args, f64::acos), &[("ACOS(1)", "0.0")]),
    real("atan", "ATAN(x)", "arc tangent", |args, _| each(args, f64::atan), &[("ATAN(0)", "0.0")]),
    real("sinh", "SINH(x)", "hyperbolic sine", |args, _| each(args, f64::sinh), &[("SINH(0)", "0.0")]),
    real("cosh", "COSH(x)", "hyperbolic cosine", |args, _| each(args, f64::cosh), &[("COSH(0)", "1.0")]),
    real("tanh", "TANH(x)", "hyperbolic tangent", |args, _| each(args, f64::tanh), &[("TANH(0)", "0.0")]),
    real(
        "degrees",
        "DEGREES(x)",
        "radians as degrees",
        |args, _| each(args, f64::to_degrees),
        &[("DEGREES(0)", "0.0")],
    ),
    real(
        "radians",
        "RADIANS(x)",
        "degrees as radians",
        |args, _| each(args, f64::to_radians),
        &[("RADIANS(0)", "0.0")],
    ),
    Entry {
        name: "log",
        aliases: &[],
        signature: "LOG([base, ]x)",
        about: "logarithm, natural without a base",
        takes: &[Double, Double],
        needs: 1,
        repeats: false,
        returns: DOUBLE,
        evaluate: |args, _| match args.count() {
            1 => each(args, f64::ln),
            _ => each_two(args, |base, x| x.ln() / base.ln()),
        },
        examples: &[("LOG(2, 8)", "3.0")],
    },
    Entry {
        name: "power",
        aliases: &["pow"],
        signature: "POWER(x, y)",
        about: "x to the power y",
        takes: &[Double, Double],
        needs: 2,
        repeats: false,
        returns: DOUBLE,
        evaluate: |args, _| each_two(args, f64::powf),
        examples: &[("POWER(2, 10)", "1024.0")],
    },
    Entry {
        name: "atan2",
        aliases: &[],
        signature: "ATAN2(y, x)",
        about: "the angle of the point (x, y)",
        takes: &[Double, Double],
        needs: 2,
        repeats: false,
        returns: DOUBLE,
        evaluate: |args, _| each_two(args, f64::atan2),
        examples: &[("ATAN2(0, 1)", "0.0")],
    },
    Entry {
        name: "pi",
        aliases: &[],
        signature: "PI()",
        about: "the number pi",
        takes: &[],
        needs: 0,
        repeats: false,
        returns: DOUBLE,
        evaluate: |args, _| args.build_doubles(|_| Some(std::f64::consts::PI)),
        examples: &[("PI()", "3.141592653589793")],
    },
    Entry {
        name: "e",
        aliases: &[],
        signature: "E()",
        about: "the number e",
        takes: &[],
        needs: 0,
        repeats: false,
        returns: DOUBLE,
        evaluate: |args, _| args.build_doubles(|_| Some(std::f64::consts::E)),
        examples: &[("E()", "2.718281828459045")],
    },
    Entry {
        name: "abs",
        aliases: &[],
        signature: "ABS(number)",
        about: "without its sign",
        takes: &[Number],
        needs: 1,
        repeats: false,
        returns: Returns::Same(0),
        evaluate: |args, _| absolute(&args.array(0)?),
        examples: &[("ABS(-5)", "5"), ("ABS(CAST(-1.50 AS DECIMAL(5, 2)))", "1.50")],
    },
    Entry {
        name: "sign",
        aliases: &[],
        signature: "SIGN(number)",
        about: "-1, 0 or 1, in the type of the number",
        takes: &[Number],
        needs: 1,
        repeats: false,
        returns: Returns::Same(0),
        evaluate: |args, result| {
            let values = cast(&args.array(0)?, &DataType::Float64)?;
            let signs = values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|own| match own {
                own if own > 0.0 => 1.0,
                own if own < 0.0 => -1.0,
                own => own,
            });
            Ok(cast(&signs, result)?)
        },
        examples: &[("SIGN(-7)", "-1"), ("SIGN(0)", "0")],
    },
    Entry {
        name: "mod",
        aliases: &[],
        signature: "MOD(a, b)",
        about: "the remainder of a / b, with the sign of a and the type of b",
        takes: &[Number, Number],
        needs: 2,
        repeats: false,
        returns: Returns::Same(1),
        evaluate: |args, result| {
            let Some(common) = comparison_coercion(args.data_type(0), args.data_type(1)) else {
                return failed("MOD of numbers without a common type");
            };
            let (left, right) = (cast(&args.array(0)?, &common)?, cast(&args.array(1)?, &common)?);
            Ok(cast(&rem(&left, &right)?, result)?)
        },
        examples: &[("MOD(7, 3)", "1"), ("MOD(-7, 3)", "-1")],
    },
];

fn absolute(values: &ArrayRef) -> Result<ArrayRef> {
    // Java's rule for the one number without a counterpart: it stays.
    Ok(match values.data_type() {
        DataType::Int8 => Arc::new(values.as_primitive::<Int8Type>().unary::<_, Int8Type>(i8::wrapping_abs)),
        DataType::Int16 => {
            Arc::new(values.as_primitive::<Int16Type>().unary::<_, Int16Type>(i16::wrapping_abs))
        }
        DataType::Int32 => {
            Arc::new(values.as_primitive::<Int32Type>().unary::<_, Int32Type>(i32::wrapping_abs))
        }
        DataType::Int64 => {
            Arc::new(values.as_primitive::<Int64Type>().unary::<_, Int64Type>(i64::wrapping_abs))
        }
        DataType::Float32 => Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::abs)),
        DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::abs)),
        DataType::Decimal128(precision, scale) => {
            let positive =
                values.as_primitive::<Decimal128Type>().unary::<_, Decimal128Type>(i128::wrapping_abs);
            Arc::new(positive.with_precision_and_scale(*precision, *scale)?)
        }
        other => return failed(format!("ABS of {other}")),
    })
}
