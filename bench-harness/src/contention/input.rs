//! The input of all designs: batches of 1000 records per partition, time in order, keys split over partitions.

use std::sync::Arc;

use arrow::array::RecordBatch;
use millrace_plan::{Error, Result};
use millrace_runtime::BackendKind;

use super::state::{Answer, State};
use crate::input::{self, mix};

/// Records of a batch, as in the source design.
pub const BATCH_RECORDS: usize = 1000;

/// Event time from the first record to the last: ten windows.
const SPAN_MS: i64 = 600_000;

/// The batches of each partition.
pub struct Input {
    /// By partition.
    pub partitions: Vec<Arc<[RecordBatch]>>,
    /// With windows, or one group per key for ever.
    pub windowed: bool,
    /// What Millrace's shards run on.
    pub backend: BackendKind,
    /// What every design must answer.
    pub answer: Answer,
}

impl Input {
    /// `batches` batches over `groups` keys, spread over `partitions`; a key is in one partition, as a Kafka
    /// producer would have it.
    pub fn new(partitions: usize, batches: usize, groups: u64, windowed: bool, seed: u64) -> Result<Input> {
        let each = batches.div_ceil(partitions);
        let split = |partition: usize| -> Result<Arc<[RecordBatch]>> {
            let keys: Vec<String> = (0..groups)
                .filter(|key| mix(*key ^ seed) as usize % partitions == partition)
                .map(|key| format!("SYM-{key:06}"))
                .collect();
            (0..each).map(|index| batch(&keys, partition, index, each, seed)).collect()
        };
        let partitions = (0..partitions).map(split).collect::<Result<Vec<_>>>()?;
        let mut state = State::default();
        partitions.iter().flat_map(|own| own.iter()).for_each(|own| state.add_batch(own, windowed));
        let backend = BackendKind::Auto;
        Ok(Input { partitions, windowed, backend, answer: state.fire(i64::MAX) })
    }

    /// Records in all.
    pub fn records(&self) -> u64 {
        self.partitions.iter().map(|own| own.len() * BATCH_RECORDS).sum::<usize>() as u64
    }

    /// Batches of a partition: the rounds of a run.
    pub fn rounds(&self) -> u64 {
        self.partitions.first().map_or(0, |own| own.len() as u64)
    }
}

fn batch(keys: &[String], partition: usize, index: usize, of: usize, seed: u64) -> Result<RecordBatch> {
    let first = (index * BATCH_RECORDS) as u64;
    let salt = mix(seed ^ (partition as u64) << 40);
    let random = |row: u64| mix(row ^ salt);
    let key = |row| keys.get(random(row) as usize % keys.len().max(1)).map_or("none", String::as_str);
    let time = |row: u64| (row as i64).saturating_mul(SPAN_MS) / (of * BATCH_RECORDS) as i64;
    input::batch(first..first + BATCH_RECORDS as u64, random, key, time)
        .map_err(|error| Error::bug(error.to_string()))
}
