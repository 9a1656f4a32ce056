//! Pre-aggregation that gives way where it does not pay: keys that hardly repeat are not collected but sent on, each
//! row as the partial state of its own.
//!
//! Collecting costs a lookup per row and saves a merge for each row that finds its group; below two rows per group
//! it costs more than it saves.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take;
use millrace_plan::{AggregateCall, Error, Result};

use super::partial::{PartialLayout, PartialRows, by_partition};
use crate::aggregate::{self, Aggregator, Orders, Update};
use crate::batch::Batch;

/// Collecting pays from so many rows per group.
const WORTHWHILE_ROWS: u64 = 2;

/// After so many times the rows that were collected in vain, it is tried again.
const PATIENCE: u64 = 16;

/// Decides what is collected, and makes partial states of single rows.
pub struct PreAggregation {
    calls: Arc<[AggregateCall]>,
    aggregators: Vec<Box<dyn Aggregator>>,
    /// Rows that are sent on as they are before collecting is tried again.
    passing: u64,
}

impl PreAggregation {
    /// For these calls. `retracting`: rows may be taken back.
    pub fn new(calls: Arc<[AggregateCall]>, retracting: bool) -> Result<Self> {
        let aggregators =
            calls.iter().map(|call| aggregate::create(call, retracting)).collect::<Result<_>>()?;
        Ok(PreAggregation { calls, aggregators, passing: 0 })
    }

    /// Groups that were collected leave.
    pub fn collected(&mut self, rows: u64, groups: usize) {
        self.passing = match rows < groups as u64 * WORTHWHILE_ROWS {
            true => rows * PATIENCE,
            false => 0,
        };
    }

    /// True if the next rows are not worth collecting.
    pub fn passes(&mut self, rows: usize) -> bool {
        let passes = self.passing > 0;
        self.passing = self.passing.saturating_sub(rows as u64);
        passes
    }

    /// Rows as partial states in the order of their partitions.
    pub fn partial(
        &mut self,
        layout: &PartialLayout,
        extra: &[i64],
        keys: &[ArrayRef],
        hashes: &[u64],
        batch: &Batch,
        partitions: usize,
    ) -> Result<RecordBatch> {
        let order = by_partition(hashes, partitions);
        let groups: Vec<u32> = (0..batch.len() as u32).collect();
        let weights = batch.weights();
        let mut states = vec![];
        for (call, aggregator) in self.calls.iter().zip(&mut self.aggregators) {
            let args: Vec<ArrayRef> =
                call.args.iter().map(|column| batch.rows.column(*column).clone()).collect();
            let filter = call.filter.map(|column| batch.rows.column(column).as_boolean());
            let orders = Orders::From(batch.origin.order(0));
            aggregator.resize(groups.len());
            let weights = weights.as_deref();
            aggregator.update(&Update { groups: &groups, args: &args, filter, weights, orders })?;
            states.extend(aggregator.state(&order)?);
            aggregator.clear();
        }
        let positions = UInt32Array::from(order);
        let picked = |key: &ArrayRef| take(key, &positions, None);
        let keys = keys.iter().map(picked).collect::<std::result::Result<_, _>>();
        let hashes = positions.values().iter().map(|row| hashes[*row as usize]).collect();
        let weight = |row: &u32| weights.as_ref().map_or(1, |own| own[*row as usize]);
        layout.batch(PartialRows {
            hashes,
            rows: batch.len() as u64,
            extra,
            keys: keys.map_err(|error| Error::bug(format!("picking keys: {error}")))?,
            states,
            weights: Some(positions.values().iter().map(weight).collect()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_pass_while_their_keys_hardly_repeat_and_are_tried_again() {
        let mut own = PreAggregation::new(Arc::from([]), false).unwrap();
        assert!(!own.passes(100));
        own.collected(100, 50);
        assert!(!own.passes(100), "two rows a group are worth it");
        own.collected(100, 51);
        let passed = (0..).take_while(|_| own.passes(100)).count();
        assert_eq!(passed as u64, PATIENCE);
        assert!(!own.passes(100));
    }
}
