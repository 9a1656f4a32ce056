//! Fixed-width keys of a few columns side by side in one word, by number.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, AsArray, BooleanArray, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType;
use millrace_plan::{Error, Result};

/// The bytes of a key.
const MOST_BYTES: usize = 16;

/// The columns of a key: a bit says which are NULL.
const MOST_COLUMNS: usize = 8;

/// The values of a key side by side, and a bit per null.
type PackedKey = (u128, u8);

struct FixedColumn {
    data_type: DataType,
    width: usize,
    shift: usize,
}

/// Keys numbered from 0, and those of the batch at hand.
pub struct PackedKeys {
    columns: Vec<FixedColumn>,
    stored: Vec<PackedKey>,
    batch: Vec<PackedKey>,
}

impl PackedKeys {
    /// No keys yet; `None` if these types are not of fixed width, or too wide together.
    pub fn new(types: &[DataType]) -> Option<Self> {
        let mut bytes = 0;
        let mut columns = vec![];
        for data_type in types {
            let width = fixed_width(data_type)?;
            columns.push(FixedColumn { data_type: data_type.clone(), width, shift: bytes * 8 });
            bytes += width;
        }
        let fits = bytes <= MOST_BYTES && columns.len() <= MOST_COLUMNS;
        fits.then_some(PackedKeys { columns, stored: vec![], batch: vec![] })
    }

    /// Takes the keys of a batch of so many rows.
    pub fn load<'a>(&mut self, keys: impl Iterator<Item = &'a ArrayRef>, rows: usize) -> Result<()> {
        pack(&self.columns, keys, rows, &mut self.batch)
    }

    /// True if the batch's key of `row` is key `index`.
    #[inline(always)]
    pub fn is(&self, row: usize, index: usize) -> bool {
        self.stored[index] == self.batch[row]
    }

    /// Adds the batch's key of `row`.
    pub fn push(&mut self, row: usize) {
        self.stored.push(self.batch[row]);
    }

    /// The columns of these keys, in this order.
    pub fn columns(&self, indices: &[u32]) -> Result<Vec<ArrayRef>> {
        let column = |(index, column)| unpack(column, index, &self.stored, indices);
        self.columns.iter().enumerate().map(column).collect()
    }

    /// Forgets all keys and keeps the memory.
    pub fn clear(&mut self) {
        self.stored.clear();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        (self.stored.capacity() + self.batch.capacity()) * size_of::<PackedKey>()
    }
}

fn fixed_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        DataType::Float32 | DataType::Float64 | DataType::Interval(_) => None,
        other => other.primitive_width().filter(|width| *width <= 16),
    }
}

/// Packs the key columns of a batch, a bit per null.
fn pack<'a>(
    columns: &[FixedColumn],
    keys: impl Iterator<Item = &'a ArrayRef>,
    rows: usize,
    batch: &mut Vec<PackedKey>,
) -> Result<()> {
    batch.clear();
    batch.resize(rows, (0, 0));
    for (index, (column, key)) in columns.iter().zip(keys).enumerate() {
        if let DataType::Boolean = column.data_type {
            let array = key.as_boolean();
            for (row, packed) in batch.iter_mut().enumerate() {
                match array.is_valid(row) {
                    true => packed.0 |= (array.value(row) as u128) << column.shift,
                    false => packed.1 |= 1 << index,
                }
            }
            continue;
        }
        let data = key.to_data();
        let bytes = &data.buffers()[0].as_slice()[data.offset() * column.width..];
        macro_rules! each {
            ($type:ty) => {
                for (packed, value) in batch.iter_mut().zip(bytes.chunks_exact(size_of::<$type>())) {
                    let mut own = [0u8; size_of::<$type>()];
                    own.copy_from_slice(value);
                    packed.0 |= (<$type>::from_le_bytes(own) as u128) << column.shift;
                }
            };
        }
        match column.width {
            1 => each!(u8),
            2 => each!(u16),
            4 => each!(u32),
            8 => each!(u64),
            16 => each!(u128),
            width => return Err(Error::bug(format!("a key of {width} bytes"))),
        }
        if let Some(nulls) = key.nulls().filter(|nulls| nulls.null_count() > 0) {
            let mask = if column.width == 16 { u128::MAX } else { (1u128 << (column.width * 8)) - 1 };
            for (row, packed) in batch.iter_mut().enumerate() {
                if nulls.is_null(row) {
                    packed.0 &= !(mask << column.shift);
                    packed.1 |= 1 << index;
                }
            }
        }
    }
    Ok(())
}

fn unpack(column: &FixedColumn, index: usize, stored: &[PackedKey], indices: &[u32]) -> Result<ArrayRef> {
    let picked = || indices.iter().map(|key| stored[*key as usize]);
    let any_null = picked().fold(0, |any, (_, nulls)| any | nulls) & (1 << index) != 0;
    let valid = any_null.then(|| NullBuffer::from_iter(picked().map(|(_, nulls)| nulls & (1 << index) == 0)));
    let value = |key: PackedKey| key.0 >> column.shift;
    let bytes = match (&column.data_type, column.width) {
        (DataType::Boolean, _) => {
            let values = picked().map(|key| value(key) & 1 == 1).collect();
            return Ok(Arc::new(BooleanArray::new(values, valid)));
        }
        (_, 1) => Buffer::from_vec(picked().map(|key| value(key) as u8).collect::<Vec<_>>()),
        (_, 2) => Buffer::from_vec(picked().map(|key| value(key) as u16).collect::<Vec<_>>()),
        (_, 4) => Buffer::from_vec(picked().map(|key| value(key) as u32).collect::<Vec<_>>()),
        (_, 8) => Buffer::from_vec(picked().map(|key| value(key) as u64).collect::<Vec<_>>()),
        _ => Buffer::from_vec(picked().map(value).collect::<Vec<_>>()),
    };
    let data = ArrayData::builder(column.data_type.clone()).len(indices.len()).add_buffer(bytes).nulls(valid);
    let data = data.align_buffers(true).build();
    data.map(make_array).map_err(|error| Error::bug(format!("rebuilding keys: {error}")))
}
