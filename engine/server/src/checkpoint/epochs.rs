//! The main thread's side of checkpoints: when an epoch ends, and what the coordinator's actions mean on disk.

use millrace_flow::checkpoint::{Barrier, Coordinator, EpochAction, EpochEvent, Keep, Since};
use millrace_plan::{Error, Result};
use millrace_runtime::WakeHandle;

use super::manifest::Manifest;
use super::remote::Undone;
use super::store::{Kept, Store};
use super::uploads::Answer;
use super::{Command, Link, NodeKey, Part, Progress, SplitState};

/// What is kept. Short chains of small snapshots would only be more files; long ones take long to read.
const KEEP: Keep = Keep { epochs: 3, fewest_bytes: 256 << 10, most_links: 64 };

/// The epochs of one run. What the shards are to do waits to be fetched with [`Epochs::take_commands`].
pub struct Epochs {
    run: Run,
    kept: Kept,
    coordinator: Coordinator,
    commands: Vec<Command>,
    /// What each shard has made durable for the epoch under way.
    parts: Vec<Option<Part>>,
    /// The epochs that the next one may build on, oldest first.
    chain: Vec<Link>,
    /// What the epoch under way builds on.
    since: Since,
    finished: Vec<bool>,
    next_ms: u64,
    /// No epoch follows the one under way.
    ending: bool,
    /// The barrier of the epoch under way went out when all input had ended.
    behind_the_end: bool,
    /// The epoch that none follows, while it is under way.
    last: Option<u64>,
    /// What became of the epochs of this run.
    pub account: Account,
}

/// What became of the epochs of a run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account {
    /// Epochs that are durable.
    pub durable: u64,
    /// Epochs that were abandoned.
    pub abandoned: u64,
    /// The last durable epoch.
    pub last_epoch: u64,
    /// Length of its own snapshots, in bytes: what had changed, unless it was whole.
    pub last_bytes: u64,
}

/// What epochs begin with.
pub struct Setup {
    /// Where they are.
    pub store: Store,
    /// Wakes the main thread.
    pub wake: WakeHandle,
    /// The run.
    pub run: Run,
}

/// What a run with checkpoints is made of.
pub struct Run {
    /// Shards.
    pub shards: usize,
    /// How often an epoch ends by itself, in milliseconds.
    pub interval_ms: Option<u64>,
    /// The pipeline, as in the names of its hidden output files.
    pub pipeline: String,
    /// Slices of the key-hash space.
    pub partitions: usize,
    /// The keys of the plan's nodes.
    pub keys: Vec<NodeKey>,
    /// Splits that had ended before this run began.
    pub ended_before: Vec<SplitState>,
    /// The epoch that this run goes on from; 0 = none.
    pub resumed: u64,
    /// The end of what is there is not the end of the input.
    pub keep_open: bool,
}

impl Epochs {
    /// Before the first epoch of a run.
    pub fn new(setup: Setup) -> Result<Epochs> {
        let Setup { store, wake, run } = setup;
        let durable = store.tidy(run.resumed)?;
        Ok(Epochs {
            coordinator: Coordinator::new(run.shards, KEEP, durable, run.resumed),
            kept: store.keep(wake)?,
            commands: vec![],
            parts: vec![None; run.shards],
            chain: vec![],
            since: Since::Start,
            finished: vec![false; run.shards],
            next_ms: run.interval_ms.unwrap_or(0),
            ending: false,
            behind_the_end: false,
            last: None,
            account: Account { last_epoch: run.resumed, ..Account::default() },
            run,
        })
    }

    /// When [`Epochs::tick`] wants to be called again: in so many milliseconds.
    pub fn interval_ms(&self) -> Option<u64> {
        self.run.interval_ms
    }

    /// What every shard is to do now, in this order.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// An epoch ends as soon as it can, unless the run is ending.
    pub fn ask(&mut self, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        match self.ending {
            true => Ok(()),
            false => self.handle(EpochEvent::Asked, now_ms, warn),
        }
    }

    /// The run ends after one more epoch.
    pub fn end(&mut self, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        match std::mem::replace(&mut self.ending, true) {
            true => Ok(()),
            false => self.handle(EpochEvent::Asked, now_ms, warn),
        }
    }

    /// Time passes: `monotonic_ms` for the interval, `wall_ms` for the manifest; and something may have come of
    /// epochs that take their time.
    pub fn tick(&mut self, monotonic_ms: u64, wall_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        self.hear(wall_ms, warn)?;
        let Some(interval_ms) = self.run.interval_ms.filter(|_| monotonic_ms >= self.next_ms) else {
            return Ok(());
        };
        self.next_ms = monotonic_ms + interval_ms;
        self.ask(wall_ms, warn)
    }

    /// A shard has said how far it is.
    pub fn progress(
        &mut self,
        shard: usize,
        progress: Progress,
        now_ms: i64,
        warn: &mut dyn FnMut(String),
    ) -> Result<()> {
        let event = match progress {
            Progress::Finished => {
                self.finished[shard] = true;
                return match self.finished.iter().all(|own| *own) {
                    true => self.end(now_ms, warn),
                    false => Ok(()),
                };
            }
            Progress::Written(epoch, part) => {
                let bytes = part.file.bytes;
                self.parts[shard] = Some(part);
                EpochEvent::Written { shard, epoch, bytes }
            }
            Progress::Failed(epoch, reason) => EpochEvent::Failed { shard, epoch, reason },
            Progress::Committed(epoch) => EpochEvent::Committed { shard, epoch },
        };
        self.handle(event, now_ms, warn)
    }

    fn handle(&mut self, event: EpochEvent, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        for action in self.coordinator.handle(event) {
            match action {
                EpochAction::Barrier(barrier) => {
                    let Barrier { epoch, since } = barrier;
                    if let Err(error) = self.kept.begin(epoch) {
                        warn(format!("epoch {epoch}: {error}"));
                    }
                    self.parts.fill(None);
                    self.since = since;
                    self.last = self.ending.then_some(epoch);
                    self.behind_the_end = self.finished.iter().all(|own| *own);
                    self.commands.push(Command::Barrier { barrier, last: self.ending });
                }
                EpochAction::WriteManifest(epoch) => {
                    let manifest = self.manifest(epoch, now_ms);
                    if let Some(made) = self.kept.make(manifest)? {
                        self.made(epoch, made.map_err(|error| error.to_string()), now_ms, warn)?;
                    }
                }
                EpochAction::Commit(epoch) => {
                    super::reach(super::Failpoint::BeforeCommit);
                    self.commands.push(Command::Commit(epoch));
                }
                EpochAction::Forget(epoch) => still_there(&[epoch], self.kept.forget(epoch), warn),
                EpochAction::Remove(epochs) => still_there(&epochs, self.kept.remove(&epochs), warn),
                EpochAction::Abandon(epoch, reason) => {
                    self.account.abandoned += 1;
                    warn(format!("epoch {epoch} is abandoned, the run goes on: {reason}"));
                    still_there(&[epoch], self.kept.forget(epoch), warn);
                    still_there(&[epoch], self.kept.remove(&[epoch]), warn);
                    self.ended_without(epoch, &reason)?;
                }
            }
        }
        self.stop_if_done();
        Ok(())
    }

    /// The run is over when its last epoch is, and what was to be removed.
    fn stop_if_done(&mut self) {
        if self.coordinator.is_idle() && self.kept.is_idle() && self.last.take().is_some() {
            self.commands.push(Command::Stop);
        }
    }

    /// Hears what has become of epochs that take their time.
    fn hear(&mut self, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        while let Some(answer) = self.kept.poll()? {
            match answer {
                Answer::Made(_, Err(Undone::Taken(error)))
                | Answer::Removed(_, Err(Undone::Taken(error))) => {
                    return Err(error);
                }
                Answer::Made(epoch, Err(Undone::Failed(reason))) => {
                    self.made(epoch, Err(reason), now_ms, warn)?
                }
                Answer::Made(epoch, Ok(())) => self.made(epoch, Ok(()), now_ms, warn)?,
                Answer::Removed(epochs, Err(Undone::Failed(reason))) => {
                    still_there(&epochs, Err(Error::environment(reason)), warn);
                }
                Answer::Removed(_, Ok(())) => {}
            }
            self.stop_if_done();
        }
        Ok(())
    }

    /// If that was the last epoch of the run: what was asked to stop goes on next time from the one before;
    /// output that is complete must not stay hidden.
    fn ended_without(&self, epoch: u64, reason: &str) -> Result<()> {
        match self.last == Some(epoch) && self.behind_the_end {
            true => Err(Error::environment(format!(
                "the end of the run could not be made durable: {reason}"
            ))
            .hint("mend that and run again with the same --checkpoint-dir: it goes on from the last epoch")),
            false => Ok(()),
        }
    }

    fn manifest(&self, epoch: u64, now_ms: i64) -> Manifest {
        Manifest {
            made_at_ms: now_ms,
            finished: self.behind_the_end && !self.run.keep_open,
            ended_before: self.run.ended_before.clone(),
            follows: match self.since {
                Since::Start => vec![],
                Since::Last | Since::LastDurable => self.chain.clone(),
            },
            parts: self.parts.iter().flatten().cloned().collect(),
            ..Manifest::new(&self.run.pipeline, epoch, self.run.partitions, self.run.keys.clone())
        }
    }

    fn made(
        &mut self,
        epoch: u64,
        outcome: std::result::Result<(), String>,
        now_ms: i64,
        warn: &mut dyn FnMut(String),
    ) -> Result<()> {
        if outcome.is_ok() {
            self.account.durable += 1;
            self.account.last_epoch = epoch;
            let files: Vec<_> = self.parts.iter().flatten().map(|own| own.file).collect();
            self.account.last_bytes = files.iter().map(|own| own.bytes).sum();
            if self.since == Since::Start {
                self.chain.clear();
            }
            self.chain.push(Link { epoch, files });
        }
        self.handle(EpochEvent::Manifest { epoch, outcome }, now_ms, warn)
    }
}

/// What cannot be removed is in the way of nobody.
fn still_there(epochs: &[u64], removed: Result<()>, warn: &mut dyn FnMut(String)) {
    if let Err(error) = removed {
        let numbers: Vec<String> = epochs.iter().map(u64::to_string).collect();
        warn(format!("epoch {} could not be removed: {error}", numbers.join(", ")));
    }
}
