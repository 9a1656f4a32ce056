//! The scalar functions: every example of `functions.txt` holds for constants, for columns, with NULLs and
//! for no rows at all; and no argument makes a function panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, ScalarValue};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{
    ColumnarValue, EmptyRelation, Expr, ExprSchemable, LogicalPlan, Projection, ReturnFieldArgs,
    ScalarFunctionArgs,
};
use datafusion_physical_expr::planner::create_physical_expr;
use datafusion_sql::sqlparser::ast::{self, SelectItem, SetExpr};
use millrace_plan::Limits;
use millrace_sql::bind::{Binder, Tables, simplify};
use millrace_sql::function::{cast_udf, nearest_name, scalar, scalar_functions};
use millrace_sql::parse::{Statement, parse};
use millrace_sql::types::sql_name;
use proptest::prelude::*;

/// What an example must give.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Type and printed value.
    Value(String, String),
    /// An error with this in its message.
    Error(String),
}

/// The examples: `expression => TYPE: value`, or `expression => ! message`.
fn examples() -> Vec<(&'static str, Outcome)> {
    let read = |line: &'static str| {
        let (expr, outcome) = line.split_once(" => ").unwrap_or_else(|| panic!("no ` => ` in {line}"));
        let outcome = match outcome.strip_prefix("! ") {
            Some(message) => Outcome::Error(message.to_string()),
            None => {
                let (name, value) = outcome.split_once(": ").unwrap_or((outcome.trim_end_matches(':'), ""));
                Outcome::Value(name.to_string(), value.replace("\\n", "\n"))
            }
        };
        (expr.trim(), outcome)
    };
    let lines = include_str!("functions.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(read).collect()
}

fn bind(text: &str) -> Result<Expr, String> {
    let tables = Tables::default();
    let bound = Binder::new(&tables).scalar(&parsed(text), &DFSchema::empty(), None);
    bound.map_err(|error| error.to_string())
}

fn parsed(text: &str) -> ast::Expr {
    let script = parse(&format!("SELECT {text} FROM t"), &Limits::default());
    let script = script.unwrap_or_else(|error| panic!("{text}: {error}"));
    let [Statement::Query(query)] = script.statements.as_slice() else { panic!("{text} is no expression") };
    let SetExpr::Select(select) = query.query.body.as_ref() else { panic!("{text} is no expression") };
    let [SelectItem::UnnamedExpr(expr)] = select.projection.as_slice() else { panic!("{text}") };
    expr.clone()
}

/// The printed values and the type of an expression over columns.
fn evaluate(expr: &Expr, columns: &[ArrayRef], rows: usize) -> Result<(String, Vec<Option<String>>), String> {
    let field = |(index, column): (usize, &ArrayRef)| {
        Arc::new(Field::new(format!("c{index}"), column.data_type().clone(), true)) as FieldRef
    };
    let schema = Arc::new(Schema::new(columns.iter().enumerate().map(field).collect::<Vec<_>>()));
    let names = DFSchema::try_from(schema.clone()).unwrap();
    let own = expr.get_type(&names).map_err(|error| error.to_string())?;
    let printed = match own {
        DataType::Utf8 => expr.clone(),
        _ => Expr::ScalarFunction(ScalarFunction::new_udf(
            cast_udf(&DataType::Utf8, false),
            vec![expr.clone()],
        )),
    };
    let context = PhysicalPlanningContext::default();
    let physical = create_physical_expr(&printed, &names, &ExecutionProps::new(), &context);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema, columns.to_vec(), &options).unwrap();
    let value = physical.and_then(|physical| physical.evaluate(&batch)?.into_array(rows));
    let value = value.map_err(|error| error.strip_backtrace())?;
    assert_eq!(value.len(), rows, "{expr}");
    let texts = value.as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect();
    Ok((sql_name(&own), texts))
}

/// What is wrong with what an example gave, if anything is.
fn wrong(
    text: &str,
    outcome: &Outcome,
    found: Result<(String, Vec<Option<String>>), String>,
) -> Option<String> {
    let right = match (outcome, &found) {
        (Outcome::Value(name, value), Ok((own, texts))) => {
            own == name && texts.iter().all(|text| text.as_deref().unwrap_or("NULL") == value)
        }
        (Outcome::Error(message), Err(error)) => error.contains(message),
        _ => false,
    };
    (!right).then(|| format!("{text}\n    expected {outcome:?}\n    found {found:?}"))
}

fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Arguments that must stay constants.
fn is_fixed(function: &str, index: usize) -> bool {
    match function {
        "extract" | "floor_to" | "ceil_to" | "timestampdiff" | "timestampadd" => index == 0,
        "get_field" | "is_json" | "json" => index == 1,
        "json_value" | "json_query" | "json_exists" => index == 2,
        "json_array" => index == 0,
        "json_object" => index == 0 || index % 2 == 1,
        _ => false,
    }
}

/// The expression with every literal argument replaced by a column, and the columns' values.
fn over_columns(expr: Expr) -> (Expr, Vec<ScalarValue>) {
    let mut values = vec![];
    let replaced = expr.transform_up(|expr| {
        let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
        for (index, arg) in call.args.iter_mut().enumerate() {
            if let Expr::Literal(value, _) = arg
                && !is_fixed(call.func.name(), index)
            {
                values.push(value.clone());
                *arg = Expr::Column(Column::from_name(format!("c{}", values.len() - 1)));
            }
        }
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    });
    (replaced.unwrap().data, values)
}

#[test]
fn examples_hold_for_constants() {
    let found = |text: &str| bind(text).and_then(|expr| evaluate(&expr, &[], 1));
    assert_none(examples().iter().filter_map(|(text, outcome)| wrong(text, outcome, found(text))).collect());
}

#[test]
fn examples_hold_for_columns() {
    let mut all = vec![];
    for (text, outcome) in examples() {
        let Ok(expr) = bind(text) else { continue };
        let (expr, values) = over_columns(expr);
        let columns: Vec<ArrayRef> = values.iter().map(|value| value.to_array_of_size(3).unwrap()).collect();
        let found = evaluate(&expr, &columns, 3);
        // The digits of ROUND choose the type only where they are literal.
        let same_type = match (&outcome, &found) {
            (Outcome::Value(name, _), Ok((own, _))) => name == own,
            _ => true,
        };
        if same_type {
            all.extend(wrong(text, &outcome, found));
        }
    }
    assert_none(all);
}

/// The expression as the optimizer leaves it.
fn simplified(expr: Expr, schema: &DFSchema) -> Result<Expr, String> {
    let empty = EmptyRelation { produce_one_row: false, schema: Arc::new(schema.clone()) };
    let plan = Projection::try_new(vec![expr.alias("value")], Arc::new(LogicalPlan::EmptyRelation(empty)));
    let plan = simplify(LogicalPlan::Projection(plan.unwrap()), None).map_err(|error| error.to_string())?;
    Ok(plan.expressions().swap_remove(0).unalias())
}

#[test]
fn examples_hold_after_optimization() {
    let found = |text: &str| {
        let expr = bind(text).and_then(|expr| simplified(expr, &DFSchema::empty()))?;
        evaluate(&expr, &[], 1)
    };
    assert_none(examples().iter().filter_map(|(text, outcome)| wrong(text, outcome, found(text))).collect());
}

#[test]
fn a_branch_that_is_not_taken_cannot_fail() {
    let schema = Schema::new(vec![Field::new("c0", DataType::Int32, true)]);
    let schema = DFSchema::try_from(schema).unwrap();
    let rows: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![Some(0), Some(5), None]));
    let cases = [
        ("IF(c0 = 0, -1, MOD(100, c0))", ["-1", "0", "NULL"]),
        ("COALESCE(c0, MOD(7, IF(c0 IS NULL, 4, 0)))", ["0", "5", "3"]),
    ];
    for (text, expected) in cases {
        let expr = parsed(text);
        let tables = Tables::default();
        let bound = Binder::new(&tables).scalar(&expr, &schema, None).unwrap();
        let expr = simplified(bound, &schema).unwrap();
        for (row, wanted) in expected.iter().enumerate() {
            let found = evaluate(&expr, &[rows.slice(row, 1)], 1);
            assert_eq!(found.unwrap().1[0].as_deref().unwrap_or("NULL"), *wanted, "{text}");
        }
    }
}

#[test]
fn nulls_and_empty_batches_are_no_trouble() {
    let good = |(_, outcome): &(&str, Outcome)| matches!(outcome, Outcome::Value(..));
    for (text, _) in examples().into_iter().filter(good) {
        let Ok(expr) = bind(text) else { continue };
        let (expr, values) = over_columns(expr);
        let nulls: Vec<ArrayRef> = values.iter().map(|value| new_null_array(&value.data_type(), 2)).collect();
        if !values.is_empty() {
            let found = evaluate(&expr, &nulls, 2);
            // An element or key that must not be NULL is the one thing a NULL can spoil.
            let refused = found.as_ref().is_err_and(|error| error.contains("is NULL"));
            assert!(found.is_ok() || refused, "{text}: {found:?}");
        }
        let empty: Vec<ArrayRef> = nulls.iter().map(|null| null.slice(0, 0)).collect();
        if !values.is_empty() {
            let (_, texts) = evaluate(&expr, &empty, 0).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(texts.is_empty());
        }
    }
}

#[test]
fn every_function_has_an_example() {
    let mut seen = BTreeSet::new();
    for (text, _) in examples() {
        let Ok(expr) = bind(text) else { continue };
        expr.apply(|expr| {
            if let Expr::ScalarFunction(call) = expr {
                seen.insert(call.func.name().to_string());
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .unwrap();
    }
    let missing: Vec<&str> =
        scalar_functions().iter().map(|entry| entry.name).filter(|name| !seen.contains(*name)).collect();
    assert!(missing.is_empty(), "no example of {missing:?}");
}

#[test]
fn names_are_unique_and_found_in_any_case() {
    let mut names = BTreeSet::new();
    for entry in scalar_functions() {
        for name in std::iter::once(&entry.name).chain(entry.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
            assert_eq!(scalar(&name.to_uppercase()).unwrap().name(), entry.name);
        }
        assert!(!entry.about.is_empty() && !entry.signature.is_empty() && !entry.family.is_empty());
    }
    assert!(scalar("no_such_function").is_none());
    assert_eq!(nearest_name("substrin"), Some("substring"));
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[a-c.*+()\\[\\]\\\\|^$?{}0-9]{0,8}",
        "[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\\.[0-9]{1,9})?)?",
        "-?[0-9]{1,20}(\\.[0-9]{0,5})?(e-?[0-9]{1,3})?",
        "(lax |strict )?\\$(\\.[a-b*]|\\[[0-2*]\\]){0,3}",
        "(%[-#+ 0,(]{0,2}[0-9]{0,2}(\\.[0-9]{1,2})?[bcdefgosxEGSX%n]){1,2}",
        "(NULL|ERROR|DEFAULT|ABSENT|WITHOUT|CONDITIONAL)(,(NULL|ERROR|DEFAULT|EMPTY ARRAY|v|r)){0,2}",
        "\\{\"a\":[0-9\\[\\]{}\",:a-b ]{0,10}\\}?",
        "\\{\"b\": ?(-?0.0|[1-9][0-9]{0,20}e-?[0-9]{1,9}|null|\\[\"\\\\u00e9\",true]), ?\"a\":(\\{\"b\":1,\"a\":2}|[0-9])\\}",
        Just("DAY".to_string()),
        Just("MONTH".to_string()),
        Just("yyyy-MM-dd HH:mm".to_string()),
        Just("http://u:p@h.org:80/p?a=1&b=2#r".to_string()),
    ]
}

/// A column of one of the dialect's types, with NULLs; or one value.
fn column() -> impl Strategy<Value = (ArrayRef, bool)> {
    let numbers = prop::collection::vec(
        prop::option::of(prop_oneof![any::<i64>(), -100i64..100, Just(i64::MIN), Just(0)]),
        3,
    );
    let doubles = prop::collection::vec(prop::option::of(any::<f64>()), 3);
    let words = prop::collection::vec(prop::option::of(texts()), 3);
    (numbers, doubles, words, 0usize..16, any::<bool>()).prop_map(
        |(numbers, doubles, words, kind, constant)| {
            let whole: ArrayRef = Arc::new(arrow::array::Int64Array::from(numbers));
            let double: ArrayRef = Arc::new(arrow::array::Float64Array::from(doubles));
            let text: ArrayRef = Arc::new(arrow::array::StringArray::from(words));
            let as_type = |array: &ArrayRef, to: &DataType| {
                cast_with_options(array, to, &CastOptions { safe: true, ..Default::default() }).unwrap()
            };
            let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
            let array = match kind {
                0 | 1 => text,
                2 => as_type(&whole, &DataType::Int32),
                3 => whole,
                4 => as_type(&whole, &DataType::Int8),
                5 => double,
                6 => as_type(&double, &DataType::Float32),
                7 => as_type(&whole, &DataType::Decimal128(38, 10)),
                8 => as_type(&whole, &DataType::Boolean),
                9 => as_type(&whole, &millis),
                10 => as_type(&whole, &DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))),
                11 => as_type(&as_type(&whole, &DataType::Int32), &DataType::Date32),
                12 => as_type(&text, &DataType::Binary),
                13 => as_type(&text, &DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))),
                14 => as_type(&whole, &DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))),
                _ => new_null_array(&DataType::Null, 3),
            };
            (array, constant)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_argument_makes_a_function_panic(columns in prop::collection::vec(column(), 0..4)) {
        for entry in scalar_functions().iter().filter(|entry| entry.name != "get_field") {
            call(&entry.udf(), &columns);
        }
    }

    #[test]
    fn no_value_makes_a_cast_panic((array, _) in column(), try_ in any::<bool>()) {
        let targets = [
            DataType::Boolean, DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64,
            DataType::Float32, DataType::Float64, DataType::Decimal128(5, 2), DataType::Decimal128(38, 0),
            DataType::Decimal128(38, 38), DataType::Utf8, DataType::Binary, DataType::Date32,
            DataType::Time32(TimeUnit::Millisecond), DataType::Timestamp(TimeUnit::Millisecond, None),
            DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        ];
        for target in targets {
            call(&cast_udf(&target, try_), &[(array.clone(), false)]);
        }
    }

    #[test]
    fn a_number_printed_and_read_is_the_same(whole in any::<i64>(), double in any::<f64>()) {
        for value in [ScalarValue::Int64(Some(whole)), ScalarValue::Float64(Some(double))] {
            let own = value.data_type();
            let text = call(&cast_udf(&DataType::Utf8, false), &[(value.to_array().unwrap(), false)]).unwrap();
            let back = call(&cast_udf(&own, false), &[(text, false)]).unwrap();
            prop_assert_eq!(ScalarValue::try_from_array(&back, 0).unwrap(), value);
        }
    }
}

/// Calls a function as the planner would: coerced arguments, then the column.
fn call(udf: &datafusion_expr::ScalarUDF, columns: &[(ArrayRef, bool)]) -> Option<ArrayRef> {
    let types: Vec<DataType> = columns.iter().map(|(array, _)| array.data_type().clone()).collect();
    let types = udf.coerce_types(&types).ok()?;
    let rows = columns.first().map_or(1, |(array, _)| array.len());
    let mut args = vec![];
    for ((array, constant), wanted) in columns.iter().zip(&types) {
        let options = CastOptions { safe: true, ..Default::default() };
        let array = cast_with_options(array, wanted, &options).ok()?;
        args.push(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0).unwrap()),
            false => ColumnarValue::Array(array),
        });
    }
    let arg_fields: Vec<FieldRef> =
        types.iter().map(|own| Arc::new(Field::new("a", own.clone(), true))).collect();
    let literals: Vec<Option<&ScalarValue>> = args
        .iter()
        .map(|arg| match arg {
            ColumnarValue::Scalar(value) => Some(value),
            ColumnarValue::Array(_) => None,
        })
        .collect();
    let fields = ReturnFieldArgs { arg_fields: &arg_fields, scalar_arguments: &literals };
    let return_field = udf.return_field_from_args(fields).ok()?;
    let args = ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows: rows,
        return_field: return_field.clone(),
        config_options: Arc::new(ConfigOptions::default()),
    };
    match udf.invoke_with_args(args) {
        Ok(value) => {
            let array = value.into_array(rows).unwrap();
            assert_eq!(array.data_type(), return_field.data_type(), "{}", udf.name());
            Some(array)
        }
        Err(error) => {
            assert!(!error.to_string().contains("Internal error"), "{}: {error}", udf.name());
            None
        }
    }
}
