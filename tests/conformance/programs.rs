//! Flink's own programs with a restart in the middle: the real binary reads what is there, stops with a snapshot,
//! and goes on with what is appended, on another number of shards.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use millrace_tests::binary::{self, Run};
use millrace_tests::program::{Phase, Program};

use crate::{Outcome, required};

/// Shards before and after the restart, batch size and backend.
const SETUPS: &[(usize, usize, usize, &str)] =
    &[(1, 1, 8192, "threads"), (1, 3, 1, "glommio"), (2, 1, 8192, "glommio"), (3, 2, 7, "threads")];

/// Runs one program in every setup, up to the first that fails.
pub fn run(program: &Program, quick: bool) -> Result<Outcome, String> {
    if let Some(obstacle) = program.obstacle() {
        return Ok(Outcome::NotSupported(obstacle));
    }
    let setups = if quick { &SETUPS[..1] } else { SETUPS };
    for setup in setups {
        let scratch = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        match in_setup(program, *setup, scratch.path())? {
            Outcome::Passed => {}
            other => return Ok(other),
        }
    }
    Ok(Outcome::Passed)
}

fn in_setup(program: &Program, setup: (usize, usize, usize, &str), folder: &Path) -> Result<Outcome, String> {
    let (before, after, batch_rows, backend) = setup;
    let mut written: BTreeMap<String, [String; 2]> = BTreeMap::new();
    let phases = [(Phase::Before, before), (Phase::After, after)];
    let count = if program.is_one_run() { 1 } else { 2 };
    for (index, (phase, shards)) in phases.into_iter().take(count).enumerate() {
        if let Err(obstacle) = program.feed(folder, phase) {
            return Ok(Outcome::NotSupported(obstacle));
        }
        let run = one_phase(program, phase, [shards, batch_rows], backend, folder)?;
        if run.refused() {
            let message = run.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message");
            return Ok(Outcome::NotSupported(message.to_string()));
        }
        if let Err(error) = run.output() {
            return Ok(Outcome::Failed(format!("{setup:?}: {error}")));
        }
        if phase == Phase::Before && count == 2 {
            rest(required::program_rest(&program.id));
        }
        for sink in &program.sinks {
            let lines = lines(&folder.join(&sink.name))?;
            written.entry(sink.name.clone()).or_default()[index] = lines;
        }
    }
    Ok(match program.judge(&written) {
        Ok(()) => Outcome::Passed,
        Err(error) => Outcome::Failed(format!("{setup:?}: {error}")),
    })
}

/// Waits until so much time has passed.
fn rest(length: Duration) {
    let end = Instant::now() + length;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}

fn one_phase(
    program: &Program,
    phase: Phase,
    [shards, batch_rows]: [usize; 2],
    backend: &str,
    folder: &Path,
) -> Result<Run, String> {
    let script = folder.join("script.sql");
    fs::write(&script, program.script(folder)).map_err(|error| format!("{}: {error}", script.display()))?;
    let mut command = binary::limited(&binary::path()?);
    command.arg("run").arg(script).args(["--quiet", "--oversubscribe", "--backend", backend]);
    command.args(["--shards", &shards.to_string(), "--batch-rows", &batch_rows.to_string()]);
    command.args(["--checkpoint-interval", "0", "--checkpoint-dir"]).arg(folder.join("checkpoints"));
    if phase == Phase::Before && !program.is_one_run() {
        command.arg("--keep-open");
    }
    binary::finish(command, folder)
}

/// The lines of all visible files in a folder, which are taken away.
fn lines(folder: &Path) -> Result<String, String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(String::new()) };
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut lines = String::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        lines += &fs::read_to_string(&path).map_err(failed)?;
        fs::remove_file(&path).map_err(failed)?;
    }
    Ok(lines)
}
