//! Keys to dense group numbers.
//!
//! Keys are kept as columns or bytes in one arena; a hash table of (hash, group) pairs finds them. There is
//! no allocation per row and none per group but for the growth of the arenas.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryBuilder, StringBuilder, make_array, new_empty_array,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use millrace_plan::{Error, Result};

/// A group in the hash table: half of its hash, to skip most comparisons, and its number.
#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    group: u32,
}

/// Maps keys to group numbers `0..len`, in order of first appearance.
pub struct GroupTable {
    slots: HashTable<Slot>,
    hashes: Vec<u64>,
    keys: Keys,
}

/// How keys are stored.
enum Keys {
    /// No key: one group.
    Global,
    /// Fixed-width keys of at most 16 bytes together.
    Fixed { columns: Vec<FixedColumn>, packed: Vec<(u128, u8)>, batch: Vec<(u128, u8)> },
    /// One STRING or BYTES key.
    Bytes { data_type: DataType, arena: Arena },
    /// Everything else, in arrow's row encoding.
    Encoded { converter: RowConverter, types: Vec<DataType>, arena: Arena, batch: Option<Rows> },
}

struct FixedColumn {
    data_type: DataType,
    width: usize,
    shift: usize,
}

/// Byte strings one after the other; a null is marked.
#[derive(Default)]
struct Arena {
    bytes: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl Arena {
    fn get(&self, index: usize) -> Option<&[u8]> {
        let start = if index == 0 { 0 } else { self.ends[index - 1].0 };
        let (end, valid) = self.ends[index];
        valid.then(|| &self.bytes[start..end])
    }

    fn push(&mut self, value: Option<&[u8]>) {
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.ends.push((self.bytes.len(), value.is_some()));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<(usize, bool)>()
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
                Keys::Bytes { data_type: key_types[0].clone(), arena: Arena::default() }
            }
            types => match fixed(types) {
                Some(columns) => Keys::Fixed { columns, packed: vec![], batch: vec![] },
                None => encoded(types)?,
            },
        };
        Ok(GroupTable { slots: HashTable::new(), hashes: vec![], keys })
    }

    /// Groups there are, released ones included.
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
        groups.clear();
        groups.reserve(hashes.len());
        let GroupTable { slots, hashes: own, keys: stored, .. } = self;
        match stored {
            Keys::Global => {
                if own.is_empty() && !hashes.is_empty() {
                    own.push(hashes[0]);
                }
                groups.resize(hashes.len(), 0);
            }
            Keys::Fixed { columns, packed, batch } => {
                pack(columns, keys, hashes.len(), batch)?;
                for (row, hash) in hashes.iter().enumerate() {
                    let key = batch[row];
                    let group = find_or_insert(slots, own, *hash, |group| packed[group] == key);
                    if group as usize == packed.len() {
                        packed.push(key);
                    }
                    groups.push(group);
                }
            }
            Keys::Bytes { data_type: DataType::Utf8, arena } => {
                let array = keys[0].as_string::<i32>();
                intern_bytes(slots, own, arena, hashes, groups, |row| {
                    array.is_valid(row).then(|| array.value(row).as_bytes())
                });
            }
            Keys::Bytes { arena, .. } => {
                let array = keys[0].as_binary::<i32>();
                intern_bytes(slots, own, arena, hashes, groups, |row| {
                    array.is_valid(row).then(|| array.value(row))
                });
            }
            Keys::Encoded { converter, arena, batch, .. } => {
                let rows = batch.get_or_insert_with(|| converter.empty_rows(hashes.len(), 0));
                rows.clear();
                converter
                    .append(rows, keys)
                    .map_err(|error| Error::bug(format!("encoding keys: {error}")))?;
                let rows = &*rows;
                for (row, hash) in hashes.iter().enumerate() {
                    let key = rows.row(row);
                    let key = key.as_ref();
                    let group = find_or_insert(slots, own, *hash, |group| arena.get(group) == Some(key));
                    if group as usize == arena.ends.len() {
                        arena.push(Some(key));
                    }
                    groups.push(group);
                }
            }
        }
        Ok(())
    }

    /// The keys of these groups, in this order.
    pub fn keys(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        match &self.keys {
            Keys::Global => Ok(vec![]),
            Keys::Fixed { columns, packed, .. } => columns
                .iter()
                .enumerate()
                .map(|(index, column)| unpack(column, index, packed, groups))
                .collect(),
            Keys::Bytes { data_type: DataType::Utf8, arena } => {
                let mut out = StringBuilder::with_capacity(groups.len(), groups.len() * 8);
                for group in groups {
                    let text = arena.get(*group as usize).map(std::str::from_utf8).transpose();
                    out.append_option(text.map_err(|_| Error::bug("a key lost its encoding"))?);
                }
                Ok(vec![Arc::new(out.finish())])
            }
            Keys::Bytes { arena, .. } => {
                let mut out = BinaryBuilder::with_capacity(groups.len(), groups.len() * 8);
                groups.iter().for_each(|group| out.append_option(arena.get(*group as usize)));
                Ok(vec![Arc::new(out.finish())])
            }
            Keys::Encoded { converter, types, arena, .. } => {
                if groups.is_empty() {
                    return Ok(types.iter().map(new_empty_array).collect());
                }
                let parser = converter.parser();
                let rows = groups.iter().filter_map(|group| arena.get(*group as usize));
                converter
                    .convert_rows(rows.map(|row| parser.parse(row)))
                    .map_err(|error| Error::bug(format!("decoding keys: {error}")))
            }
        }
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.hashes.clear();

        match &mut self.keys {
            Keys::Global => {}
            Keys::Fixed { packed, .. } => packed.clear(),
            Keys::Bytes { arena, .. } | Keys::Encoded { arena, .. } => arena.clear(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Global => 0,
            Keys::Fixed { packed, batch, .. } => {
                (packed.capacity() + batch.capacity()) * size_of::<(u128, u8)>()
            }
            Keys::Bytes { arena, .. } => arena.bytes(),
            Keys::Encoded { arena, batch, .. } => {
                arena.bytes() + batch.as_ref().map_or(0, |rows| rows.size())
            }
        };
        keys + self.slots.capacity() * (size_of::<Slot>() + 1) + self.hashes.capacity() * size_of::<u64>()
    }
}

/// The group of a key, or the number of the group to make of it.
#[inline]
fn find_or_insert(
    slots: &mut HashTable<Slot>,
    hashes: &mut Vec<u64>,
    hash: u64,
    same: impl Fn(usize) -> bool,
) -> u32 {
    let tag = (hash >> 16) as u32;
    if let Some(slot) = slots.find(hash, |slot| slot.tag == tag && same(slot.group as usize)) {
        return slot.group;
    }
    let group = hashes.len() as u32;
    hashes.push(hash);
    slots.insert_unique(hash, Slot { tag, group }, |slot| hashes[slot.group as usize]);
    group
}

#[inline]
fn intern_bytes<'a>(
    slots: &mut HashTable<Slot>,
    own: &mut Vec<u64>,
    arena: &mut Arena,
    hashes: &[u64],
    groups: &mut Vec<u32>,
    key: impl Fn(usize) -> Option<&'a [u8]>,
) {
    for (row, hash) in hashes.iter().enumerate() {
        let key = key(row);
        let group = find_or_insert(slots, own, *hash, |group| arena.get(group) == key);
        if group as usize == arena.ends.len() {
            arena.push(key);
        }
        groups.push(group);
    }
}

fn encoded(types: &[DataType]) -> Result<Keys> {
    let fields = types.iter().map(|data_type| SortField::new(data_type.clone())).collect();
    let converter = RowConverter::new(fields)
        .map_err(|error| Error::query(format!("these columns cannot be a key: {error}")))?;
    Ok(Keys::Encoded { converter, types: types.to_vec(), arena: Arena::default(), batch: None })
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
fn pack(columns: &[FixedColumn], keys: &[ArrayRef], rows: usize, batch: &mut Vec<(u128, u8)>) -> Result<()> {
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

fn unpack(column: &FixedColumn, index: usize, packed: &[(u128, u8)], groups: &[u32]) -> Result<ArrayRef> {
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
