//! COUNT, SUM and AVG over a frame: the sum and the count, from which the aggregate's own code makes the
//! result.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use millrace_plan::{AggregateCall, Error, Result};

use super::kept::Columns;
use super::slide::{Bounds, Content, Slide};
use super::{Function, Results, Rows, Sliding};
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

impl Columns for Counting {
    const DERIVED: bool = true;

    fn value_types(&self) -> Vec<DataType> {
        vec![DataType::Boolean]
    }

    fn values(&self, values: &[&bool]) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(values.iter().map(|value| Some(**value)).collect::<BooleanArray>())])
    }

    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<bool>> {
        Ok(columns[0].as_boolean().values().iter().collect())
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn states(&self, _: &[u32], counts: &[&i64]) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(Int64Array::from_iter_values(counts.iter().map(|count| **count)))])
    }

    fn read_states(&mut self, _: &[u32], columns: &[ArrayRef]) -> Result<Vec<i64>> {
        Ok(columns[0].as_primitive::<Int64Type>().values().to_vec())
    }
}

struct Count {
    slide: Slide<Counting>,
}

impl Sliding for Count {
    type Content = Counting;

    fn slide(&self) -> &Slide<Counting> {
        &self.slide
    }

    fn slide_mut(&mut self) -> &mut Slide<Counting> {
        &mut self.slide
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
}

/// A number that can be added and taken back.
trait Number: Copy + Default {
    /// Added and taken back in any order, the same is left.
    const EXACT: bool;
    const DATA_TYPE: DataType;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn column(numbers: impl Iterator<Item = Option<Self>>) -> ArrayRef;
    fn read(column: &ArrayRef) -> Vec<Option<Self>>;
}

impl Number for i128 {
    const EXACT: bool = true;
    const DATA_TYPE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

    fn column(numbers: impl Iterator<Item = Option<i128>>) -> ArrayRef {
        Arc::new(numbers.collect::<Decimal128Array>().with_data_type(Self::DATA_TYPE))
    }

    fn read(column: &ArrayRef) -> Vec<Option<i128>> {
        column.as_primitive::<Decimal128Type>().iter().collect()
    }

    fn plus(self, other: i128) -> i128 {
        self.wrapping_add(other)
    }

    fn minus(self, other: i128) -> i128 {
        self.wrapping_sub(other)
    }
}

impl Number for f64 {
    const EXACT: bool = false;
    const DATA_TYPE: DataType = DataType::Float64;

    fn column(numbers: impl Iterator<Item = Option<f64>>) -> ArrayRef {
        Arc::new(numbers.collect::<Float64Array>())
    }

    fn read(column: &ArrayRef) -> Vec<Option<f64>> {
        column.as_primitive::<Float64Type>().iter().collect()
    }

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

impl<N: Number> Columns for Adding<N> {
    const DERIVED: bool = N::EXACT;

    fn value_types(&self) -> Vec<DataType> {
        vec![N::DATA_TYPE]
    }

    fn values(&self, values: &[&Option<N>]) -> Result<Vec<ArrayRef>> {
        Ok(vec![N::column(values.iter().map(|value| **value))])
    }

    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<Option<N>>> {
        Ok(N::read(&columns[0]))
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![N::DATA_TYPE, DataType::Int64]
    }

    fn states(&self, _: &[u32], states: &[&(N, i64)]) -> Result<Vec<ArrayRef>> {
        let counts = Int64Array::from_iter_values(states.iter().map(|(_, count)| *count));
        Ok(vec![N::column(states.iter().map(|(sum, _)| Some(*sum))), Arc::new(counts)])
    }

    fn read_states(&mut self, _: &[u32], columns: &[ArrayRef]) -> Result<Vec<(N, i64)>> {
        let sums = N::read(&columns[0]).into_iter().map(Option::unwrap_or_default);
        Ok(sums.zip(columns[1].as_primitive::<Int64Type>().values().iter().copied()).collect())
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

impl<N: Number> Sliding for Total<N> {
    type Content = Adding<N>;

    fn slide(&self) -> &Slide<Adding<N>> {
        &self.slide
    }

    fn slide_mut(&mut self) -> &mut Slide<Adding<N>> {
        &mut self.slide
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
