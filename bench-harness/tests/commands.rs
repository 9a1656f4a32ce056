//! The subcommands of `millrace-bench`, small, on the real binary: each leaves a record that can be run again.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test reads what a command wrote")]

use std::process::{Command, Output};

use millrace_bench::record::Record;

fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace-bench")).args(arguments).output().unwrap()
}

/// The record of a command that must succeed.
fn record(arguments: &[&str]) -> Record {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.json");
    let output = bench(&[arguments, &["--quick", "--seed", "7", "--json", file.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record: Record = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((record.seed, record.command.as_str()), (7, arguments[0]));
    assert!(record.machine.cores > 0 && !record.machine.kernel.is_empty());
    record
}

#[test]
fn contention_compares_designs_with_equal_answers_and_judges_each_claim() {
    let record = record(&["contention", "--partitions", "1,8", "--groups", "100"]);
    let designs = &record.tables[0];
    assert_eq!(designs.rows.len(), 2 * 2 * 9, "windows and not, two numbers of partitions, nine designs");
    let answer = designs.columns.iter().position(|own| own == "answer").unwrap();
    // Only the source design may lose rows.
    assert!(designs.rows.iter().all(|row| row[0] == "a" || row[answer] == "equal"));
    assert!(record.tables[1].rows.iter().all(|row| !row[2].is_empty()), "a verdict for each claim");
    let counts = &record.tables[3];
    assert_eq!(counts.rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["a", "c", "f"]);
    let switches = designs.columns.iter().position(|own| own == "switches").unwrap();
    assert!(designs.rows.iter().all(|row| row[switches].parse::<u64>().is_ok()), "of Millrace's shards too");
}

#[test]
fn scenarios_run_in_memory_and_from_files_and_sockets() {
    let record = record(&["scenario", "--rows", "40000", "--file-rows", "20000", "--keys", "100"]);
    let cells = |table: usize, column: &str| {
        let at = record.tables[table].columns.iter().position(|own| own == column).unwrap();
        let names = record.tables[table].rows.iter().map(|row| row[at].as_str());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let refused = record.tables[4].rows.len();
    assert_eq!(
        cells(1, "scenario").len() + refused,
        10,
        "each scenario is measured, or refused with a reason"
    );
    assert!(["S0", "S2", "S3a", "S3b", "S3b-row", "S4"].iter().all(|own| cells(1, "scenario").contains(own)));
    assert_eq!(cells(2, "scenario").len() + 1, cells(1, "scenario").len(), "row by row is for memory alone");
    assert_eq!(
        cells(2, "input").into_iter().collect::<Vec<_>>(),
        ["arrow file", "csv file", "json file", "socket"]
    );
    let updates = record.tables[1].columns.iter().position(|own| own == "rows out per row in").unwrap();
    let row_by_row = record.tables[1].rows.iter().find(|row| row[0] == "S3b-row").unwrap();
    assert!(row_by_row[updates].parse::<f64>().unwrap() >= 1.0, "{row_by_row:?}");
}

#[test]
fn nexmark_answers_alike_from_memory_files_and_sockets_and_says_what_is_missing() {
    let record = record(&[
        "nexmark",
        "--events",
        "5000",
        "--file-events",
        "5000",
        "--check-events",
        "3000",
        "--shards",
        "1,2",
    ]);
    let (rates, refused) = (&record.tables[0], &record.tables[1]);
    let measured = rates.rows.iter().map(|row| row[0].as_str()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(measured.len() + refused.rows.len(), 23);
    assert_eq!(rates.rows.len(), measured.len() * 3 * 2, "three inputs, one and two shards");
    assert!(["q0", "q1", "q2", "q14", "q17", "q22"].iter().all(|own| measured.contains(own)));
    assert!(refused.rows.iter().all(|row| !row[2].is_empty()), "a reason for each");
}

#[test]
fn a_report_is_one_page_with_the_tables_and_pictures_of_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let [json, page] = ["record.json", "page.html"].map(|own| folder.path().join(own).display().to_string());
    let made = bench(&[
        "nexmark",
        "--quick",
        "--only",
        "q0",
        "--events",
        "3000",
        "--check-events",
        "1000",
        "--json",
        &json,
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let output = bench(&["report", &json, "--output", &page]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("Nexmark, 3000 events") && html.contains("seed 1"));
    assert!(!html.contains("http"), "nothing is loaded");
    std::fs::write(&json, "[]").unwrap();
    let output = bench(&["report", &json, "--output", &page]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a record"));
}

#[test]
fn load_measures_latency_and_finds_every_event_in_the_ledger() {
    let record = record(&["load", "--rate", "2000", "--seconds", "0.6", "--warmup-seconds", "0.1"]);
    for table in record.tables.iter().filter(|own| own.title.starts_with("Latency")) {
        let events = table.columns.iter().position(|own| own == "events").unwrap();
        assert_eq!(table.rows[0][events], "1200", "{}", table.title);
    }
    assert_eq!(record.tables.len(), 4, "latency and stages of both queries");
}

#[test]
fn trades_of_one_seed_are_written_once_and_queried_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let written = bench(&["data", path, "--rows", "20000", "--keys", "100", "--format", "arrow,json"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let (file, kept) = (format!("{path}/0.arrow"), format!("{path}/kept.arrow"));
    let query = "SELECT symbol, COUNT(*) FROM t GROUP BY symbol EMIT FINAL";
    let run = bench(&["memory", &file, query, "--repeat", "2", "--keep", &kept]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((figures["rows_in"].as_u64(), figures["rows_out"].as_u64()), (Some(20_000), Some(10)));
    assert_eq!(figures["seconds"].as_array().unwrap().len(), 2);
    assert!(std::fs::metadata(kept).unwrap().len() > 0);
}

#[test]
fn events_are_written_in_time_order_and_named_queries_run_over_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let written = bench(&[
        "data",
        path,
        "--rows",
        "100",
        "--nexmark",
        "5000",
        "--splits",
        "2",
        "--format",
        "arrow,json",
    ]);
    let said = String::from_utf8_lossy(&written.stdout).into_owned();
    assert!(said.contains("bid, json: ") && said.contains(", 4600 rows"), "{said}");
    let lines = std::fs::read_to_string(folder.path().join("bid/0.json")).unwrap();
    let time = |line: &str| line.split("\"date_time\":").nth(1).unwrap()[..25].to_string();
    let times: Vec<String> = lines.lines().map(time).collect();
    assert!(times.len() == 2300 && times.is_sorted());
    let named: serde_json::Value = serde_json::from_slice(&bench(&["queries"]).stdout).unwrap();
    assert!(named["q5"]["sql"].as_str().unwrap().contains("HOP("));
    assert!(named["S0"]["results"].as_str().unwrap().starts_with("c0 STRING, c1 DOUBLE"));
    let run = bench(&["memory", path, "q2", "--repeat", "1"]);
    let figures: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert!(figures["rows_in"] == 2300 && figures["start_up"].as_f64().unwrap() > 0.0, "{figures}");
}

#[test]
fn wrong_arguments_are_refused_with_what_would_be_right() {
    for (arguments, said) in [
        (&["contention", "--designs", "z"][..], "known: a, a+"),
        (&["scenario", "--only", "S9"], "known: S0, S1"),
        (&["load", "--rate", "0"], "begin at 1"),
        (&["nexmark", "--only", "q99"], "known: q0 to q22"),
    ] {
        let output = bench(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(said), "{stderr}");
    }
    let output = bench(&["load", "--rate", "10", "--millrace", "/nowhere/millrace"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("build it with"));
    let output = bench(&["report", "/nowhere/record.json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/record.json"));
}
