//! Rows as JSON text, and when two tables are equal.
//!
//! Equal means: the same rows as a multiset; `DOUBLE` within 1e-9 relative, a `TIMESTAMP` to its fraction
//! whatever its spelling, a `DECIMAL` as its exact digits including trailing zeros, all else exactly.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

/// Greatest relative difference of two equal `DOUBLE`s.
pub const TOLERANCE: f64 = 1e-9;

/// How the values of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `FLOAT`, `DOUBLE`.
    Approximate,
    /// `DECIMAL`: JSON number or string, by its digits.
    Decimal,
    /// `TIMESTAMP`, `TIMESTAMP_LTZ`: with `T` or a space, with or without trailing zeros of the fraction.
    Timestamp,
    /// Everything else, as JSON values.
    Exact,
}

impl Kind {
    /// The kind of an SQL type name such as `DECIMAL(12, 2)`.
    pub fn of(sql_type: &str) -> Kind {
        let name: String =
            sql_type.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        match name.to_ascii_uppercase().as_str() {
            "FLOAT" | "DOUBLE" => Kind::Approximate,
            "DECIMAL" | "DEC" | "NUMERIC" => Kind::Decimal,
            "TIMESTAMP" | "TIMESTAMP_LTZ" => Kind::Timestamp,
            _ => Kind::Exact,
        }
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A `DOUBLE`, by its bits (ordered by them: any fixed order will do).
    Double(u64),
    /// Anything else, in its normal spelling.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Double(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
            Value::Text(text) => f.write_str(text),
        }
    }
}

/// One row.
pub type Row = Vec<Value>;

/// Reads a row from its JSON values, one for each of `kinds`.
pub fn row(values: &[Box<RawValue>], kinds: &[Kind]) -> Result<Row, String> {
    if values.len() != kinds.len() {
        return Err(format!("a row of {} values where {} columns are expected", values.len(), kinds.len()));
    }
    values.iter().zip(kinds).map(|(json, kind)| value(json.get(), *kind)).collect()
}

/// Reads one value from its JSON text.
pub fn value(json: &str, kind: Kind) -> Result<Value, String> {
    let parsed: serde_json::Value = serde_json::from_str(json).map_err(|error| format!("{json}: {error}"))?;
    let text = match &parsed {
        serde_json::Value::Null => return Ok(Value::Null),
        serde_json::Value::String(text) => text.as_str(),
        _ => json.trim(),
    };
    match kind {
        Kind::Exact => Ok(Value::Text(parsed.to_string())),
        Kind::Approximate => {
            let number: f64 = text.parse().map_err(|_| format!("{json} is not a number"))?;
            // One zero and one NaN.
            let number = if number == 0.0 { 0.0 } else { number };
            Ok(Value::Double(if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() }))
        }
        Kind::Decimal => {
            decimal(text).map(Value::Text).ok_or_else(|| format!("{json} is not a plain decimal"))
        }
        Kind::Timestamp => {
            timestamp(text).map(Value::Text).ok_or_else(|| format!("{json} is not a timestamp"))
        }
    }
}

/// `-0.50` -> `-0.50`, `+007.0` -> `7.0`; `None` for what is not digits with at most one point.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let zero = whole.is_empty() && fraction.bytes().all(|byte| byte == b'0');
    let sign = if zero { "" } else { sign };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{whole}{point}{fraction}"))
}

/// `2026-03-01T09:00:00.500`, `2026-03-01 09:00:00.5` -> `2026-03-01 09:00:00.5`; a `Z` is dropped.
fn timestamp(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' '])?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let seconds = if seconds.len() == 5 { format!("{seconds}:00") } else { seconds.to_string() };
    let shaped = |text: &str, separator: char, count: usize| {
        let parts: Vec<&str> = text.trim_start_matches('-').split(separator).collect();
        parts.len() == count
            && parts.iter().all(|part| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !shaped(date, '-', 3) || !shaped(&seconds, ':', 3) || !digits {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{date} {seconds}{point}{fraction}"))
}

/// Where two tables differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Expected rows that did not come.
    pub missing: Vec<Row>,
    /// Rows that came and were not expected.
    pub surplus: Vec<Row>,
}

impl Difference {
    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        write!(f, "{} row(s) missing, {} too many", self.missing.len(), self.surplus.len())?;
        for (sign, rows) in [("missing", &self.missing), ("too many", &self.surplus)] {
            for row in rows.iter().take(SHOWN) {
                write!(f, "\n    {sign}: [{}]", show(row))?;
            }
            if rows.len() > SHOWN {
                write!(f, "\n    {sign}: ... and {} more", rows.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

fn show(row: &Row) -> String {
    let values: Vec<String> = row.iter().map(Value::to_string).collect();
    values.join(", ")
}

/// Compares two tables as multisets.
pub fn compare(expected: &[Row], found: &[Row]) -> Difference {
    // Rows that are equal to the bit cancel first; what is left is matched within the tolerance among the
    // rows that agree on everything but their doubles.
    let mut balance: BTreeMap<&Row, i64> = BTreeMap::new();
    for row in expected {
        *balance.entry(row).or_default() += 1;
    }
    for row in found {
        *balance.entry(row).or_default() -= 1;
    }
    let mut groups: BTreeMap<Row, Difference> = BTreeMap::new();
    for (row, count) in balance.into_iter().filter(|(_, count)| *count != 0) {
        let group = groups.entry(without_doubles(row)).or_default();
        let side = if count > 0 { &mut group.missing } else { &mut group.surplus };
        side.extend((0..count.unsigned_abs()).map(|_| row.clone()));
    }
    let mut difference = Difference::default();
    for mut group in groups.into_values() {
        group.missing.retain(|row| match group.surplus.iter().position(|other| close(row, other)) {
            Some(at) => {
                group.surplus.swap_remove(at);
                false
            }
            None => true,
        });
        difference.missing.append(&mut group.missing);
        difference.surplus.append(&mut group.surplus);
    }
    difference
}

fn without_doubles(row: &Row) -> Row {
    let blank = |value: &Value| if let Value::Double(_) = value { Value::Double(0) } else { value.clone() };
    row.iter().map(blank).collect()
}

/// True if two rows agree but for rounding.
fn close(one: &Row, other: &Row) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|pair| match pair {
            (Value::Double(a), Value::Double(b)) => {
                let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
                a.to_bits() == b.to_bits() || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
            }
            (a, b) => a == b,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&str], kinds: &[Kind]) -> Vec<Row> {
        let read =
            |text: &&str| row(&serde_json::from_str::<Vec<Box<RawValue>>>(text).unwrap(), kinds).unwrap();
        rows.iter().map(read).collect()
    }

    #[test]
    fn types_are_compared_by_their_kind() {
        use Kind::{Approximate, Decimal, Exact, Timestamp};
        let names = [
            ("DOUBLE", Approximate),
            ("decimal(12, 2)", Decimal),
            ("TIMESTAMP(3)", Timestamp),
            ("TIMESTAMP_LTZ(3)", Timestamp),
            ("BIGINT", Exact),
            ("VARCHAR", Exact),
        ];
        for (name, kind) in names {
            assert_eq!(Kind::of(name), kind, "{name}");
        }
    }

    #[test]
    fn equal_values_have_many_spellings() {
        let same = [
            (Kind::Decimal, "\"12.50\"", "12.50"),
            (Kind::Decimal, "\"-0.0\"", "0.0"),
            (Kind::Decimal, "\"99999999999999999999.123456789\"", "99999999999999999999.123456789"),
            (Kind::Timestamp, "\"2026-03-01T09:00:00.000\"", "\"2026-03-01 09:00:00\""),
            (Kind::Timestamp, "\"2026-03-01T09:00:00.120Z\"", "\"2026-03-01 09:00:00.12\""),
            (Kind::Timestamp, "\"2026-03-01T09:00\"", "\"2026-03-01 09:00:00.000\""),
            (Kind::Approximate, "-0.0", "0"),
            (Kind::Approximate, "\"NaN\"", "\"NaN\""),
            (Kind::Exact, "\"\\u0041\"", "\"A\""),
            (Kind::Exact, "{\"a\": 1}", "{\"a\":1}"),
        ];
        for (kind, one, other) in same {
            assert_eq!(value(one, kind).unwrap(), value(other, kind).unwrap(), "{one} {other}");
        }
        let different = [
            (Kind::Decimal, "\"12.5\"", "12.50"),
            (Kind::Decimal, "1.1", "-1.1"),
            (Kind::Timestamp, "\"2026-03-01T09:00:00.001\"", "\"2026-03-01 09:00:00\""),
            (Kind::Exact, "1", "\"1\""),
            (Kind::Exact, "null", "\"\""),
            (Kind::Exact, "9007199254740993", "9007199254740992"),
        ];
        for (kind, one, other) in different {
            assert_ne!(value(one, kind).unwrap(), value(other, kind).unwrap(), "{one} {other}");
        }
        for (kind, wrong) in
            [(Kind::Decimal, "1e3"), (Kind::Timestamp, "\"noon\""), (Kind::Approximate, "\"x\"")]
        {
            assert!(value(wrong, kind).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables_are_multisets_and_doubles_may_round() {
        let kinds = [Kind::Exact, Kind::Approximate];
        let expected = table(&["[1, 0.1]", "[1, 0.1]", "[2, 1e300]", "[3, null]"], &kinds);
        let rounded =
            table(&["[3, null]", "[1, 0.1]", "[2, 1.0000000001e300]", "[1, 0.10000000001]"], &kinds);
        assert!(compare(&expected, &rounded).is_empty());

        let wrong = table(&["[1, 0.1]", "[2, 1e300]", "[3, 0]", "[1, 0.1000001]"], &kinds);
        let difference = compare(&expected, &wrong);
        assert_eq!(difference.missing, table(&["[1, 0.1]", "[3, null]"], &kinds));
        assert_eq!(difference.surplus.len(), 2);
        assert_eq!(compare(&expected, &expected[1..]).missing.len(), 1);
    }
}
