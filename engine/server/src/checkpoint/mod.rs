//! Checkpoints on disk: what is written, where, in which order, and how a run goes on from it.
//!
//! The protocol is a pure state machine, `millrace_flow::checkpoint::Coordinator`; this folder carries out its
//! actions on the main thread ([`Epochs`]), and `shard/cut.rs` does on the shards. Order of writes: each shard
//! makes its output and its snapshot durable; then the manifest is, which makes the epoch; then the output
//! becomes visible. A crash between two writes leaves either the epoch before or this one.
//!
//! In a bucket ([`Place`]) an epoch has the same files. Shards write theirs to a local folder; a thread of its own
//! uploads them, then the manifest, and the main thread hears of it ([`Epochs::tick`]).

mod depot;
mod epochs;
mod failpoint;
pub mod inspect;
mod manifest;
mod node_key;
mod place;
mod remote;
mod resume;
mod snapshot_file;
mod store;
mod uploads;

use std::path::PathBuf;
use std::sync::Arc;

use millrace_flow::SplitId;
use millrace_flow::checkpoint::{Barrier, ShardSnapshot};
use serde::{Deserialize, Serialize};

pub use epochs::{Account, Epochs};
pub use failpoint::{Failpoint, reach};
pub use manifest::Manifest;
pub use node_key::{NodeKey, node_keys};
pub use place::Place;
pub use resume::Checkpoints;
pub use snapshot_file::{Encoder, decode as decode_snapshot};
pub use store::{hidden_mark, snapshot_path};

/// How far one split of a source had been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitState {
    /// The key of the source's node.
    pub source: String,
    /// The split's name.
    pub name: String,
    /// Its number in the pipeline.
    pub id: SplitId,
    /// Rows read, bad ones too.
    pub rows: u64,
    /// Where the next row starts, in bytes; 0 if the format cannot start there.
    pub offset: u64,
    /// Everything had been read, and nothing may follow.
    pub ended: bool,
    /// Everything that was there had been read; more may follow.
    pub caught_up: bool,
}

/// An output file that is complete and durable, but not visible yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Where it is.
    pub hidden: PathBuf,
    /// Where it will be.
    pub complete: PathBuf,
}

/// The snapshot of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// The shard.
    pub shard: usize,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// CRC-32 of the file, as it stands at its end.
    pub crc32: u32,
}

/// The snapshots of an epoch that a later one builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The epoch.
    pub epoch: u64,
    /// Of each shard.
    pub files: Vec<SnapshotFile>,
}

/// What one shard has made durable for an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its snapshot.
    #[serde(flatten)]
    pub file: SnapshotFile,
    /// Its splits.
    pub splits: Vec<SplitState>,
    /// Its output since the last epoch that was committed.
    pub staged: Vec<StagedFile>,
}

/// From the main thread to a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// An epoch ends.
    Barrier {
        /// The barrier.
        barrier: Barrier,
        /// Nothing is read after it.
        last: bool,
    },
    /// The manifest of this epoch is durable: its output becomes visible.
    Commit(u64),
    /// The run is over: what came after the last epoch is dropped.
    Stop,
    /// The run is to stop, and has no checkpoints: what was read leaves as far as it can, and is all.
    Drain,
}

/// From a shard to the main thread.
#[derive(Debug)]
pub enum Progress {
    /// Its part of an epoch is durable.
    Written(u64, Part),
    /// Its snapshot could not be written.
    Failed(u64, String),
    /// Its output of an epoch is visible.
    Committed(u64),
    /// Its input has ended and everything has been computed; or, in a run that keeps its input open, everything
    /// that is there has been read.
    Finished,
}

/// What a shard needs to know of checkpoints.
#[derive(Debug, Clone)]
pub struct ShardCheckpoint {
    /// The folder that snapshots are written to.
    pub folder: PathBuf,
    /// Part of the names of hidden output files: of this pipeline and no other.
    pub pipeline: String,
    /// The keys of the nodes.
    pub keys: Arc<[NodeKey]>,
    /// What all shards held when the run was last stopped.
    pub held: Option<Arc<Vec<ShardSnapshot>>>,
    /// Splits that had been begun, by the key of their source.
    pub begun: Arc<Vec<SplitState>>,
    /// Where a split ends more may follow in a later run: its source does not end.
    pub keep_open: bool,
}
