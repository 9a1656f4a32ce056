//! `millrace-bench contention`: each locked design that Millrace replaces, rebuilt, on the same input with the same
//! answers; and what its authors claimed, against what is measured.

mod claims;
mod concurrent_map;
mod counts;
mod input;
mod locked;
mod owned;
mod partitioned;
mod state;

use std::future::Future;
use std::sync::Arc;

use arrow::array::RecordBatch;
use clap::Args;
use millrace_plan::{Error, Result};
use millrace_runtime::Clock;

use crate::record::{Record, Table, rate, time};
use crate::times::Locking;
use input::Input;
use locked::Discipline;
use state::Answer;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct ContentionArgs {
    /// Partitions to sweep over.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16")]
    pub partitions: Vec<usize>,
    /// Numbers of groups to sweep over.
    #[arg(long, value_delimiter = ',', default_value = "100,10000,100000")]
    pub groups: Vec<u64>,
    /// Only these designs, by letter, as in a,c,f; default: all.
    #[arg(long, value_delimiter = ',')]
    pub designs: Vec<String>,
    /// Runs of each design; the median counts.
    #[arg(long, default_value = "3")]
    pub repeat: usize,
    /// Run one design once over so many batches, and nothing else: what `contention` counts calls and instructions of.
    #[arg(long, hide = true)]
    pub batches: Option<usize>,
}

/// What a run of a design gave.
#[derive(Debug, Clone, Default)]
struct Measured {
    elapsed_ns: u64,
    locking: Locking,
    answer: Answer,
    /// Of all its threads, if they could be counted.
    switches: Option<u64>,
}

/// A way to keep the state.
struct Design {
    letter: &'static str,
    about: &'static str,
    /// It copies the state for each batch: it gets less input.
    clones: bool,
    run: fn(&Input) -> Result<Measured>,
}

#[allow(clippy::disallowed_types, reason = "one of the designs that Millrace is measured against")]
type StdLock = std::sync::RwLock<locked::Engine>;
type TokioLock = tokio::sync::RwLock<locked::Engine>;
type ParkingLot = parking_lot::RwLock<locked::Engine>;

const DESIGNS: &[Design] = &[
    Design {
        letter: "a",
        about: "one tokio RwLock, clone, replace (the source)",
        clones: true,
        run: |input| locked::run::<TokioLock>(input, Discipline::Replace),
    },
    Design {
        letter: "a+",
        about: "a, but only changed groups written back",
        clones: true,
        run: |input| locked::run::<TokioLock>(input, Discipline::PutBack),
    },
    Design {
        letter: "b",
        about: "one tokio RwLock, no clone",
        clones: false,
        run: |input| locked::run::<TokioLock>(input, Discipline::InPlace),
    },
    Design { letter: "c", about: "DashMap shared by all", clones: false, run: concurrent_map::run },
    Design { letter: "d", about: "engine per partition, mpsc routing", clones: false, run: partitioned::run },
    Design {
        letter: "e-std",
        about: "a+ with std RwLock",
        clones: true,
        run: |input| locked::run::<StdLock>(input, Discipline::PutBack),
    },
    Design {
        letter: "e-pl",
        about: "a+ with parking_lot RwLock",
        clones: true,
        run: |input| locked::run::<ParkingLot>(input, Discipline::PutBack),
    },
    Design { letter: "f", about: "Millrace", clones: false, run: |input| owned::run(input, false) },
    Design {
        letter: "g",
        about: "Millrace, plain hash exchange",
        clones: false,
        run: |input| owned::run(input, true),
    },
];

/// A point of the sweep, measured.
struct Point {
    letter: &'static str,
    partitions: usize,
    groups: u64,
    windowed: bool,
    records: u64,
    rounds: u64,
    measured: Measured,
    expected: Answer,
}

impl Point {
    fn rows_per_second(&self) -> f64 {
        self.records as f64 * 1e9 / self.measured.elapsed_ns.max(1) as f64
    }

    fn round_ns(&self) -> u64 {
        self.measured.elapsed_ns / self.rounds.max(1)
    }

    fn setting(&self) -> String {
        let windows = if self.windowed { "windows" } else { "groups" };
        format!("{} partitions, {} {windows}", self.partitions, self.groups)
    }
}

/// Runs the sweep and judges the claims.
pub fn run(args: &ContentionArgs, quick: bool, seed: u64, record: &mut Record) -> Result<()> {
    let mut args = args.clone();
    if quick {
        args.partitions.retain(|own| [1, 8].contains(own));
        args.groups.retain(|own| *own <= 10_000);
        args.repeat = 1;
    }
    let unknown = args.designs.iter().find(|own| DESIGNS.iter().all(|design| design.letter != **own));
    if let Some(unknown) = unknown {
        let known: Vec<&str> = DESIGNS.iter().map(|own| own.letter).collect();
        return Err(
            Error::query(format!("no design `{unknown}`")).hint(format!("known: {}", known.join(", ")))
        );
    }
    if args.partitions.contains(&0) || args.groups.contains(&0) || args.repeat == 0 {
        return Err(Error::query("partitions, groups and repeats begin at 1"));
    }
    if let Some(batches) = args.batches {
        return counts::run_alone(&args, batches, seed);
    }
    let points = sweep(&args, quick, seed)?;
    record.tables.push(figures(&points)?);
    record.tables.push(claims::table(&points));
    record.tables.push(claims::extras());
    record.tables.push(counts::table(&args, quick, seed)?);
    Ok(())
}

fn sweep(args: &ContentionArgs, quick: bool, seed: u64) -> Result<Vec<Point>> {
    let mut points = vec![];
    for windowed in [false, true] {
        for groups in &args.groups {
            for partitions in &args.partitions {
                // Enough batches that the state is full for most of the run.
                let batches = if quick { 1000 } else { 8000 };
                let copied = if quick { 100 } else { 400.max(*groups as usize / 200) };
                let many = Input::new(*partitions, batches, *groups, windowed, seed)?;
                let few = Input::new(*partitions, copied, *groups, windowed, seed)?;
                for design in DESIGNS {
                    if !args.designs.is_empty() && !args.designs.iter().any(|own| own == design.letter) {
                        continue;
                    }
                    let input = if design.clones { &few } else { &many };
                    eprint!("\r{partitions:>3} partitions {groups:>7} groups, design {:<6}", design.letter);
                    points.push(Point {
                        letter: design.letter,
                        partitions: *partitions,
                        groups: *groups,
                        windowed,
                        records: input.records(),
                        rounds: input.rounds(),
                        measured: median(design, input, args.repeat)?,
                        expected: input.answer,
                    });
                }
            }
        }
    }
    eprintln!();
    Ok(points)
}

fn median(design: &Design, input: &Input, repeat: usize) -> Result<Measured> {
    let mut runs = (0..repeat).map(|_| (design.run)(input)).collect::<Result<Vec<_>>>()?;
    runs.sort_by_key(|own| own.elapsed_ns);
    Ok(runs.swap_remove(repeat / 2))
}

/// A table of all points. Fails when a design gives a wrong answer, but for `a`, whose lost and repeated rows are shown.
fn figures(points: &[Point]) -> Result<Table> {
    let mut table = Table::new(
        "Designs: batches of 1000 records, count, sum, mean, least and greatest by string key",
        &[
            "design",
            "partitions",
            "groups",
            "windows",
            "rows/s",
            "round",
            "lock wait p50 / p99 / p99.9 / max",
            "lock hold p50 / p99 / p99.9 / max",
            "clone p50",
            "switches",
            "answer",
        ],
    );
    for own in points {
        let (answer, expected) = (own.measured.answer, own.expected);
        let verdict = match answer == expected {
            true => "equal".to_string(),
            // What others wrote between the clone and the replacement is lost, and what they gave away comes again.
            false if own.letter == "a" => format!("wrong: {} of {} rows", answer.rows, expected.rows),
            false => {
                let what = format!("design {} with {} answers {answer:?}", own.letter, own.setting());
                return Err(Error::bug(format!("{what}, expected {expected:?}")));
            }
        };
        let locking = &own.measured.locking;
        let clone = if locking.clone.count() > 0 { time(locking.clone.median_ns()) } else { "-".into() };
        table.row([
            own.letter.to_string(),
            own.partitions.to_string(),
            own.groups.to_string(),
            if own.windowed { "yes" } else { "no" }.to_string(),
            rate(own.rows_per_second()),
            time(own.round_ns()),
            locking.wait.text(),
            locking.hold.text(),
            clone,
            own.measured.switches.map_or("-".into(), |own| own.to_string()),
            verdict,
        ]);
    }
    let about: Vec<String> = DESIGNS.iter().map(|own| format!("{}: {}", own.letter, own.about)).collect();
    table.notes.push(about.join("; "));
    table.notes.push(
        "a round: one batch of each partition; switches: context switches of the designs' threads".into(),
    );
    Ok(table)
}

/// Runs a task per partition on a thread per core; what each gave, and the time from first to last.
fn tasks<T, F>(
    input: &Input,
    clock: &Clock,
    mut work: impl FnMut(usize, Arc<[RecordBatch]>) -> F,
) -> Result<(Vec<T>, Measured)>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let failed = |error: std::io::Error| Error::environment(format!("threads: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().build().map_err(failed)?;
    let futures: Vec<F> =
        input.partitions.iter().enumerate().map(|(index, own)| work(index, own.clone())).collect();
    drop(work);
    let before = switches();
    let began_ns = clock.monotonic_ns();
    let given = runtime.block_on(async {
        let handles: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
        let mut given = vec![];
        for handle in handles {
            given.push(handle.await);
        }
        given
    });
    let elapsed_ns = clock.monotonic_ns() - began_ns;
    let switches = before.zip(switches()).map(|(before, after)| after.saturating_sub(before));
    let given = given.into_iter().collect::<std::result::Result<Vec<T>, _>>();
    let given = given.map_err(|error| Error::bug(format!("a task panicked: {error}")))?;
    Ok((given, Measured { elapsed_ns, switches, ..Measured::default() }))
}

/// Context switches of all threads of this process so far.
#[allow(clippy::disallowed_methods, reason = "asks the kernel, outside of what is timed")]
fn switches() -> Option<u64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let status = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("status")).ok();
    Some(threads.filter_map(|entry| status(entry.ok()?)).map(|own| crate::memory::switches(&own)).sum())
}
