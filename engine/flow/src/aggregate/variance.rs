//! VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP, given as what AVG gives of the argument: of integers cut toward zero.
//!
//! Of integers by exact sums, so that what is cut off does not depend on the order of the rows; of other numbers by
//! count, mean and sum of squared distances: Welford's update, Chan's merge (Chan, Golub, LeVeque 1979), and Welford's
//! update backwards for rows taken back.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use millrace_plan::{AggregateCall, Error, Result};

use super::{AggregateFunction, Aggregator, Evaluated, Update, argument, unusable};

/// STDDEV_POP.
pub static STDDEV_POP: AggregateFunction = AggregateFunction {
    name: "stddev_pop",
    ignores_distinct: false,
    create: |call, _| create(call, Wanted { less: 0, root: true }),
};

/// STDDEV_SAMP.
pub static STDDEV_SAMP: AggregateFunction = AggregateFunction {
    name: "stddev_samp",
    ignores_distinct: false,
    create: |call, _| create(call, Wanted { less: 1, root: true }),
};

/// VAR_POP.
pub static VAR_POP: AggregateFunction = AggregateFunction {
    name: "var_pop",
    ignores_distinct: false,
    create: |call, _| create(call, Wanted { less: 0, root: false }),
};

/// VAR_SAMP.
pub static VAR_SAMP: AggregateFunction = AggregateFunction {
    name: "var_samp",
    ignores_distinct: false,
    create: |call, _| create(call, Wanted { less: 1, root: false }),
};

/// Which of the four.
#[derive(Clone, Copy)]
struct Wanted {
    /// How much less than the number of values the divisor is.
    less: i64,
    /// The deviation, which is the variance's root.
    root: bool,
}

fn create(call: &AggregateCall, wanted: Wanted) -> Result<Box<dyn Aggregator>> {
    let result = call.result_type.clone();
    match argument(call)? {
        own if own.is_integer() => Ok(Box::new(Variance::<Sums>::new(wanted, result))),
        own if own.is_numeric() || *own == DataType::Null => {
            Ok(Box::new(Variance::<Moments>::new(wanted, result)))
        }
        _ => Err(unusable(call)),
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

/// What is known of the values of a group.
trait Spread: Copy + Default {
    /// What values are read as.
    type Value: ArrowPrimitiveType;

    /// The types of its state columns.
    const STATE: [DataType; 3];

    /// Adds a value.
    fn add(&mut self, value: <Self::Value as ArrowPrimitiveType>::Native);

    /// Takes a value back.
    fn remove(&mut self, value: <Self::Value as ArrowPrimitiveType>::Native);

    /// Adds the values of another.
    fn merge(&mut self, other: Self);

    /// The mean squared distance from the mean; `None` = too few values.
    fn variance(&self, less: i64) -> Option<f64>;

    /// State columns.
    fn columns(groups: impl Iterator<Item = Self> + Clone) -> Vec<ArrayRef>;

    /// A row of state columns.
    fn read(state: &[ArrayRef], row: usize) -> Self;
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: i64,
    sum: i128,
    squares: i128,
}

impl Spread for Sums {
    type Value = Int64Type;

    const STATE: [DataType; 3] = [DataType::Int64, DataType::Decimal128(38, 0), DataType::Decimal128(38, 0)];

    fn add(&mut self, value: i64) {
        self.count += 1;
        self.sum += value as i128;
        self.squares = self.squares.wrapping_add(value as i128 * value as i128);
    }

    fn remove(&mut self, value: i64) {
        self.count -= 1;
        self.sum -= value as i128;
        self.squares = self.squares.wrapping_sub(value as i128 * value as i128);
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares = self.squares.wrapping_add(other.squares);
    }

    fn variance(&self, less: i64) -> Option<f64> {
        let (count, sum) = (self.count as f64, self.sum as f64);
        let distances = self.squares as f64 - sum * sum / count;
        (self.count > less).then(|| (distances / (self.count - less) as f64).max(0.0))
    }

    fn columns(groups: impl Iterator<Item = Self> + Clone) -> Vec<ArrayRef> {
        let exact = |of: fn(Self) -> i128| -> ArrayRef {
            let values = Decimal128Array::from_iter_values(groups.clone().map(of));
            Arc::new(values.with_data_type(DataType::Decimal128(38, 0)))
        };
        let counts = Int64Array::from_iter_values(groups.clone().map(|own| own.count));
        vec![Arc::new(counts), exact(|own| own.sum), exact(|own| own.squares)]
    }

    fn read(state: &[ArrayRef], row: usize) -> Self {
        Sums {
            count: state[0].as_primitive::<Int64Type>().value(row),
            sum: state[1].as_primitive::<Decimal128Type>().value(row),
            squares: state[2].as_primitive::<Decimal128Type>().value(row),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: i64,
    mean: f64,
    squares: f64,
}

impl Spread for Moments {
    type Value = Float64Type;

    const STATE: [DataType; 3] = [DataType::Int64, DataType::Float64, DataType::Float64];

    fn variance(&self, less: i64) -> Option<f64> {
        (self.count > less).then(|| (self.squares / (self.count - less) as f64).max(0.0))
    }

    fn columns(groups: impl Iterator<Item = Self> + Clone) -> Vec<ArrayRef> {
        vec![
            Arc::new(Int64Array::from_iter_values(groups.clone().map(|own| own.count))),
            Arc::new(Float64Array::from_iter_values(groups.clone().map(|own| own.mean))),
            Arc::new(Float64Array::from_iter_values(groups.map(|own| own.squares))),
        ]
    }

    fn read(state: &[ArrayRef], row: usize) -> Self {
        Moments {
            count: state[0].as_primitive::<Int64Type>().value(row),
            mean: state[1].as_primitive::<Float64Type>().value(row),
            squares: state[2].as_primitive::<Float64Type>().value(row),
        }
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

struct Variance<S> {
    groups: Vec<S>,
    wanted: Wanted,
    result: DataType,
}

impl<S: Spread> Variance<S> {
    fn new(wanted: Wanted, result: DataType) -> Self {
        Variance { groups: vec![], wanted, result }
    }
}

impl<S: Spread> Aggregator for Variance<S> {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, S::default());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let values = cast(&update.args[0], &S::Value::DATA_TYPE)
            .map_err(|error| Error::bug(format!("variance: {error}")))?;
        let values = values.as_primitive::<S::Value>().values();
        update.for_each(|row, group, weight| match weight > 0 {
            true => self.groups[group].add(values[row]),
            false => self.groups[group].remove(values[row]),
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        for (row, group) in groups.iter().enumerate() {
            self.groups[*group as usize].merge(S::read(state, row));
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(S::columns(groups.iter().map(|group| self.groups[*group as usize])))
    }

    fn state_types(&self) -> Vec<DataType> {
        S::STATE.to_vec()
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let of = |group: &u32| {
            let variance = self.groups[*group as usize].variance(self.wanted.less);
            if self.wanted.root { variance.map(f64::sqrt) } else { variance }
        };
        Ok(Evaluated::of(given_as(groups.iter().map(of).collect(), &self.result)?))
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn bytes(&self) -> usize {
        self.groups.capacity() * size_of::<S>()
    }
}
