//! ARRAY_AGG: values in the order of their rows, NULL among them, as an array.

use super::ordered::{Ordered, Reading};
use super::{AggregateFunction, argument};

/// ARRAY_AGG.
pub static ARRAY_AGG: AggregateFunction = AggregateFunction {
    name: "array_agg",
    ignores_distinct: false,
    create: |call, _| Ok(Box::new(Ordered::new(argument(call)?, Reading::Listed)?)),
};
