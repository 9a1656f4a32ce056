//! The main thread's side of checkpoints: when an epoch ends, and what the coordinator's actions mean on disk.

use millrace_flow::checkpoint::{Coordinator, EpochAction, EpochEvent};
use millrace_plan::{Error, Result};
use millrace_runtime::RingSender;

use super::manifest::Manifest;
use super::store::Store;
use super::{Command, Commands, NodeKey, Part, Progress, SplitState};

/// Durable epochs that are kept.
const KEPT_EPOCHS: usize = 3;

/// The epochs of one run.
pub struct Epochs {
    store: Store,
    coordinator: Coordinator,
    commands: Vec<Option<RingSender<Command>>>,
    /// What each shard has made durable for the epoch under way.
    parts: Vec<Option<Part>>,
    finished: Vec<bool>,
    /// Shards whose output of the epoch under way is visible.
    committed: usize,
    /// How often an epoch ends by itself, in milliseconds.
    interval_ms: Option<u64>,
    next_ms: u64,
    pipeline: String,
    partitions: usize,
    keys: Vec<NodeKey>,
    ended_before: Vec<SplitState>,
    keep_open: bool,
    /// No epoch follows the one under way.
    ending: bool,
    /// The barrier of the epoch under way went out when all input had ended.
    behind_the_end: bool,
    /// The epoch that none follows, once it has begun.
    last: Option<u64>,
    over: bool,
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
    /// Length of its snapshots, in bytes.
    pub last_bytes: u64,
}

/// What a run with checkpoints is made of.
pub struct Setup {
    /// Where they are.
    pub store: Store,
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
        setup.store.tidy(setup.resumed)?;
        let durable = setup.store.epochs()?;
        Ok(Epochs {
            coordinator: Coordinator::new(setup.shards, KEPT_EPOCHS, durable, setup.resumed),
            store: setup.store,
            commands: (0..setup.shards).map(|_| None).collect(),
            parts: vec![None; setup.shards],
            finished: vec![false; setup.shards],
            committed: 0,
            interval_ms: setup.interval_ms,
            next_ms: setup.interval_ms.unwrap_or(0),
            pipeline: setup.pipeline,
            partitions: setup.partitions,
            keys: setup.keys,
            ended_before: setup.ended_before,
            keep_open: setup.keep_open,
            ending: false,
            behind_the_end: false,
            last: None,
            over: false,
            account: Account { last_epoch: setup.resumed, ..Account::default() },
        })
    }

    /// When [`Epochs::tick`] wants to be called again: in so many milliseconds.
    pub fn interval_ms(&self) -> Option<u64> {
        self.interval_ms
    }

    /// An epoch ends as soon as it can, if every shard takes commands yet.
    pub fn ask(&mut self, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        if self.commands.iter().any(Option::is_none) {
            return Ok(());
        }
        self.handle(EpochEvent::Asked, now_ms, warn)
    }

    /// The run ends after one more epoch.
    pub fn end(&mut self, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        if self.ending || self.commands.iter().any(Option::is_none) {
            return Ok(());
        }
        self.ending = true;
        self.handle(EpochEvent::Asked, now_ms, warn)
    }

    /// Time passes: `monotonic_ms` for the interval, `wall_ms` for the manifest.
    pub fn tick(&mut self, monotonic_ms: u64, wall_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        let Some(interval_ms) = self.interval_ms.filter(|_| monotonic_ms >= self.next_ms && !self.ending)
        else {
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
            Progress::Ready(Commands(sender)) => {
                self.commands[shard] = Some(sender);
                return Ok(());
            }
            Progress::Finished => {
                self.finished[shard] = true;
                return match self.finished.iter().all(|own| *own) {
                    true => self.end(now_ms, warn),
                    false => Ok(()),
                };
            }
            Progress::Written(epoch, part) => {
                self.parts[shard] = Some(part);
                EpochEvent::Written { shard, epoch }
            }
            Progress::Failed(epoch, reason) => EpochEvent::Failed { shard, epoch, reason },
            Progress::Committed(epoch) => {
                self.committed += 1;
                EpochEvent::Committed { shard, epoch }
            }
        };
        self.handle(event, now_ms, warn)
    }

    fn handle(&mut self, event: EpochEvent, now_ms: i64, warn: &mut dyn FnMut(String)) -> Result<()> {
        for action in self.coordinator.handle(event) {
            match action {
                EpochAction::Barrier(epoch) => {
                    if let Err(error) = self.store.begin(epoch) {
                        warn(format!("epoch {epoch}: {error}"));
                    }
                    self.parts.fill(None);
                    self.committed = 0;
                    self.last = self.ending.then_some(epoch);
                    self.behind_the_end = self.finished.iter().all(|own| *own);
                    self.tell(Command::Barrier { epoch, last: self.ending })?;
                }
                EpochAction::WriteManifest(epoch) => {
                    let outcome = self.write_manifest(epoch, now_ms).map_err(|error| error.to_string());
                    self.handle(EpochEvent::Manifest { epoch, outcome }, now_ms, warn)?;
                }
                EpochAction::Commit(epoch) => {
                    super::reach(super::Failpoint::BeforeCommit);
                    self.tell(Command::Commit(epoch))?;
                }
                EpochAction::Remove(epoch) => self.forget(epoch, warn),
                EpochAction::Abandon(epoch, reason) => {
                    self.account.abandoned += 1;
                    warn(format!("epoch {epoch} is abandoned, the run goes on: {reason}"));
                    self.forget(epoch, warn);
                    self.ended_without(epoch, &reason)?;
                }
            }
        }
        if self.committed == self.parts.len() && self.last.is_some() {
            self.stop()?;
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.over, true) {
            true => Ok(()),
            false => self.tell(Command::Stop),
        }
    }

    /// The last epoch of the run came to nothing. What was asked to stop goes on next time from the one before;
    /// output that is complete must not stay hidden.
    fn ended_without(&mut self, epoch: u64, reason: &str) -> Result<()> {
        if self.last != Some(epoch) {
            return Ok(());
        }
        match self.behind_the_end {
            true => Err(Error::environment(format!(
                "the end of the run could not be made durable: {reason}"
            ))
            .hint("mend that and run again with the same --checkpoint-dir: it goes on from the last epoch")),
            false => self.stop(),
        }
    }

    fn write_manifest(&mut self, epoch: u64, now_ms: i64) -> Result<()> {
        let parts: Vec<Part> = self.parts.iter().flatten().cloned().collect();
        let bytes = parts.iter().map(|own| own.bytes).sum();
        let manifest = Manifest {
            made_at_ms: now_ms,
            finished: self.behind_the_end && !self.keep_open,
            ended_before: self.ended_before.clone(),
            parts,
            ..Manifest::new(&self.pipeline, epoch, self.partitions, self.keys.clone())
        };
        self.store.write(&manifest)?;
        self.account = Account {
            durable: self.account.durable + 1,
            last_epoch: epoch,
            last_bytes: bytes,
            ..self.account
        };
        Ok(())
    }

    /// What cannot be removed is in the way of nobody.
    fn forget(&mut self, epoch: u64, warn: &mut dyn FnMut(String)) {
        if let Err(error) = self.store.remove(epoch) {
            warn(format!("epoch {epoch} could not be removed: {error}"));
        }
    }

    /// Shards take commands faster than epochs pass.
    fn tell(&mut self, command: Command) -> Result<()> {
        for own in self.commands.iter_mut().flatten() {
            match own.try_send(command) {
                Ok(()) => {}
                // It has failed; its own words come with the end of the run.
                Err(_) if own.is_abandoned() => {}
                Err(_) => return Err(Error::bug("a shard does not take its commands")),
            }
        }
        Ok(())
    }
}
