//! `source.monitor-interval`: each shard looks for new splits and takes those that fall to it by name, so that
//! no shard has to tell another.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use millrace_flow::pipeline::ShardId;
use millrace_plan::{NodeId, Result};

use super::ShardSource;
use super::input::{SplitIds, SplitOpener, Waiting};

struct Monitor {
    opener: SplitOpener,
    known: BTreeSet<String>,
    interval_ms: u64,
    next_look_ms: u64,
}

/// The sources of one shard that may find new splits.
pub struct Monitors {
    monitors: Vec<Monitor>,
    shard: ShardId,
}

impl Monitors {
    pub fn new(shard: ShardId) -> Self {
        Monitors { monitors: vec![], shard }
    }

    /// Watches a source if it asks for that.
    pub fn add(&mut self, own: &ShardSource, opener: &SplitOpener) {
        let Some(interval_ms) = own.source.monitor_interval_ms() else { return };
        self.monitors.push(Monitor {
            opener: opener.clone(),
            known: own.known.iter().cloned().collect(),
            interval_ms: interval_ms.max(1),
            next_look_ms: 0,
        });
    }

    /// True if this source may open splits at any time, and so never ends.
    pub fn watches(&self, node: NodeId) -> bool {
        self.monitors.iter().any(|own| own.opener.node == node)
    }

    /// The new splits that fall to this shard. Lists folders: blocks the shard shortly, once an interval.
    pub fn look(&mut self, now_ms: u64, ids: &mut SplitIds) -> Result<Vec<Waiting>> {
        let mut found = vec![];
        for own in self.monitors.iter_mut().filter(|own| own.next_look_ms <= now_ms) {
            own.next_look_ms = now_ms + own.interval_ms;
            for split in own.opener.source.splits(self.shard.count)? {
                if !own.known.insert(split.name.clone())
                    || owner(&split.name, self.shard.count) != self.shard.index
                {
                    continue;
                }
                found.push(Waiting { id: ids.next(), split, opener: own.opener.clone() });
            }
        }
        Ok(found)
    }

    /// When the next look is due.
    pub fn wake_ms(&self) -> Option<u64> {
        self.monitors.iter().map(|own| own.next_look_ms).min()
    }
}

/// The shard that reads the split of this name: the same answer on every shard.
fn owner(name: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % shards as u64) as usize
}
