//! Digests of texts, as lower-case hexadecimal digits.

use arrow::array::ArrayRef;
use datafusion_common::Result;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::ScalarEntry;
use super::bytes::push_hex;
use super::call::Call;
use super::coercion::Takes::{Int, Text};
use super::udf::{Gives, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    entry("md5", "MD5(string)", "MD5 digest, 32 digits", &[Text], Gives::Text, digest::<Md5>),
    entry("sha1", "SHA1(string)", "SHA-1 digest, 40 digits", &[Text], Gives::Text, digest::<Sha1>),
    entry("sha224", "SHA224(string)", "SHA-224 digest, 56 digits", &[Text], Gives::Text, digest::<Sha224>),
    entry("sha256", "SHA256(string)", "SHA-256 digest, 64 digits", &[Text], Gives::Text, digest::<Sha256>),
    entry("sha384", "SHA384(string)", "SHA-384 digest, 96 digits", &[Text], Gives::Text, digest::<Sha384>),
    entry("sha512", "SHA512(string)", "SHA-512 digest, 128 digits", &[Text], Gives::Text, digest::<Sha512>),
    entry(
        "sha2",
        "SHA2(string, bits)",
        "SHA-2 digest of 224, 256, 384 or 512 bits",
        &[Text, Int],
        Gives::Text,
        sha2,
    ),
];

fn digest<D: Digest>(call: &Call) -> Result<ArrayRef> {
    let text = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = text.get(row) else { return Ok(false) };
        push_hex(out, &D::digest(text.as_bytes()), b"0123456789abcdef");
        Ok(true)
    })
}

fn sha2(call: &Call) -> Result<ArrayRef> {
    let (text, bits) = (call.text(0)?, call.integer(1)?);
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    call.texts(|row, out| {
        let (Some(text), Some(bits)) = (text.get(row), bits.get(row)) else { return Ok(false) };
        let bytes = text.as_bytes();
        match bits {
            224 => push_hex(out, &Sha224::digest(bytes), DIGITS),
            256 => push_hex(out, &Sha256::digest(bytes), DIGITS),
            384 => push_hex(out, &Sha384::digest(bytes), DIGITS),
            512 => push_hex(out, &Sha512::digest(bytes), DIGITS),
            other => {
                return datafusion_common::exec_err!(
                    "SHA2 has no digest of {other} bits: 224, 256, 384 or 512"
                );
            }
        }
        Ok(true)
    })
}
