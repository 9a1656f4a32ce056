//! Sources that listen: each connection that the kernel gives to this shard becomes a split of its own.

use std::sync::Arc;

use millrace_connect::connector::{Location, Source, Split};
use millrace_plan::{Error, NodeId, Result};
use millrace_runtime::{Connection, Listener, ShardContext};

use super::input::{SplitIds, Waiting};
use super::{ShardListener, ShardSource};

struct Listening {
    node: NodeId,
    source: Arc<dyn Source>,
    projection: Vec<usize>,
    fail_on_bad: bool,
    name: String,
    listener: Listener,
}

/// After a connection could not be accepted, the next is tried this much later.
const PAUSE_MS: u64 = 100;

/// The sources of one shard that listen.
#[derive(Default)]
pub struct Listeners {
    listening: Vec<Listening>,
    /// Not before this time: the process was out of descriptors.
    paused_until_ms: u64,
}

impl Listeners {
    /// Listens for a source.
    pub fn add(
        &mut self,
        listener: ShardListener,
        own: &ShardSource,
        projection: &[usize],
        context: &ShardContext,
    ) -> Result<()> {
        let ShardListener { name, socket } = listener;
        let listener = context.net().listener(socket);
        let listener = listener.map_err(|error| Error::environment(format!("{name}: {error}")))?;
        self.listening.push(Listening {
            node: own.node,
            source: own.source.clone(),
            projection: projection.to_vec(),
            fail_on_bad: own.fail_on_bad,
            name,
            listener,
        });
        Ok(())
    }

    /// True if this source may open splits at any time, and so never ends.
    pub fn listens(&self, node: NodeId) -> bool {
        self.listening.iter().any(|own| own.node == node)
    }

    /// At most one new connection of each source. `Err` inside = why one could not be accepted.
    pub fn accept(
        &mut self,
        now_ms: u64,
        ids: &mut SplitIds,
    ) -> Vec<std::result::Result<(Waiting, Connection), String>> {
        if now_ms < self.paused_until_ms {
            return vec![];
        }
        let mut found = vec![];
        for own in &self.listening {
            match own.listener.accept() {
                Ok(None) => {}
                Ok(Some((connection, from))) => {
                    let split = Split {
                        name: format!("{} from {from}", own.name),
                        location: Location::Connection,
                        bytes: None,
                        rows: None,
                        detail: String::new(),
                    };
                    let waiting = Waiting {
                        id: ids.next(),
                        node: own.node,
                        split,
                        source: own.source.clone(),
                        projection: own.projection.clone(),
                        fail_on_bad: own.fail_on_bad,
                    };
                    found.push(Ok((waiting, connection)));
                }
                Err(error) => {
                    self.paused_until_ms = now_ms + PAUSE_MS;
                    found.push(Err(format!("{}: accepting a connection: {error}", own.name)));
                }
            }
        }
        found
    }

    /// When to try again after a connection could not be accepted.
    pub fn wake_ms(&self) -> Option<u64> {
        (self.paused_until_ms > 0).then_some(self.paused_until_ms)
    }
}
