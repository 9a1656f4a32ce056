//! Scalar functions with Flink's names and meanings: one table, one file per family.
//!
//! Contract: a function is an [`Entry`]: what it takes, what it gives, how a batch is evaluated, and an
//! example that the tests run. Planner and documentation read the table; nothing else names functions. It is
//! *not* the home of aggregates (`bind/aggregate.rs`) or of processing time (`bind/now.rs`).

mod adapter;
mod arguments;
mod cast;
mod collection;
mod conditional;
mod hash;
mod json;
mod math;
mod regular;
mod round;
mod string;
#[cfg(test)]
mod tests;
mod text_form;
mod time;
mod time_pattern;
mod url;

use std::sync::{Arc, LazyLock};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ScalarUDF;

pub use arguments::Arguments;
pub use cast::{cast_udf, needs_flink_cast};

/// What a parameter takes; arguments are cast to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// STRING.
    Text,
    /// Whole numbers, as INT.
    Int,
    /// Whole numbers, as BIGINT.
    Long,
    /// Numbers, as DOUBLE.
    Double,
    /// Numbers, as they are.
    Number,
    /// BOOLEAN.
    Bool,
    /// BYTES or STRING, as they are.
    Bytes,
    /// DATE, TIME or TIMESTAMP, as they are.
    Time,
    /// Anything, as it is.
    Any,
}

/// What a function gives.
#[derive(Debug, Clone)]
pub enum Returns {
    /// Always this type.
    Always(DataType),
    /// The type of the argument at this position.
    Same(usize),
    /// What the types of the arguments, and those among them that are constants, make it.
    Of(fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>),
}

/// Evaluates a batch.
pub type Evaluate = fn(&Arguments, &DataType) -> Result<ArrayRef>;

/// A scalar function.
#[derive(Debug)]
pub struct Entry {
    /// The name in SQL, lower case.
    pub name: &'static str,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// How it is called.
    pub signature: &'static str,
    /// What it does, one line.
    pub about: &'static str,
    /// What it takes.
    pub takes: &'static [Parameter],
    /// How many arguments it needs at least; the last parameter repeats if `repeats`.
    pub needs: usize,
    /// The last parameter may come any number of times.
    pub repeats: bool,
    /// What it gives.
    pub returns: Returns,
    /// Evaluates a batch.
    pub evaluate: Evaluate,
    /// SQL expressions and their values as text (`NULL` for NULL); the tests run them.
    pub examples: &'static [(&'static str, &'static str)],
}

/// Every scalar function, by family.
pub fn scalar_functions() -> &'static [&'static Entry] {
    static ALL: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
        let families = [
            conditional::FUNCTIONS,
            string::FUNCTIONS,
            regular::FUNCTIONS,
            url::FUNCTIONS,
            math::FUNCTIONS,
            round::FUNCTIONS,
            time::FUNCTIONS,
            json::FUNCTIONS,
            hash::FUNCTIONS,
            collection::FUNCTIONS,
        ];
        families.into_iter().flatten().collect()
    });
    &ALL
}

/// The function called `name`, in any case.
pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    static MADE: LazyLock<Vec<Arc<ScalarUDF>>> =
        LazyLock::new(|| scalar_functions().iter().map(|entry| adapter::udf(entry)).collect());
    let lower = name.to_ascii_lowercase();
    let called = |entry: &&Entry| entry.name == lower || entry.aliases.contains(&lower.as_str());
    let index = scalar_functions().iter().position(called)?;
    Some(MADE[index].clone())
}

/// A failure while evaluating: a row cannot be computed.
fn failed<T>(message: impl Into<String>) -> Result<T> {
    Err(datafusion_common::DataFusionError::Execution(message.into()))
}
