//! Design d: an engine per partition behind a mutex; rows are hashed and routed to it through channels.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::RecordBatch;
use millrace_plan::Result;
use millrace_runtime::Clock;
use rustc_hash::FxBuildHasher;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::input::Input;
use super::locked::Engine;
use super::state::{Answer, last_time, rows};
use super::{Measured, tasks};
use crate::times::Locking;

/// Batches that may wait for an engine.
const WAITING: usize = 16;

struct Routed {
    from: usize,
    batch: RecordBatch,
    rows: Vec<u32>,
    time: i64,
}

/// Runs a reading task and a working task per partition.
pub fn run(input: &Input) -> Result<Measured> {
    let clock = Clock::new();
    let count = input.partitions.len();
    let (senders, receivers): (Vec<Sender<Routed>>, Vec<Receiver<Routed>>) =
        (0..count).map(|_| channel(WAITING)).unzip();
    let mut receivers: Vec<Option<Receiver<Routed>>> = receivers.into_iter().map(Some).collect();
    let windowed = input.windowed;
    // Owned by what makes the tasks, and dropped with it: the channels close when the readers are done.
    let work = move |partition: usize, batches: Arc<[RecordBatch]>| {
        let routes = senders.clone();
        let receiver = receivers[partition].take();
        async move {
            let reading = read(partition, batches, routes, windowed);
            let reading = tokio::spawn(reading);
            let worked = match receiver {
                Some(receiver) => work_off(receiver, count, windowed, clock).await,
                None => Default::default(),
            };
            let _ = reading.await;
            worked
        }
    };
    let (worked, mut measured) = tasks(input, &clock, work)?;
    for (answer, locking) in worked {
        measured.answer.merge(answer);
        measured.locking.merge(&locking);
    }
    Ok(measured)
}

async fn read(from: usize, batches: Arc<[RecordBatch]>, routes: Vec<Sender<Routed>>, windowed: bool) {
    let hasher = FxBuildHasher;
    for batch in batches.iter() {
        let mut parts: Vec<Vec<u32>> = vec![vec![]; routes.len()];
        for (index, row) in (0..).zip(rows(batch, windowed)) {
            parts[hasher.hash_one(row.key) as usize % routes.len()].push(index);
        }
        for (route, rows) in routes.iter().zip(parts) {
            // A receiver lives until all readers are done.
            let _ = route.send(Routed { from, batch: batch.clone(), rows, time: last_time(batch) }).await;
        }
    }
    for route in &routes {
        let batch = RecordBatch::new_empty(crate::input::schema());
        let _ = route.send(Routed { from, batch, rows: vec![], time: i64::MAX }).await;
    }
}

async fn work_off(
    mut routed: Receiver<Routed>,
    partitions: usize,
    windowed: bool,
    clock: Clock,
) -> (Answer, Locking) {
    let shared = Mutex::new(Some(Engine::new(partitions, windowed)));
    let mut locking = Locking::default();
    while let Some(Routed { from, batch, rows: chosen, time }) = routed.recv().await {
        let asked = clock.monotonic_ns();
        let Some(mut engine) = shared.lock().await.take() else { break };
        let got = clock.monotonic_ns();
        let mut chosen = chosen.into_iter().peekable();
        for (index, row) in (0..).zip(rows(&batch, windowed)) {
            if chosen.next_if_eq(&index).is_some() {
                engine.state().add(&row);
            }
        }
        engine.advance(from, time);
        *shared.lock().await = Some(engine);
        locking.wait.record(got - asked);
        locking.hold.record(clock.monotonic_ns() - got);
    }
    let answer = shared.lock().await.take().map(|engine| engine.answer());
    (answer.unwrap_or_default(), locking)
}
