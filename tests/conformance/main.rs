//! Answers that other engines gave: every case through the real binary, at several shard counts, batch sizes
//! and on both backends.
//!
//! The data are in `MILLRACE_CONFORMANCE` or `../shared/conformance` beside the workspace; without them one
//! line says so. `cargo test -p millrace-tests --test conformance -- WORD` runs the cases whose id or group
//! contains `WORD`; `MILLRACE_QUICK=1` runs two setups instead of all; `MILLRACE_REPORT=FILE` writes one JSON
//! object a case.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "reads the cases and writes the report")]

mod programs;
mod required;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use millrace_tests::binary::{self, Setup};
use millrace_tests::case::{Case, Suite};
use millrace_tests::program::{self, Program};

/// How many runs go on at once.
const WORKERS: usize = 2;
/// The first setup: a case that it refuses is not supported.
const FIRST: Setup = Setup { shards: 1, batch_rows: 8192, backend: "threads" };

/// What became of a case.
enum Outcome {
    Passed,
    Failed(String),
    NotSupported(String),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::NotSupported(_) => "not supported",
        }
    }

    fn why(&self) -> &str {
        match self {
            Outcome::Passed => "",
            Outcome::Failed(why) | Outcome::NotSupported(why) => why,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let folder = env::var_os("MILLRACE_CONFORMANCE")
        .map_or_else(|| binary::root().join("../shared/conformance"), PathBuf::from);
    let Ok(folder) = fs::canonicalize(&folder) else {
        println!("conformance: skipped, there is no {}", folder.display());
        return ExitCode::SUCCESS;
    };
    let word = arguments.iter().find(|argument| !argument.starts_with('-')).map_or("", String::as_str);
    match conform(&folder, word) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases and prints the account; false if a required one did not pass.
fn conform(folder: &Path, word: &str) -> Result<bool, String> {
    let suites = [Suite::read(&folder.join("flink-cases"))?, Suite::read(&folder.join("nexmark"))?];
    let wanted = |case: &Case| case.id.contains(word) || case.group.contains(word);
    let work: Vec<(&Suite, &Case)> = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().filter(|case| wanted(case)).map(move |case| (suite, case)))
        .collect();
    binary::path()?;
    let setups = setups();
    println!("conformance: {} cases, {} setups, {}", work.len(), setups.len(), binary::path()?.display());

    let outcomes = run_all(&work, &setups)?;
    let mut groups: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut good = true;
    for ((suite, case), outcome) in work.iter().zip(&outcomes) {
        let required = required::is_required(case);
        let group = groups.entry(format!("{}/{}", suite.name, case.group)).or_default();
        match outcome {
            Outcome::Passed => group[0] += 1,
            Outcome::Failed(_) => group[1] += 1,
            Outcome::NotSupported(_) => group[2] += 1,
        }
        if !matches!(outcome, Outcome::Passed) {
            let mark = if required { " (required)" } else { "" };
            println!("{}: {}{mark}: {}", case.id, outcome.word(), outcome.why());
            good &= !required;
        }
    }
    if word.is_empty() {
        good &= nothing_is_lost(&work);
    }
    good &= conform_programs(folder, word, &mut groups)?;
    println!("\n{:<34}{:>8}{:>8}{:>15}", "group", "passed", "failed", "not supported");
    for (group, [passed, failed, refused]) in &groups {
        println!("{group:<34}{passed:>8}{failed:>8}{refused:>15}");
    }
    report(&work, &outcomes)?;
    Ok(good)
}

/// Runs the programs; false if a required one did not pass.
fn conform_programs(
    folder: &Path,
    word: &str,
    groups: &mut BTreeMap<String, [usize; 3]>,
) -> Result<bool, String> {
    let programs = program::read(&folder.join("flink-programs.jsonl"))?;
    let wanted: Vec<&Program> =
        programs.iter().filter(|own| own.id.contains(word) || own.group.contains(word)).collect();
    let quick = env::var_os("MILLRACE_QUICK").is_some();
    let outcomes = in_turn(wanted.len(), &|at| programs::run(wanted[at], quick))?;
    let mut good = true;
    for (program, outcome) in wanted.iter().zip(&outcomes) {
        let required = required::is_required_program(&program.id);
        let group = groups.entry(format!("flink-programs/{}", program.group)).or_default();
        group[match outcome {
            Outcome::Passed => 0,
            Outcome::Failed(_) => 1,
            Outcome::NotSupported(_) => 2,
        }] += 1;
        if !matches!(outcome, Outcome::Passed) {
            let mark = if required { " (required)" } else { "" };
            println!("{}: {}{mark}: {}", program.id, outcome.word(), outcome.why());
            good &= !required;
        }
    }
    Ok(good)
}

/// Does `work` for each number below `count`, several at a time; the results in order.
fn in_turn<T: Send>(
    count: usize,
    work: &(dyn Fn(usize) -> Result<T, String> + Sync),
) -> Result<Vec<T>, String> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return Ok(done);
            }
            done.push((at, work(at)?));
        }
    };
    let done: Vec<Result<Vec<(usize, T)>, String>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        let lost = |_| Err("a worker stopped".to_string());
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(lost)).collect()
    });
    let mut all = Vec::new();
    for part in done {
        all.extend(part?);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().map(|(_, own)| own).collect())
}

/// True if every required case was there to run.
fn nothing_is_lost(work: &[(&Suite, &Case)]) -> bool {
    let missing = required::missing(work.iter().map(|(_, case)| *case));
    for name in &missing {
        println!("{name}: required, but not in the data");
    }
    missing.is_empty()
}

fn setups() -> Vec<Setup> {
    if env::var_os("MILLRACE_QUICK").is_some() {
        return vec![FIRST, Setup { shards: 3, batch_rows: 7, backend: "threads" }];
    }
    let mut setups = vec![FIRST];
    for backend in ["threads", "glommio"] {
        for shards in [1, 2, 3] {
            let of_shards = [1, 7, 8192].map(|batch_rows| Setup { shards, batch_rows, backend });
            setups.extend(of_shards.into_iter().filter(|setup| *setup != FIRST));
        }
    }
    setups
}

/// The outcomes, in the order of `work`.
fn run_all(work: &[(&Suite, &Case)], setups: &[Setup]) -> Result<Vec<Outcome>, String> {
    in_turn(work.len(), &|at| {
        let scratch = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        run_case(work[at].0, work[at].1, setups, scratch.path())
    })
}

/// Runs one case in every setup, up to the first that fails. An error is one of the test, not of the case.
fn run_case(suite: &Suite, case: &Case, setups: &[Setup], scratch: &Path) -> Result<Outcome, String> {
    let script = suite.script(case);
    for setup in setups {
        let run = binary::run(&script, *setup, scratch)?;
        if run.refused() && *setup == FIRST {
            let message = run.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("no message");
            return Ok(Outcome::NotSupported(message.to_string()));
        }
        if let Err(error) = run.output().and_then(|output| case.judge(output)) {
            return Ok(Outcome::Failed(format!("{setup}: {error}")));
        }
    }
    Ok(Outcome::Passed)
}

/// Writes one JSON object a case to `MILLRACE_REPORT`, if set.
fn report(work: &[(&Suite, &Case)], outcomes: &[Outcome]) -> Result<(), String> {
    let Some(path) = env::var_os("MILLRACE_REPORT") else { return Ok(()) };
    let lines: String = work
        .iter()
        .zip(outcomes)
        .map(|((suite, case), outcome)| {
            let line = serde_json::json!({
                "suite": suite.name, "group": case.group, "id": case.id, "required": required::is_required(case),
                "outcome": outcome.word(), "why": outcome.why(),
            });
            format!("{line}\n")
        })
        .collect();
    fs::write(&path, lines).map_err(|error| format!("{}: {error}", Path::new(&path).display()))
}
