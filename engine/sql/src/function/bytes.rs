//! Texts as bytes and back: Base64, hexadecimal and binary digits, character sets.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};

use super::ScalarEntry;
use super::call::{Call, Compiled};
use super::coercion::Takes::{Bigint, Bytes, IntOrText, Text, TextOrBytes};
use super::udf::{Gives, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry("to_base64", "TO_BASE64(string)", "Base64 form", &[TextOrBytes], Gives::Text, to_base64),
    entry("from_base64", "FROM_BASE64(string)", "text of a Base64 form", &[Text], Gives::Text, from_base64),
    entry("bin", "BIN(number)", "binary digits of a whole number", &[Bigint], Gives::Text, bin),
    entry("hex", "HEX(number | string)", "hexadecimal digits, upper case", &[IntOrText], Gives::Text, hex),
    entry(
        "unhex",
        "UNHEX(string)",
        "bytes of hexadecimal digits; NULL if none",
        &[Text],
        Gives::Bytes,
        unhex,
    ),
    entry("encode", "ENCODE(string, charset)", "text as bytes", &[Text, Text], Gives::Bytes, encode),
    entry("decode", "DECODE(bytes, charset)", "bytes as text", &[Bytes, Text], Gives::Text, decode),
];

/// Appends two digits for each byte.
pub(super) fn push_hex(out: &mut String, bytes: &[u8], digits: &[u8; 16]) {
    for byte in bytes {
        out.push(digits[(byte >> 4) as usize] as char);
        out.push(digits[(byte & 15) as usize] as char);
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the Base64 form.
pub(super) fn push_base64(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | (*byte as u32) << (16 - 8 * at));
        for at in 0..4 {
            match at <= chunk.len() {
                true => out.push(BASE64[(word >> (18 - 6 * at) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
}

/// Appends the bytes of a Base64 text; `None` = it is not one.
fn push_of_base64(out: &mut Vec<u8>, text: &str) -> Option<()> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if padding > 2 || (padding > 0 && !text.len().is_multiple_of(4)) || digits.len() % 4 == 1 {
        return None;
    }
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    for chunk in digits.as_bytes().chunks(4) {
        let mut word = 0u32;
        for (at, digit) in chunk.iter().enumerate() {
            word |= (value(*digit)? as u32) << (18 - 6 * at);
        }
        out.extend(word.to_be_bytes()[1..].iter().take(chunk.len() - 1));
    }
    Some(())
}

fn to_base64(call: &Call) -> Result<ArrayRef> {
    if call.array(0).data_type() == &DataType::Binary {
        let bytes = call.bytes(0)?;
        return call.texts(|row, out| Ok(bytes.get(row).map(|bytes| push_base64(out, bytes)).is_some()));
    }
    let text = call.text(0)?;
    call.texts(|row, out| Ok(text.get(row).map(|text| push_base64(out, text.as_bytes())).is_some()))
}

fn from_base64(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let mut bytes = Vec::new();
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        bytes.clear();
        if push_of_base64(&mut bytes, text).is_none() {
            return exec_err!("FROM_BASE64: '{text}' is not Base64");
        }
        out.push_str(&String::from_utf8_lossy(&bytes));
        Ok(true)
    })
}

fn bin(call: &Call) -> Result<ArrayRef> {
    use std::fmt::Write;
    let number = call.integer(0)?;
    call.texts(|row, out| Ok(number.get(row).map(|number| write!(out, "{number:b}")).is_some()))
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";

fn hex(call: &Call) -> Result<ArrayRef> {
    use std::fmt::Write;
    if let Ok(text) = call.text(0) {
        return call
            .texts(|row, out| Ok(text.get(row).map(|text| push_hex(out, text.as_bytes(), UPPER)).is_some()));
    }
    let number = call.integer(0)?;
    call.texts(|row, out| Ok(number.get(row).map(|number| write!(out, "{number:X}")).is_some()))
}

fn unhex(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    let digit = |byte: u8| (byte as char).to_digit(16).map(|value| value as u8);
    call.byte_strings(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        let (first, pairs) = text.as_bytes().split_at(text.len() % 2);
        for pair in std::iter::once(first).filter(|first| !first.is_empty()).chain(pairs.chunks(2)) {
            let value = pair.iter().try_fold(0u8, |value, byte| digit(*byte).map(|digit| value << 4 | digit));
            let Some(value) = value else { return Ok(false) };
            out.push(value);
        }
        Ok(true)
    })
}

#[derive(Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16 { big: bool, mark: bool },
}

fn charset(name: &str) -> Result<Charset> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "US-ASCII" => Charset::Ascii,
        "ISO-8859-1" => Charset::Latin1,
        "UTF-8" => Charset::Utf8,
        "UTF-16BE" => Charset::Utf16 { big: true, mark: false },
        "UTF-16LE" => Charset::Utf16 { big: false, mark: false },
        "UTF-16" => Charset::Utf16 { big: true, mark: true },
        _ => {
            return exec_err!(
                "unknown character set '{name}': US-ASCII, ISO-8859-1, UTF-8, UTF-16BE, UTF-16LE or UTF-16"
            );
        }
    })
}

fn encode(call: &Call) -> Result<ArrayRef> {
    let (text, name) = (call.text(0)?, call.text(1)?);
    let mut charsets = Compiled::new();
    call.byte_strings(|row, out| {
        let (Some(text), Some(name)) = (text.get(row), name.get(row)) else { return Ok(false) };
        let narrow = |most: u32| text.chars().map(move |c| if c as u32 <= most { c as u8 } else { b'?' });
        match *charsets.of(name, charset)? {
            Charset::Ascii => out.extend(narrow(0x7f)),
            Charset::Latin1 => out.extend(narrow(0xff)),
            Charset::Utf8 => out.extend(text.as_bytes()),
            Charset::Utf16 { big, mark } => {
                if mark {
                    out.extend([0xfe, 0xff]);
                }
                let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
                out.extend(text.encode_utf16().flat_map(unit));
            }
        }
        Ok(true)
    })
}

fn decode(call: &Call) -> Result<ArrayRef> {
    let (bytes, name) = (call.bytes(0)?, call.text(1)?);
    let mut charsets = Compiled::new();
    call.texts(|row, out| {
        let (Some(bytes), Some(name)) = (bytes.get(row), name.get(row)) else { return Ok(false) };
        match *charsets.of(name, charset)? {
            Charset::Ascii => out.extend(bytes.iter().map(|byte| match byte.is_ascii() {
                true => *byte as char,
                false => char::REPLACEMENT_CHARACTER,
            })),
            Charset::Latin1 => out.extend(bytes.iter().map(|byte| *byte as char)),
            Charset::Utf8 => out.push_str(&String::from_utf8_lossy(bytes)),
            Charset::Utf16 { mut big, mark } => {
                let mut bytes = bytes;
                if mark
                    && let [first, second, rest @ ..] = bytes
                    && matches!((first, second), (0xfe, 0xff) | (0xff, 0xfe))
                {
                    big = *first == 0xfe;
                    bytes = rest;
                }
                let units = bytes.chunks(2).map(|pair| match (pair, big) {
                    ([high, low], true) | ([low, high], false) => u16::from_be_bytes([*high, *low]),
                    _ => 0xfffd,
                });
                out.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
            }
        }
        Ok(true)
    })
}
