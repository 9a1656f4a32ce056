//! Late rows as a user meets them: in a table of their own, or in windows that are sent again.

use std::fs;
use std::path::Path;

use millrace_tests::binary::{self, Run};
use serde_json::Value;

/// Rows in disorder, and some that come too late.
fn input() -> String {
    let row = |id: i64| {
        let ms = id * 37 - if id % 10 == 7 { 2_500 } else { id % 3 * 200 };
        let (second, ms) = (ms.max(0) / 1000, ms.max(0) % 1000);
        format!(
            "{{\"id\": {id}, \"k\": \"key-{}\", \"ts\": \"2026-01-01 00:00:{second:02}.{ms:03}\"}}\n",
            id % 4
        )
    };
    (0..1_500).map(row).collect()
}

fn script(folder: &Path, options: &str, rest: &str) -> String {
    format!(
        "CREATE TABLE t (id INT, k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) \
         WITH ('connector' = 'filesystem', 'path' = '{folder}/in.json', 'format' = 'json', {options});\n\
         CREATE TABLE late (ts TIMESTAMP(3), id INT) WITH ('connector' = 'filesystem', 'path' = '{folder}/late', \
         'format' = 'json');\n{rest}",
        folder = folder.display()
    )
}

fn command(arguments: &[&str], script: &str, scratch: &Path) -> Run {
    let mut command = binary::limited(&binary::path().unwrap());
    command.args(arguments).args(["-e", script]);
    binary::finish(command, scratch).unwrap()
}

/// The `id`s in the late table, sorted, and the account of the run.
fn late_ids(shards: &str, batch_rows: &str, extra: &[&str]) -> (Vec<i64>, Value) {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("in.json"), input()).unwrap();
    let query = "SELECT window_start, k, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND)) \
                 GROUP BY window_start, window_end, k;";
    let script = script(scratch.path(), "'late.table' = 'late'", query);
    let arguments = ["run", "--quiet", "--oversubscribe", "--stats", "json", "--shards", shards];
    let arguments = [&arguments[..], &["--batch-rows", batch_rows], extra].concat();
    let run = command(&arguments, &script, scratch.path());
    run.output().unwrap();
    let files = fs::read_dir(scratch.path().join("late")).unwrap().map(|entry| entry.unwrap().path());
    let lines: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap();
    let mut ids: Vec<i64> = lines.lines().map(id).collect();
    ids.sort_unstable();
    let stats = run.stderr.lines().find(|line| line.starts_with('{')).unwrap();
    (ids, serde_json::from_str(stats).unwrap())
}

/// The rows that no window of 2 s takes: the watermark, 1 s behind, had reached its end.
fn expected_ids() -> Vec<i64> {
    let mut late = vec![];
    let mut watermark = i64::MIN;
    for line in input().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (second, ms) = row["ts"].as_str().unwrap().rsplit_once(':').unwrap().1.split_once('.').unwrap();
        let time = second.parse::<i64>().unwrap() * 1000 + ms.parse::<i64>().unwrap();
        if time / 2000 * 2000 + 2000 - 1 <= watermark {
            late.push(row["id"].as_i64().unwrap());
        }
        watermark = watermark.max(time - 1000);
    }
    late
}

#[test]
fn late_rows_are_in_their_table_and_in_the_account() {
    let expected = expected_ids();
    assert!(expected.len() > 50, "{expected:?}");
    for (shards, batch_rows, extra) in [("1", "8192", &[][..]), ("2", "1", &[]), ("3", "7", &["--ordered"])] {
        let (ids, account) = late_ids(shards, batch_rows, extra);
        assert_eq!(ids, expected, "{shards} shards, batches of {batch_rows}");
        assert_eq!(account["total"]["late"].as_u64(), Some(expected.len() as u64), "{account}");
    }
}

#[test]
fn windows_are_sent_again_for_late_rows() {
    let scratch = tempfile::tempdir().unwrap();
    let rows = [(1, "00:03"), (2, "00:12"), (3, "00:07"), (4, "00:30")];
    let row = |(id, at): &(i64, &str)| format!("{{\"id\": {id}, \"ts\": \"2026-01-01 00:{at}\"}}\n");
    fs::write(scratch.path().join("in.json"), rows.iter().map(row).collect::<String>()).unwrap();
    let query = "CREATE TABLE p (at TIMESTAMP(3), n BIGINT) WITH ('connector' = 'print'); INSERT INTO p SELECT \
                 window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) \
                 GROUP BY window_start, window_end;";
    let script = script(scratch.path(), "'window.allowed-lateness' = '5 s'", query);
    for shards in ["1", "2"] {
        let arguments = ["run", "--quiet", "--oversubscribe", "--batch-rows", "1", "--shards", shards];
        let run = command(&arguments, &script, scratch.path());
        let printed: Vec<&str> = run.output().unwrap().lines().collect();
        let expected = [
            "+I[2026-01-01T00:00, 1]",
            "-U[2026-01-01T00:00, 1]",
            "+U[2026-01-01T00:00, 2]",
            "+I[2026-01-01T00:00:10, 1]",
            "+I[2026-01-01T00:00:30, 1]",
        ];
        assert_eq!(printed, expected, "{shards} shards");
    }
}

#[test]
fn explain_shows_where_late_rows_go() {
    let scratch = tempfile::tempdir().unwrap();
    let query = "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '2' SECOND)) \
                 GROUP BY window_start, window_end;";
    let explained = |options: &str| {
        let script = script(scratch.path(), options, query);
        command(&["explain", "--shards", "2"], &script, scratch.path()).output().unwrap().to_string()
    };
    let plan = explained("'late.table' = 'late'");
    for part in
        ["Sink late (ts, id)  -- late rows", "LateRows of [", "'late.table' of t", "partial states move"]
    {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let plan = explained("'late.table' = 'late', 'scan.watermark.idle-timeout' = '1 s'");
    assert!(plan.contains("'late.table' wants rows whole, and a reader may fall idle"), "{plan}");
    let plan = explained("'window.allowed-lateness' = '5 s'");
    for part in ["changes for late rows up to 5000 ms", "[+I -U +U -D]", "the allowed lateness past the end"]
    {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let listed = binary::limited(&binary::path().unwrap()).arg("connectors").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.contains("late.table") && listed.contains("window.allowed-lateness"), "{listed}");
}

#[test]
fn a_late_table_that_gets_nothing_is_pointed_out() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("in.json"), "").unwrap();
    let script = script(scratch.path(), "'late.table' = 'late'", "SELECT k, COUNT(*) FROM t GROUP BY k;");
    let run = command(&["run"], &script, scratch.path());
    run.output().unwrap();
    assert!(run.stderr.contains("'late.table' of `t` has no effect"), "{}", run.stderr);
}
