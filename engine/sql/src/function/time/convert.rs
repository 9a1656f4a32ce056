//! Times to texts and numbers, and back.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use chrono::{Offset, TimeZone};
use chrono_tz::Tz;
use datafusion_common::{Result, exec_err};

use super::civil::{DAY_NANOS, Scale};
use super::pattern::Pattern;
use super::read;
use crate::function::call::{Call, Compiled};
use crate::function::coercion::Takes;

/// How Flink writes a time when no pattern is given.
const USUAL: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) fn time_or_text_and_pattern(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let [value, pattern] = types else { return Err(format!("it has {} argument(s)", types.len())) };
    let value = Takes::Text.coerce(value).filter(|_| *value != DataType::Null).or(Takes::Time.coerce(value));
    let pattern = Takes::Text.coerce(pattern);
    match (value, pattern) {
        (Some(value), Some(pattern)) => Ok(vec![value, pattern]),
        _ => Err("it takes a time or a STRING, and a STRING".into()),
    }
}

pub(super) fn date_format(call: &Call) -> Result<ArrayRef> {
    let pattern = call.text(1)?;
    let mut compiled = Compiled::new();
    if let Ok(text) = call.text(0) {
        let usual = Pattern::compile(USUAL)?;
        return call.texts(|row, out| {
            let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(false) };
            let Some((days, nanos)) = usual.read_leniently(text) else { return Ok(false) };
            compiled.of(pattern, Pattern::compile)?.write(days, nanos, out)?;
            Ok(true)
        });
    }
    let (scale, ticks) = (Scale::of(call.array(0).data_type())?, call.ticks(0)?);
    call.texts(|row, out| {
        let (Some(ticks), Some(pattern)) = (ticks.get(row), pattern.get(row)) else { return Ok(false) };
        let (days, nanos) = scale.split(ticks);
        compiled.of(pattern, Pattern::compile)?.write(days, nanos, out)?;
        Ok(true)
    })
}

/// Milliseconds since 1970, rounded down.
fn millis((days, nanos): read::Moment) -> i64 {
    days * 86_400_000 + nanos / 1_000_000
}

/// The usual forms that TO_TIMESTAMP tries when the pattern does not fit.
fn usual_forms(text: &str) -> Option<read::Moment> {
    let text = text.trim();
    let with_time = text.contains(' ');
    read::timestamp(text).filter(|_| with_time || !text.is_empty())
}

pub(super) fn to_timestamp(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    if !call.has(1) {
        return call.times(|row| Ok(text.get(row).and_then(read::timestamp).map(millis)));
    }
    let pattern = call.text(1)?;
    let mut compiled = Compiled::new();
    call.times(|row| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(None) };
        let read = compiled.of(pattern, Pattern::compile)?.read(text);
        Ok(read.or_else(|| usual_forms(text)).map(millis))
    })
}

pub(super) fn to_date(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    if !call.has(1) {
        return call.times(|row| Ok(text.get(row).and_then(read::date)));
    }
    let pattern = call.text(1)?;
    let mut compiled = Compiled::new();
    call.times(|row| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(None) };
        Ok(compiled.of(pattern, Pattern::compile)?.read_leniently(text).map(|(days, _)| days))
    })
}

pub(super) fn epoch_arguments(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let number = |own: &DataType| match own {
        DataType::Float32 | DataType::Float64 => Ok(DataType::Float64),
        DataType::Null => Ok(DataType::Int64),
        own if own.is_signed_integer() => Ok(DataType::Int64),
        // The fraction is cut off, never rounded.
        DataType::Decimal128(..) => Ok(own.clone()),
        _ => Err("the first argument must be a number".to_string()),
    };
    match types {
        [own] => Ok(vec![number(own)?]),
        [own, precision] if precision.is_signed_integer() => Ok(vec![number(own)?, DataType::Int32]),
        [_, _] => Err("the precision must be an INT".into()),
        other => Err(format!("it has {} argument(s)", other.len())),
    }
}

/// `0000-01-01` to `9999-12-31`, in milliseconds since 1970.
const EPOCH_MILLIS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

pub(super) fn to_timestamp_ltz(call: &Call) -> Result<ArrayRef> {
    let precision = if call.has(1) { Some(call.integer(1)?) } else { None };
    let factor = |row: usize| match precision.as_ref().map_or(Some(3), |precision| precision.get(row)) {
        None => Ok(None),
        Some(0) => Ok(Some(1_000)),
        Some(3) => Ok(Some(1)),
        Some(other) => {
            exec_err!("TO_TIMESTAMP_LTZ: the precision is 0 (seconds) or 3 (milliseconds), not {other}")
        }
    };
    let within = |millis: i64| EPOCH_MILLIS.contains(&millis).then_some(millis);
    if call.array(0).data_type() == &DataType::Float64 {
        let number = call.number::<Float64Type>(0)?;
        return call.times(|row| {
            let (Some(number), Some(factor)) = (number.get(row), factor(row)?) else { return Ok(None) };
            Ok(within((number * factor as f64) as i64))
        });
    }
    let whole = match call.array(0).data_type() {
        DataType::Decimal128(_, scale) => 10i128.pow(*scale as u32),
        _ => 1,
    };
    if whole > 1 || matches!(call.array(0).data_type(), DataType::Decimal128(..)) {
        let number = call.number::<arrow::datatypes::Decimal128Type>(0)?;
        return call.times(|row| {
            let (Some(number), Some(factor)) = (number.get(row), factor(row)?) else { return Ok(None) };
            let millis = i64::try_from(number / whole).ok().and_then(|number| number.checked_mul(factor));
            Ok(millis.and_then(within))
        });
    }
    let number = call.number::<Int64Type>(0)?;
    call.times(|row| {
        let (Some(number), Some(factor)) = (number.get(row), factor(row)?) else { return Ok(None) };
        Ok(number.checked_mul(factor).and_then(within))
    })
}

pub(super) fn from_unixtime(call: &Call) -> Result<ArrayRef> {
    let seconds = call.integer(0)?;
    let pattern = if call.has(1) { Some(call.text(1)?) } else { None };
    let mut compiled = Compiled::new();
    call.texts(|row, out| {
        let pattern = pattern.as_ref().map_or(Some(USUAL), |pattern| pattern.get(row));
        let (Some(seconds), Some(pattern)) = (seconds.get(row), pattern) else { return Ok(false) };
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        compiled.of(pattern, Pattern::compile)?.write(days, rest * 1_000_000_000, out)?;
        Ok(true)
    })
}

pub(super) fn unix_timestamp(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let pattern = if call.has(1) { Some(call.text(1)?) } else { None };
    let mut compiled = Compiled::new();
    call.numbers::<Int64Type>(|row| {
        let pattern = pattern.as_ref().map_or(Some(USUAL), |pattern| pattern.get(row));
        let (Some(text), Some(pattern)) = (text.get(row), pattern) else { return Ok(None) };
        let read = compiled.of(pattern, Pattern::compile)?.read_leniently(text);
        Ok(Some(read.map_or(i64::MIN, |moment| millis(moment) / 1_000)))
    })
}

pub(super) fn from_days(call: &Call) -> Result<ArrayRef> {
    let days = call.integer(0)?;
    call.times(|row| Ok(days.get(row)))
}

/// A time zone: a name such as `America/Los_Angeles`, or `GMT-08:00`.
#[derive(Debug, Clone, Copy)]
enum Zone {
    Named(Tz),
    /// Seconds east of UTC.
    Fixed(i64),
}

impl Zone {
    fn named(name: &str) -> Result<Zone> {
        let short = match name {
            "PST" => "America/Los_Angeles",
            "EST" => "Etc/GMT+5",
            "MST" => "Etc/GMT+7",
            "CST" => "America/Chicago",
            "JST" => "Asia/Tokyo",
            "IST" => "Asia/Kolkata",
            "CTT" => "Asia/Shanghai",
            other => other,
        };
        if let Ok(zone) = short.parse::<Tz>() {
            return Ok(Zone::Named(zone));
        }
        let offset = name.strip_prefix("GMT").or(name.strip_prefix("UTC")).unwrap_or(name);
        match fixed(offset) {
            Some(seconds) => Ok(Zone::Fixed(seconds)),
            None => exec_err!("unknown time zone '{name}'"),
        }
    }

    /// UTC of a local time, both in seconds since 1970. A time that the clock skips or repeats is taken with
    /// the offset before the change.
    fn to_utc(self, local: i64) -> Option<i64> {
        match self {
            Zone::Fixed(offset) => local.checked_sub(offset),
            Zone::Named(zone) => {
                let naive = chrono::DateTime::from_timestamp(local, 0)?.naive_utc();
                let found = zone.offset_from_local_datetime(&naive).earliest();
                let before = || zone.offset_from_utc_datetime(&(naive - chrono::TimeDelta::days(1)));
                let offset = found.unwrap_or_else(before);
                Some(local - offset.fix().local_minus_utc() as i64)
            }
        }
    }

    fn to_local(self, utc: i64) -> Option<i64> {
        match self {
            Zone::Fixed(offset) => utc.checked_add(offset),
            Zone::Named(zone) => {
                let naive = chrono::DateTime::from_timestamp(utc, 0)?.naive_utc();
                Some(utc + zone.offset_from_utc_datetime(&naive).fix().local_minus_utc() as i64)
            }
        }
    }
}

/// `+hh:mm`, `-h`, `+hhmm` in seconds.
fn fixed(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some(parts), _) => parts,
        (None, 4) => digits.split_at_checked(2)?,
        (None, _) => (digits, "0"),
    };
    let number =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

pub(super) fn convert_tz(call: &Call) -> Result<ArrayRef> {
    let (text, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let usual = Pattern::compile(USUAL)?;
    let (mut sources, mut targets) = (Compiled::new(), Compiled::new());
    call.texts(|row, out| {
        let (Some(text), Some(from), Some(to)) = (text.get(row), from.get(row), to.get(row)) else {
            return Ok(false);
        };
        let (from, to) = (*sources.of(from, Zone::named)?, *targets.of(to, Zone::named)?);
        let Some((days, nanos)) = usual.read_leniently(text) else { return Ok(false) };
        let seconds = days * 86_400 + nanos.div_euclid(1_000_000_000);
        let Some(local) = from.to_utc(seconds).and_then(|utc| to.to_local(utc)) else { return Ok(false) };
        let nanos = local.rem_euclid(86_400) * (DAY_NANOS / 86_400);
        usual.write(local.div_euclid(86_400), nanos, out)?;
        Ok(true)
    })
}
