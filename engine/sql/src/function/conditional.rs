//! Choices between values, and questions about a value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::{cmp, zip::zip};
use arrow::compute::{cast, is_not_null, nullif, prep_null_mask_filter};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::expr::Case;
use datafusion_expr::{Expr, lit};

use super::ScalarEntry;
use super::call::Call;
use super::coercion::{Takes, common_type};
use super::udf::{Arguments, Gives, checked, entry};

pub(super) const FUNCTIONS: &[ScalarEntry] = &[
    checked(
        "coalesce",
        "COALESCE(value, ...)",
        "the first value that is not NULL",
        Arguments::Checked(one_type),
        Gives::First,
        coalesce,
    )
    .lazily(coalesce_lazily),
    checked(
        "ifnull",
        "IFNULL(value, replacement)",
        "replacement where value is NULL",
        Arguments::Checked(two_of_one_type),
        Gives::First,
        coalesce,
    )
    .lazily(coalesce_lazily),
    checked(
        "if",
        "IF(condition, value, otherwise)",
        "value where condition is true, else otherwise",
        Arguments::Checked(condition_and_two),
        Gives::Of(second),
        choose,
    )
    .lazily(choose_lazily),
    checked(
        "nullif",
        "NULLIF(value, other)",
        "NULL where both are equal, else value",
        Arguments::Checked(comparable),
        Gives::First,
        null_if_equal,
    ),
    checked(
        "greatest",
        "GREATEST(value, ...)",
        "the greatest value; NULL if any is NULL",
        Arguments::Checked(one_type),
        Gives::First,
        |call| extreme(call, |a, b| Ok(cmp::gt(a, b)?)),
    ),
    checked(
        "least",
        "LEAST(value, ...)",
        "the least value; NULL if any is NULL",
        Arguments::Checked(one_type),
        Gives::First,
        |call| extreme(call, |a, b| Ok(cmp::lt(a, b)?)),
    ),
    entry(
        "is_alpha",
        "IS_ALPHA(string)",
        "true if all characters are letters",
        &[Takes::Any],
        Gives::Boolean,
        |call| ask(call, |_| false, |text| !text.is_empty() && text.chars().all(char::is_alphabetic)),
    ),
    entry(
        "is_digit",
        "IS_DIGIT(string)",
        "true if all characters are digits",
        &[Takes::Any],
        Gives::Boolean,
        |call| ask(call, DataType::is_integer, |text| !text.is_empty() && text.chars().all(char::is_numeric)),
    ),
    entry(
        "is_decimal",
        "IS_DECIMAL(string)",
        "true if the text is a number",
        &[Takes::Any],
        Gives::Boolean,
        |call| ask(call, DataType::is_numeric, |text| super::cast::double_of_text(text).is_some()),
    ),
    entry("typeof", "TYPEOF(value)", "the name of the value's type", &[Takes::Any], Gives::Text, |call| {
        let name = crate::types::sql_name(call.array(0).data_type());
        call.texts(|_, out| {
            out.push_str(&name);
            Ok(true)
        })
    }),
];

fn one_type(types: &[DataType]) -> Result<Vec<DataType>, String> {
    if types.is_empty() {
        return Err("it has no arguments".into());
    }
    Ok(vec![common_type(types)?; types.len()])
}

fn two_of_one_type(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types.len() {
        2 => one_type(types),
        other => Err(format!("it has {other} argument(s)")),
    }
}

fn condition_and_two(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [DataType::Boolean | DataType::Null, rest @ ..] if rest.len() == 2 => {
            let common = common_type(rest)?;
            Ok(vec![DataType::Boolean, common.clone(), common])
        }
        [_, _, _] => Err("the condition must be a BOOLEAN".into()),
        other => Err(format!("it has {} argument(s)", other.len())),
    }
}

fn comparable(types: &[DataType]) -> Result<Vec<DataType>, String> {
    match types {
        [value, _] => Ok(vec![value.clone(), common_type(types)?]),
        other => Err(format!("it has {} argument(s)", other.len())),
    }
}

fn second(types: &[DataType], _: &[Option<&ScalarValue>]) -> Result<DataType> {
    Ok(types[1].clone())
}

fn coalesce(call: &Call) -> Result<ArrayRef> {
    let mut found = call.full(0)?;
    for index in 1..call.arguments() {
        if found.null_count() == 0 {
            break;
        }
        found = zip(&is_not_null(&found)?, &found, &call.full(index)?)?;
    }
    Ok(found)
}

fn coalesce_lazily(mut args: Vec<Expr>) -> Result<Expr> {
    let Some(last) = args.pop() else { return Ok(lit(ScalarValue::Null)) };
    if args.is_empty() {
        return Ok(last);
    }
    let branch = |arg: Expr| (Box::new(arg.clone().is_not_null()), Box::new(arg));
    let branches = args.into_iter().map(branch).collect();
    Ok(Expr::Case(Case::new(None, branches, Some(Box::new(last)))))
}

fn choose(call: &Call) -> Result<ArrayRef> {
    let condition = null_as_false(call.full(0)?.as_boolean());
    Ok(zip(&condition, &call.full(1)?, &call.full(2)?)?)
}

fn null_as_false(condition: &BooleanArray) -> BooleanArray {
    match condition.null_count() {
        0 => condition.clone(),
        _ => prep_null_mask_filter(condition),
    }
}

fn choose_lazily(args: Vec<Expr>) -> Result<Expr> {
    let [condition, value, otherwise] = <[Expr; 3]>::try_from(args)
        .map_err(|args| datafusion_common::plan_datafusion_err!("IF has {} arguments", args.len()))?;
    let branches = vec![(Box::new(condition), Box::new(value))];
    Ok(Expr::Case(Case::new(None, branches, Some(Box::new(otherwise)))))
}

fn null_if_equal(call: &Call) -> Result<ArrayRef> {
    let (value, other) = (call.full(0)?, call.full(1)?);
    if other.data_type() == &DataType::Null {
        return Ok(value);
    }
    let equal = cmp::eq(&with_one_zero(cast(&value, other.data_type())?), &with_one_zero(other))?;
    Ok(nullif(&value, &equal)?)
}

/// Floating-point numbers without -0, which is equal to 0 but not to Arrow.
fn with_one_zero(values: ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float32 => {
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(|own| own + 0.0))
        }
        DataType::Float64 => {
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|own| own + 0.0))
        }
        _ => values,
    }
}

fn extreme(call: &Call, beats: fn(&ArrayRef, &ArrayRef) -> Result<BooleanArray>) -> Result<ArrayRef> {
    let mut best = call.full(0)?;
    if best.data_type() == &DataType::Null {
        return Ok(new_null_array(call.result, call.rows));
    }
    let mut nulls = best.logical_nulls();
    for index in 1..call.arguments() {
        let next = call.full(index)?;
        nulls = NullBuffer::union(nulls.as_ref(), next.logical_nulls().as_ref());
        best = zip(&null_as_false(&beats(&next, &best)?), &next, &best)?;
    }
    match nulls {
        None => Ok(best),
        Some(nulls) => Ok(nullif(&best, &BooleanArray::new(!nulls.inner(), None))?),
    }
}

/// A question about a text; about values of other types `other` answers from the type. NULL: false.
fn ask(call: &Call, other: fn(&DataType) -> bool, about: fn(&str) -> bool) -> Result<ArrayRef> {
    if let Ok(text) = call.text(0) {
        return call.booleans(|row| Ok(Some(text.get(row).is_some_and(about))));
    }
    let array = call.full(0)?;
    let answer = other(array.data_type());
    call.booleans(|row| Ok(Some(answer && array.is_valid(row))))
}
