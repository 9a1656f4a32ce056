//! Key hashes: one number per row that decides both the owner of a group and its place in a table.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::row::{RowConverter, SortField};
use millrace_plan::{Error, Result};
use std::hash::Hasher;

use super::byte_keys::{SHORT_BYTES, short_entry};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const MULTIPLIER: u64 = 0xff51_afd7_ed55_8ccd;
const NULL_HASH: u64 = 0xc4ce_b9fe_1a85_ec53;

/// Which of `partitions` owns a key hash: the top bits, so that the low bits stay for tables.
pub fn partition_of(hash: u64, partitions: usize) -> usize {
    ((hash as u128 * partitions as u128) >> 64) as usize
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(MULTIPLIER);
    let value = (value ^ (value >> 29)).wrapping_mul(SEED | 1);
    value ^ (value >> 32)
}

fn join(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(23) ^ value).wrapping_mul(SEED | 1)
}

/// The product of both, folded: every bit of it depends on every bit of both (as in wyhash).
fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    product as u64 ^ (product >> 64) as u64
}

#[inline(always)]
fn hash_bytes(bytes: &[u8]) -> u64 {
    if bytes.len() <= SHORT_BYTES {
        let [first, rest] = short_entry(bytes);
        return fold(first ^ SEED, rest ^ MULTIPLIER);
    }
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(bytes);
    hasher.finish()
}

/// Fills `hashes` with one hash per row. The same keys give the same hash in every process, on every
/// shard and for every slicing; NULL is a value of its own; without keys all rows are alike.
pub fn hash_keys(keys: &[ArrayRef], rows: usize, hashes: &mut Vec<u64>) -> Result<()> {
    hashes.clear();
    hashes.resize(rows, SEED);
    for key in keys {
        hash_column(key, hashes)?;
    }
    for hash in hashes.iter_mut() {
        *hash = mix(*hash);
    }
    Ok(())
}

fn hash_column(key: &ArrayRef, hashes: &mut [u64]) -> Result<()> {
    macro_rules! primitive {
        ($type:ty, $bits:expr) => {{
            let array = key.as_primitive::<$type>();
            let values = array.values();
            match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => hashes
                    .iter_mut()
                    .zip(values.iter())
                    .for_each(|(hash, value)| *hash = join(*hash, $bits(*value))),
                Some(nulls) => hashes.iter_mut().enumerate().for_each(|(row, hash)| {
                    let value = if nulls.is_valid(row) { $bits(values[row]) } else { NULL_HASH };
                    *hash = join(*hash, value);
                }),
            }
        }};
    }
    match key.data_type() {
        DataType::Int8 => primitive!(Int8Type, |v: i8| v as u64),
        DataType::Int16 => primitive!(Int16Type, |v: i16| v as u64),
        DataType::Int32 => primitive!(Int32Type, |v: i32| v as u64),
        DataType::Int64 => primitive!(Int64Type, |v: i64| v as u64),
        DataType::UInt8 => primitive!(UInt8Type, |v: u8| v as u64),
        DataType::UInt16 => primitive!(UInt16Type, |v: u16| v as u64),
        DataType::UInt32 => primitive!(UInt32Type, |v: u32| v as u64),
        DataType::UInt64 => primitive!(UInt64Type, |v: u64| v),
        DataType::Float32 => primitive!(Float32Type, |v: f32| canonical(v as f64)),
        DataType::Float64 => primitive!(Float64Type, canonical),
        DataType::Date32 => primitive!(Date32Type, |v: i32| v as u64),
        DataType::Time32(TimeUnit::Second) => primitive!(Time32SecondType, |v: i32| v as u64),
        DataType::Time32(_) => primitive!(Time32MillisecondType, |v: i32| v as u64),
        DataType::Timestamp(TimeUnit::Second, _) => primitive!(TimestampSecondType, |v: i64| v as u64),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            primitive!(TimestampMillisecondType, |v: i64| v as u64)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            primitive!(TimestampMicrosecondType, |v: i64| v as u64)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            primitive!(TimestampNanosecondType, |v: i64| v as u64)
        }
        DataType::Decimal128(_, _) => {
            primitive!(Decimal128Type, |v: i128| join(v as u64, (v >> 64) as u64))
        }
        DataType::Boolean => {
            let array = key.as_boolean();
            each(array, hashes, |row| array.value(row) as u64);
        }
        DataType::Utf8 => {
            let array = key.as_string::<i32>();
            let (offsets, data) = (array.value_offsets(), array.value_data());
            each(array, hashes, |row| hash_bytes(&data[offsets[row] as usize..offsets[row + 1] as usize]));
        }
        DataType::Binary => {
            let array = key.as_binary::<i32>();
            each(array, hashes, |row| hash_bytes(array.value(row)));
        }
        DataType::Null => hashes.iter_mut().for_each(|hash| *hash = join(*hash, NULL_HASH)),
        other => hash_encoded(key, other, hashes)?,
    }
    Ok(())
}

/// Equal doubles hash alike: -0.0 is 0.0, and there is one NaN.
fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

#[inline(always)]
fn each(array: &dyn Array, hashes: &mut [u64], value: impl Fn(usize) -> u64) {
    if array.null_count() == 0 {
        return hashes.iter_mut().enumerate().for_each(|(row, hash)| *hash = join(*hash, value(row)));
    }
    for (row, hash) in hashes.iter_mut().enumerate() {
        *hash = join(*hash, if array.is_valid(row) { value(row) } else { NULL_HASH });
    }
}

/// Nested types hash by their row encoding.
fn hash_encoded(key: &ArrayRef, data_type: &DataType, hashes: &mut [u64]) -> Result<()> {
    let unusable = |error| Error::query(format!("{data_type} cannot be a key: {error}"));
    let converter = RowConverter::new(vec![SortField::new(data_type.clone())]).map_err(unusable)?;
    let rows = converter.convert_columns(std::slice::from_ref(key)).map_err(unusable)?;
    for (hash, row) in hashes.iter_mut().zip(rows.iter()) {
        *hash = join(*hash, hash_bytes(row.as_ref()));
    }
    Ok(())
}
