//! What a run may go on from: `epoch-N.manifest`, and beside it `epoch-N/` with a snapshot of each shard, in a
//! folder or in a bucket. [`Kept`] is the place once the run makes epochs of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use millrace_flow::checkpoint::{Durable, ShardSnapshot, merged};
use millrace_plan::{Culprit, Error, Operator, Plan, Result};
use millrace_runtime::{Folder, WakeHandle, folder};

use super::depot::{Depot, failed};
use super::manifest::Manifest;
use super::place::Place;
use super::snapshot_file::{decode, stored_crc32};
use super::uploads::{Answer, Uploads};
use super::{Failpoint, NodeKey, Part, SnapshotFile, StagedFile, reach};

/// The checkpoints of one pipeline.
pub struct Store {
    place: Place,
    depot: Depot,
    /// What was there when it was opened, in order. What comes later to a bucket is another run's.
    names: Vec<String>,
}

/// Where a run makes epochs.
pub(super) enum Kept {
    /// At once, in a folder.
    Folder(Folder),
    /// Behind its back, in a bucket.
    Bucket(Uploads),
}

/// What a run goes on from.
pub struct Resumed {
    /// The epoch.
    pub manifest: Manifest,
    /// What each shard held.
    pub snapshots: Vec<ShardSnapshot>,
}

pub(super) const MANIFEST: &str = ".manifest";

pub(super) fn epoch_name(epoch: u64) -> String {
    format!("epoch-{epoch:012}")
}

pub(super) fn manifest_name(epoch: u64) -> String {
    format!("{}{MANIFEST}", epoch_name(epoch))
}

fn epoch_of(name: &str) -> Option<u64> {
    name.strip_suffix(MANIFEST)?.strip_prefix("epoch-")?.parse().ok()
}

/// The snapshot file of a shard.
pub(super) fn snapshot_name(epoch: u64, shard: usize) -> String {
    format!("{}/shard-{shard}.snapshot", epoch_name(epoch))
}

/// Where a shard writes its snapshot.
pub fn snapshot_path(folder: &Path, epoch: u64, shard: usize) -> PathBuf {
    folder.join(snapshot_name(epoch, shard))
}

impl Store {
    /// Takes the checkpoints for this run; makes a folder if there is none.
    pub fn open(place: &Place, staging: Option<&Path>) -> Result<Store> {
        Store::of(place, Depot::take(place, staging)?)
    }

    /// Checkpoints that another process may be writing: to read.
    pub fn look(place: &Place) -> Result<Store> {
        Store::of(place, Depot::look(place)?)
    }

    fn of(place: &Place, depot: Depot) -> Result<Store> {
        Ok(Store { place: place.clone(), names: depot.names()?, depot })
    }

    /// Where they are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where shards write their snapshots.
    pub fn staging(&self) -> &Path {
        self.depot.staging()
    }

    /// A name for this pipeline that no other has; kept with its checkpoints.
    pub fn pipeline(&self) -> Result<String> {
        const NAME: &str = "pipeline";
        if let Ok(kept) = self.depot.read(NAME)
            && let Ok(name) = String::from_utf8(kept)
            && name.len() == 16
        {
            return Ok(name);
        }
        let clock = millrace_runtime::Clock::new();
        let name = format!("{:08x}{:08x}", clock.wall_ms() as u32, std::process::id());
        self.depot.keep(NAME, name.as_bytes())?;
        Ok(name)
    }

    /// The epochs that have a manifest, oldest first.
    pub fn epochs(&self) -> Vec<u64> {
        self.names.iter().filter_map(|name| epoch_of(name)).collect()
    }

    /// The newest epoch that is whole, for this plan; `None` if there is no epoch at all. Damaged ones are named
    /// to `warn` and passed over; an error if all are.
    pub fn resume(
        &self,
        plan: &Plan,
        keys: &[NodeKey],
        partitions: usize,
        warn: &mut dyn FnMut(String),
    ) -> Result<Option<Resumed>> {
        let mut damaged = None;
        for epoch in self.epochs().into_iter().rev() {
            match self.read(epoch, plan, keys, partitions) {
                Ok(resumed) => {
                    if let Some(newer) = damaged {
                        warn(format!(
                            "epoch {newer} is lost: output that it had made visible is written again after epoch {epoch}"
                        ));
                    }
                    return Ok(Some(resumed));
                }
                Err(error) if error.culprit == Culprit::Query || self.depot.may_pass(&error) => {
                    return Err(error);
                }
                Err(error) => {
                    warn(format!("epoch {epoch} is passed over: {error}"));
                    damaged = damaged.or(Some(epoch));
                }
            }
        }
        match damaged {
            None => Ok(None),
            Some(_) => {
                let folder = &self.place;
                Err(Error::data(format!("{folder}: no epoch is whole"))
                    .hint("mend the files named above, or name an empty --checkpoint-dir to start from the beginning"))
            }
        }
    }

    /// The manifest of an epoch.
    pub fn manifest(&self, epoch: u64) -> Result<Manifest> {
        let name = manifest_name(epoch);
        let file = self.depot.read(&name)?;
        Manifest::decode(&file).map_err(|error| error.within(&name))
    }

    /// An epoch by itself: nodes are places in its manifest.
    pub fn held(&self, epoch: u64) -> Result<Resumed> {
        let manifest = self.manifest(epoch)?;
        let keys = manifest.nodes.clone();
        self.parts(manifest, &keys)
    }

    fn read(&self, epoch: u64, plan: &Plan, keys: &[NodeKey], partitions: usize) -> Result<Resumed> {
        let manifest = self.manifest(epoch)?;
        fits(&manifest, plan, keys, partitions)?;
        self.parts(manifest, keys)
    }

    /// Reads the chains of all shards, each on a thread of its own.
    fn parts(&self, manifest: Manifest, keys: &[NodeKey]) -> Result<Resumed> {
        let manifest_of = &manifest;
        let read = |part| move || self.chain(manifest_of, part, keys).and_then(merged);
        let snapshots = std::thread::scope(|scope| {
            let threads: Vec<_> = manifest.parts.iter().map(|part| scope.spawn(read(part))).collect();
            let joined = threads
                .into_iter()
                .map(|own| own.join().unwrap_or_else(|_| Err(Error::bug("reading a snapshot panicked"))));
            joined.collect::<Result<_>>()
        })?;
        Ok(Resumed { manifest, snapshots })
    }

    /// The snapshots that what a shard held is made of, oldest first.
    fn chain(&self, manifest: &Manifest, part: &Part, keys: &[NodeKey]) -> Result<Vec<ShardSnapshot>> {
        let mut chain = vec![];
        for own in &manifest.follows {
            let file = own.files.iter().find(|file| file.shard == part.file.shard);
            let missing = || Error::data(format!("epoch {} has no shard {}", own.epoch, part.file.shard));
            chain.push(self.snapshot(own.epoch, *file.ok_or_else(missing)?, keys)?);
        }
        chain.push(self.snapshot(manifest.epoch, part.file, keys)?);
        Ok(chain)
    }

    fn snapshot(&self, epoch: u64, own: SnapshotFile, keys: &[NodeKey]) -> Result<ShardSnapshot> {
        let name = self.depot.snapshot_name(epoch, &own);
        let file = self.depot.read(&name)?;
        if (file.len() as u64, stored_crc32(&file)) != (own.bytes, Some(own.crc32)) {
            return Err(Error::data(format!("{name}: it is not the file that the manifest names")));
        }
        let node = |key: &str| keys.iter().position(|own| own.key == key);
        decode(&file, node).map_err(|error| error.within(&name))
    }

    /// Removes whatever belongs to no epoch up to `newest`; the epochs that are left, oldest first.
    pub fn tidy(&self, newest: u64) -> Result<Vec<Durable>> {
        let (mut durable, mut kept) = (vec![], BTreeSet::new());
        for epoch in self.epochs().into_iter().filter(|epoch| *epoch <= newest) {
            kept.insert(manifest_name(epoch));
            match self.manifest(epoch) {
                Ok(manifest) => {
                    kept.extend(manifest.needs().map(epoch_name));
                    durable.push(manifest.durable());
                }
                Err(error) if self.depot.may_pass(&error) => return Err(error),
                // A damaged one has been named; it goes as if it were whole.
                Err(_) => {
                    kept.insert(epoch_name(epoch));
                    durable.push(Durable { epoch, base: epoch });
                }
            }
        }
        let mut gone = self.names.iter().filter(|name| name.starts_with("epoch-") && !kept.contains(*name));
        gone.try_for_each(|name| self.depot.remove(name))?;
        Ok(durable)
    }

    /// From now on epochs are made here; `wake` tells when something has come of one that takes its time.
    pub(super) fn keep(self, wake: WakeHandle) -> Result<Kept> {
        match self.depot {
            Depot::Folder(folder) => Ok(Kept::Folder(folder)),
            Depot::Bucket(remote, Some(staging)) => Ok(Kept::Bucket(Uploads::start(remote, staging, wake)?)),
            Depot::Bucket(_, None) => Err(Error::bug("epochs in a bucket that is only looked into")),
        }
    }
}

impl Kept {
    /// Room for the snapshots of an epoch.
    pub(super) fn begin(&self, epoch: u64) -> Result<()> {
        let folder = match self {
            Kept::Folder(folder) => folder,
            Kept::Bucket(uploads) => uploads.staging(),
        };
        folder.make(&epoch_name(epoch)).map_err(failed)
    }

    /// Makes an epoch: all its parts are durable. `None` = it takes its time.
    pub(super) fn make(&mut self, manifest: Manifest) -> Result<Option<Result<()>>> {
        match self {
            Kept::Folder(folder) => Ok(Some(write(folder, &manifest))),
            Kept::Bucket(uploads) => uploads.make(manifest).map(|()| None),
        }
    }

    /// What has become of epochs that take their time.
    pub(super) fn poll(&mut self) -> Result<Option<Answer>> {
        match self {
            Kept::Folder(_) => Ok(None),
            Kept::Bucket(uploads) => uploads.poll(),
        }
    }

    /// True if nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Kept::Folder(_) => true,
            Kept::Bucket(uploads) => uploads.is_idle(),
        }
    }

    /// Removes what makes an epoch one.
    pub(super) fn forget(&mut self, epoch: u64) -> Result<()> {
        let folder = match self {
            Kept::Folder(folder) => folder,
            Kept::Bucket(uploads) => return uploads.forget(epoch),
        };
        reach(Failpoint::BeforeRemove);
        folder.remove(&manifest_name(epoch)).map_err(failed)?;
        reach(Failpoint::HalfRemoved);
        Ok(())
    }

    /// Removes the files of epochs.
    pub(super) fn remove(&mut self, epochs: &[u64]) -> Result<()> {
        match self {
            Kept::Folder(folder) => {
                epochs.iter().try_for_each(|epoch| folder.remove(&epoch_name(*epoch)).map_err(failed))
            }
            Kept::Bucket(uploads) => uploads.remove(epochs),
        }
    }
}

fn write(folder: &Folder, manifest: &Manifest) -> Result<()> {
    folder.sync(&epoch_name(manifest.epoch)).map_err(failed)?;
    reach(Failpoint::NoManifest);
    let name = manifest_name(manifest.epoch);
    folder.write_aside(&name, &manifest.encode()?).map_err(failed)?;
    reach(Failpoint::ManifestAside);
    folder.put(&name).map_err(failed)?;
    reach(Failpoint::ManifestRenamed);
    folder.sync_names().map_err(failed)
}

/// Makes the output of an epoch visible, whether or not the run that made it came to that, and removes what a
/// pipeline had written to `folders` since.
pub fn finish_output(staged: &[StagedFile], folders: &[PathBuf], pipeline: &str) -> Result<()> {
    for own in staged {
        folder::publish(&own.hidden, &own.complete).map_err(failed)?;
    }
    let mark = hidden_mark(pipeline);
    for path in folders {
        for name in folder::names(path).map_err(failed)? {
            if name.starts_with('.') && name.ends_with(&mark) {
                folder::remove_file(&path.join(name)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// How the names of hidden output files of a pipeline end.
pub fn hidden_mark(pipeline: &str) -> String {
    format!(".{pipeline}.inprogress")
}

/// Refuses a plan that would lose what was held, or begin in the middle with nothing.
fn fits(manifest: &Manifest, plan: &Plan, keys: &[NodeKey], partitions: usize) -> Result<()> {
    if manifest.partitions != partitions {
        return Err(Error::query(format!(
            "the checkpoint has {} partitions, this run has {partitions}",
            manifest.partitions
        )));
    }
    let known: BTreeSet<&str> = manifest.nodes.iter().map(|own| own.key.as_str()).collect();
    let new = keys
        .iter()
        .zip(&plan.nodes)
        .find(|(own, node)| holds_state(&node.operator) && !known.contains(own.key.as_str()));
    match new {
        None => Ok(()),
        Some((own, _)) => {
            let now: BTreeSet<&str> = keys.iter().map(|own| own.key.as_str()).collect();
            let gone = manifest.nodes.iter().filter(|own| !now.contains(own.key.as_str()));
            let gone: Vec<&str> = gone.map(|own| own.what.as_str()).collect();
            Err(Error::query(format!("the script has changed since the checkpoint: `{}` was not in it", own.what))
                .hint(format!(
                    "resume with the script that wrote the checkpoint (it had: {}), or name an empty --checkpoint-dir",
                    gone.join("; ")
                )))
        }
    }
}

/// True for nodes that cannot begin in the middle of their input; sources, which say how far they were read, too.
fn holds_state(operator: &Operator) -> bool {
    !matches!(
        operator,
        Operator::Calc { .. }
            | Operator::Expand { .. }
            | Operator::WindowAssign { .. }
            | Operator::Union
            | Operator::LateRows { .. }
            | Operator::Exchange(_)
            | Operator::Sink { .. }
    )
}
