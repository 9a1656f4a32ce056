//! An entry of the table as a DataFusion function: argument types, result type, call.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue, internal_err, plan_err};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::ScalarEntry;
use super::call::Call;
use super::coercion::Takes;
use crate::types::sql_name;

/// How a function computes its column.
pub(super) type Eval = fn(&Call) -> Result<ArrayRef>;

/// A result type from the argument types and, where the argument is a literal, its value.
pub(super) type TypeOf = fn(&[DataType], &[Option<&ScalarValue>]) -> Result<DataType>;

/// The type of the result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gives {
    /// STRING.
    Text,
    /// BYTES.
    Bytes,
    /// BOOLEAN.
    Boolean,
    /// INT.
    Int,
    /// BIGINT.
    Bigint,
    /// DOUBLE.
    Double,
    /// DATE.
    Date,
    /// The type of the first argument.
    First,
    /// Computed.
    Of(TypeOf),
}

/// Which arguments a function takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arguments {
    /// One kind per argument; the last `optional` may be left out; with `repeats` the last may be repeated.
    Listed { kinds: &'static [Takes], optional: usize, repeats: bool },
    /// Decided by a function: from the argument types to the types it wants, or what is wrong.
    Checked(fn(&[DataType]) -> Result<Vec<DataType>, String>),
}

/// What an entry runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// Our own code.
    Own(Own),
    /// A function of DataFusion whose meaning is Flink's.
    DataFusion(fn() -> Arc<ScalarUDF>),
}

/// Our own code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    arguments: Arguments,
    gives: Gives,
    eval: Eval,
    /// The same as an expression that evaluates only what it needs.
    lazy: Option<fn(Vec<Expr>) -> Result<Expr>>,
    /// Gives another value for every row and every call: never folded, never shared.
    volatile: bool,
}

/// A function that takes exactly `kinds`.
pub(super) const fn entry(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    kinds: &'static [Takes],
    gives: Gives,
    eval: Eval,
) -> ScalarEntry {
    checked(name, signature, about, Arguments::Listed { kinds, optional: 0, repeats: false }, gives, eval)
}

/// A function whose arguments are not a plain list.
pub(super) const fn checked(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    arguments: Arguments,
    gives: Gives,
    eval: Eval,
) -> ScalarEntry {
    let body = Body::Own(Own { arguments, gives, eval, lazy: None, volatile: false });
    ScalarEntry { name, aliases: &[], family: "", signature, about, body }
}

/// A function of DataFusion.
pub(super) const fn borrowed(
    name: &'static str,
    signature: &'static str,
    about: &'static str,
    udf: fn() -> Arc<ScalarUDF>,
) -> ScalarEntry {
    ScalarEntry { name, aliases: &[], family: "", signature, about, body: Body::DataFusion(udf) }
}

impl ScalarEntry {
    /// With other names.
    pub(super) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The last `count` arguments may be left out.
    pub(super) const fn optional(mut self, count: usize) -> Self {
        if let Body::Own(own) = &mut self.body
            && let Arguments::Listed { optional, .. } = &mut own.arguments
        {
            *optional = count;
        }
        self
    }

    /// The last argument may be repeated.
    pub(super) const fn repeated(mut self) -> Self {
        if let Body::Own(own) = &mut self.body
            && let Arguments::Listed { repeats, .. } = &mut own.arguments
        {
            *repeats = true;
        }
        self
    }

    /// Gives another value for every row and every call.
    pub(super) const fn volatile(mut self) -> Self {
        if let Body::Own(own) = &mut self.body {
            own.volatile = true;
        }
        self
    }

    /// As an expression that evaluates only what it needs.
    pub(super) const fn lazily(mut self, expression: fn(Vec<Expr>) -> Result<Expr>) -> Self {
        if let Body::Own(own) = &mut self.body {
            own.lazy = Some(expression);
        }
        self
    }

    /// The function as the planner calls it.
    pub fn udf(&self) -> Arc<ScalarUDF> {
        match self.body {
            Body::DataFusion(udf) => udf(),
            Body::Own(own) => Arc::new(ScalarUDF::new_from_impl(Function {
                name: self.name,
                form: self.signature,
                own,
                aliases: self.aliases.iter().map(|alias| alias.to_string()).collect(),
                signature: Signature::user_defined(match own.volatile {
                    true => Volatility::Volatile,
                    false => Volatility::Immutable,
                }),
            })),
        }
    }
}

#[derive(Debug)]
struct Function {
    name: &'static str,
    form: &'static str,
    own: Own,
    aliases: Vec<String>,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl std::hash::Hash for Function {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Function {
    fn wanted(&self, types: &[DataType]) -> Result<Vec<DataType>, String> {
        let (kinds, optional, repeats) = match self.own.arguments {
            Arguments::Checked(check) => return check(types),
            Arguments::Listed { kinds, optional, repeats } => (kinds, optional, repeats),
        };
        let least = kinds.len() - optional;
        if types.len() < least || (types.len() > kinds.len() && !repeats) {
            return Err(format!("it has {} argument(s)", types.len()));
        }
        let kind_of = |index: usize| kinds[index.min(kinds.len() - 1)];
        let wanted = types.iter().enumerate().map(|(index, own)| {
            let kind = kind_of(index);
            kind.coerce(own).ok_or_else(|| {
                format!("argument {} must be {}, not {}", index + 1, kind.shown(), sql_name(own))
            })
        });
        wanted.collect()
    }

    fn result(&self, types: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
        Ok(match self.own.gives {
            Gives::Text => DataType::Utf8,
            Gives::Bytes => DataType::Binary,
            Gives::Boolean => DataType::Boolean,
            Gives::Int => DataType::Int32,
            Gives::Bigint => DataType::Int64,
            Gives::Double => DataType::Float64,
            Gives::Date => DataType::Date32,
            Gives::First => types.first().cloned().unwrap_or(DataType::Null),
            Gives::Of(of) => of(types, literals)?,
        })
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.wanted(types).or_else(|wrong| plan_err!("{} cannot be called so: {wrong}", self.form))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let types = self.coerce_types(types)?;
        self.result(&types, &vec![None; types.len()])
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let types = self.coerce_types(&types)?;
        let result = self.result(&types, args.scalar_arguments)?;
        Ok(Arc::new(Field::new(self.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant =
            !self.own.volatile && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let call = Call::new(&args.args, rows, args.return_field.data_type())?;
        let column = (self.own.eval)(&call)?;
        if column.data_type() != call.result || column.len() != rows {
            return internal_err!(
                "{} gave {} x {} instead of {rows} x {}",
                self.name,
                column.len(),
                column.data_type(),
                call.result
            );
        }
        match constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)),
            false => Ok(ColumnarValue::Array(column)),
        }
    }

    fn short_circuits(&self) -> bool {
        self.own.lazy.is_some()
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match self.own.lazy {
            Some(expression) => Ok(ExprSimplifyResult::Simplified(expression(args)?)),
            None => Ok(ExprSimplifyResult::Original(args)),
        }
    }
}
