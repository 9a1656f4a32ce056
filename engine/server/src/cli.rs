//! The command line.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use millrace_connect::{connector, format};
use millrace_plan::{Culprit, Error, Limits, Result, duration_ms};
use millrace_runtime::{BackendKind, Placement, memory_bytes, parse_cores};
use millrace_sql::{Compiled, bind, explain, function};

use crate::checkpoint::{Place, inspect};
use crate::config::{CheckpointConfig, Config, Output, parse_size};
use crate::job::{Job, compile_script, placement};
use crate::report::RunReport;
use crate::signals::Signals;

/// Continuous SQL over event streams, one shard per core, no locks.
#[derive(Debug, Parser)]
#[command(
    name = "millrace",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 failed while running, 2 the SQL or the command line is wrong."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a SQL script: CREATE TABLE, INSERT INTO ... SELECT, SELECT.
    Run(RunArgs),
    /// Check a SQL script without running it.
    Check(ScriptArgs),
    /// Show how a SQL script would run: stages, exchanges, state, delivery.
    Explain(ExplainArgs),
    /// List the functions of the dialect.
    Functions,
    /// List the connectors and formats with their options.
    Connectors,
    /// Look into checkpoints.
    State(StateArgs),
    /// Print the version.
    Version,
}

#[derive(Debug, Args)]
struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// A line for each epoch.
    List {
        /// What was given to `run` as --checkpoint-dir.
        #[arg(value_name = "DIR")]
        place: String,
    },
    /// What an epoch holds: splits, state by operator, output.
    Describe {
        /// What was given to `run` as --checkpoint-dir.
        #[arg(value_name = "DIR")]
        place: String,
        /// The epoch; default: the newest.
        #[arg(long, value_name = "N")]
        epoch: Option<u64>,
    },
    /// Read every byte of every epoch; exit code 1 if one is damaged.
    Verify {
        /// What was given to `run` as --checkpoint-dir.
        #[arg(value_name = "DIR")]
        place: String,
    },
    /// How an epoch differs from an earlier one.
    Diff {
        /// What was given to `run` as --checkpoint-dir.
        #[arg(value_name = "DIR")]
        place: String,
        /// The earlier epoch.
        from: u64,
        /// The later epoch.
        to: u64,
    },
}

#[derive(Debug, Args)]
struct ScriptArgs {
    /// The script; `-` reads it from standard input.
    #[arg(required_unless_present = "execute", conflicts_with = "execute")]
    file: Option<PathBuf>,
    /// The script itself.
    #[arg(short = 'e', long, value_name = "SQL")]
    execute: Option<String>,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Plan for this many shards; default: one per allowed core.
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Backend {
    Auto,
    Glommio,
    Threads,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OutputArg {
    Print,
    Json,
    Changelog,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stats {
    Json,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Shards to run on; default: one per allowed core.
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Cores to pin shards to, as in 0-3,6; default: all allowed cores.
    #[arg(long, value_name = "LIST")]
    cores: Option<String>,
    /// Allow more shards than cores.
    #[arg(long)]
    oversubscribe: bool,
    /// How shards run: glommio (io_uring) or plain threads; auto takes glommio where it works.
    #[arg(long, value_enum, default_value = "auto")]
    backend: Backend,
    /// Rows per batch.
    #[arg(long, value_name = "N")]
    batch_rows: Option<usize>,
    /// Memory for state, as in 512MB or 4GiB; at the limit the run ends with an error that names the largest
    /// operators. Default: three quarters of what the machine or the container has.
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Make what the run holds durable in this folder or bucket (s3://bucket/prefix, with the usual AWS_ variables
    /// of the environment), and go on from the last epoch if there is one. Files that sinks write become visible
    /// epoch by epoch, each row exactly once.
    #[arg(long, value_name = "DIR")]
    checkpoint_dir: Option<String>,
    /// With checkpoints in a bucket: a local folder for snapshots until they are uploaded; default: one in the
    /// folder for temporary files.
    #[arg(long, value_name = "DIR", requires = "checkpoint_dir")]
    checkpoint_staging: Option<PathBuf>,
    /// How often, as in 10s or 100ms; 0: only when asked by SIGUSR1, and at the end.
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "checkpoint_dir")]
    checkpoint_interval: String,
    /// With checkpoints: when everything has been read, stop without ending the input. Windows stay open, and a
    /// later run goes on with new files and with what was appended to those it knows.
    #[arg(long, requires = "checkpoint_dir")]
    keep_open: bool,
    /// With checkpoints: how often a run that fails for reasons outside of the SQL and the data goes on from the
    /// last epoch by itself, after 1, 2, 4, at most 30 seconds.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "checkpoint_dir")]
    restart_attempts: u32,
    /// With checkpoints: read sockets and standard input too, whose rows since the last epoch a crash loses.
    #[arg(long, requires = "checkpoint_dir")]
    allow_source_loss: bool,
    /// Hold the results back to the end and write them in the order of all their columns.
    #[arg(long)]
    ordered: bool,
    /// Write the final account to stderr in this form.
    #[arg(long, value_enum, value_name = "FORM")]
    stats: Option<Stats>,
    /// How a SELECT outside INSERT prints its rows.
    #[arg(long, value_enum, default_value = "print")]
    output: OutputArg,
    /// Print rows and errors only.
    #[arg(long, short)]
    quiet: bool,
}

impl ScriptArgs {
    fn read(&self) -> Result<String> {
        if let Some(sql) = &self.execute {
            return Ok(sql.clone());
        }
        let Some(path) = &self.file else { return Err(Error::query("no script")) };
        let failed = |error: std::io::Error| {
            let error = Error::query(format!("{}: {error}", path.display()));
            error.hint("name a file with SQL, `-` for standard input, or use -e 'SQL'")
        };
        let mut bytes = vec![];
        match path.as_os_str() == "-" {
            true => std::io::stdin().read_to_end(&mut bytes).map_err(failed)?,
            false => {
                let text = millrace_runtime::read_file(path).map_err(|error| failed(error.source))?;
                bytes = text.into_bytes();
                bytes.len()
            }
        };
        String::from_utf8(bytes)
            .map_err(|error| Error::query(format!("{}: not UTF-8 text: {error}", path.display())))
    }
}

impl RunArgs {
    fn config(&self) -> Result<Config> {
        let mut limits = Limits::default();
        if let Some(rows) = self.batch_rows {
            if rows == 0 {
                return Err(Error::query("--batch-rows must be at least 1"));
            }
            limits.batch_rows = rows;
        }
        limits.memory_bytes = match &self.memory {
            Some(size) => Some(parse_size(size)?),
            None => memory_bytes().map(|bytes| bytes / 4 * 3),
        };
        let cores = self.cores.as_deref().map(|list| {
            parse_cores(list)
                .map_err(|message| Error::query(message).hint("write --cores 0-3 or --cores 0,2"))
        });
        let interval_ms = duration_ms(&self.checkpoint_interval).ok_or_else(|| {
            Error::query(format!("--checkpoint-interval {}: not a time", self.checkpoint_interval))
                .hint("write 10s, 100ms, or 0")
        })?;
        let place = self.checkpoint_dir.as_deref().map(Place::parse).transpose()?;
        if self.checkpoint_staging.is_some() && matches!(place, Some(Place::Folder(_))) {
            return Err(Error::query("--checkpoint-staging: these checkpoints go to no bucket")
                .hint("leave it out, or name a bucket: --checkpoint-dir s3://bucket/prefix"));
        }
        let checkpoint = place.map(|place| CheckpointConfig {
            place,
            staging: self.checkpoint_staging.clone(),
            interval_ms: Some(interval_ms).filter(|interval_ms| *interval_ms > 0),
            keep_open: self.keep_open,
        });
        Ok(Config {
            checkpoint,
            restart_attempts: self.restart_attempts,
            lossy_sources: self.allow_source_loss,
            functions: vec![],
            shards: self.shards,
            cores: cores.transpose()?,
            oversubscribe: self.oversubscribe,
            backend: match self.backend {
                Backend::Auto => BackendKind::Auto,
                Backend::Glommio => BackendKind::Glommio,
                Backend::Threads => BackendKind::Threads,
            },
            limits,
            ordered: self.ordered,
            quiet: self.quiet,
            stats_json: self.stats.is_some(),
            output: match self.output {
                OutputArg::Print => Output::Print,
                OutputArg::Json => Output::Json,
                OutputArg::Changelog => Output::Changelog,
            },
        })
    }
}

/// Runs the command; the exit code.
pub fn run(cli: Cli) -> i32 {
    match execute(cli.command) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            if error.culprit == Culprit::Query { 2 } else { 1 }
        }
    }
}

fn execute(command: Command) -> Result<()> {
    match command {
        Command::Run(args) => run_script(&args),
        Command::Check(args) => {
            let compiled = compile_script(&args.read()?, 1, &Config::plain())?;
            compiled.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            println!("ok: {} operators", compiled.plan.nodes.len());
            Ok(())
        }
        Command::Explain(args) => {
            let config = Config { shards: args.shards, oversubscribe: true, ..Config::plain() };
            let shards = placement(&config)?.len();
            let compiled = compile_script(&args.script.read()?, shards, &config)?;
            print!("{}", explain(&compiled.plan));
            Ok(())
        }
        Command::Functions => {
            list_functions();
            Ok(())
        }
        Command::Connectors => {
            list_connectors();
            Ok(())
        }
        Command::State(args) => {
            let text = match args.command {
                StateCommand::List { place } => inspect::list(&Place::parse(&place)?),
                StateCommand::Describe { place, epoch } => inspect::describe(&Place::parse(&place)?, epoch),
                StateCommand::Verify { place } => inspect::verify(&Place::parse(&place)?),
                StateCommand::Diff { place, from, to } => inspect::diff(&Place::parse(&place)?, from, to),
            };
            print!("{}", text?);
            Ok(())
        }
        Command::Version => {
            println!("millrace {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

fn run_script(args: &RunArgs) -> Result<()> {
    let sql = args.script.read()?;
    let config = args.config()?;
    let placement = placement(&config)?;
    // With checkpoints the plan must not depend on the number of shards: that may change.
    let shards = if config.checkpoint.is_some() { placement.len().max(2) } else { placement.len() };
    let compiled = compile_script(&sql, shards, &config)?;
    if !config.quiet {
        compiled.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    if compiled.plan.nodes.is_empty() {
        return Err(Error::query("the script has no INSERT or SELECT: there is nothing to run"));
    }
    if !config.quiet {
        let places: Vec<String> = placement.iter().map(|own| own.to_string()).collect();
        eprintln!("placement: {}", places.join(", "));
    }
    let Some(report) = run_job(&compiled, &placement, &config)? else { return Ok(()) };
    if !config.quiet {
        eprint!("{}", report.text());
    }
    if config.stats_json {
        // As one text: standard error is not buffered.
        let json = report.json().to_string();
        eprintln!("{json}");
    }
    Ok(())
}

/// Runs a job, from its last epoch if it has one, and again if it fails and may. `None` = it had come to its end
/// before.
fn run_job(compiled: &Compiled, placement: &[Placement], config: &Config) -> Result<Option<RunReport>> {
    let signals = Signals::install()?;
    let mut attempts = 0;
    loop {
        let job = match Job::open(compiled, placement.len(), config) {
            Ok(job) => job,
            Err(error) if attempts == 0 => return Err(error),
            Err(error) => {
                attempts = next_attempt(error, attempts, config, &signals)?;
                continue;
            }
        };
        if let Some(epoch) = job.resumes_from().filter(|_| !config.quiet) {
            eprintln!("going on from epoch {epoch}");
        }
        if job.is_finished() {
            job.finish_output()?;
            eprintln!(
                "the run has come to the end of its input; to run it again name an empty --checkpoint-dir"
            );
            return Ok(None);
        }
        match job.run(placement, config, &signals) {
            Ok(report) => return Ok(Some(report)),
            Err(error) => attempts = next_attempt(error, attempts, config, &signals)?,
        }
    }
}

/// Waits for the next attempt of a run that has failed, if there is one; else gives the error back.
fn next_attempt(error: Error, attempts: u32, config: &Config, signals: &Signals) -> Result<u32> {
    const MOST_SECONDS: u64 = 30;
    let may_pass = !matches!(error.culprit, Culprit::Query | Culprit::Data);
    if attempts == config.restart_attempts || !may_pass || signals.stop_requested() {
        return Err(error);
    }
    let seconds = MOST_SECONDS.min(1 << attempts.min(5));
    eprintln!("{error}");
    eprintln!("restart {} of {} from the last epoch in {seconds} s", attempts + 1, config.restart_attempts);
    signals.wait(Duration::from_secs(seconds))?;
    Ok(attempts + 1)
}

fn list_functions() {
    println!("Scalar functions");
    for entry in function::scalar_functions() {
        println!("  {:<44} {}", entry.signature, entry.about);
    }
    println!("\nAggregate functions");
    for entry in bind::aggregate::AGGREGATES {
        println!("  {:<44} {}", entry.signature, entry.about);
    }
    println!(
        "\nYour own functions: CREATE FUNCTION name AS 'file.wasm#name' LANGUAGE WASM declares one of a WebAssembly module"
    );
    println!(
        "\nProcessing time (what a query makes of it depends on the clock, and differs from run to run)"
    );
    for (name, sql_type) in bind::now::NOW_FUNCTIONS {
        println!("  {:<44} when the row entered, {sql_type}", name.to_uppercase());
    }
}

fn list_connectors() {
    println!("Connectors");
    for own in connector::CONNECTORS {
        let reads = if own.source.is_some() { "source" } else { "" };
        let writes = if own.sink.is_some() { "sink" } else { "" };
        println!("  {:<12} {:<7}{:<5} {}", own.name, reads, writes, own.about);
        for option in own.options {
            let needed = if option.required { " (required)" } else { "" };
            println!("      '{}'{needed}: {}", option.name, option.about);
        }
    }
    println!("\nOptions of every table");
    for option in connector::GENERAL_OPTIONS {
        println!("  '{}': {}", option.name, option.about);
    }
    println!("\nFormats");
    for own in format::FORMATS {
        println!("  {:<14} {}", own.name, own.about);
        for option in own.options {
            println!("      '{}': {}", option.name, option.about);
        }
    }
}
