//! Keys to dense group numbers.
//!
//! Keys are kept as packed words or bytes; an index of their hashes finds them. There is no allocation per
//! row and none per group but for the growth of the vectors.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryArray, GenericByteArray, StringArray, make_array,
    new_empty_array,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ByteArrayType, DataType};
use arrow::row::{RowConverter, Rows, SortField};
use millrace_plan::{Error, Result};

use super::byte_keys::ByteKeys;
use super::hash_index::{HashIndex, NO_GROUP};

/// Maps keys to group numbers `0..len`, in order of first appearance.
pub struct GroupTable {
    index: HashIndex,
    hashes: Vec<u64>,
    keys: Keys,
}

/// How keys are stored.
enum Keys {
    /// No key: one group.
    Global,
    /// Fixed-width keys of at most 16 bytes together.
    Fixed { columns: Vec<FixedColumn>, packed: Vec<PackedKey>, batch: Vec<PackedKey> },
    /// One STRING or BYTES key.
    Bytes { data_type: DataType, stored: ByteKeys },
    /// Everything else, in arrow's row encoding.
    Encoded { converter: RowConverter, types: Vec<DataType>, stored: ByteKeys, batch: Option<Rows> },
}

/// The values of a key side by side, and a bit per null.
type PackedKey = (u128, u8);

struct FixedColumn {
    data_type: DataType,
    width: usize,
    shift: usize,
}

/// The keys of a batch beside the keys that are stored.
trait KeyRows {
    /// True if the key of `row` is that of `group`.
    fn same(&self, row: usize, group: usize) -> bool;

    /// Stores the key of `row` as that of the next group.
    fn store(&mut self, row: usize) -> Result<()>;
}

struct FixedRows<'a> {
    batch: &'a [PackedKey],
    packed: &'a mut Vec<PackedKey>,
}

impl KeyRows for FixedRows<'_> {
    #[inline(always)]
    fn same(&self, row: usize, group: usize) -> bool {
        self.packed[group] == self.batch[row]
    }

    fn store(&mut self, row: usize) -> Result<()> {
        self.packed.push(self.batch[row]);
        Ok(())
    }
}

struct ByteRows<'a> {
    offsets: &'a [i32],
    data: &'a [u8],
    nulls: Option<&'a NullBuffer>,
    stored: &'a mut ByteKeys,
}

impl<'a> ByteRows<'a> {
    fn new<T: ByteArrayType<Offset = i32>>(array: &'a GenericByteArray<T>, stored: &'a mut ByteKeys) -> Self {
        ByteRows {
            offsets: array.value_offsets(),
            data: array.value_data(),
            nulls: array.nulls().filter(|nulls| nulls.null_count() > 0),
            stored,
        }
    }

    #[inline(always)]
    fn key(&self, row: usize) -> Option<&'a [u8]> {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        self.nulls.is_none_or(|nulls| nulls.is_valid(row)).then(|| &self.data[range])
    }
}

impl KeyRows for ByteRows<'_> {
    #[inline(always)]
    fn same(&self, row: usize, group: usize) -> bool {
        self.stored.is(group, self.key(row))
    }

    fn store(&mut self, row: usize) -> Result<()> {
        self.stored.push(self.key(row))
    }
}

struct EncodedRows<'a> {
    batch: &'a Rows,
    stored: &'a mut ByteKeys,
}

impl KeyRows for EncodedRows<'_> {
    #[inline(always)]
    fn same(&self, row: usize, group: usize) -> bool {
        self.stored.is(group, Some(self.batch.row(row).as_ref()))
    }

    fn store(&mut self, row: usize) -> Result<()> {
        self.stored.push(Some(self.batch.row(row).as_ref()))
    }
}

fn fixed_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        DataType::Float32 | DataType::Float64 | DataType::Interval(_) => None,
        other => other.primitive_width().filter(|width| *width <= 16),
    }
}

impl GroupTable {
    /// An empty table for keys of these types; none = one group for all rows.
    pub fn new(key_types: &[DataType]) -> Result<Self> {
        let keys = match key_types {
            [] => Keys::Global,
            [DataType::Utf8 | DataType::Binary] => {
                Keys::Bytes { data_type: key_types[0].clone(), stored: ByteKeys::default() }
            }
            types => match fixed(types) {
                Some(columns) => Keys::Fixed { columns, packed: vec![], batch: vec![] },
                None => encoded(types)?,
            },
        };
        Ok(GroupTable { index: HashIndex::new(), hashes: vec![], keys })
    }

    /// Groups there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// True if no group exists.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The key hash of each group.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Fills `groups` with the group of each row; keys not seen before become new groups.
    /// `hashes` are the rows' [`super::hash_keys`].
    pub fn intern(&mut self, keys: &[ArrayRef], hashes: &[u64], groups: &mut Vec<u32>) -> Result<()> {
        let GroupTable { index, hashes: own, keys: stored } = self;
        match stored {
            Keys::Global => {
                if own.is_empty() && !hashes.is_empty() {
                    own.push(hashes[0]);
                }
                groups.clear();
                groups.resize(hashes.len(), 0);
                Ok(())
            }
            Keys::Fixed { columns, packed, batch } => {
                pack(columns, keys, hashes.len(), batch)?;
                intern_rows(index, own, hashes, groups, &mut FixedRows { batch, packed })
            }
            Keys::Bytes { data_type: DataType::Utf8, stored } => {
                let rows = &mut ByteRows::new(keys[0].as_string::<i32>(), stored);
                intern_rows(index, own, hashes, groups, rows)
            }
            Keys::Bytes { stored, .. } => {
                let rows = &mut ByteRows::new(keys[0].as_binary::<i32>(), stored);
                intern_rows(index, own, hashes, groups, rows)
            }
            Keys::Encoded { converter, stored, batch, .. } => {
                let rows = batch.get_or_insert_with(|| converter.empty_rows(hashes.len(), 0));
                rows.clear();
                converter
                    .append(rows, keys)
                    .map_err(|error| Error::bug(format!("encoding keys: {error}")))?;
                intern_rows(index, own, hashes, groups, &mut EncodedRows { batch: rows, stored })
            }
        }
    }

    /// The keys of these groups, in this order.
    pub fn keys(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("a key lost its encoding: {error}"));
        match &self.keys {
            Keys::Global => Ok(vec![]),
            Keys::Fixed { columns, packed, .. } => columns
                .iter()
                .enumerate()
                .map(|(index, column)| unpack(column, index, packed, groups))
                .collect(),
            Keys::Bytes { data_type, stored } => {
                let (offsets, bytes, nulls) = gather(stored, groups)?;
                let (offsets, bytes) = (OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes));
                Ok(vec![match data_type {
                    DataType::Utf8 => Arc::new(StringArray::try_new(offsets, bytes, nulls).map_err(bug)?),
                    _ => Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(bug)?),
                }])
            }
            Keys::Encoded { converter, types, stored, .. } => {
                if groups.is_empty() {
                    return Ok(types.iter().map(new_empty_array).collect());
                }
                let (offsets, bytes, _) = gather(stored, groups)?;
                let parser = converter.parser();
                let rows = offsets.windows(2).map(|own| &bytes[own[0] as usize..own[1] as usize]);
                converter.convert_rows(rows.map(|row| parser.parse(row))).map_err(bug)
            }
        }
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        self.index.clear();
        self.hashes.clear();
        match &mut self.keys {
            Keys::Global => {}
            Keys::Fixed { packed, .. } => packed.clear(),
            Keys::Bytes { stored, .. } | Keys::Encoded { stored, .. } => stored.clear(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Global => 0,
            Keys::Fixed { packed, batch, .. } => {
                (packed.capacity() + batch.capacity()) * size_of::<PackedKey>()
            }
            Keys::Bytes { stored, .. } => stored.bytes(),
            Keys::Encoded { stored, batch, .. } => {
                stored.bytes() + batch.as_ref().map_or(0, |rows| rows.size())
            }
        };
        keys + self.index.bytes() + self.hashes.capacity() * size_of::<u64>()
    }
}

/// Finds the group of each row; rows with a new key make a group, in their order.
fn intern_rows(
    index: &mut HashIndex,
    own: &mut Vec<u64>,
    hashes: &[u64],
    groups: &mut Vec<u32>,
    rows: &mut impl KeyRows,
) -> Result<()> {
    index.candidates(hashes, groups);
    for (row, group) in groups.iter_mut().enumerate() {
        if *group != NO_GROUP && rows.same(row, *group as usize) {
            continue;
        }
        *group = index.find_or_add(hashes[row], own, |group| rows.same(row, group));
        if *group as usize == own.len() {
            own.push(hashes[row]);
            rows.store(row)?;
        }
    }
    Ok(())
}

/// The strings of these groups one after the other: offsets, bytes, nulls.
fn gather(stored: &ByteKeys, groups: &[u32]) -> Result<(Vec<i32>, Vec<u8>, Option<NullBuffer>)> {
    let (mut offsets, mut bytes) =
        (Vec::with_capacity(groups.len() + 1), Vec::with_capacity(groups.len() * 16));
    let mut nulls = vec![];
    offsets.push(0);
    for (row, group) in groups.iter().enumerate() {
        if !stored.append_to(*group as usize, &mut bytes) {
            nulls.push(row);
        }
        let end = i32::try_from(bytes.len()).map_err(|_| Error::exhausted("2 GiB of keys in one result"));
        offsets.push(end?);
    }
    let nulls = (!nulls.is_empty()).then(|| {
        let mut valid = vec![true; groups.len()];
        nulls.iter().for_each(|row| valid[*row] = false);
        NullBuffer::from(valid)
    });
    Ok((offsets, bytes, nulls))
}

fn encoded(types: &[DataType]) -> Result<Keys> {
    let fields = types.iter().map(|data_type| SortField::new(data_type.clone())).collect();
    let converter = RowConverter::new(fields)
        .map_err(|error| Error::query(format!("these columns cannot be a key: {error}")))?;
    Ok(Keys::Encoded { converter, types: types.to_vec(), stored: ByteKeys::default(), batch: None })
}

fn fixed(types: &[DataType]) -> Option<Vec<FixedColumn>> {
    let mut shift = 0;
    let mut columns = vec![];
    for data_type in types {
        let width = fixed_width(data_type)?;
        columns.push(FixedColumn { data_type: data_type.clone(), width, shift: shift * 8 });
        shift += width;
    }
    (shift <= 16 && columns.len() <= 8).then_some(columns)
}

/// Packs the key columns of a batch, a bit per null.
fn pack(columns: &[FixedColumn], keys: &[ArrayRef], rows: usize, batch: &mut Vec<PackedKey>) -> Result<()> {
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

fn unpack(column: &FixedColumn, index: usize, packed: &[PackedKey], groups: &[u32]) -> Result<ArrayRef> {
    let picked = || groups.iter().map(|group| packed[*group as usize]);
    let valid = NullBuffer::from_iter(picked().map(|(_, nulls)| nulls & (1 << index) == 0));
    if let DataType::Boolean = column.data_type {
        let values = picked().map(|(value, _)| (value >> column.shift) & 1 == 1).collect();
        return Ok(Arc::new(arrow::array::BooleanArray::new(values, Some(valid))));
    }
    let mut bytes = Vec::with_capacity(groups.len() * column.width);
    for (value, _) in picked() {
        bytes.extend_from_slice(&(value >> column.shift).to_le_bytes()[..column.width]);
    }
    let data = ArrayData::builder(column.data_type.clone())
        .len(groups.len())
        .add_buffer(Buffer::from_vec(bytes))
        .nulls(Some(valid))
        .align_buffers(true)
        .build()
        .map_err(|error| Error::bug(format!("rebuilding keys: {error}")))?;
    Ok(make_array(data))
}
