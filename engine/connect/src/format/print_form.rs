//! Values as Flink's `print` sink shows them: Java's `toString`.

use std::io::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DurationMillisecondType, IntervalMonthDayNanoType};

use super::cell::{Cells, instant, range, time_of_day};
use super::scalar::{Seconds, write_date, write_decimal, write_java_number, write_time, write_timestamp};

/// Appends the value of row `row`: `null`, `1.0`, `2020-10-10T00:00`, `[1, 2]`, `{a=1}`, `+I[a, 1]`.
/// Types that SQL has no name for print as Arrow shows them.
pub fn print_value(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match Cells::new(array) {
        Ok(cells) => print_cell(&cells, row, out),
        Err(_) => print_interval(array, row, out),
    }
}

/// `PT1H30M`, `P1Y2M`: Java's `Duration` and `Period`.
fn print_interval(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    const NANOS_PER_MS: i64 = 1_000_000;
    const DAY_MS: i64 = 86_400_000;
    if array.is_null(row) {
        out.extend_from_slice(b"null");
    } else if let Some(own) = array.as_primitive_opt::<DurationMillisecondType>() {
        print_duration(own.value(row), out);
    } else if let Some(own) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
        let own = own.value(row);
        match own.months {
            0 => print_duration(i64::from(own.days) * DAY_MS + own.nanoseconds / NANOS_PER_MS, out),
            months => print_period(months, out),
        }
    } else {
        out.extend_from_slice(b"?");
    }
}

fn print_period(months: i32, out: &mut Vec<u8>) {
    let parts = [(months / 12, 'Y'), (months % 12, 'M')];
    let parts: String =
        parts.iter().filter(|own| own.0 != 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    out.extend_from_slice(format!("P{parts}").as_bytes());
}

fn print_duration(ms: i64, out: &mut Vec<u8>) {
    let (hours, minutes, rest) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let mut text = String::from("PT");
    for (number, unit) in [(hours, 'H'), (minutes, 'M')] {
        if number != 0 {
            text += &format!("{number}{unit}");
        }
    }
    if rest != 0 || ms == 0 {
        let sign = if rest < 0 { "-" } else { "" };
        let fraction = format!(".{:03}", rest.abs() % 1000);
        text +=
            &format!("{sign}{}{}S", rest.abs() / 1000, fraction.trim_end_matches('0').trim_end_matches('.'));
    }
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn print_cell(cells: &Cells<'_>, row: usize, out: &mut Vec<u8>) {
    if cells.is_null(row) {
        out.extend_from_slice(b"null");
        return;
    }
    // Writing to a Vec cannot fail.
    let number = |out: &mut Vec<u8>, value: i64| drop(write!(out, "{value}"));
    match cells {
        Cells::Null => {}
        Cells::Boolean(own) => out.extend_from_slice(if own.value(row) { b"true" } else { b"false" }),
        Cells::Int8(own) => number(out, i64::from(own.value(row))),
        Cells::Int16(own) => number(out, i64::from(own.value(row))),
        Cells::Int32(own) => number(out, i64::from(own.value(row))),
        Cells::Int64(own) => number(out, own.value(row)),
        Cells::Float32(own) => write_java_number(own.value(row), out),
        Cells::Float64(own) => write_java_number(own.value(row), out),
        Cells::Decimal(own, scale) => write_decimal(own.value(row), *scale, out),
        Cells::Utf8(own) => out.extend_from_slice(own.value(row).as_bytes()),
        Cells::Binary(own) => {
            let bytes = own.value(row).iter().map(|byte| (*byte as i8).to_string());
            out.extend_from_slice(format!("[{}]", bytes.collect::<Vec<_>>().join(", ")).as_bytes());
        }
        Cells::Date(own) => write_date(i64::from(own.value(row)), out),
        Cells::Time(own) => {
            let (seconds, nanos) = time_of_day(own.value(row));
            write_time(seconds, nanos, Seconds::Java, out);
        }
        Cells::Timestamp { ticks, unit, local_zone, .. } => {
            // An instant always shows its seconds, a local date and time only if there are any.
            let seconds = if *local_zone { Seconds::Always } else { Seconds::Java };
            write_timestamp(instant(ticks[row], *unit), b'T', seconds, out);
            if *local_zone {
                out.push(b'Z');
            }
        }
        Cells::List { ends, items, .. } => {
            out.push(b'[');
            separated(range(ends, row), out, |item, out| print_cell(items, item, out));
            out.push(b']');
        }
        Cells::Struct { fields, .. } => {
            out.extend_from_slice(b"+I[");
            separated(0..fields.len(), out, |field, out| print_cell(&fields[field], row, out));
            out.push(b']');
        }
        Cells::Map { ends, keys, items, .. } => {
            out.push(b'{');
            separated(range(ends, row), out, |item, out| {
                print_cell(keys, item, out);
                out.push(b'=');
                print_cell(items, item, out);
            });
            out.push(b'}');
        }
    }
}

fn separated(items: std::ops::Range<usize>, out: &mut Vec<u8>, mut print: impl FnMut(usize, &mut Vec<u8>)) {
    for (number, item) in items.enumerate() {
        if number > 0 {
            out.extend_from_slice(b", ");
        }
        print(item, out);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{DurationMillisecondArray, IntervalMonthDayNanoArray};
    use arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    fn printed(array: &dyn Array) -> Vec<String> {
        let print = |row| {
            let mut out = vec![];
            print_value(array, row, &mut out);
            String::from_utf8(out).unwrap()
        };
        (0..array.len()).map(print).collect()
    }

    #[test]
    fn intervals_print_as_java_durations_and_periods() {
        let durations = [Some(0), Some(90_000), Some(3_600_000), Some(-5_400_500), Some(1_500), None];
        let expected = ["PT0S", "PT1M30S", "PT1H", "PT-1H-30M-0.5S", "PT1.5S", "null"];
        assert_eq!(printed(&DurationMillisecondArray::from(durations.to_vec())), expected);
        let interval = IntervalMonthDayNano::new;
        let mixed = [interval(14, 0, 0), interval(-12, 0, 0), interval(0, 1, 2_000_000_000)];
        assert_eq!(printed(&IntervalMonthDayNanoArray::from(mixed.to_vec())), ["P1Y2M", "P-1Y", "PT24H2S"]);
    }
}
