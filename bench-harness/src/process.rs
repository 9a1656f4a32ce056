//! The real `millrace` over a script that ends by itself.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use millrace_plan::{Error, Result};
use serde_json::Value;

/// How a script ended.
pub struct Finished {
    /// `--stats json`.
    pub account: Value,
    /// Standard output.
    pub stdout: String,
    /// The most resident memory, as far as it was seen.
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

/// Runs a script to its end.
#[allow(clippy::disallowed_methods, reason = "the measuring side")]
pub fn run(binary: &Path, script: &str, shards: usize) -> Result<Finished> {
    let failed = |error: std::io::Error| Error::environment(format!("running {}: {error}", binary.display()));
    let scratch = tempfile::tempdir().map_err(failed)?;
    let [out, err, sql] = ["out", "err", "script.sql"].map(|name| scratch.path().join(name));
    fs::write(&sql, script).map_err(failed)?;
    let mut child = Command::new(binary)
        .args(["run", "--quiet", "--stats", "json", "--oversubscribe", "--shards", &shards.to_string()])
        .args(["--output", "changelog"])
        .arg(&sql)
        .stdin(Stdio::null())
        .stdout(File::create(&out).map_err(failed)?)
        .stderr(File::create(&err).map_err(failed)?)
        .spawn()
        .map_err(failed)?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_bytes = 0;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        let seen = fs::read_to_string(&status_file).unwrap_or_default();
        let peak = seen.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        peak_bytes = peak.trim().trim_end_matches(" kB").parse::<u64>().map_or(peak_bytes, |own| own << 10);
        // Nobody wakes this thread: it looks again when the time is over.
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    };
    let said = fs::read_to_string(&err).map_err(failed)?;
    let account = said.lines().find(|line| line.starts_with('{'));
    match account.and_then(|line| serde_json::from_str(line).ok()) {
        Some(account) if status.success() => {
            Ok(Finished { account, stdout: fs::read_to_string(&out).map_err(failed)?, peak_bytes })
        }
        _ => {
            Err(Error::environment(format!("millrace ended with {status}: {said}\nthe script was: {script}")))
        }
    }
}
