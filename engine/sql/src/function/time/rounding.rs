//! FLOOR and CEIL of a time to a unit, with Flink's rules: weeks begin on Sunday; above a day, CEIL looks at
//! the date only, so noon of the first of a month is already that month.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::civil::{DAY_NANOS, Scale, civil, days_of, weekday};
use super::unit::Unit;
use crate::function::call::Call;

/// A moment (day, nanoseconds of the day) rounded to a unit; `None` = it is no unit to round to.
type Rounding = fn(Unit, i64, i64) -> Option<(i64, i64)>;

pub(super) fn round(call: &Call, rounding: Rounding) -> Result<ArrayRef> {
    let Some(name) = call.constant_text(0)? else { return call.times(|_| Ok(None)) };
    let unit = Unit::named(name)?;
    let of_day = unit.nanos().is_some_and(|nanos| nanos < DAY_NANOS as i128);
    match call.array(1).data_type() {
        DataType::Time32(_) if !of_day => return exec_err!("a TIME cannot be rounded to {name}"),
        DataType::Date32 if of_day => return exec_err!("a DATE cannot be rounded to {name}"),
        _ => {}
    }
    if rounding(unit, 0, 0).is_none() {
        return exec_err!("a time cannot be rounded to {name}");
    }
    let (scale, ticks) = (Scale::of(call.array(1).data_type())?, call.ticks(1)?);
    call.times(|row| {
        Ok(ticks.get(row).and_then(|ticks| {
            let (days, nanos) = scale.split(ticks);
            let (days, nanos) = rounding(unit, days, nanos)?;
            scale.join(days, nanos)
        }))
    })
}

fn of_day(unit: Unit) -> Option<i64> {
    unit.nanos().filter(|nanos| *nanos <= DAY_NANOS as i128).map(|nanos| nanos as i64)
}

pub(super) fn floor(unit: Unit, days: i64, nanos: i64) -> Option<(i64, i64)> {
    if let Some(size) = of_day(unit) {
        return Some((days, nanos - nanos % size));
    }
    let (year, month, _) = civil(days);
    let first = match unit {
        Unit::Week => days - weekday(days),
        Unit::Month => days_of(year, month, 1),
        Unit::Quarter => days_of(year, (month - 1) / 3 * 3 + 1, 1),
        Unit::Year => days_of(year, 1, 1),
        Unit::Decade => days_of(year.div_euclid(10) * 10, 1, 1),
        Unit::Century => days_of((year - 1).div_euclid(100) * 100 + 1, 1, 1),
        Unit::Millennium => days_of((year - 1).div_euclid(1_000) * 1_000 + 1, 1, 1),
        _ => return None,
    };
    Some((first, 0))
}

pub(super) fn ceil(unit: Unit, days: i64, nanos: i64) -> Option<(i64, i64)> {
    if let Some(size) = of_day(unit) {
        let rounded = nanos + (size - nanos % size) % size;
        return Some((days, rounded));
    }
    let (year, month, day) = civil(days);
    let first = match unit {
        Unit::Week => days + (7 - weekday(days)) % 7,
        Unit::Month => days_of(year, month + (day > 1) as i64, 1),
        Unit::Quarter => {
            let next = month > 1 || day > 1;
            days_of(year, (month - 1) / 3 * 3 + 1 + if next { 3 } else { 0 }, 1)
        }
        Unit::Year => days_of(year + (month > 1 || day > 1) as i64, 1, 1),
        Unit::Decade => days_of(year.div_euclid(10) * 10 + 10, 1, 1),
        Unit::Century => days_of((year - 1).div_euclid(100) * 100 + 101, 1, 1),
        Unit::Millennium => days_of((year - 1).div_euclid(1_000) * 1_000 + 1_001, 1, 1),
        _ => return None,
    };
    Some((first, 0))
}
