//! Checkpoints: what operators hold at a barrier, and how it is put back at any shard count.

mod alignment;
mod coordinator;
pub mod state;

use millrace_plan::NodeId;

pub use alignment::Alignment;
pub use coordinator::{Coordinator, EpochAction, EpochEvent};
pub use state::{OperatorState, Placement, StateTable, as_layout};

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
