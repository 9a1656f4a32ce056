//! `filesystem`: a file, a folder of files or a glob; each file is a split.

#![allow(clippy::disallowed_methods, reason = "lists folders when a job is opened, before any shard runs")]

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use millrace_plan::{Error, Limits, Result, TableDef};

use super::bytes::{ByteReader, ByteSink};
use super::options::duration_option;
use super::{Connector, Location, OptionDef, Sink, Source, Split, SplitReader, Target};

/// Files on a disk of this machine.
pub(super) static FILESYSTEM: Connector = Connector {
    name: "filesystem",
    about: "files: one, a folder, or a glob; as a sink, a folder of part files",
    options: &[
        OptionDef { name: "path", about: "a file, a folder, or a glob such as 'in/*.json'", required: true },
        OptionDef {
            name: "source.monitor-interval",
            about: "look for new files this often, as in '1 s'; the source never ends",
            required: false,
        },
    ],
    takes_format: true,
    needs_format: true,
    metadata: &[
        ("file.path", "STRING"),
        ("file.name", "STRING"),
        ("file.size", "BIGINT"),
        ("file.modification-time", "TIMESTAMP_LTZ(3)"),
    ],
    source: Some(|table| Ok(Box::new(Files::new(table)?))),
    sink: Some(sink),
};

fn path_option(table: &TableDef) -> Result<&str> {
    let path = table.option("path").unwrap_or_default();
    let path = path.strip_prefix("file://").unwrap_or(path);
    match path {
        "" => Err(Error::query("option 'path' is empty").hint("name a file, a folder or a glob")),
        path => Ok(path),
    }
}

fn sink(table: &TableDef) -> Result<Box<dyn Sink>> {
    let path = PathBuf::from(path_option(table)?);
    if path.is_file() {
        return Err(Error::environment(format!("{} is a file", path.display()))
            .hint("name a folder: each shard writes files of its own there"));
    }
    Ok(Box::new(ByteSink::new(table, |format| Target::Folder { path, suffix: format.suffix })?))
}

struct Files {
    table: TableDef,
    path: String,
    monitor_interval_ms: Option<u64>,
}

impl Files {
    fn new(table: &TableDef) -> Result<Files> {
        let monitor_interval_ms = duration_option(table, "source.monitor-interval")?;
        Ok(Files { table: table.clone(), path: path_option(table)?.to_string(), monitor_interval_ms })
    }

    /// The files there are now, sorted by path.
    fn list(&self) -> Result<Vec<(PathBuf, Metadata)>> {
        let path = Path::new(&self.path);
        let mut found = vec![];
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => walk(path, &mut found)?,
            Ok(metadata) => found.push((path.to_path_buf(), metadata)),
            Err(_) if self.path.contains(['*', '?', '[']) => self.expand(&mut found)?,
            Err(error) => return Err(unreadable(path, &error)),
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    fn expand(&self, found: &mut Vec<(PathBuf, Metadata)>) -> Result<()> {
        let paths = glob::glob(&self.path).map_err(|error| {
            Error::query(format!("'path' = '{}' is not a glob: {}", self.path, error.msg))
                .hint("write patterns such as 'in/*.json' or 'in/2026-*/part-?.csv'")
        })?;
        for entry in paths {
            let path = entry.map_err(|error| unreadable(error.path(), error.error()))?;
            let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
            match metadata.is_dir() {
                true => walk(&path, found)?,
                false => found.push((path, metadata)),
            }
        }
        Ok(())
    }
}

/// All visible files below a folder: names that begin with `.` or `_` are someone's work in progress.
fn walk(folder: &Path, found: &mut Vec<(PathBuf, Metadata)>) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(['.', '_']) {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, &error))?;
        match metadata.is_dir() {
            true => walk(&path, found)?,
            false => found.push((path, metadata)),
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let explained = Error::environment(format!("{}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => explained.hint("check 'path'; it is relative to the working folder"),
        _ => explained.hint("check the permissions of the file and its folders"),
    }
}

impl Source for Files {
    fn bounded(&self) -> bool {
        self.monitor_interval_ms.is_none()
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        let files = self.list()?;
        if files.is_empty() && self.bounded() {
            return Err(Error::environment(format!("{}: no files there", self.path))
                .hint("check 'path', or set 'source.monitor-interval' to wait for files"));
        }
        let split = |(path, metadata): (PathBuf, Metadata)| {
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            Split {
                name: path.display().to_string(),
                location: Location::File(path),
                // A pipe or device has no length.
                bytes: metadata.is_file().then_some(metadata.len()),
                rows: None,
                detail: modified.map_or(0, |since| since.as_millis()).to_string(),
            }
        };
        Ok(files.into_iter().map(split).collect())
    }

    fn monitor_interval_ms(&self) -> Option<u64> {
        self.monitor_interval_ms
    }

    fn open(&self, split: &Split, projection: &[usize], limits: &Limits) -> Result<Box<dyn SplitReader>> {
        let constant = |(key, field): &(String, arrow::datatypes::FieldRef)| -> Result<ArrayRef> {
            let path = Path::new(&split.name);
            let value: ArrayRef = match key.as_str() {
                "file.path" => Arc::new(StringArray::from(vec![split.name.clone()])),
                "file.name" => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    Arc::new(StringArray::from(vec![name]))
                }
                "file.size" => Arc::new(Int64Array::from(vec![split.bytes.map(|bytes| bytes as i64)])),
                _ => {
                    let modified = split.detail.parse::<i64>().ok();
                    Arc::new(TimestampMillisecondArray::from(vec![modified]).with_timezone("UTC"))
                }
            };
            arrow::compute::cast(&value, field.data_type()).map_err(|error| {
                Error::query(format!("metadata column `{}` from '{key}': {error}", field.name()))
                    .hint("declare it with the type that `millrace connectors` shows")
            })
        };
        let constants = self.table.metadata.iter().map(constant).collect::<Result<Vec<_>>>()?;
        Ok(Box::new(ByteReader::new(&self.table, projection, &constants, limits, true)?))
    }
}
