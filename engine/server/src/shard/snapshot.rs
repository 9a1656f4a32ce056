//! Writes what a shard held when a barrier passed to a file, piece by piece: between two of them the shard works on,
//! and its operators say what they held then only when it is asked for.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::path::Path;
use std::rc::Rc;
use std::task::Poll;

use millrace_flow::checkpoint::{ShardSnapshot, StateTable};
use millrace_plan::{NodeId, Result};
use millrace_runtime::{Disk, WriteFile};

use crate::checkpoint::{Encoder, Failpoint, NodeKey, reach};

/// What is written at once, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Asks the shard, which owns the pipeline, for more of what a node held.
#[derive(Clone, Default)]
pub struct Rest(Rc<Cell<Asked>>);

#[derive(Default)]
enum Asked {
    #[default]
    Nothing,
    For(NodeId),
    Answered(Option<StateTable>),
}

impl Rest {
    /// True if something has been asked.
    pub fn is_asked(&self) -> bool {
        let asked = self.0.take();
        let is_asked = matches!(asked, Asked::For(_));
        self.0.set(asked);
        is_asked
    }

    /// The shard's side: answers what has been asked.
    pub fn answer(&self, rest: impl FnOnce(NodeId) -> Result<Option<StateTable>>) -> Result<()> {
        let asked = match self.0.take() {
            Asked::For(node) => Asked::Answered(rest(node)?),
            other => other,
        };
        self.0.set(asked);
        Ok(())
    }

    /// The next table of a node; `None`: there is no more.
    async fn of(&self, node: NodeId) -> Option<StateTable> {
        self.0.set(Asked::For(node));
        poll_fn(|_| match self.0.take() {
            Asked::Answered(table) => Poll::Ready(table),
            other => {
                self.0.set(other);
                Poll::Pending
            }
        })
        .await
    }
}

/// Writes a snapshot and makes it durable; its bytes and their checksum. Even if that fails, all is taken that
/// operators keep for it.
pub async fn write_snapshot(
    disk: &Disk,
    path: &Path,
    snapshot: ShardSnapshot,
    keys: &[NodeKey],
    rest: &Rest,
) -> Result<(u64, u32)> {
    let created = disk.create(path).await;
    let file = created.map_err(|error| crate::job::environment(&error));
    let mut file = Target { file, waiting: vec![] };
    let (mut encoder, first) = Encoder::new(snapshot.epoch);
    file.append(first).await;
    file.flush().await;
    for node in snapshot.nodes {
        encoder.node(&keys[node.node], node.watermark_ms, node.state.extent);
        let mut tables = VecDeque::from(node.state.tables);
        loop {
            let table = match tables.pop_front() {
                Some(table) => table,
                None => match rest.of(node.node).await {
                    Some(table) => table,
                    None => break,
                },
            };
            if file.file.is_ok() {
                file.append(encoder.table(&table)?).await;
                reach(Failpoint::SnapshotHalf);
            }
        }
    }
    let (last, bytes, crc32) = encoder.finish()?;
    file.append(last).await;
    file.flush().await;
    reach(Failpoint::SnapshotUnsynced);
    file.file?.finish().await.map_err(|error| crate::job::environment(&error))?;
    Ok((bytes, crc32))
}

/// The file, until something has gone wrong with it, and what is still to be written.
struct Target {
    file: Result<WriteFile>,
    waiting: Vec<u8>,
}

impl Target {
    async fn append(&mut self, mut bytes: Vec<u8>) {
        match self.waiting.is_empty() {
            true => std::mem::swap(&mut self.waiting, &mut bytes),
            false => self.waiting.append(&mut bytes),
        }
        if self.waiting.len() >= PIECE_BYTES {
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        match waiting.len() <= 2 * PIECE_BYTES {
            true => self.write(waiting).await,
            false => {
                for piece in waiting.chunks(PIECE_BYTES) {
                    self.write(piece.to_vec()).await;
                }
            }
        }
    }

    async fn write(&mut self, bytes: Vec<u8>) {
        let Ok(file) = &mut self.file else { return };
        if let Err(error) = file.append(bytes).await {
            self.file = Err(crate::job::environment(&error));
        }
        give_way().await;
    }
}

/// Ready when polled again.
async fn give_way() {
    let mut given = false;
    poll_fn(|_| match std::mem::replace(&mut given, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
