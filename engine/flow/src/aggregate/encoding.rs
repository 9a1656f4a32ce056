//! Single values of any type as byte strings that sort as the values do (arrow's row encoding).

use arrow::array::{ArrayRef, BinaryArray, ListArray, PrimitiveArray, new_empty_array, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field};
use arrow::row::{RowConverter, Rows, SortField};
use millrace_plan::{Error, Result};
use std::sync::Arc;

/// Encodes and decodes the values of one type.
pub struct ValueEncoding {
    converter: RowConverter,
    data_type: DataType,
}

impl ValueEncoding {
    /// For values of `data_type`.
    pub fn new(data_type: &DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])
            .map_err(|error| Error::query(format!("values of {data_type} cannot be ordered: {error}")))?;
        Ok(ValueEncoding { converter, data_type: data_type.clone() })
    }

    /// The type of the values.
    pub fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// The encoded values of a column.
    pub fn encode(&self, values: &ArrayRef) -> Result<Rows> {
        self.converter
            .convert_columns(std::slice::from_ref(values))
            .map_err(|error| Error::bug(format!("encoding values: {error}")))
    }

    /// The values of these encodings, null for `None`.
    pub fn decode<'a>(&self, values: impl ExactSizeIterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
        let len = values.len();
        let null = self.encode(&new_null_array(&self.data_type, 1))?;
        let parser = self.converter.parser();
        let null_row = null.row(0);
        let rows = values.map(|value| parser.parse(value.unwrap_or(null_row.as_ref())));
        if len == 0 {
            return Ok(new_empty_array(&self.data_type));
        }
        let mut columns = self
            .converter
            .convert_rows(rows)
            .map_err(|error| Error::bug(format!("decoding values: {error}")))?;
        columns.pop().ok_or_else(|| Error::bug("a value without a column"))
    }
}

/// The state type that lists items of this type.
pub fn list_type(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// The state type that lists encoded values.
pub fn value_list_type() -> DataType {
    list_type(DataType::Binary)
}

/// The state type that lists numbers.
pub fn number_list_type<T: ArrowPrimitiveType>() -> DataType {
    list_type(T::DATA_TYPE)
}

/// Lists of encoded values, one list per item.
pub fn value_lists<'a>(lists: impl Iterator<Item = Vec<&'a [u8]>>) -> ArrayRef {
    let mut lengths = vec![];
    let mut values: Vec<&[u8]> = vec![];
    for list in lists {
        lengths.push(list.len());
        values.extend(list);
    }
    let values: ArrayRef = Arc::new(BinaryArray::from_iter_values(values));
    list_of(values, lengths)
}

/// Lists of numbers, one list per item.
pub fn number_lists<T: ArrowPrimitiveType>(lists: impl Iterator<Item = Vec<T::Native>>) -> ArrayRef {
    let mut lengths = vec![];
    let mut values = vec![];
    for list in lists {
        lengths.push(list.len());
        values.extend(list);
    }
    list_of(Arc::new(PrimitiveArray::<T>::from_iter_values(values)), lengths)
}

/// Lists of these lengths, one after the other in `values`.
pub fn list_of(values: ArrayRef, lengths: Vec<usize>) -> ArrayRef {
    let field = Arc::new(Field::new("item", values.data_type().clone(), true));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), values, None))
}
