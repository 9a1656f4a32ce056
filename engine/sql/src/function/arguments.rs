//! The arguments of a call over a batch, and how results are built. A constant is kept as one value.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, Int64Array, PrimitiveArray,
    StringArray, StringBuilder,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float64Type, Int32Type, Int64Type};
use datafusion_common::Result;
use datafusion_expr::ColumnarValue;

use super::failed;

/// The arguments of one call.
#[derive(Debug)]
pub struct Arguments {
    columns: Vec<(ArrayRef, bool)>,
    rows: usize,
}

/// A primitive argument.
pub(super) struct Numbers<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    constant: bool,
}

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    pub(super) fn get(&self, row: usize) -> Option<T::Native> {
        let row = if self.constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

/// A STRING argument.
pub(super) struct Texts<'a> {
    array: &'a StringArray,
    pub(super) constant: bool,
}

impl<'a> Texts<'a> {
    pub(super) fn get(&self, row: usize) -> Option<&'a str> {
        let row = if self.constant { 0 } else { row };
        self.array.is_valid(row).then(|| self.array.value(row))
    }
}

impl Arguments {
    pub(super) fn new(values: &[ColumnarValue], rows: usize) -> Result<Arguments> {
        let column = |value: &ColumnarValue| match value {
            ColumnarValue::Array(array) => Ok((array.clone(), false)),
            ColumnarValue::Scalar(scalar) => Ok((scalar.to_array()?, true)),
        };
        Ok(Arguments { columns: values.iter().map(column).collect::<Result<_>>()?, rows })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn count(&self) -> usize {
        self.columns.len()
    }

    /// The type of an argument.
    pub(super) fn data_type(&self, position: usize) -> &DataType {
        self.columns[position].0.data_type()
    }

    /// The argument as a column of `rows` values.
    pub(super) fn array(&self, position: usize) -> Result<ArrayRef> {
        let (array, constant) = &self.columns[position];
        if !*constant || self.rows == array.len() {
            return Ok(array.clone());
        }
        let zeros = arrow::array::UInt32Array::from(vec![0; self.rows]);
        Ok(arrow::compute::take(array, &zeros, None)?)
    }

    /// A STRING argument.
    pub(super) fn texts(&self, position: usize) -> Result<Texts<'_>> {
        let (array, constant) = &self.columns[position];
        match array.as_string_opt::<i32>() {
            Some(array) => Ok(Texts { array, constant: *constant }),
            None => failed(format!("argument {} is {}, not STRING", position + 1, array.data_type())),
        }
    }

    fn numbers<T: ArrowPrimitiveType>(&self, position: usize) -> Result<Numbers<'_, T>> {
        let (array, constant) = &self.columns[position];
        match array.as_primitive_opt::<T>() {
            Some(array) => Ok(Numbers { array, constant: *constant }),
            None => {
                failed(format!("argument {} is {}, not {}", position + 1, array.data_type(), T::DATA_TYPE))
            }
        }
    }

    pub(super) fn ints(&self, position: usize) -> Result<Numbers<'_, Int32Type>> {
        self.numbers(position)
    }

    pub(super) fn longs(&self, position: usize) -> Result<Numbers<'_, Int64Type>> {
        self.numbers(position)
    }

    pub(super) fn doubles(&self, position: usize) -> Result<Numbers<'_, Float64Type>> {
        self.numbers(position)
    }

    /// An optional INT argument, as a constant default where it is not given.
    pub(super) fn ints_or(
        &self,
        position: usize,
        default: i32,
    ) -> Result<impl Fn(usize) -> Option<i32> + '_> {
        let given = if position < self.count() { Some(self.ints(position)?) } else { None };
        Ok(move |row| given.as_ref().map_or(Some(default), |own| own.get(row)))
    }

    /// An optional STRING argument.
    pub(super) fn texts_or<'a>(
        &'a self,
        position: usize,
        default: &'a str,
    ) -> Result<impl Fn(usize) -> Option<&'a str> + 'a> {
        let given = if position < self.count() { Some(self.texts(position)?) } else { None };
        Ok(move |row| given.as_ref().map_or(Some(default), |own| own.get(row)))
    }

    /// The bytes of a STRING or BYTES argument.
    pub(super) fn bytes<'a>(&'a self, position: usize) -> impl Fn(usize) -> Option<&'a [u8]> + 'a {
        let (array, constant) = &self.columns[position];
        move |row| {
            let row = if *constant { 0 } else { row };
            if array.is_null(row) {
                return None;
            }
            match array.data_type() {
                DataType::Binary => Some(array.as_binary::<i32>().value(row)),
                _ => Some(array.as_string::<i32>().value(row).as_bytes()),
            }
        }
    }

    /// STRING results: `write` appends to the text and says whether there is one.
    pub(super) fn build_text(
        &self,
        mut write: impl FnMut(usize, &mut String) -> Result<Option<()>>,
    ) -> Result<ArrayRef> {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 16);
        let mut text = String::new();
        for row in 0..self.rows {
            text.clear();
            match write(row, &mut text)? {
                Some(()) => builder.append_value(&text),
                None => builder.append_null(),
            }
        }
        Ok(Arc::new(builder.finish()))
    }

    pub(super) fn build_ints(&self, mut value: impl FnMut(usize) -> Result<Option<i32>>) -> Result<ArrayRef> {
        let values = (0..self.rows).map(&mut value).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(Int32Array::from(values)))
    }

    pub(super) fn build_longs(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<i64>>,
    ) -> Result<ArrayRef> {
        let values = (0..self.rows).map(&mut value).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(Int64Array::from(values)))
    }

    pub(super) fn build_doubles(&self, mut value: impl FnMut(usize) -> Option<f64>) -> Result<ArrayRef> {
        Ok(Arc::new((0..self.rows).map(&mut value).collect::<Float64Array>()))
    }

    pub(super) fn build_bools(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<bool>>,
    ) -> Result<ArrayRef> {
        let values = (0..self.rows).map(&mut value).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(BooleanArray::from(values)))
    }
}
