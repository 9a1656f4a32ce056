//! Parts of a time: EXTRACT and its kin.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion_common::Result;

use super::civil::{DAY_NANOS, Scale, civil, day_of_year, iso_week, weekday};
use super::unit::Unit;
use crate::function::call::Call;

pub(super) fn extract(call: &Call) -> Result<ArrayRef> {
    match call.constant_text(0)? {
        Some(name) => of_unit(call, 1, Unit::named(name)?),
        None => call.numbers::<Int64Type>(|_| Ok(None)),
    }
}

pub(super) fn of_unit(call: &Call, index: usize, unit: Unit) -> Result<ArrayRef> {
    let scale = Scale::of(call.array(index).data_type())?;
    if matches!(call.array(index).data_type(), DataType::Time32(_))
        && unit.nanos().is_none_or(|n| n >= DAY_NANOS as i128)
    {
        return datafusion_common::exec_err!("a TIME has no {unit:?}");
    }
    let ticks = call.ticks(index)?;
    call.numbers::<Int64Type>(|row| {
        Ok(ticks.get(row).map(|ticks| {
            let (days, nanos) = scale.split(ticks);
            part(unit, days, nanos)
        }))
    })
}

fn part(unit: Unit, days: i64, nanos: i64) -> i64 {
    let year = || civil(days).0;
    let spans = |span: i64| if year() > 0 { (year() + span - 1) / span } else { (year() - span + 1) / span };
    match unit {
        Unit::Millennium => spans(1_000),
        Unit::Century => spans(100),
        Unit::Decade => year() / 10,
        Unit::Year => year(),
        Unit::IsoYear => iso_week(days).0,
        Unit::Quarter => (civil(days).1 + 2) / 3,
        Unit::Month => civil(days).1,
        Unit::Week => iso_week(days).1,
        Unit::Day => civil(days).2,
        Unit::DayOfWeek => weekday(days) + 1,
        Unit::IsoDayOfWeek => (weekday(days) + 6) % 7 + 1,
        Unit::DayOfYear => day_of_year(days),
        Unit::Hour => nanos / 3_600_000_000_000,
        Unit::Minute => nanos / 60_000_000_000 % 60,
        Unit::Second => nanos / 1_000_000_000 % 60,
        Unit::Millisecond => nanos / 1_000_000 % 1_000,
        Unit::Microsecond => nanos / 1_000 % 1_000_000,
        Unit::Nanosecond => nanos % 1_000_000_000,
        Unit::Epoch => days * 86_400 + nanos / 1_000_000_000,
    }
}

pub(super) fn unix_date(call: &Call) -> Result<ArrayRef> {
    let (scale, ticks) = (Scale::of(call.array(0).data_type())?, call.ticks(0)?);
    call.numbers::<Int32Type>(|row| Ok(ticks.get(row).map(|ticks| scale.split(ticks).0 as i32)))
}
