//! The input of all designs: batches of 1000 records per partition, time in order, keys split over partitions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use millrace_plan::{Error, Result};

use super::state::{Answer, State};
use crate::input::{mix, schema};

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
        Ok(Input { partitions, windowed, answer: state.fire(i64::MAX) })
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
    let range = first..first + BATCH_RECORDS as u64;
    let random = |row: u64, salt: u64| mix(row ^ mix(salt ^ seed ^ (partition as u64) << 40));
    let key = |row| keys.get(random(row, 1) as usize % keys.len().max(1)).map_or("none", String::as_str);
    let time = |row: u64| (row as i64).saturating_mul(SPAN_MS) / (of * BATCH_RECORDS) as i64;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(range.clone().map(key))),
        Arc::new(Float64Array::from_iter_values(
            range.clone().map(|row| (random(row, 2) % 100_000) as f64 / 100.0),
        )),
        Arc::new(Int64Array::from_iter_values(range.clone().map(|row| (random(row, 3) % 1000) as i64))),
        Arc::new(TimestampMillisecondArray::from_iter_values(range.map(time))),
    ];
    RecordBatch::try_new(schema(), columns).map_err(|error| Error::bug(error.to_string()))
}
