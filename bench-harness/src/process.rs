//! The real `millrace` over a script.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use millrace_plan::{Error, Result};
use serde_json::Value;
use tempfile::TempDir;

/// How a script ended.
pub struct Finished {
    /// `--stats json`.
    pub account: Value,
    /// The most resident memory, seen every two milliseconds.
    pub peak_bytes: u64,
}

impl Finished {
    /// From the start of the shards to the end, in seconds.
    pub fn seconds(&self) -> f64 {
        self.account["elapsed_ms"].as_f64().unwrap_or(0.0).max(1.0) / 1000.0
    }

    /// A figure over all shards.
    pub fn figure(&self, name: &str) -> u64 {
        self.account["total"][name].as_u64().unwrap_or(0)
    }
}

/// A `millrace` that runs a script.
pub struct Running {
    child: Child,
    scratch: TempDir,
}

fn failed(error: std::io::Error) -> Error {
    Error::environment(format!("running millrace: {error}"))
}

/// Starts a script.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
pub fn start(binary: &Path, script: &str, shards: usize) -> Result<Running> {
    let scratch = tempfile::tempdir().map_err(failed)?;
    let [err, sql] = ["err", "script.sql"].map(|name| scratch.path().join(name));
    fs::write(&sql, script).map_err(failed)?;
    let child = Command::new(binary)
        .args(["run", "--quiet", "--stats", "json", "--oversubscribe", "--shards", &shards.to_string()])
        .arg(&sql)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&err).map_err(failed)?)
        .spawn()
        .map_err(|error| Error::environment(format!("running {}: {error}", binary.display())))?;
    Ok(Running { child, scratch })
}

/// Runs a script to its end.
pub fn run(binary: &Path, script: &str, shards: usize) -> Result<Finished> {
    start(binary, script, shards)?.wait()
}

impl Running {
    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(failed)
    }

    /// Ends the run in order.
    pub fn stop(mut self) -> Result<Finished> {
        let process = self.child.id();
        let peak_bytes = peak_bytes(process).unwrap_or(0);
        Command::new("kill").args(["-TERM", &process.to_string()]).status().map_err(failed)?;
        let status = self.child.wait().map_err(failed)?;
        Ok(Finished { account: account(status, &self.scratch.path().join("err"))?, peak_bytes })
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Result<Finished> {
        let mut peak = 0;
        let status = loop {
            if let Some(status) = self.ended()? {
                break status;
            }
            peak = peak_bytes(self.child.id()).unwrap_or(peak);
            // Nobody wakes this thread: it looks again when the time is over.
            std::thread::park_timeout(std::time::Duration::from_millis(2));
        };
        Ok(Finished { account: account(status, &self.scratch.path().join("err"))?, peak_bytes: peak })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Of a measurement that failed; one that has ended is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most resident memory that a process has had; `None` once it has ended.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
pub fn peak_bytes(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|own| own << 10)
}

/// The account that `--stats json` left on standard error, here a file, of a run that ended well.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
pub fn account(status: ExitStatus, stderr: &Path) -> Result<Value> {
    let said = fs::read_to_string(stderr)
        .map_err(|error| Error::environment(format!("{}: {error}", stderr.display())))?;
    let account = said.lines().find(|line| line.starts_with('{'));
    match account.and_then(|line| serde_json::from_str(line).ok()) {
        Some(account) if status.success() => Ok(account),
        _ => Err(Error::environment(format!("millrace ended with {status}: {said}"))),
    }
}
