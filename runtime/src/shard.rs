//! What a shard's main may ask of the shard it runs on.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::Executor;
use crate::bell::WakeHandle;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::net::Net;
use crate::placement::Placement;

/// What all shards of one start share: a flag and everybody's bell.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) bells: Arc<[WakeHandle]>,
}

impl Crew {
    /// Asks every shard to stop, and wakes it.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.bells.iter().for_each(WakeHandle::wake);
    }
}

/// A shard's view of itself. Stays on its thread.
#[derive(Clone)]
pub struct ShardContext {
    pub(crate) placement: Placement,
    pub(crate) crew: Crew,
    pub(crate) clock: Clock,
    pub(crate) executor: Rc<dyn Executor>,
    pub(crate) scratch: Rc<RefCell<Vec<u8>>>,
}

impl ShardContext {
    /// This shard, from 0.
    pub fn shard(&self) -> usize {
        self.placement.shard
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.crew.bells.len()
    }

    /// The core this shard is pinned to.
    pub fn core(&self) -> usize {
        self.placement.core
    }

    /// True once the run was asked to stop.
    pub fn stopping(&self) -> bool {
        self.crew.stop.load(Ordering::Acquire)
    }

    /// Asks all shards to stop, this one too.
    pub fn stop_all(&self) {
        self.crew.stop();
    }

    /// The clock that all shards share.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Wakes another shard.
    pub fn wake(&self, shard: usize) {
        self.crew.bells[shard].wake();
    }

    /// A handle that wakes this shard from any thread.
    pub fn wake_handle(&self) -> WakeHandle {
        self.crew.bells[self.shard()].clone()
    }

    /// Sleeps until woken, until `until_ns` on the monotonic clock, or until a stop; at once if a wake
    /// came since the last park. May return early by chance.
    pub async fn park(&self, until_ns: Option<u64>) {
        let timeout_ns = until_ns.map(|until| until.saturating_sub(self.clock.monotonic_ns()));
        if timeout_ns != Some(0) {
            self.executor.park(timeout_ns).await;
        }
    }

    /// Lets the executor's other work run, and looks which sockets are ready.
    pub async fn yield_now(&self) {
        self.executor.yield_now().await;
    }

    /// The files, reached through this shard's executor.
    pub fn disk(&self) -> Disk {
        Disk { executor: self.executor.clone() }
    }

    /// The sockets, reached through this shard's executor.
    pub fn net(&self) -> Net {
        Net { executor: self.executor.clone(), scratch: self.scratch.clone() }
    }
}
