//! What the designs ask of the kernel and of the processor: futex calls and instructions, each counted in a process of
//! its own.

use std::path::Path;

use millrace_plan::{Error, Result};
use millrace_runtime::BackendKind;

use super::input::{BATCH_RECORDS, Input};
use super::{ContentionArgs, DESIGNS};
use crate::instructions;
use crate::record::Table;

const PARTITIONS: usize = 8;
const GROUPS: u64 = 10_000;

/// Makes the input and runs the named designs once, on threads; without a design it only makes the input.
pub fn run_alone(args: &ContentionArgs, batches: usize, seed: u64) -> Result<()> {
    let input = Input::new(PARTITIONS, batches, GROUPS, false, seed)?;
    let input = Input { backend: BackendKind::Threads, ..input };
    let mut named = DESIGNS.iter().filter(|own| args.designs.iter().any(|name| name == own.letter));
    named.try_for_each(|own| (own.run)(&input).map(|_| ()))
}

/// Runs of this program with one design, or with none.
struct Alone<'a> {
    program: &'a Path,
    seed: u64,
}

impl Alone<'_> {
    fn arguments(&self, design: Option<&str>, batches: usize) -> Vec<String> {
        let mut arguments = vec!["contention".into(), "--seed".into(), self.seed.to_string()];
        arguments.extend(["--batches".into(), batches.to_string()]);
        design.into_iter().for_each(|own| arguments.extend(["--designs".into(), own.to_string()]));
        arguments
    }

    fn instructions(&self, design: Option<&str>, batches: usize) -> Result<f64> {
        let arguments = self.arguments(design, batches);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        instructions::count(self.program, &arguments).map(|own| own as f64)
    }

    fn futex_calls(&self, design: Option<&str>, batches: usize) -> Option<f64> {
        let arguments = self.arguments(design, batches);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        instructions::futex_calls(self.program, &arguments).map(|own| own as f64)
    }
}

/// Futex calls and instructions of each design that is measured.
pub fn table(args: &ContentionArgs, quick: bool, seed: u64) -> Result<Table> {
    let mut table = Table::new(
        format!(
            "Asked of the kernel and the processor: {PARTITIONS} partitions, {GROUPS} groups, no windows"
        ),
        &["design", "futex calls per 1000 batches", "instructions per row"],
    );
    let program = std::env::current_exe().map_err(|error| Error::environment(error.to_string()))?;
    let alone = Alone { program: &program, seed };
    let is_named = |name: &str| args.designs.is_empty() || args.designs.iter().any(|own| own == name);
    let is_shown = |name: &str| !quick || ["a", "c", "f"].contains(&name);
    let countable = instructions::countable();
    // Two lengths, with and without the design: what making the input and starting costs drops out.
    let [few, many] = if quick { [40, 80] } else { [100, 200] };
    let bare = if countable { alone.instructions(None, many)? - alone.instructions(None, few)? } else { 0.0 };
    let calls_of =
        |design| Some(alone.futex_calls(design, 20 * many)? - alone.futex_calls(design, 20 * few)?);
    let bare_calls = calls_of(None);
    for design in DESIGNS.iter().filter(|own| is_named(own.letter) && is_shown(own.letter)) {
        eprint!("\rcounting design {:<30}", design.letter);
        let name = Some(design.letter);
        let calls = calls_of(name).zip(bare_calls);
        let calls = calls.map(|(own, bare)| (own - bare).max(0.0) * 1000.0 / (20 * (many - few)) as f64);
        let instructions = match countable {
            true => {
                let own = alone.instructions(name, many)? - alone.instructions(name, few)?;
                format!("{:.0}", (own - bare) / ((many - few) * BATCH_RECORDS) as f64)
            }
            false => "-".into(),
        };
        let calls = calls.map_or("-".into(), |own| format!("{own:.0}"));
        table.row([design.letter.to_string(), calls, instructions]);
    }
    eprintln!();
    table.notes.push(
        "futex calls: strace; both counts are the difference of two lengths, less that of making the input"
            .into(),
    );
    table.notes.push(
        "instructions: valgrind callgrind, which runs one thread at a time; Millrace on its threads backend"
            .into(),
    );
    if !countable {
        table.notes.push("valgrind is not installed: instructions are not counted".into());
    }
    if bare_calls.is_none() {
        table.notes.push("strace is not installed, or may not trace: futex calls are not counted".into());
    }
    Ok(table)
}
