//! How a run goes on from the last epoch of an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use millrace_connect::connector::Split;
use millrace_flow::SplitId;
use millrace_plan::{Error, Limits, NodeId, Plan, Result};
use millrace_runtime::WakeHandle;

use super::epochs::{Epochs, Run, Setup};
use super::node_key::{NodeKey, node_keys};
use super::store::{Resumed, Store, finish_output};
use super::{ShardCheckpoint, SplitState};
use crate::config::Config;

/// Splits to read with their numbers, and the names of those that an earlier run has read to their end.
pub type Numbered = (Vec<(SplitId, Split)>, Vec<String>);

/// The checkpoints of a job.
pub struct Checkpoints {
    store: Store,
    interval_ms: Option<u64>,
    keep_open: bool,
    pipeline: String,
    keys: Vec<NodeKey>,
    resumed: Option<Resumed>,
}

impl Checkpoints {
    /// Opens them and finds what to go on from; nothing without `--checkpoint-dir`.
    pub fn open(config: &Config, plan: &Plan) -> Result<Option<Checkpoints>> {
        let Some(asked) = &config.checkpoint else { return Ok(None) };
        if config.ordered {
            return Err(Error::query("--ordered holds all rows back to the end: it has no checkpoints")
                .hint("leave out --ordered or --checkpoint-dir"));
        }
        let store = Store::open(&asked.place, asked.staging.as_deref())?;
        let keys = node_keys(plan);
        let warn = &mut |warning: String| eprintln!("warning: {warning}");
        let resumed = store.resume(plan, &keys, config.limits.partitions, warn)?;
        let pipeline = store.pipeline()?;
        let (interval_ms, keep_open) = (asked.interval_ms, asked.keep_open);
        Ok(Some(Checkpoints { store, interval_ms, keep_open, pipeline, keys, resumed }))
    }

    /// The splits that earlier runs have begun.
    fn splits(&self) -> impl Iterator<Item = &SplitState> {
        self.resumed.iter().flat_map(|own| own.manifest.splits())
    }

    /// The first number of a split that no earlier run has used.
    pub fn free_id(&self) -> SplitId {
        self.splits().map(|own| own.id + 1).max().unwrap_or(0)
    }

    /// Numbers what a source has to read, as an earlier run did where it knew it. A split that was being read and
    /// is gone is an error if the source `replays` its rows; a connection is gone with the run that had it.
    pub fn number(
        &self,
        found: Vec<Split>,
        node: NodeId,
        replays: bool,
        free_id: &mut SplitId,
    ) -> Result<Numbered> {
        let own_splits = self.splits().filter(|own| own.source == self.keys[node].key);
        let begun: BTreeMap<&str, &SplitState> = own_splits.map(|own| (own.name.as_str(), own)).collect();
        let here: BTreeSet<&str> = found.iter().map(|own| own.name.as_str()).collect();
        let mut gone = begun.values().filter(|own| !own.caught_up && !here.contains(own.name.as_str()));
        if let Some(own) = gone.next().filter(|_| replays) {
            return Err(Error::environment(format!(
                "`{}` was being read at the last epoch, and is gone",
                own.name
            ))
            .hint("bring it back, or name an empty --checkpoint-dir to start from the beginning"));
        }
        let mut splits = vec![];
        for split in found {
            match begun.get(split.name.as_str()) {
                Some(own) if own.ended => {}
                Some(own) => splits.push((own.id, split)),
                None => {
                    splits.push((*free_id, split));
                    *free_id += 1;
                }
            }
        }
        let ended = begun.values().filter(|own| own.ended).map(|own| own.name.clone()).collect();
        Ok((splits, ended))
    }

    /// True if an earlier run has come to the end of the input: there is nothing to do.
    pub fn is_finished(&self) -> bool {
        self.resumed.as_ref().is_some_and(|own| own.manifest.finished)
    }

    /// The epoch that the run goes on from.
    pub fn resumes_from(&self) -> Option<u64> {
        self.resumed.as_ref().map(|own| own.manifest.epoch)
    }

    /// Makes what an earlier run had committed visible, and removes from `folders` what it had not.
    pub fn finish_output(&self, folders: &[PathBuf]) -> Result<()> {
        let parts = self.resumed.iter().flat_map(|own| &own.manifest.parts);
        let staged: Vec<_> = parts.flat_map(|own| own.staged.clone()).collect();
        finish_output(&staged, folders, &self.pipeline)
    }

    /// What the shards are told, with what was held.
    pub fn for_shards(&mut self) -> ShardCheckpoint {
        ShardCheckpoint {
            folder: self.store.staging().to_path_buf(),
            pipeline: self.pipeline.clone(),
            keys: self.keys.clone().into(),
            begun: Arc::new(self.splits().cloned().collect()),
            keep_open: self.keep_open,
            held: self.resumed.as_mut().map(|own| Arc::new(std::mem::take(&mut own.snapshots))),
        }
    }

    /// The epochs of this run, over `shards` shards; `wake` is of the thread that calls [`Epochs::tick`].
    pub fn epochs(self, shards: usize, limits: &Limits, wake: WakeHandle) -> Result<Epochs> {
        let ended_before = self.splits().filter(|own| own.ended).cloned().collect();
        let run = Run {
            shards,
            interval_ms: self.interval_ms,
            pipeline: self.pipeline,
            partitions: limits.partitions,
            keys: self.keys,
            ended_before,
            keep_open: self.keep_open,
            resumed: self.resumed.map_or(0, |own| own.manifest.epoch),
        };
        Epochs::new(Setup { store: self.store, wake, run })
    }
}
