//! Checkpoints as a user meets them: the process is killed, again and again, and the output is as if it never was.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_tests::binary::{self, Run};

/// Rows per file; four files.
const ROWS: u64 = 12_000;

/// Every place between two writes where a crash may come, as the binary names them.
const FAILPOINTS: &[&str] = &[
    "BarrierAsked",
    "BarrierSent",
    "Aligned",
    "SnapshotHalf",
    "SnapshotUnsynced",
    "PartWritten",
    "NoManifest",
    "ManifestAside",
    "ManifestRenamed",
    "BeforeCommit",
    "SomeCommitted",
    "Committed",
    "BeforeRemove",
    "HalfRemoved",
];

/// Four files in disorder, some rows late, some bad.
fn write_input(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for file in 0..4 {
        let mut time_ms = 0;
        let mut lines = String::new();
        for row in 0..ROWS {
            time_ms += random(20);
            let at = time_ms.saturating_sub(random(3_000));
            let (hour, minute, second, ms) = (at / 3_600_000, at / 60_000 % 60, at / 1000 % 60, at % 1000);
            let (key, value) = (random(50), random(1000));
            lines += &match row % 997 {
                0 => "{\"k\": \"key\", \"v\": \"not a number\"}\n".to_string(),
                _ => format!(
                    "{{\"k\": \"key-{key}\", \"v\": {value}, \"ts\": \"2024-01-01 {hour:02}:{minute:02}:{second:02}.{ms:03}\"}}\n"
                ),
            };
        }
        fs::write(folder.join(format!("{file}.json")), lines).unwrap();
    }
}

pub(crate) struct World {
    scratch: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let scratch = tempfile::tempdir().unwrap();
        write_input(&scratch.path().join("in"));
        World { scratch }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Windows and continuous groups of the input and its late rows, as files under `out`.
    pub(crate) fn script(&self, out: &str) -> String {
        let file = |name: &str, format: &str| {
            let path = self.path(out).join(name);
            format!(
                "WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = '{format}');\n",
                path.display()
            )
        };
        format!(
            "CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND) \
             WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json', 'dead-letter.path' = '{}', \
             'late.table' = 'late');\n\
             CREATE TABLE again (k STRING, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) \
             WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json', 'window.allowed-lateness' = '1 s');\n\
             CREATE TABLE late (ts TIMESTAMP(3), k STRING, v BIGINT) {}\
             CREATE TABLE kept_open (at TIMESTAMP(3), n BIGINT, total BIGINT) {}\
             CREATE TABLE windows (at TIMESTAMP(3), k STRING, n BIGINT, total BIGINT, last BIGINT) {}\
             CREATE TABLE groups (k STRING, n BIGINT, most BIGINT) {}\
             CREATE TABLE rows_kept (k STRING, v BIGINT) {}\
             CREATE TABLE pairs (k STRING, v BIGINT, w BIGINT) {}\
             CREATE TABLE best (k STRING, v BIGINT) {}\
             INSERT INTO windows SELECT window_start, k, COUNT(*), SUM(v), LAST_VALUE(v) FROM TABLE(\
             TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;\n\
             INSERT INTO kept_open SELECT window_start, COUNT(*), SUM(v) FROM TABLE(\
             TUMBLE(TABLE again, DESCRIPTOR(ts), INTERVAL '2' SECOND)) GROUP BY window_start, window_end;\n\
             INSERT INTO groups SELECT k, COUNT(*), MAX(v) FROM t GROUP BY k;\n\
             INSERT INTO rows_kept SELECT k, v FROM t WHERE v > 900;\n\
             INSERT INTO pairs SELECT a.k, a.v, b.v FROM t AS a, t AS b WHERE a.k = b.k AND a.v > 990 AND b.v < 10 \
             AND b.ts BETWEEN a.ts - INTERVAL '20' SECOND AND a.ts + INTERVAL '5' SECOND;\n\
             INSERT INTO best SELECT k, v FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC, ts) \
             AS place FROM t) WHERE place <= 2;\n",
            self.path("in").display(),
            self.path("letters").display(),
            self.path("in").display(),
            file("late", "json"),
            file("kept_open", "changelog-json"),
            file("windows", "json"),
            file("groups", "changelog-json"),
            file("rows_kept", "csv"),
            file("pairs", "json"),
            file("best", "changelog-json"),
        )
    }

    fn command(&self, script: &str, shards: usize, flags: &[&str]) -> Command {
        self.signalled(script, shards, flags, "KILL", "120")
    }

    /// A run that gets a signal after so many seconds.
    pub(crate) fn signalled(
        &self,
        script: &str,
        shards: usize,
        flags: &[&str],
        signal: &str,
        after: &str,
    ) -> Command {
        let file = self.path("script.sql");
        fs::write(&file, script).unwrap();
        let mut command = Command::new("timeout");
        // In the foreground: else a signal to `timeout` reaches the binary twice.
        command.args(["--foreground", "--signal", signal, after]).arg(binary::path().unwrap());
        command.arg("run").arg(file).args(["--quiet", "--oversubscribe", "--batch-rows", "100"]);
        command.args(["--shards", &shards.to_string()]).args(flags);
        command
    }

    fn checkpointed(&self, script: &str, shards: usize) -> Command {
        self.interrupted(script, shards, "KILL", "120")
    }

    /// A run with checkpoints that gets a signal after so many seconds.
    fn interrupted(&self, script: &str, shards: usize, signal: &str, after: &str) -> Command {
        let folder = self.path("checkpoints").to_string_lossy().into_owned();
        let flags = ["--checkpoint-interval", "1ms", "--checkpoint-dir", &folder];
        self.signalled(script, shards, &flags, signal, after)
    }

    pub(crate) fn run(&self, command: Command) -> Run {
        binary::finish(command, self.scratch.path()).unwrap()
    }

    /// What a reader of the output sees: all rows of windows, kept rows, pairs and late rows, and what is left of
    /// changes.
    pub(crate) fn seen(&self, out: &str) -> [Vec<String>; 7] {
        let lines = |name: &str| {
            let mut lines: Vec<String> = visible(&self.path(out).join(name))
                .iter()
                .flat_map(|path| {
                    fs::read_to_string(path).unwrap().lines().map(String::from).collect::<Vec<_>>()
                })
                .collect();
            lines.sort_unstable();
            lines
        };
        [
            lines("windows"),
            left(&lines("groups")),
            lines("rows_kept"),
            lines("pairs"),
            left(&lines("best")),
            lines("late"),
            left(&lines("kept_open")),
        ]
    }

    pub(crate) fn expected(&self) -> [Vec<String>; 7] {
        self.run(self.command(&self.script("straight"), 2, &[])).output().unwrap();
        let expected = self.seen("straight");
        assert!(expected.iter().all(|own| own.len() > 30), "the queries give rows");
        expected
    }

    /// A run that ends at a failpoint.
    fn crash(&self, script: &str, shards: usize, point: &str) {
        let mut command = self.checkpointed(script, shards);
        command.env("MILLRACE_FAILPOINT", point);
        let run = self.run(command);
        assert!(!run.status.success(), "{point} is not reached");
    }

    /// Runs to the end what was killed.
    fn finish(&self, script: &str, shards: usize) {
        self.run(self.checkpointed(script, shards)).output().unwrap();
    }
}

/// What is left of the changes in these lines: rows and how often.
fn left(lines: &[String]) -> Vec<String> {
    let mut left: BTreeMap<String, i64> = BTreeMap::new();
    for line in lines {
        let change: serde_json::Value = serde_json::from_str(line).unwrap();
        let weight = if change["op"].as_str().unwrap().starts_with('+') { 1 } else { -1 };
        *left.entry(change["row"].to_string()).or_default() += weight;
    }
    left.retain(|_, weight| *weight != 0);
    left.into_iter().map(|(row, weight)| format!("{weight} x {row}")).collect()
}

fn visible(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

fn hidden(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.filter(|name| name.to_string_lossy().starts_with('.')).count()
}

#[test]
fn a_crash_at_any_point_loses_and_doubles_nothing() {
    let world = World::new();
    let expected = world.expected();
    for (number, point) in FAILPOINTS.iter().enumerate() {
        let out = format!("out-{point}");
        let script = world.script(&out);
        // As many epochs as are kept, so that the next removes one.
        (0..3).for_each(|turn| world.crash(&script, 1 + turn % 3, "Committed"));
        (0..2).for_each(|turn| world.crash(&script, 1 + (number + turn) % 3, point));
        world.finish(&script, 2);
        assert_eq!(world.seen(&out), expected, "after two crashes at {point}");
        assert_eq!(hidden(&world.path(&out).join("windows")), 0, "{point}: nothing half written is left");
        fs::remove_dir_all(world.path("checkpoints")).unwrap();
    }
}

#[test]
fn kill_9_at_any_time_loses_and_doubles_nothing() {
    let world = World::new();
    let expected = world.expected();
    let script = world.script("out");
    for turn in 0..12 {
        let after = format!("0.{:03}", 40 + 29 * turn);
        world.run(world.interrupted(&script, 1 + turn % 3, "KILL", &after));
    }
    world.finish(&script, 2);
    assert_eq!(world.seen("out"), expected);
}

#[test]
fn a_run_that_is_told_to_stop_goes_on_where_it_was() {
    let world = World::new();
    let expected = world.expected();
    let script = world.script("out");
    for turn in 0..6 {
        let after = format!("0.{:03}", 60 + 25 * turn);
        world.run(world.interrupted(&script, 1 + turn % 3, "TERM", &after));
        let left =
            ["windows", "groups", "rows_kept", "pairs", "best"].map(|name| world.path("out").join(name));
        let left: usize = left.iter().filter(|own| own.exists()).map(|own| hidden(own)).sum();
        assert_eq!(left, 0, "a run that stops leaves nothing half written");
    }
    world.finish(&script, 2);
    assert_eq!(world.seen("out"), expected);
    let again = world.run(world.checkpointed(&script, 2));
    assert!(again.output().is_ok() && again.stderr.contains("has come to the end of its input"), "{again:?}");
    assert_eq!(world.seen("out"), expected, "a finished run does nothing");
}

/// The files of the newest epoch of a run that crashed before its end.
fn crashed(world: &World, script: &str) -> Vec<PathBuf> {
    (0..3).for_each(|turn| world.crash(script, 1 + turn, "Committed"));
    let mut manifests: Vec<PathBuf> = visible(&world.path("checkpoints"));
    manifests.retain(|path| path.extension().is_some_and(|own| own == "manifest"));
    manifests.sort();
    assert!(manifests.len() >= 2, "{manifests:?}");
    manifests
}

#[test]
fn a_run_that_fails_goes_on_by_itself_when_it_may() {
    let world = World::new();
    let expected = world.expected();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "{}CREATE TABLE peer (k STRING, v BIGINT) WITH ('connector' = 'socket', 'port' = '{port}', 'format' = 'csv');\n\
         INSERT INTO peer SELECT k, v FROM t WHERE v > 500;\n",
        world.script("out")
    );
    // The first two connections are gone before they end.
    let peer = std::thread::spawn(move || {
        (0..2).for_each(|_| drop(listener.accept().unwrap()));
        listener.accept().map(|(socket, _)| BufReader::new(socket).lines().count()).unwrap()
    });
    let refused = script.replace(&port.to_string(), "1");
    let refused = world.run(world.checkpointed(&refused, 1));
    assert!(
        refused.stderr.contains("nobody listens there") && !refused.stderr.contains("restart"),
        "{refused:?}"
    );
    let mut command = world.checkpointed(&script, 1);
    command.args(["--restart-attempts", "5"]);
    let run = world.run(command);
    run.output().unwrap();
    assert!(run.stderr.contains("restart 1 of 5") && run.stderr.contains("restart 2 of 5"), "{}", run.stderr);
    assert!(peer.join().unwrap() > 0);
    assert_eq!(world.seen("out"), expected);
}

/// What `millrace state` says.
fn state(world: &World, arguments: &[&str]) -> Run {
    let mut command = binary::limited(&binary::path().unwrap());
    command.arg("state").args(arguments);
    world.run(command)
}

#[test]
fn a_checkpoint_can_be_looked_into() {
    let world = World::new();
    let script = world.script("out");
    let manifests = crashed(&world, &script);
    let folder = world.path("checkpoints").to_string_lossy().into_owned();
    let list = state(&world, &["list", &folder]);
    assert_eq!(list.output().unwrap().lines().count(), 1 + manifests.len(), "{list:?}");
    let described = state(&world, &["describe", &folder]);
    let described = described.output().unwrap();
    for part in ["/in/0.json", "groups: 5", "GroupAggregate Final by [0]", "out/rows_kept/part-"] {
        assert!(described.contains(part), "{part}: {described}");
    }
    assert_eq!(
        state(&world, &["verify", &folder]).output().unwrap().matches(": whole").count(),
        manifests.len()
    );
    let diff = state(&world, &["diff", &folder, "1", "3"]);
    assert!(diff.output().unwrap().contains("rows  "), "{diff:?}");
    let missing = state(&world, &["describe", &folder, "--epoch", "77"]);
    assert!(missing.refused() && missing.stderr.contains("there are: 1, 2, 3"), "{missing:?}");
    let snapshot = world.path("checkpoints/epoch-000000000002/shard-0.snapshot");
    let bytes = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &bytes[1..]).unwrap();
    let damaged = state(&world, &["verify", &folder]);
    assert!(damaged.stderr.contains("epoch 2: ") && damaged.status.code() == Some(1), "{damaged:?}");
}

#[test]
fn damaged_files_are_named_and_the_epoch_before_is_used() {
    let world = World::new();
    let expected = world.expected();
    let script = world.script("out");
    let manifests = crashed(&world, &script);
    let newest = manifests.last().unwrap();
    let mut bytes = fs::read(newest).unwrap();
    bytes[40] ^= 4;
    fs::write(newest, bytes).unwrap();
    let run = world.run(world.checkpointed(&script, 2));
    run.output().unwrap();
    let name = newest.file_name().unwrap().to_string_lossy();
    assert!(run.stderr.contains(&*name) && run.stderr.contains("checksum is wrong"), "{}", run.stderr);
    assert!(run.stderr.contains("is written again"), "{}", run.stderr);
    let [windows, _, kept, ..] = world.seen("out");
    let without_doubles = |mut lines: Vec<String>| {
        lines.dedup();
        lines
    };
    assert_eq!(without_doubles(windows), without_doubles(expected[0].clone()));
    assert_eq!(without_doubles(kept), without_doubles(expected[2].clone()));
}

#[test]
fn without_a_whole_epoch_a_run_does_not_start_from_the_beginning() {
    let world = World::new();
    let script = world.script("out");
    for manifest in crashed(&world, &script) {
        let bytes = fs::read(&manifest).unwrap();
        fs::write(&manifest, &bytes[..bytes.len() / 2]).unwrap();
    }
    let run = world.run(world.checkpointed(&script, 2));
    let said = run.output().unwrap_err();
    assert!(said.contains("no epoch is whole") && said.contains("name an empty --checkpoint-dir"), "{said}");
}

#[test]
fn a_script_that_computes_something_else_is_refused_and_a_new_name_is_not() {
    let world = World::new();
    let expected = world.expected();
    let script = world.script("out");
    crashed(&world, &script);
    let other = script.replace("MAX(v)", "MIN(v)");
    let refused = world.run(world.checkpointed(&other, 2));
    assert!(refused.refused(), "{refused:?}");
    assert!(refused.stderr.contains("the script has changed since the checkpoint"), "{}", refused.stderr);
    let renamed = script.replace("n BIGINT, most BIGINT", "n BIGINT, greatest BIGINT");
    assert_ne!(renamed, script);
    world.finish(&renamed, 2);
    assert_eq!(world.seen("out"), expected);
}

#[test]
fn what_checkpoints_cannot_promise_is_refused() {
    let world = World::new();
    let stdin = "CREATE TABLE t (a INT) WITH ('connector' = 'stdin', 'format' = 'json'); SELECT a FROM t;";
    let refused = world.run(world.checkpointed(stdin, 1));
    assert!(refused.refused() && refused.stderr.contains("`t` cannot be read again"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--allow-source-loss"), "{}", refused.stderr);
    let mut command = world.checkpointed(stdin, 1);
    command.arg("--allow-source-loss");
    world.run(command).output().unwrap();
    let mut ordered = world.checkpointed(&world.script("out"), 1);
    ordered.arg("--ordered");
    let refused = world.run(ordered);
    assert!(refused.refused() && refused.stderr.contains("--ordered"), "{}", refused.stderr);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn a_checkpoint_of_an_earlier_version_is_opened() {
    let golden = binary::root().join("tests/end_to_end/golden");
    let expected = fs::read_to_string(golden.join("expected.txt")).unwrap();
    for shards in ["1", "2", "3"] {
        let scratch = tempfile::tempdir().unwrap();
        copy(&golden.join("checkpoint"), &scratch.path().join("checkpoint"));
        let mut command = binary::limited(&binary::path().unwrap());
        command.arg("run").arg(golden.join("script.sql"));
        command.args(["--quiet", "--oversubscribe", "--shards", shards, "--checkpoint-dir"]);
        command.arg(scratch.path().join("checkpoint"));
        let run = binary::finish(command, scratch.path()).unwrap();
        let mut lines: Vec<&str> = run.output().unwrap().lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, expected.lines().collect::<Vec<_>>(), "{shards} shards");
    }
}
