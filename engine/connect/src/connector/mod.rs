//! Connectors: the systems that rows come from and go to. One file per system, one line in
//! [`CONNECTORS`].

mod blackhole;
mod bytes;
mod datagen;
mod filesystem;
mod nexmark;
mod options;
mod pace;
mod print;
mod socket;
mod stdin;
mod values;

use std::path::PathBuf;

use millrace_flow::RowKinds;
use millrace_plan::{Limits, Result, TableDef};

use arrow::array::RecordBatch;

use crate::format::Decoded;

pub(crate) use options::{CHANGELOG_MODE, changelog_mode};
pub use options::{GENERAL_OPTIONS, Role, check_options, connector_of, source_changelog};

/// Every connector. A new one is one file and one line here.
pub static CONNECTORS: &[&Connector] = &[
    &filesystem::FILESYSTEM,
    &stdin::STDIN,
    &socket::SOCKET,
    &print::PRINT,
    &blackhole::BLACKHOLE,
    &datagen::DATAGEN,
    &nexmark::NEXMARK,
    &values::VALUES,
];

/// The connector of this name.
pub fn find(name: &str) -> Option<&'static Connector> {
    CONNECTORS.iter().find(|own| own.name == name).copied()
}

/// Opens a table to read from it.
pub fn source(table: &TableDef) -> Result<Box<dyn Source>> {
    check_options(table, Role::Source)?;
    match connector_of(table)?.source {
        Some(make) => make(table).map_err(|error| error.within(format!("table `{}`", table.name))),
        None => Err(millrace_plan::Error::bug("a source without a reader")),
    }
}

/// Opens a table to write to it.
pub fn sink(table: &TableDef) -> Result<Box<dyn Sink>> {
    check_options(table, Role::Sink)?;
    match connector_of(table)?.sink {
        Some(make) => make(table).map_err(|error| error.within(format!("table `{}`", table.name))),
        None => Err(millrace_plan::Error::bug("a sink without a writer")),
    }
}

/// An option that a connector or format understands. Anything else is refused, with the nearest name.
#[derive(Debug, Clone, Copy)]
pub struct OptionDef {
    /// The name as in Flink. A `#` stands for a column: `fields.#.min`.
    pub name: &'static str,
    /// What it does and its default, one line.
    pub about: &'static str,
    /// It must be set.
    pub required: bool,
}

/// Where the bytes of a split are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A regular file.
    File(PathBuf),
    /// The process's standard input.
    Stdin,
    /// A connection that a shard has accepted.
    Connection,
    /// Nowhere: the reader makes its rows.
    Made,
}

/// Where to listen, or whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One ordered input of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// A name for messages: the path, or `datagen-0`.
    pub name: String,
    /// Where its bytes are.
    pub location: Location,
    /// Its length in bytes, if known: for progress and for spreading the work.
    pub bytes: Option<u64>,
    /// Its rows, if known: for progress.
    pub rows: Option<u64>,
    /// What the connector itself needs to open it (a number or a range), as text.
    pub detail: String,
}

/// What a reader wants or has.
#[derive(Debug)]
pub enum Step {
    /// Rows (perhaps only bad ones).
    Rows(Decoded),
    /// Needs these bytes: answer with `supply`. A short answer means end of file.
    NeedBytes {
        /// Where they start.
        offset: u64,
        /// How many; `None` = all to the end of the file.
        len: Option<usize>,
    },
    /// Nothing now; ask again at this monotonic time, in milliseconds (rate limits).
    Wait {
        /// Milliseconds on the clock given to `step`.
        until_ms: u64,
    },
    /// No more rows.
    End,
}

/// How far a split has been read: where the row after the last one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Rows before it, bad ones too.
    pub rows: u64,
    /// Its first byte, where the format can go on from there; else 0, and the rows before it are passed over.
    pub offset: u64,
}

/// Reads one split on the shard that owns it.
pub trait SplitReader {
    /// How far the rows given so far go.
    fn position(&self) -> Position;

    /// Goes on where an earlier reader of the same split had come to. Called before anything else.
    fn seek(&mut self, position: Position) -> Result<()>;

    /// The next rows or wish. `now_ms`: monotonic milliseconds.
    fn step(&mut self, max_rows: usize, now_ms: u64) -> Result<Step>;

    /// The bytes asked for; fewer than asked (or none) = the file ends here.
    fn supply(&mut self, bytes: Vec<u8>) -> Result<()>;
}

/// A table's source: finds its splits and opens them.
pub trait Source: Send + Sync {
    /// True if every split ends.
    fn bounded(&self) -> bool;

    /// The splits there are now, in a fixed order. Called once before the start and then every
    /// `monitor_interval_ms`; `shards` is how many shards will share them.
    fn splits(&self, shards: usize) -> Result<Vec<Split>>;

    /// True if a split that was opened before gives the same rows again. False = after a crash the rows since the
    /// last epoch are lost.
    fn replays(&self) -> bool {
        true
    }

    /// How often to look for new splits; `None` = never.
    fn monitor_interval_ms(&self) -> Option<u64> {
        None
    }

    /// Where every shard listens; each connection becomes a split of this source, which so never ends.
    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    /// Opens a split for the columns `projection` (positions as in `plan::Operator::Source`).
    fn open(&self, split: &Split, projection: &[usize], limits: &Limits) -> Result<Box<dyn SplitReader>>;
}

/// Where the bytes of a sink go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A folder: each shard writes files `part-<shard>-<n>.<suffix>` there, under a hidden name until
    /// complete.
    Folder {
        /// The folder; made if missing.
        path: PathBuf,
        /// File-name suffix, without the dot.
        suffix: &'static str,
    },
    /// A connection of each shard to this endpoint.
    Socket(Endpoint),
    /// The process's standard output.
    Stdout,
    /// Nowhere.
    Nothing,
}

/// Turns the rows of one sink on one shard into bytes.
pub trait SinkWriter {
    /// Appends the bytes of these rows to `out`.
    fn write(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()>;

    /// Appends what ends the file.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<()>;
}

/// A table's sink.
pub trait Sink: Send + Sync {
    /// Where the bytes go.
    fn target(&self) -> Target;

    /// True if it can take `-U`, `+U` and `-D`.
    fn takes_changes(&self) -> bool;

    /// Makes the writer of one shard (one per file).
    fn writer(&self) -> Result<Box<dyn SinkWriter>>;
}

/// A system that rows come from or go to.
pub struct Connector {
    /// The value of the `connector` option.
    pub name: &'static str,
    /// One line for `millrace connectors`.
    pub about: &'static str,
    /// The options it understands besides those of the format.
    pub options: &'static [OptionDef],
    /// It reads and writes bytes in a `format`.
    pub takes_format: bool,
    /// It does not work without one.
    pub needs_format: bool,
    /// The metadata columns it can give: key and type in SQL.
    pub metadata: &'static [(&'static str, &'static str)],
    /// Makes a source; `None` if it cannot be read.
    pub source: Option<fn(&TableDef) -> Result<Box<dyn Source>>>,
    /// Makes a sink; `None` if it cannot be written.
    pub sink: Option<fn(&TableDef) -> Result<Box<dyn Sink>>>,
}
