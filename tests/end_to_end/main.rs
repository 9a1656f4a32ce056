//! The examples that the README names give the answers computed without Millrace.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads what the example wrote, and panics when it cannot"
)]

mod checkpoints;
mod command;
mod emission;
mod incremental;
mod late;
mod objects;
mod processing_time;
mod sockets;

use std::fs;
use std::path::Path;

use millrace_tests::binary;
use millrace_tests::table::{self, Kind, Row};
use serde_json::value::RawValue;

/// The rows of JSON lines whose objects have their keys in the order of the columns.
fn rows(text: &str, kinds: &[Kind]) -> Vec<Row> {
    let row = |line: &str| {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let values: Vec<Box<RawValue>> =
            object.values().map(|value| RawValue::from_string(value.to_string()).unwrap()).collect();
        table::row(&values, kinds).unwrap()
    };
    text.lines().map(row).collect()
}

/// The rows of all visible files in a folder.
fn rows_of_folder(folder: &Path, kinds: &[Kind]) -> Vec<Row> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let visible = entries.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with(['.', '_']));
    visible.flat_map(|path| rows(&fs::read_to_string(path).unwrap(), kinds)).collect()
}

fn assert_same(what: &str, expected: &str, found: &[Row], kinds: &[Kind]) {
    let expected = fs::read_to_string(binary::root().join(expected)).unwrap();
    let difference = table::compare(&rows(&expected, kinds), found);
    assert!(difference.is_empty(), "{what}: {difference}");
}

/// The script of the README with its sinks in `folder`, both as files of JSON lines.
fn script(folder: &Path) -> String {
    let text = fs::read_to_string(binary::root().join("examples/flights/flights.sql")).unwrap();
    let file = |name: &str| {
        let path = folder.join(name);
        format!("'connector' = 'filesystem', 'path' = '{}', 'format' = 'json'", path.display())
    };
    let hourly = text.replace("'connector' = 'print'", &file("hourly"));
    assert_ne!(hourly, text, "the example prints its hours");
    let daily = hourly.replace("target/flights/daily", &folder.join("daily").to_string_lossy());
    assert_ne!(daily, hourly, "the example writes its days");
    daily
}

#[test]
fn flights_gives_the_independent_answer() {
    use Kind::{Approximate, Exact, Timestamp};
    let binary = binary::path().unwrap();
    for shards in ["1", "2"] {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("flights.sql");
        fs::write(&file, script(scratch.path())).unwrap();
        let mut command = binary::limited(&binary);
        command.arg("run").arg(&file).args(["--shards", shards, "--oversubscribe", "--quiet"]);
        command.args(["--stats", "json"]);
        let run = binary::finish(command, scratch.path()).unwrap();
        run.output().unwrap();

        let kinds = [Timestamp, Exact, Exact, Approximate, Exact];
        let hourly = rows_of_folder(&scratch.path().join("hourly"), &kinds);
        assert_same("hourly", "examples/flights/expected-hourly.json", &hourly, &kinds);
        let kinds = [Timestamp, Exact, Exact, Exact, Approximate, Exact];
        let daily = rows_of_folder(&scratch.path().join("daily"), &kinds);
        assert_same("daily", "examples/flights/expected-daily.json", &daily, &kinds);
    }
}
