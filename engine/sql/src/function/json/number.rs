//! Numbers as JSON and Java spell them, without going through a floating-point number.

use std::fmt::Write;

/// A number's digits as they are spelled.
#[derive(Debug, Clone, Copy)]
struct Spelled<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// Takes a number apart; `None` = the text is no number.
fn spelled(text: &str) -> Option<Spelled<'_>> {
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()? as i64),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let good = only_digits(whole) && only_digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    good.then_some(Spelled { negative, whole, fraction, exponent })
}

impl Spelled<'_> {
    /// The digits without leading zeros.
    fn significant(&self) -> impl Iterator<Item = u8> + Clone {
        self.whole.bytes().chain(self.fraction.bytes()).skip_while(|digit| *digit == b'0')
    }
}

/// Appends a number as Java prints the exact decimal that it is: `1.50`, `1E+3`, `1E-7`.
pub(super) fn push_number(out: &mut String, text: &str) {
    let plain = !text.contains(['e', 'E']) && !text.starts_with("-0") && !text.starts_with("0.000000");
    match spelled(text) {
        Some(number) if !plain => push_spelled(out, number),
        _ => out.push_str(text),
    }
}

fn push_spelled(out: &mut String, number: Spelled) {
    let count = number.significant().count() as i64;
    let zero = count == 0;
    let count = count.max(1);
    let digits = || number.significant().chain(zero.then_some(b'0')).map(char::from);
    let scale = number.fraction.len() as i64 - number.exponent;
    let exponent = count - 1 - scale;
    if number.negative && !zero {
        out.push('-');
    }
    if scale >= 0 && exponent >= -6 {
        // Positions before the point come from the digits; missing ones behind it are zeros.
        let whole = count - scale;
        if whole <= 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', -whole as usize));
            out.extend(digits());
            return;
        }
        for (at, digit) in digits().enumerate() {
            if at as i64 == whole {
                out.push('.');
            }
            out.push(digit);
        }
        return;
    }
    for (at, digit) in digits().enumerate() {
        if at == 1 {
            out.push('.');
        }
        out.push(digit);
    }
    if exponent != 0 {
        // Writing to a String cannot fail.
        let _ = write!(out, "E{exponent:+}");
    }
}

/// A number cut to a whole one; `None` = no number, or too large for any whole number of SQL.
pub(super) fn whole(text: &str) -> Option<i64> {
    let number = spelled(text)?;
    let kept = number.whole.len() as i64 + number.exponent;
    let mut value = 0i128;
    for at in 0..kept {
        let at = at as usize;
        let digit = match at.checked_sub(number.whole.len()) {
            None => number.whole.as_bytes()[at],
            Some(at) if at < number.fraction.len() => number.fraction.as_bytes()[at],
            Some(_) if value == 0 => break,
            Some(_) => b'0',
        };
        value = value * 10 + (digit - b'0') as i128;
        if value > i64::MAX as i128 + 1 {
            return None;
        }
    }
    i64::try_from(if number.negative { -value } else { value }).ok()
}

/// A number as a floating-point one; `None` = no number. Too large ones are infinite.
pub(super) fn floating<T: std::str::FromStr>(text: &str) -> Option<T> {
    spelled(text)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_exact_decimals() {
        let cases = [
            ("0", "0"),
            ("-0", "0"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1.50", "1.50"),
            ("-0.0", "0.0"),
            ("-0.25", "-0.25"),
            ("1e3", "1E+3"),
            ("1.0E10", "1.0E+10"),
            ("12.5e-1", "1.25"),
            ("1.25e1", "12.5"),
            ("1.25e2", "125"),
            ("125e-3", "0.125"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1E-7"),
            ("0.00000012", "1.2E-7"),
            ("0e5", "0E+5"),
            ("0.0000000", "0E-7"),
        ];
        for (text, expected) in cases {
            let mut out = String::new();
            push_number(&mut out, text);
            assert_eq!(out, expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_cut_toward_zero() {
        let cases = [
            ("13.89", Some(13)),
            ("-13.89", Some(-13)),
            ("1e3", Some(1000)),
            ("12.345e1", Some(123)),
            ("5e-1", Some(0)),
            ("0e999999", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e999999", None),
            ("+7", Some(7)),
            (".5", Some(0)),
            ("", None),
            ("x", None),
            (" 1", None),
            ("1e", None),
        ];
        for (text, expected) in cases {
            assert_eq!(whole(text), expected, "{text}");
        }
    }
}
