//! AVG: SUM / COUNT in Flink's types: of integers truncated toward zero, of decimals rounded half up.

use super::{AggregateFunction, sum};

/// AVG.
pub static AVG: AggregateFunction =
    AggregateFunction { name: "avg", ignores_distinct: false, create: |call, _| sum::create(call, true) };
