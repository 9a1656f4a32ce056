//! Functions of text. Positions count characters from 1, as SQL does.

use arrow::datatypes::DataType;
use datafusion_common::Result;

use super::Parameter::{Bytes, Int, Long, Text};
use super::arguments::Arguments;
use super::{Entry, Evaluate, Parameter, Returns, failed};

const TEXT: Returns = Returns::Always(DataType::Utf8);
const INT: Returns = Returns::Always(DataType::Int32);
const BOOL: Returns = Returns::Always(DataType::Boolean);

type Examples = &'static [(&'static str, &'static str)];

/// A function whose arguments are all required.
#[allow(clippy::too_many_arguments, reason = "a table row, written out once per function")]
const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    signature: &'static str,
    about: &'static str,
    takes: &'static [Parameter],
    returns: Returns,
    evaluate: Evaluate,
    examples: Examples,
) -> Entry {
    Entry {
        name,
        aliases,
        signature,
        about,
        takes,
        needs: takes.len(),
        repeats: false,
        returns,
        evaluate,
        examples,
    }
}

const fn needs(mut entry: Entry, needs: usize) -> Entry {
    entry.needs = needs;
    entry
}

const fn repeats(mut entry: Entry) -> Entry {
    entry.repeats = true;
    entry
}

pub(super) static FUNCTIONS: &[Entry] = &[
    entry(
        "char_length",
        &["character_length", "length"],
        "CHAR_LENGTH(text)",
        "number of characters",
        &[Text],
        INT,
        |args, _| {
            let text = args.texts(0)?;
            args.build_ints(|row| Ok(text.get(row).map(|own| own.chars().count() as i32)))
        },
        &[("CHAR_LENGTH('Ünï')", "3"), ("CHAR_LENGTH(CAST(NULL AS STRING))", "NULL")],
    ),
    entry(
        "upper",
        &["ucase"],
        "UPPER(text)",
        "in capital letters",
        &[Text],
        TEXT,
        |args, _| map(args, |own, out| out.push_str(&own.to_uppercase())),
        &[("UPPER('abc')", "ABC")],
    ),
    entry(
        "lower",
        &["lcase"],
        "LOWER(text)",
        "in small letters",
        &[Text],
        TEXT,
        |args, _| map(args, |own, out| out.push_str(&own.to_lowercase())),
        &[("LOWER('AbC')", "abc")],
    ),
    entry(
        "initcap",
        &[],
        "INITCAP(text)",
        "each word with a capital first letter",
        &[Text],
        TEXT,
        |args, _| map(args, initcap),
        &[("INITCAP('hello wORLD')", "Hello World")],
    ),
    entry(
        "reverse",
        &[],
        "REVERSE(text)",
        "the characters from last to first",
        &[Text],
        TEXT,
        |args, _| map(args, |own, out| out.extend(own.chars().rev())),
        &[("REVERSE('abc')", "cba")],
    ),
    entry(
        "position",
        &[],
        "POSITION(part IN text)",
        "where the part begins, from 1; 0 if it does not occur",
        &[Text, Text],
        INT,
        |args, _| {
            let (part, text) = (args.texts(0)?, args.texts(1)?);
            args.build_ints(|row| {
                Ok(part.get(row).zip(text.get(row)).map(|(part, text)| find(text, part, 1)))
            })
        },
        &[("POSITION('b' IN 'abc')", "2"), ("POSITION('x' IN 'abc')", "0")],
    ),
    entry(
        "instr",
        &[],
        "INSTR(text, part)",
        "where the part begins, from 1; 0 if it does not occur",
        &[Text, Text],
        INT,
        |args, _| {
            let (text, part) = (args.texts(0)?, args.texts(1)?);
            args.build_ints(|row| {
                Ok(part.get(row).zip(text.get(row)).map(|(part, text)| find(text, part, 1)))
            })
        },
        &[("INSTR('abc', 'c')", "3")],
    ),
    needs(
        entry(
            "locate",
            &[],
            "LOCATE(part, text[, from])",
            "where the part begins at or after `from`; 0 if nowhere",
            &[Text, Text, Int],
            INT,
            |args, _| {
                let (part, text, from) = (args.texts(0)?, args.texts(1)?, args.ints_or(2, 1)?);
                args.build_ints(|row| {
                    let Some((part, text)) = part.get(row).zip(text.get(row)) else { return Ok(None) };
                    Ok(from(row).map(|from| find(text, part, from)))
                })
            },
            &[("LOCATE('a', 'abca', 2)", "4")],
        ),
        2,
    ),
    needs(
        entry(
            "substring",
            &["substr"],
            "SUBSTRING(text FROM start [FOR length])",
            "a part of the text; a negative start counts from the end",
            &[Text, Int, Int],
            TEXT,
            |args, _| {
                let (text, start, len) = (args.texts(0)?, args.ints(1)?, args.ints_or(2, i32::MAX)?);
                args.build_text(|row, out| {
                    let Some((text, start)) = text.get(row).zip(start.get(row)) else { return Ok(None) };
                    Ok(len(row).filter(|len| *len >= 0).map(|len| substring(text, start, len, out)))
                })
            },
            &[
                ("SUBSTRING('hello' FROM 2 FOR 3)", "ell"),
                ("SUBSTRING('hello', -3)", "llo"),
                ("SUBSTRING('abc', 9)", ""),
            ],
        ),
        2,
    ),
    entry(
        "left",
        &[],
        "LEFT(text, length)",
        "the first characters",
        &[Text, Int],
        TEXT,
        |args, _| {
            let (text, len) = (args.texts(0)?, args.ints(1)?);
            args.build_text(|row, out| {
                Ok(text.get(row).zip(len.get(row)).map(|(text, len)| {
                    out.extend(text.chars().take(len.max(0) as usize));
                }))
            })
        },
        &[("LEFT('hello', 2)", "he")],
    ),
    entry(
        "right",
        &[],
        "RIGHT(text, length)",
        "the last characters",
        &[Text, Int],
        TEXT,
        |args, _| {
            let (text, len) = (args.texts(0)?, args.ints(1)?);
            args.build_text(|row, out| {
                Ok(text.get(row).zip(len.get(row)).map(|(text, len)| {
                    let skipped = text.chars().count().saturating_sub(len.max(0) as usize);
                    out.extend(text.chars().skip(skipped));
                }))
            })
        },
        &[("RIGHT('hello', 2)", "lo")],
    ),
    needs(
        entry(
            "overlay",
            &[],
            "OVERLAY(text PLACING part FROM start [FOR length])",
            "replaces `length` characters by the part",
            &[Text, Text, Int, Int],
            TEXT,
            overlay,
            &[
                ("OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6)", "xxxxxxxxx"),
                ("OVERLAY('xxxxxtest' PLACING 'xxxx' FROM 6 FOR 2)", "xxxxxxxxxst"),
            ],
        ),
        3,
    ),
    entry(
        "replace",
        &[],
        "REPLACE(text, part, by)",
        "every occurrence replaced",
        &[Text, Text, Text],
        TEXT,
        |args, _| {
            let (text, part, by) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
            args.build_text(|row, out| {
                let Some((text, part)) = text.get(row).zip(part.get(row)) else { return Ok(None) };
                Ok(by.get(row).map(|by| match part {
                    "" => out.push_str(text),
                    part => out.push_str(&text.replace(part, by)),
                }))
            })
        },
        &[("REPLACE('hello', 'l', 'L')", "heLLo")],
    ),
    entry(
        "translate",
        &[],
        "TRANSLATE(text, from, to)",
        "each character of `from` replaced by the one at its place in `to`",
        &[Text, Text, Text],
        TEXT,
        |args, _| {
            let (text, from, to) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
            args.build_text(|row, out| {
                let Some((text, from)) = text.get(row).zip(from.get(row)) else { return Ok(None) };
                Ok(to.get(row).map(|to| {
                    out.extend(text.chars().filter_map(
                        |own| match from.chars().position(|other| other == own) {
                            Some(place) => to.chars().nth(place),
                            None => Some(own),
                        },
                    ));
                }))
            })
        },
        &[("TRANSLATE('www.apache.org', 'wapcheorg', ' APCHEcom')", "   .APACHE.com")],
    ),
    needs(
        entry(
            "btrim",
            &["trim"],
            "TRIM([BOTH] [characters FROM] text)",
            "without leading and trailing characters",
            &[Text, Text],
            TEXT,
            |args, _| trim(args, true, true),
            &[("TRIM('  a ')", "a"), ("BTRIM('xxaxx', 'x')", "a")],
        ),
        1,
    ),
    needs(
        entry(
            "ltrim",
            &[],
            "LTRIM(text[, characters])",
            "without leading characters",
            &[Text, Text],
            TEXT,
            |args, _| trim(args, true, false),
            &[("LTRIM('  a ')", "a ")],
        ),
        1,
    ),
    needs(
        entry(
            "rtrim",
            &[],
            "RTRIM(text[, characters])",
            "without trailing characters",
            &[Text, Text],
            TEXT,
            |args, _| trim(args, false, true),
            &[("RTRIM('  a ')", "  a")],
        ),
        1,
    ),
    entry(
        "repeat",
        &[],
        "REPEAT(text, times)",
        "the text several times",
        &[Text, Int],
        TEXT,
        |args, _| {
            let (text, times) = (args.texts(0)?, args.ints(1)?);
            args.build_text(|row, out| {
                let Some((text, times)) = text.get(row).zip(times.get(row)) else { return Ok(None) };
                limited(text.len(), times)?;
                out.push_str(&text.repeat(times.max(0) as usize));
                Ok(Some(()))
            })
        },
        &[("REPEAT('ab', 3)", "ababab")],
    ),
    entry(
        "lpad",
        &[],
        "LPAD(text, length, pad)",
        "filled from the left to the length, or cut to it",
        &[Text, Int, Text],
        TEXT,
        |args, _| pad(args, true),
        &[("LPAD('hi', 4, '??')", "??hi"), ("LPAD('hi', 1, '??')", "h")],
    ),
    entry(
        "rpad",
        &[],
        "RPAD(text, length, pad)",
        "filled from the right to the length, or cut to it",
        &[Text, Int, Text],
        TEXT,
        |args, _| pad(args, false),
        &[("RPAD('hi', 4, '??')", "hi??")],
    ),
    repeats(entry(
        "concat",
        &[],
        "CONCAT(text, ...)",
        "the texts one after the other; NULL if one is NULL",
        &[Text],
        TEXT,
        |args, _| {
            let texts = (0..args.count()).map(|own| args.texts(own)).collect::<Result<Vec<_>>>()?;
            args.build_text(|row, out| {
                for own in &texts {
                    let Some(text) = own.get(row) else { return Ok(None) };
                    out.push_str(text);
                }
                Ok(Some(()))
            })
        },
        &[("CONCAT('a', 'b', 'c')", "abc"), ("CONCAT('a', CAST(NULL AS STRING))", "NULL")],
    )),
    repeats(entry(
        "concat_ws",
        &[],
        "CONCAT_WS(separator, text, ...)",
        "the texts with separators; NULLs are skipped",
        &[Text, Text],
        TEXT,
        |args, _| {
            let texts = (0..args.count()).map(|own| args.texts(own)).collect::<Result<Vec<_>>>()?;
            args.build_text(|row, out| {
                let Some(separator) = texts[0].get(row) else { return Ok(None) };
                for (number, text) in texts[1..].iter().filter_map(|own| own.get(row)).enumerate() {
                    if number > 0 {
                        out.push_str(separator);
                    }
                    out.push_str(text);
                }
                Ok(Some(()))
            })
        },
        &[("CONCAT_WS('~', 'AA', CAST(NULL AS STRING), 'BB', '')", "AA~BB~")],
    )),
    entry(
        "ascii",
        &[],
        "ASCII(text)",
        "the number of the first character",
        &[Text],
        INT,
        |args, _| {
            let text = args.texts(0)?;
            args.build_ints(|row| {
                Ok(text.get(row).map(|own| own.bytes().next().map_or(0, |byte| i32::from(byte as i8))))
            })
        },
        &[("ASCII('abc')", "97"), ("ASCII('')", "0")],
    ),
    entry(
        "chr",
        &[],
        "CHR(number)",
        "the ASCII character of the number, modulo 256",
        &[Long],
        TEXT,
        |args, _| {
            let number = args.longs(0)?;
            args.build_text(|row, out| {
                Ok(number.get(row).map(|own| {
                    // As Flink: nothing for negative numbers, the low byte of others.
                    if own >= 0 {
                        out.push(char::from((own & 0xff) as u8));
                    }
                }))
            })
        },
        &[("CHR(97)", "a"), ("CHR(353)", "a")],
    ),
    entry(
        "split_index",
        &[],
        "SPLIT_INDEX(text, delimiter, index)",
        "the part at the index, from 0; NULL if there is none",
        &[Text, Text, Int],
        TEXT,
        |args, _| {
            let (text, delimiter, index) = (args.texts(0)?, args.texts(1)?, args.ints(2)?);
            args.build_text(|row, out| {
                let Some((text, delimiter)) = text.get(row).zip(delimiter.get(row)) else { return Ok(None) };
                let index = index.get(row).and_then(|own| usize::try_from(own).ok());
                let part = match delimiter {
                    "" => index.and_then(|index| text.split_whitespace().nth(index)),
                    delimiter => index.and_then(|index| text.split(delimiter).nth(index)),
                };
                Ok(part.map(|part| out.push_str(part)))
            })
        },
        &[("SPLIT_INDEX('a/b/c', '/', 1)", "b"), ("SPLIT_INDEX('a/b', '/', 2)", "NULL")],
    ),
    entry(
        "startswith",
        &[],
        "STARTSWITH(text, prefix)",
        "true if the text begins so",
        &[Text, Text],
        BOOL,
        |args, _| pair(args, |text, part| text.starts_with(part)),
        &[("STARTSWITH('hello', 'he')", "true")],
    ),
    entry(
        "endswith",
        &[],
        "ENDSWITH(text, suffix)",
        "true if the text ends so",
        &[Text, Text],
        BOOL,
        |args, _| pair(args, |text, part| text.ends_with(part)),
        &[("ENDSWITH('hello', 'lo')", "true")],
    ),
    repeats(entry(
        "elt",
        &[],
        "ELT(index, text, ...)",
        "the text at the index, from 1; NULL if there is none",
        &[Int, Text],
        TEXT,
        |args, _| {
            let index = args.ints(0)?;
            let texts = (1..args.count()).map(|own| args.texts(own)).collect::<Result<Vec<_>>>()?;
            args.build_text(|row, out| {
                let chosen = index.get(row).and_then(|own| usize::try_from(own - 1).ok());
                Ok(chosen.and_then(|own| texts.get(own)?.get(row)).map(|text| out.push_str(text)))
            })
        },
        &[("ELT(2, 'a', 'b')", "b"), ("ELT(3, 'a', 'b')", "NULL")],
    )),
    entry(
        "to_base64",
        &[],
        "TO_BASE64(text)",
        "in base64",
        &[Bytes],
        TEXT,
        |args, _| {
            let bytes = args.bytes(0);
            args.build_text(|row, out| Ok(bytes(row).map(|own| super::hash::push_base64(own, out))))
        },
        &[("TO_BASE64('hello world')", "aGVsbG8gd29ybGQ=")],
    ),
    entry(
        "from_base64",
        &[],
        "FROM_BASE64(text)",
        "out of base64; NULL if it is none",
        &[Text],
        TEXT,
        |args, _| {
            let text = args.texts(0)?;
            args.build_text(|row, out| {
                let bytes = text.get(row).and_then(super::hash::decode_base64);
                Ok(bytes.and_then(|own| String::from_utf8(own).ok()).map(|own| out.push_str(&own)))
            })
        },
        &[("FROM_BASE64('aGVsbG8gd29ybGQ=')", "hello world")],
    ),
    entry(
        "unhex",
        &[],
        "UNHEX(text)",
        "the bytes that the hexadecimal digits name, as text; NULL if they are none",
        &[Text],
        TEXT,
        |args, _| {
            let text = args.texts(0)?;
            args.build_text(|row, out| {
                let bytes = text.get(row).and_then(super::hash::decode_hex);
                Ok(bytes.and_then(|own| String::from_utf8(own).ok()).map(|own| out.push_str(&own)))
            })
        },
        &[("UNHEX('466C696E6B')", "Flink")],
    ),
    entry(
        "bin",
        &[],
        "BIN(number)",
        "in binary digits",
        &[Long],
        TEXT,
        |args, _| {
            let number = args.longs(0)?;
            args.build_text(|row, out| Ok(number.get(row).map(|own| out.push_str(&format!("{own:b}")))))
        },
        &[("BIN(4)", "100")],
    ),
];

fn map(args: &Arguments, write: fn(&str, &mut String)) -> Result<arrow::array::ArrayRef> {
    let text = args.texts(0)?;
    args.build_text(|row, out| Ok(text.get(row).map(|own| write(own, out))))
}

fn pair(args: &Arguments, test: fn(&str, &str) -> bool) -> Result<arrow::array::ArrayRef> {
    let (text, part) = (args.texts(0)?, args.texts(1)?);
    args.build_bools(|row| Ok(text.get(row).zip(part.get(row)).map(|(text, part)| test(text, part))))
}

fn initcap(text: &str, out: &mut String) {
    let mut within = false;
    for letter in text.chars() {
        match within {
            true => out.extend(letter.to_lowercase()),
            false => out.extend(letter.to_uppercase()),
        }
        within = letter.is_alphanumeric();
    }
}

/// Where `part` begins in `text` at or after character `from`, counted from 1; 0 if it does not.
fn find(text: &str, part: &str, from: i32) -> i32 {
    if from < 1 {
        return 0;
    }
    let Some((skipped, _)) =
        text.char_indices().map(|(at, _)| (at, ())).chain([(text.len(), ())]).nth(from as usize - 1)
    else {
        return 0;
    };
    match text[skipped..].find(part) {
        Some(at) => text[..skipped + at].chars().count() as i32 + 1,
        None => 0,
    }
}

fn substring(text: &str, start: i32, len: i32, out: &mut String) {
    let count = text.chars().count() as i64;
    let start = match i64::from(start) {
        own if own > 0 => own - 1,
        own if own < 0 => count + own,
        _ => 0,
    };
    if start < 0 || start >= count {
        return;
    }
    out.extend(text.chars().skip(start as usize).take(len as usize));
}

fn overlay(args: &Arguments, _: &DataType) -> Result<arrow::array::ArrayRef> {
    let (text, part, start) = (args.texts(0)?, args.texts(1)?, args.ints(2)?);
    let len = if args.count() > 3 { Some(args.ints(3)?) } else { None };
    args.build_text(|row, out| {
        let Some(((text, part), start)) = text.get(row).zip(part.get(row)).zip(start.get(row)) else {
            return Ok(None);
        };
        let len = match &len {
            None => Some(part.chars().count() as i32),
            Some(given) => given.get(row),
        };
        Ok(len.map(|len| {
            if start <= 0 || start as usize > text.chars().count() {
                out.push_str(text);
                return;
            }
            let before = start as usize - 1;
            out.extend(text.chars().take(before));
            out.push_str(part);
            if len >= 0 {
                out.extend(text.chars().skip(before + len as usize));
            }
        }))
    })
}

fn trim(args: &Arguments, left: bool, right: bool) -> Result<arrow::array::ArrayRef> {
    let (text, set) = (args.texts(0)?, args.texts_or(1, " ")?);
    args.build_text(|row, out| {
        Ok(text.get(row).zip(set(row)).map(|(text, set)| {
            let text = if left { text.trim_start_matches(|own| set.contains(own)) } else { text };
            out.push_str(if right { text.trim_end_matches(|own| set.contains(own)) } else { text });
        }))
    })
}

/// Refuses results that nobody meant.
fn limited(len: usize, times: i32) -> Result<()> {
    const MOST_BYTES: usize = 64 << 20;
    match len.checked_mul(times.max(0) as usize) {
        Some(bytes) if bytes <= MOST_BYTES => Ok(()),
        _ => failed(format!("a text of more than {MOST_BYTES} bytes")),
    }
}

fn pad(args: &Arguments, left: bool) -> Result<arrow::array::ArrayRef> {
    let (text, len, pad) = (args.texts(0)?, args.ints(1)?, args.texts(2)?);
    args.build_text(|row, out| {
        let Some(((text, len), pad)) = text.get(row).zip(len.get(row)).zip(pad.get(row)) else {
            return Ok(None);
        };
        let count = text.chars().count();
        if len < 0 || (pad.is_empty() && len as usize > count) {
            return Ok(None);
        }
        limited(4, len)?;
        let filling = pad.chars().cycle().take((len as usize).saturating_sub(count));
        if left {
            out.extend(filling.clone());
        }
        out.extend(text.chars().take(len as usize));
        if !left {
            out.extend(filling);
        }
        Ok(Some(()))
    })
}
