//! Partial states as rows: what crosses between the shards of a pre-aggregating exchange, and what a checkpoint
//! holds of groups.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_plan::{AggregateCall, Error, Result};

use super::hash::partition_of;
use crate::aggregate;

/// The first column of partial states: the key hash of each group, UInt64.
pub const PARTIAL_HASH: usize = 0;

/// The second column of partial states: Int64 whose sum is the rows they stand for (the first group of a
/// flush carries them all; the ledger needs only the sum).
pub const PARTIAL_ROWS: usize = 1;

const FIXED_COLUMNS: usize = 2;

/// The columns of partial states: hash, rows, `extra` Int64 columns of the operator (the pane's bounds),
/// keys, then the state columns of each aggregate, then, if rows can be taken back, the weight of each group.
/// `Local` and `Final` build it from the same plan node; a checkpoint holds groups in it.
#[derive(Debug, Clone)]
pub struct PartialLayout {
    /// The schema of partial batches.
    pub schema: SchemaRef,
    extra: usize,
    keys: usize,
    pub(super) states: Vec<usize>,
    pub(super) weighted: bool,
}

impl PartialLayout {
    /// The layout for these keys and calls. `retracting`: rows can be taken back.
    pub fn new(
        extra: usize,
        key_types: &[DataType],
        calls: &[AggregateCall],
        retracting: bool,
    ) -> Result<Self> {
        let mut fields =
            vec![Field::new("hash", DataType::UInt64, false), Field::new("rows", DataType::Int64, false)];
        fields.extend((0..extra).map(|index| Field::new(format!("extra{index}"), DataType::Int64, false)));
        let keys = key_types.iter().enumerate();
        fields.extend(keys.map(|(index, own)| Field::new(format!("key{index}"), own.clone(), true)));
        let mut states = vec![];
        for (index, call) in calls.iter().enumerate() {
            let types = aggregate::create(call, retracting)?.state_types();
            states.push(types.len());
            let types = types.into_iter().enumerate();
            fields.extend(types.map(|(part, own)| Field::new(format!("state{index}_{part}"), own, true)));
        }
        if retracting {
            fields.push(Field::new("weight", DataType::Int64, false));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(PartialLayout { schema, extra, keys: key_types.len(), states, weighted: retracting })
    }

    /// Where the keys are; the states follow them.
    pub(super) fn key_columns(&self) -> Range<usize> {
        let first = FIXED_COLUMNS + self.extra;
        first..first + self.keys
    }

    /// Partial states as a batch.
    pub(super) fn batch(&self, own: PartialRows) -> Result<RecordBatch> {
        let len = own.hashes.len();
        let mut rows = vec![0i64; len];
        if let Some(first) = rows.first_mut() {
            *first = own.rows as i64;
        }
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from(own.hashes)), Arc::new(Int64Array::from(rows))];
        columns
            .extend(own.extra.iter().map(|value| Arc::new(Int64Array::from(vec![*value; len])) as ArrayRef));
        columns.extend(own.keys);
        columns.extend(own.states);
        if let (Some(weights), true) = (own.weights, self.weighted) {
            columns.push(Arc::new(Int64Array::from(weights)));
        }
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| Error::bug(format!("partial states: {error}")))
    }

    /// The operator's own columns of a partial batch.
    pub fn extra<'a>(&self, batch: &'a RecordBatch, index: usize) -> &'a [i64] {
        batch.column(FIXED_COLUMNS + index).as_primitive::<Int64Type>().values()
    }
}

/// The parts of a batch of partial states.
pub(super) struct PartialRows<'a> {
    /// The key hash of each group.
    pub(super) hashes: Vec<u64>,
    /// The rows that all of them stand for.
    pub(super) rows: u64,
    /// The operator's own columns: one value for all groups.
    pub(super) extra: &'a [i64],
    /// The keys of each group.
    pub(super) keys: Vec<ArrayRef>,
    /// The state columns of each aggregate.
    pub(super) states: Vec<ArrayRef>,
    /// The weight of each group, if rows can be taken back.
    pub(super) weights: Option<Vec<i64>>,
}

/// The positions of hashes in the order of their partitions, so that what goes to one shard lies side by side.
/// A counting sort: the order within a partition is kept.
pub(super) fn by_partition(hashes: &[u64], partitions: usize) -> Vec<u32> {
    let mut next = vec![0u32; partitions + 1];
    hashes.iter().for_each(|hash| next[partition_of(*hash, partitions) + 1] += 1);
    for partition in 0..partitions {
        next[partition + 1] += next[partition];
    }
    let mut order = vec![0u32; hashes.len()];
    for (position, hash) in hashes.iter().enumerate() {
        let slot = &mut next[partition_of(*hash, partitions)];
        order[*slot as usize] = position as u32;
        *slot += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_lie_by_partition_and_in_their_order_within_one() {
        let hashes: Vec<u64> = (0..1000u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for partitions in [1, 3, 256] {
            let order = by_partition(&hashes, partitions);
            let places: Vec<(usize, u32)> =
                order.iter().map(|row| (partition_of(hashes[*row as usize], partitions), *row)).collect();
            assert!(places.is_sorted());
            assert_eq!(places.iter().map(|own| own.1).collect::<std::collections::BTreeSet<_>>().len(), 1000);
        }
    }
}
