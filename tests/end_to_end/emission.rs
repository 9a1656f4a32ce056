//! When changes leave as a user meets it, and when the groups that they are of are forgotten.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use millrace_tests::binary;

/// The changes of a count over 40 rows that come within 0.4 s.
fn counted(every: &str) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let script = format!(
        "CREATE TABLE t (a INT) WITH ('connector' = 'datagen', 'number-of-rows' = '40', 'rows-per-second' = '100'); \
         SELECT COUNT(*) FROM t EMIT CHANGES EVERY INTERVAL {every};"
    );
    let mut command = binary::limited(&binary::path().unwrap());
    command.args(["run", "--quiet", "--shards", "2", "--oversubscribe", "-e", &script]);
    let run = binary::finish(command, scratch.path()).unwrap();
    run.output().unwrap().lines().map(str::to_string).collect()
}

#[test]
fn changes_are_collected_as_long_as_the_query_says() {
    assert_eq!(counted("'1' HOUR"), ["+I[40]"]);
    let often = counted("'0.02' SECOND");
    assert!(often.len() > 4 && often.last().is_some_and(|last| last == "+U[40]"), "{often:?}");
}

/// A group is sent as a new one when no row of it has come for the time that the hint says; another that has been
/// written all the while goes on.
#[test]
fn a_group_is_forgotten_when_its_time_to_live_is_over() {
    const TTL: Duration = Duration::from_millis(400);
    for backend in ["glommio", "threads"] {
        let script = "CREATE TABLE t (k STRING) WITH ('connector' = 'stdin', 'format' = 'json'); \
            SELECT /*+ STATE_TTL('t' = '400 ms') */ k, COUNT(*) FROM t GROUP BY k \
            EMIT CHANGES EVERY INTERVAL '0.01' SECOND;";
        let mut child = binary::limited(&binary::path().unwrap())
            .args(["run", "--quiet", "--shards", "2", "--oversubscribe", "--backend", backend, "-e", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut send = |key: &str| {
            input.write_all(format!("{{\"k\": \"{key}\"}}\n").as_bytes()).unwrap();
            input.flush().unwrap();
            // Of an update, the new row.
            let mut line = lines.next().unwrap().unwrap();
            if line.starts_with("-U") {
                line = lines.next().unwrap().unwrap();
            }
            line
        };
        assert_eq!(send("a"), "+I[a, 1]");
        let since = Instant::now();
        let (mut count, mut before) = (0, since);
        while since.elapsed() <= TTL {
            let began = Instant::now();
            let found = send("b");
            // On a machine that has stalled it has been forgotten too.
            let is_kept = count > 0 && before.elapsed() < TTL;
            count = if found == "+I[b, 1]" { 1 } else { count + 1 };
            assert!(!is_kept || found == format!("+U[b, {count}]"), "{backend}: {found} of {count}");
            before = began;
        }
        assert_eq!(send("a"), "+I[a, 1]", "{backend}");
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn explain_says_how_long_state_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let script = "CREATE TABLE t (k INT) WITH ('connector' = 'datagen'); \
                  SELECT /*+ STATE_TTL('t' = '1 d', 'b' = '2 d') */ g.k, b.k FROM \
                  (SELECT k, COUNT(*) AS n FROM t GROUP BY k) AS g JOIN t AS b ON g.n = b.k;";
    let mut command = binary::limited(&binary::path().unwrap());
    command.args(["explain", "--shards", "2", "-e", script]);
    let run = binary::finish(command, scratch.path()).unwrap();
    let plan = run.output().unwrap();
    for part in [
        "ExpiringAggregate by [k] compute [count(Int32(1))] emit changes, forgets after 86400000 ms",
        "groups are forgotten by the clock: rows go to the owner of their group",
        "kept until so long no row of the group has come",
        "left rows, kept for ever, unless they are taken back; right rows, kept 172800000 ms after they were written",
    ] {
        assert!(plan.contains(part), "{part}\n{plan}");
    }
}
