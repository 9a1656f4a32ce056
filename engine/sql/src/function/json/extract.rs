//! JSON_VALUE, JSON_QUERY, JSON_EXISTS: what is at a path, and what stands in for it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListBuilder, StringBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use datafusion_common::{Result, ScalarValue, exec_err, internal_err};

use super::number::{floating, push_number, whole};
use super::path::{Found, Path, Wrong};
use super::scan::{Kind, elements, text_of};
use super::write::push_json;
use crate::function::call::{Call, Compiled, View};
use crate::function::cast::decimal_of_text;
use crate::types::sql_name;

/// The JSON texts and paths of a call.
struct Input<'a> {
    json: View<&'a arrow::array::StringArray>,
    path: View<&'a arrow::array::StringArray>,
    paths: Compiled<'a, Path>,
}

impl<'a> Input<'a> {
    fn of(call: &'a Call) -> Result<Self> {
        Ok(Input { json: call.text(0)?, path: call.text(1)?, paths: Compiled::new() })
    }

    /// Text and path of a row, unless one of them is NULL.
    fn get(&mut self, row: usize) -> Result<Option<(&'a str, &Path)>> {
        let (Some(json), Some(path)) = (self.json.get(row), self.path.get(row)) else { return Ok(None) };
        Ok(Some((json, self.paths.of(path, Path::parse)?)))
    }
}

fn text_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    for (index, own) in types.iter().enumerate().take(2) {
        if !matches!(own, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null) {
            return Err(format!("argument {} must be a STRING, not {}", index + 1, sql_name(own)));
        }
    }
    Ok(vec![DataType::Utf8; 2])
}

/// `json_value(json, path)` or `json_value(json, path, 'empty,error', value, value)`.
pub(super) fn value_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let mut wanted = text_types(types)?;
    match types {
        [_, _] => {}
        [_, _, DataType::Utf8, a, b] if a == b && can_be_returned(a) => {
            wanted.extend([DataType::Utf8, a.clone(), b.clone()]);
        }
        _ => return Err(format!("it has {} arguments", types.len())),
    }
    Ok(wanted)
}

/// The type of what JSON_VALUE and JSON_QUERY return.
pub(super) fn returned(types: &[DataType], literals: &[Option<&ScalarValue>]) -> Result<DataType> {
    check_path(literals)?;
    Ok(types.get(3).cloned().unwrap_or(DataType::Utf8))
}

/// Fails if the path is a constant that cannot be followed.
pub(super) fn check_path(literals: &[Option<&ScalarValue>]) -> Result<()> {
    match literals.get(1) {
        Some(Some(ScalarValue::Utf8(Some(path)))) => Path::parse(path).map(|_| ()),
        _ => Ok(()),
    }
}

fn can_be_returned(own: &DataType) -> bool {
    use DataType::{Boolean, Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, Utf8};
    matches!(own, Boolean | Utf8 | Int8 | Int16 | Int32 | Int64 | Float32 | Float64 | Decimal128(..))
}

/// `json_query(json, path)` or `json_query(json, path, 'wrapper,empty,error', NULL)`.
pub(super) fn query_types(types: &[DataType]) -> Result<Vec<DataType>, String> {
    let mut wanted = text_types(types)?;
    match types {
        [_, _] => {}
        [_, _, DataType::Utf8, own] if *own == DataType::Utf8 || is_list_of_texts(own) => {
            wanted.extend([DataType::Utf8, own.clone()]);
        }
        _ => return Err(format!("it has {} arguments", types.len())),
    }
    Ok(wanted)
}

fn is_list_of_texts(own: &DataType) -> bool {
    matches!(own, DataType::List(item) if *item.data_type() == DataType::Utf8)
}

/// What stands for a value that is not there or not right.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Instead {
    Null,
    Error,
    /// The value of this argument.
    Default(usize),
    EmptyArray,
    EmptyObject,
}

impl Instead {
    fn parse(text: &str, argument: usize) -> Result<Instead> {
        Ok(match text {
            "NULL" => Instead::Null,
            "ERROR" => Instead::Error,
            "DEFAULT" => Instead::Default(argument),
            "EMPTY ARRAY" => Instead::EmptyArray,
            "EMPTY OBJECT" => Instead::EmptyObject,
            _ => return exec_err!("'{text}' says nothing of ON EMPTY or ON ERROR"),
        })
    }
}

/// The scalar at the path, or what stands in for it.
struct Values<'a> {
    input: Input<'a>,
    empty: Instead,
    error: Instead,
}

/// What JSON_VALUE gives for a row.
enum Given<T> {
    Null,
    Value(T),
    /// The value of this argument.
    Default(usize),
}

impl<'a> Values<'a> {
    fn of(call: &'a Call) -> Result<Self> {
        let (mut empty, mut error) = (Instead::Null, Instead::Null);
        if call.has(2) {
            let spec = call.constant_text(2)?.unwrap_or_default();
            let (on_empty, on_error) = spec.split_once(',').unwrap_or((spec, ""));
            (empty, error) = (Instead::parse(on_empty, 3)?, Instead::parse(on_error, 4)?);
        }
        Ok(Values { input: Input::of(call)?, empty, error })
    }

    /// `convert` makes a value of a scalar; `None` = it cannot be.
    fn get<T>(&mut self, row: usize, convert: impl FnOnce(&str) -> Option<T>) -> Result<Given<T>> {
        let Some((json, path)) = self.input.get(row)? else { return Ok(Given::Null) };
        let scalar = path.find(json).and_then(|found| match found {
            Found::Nothing => Ok(None),
            Found::One(value) if Kind::of(value).is_scalar() => match convert(value) {
                Some(converted) => Ok(Some(converted)),
                None => Err("the value is of another type, or out of its range"),
            },
            Found::One(_) | Found::Many(_) => path.unfit("it is no scalar").map(|()| None),
        });
        let (instead, wrong) = match scalar {
            Ok(Some(value)) => return Ok(Given::Value(value)),
            Ok(None) => (self.empty, "there is nothing at the path"),
            Err(wrong) => (self.error, wrong),
        };
        match instead {
            Instead::Error => exec_err!("JSON_VALUE: {wrong}, in '{}'", start_of(json)),
            Instead::Default(argument) => Ok(Given::Default(argument)),
            _ => Ok(Given::Null),
        }
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        call: &Call,
        convert: impl Fn(&str) -> Option<T::Native>,
    ) -> Result<ArrayRef> {
        let defaults = [call.number::<T>(3)?, call.number::<T>(4)?];
        call.numbers::<T>(|row| {
            let given = self.get(row, |value| match Kind::of(value) {
                Kind::Number => convert(value),
                Kind::Text => convert(&text_of(value)),
                _ => None,
            })?;
            Ok(match given {
                Given::Null => None,
                Given::Value(value) => Some(value),
                Given::Default(argument) => defaults[argument - 3].get(row),
            })
        })
    }
}

/// The start of a text, for messages.
fn start_of(json: &str) -> &str {
    const SHOWN: usize = 80;
    let end = json.char_indices().map(|(at, _)| at).nth(SHOWN).unwrap_or(json.len());
    &json[..end]
}

fn finite<T: std::str::FromStr + Copy + Into<f64>>(text: &str) -> Option<T> {
    floating::<T>(text).filter(|value| (*value).into().is_finite())
}

pub(super) fn value(call: &Call) -> Result<ArrayRef> {
    let mut values = Values::of(call)?;
    macro_rules! whole {
        ($type:ty) => {
            values.numbers::<$type>(call, |text| whole(text)?.try_into().ok())
        };
    }
    match call.result {
        DataType::Utf8 => texts(call, values),
        DataType::Boolean => booleans(call, values),
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => values.numbers::<Int64Type>(call, whole),
        DataType::Float32 => values.numbers::<Float32Type>(call, finite::<f32>),
        DataType::Float64 => values.numbers::<Float64Type>(call, finite::<f64>),
        DataType::Decimal128(precision, scale) => {
            let (precision, scale) = (*precision, *scale);
            values.numbers::<Decimal128Type>(call, |text| decimal_of_text(text, precision, scale))
        }
        other => internal_err!("JSON_VALUE cannot return {other}"),
    }
}

fn texts(call: &Call, mut values: Values) -> Result<ArrayRef> {
    let defaults = match call.has(4) {
        true => vec![call.text(3)?, call.text(4)?],
        false => vec![],
    };
    call.texts(|row, out| {
        let given = values.get(row, |value| {
            push_scalar(out, value);
            Some(())
        })?;
        Ok(match given {
            Given::Null => false,
            Given::Value(()) => true,
            Given::Default(argument) => match defaults.get(argument - 3).and_then(|own| own.get(row)) {
                Some(text) => {
                    out.push_str(text);
                    true
                }
                None => false,
            },
        })
    })
}

/// Appends a scalar: the text of a string, everything else as it is spelled.
fn push_scalar(out: &mut String, value: &str) {
    match Kind::of(value) {
        Kind::Text => out.push_str(&text_of(value)),
        Kind::Number => push_number(out, value),
        _ => out.push_str(value),
    }
}

fn booleans(call: &Call, mut values: Values) -> Result<ArrayRef> {
    let of = |index: usize| -> Result<(&BooleanArray, bool)> {
        match call.array(index).as_any().downcast_ref() {
            Some(array) => Ok((array, call.is_constant(index))),
            None => internal_err!("argument {index} is no BOOLEAN"),
        }
    };
    let defaults = [of(3)?, of(4)?];
    call.booleans(|row| {
        Ok(match values.get(row, boolean)? {
            Given::Null => None,
            Given::Value(value) => Some(value),
            Given::Default(argument) => {
                let (array, constant) = defaults[argument - 3];
                let row = if constant { 0 } else { row };
                (!arrow::array::Array::is_null(array, row)).then(|| array.value(row))
            }
        })
    })
}

fn boolean(value: &str) -> Option<bool> {
    match Kind::of(value) {
        Kind::Boolean => Some(value == "true"),
        Kind::Text => {
            let text = text_of(value);
            let is = |names: [&str; 4]| names.iter().any(|name| name.eq_ignore_ascii_case(text.trim()));
            is(["true", "t", "yes", "1"]).then_some(true).or(is(["false", "f", "no", "0"]).then_some(false))
        }
        _ => None,
    }
}

pub(super) fn exists(call: &Call) -> Result<ArrayRef> {
    let mut input = Input::of(call)?;
    let on_error = match call.has(2) {
        true => call.constant_text(2)?.unwrap_or_default(),
        false => "FALSE",
    };
    call.booleans(|row| {
        let Some((json, path)) = input.get(row)? else { return Ok(None) };
        match path.find(json) {
            Ok(found) => Ok(Some(found != Found::Nothing)),
            Err(wrong) => match on_error {
                "TRUE" => Ok(Some(true)),
                "FALSE" => Ok(Some(false)),
                "UNKNOWN" => Ok(None),
                _ => exec_err!("JSON_EXISTS: {wrong}, in '{}'", start_of(json)),
            },
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Wrapper {
    Without,
    Conditional,
    Unconditional,
}

/// The object or array at the path, or what stands in for it.
struct Queries<'a> {
    input: Input<'a>,
    wrapper: Wrapper,
    empty: Instead,
    error: Instead,
}

impl<'a> Queries<'a> {
    fn of(call: &'a Call) -> Result<Self> {
        let spec = match call.has(2) {
            true => call.constant_text(2)?.unwrap_or_default(),
            false => "WITHOUT,NULL,NULL",
        };
        let mut words = spec.splitn(3, ',');
        let mut word = || words.next().unwrap_or_default();
        let wrapper = match word() {
            "WITHOUT" => Wrapper::Without,
            "CONDITIONAL" => Wrapper::Conditional,
            "UNCONDITIONAL" => Wrapper::Unconditional,
            other => return exec_err!("'{other}' is no wrapper"),
        };
        let (empty, error) = (Instead::parse(word(), 0)?, Instead::parse(word(), 0)?);
        Ok(Queries { input: Input::of(call)?, wrapper, empty, error })
    }

    /// Calls `push` with what a row has at the path; it may still find it wrong, and must then have left nothing.
    /// `None` = NULL; `Some(Err(...))` = what stands in for the value.
    fn get(
        &mut self,
        row: usize,
        mut push: impl FnMut(Shape) -> std::result::Result<(), Wrong>,
    ) -> Result<Option<std::result::Result<(), Instead>>> {
        let wrapper = self.wrapper;
        let Some((json, path)) = self.input.get(row)? else { return Ok(None) };
        let found = path.find(json).and_then(|found| {
            let shape = match (&found, wrapper) {
                (Found::Nothing, _) => return Ok(false),
                (Found::One(value), Wrapper::Without) if Kind::of(value).is_scalar() => {
                    return path.unfit("it is a scalar").map(|()| false);
                }
                (Found::One(value), Wrapper::Without) => Shape::One(value),
                (Found::One(value), Wrapper::Conditional) if Kind::of(value) == Kind::Array => {
                    Shape::One(value)
                }
                (Found::One(value), _) => Shape::Wrapped(value),
                (Found::Many(values), Wrapper::Unconditional) => Shape::WrappedMany(values),
                (Found::Many(values), _) => Shape::Many(values),
            };
            push(shape).map(|()| true)
        });
        let (instead, wrong) = match found {
            Ok(true) => return Ok(Some(Ok(()))),
            Ok(false) => (self.empty, "there is nothing at the path"),
            Err(wrong) => (self.error, wrong),
        };
        match instead {
            Instead::Error => exec_err!("JSON_QUERY: {wrong}, in '{}'", start_of(json)),
            Instead::Null | Instead::Default(_) => Ok(None),
            instead => Ok(Some(Err(instead))),
        }
    }
}

/// What a query found.
enum Shape<'a, 'b> {
    /// A value as it is.
    One(&'a str),
    /// An array of one value.
    Wrapped(&'a str),
    /// An array of values.
    Many(&'b [&'a str]),
    /// An array of an array of values.
    WrappedMany(&'b [&'a str]),
}

pub(super) fn query(call: &Call) -> Result<ArrayRef> {
    let queries = Queries::of(call)?;
    match is_list_of_texts(call.result) {
        true => query_list(call, queries),
        false => query_text(call, queries),
    }
}

fn query_text(call: &Call, mut queries: Queries) -> Result<ArrayRef> {
    call.texts(|row, out| {
        let given = queries.get(row, |shape| {
            push_shape(out, &shape);
            Ok(())
        })?;
        match given {
            None => return Ok(false),
            Some(Ok(())) => {}
            Some(Err(instead)) => out.push_str(if instead == Instead::EmptyArray { "[]" } else { "{}" }),
        }
        Ok(true)
    })
}

fn push_shape(out: &mut String, shape: &Shape) {
    let (values, brackets) = match shape {
        Shape::One(value) => (std::slice::from_ref(value), 0),
        Shape::Wrapped(value) => (std::slice::from_ref(value), 1),
        Shape::Many(values) => (*values, 1),
        Shape::WrappedMany(values) => (*values, 2),
    };
    out.extend(std::iter::repeat_n('[', brackets));
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_json(out, value);
    }
    out.extend(std::iter::repeat_n(']', brackets));
}

fn query_list(call: &Call, mut queries: Queries) -> Result<ArrayRef> {
    let DataType::List(item) = call.result else { return internal_err!("JSON_QUERY returns no ARRAY") };
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item.clone());
    let mut text = String::new();
    let mut ends: Vec<Option<usize>> = vec![];
    for row in 0..call.rows {
        text.clear();
        ends.clear();
        let given = queries.get(row, |shape| {
            let mut push = |value: &str| {
                match Kind::of(value) {
                    Kind::Null => return ends.push(None),
                    kind if kind.is_scalar() => push_scalar(&mut text, value),
                    _ => push_json(&mut text, value),
                }
                ends.push(Some(text.len()));
            };
            match shape {
                Shape::One(value) if Kind::of(value) == Kind::Array => elements(value).for_each(push),
                Shape::One(_) => return Err("it is no array"),
                Shape::Wrapped(value) => push(value),
                Shape::Many(values) => values.iter().for_each(|value| push(value)),
                Shape::WrappedMany(values) => {
                    push_shape(&mut text, &Shape::Many(values));
                    ends.push(Some(text.len()));
                }
            }
            Ok(())
        })?;
        if let Some(Ok(())) = given {
            let mut from = 0;
            for end in &ends {
                lists.values().append_option(end.map(|end| &text[from..end]));
                from = end.unwrap_or(from);
            }
        }
        lists.append(given.is_some());
    }
    Ok(Arc::new(lists.finish()))
}
