//! SUM: exact for integers and decimals (kept in 128 bits, so that the order of rows does not matter);
//! out of range is a fault of the group, not a wrap.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float64Array, Int64Array, PrimitiveArray,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use millrace_plan::{AggregateCall, Result};

use super::{AggregateFunction, Aggregator, Evaluated, Update, argument, unusable};

/// SUM.
pub static SUM: AggregateFunction =
    AggregateFunction { name: "sum", ignores_distinct: false, create: |call, _| create(call, false) };

/// The sums that SUM and AVG are made of; `mean` = divide by the count.
pub fn create(call: &AggregateCall, mean: bool) -> Result<Box<dyn Aggregator>> {
    let exact = |kind| Box::new(Exact::new(kind, call, mean)) as Box<dyn Aggregator>;
    Ok(match argument(call)? {
        DataType::Int8 => exact(add_exact::<Int8Type>),
        DataType::Int16 => exact(add_exact::<Int16Type>),
        DataType::Int32 | DataType::Null => exact(add_exact::<Int32Type>),
        DataType::Int64 => exact(add_exact::<Int64Type>),
        DataType::Decimal128(..) => exact(add_exact::<Decimal128Type>),
        DataType::Float32 => Box::new(Float::<Float32Type>::new(call, mean)),
        DataType::Float64 => Box::new(Float::<Float64Type>::new(call, mean)),
        _ => return Err(unusable(call)),
    })
}

type AddExact = fn(&mut [(i128, i64)], &Update);

fn add_exact<T: ArrowPrimitiveType>(sums: &mut [(i128, i64)], update: &Update)
where
    T::Native: Into<i128>,
{
    let Some(values) = update.args[0].as_primitive_opt::<T>() else { return };
    let values = values.values();
    if update.is_plain() {
        for (group, value) in update.groups.iter().zip(values) {
            let sum = &mut sums[*group as usize];
            sum.0 += (*value).into();
            sum.1 += 1;
        }
        return;
    }
    update.for_each(|row, group, weight| {
        sums[group].0 += values[row].into() * weight as i128;
        sums[group].1 += weight;
    });
}

/// Sums of integers or decimals, with the count of values.
struct Exact {
    add: AddExact,
    sums: Vec<(i128, i64)>,
    result: DataType,
    argument_scale: i8,
    mean: bool,
}

impl Exact {
    fn new(add: AddExact, call: &AggregateCall, mean: bool) -> Self {
        let argument_scale = match call.arg_types[0] {
            DataType::Decimal128(_, scale) => scale,
            _ => 0,
        };
        Exact { add, sums: vec![], result: call.result_type.clone(), argument_scale, mean }
    }

    /// The result of one group; `None` = NULL.
    fn result(&self, (sum, count): (i128, i64)) -> Option<i128> {
        if count == 0 {
            return None;
        }
        if !self.mean {
            return Some(sum);
        }
        match self.result {
            DataType::Decimal128(_, scale) => {
                let shift = 10i128.checked_pow((scale - self.argument_scale).max(0) as u32)?;
                Some(divide_half_up(sum.checked_mul(shift)?, count as i128))
            }
            _ => Some(sum / count as i128),
        }
    }

    fn range(&self) -> (i128, i128) {
        match self.result {
            DataType::Int8 => (i8::MIN as i128, i8::MAX as i128),
            DataType::Int16 => (i16::MIN as i128, i16::MAX as i128),
            DataType::Int32 => (i32::MIN as i128, i32::MAX as i128),
            DataType::Decimal128(precision, _) => {
                let limit = 10i128.pow(precision as u32) - 1;
                (-limit, limit)
            }
            _ => (i64::MIN as i128, i64::MAX as i128),
        }
    }
}

fn divide_half_up(dividend: i128, divisor: i128) -> i128 {
    let quotient = dividend / divisor;
    let rest = (dividend % divisor).abs();
    match rest * 2 >= divisor.abs() {
        true => quotient + if (dividend < 0) == (divisor < 0) { 1 } else { -1 },
        false => quotient,
    }
}

impl Aggregator for Exact {
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, (0, 0));
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        (self.add)(&mut self.sums, update);
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let sums = state[0].as_primitive::<Decimal128Type>().values();
        let counts = state[1].as_primitive::<Int64Type>().values();
        for ((group, sum), count) in groups.iter().zip(sums).zip(counts) {
            let own = &mut self.sums[*group as usize];
            own.0 += sum;
            own.1 += count;
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| self.sums[*group as usize]);
        let sums = Decimal128Array::from_iter_values(picked().map(|(sum, _)| sum));
        let counts = Int64Array::from_iter_values(picked().map(|(_, count)| count));
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Decimal128(38, 10), DataType::Int64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let (least, most) = self.range();
        let mut faults = vec![];
        let values: Vec<Option<i128>> = groups
            .iter()
            .enumerate()
            .map(|(position, group)| {
                let sum = self.sums[*group as usize];
                let value = self.result(sum);
                let fits = value.is_some_and(|value| (least..=most).contains(&value));
                if !fits && sum.1 != 0 {
                    faults.push((position, format!("SUM is out of range of {}", self.result)));
                }
                value.filter(|_| fits)
            })
            .collect();
        macro_rules! array {
            ($type:ty) => {
                Arc::new(values.iter().map(|own| own.map(|own| own as _)).collect::<PrimitiveArray<$type>>())
            };
        }
        let values: ArrayRef = match &self.result {
            DataType::Int8 => array!(Int8Type),
            DataType::Int16 => array!(Int16Type),
            DataType::Int32 => array!(Int32Type),
            DataType::Int64 => array!(Int64Type),
            other => {
                let array: Decimal128Array = values.into_iter().collect();
                Arc::new(array.with_data_type(other.clone()))
            }
        };
        Ok(Evaluated { values, faults })
    }

    fn clear(&mut self) {
        self.sums.clear();
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<(i128, i64)>()
    }
}

/// Sums of floating-point numbers, with the count of values.
struct Float<T> {
    sums: Vec<(f64, i64)>,
    result: DataType,
    mean: bool,
    argument: PhantomData<T>,
}

impl<T> Float<T> {
    fn new(call: &AggregateCall, mean: bool) -> Self {
        Float { sums: vec![], result: call.result_type.clone(), mean, argument: PhantomData }
    }
}

impl<T: ArrowPrimitiveType> Aggregator for Float<T>
where
    T::Native: Into<f64>,
{
    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, (0.0, 0));
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let values = update.args[0].as_primitive::<T>().values();
        let sums = self.sums.as_mut_slice();
        if update.is_plain() {
            for (group, value) in update.groups.iter().zip(values) {
                let sum = &mut sums[*group as usize];
                sum.0 += (*value).into();
                sum.1 += 1;
            }
            return Ok(());
        }
        update.for_each(|row, group, weight| {
            sums[group].0 += values[row].into() * weight as f64;
            sums[group].1 += weight;
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let sums = state[0].as_primitive::<Float64Type>().values();
        let counts = state[1].as_primitive::<Int64Type>().values();
        for ((group, sum), count) in groups.iter().zip(sums).zip(counts) {
            let own = &mut self.sums[*group as usize];
            own.0 += sum;
            own.1 += count;
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| self.sums[*group as usize]);
        let sums = Float64Array::from_iter_values(picked().map(|(sum, _)| sum));
        let counts = Int64Array::from_iter_values(picked().map(|(_, count)| count));
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Float64, DataType::Int64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let value = |group: &u32| {
            let (sum, count) = self.sums[*group as usize];
            (count != 0).then_some(if self.mean { sum / count as f64 } else { sum })
        };
        let values: ArrayRef = match self.result {
            DataType::Float32 => Arc::new(
                groups
                    .iter()
                    .map(|own| value(own).map(|own| own as f32))
                    .collect::<PrimitiveArray<Float32Type>>(),
            ),
            _ => Arc::new(groups.iter().map(value).collect::<Float64Array>()),
        };
        Ok(Evaluated::of(values))
    }

    fn clear(&mut self) {
        self.sums.clear();
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<(f64, i64)>()
    }
}
