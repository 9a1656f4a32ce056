//! One shard of the simulation: the real pipeline, and its part in an epoch, one write a step.

use std::collections::VecDeque;

use millrace_flow::checkpoint::{Barrier, EpochEvent, ShardSnapshot, Since};
use millrace_flow::pipeline::{Body, Message, Pipeline, ShardId};
use millrace_flow::{Batch, RowKinds, SplitStatus};
use millrace_plan::Limits;

use crate::bug::Bug;
use crate::choices::Choices;
use crate::disk::Disk;
use crate::input::{Query, Row, batch};
use crate::world::{Content, Part, Point, SplitAt};

/// From the main thread.
#[derive(Debug, Clone, Copy)]
pub enum Command {
    Barrier { barrier: Barrier, last: bool },
    Commit(u64),
}

/// One write, or what is said of all of them.
enum Write {
    SyncOutput(String),
    Snapshot(String, ShardSnapshot),
    SyncSnapshot(String),
    Tell(EpochEvent),
    Publish(String),
    SyncNames,
}

pub struct Shard {
    pub index: usize,
    pub pipeline: Pipeline,
    /// Splits that are being read.
    pub reading: Vec<SplitAt>,
    /// Splits that have ended.
    ended: Vec<SplitAt>,
    told_end: bool,
    asked: Option<(u64, Vec<SplitAt>)>,
    writes: VecDeque<Write>,
    /// Output since the last barrier.
    output: Vec<Batch>,
    staged: Vec<String>,
    /// What the epoch under way consists of, here.
    pub last_part: Option<Part>,
    pub commands: VecDeque<Command>,
    reads: bool,
    pub told_finished: bool,
    bug: Option<Bug>,
}

impl Shard {
    pub fn new(query: &Query, index: usize, count: usize, splits: Vec<SplitAt>, bug: Option<Bug>) -> Shard {
        Shard {
            index,
            pipeline: Pipeline::new(&query.plan, ShardId { index, count }, &Limits::default()).unwrap(),
            reading: splits,
            ended: vec![],
            told_end: false,
            asked: None,
            writes: VecDeque::new(),
            output: vec![],
            staged: vec![],
            last_part: None,
            commands: VecDeque::new(),
            reads: true,
            told_finished: false,
            bug,
        }
    }

    /// Announces the splits.
    pub fn start(&mut self, query: &Query) {
        for own in &self.reading {
            self.pipeline.source_split(query.source, own.split as _, SplitStatus::Active).unwrap();
        }
    }

    pub fn is_finished(&self) -> bool {
        self.pipeline.finished()
    }

    /// Reads some rows of some split, or its end.
    pub fn read(&mut self, query: &Query, input: &[Vec<Row>], choices: &mut Choices) {
        const MOST_ROWS: usize = 4;
        if !self.reads {
            return;
        }
        if self.reading.is_empty() {
            if !std::mem::replace(&mut self.told_end, true) {
                self.pipeline.source_end(query.source).unwrap();
            }
            return;
        }
        let which = choices.below(self.reading.len());
        let own = &mut self.reading[which];
        let rows = &input[own.split][own.rows..];
        let rows = &rows[..rows.len().min(1 + choices.below(MOST_ROWS))];
        if rows.is_empty() {
            let own = self.reading.swap_remove(which);
            self.pipeline.source_split(query.source, own.split as _, SplitStatus::Ended).unwrap();
            self.ended.push(SplitAt { ended: true, ..own });
            return;
        }
        let batch = batch(query, own.split, own.rows, rows);
        own.rows += rows.len();
        self.pipeline.source_batch(query.source, batch).unwrap();
    }

    /// Takes what the pipeline has to send and to write.
    pub fn collect(&mut self) -> Vec<(usize, Message)> {
        for (_, batch) in self.pipeline.take_rows() {
            self.output.push(match self.bug {
                Some(Bug::RetractSkipped) => without_retractions(&batch),
                _ => batch,
            });
        }
        self.pipeline.take_messages()
    }

    /// True if the shard has protocol work.
    pub fn has_work(&self) -> bool {
        !self.writes.is_empty() || !self.commands.is_empty() || self.asked.is_some()
    }

    /// The next step of the protocol.
    pub fn protocol(
        &mut self,
        disk: &mut Disk<Content>,
        choices: &mut Choices,
        events: &mut VecDeque<EpochEvent>,
    ) -> Point {
        if let Some(write) = self.writes.pop_front() {
            return self.write(write, disk, choices, events);
        }
        if let Some(point) = self.cut(disk) {
            return point;
        }
        match self.commands.pop_front() {
            None => Point::Data,
            Some(Command::Barrier { mut barrier, last }) => {
                self.reads &= !last;
                let splits = self.ended.iter().chain(&self.reading).cloned().collect();
                self.asked = Some((barrier.epoch, splits));
                if self.bug == Some(Bug::LostChanges) && barrier.since == Since::LastDurable {
                    barrier.since = Since::Last;
                }
                self.pipeline.barrier(barrier).unwrap();
                Point::BarrierAsked
            }
            Some(Command::Commit(epoch)) => {
                let staged = std::mem::take(&mut self.staged);
                self.writes.extend(staged.into_iter().map(Write::Publish));
                self.writes.push_back(Write::SyncNames);
                self.writes.push_back(Write::Tell(EpochEvent::Committed { shard: self.index, epoch }));
                Point::CommitAsked
            }
        }
    }

    /// If the barrier has passed: the output so far and what is held are to be written.
    fn cut(&mut self, disk: &mut Disk<Content>) -> Option<Point> {
        self.asked.as_ref()?;
        let snapshot = self.pipeline.take_snapshot()?;
        let (epoch, mut splits) = self.asked.take()?;
        if self.bug == Some(Bug::StaleOffset) {
            splits = self.ended.iter().chain(&self.reading).cloned().collect();
        }
        let output = std::mem::take(&mut self.output);
        if !output.is_empty() {
            let name = format!("hidden-{epoch:04}-{}", self.index);
            disk.create(&name, Content::Output(output));
            self.writes.push_back(Write::SyncOutput(name.clone()));
            self.staged.push(name);
        }
        self.writes.push_back(Write::SyncNames);
        if self.bug == Some(Bug::EarlyCommit) {
            self.writes.extend(std::mem::take(&mut self.staged).into_iter().map(Write::Publish));
        }
        let part = part_name(epoch, self.index);
        self.writes.push_back(Write::Snapshot(part.clone(), snapshot));
        if self.bug != Some(Bug::SnapshotUnsynced) {
            self.writes.push_back(Write::SyncSnapshot(part.clone()));
        }
        let written = Part { shard: self.index, splits, staged: self.staged.clone() };
        self.writes.push_back(Write::Tell(EpochEvent::Written { shard: self.index, epoch, bytes: 0 }));
        self.last_part = Some(written);
        Some(Point::Aligned)
    }

    fn write(
        &mut self,
        write: Write,
        disk: &mut Disk<Content>,
        choices: &mut Choices,
        events: &mut VecDeque<EpochEvent>,
    ) -> Point {
        match write {
            Write::SyncOutput(name) => {
                disk.sync(&name);
                Point::OutputSynced
            }
            Write::SyncNames => {
                disk.sync_names();
                Point::OutputSynced
            }
            Write::Snapshot(name, mut snapshot) => {
                if self.bug != Some(Bug::LostRest) && self.pipeline.add_rest(&mut snapshot).unwrap() {
                    self.writes.push_front(Write::Snapshot(name, snapshot));
                    return Point::SnapshotHalf;
                }
                let epoch = snapshot.epoch;
                if disk.try_create(&name, Content::Part(snapshot), choices).is_err() {
                    // Nothing of this epoch is told but that it failed.
                    self.writes.clear();
                    let reason = "no space".to_string();
                    self.writes.push_back(Write::Tell(EpochEvent::Failed {
                        shard: self.index,
                        epoch,
                        reason,
                    }));
                }
                Point::SnapshotWritten
            }
            Write::SyncSnapshot(name) => {
                disk.sync(&name);
                Point::SnapshotSynced
            }
            Write::Tell(event) => {
                let committed = matches!(event, EpochEvent::Committed { .. });
                events.push_back(event);
                if committed { Point::Committed } else { Point::PartTold }
            }
            Write::Publish(name) => {
                disk.rename(&name, &name.replace("hidden", "seen"));
                Point::SomeCommitted
            }
        }
    }
}

/// The file of a shard's snapshot.
pub fn part_name(epoch: u64, shard: usize) -> String {
    format!("part-{epoch:04}-{shard}")
}

/// True for the message that a barrier travels in.
pub fn is_barrier(message: &Message) -> bool {
    matches!(message.body, Body::Barrier { .. })
}

fn without_retractions(batch: &Batch) -> Batch {
    let keep = (0..batch.len()).map(|row| Some(batch.kinds.get(row).weight() > 0)).collect();
    let kept = batch.filter(&keep).unwrap();
    match kept.is_empty() {
        true => Batch { kinds: RowKinds::Insert, ..kept },
        false => kept,
    }
}
