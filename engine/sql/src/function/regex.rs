//! Java's regular expressions: translated to the dialect of the `regex` crate, which runs in linear time
//! and therefore has no look-around and no back-references; a pattern with those is refused by name.

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, Int32Type};
use datafusion_common::{Result, exec_err};
use regex::Regex;

use super::ScalarEntry;
use super::call::{Call, Compiled};
use super::coercion::Takes::{Int, Text};
use super::udf::{Gives, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry(
        "regexp",
        "REGEXP(string, regex)",
        "true if a part of string matches",
        &[Text, Text],
        Gives::Boolean,
        regexp,
    )
    .or(&["regexp_like"]),
    entry(
        "regexp_replace",
        "REGEXP_REPLACE(string, regex, new)",
        "every match replaced by new",
        &[Text, Text, Text],
        Gives::Text,
        replace,
    ),
    entry(
        "regexp_extract",
        "REGEXP_EXTRACT(string, regex[, group])",
        "group (0 = all) of the first match, or NULL",
        &[Text, Text, Int],
        Gives::Text,
        extract,
    )
    .optional(1),
    entry(
        "regexp_extract_all",
        "REGEXP_EXTRACT_ALL(string, regex[, group])",
        "group (1 unless said) of every match",
        &[Text, Text, Int],
        Gives::Of(|_, _| Ok(crate::types::array(DataType::Utf8))),
        extract_all,
    )
    .optional(1),
    entry(
        "regexp_count",
        "REGEXP_COUNT(string, regex)",
        "number of matches",
        &[Text, Text],
        Gives::Int,
        count,
    ),
    entry(
        "regexp_instr",
        "REGEXP_INSTR(string, regex)",
        "place of the first match, from 1; 0 = none",
        &[Text, Text],
        Gives::Int,
        place,
    ),
    entry(
        "regexp_substr",
        "REGEXP_SUBSTR(string, regex)",
        "the first match, or NULL",
        &[Text, Text],
        Gives::Text,
        substr,
    ),
];

/// A compiled regular expression. Each thread keeps its last few: a query uses the same ones batch by batch.
pub(super) fn compile(pattern: &str) -> Result<Regex> {
    const KEPT: usize = 32;
    thread_local! {
        static RECENT: RefCell<Vec<(String, Regex)>> = const { RefCell::new(Vec::new()) };
    }
    let known = RECENT
        .with_borrow(|recent| recent.iter().find(|(own, _)| own == pattern).map(|(_, regex)| regex.clone()));
    if let Some(regex) = known {
        return Ok(regex);
    }
    let regex = match Regex::new(&translate(pattern)) {
        Ok(regex) => regex,
        Err(regex::Error::CompiledTooBig(limit)) => {
            return exec_err!("the regular expression '{pattern}' compiles to more than {limit} bytes");
        }
        Err(error) => {
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            return exec_err!("the regular expression '{pattern}' cannot be used: {cause}");
        }
    };
    RECENT.with_borrow_mut(|recent| {
        if recent.len() == KEPT {
            recent.remove(0);
        }
        recent.push((pattern.to_string(), regex.clone()));
    });
    Ok(regex)
}

/// The same pattern for the `regex` crate: Java's classes are ASCII, `\Q...\E` quotes.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let Some(letter) = escape[1..].chars().next() else {
            out.push('\\');
            rest = "";
            break;
        };
        rest = &escape[1 + letter.len_utf8()..];
        match letter {
            'd' => out.push_str("[0-9]"),
            'D' => out.push_str("[^0-9]"),
            'w' => out.push_str("[a-zA-Z0-9_]"),
            'W' => out.push_str("[^a-zA-Z0-9_]"),
            's' => out.push_str(r"[ \t\n\x0B\f\r]"),
            'S' => out.push_str(r"[^ \t\n\x0B\f\r]"),
            'h' => out.push_str(r"[ \t\u{A0}\u{1680}\u{180e}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}]"),
            'b' => out.push_str(r"(?-u:\b)"),
            'Z' => out.push_str(r"\n?\z"),
            'e' => out.push_str(r"\x1B"),
            'Q' => {
                let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
                out.push_str(&regex::escape(quoted));
                rest = after;
            }
            'p' | 'P' => rest = property(letter, rest, &mut out),
            _ => {
                out.push('\\');
                out.push(letter);
            }
        }
    }
    out.push_str(rest);
    out
}

/// `\p{Alpha}` and its kin; answers what follows.
fn property<'a>(letter: char, rest: &'a str, out: &mut String) -> &'a str {
    let named = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let class = named.and_then(|(name, after)| {
        let class = match name {
            "Alpha" | "Digit" | "Alnum" | "Upper" | "Lower" | "Punct" | "Graph" | "Print" | "Blank"
            | "Cntrl" | "Space" => name.to_ascii_lowercase(),
            "XDigit" => "xdigit".to_string(),
            "ASCII" => "ascii".to_string(),
            _ => return None,
        };
        Some((class, after))
    });
    match class {
        Some((class, after)) => {
            let not = if letter == 'P' { "^" } else { "" };
            out.push_str(&format!("[[:{not}{class}:]]"));
            after
        }
        None => {
            out.push('\\');
            out.push(letter);
            rest
        }
    }
}

fn regexp(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let mut compiled = Compiled::new();
    call.booleans(|row| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(None) };
        if pattern.is_empty() {
            return Ok(Some(false));
        }
        Ok(Some(compiled.of(pattern, compile)?.is_match(text)))
    })
}

fn replace(call: &Call) -> Result<ArrayRef> {
    let (text, pattern, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
    let mut compiled = Compiled::new();
    call.texts(|row, out| {
        let (Some(text), Some(pattern), Some(new)) = (text.get(row), pattern.get(row), new.get(row)) else {
            return Ok(false);
        };
        let mut done = 0;
        for found in compiled.of(pattern, compile)?.find_iter(text) {
            out.push_str(&text[done..found.start()]);
            out.push_str(new);
            done = found.end();
        }
        out.push_str(&text[done..]);
        Ok(true)
    })
}

/// The argument `group` of a row; `first` if the call has none.
fn group_of(call: &Call, first: usize) -> Result<impl Fn(usize) -> Option<Option<usize>>> {
    let given = if call.has(2) { Some(call.integer(2)?) } else { None };
    Ok(move |row| match &given {
        None => Some(Some(first)),
        Some(group) => group.get(row).map(|group| usize::try_from(group).ok()),
    })
}

fn extract(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let group = group_of(call, 0)?;
    let mut compiled = Compiled::new();
    let mut places = None;
    call.texts(|row, out| {
        let (Some(text), Some(pattern), Some(Some(group))) = (text.get(row), pattern.get(row), group(row))
        else {
            return Ok(false);
        };
        let regex = compiled.of(pattern, compile)?;
        if group == 0 {
            return Ok(regex.find(text).map(|found| out.push_str(found.as_str())).is_some());
        }
        let places = places.get_or_insert_with(|| regex.capture_locations());
        if places.len() != regex.captures_len() {
            *places = regex.capture_locations();
        }
        if regex.captures_read(places, text).is_none() {
            return Ok(false);
        }
        Ok(places.get(group).map(|(start, end)| out.push_str(&text[start..end])).is_some())
    })
}

fn extract_all(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let group = group_of(call, 1)?;
    let mut compiled = Compiled::new();
    let field = Arc::new(Field::new("item", DataType::Utf8, true));
    let mut out = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in 0..call.rows {
        let (Some(text), Some(pattern), Some(Some(group))) = (text.get(row), pattern.get(row), group(row))
        else {
            out.append_null();
            continue;
        };
        let regex = compiled.of(pattern, compile)?;
        if group >= regex.captures_len() {
            out.append_null();
            continue;
        }
        for found in regex.captures_iter(text) {
            out.values().append_option(found.get(group).map(|part| part.as_str()));
        }
        out.append(true);
    }
    Ok(Arc::new(out.finish()))
}

fn count(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let mut compiled = Compiled::new();
    call.numbers::<Int32Type>(|row| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(None) };
        Ok(Some(compiled.of(pattern, compile)?.find_iter(text).count() as i32))
    })
}

fn place(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let mut compiled = Compiled::new();
    call.numbers::<Int32Type>(|row| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(None) };
        let found = compiled.of(pattern, compile)?.find(text);
        Ok(Some(found.map_or(0, |found| text[..found.start()].chars().count() as i32 + 1)))
    })
}

fn substr(call: &Call) -> Result<ArrayRef> {
    let (text, pattern) = (call.text(0)?, call.text(1)?);
    let mut compiled = Compiled::new();
    call.texts(|row, out| {
        let (Some(text), Some(pattern)) = (text.get(row), pattern.get(row)) else { return Ok(false) };
        Ok(compiled.of(pattern, compile)?.find(text).map(|found| out.push_str(found.as_str())).is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_java_keep_their_meaning() {
        let cases = [
            (r"^\d+$", "123", true),
            (r"^\d+$", "١٢٣", false),
            (r"^[\d.]+$", "1.5", true),
            (r"^[^\d]+$", "abc", true),
            (r"^\w+$", "äb", false),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"^\p{Alpha}+$", "abc", true),
            (r"^\P{Alpha}+$", "123", true),
            (r"\bfoo\b", "a foo b", true),
            (r"^\\$", "\\", true),
            (r"^\p{L}+$", "äö", true),
        ];
        for (pattern, text, matches) in cases {
            assert_eq!(compile(pattern).unwrap().is_match(text), matches, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_cannot_run_in_linear_time_is_refused_by_name() {
        for pattern in ["a(?=b)", r"(a)\1", "(unclosed"] {
            let error = compile(pattern).unwrap_err().to_string();
            assert!(error.contains(pattern), "{error}");
        }
    }
}
