//! A shard's splits: opened, read in the order of their event time, their bytes fetched.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use millrace_connect::connector::{Position, Source, Split, SplitReader, Step};
use millrace_connect::format::Decoded;
use millrace_flow::pipeline::{Pipeline, ShardId};
use millrace_flow::{Batch, Origin, RowWatermarks, SplitId, SplitStatus};
use millrace_plan::{Error, Limits, NodeId, Operator, Plan, Result, WATERMARK_MIN, duration_ms};
use millrace_runtime::ShardContext;

use super::feed::{Fed, Feed, Stdin};
use super::listen::Listeners;
use super::monitor::Monitors;
use super::stages::{Stage, Stages};
use super::{ShardSource, in_split};
use crate::checkpoint::{ShardCheckpoint, SplitState};
use crate::report::HostEvent;

struct Reading {
    id: SplitId,
    node: NodeId,
    split: Split,
    reader: Box<dyn SplitReader>,
    feed: Feed,
    /// The reader wants bytes, and none have come.
    starved: bool,
    /// Asks for its next rows not before this time.
    wait_until_ms: u64,
    fail_on_bad: bool,
    silence: Silence,
}

/// How long a split has given nothing, and after how long it no longer holds time back.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since_ms: u64,
    timeout_ms: Option<u64>,
    declared: bool,
}

/// What opens the splits of one source.
#[derive(Clone)]
pub struct SplitOpener {
    /// The plan's source node.
    pub node: NodeId,
    /// The source.
    pub source: Arc<dyn Source>,
    /// The columns that are read.
    pub projection: Vec<usize>,
    /// A bad row ends the run.
    pub fail_on_bad: bool,
}

/// A split that has not been opened.
pub struct Waiting {
    /// Its number.
    pub id: SplitId,
    /// Where it is.
    pub split: Split,
    /// What opens it.
    pub opener: SplitOpener,
}

/// Splits open at the same time on one shard: enough to read time-partitioned files in time order, few
/// enough for the descriptor limit.
const MOST_OPEN: usize = 64;

/// Numbers for splits that are found while the pipeline runs. Shards take turns, so that none is used twice.
pub struct SplitIds {
    next: SplitId,
    step: SplitId,
}

impl SplitIds {
    /// The next number.
    pub fn next(&mut self) -> SplitId {
        let id = self.next;
        self.next += self.step;
        id
    }
}

/// The splits that an earlier run had begun and not ended.
fn begun_splits(checkpoint: &ShardCheckpoint) -> BTreeMap<(NodeId, String), (SplitId, Position)> {
    let begun = checkpoint.begun.iter().filter(|own| !own.ended);
    let begun = begun.filter_map(|own| {
        let node = checkpoint.keys.iter().position(|key| key.key == own.source)?;
        Some(((node, own.name.clone()), (own.id, Position { rows: own.rows, offset: own.offset })))
    });
    begun.collect()
}

/// The splits of one shard.
pub struct Inputs {
    waiting: VecDeque<Waiting>,
    /// Sources that are read anew by every run, to their end, and before the others.
    lookups: Vec<NodeId>,
    reading: Vec<Reading>,
    monitors: Monitors,
    listeners: Listeners,
    ids: SplitIds,
    /// `scan.watermark.idle-timeout` of each source that has one.
    idle_timeouts: Vec<(NodeId, u64)>,
    /// Splits that have not ended, by source.
    left: Vec<(NodeId, usize)>,
    stdin: Option<Stdin>,
    limits: Limits,
    /// Splits that have been read to their end, and how far that was.
    ended: Vec<(NodeId, SplitId, String, Position)>,
    /// More may follow in a later run: a split that was read to its end holds time back where it is.
    keep_open: bool,
    /// Splits that an earlier run had begun, by the node of their source and their name.
    begun: BTreeMap<(NodeId, String), (SplitId, Position)>,
    next: usize,
    /// Rows of the batch that was read last.
    last_read_rows: Option<usize>,
    rows: u64,
    bytes: u64,
    bad: u64,
    /// Bad rows and warnings, for the main thread.
    news: Vec<HostEvent>,
}

impl Inputs {
    pub fn new(
        sources: Vec<ShardSource>,
        stdin: Option<Stdin>,
        plan: &Plan,
        limits: &Limits,
        context: &ShardContext,
        checkpoint: Option<&ShardCheckpoint>,
    ) -> Result<Self> {
        let begun = checkpoint.map_or_else(BTreeMap::new, begun_splits);
        let shard = ShardId { index: context.shard(), count: context.shards() };
        let mut waiting = VecDeque::new();
        let (mut left, mut idle_timeouts, mut lookups) = (vec![], vec![], vec![]);
        let (mut monitors, mut listeners) = (Monitors::new(shard), Listeners::default());
        let free_id = sources.first().map_or(0, |own| own.free_id);
        let ids = SplitIds { next: free_id + shard.index as SplitId, step: shard.count as SplitId };
        for mut own in sources {
            let Operator::Source { projection, table, lookup } = &plan.nodes[own.node].operator else {
                return Err(Error::bug("a source that is not one"));
            };
            lookups.extend(lookup.then_some(own.node));
            let timeout = table.option("scan.watermark.idle-timeout").and_then(duration_ms);
            idle_timeouts.extend(timeout.filter(|ms| *ms > 0).map(|ms| (own.node, ms)));
            let opener = SplitOpener {
                node: own.node,
                source: own.source.clone(),
                projection: projection.clone(),
                fail_on_bad: own.fail_on_bad,
            };
            monitors.add(&own, &opener);
            if let Some(listener) = own.listener.take() {
                listeners.add(listener, &opener, context)?;
            }
            left.push((own.node, own.splits.len()));
            let splits = own.splits.into_iter();
            waiting.extend(splits.map(|(id, split)| Waiting { id, split, opener: opener.clone() }));
        }
        waiting.make_contiguous().sort_by_key(|own: &Waiting| !lookups.contains(&own.opener.node));
        Ok(Inputs {
            waiting,
            lookups,
            reading: vec![],
            monitors,
            listeners,
            ids,
            idle_timeouts,
            left,
            stdin,
            limits: limits.clone(),
            ended: vec![],
            keep_open: checkpoint.is_some_and(|own| own.keep_open),
            begun,
            next: 0,
            last_read_rows: None,
            rows: 0,
            bytes: 0,
            bad: 0,
            news: vec![],
        })
    }

    /// True if everything that is there has been read, and this run will find nothing more.
    pub fn is_exhausted(&self) -> bool {
        let listens =
            self.left.iter().any(|(node, _)| self.monitors.watches(*node) || self.listeners.listens(*node));
        self.waiting.is_empty() && self.reading.is_empty() && !listens
    }

    /// Announces every split and every connection that has come so far, so that none is overtaken by the
    /// watermark, and ends sources without any.
    pub fn start(&mut self, context: &ShardContext, pipeline: &mut Pipeline) -> Result<()> {
        for own in &self.waiting {
            pipeline.source_split(own.opener.node, own.id, SplitStatus::Active)?;
        }
        self.take_connections(context.clock().monotonic_ns() / 1_000_000, pipeline)?;
        let empty = self.left.iter().filter(|(_, left)| *left == 0);
        empty.map(|(node, _)| *node).try_for_each(|node| self.without_splits(node, pipeline))
    }

    /// True if a later run may go on with this source.
    fn stays_open(&self, node: NodeId) -> bool {
        self.keep_open && !self.lookups.contains(&node)
    }

    /// No split of a source is left: it ends, unless it may open more.
    fn without_splits(&self, node: NodeId, pipeline: &mut Pipeline) -> Result<()> {
        match self.stays_open(node) || self.monitors.watches(node) || self.listeners.listens(node) {
            true => pipeline.source_idle(node),
            false => pipeline.source_end(node),
        }
    }

    /// Reads one batch of the split that is furthest behind. False = no split had anything.
    pub async fn step(
        &mut self,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        stages: &mut Stages,
    ) -> Result<bool> {
        let now_ms = context.clock().monotonic_ns() / 1_000_000;
        for found in self.monitors.look(now_ms, &mut self.ids)? {
            self.announce(&found, pipeline)?;
            self.waiting.push_back(found);
        }
        self.open(context).await?;
        self.take_connections(now_ms, pipeline)?;
        self.declare_silent(now_ms, pipeline)?;
        for _ in 0..self.reading.len() {
            let Some(index) = self.choose(pipeline, now_ms) else { return Ok(false) };
            if self.read(index, context, pipeline, stages).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take_connections(&mut self, now_ms: u64, pipeline: &mut Pipeline) -> Result<()> {
        for accepted in self.listeners.accept(now_ms, &mut self.ids) {
            match accepted {
                Ok((found, connection)) => {
                    self.announce(&found, pipeline)?;
                    self.begin(found, Feed::Connection(connection), now_ms)?;
                }
                Err(warning) => self.news.push(HostEvent::Warning(warning)),
            }
        }
        Ok(())
    }

    /// Splits that gave nothing for their timeout no longer hold time back, until their next row.
    fn declare_silent(&mut self, now_ms: u64, pipeline: &mut Pipeline) -> Result<()> {
        for own in self.reading.iter_mut().filter(|own| !own.silence.declared) {
            let Some(timeout_ms) = own.silence.timeout_ms else { continue };
            if now_ms >= own.silence.since_ms + timeout_ms {
                own.silence.declared = true;
                pipeline.source_split(own.node, own.id, SplitStatus::Idle)?;
            }
        }
        Ok(())
    }

    /// A split that was found while the pipeline runs.
    fn announce(&mut self, found: &Waiting, pipeline: &mut Pipeline) -> Result<()> {
        self.left.iter_mut().filter(|(node, _)| *node == found.opener.node).for_each(|(_, left)| *left += 1);
        pipeline.source_split(found.opener.node, found.id, SplitStatus::Active)
    }

    async fn open(&mut self, context: &ShardContext) -> Result<()> {
        while self.reading.len() < MOST_OPEN {
            let Some(own) = self.waiting.pop_front() else { break };
            let feed = Feed::open(&own.split, &mut self.stdin, context).await?;
            self.begin(own, feed, context.clock().monotonic_ns() / 1_000_000)?;
        }
        Ok(())
    }

    fn begin(&mut self, own: Waiting, feed: Feed, now_ms: u64) -> Result<()> {
        let SplitOpener { node, source, projection, fail_on_bad } = own.opener;
        let reader = source.open(&own.split, &projection, &self.limits);
        let mut reader = reader.map_err(|error| in_split(error, &own.split))?;
        if let Some((_, position)) = self.begun.remove(&(node, own.split.name.clone())) {
            reader.seek(position).map_err(|error| in_split(error, &own.split))?;
        }
        let timeout = self.idle_timeouts.iter().find(|(own, _)| *own == node);
        self.reading.push(Reading {
            id: own.id,
            node,
            split: own.split,
            reader,
            feed,
            starved: false,
            wait_until_ms: 0,
            fail_on_bad,
            silence: Silence { since_ms: now_ms, timeout_ms: timeout.map(|(_, ms)| *ms), declared: false },
        });
        Ok(())
    }

    /// A split of a table for lookups, or that with the lowest watermark among those that may have rows; in turn where that says
    /// nothing. Reading what lags keeps the state small.
    fn choose(&mut self, pipeline: &Pipeline, now_ms: u64) -> Option<usize> {
        let count = self.reading.len();
        self.next = (self.next + 1) % count.max(1);
        let candidates = (0..count).map(|offset| (self.next + offset) % count);
        let ready = candidates.filter(|index| {
            let own = &self.reading[*index];
            own.wait_until_ms <= now_ms && (!own.starved || own.feed.may_have_more())
        });
        ready.min_by_key(|index| {
            let own = &self.reading[*index];
            (!self.lookups.contains(&own.node), pipeline.split_watermark(own.node, own.id))
        })
    }

    async fn read(
        &mut self,
        index: usize,
        context: &ShardContext,
        pipeline: &mut Pipeline,
        stages: &mut Stages,
    ) -> Result<bool> {
        let clock = context.clock();
        loop {
            let began_ns = clock.monotonic_ns();
            let now_ms = began_ns / 1_000_000;
            let own = &mut self.reading[index];
            let step = own.reader.step(self.limits.batch_rows, now_ms);
            match step.map_err(|error| in_split(error, &own.split))? {
                Step::Rows(decoded) => {
                    own.silence = Silence { since_ms: now_ms, declared: false, ..own.silence };
                    let decoded_ns = clock.monotonic_ns();
                    stages.record(Stage::Decode, decoded_ns - began_ns);
                    let rows = decoded.rows.as_ref().map_or(0, |own| own.num_rows()) + decoded.bad.len();
                    self.accept(index, decoded, clock.wall_ms(), pipeline)?;
                    self.last_read_rows = Some(rows);
                    stages.record(Stage::Operators, clock.monotonic_ns() - decoded_ns);
                    return Ok(true);
                }
                Step::NeedBytes { offset, len } => {
                    if !self.fetch(index, offset, len).await? {
                        let own = &mut self.reading[index];
                        own.starved = true;
                        own.wait_until_ms = if own.feed.wakes() { 0 } else { now_ms + 1 };
                        return Ok(false);
                    }
                }
                Step::Wait { until_ms } => {
                    own.wait_until_ms = until_ms.max(now_ms + 1);
                    return Ok(false);
                }
                Step::End => {
                    self.end(index, pipeline)?;
                    return Ok(true);
                }
            }
        }
    }

    /// Supplies a reader with bytes; false = none have come yet.
    async fn fetch(&mut self, index: usize, offset: u64, len: Option<usize>) -> Result<bool> {
        let own = &mut self.reading[index];
        let bytes = match own.feed.fetch(offset, len).await? {
            Fed::Bytes(bytes) => bytes,
            Fed::Later => return Ok(false),
            Fed::Lost(error) => {
                // What came before counts; a row that is cut off is a bad row.
                self.news.push(HostEvent::Warning(format!("{}: {error}", own.split.name)));
                own.feed = Feed::Nothing;
                vec![]
            }
        };
        own.starved = false;
        own.reader.supply(bytes).map_err(|error| in_split(error, &own.split))?;
        Ok(true)
    }

    fn accept(
        &mut self,
        index: usize,
        decoded: Decoded,
        ingest_ms: i64,
        pipeline: &mut Pipeline,
    ) -> Result<()> {
        let own = &self.reading[index];
        self.bytes += decoded.bytes;
        self.bad += decoded.bad.len() as u64;
        self.rows += decoded.bad.len() as u64;
        pipeline.source_bad(own.node, decoded.bad.len() as u64)?;
        if let Some(first) = decoded.bad.first().filter(|_| own.fail_on_bad) {
            return Err(Error::data(format!("{} row {}: {}", own.split.name, first.row, first.reason))
                .hint("mend the row, or remove 'on-error' = 'fail' to send bad rows to the dead letters"));
        }
        let name = own.split.name.clone();
        self.news.extend(decoded.bad.into_iter().map(|bad| HostEvent::bad_in_source(own.node, &name, bad)));
        if let Some(rows) = decoded.rows {
            self.rows += rows.num_rows() as u64;
            let origin = Origin { split: own.id, first_row: decoded.first_row };
            let watermarks = RowWatermarks::Constant(WATERMARK_MIN);
            pipeline.source_batch(
                own.node,
                Batch { rows, kinds: decoded.kinds, origin, watermarks, ingest_ms },
            )?;
        }
        Ok(())
    }

    fn end(&mut self, index: usize, pipeline: &mut Pipeline) -> Result<()> {
        let own = self.reading.swap_remove(index);
        self.ended.push((own.node, own.id, own.split.name.clone(), own.reader.position()));
        if self.stays_open(own.node) {
            return Ok(());
        }
        pipeline.source_split(own.node, own.id, SplitStatus::Ended)?;
        let Some((_, left)) = self.left.iter_mut().find(|(node, _)| *node == own.node) else {
            return Err(Error::bug("a split of no source ends"));
        };
        *left -= 1;
        match *left {
            0 => self.without_splits(own.node, pipeline),
            _ => Ok(()),
        }
    }

    /// How far each split of this shard has been read.
    pub fn positions(&self, checkpoint: &ShardCheckpoint) -> Vec<SplitState> {
        let state = |node: NodeId, id: SplitId, name: &str, position: Position, at_end: bool| SplitState {
            source: checkpoint.keys[node].key.clone(),
            name: name.to_string(),
            id,
            rows: position.rows,
            offset: position.offset,
            ended: at_end && !self.keep_open,
            caught_up: at_end,
        };
        let ended =
            self.ended.iter().map(|(node, id, name, position)| state(*node, *id, name, *position, true));
        let reading = self.reading.iter();
        let reading =
            reading.map(|own| state(own.node, own.id, &own.split.name, own.reader.position(), false));
        let waiting = self.waiting.iter().map(|own| {
            let begun = self.begun.get(&(own.opener.node, own.split.name.clone()));
            let position = begun.map_or(Position::default(), |(_, position)| *position);
            state(own.opener.node, own.id, &own.split.name, position, false)
        });
        let resumes =
            |own: &SplitState| !self.lookups.iter().any(|node| checkpoint.keys[*node].key == own.source);
        ended.chain(reading).chain(waiting).filter(resumes).collect()
    }

    /// When the next waiting reader wants to be asked.
    pub fn wake_ms(&self) -> Option<u64> {
        let waits = self.reading.iter().map(|own| own.wait_until_ms).filter(|until| *until > 0);
        let silences = self.reading.iter().map(|own| own.silence).filter(|own| !own.declared);
        let silences = silences.filter_map(|own| Some(own.since_ms + own.timeout_ms?));
        waits.chain(self.monitors.wake_ms()).chain(self.listeners.wake_ms()).chain(silences).min()
    }

    /// Rows of the batch that was read last.
    pub fn last_read_rows(&self) -> Option<usize> {
        self.last_read_rows
    }

    /// Rows read so far, bad ones too.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes decoded so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows that could not be decoded.
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// The rows that could not be decoded, and the warnings, since the last call.
    pub fn take_news(&mut self) -> Vec<HostEvent> {
        std::mem::take(&mut self.news)
    }
}
