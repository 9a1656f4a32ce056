//! The command as a user meets it: files in every format, standard input, bad rows, signals, refusals.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use millrace_tests::binary::{self, Run, Setup};
use serde_json::Value;

const SETUP: Setup = Setup { shards: 2, batch_rows: 100, backend: "auto" };

fn run(script: &str, scratch: &Path) -> Run {
    binary::run(script, SETUP, scratch).unwrap()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

const EVERY_TYPE: &str = "f BOOLEAN, a TINYINT, b SMALLINT, i INT, l BIGINT, d DOUBLE, m DECIMAL(10, 2), s STRING, \
                          x BYTES, day DATE, tod TIME, ts TIMESTAMP(3), tz TIMESTAMP_LTZ(3)";

#[test]
fn every_file_format_gives_back_what_was_written() {
    let made = format!(
        "CREATE TABLE made ({EVERY_TYPE}) WITH ('connector' = 'datagen', 'number-of-rows' = '500', \
         'rows-per-second' = '0', 'fields.s.length' = '7', 'fields.x.length' = '5', 'fields.l.null-rate' = '0.2', \
         'fields.s.null-rate' = '0.1', 'fields.ts.max-past' = '1 d', 'fields.ts.null-rate' = '0.1');\n"
    );
    let scratch = tempfile::tempdir().unwrap();
    let direct = run(&format!("{made}SELECT * FROM made;"), scratch.path());
    let direct = direct.output().unwrap();
    assert_eq!(direct.lines().count(), 500);
    for (format, options) in
        [("json", ""), ("csv", ", 'csv.null-literal' = 'NULL'"), ("arrow", ""), ("parquet", "")]
    {
        let folder = scratch.path().join(format);
        let table = format!(
            "CREATE TABLE file ({EVERY_TYPE}) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = '{format}'{options});\n",
            folder.display()
        );
        run(&format!("{made}{table}INSERT INTO file SELECT * FROM made;"), scratch.path()).output().unwrap();
        let back = run(&format!("{table}SELECT * FROM file;"), scratch.path());
        assert_eq!(sorted(back.output().unwrap()), sorted(direct), "{format}");
        let hidden = fs::read_dir(&folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
        assert_eq!(hidden.count(), 0, "{format}: files are renamed when they are complete");
    }
}

#[test]
fn a_sort_of_an_endless_table_is_refused() {
    let table = "CREATE TABLE t (id INT) WITH ('connector' = 'datagen');";
    let scratch = tempfile::tempdir().unwrap();
    for query in ["SELECT id FROM t ORDER BY id", "SELECT id FROM t ORDER BY id OFFSET 3"] {
        let refused = run(&format!("{table} {query};"), scratch.path());
        let said = refused.output().unwrap_err().to_string();
        assert!(said.contains("ORDER BY without LIMIT over `t`, which does not end"), "{said}");
    }
}

#[test]
fn rows_come_in_by_standard_input() {
    let script = "CREATE TABLE t (id INT, name STRING) WITH ('connector' = 'stdin', 'format' = 'json'); \
                  SELECT name, id + 1 FROM t;";
    let mut child = Command::new(binary::path().unwrap())
        .args(["run", "--quiet", "-e", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"{\"id\": 1, \"name\": \"a\"}\n").unwrap();
    input.flush().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The first result is there while the input is still open.
    assert_eq!(lines.next().unwrap().unwrap(), "+I[a, 2]");
    input.write_all(b"{\"id\": 2, \"name\": \"b\"}").unwrap();
    drop(input);
    assert_eq!(lines.next().unwrap().unwrap(), "+I[b, 3]");
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn bad_rows_leave_with_place_reason_and_bytes_and_stop_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let (input, letters) = (scratch.path().join("in.json"), scratch.path().join("letters/bad.json"));
    fs::write(&input, "{\"id\":1}\n{\"id\":\"x\"}\nnot json\n{\"id\":2}\n").unwrap();
    let table = |option: &str| {
        format!(
            "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json', {option});\nSELECT id FROM t;",
            input.display()
        )
    };
    let script = table(&format!("'dead-letter.path' = '{}'", letters.display()));
    let found = run(&script, scratch.path());
    assert_eq!(found.output().unwrap(), "{\"op\":\"+I\",\"row\":[1]}\n{\"op\":\"+I\",\"row\":[2]}\n");
    let text = fs::read_to_string(&letters).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!((&lines[0]["row"], &lines[0]["offset"]), (&Value::from(1), &Value::from(9)));
    assert_eq!(lines[0]["reason"], "column `id`: expected INT, found \"x\"");
    assert_eq!(lines[0]["raw"], "{\"id\":\"x\"}");
    assert_eq!(lines[1]["raw"], "not json");

    let failed = run(&table("'on-error' = 'fail'"), scratch.path());
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("in.json row 1: column `id`"), "{}", failed.stderr);
}

#[test]
fn the_account_tells_where_every_row_went() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("q.sql");
    let script = "CREATE TABLE t (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000', \
                  'rows-per-second' = '0', 'fields.id.kind' = 'sequence', 'fields.id.start' = '0', \
                  'fields.id.end' = '9999'); \
                  CREATE TABLE nowhere (id BIGINT) WITH ('connector' = 'blackhole'); \
                  INSERT INTO nowhere SELECT id FROM t WHERE id < 10;";
    fs::write(&file, script).unwrap();
    let mut command = binary::limited(&binary::path().unwrap());
    command.arg("run").arg(&file).args(["--stats", "json", "--quiet"]);
    let run = binary::finish(command, scratch.path()).unwrap();
    run.output().unwrap();
    let line = run.stderr.lines().last().unwrap();
    let account: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(account["total"]["rows_in"], 1000);
    assert_eq!(account["total"]["rows_out"], 10);
    let shards = account["shards"].as_array().unwrap();
    let read: u64 = shards.iter().map(|own| own["rows_in"].as_u64().unwrap()).sum();
    assert_eq!(read, 1000);
}

#[test]
fn what_was_read_before_a_signal_is_written() {
    const ROWS: usize = 3_000;
    let scratch = tempfile::tempdir().unwrap();
    let input = scratch.path().join("in");
    fs::create_dir(&input).unwrap();
    for file in 0..3 {
        let rows = (file..ROWS).step_by(3).map(|row| format!("{{\"k\": {}, \"v\": {row}}}\n", row % 7));
        fs::write(input.join(format!("{file}.json")), rows.collect::<String>()).unwrap();
    }
    // Changes are collected for longer than any test takes.
    let script = format!(
        "SET 'table.exec.mini-batch.allow-latency' = '1 h'; CREATE TABLE t (k INT, v BIGINT) WITH ('connector' = \
         'filesystem', 'path' = '{}', 'format' = 'json', 'source.monitor-interval' = '1 h'); SELECT 'row', v FROM t; \
         SELECT 'sum', k, COUNT(*), SUM(v) FROM t GROUP BY k;",
        input.display()
    );
    for shards in ["1", "2", "3"] {
        let mut child = Command::new(binary::path().unwrap())
            .args(["run", "--quiet", "--oversubscribe", "--shards", shards, "-e", &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let read = lines.by_ref().filter(|line| line.starts_with("+I[row")).take(ROWS).count();
        let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(read == ROWS && kill.success());
        let sums: Vec<String> = lines.filter(|line| line.contains("[sum")).collect();
        assert!(child.wait().unwrap().success());
        let sum = |key: usize| -> usize { (0..ROWS).filter(|row| row % 7 == key).sum() };
        let count = |key: usize| (0..ROWS).filter(|row| row % 7 == key).count();
        let expected: Vec<String> =
            (0..7).map(|key| format!("+I[sum, {key}, {}, {}]", count(key), sum(key))).collect();
        assert_eq!(sorted(&sums.join("\n")), expected, "{shards} shards");
    }
}

#[test]
fn a_signal_ends_an_endless_run_in_order() {
    let script = "CREATE TABLE t (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000'); \
                  SELECT id FROM t;";
    let mut child = Command::new(binary::path().unwrap())
        .args(["run", "--quiet", "-e", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("+I["));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(
        lines.map_while(Result::ok).all(|line| line.starts_with("+I[") && line.ends_with(']')),
        "whole lines only"
    );
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let script = "CREATE TABLE t (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '0'); \
                  SELECT id FROM t;";
    let mut child = Command::new(binary::path().unwrap())
        .args(["run", "--quiet", "-e", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn refusals_name_the_place_the_cause_and_the_remedy() {
    let cases = [
        ("SELECT 1 FROM nowhere;", 2, "line 1, column 15: unknown table `nowhere`"),
        (
            "CREATE TABLE t (a INT) WITH ('connector' = 'filesytem'); SELECT a FROM t;",
            2,
            "did you mean 'filesystem'?",
        ),
        (
            "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'path' = '/nowhere/at/all', 'format' = 'json'); SELECT a FROM t;",
            1,
            "/nowhere/at/all",
        ),
        ("SELEC 1;", 2, "line 1, column 1"),
        (
            "CREATE TABLE a (a INT) WITH ('connector' = 'stdin', 'format' = 'json'); \
             CREATE TABLE b (a INT) WITH ('connector' = 'stdin', 'format' = 'json'); \
             SELECT a FROM a UNION ALL SELECT a FROM b;",
            2,
            "two tables read standard input",
        ),
    ];
    let scratch = tempfile::tempdir().unwrap();
    for (script, code, message) in cases {
        let found = run(script, scratch.path());
        assert_eq!(found.status.code(), Some(code), "{script}\n{}", found.stderr);
        assert!(found.stderr.contains(message), "{script}\n{}", found.stderr);
        assert!(!found.stderr.contains("panicked"), "{script}\n{}", found.stderr);
    }
}

#[test]
fn check_explain_and_the_lists_print() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("q.sql");
    let script = "CREATE TABLE t (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen'); \
                  SELECT window_start, k, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
                  GROUP BY window_start, window_end, k;";
    fs::write(&file, script).unwrap();
    let path = file.to_string_lossy().into_owned();
    let cases: [(&[&str], &str); 6] = [
        (&["check", &path], "ok"),
        (&["explain", &path, "--shards", "2"], "Exchange"),
        (&["functions"], "REGEXP_EXTRACT"),
        (&["connectors"], "scan.watermark.idle-timeout"),
        (&["version"], env!("CARGO_PKG_VERSION")),
        (&["run", "--help"], "--oversubscribe"),
    ];
    for (arguments, expected) in cases {
        let mut command = binary::limited(&binary::path().unwrap());
        command.args(arguments);
        let run = binary::finish(command, scratch.path()).unwrap();
        assert!(run.output().unwrap().contains(expected), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn filter_and_projection_run_as_one_calc() {
    let scratch = tempfile::tempdir().unwrap();
    let script = "CREATE TABLE t (a INT, b INT) WITH ('connector' = 'datagen'); \
                  SELECT c + 1 FROM (SELECT a * 2 AS c, b FROM t) WHERE b > 3;";
    let mut command = binary::limited(&binary::path().unwrap());
    command.args(["explain", "-e", script]);
    let run = binary::finish(command, scratch.path()).unwrap();
    let plan = run.output().unwrap();
    assert_eq!(plan.matches("Calc").count(), 1, "{plan}");
    assert!(plan.contains("where b@1 > 3"), "{plan}");
}

#[test]
fn explain_says_where_the_rows_of_sessions_meet() {
    let scratch = tempfile::tempdir().unwrap();
    let script = "CREATE TABLE t (k INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen'); \
                  SELECT window_start, k, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), \
                  INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;";
    let mut command = binary::limited(&binary::path().unwrap());
    command.args(["explain", "--shards", "2", "-e", script]);
    let run = binary::finish(command, scratch.path()).unwrap();
    let plan = run.output().unwrap();
    assert!(plan.contains("SessionAggregate gap 60000 ms by [k]"), "{plan}");
    assert!(plan.contains("sessions need every row of a key: rows go to the owner of their group"), "{plan}");
    assert!(plan.contains("kept until the watermark passes the end of its session"), "{plan}");
}

#[test]
fn a_growing_folder_is_followed() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("in");
    fs::create_dir(&folder).unwrap();
    let add = |name: &str, id: u32| {
        let hidden = folder.join(format!(".{name}"));
        fs::write(&hidden, format!("{{\"id\":{id}}}\n")).unwrap();
        fs::rename(hidden, folder.join(name)).unwrap();
    };
    let script = format!(
        "CREATE TABLE t (id INT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json', \
         'source.monitor-interval' = '20 ms'); SELECT id FROM t;",
        folder.display()
    );
    let mut child = Command::new(binary::path().unwrap())
        .args(["run", "--quiet", "--shards", "2", "--oversubscribe", "-e", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 1..=4 {
        add(&format!("{id}.json"), id);
        assert_eq!(lines.next().unwrap().unwrap(), format!("+I[{id}]"));
    }
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success() && lines.next().is_none() && child.wait().unwrap().success());
}

/// Most of the time one shard has no file at all. Its time must not hold the other's windows back, and the rows
/// it has read before must be counted in them.
#[test]
fn windows_over_a_growing_folder_fire_and_lose_nothing_while_a_shard_has_no_file() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("in");
    fs::create_dir(&folder).unwrap();
    let add = |minute: u32| {
        let hidden = folder.join(format!(".{minute}"));
        let row =
            |second: u32| format!("{{\"m\":{minute},\"ts\":\"2024-01-01 00:{minute:02}:{second:02}\"}}\n");
        fs::write(&hidden, (0..3).map(row).collect::<String>()).unwrap();
        fs::rename(hidden, folder.join(format!("{minute}.json"))).unwrap();
    };
    let script = format!(
        "CREATE TABLE t (m INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', \
         'path' = '{}', 'format' = 'json', 'source.monitor-interval' = '20 ms'); \
         CREATE TABLE seen (m INT) WITH ('connector' = 'print'); \
         CREATE TABLE counts (m INT, n BIGINT) WITH ('connector' = 'print'); \
         INSERT INTO seen SELECT m FROM t; \
         INSERT INTO counts SELECT m, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
         GROUP BY window_start, window_end, m;",
        folder.display()
    );
    let mut child = Command::new("timeout")
        .arg("60")
        .arg(binary::path().unwrap())
        .args(["run", "--quiet", "--shards", "2", "--oversubscribe", "-e", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    for minute in 0..12 {
        add(minute);
        let closed = minute.checked_sub(1).map(|before| format!("+I[{before}, 3]"));
        let count = 3 + closed.iter().count();
        let mut found: Vec<String> = lines.by_ref().take(count).collect();
        let mut expected: Vec<String> = vec![format!("+I[{minute}]"); 3];
        expected.extend(closed);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "minute {minute}");
    }
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    child.wait().unwrap();
}
