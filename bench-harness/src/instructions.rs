//! Instructions that a command executes, counted by valgrind: they repeat where times do not.

use std::path::Path;
use std::process::{Command, Stdio};

use millrace_plan::{Error, Result};

/// True if valgrind can be run here.
pub fn countable() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|own| own.success())
}

/// Instructions of a program with these arguments, in user space, all threads.
pub fn count(program: &Path, arguments: &[&str]) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .map_err(|error| Error::environment(format!("valgrind: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")).map(|(_, own)| own.trim());
    match collected.and_then(|own| own.split_whitespace().next()?.parse().ok()) {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(Error::environment(format!("valgrind ended with {}: {said}", output.status))),
    }
}

/// Futex calls of a program with these arguments, all threads; `None` without strace.
pub fn futex_calls(program: &Path, arguments: &[&str]) -> Option<u64> {
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join("counts");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-e", "trace=futex", "-o"]).arg(&file).arg(program).args(arguments);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    if !status.success() {
        return None;
    }
    let counts = millrace_runtime::read_file(&file).ok()?;
    let line = counts.lines().find(|line| line.trim_end().ends_with("futex"));
    Some(line.and_then(|own| own.split_whitespace().nth(3)?.parse().ok()).unwrap_or(0))
}
