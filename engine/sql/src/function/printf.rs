//! PRINTF: `java.util.Formatter` as Flink calls it, in the US locale.
//!
//! Contract: `%[argument$][flags][width][.precision]conversion` with the conversions `b c d e f g o s x`, their
//! capitals, `%%` and `%n`. A format that is none, or does not suit its value, is an error.

use std::fmt::Write;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::ScalarEntry;
use super::call::{Call, Compiled, MOST_BYTES};
use super::cast::Printer;
use super::udf::{Arguments, Gives, checked};
use crate::types::sql_name;

pub(super) const FUNCTIONS: &[ScalarEntry] = &[checked(
    "printf",
    "PRINTF(format, value, ...)",
    "the values in a format such as '%s has %,d of %.2f'",
    Arguments::Checked(types),
    Gives::Text,
    printf,
)];

fn types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let Some((format, values)) = types.split_first() else { return Err("it has no argument".into()) };
    if !matches!(format, DataType::Utf8 | DataType::Null) {
        return Err(format!("argument 1 must be a STRING, not {}", sql_name(format)));
    }
    let known = |own: &DataType| {
        matches!(own, DataType::Utf8 | DataType::Boolean | DataType::Null | DataType::Decimal128(..))
            || own.is_integer()
            || own.is_floating()
    };
    if let Some(index) = values.iter().position(|own| !known(own)) {
        let name = sql_name(&values[index]);
        return Err(format!("argument {} is {name}: CAST it to STRING", index + 2));
    }
    Ok(std::iter::once(DataType::Utf8).chain(values.iter().cloned()).collect())
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Flags {
    left: bool,
    alternate: bool,
    plus: bool,
    space: bool,
    zero: bool,
    group: bool,
    parentheses: bool,
}

/// One `%...`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Directive {
    argument: usize,
    flags: Flags,
    width: Option<usize>,
    precision: Option<usize>,
    /// In lower case.
    conversion: char,
    upper: bool,
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    Directive(Directive),
}

/// Reads a format.
fn parse(format: &str) -> Result<Vec<Part>> {
    let mut parts = vec![];
    let (mut rest, mut ordinary, mut last) = (format, 0, None);
    while let Some(at) = rest.find('%') {
        if at > 0 {
            parts.push(Part::Text(rest[..at].to_string()));
        }
        let after = &rest[at + 1..];
        let Some((mut directive, index, end)) = directive(after) else {
            return exec_err!("PRINTF: '{format}' is no format at '%{after}'");
        };
        match directive.conversion {
            'n' => parts.push(Part::Text("\n".into())),
            '%' => {
                let mut text = String::new();
                padded(&mut text, "%", &directive);
                parts.push(Part::Text(text));
            }
            _ => {
                directive.argument = match (index, last) {
                    (Index::Ordinary, _) => {
                        ordinary += 1;
                        ordinary
                    }
                    (Index::Number(number), _) => number,
                    (Index::Previous, Some(last)) => last,
                    (Index::Previous, None) => {
                        return exec_err!("PRINTF: '{format}' begins with %<");
                    }
                };
                last = Some(directive.argument);
                parts.push(Part::Directive(directive));
            }
        }
        rest = &after[end..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_string()));
    }
    Ok(parts)
}

/// Which value a directive prints.
enum Index {
    Ordinary,
    Number(usize),
    Previous,
}

/// Reads what follows a `%`: the directive, its value, and where it ends.
fn directive(text: &str) -> Option<(Directive, Index, usize)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut at = 0;
    let number = digits(text);
    let index = match text[number..].starts_with('$') && number > 0 && !text.starts_with('0') {
        true => {
            at = number + 1;
            Index::Number(text[..number].parse().ok()?)
        }
        false if text.starts_with('<') => {
            at = 1;
            Index::Previous
        }
        false => Index::Ordinary,
    };
    let mut flags = Flags::default();
    loop {
        let flag = match text[at..].chars().next()? {
            '-' => &mut flags.left,
            '#' => &mut flags.alternate,
            '+' => &mut flags.plus,
            ' ' => &mut flags.space,
            '0' => &mut flags.zero,
            ',' => &mut flags.group,
            '(' => &mut flags.parentheses,
            _ => break,
        };
        if std::mem::replace(flag, true) {
            return None;
        }
        at += 1;
    }
    let size = |at: &mut usize| {
        let count = digits(&text[*at..]);
        let value = text[*at..*at + count].parse::<usize>().ok().filter(|value| *value <= MOST_BYTES);
        *at += count;
        value
    };
    let width = if digits(&text[at..]) > 0 { Some(size(&mut at)?) } else { None };
    let precision = match text[at..].strip_prefix('.') {
        Some(_) => {
            at += 1;
            Some(size(&mut at)?)
        }
        None => None,
    };
    let letter = text[at..].chars().next()?;
    let upper = matches!(letter, 'B' | 'C' | 'E' | 'G' | 'S' | 'X');
    let conversion = if upper { letter.to_ascii_lowercase() } else { letter };
    let directive = Directive { argument: 0, flags, width, precision, conversion, upper };
    is_sound(&directive).then_some((directive, index, at + letter.len_utf8()))
}

/// True if the flags, the width and the precision suit each other and the conversion.
fn is_sound(own: &Directive) -> bool {
    let Directive { flags, width, precision, .. } = own;
    let signs = flags.plus || flags.space || flags.group || flags.parentheses;
    let fits = match own.conversion {
        's' | 'b' => !(flags.alternate || signs || flags.zero),
        'c' => !(flags.alternate || signs || flags.zero) && precision.is_none(),
        'd' => !flags.alternate && precision.is_none(),
        'x' | 'o' => !signs && precision.is_none(),
        'e' => !flags.group,
        'f' => true,
        'g' => !flags.alternate,
        '%' => !(flags.alternate || signs || flags.zero) && precision.is_none(),
        'n' => *flags == Flags::default() && width.is_none() && precision.is_none(),
        _ => false,
    };
    fits && !((flags.left || flags.zero) && width.is_none())
        && !(flags.left && flags.zero)
        && !(flags.plus && flags.space)
}

fn printf(call: &Call) -> Result<ArrayRef> {
    let format = call.text(0)?;
    let mut values = vec![];
    for index in 1..call.arguments() {
        let array = call.full(index)?;
        values.push((Printer::of(&array)?, array.data_type().clone()));
    }
    let mut formats = Compiled::new();
    let mut scratch = String::new();
    call.texts(|row, out| {
        let Some(format) = format.get(row) else { return Ok(false) };
        let start = out.len();
        for part in formats.of(format, parse)? {
            if out.len() - start > MOST_BYTES {
                return exec_err!("PRINTF: '{format}' makes a text of more than {MOST_BYTES} bytes");
            }
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Directive(own) => {
                    let Some((printer, data_type)) = values.get(own.argument.wrapping_sub(1)) else {
                        return exec_err!("PRINTF: '{format}' has no value {}", own.argument);
                    };
                    scratch.clear();
                    if !push(&mut scratch, own, printer, data_type, row) {
                        let (shown, name) = (own.conversion, sql_name(data_type));
                        return exec_err!("PRINTF: %{shown} does not print a value of type {name}");
                    }
                    if own.upper {
                        scratch = scratch.to_uppercase();
                    }
                    padded(out, &scratch, own);
                }
            }
        }
        Ok(true)
    })
}

/// Appends a text in the width of its directive.
fn padded(out: &mut String, text: &str, own: &Directive) {
    let missing = own.width.unwrap_or(0).saturating_sub(text.chars().count());
    if own.flags.left {
        out.push_str(text);
    }
    out.extend(std::iter::repeat_n(' ', missing));
    if !own.flags.left {
        out.push_str(text);
    }
}

/// Appends a value; false = the conversion is not for its type.
fn push(out: &mut String, own: &Directive, printer: &Printer, data_type: &DataType, row: usize) -> bool {
    match (own.conversion, printer) {
        ('b', Printer::Boolean(bits)) if !printer.is_null(row) => {
            cut(out, if bits.value(row) { "true" } else { "false" }, own);
        }
        ('b', _) => cut(out, if printer.is_null(row) { "false" } else { "true" }, own),
        (_, _) if printer.is_null(row) => cut(out, "null", own),
        ('s', Printer::Boolean(bits)) => cut(out, if bits.value(row) { "true" } else { "false" }, own),
        ('s', Printer::Text(texts)) => cut(out, texts.value(row), own),
        ('s', _) => {
            let start = out.len();
            printer.write(row, out);
            if let (Some(most), Some(written)) = (own.precision, out.get(start..)) {
                let kept = written.char_indices().nth(most).map_or(out.len(), |(at, _)| start + at);
                out.truncate(kept);
            }
        }
        ('c', Printer::Whole(numbers)) if *data_type != DataType::Int64 => {
            let point = u32::try_from(numbers.value(row)).ok().and_then(char::from_u32);
            let Some(character) = point else { return false };
            out.push(character);
        }
        ('d', Printer::Whole(numbers)) => {
            let value = numbers.value(row);
            let _ = write!(out, "{}", value.unsigned_abs());
            signed(out, value < 0, own, true);
        }
        ('x' | 'o', Printer::Whole(numbers)) => unsigned(out, numbers.value(row), data_type, own),
        ('e' | 'f' | 'g', Printer::Double(_) | Printer::Float(_)) | ('f', Printer::Decimal(..)) => {
            printer.write(row, out);
            floating(out, own);
        }
        _ => return false,
    }
    true
}

fn cut(out: &mut String, text: &str, own: &Directive) {
    let kept = own.precision.and_then(|most| text.char_indices().nth(most)).map_or(text.len(), |(at, _)| at);
    out.push_str(&text[..kept]);
}

/// A whole number in base 16 or 8; a negative one as the two's complement of its type.
fn unsigned(out: &mut String, value: i64, data_type: &DataType, own: &Directive) {
    let bits = data_type.primitive_width().map_or(64, |bytes| bytes * 8);
    let value = if bits == 64 { value as u64 } else { value as u64 & ((1 << bits) - 1) };
    // Writing to a String cannot fail.
    let (prefix, _) = match own.conversion {
        'x' => ("0x", write!(out, "{value:x}")),
        _ => ("0", write!(out, "{value:o}")),
    };
    let prefix = if own.flags.alternate { prefix } else { "" };
    if own.flags.zero {
        let missing = own.width.unwrap_or(0).saturating_sub(prefix.len() + out.len());
        out.insert_str(0, &"0".repeat(missing));
    }
    out.insert_str(0, prefix);
}

/// Groups, pads and signs the digits in `out`.
fn signed(out: &mut String, negative: bool, own: &Directive, finite: bool) {
    if own.flags.group && finite {
        let whole = out.find('.').unwrap_or(out.len());
        for at in (1..whole).rev().filter(|at| (whole - at).is_multiple_of(3)) {
            out.insert(at, ',');
        }
    }
    let (before, after) = match (negative, own.flags) {
        (true, Flags { parentheses: true, .. }) => ("(", ")"),
        (true, _) => ("-", ""),
        (false, Flags { plus: true, .. }) => ("+", ""),
        (false, Flags { space: true, .. }) => (" ", ""),
        _ => ("", ""),
    };
    if own.flags.zero && finite {
        let missing = own.width.unwrap_or(0).saturating_sub(out.len() + before.len() + after.len());
        out.insert_str(0, &"0".repeat(missing));
    }
    out.insert_str(0, before);
    out.push_str(after);
}

/// Turns the number in `out`, printed as Java does, into `%e`, `%f` or `%g`.
fn floating(out: &mut String, own: &Directive) {
    let negative = out.starts_with('-');
    let text = out.strip_prefix('-').unwrap_or(out);
    if text == "NaN" || text == "Infinity" {
        if negative {
            out.remove(0);
        }
        return signed(out, negative, own, false);
    }
    let number = Digits::of(text);
    out.clear();
    let precision = own.precision.unwrap_or(6);
    match own.conversion {
        'f' => number.fixed(out, precision, own.flags.alternate),
        'e' => number.scientific(out, precision, own.flags.alternate),
        _ => {
            let significant = precision.max(1);
            let rounded = number.rounded(significant as i64);
            let exponent = rounded.point - 1;
            match rounded.count == 0 || (-4..significant as i64).contains(&exponent) {
                true => {
                    let exponent = if rounded.count == 0 { 0 } else { exponent };
                    number.fixed(out, (significant as i64 - 1 - exponent).max(0) as usize, false);
                }
                false => number.scientific(out, significant - 1, false),
            }
        }
    }
    signed(out, negative, own, true);
}

/// The most digits that a number has: a DECIMAL before and behind the point, or one more after rounding.
const MOST_DIGITS: usize = 80;

/// A number that is not negative: `0.digits * 10^point`, without leading zeros.
#[derive(Debug, Clone, Copy)]
struct Digits {
    digits: [u8; MOST_DIGITS],
    count: usize,
    point: i64,
}

impl Digits {
    fn of(text: &str) -> Digits {
        let (mantissa, exponent) = text.split_once('E').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let zeros = all.clone().take_while(|digit| *digit == b'0').count();
        let point = whole.len() as i64 + exponent.parse::<i64>().unwrap_or(0) - zeros as i64;
        let mut number = Digits { digits: [0; MOST_DIGITS], count: 0, point };
        for (slot, digit) in number.digits.iter_mut().zip(all.skip(zeros)) {
            *slot = digit - b'0';
            number.count += 1;
        }
        number
    }

    /// With at most `count` digits, rounded half up.
    fn rounded(&self, count: i64) -> Digits {
        let mut own = *self;
        let Ok(count) = usize::try_from(count) else {
            return Digits { count: 0, point: 0, ..own };
        };
        if count >= own.count {
            return own;
        }
        let up = own.digits[count] >= 5;
        own.digits[count..].fill(0);
        own.count = count;
        if up {
            let nines = own.digits[..count].iter().rev().take_while(|digit| **digit == 9).count();
            own.digits[count - nines..count].fill(0);
            match (count - nines).checked_sub(1) {
                Some(last) => own.digits[last] += 1,
                None => {
                    own.digits[0] = 1;
                    own.count = count.max(1);
                    own.point += 1;
                }
            }
        }
        own
    }

    fn digit(&self, at: i64) -> char {
        let digit = usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0);
        (b'0' + digit) as char
    }

    fn fixed(&self, out: &mut String, precision: usize, keep_point: bool) {
        let rounded = self.rounded(self.point.saturating_add(precision as i64));
        let whole = if rounded.count == 0 { 0 } else { rounded.point.max(0) };
        if whole == 0 {
            out.push('0');
        }
        out.extend((0..whole).map(|at| rounded.digit(at)));
        if precision > 0 || keep_point {
            out.push('.');
        }
        let from = if rounded.count == 0 { 0 } else { rounded.point };
        out.extend((0..precision as i64).map(|at| rounded.digit(from + at)));
    }

    fn scientific(&self, out: &mut String, precision: usize, keep_point: bool) {
        let rounded = self.rounded(precision as i64 + 1);
        let exponent = if rounded.count == 0 { 0 } else { rounded.point - 1 };
        out.push(rounded.digit(0));
        if precision > 0 || keep_point {
            out.push('.');
        }
        out.extend((1..=precision as i64).map(|at| rounded.digit(at)));
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "e{sign}{:02}", exponent.abs());
    }
}
