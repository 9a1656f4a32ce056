//! The instruction gate: counts every kernel and fails where one executes more than 3 % over what is recorded.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use millrace_kernels::kernel::{KERNELS, Kernel};
use millrace_kernels::{count, gate};
use millrace_plan::{Culprit, Error, Result};

/// The allocator of the `millrace` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "Counts the instructions per row of each kernel and compares them with the recorded ones.\n\n\
                     Usage: millrace-kernels [NAME]...   the named kernels; default: all";

/// How this program starts itself to be counted.
const COUNTED: &str = "--counted";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["--help" | "-h", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        [COUNTED, name] => find(name).and_then(count::run_counted),
        names => compare(names),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            if error.culprit == Culprit::Environment {
                ExitCode::from(count::REFUSED)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn find(name: &str) -> Result<&'static Kernel> {
    let known: Vec<&str> = KERNELS.iter().map(|own| own.name).collect();
    let found = KERNELS.iter().find(|own| own.name == name);
    found.ok_or_else(|| {
        Error::query(format!("no kernel `{name}`")).hint(format!("known: {}", known.join(", ")))
    })
}

fn compare(names: &[&str]) -> Result<()> {
    let chosen: Vec<&Kernel> = match names.is_empty() {
        true => KERNELS.iter().collect(),
        false => names.iter().map(|own| find(own)).collect::<Result<_>>()?,
    };
    let program = std::env::current_exe().map_err(|error| Error::environment(error.to_string()))?;
    let mut counts = vec![];
    for kernel in chosen {
        let count = match count::instructions(&program, &[COUNTED, kernel.name]) {
            // Whoever may not trace a process cannot compare; that is no fault of the kernels.
            Err(error) if error.culprit == Culprit::Environment => {
                println!("not compared: {error}");
                return Ok(());
            }
            count => count?,
        };
        counts.push((kernel.name, count as f64 / kernel.rows as f64));
    }
    let (table, verdict) = gate::judge(&counts, gate::RECORDED);
    print!("{table}");
    match gate::incomparable() {
        Some(why) if verdict.is_err() => println!("not compared: {why}"),
        _ => verdict?,
    }
    Ok(())
}
