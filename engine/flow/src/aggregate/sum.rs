//! SUM: exact for integers and decimals (kept in 128 bits, so that the order of rows does not matter);
//! out of range is a fault of the group, not a wrap.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{
    DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use millrace_plan::{AggregateCall, Result};

use super::{AggregateFunction, Aggregator, Evaluated, Update, argument, column, unusable};

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

/// A sum of 128 bits in two halves (an `i128` would be aligned to 16 bytes and waste 8), and the count of
/// values.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    low: u64,
    high: i64,
    count: i64,
}

impl Total {
    #[inline]
    fn add(&mut self, value: i128, count: i64) {
        let sum = self.sum().wrapping_add(value);
        (self.low, self.high) = (sum as u64, (sum >> 64) as i64);
        self.count += count;
    }

    #[inline]
    fn sum(&self) -> i128 {
        (self.high as i128) << 64 | self.low as i128
    }
}

type AddExact = fn(&mut [Total], &Update);

fn add_exact<T: ArrowPrimitiveType>(sums: &mut [Total], update: &Update)
where
    T::Native: Into<i128>,
{
    let Some(values) = update.args[0].as_primitive_opt::<T>() else { return };
    let values = values.values();
    if update.is_plain() {
        for (group, value) in update.groups.iter().zip(values) {
            sums[*group as usize].add((*value).into(), 1);
        }
        return;
    }
    update.for_each(|row, group, weight| sums[group].add(values[row].into() * weight as i128, weight));
}

/// Sums of integers or decimals, with the count of values.
struct Exact {
    add: AddExact,
    sums: Vec<Total>,
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
    fn result(&self, total: Total) -> Option<i128> {
        let (sum, count) = (total.sum(), total.count);
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
        self.sums.resize(groups, Total::default());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        (self.add)(&mut self.sums, update);
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let sums = state[0].as_primitive::<Decimal128Type>().values();
        let counts = state[1].as_primitive::<Int64Type>().values();
        for ((group, sum), count) in groups.iter().zip(sums).zip(counts) {
            self.sums[*group as usize].add(*sum, *count);
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| self.sums[*group as usize]);
        let sums = Decimal128Array::from_iter_values(picked().map(|own| own.sum()));
        let counts = Int64Array::from_iter_values(picked().map(|own| own.count));
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Decimal128(38, 10), DataType::Int64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let (least, most) = self.range();
        let fits = |value: &i128| (least..=most).contains(value);
        let value = |group: usize| self.result(self.sums[group]).filter(fits);
        macro_rules! array {
            ($type:ty) => {
                Arc::new(column::<$type>(groups, |group| value(group).map(|own| own as _)))
            };
        }
        let values: ArrayRef = match &self.result {
            DataType::Int8 => array!(Int8Type),
            DataType::Int16 => array!(Int16Type),
            DataType::Int32 => array!(Int32Type),
            DataType::Int64 => array!(Int64Type),
            other => Arc::new(column::<Decimal128Type>(groups, value).with_data_type(other.clone())),
        };
        // A group with values but no result: it is out of range.
        let mut faults = vec![];
        if values.null_count() > 0 {
            let faulty = |row: &usize| values.is_null(*row) && self.sums[groups[*row] as usize].count != 0;
            let reason = format!("SUM is out of range of {}", self.result);
            faults.extend((0..groups.len()).filter(faulty).map(|row| (row, reason.clone())));
        }
        Ok(Evaluated { values, faults })
    }

    fn clear(&mut self) {
        self.sums.clear();
    }

    fn bytes(&self) -> usize {
        self.sums.capacity() * size_of::<Total>()
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
        let value = |group: usize| {
            let (sum, count) = self.sums[group];
            (count != 0).then_some(if self.mean { sum / count as f64 } else { sum })
        };
        let values: ArrayRef = match self.result {
            DataType::Float32 => {
                Arc::new(column::<Float32Type>(groups, |group| value(group).map(|own| own as f32)))
            }
            _ => Arc::new(column::<Float64Type>(groups, value)),
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
