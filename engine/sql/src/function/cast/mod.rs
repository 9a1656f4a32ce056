//! CAST and TRY_CAST with Flink's meaning.
//!
//! CAST fails on a text that is not what it is cast to, or of a number with more digits than its type has; TRY_CAST
//! gives NULL. A number that does not fit the digits of a DECIMAL is NULL in both. Whole numbers that do not fit keep their low bits, DOUBLEs are cut toward zero
//! and saturate, as Java's casts do. Everything is in UTC.

mod from_text;
mod number;
mod to_text;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Fields, TimeUnit};
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::call::from_ticks;
use super::time::civil::Scale;
use crate::types::sql_name;

pub(super) use from_text::double as double_of_text;
pub(super) use to_text::Printer;

/// What happens to a value that cannot be cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum OnFailure {
    /// CAST: an error.
    Fail,
    /// TRY_CAST: NULL.
    Null,
}

/// The function that casts one value to `target`; with `try_` it is TRY_CAST.
pub fn cast_udf(target: &DataType, try_: bool) -> Arc<ScalarUDF> {
    let failure = if try_ { OnFailure::Null } else { OnFailure::Fail };
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(Cast { target: target.clone(), failure, signature }))
}

/// True if a cast between these types must be made by [`cast_udf`]: DataFusion's own means something else,
/// or does not exist.
pub fn needs_flink_cast(from: &DataType, to: &DataType) -> bool {
    from != to && *from != DataType::Null
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Cast {
    target: DataType,
    failure: OnFailure,
    signature: Signature,
}

impl ScalarUDFImpl for Cast {
    fn name(&self) -> &str {
        match self.failure {
            OnFailure::Fail => "cast",
            OnFailure::Null => "try_cast",
        }
    }

    /// The target is part of the name: two casts of one value are two columns.
    fn schema_name(&self, args: &[datafusion_expr::Expr]) -> Result<String> {
        let value = args.first().map(|value| value.schema_name().to_string()).unwrap_or_default();
        Ok(format!("{}({value} AS {})", self.name(), sql_name(&self.target)))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [from] if castable(from, &self.target) => Ok(types.to_vec()),
            [from] => plan_err!("{} cannot be cast to {}", sql_name(from), sql_name(&self.target)),
            _ => plan_err!("CAST takes one value"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.coerce_types(types)?;
        Ok(self.target.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [ColumnarValue::Array(array)] => {
                Ok(ColumnarValue::Array(cast_array(array, &self.target, self.failure)?))
            }
            [ColumnarValue::Scalar(value)] => {
                let cast = cast_array(&value.to_array()?, &self.target, self.failure)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?))
            }
            _ => exec_err!("CAST takes one value"),
        }
    }
}

/// A text as the unscaled value of a DECIMAL, rounded half up; `None` = no number, or too many digits.
pub(super) fn decimal_of_text(text: &str, precision: u8, scale: i8) -> Option<i128> {
    from_text::decimal(text, number::Decimal { precision, scale })
}

/// True if Flink casts values of one type to the other.
fn castable(from: &DataType, to: &DataType) -> bool {
    use DataType::{Binary, Boolean, Date32, Interval, List, Map, Null, Struct, Time32, Timestamp, Utf8};
    match (from, to) {
        (Null, _) => true,
        (from, to) if from == to => true,
        (from, Utf8) => printable(from),
        (Utf8, to) => to.is_numeric() || matches!(to, Boolean | Binary | Date32 | Time32(_) | Timestamp(..)),
        (Boolean, to) => to.is_numeric(),
        (from, Boolean) => from.is_numeric(),
        (from, to) if from.is_numeric() && to.is_numeric() => true,
        (Date32, Timestamp(..)) | (Timestamp(..), Date32 | Time32(_) | Timestamp(..)) => true,
        (Time32(_), Timestamp(..) | Time32(_)) => true,
        (Interval(_), Interval(_)) => true,
        (List(from), List(to)) => castable(from.data_type(), to.data_type()),
        (Struct(from), Struct(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|(a, b)| castable(a.data_type(), b.data_type()))
        }
        (Map(from, _), Map(to, _)) => castable(from.data_type(), to.data_type()),
        _ => false,
    }
}

fn printable(own: &DataType) -> bool {
    use DataType::{
        Binary, Boolean, Date32, Interval, LargeUtf8, List, Map, Struct, Time32, Timestamp, Utf8, Utf8View,
    };
    match own {
        Boolean | Binary | Date32 | Time32(_) | Timestamp(..) | Interval(_) => true,
        Utf8 | LargeUtf8 | Utf8View => true,
        own if own.is_numeric() => true,
        List(item) => printable(item.data_type()),
        Struct(fields) => fields.iter().all(|field| printable(field.data_type())),
        Map(entries, _) => printable(entries.data_type()),
        _ => false,
    }
}

fn cast_array(array: &ArrayRef, to: &DataType, failure: OnFailure) -> Result<ArrayRef> {
    use DataType::{Binary, Boolean, Date32, List, Map, Null, Struct, Time32, Timestamp, Utf8};
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(array.clone()),
        (Null, to) => Ok(new_null_array(to, array.len())),
        (_, Utf8) => to_text::cast(array),
        (Utf8, Binary) => Ok(arrow::compute::cast(array, &Binary)?),
        (Utf8, to) => from_text::cast(array, to, failure),
        (from, to) if (from.is_numeric() || *from == Boolean) && (to.is_numeric() || *to == Boolean) => {
            number::cast(array, to, failure)
        }
        (Date32 | Time32(_) | Timestamp(..), Date32 | Time32(_) | Timestamp(..)) => times(array, to),
        (List(_), List(item)) => {
            let list = array.as_list::<i32>();
            let values = cast_array(list.values(), item.data_type(), failure)?;
            let offsets = list.offsets().clone();
            Ok(Arc::new(ListArray::try_new(item.clone(), offsets, values, list.nulls().cloned())?))
        }
        (Struct(_), Struct(fields)) => structs(array, fields, failure),
        (Map(..), Map(entries, sorted)) => {
            let map = array.as_map();
            let own: ArrayRef = Arc::new(map.entries().clone());
            let cast = cast_array(&own, entries.data_type(), failure)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let cast = cast.as_struct().clone();
            Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, cast, nulls, *sorted)?))
        }
        (from, to) => exec_err!("{} cannot be cast to {}", sql_name(from), sql_name(to)),
    }
}

fn structs(array: &ArrayRef, fields: &Fields, failure: OnFailure) -> Result<ArrayRef> {
    let own = array.as_struct();
    let columns = own.columns().iter().zip(fields);
    let columns = columns.map(|(column, field)| cast_array(column, field.data_type(), failure));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let nulls: Option<NullBuffer> = own.nulls().cloned();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, array.len())?))
}

/// Between DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ: finer units are cut off, never rounded.
fn times(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let (from_scale, to_scale) = (Scale::of(array.data_type())?, Scale::of(to)?);
    let plain = match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => arrow::compute::cast(array, &DataType::Int32)?,
        _ => array.clone(),
    };
    let ticks = arrow::compute::cast(&plain, &DataType::Int64)?;
    let ticks = ticks.as_primitive::<arrow::datatypes::Int64Type>();
    let to_time = matches!(to, DataType::Time32(TimeUnit::Millisecond | TimeUnit::Second));
    let mut out = arrow::array::Int64Array::builder(array.len());
    for row in 0..array.len() {
        if ticks.is_null(row) {
            out.append_null();
            continue;
        }
        let (days, nanos) = from_scale.split(ticks.value(row));
        match to_scale.join(if to_time { 0 } else { days }, nanos) {
            Some(value) => out.append_value(value),
            None => return exec_err!("a time is out of the range of {}", sql_name(to)),
        }
    }
    from_ticks(Arc::new(out.finish()), to)
}
