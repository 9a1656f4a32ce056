//! Text to scalar values and back, as Flink's text formats spell them. No allocation on the way in.
//!
//! Dates are proleptic Gregorian; the day arithmetic is Howard Hinnant's ("chrono-Compatible Low-Level Date
//! Algorithms", 2013).

use std::fmt::LowerExp;

use lexical_core::FormattedSize;

/// A point in time: seconds since 1970 and nanoseconds within the second.
pub(super) type Instant = (i64, u32);

const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970 of a date. `None` if the calendar has no such day.
fn days_from_civil(year: u32, month: u32, day: u32) -> Option<i32> {
    const DAYS: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let most = *DAYS.get(month as usize)? + u32::from(leap && month == 2);
    if day == 0 || day > most {
        return None;
    }
    // Years begin in March, and one era is before the first: no number is negative.
    let shifted = year + 400 - u32::from(month <= 2);
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era) as i32 - 146_097 - 719_468)
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097) as u32;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (i64::from(year_of_era) + era * 400 + i64::from(month <= 2), month, day)
}

/// The number that the digits spell.
#[inline]
fn digits<const LEN: usize>(text: [u8; LEN]) -> Option<u32> {
    const { assert!(LEN <= 9, "more digits do not fit") }
    let (mut value, mut wrong) = (0u32, false);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        wrong |= digit > 9;
        value = value.wrapping_mul(10).wrapping_add(u32::from(digit));
    }
    (!wrong).then_some(value)
}

/// `yyyy-MM-dd`, in days since 1970.
pub(super) fn date(text: &[u8]) -> Option<i32> {
    let &[y, e, a, r, b'-', m, n, b'-', d, t] = text else { return None };
    days_from_civil(digits([y, e, a, r])?, digits([m, n])?, digits([d, t])?)
}

/// `HH:mm[:ss[.fraction]]`, in seconds and nanoseconds of the day.
fn time_of_day(text: &[u8]) -> Option<Instant> {
    let (&[h, i, b':', m, n], rest) = text.split_first_chunk()? else { return None };
    let (hour, minute) = (digits([h, i])?, digits([m, n])?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let whole = i64::from(hour * 3600 + minute * 60);
    let Some((&[colon, s, t], rest)) = rest.split_first_chunk() else {
        return rest.is_empty().then_some((whole, 0));
    };
    let second = digits([s, t])?;
    if colon != b':' || second > 59 {
        return None;
    }
    let nanos = match rest {
        [] => 0,
        &[b'.', a, b, c] => digits([a, b, c])? * 1_000_000,
        [b'.', fraction @ ..] => nanos(fraction)?,
        _ => return None,
    };
    Some((whole + i64::from(second), nanos))
}

/// A fraction of a second of one to nine digits.
fn nanos(fraction: &[u8]) -> Option<u32> {
    let mut text = [b'0'; 9];
    text.get_mut(..fraction.len()).filter(|own| !own.is_empty())?.copy_from_slice(fraction);
    digits(text)
}

/// `HH:mm:ss[.fraction]`, in milliseconds of the day.
pub(super) fn time(text: &[u8]) -> Option<i32> {
    let (seconds, nanos) = time_of_day(text)?;
    i32::try_from(seconds * 1000 + i64::from(nanos / 1_000_000)).ok()
}

/// `yyyy-MM-dd HH:mm:ss[.fraction]`, or with `T`; a `Z` at the end is allowed.
pub(super) fn timestamp(text: &[u8]) -> Option<Instant> {
    let text = text.strip_suffix(b"Z").unwrap_or(text);
    if text.len() < 16 || (text[10] != b' ' && text[10] != b'T') {
        return None;
    }
    let days = date(&text[..10])?;
    let (seconds, nanos) = time_of_day(&text[11..])?;
    Some((i64::from(days) * SECONDS_PER_DAY + seconds, nanos))
}

/// A decimal number, exactly, rounded half up to `scale`. `None`: not a number, or more digits than
/// `precision`.
pub(super) fn decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let mantissa_len = rest.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(rest.len());
    let exponent: i64 = match rest.get(mantissa_len + 1..) {
        None => 0,
        Some(exponent) => std::str::from_utf8(exponent).ok()?.parse().ok()?,
    };
    let mantissa = &rest[..mantissa_len];
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    // Digits up to this position count from the left of the mantissa are kept.
    let kept = i64::try_from(point).ok()?.checked_add(exponent)?.checked_add(i64::from(scale))?;
    let (mut value, mut position, mut half) = (0i128, 0i64, false);
    for (index, byte) in mantissa.iter().enumerate() {
        if index == point {
            continue;
        }
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        if position < kept {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        } else if position == kept {
            half = digit >= 5;
        }
        position += 1;
    }
    if position == 0 {
        return None;
    }
    if value != 0 {
        for _ in position..kept {
            value = value.checked_mul(10)?;
        }
    }
    value += i128::from(half);
    (value < 10i128.pow(u32::from(precision))).then_some(if negative { -value } else { value })
}

/// Two digits of a number below 100.
fn pair(value: u32) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

/// A whole number.
pub(super) fn write_integer(value: i64, out: &mut Vec<u8>) {
    let mut buffer = [0; i64::FORMATTED_SIZE_DECIMAL];
    out.extend_from_slice(lexical_core::write(value, &mut buffer));
}

/// `yyyy-MM-dd`; years beyond four digits as Java prints them.
pub(super) fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    let (magnitude, [m, n], [d, e]) = (year.unsigned_abs(), pair(month), pair(day));
    match year {
        ..0 => out.push(b'-'),
        0..=9999 => {}
        10_000.. => out.push(b'+'),
    }
    if magnitude > 9999 {
        write_integer(magnitude as i64, out);
    } else {
        out.extend_from_slice(&pair(magnitude as u32 / 100));
        out.extend_from_slice(&pair(magnitude as u32 % 100));
    }
    out.extend_from_slice(&[b'-', m, n, b'-', d, e]);
}

/// How the seconds of a time are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seconds {
    /// Always; the fraction as long as needed.
    Always,
    /// As `java.time` prints: left out when zero; the fraction in groups of three digits.
    Java,
}

/// `HH:mm:ss[.fraction]` of a time of day.
pub(super) fn write_time(second_of_day: u32, nanos: u32, seconds: Seconds, out: &mut Vec<u8>) {
    let ([h, i], [m, n]) = (pair(second_of_day / 3600), pair(second_of_day / 60 % 60));
    out.extend_from_slice(&[h, i, b':', m, n]);
    let second = second_of_day % 60;
    if seconds == Seconds::Java && second == 0 && nanos == 0 {
        return;
    }
    let [s, t] = pair(second);
    out.extend_from_slice(&[b':', s, t]);
    if nanos != 0 {
        write_fraction(nanos, seconds, out);
    }
}

fn write_fraction(nanos: u32, seconds: Seconds, out: &mut Vec<u8>) {
    let (mut rest, mut len) = match nanos {
        _ if nanos.is_multiple_of(1_000_000) => (nanos / 1_000_000, 3),
        _ if nanos.is_multiple_of(1000) => (nanos / 1000, 6),
        _ => (nanos, 9),
    };
    while seconds == Seconds::Always && rest.is_multiple_of(10) {
        (rest, len) = (rest / 10, len - 1);
    }
    let mut text = [b'.'; 10];
    for digit in text[1..=len].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&text[..=len]);
}

/// A date and a time with `separator` between them.
pub(super) fn write_timestamp(instant: Instant, separator: u8, seconds: Seconds, out: &mut Vec<u8>) {
    write_date(instant.0.div_euclid(SECONDS_PER_DAY), out);
    out.push(separator);
    write_time(instant.0.rem_euclid(SECONDS_PER_DAY) as u32, instant.1, seconds, out);
}

/// All digits of a decimal, with its trailing zeros.
pub(super) fn write_decimal(value: i128, scale: i8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; u128::FORMATTED_SIZE_DECIMAL];
    let digits: &[u8] = lexical_core::write(value.unsigned_abs(), &mut buffer);
    match usize::try_from(scale) {
        Ok(0) => out.extend_from_slice(digits),
        Ok(scale) if digits.len() > scale => {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        Ok(scale) => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + scale - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
        Err(_) => {
            out.extend_from_slice(digits);
            out.resize(out.len() + usize::from(scale.unsigned_abs()), b'0');
        }
    }
}

/// A number as Java's `Double.toString` (or `Float.toString`) prints it, from the shortest digits that read
/// back: `1.0`, `1.0E10`, `1.0E-5`, `-Infinity`.
pub(super) fn write_java_number<T: zmij::Float + LowerExp + Copy + Into<f64>>(value: T, out: &mut Vec<u8>) {
    let double: f64 = value.into();
    if double == 0.0 || (1e-3..1e7).contains(&double.abs()) {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else if double.is_finite() {
        write_scientific(&format!("{value:e}"), out);
    } else if double.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if double > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
}

/// Rust's `1e10` as Java's `1.0E10`.
fn write_scientific(text: &str, out: &mut Vec<u8>) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    out.extend_from_slice(mantissa.as_bytes());
    if !mantissa.contains('.') {
        out.extend_from_slice(b".0");
    }
    out.push(b'E');
    out.extend_from_slice(exponent.as_bytes());
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for position in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * position)) as usize & 63];
            out.push(if position <= chunk.len() { digit } else { b'=' });
        }
    }
}

/// Appends what the base64 text stands for. False = it is none.
pub(super) fn base64(text: &[u8], out: &mut Vec<u8>) -> bool {
    let text = text.strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(text);
    if text.len() % 4 == 1 {
        return false;
    }
    for chunk in text.chunks(4) {
        let mut word = 0u32;
        for (at, byte) in chunk.iter().enumerate() {
            let Some(digit) = BASE64.iter().position(|own| own == byte) else { return false };
            word |= (digit as u32) << (18 - 6 * at);
        }
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = vec![];
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_read_in_both_spellings() {
        let expected = Some((1_772_355_600, 7_000_000));
        for text in ["2026-03-01 09:00:00.007", "2026-03-01T09:00:00.007", "2026-03-01T09:00:00.007Z"] {
            assert_eq!(timestamp(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(timestamp(b"2026-03-01T09:00"), Some((1_772_355_600, 0)));
        for wrong in ["2026-02-29 00:00:00", "2026-13-01 00:00:00", "2026-03-01", "2026-03-01 24:00:00", ""] {
            assert_eq!(timestamp(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_round_half_up_and_refuse_what_does_not_fit() {
        let read = |text: &str| decimal(text.as_bytes(), 5, 2);
        assert_eq!(read("1.005"), Some(101));
        assert_eq!(read("-1.005"), Some(-101));
        assert_eq!(read("1.5e1"), Some(1500));
        assert_eq!(read("15E-3"), Some(2));
        assert_eq!(read("999.99"), Some(99999));
        assert_eq!(read("999.995"), None);
        assert_eq!(read("1000"), None);
        assert_eq!(read("0e999999999"), Some(0));
        for wrong in ["", "-", ".", "a", "1.2.3", "1e", "e1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn doubles_print_as_java_prints_them() {
        let cases = [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.5, "-0.5"),
            (123.456, "123.456"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (0.001, "0.001"),
            (0.000_12, "1.2E-4"),
            (1e300, "1.0E300"),
            (9_999_999.999_999_998, "9999999.999999998"),
            (-1.5e-310, "-1.5E-310"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ];
        for (value, expected) in cases {
            assert_eq!(written(|out| write_java_number(value, out)), expected);
        }
    }

    proptest! {
        #[test]
        fn every_date_reads_as_it_was_written(days in -700_000i64..2_900_000) {
            let text = written(|out| write_date(days, out));
            if !text.starts_with('-') {
                prop_assert_eq!(date(text.as_bytes()), Some(days as i32));
            }
        }

        #[test]
        fn every_timestamp_reads_as_it_was_written(seconds in -60_000_000_000i64..250_000_000_000, nanos in 0u32..1_000_000_000) {
            let text = written(|out| write_timestamp((seconds, nanos), b' ', Seconds::Always, out));
            prop_assert_eq!(timestamp(text.as_bytes()), Some((seconds, nanos)));
        }

        #[test]
        fn every_second_of_64_bits_keeps_its_year(seconds in any::<i64>()) {
            let text = written(|out| write_timestamp((seconds, 0), b' ', Seconds::Always, out));
            let year: i64 = text[..text.rfind('-').unwrap() - 3].parse().unwrap();
            prop_assert_eq!(year, civil_from_days(seconds.div_euclid(SECONDS_PER_DAY)).0);
        }

        #[test]
        fn every_decimal_reads_as_it_was_written(value in -(10i128.pow(30))..10i128.pow(30), scale in 0i8..20) {
            let text = written(|out| write_decimal(value, scale, out));
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale), Some(value));
        }

        #[test]
        fn every_double_reads_as_it_was_written(value in any::<f64>()) {
            let text = written(|out| write_java_number(value, out));
            if value.is_finite() {
                prop_assert_eq!(text.parse::<f64>().unwrap(), value);
            }
        }

        #[test]
        fn base64_reads_as_it_was_written(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let text = written(|out| write_base64(&bytes, out));
            let mut back = vec![];
            prop_assert!(base64(text.as_bytes(), &mut back));
            prop_assert_eq!(back, bytes);
        }
    }
}
