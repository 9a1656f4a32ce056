//! Files through sockets into the real `millrace`, as fast as it takes them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use millrace_plan::{Error, Result};
use millrace_runtime::Clock;

use crate::process::{self, Finished, Running};

/// What goes to one port.
pub struct Stream {
    /// The port.
    pub port: u16,
    /// One connection each.
    pub files: Vec<PathBuf>,
    /// Sent at the end of each connection: a row far in the future, so that the windows before it fire.
    pub last: String,
}

/// What came of it.
pub struct Fed {
    /// From the first byte to the moment at which `millrace` has taken the last and closed its side, in seconds.
    pub seconds: f64,
    /// Its account.
    pub finished: Finished,
}

/// Longer than it takes one shard to tell the others of a connection.
const SETTLES_NS: u64 = 30_000_000;

/// Nobody wakes this thread: it goes on when the time is over.
fn wait(ns: u64) {
    let clock = Clock::new();
    while clock.monotonic_ns() < ns {
        std::thread::park_timeout(Duration::from_nanos(ns.saturating_sub(clock.monotonic_ns())));
    }
}

/// Waits until the engine has done next to nothing for a while, or for a few seconds.
fn rest(running: &Running) {
    const WINDOW_NS: u64 = 100_000_000;
    const WINDOWS: usize = 50;
    const QUIET: usize = 2;
    let (mut before, mut quiet) = (running.cpu_ticks(), 0);
    for _ in 0..WINDOWS {
        wait(WINDOW_NS);
        let now = running.cpu_ticks();
        quiet = if now <= before + 1 { quiet + 1 } else { 0 };
        before = now;
        if quiet == QUIET {
            return;
        }
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::environment(format!("feeding millrace: {error}"))
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    let free = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    Ok(free.local_addr().map_err(failed)?.port())
}

/// Starts the script, connects, sends all files at once, waits until all is read, with `rests` until all
/// is computed and written, and ends the run.
pub fn run(binary: &Path, script: &str, shards: usize, streams: &[Stream], rests: bool) -> Result<Fed> {
    let mut running = process::start(binary, script, shards)?;
    let mut work = vec![];
    for stream in streams {
        for file in &stream.files {
            work.push((connect(stream.port, &mut running)?, file.as_path(), stream.last.as_str()));
        }
    }
    // A connection that is taken when others have moved on may be late.
    for stream in streams {
        accepted(stream, &mut running)?;
    }
    wait(SETTLES_NS);
    let clock = Clock::new();
    let sent = std::thread::scope(|scope| {
        let senders: Vec<_> = work
            .into_iter()
            .map(|(socket, file, last)| scope.spawn(move || send(socket, file, last)))
            .collect();
        let join = |own: std::thread::ScopedJoinHandle<'_, std::io::Result<()>>| match own.join() {
            Ok(sent) => sent.map_err(failed),
            Err(_) => Err(Error::bug("a sender panicked")),
        };
        senders.into_iter().map(join).collect::<Vec<Result<()>>>()
    });
    let seconds = clock.monotonic_ns() as f64 / 1e9;
    if let Some(error) = sent.into_iter().find_map(Result::err) {
        return match running.ended()? {
            // Its own words say more than a broken pipe.
            Some(_) => Err(running.wait().err().unwrap_or(error)),
            None => Err(error),
        };
    }
    // A continuous aggregation collects its changes, at each end of an exchange, and a run that is stopped does not
    // write those that it still holds.
    if rests {
        rest(&running);
    }
    Ok(Fed { seconds, finished: running.stop()? })
}

fn connect(port: u16, running: &mut Running) -> Result<TcpStream> {
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(socket) => return Ok(socket),
            Err(error) if running.ended()?.is_some() => return Err(failed(error)),
            // Not listening yet.
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Waits until every connection to a port has been taken from the kernel.
fn accepted(stream: &Stream, running: &mut Running) -> Result<()> {
    while taken_connections(stream.port) < stream.files.len() {
        if running.ended()?.is_some() {
            return Err(Error::environment("millrace ended before it took its connections"));
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    Ok(())
}

/// Connections to a port of this machine that a process holds: those that wait for one have no inode.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
fn taken_connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!(":{port:04X}");
    let is_taken = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        field(1).ends_with(&local) && field(3) == ESTABLISHED && field(9) != "0"
    };
    table.lines().filter(is_taken).count()
}

/// Sends, says that this was all, and waits until the other side has closed.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
fn send(mut socket: TcpStream, file: &Path, last: &str) -> std::io::Result<()> {
    std::io::copy(&mut File::open(file)?, &mut socket)?;
    socket.write_all(last.as_bytes())?;
    socket.shutdown(Shutdown::Write)?;
    socket.read_to_end(&mut vec![]).map(|_| ())
}
