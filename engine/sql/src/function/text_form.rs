//! Values as text in CAST, and back: the forms that Flink's CAST writes and reads.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

/// Appends the value of row `row`, which is not NULL. False = the type has no text form.
pub(super) fn write(array: &dyn Array, row: usize, out: &mut String) -> bool {
    let mut put = |text: String| out.push_str(&text);
    match array.data_type() {
        DataType::Boolean => put(if array.as_boolean().value(row) { "TRUE" } else { "FALSE" }.into()),
        DataType::Int8 => put(array.as_primitive::<Int8Type>().value(row).to_string()),
        DataType::Int16 => put(array.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => put(array.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => put(array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float32 => {
            put(java_number(&format!("{:e}", array.as_primitive::<Float32Type>().value(row))))
        }
        DataType::Float64 => {
            put(java_number(&format!("{:e}", array.as_primitive::<Float64Type>().value(row))))
        }
        DataType::Decimal128(..) => put(array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Utf8 => put(array.as_string::<i32>().value(row).to_string()),
        DataType::Binary => put(String::from_utf8_lossy(array.as_binary::<i32>().value(row)).into_owned()),
        DataType::Date32 => {
            match Date32Type::to_naive_date_opt(array.as_primitive::<Date32Type>().value(row)) {
                Some(date) => put(date.format("%Y-%m-%d").to_string()),
                None => return false,
            }
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            let millis = array.as_primitive::<Time32MillisecondType>().value(row);
            let (seconds, millis) = (millis / 1000, millis % 1000);
            put(format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
            if millis != 0 {
                put(format!(".{millis:03}"));
            }
        }
        DataType::Timestamp(unit, _) => match timestamp(array, *unit, row) {
            Some(text) => put(text),
            None => return false,
        },
        DataType::List(_) => return write_list(&array.as_list::<i32>().value(row), out),
        DataType::Struct(_) => return write_row(array, row, out),
        DataType::Map(..) => return write_map(array, row, out),
        _ => return false,
    }
    true
}

/// With exactly the digits of its precision, in UTC.
fn timestamp(array: &dyn Array, unit: TimeUnit, row: usize) -> Option<String> {
    let (time, digits) = match unit {
        TimeUnit::Second => {
            (DateTime::from_timestamp(array.as_primitive::<TimestampSecondType>().value(row), 0)?, 0)
        }
        TimeUnit::Millisecond => {
            (DateTime::from_timestamp_millis(array.as_primitive::<TimestampMillisecondType>().value(row))?, 3)
        }
        TimeUnit::Microsecond => {
            (DateTime::from_timestamp_micros(array.as_primitive::<TimestampMicrosecondType>().value(row))?, 6)
        }
        TimeUnit::Nanosecond => {
            (DateTime::from_timestamp_nanos(array.as_primitive::<TimestampNanosecondType>().value(row)), 9)
        }
    };
    let whole = time.format("%Y-%m-%d %H:%M:%S").to_string();
    let nanos = format!("{:09}", time.timestamp_subsec_nanos());
    Some(if digits == 0 { whole } else { format!("{whole}.{}", &nanos[..digits]) })
}

fn write_or_null(array: &dyn Array, row: usize, out: &mut String) -> bool {
    if array.is_null(row) {
        out.push_str("NULL");
        return true;
    }
    write(array, row, out)
}

fn write_list(items: &dyn Array, out: &mut String) -> bool {
    out.push('[');
    for item in 0..items.len() {
        if item > 0 {
            out.push_str(", ");
        }
        if !write_or_null(items, item, out) {
            return false;
        }
    }
    out.push(']');
    true
}

fn write_row(array: &dyn Array, row: usize, out: &mut String) -> bool {
    out.push('(');
    for (number, field) in array.as_struct().columns().iter().enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        if !write_or_null(field, row, out) {
            return false;
        }
    }
    out.push(')');
    true
}

fn write_map(array: &dyn Array, row: usize, out: &mut String) -> bool {
    let entries = array.as_map().value(row);
    out.push('{');
    for entry in 0..entries.len() {
        if entry > 0 {
            out.push_str(", ");
        }
        if !write_or_null(entries.column(0), entry, out) {
            return false;
        }
        out.push('=');
        if !write_or_null(entries.column(1), entry, out) {
            return false;
        }
    }
    out.push('}');
    true
}

/// A number as Java's `Double.toString` prints it, from Rust's `{:e}` form.
fn java_number(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return match scientific {
            "inf" => "Infinity".into(),
            "-inf" => "-Infinity".into(),
            other => other.into(),
        };
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|own| *own != '.').collect();
    let or_zero = |text: &str| if text.is_empty() { "0".to_string() } else { text.to_string() };
    match exponent {
        0..=6 => {
            let whole = exponent as usize + 1;
            let padded = format!("{digits:0<whole$}");
            format!("{sign}{}.{}", &padded[..whole], or_zero(&padded[whole..]))
        }
        -3..=-1 => format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
        _ => format!("{sign}{}.{}E{exponent}", &digits[..1], or_zero(&digits[1..])),
    }
}

/// `yyyy-M-d[( |T)H:m[:s[.fraction]]]`, as Flink's CAST reads it.
pub(super) fn parse_timestamp(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().trim_end_matches('Z');
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, parse_time(time.trim())?),
        None => (text, NaiveTime::MIN),
    };
    Some(parse_date(date)?.and_time(time))
}

/// `yyyy-M-d`, or less of it.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.trim().splitn(3, '-').map(number);
    let year = parts.next()??;
    let month = parts.next().unwrap_or(Some(1))?;
    let day = parts.next().unwrap_or(Some(1))?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok().filter(|own| *own <= 9999)?, month, day)
}

/// `H:m[:s[.fraction]]`, or less of it.
pub(super) fn parse_time(text: &str) -> Option<NaiveTime> {
    let (text, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let mut parts = text.splitn(3, ':').map(number);
    let hour = parts.next()??;
    let minute = parts.next().unwrap_or(Some(0))?;
    let second = parts.next().unwrap_or(Some(0))?;
    let nanos = match fraction {
        "" => 0,
        own => {
            let digits = own.get(..own.len().min(9))?;
            number(digits)? * 10u32.pow(9 - digits.len() as u32)
        }
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
