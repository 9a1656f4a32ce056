//! Walks the function table: every example gives its value, with constants and with columns, NULLs and no
//! rows; random arguments never panic.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{ColumnarValue, Expr, ScalarFunctionArgs, col};
use datafusion_physical_expr::create_physical_expr;
use proptest::prelude::*;

use super::{Entry, Parameter, scalar, scalar_functions, text_form};
use crate::bind::{Binder, Tables};
use crate::parse::FlinkDialect;
use datafusion_sql::sqlparser::ast;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};

/// Functions whose text arguments decide their type or their work and must be constants.
const CONSTANT_FIRST: &[&str] = &["extract", "floor_to", "ceil_to", "timestampadd", "timestampdiff"];

fn parse_expression(sql: &str) -> Result<ast::Expr, ParserError> {
    Parser::new(&FlinkDialect {}).try_with_sql(sql)?.parse_expr()
}

fn bound(sql: &str) -> Expr {
    let expr = parse_expression(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let tables = Tables::default();
    Binder::new(&tables)
        .scalar(&expr, &DFSchema::empty(), None)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn evaluated(expr: &Expr, batch: &RecordBatch) -> ArrayRef {
    let schema = DFSchema::try_from(batch.schema()).unwrap();
    let physical =
        create_physical_expr(expr, &schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())
            .unwrap();
    physical
        .evaluate(batch)
        .and_then(|own| own.into_array(batch.num_rows()))
        .unwrap_or_else(|error| panic!("{expr}: {error}"))
}

fn text(array: &ArrayRef, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".into();
    }
    let mut out = String::new();
    if let DataType::Boolean = array.data_type() {
        return arrow::array::AsArray::as_boolean(array).value(row).to_string();
    }
    assert!(text_form::write(array.as_ref(), row, &mut out), "no text form: {}", array.data_type());
    out
}

fn no_columns(rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap()
}

#[test]
fn every_function_has_an_example_and_gives_its_value() {
    for entry in scalar_functions() {
        assert!(!entry.examples.is_empty() || entry.name == "get_field", "{} has no example", entry.name);
        for (sql, expected) in entry.examples {
            let result = evaluated(&bound(sql), &no_columns(1));
            assert_eq!(text(&result, 0), *expected, "{sql}");
        }
    }
}

/// The expression with its constants as columns, and a batch of them: the constants, NULLs, the constants.
fn with_columns(expr: Expr) -> (Expr, RecordBatch) {
    let (mut fields, mut columns) = (vec![], vec![]);
    let mut as_column = |value: &ScalarValue| {
        let name = format!("c{}", fields.len());
        let value = value.to_array().unwrap();
        let null = new_null_array(value.data_type(), 1);
        fields.push(Field::new(&name, value.data_type().clone(), true));
        columns.push(concat(&[&value, &null, &value]).unwrap());
        col(name)
    };
    let expr = expr.transform_down(|own| {
        let Expr::ScalarFunction(mut call) = own else { return Ok(Transformed::no(own)) };
        let constant_first = CONSTANT_FIRST.contains(&call.func.name());
        for (position, argument) in call.args.iter_mut().enumerate() {
            let decides = (constant_first && position == 0) || (call.func.name() == "round" && position == 1);
            if let (Expr::Literal(value, _), false) = (&argument, decides) {
                *argument = as_column(value);
            }
        }
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
    (expr.unwrap().data, batch.unwrap())
}

#[test]
fn columns_give_what_constants_give_and_take_nulls_and_no_rows() {
    for entry in scalar_functions() {
        for (sql, expected) in entry.examples {
            let (expr, batch) = with_columns(bound(sql));
            let result = evaluated(&expr, &batch);
            assert_eq!(result.len(), 3, "{sql}");
            assert_eq!(
                (text(&result, 0).as_str(), text(&result, 2).as_str()),
                (*expected, *expected),
                "{sql}"
            );
            assert_eq!(evaluated(&expr, &batch.slice(0, 0)).len(), 0, "{sql}");
        }
    }
}

#[test]
fn names_are_unique_and_found_in_any_case() {
    let mut names: Vec<&str> = scalar_functions()
        .iter()
        .flat_map(|entry| entry.aliases.iter().chain([&entry.name]))
        .copied()
        .collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    assert!(names.iter().all(|name| scalar(&name.to_uppercase()).is_some()));
    assert!(scalar("no_such_function").is_none());
}

#[test]
fn a_wrong_call_is_told_how_to_call() {
    let expr = parse_expression("UPPER(1, 2)").unwrap();
    let tables = Tables::default();
    let error = Binder::new(&tables).scalar(&expr, &DFSchema::empty(), None).unwrap_err().to_string();
    assert!(error.contains("UPPER(text)"), "{error}");
}

fn random_text() -> impl Strategy<Value = ScalarValue> {
    let tricky =
        prop_oneof!["[ -~]{0,12}", "\\PC{0,6}", Just("yyyy-MM-dd".to_string()), Just("$.a[0]".to_string())];
    proptest::option::of(tricky).prop_map(ScalarValue::Utf8)
}

fn random_argument(parameter: Parameter) -> BoxedStrategy<ScalarValue> {
    let ints = || proptest::option::of(prop_oneof![any::<i32>(), -3i32..20]);
    match parameter {
        Parameter::Text | Parameter::Bytes | Parameter::Any => random_text().boxed(),
        Parameter::Int => ints().prop_map(ScalarValue::Int32).boxed(),
        Parameter::Long => proptest::option::of(any::<i64>()).prop_map(ScalarValue::Int64).boxed(),
        Parameter::Double | Parameter::Number => {
            proptest::option::of(any::<f64>()).prop_map(ScalarValue::Float64).boxed()
        }
        Parameter::Bool => proptest::option::of(any::<bool>()).prop_map(ScalarValue::Boolean).boxed(),
        Parameter::Time => proptest::option::of(any::<i64>())
            .prop_map(|ticks| ScalarValue::TimestampMillisecond(ticks, None))
            .boxed(),
    }
}

fn random_call() -> impl Strategy<Value = (&'static Entry, Vec<ScalarValue>)> {
    (0..scalar_functions().len()).prop_flat_map(|index| {
        let entry = scalar_functions()[index];
        let units = prop_oneof![Just("HOUR"), Just("MONTH"), Just("CENTURY"), Just("nothing")];
        let argument = move |(position, parameter): (usize, &Parameter)| match position {
            0 if CONSTANT_FIRST.contains(&entry.name) => {
                units.clone().prop_map(|unit| ScalarValue::Utf8(Some(unit.into()))).boxed()
            }
            _ => random_argument(*parameter),
        };
        let arguments: Vec<_> = entry.takes.iter().enumerate().map(argument).collect();
        arguments.prop_map(move |arguments| (entry, arguments))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn random_arguments_never_panic((entry, arguments) in random_call()) {
        let function = scalar(entry.name).unwrap();
        let types: Vec<DataType> = arguments.iter().map(ScalarValue::data_type).collect();
        // A refused call is fine.
        let Ok(result) = function.return_type(&types) else { return Ok(()) };
        let field = |own: &DataType| Arc::new(Field::new("x", own.clone(), true));
        let args = ScalarFunctionArgs {
            args: arguments.into_iter().map(ColumnarValue::Scalar).collect(),
            arg_fields: types.iter().map(field).collect(),
            number_rows: 1,
            return_field: field(&result),
            config_options: Arc::new(ConfigOptions::default()),
        };
        if let Ok(value) = function.invoke_with_args(args) {
            prop_assert_eq!(value.data_type(), result);
        }
    }
}

/// CAST in Flink's terms: the expression and its text.
const CASTS: &[(&str, &str)] = &[
    ("CAST(TRUE AS STRING)", "TRUE"),
    ("CAST(CAST(1 AS DOUBLE) AS STRING)", "1.0"),
    ("CAST(CAST(1E10 AS DOUBLE) AS STRING)", "1.0E10"),
    ("CAST(1.50 AS STRING)", "1.50"),
    ("CAST(TIMESTAMP '2026-03-01 09:00:00.007' AS STRING)", "2026-03-01 09:00:00.007"),
    ("CAST(DATE '2026-03-01' AS STRING)", "2026-03-01"),
    ("CAST(' 42 ' AS INT)", "42"),
    ("CAST('12.9' AS INT)", "12"),
    ("TRY_CAST('abc' AS INT)", "NULL"),
    ("CAST('yes' AS BOOLEAN)", "true"),
    ("CAST('2026-03-01 09:10' AS TIMESTAMP(3))", "2026-03-01 09:10:00.000"),
    ("CAST('2026-3-1' AS DATE)", "2026-03-01"),
    ("CAST(CAST(2.9 AS DOUBLE) AS INT)", "2"),
    ("CAST(CAST(-2.9 AS DOUBLE) AS BIGINT)", "-2"),
    ("CAST(300 AS TINYINT)", "44"),
    ("CAST(1.005 AS DECIMAL(10, 2))", "1.01"),
    ("CAST(-1.005 AS DECIMAL(10, 2))", "-1.01"),
    ("CAST(1234.5 AS DECIMAL(4, 2))", "NULL"),
    ("CAST('1234.5' AS DECIMAL(4, 2))", "NULL"),
    ("CAST('12.345' AS DECIMAL(6, 2))", "12.35"),
    ("CAST(12.9 AS INT)", "12"),
    ("CAST(5 AS BOOLEAN)", "true"),
    ("CAST(FALSE AS INT)", "0"),
    ("CAST(ARRAY[1, 2] AS STRING)", "[1, 2]"),
];

#[test]
fn cast_means_what_flink_means() {
    for (sql, expected) in CASTS {
        assert_eq!(text(&evaluated(&bound(sql), &no_columns(1)), 0), *expected, "{sql}");
    }
}
