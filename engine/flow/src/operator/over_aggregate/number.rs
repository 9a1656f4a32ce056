//! COUNT, SUM and AVG over a frame: the sum and the count, from which the aggregate's own code makes the
//! result.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use millrace_plan::{AggregateCall, Error, Result};

use super::slide::{Bounds, Content, Slide};
use super::{Function, Results, Rows};
use crate::aggregate;

/// COUNT, SUM or AVG over frames.
pub fn create(call: &AggregateCall, bounds: Bounds) -> Result<Box<dyn Function>> {
    aggregate::create(call, false)?;
    let call = call.clone();
    if call.function == "count" {
        return Ok(Box::new(Count { slide: Slide::new(Counting, bounds) }));
    }
    Ok(match call.arg_types.first() {
        Some(DataType::Float32 | DataType::Float64) => {
            let slide = Slide::new(Adding(PhantomData), bounds);
            Box::new(Total { call, slide, read: floating, state: |sums| Arc::new(Float64Array::from(sums)) })
        }
        _ => {
            let slide = Slide::new(Adding(PhantomData), bounds);
            let state = |sums| Arc::new(Decimal128Array::from_iter_values::<Vec<i128>>(sums)) as ArrayRef;
            Box::new(Total { call, slide, read: exact, state })
        }
    })
}

struct Counting;

impl Content for Counting {
    type Value = bool;
    type State = i64;

    fn add(&mut self, _: usize, count: &mut i64, value: &bool) -> Result<()> {
        *count += i64::from(*value);
        Ok(())
    }

    fn remove(&mut self, _: usize, count: &mut i64, value: &bool) -> Result<()> {
        *count -= i64::from(*value);
        Ok(())
    }
}

struct Count {
    slide: Slide<Counting>,
}

impl Function for Count {
    fn resize(&mut self, groups: usize) {
        self.slide.resize(groups);
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        let nulls = args.first().and_then(|arg| arg.logical_nulls());
        let values = (0..rows.groups.len()).map(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)));
        let mut counts = Vec::with_capacity(rows.groups.len());
        self.slide.run(rows, values, |_, _, count, same| {
            counts.extend(std::iter::repeat_n(*count, same));
            Ok(())
        })?;
        Ok((Arc::new(Int64Array::from(counts)), vec![]))
    }

    fn expire(&mut self, time: i64) -> Result<()> {
        self.slide.expire(time)
    }

    fn bytes(&self) -> usize {
        self.slide.bytes()
    }
}

/// A number that can be added and taken back.
trait Number: Copy + Default {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

impl Number for i128 {
    fn plus(self, other: i128) -> i128 {
        self.wrapping_add(other)
    }

    fn minus(self, other: i128) -> i128 {
        self.wrapping_sub(other)
    }
}

impl Number for f64 {
    fn plus(self, other: f64) -> f64 {
        self + other
    }

    fn minus(self, other: f64) -> f64 {
        self - other
    }
}

/// The sum and the count of what is not null.
struct Adding<N>(PhantomData<N>);

impl<N: Number> Content for Adding<N> {
    type Value = Option<N>;
    type State = (N, i64);

    fn add(&mut self, _: usize, (sum, count): &mut (N, i64), value: &Option<N>) -> Result<()> {
        if let Some(value) = value {
            *sum = sum.plus(*value);
            *count += 1;
        }
        Ok(())
    }

    fn remove(&mut self, _: usize, (sum, count): &mut (N, i64), value: &Option<N>) -> Result<()> {
        if let Some(value) = value {
            *count -= 1;
            // What is left of rounding leaves with the last value.
            *sum = if *count == 0 { N::default() } else { sum.minus(*value) };
        }
        Ok(())
    }
}

/// A numeric argument as numbers that can be summed.
type Read<N> = fn(&ArrayRef) -> Result<Vec<Option<N>>>;

/// SUM or AVG.
struct Total<N: Number> {
    call: AggregateCall,
    slide: Slide<Adding<N>>,
    read: Read<N>,
    /// The sums as the aggregate's partial state has them.
    state: fn(Vec<N>) -> ArrayRef,
}

impl<N: Number> Function for Total<N> {
    fn resize(&mut self, groups: usize) {
        self.slide.resize(groups);
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        let values = (self.read)(&args[0])?;
        let (mut sums, mut counts) = (vec![], vec![]);
        self.slide.run(rows, values, |_, _, (sum, count), same| {
            sums.extend(std::iter::repeat_n(*sum, same));
            counts.extend(std::iter::repeat_n(*count, same));
            Ok(())
        })?;
        // Every row is a group of its own, whose partial state is known.
        let groups: Vec<u32> = (0..sums.len() as u32).collect();
        let mut results = aggregate::create(&self.call, false)?;
        results.resize(groups.len());
        results.merge(&groups, &[(self.state)(sums), Arc::new(Int64Array::from(counts))])?;
        let evaluated = results.evaluate(&groups)?;
        Ok((evaluated.values, evaluated.faults))
    }

    fn expire(&mut self, time: i64) -> Result<()> {
        self.slide.expire(time)
    }

    fn bytes(&self) -> usize {
        self.slide.bytes()
    }
}

fn exact(values: &ArrayRef) -> Result<Vec<Option<i128>>> {
    if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        return Ok(decimals.iter().collect());
    }
    let whole = cast(values, &DataType::Int64).map_err(bug)?;
    Ok(whole.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect())
}

fn floating(values: &ArrayRef) -> Result<Vec<Option<f64>>> {
    let values = cast(values, &DataType::Float64).map_err(bug)?;
    Ok(values.as_primitive::<Float64Type>().iter().collect())
}

fn bug(error: ArrowError) -> Error {
    Error::bug(format!("numbers of an OVER window: {error}"))
}
