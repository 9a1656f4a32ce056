//! The scripts, small: what they print, and what they say where something is missing or wrong.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads what a command wrote")]

use std::path::Path;
use std::process::{Command, Output};

use millrace_bench::record::Record;

/// A script of the tree, with the programs that Cargo has built.
fn script(name: &str, arguments: &[&str]) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name);
    Command::new(path).args(arguments).output().unwrap()
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|own| own.status.success())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where `millrace` and `millrace-bench` are.
fn programs() -> String {
    Path::new(env!("CARGO_BIN_EXE_millrace-bench")).parent().unwrap().display().to_string()
}

#[test]
fn peers_measures_millrace_and_names_every_peer_that_is_missing() {
    if !has("python3") {
        assert!(text(&script("peers", &[]).stderr).contains("python3 is missing"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [empty, json] =
        ["environments", "record.json"].map(|own| folder.path().join(own).display().to_string());
    let output = script(
        "peers",
        &[
            "--quick",
            "--rows",
            "20000",
            "--events",
            "5000",
            "--file-rows",
            "1000",
            "--only",
            "S3a,q5",
            "--no-install",
            "--environments",
            &empty,
            "--millrace",
            &programs(),
            "--json",
            &json,
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let record: Record = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let measured: Vec<&str> = record.tables[0].rows.iter().map(|own| own[0].as_str()).collect();
    assert_eq!(measured, ["S3a", "q5"]);
    let missing: Vec<&str> = record.tables[1].rows.iter().map(|own| own[0].as_str()).collect();
    assert_eq!(missing, ["DuckDB", "Polars", "DataFusion", "ClickHouse", "Flink"]);
    assert!(record.tables[1].rows.iter().all(|own| own[1].starts_with("not installed: ")));
    assert!(text(&output.stdout).contains("Missing"), "{}", text(&output.stdout));
    assert_eq!(std::fs::read_dir(empty).unwrap().count(), 0, "its rows are gone");
}

#[test]
fn peers_refuses_wrong_arguments_with_what_would_be_right() {
    if !has("python3") {
        return assert!(text(&script("peers", &[]).stderr).contains("python3 is missing"));
    }
    for (arguments, said) in [
        (&["--only", "S9"][..], "no query `S9`; known: S0, S2"),
        (&["--peers", "Oracle"], "no peer `Oracle`; known: DuckDB"),
        (&["--rows", "0"], "--rows begins at 1"),
        (&["--parallelism", "0"], "numbers from 1"),
        (&["--millrace", "/nowhere"], "build it with `cargo build --release"),
    ] {
        let output = script("peers", arguments);
        assert!(!output.status.success() && text(&output.stderr).contains(said), "{}", text(&output.stderr));
    }
    assert!(text(&script("peers", &["--help"]).stdout).contains("--quick"));
}

#[test]
fn locks_counts_context_switches_and_futex_calls() {
    if !has("python3") {
        return assert!(!script("locks", &[]).status.success());
    }
    let binary = format!("{}/millrace", programs());
    let output = script("locks", &[&binary, "1"]);
    assert!(text(&output.stdout).contains("context switches asked for"), "{}", text(&output.stderr));
    match has("strace") {
        true => {
            assert!(text(&output.stdout).contains("futex calls for 1000000 rows"), "{}", text(&output.stderr))
        }
        false => assert!(text(&output.stderr).contains("strace is missing")),
    }
    let output = script("locks", &[&binary, "many"]);
    assert!(text(&output.stderr).contains("not a number of million rows"));
}

#[test]
fn scripts_say_how_they_are_used_and_what_to_build() {
    if !has("python3") {
        return assert!(!script("profile", &[]).status.success());
    }
    assert!(text(&script("profile", &[]).stderr).contains("Usage: scripts/profile SCRIPT.sql"));
    for name in ["locks", "soak", "instructions"] {
        let output = script(name, &["/nowhere/millrace"]);
        assert!(text(&output.stderr).contains("/nowhere/millrace: not there"), "{name}");
    }
}
