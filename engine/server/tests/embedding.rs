//! A program that embeds Millrace brings its own functions.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it writes the input, and panics when it cannot"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use millrace_plan::{
    AggregateFunction, Error, FunctionSignature, Limits, Result, ScalarFunction, UserFunction,
};
use millrace_server::config::Config;
use millrace_server::job::{Job, compile_script, placement};
use millrace_server::signals::Signals;

fn signature(name: &str, args: &[DataType], result: DataType) -> FunctionSignature {
    FunctionSignature { name: name.to_string(), args: args.to_vec(), result }
}

/// `initials(name)`; an empty name has none, which is an error.
#[derive(Debug)]
struct Initials(FunctionSignature);

impl ScalarFunction for Initials {
    fn signature(&self) -> &FunctionSignature {
        &self.0
    }

    fn call(&self, args: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let initials = |name: &str| -> Result<String> {
            let initials: String = name.split(' ').filter_map(|part| part.chars().next()).collect();
            if initials.is_empty() { Err(Error::data("a name without initials")) } else { Ok(initials) }
        };
        let names = args[0].as_string::<i32>().iter().map(|name| name.map(initials).transpose());
        Ok(Arc::new(names.collect::<Result<StringArray>>()?))
    }
}

/// `longest(v)`: the greatest value so far, 8 bytes.
#[derive(Debug)]
struct Longest(FunctionSignature);

fn number(state: &[u8]) -> i64 {
    i64::from_le_bytes(state.try_into().unwrap())
}

fn greatest(states: &BinaryArray, rows: impl Iterator<Item = (u32, i64)>) -> BinaryArray {
    let mut all: Vec<Option<i64>> = states.iter().map(|state| state.map(number)).collect();
    rows.for_each(|(group, value)| {
        let own = &mut all[group as usize];
        *own = (*own).max(Some(value));
    });
    all.iter().map(|own| own.map(i64::to_le_bytes)).collect()
}

impl AggregateFunction for Longest {
    fn signature(&self) -> &FunctionSignature {
        &self.0
    }

    fn accumulate(&self, states: &BinaryArray, groups: &[u32], args: &[ArrayRef]) -> Result<BinaryArray> {
        let values = args[0].as_primitive::<Int64Type>();
        let rows = groups.iter().zip(values).filter_map(|(group, value)| Some((*group, value?)));
        Ok(greatest(states, rows))
    }

    fn retract(&self, _: &BinaryArray, _: &[u32], _: &[ArrayRef]) -> Result<BinaryArray> {
        Err(Error::bug("what was the longest is not known any more"))
    }

    fn merge(&self, states: &BinaryArray, groups: &[u32], others: &BinaryArray) -> Result<BinaryArray> {
        let rows = groups.iter().zip(others).filter_map(|(group, state)| Some((*group, number(state?))));
        Ok(greatest(states, rows))
    }

    fn evaluate(&self, states: &BinaryArray) -> Result<ArrayRef> {
        Ok(Arc::new(states.iter().map(|state| state.map(number)).collect::<Int64Array>()))
    }
}

fn lines(folder: &Path) -> Vec<String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text: String = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut lines: Vec<String> = text.lines().map(str::to_string).collect();
    lines.sort();
    lines
}

#[test]
fn functions_in_rust_are_called_by_name() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_string_lossy().into_owned();
    fs::write(path("in.csv"), "Ada Lovelace,36\nAlan Mathison Turing,41\n\"\",1\nAnna Lindh,46\nAda L,85\n")
        .unwrap();
    let sql = format!(
        "CREATE TABLE people (name STRING, age BIGINT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');\n\
         CREATE TABLE oldest (initials STRING, age BIGINT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'csv');\n\
         INSERT INTO oldest SELECT initials, LONGEST(age) FROM (SELECT Initials(name) AS initials, age FROM people) \
         GROUP BY initials EMIT FINAL;",
        path("in.csv"),
        path("out")
    );
    let initials = Initials(signature("initials", &[DataType::Utf8], DataType::Utf8));
    let longest = Longest(signature("longest", &[DataType::Int64], DataType::Int64));
    let config = Config {
        functions: vec![UserFunction::Scalar(Arc::new(initials)), UserFunction::Aggregate(Arc::new(longest))],
        shards: Some(2),
        oversubscribe: true,
        limits: Limits { batch_rows: 2, ..Limits::default() },
        ..Config::plain()
    };
    let placement = placement(&config).unwrap();
    let compiled = compile_script(&sql, placement.len(), &config).unwrap();
    let job = Job::open(&compiled, placement.len(), &config).unwrap();
    job.run(&placement, &config, &Signals::install().unwrap()).unwrap();
    assert_eq!(lines(&scratch.path().join("out")), ["AL,85", "AMT,41"]);
}

#[test]
fn a_function_in_rust_cannot_take_the_name_of_another() {
    let initials = |name: &str| {
        UserFunction::Scalar(Arc::new(Initials(signature(name, &[DataType::Utf8], DataType::Utf8))))
    };
    for (functions, part) in [
        (vec![initials("UPPER")], "`UPPER` is a function of Millrace already"),
        (vec![initials("f"), initials("F")], "function `F` is declared twice"),
    ] {
        let config = Config { functions, ..Config::plain() };
        let error = compile_script("", 1, &config).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
