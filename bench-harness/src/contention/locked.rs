//! Designs a, b and e: one engine behind a readers-writer lock, shared by a task per partition.

use std::future::Future;
use std::sync::Arc;

use arrow::array::RecordBatch;
use millrace_plan::{Error, Result};
use millrace_runtime::Clock;

use super::input::Input;
use super::state::{Answer, EMPTY, State, last_time, rows};
use super::{Measured, tasks};
use crate::times::Locking;

/// What all partitions share.
#[derive(Debug)]
pub struct Engine {
    state: State,
    /// How far each partition is, in event time.
    progress: Vec<i64>,
    answer: Answer,
    windowed: bool,
}

impl Engine {
    pub fn new(partitions: usize, windowed: bool) -> Engine {
        Engine {
            state: State::default(),
            progress: vec![i64::MIN; partitions],
            answer: Answer::default(),
            windowed,
        }
    }

    /// Adds a batch of a partition.
    pub fn add(&mut self, partition: usize, batch: &RecordBatch) {
        self.state.add_batch(batch, self.windowed);
        self.advance(partition, last_time(batch));
    }

    /// The partition has come so far: windows that all have passed are given away.
    pub fn advance(&mut self, partition: usize, time: i64) {
        self.progress[partition] = time;
        let watermark = self.progress.iter().copied().min().unwrap_or(i64::MIN);
        if self.windowed || watermark == i64::MAX {
            self.answer.merge(self.state.fire(watermark));
        }
    }

    /// What it has given away.
    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// Adds one row, when rows do not come in batches.
    pub fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// Writes back the groups that the batch changed.
    fn put_back(&mut self, changed: &State, batch: &RecordBatch) {
        for row in rows(batch, self.windowed) {
            let group = changed.windows.get(&row.window).and_then(|groups| groups.get(row.key));
            let groups = self.state.windows.entry(row.window).or_default();
            match groups.get_mut(row.key) {
                Some(own) => *own = group.copied().unwrap_or(EMPTY),
                None => {
                    groups.insert(row.key.into(), group.copied().unwrap_or(EMPTY));
                }
            }
        }
    }
}

/// A lock, as the designs use it.
pub trait EngineLock: Send + Sync + 'static {
    fn new(engine: Engine) -> Self;
    fn into_engine(self) -> Engine;
    fn read<R: Send>(&self, work: impl FnOnce(&Engine) -> R + Send) -> impl Future<Output = R> + Send;
    fn write<R: Send>(&self, work: impl FnOnce(&mut Engine) -> R + Send) -> impl Future<Output = R> + Send;
}

impl EngineLock for tokio::sync::RwLock<Engine> {
    fn new(engine: Engine) -> Self {
        tokio::sync::RwLock::new(engine)
    }

    fn into_engine(self) -> Engine {
        self.into_inner()
    }

    async fn read<R: Send>(&self, work: impl FnOnce(&Engine) -> R + Send) -> R {
        let engine = tokio::sync::RwLock::read(self).await;
        work(&engine)
    }

    async fn write<R: Send>(&self, work: impl FnOnce(&mut Engine) -> R + Send) -> R {
        let mut engine = tokio::sync::RwLock::write(self).await;
        work(&mut engine)
    }
}

#[allow(clippy::disallowed_types, reason = "one of the designs that Millrace is measured against")]
impl EngineLock for std::sync::RwLock<Engine> {
    fn new(engine: Engine) -> Self {
        std::sync::RwLock::new(engine)
    }

    fn into_engine(self) -> Engine {
        self.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn read<R: Send>(&self, work: impl FnOnce(&Engine) -> R + Send) -> R {
        work(&self.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    async fn write<R: Send>(&self, work: impl FnOnce(&mut Engine) -> R + Send) -> R {
        work(&mut self.write().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

impl EngineLock for parking_lot::RwLock<Engine> {
    fn new(engine: Engine) -> Self {
        parking_lot::RwLock::new(engine)
    }

    fn into_engine(self) -> Engine {
        self.into_inner()
    }

    async fn read<R: Send>(&self, work: impl FnOnce(&Engine) -> R + Send) -> R {
        work(&self.read())
    }

    async fn write<R: Send>(&self, work: impl FnOnce(&mut Engine) -> R + Send) -> R {
        work(&mut self.write())
    }
}

/// What is done under the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discipline {
    /// Read lock: clone everything. Work. Write lock: replace everything, as the source design does. What others have
    /// written in between is lost.
    Replace,
    /// As before, but only the groups that the batch changed are written back.
    PutBack,
    /// Write lock around the work, no clone.
    InPlace,
}

/// Runs a task per partition over one engine.
pub fn run<L: EngineLock>(input: &Input, discipline: Discipline) -> Result<Measured> {
    let clock = Clock::new();
    let lock = Arc::new(L::new(Engine::new(input.partitions.len(), input.windowed)));
    let work = |partition: usize, batches: Arc<[RecordBatch]>| {
        let lock = lock.clone();
        async move {
            let mut locking = Locking::default();
            for batch in batches.iter() {
                one(&*lock, partition, batch, discipline, &clock, &mut locking).await;
            }
            lock.write(|engine| engine.advance(partition, i64::MAX)).await;
            locking
        }
    };
    let (lockings, mut measured) = tasks(input, &clock, work)?;
    lockings.iter().for_each(|own| measured.locking.merge(own));
    let lock = Arc::into_inner(lock).ok_or_else(|| Error::bug("a task outlives its run"))?;
    measured.answer = lock.into_engine().answer();
    Ok(measured)
}

async fn one<L: EngineLock>(
    lock: &L,
    partition: usize,
    batch: &RecordBatch,
    discipline: Discipline,
    clock: &Clock,
    locking: &mut Locking,
) {
    let asked = clock.monotonic_ns();
    if discipline == Discipline::InPlace {
        let got = lock.write(|engine| {
            let got = clock.monotonic_ns();
            engine.add(partition, batch);
            got
        });
        let got = got.await;
        locking.wait.record(got - asked);
        locking.hold.record(clock.monotonic_ns() - got);
        return;
    }
    let cloned = lock.read(|engine| {
        let got = clock.monotonic_ns();
        (got, engine.state.clone(), engine.windowed, clock.monotonic_ns())
    });
    let (got, mut state, windowed, copied) = cloned.await;
    locking.clone.record(copied - got);
    state.add_batch(batch, windowed);
    let asked_again = clock.monotonic_ns();
    let written = lock.write(|engine| {
        let got = clock.monotonic_ns();
        match discipline {
            Discipline::Replace => engine.state = state,
            _ => engine.put_back(&state, batch),
        }
        engine.advance(partition, last_time(batch));
        (got, clock.monotonic_ns())
    });
    let (got_again, ended) = written.await;
    locking.wait.record(got - asked + got_again - asked_again);
    locking.hold.record(copied - got + ended - got_again);
}
