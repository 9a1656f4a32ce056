//! Functions of regular expressions. The syntax is that of the `regex` crate, which is Java's without
//! look-around and back-references: matching takes linear time whatever the pattern.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion_common::Result;
use regex::Regex;
use std::sync::Arc;

use super::Parameter::{Int, Text};
use super::arguments::Arguments;
use super::{Entry, Returns, failed};

const INT: Returns = Returns::Always(DataType::Int32);

pub(super) static FUNCTIONS: &[Entry] = &[
    Entry {
        name: "regexp",
        aliases: &[],
        signature: "REGEXP(text, pattern)",
        about: "true if the pattern is found in the text",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Boolean),
        evaluate: |args, _| {
            let (text, mut patterns) = (args.texts(0)?, Patterns::new(args)?);
            args.build_bools(|row| {
                let Some(text) = text.get(row) else { return Ok(None) };
                Ok(patterns.at(row)?.map(|own| own.is_match(text)))
            })
        },
        examples: &[("REGEXP('foobar', 'o+b')", "true"), ("REGEXP('foobar', '^b')", "false")],
    },
    Entry {
        name: "regexp_replace",
        aliases: &[],
        signature: "REGEXP_REPLACE(text, pattern, by)",
        about: "every match replaced; $1 in `by` is the first group",
        takes: &[Text, Text, Text],
        needs: 3,
        repeats: false,
        returns: Returns::Always(DataType::Utf8),
        evaluate: |args, _| {
            let (text, mut patterns, by) = (args.texts(0)?, Patterns::new(args)?, args.texts(2)?);
            args.build_text(|row, out| {
                let Some((text, by)) = text.get(row).zip(by.get(row)) else { return Ok(None) };
                Ok(patterns.at(row)?.map(|own| out.push_str(&own.replace_all(text, java_replacement(by)))))
            })
        },
        examples: &[
            ("REGEXP_REPLACE('foobar', 'oo|ar', '')", "fb"),
            ("REGEXP_REPLACE('ab', '(a)(b)', '$2$1')", "ba"),
        ],
    },
    Entry {
        name: "regexp_extract",
        aliases: &[],
        signature: "REGEXP_EXTRACT(text, pattern[, group])",
        about: "the group of the first match (0 = all of it); NULL if there is none",
        takes: &[Text, Text, Int],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Utf8),
        evaluate: |args, _| {
            let (text, mut patterns, group) = (args.texts(0)?, Patterns::new(args)?, args.ints_or(2, 0)?);
            args.build_text(|row, out| {
                let Some((text, group)) = text.get(row).zip(group(row)) else { return Ok(None) };
                let Some(pattern) = patterns.at(row)? else { return Ok(None) };
                let found = pattern.captures(text).zip(usize::try_from(group).ok());
                Ok(found.and_then(|(found, group)| found.get(group)).map(|own| out.push_str(own.as_str())))
            })
        },
        examples: &[
            ("REGEXP_EXTRACT('foothebar', 'foo(.*?)(bar)', 2)", "bar"),
            ("REGEXP_EXTRACT('a', 'b', 0)", "NULL"),
        ],
    },
    Entry {
        name: "regexp_substr",
        aliases: &[],
        signature: "REGEXP_SUBSTR(text, pattern)",
        about: "the first match; NULL if there is none",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: Returns::Always(DataType::Utf8),
        evaluate: |args, _| {
            let (text, mut patterns) = (args.texts(0)?, Patterns::new(args)?);
            args.build_text(|row, out| {
                let Some(text) = text.get(row) else { return Ok(None) };
                Ok(patterns.at(row)?.and_then(|own| own.find(text)).map(|own| out.push_str(own.as_str())))
            })
        },
        examples: &[("REGEXP_SUBSTR('abc123', '[0-9]+')", "123")],
    },
    Entry {
        name: "regexp_count",
        aliases: &[],
        signature: "REGEXP_COUNT(text, pattern)",
        about: "number of matches",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: INT,
        evaluate: |args, _| {
            let (text, mut patterns) = (args.texts(0)?, Patterns::new(args)?);
            args.build_ints(|row| {
                let Some(text) = text.get(row) else { return Ok(None) };
                Ok(patterns.at(row)?.map(|own| own.find_iter(text).count() as i32))
            })
        },
        examples: &[("REGEXP_COUNT('abcabc', 'b')", "2")],
    },
    Entry {
        name: "regexp_instr",
        aliases: &[],
        signature: "REGEXP_INSTR(text, pattern)",
        about: "where the first match begins, from 1; 0 if there is none",
        takes: &[Text, Text],
        needs: 2,
        repeats: false,
        returns: INT,
        evaluate: |args, _| {
            let (text, mut patterns) = (args.texts(0)?, Patterns::new(args)?);
            args.build_ints(|row| {
                let Some(text) = text.get(row) else { return Ok(None) };
                let place = |own: &Regex| {
                    own.find(text).map_or(0, |found| text[..found.start()].chars().count() as i32 + 1)
                };
                Ok(patterns.at(row)?.map(place))
            })
        },
        examples: &[("REGEXP_INSTR('hello', 'l+')", "3")],
    },
    Entry {
        name: "regexp_extract_all",
        aliases: &[],
        signature: "REGEXP_EXTRACT_ALL(text, pattern[, group])",
        about: "the group (default 1) of every match, as ARRAY<STRING>",
        takes: &[Text, Text, Int],
        needs: 2,
        repeats: false,
        returns: Returns::Of(|_, _| Ok(DataType::List(Arc::new(Field::new("item", DataType::Utf8, true))))),
        evaluate: extract_all,
        examples: &[("CARDINALITY(REGEXP_EXTRACT_ALL('a1b2', '([0-9])'))", "2")],
    },
];

fn extract_all(args: &Arguments, _: &DataType) -> Result<ArrayRef> {
    let (text, mut patterns, group) = (args.texts(0)?, Patterns::new(args)?, args.ints_or(2, 1)?);
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..args.rows() {
        let found = match (text.get(row), patterns.at(row)?, group(row)) {
            (Some(text), Some(pattern), Some(group)) => {
                let Ok(group) = usize::try_from(group) else { return failed("a negative group") };
                for found in pattern.captures_iter(text) {
                    lists.values().append_option(found.get(group).map(|own| own.as_str()));
                }
                true
            }
            _ => false,
        };
        lists.append(found);
    }
    Ok(Arc::new(lists.finish()))
}

/// `$1a` is group 1 and a letter in Java, group `1a` in the `regex` crate.
fn java_replacement(by: &str) -> String {
    let mut out = String::with_capacity(by.len());
    let mut letters = by.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('$') => out.push_str("$$"),
                Some(other) => out.push(other),
                None => {}
            },
            '$' => {
                out.push_str("${");
                while let Some(digit) = letters.peek().filter(|own| own.is_ascii_digit()) {
                    out.push(*digit);
                    letters.next();
                }
                out.push('}');
            }
            other => out.push(other),
        }
    }
    out
}

/// The pattern of each row, compiled again only when it changes.
struct Patterns<'a> {
    texts: super::arguments::Texts<'a>,
    last: Option<(&'a str, Regex)>,
}

impl<'a> Patterns<'a> {
    fn new(args: &'a Arguments) -> Result<Patterns<'a>> {
        Ok(Patterns { texts: args.texts(1)?, last: None })
    }

    fn at(&mut self, row: usize) -> Result<Option<&Regex>> {
        let Some(text) = self.texts.get(row) else { return Ok(None) };
        if self.last.as_ref().is_none_or(|(last, _)| *last != text) {
            match Regex::new(text) {
                Ok(regex) => self.last = Some((text, regex)),
                Err(error) => return failed(format!("the regular expression '{text}': {error}")),
            }
        }
        Ok(self.last.as_ref().map(|(_, regex)| regex))
    }
}
