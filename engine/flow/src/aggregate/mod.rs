//! Aggregates: one file per function family, one vector per state field, indexed by group id.
//!
//! An [`Aggregator`] holds one aggregate call for all groups of one table. Reading it does not change
//! it, so results can be emitted again and again. Its partial state is a list of Arrow columns: what
//! crosses between shards, and what a snapshot holds.

mod approx;
mod array_agg;
mod avg;
mod count;
mod distinct;
mod encoding;
mod first_last;
mod listagg;
mod min_max;
mod ordered;
mod percentile;
mod sum;
mod user;
mod variance;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use millrace_plan::{AggregateCall, Error, Result};

pub use encoding::{ValueEncoding, list_of, list_type, number_list_type, number_lists};

/// Every aggregate function. Adding one = one file and one line here.
pub static AGGREGATES: &[&AggregateFunction] = &[
    &count::COUNT,
    &sum::SUM,
    &avg::AVG,
    &min_max::MIN,
    &min_max::MAX,
    &variance::STDDEV_POP,
    &variance::STDDEV_SAMP,
    &variance::VAR_POP,
    &variance::VAR_SAMP,
    &first_last::FIRST_VALUE,
    &first_last::LAST_VALUE,
    &listagg::LISTAGG,
    &array_agg::ARRAY_AGG,
    &approx::APPROX_COUNT_DISTINCT,
    &percentile::PERCENTILE,
];

/// Makes the aggregator of a call. `retracting`: rows may be taken back.
pub fn create(call: &AggregateCall, retracting: bool) -> Result<Box<dyn Aggregator>> {
    if let Some(function) = &call.user {
        return user::create(function, call, retracting);
    }
    let Some(function) = AGGREGATES.iter().find(|function| function.name == call.function) else {
        return Err(Error::query(format!("unknown aggregate function {}", call.function.to_uppercase())));
    };
    match call.distinct && !function.ignores_distinct {
        true => distinct::create(function, call),
        false => (function.create)(call, retracting),
    }
}

/// Rows to add to (or take back from) groups.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The group of each row.
    pub groups: &'a [u32],
    /// The argument columns, each as long as `groups`.
    pub args: &'a [ArrayRef],
    /// Only rows where this is true (not false, not null) count.
    pub filter: Option<&'a BooleanArray>,
    /// `+1` or `-1` per row; `None` = every row is added.
    pub weights: Option<&'a [i64]>,
    /// [`crate::batch::Origin::order`] of the rows.
    pub orders: Orders<'a>,
}

/// The orders of rows.
#[derive(Debug, Clone, Copy)]
pub enum Orders<'a> {
    /// Row `i` has this and `i`.
    From(u64),
    /// One per row.
    Each(&'a [u64]),
}

impl Orders<'_> {
    /// The order of a row.
    #[inline]
    pub fn get(&self, row: usize) -> u64 {
        match self {
            Orders::From(first) => first + row as u64,
            Orders::Each(orders) => orders[row],
        }
    }
}

impl Update<'_> {
    /// True if every row counts: no filter, no null in the first argument, nothing taken back.
    pub fn is_plain(&self) -> bool {
        let nulls = self.args.first().is_some_and(|arg| arg.null_count() > 0);
        self.filter.is_none() && self.weights.is_none() && !nulls
    }

    /// Calls `each(row, group, weight)` for every row that the filter keeps and whose first argument (if
    /// there is one) is not null.
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(usize, usize, i64)) {
        let nulls = self.args.first().and_then(|arg| arg.logical_nulls());
        self.for_each_row(|row, group, weight| {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                each(row, group, weight);
            }
        });
    }

    /// Calls `each(row, group, weight)` for every row that the filter keeps.
    #[inline]
    pub fn for_each_row(&self, mut each: impl FnMut(usize, usize, i64)) {
        for (row, group) in self.groups.iter().enumerate() {
            if self.filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row)) {
                each(row, *group as usize, self.weights.map_or(1, |weights| weights[row]));
            }
        }
    }
}

/// Results of `evaluate`, and the groups whose result cannot be represented.
#[derive(Debug)]
pub struct Evaluated {
    /// One result per asked group; null where there is a fault.
    pub values: ArrayRef,
    /// Position in the list of asked groups, and the reason ("SUM is out of range of BIGINT").
    pub faults: Vec<(usize, String)>,
}

impl Evaluated {
    /// Results without a fault.
    pub fn of(values: ArrayRef) -> Self {
        Evaluated { values, faults: vec![] }
    }
}

/// One aggregate call over the groups of one table.
pub trait Aggregator {
    /// Makes room for groups `0..groups`; new groups are empty. With fewer than before it forgets the others.
    fn resize(&mut self, groups: usize);

    /// Adds rows.
    fn update(&mut self, update: &Update) -> Result<()>;

    /// Adds partial states: row `i` of the state columns belongs to `groups[i]`.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// The partial states of these groups, in this order, as columns of [`Self::state_types`].
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// The types of the state columns.
    fn state_types(&self) -> Vec<DataType>;

    /// The results of these groups, in this order.
    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated>;

    /// Forgets everything but keeps the memory: the table is used for another window.
    fn clear(&mut self);

    /// Bytes held.
    fn bytes(&self) -> usize;
}

/// An aggregate function: its name and how to make its aggregator.
pub struct AggregateFunction {
    /// The name in `AggregateCall::function`.
    pub name: &'static str,
    /// DISTINCT does not change the result (MIN, MAX).
    pub ignores_distinct: bool,
    /// Makes the aggregator for a call. `retracting`: rows may be taken back.
    pub create: fn(call: &AggregateCall, retracting: bool) -> Result<Box<dyn Aggregator>>,
}

/// The values of groups as a column; NULL where there is none.
#[inline]
fn column<T: ArrowPrimitiveType>(
    groups: &[u32],
    value: impl Fn(usize) -> Option<T::Native>,
) -> PrimitiveArray<T> {
    let mut nulls = vec![];
    let mut one = |(row, group): (usize, &u32)| {
        value(*group as usize).unwrap_or_else(|| {
            nulls.push(row);
            T::Native::default()
        })
    };
    let values: Vec<T::Native> = groups.iter().enumerate().map(&mut one).collect();
    let nulls = (!nulls.is_empty()).then(|| {
        let mut valid = vec![true; groups.len()];
        nulls.iter().for_each(|row| valid[*row] = false);
        NullBuffer::from(valid)
    });
    PrimitiveArray::new(values.into(), nulls)
}

/// The type of a call's first argument.
fn argument(call: &AggregateCall) -> Result<&DataType> {
    call.arg_types.first().ok_or_else(|| Error::bug(format!("{} without an argument", call.function)))
}

/// The error of a call whose argument type the function cannot take.
fn unusable(call: &AggregateCall) -> Error {
    let types: Vec<String> = call.arg_types.iter().map(|own| own.to_string()).collect();
    Error::query(format!("{} cannot take {}", call.function.to_uppercase(), types.join(", ")))
}
