//! Windows by processing time as a user meets them: results come by the clock, while the input is open.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};

use millrace_tests::binary;

const BACKENDS: [&str; 2] = ["glommio", "threads"];

/// Queries that count every row of `t` once, in windows of the clock.
const QUERIES: [&str; 5] = [
    "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt), INTERVAL '0.1' SECOND)) \
     GROUP BY window_start, window_end",
    "SELECT COUNT(*) FROM t GROUP BY k, TUMBLE(pt, INTERVAL '0.1' SECOND)",
    "SELECT COUNT(*) FROM t GROUP BY SESSION(pt, INTERVAL '0.1' SECOND)",
    "SELECT n FROM (SELECT COUNT(*) AS n, TIMESTAMPDIFF(SECOND, window_start, window_end) AS len \
     FROM TABLE(CUMULATE(TABLE t, DESCRIPTOR(pt), INTERVAL '0.1' SECOND, INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end) WHERE len = 1",
    // A row that has met no other leaves when none can come any more.
    "SELECT COALESCE(b.id, 1) FROM t AS a LEFT JOIN t AS b ON a.k = b.k AND a.id < b.id - 1000 \
     AND b.pt BETWEEN a.pt AND a.pt + INTERVAL '0.1' SECOND",
];

/// A run that reads standard input as long as this is open.
fn start(query: &str, backend: &str) -> (Child, ChildStdin) {
    let script = format!(
        "CREATE TABLE t (id INT, k STRING, pt AS PROCTIME()) WITH ('connector' = 'stdin', 'format' = 'json'); {query};"
    );
    let mut child = binary::limited(&binary::path().unwrap())
        .args(["run", "--quiet", "--shards", "2", "--oversubscribe", "--backend", backend, "-e", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

/// The number in a printed row.
fn number(line: &str) -> i64 {
    line.trim_start_matches("+I[").trim_end_matches(']').parse().unwrap()
}

fn row(id: usize) -> String {
    format!("{{\"id\": {id}, \"k\": \"{}\"}}\n", ["a", "b"][id % 2])
}

#[test]
fn windows_fire_while_the_input_is_open_and_silent() {
    for backend in BACKENDS {
        for query in QUERIES {
            let (mut child, mut input) = start(query, backend);
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            for rows in [3, 5] {
                (0..rows).for_each(|id| input.write_all(row(id + rows * 10).as_bytes()).unwrap());
                input.flush().unwrap();
                // Nothing else comes: only the clock can bring these results.
                let mut counted = 0;
                while counted < rows as i64 {
                    counted += number(&lines.next().unwrap().unwrap());
                }
                assert_eq!(counted, rows as i64, "{backend}: {query}");
            }
            input.write_all(row(1).as_bytes()).unwrap();
            drop(input);
            assert_eq!(
                number(&lines.next().unwrap().unwrap()),
                1,
                "{backend}: {query}: what was open at the end"
            );
            assert!(lines.next().is_none() && child.wait().unwrap().success(), "{backend}: {query}");
        }
    }
}

/// Windows that are open when a run stops go on in the next, on another number of shards; no row is lost or doubled.
#[test]
fn open_windows_outlast_a_restart() {
    for backend in BACKENDS {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        fs::create_dir(path("in")).unwrap();
        let script = format!(
            "CREATE TABLE t (id INT, k STRING, pt AS PROCTIME()) \
             WITH ('connector' = 'filesystem', 'path' = '{}/*.json', 'format' = 'json'); \
             CREATE TABLE o (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json'); \
             INSERT INTO o SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt), INTERVAL '1' HOUR)) \
             GROUP BY window_start, window_end;",
            path("in").display(),
            path("out").display()
        );
        fs::write(path("script.sql"), script).unwrap();
        for (file, shards, keep) in
            [("a", "2", Some("--keep-open")), ("b", "1", Some("--keep-open")), ("c", "3", None)]
        {
            fs::write(path("in").join(format!("{file}.json")), (0..10).map(row).collect::<String>()).unwrap();
            let mut command = binary::limited(&binary::path().unwrap());
            command.arg("run").arg(path("script.sql")).args([
                "--quiet",
                "--oversubscribe",
                "--backend",
                backend,
            ]);
            command.args(["--shards", shards, "--checkpoint-dir"]).arg(path("checkpoints")).args(keep);
            binary::finish(command, scratch.path()).unwrap().output().unwrap();
        }
        let counts = fs::read_dir(path("out")).unwrap().flat_map(|entry| {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let counts = text
                .lines()
                .map(|line| line.trim_start_matches("{\"n\":").trim_end_matches('}').parse::<i64>());
            counts.map(Result::unwrap).collect::<Vec<i64>>()
        });
        let counts: Vec<i64> = counts.collect();
        assert_eq!(counts.iter().sum::<i64>(), 30, "{backend}: {counts:?}");
        // An hour may begin in the middle of the test, but not two.
        assert!(counts.len() <= 2, "{backend}: {counts:?}");
    }
}
