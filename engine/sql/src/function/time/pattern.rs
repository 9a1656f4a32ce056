//! Java's date and time patterns (`yyyy-MM-dd HH:mm:ss`), compiled once and then written or read per row.
//!
//! The letters are those of `java.time.format.DateTimeFormatter`, which Flink uses for timestamps. Times are
//! in UTC, names in English. Reading follows its SMART resolution; reading leniently follows
//! `SimpleDateFormat`: fewer digits than letters, fields beyond their range count on, text after the end.

use datafusion_common::{Result, exec_err};

use super::civil::{DAY_NANOS, civil, day_of_year, days_of, weekday};
use super::read::{Moment, date_of, time_of};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Era,
    Year,
    WeekYear,
    Quarter,
    Month,
    Week,
    WeekOfMonth,
    DayOfYear,
    Day,
    Weekday,
    WeekdayNumber,
    HalfDay,
    Hour,
    /// 1 to 12.
    HourOfHalf,
    /// 0 to 11.
    HourOfHalfFromZero,
    /// 1 to 24.
    HourFromOne,
    Minute,
    Second,
    Fraction,
    MilliOfDay,
    NanoOfSecond,
    NanoOfDay,
    /// `Z` for UTC, or `+hh:mm`.
    Offset,
    ZoneName,
}

#[derive(Debug, Clone)]
enum Item {
    Literal(String),
    Field(Field, usize),
    OptionalStart,
    OptionalEnd,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    items: Vec<Item>,
}

fn field(letter: char) -> Option<Field> {
    Some(match letter {
        'G' => Field::Era,
        'y' | 'u' => Field::Year,
        'Y' => Field::WeekYear,
        'Q' | 'q' => Field::Quarter,
        'M' | 'L' => Field::Month,
        'w' => Field::Week,
        'W' => Field::WeekOfMonth,
        'D' => Field::DayOfYear,
        'd' => Field::Day,
        'E' => Field::Weekday,
        'e' | 'c' => Field::WeekdayNumber,
        'a' => Field::HalfDay,
        'H' => Field::Hour,
        'h' => Field::HourOfHalf,
        'K' => Field::HourOfHalfFromZero,
        'k' => Field::HourFromOne,
        'm' => Field::Minute,
        's' => Field::Second,
        'S' => Field::Fraction,
        'A' => Field::MilliOfDay,
        'n' => Field::NanoOfSecond,
        'N' => Field::NanoOfDay,
        'X' | 'x' | 'Z' => Field::Offset,
        'z' | 'V' | 'v' => Field::ZoneName,
        _ => return None,
    })
}

impl Pattern {
    pub fn compile(pattern: &str) -> Result<Pattern> {
        let mut items = vec![];
        let mut depth = 0usize;
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            if letter == '\'' {
                rest = quoted(&rest[1..], pattern, &mut items)?;
                continue;
            }
            let count = rest.chars().take_while(|own| *own == letter).count();
            let used = if letter.is_ascii_alphabetic() { count } else { letter.len_utf8() };
            match letter {
                '[' => {
                    depth += 1;
                    items.push(Item::OptionalStart);
                }
                ']' if depth > 0 => {
                    depth -= 1;
                    items.push(Item::OptionalEnd);
                }
                _ if letter.is_ascii_alphabetic() => match field(letter) {
                    Some(field) if count <= 19 => items.push(Item::Field(field, count)),
                    _ => {
                        return exec_err!(
                            "the pattern '{pattern}' has the unknown letters '{}'",
                            &rest[..count]
                        );
                    }
                },
                _ => push_literal(&mut items, letter),
            }
            rest = &rest[used..];
        }
        items.extend(std::iter::repeat_n(Item::OptionalEnd, depth));
        Ok(Pattern { items })
    }

    /// Appends a moment.
    pub fn write(&self, days: i64, nanos: i64, out: &mut String) -> Result<()> {
        let date = civil(days);
        for item in &self.items {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(field, width) => write_field(*field, *width, date, days, nanos, out),
                Item::OptionalStart | Item::OptionalEnd => {}
            }
        }
        Ok(())
    }

    /// The moment that `text` names, or `None` if it does not fit the pattern.
    pub fn read(&self, text: &str) -> Option<Moment> {
        let mut fields = Fields::default();
        let rest = self.read_from(0, self.items.len(), text, &mut fields, false)?;
        if rest.is_empty() { fields.moment() } else { None }
    }

    /// The same as `SimpleDateFormat` reads it.
    pub fn read_leniently(&self, text: &str) -> Option<Moment> {
        let mut fields = Fields::default();
        self.read_from(0, self.items.len(), text, &mut fields, true)?;
        fields.lenient_moment()
    }

    /// Reads items `from..to`; an optional part that does not fit is skipped.
    fn read_from<'a>(
        &self,
        from: usize,
        to: usize,
        text: &'a str,
        fields: &mut Fields,
        lenient: bool,
    ) -> Option<&'a str> {
        let mut rest = text;
        let mut at = from;
        while at < to {
            match &self.items[at] {
                Item::Literal(wanted) => rest = rest.strip_prefix(wanted.as_str())?,
                Item::OptionalStart => {
                    let end = self.end_of_optional(at);
                    let mut tried = fields.clone();
                    if let Some(after) = self.read_from(at + 1, end, rest, &mut tried, lenient) {
                        *fields = tried;
                        rest = after;
                    }
                    at = end;
                }
                Item::OptionalEnd => {}
                Item::Field(field, width) => {
                    let reserved = self.adjacent_digits(at + 1);
                    rest = read_field(*field, *width, reserved, rest, fields, lenient)?;
                }
            }
            at += 1;
        }
        Some(rest)
    }

    fn end_of_optional(&self, start: usize) -> usize {
        let mut depth = 0usize;
        for (at, item) in self.items.iter().enumerate().skip(start) {
            match item {
                Item::OptionalStart => depth += 1,
                Item::OptionalEnd if depth == 1 => return at,
                Item::OptionalEnd => depth -= 1,
                _ => {}
            }
        }
        self.items.len()
    }

    /// Digits that the numbers which follow without anything between them need; `None` = none follow.
    fn adjacent_digits(&self, from: usize) -> Option<usize> {
        let numbers = self.items[from..].iter().map_while(|item| match item {
            Item::Field(field, width) if is_number(*field, *width) => Some(*width),
            _ => None,
        });
        let total: usize = numbers.sum();
        (total > 0).then_some(total)
    }
}

/// Reads what stands between quotes (`''` is a quote) and answers what follows.
fn quoted<'a>(text: &'a str, pattern: &str, items: &mut Vec<Item>) -> Result<&'a str> {
    if let Some(rest) = text.strip_prefix('\'') {
        push_literal(items, '\'');
        return Ok(rest);
    }
    let mut rest = text;
    loop {
        let Some(end) = rest.find('\'') else {
            return exec_err!("the pattern '{pattern}' has a quote without an end");
        };
        rest[..end].chars().for_each(|letter| push_literal(items, letter));
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(more) => {
                push_literal(items, '\'');
                rest = more;
            }
            None => return Ok(rest),
        }
    }
}

fn push_literal(items: &mut Vec<Item>, letter: char) {
    match items.last_mut() {
        Some(Item::Literal(text)) => text.push(letter),
        _ => items.push(Item::Literal(letter.to_string())),
    }
}

fn is_number(field: Field, width: usize) -> bool {
    match field {
        Field::Month | Field::Quarter => width <= 2,
        Field::WeekdayNumber => width <= 2,
        Field::Era | Field::Weekday | Field::HalfDay | Field::Offset | Field::ZoneName => false,
        _ => true,
    }
}

/// Appends a number with at least `width` digits.
fn push_number(out: &mut String, number: i64, width: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    let mut rest = number.unsigned_abs();
    while rest > 0 || at > buffer.len() - width.min(19) {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    if at == buffer.len() {
        at -= 1;
    }
    if number < 0 {
        out.push('-');
    }
    out.extend(buffer[at..].iter().map(|digit| *digit as char));
}

fn push_name(out: &mut String, name: &str, width: usize) {
    match width {
        4 => out.push_str(name),
        5 => out.push_str(&name[..1]),
        _ => out.push_str(&name[..3]),
    }
}

fn write_field(
    field: Field,
    width: usize,
    (year, month, day): (i64, i64, i64),
    days: i64,
    nanos: i64,
    out: &mut String,
) {
    let seconds = nanos / 1_000_000_000;
    let hour = seconds / 3_600;
    let number = match field {
        Field::Era => return out.push_str(if year > 0 { "AD" } else { "BC" }),
        Field::Year if width == 2 => year.rem_euclid(100),
        Field::Year => year,
        Field::WeekYear if width == 2 => week_year(days).rem_euclid(100),
        Field::WeekYear => week_year(days),
        Field::Quarter => match width {
            1 | 2 => (month + 2) / 3,
            3 => {
                out.push('Q');
                return push_number(out, (month + 2) / 3, 1);
            }
            _ => return out.push_str(["1st", "2nd", "3rd", "4th"][((month - 1) / 3) as usize]),
        },
        Field::Month if width > 2 => return push_name(out, MONTHS[(month - 1) as usize], width),
        Field::Month => month,
        Field::Week => week_of(days),
        Field::WeekOfMonth => (day - 1 + weekday(days - day + 1)) / 7 + 1,
        Field::DayOfYear => day_of_year(days),
        Field::Day => day,
        Field::Weekday => return push_name(out, WEEKDAYS[weekday(days) as usize], width),
        Field::WeekdayNumber if width > 2 => {
            return push_name(out, WEEKDAYS[weekday(days) as usize], width);
        }
        Field::WeekdayNumber => weekday(days) + 1,
        Field::HalfDay => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        Field::Hour => hour,
        Field::HourOfHalf => (hour + 11) % 12 + 1,
        Field::HourOfHalfFromZero => hour % 12,
        Field::HourFromOne => (hour + 23) % 24 + 1,
        Field::Minute => seconds / 60 % 60,
        Field::Second => seconds % 60,
        Field::Fraction => {
            let kept = width.min(9);
            push_number(out, nanos % 1_000_000_000 / 10i64.pow(9 - kept as u32), kept);
            return out.extend(std::iter::repeat_n('0', width - kept));
        }
        Field::MilliOfDay => nanos / 1_000_000,
        Field::NanoOfSecond => nanos % 1_000_000_000,
        Field::NanoOfDay => nanos,
        Field::Offset => return out.push('Z'),
        Field::ZoneName => return out.push_str("UTC"),
    };
    push_number(out, number, width);
}

/// Weeks of `Y` and `w` begin on Sunday; the first of a year has at least one of its days (as in the US).
fn week_of(days: i64) -> i64 {
    let year = week_year(days);
    let first = days_of(year, 1, 1);
    (days - (first - weekday(first))) / 7 + 1
}

fn week_year(days: i64) -> i64 {
    // The year of the week's Saturday.
    civil(days + 6 - weekday(days)).0
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
struct Fields {
    year: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    nanos_of_day: Option<i64>,
    /// Seconds east of UTC.
    offset: Option<i64>,
}

impl Fields {
    fn hour(&self) -> i64 {
        let half = self.half_hour.map(|hour| hour + if self.afternoon == Some(true) { 12 } else { 0 });
        self.hour.or(half).unwrap_or(0)
    }

    fn year(&self) -> i64 {
        let year = self.year.unwrap_or(1970);
        if self.before_christ { 1 - year } else { year }
    }

    /// SMART resolution: each field within its range.
    fn moment(&self) -> Option<Moment> {
        let days = match (self.month, self.day, self.day_of_year) {
            (None, None, Some(day)) => {
                let days = days_of(self.year(), 1, day);
                if day < 1 || civil(days).0 != self.year() {
                    return None;
                }
                days
            }
            (month, day, _) => date_of(self.year(), month.unwrap_or(1), day.unwrap_or(1))?,
        };
        let (hour, minute, second) = (self.hour(), self.minute.unwrap_or(0), self.second.unwrap_or(0));
        let nanos = self.nanos.unwrap_or(0);
        if let Some(nanos) = self.nanos_of_day {
            return (nanos < DAY_NANOS).then_some((days, nanos));
        }
        if hour == 24 && minute == 0 && second == 0 && nanos == 0 {
            return Some((days + 1, 0));
        }
        Some((days, time_of(hour, minute, second, nanos)?))
    }

    /// Lenient resolution: what is beyond its range counts on.
    fn lenient_moment(&self) -> Option<Moment> {
        let days = match (self.month, self.day, self.day_of_year) {
            (None, None, Some(day)) => days_of(self.year(), 1, day),
            (month, day, _) => days_of(self.year(), month.unwrap_or(1), day.unwrap_or(1)),
        };
        let seconds = (self.hour() * 60 + self.minute.unwrap_or(0)) * 60 + self.second.unwrap_or(0)
            - self.offset.unwrap_or(0);
        let days = days.checked_add(seconds.div_euclid(86_400))?;
        let nanos = seconds.rem_euclid(86_400) * 1_000_000_000 + self.nanos.unwrap_or(0);
        (days.abs() < 400_000_000).then_some((days, nanos))
    }
}

/// Takes a number of `least` to `most` digits.
fn take_number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least.max(1) {
        return None;
    }
    let (number, rest) = text.split_at(count);
    Some((number.parse().ok()?, rest))
}

/// Takes one of `names` in full or by its first three letters; answers its index.
fn take_name<'a>(text: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let starts = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let full = names.iter().position(|name| starts(name)).map(|at| (at, names[at].len()));
    let (at, length) = full.or_else(|| names.iter().position(|name| starts(&name[..3])).map(|at| (at, 3)))?;
    Some((at, &text[length..]))
}

fn read_field<'a>(
    field: Field,
    width: usize,
    reserved: Option<usize>,
    text: &'a str,
    fields: &mut Fields,
    lenient: bool,
) -> Option<&'a str> {
    match field {
        Field::Era => {
            let (at, rest) = take_name(text, &["AD ", "BC "]).or_else(|| {
                let at = ["AD", "BC"].iter().position(|era| text.starts_with(era))?;
                Some((at, &text[2..]))
            })?;
            fields.before_christ = at == 1;
            return Some(rest);
        }
        Field::Month if width > 2 => {
            let (month, rest) = take_name(text, &MONTHS)?;
            fields.month = Some(month as i64 + 1);
            return Some(rest);
        }
        Field::Weekday => return take_name(text, &WEEKDAYS).map(|(_, rest)| rest),
        Field::HalfDay => {
            let half = text.get(..2)?;
            fields.afternoon = Some(half.eq_ignore_ascii_case("PM"));
            let known = half.eq_ignore_ascii_case("AM") || half.eq_ignore_ascii_case("PM");
            return known.then(|| &text[2..]);
        }
        Field::Offset => return read_offset(text, fields),
        Field::ZoneName => return text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")),
        _ => {}
    }
    let text = if lenient { text.trim_start_matches(' ') } else { text };
    let available = text.bytes().take_while(u8::is_ascii_digit).count();
    let (least, most) = match (field, reserved) {
        (Field::Fraction, _) => (if lenient { 1 } else { width }, if lenient { 9 } else { width.min(9) }),
        // Numbers without anything between them: the first may be long, the others have their width.
        (Field::Year, Some(reserved)) if width != 2 => (width, available.saturating_sub(reserved)),
        (_, Some(_)) => (if lenient { 1 } else { width }, width),
        (Field::Year, None) if width == 2 && !lenient => (2, 2),
        (Field::Year, None) => (if lenient { 1 } else { width }, 9),
        (_, None) if lenient || width == 1 => (1, 9),
        (_, None) => (width, width),
    };
    let (number, rest) = take_number(text, least, most)?;
    keep_number(field, width, number, text.len() - rest.len(), fields, lenient)?;
    Some(rest)
}

/// Puts a number that was read where it belongs; `None` = it is out of range.
fn keep_number(
    field: Field,
    width: usize,
    number: i64,
    digits: usize,
    fields: &mut Fields,
    lenient: bool,
) -> Option<()> {
    let within = |low: i64, high: i64| (lenient || (low..=high).contains(&number)).then_some(number);
    match field {
        Field::Year if width == 2 && digits <= 2 => fields.year = Some(2000 + number),
        Field::Year | Field::WeekYear => fields.year = Some(number),
        Field::Month => fields.month = Some(within(1, 12)?),
        Field::Day => fields.day = Some(within(1, 31)?),
        Field::DayOfYear => fields.day_of_year = Some(within(1, 366)?),
        Field::Hour => fields.hour = Some(within(0, 24)?),
        Field::HourFromOne => fields.hour = Some(within(1, 24)? % 24),
        Field::HourOfHalf => fields.half_hour = Some(within(1, 12)? % 12),
        Field::HourOfHalfFromZero => fields.half_hour = Some(within(0, 11)?),
        Field::Minute => fields.minute = Some(within(0, 59)?),
        Field::Second => fields.second = Some(within(0, 59)?),
        // SimpleDateFormat reads a number of milliseconds, the other a decimal fraction.
        Field::Fraction if lenient => {
            let millis = number.min(999_999);
            fields.second = Some(fields.second.unwrap_or(0) + millis / 1_000);
            fields.nanos = Some(millis % 1_000 * 1_000_000);
        }
        Field::Fraction => fields.nanos = Some(number * 10i64.pow(9 - digits.min(9) as u32)),
        Field::NanoOfSecond => fields.nanos = Some(within(0, 999_999_999)?),
        Field::MilliOfDay => fields.nanos_of_day = number.checked_mul(1_000_000),
        Field::NanoOfDay => fields.nanos_of_day = Some(number),
        // Weeks and weekdays do not say which day it is without each other: read, not used.
        _ => {}
    }
    Some(())
}

/// `Z`, `+hh`, `+hhmm` or `+hh:mm`.
fn read_offset<'a>(text: &'a str, fields: &mut Fields) -> Option<&'a str> {
    if let Some(rest) = text.strip_prefix('Z') {
        fields.offset = Some(0);
        return Some(rest);
    }
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let rest = text.strip_prefix(['+', '-'])?;
    let (hours, rest) = take_number(rest, 2, 2)?;
    let after = rest.strip_prefix(':').unwrap_or(rest);
    let (minutes, rest) = take_number(after, 2, 2).unwrap_or((0, rest));
    fields.offset = Some(sign * (hours * 3_600 + minutes * 60));
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pattern: &str, days: i64, nanos: i64) -> String {
        let mut out = String::new();
        Pattern::compile(pattern).unwrap().write(days, nanos, &mut out).unwrap();
        out
    }

    /// 2026-03-01 (a Sunday), 15:04:05.006007008.
    const DAYS: i64 = 20_513;
    const NANOS: i64 = ((15 * 60 + 4) * 60 + 5) * 1_000_000_000 + 6_007_008;

    #[test]
    fn every_letter_is_written_as_java_does() {
        let cases = [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2026-03-01 15:04:05.006"),
            ("yy M d H h K k m s S", "26 3 1 15 3 3 15 4 5 0"),
            ("hh:MM a", "03:03 PM"),
            ("EEE EEEE EEEEE MMM MMMM", "Sun Sunday S Mar March"),
            ("D DDD", "60 060"),
            ("Q QQQ", "1 Q1"),
            ("w ww", "10 10"),
            ("SSSSSS SSSSSSSSS", "006007 006007008"),
            ("yyyy'T'HH", "2026T15"),
            ("h 'o''clock' a", "3 o'clock PM"),
            ("G y", "AD 2026"),
            ("[yyyy]", "2026"),
            ("u uuuu", "2026 2026"),
            ("n N A", "6007008 54245006007008 54245006"),
            ("", ""),
        ];
        for (pattern, expected) in cases {
            assert_eq!(written(pattern, DAYS, NANOS), expected, "{pattern}");
        }
    }

    #[test]
    fn numbers_without_separators_are_told_apart() {
        let read = |pattern: &str, text: &str| Pattern::compile(pattern).unwrap().read(text);
        assert_eq!(read("yyyyMMddHHmmss", "20260301150405"), Some((DAYS, 54_245_000_000_000)));
        assert_eq!(read("yyyyMMddHHmmssSSS", "20260301150405006"), Some((DAYS, 54_245_006_000_000)));
        assert_eq!(read("yyyy-M-d H:m", "2026-3-1 15:4"), Some((DAYS, 54_240_000_000_000)));
        assert_eq!(read("dd/MMM/yyyy", "01/Mar/2026"), Some((DAYS, 0)));
        assert_eq!(read("yyyy-MM-dd[ HH:mm]", "2026-03-01"), Some((DAYS, 0)));
        assert_eq!(read("yyyy-MM-dd[ HH:mm]", "2026-03-01 15:04"), Some((DAYS, 54_240_000_000_000)));
        assert_eq!(read("hh:mm a", "03:04 PM"), Some((0, 54_240_000_000_000)));
        assert_eq!(read("yyyy-MM-dd", "2026-3-1"), None);
        assert_eq!(read("yyyy-MM-dd", "2026-03-01x"), None);
        assert_eq!(read("yyyy-MM-dd", "2026-13-01"), None);
    }

    #[test]
    fn lenient_reading_counts_on() {
        let read = |pattern: &str, text: &str| Pattern::compile(pattern).unwrap().read_leniently(text);
        assert_eq!(read("yyyy-MM-dd", "2026-02-29"), Some((DAYS, 0)));
        assert_eq!(read("yyyy-MM-dd", "2026-3-1 and more"), Some((DAYS, 0)));
        assert_eq!(
            read("yyyy-MM-dd HH:mm:ss X", "2026-03-01 15:04:05 +0800"),
            Some((DAYS, 25_445_000_000_000))
        );
        assert_eq!(read("yyyy-MM-dd HH:mm:ss", "2026-03-01"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_can_be_read(days in -700_000i64..2_900_000, millis in 0i64..86_400_000) {
            for pattern in ["yyyy-MM-dd HH:mm:ss.SSS", "yyyyMMddHHmmssSSS", "MMMM d, yyyy hh:mm:ss.SSS a"] {
                let text = written(pattern, days, millis * 1_000_000);
                let read = Pattern::compile(pattern).unwrap().read(&text);
                proptest::prop_assert_eq!(read, Some((days, millis * 1_000_000)), "{}", text);
            }
        }

        #[test]
        fn no_text_and_no_pattern_panics(pattern in "\\PC{0,20}", text in "\\PC{0,20}", days in proptest::num::i32::ANY) {
            if let Ok(pattern) = Pattern::compile(&pattern) {
                let mut out = String::new();
                pattern.write(days as i64, 0, &mut out).unwrap();
                let _ = (pattern.read(&text), pattern.read_leniently(&text));
            }
        }
    }
}
