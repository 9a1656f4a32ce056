//! Joins: one file per operator, over rows that are kept as columns and chained by key.
//!
//! A batch of one input is probed against the rows of the other as a whole: candidate pairs are collected by
//! key, the rest of the condition is evaluated over all of them at once, and only then are the results put
//! together. Rows of one key are handled in the order they came.

mod condition;
mod emission;
mod expiry;
mod interval;
mod keys;
mod last_partner;
mod lookup;
mod regular;
mod shape;
mod side;
mod snapshot;
mod state;
mod temporal;
mod window;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use millrace_plan::{Error, JoinTime, Limits, Node, Operator as Spec, Result};

use crate::operator::Operator;

/// The operator of a join node over inputs with these columns.
pub fn create(node: &Node, inputs: [SchemaRef; 2], limits: &Limits) -> Result<Box<dyn Operator>> {
    let shape = |spec| shape::Shape::new(spec, node.schema.clone(), inputs, limits.batch_rows.max(1));
    let spec = match &node.operator {
        Spec::Join(spec) => spec,
        Spec::LookupJoin { join, primary_key } => {
            return Ok(Box::new(lookup::LookupJoin::new(shape(join)?, primary_key.clone())?));
        }
        _ => return Err(Error::bug("not a join")),
    };
    let shape = shape(spec)?;
    Ok(match spec.time {
        JoinTime::Unbounded => Box::new(regular::RegularJoin::new(shape, spec)?),
        JoinTime::Interval { left, right, before, after } => {
            Box::new(interval::IntervalJoin::new(shape, [left, right], [after, before])?)
        }
        JoinTime::Window { left, right } => Box::new(window::WindowJoin::new(shape, [left, right])),
        JoinTime::Version { left, right } => Box::new(temporal::TemporalJoin::new(shape, [left, right])?),
    })
}

/// A column of times, in milliseconds.
fn millis(column: &ArrayRef) -> Result<Int64Array> {
    let times = arrow::compute::cast(column, &DataType::Int64);
    let times = times.map_err(|error| Error::bug(format!("times: {error}")))?;
    Ok(times.as_primitive::<Int64Type>().clone())
}
