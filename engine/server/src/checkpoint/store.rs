//! The folder of the checkpoints: `epoch-N.manifest`, and beside it the folder `epoch-N` with a snapshot of each
//! shard. What a run may go on from is found here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use millrace_flow::checkpoint::ShardSnapshot;
use millrace_plan::{Culprit, Error, Operator, Plan, Result};
use millrace_runtime::{DiskError, Folder, folder};

use super::manifest::Manifest;
use super::snapshot_file::{decode, stored_crc32};
use super::{Failpoint, NodeKey, StagedFile, reach};

/// The folder of the checkpoints of one pipeline.
pub struct Store {
    folder: Folder,
}

/// What a run goes on from.
pub struct Resumed {
    /// The epoch.
    pub manifest: Manifest,
    /// What each shard held.
    pub snapshots: Vec<ShardSnapshot>,
}

const MANIFEST: &str = ".manifest";

fn epoch_name(epoch: u64) -> String {
    format!("epoch-{epoch:012}")
}

fn epoch_of(name: &str) -> Option<u64> {
    name.strip_suffix(MANIFEST)?.strip_prefix("epoch-")?.parse().ok()
}

fn failed(error: DiskError) -> Error {
    crate::job::environment(&error)
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
    /// Takes the folder for this process; makes it if there is none.
    pub fn open(path: &Path) -> Result<Store> {
        let folder = Folder::own(path).map_err(|error| match error.source.kind() {
            std::io::ErrorKind::WouldBlock => {
                Error::environment(format!("{}: another run is using these checkpoints", path.display()))
                    .hint("stop it first, or name another --checkpoint-dir")
            }
            _ => failed(error),
        })?;
        Ok(Store { folder })
    }

    /// A folder that another process may own: to read.
    pub fn look(path: &Path) -> Result<Store> {
        Folder::look(path).map(|folder| Store { folder }).map_err(failed)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A name for this pipeline that no other has; kept with its checkpoints.
    pub fn pipeline(&self) -> Result<String> {
        const NAME: &str = "pipeline";
        if let Ok(kept) = self.folder.read(NAME)
            && let Ok(name) = String::from_utf8(kept)
            && name.len() == 16
        {
            return Ok(name);
        }
        let clock = millrace_runtime::Clock::new();
        let name = format!("{:08x}{:08x}", clock.wall_ms() as u32, std::process::id());
        self.folder.write_aside(NAME, name.as_bytes()).map_err(failed)?;
        self.folder.put(NAME).map_err(failed)?;
        self.folder.sync_names().map_err(failed)?;
        Ok(name)
    }

    /// The epochs that have a manifest, oldest first.
    pub fn epochs(&self) -> Result<Vec<u64>> {
        Ok(self.folder.names().map_err(failed)?.iter().filter_map(|name| epoch_of(name)).collect())
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
        for epoch in self.epochs()?.into_iter().rev() {
            match self.read(epoch, plan, keys, partitions) {
                Ok(resumed) => {
                    if let Some(newer) = damaged {
                        warn(format!(
                            "epoch {newer} is lost: output that it had made visible is written again after epoch {epoch}"
                        ));
                    }
                    return Ok(Some(resumed));
                }
                Err(error) if error.culprit == Culprit::Query => return Err(error),
                Err(error) => {
                    warn(format!("epoch {epoch} is passed over: {error}"));
                    damaged = damaged.or(Some(epoch));
                }
            }
        }
        match damaged {
            None => Ok(None),
            Some(_) => {
                let folder = self.path().display();
                Err(Error::data(format!("{folder}: no epoch is whole"))
                    .hint("mend the files named above, or name an empty --checkpoint-dir to start from the beginning"))
            }
        }
    }

    /// The manifest of an epoch.
    pub fn manifest(&self, epoch: u64) -> Result<Manifest> {
        let name = format!("{}{MANIFEST}", epoch_name(epoch));
        let file = self.folder.read(&name).map_err(failed)?;
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

    fn parts(&self, manifest: Manifest, keys: &[NodeKey]) -> Result<Resumed> {
        let mut snapshots = vec![];
        for part in &manifest.parts {
            let name = snapshot_name(manifest.epoch, part.shard);
            let file = self.folder.read(&name).map_err(failed)?;
            if (file.len() as u64, stored_crc32(&file)) != (part.bytes, Some(part.crc32)) {
                return Err(Error::data(format!("{name}: it is not the file that the manifest names")));
            }
            let node = |key: &str| keys.iter().position(|own| own.key == key);
            snapshots.push(decode(&file, node).map_err(|error| error.within(&name))?);
        }
        Ok(Resumed { manifest, snapshots })
    }

    /// Room for the snapshots of an epoch.
    pub fn begin(&self, epoch: u64) -> Result<()> {
        self.folder.make(&epoch_name(epoch)).map_err(failed)
    }

    /// Makes an epoch: all its parts are durable.
    pub fn write(&self, manifest: &Manifest) -> Result<()> {
        let name = epoch_name(manifest.epoch);
        self.folder.sync(&name).map_err(failed)?;
        reach(Failpoint::NoManifest);
        let name = format!("{name}{MANIFEST}");
        self.folder.write_aside(&name, &manifest.encode()?).map_err(failed)?;
        reach(Failpoint::ManifestAside);
        self.folder.put(&name).map_err(failed)?;
        reach(Failpoint::ManifestRenamed);
        self.folder.sync_names().map_err(failed)
    }

    /// Removes an epoch: first what makes it one.
    pub fn remove(&self, epoch: u64) -> Result<()> {
        reach(Failpoint::BeforeRemove);
        let name = epoch_name(epoch);
        self.folder.remove(&format!("{name}{MANIFEST}")).map_err(failed)?;
        reach(Failpoint::HalfRemoved);
        self.folder.remove(&name).map_err(failed)
    }

    /// Removes whatever belongs to no epoch up to `newest`.
    pub fn tidy(&self, newest: u64) -> Result<()> {
        let mut kept: BTreeSet<String> = ["lock".to_string()].into();
        for epoch in self.epochs()?.into_iter().filter(|epoch| *epoch <= newest) {
            kept.extend([epoch_name(epoch), format!("{}{MANIFEST}", epoch_name(epoch))]);
        }
        let ours = |name: &&String| name.starts_with("epoch-") && !kept.contains(*name);
        let names = self.folder.names().map_err(failed)?;
        names.iter().filter(ours).try_for_each(|name| self.folder.remove(name).map_err(failed))
    }
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
