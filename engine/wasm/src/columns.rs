//! Columns in a guest's memory: copied in before a call, read out after it.
//!
//! A column is three 32-bit addresses: of its validity (a byte for each row, 0 = NULL; address 0 = no NULL), of its
//! values, and of its bytes. Values lie one after the other, little endian, BOOLEAN as one byte; those of STRING and
//! BYTES are `rows + 1` 32-bit offsets into the bytes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BooleanArray, StringArray, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use millrace_plan::{Error, Result};

use super::guest::Guest;

/// Bytes of a column's three addresses.
const HEADER: usize = 12;

/// Bytes of one value; `None` = it lies among the bytes.
fn width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        DataType::Utf8 | DataType::Binary => None,
        other => other.primitive_width(),
    }
}

fn aligned(bytes: usize) -> usize {
    bytes.next_multiple_of(8)
}

/// The bytes of a STRING or BYTES column, and where each value begins and ends in them.
fn text(column: &dyn Array) -> Option<(&[i32], &[u8])> {
    match column.data_type() {
        DataType::Utf8 => column.as_string_opt::<i32>().map(|own| (own.value_offsets(), own.value_data())),
        DataType::Binary => column.as_binary_opt::<i32>().map(|own| (own.value_offsets(), own.value_data())),
        _ => None,
    }
}

/// Where the parts of one column lie, from the start of the block.
struct Place {
    validity: Option<usize>,
    values: usize,
    bytes: usize,
}

/// Columns and lists of numbers that are to lie in one block of a guest's memory.
#[derive(Default)]
pub struct Block<'a> {
    columns: Vec<&'a dyn Array>,
    numbers: Option<&'a [u32]>,
}

/// A block in a guest's memory.
pub struct Placed {
    address: u32,
    numbers: u32,
}

impl Placed {
    /// The address of the headers from the column `index` on.
    pub fn columns(&self, index: usize) -> u32 {
        self.address + (index * HEADER) as u32
    }

    /// The address of the numbers.
    pub fn numbers(&self) -> u32 {
        self.numbers
    }
}

impl<'a> Block<'a> {
    /// A block of these columns.
    pub fn of(columns: impl IntoIterator<Item = &'a dyn Array>) -> Self {
        Block { columns: columns.into_iter().collect(), numbers: None }
    }

    /// With a list of 32-bit numbers behind the columns.
    pub fn and(self, numbers: &'a [u32]) -> Self {
        Block { numbers: Some(numbers), ..self }
    }

    /// Copies the block into the guest's memory.
    pub fn place(&self, guest: &mut Guest) -> Result<Placed> {
        let mut end = aligned(self.columns.len() * HEADER).max(8);
        let mut take = |bytes: usize| {
            let start = end;
            end += aligned(bytes);
            start
        };
        let mut places = vec![];
        for column in &self.columns {
            let rows = column.len();
            let validity = (column.null_count() > 0).then(|| take(rows));
            let place = match (width(column.data_type()), text(*column)) {
                (Some(width), _) => Place { validity, values: take(rows * width), bytes: 0 },
                (None, Some((offsets, _))) => {
                    let bytes = (offsets[rows] - offsets[0]) as usize;
                    Place { validity, values: take((rows + 1) * 4), bytes: take(bytes) }
                }
                (None, None) => return Err(Error::bug(format!("a column of {}", column.data_type()))),
            };
            places.push(place);
        }
        let numbers = take(self.numbers.map_or(0, |numbers| numbers.len() * 4));
        let (address, room) = guest.allocate(end)?;
        for (index, (column, place)) in self.columns.iter().zip(&places).enumerate() {
            let at = |offset: usize| (address + offset as u32).to_le_bytes();
            let header = &mut room[index * HEADER..(index + 1) * HEADER];
            header[..4].copy_from_slice(&place.validity.map_or([0; 4], at));
            header[4..8].copy_from_slice(&at(place.values));
            header[8..].copy_from_slice(&if place.bytes == 0 { [0; 4] } else { at(place.bytes) });
            fill(*column, place, room);
        }
        for (number, room) in self.numbers.unwrap_or_default().iter().zip(room[numbers..].chunks_exact_mut(4))
        {
            room.copy_from_slice(&number.to_le_bytes());
        }
        Ok(Placed { address, numbers: address + numbers as u32 })
    }
}

fn fill(column: &dyn Array, place: &Place, room: &mut [u8]) {
    let rows = column.len();
    if let (Some(validity), Some(nulls)) = (place.validity, column.nulls()) {
        nulls.iter().zip(&mut room[validity..validity + rows]).for_each(|(valid, own)| *own = valid as u8);
    }
    let values = &mut room[place.values..];
    if let Some((offsets, bytes)) = text(column) {
        let first = offsets[0];
        for (offset, own) in offsets.iter().zip(values.chunks_exact_mut(4)) {
            own.copy_from_slice(&(offset - first).to_le_bytes());
        }
        let bytes = &bytes[first as usize..offsets[rows] as usize];
        room[place.bytes..place.bytes + bytes.len()].copy_from_slice(bytes);
        return;
    }
    if let Some(own) = column.as_boolean_opt() {
        own.values().iter().zip(values.iter_mut()).for_each(|(value, own)| *own = value as u8);
    } else {
        let (data, width) = (column.to_data(), width(column.data_type()).unwrap_or(0));
        let start = data.offset() * width;
        values[..rows * width].copy_from_slice(&data.buffers()[0].as_slice()[start..start + rows * width]);
    }
    // What a NULL has as its value is nobody's word: a function must not see it.
    if let (Some(nulls), Some(width)) = (column.nulls(), width(column.data_type())) {
        for (row, own) in values[..rows * width].chunks_exact_mut(width).enumerate() {
            if nulls.is_null(row) {
                own.fill(0);
            }
        }
    }
}

/// The column with these addresses at `header`.
pub fn read(guest: &Guest, header: u32, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    let header = guest.read(header, HEADER)?;
    let address = |index: usize| {
        let bytes = &header[index * 4..index * 4 + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    };
    let nulls = match address(0) {
        0 => None,
        validity => {
            let valid = guest.read(validity, rows)?;
            Some(NullBuffer::new(valid.iter().map(|own| *own != 0).collect::<BooleanBuffer>()))
        }
    };
    let Some(width) = width(data_type) else {
        return texts(guest, data_type, (address(1), address(2)), rows, nulls);
    };
    let values = guest.read(address(1), rows * width)?;
    if *data_type == DataType::Boolean {
        let values: BooleanBuffer = values.iter().map(|own| *own != 0).collect();
        return Ok(Arc::new(BooleanArray::new(values, nulls)));
    }
    let data = arrow::array::ArrayData::builder(data_type.clone())
        .len(rows)
        .add_buffer(Buffer::from(values))
        .nulls(nulls)
        .align_buffers(true)
        .build();
    data.map(make_array).map_err(|error| guest.wrong(error))
}

fn texts(
    guest: &Guest,
    data_type: &DataType,
    (offsets, bytes): (u32, u32),
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let offsets = guest.read(offsets, (rows + 1) * 4)?.chunks_exact(4);
    let offsets: Vec<i32> = offsets.map(|own| i32::from_le_bytes([own[0], own[1], own[2], own[3]])).collect();
    let grow = offsets.windows(2).all(|own| own[0] <= own[1]);
    let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    if first < 0 || !grow {
        return Err(guest.wrong("the offsets of its result go down"));
    }
    let bytes = Buffer::from(guest.read(bytes, last as usize)?);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(match data_type {
        DataType::Utf8 => {
            let texts = StringArray::try_new(offsets, bytes, nulls);
            Arc::new(texts.map_err(|_| guest.wrong("its result is not UTF-8 text"))?)
        }
        _ => Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(|error| guest.wrong(error))?),
    })
}
