//! Functions of dates and times. Zones are UTC unless a function names one.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike};
use datafusion_common::Result;

use super::Parameter::{Any, Int, Long, Number, Text, Time};
use super::arguments::Arguments;
use super::text_form::parse_timestamp;
use super::time_pattern::Pattern;
use super::{Entry, Evaluate, Returns, failed};

const TEXT: Returns = Returns::Always(DataType::Utf8);
const LONG: Returns = Returns::Always(DataType::Int64);
const TIMESTAMP: Returns = Returns::Always(DataType::Timestamp(TimeUnit::Millisecond, None));
const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

type Examples = &'static [(&'static str, &'static str)];

/// A function named after the unit it extracts.
const fn part(
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
        takes: &[Time],
        needs: 1,
        repeats: false,
        returns: LONG,
        evaluate,
        examples,
    }
}

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "extract",
        aliases: &[],
        signature: "EXTRACT(unit FROM time)",
        about: "YEAR, QUARTER, MONTH, WEEK, DAY, DOY, DOW (Sunday = 1), HOUR, MINUTE, SECOND, ... as BIGINT",
        takes: &[Text, Time],
        needs: 2,
        repeats: false,
        returns: LONG,
        evaluate: |args, _| {
            let unit = constant_unit(args)?;
            extract(args, 1, unit)
        },
        examples: &[
            ("EXTRACT(HOUR FROM TIMESTAMP '2026-03-01 09:10:11')", "9"),
            ("EXTRACT(DOW FROM DATE '2026-03-01')", "1"),
        ],
    },
    part(
        "year",
        "YEAR(time)",
        "the year",
        |args, _| extract(args, 0, Unit::Year),
        &[("YEAR(DATE '1994-09-27')", "1994")],
    ),
    part(
        "quarter",
        "QUARTER(time)",
        "the quarter, 1 to 4",
        |args, _| extract(args, 0, Unit::Quarter),
        &[("QUARTER(DATE '1994-09-27')", "3")],
    ),
    part(
        "month",
        "MONTH(time)",
        "the month, 1 to 12",
        |args, _| extract(args, 0, Unit::Month),
        &[("MONTH(DATE '1994-09-27')", "9")],
    ),
    part(
        "week",
        "WEEK(time)",
        "the ISO week, 1 to 53",
        |args, _| extract(args, 0, Unit::Week),
        &[("WEEK(DATE '1994-09-27')", "39")],
    ),
    part(
        "dayofyear",
        "DAYOFYEAR(time)",
        "the day of the year, 1 to 366",
        |args, _| extract(args, 0, Unit::Doy),
        &[("DAYOFYEAR(DATE '1994-09-27')", "270")],
    ),
    part(
        "dayofmonth",
        "DAYOFMONTH(time)",
        "the day of the month, 1 to 31",
        |args, _| extract(args, 0, Unit::Day),
        &[("DAYOFMONTH(DATE '1994-09-27')", "27")],
    ),
    part(
        "dayofweek",
        "DAYOFWEEK(time)",
        "the day of the week, Sunday = 1",
        |args, _| extract(args, 0, Unit::Dow),
        &[("DAYOFWEEK(DATE '1994-09-27')", "3")],
    ),
    part(
        "hour",
        "HOUR(time)",
        "the hour, 0 to 23",
        |args, _| extract(args, 0, Unit::Hour),
        &[("HOUR(TIMESTAMP '1994-09-27 13:14:15')", "13")],
    ),
    part(
        "minute",
        "MINUTE(time)",
        "the minute, 0 to 59",
        |args, _| extract(args, 0, Unit::Minute),
        &[("MINUTE(TIMESTAMP '1994-09-27 13:14:15')", "14")],
    ),
    part(
        "second",
        "SECOND(time)",
        "the second, 0 to 59",
        |args, _| extract(args, 0, Unit::Second),
        &[("SECOND(TIMESTAMP '1994-09-27 13:14:15')", "15")],
    ),
    Entry {
        name: "floor_to",
        aliases: &[],
        signature: "FLOOR(time TO unit)",
        about: "the beginning of the unit that the time is in",
        takes: &[Text, Time],
        needs: 2,
        repeats: false,
        returns: Returns::Same(1),
        evaluate: |args, result| {
            let unit = constant_unit(args)?;
            map_times(args, 1, result, |time| floor(time, unit))
        },
        examples: &[
            ("FLOOR(TIMESTAMP '2026-03-01 09:10:11' TO HOUR)", "2026-03-01 09:00:00.000"),
            ("FLOOR(DATE '2026-03-21' TO MONTH)", "2026-03-01"),
        ],
    },
    Entry {
        name: "ceil_to",
        aliases: &[],
        signature: "CEIL(time TO unit)",
        about: "the end of the unit that the time is in; the time itself if it begins one",
        takes: &[Text, Time],
        needs: 2,
        repeats: false,
        returns: Returns::Same(1),
        evaluate: |args, result| {
            let unit = constant_unit(args)?;
            map_times(args, 1, result, |time| {
                let start = floor(time, unit)?;
                if start == time { Some(time) } else { add(start, unit, 1) }
            })
        },
        examples: &[("CEIL(TIMESTAMP '2026-03-01 09:10:11' TO HOUR)", "2026-03-01 10:00:00.000")],
    },
    Entry {
        name: "timestampadd",
        aliases: &[],
        signature: "TIMESTAMPADD(unit, number, time)",
        about: "the time so many units later",
        takes: &[Text, Int, Time],
        needs: 3,
        repeats: false,
        returns: Returns::Same(2),
        evaluate: |args, result| {
            let (unit, number) = (constant_unit(args)?, args.ints(1)?);
            map_times_at(args, 2, result, |time, row| add(time, unit, i64::from(number.get(row)?)))
        },
        examples: &[("TIMESTAMPADD(MONTH, 1, TIMESTAMP '2026-01-31 00:00:00')", "2026-02-28 00:00:00.000")],
    },
    Entry {
        name: "timestampdiff",
        aliases: &[],
        signature: "TIMESTAMPDIFF(unit, from, to)",
        about: "whole units from one time to the other, as INT",
        takes: &[Text, Time, Time],
        needs: 3,
        repeats: false,
        returns: Returns::Always(DataType::Int32),
        evaluate: |args, _| {
            let unit = constant_unit(args)?;
            let (from, to) = (times(args, 1)?, times(args, 2)?);
            args.build_ints(|row| {
                let Some((from, to)) = from(row).zip(to(row)) else { return Ok(None) };
                Ok(Some(difference(from, to, unit) as i32))
            })
        },
        examples: &[
            ("TIMESTAMPDIFF(DAY, TIMESTAMP '2003-01-02 10:00:00', TIMESTAMP '2003-01-03 10:00:00')", "1"),
            ("TIMESTAMPDIFF(MONTH, DATE '2026-01-31', DATE '2026-02-28')", "0"),
        ],
    },
    Entry {
        name: "date_format",
        aliases: &[],
        signature: "DATE_FORMAT(time, pattern)",
        about: "the time in the form of a Java pattern such as 'yyyy-MM-dd HH:mm'",
        takes: &[Any, Text],
        needs: 2,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let mut patterns = Patterns::default();
            let (time, pattern) = (times_or_texts(args, 0)?, args.texts(1)?);
            args.build_text(|row, out| {
                let Some((time, pattern)) = time(row).zip(pattern.get(row)) else { return Ok(None) };
                patterns.get(pattern)?.format(&time, out);
                Ok(Some(()))
            })
        },
        examples: &[
            ("DATE_FORMAT(TIMESTAMP '2026-03-01 09:10:11', 'yyyy/MM/dd HH')", "2026/03/01 09"),
            ("DATE_FORMAT('2026-03-01 09:10:11', 'mm')", "10"),
        ],
    },
    Entry {
        name: "to_timestamp",
        aliases: &[],
        signature: "TO_TIMESTAMP(text[, pattern])",
        about: "the TIMESTAMP(3) that the text spells; NULL if it spells none",
        takes: &[Text, Text],
        needs: 1,
        repeats: false,
        returns: TIMESTAMP,
        evaluate: |args, _| {
            let parse = parsed(args)?;
            let millis = parse.map(|time| time.map(|own| own.and_utc().timestamp_millis()));
            Ok(Arc::new(TimestampMillisecondArray::from_iter(millis)))
        },
        examples: &[
            ("TO_TIMESTAMP('2026-03-01 09:10:11.123')", "2026-03-01 09:10:11.123"),
            ("TO_TIMESTAMP('01.03.2026', 'dd.MM.yyyy')", "2026-03-01 00:00:00.000"),
            ("TO_TIMESTAMP('soon')", "NULL"),
        ],
    },
    Entry {
        name: "to_timestamp_ltz",
        aliases: &[],
        signature: "TO_TIMESTAMP_LTZ(number[, precision])",
        about: "the TIMESTAMP_LTZ(3) so many seconds (precision 0) or milliseconds (3, the default) after 1970",
        takes: &[Number, Int],
        needs: 1,
        repeats: false,
        returns: Returns::Of(|_, _| Ok(DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))),
        evaluate: |args, _| {
            let numbers = cast(&args.array(0)?, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<arrow::datatypes::Int64Type>();
            let precision = args.ints_or(1, 3)?;
            let millis = (0..args.rows()).map(|row| {
                let number = numbers.is_valid(row).then(|| numbers.value(row));
                match (number, precision(row)) {
                    (Some(seconds), Some(0)) => Ok(seconds.checked_mul(1000)),
                    (Some(millis), Some(3)) => Ok(Some(millis)),
                    (_, Some(other)) if other != 0 && other != 3 => {
                        failed(format!("TO_TIMESTAMP_LTZ: precision {other}; 0 and 3 are allowed"))
                    }
                    _ => Ok(None),
                }
            });
            let millis = millis.collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(TimestampMillisecondArray::from(millis).with_timezone("UTC")))
        },
        examples: &[("CAST(TO_TIMESTAMP_LTZ(100, 0) AS STRING)", "1970-01-01 00:01:40.000")],
    },
    Entry {
        name: "to_date",
        aliases: &[],
        signature: "TO_DATE(text[, pattern])",
        about: "the DATE that the text spells; NULL if it spells none",
        takes: &[Text, Text],
        needs: 1,
        repeats: false,
        returns: Returns::Always(DataType::Date32),
        evaluate: |args, _| {
            let days = parsed(args)?.map(|time| time.map(|own| Date32Type::from_naive_date(own.date())));
            Ok(Arc::new(Date32Array::from_iter(days)))
        },
        examples: &[
            ("TO_DATE('2026-03-01')", "2026-03-01"),
            ("TO_DATE('01/03/2026', 'dd/MM/yyyy')", "2026-03-01"),
        ],
    },
    Entry {
        name: "from_unixtime",
        aliases: &[],
        signature: "FROM_UNIXTIME(seconds[, pattern])",
        about: "the time so many seconds after 1970, as text in UTC",
        takes: &[Long, Text],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let mut patterns = Patterns::default();
            let (seconds, pattern) = (args.longs(0)?, args.texts_or(1, DEFAULT_PATTERN)?);
            args.build_text(|row, out| {
                let time = seconds.get(row).and_then(|own| DateTime::from_timestamp(own, 0));
                let Some((time, pattern)) = time.zip(pattern(row)) else { return Ok(None) };
                patterns.get(pattern)?.format(&time.naive_utc(), out);
                Ok(Some(()))
            })
        },
        examples: &[("FROM_UNIXTIME(44)", "1970-01-01 00:00:44")],
    },
    Entry {
        name: "unix_timestamp",
        aliases: &[],
        signature: "UNIX_TIMESTAMP(text[, pattern])",
        about: "seconds from 1970 to the time that the text spells in UTC",
        takes: &[Text, Text],
        needs: 1,
        repeats: false,
        returns: LONG,
        evaluate: |args, _| {
            // As Flink: text that spells no time gives the least BIGINT.
            let times: Vec<Option<NaiveDateTime>> = parsed(args)?.collect();
            let text = args.texts(0)?;
            args.build_longs(|row| {
                Ok(text.get(row).map(|_| times[row].map_or(i64::MIN, |own| own.and_utc().timestamp())))
            })
        },
        examples: &[("UNIX_TIMESTAMP('1970-01-01 00:01:40')", "100")],
    },
    Entry {
        name: "convert_tz",
        aliases: &[],
        signature: "CONVERT_TZ(text, from, to)",
        about: "a time of one zone as a time of another: CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'Asia/Tokyo')",
        takes: &[Text, Text, Text],
        needs: 3,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let (text, from, to) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
            let pattern = Pattern::new(DEFAULT_PATTERN).or_else(failed)?;
            args.build_text(|row, out| {
                let Some(((text, from), to)) = text.get(row).zip(from.get(row)).zip(to.get(row)) else {
                    return Ok(None);
                };
                Ok(converted(text, from, to).map(|time| pattern.format(&time, out)))
            })
        },
        examples: &[(
            "CONVERT_TZ('1970-01-01 00:00:00', 'UTC', 'America/Los_Angeles')",
            "1969-12-31 16:00:00",
        )],
    },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millennium,
    Century,
    Decade,
    Year,
    IsoYear,
    Quarter,
    Month,
    Week,
    Day,
    Doy,
    Dow,
    IsoDow,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
    Epoch,
}

impl FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Unit, String> {
        Ok(match text.to_ascii_uppercase().as_str() {
            "MILLENNIUM" => Unit::Millennium,
            "CENTURY" => Unit::Century,
            "DECADE" => Unit::Decade,
            "YEAR" | "YEARS" | "SQL_TSI_YEAR" => Unit::Year,
            "ISOYEAR" => Unit::IsoYear,
            "QUARTER" | "SQL_TSI_QUARTER" => Unit::Quarter,
            "MONTH" | "MONTHS" | "SQL_TSI_MONTH" => Unit::Month,
            "WEEK" | "WEEKS" | "SQL_TSI_WEEK" => Unit::Week,
            "DAY" | "DAYS" | "SQL_TSI_DAY" => Unit::Day,
            "DOY" => Unit::Doy,
            "DOW" => Unit::Dow,
            "ISODOW" => Unit::IsoDow,
            "HOUR" | "HOURS" | "SQL_TSI_HOUR" => Unit::Hour,
            "MINUTE" | "MINUTES" | "SQL_TSI_MINUTE" => Unit::Minute,
            "SECOND" | "SECONDS" | "SQL_TSI_SECOND" => Unit::Second,
            "MILLISECOND" | "MILLISECONDS" => Unit::Millisecond,
            "MICROSECOND" | "MICROSECONDS" => Unit::Microsecond,
            "NANOSECOND" | "NANOSECONDS" => Unit::Nanosecond,
            "EPOCH" => Unit::Epoch,
            other => return Err(format!("{other} is not a unit of time")),
        })
    }
}

fn constant_unit(args: &Arguments) -> Result<Unit> {
    match args.texts(0)?.get(0) {
        Some(text) => text.parse().or_else(failed),
        None => failed("the unit of time is NULL"),
    }
}

/// The times of an argument, a DATE at midnight, a TIME on 1970-01-01.
fn times(args: &Arguments, position: usize) -> Result<impl Fn(usize) -> Option<NaiveDateTime>> {
    let array = args.array(position)?;
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let fine = matches!(array.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _));
    let micros = if fine { nanos } else { DataType::Timestamp(TimeUnit::Microsecond, None) };
    let array = match array.data_type() {
        DataType::Time32(_) | DataType::Time64(_) => {
            let ticks = cast(&cast(&array, &DataType::Time64(TimeUnit::Microsecond))?, &DataType::Int64)?;
            cast(&ticks, &micros)?
        }
        _ => cast(&array, &micros)?,
    };
    Ok(move |row| {
        if array.is_null(row) {
            return None;
        }
        let utc = match fine {
            true => {
                DateTime::from_timestamp_nanos(array.as_primitive::<TimestampNanosecondType>().value(row))
            }
            false => {
                let ticks = array.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().value(row);
                DateTime::from_timestamp_micros(ticks)?
            }
        };
        Some(utc.naive_utc())
    })
}

type Lookup<'a> = Box<dyn Fn(usize) -> Option<NaiveDateTime> + 'a>;

/// Times, or texts that spell some.
fn times_or_texts(args: &Arguments, position: usize) -> Result<Lookup<'_>> {
    match args.data_type(position) {
        DataType::Utf8 => {
            let text = args.texts(position)?;
            Ok(Box::new(move |row| parse_timestamp(text.get(row)?)))
        }
        DataType::Timestamp(..) | DataType::Date32 | DataType::Time32(_) => {
            Ok(Box::new(times(args, position)?))
        }
        other => failed(format!("{other} is neither a time nor a text that spells one")),
    }
}

/// The last pattern, kept from row to row.
#[derive(Default)]
struct Patterns(Option<(String, Pattern)>);

impl Patterns {
    fn get(&mut self, text: &str) -> Result<&Pattern> {
        if self.0.as_ref().is_none_or(|(last, _)| last != text) {
            self.0 = Some((text.to_string(), Pattern::new(text).or_else(failed)?));
        }
        match &self.0 {
            Some((_, pattern)) => Ok(pattern),
            None => failed("no pattern"),
        }
    }
}

/// The times that the first argument spells in the pattern of the second.
fn parsed(args: &Arguments) -> Result<impl Iterator<Item = Option<NaiveDateTime>>> {
    let mut patterns = Patterns::default();
    let text = args.texts(0)?;
    let pattern = if args.count() > 1 { Some(args.texts(1)?) } else { None };
    let mut found = Vec::with_capacity(args.rows());
    for row in 0..args.rows() {
        found.push(match (text.get(row), &pattern) {
            (None, _) => None,
            (Some(text), None) => parse_timestamp(text),
            (Some(text), Some(given)) => match given.get(row) {
                Some(pattern) => patterns.get(pattern)?.parse(text),
                None => None,
            },
        });
    }
    Ok(found.into_iter())
}

fn extract(args: &Arguments, position: usize, unit: Unit) -> Result<ArrayRef> {
    let time = times(args, position)?;
    args.build_longs(|row| Ok(time(row).map(|own| part_of(own, unit))))
}

fn part_of(time: NaiveDateTime, unit: Unit) -> i64 {
    let (year, nanos) = (i64::from(time.year()), i64::from(time.nanosecond()));
    let seconds = i64::from(time.second());
    match unit {
        Unit::Millennium => (year + 999) / 1000,
        Unit::Century => (year + 99) / 100,
        Unit::Decade => year / 10,
        Unit::Year => year,
        Unit::IsoYear => i64::from(time.iso_week().year()),
        Unit::Quarter => i64::from(time.month0() / 3 + 1),
        Unit::Month => i64::from(time.month()),
        Unit::Week => i64::from(time.iso_week().week()),
        Unit::Day => i64::from(time.day()),
        Unit::Doy => i64::from(time.ordinal()),
        Unit::Dow => i64::from(time.weekday().number_from_sunday()),
        Unit::IsoDow => i64::from(time.weekday().number_from_monday()),
        Unit::Hour => i64::from(time.hour()),
        Unit::Minute => i64::from(time.minute()),
        Unit::Second => seconds,
        Unit::Millisecond => seconds * 1000 + nanos / 1_000_000,
        Unit::Microsecond => seconds * 1_000_000 + nanos / 1000,
        Unit::Nanosecond => seconds * 1_000_000_000 + nanos,
        Unit::Epoch => time.and_utc().timestamp(),
    }
}

/// The length of a unit that always has the same.
fn fixed(unit: Unit) -> Option<TimeDelta> {
    Some(match unit {
        Unit::Week => TimeDelta::weeks(1),
        Unit::Day | Unit::Doy | Unit::Dow | Unit::IsoDow => TimeDelta::days(1),
        Unit::Hour => TimeDelta::hours(1),
        Unit::Minute => TimeDelta::minutes(1),
        Unit::Second | Unit::Epoch => TimeDelta::seconds(1),
        Unit::Millisecond => TimeDelta::milliseconds(1),
        Unit::Microsecond => TimeDelta::microseconds(1),
        Unit::Nanosecond => TimeDelta::nanoseconds(1),
        _ => return None,
    })
}

/// How many months a unit of the calendar has.
fn months(unit: Unit) -> i64 {
    match unit {
        Unit::Millennium => 12_000,
        Unit::Century => 1200,
        Unit::Decade => 120,
        Unit::Quarter => 3,
        Unit::Month => 1,
        _ => 12,
    }
}

fn floor(time: NaiveDateTime, unit: Unit) -> Option<NaiveDateTime> {
    let midnight = time.date().and_hms_opt(0, 0, 0)?;
    match unit {
        // Weeks begin on Sunday, as Flink's do.
        Unit::Week => midnight.checked_sub_days(Days::new(u64::from(time.weekday().num_days_from_sunday()))),
        Unit::Day | Unit::Doy | Unit::Dow | Unit::IsoDow => Some(midnight),
        _ => match fixed(unit) {
            Some(length) => {
                let since = (time - midnight).num_nanoseconds()?;
                let length = length.num_nanoseconds()?;
                Some(midnight + TimeDelta::nanoseconds(since - since.rem_euclid(length)))
            }
            None => {
                let index = i64::from(time.year()) * 12 + i64::from(time.month0());
                // Centuries and millennia begin with year 1.
                let shift = if months(unit) >= 1200 { 12 } else { 0 };
                let start = (index - shift).div_euclid(months(unit)) * months(unit) + shift;
                let year = i32::try_from(start.div_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(year, start.rem_euclid(12) as u32 + 1, 1)?.and_hms_opt(0, 0, 0)
            }
        },
    }
}

fn add(time: NaiveDateTime, unit: Unit, count: i64) -> Option<NaiveDateTime> {
    if let Some(length) = fixed(unit) {
        let nanos = i128::from(length.num_nanoseconds()?) * i128::from(count);
        let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        return time.checked_add_signed(TimeDelta::new(i64::try_from(seconds).ok()?, nanos as u32)?);
    }
    let count = count.checked_mul(months(unit))?;
    let length = Months::new(u32::try_from(count.unsigned_abs()).ok()?);
    if count < 0 { time.checked_sub_months(length) } else { time.checked_add_months(length) }
}

/// Whole units between two times, cut toward zero.
fn difference(from: NaiveDateTime, to: NaiveDateTime, unit: Unit) -> i64 {
    if let Some(length) = fixed(unit) {
        let micros = (to - from).num_microseconds().unwrap_or(0);
        return match length.num_microseconds() {
            Some(0) | None => (to - from).num_nanoseconds().unwrap_or(0),
            Some(length) => micros / length,
        };
    }
    let index = |time: NaiveDateTime| i64::from(time.year()) * 12 + i64::from(time.month0());
    let rest = |time: NaiveDateTime| (time.day(), time.time());
    let mut whole = index(to) - index(from);
    if whole > 0 && rest(to) < rest(from) {
        whole -= 1;
    } else if whole < 0 && rest(to) > rest(from) {
        whole += 1;
    }
    whole / months(unit)
}

fn map_times(
    args: &Arguments,
    position: usize,
    result: &DataType,
    map: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
) -> Result<ArrayRef> {
    map_times_at(args, position, result, |time, _| map(time))
}

/// Times made from the times of an argument, in its type.
fn map_times_at(
    args: &Arguments,
    position: usize,
    result: &DataType,
    map: impl Fn(NaiveDateTime, usize) -> Option<NaiveDateTime>,
) -> Result<ArrayRef> {
    let time = times(args, position)?;
    let micros = (0..args.rows()).map(|row| map(time(row)?, row).map(|own| own.and_utc().timestamp_micros()));
    let made = arrow::array::TimestampMicrosecondArray::from_iter(micros);
    let made: ArrayRef = match result {
        DataType::Timestamp(_, Some(zone)) => Arc::new(made.with_timezone(zone.clone())),
        _ => Arc::new(made),
    };
    Ok(cast(&made, result)?)
}

fn converted(text: &str, from: &str, to: &str) -> Option<NaiveDateTime> {
    let (from, to) = (chrono_tz::Tz::from_str(from).ok()?, chrono_tz::Tz::from_str(to).ok()?);
    let local = from.from_local_datetime(&parse_timestamp(text)?).earliest()?;
    Some(local.with_timezone(&to).naive_local())
}
