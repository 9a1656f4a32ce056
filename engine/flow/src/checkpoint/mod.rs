//! Checkpoints: what operators hold at a barrier, and how it is put back at any shard count.

mod alignment;
mod coordinator;
mod merge;
pub mod state;

use millrace_plan::NodeId;

pub use alignment::Alignment;
pub use coordinator::{Coordinator, Durable, EpochAction, EpochEvent, Keep};
pub use merge::merged;
pub use state::{Extent, OperatorState, PIECE_PARTS, Placement, StateTable, as_layout};

/// What a snapshot follows, and so what it must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Nothing: it holds everything.
    Start,
    /// The snapshot before, which is durable: it may hold what has changed since.
    Last,
    /// The last durable one; those between are lost: it may hold what has changed since then.
    LastDurable,
}

/// What ends an epoch and travels with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// The epoch.
    pub epoch: u64,
    /// What its snapshots follow.
    pub since: Since,
}

/// What one node of one shard held when a barrier passed it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSnapshot {
    /// The node.
    pub node: NodeId,
    /// Its watermark, in milliseconds.
    pub watermark_ms: i64,
    /// What its operator held.
    pub state: OperatorState,
}

/// What one shard held when a barrier passed it: its part of a consistent cut.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardSnapshot {
    /// The epoch that the barrier ends.
    pub epoch: u64,
    /// The nodes whose input had not ended.
    pub nodes: Vec<NodeSnapshot>,
}
