//! The whole of it: shards, rings, a disk, the main thread; one thing happens at a time, and chance says which.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::util::display::array_value_to_string;
use millrace_flow::Batch;
use millrace_flow::checkpoint::{
    Coordinator, Durable, EpochAction, EpochEvent, Keep, ShardSnapshot, Since, merged,
};
use millrace_flow::pipeline::Message;
use millrace_plan::WATERMARK_MIN;

use crate::bug::Bug;
use crate::choices::Choices;
use crate::disk::Disk;
use crate::input::{Query, Row, splits};
use crate::shard::{Command, Shard, is_barrier, part_name};

/// What a file holds.
pub enum Content {
    Part(ShardSnapshot),
    Manifest(Manifest),
    Output(Vec<Batch>),
}

/// How far a split has been read.
#[derive(Debug, Clone)]
pub struct SplitAt {
    pub split: usize,
    pub rows: usize,
    pub ended: bool,
}

/// What one shard has made durable.
#[derive(Debug, Clone)]
pub struct Part {
    pub shard: usize,
    pub splits: Vec<SplitAt>,
    pub staged: Vec<String>,
}

/// What makes an epoch.
#[derive(Debug, Clone)]
pub struct Manifest {
    pub epoch: u64,
    pub finished: bool,
    pub ended_before: Vec<SplitAt>,
    /// The epochs that it builds on, oldest first.
    pub follows: Vec<u64>,
    pub parts: Vec<Part>,
}

impl Manifest {
    /// The files of one shard, oldest first.
    fn chain(&self, part: &Part) -> impl Iterator<Item = String> {
        let epochs = self.follows.iter().copied().chain([self.epoch]);
        epochs.map(|epoch| part_name(epoch, part.shard)).collect::<Vec<_>>().into_iter()
    }
}

/// Where a crash may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    Data,
    BarrierAsked,
    BarrierInSomeRings,
    Aligned,
    OutputSynced,
    SnapshotHalf,
    SnapshotWritten,
    SnapshotSynced,
    PartTold,
    NoManifest,
    ManifestAside,
    ManifestRenamed,
    ManifestDurable,
    CommitAsked,
    SomeCommitted,
    Committed,
    HalfRemoved,
    Removed,
    RecoveryRead,
    RecoveryPublished,
    RecoveryTidied,
}

/// The points that a crash must have hit.
pub const POINTS: &[Point] = &[
    Point::Data,
    Point::BarrierAsked,
    Point::BarrierInSomeRings,
    Point::Aligned,
    Point::OutputSynced,
    Point::SnapshotHalf,
    Point::SnapshotWritten,
    Point::SnapshotSynced,
    Point::PartTold,
    Point::NoManifest,
    Point::ManifestAside,
    Point::ManifestRenamed,
    Point::ManifestDurable,
    Point::CommitAsked,
    Point::SomeCommitted,
    Point::Committed,
    Point::HalfRemoved,
    Point::Removed,
    Point::RecoveryRead,
    Point::RecoveryPublished,
    Point::RecoveryTidied,
];

/// The main thread's next write.
enum HostWrite {
    SyncNames,
    Aside(u64),
    SyncAside,
    Rename(u64),
    Durable(u64),
    RemoveManifest(u64),
    RemoveParts(u64),
}

/// One life of the process.
struct Life {
    shards: Vec<Shard>,
    /// In flight, `channels[from][to]`.
    channels: Vec<Vec<VecDeque<Message>>>,
    coordinator: Coordinator,
    events: VecDeque<EpochEvent>,
    writes: VecDeque<HostWrite>,
    ended_before: Vec<SplitAt>,
    /// Epochs that the next may build on, and what the one under way follows.
    chain: Vec<u64>,
    since: Since,
    ending: bool,
    behind_the_end: bool,
    last: Option<u64>,
    over: bool,
}

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub crashes: Vec<Point>,
    pub trace: u64,
}

pub struct World<'a> {
    query: &'a Query,
    input: Vec<Vec<Row>>,
    disk: Disk<Content>,
    choices: Choices,
    bug: Option<Bug>,
    crashes: Vec<Point>,
    crashes_left: usize,
    /// How much rarer crashes are than at most: chains of epochs must have time to grow.
    calm: usize,
    trace: DefaultHasher,
    steps: usize,
}

/// More steps mean that nothing gets on.
const MOST_STEPS: usize = 400_000;

/// Runs one seed: `Err` says what was wrong with what came out.
pub fn run(queries: &[Query], seed: u64, bug: Option<Bug>) -> Result<Outcome, String> {
    let mut choices = Choices::new(seed);
    let query = &queries[choices.below(queries.len())];
    let input = splits(&mut choices);
    let expected = straight(query, &input)?;
    let crashes_left = 5 + choices.below(5);
    let mut world = World {
        query,
        input,
        disk: Disk::new(),
        choices,
        bug,
        crashes: vec![],
        crashes_left,
        calm: if seed.is_multiple_of(2) { 1 } else { 3 },
        trace: DefaultHasher::new(),
        steps: 0,
    };
    world.live()?;
    let found = left(world.disk.names("seen-").iter().filter_map(|name| match world.disk.read(name) {
        Some(Content::Output(batches)) => Some(batches.as_slice()),
        _ => None,
    }));
    if found != expected {
        let apart = |one: &BTreeMap<String, i64>, other: &BTreeMap<String, i64>| -> Vec<String> {
            let differs = one.iter().filter(|(row, count)| other.get(*row) != Some(count));
            differs.map(|(row, count)| format!("{count} x {row}")).take(5).collect()
        };
        let (more, less) = (apart(&found, &expected), apart(&expected, &found));
        return Err(format!("{}: found {more:?}, expected {less:?}, after {:?}", query.sql, world.crashes));
    }
    Ok(Outcome { crashes: world.crashes, trace: world.trace.finish() })
}

/// The answer of one shard that is never stopped.
fn straight(query: &Query, input: &[Vec<Row>]) -> Result<BTreeMap<String, i64>, String> {
    let splits = (0..input.len()).map(|split| SplitAt { split, rows: 0, ended: false }).collect();
    let mut shard = Shard::new(query, 0, 1, splits, None);
    shard.start(query);
    let (mut choices, mut output) = (Choices::new(0), vec![]);
    while !shard.is_finished() {
        shard.read(query, input, &mut choices);
        output.extend(shard.pipeline.take_rows().into_iter().map(|(_, batch)| batch));
    }
    Ok(left(std::iter::once(output.as_slice())))
}

/// What is left of all changes: rows and how often.
fn left<'a>(batches: impl Iterator<Item = &'a [Batch]>) -> BTreeMap<String, i64> {
    let mut rows: BTreeMap<String, i64> = BTreeMap::new();
    for batch in batches.flatten() {
        for row in 0..batch.len() {
            let values: Vec<String> =
                batch.rows.columns().iter().map(|own| array_value_to_string(own, row).unwrap()).collect();
            *rows.entry(values.join(" | ")).or_default() += batch.kinds.get(row).weight();
        }
    }
    rows.retain(|_, count| *count != 0);
    rows
}

impl World<'_> {
    /// Lives, crashes and recovers until the end is durable.
    fn live(&mut self) -> Result<(), String> {
        loop {
            let life = match self.recover()? {
                Recovered::Crashed => continue,
                Recovered::Finished => return Ok(()),
                Recovered::Life(life) => life,
            };
            if self.one_life(*life)? {
                return Ok(());
            }
        }
    }

    /// True if the run has come to its end, false if it crashed.
    fn one_life(&mut self, mut life: Life) -> Result<bool, String> {
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err("the shards wait for each other".into());
            }
            let point = self.step(&mut life)?;
            if life.over {
                return Ok(true);
            }
            if self.crashes_at(point) {
                return Ok(false);
            }
        }
    }

    fn crashes_at(&mut self, point: Point) -> bool {
        (point, self.steps).hash(&mut self.trace);
        // The rarer a point, the likelier a crash at it.
        let one_in = match point {
            Point::Data => 3_000,
            Point::RecoveryRead | Point::RecoveryTidied => 12,
            Point::BarrierAsked | Point::BarrierInSomeRings | Point::Aligned | Point::OutputSynced => 40,
            Point::SnapshotWritten | Point::SnapshotSynced | Point::PartTold => 30,
            Point::HalfRemoved | Point::Removed | Point::RecoveryPublished => 2,
            _ => 8,
        };
        if self.crashes_left == 0 || self.choices.below(one_in * self.calm) != 0 {
            return false;
        }
        self.crashes_left -= 1;
        self.crashes.push(point);
        self.disk.crash(&mut self.choices);
        true
    }

    fn step(&mut self, life: &mut Life) -> Result<Point, String> {
        let index = self.choices.below(life.shards.len());
        let what = self.choices.below(12);
        let lost_wake = self.bug == Some(Bug::LostWake) && index == 1;
        let point = match what {
            0 => {
                life.shards[index].pipeline.tick().map_err(|error| error.to_string())?;
                Point::Data
            }
            1..5 => self.receive(life, index)?,
            5..7 => {
                life.shards[index].read(self.query, &self.input, &mut self.choices);
                Point::Data
            }
            7..9 if life.shards[index].has_work() && !lost_wake => {
                let (disk, choices) = (&mut self.disk, &mut self.choices);
                life.shards[index].protocol(disk, choices, &mut life.events)
            }
            9 if self.choices.below(2) == 0 && !life.ending => {
                self.handle(life, EpochEvent::Asked)?;
                Point::Data
            }
            _ => self.host(life)?,
        };
        for (to, message) in life.shards[index].collect() {
            let channel = &mut life.channels[index][to];
            match self.bug == Some(Bug::NoAlignment) && is_barrier(&message) {
                true => channel.push_front(message),
                false => channel.push_back(message),
            }
        }
        let shard = &mut life.shards[index];
        shard.told_finished |= shard.is_finished();
        Ok(point)
    }

    fn receive(&mut self, life: &mut Life, index: usize) -> Result<Point, String> {
        let from = self.choices.below(life.shards.len());
        let Some(message) = life.channels[from][index].pop_front() else { return Ok(Point::Data) };
        let barrier = is_barrier(&message);
        life.shards[index].pipeline.receive(from, message).map_err(|error| error.to_string())?;
        Ok(if barrier { Point::BarrierInSomeRings } else { Point::Data })
    }

    /// The main thread does the next thing.
    fn host(&mut self, life: &mut Life) -> Result<Point, String> {
        if let Some(write) = life.writes.pop_front() {
            return self.host_write(life, write);
        }
        if let Some(event) = life.events.pop_front() {
            self.handle(life, event)?;
        } else if !life.ending && life.shards.iter().all(|own| own.told_finished) {
            life.ending = true;
            self.handle(life, EpochEvent::Asked)?;
        }
        life.over = life.last.is_some() && life.coordinator.is_idle() && life.writes.is_empty();
        Ok(Point::Data)
    }

    fn handle(&mut self, life: &mut Life, event: EpochEvent) -> Result<(), String> {
        for action in life.coordinator.handle(event) {
            match action {
                EpochAction::Barrier(barrier) => {
                    let epoch = barrier.epoch;
                    life.since = barrier.since;
                    life.last = life.ending.then_some(epoch);
                    life.behind_the_end = life.shards.iter().all(|own| own.told_finished);
                    let command = Command::Barrier { barrier, last: life.ending };
                    life.shards.iter_mut().for_each(|own| own.commands.push_back(command));
                    if self.bug == Some(Bug::EarlyRemove) && epoch > 1 {
                        life.writes.push_back(HostWrite::RemoveManifest(epoch - 1));
                    }
                    if self.bug == Some(Bug::ManifestReorder) {
                        life.writes.extend([
                            HostWrite::Aside(epoch),
                            HostWrite::SyncAside,
                            HostWrite::Rename(epoch),
                        ]);
                    }
                }
                EpochAction::WriteManifest(epoch) => life.writes.extend([
                    HostWrite::SyncNames,
                    HostWrite::Aside(epoch),
                    HostWrite::SyncAside,
                    HostWrite::Rename(epoch),
                    HostWrite::Durable(epoch),
                ]),
                EpochAction::Commit(epoch) => {
                    life.shards.iter_mut().for_each(|own| own.commands.push_back(Command::Commit(epoch)));
                }
                EpochAction::Forget(epoch) => life.writes.push_back(HostWrite::RemoveManifest(epoch)),
                EpochAction::Remove(epochs) => {
                    life.writes.extend(epochs.into_iter().map(HostWrite::RemoveParts))
                }
                EpochAction::Abandon(epoch, _) => {
                    life.writes.push_back(HostWrite::RemoveParts(epoch));
                    if life.last == Some(epoch) {
                        // The last epoch is asked for again: nothing else would end the run.
                        (life.ending, life.last) = (false, None);
                    }
                }
            }
        }
        Ok(())
    }

    fn host_write(&mut self, life: &mut Life, write: HostWrite) -> Result<Point, String> {
        match write {
            HostWrite::SyncNames => {
                self.disk.sync_names();
                Ok(Point::NoManifest)
            }
            HostWrite::Aside(epoch) => {
                let parts = life.shards.iter().filter_map(|own| own.last_part.clone()).collect();
                let (finished, ended_before) = (life.behind_the_end, life.ended_before.clone());
                let follows = if life.since == Since::Start { vec![] } else { life.chain.clone() };
                let manifest = Manifest { epoch, finished, ended_before, follows, parts };
                let written = self.disk.try_create("aside", Content::Manifest(manifest), &mut self.choices);
                if written.is_err() {
                    life.writes.clear();
                    let outcome = Err("no space".to_string());
                    self.handle(life, EpochEvent::Manifest { epoch, outcome })?;
                }
                Ok(Point::ManifestAside)
            }
            HostWrite::SyncAside => {
                self.disk.sync("aside");
                Ok(Point::ManifestAside)
            }
            HostWrite::Rename(epoch) => {
                self.disk.rename("aside", &manifest_name(epoch));
                Ok(Point::ManifestRenamed)
            }
            HostWrite::Durable(epoch) => {
                self.disk.sync_names();
                if life.since == Since::Start {
                    life.chain.clear();
                }
                life.chain.push(epoch);
                self.handle(life, EpochEvent::Manifest { epoch, outcome: Ok(()) })?;
                Ok(Point::ManifestDurable)
            }
            HostWrite::RemoveManifest(epoch) => {
                self.disk.remove(&manifest_name(epoch));
                Ok(Point::HalfRemoved)
            }
            HostWrite::RemoveParts(epoch) => {
                let parts = self.disk.names(&format!("part-{epoch:04}-"));
                parts.iter().for_each(|name| self.disk.remove(name));
                Ok(Point::Removed)
            }
        }
    }
}

fn manifest_name(epoch: u64) -> String {
    format!("manifest-{epoch:04}")
}

/// How far recovery came.
enum Recovered {
    Crashed,
    Finished,
    Life(Box<Life>),
}

impl World<'_> {
    /// The newest epoch that is whole.
    fn newest(&self) -> Option<Manifest> {
        let whole = |name: &String| match self.disk.read(name) {
            Some(Content::Manifest(own)) => {
                let all = own
                    .parts
                    .iter()
                    .flat_map(|part| own.chain(part))
                    .map(|name| self.disk.read(&name))
                    .all(|own| matches!(own, Some(Content::Part(_))));
                all.then(|| own.clone())
            }
            _ => None,
        };
        self.disk.names("manifest-").iter().rev().find_map(whole)
    }

    /// Finds what to go on from, finishes or discards output, and starts the shards, on any number.
    fn recover(&mut self) -> Result<Recovered, String> {
        let found = self.newest();
        if self.crashes_at(Point::RecoveryRead) {
            return Ok(Recovered::Crashed);
        }
        let staged: BTreeSet<String> =
            found.iter().flat_map(|own| own.parts.iter().flat_map(|part| part.staged.clone())).collect();
        for name in self.disk.names("hidden-") {
            let publishes = match self.bug {
                Some(Bug::LostStagedOutput) => false,
                Some(Bug::DeadOutput) => true,
                _ => staged.contains(&name),
            };
            if publishes {
                self.disk.rename(&name, &name.replace("hidden", "seen"));
                if self.crashes_at(Point::RecoveryPublished) {
                    return Ok(Recovered::Crashed);
                }
            }
        }
        self.disk.sync_names();
        let newest = found.as_ref().map_or(0, |own| own.epoch);
        let mut dead = self.disk.names("hidden-");
        dead.extend(self.disk.names("aside"));
        let later = |name: &String| {
            name.split('-').nth(1).and_then(|own| own.parse().ok()).is_some_and(|own: u64| own > newest)
        };
        dead.extend(self.disk.names("part-").into_iter().filter(later));
        dead.extend(self.disk.names("manifest-").into_iter().filter(later));
        dead.iter().for_each(|name| self.disk.remove(name));
        self.disk.sync_names();
        if self.crashes_at(Point::RecoveryTidied) {
            return Ok(Recovered::Crashed);
        }
        match found {
            Some(own) if own.finished => Ok(Recovered::Finished),
            found => self.begin(found).map(|life| Recovered::Life(Box::new(life))),
        }
    }

    fn begin(&mut self, found: Option<Manifest>) -> Result<Life, String> {
        let count = 1 + self.choices.below(4);
        let ended: Vec<SplitAt> = found.iter().flat_map(|own| own.ended_before.clone()).collect();
        let known = found.iter().flat_map(|own| own.parts.iter().flat_map(|part| part.splits.clone()));
        let known: Vec<SplitAt> = ended.into_iter().chain(known).collect();
        let all = (0..self.input.len()).map(|split| {
            let own = known.iter().find(|own| own.split == split).cloned();
            own.unwrap_or(SplitAt { split, rows: 0, ended: false })
        });
        let (ended_before, open): (Vec<_>, Vec<_>) = all.partition(|own| own.ended);
        let mut placed = vec![vec![]; count];
        open.into_iter().for_each(|own| placed[self.choices.below(count)].push(own));
        let mut snapshots: Vec<ShardSnapshot> = vec![];
        for (own, part) in found.iter().flat_map(|own| own.parts.iter().map(move |part| (own, part))) {
            let mut names: Vec<String> = own.chain(part).collect();
            if self.bug == Some(Bug::MissingLink) && names.len() > 2 {
                names.drain(1..names.len() - 1);
            }
            let chain = names.iter().filter_map(|name| match self.disk.read(name) {
                Some(Content::Part(own)) => Some(own.clone()),
                _ => None,
            });
            snapshots.push(merged(chain.collect()).map_err(|error| error.to_string())?);
        }
        if self.bug == Some(Bug::WatermarkRegress) {
            let nodes = snapshots.iter_mut().flat_map(|own| &mut own.nodes);
            nodes.for_each(|own| {
                own.watermark_ms = WATERMARK_MIN;
                own.state.tables.retain(|table| table.name != "splits" && table.name != "promised");
            });
        }
        let shards = placed.into_iter().enumerate();
        let mut shards: Vec<Shard> =
            shards.map(|(index, splits)| Shard::new(self.query, index, count, splits, self.bug)).collect();
        if found.is_some() {
            let times = if self.bug == Some(Bug::DoubleRestore) { 2 } else { 1 };
            for own in &mut shards {
                (0..times)
                    .try_for_each(|_| own.pipeline.restore(&snapshots))
                    .map_err(|error| error.to_string())?;
            }
        }
        shards.iter_mut().for_each(|own| own.start(self.query));
        if found.is_some() {
            for own in &mut shards {
                own.pipeline.resume().map_err(|error| error.to_string())?;
            }
        }
        let channels = (0..count).map(|_| (0..count).map(|_| VecDeque::new()).collect()).collect();
        let epoch = found.as_ref().map_or(0, |own| own.epoch);
        let base = |own: Manifest| Durable { epoch, base: own.follows.first().copied().unwrap_or(epoch) };
        let durable: Vec<Durable> = found.map(base).into_iter().collect();
        let keep = Keep { epochs: 1 + self.choices.below(2), fewest_bytes: 0, most_links: 4 };
        Ok(Life {
            shards,
            channels,
            coordinator: Coordinator::new(count, keep, durable, epoch),
            events: VecDeque::new(),
            writes: VecDeque::new(),
            ended_before,
            chain: vec![],
            since: Since::Start,
            ending: false,
            behind_the_end: false,
            last: None,
            over: false,
        })
    }
}
