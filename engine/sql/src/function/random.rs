//! Values that nobody can foretell: RAND, RAND_INTEGER, UUID.
//!
//! Contract: the one exception to "same input, same rows". A value is drawn once for each row that is computed,
//! from the operating system's generator; a run that is repeated, or a row that is computed again after a
//! restart, gets another one. They are never folded into a constant and never shared between two calls. Forms
//! with a seed are refused: which row gets which number of the sequence would depend on shards and batches.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion_common::{Result, exec_err};

use super::ScalarEntry;
use super::call::Call;
use super::coercion::Takes;
use super::udf::{Arguments, Gives, checked, entry};
use crate::parse::HINT;

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    checked(
        "rand",
        "RAND()",
        "a random DOUBLE, at least 0 and below 1; another one in every run",
        Arguments::Checked(|types| if types.is_empty() { Ok(vec![]) } else { Err(seed()) }),
        Gives::Double,
        rand,
    )
    .volatile(),
    checked(
        "rand_integer",
        "RAND_INTEGER(bound)",
        "a random INT, at least 0 and below bound; another one in every run",
        Arguments::Checked(bound),
        Gives::Int,
        rand_integer,
    )
    .volatile(),
    entry("uuid", "UUID()", "a random UUID (version 4); another one in every run", &[], Gives::Text, uuid)
        .volatile(),
];

fn seed() -> String {
    format!("a seed is not supported{HINT}leave the seed out, or take the digits of a hash such as MD5(key)")
}

fn bound(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [own] => match Takes::Int.coerce(own) {
            Some(wanted) => Ok(vec![wanted]),
            None => Err(format!("argument 1 must be an INT, not {}", crate::types::sql_name(own))),
        },
        [_, _] => Err(seed()),
        _ => Err(format!("it has {} argument(s)", types.len())),
    }
}

/// Random bits for each row.
fn draw<const BYTES: usize>(rows: usize) -> Result<Vec<[u8; BYTES]>> {
    let mut drawn = vec![[0; BYTES]; rows];
    match getrandom::fill(drawn.as_flattened_mut()) {
        Ok(()) => Ok(drawn),
        Err(error) => exec_err!("the system has no random numbers: {error}"),
    }
}

fn rand(call: &Call) -> Result<ArrayRef> {
    let drawn = draw::<8>(call.rows)?;
    // The upper 53 bits: as many as a DOUBLE has.
    call.numbers::<Float64Type>(|row| {
        Ok(Some((u64::from_le_bytes(drawn[row]) >> 11) as f64 / (1u64 << 53) as f64))
    })
}

fn rand_integer(call: &Call) -> Result<ArrayRef> {
    let bounds = call.number::<Int32Type>(0)?;
    let drawn = draw::<8>(call.rows)?;
    call.numbers::<Int32Type>(|row| match bounds.get(row) {
        None => Ok(None),
        Some(bound) if bound <= 0 => exec_err!("RAND_INTEGER: the bound {bound} is not above 0"),
        Some(bound) => {
            let bits = u64::from_le_bytes(drawn[row]) as u128;
            Ok(Some(((bits * bound as u128) >> 64) as i32))
        }
    })
}

fn uuid(call: &Call) -> Result<ArrayRef> {
    let drawn = draw::<16>(call.rows)?;
    call.texts(|row, out| {
        let mut bytes = drawn[row];
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        for (at, part) in
            [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]].iter().enumerate()
        {
            if at > 0 {
                out.push('-');
            }
            super::bytes::push_hex(out, part, b"0123456789abcdef");
        }
        Ok(true)
    })
}
