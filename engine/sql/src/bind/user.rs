//! User functions as DataFusion's planner sees them: the types of the signature, reached by implicit casts that
//! lose nothing of the whole number, time or text that is given.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};
use datafusion_common::{Result, ScalarValue, exec_err, internal_err, not_impl_err, plan_err};
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use millrace_plan::{AggregateFunction, FunctionSignature, ScalarFunction, UserAggregate, UserFunction};

use super::context::Tables;
use crate::types::sql_name;

/// The scalar function that the user has declared under this name (any case).
pub fn scalar(tables: &Tables, name: &str) -> Option<Arc<ScalarUDF>> {
    match tables.functions.get(&name.to_lowercase()) {
        Some(UserFunction::Scalar(own)) => Some(Arc::new(ScalarUDF::new_from_impl(Scalar {
            own: own.clone(),
            signature: Signature::user_defined(Volatility::Immutable),
        }))),
        _ => None,
    }
}

/// The aggregate function that the user has declared under this name (any case).
pub fn aggregate(tables: &Tables, name: &str) -> Option<Arc<AggregateUDF>> {
    match tables.functions.get(&name.to_lowercase()) {
        Some(UserFunction::Aggregate(own)) => Some(Arc::new(AggregateUDF::new_from_impl(Aggregate {
            own: own.clone(),
            signature: Signature::user_defined(Volatility::Immutable),
        }))),
        _ => None,
    }
}

/// What computes this aggregate, if it is the user's.
pub fn user_aggregate(function: &AggregateUDF) -> Option<UserAggregate> {
    let own: &dyn Any = function.inner().as_ref();
    own.downcast_ref::<Aggregate>().map(|own| UserAggregate(own.own.clone()))
}

/// The types that arguments are cast to.
fn coerced(signature: &FunctionSignature, types: &[DataType]) -> Result<Vec<DataType>> {
    let wanted: Vec<String> = signature.args.iter().map(sql_name).collect();
    let form = format!("{}({})", signature.name, wanted.join(", "));
    if types.len() != signature.args.len() {
        return plan_err!("{form} cannot be called so: it has {} argument(s)", types.len());
    }
    for (position, (own, wanted)) in types.iter().zip(&signature.args).enumerate() {
        if !widens(own, wanted) {
            return plan_err!(
                "{form} cannot be called so: argument {} must be {}, not {}",
                position + 1,
                sql_name(wanted),
                sql_name(own)
            );
        }
    }
    Ok(signature.args.clone())
}

/// True if a value of type `own` may stand where one of type `wanted` must.
fn widens(own: &DataType, wanted: &DataType) -> bool {
    use DataType::{Date32, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Null, Timestamp, Utf8};
    match (own, wanted) {
        (own, wanted) if own == wanted => true,
        (Null, _) => true,
        (Int8 | Int16, Int32) | (Int8 | Int16 | Int32, Int64) => true,
        (Int8 | Int16 | Int32 | Int64 | Float32 | Decimal128(..), Float64) => true,
        (Int8 | Int16 | Int32 | Int64, Float32) => true,
        (Timestamp(own, zone), Timestamp(wanted, other)) => {
            zone.is_some() == other.is_some() && *own as usize <= *wanted as usize
        }
        (Date32, Timestamp(_, None)) => true,
        (DataType::Utf8View | DataType::LargeUtf8, Utf8) => true,
        _ => false,
    }
}

#[derive(Debug)]
struct Scalar {
    own: Arc<dyn ScalarFunction>,
    signature: Signature,
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.own, &other.own)
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.own.signature().hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        &self.own.signature().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(self.own.signature(), types)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.own.signature().result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<ArrayRef>>>()?;
        let column = self.own.call(&columns, rows).or_else(|error| exec_err!("{}", error.message))?;
        let signature = self.own.signature();
        if column.data_type() != &signature.result || column.len() != rows {
            let (found, given) = (column.data_type(), column.len());
            return internal_err!(
                "{} gave {given} x {found} for {rows} x {}",
                signature.name,
                signature.result
            );
        }
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)),
            false => Ok(ColumnarValue::Array(column)),
        }
    }
}

#[derive(Debug)]
struct Aggregate {
    own: Arc<dyn AggregateFunction>,
    signature: Signature,
}

impl PartialEq for Aggregate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.own, &other.own)
    }
}

impl Eq for Aggregate {}

impl Hash for Aggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.own.signature().hash(state);
    }
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        &self.own.signature().name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        coerced(self.own.signature(), types)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.own.signature().result.clone())
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} runs in millrace-flow", self.name())
    }

    fn state_fields(&self, _: StateFieldsArgs) -> Result<Vec<Arc<Field>>> {
        not_impl_err!("{} runs in millrace-flow", self.name())
    }
}
