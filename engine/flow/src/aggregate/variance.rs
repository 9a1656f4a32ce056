//! VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP by count, mean and sum of squared distances: Welford's
//! update, Chan's merge (Chan, Golub, LeVeque 1979), and Welford's update backwards for rows taken back. Computed as
//! doubles, given as what AVG gives of the argument: of integers cut toward zero.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use millrace_plan::{AggregateCall, Error, Result};

use super::{AggregateFunction, Aggregator, Evaluated, Update, argument, unusable};

/// STDDEV_POP.
pub static STDDEV_POP: AggregateFunction = AggregateFunction {
    name: "stddev_pop",
    ignores_distinct: false,
    create: |call, _| create(call, |m| m.variance(0).map(f64::sqrt)),
};

/// STDDEV_SAMP.
pub static STDDEV_SAMP: AggregateFunction = AggregateFunction {
    name: "stddev_samp",
    ignores_distinct: false,
    create: |call, _| create(call, |m| m.variance(1).map(f64::sqrt)),
};

/// VAR_POP.
pub static VAR_POP: AggregateFunction = AggregateFunction {
    name: "var_pop",
    ignores_distinct: false,
    create: |call, _| create(call, |m| m.variance(0)),
};

/// VAR_SAMP.
pub static VAR_SAMP: AggregateFunction = AggregateFunction {
    name: "var_samp",
    ignores_distinct: false,
    create: |call, _| create(call, |m| m.variance(1)),
};

type Read = fn(&Moments) -> Option<f64>;

fn create(call: &AggregateCall, read: Read) -> Result<Box<dyn Aggregator>> {
    match argument(call)? {
        own if own.is_numeric() || *own == DataType::Null => {
            Ok(Box::new(Variance { moments: vec![], read, result: result_type(own) }))
        }
        _ => Err(unusable(call)),
    }
}

fn result_type(argument: &DataType) -> DataType {
    match argument {
        DataType::Decimal128(_, scale) => DataType::Decimal128(38, (*scale).max(6)),
        DataType::Null => DataType::Int32,
        other => other.clone(),
    }
}

/// Doubles as a type, in the way of Java's casts: of integers the nearest that the type has.
fn given_as(values: Float64Array, result: &DataType) -> Result<ArrayRef> {
    Ok(match result {
        DataType::Int8 => Arc::new(values.unary::<_, Int8Type>(|own| own as i32 as i8)),
        DataType::Int16 => Arc::new(values.unary::<_, Int16Type>(|own| own as i32 as i16)),
        DataType::Int32 => Arc::new(values.unary::<_, Int32Type>(|own| own as i32)),
        DataType::Int64 => Arc::new(values.unary::<_, Int64Type>(|own| own as i64)),
        DataType::Float32 => Arc::new(values.unary::<_, Float32Type>(|own| own as f32)),
        other => cast(&values, other).map_err(|error| Error::bug(format!("variance: {error}")))?,
    })
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn variance(&self, less: i64) -> Option<f64> {
        (self.count > less).then(|| (self.squares / (self.count - less) as f64).max(0.0))
    }

    fn add(&mut self, value: f64) {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
    }

    fn remove(&mut self, value: f64) {
        self.count -= 1;
        if self.count == 0 {
            *self = Moments::default();
            return;
        }
        let distance = value - self.mean;
        self.mean -= distance / self.count as f64;
        self.squares -= distance * (value - self.mean);
    }

    fn merge(&mut self, other: Moments) {
        if self.count == 0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        if other.count == 0 || count == 0 {
            self.count = count;
            return;
        }
        let distance = other.mean - self.mean;
        self.mean += distance * other.count as f64 / count as f64;
        self.squares +=
            other.squares + distance * distance * (self.count as f64 * other.count as f64) / count as f64;
        self.count = count;
    }
}

struct Variance {
    moments: Vec<Moments>,
    read: Read,
    result: DataType,
}

impl Aggregator for Variance {
    fn resize(&mut self, groups: usize) {
        self.moments.resize(groups, Moments::default());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let values = cast(&update.args[0], &DataType::Float64)
            .map_err(|error| Error::bug(format!("variance: {error}")))?;
        let values = values.as_primitive::<Float64Type>().values();
        update.for_each(|row, group, weight| match weight > 0 {
            true => self.moments[group].add(values[row]),
            false => self.moments[group].remove(values[row]),
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let counts = state[0].as_primitive::<Int64Type>();
        let means = state[1].as_primitive::<Float64Type>();
        let squares = state[2].as_primitive::<Float64Type>();
        for (row, group) in groups.iter().enumerate() {
            self.moments[*group as usize].merge(Moments {
                count: counts.value(row),
                mean: means.value(row),
                squares: squares.value(row),
            });
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| self.moments[*group as usize]);
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(picked().map(|own| own.count))),
            Arc::new(Float64Array::from_iter_values(picked().map(|own| own.mean))),
            Arc::new(Float64Array::from_iter_values(picked().map(|own| own.squares))),
        ])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64, DataType::Float64, DataType::Float64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let values: Float64Array =
            groups.iter().map(|group| (self.read)(&self.moments[*group as usize])).collect();
        Ok(Evaluated::of(given_as(values, &self.result)?))
    }

    fn clear(&mut self) {
        self.moments.clear();
    }

    fn bytes(&self) -> usize {
        self.moments.capacity() * size_of::<Moments>()
    }
}
