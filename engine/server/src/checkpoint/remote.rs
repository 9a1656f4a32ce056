//! Checkpoints in a bucket. Objects have the names that files have in a folder, and each is put whole: first what
//! the shards have written, then the manifest, which makes the epoch.
//!
//! Nobody can lock a bucket: a run that starts puts its own mark there, and one that finds another's mark ends
//! before it makes or removes anything. A manifest is never put where one is, and the names of snapshots say what
//! is in them: what a run that was taken over still uploads replaces nothing.

use std::path::Path;

use millrace_plan::{Error, Result};
use millrace_runtime::{Bucket, ObjectError, ObjectErrorKind, read_file};

use super::manifest::Manifest;
use super::store::{MANIFEST, epoch_name, manifest_name, snapshot_name};
use super::{Failpoint, SnapshotFile, reach};

/// The object that says which run has the checkpoints.
const OWNER: &str = "owner";

/// The bucket, for one run or for one look.
pub(super) struct Remote {
    bucket: Bucket,
    /// What this run has put as its mark; `None` = it only looks.
    mark: Option<String>,
}

/// The object of a shard's snapshot.
pub(super) fn object_name(epoch: u64, file: &SnapshotFile) -> String {
    format!("{}/shard-{}-{:08x}.snapshot", epoch_name(epoch), file.shard, file.crc32)
}

/// Why something was not done.
pub(super) enum Undone {
    /// The store did not do it: the epoch is abandoned.
    Failed(String),
    /// Another run has the checkpoints: this one ends.
    Taken(Error),
}

fn failed(error: ObjectError) -> Error {
    let said = error.to_string();
    match error.kind {
        ObjectErrorKind::Name => Error::query(said).hint("write s3://bucket/prefix"),
        ObjectErrorKind::Missing => Error::data(format!("{}: there is no such object", error.url)),
        ObjectErrorKind::Refused => Error::environment(said).hint(
            "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the user may list, read, write and delete there",
        ),
        ObjectErrorKind::Failed => Error::environment(said).hint(
            "check AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, the name of the bucket, and that the store is running",
        ),
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Undone {
        Undone::Failed(error.to_string())
    }
}

impl Remote {
    /// To read.
    pub(super) fn look(url: &str) -> Result<Remote> {
        let bucket = Bucket::open(url).map_err(failed)?;
        Ok(Remote { bucket, mark: None })
    }

    /// For a run; one that had these checkpoints before ends when it comes to make its next epoch.
    pub(super) fn take(url: &str) -> Result<Remote> {
        const UNIQUE: &str = "/proc/sys/kernel/random/uuid";
        let mark = read_file(UNIQUE.as_ref()).map_err(|error| crate::job::environment(&error))?;
        let remote = Remote { mark: Some(mark.trim().into()), ..Remote::look(url)? };
        remote.bucket.put(OWNER, mark.trim().into()).map_err(failed)?;
        Ok(remote)
    }

    /// The names of objects, in order.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        self.bucket.names("").map_err(failed)
    }

    /// The bytes of an object. `Culprit::Data`: there is none.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.bucket.read(name).map_err(failed)
    }

    /// The bytes of an object, or none if there is no such object.
    pub(super) fn find(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.bucket.read(name) {
            Err(error) if error.kind == ObjectErrorKind::Missing => Ok(None),
            read => read.map(Some).map_err(failed),
        }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &str {
        self.bucket.url()
    }

    /// Puts an object.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.bucket.put(name, bytes.to_vec()).map_err(failed)
    }

    /// Removes a manifest, or all objects below another name.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let names = match name.ends_with(MANIFEST) {
            true => vec![name.to_string()],
            false => {
                let inner = self.bucket.names(name).map_err(failed)?;
                inner.iter().map(|own| format!("{name}/{own}")).collect()
            }
        };
        self.bucket.remove(&names).map_err(failed)
    }

    fn check_owner(&self) -> std::result::Result<(), Undone> {
        let found = self.find(OWNER)?;
        match found.as_deref() == self.mark.as_ref().map(String::as_bytes) {
            true => Ok(()),
            // The user's doing: a restart would take them back, and so on.
            false => Err(Undone::Taken(
                Error::query(format!("{}: another run has taken these checkpoints over", self.bucket.url()))
                    .hint("one run at a time: name another --checkpoint-dir"),
            )),
        }
    }

    /// Makes an epoch of the snapshots below `staged`.
    pub(super) fn make(&self, manifest: &Manifest, staged: &Path) -> std::result::Result<(), Undone> {
        let epoch = manifest.epoch;
        self.check_owner()?;
        let parts = manifest.parts.iter();
        let files = parts
            .map(|own| (object_name(epoch, &own.file), staged.join(snapshot_name(epoch, own.file.shard))))
            .collect();
        self.bucket.upload(files).map_err(failed)?;
        reach(Failpoint::NoManifest);
        self.check_owner()?;
        let (name, manifest) = (manifest_name(epoch), manifest.encode()?);
        // A put whose answer was lost may have been sent again; or the run before was about to put it when this one
        // took over.
        if !self.bucket.create(&name, manifest.clone()).map_err(failed)? && self.read(&name)? != manifest {
            return Err(Undone::Taken(
                Error::environment(format!(
                    "{}/{name}: the run before this one has made it",
                    self.bucket.url()
                ))
                .hint("run again: it goes on from there"),
            ));
        }
        reach(Failpoint::ManifestRenamed);
        Ok(())
    }

    /// Removes an epoch: first what makes it one.
    pub(super) fn forget(&self, epoch: u64) -> std::result::Result<(), Undone> {
        self.check_owner()?;
        reach(Failpoint::BeforeRemove);
        self.remove(&manifest_name(epoch))?;
        reach(Failpoint::HalfRemoved);
        Ok(())
    }

    /// Removes the files of epochs.
    pub(super) fn drop_files(&self, epochs: &[u64]) -> std::result::Result<(), Undone> {
        self.check_owner()?;
        Ok(epochs.iter().try_for_each(|epoch| self.remove(&epoch_name(*epoch)))?)
    }
}
