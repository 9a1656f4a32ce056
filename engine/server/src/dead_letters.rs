//! Dead letters: rows that could not be used, in a file of JSON lines if the table names one, else a few
//! on stderr and all of them counted.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use millrace_plan::{Error, NodeId, Result};
use millrace_runtime::LogFile;
use serde_json::json;

use crate::report::DeadLetter;

struct Table {
    name: String,
    path: Option<PathBuf>,
    file: Option<LogFile>,
    seen: u64,
}

/// Where the bad rows of each source go. Rows that fail inside the pipeline go where the first source's
/// go.
pub struct DeadLetters {
    tables: BTreeMap<NodeId, Table>,
    samples: usize,
}

impl DeadLetters {
    /// For these sources: node, table name, `dead-letter.path`.
    pub fn new(paths: BTreeMap<NodeId, (String, Option<PathBuf>)>, samples: usize) -> Self {
        let table = |(node, (name, path))| (node, Table { name, path, file: None, seen: 0 });
        DeadLetters { tables: paths.into_iter().map(table).collect(), samples }
    }

    /// Keeps one row.
    pub fn add(&mut self, letter: DeadLetter) -> Result<()> {
        let samples = self.samples as u64;
        let node = match self.tables.contains_key(&letter.node) {
            true => Some(letter.node),
            false => self.tables.keys().next().copied(),
        };
        let Some(table) = node.and_then(|node| self.tables.get_mut(&node)) else { return Ok(()) };
        table.seen += 1;
        let Some(path) = &table.path else {
            if table.seen <= samples {
                let raw = String::from_utf8_lossy(&letter.raw);
                let raw: String = raw.chars().take(200).collect();
                eprintln!("bad row: {} row {}: {}: {raw}", letter.split, letter.row, letter.reason);
            }
            return Ok(());
        };
        let failed = |error: std::io::Error| {
            Error::environment(format!("dead letters of `{}`: {}: {error}", table.name, path.display()))
                .hint("check 'dead-letter.path'")
        };
        if table.file.is_none() {
            table.file = Some(LogFile::create(path).map_err(failed)?);
        }
        let line = json!({
            "split": letter.split,
            "row": letter.row,
            "offset": letter.offset,
            "reason": letter.reason,
            "raw": String::from_utf8_lossy(&letter.raw),
        });
        match &mut table.file {
            Some(file) => writeln!(file, "{line}").map_err(failed),
            None => Ok(()),
        }
    }

    /// Completes the files and says what was not shown.
    pub fn finish(&mut self) -> Result<()> {
        for table in self.tables.values_mut() {
            if let Some(file) = &mut table.file {
                file.flush().map_err(|error| Error::environment(format!("dead letters: {error}")))?;
            }
            let hidden = table.seen.saturating_sub(self.samples as u64);
            if table.path.is_none() && hidden > 0 {
                eprintln!(
                    "{hidden} more bad rows of `{}`; set 'dead-letter.path' to keep them all",
                    table.name
                );
            }
        }
        Ok(())
    }
}
