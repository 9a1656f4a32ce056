//! Entries of the function table as DataFusion sees functions.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    Case, ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::Arguments;
use super::{Entry, Parameter, Returns};
use crate::types::sql_name;

/// The function as DataFusion sees it.
pub(super) fn udf(entry: &'static Entry) -> Arc<ScalarUDF> {
    let volatility = if entry.name.starts_with("rand") || entry.name == "uuid" {
        Volatility::Volatile
    } else {
        Volatility::Immutable
    };
    Arc::new(ScalarUDF::new_from_impl(Function { entry, signature: Signature::user_defined(volatility) }))
}

#[derive(Debug)]
struct Function {
    entry: &'static Entry,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
    }
}

impl Function {
    fn wrong<T>(&self, what: &str) -> Result<T> {
        plan_err!("{}: {what}; it is called as {}", self.entry.name.to_uppercase(), self.entry.signature)
    }

    fn parameter(&self, position: usize) -> Option<Parameter> {
        let takes = self.entry.takes;
        match takes.get(position) {
            Some(parameter) => Some(*parameter),
            None if self.entry.repeats => takes.last().copied(),
            None => None,
        }
    }

    fn result(&self, types: &[DataType], constants: &[Option<&ScalarValue>]) -> Result<DataType> {
        let types = self.coerce_types(types)?;
        match &self.entry.returns {
            Returns::Always(own) => Ok(own.clone()),
            Returns::Same(position) => Ok(types.get(*position).cloned().unwrap_or(DataType::Null)),
            Returns::Of(of) => of(&types, constants),
        }
    }
}

/// The type an argument is cast to; `None` = it does not fit.
fn coerced(parameter: Parameter, given: &DataType) -> Option<DataType> {
    use DataType::{Binary, Boolean, Date32, Float64, Int32, Int64, Null, Time32, Timestamp, Utf8};
    let fits = match (parameter, given) {
        (Parameter::Any, other) => other.clone(),
        (Parameter::Text, Utf8 | Null) => Utf8,
        (Parameter::Int, own) if own.is_integer() || own.is_null() => Int32,
        (Parameter::Long, own) if own.is_integer() || own.is_null() => Int64,
        (Parameter::Double, own) if own.is_numeric() || own.is_null() => Float64,
        (Parameter::Number, own) if own.is_numeric() => own.clone(),
        (Parameter::Number, Null) => Int32,
        (Parameter::Bool, Boolean | Null) => Boolean,
        (Parameter::Bytes, own @ (Binary | Utf8)) => own.clone(),
        (Parameter::Bytes, Null) => Utf8,
        (Parameter::Time, own @ (Date32 | Time32(_) | Timestamp(..))) => own.clone(),
        (Parameter::Time, Null) => Timestamp(arrow::datatypes::TimeUnit::Millisecond, None),
        _ => return None,
    };
    Some(fits)
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.result(types, &vec![None; types.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let result = self.result(&types, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(self.entry.name, result, true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let most = if self.entry.repeats { usize::MAX } else { self.entry.takes.len() };
        if types.len() < self.entry.needs || types.len() > most {
            return self.wrong(&format!("{} arguments", types.len()));
        }
        let mut fitting = vec![];
        for (position, given) in types.iter().enumerate() {
            match self.parameter(position).and_then(|parameter| coerced(parameter, given)) {
                Some(own) => fitting.push(own),
                None => return self.wrong(&format!("argument {} is {}", position + 1, sql_name(given))),
            }
        }
        Ok(fitting)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|own| matches!(own, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arguments = Arguments::new(&args.args, rows)?;
        let result: ArrayRef = (self.entry.evaluate)(&arguments, args.return_field.data_type())?;
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?)),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    /// IF and COALESCE evaluate only the branch that is taken.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let case = |when_then: Vec<(Expr, Expr)>, otherwise: Expr| {
            let when_then =
                when_then.into_iter().map(|(when, then)| (Box::new(when), Box::new(then))).collect();
            let case = Case { expr: None, when_then_expr: when_then, else_expr: Some(Box::new(otherwise)) };
            Ok(ExprSimplifyResult::Simplified(Expr::Case(case)))
        };
        match (self.entry.name, args.as_slice()) {
            ("if", [condition, then, otherwise]) => {
                case(vec![(condition.clone(), then.clone())], otherwise.clone())
            }
            ("coalesce", [only]) => Ok(ExprSimplifyResult::Simplified(only.clone())),
            ("coalesce", [first @ .., last]) => {
                let taken = |own: &Expr| (own.clone().is_not_null(), own.clone());
                case(first.iter().map(taken).collect(), last.clone())
            }
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }
}
