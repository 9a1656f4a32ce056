//! Rounding. Halves go away from zero, and decimals of a DOUBLE are those it prints, as in Java's
//! `BigDecimal.valueOf(x).setScale(n, HALF_UP)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int64Type};
use datafusion_common::{Result, ScalarValue};

use super::Parameter::{Int, Number};
use super::arguments::Arguments;
use super::{Entry, Returns, failed};

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "floor",
        aliases: &[],
        signature: "FLOOR(number)",
        about: "the next whole number below, in the type of the number; FLOOR(time TO unit) rounds time",
        takes: &[Number],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|types, _| Ok(whole(&types[0]))),
        evaluate: |args, result| {
            to_whole(&args.array(0)?, result, f64::floor, |value, unit| value.div_euclid(unit))
        },
        examples: &[("FLOOR(CAST(1.7 AS DOUBLE))", "1.0"), ("FLOOR(-1.5)", "-2"), ("FLOOR(3)", "3")],
    },
    Entry {
        name: "ceil",
        aliases: &["ceiling"],
        signature: "CEIL(number)",
        about: "the next whole number above, in the type of the number; CEIL(time TO unit) rounds time",
        takes: &[Number],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|types, _| Ok(whole(&types[0]))),
        evaluate: |args, result| {
            to_whole(&args.array(0)?, result, f64::ceil, |value, unit| -(-value).div_euclid(unit))
        },
        examples: &[("CEIL(CAST(1.2 AS DOUBLE))", "2.0"), ("CEIL(-1.5)", "-1")],
    },
    Entry {
        name: "round",
        aliases: &[],
        signature: "ROUND(number[, digits])",
        about: "rounded to so many digits after the point; halves go away from zero",
        takes: &[Number, Int],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|types, constants| Ok(rounded_type(types, constants))),
        evaluate: |args, result| rounded(args, result, true),
        examples: &[
            ("ROUND(CAST(1.005 AS DOUBLE), 2)", "1.01"),
            ("ROUND(2.5)", "3"),
            ("ROUND(-1234, -2)", "-1200"),
            ("ROUND(CAST(12.345 AS DECIMAL(10, 3)), 1)", "12.3"),
        ],
    },
    Entry {
        name: "truncate",
        aliases: &[],
        signature: "TRUNCATE(number[, digits])",
        about: "cut to so many digits after the point",
        takes: &[Number, Int],
        needs: 1,
        repeats: false,
        returns: Returns::Same(0),
        evaluate: |args, result| rounded(args, result, false),
        examples: &[("TRUNCATE(CAST(42.345 AS DOUBLE), 2)", "42.34"), ("TRUNCATE(-5)", "-5")],
    },
];

/// The type of a whole number of this type.
fn whole(given: &DataType) -> DataType {
    match given {
        DataType::Decimal128(precision, _) => DataType::Decimal128(*precision, 0),
        other => other.clone(),
    }
}

fn to_whole(
    values: &ArrayRef,
    result: &DataType,
    real: fn(f64) -> f64,
    exact: fn(i128, i128) -> i128,
) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(real)),
        DataType::Float32 => {
            let rounded = |own: f32| real(f64::from(own)) as f32;
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(rounded))
        }
        DataType::Decimal128(_, scale) => {
            let unit = 10i128.pow(scale.unsigned_abs().into());
            let rounded =
                values.as_primitive::<Decimal128Type>().unary::<_, Decimal128Type>(|own| exact(own, unit));
            match result {
                DataType::Decimal128(precision, scale) => {
                    Arc::new(rounded.with_precision_and_scale(*precision, *scale)?)
                }
                other => return failed(format!("rounding to {other}")),
            }
        }
        _ => values.clone(),
    })
}

/// Flink's `LogicalTypeMerging.findRoundDecimalType`.
fn rounded_type(types: &[DataType], constants: &[Option<&ScalarValue>]) -> DataType {
    let digits = match constants.get(1).copied().flatten() {
        Some(ScalarValue::Int32(Some(digits))) => i64::from(*digits),
        Some(ScalarValue::Int64(Some(digits))) => *digits,
        _ => 0,
    };
    match &types[0] {
        DataType::Decimal128(precision, scale) if digits < i64::from(*scale) => {
            let whole = i64::from(*precision) - i64::from(*scale) + 1;
            let kept = digits.max(0);
            DataType::Decimal128((whole + kept).min(38) as u8, kept as i8)
        }
        other => other.clone(),
    }
}

fn rounded(args: &Arguments, result: &DataType, half_up: bool) -> Result<ArrayRef> {
    let digits = args.ints_or(1, 0)?;
    let values = args.array(0)?;
    match (values.data_type(), result) {
        (DataType::Float64 | DataType::Float32, _) => {
            let single = *values.data_type() == DataType::Float32;
            let values = cast(&values, &DataType::Float64)?;
            let values = values.as_primitive::<Float64Type>();
            let made = args.build_doubles(|row| {
                let digits = digits(row)?;
                values.is_valid(row).then(|| real(values.value(row), single, digits, half_up))
            })?;
            Ok(cast(&made, result)?)
        }
        (DataType::Decimal128(_, scale), DataType::Decimal128(precision, to)) => {
            let (scale, to) = (i32::from(*scale), i32::from(*to));
            let values = values.as_primitive::<Decimal128Type>();
            let made = (0..args.rows()).map(|row| {
                let digits = digits(row)?;
                values.is_valid(row).then(|| exact(values.value(row), scale, digits, to, half_up))
            });
            let made = arrow::array::Decimal128Array::from_iter(made);
            Ok(Arc::new(made.with_precision_and_scale(*precision, to as i8)?))
        }
        _ => {
            let longs = cast(&values, &DataType::Int64)?;
            let longs = longs.as_primitive::<Int64Type>();
            let made = args.build_longs(|row| {
                let Some(digits) = digits(row) else { return Ok(None) };
                let rounded = || exact(i128::from(longs.value(row)), 0, digits, 0, half_up) as i64;
                Ok(longs.is_valid(row).then(rounded))
            })?;
            Ok(cast(&made, result)?)
        }
    }
}

/// `value` (with `scale` digits after the point) rounded to `digits` of them, with `to` digits after it.
fn exact(value: i128, scale: i32, digits: i32, to: i32, half_up: bool) -> i128 {
    const MOST_DIGITS: u32 = 38;
    let dropped = (scale - digits).max(0).unsigned_abs();
    if dropped > MOST_DIGITS {
        return 0;
    }
    let unit = 10i128.pow(dropped);
    let half = if half_up { unit / 2 * value.signum() } else { 0 };
    let kept = (value + half) / unit * unit;
    match to - scale {
        up @ 0.. => kept * 10i128.pow(up.unsigned_abs()),
        down => kept / 10i128.pow(down.unsigned_abs()),
    }
}

fn real(value: f64, single: bool, digits: i32, half_up: bool) -> f64 {
    if !value.is_finite() {
        return value;
    }
    // The digits that the number prints are the ones that are rounded.
    let text = if single { format!("{}", value as f32) } else { format!("{value}") };
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if digits >= 0 && fraction.len() <= digits as usize {
        return value;
    }
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
    let kept = whole.len() as i64 + i64::from(digits);
    let Ok(kept) = usize::try_from(kept) else { return 0.0 };
    let up = half_up && all.get(kept).is_some_and(|digit| *digit >= 5);
    let mut out = vec![0];
    out.extend_from_slice(&all[..kept.min(all.len())]);
    if up {
        let mut at = out.len() - 1;
        while out[at] == 9 {
            out[at] = 0;
            at -= 1;
        }
        out[at] += 1;
    }
    let digits_text: String = out.iter().map(|digit| char::from(b'0' + digit)).collect();
    format!("{sign}{digits_text}e{}", -i64::from(digits)).parse().unwrap_or(value)
}
