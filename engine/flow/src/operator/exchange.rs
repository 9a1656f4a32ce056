//! Routing: which shard each row must go to. The rings are the caller's; here rows are only told apart.

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::UInt64Type;
use millrace_plan::{Exchange as Strategy, Result};

use crate::batch::Batch;
use crate::state::{PARTIAL_HASH, hash_keys, partition_of};

/// Where a batch goes.
#[derive(Debug)]
pub enum Route {
    /// These rows to these shards.
    Split(Vec<(usize, Batch)>),
    /// All rows to this shard.
    One(usize, Batch),
    /// All rows to every shard.
    All(Batch),
}

/// The sending half of an exchange.
pub struct Exchange {
    strategy: Strategy,
    shards: usize,
    partitions: usize,
    hashes: Vec<u64>,
    turn: usize,
}

impl Exchange {
    /// Routes among `shards`, which own contiguous ranges of `partitions`.
    pub fn new(strategy: Strategy, shards: usize, partitions: usize, own_shard: usize) -> Self {
        Exchange { strategy, shards, partitions, hashes: vec![], turn: own_shard }
    }

    fn owner(&self, hash: u64) -> usize {
        partition_of(hash, self.partitions) * self.shards / self.partitions
    }

    /// Tells the rows of a batch apart by shard; the order within a shard is kept.
    pub fn route(&mut self, batch: Batch) -> Result<Route> {
        if self.shards == 1 {
            return Ok(Route::One(0, batch));
        }
        match &self.strategy {
            Strategy::Gather => Ok(Route::One(0, batch)),
            Strategy::Broadcast => Ok(Route::All(batch)),
            Strategy::Rebalance => {
                self.turn = (self.turn + 1) % self.shards;
                Ok(Route::One(self.turn, batch))
            }
            Strategy::PreAggregate => {
                let hashes = batch.rows.column(PARTIAL_HASH).as_primitive::<UInt64Type>();
                let owners: Vec<usize> = hashes.values().iter().map(|hash| self.owner(*hash)).collect();
                self.split(batch, &owners)
            }
            Strategy::Hash(columns) => {
                let keys: Vec<ArrayRef> =
                    columns.iter().map(|column| batch.rows.column(*column).clone()).collect();
                let mut hashes = std::mem::take(&mut self.hashes);
                hash_keys(&keys, batch.len(), &mut hashes)?;
                let owners: Vec<usize> = hashes.iter().map(|hash| self.owner(*hash)).collect();
                self.hashes = hashes;
                self.split(batch, &owners)
            }
        }
    }

    /// Rows whose owners follow each other, as those of partial states do, are cut and not copied.
    fn split(&self, batch: Batch, owners: &[usize]) -> Result<Route> {
        let (Some(first), Some(last)) = (owners.first(), owners.last()) else {
            return Ok(Route::Split(vec![]));
        };
        if owners.is_sorted() {
            if first == last {
                return Ok(Route::One(*first, batch));
            }
            let mut at = 0;
            let cut = |run: &[usize]| {
                at += run.len();
                (run[0], batch.slice(at - run.len(), run.len()))
            };
            return Ok(Route::Split(owners.chunk_by(|one, other| one == other).map(cut).collect()));
        }
        let mut positions: Vec<Vec<u64>> = vec![vec![]; self.shards];
        for (row, owner) in owners.iter().enumerate() {
            positions[*owner].push(row as u64);
        }
        let mut parts = vec![];
        for (shard, positions) in positions.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            parts.push((shard, batch.take(&UInt64Array::from(positions))?));
        }
        Ok(Route::Split(parts))
    }
}
