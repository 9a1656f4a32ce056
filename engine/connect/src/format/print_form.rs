//! Values as Flink's `print` sink shows them: Java's `toString`.

use std::io::Write;

use arrow::array::Array;

use super::cell::{Cells, instant, range, time_of_day};
use super::scalar::{Seconds, write_date, write_decimal, write_java_number, write_time, write_timestamp};

/// Appends the value of row `row`: `null`, `1.0`, `2020-10-10T00:00`, `[1, 2]`, `{a=1}`, `+I[a, 1]`.
/// Types that SQL has no name for print as Arrow shows them.
pub fn print_value(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match Cells::new(array) {
        Ok(cells) => print_cell(&cells, row, out),
        Err(_) => out.extend_from_slice(b"?"),
    }
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
        Cells::Float32(own) => write_java_number(&format!("{:e}", own.value(row)), out),
        Cells::Float64(own) => write_java_number(&format!("{:e}", own.value(row)), out),
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
