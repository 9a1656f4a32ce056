//! What a run is told besides its script.

use std::collections::BTreeMap;
use std::path::PathBuf;

use millrace_plan::{Error, Limits, Result, UserFunction};
use millrace_runtime::BackendKind;

use crate::checkpoint::Place;

/// How a SELECT outside INSERT prints its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `+I[a, 1]`.
    Print,
    /// One JSON object a row, by column name; for results that only grow.
    Json,
    /// One JSON object a row: `{"op":"+I","row":["a",1]}`.
    Changelog,
}

impl Output {
    /// The options of the table that stands for standard output.
    pub fn options(self) -> BTreeMap<String, String> {
        let format = match self {
            Output::Print => None,
            Output::Json => Some("json"),
            Output::Changelog => Some("changelog-json"),
        };
        let connector = ("connector".to_string(), "print".to_string());
        std::iter::once(connector).chain(format.map(|own| ("format".to_string(), own.to_string()))).collect()
    }
}

/// What a run is told besides its script.
#[derive(Debug, Clone)]
pub struct Config {
    /// Shards; `None` = one per core.
    pub shards: Option<usize>,
    /// Cores to pin to; `None` = all that the process may use.
    pub cores: Option<Vec<usize>>,
    /// More shards than cores are allowed.
    pub oversubscribe: bool,
    /// How shards run.
    pub backend: BackendKind,
    /// Bounds.
    pub limits: Limits,
    /// Results are held back and sorted.
    pub ordered: bool,
    /// Only rows and errors are printed.
    pub quiet: bool,
    /// The final account is JSON.
    pub stats_json: bool,
    /// How a bare SELECT prints.
    pub output: Output,
    /// Epochs are made durable.
    pub checkpoint: Option<CheckpointConfig>,
    /// How often a run that failed goes on from its last epoch.
    pub restart_attempts: u32,
    /// Sources that cannot be read again may be read with checkpoints.
    pub lossy_sources: bool,
    /// Functions that the script may call without declaring them.
    pub functions: Vec<UserFunction>,
}

/// Where and how often epochs are made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointConfig {
    /// A folder or a bucket.
    pub place: Place,
    /// Where shards write what goes to a bucket; `None` = in the folder of the system for temporary files.
    pub staging: Option<PathBuf>,
    /// How often; `None` = when asked by SIGUSR1, and at the end.
    pub interval_ms: Option<u64>,
    /// Where the input ends more may follow in a later run.
    pub keep_open: bool,
}

/// Reads a size such as `512MB`, `4GiB`, `1000`, in bytes.
pub fn parse_size(text: &str) -> Result<usize> {
    let wrong = || Error::query(format!("`{text}` is not a size")).hint("write 512MB, 4GiB or bytes");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: usize = text[..digits].parse().map_err(|_| wrong())?;
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(factor).filter(|size| *size > 0).ok_or_else(wrong)
}

impl Config {
    /// The defaults of `check` and `explain`.
    pub fn plain() -> Config {
        Config {
            shards: None,
            cores: None,
            oversubscribe: false,
            backend: BackendKind::Auto,
            limits: Limits::default(),
            ordered: false,
            quiet: true,
            stats_json: false,
            output: Output::Print,
            checkpoint: None,
            restart_attempts: 0,
            lossy_sources: false,
            functions: vec![],
        }
    }
}
