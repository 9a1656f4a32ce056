//! What the type of a column or of a CAST demands of a value beyond its Arrow type: a length, not to be NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::call::{Call, MOST_BYTES};
use crate::types::{Length, sql_name};

/// The function that cuts and pads a STRING or BYTES as `length` says: by characters or bytes, with spaces or zeros.
pub fn fixed_length_udf(length: Length) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(FixedLength { length, signature }))
}

/// The function that gives its argument, which is to fill `column`, and fails for NULL.
pub fn not_null_udf(column: &str) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(NotNull { column: column.to_string(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FixedLength {
    length: Length,
    signature: Signature,
}

impl ScalarUDFImpl for FixedLength {
    fn name(&self) -> &str {
        "fixed_length"
    }

    /// The length is part of the name: two lengths of one value are two columns.
    fn schema_name(&self, args: &[datafusion_expr::Expr]) -> Result<String> {
        let value = args.first().map(|value| value.schema_name().to_string()).unwrap_or_default();
        let Length { most, pad } = self.length;
        Ok(format!("fixed_length({value}, {most}, {pad})"))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Utf8 | DataType::Binary] => Ok(types.to_vec()),
            [own] => plan_err!("{} has no length", sql_name(own)),
            _ => plan_err!("fixed_length takes one value"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.coerce_types(types)?.swap_remove(0))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = matches!(args.args.as_slice(), [ColumnarValue::Scalar(_)]);
        let rows = if constant { 1 } else { args.number_rows };
        let call = Call::new(&args.args, rows, args.return_field.data_type())?;
        let column = match call.result {
            DataType::Binary => bytes(&call, self.length),
            _ => text(&call, self.length),
        }?;
        match constant {
            true => Ok(ColumnarValue::Scalar(datafusion_common::ScalarValue::try_from_array(&column, 0)?)),
            false => Ok(ColumnarValue::Array(column)),
        }
    }
}

fn text(call: &Call, Length { most, pad }: Length) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    call.texts(|row, out| {
        let Some(text) = texts.get(row) else { return Ok(false) };
        // A character has at least one byte: most texts need not be counted.
        let kept = match text.len() <= most {
            true => text,
            false => text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]),
        };
        out.push_str(kept);
        if pad {
            let missing = most - kept.chars().count();
            check_padding(missing)?;
            out.extend(std::iter::repeat_n(' ', missing));
        }
        Ok(true)
    })
}

fn bytes(call: &Call, Length { most, pad }: Length) -> Result<ArrayRef> {
    let values = call.bytes(0)?;
    call.byte_strings(|row, out| {
        let Some(value) = values.get(row) else { return Ok(false) };
        let kept = &value[..value.len().min(most)];
        out.extend_from_slice(kept);
        if pad {
            check_padding(most - kept.len())?;
            out.resize(out.len() + most - kept.len(), 0);
        }
        Ok(true)
    })
}

fn check_padding(missing: usize) -> Result<()> {
    match missing > MOST_BYTES {
        true => exec_err!("padding makes a value of more than {MOST_BYTES} bytes"),
        false => Ok(()),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct NotNull {
    column: String,
    signature: Signature,
}

impl ScalarUDFImpl for NotNull {
    fn name(&self) -> &str {
        "not_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [_] => Ok(types.to_vec()),
            _ => plan_err!("not_null takes one value"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.coerce_types(types)?.swap_remove(0))
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let value = args.args.swap_remove(0);
        let nulls = match &value {
            ColumnarValue::Array(array) => array.logical_null_count(),
            ColumnarValue::Scalar(value) => usize::from(value.is_null() && args.number_rows > 0),
        };
        match nulls {
            0 => Ok(value),
            _ => exec_err!(
                "column '{}' is NOT NULL: SET 'table.exec.sink.not-null-enforcer' = 'DROP' leaves such rows out",
                self.column
            ),
        }
    }
}
