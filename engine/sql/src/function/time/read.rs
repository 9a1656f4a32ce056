//! Texts in SQL's own forms as dates, times and timestamps.

use super::civil::{days_of, month_length};

/// A moment: days since 1970 and nanoseconds of the day.
pub(in crate::function) type Moment = (i64, i64);

/// Takes one or more digits (at most `most`) from the front.
fn digits(text: &mut &str, least: usize, most: usize) -> Option<i64> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    let (number, rest) = text.split_at(count);
    *text = rest;
    number.parse().ok()
}

fn literal(text: &mut &str, wanted: char) -> Option<()> {
    *text = text.strip_prefix(wanted)?;
    Some(())
}

/// Up to nine digits after the point, as nanoseconds.
fn fraction(text: &mut &str) -> Option<i64> {
    let count = text.bytes().take(9).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(count);
    *text = rest;
    let value: i64 = if number.is_empty() { 0 } else { number.parse().ok()? };
    Some(value * 10i64.pow(9 - count as u32))
}

/// `yyyy-[M]M-[d]d[ [H]H:[m]m:[s]s[.fraction]]`, as TO_TIMESTAMP and CAST read it.
pub(in crate::function) fn timestamp(text: &str) -> Option<Moment> {
    let mut rest = text;
    let year = digits(&mut rest, 4, 4)?;
    literal(&mut rest, '-')?;
    let month = digits(&mut rest, 1, 2)?;
    literal(&mut rest, '-')?;
    let day = digits(&mut rest, 1, 2)?;
    let days = date_of(year, month, day)?;
    if rest.is_empty() {
        return Some((days, 0));
    }
    literal(&mut rest, ' ')?;
    let hour = digits(&mut rest, 1, 2)?;
    literal(&mut rest, ':')?;
    let minute = digits(&mut rest, 1, 2)?;
    literal(&mut rest, ':')?;
    let second = digits(&mut rest, 1, 2)?;
    let nanos = match literal(&mut rest, '.') {
        Some(()) => fraction(&mut rest)?,
        None => 0,
    };
    if !rest.is_empty() {
        return None;
    }
    Some((days, time_of(hour, minute, second, nanos)?))
}

/// Days of a date whose day may be 31 in any month (it becomes the last of the month).
pub(in crate::function) fn date_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
    valid.then(|| days_of(year, month, day.min(month_length(year, month))))
}

/// Nanoseconds of the day.
pub(in crate::function) fn time_of(hour: i64, minute: i64, second: i64, nanos: i64) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second < 60;
    valid.then_some(((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanos)
}

/// `yyyy[-M[-d]]`, anything after a space: what CAST and TO_DATE read. No day that the month does not have.
pub(in crate::function) fn date(text: &str) -> Option<i64> {
    let text = match text.find(' ') {
        Some(at) if at > 0 => &text[..at],
        _ => text,
    };
    let mut parts = text.splitn(3, '-').map(|part| {
        let mut part = part.trim();
        digits(&mut part, 1, 9).filter(|_| part.is_empty())
    });
    let year = parts.next()??;
    let month = parts.next().unwrap_or(Some(1))?;
    let day = parts.next().unwrap_or(Some(1))?;
    let valid = year <= 9_999 && (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    valid.then(|| days_of(year, month, day))
}

/// `H[:m[:s[.fraction]]]`: milliseconds of the day.
pub(in crate::function) fn time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let mut number = |default: Option<i64>| match parts.next() {
        None => default,
        Some(part) => {
            let mut part = part.trim();
            digits(&mut part, 1, 2).filter(|_| part.is_empty())
        }
    };
    let (hour, minute) = (number(None)?, number(Some(0))?);
    let (second, nanos) = match parts.next().map(str::trim) {
        None => (0, 0),
        Some(mut part) => {
            let second = digits(&mut part, 1, 2)?;
            let nanos = match literal(&mut part, '.') {
                Some(()) => fraction(&mut part)?,
                None => 0,
            };
            (second, if part.is_empty() { nanos } else { return None })
        }
    };
    time_of(hour, minute, second, nanos).map(|nanos| nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_times_are_none() {
        for text in [
            "",
            "2020",
            "2020-1",
            "2020-13-01",
            "2020-01-01T00:00:00",
            "2020-01-01 1:2",
            "x",
            "2020-01-01 24:00:00",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        for text in ["", "x", "2021-02-29", "2020-00-10", "2020-1-1-1", "12345-01-01"] {
            assert_eq!(date(text), None, "{text}");
        }
        for text in ["", "24:00:00", "1:60", "1:2:3:4", "a:b"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn short_forms_are_read() {
        assert_eq!(timestamp("1970-1-2 3:4:5.6"), Some((1, 11_045_600_000_000)));
        assert_eq!(timestamp("1970-02-31"), Some((58, 0)), "SMART resolution: the last of the month");
        assert_eq!(date("1971"), Some(365));
        assert_eq!(date("1970-01-02 10:00:00"), Some(1));
        assert_eq!(time("1:2"), Some(3_720_000));
        assert_eq!(time("12:44:31.5"), Some(45_871_500));
    }
}
