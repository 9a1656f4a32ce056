//! What reads bytes that others have written, and inputs to try it with. `tests/src/bin/fuzz.rs` is the command.

mod checkpoint;
mod decoders;
mod mutate;
mod script;

use std::fs;
use std::path::Path;

pub use mutate::{Corpus, Random};

use crate::binary;

/// A reader of bytes.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What inputs are made from.
    pub corpus: fn() -> Result<Corpus, String>,
    /// Reads an input, whatever it is: how many rows (scripts, files) were read. An error is a bug that did not
    /// panic.
    pub read: fn(&[u8]) -> Result<u64, String>,
}

/// Every reader.
pub const TARGETS: &[Target] = &[
    script::SQL,
    decoders::JSON,
    decoders::CSV,
    decoders::ARROW,
    decoders::PARQUET,
    decoders::DEBEZIUM_JSON,
    decoders::CHANGELOG_JSON,
    checkpoint::MANIFEST,
    checkpoint::SNAPSHOT,
];

/// The reader of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|own| own.name == name)
}

/// The files of a folder of the workspace, in the order of their names.
fn files(folder: &str, wanted: impl Fn(&Path) -> bool) -> Result<Vec<Vec<u8>>, String> {
    let folder = binary::root().join(folder);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(&folder).map_err(failed)?;
    let mut paths =
        entries.map(|own| own.map(|own| own.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    paths.retain(|path| path.is_file() && wanted(path));
    if paths.is_empty() {
        return Err(format!("{}: no inputs", folder.display()));
    }
    paths.iter().map(|path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()))).collect()
}
