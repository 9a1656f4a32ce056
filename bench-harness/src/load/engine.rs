//! The real `millrace`, started for one measurement: it listens for events and sends its results back.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use millrace_plan::{Error, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{account, peak_bytes};

/// A running `millrace`.
pub struct Engine {
    child: Child,
    scratch: TempDir,
    /// Where it listens.
    pub port: u16,
    /// Where its results come from, one connection per shard.
    pub results: Vec<TcpStream>,
}

/// How it ended.
pub struct Ended {
    /// `--stats json`.
    pub account: Value,
    /// The most resident memory it had.
    pub peak_bytes: u64,
}

fn environment(what: &str, error: &std::io::Error) -> Error {
    Error::environment(format!("{what}: {error}"))
}

/// The `millrace` to measure: `named`, or `MILLRACE_BIN`, or the one beside this program.
pub fn binary(named: Option<&Path>) -> Result<PathBuf> {
    let beside = || std::env::current_exe().ok().map(|own| own.with_file_name("millrace"));
    let from_environment = || std::env::var_os("MILLRACE_BIN").map(PathBuf::from);
    let path = named.map(Path::to_path_buf).or_else(from_environment).or_else(beside);
    match path {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(Error::environment(format!("{}: no such file", path.display()))
            .hint("build it with `cargo build --release -p millrace-server`, or name it with --millrace")),
        None => Err(Error::environment("no millrace to measure").hint("name it with --millrace")),
    }
}

impl Engine {
    /// Starts a script in which `{in}` and `{out}` stand for the ports.
    #[allow(clippy::disallowed_methods, reason = "the measuring side, before anything is measured")]
    pub fn start(binary: &Path, script: &str, shards: usize) -> Result<Engine> {
        let failed = |error: std::io::Error| environment("preparing a run", &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let out = listener.local_addr().map_err(failed)?.port();
        // Freed at once: nobody else asks for ports here.
        let free = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let port = free.local_addr().map_err(failed)?.port();
        drop(free);
        let script = script.replace("{in}", &port.to_string()).replace("{out}", &out.to_string());
        let scratch = tempfile::tempdir().map_err(failed)?;
        let stderr = File::create(scratch.path().join("stderr")).map_err(failed)?;
        let cores: Vec<String> = (0..shards).map(|core| core.to_string()).collect();
        let mut child = Command::new(binary)
            .args(["run", "--quiet", "--stats", "json", "--cores", &cores.join(","), "-e", &script])
            .args(["--shards", &shards.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|error| environment(&binary.display().to_string(), &error))?;
        listener.set_nonblocking(true).map_err(failed)?;
        let mut results = vec![];
        while results.len() < shards {
            match listener.accept() {
                Ok((socket, _)) => {
                    socket.set_nonblocking(false).map_err(failed)?;
                    results.push(socket);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if let Some(status) = child.try_wait().map_err(failed)? {
                        let said = fs::read_to_string(scratch.path().join("stderr")).unwrap_or_default();
                        return Err(Error::environment(format!("millrace ended with {status}: {said}")));
                    }
                    std::thread::yield_now();
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Engine { child, scratch, port, results })
    }

    /// Ends the run in order.
    pub fn stop(mut self) -> Result<Ended> {
        let failed = |error: std::io::Error| environment("ending a run", &error);
        let process = self.child.id();
        let peak_bytes = peak_bytes(process).unwrap_or(0);
        Command::new("kill").args(["-TERM", &process.to_string()]).status().map_err(failed)?;
        let ended = self.child.wait().map_err(failed)?;
        Ok(Ended { account: account(ended, &self.scratch.path().join("stderr"))?, peak_bytes })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Of a measurement that failed; one that was stopped has gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
