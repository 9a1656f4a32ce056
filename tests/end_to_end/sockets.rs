//! Sockets as a user meets them: many clients, and clients that misbehave.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use millrace_tests::binary;
use serde_json::Value;
use tempfile::TempDir;

const BACKENDS: [&str; 2] = ["glommio", "threads"];

const SHARDS: usize = 2;

/// A run on two shards that listens on a port and sends to this test.
struct Served {
    child: Child,
    port: u16,
    peers: Vec<TcpStream>,
    scratch: TempDir,
}

/// A port of the local machine that nobody has.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

impl Served {
    /// Runs `query` over table `t (id BIGINT, s STRING, ts TIMESTAMP(3))` into a table of `columns`.
    fn start(backend: &str, columns: &str, query: &str) -> Served {
        let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, to) = (free_port(), peer.local_addr().unwrap().port());
        let script = format!(
            "CREATE TABLE t (id BIGINT, s STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) \
             WITH ('connector' = 'socket', 'port' = '{port}', 'format' = 'json'); \
             CREATE TABLE o ({columns}) WITH ('connector' = 'socket', 'port' = '{to}', 'format' = 'json'); \
             INSERT INTO o {query};"
        );
        let scratch = tempfile::tempdir().unwrap();
        // A file rather than a pipe: it cannot fill up and stall the run.
        let stderr = File::create(scratch.path().join("stderr")).unwrap();
        let child = binary::limited(&binary::path().unwrap())
            .args(["run", "--stats", "json", "--shards", "2", "--oversubscribe", "--backend", backend, "-e"])
            .arg(script)
            .stderr(stderr)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        // It listens before it connects.
        let peers = (0..SHARDS).map(|_| peer.accept().unwrap().0).collect();
        Served { child, port, peers, scratch }
    }

    fn client(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// The lines of all shards as they come, on a thread per shard.
    fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        let (sender, receiver) = std::sync::mpsc::channel();
        for peer in self.peers.drain(..) {
            let sender = sender.clone();
            // A test that has seen enough reads no further.
            let pass_on = move || BufReader::new(peer).lines().all(|line| sender.send(line.unwrap()).is_ok());
            thread::spawn(pass_on);
        }
        receiver.into_iter()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.scratch.path().join("stderr")).unwrap()
    }

    /// Waits until the run has said this on standard error; the run is stopped when that takes too long.
    fn wait_for(&mut self, words: &str) {
        while !self.stderr().contains(words) {
            assert_eq!(self.child.try_wait().unwrap(), None, "it ended before it said `{words}`");
            thread::yield_now();
        }
    }

    /// Ends the run in order: everything on standard error, and the account.
    fn stop(mut self) -> (String, Value) {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        let ended = self.child.wait().unwrap();
        let stderr = self.stderr();
        assert!(killed.success() && ended.success(), "{ended}: {stderr}");
        let account = stderr.lines().find(|line| line.starts_with('{')).unwrap();
        let account = serde_json::from_str(account).unwrap();
        (stderr, account)
    }
}

fn row(id: usize) -> String {
    format!(
        "{{\"id\":{id},\"s\":\"{}\",\"ts\":\"2026-01-01 00:{:02}:{:02}\"}}\n",
        "x".repeat(id % 50),
        id / 60,
        id % 60
    )
}

fn rows(ids: std::ops::Range<usize>) -> String {
    ids.map(row).collect()
}

fn id_line(id: usize) -> String {
    format!("{{\"id\":{id}}}")
}

#[test]
fn rows_of_many_clients_come_in_and_results_go_out() {
    for backend in BACKENDS {
        let mut served = Served::start(backend, "id BIGINT", "SELECT id FROM t");
        let clients: Vec<TcpStream> = (0..10).map(|_| served.client()).collect();
        for (index, mut client) in clients.iter().enumerate() {
            client.write_all(rows(index * 100..(index + 1) * 100).as_bytes()).unwrap();
            // Half closed: the client has said everything, and stays.
            client.shutdown(Shutdown::Write).unwrap();
        }
        let mut found: Vec<String> = served.lines().take(1000).collect();
        let mut expected: Vec<String> = (0..1000).map(id_line).collect();
        found.sort();
        expected.sort();
        assert!(found == expected, "{backend}: every row once");
        let (_, account) = served.stop();
        let of = |key: &str| account["total"][key].as_u64().unwrap();
        assert_eq!((of("rows_in"), of("rows_out"), of("bad")), (1000, 1000, 0), "{backend}");
    }
}

#[test]
fn a_window_fires_though_only_one_shard_has_a_client() {
    for backend in BACKENDS {
        let query = "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
                     GROUP BY window_start, window_end";
        let mut served = Served::start(backend, "n BIGINT", query);
        let mut client = served.client();
        let mut lines = served.lines();
        for minute in 0..5 {
            // A row of the next minute closes this one.
            let ids = if minute == 0 { 0..61 } else { minute * 60 + 1..minute * 60 + 61 };
            client.write_all(rows(ids).as_bytes()).unwrap();
            assert_eq!(lines.next().unwrap(), "{\"n\":60}", "{backend} minute {minute}");
        }
        let (_, account) = served.stop();
        assert_eq!(account["total"]["late"], 0, "{backend}");
    }
}

#[test]
fn a_line_over_the_limit_is_a_bad_row_and_those_around_it_count() {
    for backend in BACKENDS {
        let mut served = Served::start(backend, "id BIGINT", "SELECT id FROM t");
        let mut client = served.client();
        client.write_all(row(1).as_bytes()).unwrap();
        let piece = vec![b'x'; 1 << 20];
        (0..20).for_each(|_| client.write_all(&piece).unwrap());
        client.write_all(b"\n").unwrap();
        client.write_all(row(2).as_bytes()).unwrap();
        let found: Vec<String> = served.lines().take(2).collect();
        assert_eq!(found, [id_line(1), id_line(2)], "{backend}");
        let (stderr, account) = served.stop();
        assert_eq!(account["total"]["bad"], 1, "{backend}");
        assert!(stderr.contains("the row is longer than"), "{stderr}");
    }
}

#[test]
fn a_client_that_vanishes_harms_nobody() {
    for backend in BACKENDS {
        let mut served = Served::start(backend, "id BIGINT", "SELECT id FROM t");
        let mut lines = served.lines();
        let mut client = served.client();
        client.write_all(format!("{}{{\"id\":7,\"s\":\"cut", row(1)).as_bytes()).unwrap();
        assert_eq!(lines.next().unwrap(), id_line(1), "{backend}");
        // What the run sends to this client does not exist: dropping the socket ends it in the middle of a row.
        drop(client);
        served.wait_for("bad row");
        let mut other = served.client();
        other.write_all(row(2).as_bytes()).unwrap();
        assert_eq!(lines.next().unwrap(), id_line(2), "{backend}");
        let (_, account) = served.stop();
        let of = |key: &str| account["total"][key].as_u64().unwrap();
        assert_eq!((of("rows_in"), of("rows_out"), of("bad")), (3, 2, 1), "{backend}");
    }
}

/// The most resident memory of the run so far, in bytes. `timeout`'s only child is the run.
fn peak_bytes(timeout: &Child) -> u64 {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", timeout.id())).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", children.trim())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_slow_reader_holds_its_writers_back_and_loses_nothing() {
    const BOUND_BYTES: u64 = 256 << 20;
    for backend in BACKENDS {
        let mut served = Served::start(backend, "id BIGINT, s STRING", "SELECT id, s FROM t");
        // Nobody reads the results: at some point the run takes no more.
        let piece = rows(0..3000);
        let mut client = served.client();
        client.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let (mut sent_bytes, mut full) = (0, false);
        while !full {
            let at = sent_bytes % piece.len();
            match client.write(&piece.as_bytes()[at..]) {
                Ok(len) => sent_bytes += len,
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                    full = true
                }
                Err(error) => panic!("{backend}: {error}"),
            }
            assert!(sent_bytes < BOUND_BYTES as usize, "{backend}: back-pressure reaches the client");
        }
        let peak = peak_bytes(&served.child);
        assert!(peak < BOUND_BYTES, "{backend}: {peak} bytes");
        // Now the results are read, and the rest of the piece can be sent.
        let lines = served.lines();
        client.set_write_timeout(None).unwrap();
        client.write_all(&piece.as_bytes()[sent_bytes % piece.len()..]).unwrap();
        let sent_rows = (sent_bytes / piece.len() + 1) * 3000;
        assert_eq!(lines.take(sent_rows).count(), sent_rows, "{backend}");
        let (_, account) = served.stop();
        assert_eq!(account["total"]["rows_in"], sent_rows, "{backend}");
        assert_eq!(account["total"]["rows_out"], sent_rows, "{backend}");
    }
}

#[test]
fn arrow_streams_come_in_and_go_out() {
    let back = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (port, to) = (free_port(), back.local_addr().unwrap().port());
    let socket = |port| format!("WITH ('connector' = 'socket', 'port' = '{port}', 'format' = 'arrow')");
    let out = format!(
        "CREATE TABLE i (id BIGINT) {}; CREATE TABLE o (id BIGINT) {}; INSERT INTO o SELECT id * 2 FROM i;",
        socket(port),
        socket(to)
    );
    let start = |script: &str, shards: &str| {
        let mut command = binary::limited(&binary::path().unwrap());
        command.args(["run", "--quiet", "--shards", shards, "--oversubscribe", "-e", script]).spawn().unwrap()
    };
    let mut doubles = start(&out, "1");
    let mut results = back.accept().unwrap().0;
    let made = format!(
        "CREATE TABLE made (id BIGINT) WITH ('connector' = 'values', 'rows' = '[[1], [2], [3]]'); \
         CREATE TABLE sent (id BIGINT) {}; INSERT INTO sent SELECT id FROM made;",
        socket(port)
    );
    assert!(start(&made, "1").wait().unwrap().success());
    let killed = Command::new("kill").args(["-TERM", &doubles.id().to_string()]).status().unwrap();
    assert!(killed.success() && doubles.wait().unwrap().success());
    let mut bytes = vec![];
    results.read_to_end(&mut bytes).unwrap();
    let batches = arrow::ipc::reader::StreamReader::try_new(&bytes[..], None).unwrap();
    let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 3);
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let free = free_port();
    let read = |options: &str| {
        format!("CREATE TABLE t (id INT) WITH ('connector' = 'socket', {options}); SELECT id FROM t;")
    };
    let write = |port: u16| {
        format!(
            "CREATE TABLE o (id INT) WITH ('connector' = 'socket', 'port' = '{port}', 'format' = 'json'); \
             CREATE TABLE made (id INT) WITH ('connector' = 'values', 'rows' = '[[1]]'); \
             INSERT INTO o SELECT id FROM made;"
        )
    };
    let cases = [
        (read(&format!("'port' = '{taken_port}', 'format' = 'json'")), 1, "choose another 'port'"),
        (write(free), 1, "start the receiver first"),
        (read("'port' = '9000', 'format' = 'parquet'"), 2, "cannot be read or written piece by piece"),
        (read("'port' = '70000', 'format' = 'json'"), 2, "a port from 1 to 65535"),
        (read("'format' = 'json'"), 2, "option 'port' is missing"),
    ];
    for (script, code, said) in cases {
        let scratch = tempfile::tempdir().unwrap();
        let mut command = binary::limited(&binary::path().unwrap());
        command.args(["run", "--quiet", "-e", &script]);
        let run = binary::finish(command, scratch.path()).unwrap();
        assert!(run.stderr.contains(said), "{script}: {}", run.stderr);
        assert_eq!(run.status.code(), Some(code), "{script}");
    }
}
