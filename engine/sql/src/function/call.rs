//! One call on one batch: typed views of the arguments, and the loops that build a result column.
//!
//! A constant argument is an array of one value that every row reads (stride 0), so no loop asks which
//! arguments are constant.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, AsArray, BinaryArray, BooleanBuilder, Int64Array, NullBufferBuilder,
    PrimitiveArray, PrimitiveBuilder, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType};
use datafusion_common::{Result, exec_err, internal_datafusion_err};
use datafusion_expr::ColumnarValue;

/// The most bytes that one value of a result may have: what REPEAT and LPAD can ask for is bounded.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// One call on one batch.
pub(super) struct Call<'a> {
    columns: Vec<Column>,
    /// Rows of the result.
    pub rows: usize,
    /// Type of the result.
    pub result: &'a DataType,
}

struct Column {
    array: ArrayRef,
    stride: usize,
}

/// A typed argument.
#[derive(Clone, Copy)]
pub(super) struct View<A> {
    array: A,
    stride: usize,
}

impl<A: ArrayAccessor> View<A> {
    /// The value of a row; `None` = NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<A::Item> {
        let index = row * self.stride;
        if self.array.is_null(index) { None } else { Some(self.array.value(index)) }
    }
}

impl<'a> Call<'a> {
    pub fn new(args: &[ColumnarValue], rows: usize, result: &'a DataType) -> Result<Self> {
        let column = |arg: &ColumnarValue| {
            Ok(match arg {
                ColumnarValue::Array(array) => Column { array: array.clone(), stride: 1 },
                ColumnarValue::Scalar(value) => Column { array: value.to_array()?, stride: 0 },
            })
        };
        Ok(Call { columns: args.iter().map(column).collect::<Result<_>>()?, rows, result })
    }

    /// Number of arguments.
    pub fn arguments(&self) -> usize {
        self.columns.len()
    }

    /// Argument `index` as it came: one value if it is constant.
    pub fn array(&self, index: usize) -> &ArrayRef {
        &self.columns[index].array
    }

    /// True if argument `index` is constant.
    pub fn is_constant(&self, index: usize) -> bool {
        self.columns[index].stride == 0
    }

    /// Argument `index` with one value for each row.
    pub fn full(&self, index: usize) -> Result<ArrayRef> {
        let Column { array, stride } = &self.columns[index];
        if *stride == 1 || self.rows == 1 {
            return Ok(array.clone());
        }
        let zeros = arrow::array::UInt32Array::from(vec![0; self.rows]);
        Ok(arrow::compute::take(array, &zeros, None)?)
    }

    fn view<A>(&self, index: usize, typed: Option<A>) -> Result<View<A>> {
        let Column { array, stride } = &self.columns[index];
        let array =
            typed.ok_or_else(|| internal_datafusion_err!("argument {index} is {}", array.data_type()))?;
        Ok(View { array, stride: *stride })
    }

    /// Argument `index`, a STRING.
    pub fn text(&self, index: usize) -> Result<View<&StringArray>> {
        self.view(index, self.columns[index].array.as_string_opt())
    }

    /// Argument `index`, BYTES.
    pub fn bytes(&self, index: usize) -> Result<View<&BinaryArray>> {
        self.view(index, self.columns[index].array.as_binary_opt())
    }

    /// Argument `index`, of a primitive type.
    pub fn number<T: ArrowPrimitiveType>(&self, index: usize) -> Result<View<&PrimitiveArray<T>>> {
        self.view(index, self.columns[index].array.as_primitive_opt::<T>())
    }

    /// Argument `index` if the call has it.
    pub fn has(&self, index: usize) -> bool {
        index < self.columns.len()
    }

    /// The ticks (days, milliseconds ...) of argument `index`, a time, as integers.
    pub fn ticks(&self, index: usize) -> Result<Ticks> {
        let Column { array, stride } = &self.columns[index];
        let plain = match array.data_type() {
            DataType::Date32 | DataType::Time32(_) => cast(array, &DataType::Int32)?,
            _ => array.clone(),
        };
        Ok(Ticks { array: cast(&plain, &DataType::Int64)?.as_primitive().clone(), stride: *stride })
    }

    /// Whole numbers of any width as BIGINT.
    pub fn integer(&self, index: usize) -> Result<Ticks> {
        let Column { array, stride } = &self.columns[index];
        Ok(Ticks { array: cast(array, &DataType::Int64)?.as_primitive().clone(), stride: *stride })
    }

    /// The one value of argument `index`, which must be a constant text.
    pub fn constant_text(&self, index: usize) -> Result<Option<&str>> {
        if !self.is_constant(index) && self.array(index).len() != 1 {
            return exec_err!("argument {} must be a constant", index + 1);
        }
        let text = self.columns[index].array.as_string_opt::<i32>();
        let text = text.ok_or_else(|| internal_datafusion_err!("argument {index} is not a text"))?;
        Ok((!text.is_null(0)).then(|| text.value(0)))
    }

    /// A STRING column: `write` appends the value of a row, or answers false for NULL.
    pub fn texts(&self, mut write: impl FnMut(usize, &mut String) -> Result<bool>) -> Result<ArrayRef> {
        let mut values = String::with_capacity(self.rows * 8);
        let mut offsets: Vec<i32> = Vec::with_capacity(self.rows + 1);
        let mut nulls = NullBufferBuilder::new(self.rows);
        offsets.push(0);
        for row in 0..self.rows {
            let before = values.len();
            let valid = write(row, &mut values)?;
            if !valid {
                values.truncate(before);
            }
            nulls.append(valid);
            match i32::try_from(values.len()) {
                Ok(end) => offsets.push(end),
                Err(_) => return exec_err!("the texts of one batch exceed 2 GiB"),
            }
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let values = Buffer::from(values.into_bytes());
        Ok(Arc::new(StringArray::try_new(offsets, values, nulls.finish())?))
    }

    /// A BYTES column: `write` appends the value of a row, or answers false for NULL.
    pub fn byte_strings(
        &self,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<bool>,
    ) -> Result<ArrayRef> {
        let mut values: Vec<u8> = Vec::with_capacity(self.rows * 8);
        let mut offsets: Vec<i32> = Vec::with_capacity(self.rows + 1);
        let mut nulls = NullBufferBuilder::new(self.rows);
        offsets.push(0);
        for row in 0..self.rows {
            let before = values.len();
            let valid = write(row, &mut values)?;
            if !valid {
                values.truncate(before);
            }
            nulls.append(valid);
            match i32::try_from(values.len()) {
                Ok(end) => offsets.push(end),
                Err(_) => return exec_err!("the bytes of one batch exceed 2 GiB"),
            }
        }
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        Ok(Arc::new(BinaryArray::try_new(offsets, Buffer::from(values), nulls.finish())?))
    }

    /// A column of a primitive type, which must be the type of the result.
    pub fn numbers<T: ArrowPrimitiveType>(
        &self,
        mut value: impl FnMut(usize) -> Result<Option<T::Native>>,
    ) -> Result<ArrayRef> {
        let mut out = PrimitiveBuilder::<T>::with_capacity(self.rows).with_data_type(self.result.clone());
        for row in 0..self.rows {
            out.append_option(value(row)?);
        }
        Ok(Arc::new(out.finish()))
    }

    /// A BOOLEAN column.
    pub fn booleans(&self, mut value: impl FnMut(usize) -> Result<Option<bool>>) -> Result<ArrayRef> {
        let mut out = BooleanBuilder::with_capacity(self.rows);
        for row in 0..self.rows {
            out.append_option(value(row)?);
        }
        Ok(Arc::new(out.finish()))
    }

    /// A column of a time type (the type of the result) from its ticks.
    pub fn times(&self, mut ticks: impl FnMut(usize) -> Result<Option<i64>>) -> Result<ArrayRef> {
        let mut out = Int64Array::builder(self.rows);
        for row in 0..self.rows {
            out.append_option(ticks(row)?);
        }
        from_ticks(Arc::new(out.finish()), self.result)
    }
}

/// Integers as a time type, unchanged in value.
pub(super) fn from_ticks(ticks: ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let strict = arrow::compute::CastOptions { safe: false, ..Default::default() };
    let plain = match data_type {
        DataType::Date32 | DataType::Time32(_) => {
            arrow::compute::cast_with_options(&ticks, &DataType::Int32, &strict)?
        }
        _ => ticks,
    };
    Ok(cast(&plain, data_type)?)
}

/// An argument converted to BIGINT.
pub(super) struct Ticks {
    array: Int64Array,
    stride: usize,
}

impl Ticks {
    /// The value of a row; `None` = NULL.
    #[inline]
    pub fn get(&self, row: usize) -> Option<i64> {
        let index = row * self.stride;
        if self.array.is_null(index) { None } else { Some(self.array.value(index)) }
    }
}

/// Something compiled from a text (a pattern, a path), compiled again only when the text changes.
pub(super) struct Compiled<'a, T> {
    last: Option<(&'a str, T)>,
}

impl<'a, T> Compiled<'a, T> {
    pub fn new() -> Self {
        Compiled { last: None }
    }

    /// The compiled form of `text`.
    #[inline]
    pub fn of(&mut self, text: &'a str, compile: impl FnOnce(&str) -> Result<T>) -> Result<&T> {
        let known = self.last.as_ref().is_some_and(|(own, _)| *own == text);
        if !known {
            self.last = Some((text, compile(text)?));
        }
        match &self.last {
            Some((_, compiled)) => Ok(compiled),
            None => exec_err!("nothing was compiled"),
        }
    }
}
