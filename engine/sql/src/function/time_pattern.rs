//! Patterns of dates and times as Java's `DateTimeFormatter` spells them: `yyyy-MM-dd HH:mm:ss.SSS`.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

/// A pattern, taken apart once.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// A letter and how often it stands.
    Field(char, usize),
    Text(String),
}

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
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Pattern {
    /// Takes a pattern apart. `Err` names the letter that means nothing.
    pub(super) fn new(text: &str) -> Result<Pattern, String> {
        let mut pieces = vec![];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let piece = match letter {
                '\'' => {
                    let mut quoted = String::new();
                    loop {
                        match letters.next() {
                            Some('\'') if letters.peek() == Some(&'\'') => {
                                letters.next();
                                quoted.push('\'');
                            }
                            Some('\'') => break,
                            Some(own) => quoted.push(own),
                            None => return Err(format!("the pattern '{text}' has a quote without an end")),
                        }
                    }
                    // Two quotes stand for one.
                    Piece::Text(if quoted.is_empty() { "'".into() } else { quoted })
                }
                own if own.is_ascii_alphabetic() => {
                    let mut count = 1;
                    while letters.next_if_eq(&own).is_some() {
                        count += 1;
                    }
                    if !"yuYMLdDEeaHhKkmsSnQqwGAzZXVx".contains(own) {
                        return Err(format!("the pattern '{text}': the letter {own} means nothing"));
                    }
                    Piece::Field(own, count)
                }
                own => Piece::Text(own.to_string()),
            };
            pieces.push(piece);
        }
        Ok(Pattern(pieces))
    }

    /// Appends the time in this form. Zones are UTC.
    pub(super) fn format(&self, time: &NaiveDateTime, out: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(letter, count) => format_field(*letter, *count, time, out),
            }
        }
    }

    /// Reads a time of this form. Fields that are missing are those of 1970-01-01 00:00.
    pub(super) fn parse(&self, text: &str) -> Option<NaiveDateTime> {
        let (mut rest, mut found) = (text.trim(), Found::default());
        for (position, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Piece::Field(letter, count) => {
                    // Digits run together with the next field end where the pattern says.
                    let adjacent = matches!(self.0.get(position + 1), Some(Piece::Field(..)));
                    rest = parse_field(*letter, *count, adjacent, rest, &mut found)?;
                }
            }
        }
        rest.is_empty().then_some(())?;
        found.time()
    }
}

fn format_field(letter: char, count: usize, time: &NaiveDateTime, out: &mut String) {
    let mut number = |value: i64| out.push_str(&format!("{value:0count$}"));
    match letter {
        'y' | 'u' if count == 2 => number(i64::from(time.year().rem_euclid(100))),
        'y' | 'u' => number(i64::from(time.year())),
        'Y' => number(i64::from(time.iso_week().year())),
        'M' | 'L' if count == 3 => out.push_str(&MONTHS[time.month0() as usize][..3]),
        'M' | 'L' if count > 3 => out.push_str(MONTHS[time.month0() as usize]),
        'M' | 'L' => number(i64::from(time.month())),
        'd' => number(i64::from(time.day())),
        'D' => number(i64::from(time.ordinal())),
        'w' => number(i64::from(time.iso_week().week())),
        'Q' | 'q' => number(i64::from(time.month0() / 3 + 1)),
        'E' if count > 3 => out.push_str(DAYS[time.weekday().num_days_from_monday() as usize]),
        'E' => out.push_str(&DAYS[time.weekday().num_days_from_monday() as usize][..3]),
        'e' => number(i64::from(time.weekday().number_from_monday())),
        'a' => out.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
        'H' => number(i64::from(time.hour())),
        'k' => number(i64::from(if time.hour() == 0 { 24 } else { time.hour() })),
        'h' => number(i64::from(time.hour12().1)),
        'K' => number(i64::from(time.hour() % 12)),
        'm' => number(i64::from(time.minute())),
        's' => number(i64::from(time.second())),
        'S' => {
            let nanos = format!("{:09}", time.nanosecond());
            out.extend(nanos.chars().chain(std::iter::repeat('0')).take(count));
        }
        'n' => number(i64::from(time.nanosecond())),
        'A' => number(
            i64::from(time.num_seconds_from_midnight()) * 1000 + i64::from(time.nanosecond() / 1_000_000),
        ),
        'G' => out.push_str("AD"),
        'X' => out.push('Z'),
        'Z' | 'x' => out.push_str("+0000"),
        _ => out.push_str("UTC"),
    }
}

#[derive(Default)]
struct Found {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    half: Option<bool>,
    minute: u32,
    second: u32,
    nanos: u32,
}

impl Found {
    fn time(&self) -> Option<NaiveDateTime> {
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = match (self.hour.unwrap_or(0), self.half) {
            (hour, None) => hour,
            (hour, Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        Some(date.and_time(NaiveTime::from_hms_nano_opt(hour % 24, self.minute, self.second, self.nanos)?))
    }
}

/// Reads one field; what is left of the text.
fn parse_field<'a>(
    letter: char,
    count: usize,
    adjacent: bool,
    text: &'a str,
    found: &mut Found,
) -> Option<&'a str> {
    match letter {
        'E' => {
            let day = DAYS.iter().find(|own| text.starts_with(&own[..3]))?;
            return Some(text.strip_prefix(day).unwrap_or(&text[3..]));
        }
        'M' | 'L' if count >= 3 => {
            let month = MONTHS.iter().position(|own| text.starts_with(&own[..3]))?;
            found.month = Some(month as u32 + 1);
            return Some(text.strip_prefix(MONTHS[month]).unwrap_or(&text[3..]));
        }
        'a' => {
            found.half = Some(text.get(..2)?.eq_ignore_ascii_case("PM"));
            return Some(&text[2..]);
        }
        'X' | 'Z' | 'x' | 'z' | 'V' | 'G' => {
            let len = text.find(|own: char| !own.is_ascii_alphanumeric() && !"+:-/".contains(own));
            return Some(&text[len.unwrap_or(text.len())..]);
        }
        _ => {}
    }
    const MOST_DIGITS: usize = 9;
    let available = text.bytes().take_while(u8::is_ascii_digit).count();
    let wanted = match (adjacent, letter) {
        (true, _) | (_, 'S') => count,
        (false, _) if count == 1 => available,
        (false, 'y' | 'u') => available,
        (false, _) => count.max(available.min(2)),
    };
    let len = wanted.min(available).min(MOST_DIGITS);
    if len == 0 || (count > 1 && len < count) {
        return None;
    }
    let value: u32 = text[..len].parse().ok()?;
    match letter {
        'y' | 'u' | 'Y' if count == 2 => found.year = Some(2000 + value as i32 % 100),
        'y' | 'u' | 'Y' => found.year = Some(value as i32),
        'M' | 'L' => found.month = Some(value),
        'd' => found.day = Some(value),
        'D' => found.day_of_year = Some(value),
        'H' | 'k' => found.hour = Some(value % 24),
        'h' | 'K' => {
            found.hour = Some(value % 12);
            found.half.get_or_insert(false);
        }
        'm' => found.minute = value,
        's' => found.second = value,
        'S' => found.nanos = value * 10u32.pow(9u32.saturating_sub(len as u32)),
        'n' => found.nanos = value,
        _ => {}
    }
    Some(&text[len..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_milli_opt(15, 4, 5, 7).unwrap()
    }

    #[test]
    fn patterns_write_as_java_does() {
        let cases = [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2026-03-01 15:04:05.007"),
            ("yy M d h:m a", "26 3 1 3:4 PM"),
            ("EEE, d MMM yyyy", "Sun, 1 Mar 2026"),
            ("EEEE MMMM", "Sunday March"),
            ("yyyyMMdd'T'HH''mm", "20260301T15'04"),
            ("D Q w", "60 1 9"),
        ];
        for (pattern, expected) in cases {
            let mut out = String::new();
            Pattern::new(pattern).unwrap().format(&at(), &mut out);
            assert_eq!(out, expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_read_what_they_write() {
        for pattern in ["yyyy-MM-dd HH:mm:ss.SSS", "yyyyMMddHHmmssSSS", "d MMM yyyy h:mm:ss.SSS a"] {
            let pattern = Pattern::new(pattern).unwrap();
            let mut text = String::new();
            pattern.format(&at(), &mut text);
            assert_eq!(pattern.parse(&text), Some(at()), "{text}");
        }
        assert_eq!(Pattern::new("yyyy-MM-dd").unwrap().parse("2026-02-30"), None);
        assert_eq!(Pattern::new("yyyy-MM-dd").unwrap().parse("2026-02-03x"), None);
    }

    #[test]
    fn a_letter_without_meaning_is_named() {
        assert!(Pattern::new("yyyy-bb").unwrap_err().contains("letter b"));
        assert!(Pattern::new("'a").unwrap_err().contains("quote"));
    }
}
