//! Sources that listen: each connection that the kernel gives to this shard becomes a split of its own.

use std::net::SocketAddr;

use millrace_connect::connector::{Location, Split};
use millrace_flow::SplitId;
use millrace_plan::{Error, NodeId, Result};
use millrace_runtime::{Connection, Listener, ShardContext};

use super::ShardListener;
use super::input::{SplitIds, SplitOpener, Waiting};

struct Listening {
    opener: SplitOpener,
    name: String,
    listener: Listener,
}

impl Listening {
    fn waiting(&self, id: SplitId, from: SocketAddr) -> Waiting {
        let split = Split {
            name: format!("{} from {from}", self.name),
            location: Location::Connection,
            bytes: None,
            rows: None,
            detail: String::new(),
        };
        Waiting { id, split, opener: self.opener.clone() }
    }
}

/// After a connection could not be accepted, the next is tried this much later.
const PAUSE_MS: u64 = 100;

/// The sources of one shard that listen.
#[derive(Default)]
pub struct Listeners {
    listening: Vec<Listening>,
    /// No connection is taken before this time: the process was out of descriptors.
    paused_until_ms: Option<u64>,
}

impl Listeners {
    /// Listens for a source.
    pub fn add(
        &mut self,
        listener: ShardListener,
        opener: &SplitOpener,
        context: &ShardContext,
    ) -> Result<()> {
        let ShardListener { name, socket } = listener;
        let listener = context.net().listener(socket);
        let listener = listener.map_err(|error| Error::environment(format!("{name}: {error}")))?;
        self.listening.push(Listening { opener: opener.clone(), name, listener });
        Ok(())
    }

    /// True if this source may open splits at any time, and so never ends.
    pub fn listens(&self, node: NodeId) -> bool {
        self.listening.iter().any(|own| own.opener.node == node)
    }

    /// The new connections: all of them, as the kernel tells of each only once. `Err` inside = why one could not be
    /// accepted.
    pub fn accept(
        &mut self,
        now_ms: u64,
        ids: &mut SplitIds,
    ) -> Vec<std::result::Result<(Waiting, Connection), String>> {
        if self.paused_until_ms.is_some_and(|until| now_ms < until) {
            return vec![];
        }
        self.paused_until_ms = None;
        let mut found = vec![];
        for own in &self.listening {
            loop {
                match own.listener.accept() {
                    Ok(None) => break,
                    Ok(Some((connection, from))) => {
                        found.push(Ok((own.waiting(ids.next(), from), connection)));
                    }
                    Err(error) => {
                        self.paused_until_ms = Some(now_ms + PAUSE_MS);
                        found.push(Err(format!("{}: accepting a connection: {error}", own.name)));
                        break;
                    }
                }
            }
        }
        found
    }

    /// When to try again after a connection could not be accepted.
    pub fn wake_ms(&self) -> Option<u64> {
        self.paused_until_ms
    }
}
