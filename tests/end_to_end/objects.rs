//! Checkpoints in an object store: a server process that speaks S3, which may vanish, and a run that may be killed.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use millrace_tests::binary::{self, Run};

use crate::checkpoints::World;

const USER: &str = "someone";
const PASSWORD: &str = "a secret";
/// How a failpoint ends a process.
const SIGABRT: i32 = 6;
const URL: &str = "s3://bucket/some/run";

/// A store over a folder.
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// The requests that it has done.
    done: Receiver<String>,
}

impl Server {
    /// Port 0 = any.
    fn start(world: &World, port: u16) -> Server {
        Server::new(world.path("store"), port, None)
    }

    /// One that does the first request whose line contains this, and is gone.
    fn until(world: &World, last: &str) -> Server {
        Server::new(world.path("store"), 0, Some(last))
    }

    /// One over this folder, in which it has a bucket `bucket`.
    pub(crate) fn over(root: PathBuf) -> Server {
        Server::new(root, 0, None)
    }

    fn new(root: PathBuf, port: u16, last: Option<&str>) -> Server {
        fs::create_dir_all(root.join("bucket")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_s3-server"));
        command.arg(root).arg(port.to_string()).args([USER, PASSWORD]).args(last).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = said.next().unwrap().unwrap().parse().unwrap();
        let (tell, done) = channel();
        std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Server { child, port, done }
    }

    /// Where a run finds it.
    pub(crate) fn reach(&self, command: &mut Command) {
        self.environment(command, PASSWORD);
    }

    fn environment(&self, command: &mut Command, password: &str) {
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port));
        command.env("AWS_REGION", "us-east-1").env_remove("AWS_SESSION_TOKEN").env("NO_PROXY", "127.0.0.1");
        command.env("AWS_ACCESS_KEY_ID", USER).env("AWS_SECRET_ACCESS_KEY", password);
    }

    /// Waits for a request whose line holds all of these; looks at each only once.
    fn wait_for(&self, parts: &[&str]) {
        let found = self.done.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "the server ends before {parts:?}");
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A run with its checkpoints in the store, that gets a signal after so many seconds.
fn command(
    world: &World,
    server: &Server,
    script: &str,
    shards: usize,
    signal: &str,
    after: &str,
) -> Command {
    let staging = world.path("staging").to_string_lossy().into_owned();
    let flags = ["--checkpoint-interval", "1ms", "--checkpoint-dir", URL, "--checkpoint-staging", &staging];
    let mut command = world.signalled(script, shards, &flags, signal, after);
    server.environment(&mut command, PASSWORD);
    command
}

/// An endless run that makes epochs and prints rows until it is stopped.
fn endless_command(world: &World, server: &Server, staging: &str) -> Command {
    const SCRIPT: &str = "CREATE TABLE t (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50000', \
        'fields.k.min' = '0', 'fields.k.max' = '9');\n\
        CREATE TABLE shown (k BIGINT, n BIGINT) WITH ('connector' = 'print');\n\
        INSERT INTO shown SELECT k, COUNT(*) FROM t GROUP BY k;\n\
        INSERT INTO shown SELECT k, k FROM t;\n";
    let staging = world.path(staging).to_string_lossy().into_owned();
    let flags = ["--checkpoint-interval", "50ms", "--checkpoint-dir", URL, "--checkpoint-staging", &staging];
    let mut command = world.signalled(SCRIPT, 2, &flags, "KILL", "120");
    command.args(["--allow-source-loss", "--restart-attempts", "3"]);
    server.environment(&mut command, PASSWORD);
    command
}

/// An endless run, and what it says; it uploads from `staging`.
fn endless(world: &World, server: &Server, staging: &str) -> (Child, Said) {
    let mut command = endless_command(world, server, staging);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let said = Said(BufReader::new(run.stderr.take().unwrap()).lines());
    (run, said)
}

/// Asks a run to stop, and waits until it has.
fn stop(mut run: Child) {
    // `timeout` passes it on.
    signal(&run, "-TERM");
    let status = run.wait().unwrap();
    assert!(status.success(), "it ends in order: {status}");
}

/// What a run says, as it comes.
struct Said(Lines<BufReader<ChildStderr>>);

impl Said {
    fn wait_for(&mut self, part: &str) -> String {
        let found = self.0.by_ref().map_while(Result::ok).find(|line| line.contains(part));
        found.unwrap_or_else(|| panic!("the run ends before it says `{part}`"))
    }
}

fn finish(world: &World, server: &Server, script: &str) -> Run {
    let run = world.run(command(world, server, script, 2, "KILL", "120"));
    run.output().unwrap();
    run
}

/// A run that ends as a crash would at this place.
fn crash(world: &World, server: &Server, script: &str, shards: usize, point: &str) {
    let mut command = command(world, server, script, shards, "KILL", "120");
    command.env("MILLRACE_FAILPOINT", point);
    let run = world.run(command);
    assert_eq!(run.status.signal(), Some(SIGABRT), "{point} is not reached: {run:?}");
}

fn state(world: &World, server: &Server, arguments: &[&str]) -> Run {
    let mut command = binary::limited(&binary::path().unwrap());
    command.arg("state").args(arguments);
    server.environment(&mut command, PASSWORD);
    world.run(command)
}

/// A file of the store that holds an object of these checkpoints.
fn object(world: &World, name: &str) -> PathBuf {
    world.path("store/bucket/some/run").join(name)
}

/// The object of a shard's snapshot.
fn snapshot(world: &World, epoch: u64, shard: usize) -> String {
    let folder = format!("epoch-{epoch:012}");
    let entries = fs::read_dir(object(world, &folder)).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found = names.find(|name| name.starts_with(&format!("shard-{shard}-"))).unwrap();
    format!("{folder}/{found}")
}

fn names(world: &World) -> Vec<String> {
    let entries = fs::read_dir(object(world, "")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_run_that_is_killed_goes_on_from_a_bucket() {
    let world = World::new();
    let expected = world.expected();
    let server = Server::start(&world, 0);
    let script = world.script("out");
    let points = [
        "SnapshotHalf",
        "NoManifest",
        "ManifestRenamed",
        "SomeCommitted",
        "Committed",
        "HalfRemoved",
        "BeforeRemove",
    ];
    for (turn, point) in points.iter().enumerate() {
        crash(&world, &server, &script, 1 + turn % 3, point);
    }
    for turn in 0..4 {
        let after = format!("0.{:03}", 150 + 90 * turn);
        world.run(command(&world, &server, &script, 1 + turn % 3, "KILL", &after));
    }
    let run = finish(&world, &server, &script);
    assert_eq!(world.seen("out"), expected, "{}", run.stderr);
    let kept = names(&world).iter().filter(|name| name.ends_with(".manifest")).count();
    assert!((1..=3).contains(&kept), "{kept} epochs are kept");
    assert_eq!(fs::read_dir(world.path("staging")).unwrap().count(), 1, "only the lock is left here");
    let again = finish(&world, &server, &script);
    assert!(again.stderr.contains("has come to the end of its input"), "{again:?}");
}

#[test]
fn what_is_uploaded_without_a_manifest_is_no_epoch_and_a_fresh_machine_goes_on_from_the_one_before() {
    let world = World::new();
    let expected = world.expected();
    let server = Server::start(&world, 0);
    let script = world.script("out");
    crash(&world, &server, &script, 2, "Committed");
    crash(&world, &server, &script, 2, "NoManifest");
    assert!(
        object(&world, "epoch-000000000002").is_dir()
            && !object(&world, "epoch-000000000002.manifest").exists()
    );
    assert_eq!(state(&world, &server, &["list", URL]).output().unwrap().lines().count(), 2);
    assert!(!state(&world, &server, &["verify", URL]).output().unwrap().contains("epoch 2"));
    fs::remove_dir_all(world.path("staging")).unwrap();
    let run = finish(&world, &server, &script);
    assert!(!run.stderr.contains("warning"), "nothing is passed over: {}", run.stderr);
    assert_eq!(world.seen("out"), expected, "{}", run.stderr);
    let names = names(&world);
    let manifests = names.iter().filter(|name| name.ends_with(".manifest"));
    let manifests: String = manifests.map(|name| fs::read_to_string(object(&world, name)).unwrap()).collect();
    for name in names.iter().filter(|name| name.starts_with("epoch-") && !name.contains('.')) {
        // The store leaves the folder of objects that are gone. Its own, or one of those that build on it.
        let is_empty = fs::read_dir(object(&world, name)).unwrap().next().is_none();
        let epoch: u64 = name["epoch-".len()..].parse().unwrap();
        let is_needed = manifests.contains(&format!("\"epoch\":{epoch},"));
        assert!(is_empty || is_needed, "{name} belongs to no epoch of {names:?}");
    }
}

#[test]
fn a_store_that_is_gone_at_the_last_epoch_fails_the_run_and_loses_nothing() {
    let world = World::new();
    let expected = world.expected();
    // Its snapshots are in the store; its manifest is, but nobody was told.
    for (out, last) in [("one", "PUT /bucket/some/run/epoch-000000000001/"), ("two", ".manifest")] {
        let script = world.script(out);
        let mut server = Server::until(&world, last);
        let staging = world.path("staging").to_string_lossy().into_owned();
        let flags = ["--checkpoint-interval", "0", "--checkpoint-dir", URL, "--checkpoint-staging", &staging];
        let mut command = world.signalled(&script, 2, &flags, "KILL", "120");
        server.environment(&mut command, PASSWORD);
        let run = world.run(command);
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        for part in ["the end of the run could not be made durable", URL, "with the same --checkpoint-dir"] {
            assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
        }
        assert!(world.seen(out).iter().all(Vec::is_empty), "nothing is visible before its epoch is durable");
        server.kill();
        let server = Server::start(&world, 0);
        finish(&world, &server, &script);
        assert_eq!(world.seen(out), expected);
        fs::remove_dir_all(object(&world, "")).unwrap();
    }
}

#[test]
fn while_the_store_does_not_answer_rows_go_on() {
    // More than wait between a shard and the reader, less than come before a request is given up.
    const ROWS: usize = 50_000;
    let world = World::new();
    let server = Server::start(&world, 0);
    let mut command = endless_command(&world, &server, "staging");
    let mut run = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(run.stderr.take().unwrap()).lines();
    let shown = BufReader::new(run.stdout.take().unwrap()).lines();
    let (count, counted) = channel();
    let reader = std::thread::spawn(move || {
        // Read to the end, whoever counts.
        let rows = shown.map_while(Result::ok).enumerate();
        rows.filter(|(row, _)| row % ROWS == 0).filter_map(|_| count.send(()).err()).count()
    });
    server.wait_for(&["PUT", ".manifest", "200"]);
    server.signal("-STOP");
    // What had been counted before, what was on its way, and a full count.
    counted.try_iter().for_each(drop);
    (0..2).for_each(|_| counted.recv().unwrap());
    server.signal("-CONT");
    server.wait_for(&["PUT", ".manifest", "200"]);
    stop(run);
    assert_eq!(reader.join().unwrap(), 0);
    let said: Vec<String> = said.map_while(Result::ok).collect();
    assert!(!said.iter().any(|line| line.contains("is abandoned")), "rows waited for the store: {said:?}");
}

#[test]
fn a_snapshot_of_many_megabytes_goes_up_and_comes_back_in_pieces() {
    const SCRIPT: &str = "CREATE TABLE t (s STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '100000', \
        'rows-per-second' = '10000000', 'fields.s.length' = '200');\n\
        CREATE TABLE nowhere (s STRING, n BIGINT) WITH ('connector' = 'blackhole');\n\
        INSERT INTO nowhere SELECT s, COUNT(*) FROM t GROUP BY s;\n";
    let world = World::new();
    let server = Server::start(&world, 0);
    let staging = world.path("staging").to_string_lossy().into_owned();
    for shards in 1..3 {
        let place = ["--checkpoint-dir", URL, "--checkpoint-staging", &staging];
        let flags = [&["--keep-open", "--checkpoint-interval", "0"], &place[..]].concat();
        let mut command = world.signalled(SCRIPT, shards, &flags, "KILL", "120");
        server.environment(&mut command, PASSWORD);
        world.run(command).output().unwrap();
        let described = state(&world, &server, &["describe", URL]);
        assert!(described.output().unwrap().contains("groups: 100000 rows"), "{shards}: {described:?}");
    }
    assert!(fs::metadata(object(&world, &snapshot(&world, 1, 0))).unwrap().len() > 16 << 20);
    server.wait_for(&["POST", "shard-0"]);
}

#[test]
fn a_damaged_object_is_named_and_the_epoch_before_is_used() {
    let world = World::new();
    let server = Server::start(&world, 0);
    let script = world.script("out");
    (0..3).for_each(|turn| crash(&world, &server, &script, 1 + turn, "Committed"));
    assert_eq!(state(&world, &server, &["verify", URL]).output().unwrap().matches(": whole").count(), 3);
    let listed = state(&world, &server, &["list", URL]);
    assert_eq!(listed.output().unwrap().lines().count(), 4, "{listed:?}");
    let described = state(&world, &server, &["describe", URL, "--epoch", "2"]);
    assert!(described.output().unwrap().contains("groups: 5"), "{described:?}");
    assert!(state(&world, &server, &["diff", URL, "1", "3"]).output().unwrap().contains("rows  "));

    let damaged = snapshot(&world, 3, 0);
    let mut bytes = fs::read(object(&world, &damaged)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(object(&world, &damaged), bytes).unwrap();
    let removed = snapshot(&world, 2, 1);
    fs::remove_file(object(&world, &removed)).unwrap();
    let verified = state(&world, &server, &["verify", URL]);
    assert_eq!(verified.status.code(), Some(1), "{verified:?}");
    let run = finish(&world, &server, &script);
    for (text, part) in [
        (&verified.stderr, format!("{damaged}: the snapshot is damaged: its checksum is wrong")),
        (&verified.stderr, format!("{removed}: there is no such object")),
        (&run.stderr, format!("epoch 3 is passed over: data error: {damaged}: the snapshot is damaged")),
        (
            &run.stderr,
            "epoch 3 is lost: output that it had made visible is written again after epoch 1".into(),
        ),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[test]
fn while_the_store_is_gone_epochs_are_abandoned_and_the_run_goes_on() {
    let world = World::new();
    let mut server = Server::start(&world, 0);
    let (run, mut said) = endless(&world, &server, "staging");
    server.wait_for(&["PUT", ".manifest", "200"]);
    server.kill();
    let warning = said.wait_for("is abandoned, the run goes on");
    assert!(warning.contains(&format!("127.0.0.1:{}", server.port)), "{warning}");
    let server = Server::start(&world, server.port);
    server.wait_for(&["PUT", ".manifest", "200"]);
    stop(run);
    let verified = state(&world, &server, &["verify", URL]);
    assert!(verified.output().unwrap().contains(": whole"), "{verified:?}");
}

#[test]
fn a_run_whose_checkpoints_another_has_taken_over_ends() {
    let world = World::new();
    let server = Server::start(&world, 0);
    let (mut first, mut said) = endless(&world, &server, "staging");
    server.wait_for(&["PUT", ".manifest", "200"]);
    let here = world.run(endless_command(&world, &server, "staging"));
    assert!(here.output().unwrap_err().contains("another run is using this folder"), "{here:?}");
    let (second, _said) = endless(&world, &server, "elsewhere");
    said.wait_for("another run has taken these checkpoints over");
    assert_eq!(first.wait().unwrap().code(), Some(2), "it does not take them back, as a restart would");
    // From here on it is only the second that makes epochs.
    state(&world, &server, &["list", "s3://mark/here"]);
    server.wait_for(&["GET /mark"]);
    server.wait_for(&["PUT", ".manifest", "200"]);
    stop(second);
}

#[test]
fn a_store_that_refuses_or_is_not_there_is_said() {
    let world = World::new();
    let server = Server::start(&world, 0);
    let script = world.script("out");
    let mut wrong = command(&world, &server, &script, 1, "KILL", "120");
    server.environment(&mut wrong, "another secret");
    let run = world.run(wrong);
    let said = run.output().unwrap_err();
    assert!(said.contains(URL) && said.contains("check AWS_ACCESS_KEY_ID"), "{said}");
    assert!(!run.stderr.contains("another secret"), "{}", run.stderr);
    let nobody = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let mut gone = command(&world, &server, &script, 1, "KILL", "120");
    gone.env("AWS_ENDPOINT_URL", format!("http://{nobody}"));
    let said = world.run(gone).output().unwrap_err();
    assert!(said.contains(&nobody.to_string()) && said.contains("check AWS_ENDPOINT_URL"), "{said}");
    // Without one of them, and without both.
    let mut nameless = command(&world, &server, &script, 1, "KILL", "120");
    nameless.env_remove("AWS_ACCESS_KEY_ID");
    let mut nobodys = command(&world, &server, &script, 1, "KILL", "120");
    nobodys.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    nobodys.env("AWS_METADATA_ENDPOINT", format!("http://{nobody}"));
    for command in [nameless, nobodys] {
        let said = world.run(command).output().unwrap_err();
        assert!(said.contains(URL) && said.contains("environment error"), "{said}");
        assert!(said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    }
    let no_bucket = state(&world, &server, &["list", "s3://nobodys/run"]).output().unwrap_err();
    assert!(
        no_bucket.contains("s3://nobodys/run") && no_bucket.contains("the name of the bucket"),
        "{no_bucket}"
    );
    let no_epoch = state(&world, &server, &["describe", "s3://bucket/empty"]).output().unwrap_err();
    assert!(no_epoch.contains("s3://bucket/empty: no epoch"), "{no_epoch}");
    for (url, part) in [
        ("s3://me:word@bucket/a", "may not hold credentials"),
        ("gs://bucket/a", "in folders and in buckets that speak S3"),
        ("a/folder", "--checkpoint-staging: these checkpoints go to no bucket"),
    ] {
        let flags = ["--checkpoint-staging", "a/folder", "--checkpoint-dir", url];
        let refused = world.run(world.signalled(&script, 1, &flags, "KILL", "120"));
        assert!(refused.refused() && refused.stderr.contains(part), "{refused:?}");
        assert!(!refused.stderr.contains("word"), "{refused:?}");
    }
}
