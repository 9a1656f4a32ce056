//! Design c: groups in a concurrent map that all partitions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::RecordBatch;
use dashmap::DashMap;
use millrace_plan::Result;
use millrace_runtime::Clock;
use rustc_hash::FxBuildHasher;

use super::input::Input;
use super::state::{Answer, EMPTY, last_time, rows, window_end};
use super::{Measured, tasks};
use crate::window::Aggregates;

type Groups = Arc<DashMap<Box<str>, Aggregates, FxBuildHasher>>;

#[derive(Default)]
struct Engine {
    windows: DashMap<i64, Groups, FxBuildHasher>,
    progress: Vec<AtomicI64>,
    windowed: bool,
}

impl Engine {
    fn add(&self, batch: &RecordBatch) {
        let mut current: Option<(i64, Groups)> = None;
        for row in rows(batch, self.windowed) {
            let groups = match &current {
                Some((window, groups)) if *window == row.window => groups,
                _ => {
                    let groups = self.windows.entry(row.window).or_default().clone();
                    &current.insert((row.window, groups)).1
                }
            };
            match groups.get_mut(row.key) {
                Some(mut group) => group.add(&row),
                None => groups.entry(row.key.into()).or_insert(EMPTY).add(&row),
            }
        }
    }

    /// As in the locked designs: what all partitions have passed is given away, once.
    fn advance(&self, partition: usize, time: i64) -> Answer {
        self.progress[partition].store(time, Ordering::Release);
        let watermark = self.progress.iter().map(|own| own.load(Ordering::Acquire)).min();
        let watermark = watermark.unwrap_or(i64::MIN);
        let mut answer = Answer::default();
        if !self.windowed && watermark < i64::MAX {
            return answer;
        }
        let ended = |start: &i64| window_end(*start) <= watermark;
        let ended: Vec<i64> = self.windows.iter().map(|own| *own.key()).filter(ended).collect();
        for start in ended {
            let Some((_, groups)) = self.windows.remove(&start) else { continue };
            groups.iter().for_each(|own| answer.add(start, own.key(), own.value()));
        }
        answer
    }
}

/// Runs a task per partition over one map.
pub fn run(input: &Input) -> Result<Measured> {
    let clock = Clock::new();
    let progress = input.partitions.iter().map(|_| AtomicI64::new(i64::MIN)).collect();
    let engine = Arc::new(Engine { progress, windowed: input.windowed, ..Engine::default() });
    let work = |partition: usize, batches: Arc<[RecordBatch]>| {
        let engine = engine.clone();
        async move {
            let mut answer = Answer::default();
            for batch in batches.iter() {
                engine.add(batch);
                answer.merge(engine.advance(partition, last_time(batch)));
                // Tasks take turns, as those do that wait for a lock.
                tokio::task::yield_now().await;
            }
            answer.merge(engine.advance(partition, i64::MAX));
            answer
        }
    };
    let (answers, mut measured) = tasks(input, &clock, work)?;
    answers.into_iter().for_each(|own| measured.answer.merge(own));
    Ok(measured)
}
