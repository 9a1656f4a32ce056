//! Digests and the spellings of bytes.

use arrow::datatypes::DataType;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::Parameter::{Any, Bytes, Int};
use super::{Entry, Evaluate, Returns, failed};

const TEXT: Returns = Returns::Always(DataType::Utf8);

const fn digest(
    name: &'static str,
    signature: &'static str,
    evaluate: Evaluate,
    examples: &'static [(&'static str, &'static str)],
) -> Entry {
    Entry {
        name,
        aliases: &[],
        signature,
        about: "the digest, in hexadecimal digits",
        takes: &[Bytes],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate,
        examples,
    }
}

fn hashed<D: Digest>(
    args: &super::Arguments,
    _: &DataType,
) -> datafusion_common::Result<arrow::array::ArrayRef> {
    let bytes = args.bytes(0);
    args.build_text(|row, out| Ok(bytes(row).map(|own| push_hex(&D::digest(own), out))))
}

pub(super) static FUNCTIONS: &[Entry] = &[
    digest("md5", "MD5(text)", hashed::<Md5>, &[("MD5('abc')", "900150983cd24fb0d6963f7d28e17f72")]),
    digest(
        "sha1",
        "SHA1(text)",
        hashed::<Sha1>,
        &[("SHA1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d")],
    ),
    digest(
        "sha224",
        "SHA224(text)",
        hashed::<Sha224>,
        &[("SHA224('abc')", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")],
    ),
    digest(
        "sha256",
        "SHA256(text)",
        hashed::<Sha256>,
        &[("SHA256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")],
    ),
    digest("sha384", "SHA384(text)", hashed::<Sha384>, &[("CHAR_LENGTH(SHA384('abc'))", "96")]),
    digest("sha512", "SHA512(text)", hashed::<Sha512>, &[("CHAR_LENGTH(SHA512('abc'))", "128")]),
    Entry {
        name: "sha2",
        aliases: &[],
        signature: "SHA2(text, bits)",
        about: "the SHA-2 digest of 224, 256, 384 or 512 bits, in hexadecimal digits",
        takes: &[Bytes, Int],
        needs: 2,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            let (bytes, bits) = (args.bytes(0), args.ints(1)?);
            args.build_text(|row, out| {
                let Some((own, bits)) = bytes(row).zip(bits.get(row)) else { return Ok(None) };
                match bits {
                    224 => push_hex(&Sha224::digest(own), out),
                    256 => push_hex(&Sha256::digest(own), out),
                    384 => push_hex(&Sha384::digest(own), out),
                    512 => push_hex(&Sha512::digest(own), out),
                    other => return failed(format!("SHA2 has no digest of {other} bits")),
                }
                Ok(Some(()))
            })
        },
        examples: &[("SHA2('abc', 224)", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")],
    },
    Entry {
        name: "hex",
        aliases: &[],
        signature: "HEX(value)",
        about: "a whole number, text or bytes in hexadecimal digits, capitals",
        takes: &[Any],
        needs: 1,
        repeats: false,
        returns: TEXT,
        evaluate: |args, _| {
            if args.data_type(0).is_integer() {
                let numbers = arrow::compute::cast(&args.array(0)?, &DataType::Int64)?;
                let numbers =
                    arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&numbers).clone();
                return args.build_text(|row, out| {
                    let valid = arrow::array::Array::is_valid(&numbers, row);
                    Ok(valid.then(|| out.push_str(&format!("{:X}", numbers.value(row)))))
                });
            }
            if !matches!(args.data_type(0), DataType::Utf8 | DataType::Binary) {
                return failed("HEX takes a whole number, text or bytes");
            }
            let bytes = args.bytes(0);
            args.build_text(|row, out| {
                Ok(bytes(row).map(|own| own.iter().for_each(|byte| out.push_str(&format!("{byte:02X}")))))
            })
        },
        examples: &[("HEX(20)", "14"), ("HEX('hello')", "68656C6C6F")],
    },
];

fn push_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
}

/// The bytes that hexadecimal digits name; an odd count has a zero before it.
pub(super) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_string() };
    let byte = |pair: &[u8]| {
        let pair =
            std::str::from_utf8(pair).ok().filter(|own| own.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok()
    };
    padded.as_bytes().chunks(2).map(byte).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
pub(super) fn push_base64(bytes: &[u8], out: &mut String) {
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().enumerate().fold(0u32, |word, (at, byte)| word | u32::from(*byte) << (16 - 8 * at));
        for position in 0..4 {
            let digit = BASE64[(word >> (18 - 6 * position)) as usize & 63];
            out.push(char::from(if position <= chunk.len() { digit } else { b'=' }));
        }
    }
}

pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut word = 0u32;
        for (at, byte) in chunk.iter().enumerate() {
            word |= (BASE64.iter().position(|own| own == byte)? as u32) << (18 - 6 * at);
        }
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}
