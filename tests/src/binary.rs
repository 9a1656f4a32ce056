//! Finding and running the real `millrace`.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// How long one run may take.
const LIMIT_SECONDS: &str = "120";

/// The root of the workspace.
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// The binary: `MILLRACE_BIN` if set, else the one that Cargo built beside this test.
pub fn path() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os("MILLRACE_BIN") {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!("MILLRACE_BIN={}: no such file", path.display()))
        };
    }
    let test = env::current_exe().map_err(|error| format!("cannot tell where this test is: {error}"))?;
    // target/<profile>/deps/<this test>
    let profile = test.parent().and_then(Path::parent).ok_or("this test is not in a target folder")?;
    let path = profile.join("millrace");
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{} does not exist: build it with `cargo build -p millrace-server --bin millrace`{}, or name another in MILLRACE_BIN",
        path.display(),
        if profile.ends_with("release") { " --release" } else { "" },
    ))
}

/// How a script is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// `--shards`.
    pub shards: usize,
    /// `--batch-rows`.
    pub batch_rows: usize,
    /// `--backend`.
    pub backend: &'static str,
}

impl std::fmt::Display for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--shards {} --batch-rows {} --backend {}", self.shards, self.batch_rows, self.backend)
    }
}

/// What a run gave.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Run {
    /// True if the binary refused the SQL or the command line, before it read a row.
    pub fn refused(&self) -> bool {
        self.status.code() == Some(2)
    }

    /// Standard output of a run that ended well; else its last words.
    pub fn output(&self) -> Result<&str, String> {
        if self.status.success() {
            return Ok(&self.stdout);
        }
        let lines: Vec<&str> = self.stderr.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n    ");
        let how = match self.status.code() {
            Some(124 | 137) => format!("did not end within {LIMIT_SECONDS} s"),
            _ => format!("ended with {}", self.status),
        };
        Err(format!("{how}\n    {last}"))
    }
}

/// Runs `script` in the root of the workspace and waits for it. A bare `SELECT` in it is written to standard
/// output as JSON changes. `scratch`: a folder for the script and what it prints.
pub fn run(script: &str, setup: Setup, scratch: &Path) -> Result<Run, String> {
    let file = scratch.join("script.sql");
    fs::write(&file, script).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = limited(&path()?);
    command.arg("run").arg(&file).args(["--output", "changelog", "--quiet", "--oversubscribe"]);
    command.arg("--shards").arg(setup.shards.to_string());
    command.arg("--batch-rows").arg(setup.batch_rows.to_string());
    command.arg("--backend").arg(setup.backend);
    finish(command, scratch)
}

/// A command that is stopped (exit code 124) when it takes longer than any test may.
pub fn limited(binary: &Path) -> Command {
    let mut command = Command::new("timeout");
    // In the foreground: else a signal to `timeout` reaches the binary twice.
    command.args(["--foreground", "--kill-after", "5", LIMIT_SECONDS]).arg(binary);
    command
}

/// Runs a command in the root of the workspace with nothing on standard input, and waits for it.
pub fn finish(mut command: Command, scratch: &Path) -> Result<Run, String> {
    // Files rather than pipes: neither output can fill up and stall the other.
    let (out, err) = (scratch.join("stdout"), scratch.join("stderr"));
    let create = |path: &Path| File::create(path).map_err(|error| format!("{}: {error}", path.display()));
    command.current_dir(root()).stdin(Stdio::null()).stdout(create(&out)?).stderr(create(&err)?);
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    let read = |path: &Path| {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok::<String, String>(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Run { status, stdout: read(&out)?, stderr: read(&err)? })
}
