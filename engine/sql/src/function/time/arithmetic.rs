//! TIMESTAMPDIFF and TIMESTAMPADD.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Int32Type};
use datafusion_common::{Result, ScalarValue, exec_err};

use super::civil::{DAY_NANOS, Scale, civil, days_of, month_length};
use super::unit::Unit;
use crate::function::call::Call;

/// Whole units from one moment to another, cut toward zero; of months, the time of the day counts one less only where
/// they end on the same day, and also back in time.
fn between(unit: Unit, from: (i64, i64), to: (i64, i64)) -> Option<i64> {
    if let Some(size) = unit.nanos() {
        let total = |(days, nanos): (i64, i64)| days as i128 * DAY_NANOS as i128 + nanos as i128;
        return i64::try_from((total(to) - total(from)) / size).ok();
    }
    let mut months = whole_months(from.0, to.0)?;
    let millis = |nanos: i64| nanos / 1_000_000;
    if add_months(from.0, months)? == to.0 && millis(to.1) < millis(from.1) {
        months -= 1;
    }
    Some(months / unit.months()?)
}

/// Whole months between days as Calcite's `DateTimeUtils.subtractMonths` counts them, which is what Flink does: back
/// in time they are those forward, and the last day of a shorter month is a month after the same or a later day.
fn whole_months(from: i64, to: i64) -> Option<i64> {
    if to < from {
        return Some(-whole_months(to, from)?);
    }
    let ((y1, m1, _), (y2, m2, _)) = (civil(from), civil(to));
    let months = (y2 - y1) * 12 + m2 - m1;
    Some(if add_months(from, months)? > to { months - 1 } else { months })
}

pub(super) fn difference(call: &Call) -> Result<ArrayRef> {
    let Some(name) = call.constant_text(0)? else { return call.numbers::<Int32Type>(|_| Ok(None)) };
    let unit = Unit::named(name)?;
    if unit.nanos().is_none() && unit.months().is_none() {
        return exec_err!("TIMESTAMPDIFF does not count in {name}");
    }
    let (from_scale, to_scale) =
        (Scale::of(call.array(1).data_type())?, Scale::of(call.array(2).data_type())?);
    let (from, to) = (call.ticks(1)?, call.ticks(2)?);
    call.numbers::<Int32Type>(|row| {
        let Some((from, to)) = from.get(row).zip(to.get(row)) else { return Ok(None) };
        let units = between(unit, from_scale.split(from), to_scale.split(to));
        match units.and_then(|units| i32::try_from(units).ok()) {
            Some(units) => Ok(Some(units)),
            None => exec_err!("TIMESTAMPDIFF: the difference in {name} is out of INT's range"),
        }
    })
}

/// A DATE moved by less than days becomes a TIMESTAMP(3).
pub(super) fn sum_type(types: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    let unit = match literals.first() {
        Some(Some(ScalarValue::Utf8(Some(name)))) => Unit::named(name).ok(),
        _ => None,
    };
    let of_day = unit.and_then(Unit::nanos).is_some_and(|nanos| nanos < DAY_NANOS as i128);
    Ok(match &types[2] {
        DataType::Date32 if of_day => super::timestamp(),
        other => other.clone(),
    })
}

/// `months` later; a day that the month does not have becomes its last.
fn add_months(days: i64, months: i64) -> Option<i64> {
    let (year, month, day) = civil(days);
    let total = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
    (year.abs() < 1_000_000).then(|| days_of(year, month, day.min(month_length(year, month))))
}

pub(super) fn sum(call: &Call) -> Result<ArrayRef> {
    let Some(name) = call.constant_text(0)? else { return call.times(|_| Ok(None)) };
    let unit = Unit::named(name)?;
    let (from, to) = (Scale::of(call.array(2).data_type())?, Scale::of(call.result)?);
    let is_time = matches!(call.result, DataType::Time32(_));
    let (count, ticks) = (call.integer(1)?, call.ticks(2)?);
    call.times(|row| {
        let Some((count, ticks)) = count.get(row).zip(ticks.get(row)) else { return Ok(None) };
        let (days, nanos) = from.split(ticks);
        let moved = match (unit.nanos(), unit.months()) {
            (Some(size), _) => {
                let total = days as i128 * DAY_NANOS as i128 + nanos as i128 + size * count as i128;
                to.of_nanos(if is_time { total.rem_euclid(DAY_NANOS as i128) } else { total })
            }
            (None, Some(size)) => count
                .checked_mul(size)
                .and_then(|months| add_months(days, months))
                .and_then(|days| to.join(days, nanos)),
            (None, None) => return exec_err!("TIMESTAMPADD does not count in {name}"),
        };
        match moved {
            Some(moved) => Ok(Some(moved)),
            None => exec_err!("TIMESTAMPADD: {count} {name} later is out of the type's range"),
        }
    })
}
