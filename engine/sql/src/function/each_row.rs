//! The function that gives its argument as it is, a value for each row.
//!
//! The list of an IN is taken for constants if its values can be computed without a row. A CASE can, though its value
//! depends on the row; what stands in this function cannot.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::DataType;
use datafusion_common::{Result, plan_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// `value`, computed for each row.
pub fn each_row(value: Expr) -> Expr {
    static FUNCTION: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(EachRow { signature }))
    });
    FUNCTION.call(vec![value])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EachRow {
    signature: Signature,
}

impl ScalarUDFImpl for EachRow {
    fn name(&self) -> &str {
        "each_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [own] => Ok(own.clone()),
            _ => plan_err!("each_row takes one value"),
        }
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        match args.args.pop() {
            Some(value) => Ok(ColumnarValue::Array(value.into_array(rows)?)),
            None => plan_err!("each_row takes one value"),
        }
    }
}
