//! The files of checkpoints by their names, in a folder or in a bucket.

use std::io::ErrorKind;
use std::path::Path;

use millrace_plan::{Error, Result};
use millrace_runtime::{DiskError, Folder};

use super::SnapshotFile;
use super::place::Place;
use super::remote::{Remote, object_name};
use super::store::snapshot_name;

/// Where the files are.
pub(super) enum Depot {
    /// In a folder, of this process if it runs.
    Folder(Folder),
    /// In a bucket; a run has a folder too, for what goes there.
    Bucket(Remote, Option<Folder>),
}

/// An error of a folder as the user sees it.
pub(super) fn failed(error: DiskError) -> Error {
    crate::job::environment(&error)
}

fn own(folder: std::result::Result<Folder, DiskError>, option: &str) -> Result<Folder> {
    folder.map_err(|error| match (error.source.kind(), error.path.parent()) {
        (ErrorKind::WouldBlock, Some(folder)) => {
            Error::environment(format!("{}: another run is using this folder", folder.display()))
                .hint(format!("stop it first, or name another {option}"))
        }
        _ => failed(error),
    })
}

impl Depot {
    /// For a run: takes the place, and makes a folder if there is none. Shards write what goes to a bucket to
    /// `staging`.
    pub(super) fn take(place: &Place, staging: Option<&Path>) -> Result<Depot> {
        match place {
            Place::Folder(path) => Ok(Depot::Folder(own(Folder::own(path), "--checkpoint-dir")?)),
            Place::Bucket(url) => {
                let folder = match staging {
                    Some(path) => Folder::own(path),
                    None => Folder::own_private(&Place::default_staging(url)),
                };
                let folder = own(folder, "--checkpoint-staging")?;
                let old = folder.names().map_err(failed)?;
                let mut old = old.iter().filter(|name| name.starts_with("epoch-"));
                old.try_for_each(|name| folder.remove(name).map_err(failed))?;
                Ok(Depot::Bucket(Remote::take(url)?, Some(folder)))
            }
        }
    }

    /// To read, whoever has it.
    pub(super) fn look(place: &Place) -> Result<Depot> {
        match place {
            Place::Folder(path) => Folder::look(path).map(Depot::Folder).map_err(failed),
            Place::Bucket(url) => Ok(Depot::Bucket(Remote::look(url)?, None)),
        }
    }

    /// Where shards write their snapshots.
    pub(super) fn staging(&self) -> &Path {
        match self {
            Depot::Folder(folder) | Depot::Bucket(_, Some(folder)) => folder.path(),
            Depot::Bucket(_, None) => Path::new(""),
        }
    }

    /// The names, in order.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        match self {
            Depot::Folder(folder) => folder.names().map_err(failed),
            Depot::Bucket(remote, _) => remote.names(),
        }
    }

    /// The snapshot of a shard.
    pub(super) fn snapshot_name(&self, epoch: u64, file: &SnapshotFile) -> String {
        match self {
            Depot::Folder(_) => snapshot_name(epoch, file.shard),
            Depot::Bucket(..) => object_name(epoch, file),
        }
    }

    /// The bytes of a file. In a bucket `Culprit::Environment` says nothing of the file: the store did not answer.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        match self {
            Depot::Folder(folder) => folder.read(name).map_err(failed),
            Depot::Bucket(remote, _) => remote.read(name),
        }
    }

    /// True if an error may be none of the file's: what is whole must not be passed over for it.
    pub(super) fn may_pass(&self, error: &Error) -> bool {
        matches!(self, Depot::Bucket(..)) && error.culprit == millrace_plan::Culprit::Environment
    }

    /// Makes a small file durable.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<()> {
        match self {
            Depot::Folder(folder) => {
                folder.write_aside(name, bytes).map_err(failed)?;
                folder.put(name).map_err(failed)?;
                folder.sync_names().map_err(failed)
            }
            Depot::Bucket(remote, _) => remote.put(name, bytes),
        }
    }

    /// Removes a file, or all below a name. No error if it is not there.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        match self {
            Depot::Folder(folder) => folder.remove(name).map_err(failed),
            Depot::Bucket(remote, _) => remote.remove(name),
        }
    }
}
