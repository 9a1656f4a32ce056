//! Values as texts, as Flink prints them: `TRUE`, `1.0E10`, `2026-03-01 09:00:00.007`, `[1, NULL]`,
//! `{a=1}`, `(1, x)`.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, Float32Array, Float64Array,
    Int64Array, IntervalMonthDayNanoArray, ListArray, MapArray, StringArray, StructArray,
};
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion_common::{Result, exec_err};

use crate::function::call::Call;
use crate::function::time::civil::{Scale, civil};
use datafusion_expr::ColumnarValue;

/// A column of any printable type, ready to print its values.
pub(in crate::function) enum Printer {
    Null,
    Boolean(BooleanArray),
    Whole(Int64Array),
    Float(Float32Array),
    Double(Float64Array),
    Decimal(Decimal128Array, usize),
    Text(StringArray),
    Bytes(BinaryArray),
    Date(Int64Array),
    Time(Int64Array),
    Timestamp { ticks: Int64Array, scale: Scale, digits: usize, zoned: bool },
    Interval(IntervalMonthDayNanoArray),
    List(ListArray, Box<Printer>),
    Struct(StructArray, Vec<Printer>),
    Map(MapArray, Box<Printer>, Box<Printer>),
}

impl Printer {
    /// A printer of `array`.
    pub fn of(array: &ArrayRef) -> Result<Printer> {
        let whole = |array: &ArrayRef| -> Result<Int64Array> {
            Ok(arrow::compute::cast(array, &DataType::Int64)?.as_primitive().clone())
        };
        let days = |array: &ArrayRef| whole(&arrow::compute::cast(array, &DataType::Int32)?);
        Ok(match array.data_type() {
            DataType::Null => Printer::Null,
            DataType::Boolean => Printer::Boolean(array.as_boolean().clone()),
            own if own.is_integer() => Printer::Whole(whole(array)?),
            DataType::Float32 => Printer::Float(array.as_primitive().clone()),
            DataType::Float64 => Printer::Double(array.as_primitive().clone()),
            DataType::Decimal128(_, scale) => Printer::Decimal(array.as_primitive().clone(), *scale as usize),
            DataType::Utf8 => Printer::Text(array.as_string().clone()),
            DataType::LargeUtf8 | DataType::Utf8View => {
                Printer::Text(arrow::compute::cast(array, &DataType::Utf8)?.as_string().clone())
            }
            DataType::Binary => Printer::Bytes(array.as_binary().clone()),
            DataType::Date32 => Printer::Date(days(array)?),
            DataType::Time32(TimeUnit::Millisecond) => Printer::Time(days(array)?),
            DataType::Timestamp(unit, zone) => {
                let digits = match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond => 6,
                    TimeUnit::Nanosecond => 9,
                };
                let (ticks, scale) = (whole(array)?, Scale::of(array.data_type())?);
                Printer::Timestamp { ticks, scale, digits, zoned: zone.is_some() }
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => Printer::Interval(array.as_primitive().clone()),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Printer::List(list.clone(), Box::new(Printer::of(list.values())?))
            }
            DataType::Struct(_) => {
                let own = array.as_struct();
                let columns = own.columns().iter().map(Printer::of).collect::<Result<_>>()?;
                Printer::Struct(own.clone(), columns)
            }
            DataType::Map(..) => {
                let map = array.as_map();
                let (keys, values) = (Printer::of(map.keys())?, Printer::of(map.values())?);
                Printer::Map(map.clone(), Box::new(keys), Box::new(values))
            }
            other => return exec_err!("{other} cannot be printed"),
        })
    }

    /// True if the value of a row is NULL.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Printer::Null => true,
            Printer::Boolean(own) => own.is_null(row),
            Printer::Whole(own) | Printer::Date(own) | Printer::Time(own) => own.is_null(row),
            Printer::Float(own) => own.is_null(row),
            Printer::Double(own) => own.is_null(row),
            Printer::Decimal(own, _) => own.is_null(row),
            Printer::Text(own) => own.is_null(row),
            Printer::Bytes(own) => own.is_null(row),
            Printer::Timestamp { ticks, .. } => ticks.is_null(row),
            Printer::Interval(own) => own.is_null(row),
            Printer::List(own, _) => own.is_null(row),
            Printer::Struct(own, _) => own.is_null(row),
            Printer::Map(own, ..) => own.is_null(row),
        }
    }

    /// Appends the value of a row, which is not NULL.
    pub fn write(&self, row: usize, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match self {
            Printer::Null => Ok(()),
            Printer::Boolean(own) => out.write_str(if own.value(row) { "TRUE" } else { "FALSE" }),
            Printer::Whole(own) => write!(out, "{}", own.value(row)),
            Printer::Float(own) => push_scientific(out, format_args!("{:e}", own.value(row))),
            Printer::Double(own) => push_scientific(out, format_args!("{:e}", own.value(row))),
            Printer::Decimal(own, scale) => push_decimal(out, own.value(row), *scale),
            Printer::Text(own) => out.write_str(own.value(row)),
            Printer::Bytes(own) => out.write_str(&String::from_utf8_lossy(own.value(row))),
            Printer::Date(own) => push_date(out, own.value(row)),
            Printer::Time(own) => push_time(out, own.value(row) * 1_000_000, 0),
            Printer::Timestamp { ticks, scale, digits, .. } => {
                let (days, nanos) = scale.split(ticks.value(row));
                push_date(out, days)
                    .and_then(|()| out.write_char(' '))
                    .and_then(|()| push_time(out, nanos, *digits))
            }
            Printer::Interval(own) => push_interval(out, own.value(row)),
            Printer::List(own, values) => {
                let (from, to) = (own.value_offsets()[row] as usize, own.value_offsets()[row + 1] as usize);
                out.push('[');
                separated(out, from..to, |out, index| values.write_or_null(index, out));
                out.write_char(']')
            }
            Printer::Struct(_, columns) => {
                out.push('(');
                separated(out, 0..columns.len(), |out, index| columns[index].write_or_null(row, out));
                out.write_char(')')
            }
            Printer::Map(own, keys, values) => {
                let (from, to) = (own.value_offsets()[row] as usize, own.value_offsets()[row + 1] as usize);
                out.push('{');
                separated(out, from..to, |out, index| {
                    keys.write_or_null(index, out);
                    out.push('=');
                    values.write_or_null(index, out);
                });
                out.write_char('}')
            }
        };
    }

    fn write_or_null(&self, row: usize, out: &mut String) {
        if self.is_null(row) { out.push_str("NULL") } else { self.write(row, out) }
    }
}

fn separated(out: &mut String, indexes: std::ops::Range<usize>, mut write: impl FnMut(&mut String, usize)) {
    let first = indexes.start;
    for index in indexes {
        if index > first {
            out.push_str(", ");
        }
        write(out, index);
    }
}

/// A floating-point number, given as `1.2345e3`, as Java writes it: with at least one digit after the
/// point, and with an exponent only below 1E-3 and from 1E7.
fn push_scientific(out: &mut String, number: std::fmt::Arguments) -> std::fmt::Result {
    let start = out.len();
    out.write_fmt(number)?;
    let written = &out[start..];
    if written.ends_with("inf") {
        let negative = written.starts_with('-');
        out.truncate(start);
        return out.write_str(if negative { "-Infinity" } else { "Infinity" });
    }
    let Some((mantissa, exponent)) = written.split_once('e') else { return Ok(()) };
    let exponent: i32 = exponent.parse().map_err(|_| std::fmt::Error)?;
    let negative = mantissa.starts_with('-');
    // At most 17 digits.
    let mut digits = [b'0'; 24];
    let mut count = 0;
    for digit in mantissa.bytes().filter(u8::is_ascii_digit).take(digits.len()) {
        digits[count] = digit;
        count += 1;
    }
    out.truncate(start);
    if negative {
        out.push('-');
    }
    let mut push = |from: usize, to: usize| {
        out.extend((from..to.max(from)).map(|at| if at < count { digits[at] as char } else { '0' }));
    };
    let zero = count == 1 && digits[0] == b'0';
    if !zero && !(-3..7).contains(&exponent) {
        push(0, 1);
        out.push('.');
        let mut push = |to: usize| out.extend(digits[1..to].iter().map(|digit| *digit as char));
        push(count.max(2));
        return write!(out, "E{exponent}");
    }
    if exponent >= 0 {
        let whole = exponent as usize + 1;
        push(0, whole);
        out.push('.');
        out.extend((whole..count.max(whole + 1)).map(|at| if at < count { digits[at] as char } else { '0' }));
        return Ok(());
    }
    out.push_str("0.");
    out.extend(std::iter::repeat_n('0', (-exponent - 1) as usize));
    out.extend(digits[..count].iter().map(|digit| *digit as char));
    Ok(())
}

fn push_decimal(out: &mut String, value: i128, scale: usize) -> std::fmt::Result {
    if scale == 0 {
        return write!(out, "{value}");
    }
    let unit = 10u128.pow(scale as u32);
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push('-');
    }
    write!(out, "{}.{:0scale$}", magnitude / unit, magnitude % unit)
}

fn push_two(out: &mut String, number: i64) {
    out.push((b'0' + (number / 10 % 10) as u8) as char);
    out.push((b'0' + (number % 10) as u8) as char);
}

fn push_date(out: &mut String, days: i64) -> std::fmt::Result {
    let (year, month, day) = civil(days);
    match (0..10_000).contains(&year) {
        true => {
            push_two(out, year / 100);
            push_two(out, year % 100);
        }
        false => write!(out, "{year:05}")?,
    }
    out.push('-');
    push_two(out, month);
    out.push('-');
    push_two(out, day);
    Ok(())
}

/// `HH:mm:ss` and at least `digits` digits of a fraction, more if they are not 0.
fn push_time(out: &mut String, nanos: i64, digits: usize) -> std::fmt::Result {
    let seconds = nanos / 1_000_000_000;
    push_two(out, seconds / 3_600);
    out.push(':');
    push_two(out, seconds / 60 % 60);
    out.push(':');
    push_two(out, seconds % 60);
    let mut fraction = nanos % 1_000_000_000;
    if digits == 0 && fraction == 0 {
        return Ok(());
    }
    let mut width = 9;
    while width > digits && fraction % 10 == 0 {
        fraction /= 10;
        width -= 1;
    }
    if width == 0 { Ok(()) } else { write!(out, ".{fraction:0width$}") }
}

fn push_interval(out: &mut String, value: arrow::datatypes::IntervalMonthDayNano) -> std::fmt::Result {
    let sign = |negative: bool| if negative { '-' } else { '+' };
    if value.months != 0 {
        let months = value.months.unsigned_abs();
        return write!(out, "{}{}-{:02}", sign(value.months < 0), months / 12, months % 12);
    }
    let millis = value.days as i64 * 86_400_000 + value.nanoseconds / 1_000_000;
    let rest = millis.unsigned_abs();
    let (days, seconds) = (rest / 86_400_000, rest / 1_000);
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    let sign = sign(millis < 0);
    write!(out, "{sign}{days} {hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, rest % 1_000)
}

pub(super) fn cast(array: &ArrayRef) -> Result<ArrayRef> {
    let printer = Printer::of(array)?;
    let argument = [ColumnarValue::Array(Arc::clone(array))];
    let call = Call::new(&argument, array.len(), &DataType::Utf8)?;
    call.texts(|row, out| {
        if printer.is_null(row) {
            return Ok(false);
        }
        printer.write(row, out);
        Ok(true)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(value: f64) -> String {
        let mut out = String::new();
        push_scientific(&mut out, format_args!("{value:e}")).unwrap();
        out
    }

    #[test]
    fn doubles_print_as_in_java() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (1234567.0, "1234567.0"),
            (9999999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12345678.9, "1.23456789E7"),
            (0.001, "0.001"),
            (0.0012, "0.0012"),
            (0.0001, "1.0E-4"),
            (1.5e-5, "1.5E-5"),
            (1e10, "1.0E10"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(double(value), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_printed_double_is_read_as_itself(bits in proptest::num::u64::ANY) {
            let value = f64::from_bits(bits);
            if !value.is_nan() {
                proptest::prop_assert_eq!(super::super::from_text::double(&double(value)), Some(value));
            }
        }
    }
}
