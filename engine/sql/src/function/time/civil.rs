//! The calendar: days since 1970-01-01 as year, month and day, and back. Proleptic Gregorian.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, exec_err};

/// A day as year, month (from 1) and day of the month (from 1).
pub(in crate::function) fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on 1 March, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + (month <= 2) as i64, month, day)
}

/// Days since 1970-01-01. A month beyond 1 to 12 counts on from the year, a day from the month.
pub(in crate::function) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let year = year - (month <= 2) as i64;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year + day - 1 - 719_468
}

/// Days of a month.
pub(in crate::function) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of the week, 0 = Sunday.
pub(in crate::function) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// The day of the year, from 1.
pub(in crate::function) fn day_of_year(days: i64) -> i64 {
    days - days_of(civil(days).0, 1, 1) + 1
}

/// ISO 8601 year and week.
pub(in crate::function) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - (weekday(days) + 6).rem_euclid(7) + 3;
    let year = civil(thursday).0;
    (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
}

/// How a time type counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::function) struct Scale {
    /// Ticks in a day.
    pub per_day: i64,
    /// Nanoseconds in a tick.
    pub nanos: i64,
}

/// Nanoseconds in a day.
pub(in crate::function) const DAY_NANOS: i64 = 86_400_000_000_000;

impl Scale {
    /// How `data_type` counts.
    pub fn of(data_type: &DataType) -> Result<Scale> {
        let unit = match data_type {
            DataType::Date32 => return Ok(Scale { per_day: 1, nanos: DAY_NANOS }),
            DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => unit,
            other => return exec_err!("{other} is not a time"),
        };
        let per_second = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        Ok(Scale { per_day: 86_400 * per_second, nanos: 1_000_000_000 / per_second })
    }

    /// Day since 1970 and nanoseconds of the day.
    #[inline]
    pub fn split(self, ticks: i64) -> (i64, i64) {
        (ticks.div_euclid(self.per_day), ticks.rem_euclid(self.per_day) * self.nanos)
    }

    /// Ticks of a moment, rounded down; `None` = the type cannot hold it.
    #[inline]
    pub fn join(self, days: i64, nanos: i64) -> Option<i64> {
        days.checked_mul(self.per_day)?.checked_add(nanos.div_euclid(self.nanos))
    }

    /// Ticks of a moment given in nanoseconds since 1970, rounded down.
    pub fn of_nanos(self, nanos: i128) -> Option<i64> {
        i64::try_from(nanos.div_euclid(self.nanos as i128)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};

    proptest::proptest! {
        #[test]
        fn the_calendar_is_the_common_one(days in -800_000i64..3_000_000) {
            let oracle = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + chrono::Duration::days(days);
            let (year, month, day) = civil(days);
            let expected = (oracle.year() as i64, oracle.month() as i64, oracle.day() as i64);
            proptest::prop_assert_eq!((year, month, day), expected);
            proptest::prop_assert_eq!(days_of(year, month, day), days);
            proptest::prop_assert_eq!(weekday(days), oracle.weekday().num_days_from_sunday() as i64);
            proptest::prop_assert_eq!(day_of_year(days), oracle.ordinal() as i64);
            let week = oracle.iso_week();
            proptest::prop_assert_eq!(iso_week(days), (week.year() as i64, week.week() as i64));
            proptest::prop_assert!(day <= month_length(year, month));
        }
    }
}
