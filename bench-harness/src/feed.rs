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

/// Several times as long as changes are collected.
const COLLECTS: Duration = Duration::from_millis(500);

fn failed(error: std::io::Error) -> Error {
    Error::environment(format!("feeding millrace: {error}"))
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    let free = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    Ok(free.local_addr().map_err(failed)?.port())
}

/// Starts the script, connects, sends all files at once, waits until all is read, and ends the run.
pub fn run(binary: &Path, script: &str, shards: usize, streams: &[Stream]) -> Result<Fed> {
    let mut running = process::start(binary, script, shards)?;
    let mut work = vec![];
    for stream in streams {
        for file in &stream.files {
            work.push((connect(stream.port, &mut running)?, file.as_path(), stream.last.as_str()));
        }
    }
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
    std::thread::park_timeout(COLLECTS);
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

/// Sends, says that this was all, and waits until the other side has closed.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
fn send(mut socket: TcpStream, file: &Path, last: &str) -> std::io::Result<()> {
    std::io::copy(&mut File::open(file)?, &mut socket)?;
    socket.write_all(last.as_bytes())?;
    socket.shutdown(Shutdown::Write)?;
    socket.read_to_end(&mut vec![]).map(|_| ())
}
