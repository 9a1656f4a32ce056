//! Keys to dense group numbers.
//!
//! Keys are kept as packed words or bytes; an index of their hashes finds them. There is no allocation per
//! row and none per group but for the growth of the vectors.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, GenericByteArray, StringArray, new_empty_array};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{ByteArrayType, DataType};
use arrow::row::{RowConverter, Rows, SortField};
use millrace_plan::{Error, Result};

use super::byte_keys::ByteKeys;
use super::hash_index::{HashIndex, NO_GROUP};
use super::packed_keys::PackedKeys;

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
    Fixed(PackedKeys),
    /// One STRING or BYTES key.
    Bytes { data_type: DataType, stored: ByteKeys },
    /// One STRING or BYTES key at `position` among fixed-width keys of at most 16 bytes together.
    Mixed { packed: PackedKeys, position: usize, data_type: DataType, stored: ByteKeys },
    /// Everything else, in arrow's row encoding.
    Encoded { converter: RowConverter, types: Vec<DataType>, stored: ByteKeys, batch: Option<Rows> },
}

/// The keys of a batch beside the keys that are stored.
trait KeyRows {
    /// True if the key of `row` is that of `group`.
    fn same(&self, row: usize, group: usize) -> bool;

    /// Stores the key of `row` as that of the next group.
    fn store(&mut self, row: usize) -> Result<()>;
}

impl KeyRows for PackedKeys {
    #[inline(always)]
    fn same(&self, row: usize, group: usize) -> bool {
        self.is(row, group)
    }

    fn store(&mut self, row: usize) -> Result<()> {
        self.push(row);
        Ok(())
    }
}

/// Fixed-width keys beside one STRING or BYTES key.
struct MixedRows<'a> {
    packed: &'a mut PackedKeys,
    bytes: ByteRows<'a>,
}

impl KeyRows for MixedRows<'_> {
    #[inline(always)]
    fn same(&self, row: usize, group: usize) -> bool {
        self.packed.is(row, group) & self.bytes.same(row, group)
    }

    fn store(&mut self, row: usize) -> Result<()> {
        self.packed.push(row);
        self.bytes.store(row)
    }
}

struct ByteRows<'a> {
    offsets: &'a [i32],
    data: &'a [u8],
    nulls: Option<&'a NullBuffer>,
    stored: &'a mut ByteKeys,
}

impl<'a> ByteRows<'a> {
    fn of(data_type: &DataType, array: &'a ArrayRef, stored: &'a mut ByteKeys) -> Self {
        match data_type {
            DataType::Utf8 => ByteRows::new(array.as_string::<i32>(), stored),
            _ => ByteRows::new(array.as_binary::<i32>(), stored),
        }
    }

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

impl GroupTable {
    /// An empty table for keys of these types; none = one group for all rows.
    pub fn new(key_types: &[DataType]) -> Result<Self> {
        let keys = match key_types {
            [] => Keys::Global,
            [DataType::Utf8 | DataType::Binary] => {
                Keys::Bytes { data_type: key_types[0].clone(), stored: ByteKeys::default() }
            }
            types => match PackedKeys::new(types) {
                Some(packed) => Keys::Fixed(packed),
                None => match mixed(types) {
                    Some(keys) => keys,
                    None => encoded(types)?,
                },
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
            Keys::Fixed(packed) => {
                packed.load(keys.iter(), hashes.len())?;
                intern_rows(index, own, hashes, groups, packed)
            }
            Keys::Bytes { data_type, stored } => {
                let rows = &mut ByteRows::of(data_type, &keys[0], stored);
                intern_rows(index, own, hashes, groups, rows)
            }
            Keys::Mixed { packed, position, data_type, stored } => {
                let others = keys[..*position].iter().chain(&keys[*position + 1..]);
                packed.load(others, hashes.len())?;
                let rows =
                    &mut MixedRows { packed, bytes: ByteRows::of(data_type, &keys[*position], stored) };
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

    /// Makes room for so many groups more.
    pub fn reserve(&mut self, groups: usize) {
        self.index.reserve(groups, &self.hashes);
        self.hashes.reserve(groups);
    }

    /// The keys of these groups, in this order.
    pub fn keys(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("a key lost its encoding: {error}"));
        match &self.keys {
            Keys::Global => Ok(vec![]),
            Keys::Fixed(packed) => packed.columns(groups),
            Keys::Bytes { data_type, stored } => Ok(vec![strings(data_type, stored, groups)?]),
            Keys::Mixed { packed, position, data_type, stored } => {
                let mut columns = packed.columns(groups)?;
                columns.insert(*position, strings(data_type, stored, groups)?);
                Ok(columns)
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
            Keys::Fixed(packed) => packed.clear(),
            Keys::Bytes { stored, .. } | Keys::Encoded { stored, .. } => stored.clear(),
            Keys::Mixed { packed, stored, .. } => {
                packed.clear();
                stored.clear();
            }
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Global => 0,
            Keys::Fixed(packed) => packed.bytes(),
            Keys::Bytes { stored, .. } => stored.bytes(),
            Keys::Mixed { packed, stored, .. } => packed.bytes() + stored.bytes(),
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

/// The strings of these groups as a column.
fn strings(data_type: &DataType, stored: &ByteKeys, groups: &[u32]) -> Result<ArrayRef> {
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("a key lost its encoding: {error}"));
    let (offsets, bytes, nulls) = gather(stored, groups)?;
    let (offsets, bytes) = (OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes));
    Ok(match data_type {
        DataType::Utf8 => Arc::new(StringArray::try_new(offsets, bytes, nulls).map_err(bug)?),
        _ => Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(bug)?),
    })
}

/// Keys of one STRING or BYTES column and otherwise short fixed-width ones.
fn mixed(types: &[DataType]) -> Option<Keys> {
    let is_bytes = |own: &DataType| matches!(own, DataType::Utf8 | DataType::Binary);
    let position = types.iter().position(is_bytes)?;
    let others: Vec<DataType> = [&types[..position], &types[position + 1..]].concat();
    let packed = PackedKeys::new(&others)?;
    Some(Keys::Mixed { packed, position, data_type: types[position].clone(), stored: ByteKeys::default() })
}

fn encoded(types: &[DataType]) -> Result<Keys> {
    let fields = types.iter().map(|data_type| SortField::new(data_type.clone())).collect();
    let converter = RowConverter::new(fields)
        .map_err(|error| Error::query(format!("these columns cannot be a key: {error}")))?;
    Ok(Keys::Encoded { converter, types: types.to_vec(), stored: ByteKeys::default(), batch: None })
}
