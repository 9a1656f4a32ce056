//! The command line: one subcommand per kind of measurement.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use millrace_plan::{Culprit, Result};
use millrace_runtime::Clock;

use crate::contention::{self, ContentionArgs};
use crate::load::{self, LoadArgs};
use crate::nexmark::{self, NexmarkArgs};
use crate::record::Record;
use crate::report::{self, ReportArgs};
use crate::resident::{self, DataArgs, MemoryArgs};
use crate::scenario::{self, ScenarioArgs};

/// Measures Millrace, and what it is compared with, on this machine.
#[derive(Debug, Parser)]
#[command(name = "millrace-bench", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    options: RunOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct RunOptions {
    /// A small version of the measurement, in less than a minute.
    #[arg(long, global = true)]
    quick: bool,
    /// Seed of the inputs.
    #[arg(long, global = true, default_value = "1")]
    seed: u64,
    /// Keep the figures, the machine and the command line in this file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The locked designs that Millrace replaces, against Millrace, and the claims made of them.
    Contention(ContentionArgs),
    /// The queries that streams are used for, over memory and files.
    Scenario(ScenarioArgs),
    /// The queries of Nexmark, with their answers checked.
    Nexmark(NexmarkArgs),
    /// Latency and back-pressure of a running millrace, through sockets.
    Load(LoadArgs),
    /// One HTML page of the records of the other commands.
    Report(ReportArgs),
    /// Writes the trades and events of one seed as files, for everything that is compared.
    Data(DataArgs),
    /// Runs one query over the rows of Arrow files, loaded before the clock starts, on one shard.
    Memory(MemoryArgs),
    /// Prints the queries of `scenario` and `nexmark` with their tables, as JSON.
    Queries,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            match error.culprit {
                Culprit::Query => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let RunOptions { quick, seed, json } = &cli.options;
    let wall_ms = Clock::new().wall_ms();
    let mut record = Record::new(name(&cli.command), *seed, wall_ms);
    let outcome = match &cli.command {
        Command::Contention(args) => contention::run(args, *quick, *seed, &mut record),
        Command::Scenario(args) => scenario::run(args, *quick, *seed, &mut record),
        Command::Nexmark(args) => nexmark::run(args, *quick, *seed, &mut record),
        Command::Load(args) => load::run(args, *quick, *seed, &mut record),
        Command::Report(args) => report::run(args, *seed),
        Command::Data(args) => resident::write(args, *seed),
        Command::Memory(args) => resident::run(args),
        Command::Queries => resident::queries(),
    };
    // What was measured before something failed is shown too.
    if !record.tables.is_empty() {
        record.finish(json.as_deref())?;
    }
    outcome
}

fn name(command: &Command) -> &'static str {
    match command {
        Command::Contention(_) => "contention",
        Command::Scenario(_) => "scenario",
        Command::Nexmark(_) => "nexmark",
        Command::Load(_) => "load",
        Command::Report(_) => "report",
        Command::Data(_) => "data",
        Command::Memory(_) => "memory",
        Command::Queries => "queries",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use clap::Parser;

    use super::{Cli, name};
    use crate::report;

    #[test]
    fn a_report_without_records_measures_parts_that_the_command_knows() {
        for part in report::PARTS {
            let cli = Cli::try_parse_from(["millrace-bench"].iter().chain(*part)).unwrap();
            assert_eq!(name(&cli.command), part[0]);
        }
    }
}
