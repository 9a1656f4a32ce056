//! Tries what reads bytes with inputs that are nearly right: no panic, no endless loop, no more memory than a bound.
//!
//! `fuzz run TARGET|all INPUTS [FIRST SEED]` tries so many, each by its seed, in a process of their own, and prints
//! the seed of one that fails; `fuzz show TARGET SEED` writes its input to standard output, and `fuzz try TARGET
//! SEED` reads it again. `cargo run --release --locked -p millrace-tests --bin fuzz -- run all 2000000`

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "a test program: it watches itself from a thread, by the clock"
)]

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use millrace_tests::fuzz::{self, TARGETS, Target};

/// An input must be read in this time, on a machine that has other things to do as well.
const MOST_TIME: Duration = Duration::from_secs(30);
/// What the process that reads may have, in KiB; its threads have large stacks.
const MOST_KIB: u64 = 4 << 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["run", name, inputs] => run(name, inputs, "0"),
        ["run", name, inputs, seed] => run(name, inputs, seed),
        ["show", name, seed] => show(name, seed),
        ["try", name, seed] => {
            println!("{name} seed {seed}");
            work(name, seed, "1", "/dev/null")
        }
        ["work", name, seed, inputs, state] => work(name, seed, inputs, state),
        _ => {
            Err("fuzz run TARGET|all INPUTS [FIRST SEED], fuzz show TARGET SEED, fuzz try TARGET SEED".into())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn find(name: &str) -> Outcome<&'static Target> {
    let names: Vec<&str> = TARGETS.iter().map(|own| own.name).collect();
    fuzz::find(name).ok_or_else(|| format!("no target `{name}`; there are: {}", names.join(", ")).into())
}

fn show(name: &str, seed: &str) -> Outcome<()> {
    let corpus = (find(name)?.corpus)()?;
    Ok(std::io::stdout().write_all(&corpus.input(seed.parse()?))?)
}

fn run(name: &str, inputs: &str, first: &str) -> Outcome<()> {
    let chosen = match name {
        "all" => TARGETS.iter().collect(),
        _ => vec![find(name)?],
    };
    let failed: Vec<String> = chosen
        .into_iter()
        .filter_map(|target| attempt(target, inputs, first).err())
        .map(|own| own.to_string())
        .collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("\n").into()),
    }
}

/// Lets another process read the inputs, and says what became of it.
fn attempt(target: &Target, inputs: &str, first: &str) -> Outcome<()> {
    let state = tempfile::NamedTempFile::new()?;
    let began = Instant::now();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("ulimit -v {MOST_KIB} && exec \"$0\" \"$@\""))
        .arg(std::env::current_exe()?);
    let status = command.args(["work", target.name, first, inputs]).arg(state.path()).status()?;
    let [seed, read, rows] = State::of(state.path())?.0;
    let name = target.name;
    if status.success() {
        let seconds = began.elapsed().as_secs_f64();
        println!("{name}: {read} inputs, {rows} rows, no failure, {seconds:.1} s");
        return Ok(());
    }
    let how = match status.signal() {
        Some(signal) => format!("signal {signal}"),
        None => format!("exit code {}", status.code().unwrap_or(-1)),
    };
    Err(format!("{name}: seed {seed} fails ({how}) after {read} inputs; again: fuzz try {name} {seed}")
        .into())
}

/// Which seed is being read, how many were, and how many rows were in them; in a file, so that it outlives what reads.
#[derive(Default)]
struct State([u64; 3]);

impl State {
    fn write(&self, file: &File) -> std::io::Result<()> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|own| own.to_le_bytes()).collect();
        file.write_at(&bytes, 0).map(drop)
    }

    fn of(path: &Path) -> Outcome<State> {
        let bytes = std::fs::read(path)?;
        let mut state = State::default();
        for (own, bytes) in state.0.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *own = u64::from_le_bytes(*bytes);
        }
        Ok(state)
    }
}

fn work(name: &str, first: &str, inputs: &str, path: &str) -> Outcome<()> {
    let target = find(name)?;
    let corpus = (target.corpus)()?;
    let (first, inputs): (u64, u64) = (first.parse()?, inputs.parse()?);
    let file = File::create(path)?;
    let (alive, beats) = channel();
    std::thread::spawn(move || watch(&beats));
    let mut state = State::default();
    for seed in first..first + inputs {
        state.0[0] = seed;
        state.write(&file)?;
        alive.send(())?;
        let input = corpus.input(seed);
        match catch_unwind(AssertUnwindSafe(|| (target.read)(&input))) {
            Ok(Ok(rows)) => state.0[2] += rows,
            Ok(Err(error)) => return Err(format!("{name}: {error}").into()),
            Err(_) => return Err(format!("{name}: it panics").into()),
        }
        state.0[1] += 1;
    }
    Ok(state.write(&file)?)
}

/// Ends the process when an input takes too long.
fn watch(beats: &Receiver<()>) {
    loop {
        match beats.recv_timeout(MOST_TIME) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("not read in {} s", MOST_TIME.as_secs());
                std::process::exit(3);
            }
        }
    }
}
