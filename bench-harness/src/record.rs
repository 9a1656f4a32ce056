//! What a measurement leaves: tables of figures, with all that is needed to run it again.

use std::fmt::Write as _;
use std::path::Path;

use millrace_plan::{Error, Result};
use serde::{Deserialize, Serialize};

/// A row's cells, as text: figures with their units are the table's business.
pub type Row = Vec<String>;

/// A table of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The head of each column, with its unit.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// How the figures are to be read.
    pub notes: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Table {
        let columns = columns.iter().map(|own| own.to_string()).collect();
        Table { title: title.into(), columns, rows: vec![], notes: vec![] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text, columns under each other.
    pub fn text(&self) -> String {
        let width = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index));
            cells.chain(self.columns.get(index)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &[String]| {
            let cell = |(cell, width): (&String, &usize)| format!("{cell:<width$}");
            cells.iter().zip(&widths).map(cell).collect::<Vec<_>>().join("  ").trim_end().to_string()
        };
        let mut text = format!("\n{}\n{}\n", self.title, line(&self.columns));
        for row in &self.rows {
            let _ = writeln!(text, "{}", line(row));
        }
        for note in &self.notes {
            let _ = writeln!(text, "({note})");
        }
        text
    }
}

/// The machine that measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// Model of the processor.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: u64,
    /// Version of the kernel.
    pub kernel: String,
    /// What sets the clock rate of core 0; "unknown" on most virtual machines.
    pub governor: String,
}

impl Machine {
    /// This machine.
    pub fn here() -> Machine {
        let read = |path: &str| millrace_runtime::read_file(Path::new(path)).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_string())
        };
        let kilobytes = field(&read("/proc/meminfo"), "MemTotal");
        let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
        Machine {
            cpu: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, |own| own.get()),
            memory_bytes: kilobytes.trim_end_matches(" kB").parse::<u64>().unwrap_or(0) << 10,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_string(),
            governor: if governor.is_empty() { "unknown".into() } else { governor.trim().to_string() },
        }
    }
}

/// One run of one command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// The subcommand.
    pub command: String,
    /// The whole command line: run again, it makes the same inputs.
    pub arguments: Vec<String>,
    /// Seed of the inputs.
    pub seed: u64,
    /// When it ran, in UTC.
    pub date: String,
    /// Where.
    pub machine: Machine,
    /// The figures.
    pub tables: Vec<Table>,
}

impl Record {
    /// A record of this process without tables.
    pub fn new(command: &str, seed: u64, wall_ms: i64) -> Record {
        let date = chrono::DateTime::from_timestamp_millis(wall_ms);
        Record {
            command: command.to_string(),
            arguments: std::env::args().skip(1).collect(),
            seed,
            date: date.map_or(String::new(), |own| own.format("%Y-%m-%d %H:%M UTC").to_string()),
            machine: Machine::here(),
            tables: vec![],
        }
    }

    /// Prints the tables, and keeps the record in `file` if one is named.
    pub fn finish(&self, file: Option<&Path>) -> Result<()> {
        let machine = &self.machine;
        println!("{}, {} cores, Linux {}, {}", machine.cpu, machine.cores, machine.kernel, self.date);
        println!("millrace-bench {} (seed {})", self.arguments.join(" "), self.seed);
        self.tables.iter().for_each(|table| print!("{}", table.text()));
        let Some(file) = file else { return Ok(()) };
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::bug(error.to_string()))?;
        write_file(file, text.as_bytes())?;
        println!("\nkept in {}", file.display());
        Ok(())
    }
}

/// Writes a whole file.
#[allow(clippy::disallowed_methods, reason = "a report, written when nothing is measured any more")]
pub fn write_file(file: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(file, bytes).map_err(|error| {
        Error::environment(format!("{}: {error}", file.display())).hint("name a file that can be written")
    })
}

/// What is left of a time without the start-up; not a number if the start-up is most of it.
pub fn net_seconds(seconds: f64, start_up: f64) -> f64 {
    match seconds - start_up {
        net if net > start_up / 2.0 && net > 0.0 => net,
        _ => f64::NAN,
    }
}

/// A ratio with two digits after the point.
pub fn ratio(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "-".into() }
}

/// A rate with three digits: `12.3 M`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        own if !own.is_finite() => "-".into(),
        own if own >= 1e9 => format!("{:.2} G", own / 1e9),
        own if own >= 100e6 => format!("{:.0} M", own / 1e6),
        own if own >= 1e6 => format!("{:.1} M", own / 1e6),
        own if own >= 1e3 => format!("{:.0} k", own / 1e3),
        own => format!("{own:.0}"),
    }
}

/// Nanoseconds as microseconds or milliseconds.
pub fn time(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..10_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}
