//! Texts. Lengths and positions count characters (Unicode code points), from 1.

mod find;
mod form;
mod part;

use super::ScalarEntry;
use super::coercion::Takes::{Bigint, Int, IntOrText, Text};
use super::udf::{Arguments, Gives, checked, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry(
        "char_length",
        "CHAR_LENGTH(string)",
        "number of characters",
        &[Text],
        Gives::Int,
        find::char_length,
    )
    .or(&["character_length", "length"]),
    entry(
        "position",
        "POSITION(search IN string)",
        "first place of search, from 1; 0 = not found",
        &[Text, Text],
        Gives::Int,
        find::position,
    ),
    entry(
        "instr",
        "INSTR(string, search[, start[, nth]])",
        "place of the nth search from start; 0 = not found",
        &[Text, Text, Int, Int],
        Gives::Int,
        find::instr,
    )
    .optional(2),
    entry(
        "locate",
        "LOCATE(search, string[, start])",
        "first place of search from start; 0 = not found",
        &[Text, Text, Int],
        Gives::Int,
        find::locate,
    )
    .optional(1),
    entry(
        "startswith",
        "STARTSWITH(string, start)",
        "true if string starts with start",
        &[Text, Text],
        Gives::Boolean,
        |call| find::compare(call, |text, part| text.starts_with(part)),
    ),
    entry(
        "endswith",
        "ENDSWITH(string, end)",
        "true if string ends with end",
        &[Text, Text],
        Gives::Boolean,
        |call| find::compare(call, |text, part| text.ends_with(part)),
    ),
    entry("ascii", "ASCII(string)", "value of the first byte; 0 if empty", &[Text], Gives::Int, find::ascii),
    entry(
        "substring",
        "SUBSTRING(string FROM start [FOR length])",
        "part; a negative start counts from the end",
        &[Text, Int, Int],
        Gives::Text,
        part::substring,
    )
    .optional(1)
    .or(&["substr"]),
    entry("left", "LEFT(string, count)", "first characters", &[Text, Int], Gives::Text, part::left),
    entry("right", "RIGHT(string, count)", "last characters", &[Text, Int], Gives::Text, part::right),
    entry(
        "overlay",
        "OVERLAY(string PLACING new FROM start [FOR length])",
        "string with a part replaced",
        &[Text, Text, Int, Int],
        Gives::Text,
        part::overlay,
    )
    .optional(1),
    entry(
        "btrim",
        "TRIM([BOTH | LEADING | TRAILING] [characters FROM] string)",
        "without characters (spaces) at the ends",
        &[Text, Text],
        Gives::Text,
        |call| part::trim(call, true, true),
    )
    .optional(1)
    .or(&["trim"]),
    entry(
        "ltrim",
        "LTRIM(string[, characters])",
        "without characters (spaces) at the start",
        &[Text, Text],
        Gives::Text,
        |call| part::trim(call, true, false),
    )
    .optional(1),
    entry(
        "rtrim",
        "RTRIM(string[, characters])",
        "without characters (spaces) at the end",
        &[Text, Text],
        Gives::Text,
        |call| part::trim(call, false, true),
    )
    .optional(1),
    entry(
        "split_index",
        "SPLIT_INDEX(string, separator, index)",
        "part number index (from 0); NULL if there is none",
        &[Text, IntOrText, Int],
        Gives::Text,
        part::split_index,
    ),
    entry(
        "split",
        "SPLIT(string, separator)",
        "the parts, as an ARRAY",
        &[Text, Text],
        Gives::Of(|_, _| Ok(crate::types::array(arrow::datatypes::DataType::Utf8))),
        part::split,
    ),
    entry("upper", "UPPER(string)", "in upper case", &[Text], Gives::Text, form::upper).or(&["ucase"]),
    entry("lower", "LOWER(string)", "in lower case", &[Text], Gives::Text, form::lower).or(&["lcase"]),
    entry(
        "initcap",
        "INITCAP(string)",
        "each word with a capital first",
        &[Text],
        Gives::Text,
        form::initcap,
    ),
    entry("reverse", "REVERSE(string)", "characters in reverse order", &[Text], Gives::Text, form::reverse),
    entry(
        "replace",
        "REPLACE(string, old, new)",
        "every old replaced by new",
        &[Text, Text, Text],
        Gives::Text,
        form::replace,
    ),
    entry(
        "translate",
        "TRANSLATE(string, from, to)",
        "each character of from replaced by its match in to",
        &[Text, Text, Text],
        Gives::Text,
        form::translate,
    )
    .or(&["translate3"]),
    entry("repeat", "REPEAT(string, count)", "string count times", &[Text, Int], Gives::Text, form::repeat),
    entry(
        "lpad",
        "LPAD(string, length, pad)",
        "filled with pad at the start, or cut, to length",
        &[Text, Int, Text],
        Gives::Text,
        |call| form::pad(call, true),
    ),
    entry(
        "rpad",
        "RPAD(string, length, pad)",
        "filled with pad at the end, or cut, to length",
        &[Text, Int, Text],
        Gives::Text,
        |call| form::pad(call, false),
    ),
    entry("concat", "CONCAT(string, ...)", "joined; NULL if any is NULL", &[Text], Gives::Text, form::concat)
        .repeated(),
    entry(
        "concat_ws",
        "CONCAT_WS(separator, string, ...)",
        "joined with separator, without the NULLs",
        &[Text, Text],
        Gives::Text,
        form::concat_ws,
    )
    .repeated(),
    entry(
        "chr",
        "CHR(number)",
        "the character with this code, modulo 256",
        &[Bigint],
        Gives::Text,
        form::chr,
    ),
    checked(
        "elt",
        "ELT(index, value, ...)",
        "the value at index, from 1; NULL if there is none",
        Arguments::Checked(form::elt_types),
        Gives::Of(|types, _| Ok(types[1].clone())),
        form::elt,
    ),
];
