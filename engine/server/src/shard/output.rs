//! A shard's sinks: rows encoded here, bytes to a file or a connection of this shard's own, or to the main thread.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take};
use arrow::row::{RowConverter, SortField};
use millrace_connect::connector::{Sink, SinkWriter, Target};
use millrace_flow::{Batch, RowKinds};
use millrace_plan::{Changelog, Error, NodeId, Plan, Result};
use millrace_runtime::{Disk, DiskError, RingSender, ShardContext, WriteFile};

use super::{ShardSink, peer::Peer};
use crate::checkpoint::StagedFile;
use crate::report::HostEvent;

struct Writing {
    node: NodeId,
    sink: Arc<dyn Sink>,
    writer: Box<dyn SinkWriter>,
    file: Option<OpenFile>,
    peer: Option<Peer>,
    buffer: Vec<u8>,
    /// Rows have come; some formats keep them to themselves until the end.
    begun: bool,
    /// With `--ordered`: everything, until the end.
    held: Option<Vec<Batch>>,
    changes: bool,
}

struct OpenFile {
    file: WriteFile,
    hidden: PathBuf,
    complete: PathBuf,
}

/// An output file that has come to its end, and is not durable yet.
pub struct Unsynced {
    open: OpenFile,
    /// What is not in the file yet.
    rest: Vec<u8>,
}

impl Unsynced {
    /// Where it is and where it will be.
    pub fn staged(&self) -> StagedFile {
        StagedFile { hidden: self.open.hidden.clone(), complete: self.open.complete.clone() }
    }

    /// Makes it and its name durable.
    pub async fn sync(self, disk: &Disk) -> std::result::Result<(), DiskError> {
        let OpenFile { mut file, hidden, .. } = self.open;
        file.append(self.rest).await?;
        file.finish().await?;
        match hidden.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(folder) => disk.sync_folder(folder).await,
            None => Ok(()),
        }
    }
}

/// A file is written in pieces of this many bytes.
const WRITE_BYTES: usize = 1 << 20;

/// How the names of hidden files end in a run without checkpoints.
pub const HIDDEN_MARK: &str = ".inprogress";

/// Events that may wait for the main thread before the shard stops reading.
const MOST_WAITING: usize = 256;

/// The sinks of one shard.
pub struct Outputs {
    sinks: Vec<Writing>,
    shard: usize,
    /// How the names of hidden files end.
    hidden_mark: String,
    host: RingSender<HostEvent>,
    waiting: VecDeque<HostEvent>,
    rows: u64,
    bytes: u64,
}

impl Outputs {
    pub fn new(
        sinks: Vec<ShardSink>,
        host: RingSender<HostEvent>,
        context: &ShardContext,
        ordered: bool,
        plan: &Plan,
        hidden_mark: String,
    ) -> Result<Self> {
        let sinks = sinks.into_iter().map(|own| {
            let peer = match (own.peer, own.sink.target()) {
                (Some(socket), Target::Socket(endpoint)) => Some(Peer::new(socket, endpoint, context)?),
                _ => None,
            };
            Ok(Writing {
                node: own.node,
                writer: own.sink.writer()?,
                sink: own.sink,
                file: None,
                peer,
                buffer: vec![],
                begun: false,
                held: ordered.then(Vec::new),
                changes: plan.nodes[own.node].changelog == Changelog::Retract,
            })
        });
        let sinks = sinks.collect::<Result<_>>()?;
        let (shard, waiting) = (context.shard(), VecDeque::new());
        Ok(Outputs { sinks, shard, hidden_mark, host, waiting, rows: 0, bytes: 0 })
    }

    /// Rows that reached sink `node`.
    pub async fn write(&mut self, context: &ShardContext, node: NodeId, batch: Batch) -> Result<()> {
        let Some(index) = self.sinks.iter().position(|own| own.node == node) else {
            return Err(Error::bug(format!("rows for sink {node}, which is not open")));
        };
        if let Some(held) = &mut self.sinks[index].held {
            held.push(batch);
            return Ok(());
        }
        self.encode(context, index, &batch.rows, &batch.kinds).await
    }

    async fn encode(
        &mut self,
        context: &ShardContext,
        index: usize,
        rows: &RecordBatch,
        kinds: &RowKinds,
    ) -> Result<()> {
        let own = &mut self.sinks[index];
        let before = own.buffer.len();
        own.begun = true;
        own.writer.write(rows, kinds, &mut own.buffer)?;
        self.rows += rows.num_rows() as u64;
        self.bytes += (own.buffer.len() - before) as u64;
        self.hand_on(context, index, WRITE_BYTES).await
    }

    /// Hands encoded bytes on once there are `least` of them; printed ones at once.
    async fn hand_on(&mut self, context: &ShardContext, index: usize, least: usize) -> Result<()> {
        let own = &mut self.sinks[index];
        match own.sink.target() {
            Target::Nothing => own.buffer.clear(),
            Target::Socket(_) => {
                let Some(peer) = &mut own.peer else { return Err(Error::bug("a sink without its peer")) };
                peer.send(&mut own.buffer)?;
            }
            Target::Stdout if own.buffer.is_empty() => {}
            Target::Stdout => self.waiting.push_back(HostEvent::Stdout(std::mem::take(&mut own.buffer))),
            Target::Folder { path, suffix } => {
                if own.buffer.len() < least.max(1) {
                    return Ok(());
                }
                if own.file.is_none() {
                    let prefix = format!("part-{}-{}", self.shard, own.node);
                    own.file = Some(create(context, &path, &prefix, suffix, &self.hidden_mark).await?);
                }
                let bytes = std::mem::take(&mut own.buffer);
                if let Some(open) = &mut own.file {
                    open.file.append(bytes).await.map_err(|error| crate::job::environment(&error))?;
                }
            }
        }
        Ok(())
    }

    /// Writes what is buffered for files.
    pub async fn flush_files(&mut self, context: &ShardContext) -> Result<()> {
        for index in 0..self.sinks.len() {
            self.hand_on(context, index, 1).await?;
        }
        Ok(())
    }

    /// Sends an event to the main thread, in order.
    pub fn tell(&mut self, event: HostEvent) {
        self.waiting.push_back(event);
    }

    /// Moves waiting events into the ring to the main thread. True if any moved.
    pub fn flush_host(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.waiting.pop_front() {
            match self.host.try_send(event) {
                Ok(()) => moved = true,
                Err(event) => {
                    self.waiting.push_front(event);
                    break;
                }
            }
        }
        moved
    }

    /// True when nothing waits for the main thread any more.
    pub fn flush_host_all(&mut self) -> bool {
        self.flush_host();
        self.waiting.is_empty() || self.host.is_abandoned()
    }

    /// Sends what peers would not take before. True if they took any.
    pub fn flush_peers(&mut self) -> Result<bool> {
        let mut moved = false;
        for peer in self.sinks.iter_mut().filter_map(|own| own.peer.as_mut()) {
            moved |= peer.flush()?;
        }
        Ok(moved)
    }

    /// Sends everything and tells peers that it was everything.
    pub async fn finish_peers(&mut self, context: &ShardContext) -> Result<()> {
        for peer in self.sinks.iter_mut().filter_map(|own| own.peer.as_mut()) {
            peer.finish(context).await?;
        }
        Ok(())
    }

    /// True when the main thread or a peer is too slow: the shard must not read on.
    pub fn congested(&self) -> bool {
        self.waiting.len() > MOST_WAITING
            || self.sinks.iter().any(|own| own.peer.as_ref().is_some_and(Peer::is_congested))
    }

    /// Completes every file. `stopped`: the input has not ended, so nothing is sorted.
    pub async fn finish(&mut self, context: &ShardContext) -> Result<()> {
        for index in 0..self.sinks.len() {
            if let Some(held) = self.sinks[index].held.take()
                && let Some(rows) = ordered(&held, self.sinks[index].changes)?
            {
                self.encode(context, index, &rows, &RowKinds::Insert).await?;
            }
            let own = &mut self.sinks[index];
            if own.begun {
                let before = own.buffer.len();
                own.writer.finish(&mut own.buffer)?;
                self.bytes += (own.buffer.len() - before) as u64;
            }
            self.hand_on(context, index, 1).await?;
            if let Some(open) = self.sinks[index].file.take() {
                let failed = |error| crate::job::environment(&error);
                open.file.finish().await.map_err(failed)?;
                context.disk().rename(&open.hidden, &open.complete).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// An epoch ends: every file that has rows comes to its end, and stays hidden.
    pub async fn stage(&mut self, context: &ShardContext) -> Result<Vec<Unsynced>> {
        let mut staged = vec![];
        for index in 0..self.sinks.len() {
            let own = &mut self.sinks[index];
            if !matches!(own.sink.target(), Target::Folder { .. }) || !std::mem::take(&mut own.begun) {
                continue;
            }
            let before = own.buffer.len();
            own.writer.finish(&mut own.buffer)?;
            own.writer = own.sink.writer()?;
            self.bytes += (own.buffer.len() - before) as u64;
            if own.file.is_none() {
                self.hand_on(context, index, 1).await?;
            }
            let own = &mut self.sinks[index];
            let rest = std::mem::take(&mut own.buffer);
            staged.extend(own.file.take().map(|open| Unsynced { open, rest }));
        }
        Ok(staged)
    }

    /// Drops what came after the last epoch.
    pub async fn discard(&mut self, context: &ShardContext) -> Result<()> {
        for own in &mut self.sinks {
            own.buffer.clear();
            if let Some(open) = own.file.take() {
                let removed = context.disk().remove(&open.hidden).await;
                removed.map_err(|error| crate::job::environment(&error))?;
            }
        }
        Ok(())
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A new file in `folder`, hidden until it is complete.
async fn create(
    context: &ShardContext,
    folder: &std::path::Path,
    prefix: &str,
    suffix: &str,
    hidden_mark: &str,
) -> Result<OpenFile> {
    let failed = |error| crate::job::environment(&error);
    let disk = context.disk();
    disk.create_dir_all(folder).await.map_err(failed)?;
    let mut number = 0;
    let (complete, hidden) = loop {
        let name = format!("{prefix}-{number}.{suffix}");
        let hidden = folder.join(format!(".{name}{hidden_mark}"));
        let complete = folder.join(name);
        // With checkpoints a hidden file may wait for its epoch.
        if !disk.exists(&complete).await && (hidden_mark == HIDDEN_MARK || !disk.exists(&hidden).await) {
            break (complete, hidden);
        }
        number += 1;
    };
    let file = disk.create(&hidden).await.map_err(failed)?;
    Ok(OpenFile { file, hidden, complete })
}

/// The rows that are left of a changelog, in the order of all their columns.
fn ordered(held: &[Batch], changes: bool) -> Result<Option<RecordBatch>> {
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("ordering rows: {error}"));
    let Some(first) = held.first() else { return Ok(None) };
    let schema = first.rows.schema();
    let rows = concat_batches(&schema, held.iter().map(|batch| &batch.rows)).map_err(bug)?;
    let columns = rows.columns().iter().map(|column| SortColumn { values: column.clone(), options: None });
    let order = lexsort_to_indices(&columns.collect::<Vec<_>>(), None).map_err(bug)?;
    let order = if changes { folded(&rows, held, &order)? } else { order };
    let columns = rows.columns().iter().map(|column| take(column, &order, None).map_err(bug));
    RecordBatch::try_new(schema, columns.collect::<Result<_>>()?).map(Some).map_err(bug)
}

/// The positions of the rows that are left when equal rows are added up by weight.
fn folded(rows: &RecordBatch, held: &[Batch], order: &UInt32Array) -> Result<UInt32Array> {
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("folding rows: {error}"));
    let weights: Vec<i64> =
        held.iter().flat_map(|batch| (0..batch.len()).map(|row| batch.kinds.get(row).weight())).collect();
    let fields =
        rows.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let encoded =
        RowConverter::new(fields).and_then(|own| own.convert_columns(rows.columns())).map_err(bug)?;
    let mut kept = vec![];
    let mut position = 0;
    while position < order.len() {
        let start = order.value(position);
        let mut weight = 0;
        while position < order.len()
            && encoded.row(order.value(position) as usize) == encoded.row(start as usize)
        {
            weight += weights[order.value(position) as usize];
            position += 1;
        }
        kept.extend(std::iter::repeat_n(start, weight.max(0) as usize));
    }
    Ok(UInt32Array::from(kept))
}
