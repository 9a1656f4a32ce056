//! The functions that only OVER has, as the planner sees them. What they compute is in `millrace-flow`;
//! nothing here runs.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, not_impl_err, plan_err};
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

/// One line per function: its name, fewest and most arguments, how it is written.
pub static OVER_FUNCTIONS: &[(&str, (usize, usize), &str)] = &[
    ("row_number", (0, 0), "ROW_NUMBER()"),
    ("rank", (0, 0), "RANK()"),
    ("dense_rank", (0, 0), "DENSE_RANK()"),
    ("lag", (1, 3), "LAG(value[, rows back[, default]])"),
    ("lead", (1, 3), "LEAD(value[, rows ahead[, default]])"),
    ("first_value", (1, 1), "FIRST_VALUE(value)"),
    ("last_value", (1, 1), "LAST_VALUE(value)"),
];

/// The function called `name` (any case).
pub fn over_function(name: &str) -> Option<Arc<WindowUDF>> {
    static FUNCTIONS: LazyLock<Vec<Arc<WindowUDF>>> = LazyLock::new(|| {
        let function = |(name, arguments, written): &(&'static str, (usize, usize), &'static str)| {
            let signature = Signature::user_defined(Volatility::Immutable);
            let own = OverFunction { name, arguments: *arguments, written, signature };
            Arc::new(WindowUDF::new_from_impl(own))
        };
        OVER_FUNCTIONS.iter().map(function).collect()
    });
    let index = OVER_FUNCTIONS.iter().position(|(own, ..)| own.eq_ignore_ascii_case(name))?;
    Some(FUNCTIONS[index].clone())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OverFunction {
    name: &'static str,
    arguments: (usize, usize),
    written: &'static str,
    signature: Signature,
}

impl WindowUDFImpl for OverFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = self.arguments;
        if arg_types.len() < least || arg_types.len() > most {
            return plan_err!("{} has {} arguments", self.written, arg_types.len());
        }
        let mut types = arg_types.to_vec();
        if let [value, _, default] = types.as_mut_slice() {
            *default = value.clone();
        }
        Ok(types)
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let data_type = match args.input_fields().first() {
            Some(value) => value.data_type().clone(),
            None => DataType::Int64,
        };
        Ok(Arc::new(Field::new(args.name(), data_type, !args.input_fields().is_empty())))
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        not_impl_err!("{} runs in millrace-flow", self.name)
    }
}
