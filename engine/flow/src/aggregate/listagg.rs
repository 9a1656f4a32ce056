//! LISTAGG: texts in the order of their rows, joined.

use arrow::datatypes::DataType;

use super::ordered::{Ordered, Reading};
use super::{AggregateFunction, argument, unusable};

/// LISTAGG.
pub static LISTAGG: AggregateFunction = AggregateFunction {
    name: "listagg",
    ignores_distinct: false,
    create: |call, _| match argument(call)? {
        DataType::Utf8 => {
            let separator = call.constants.first().cloned().unwrap_or_else(|| ",".into());
            Ok(Box::new(Ordered::new(&DataType::Utf8, Reading::Joined(separator))?))
        }
        _ => Err(unusable(call)),
    },
};
