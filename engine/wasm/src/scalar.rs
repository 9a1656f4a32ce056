//! Scalar functions: one call for a batch, or a function of plain numbers called for each row of it.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use millrace_plan::{Error, FunctionSignature, Result, ScalarFunction};
use wasmi::{F32, F64, Val};

use super::columns::{self, Block};
use super::guest::{Guest, Image};

/// How the function is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `f(value, ...) -> value`, for rows without NULL.
    Number,
    /// `f_batch(rows, args) -> result`.
    Batch,
}

/// A scalar function of a module.
#[derive(Debug)]
pub struct WasmScalar {
    pub signature: FunctionSignature,
    pub image: Arc<Image>,
    /// The name of the export.
    pub export: String,
    pub form: Form,
}

impl ScalarFunction for WasmScalar {
    fn signature(&self) -> &FunctionSignature {
        &self.signature
    }

    fn call(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let mut guest = self.image.guest(&self.signature.name)?;
        match self.form {
            Form::Batch => {
                let block = Block::of(args.iter().map(|arg| arg.as_ref())).place(&mut guest)?;
                let header = guest.call_address(&self.export, &[rows as u32, block.columns(0)])?;
                columns::read(&guest, header, &self.signature.result, rows)
            }
            Form::Number => self.each(&mut guest, args, rows),
        }
    }
}

/// A column of plain numbers.
enum Numbers<'a> {
    Bool(&'a BooleanArray),
    I32(Int32Array),
    I64(Int64Array),
    F32(&'a Float32Array),
    F64(&'a Float64Array),
}

impl<'a> Numbers<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        let plain = |to: &DataType| {
            cast(column, to).map_err(|error| Error::bug(format!("an argument as a number: {error}")))
        };
        Ok(match column.data_type() {
            DataType::Boolean => Numbers::Bool(column.as_boolean()),
            DataType::Float32 => Numbers::F32(column.as_primitive::<Float32Type>()),
            DataType::Float64 => Numbers::F64(column.as_primitive::<Float64Type>()),
            DataType::Int32 | DataType::Date32 => {
                Numbers::I32(plain(&DataType::Int32)?.as_primitive::<Int32Type>().clone())
            }
            _ => Numbers::I64(plain(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        })
    }

    fn get(&self, row: usize) -> Val {
        match self {
            Numbers::Bool(own) => Val::I32(own.value(row) as i32),
            Numbers::I32(own) => Val::I32(own.value(row)),
            Numbers::I64(own) => Val::I64(own.value(row)),
            Numbers::F32(own) => Val::F32(F32::from(own.value(row))),
            Numbers::F64(own) => Val::F64(F64::from(own.value(row))),
        }
    }
}

impl WasmScalar {
    /// Calls a function of plain numbers for each row without NULL.
    fn each(&self, guest: &mut Guest, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let func = guest.func(&self.export)?;
        let nulls = args.iter().fold(None, |nulls, arg| NullBuffer::union(nulls.as_ref(), arg.nulls()));
        let numbers: Vec<Numbers> = args.iter().map(Numbers::of).collect::<Result<_>>()?;
        let mut params = vec![Val::I32(0); args.len()];
        let mut result = [Val::I32(0)];
        let mut results: Vec<u64> = Vec::with_capacity(rows);
        for row in 0..rows {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                results.push(0);
                continue;
            }
            params.iter_mut().zip(&numbers).for_each(|(own, numbers)| *own = numbers.get(row));
            guest.refuel()?;
            guest.call(func, &params, &mut result)?;
            results.push(match &result[0] {
                Val::I32(own) => u64::from(own.cast_unsigned()),
                Val::I64(own) => own.cast_unsigned(),
                Val::F32(own) => u64::from(own.to_bits()),
                Val::F64(own) => own.to_bits(),
                _ => return Err(Error::bug("a reference as a result")),
            });
        }
        column(&self.signature.result, results, nulls)
    }
}

/// The results, given by their bits, as a column.
fn column(data_type: &DataType, bits: Vec<u64>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let bits = bits.into_iter();
    let plain: ArrayRef = match data_type {
        DataType::Boolean => {
            return Ok(Arc::new(BooleanArray::new(bits.map(|own| own != 0).collect(), nulls)));
        }
        DataType::Float32 => {
            Arc::new(Float32Array::new(bits.map(|own| f32::from_bits(own as u32)).collect(), nulls))
        }
        DataType::Float64 => Arc::new(Float64Array::new(bits.map(f64::from_bits).collect(), nulls)),
        DataType::Int32 | DataType::Date32 => {
            Arc::new(Int32Array::new(bits.map(|own| (own as u32).cast_signed()).collect(), nulls))
        }
        _ => Arc::new(Int64Array::new(bits.map(u64::cast_signed).collect(), nulls)),
    };
    cast(&plain, data_type).map_err(|error| Error::bug(format!("a result as {data_type}: {error}")))
}
