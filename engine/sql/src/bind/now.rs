//! The functions of processing time: PROCTIME(), CURRENT_TIMESTAMP and their kin.
//!
//! They stand for the time at which a row entered. They cannot be evaluated as functions: `lower` turns
//! them into a column that the Calc operator appends ([`millrace_plan::Operator::Calc`]'s `now`).
//!
//! PROCTIME() is a time attribute as well: windows, interval joins and OVER go by it, and their rows depend on the
//! clock. At the end of the input what is still open is sent.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::{Result, not_impl_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The name of the column that the Calc operator appends.
pub const NOW_COLUMN: &str = "__now";

/// The functions and the type that the ingest time is cast to.
pub static NOW_FUNCTIONS: &[(&str, &str)] = &[
    ("proctime", "TIMESTAMP_LTZ(3)"),
    ("now", "TIMESTAMP_LTZ(3)"),
    ("current_timestamp", "TIMESTAMP_LTZ(3)"),
    ("current_row_timestamp", "TIMESTAMP_LTZ(3)"),
    ("localtimestamp", "TIMESTAMP(3)"),
    ("current_date", "DATE"),
    ("localtime", "TIME"),
    ("current_time", "TIME"),
];

/// The type of the ingest time.
pub fn now_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

fn result_type(sql_type: &str) -> DataType {
    match sql_type {
        "TIMESTAMP(3)" => DataType::Timestamp(TimeUnit::Millisecond, None),
        "DATE" => DataType::Date32,
        "TIME" => DataType::Time32(TimeUnit::Millisecond),
        _ => now_type(),
    }
}

/// The function called `name` (any case), if it is one of processing time.
pub fn now_function(name: &str) -> Option<Arc<ScalarUDF>> {
    static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
        let function = |(name, sql_type): &(&'static str, &str)| {
            let signature = Signature::nullary(Volatility::Volatile);
            Arc::new(ScalarUDF::new_from_impl(NowFunction { name, result: result_type(sql_type), signature }))
        };
        NOW_FUNCTIONS.iter().map(function).collect()
    });
    let index = NOW_FUNCTIONS.iter().position(|(own, _)| own.eq_ignore_ascii_case(name))?;
    Some(FUNCTIONS[index].clone())
}

/// The type of a call of a processing-time function; `None` for other expressions.
pub fn now_call(expr: &Expr) -> Option<DataType> {
    let Expr::ScalarFunction(call) = expr else { return None };
    let (_, sql_type) = NOW_FUNCTIONS.iter().find(|(name, _)| *name == call.func.name())?;
    Some(result_type(sql_type))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NowFunction {
    name: &'static str,
    result: DataType,
    signature: Signature,
}

impl ScalarUDFImpl for NowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("{} is allowed in SELECT, WHERE and computed columns only", self.name.to_uppercase())
    }
}
