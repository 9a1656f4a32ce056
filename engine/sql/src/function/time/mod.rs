//! Dates, times and timestamps, in UTC.

mod arithmetic;
pub(super) mod civil;
mod convert;
mod part;
mod pattern;
pub(super) mod read;
mod rounding;
mod unit;

use arrow::datatypes::{DataType, TimeUnit};

use super::ScalarEntry;
use super::coercion::Takes::{Bigint, Int, Text, Time};
use super::udf::{Arguments, Gives, checked, entry};
use unit::Unit;

/// TIMESTAMP(3).
fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

macro_rules! part {
    ($name:literal, $form:literal, $about:literal, $unit:expr) => {
        entry($name, $form, $about, &[Time], Gives::Bigint, |call| part::of_unit(call, 0, $unit))
    };
}

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry(
        "extract",
        "EXTRACT(unit FROM time)",
        "one part of a time",
        &[Text, Time],
        Gives::Bigint,
        part::extract,
    ),
    part!("year", "YEAR(time)", "the year", Unit::Year),
    part!("quarter", "QUARTER(time)", "the quarter, 1 to 4", Unit::Quarter),
    part!("month", "MONTH(time)", "the month, 1 to 12", Unit::Month),
    part!("week", "WEEK(time)", "the ISO week of the year, 1 to 53", Unit::Week),
    part!("dayofyear", "DAYOFYEAR(time)", "the day of the year, 1 to 366", Unit::DayOfYear),
    part!("dayofmonth", "DAYOFMONTH(time)", "the day of the month, 1 to 31", Unit::Day),
    part!("dayofweek", "DAYOFWEEK(time)", "the day of the week, 1 (Sunday) to 7", Unit::DayOfWeek),
    part!("hour", "HOUR(time)", "the hour, 0 to 23", Unit::Hour),
    part!("minute", "MINUTE(time)", "the minute, 0 to 59", Unit::Minute),
    part!("second", "SECOND(time)", "the second, 0 to 59", Unit::Second),
    entry(
        "floor_to",
        "FLOOR(time TO unit)",
        "rounded down to the unit",
        &[Text, Time],
        Gives::Of(|types, _| Ok(types[1].clone())),
        |call| rounding::round(call, rounding::floor),
    ),
    entry(
        "ceil_to",
        "CEIL(time TO unit)",
        "rounded up to the unit",
        &[Text, Time],
        Gives::Of(|types, _| Ok(types[1].clone())),
        |call| rounding::round(call, rounding::ceil),
    ),
    entry(
        "timestampdiff",
        "TIMESTAMPDIFF(unit, from, to)",
        "whole units between two times",
        &[Text, Time, Time],
        Gives::Int,
        arithmetic::difference,
    ),
    entry(
        "timestampadd",
        "TIMESTAMPADD(unit, count, time)",
        "time moved by count units",
        &[Text, Bigint, Time],
        Gives::Of(arithmetic::sum_type),
        arithmetic::sum,
    ),
    checked(
        "date_format",
        "DATE_FORMAT(time, pattern)",
        "written by a pattern such as 'yyyy-MM-dd HH:mm'",
        Arguments::Checked(convert::time_or_text_and_pattern),
        Gives::Text,
        convert::date_format,
    ),
    entry(
        "to_timestamp",
        "TO_TIMESTAMP(string[, pattern])",
        "text as TIMESTAMP(3); NULL if it is none",
        &[Text, Text],
        Gives::Of(|_, _| Ok(timestamp())),
        convert::to_timestamp,
    )
    .optional(1),
    checked(
        "to_timestamp_ltz",
        "TO_TIMESTAMP_LTZ(number[, precision])",
        "seconds (0) or milliseconds (3) since 1970 as TIMESTAMP_LTZ(3)",
        Arguments::Checked(convert::epoch_arguments),
        Gives::Of(|_, _| Ok(DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())))),
        convert::to_timestamp_ltz,
    ),
    entry(
        "to_date",
        "TO_DATE(string[, pattern])",
        "text as DATE; NULL if it is none",
        &[Text, Text],
        Gives::Date,
        convert::to_date,
    )
    .optional(1),
    entry(
        "from_unixtime",
        "FROM_UNIXTIME(seconds[, pattern])",
        "seconds since 1970, written as 'yyyy-MM-dd HH:mm:ss'",
        &[Bigint, Text],
        Gives::Text,
        convert::from_unixtime,
    )
    .optional(1),
    entry(
        "unix_timestamp",
        "UNIX_TIMESTAMP(string[, pattern])",
        "text as seconds since 1970",
        &[Text, Text],
        Gives::Bigint,
        convert::unix_timestamp,
    )
    .optional(1),
    entry(
        "convert_tz",
        "CONVERT_TZ(string, from, to)",
        "'yyyy-MM-dd HH:mm:ss' of one time zone in another",
        &[Text, Text, Text],
        Gives::Text,
        convert::convert_tz,
    ),
    entry("unix_date", "UNIX_DATE(time)", "days since 1970", &[Time], Gives::Int, part::unix_date),
    entry(
        "date_from_unix_date",
        "DATE_FROM_UNIX_DATE(days)",
        "days since 1970 as DATE",
        &[Int],
        Gives::Date,
        convert::from_days,
    ),
];
