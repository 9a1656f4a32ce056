//! Groups with their aggregates: what a window pane or a continuous grouping holds.
//!
//! A table that is emptied to be used again keeps its keys if the next window will most likely meet the
//! same ones: if most of them had rows, and several each. Then only what has rows again counts as a group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use millrace_plan::{AggregateCall, Result};

use super::partial::{PARTIAL_HASH, PARTIAL_ROWS, PartialLayout, PartialRows, by_partition};
use super::{Changed, GroupTable};
use crate::aggregate::{self, Aggregator, Orders, Update};
use crate::checkpoint::Extent;

/// Groups whose result could not be computed: their position, and why.
pub type Faults = Vec<(usize, String)>;

/// Groups with their aggregates.
pub struct Grouped {
    table: GroupTable,
    aggregators: Vec<Box<dyn Aggregator>>,
    calls: Arc<[AggregateCall]>,
    key_types: Vec<DataType>,
    /// Rows of each group (added less taken back); kept only if rows can be taken back.
    weights: Option<Vec<i64>>,
    /// Rows that each group has received; kept only if rows can be taken back.
    received: Vec<u64>,
    /// Rows received since the last `clear`.
    rows: u64,
    groups: Vec<u32>,
    /// Which groups have been met since the last `clear`; kept only if it left keys behind.
    met: Option<Vec<bool>>,
    /// Which groups have been located since the last checkpoint.
    changed: Changed,
}

impl Grouped {
    /// No groups yet.
    pub fn new(calls: Arc<[AggregateCall]>, key_types: &[DataType], retracting: bool) -> Result<Self> {
        let aggregators =
            calls.iter().map(|call| aggregate::create(call, retracting)).collect::<Result<_>>()?;
        Ok(Grouped {
            table: GroupTable::new(key_types)?,
            aggregators,
            calls,
            key_types: key_types.to_vec(),
            weights: retracting.then(Vec::new),
            received: vec![],
            rows: 0,
            groups: vec![],
            met: None,
            changed: Changed::default(),
        })
    }

    /// Group numbers in use: each is below this.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True if no row came since the last `clear`.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// True if more than `most` groups were met since the last `clear`.
    pub fn is_larger_than(&self, most: usize) -> bool {
        let met = |met: &Vec<bool>| met.iter().filter(|own| **own).count();
        self.len() > most && self.met.as_ref().is_none_or(|own| met(own) > most)
    }

    /// Rows received since the last `clear`.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Finds the groups of rows with these keys, making new ones; `before` is called with the groups of
    /// the rows before any aggregate changes.
    pub fn locate(&mut self, keys: &[ArrayRef], hashes: &[u64]) -> Result<&[u32]> {
        self.table.intern(keys, hashes, &mut self.groups)?;
        self.make_room();
        Ok(&self.groups)
    }

    /// Room for all groups of the table; those of the last lookup are met.
    fn make_room(&mut self) {
        let groups = self.table.len();
        self.aggregators.iter_mut().for_each(|own| own.resize(groups));
        if let Some(weights) = &mut self.weights {
            weights.resize(groups, 0);
            self.received.resize(groups, 0);
        }
        if let Some(met) = &mut self.met {
            met.resize(groups, true);
            let met = met.as_mut_slice();
            self.groups.iter().for_each(|group| met[*group as usize] = true);
        }
        self.changed.touch_all(self.groups.iter().copied());
    }

    /// The groups met since the last `clear`.
    fn met(&self) -> Vec<u32> {
        let all = 0..self.len() as u32;
        match &self.met {
            None => all.collect(),
            Some(met) => all.filter(|group| met[*group as usize]).collect(),
        }
    }

    /// Adds rows to the groups that the last `locate` found for them.
    pub fn update(&mut self, rows: &RecordBatch, weights: Option<&[i64]>, first_order: u64) -> Result<()> {
        self.rows += rows.num_rows() as u64;
        if let Some(own) = &mut self.weights {
            self.groups.iter().for_each(|group| self.received[*group as usize] += 1);
            match weights {
                None => self.groups.iter().for_each(|group| own[*group as usize] += 1),
                Some(weights) => {
                    self.groups.iter().zip(weights).for_each(|(group, weight)| own[*group as usize] += weight)
                }
            }
        }
        for (call, aggregator) in self.calls.iter().zip(&mut self.aggregators) {
            let args: Vec<ArrayRef> = call.args.iter().map(|column| rows.column(*column).clone()).collect();
            let filter = call.filter.map(|column| rows.column(column).as_boolean());
            let orders = Orders::From(first_order);
            aggregator.update(&Update { groups: &self.groups, args: &args, filter, weights, orders })?;
        }
        Ok(())
    }

    /// Adds partial states. All rows of `batch` belong here.
    pub fn merge(&mut self, layout: &PartialLayout, batch: &RecordBatch) -> Result<()> {
        let hashes = batch.column(PARTIAL_HASH).as_primitive::<UInt64Type>().values();
        self.locate(&batch.columns()[layout.key_columns()], hashes)?;
        self.merge_states(layout, batch)
    }

    /// Adds partial states to the groups that the last `locate` found for them.
    pub fn merge_states(&mut self, layout: &PartialLayout, batch: &RecordBatch) -> Result<()> {
        let mut column = layout.key_columns().end;
        for (aggregator, states) in self.aggregators.iter_mut().zip(&layout.states) {
            aggregator.merge(&self.groups, &batch.columns()[column..column + states])?;
            column += states;
        }
        if let (Some(own), true) = (&mut self.weights, layout.weighted) {
            let weights = batch.column(column).as_primitive::<Int64Type>().values();
            self.groups.iter().zip(weights).for_each(|(group, weight)| own[*group as usize] += weight);
        }
        let rows = batch.column(PARTIAL_ROWS).as_primitive::<Int64Type>().values();
        self.rows += rows.iter().sum::<i64>() as u64;
        Ok(())
    }

    /// The keys and hashes of a partial batch.
    pub fn keys_of<'a>(layout: &PartialLayout, batch: &'a RecordBatch) -> (&'a [ArrayRef], &'a [u64]) {
        let hashes = batch.column(PARTIAL_HASH).as_primitive::<UInt64Type>().values();
        (&batch.columns()[layout.key_columns()], hashes)
    }

    /// Adds every group of `other` (the same calls and keys).
    pub fn absorb(&mut self, other: &Grouped) -> Result<()> {
        self.absorb_groups(other, &other.met())?;
        self.rows += other.rows;
        Ok(())
    }

    /// Adds these groups of `other`, but for its count of rows.
    fn absorb_groups(&mut self, other: &Grouped, groups: &[u32]) -> Result<()> {
        self.table.intern(&other.table.keys(groups)?, &other.hashes_of(groups), &mut self.groups)?;
        self.make_room();
        for (own, others) in self.aggregators.iter_mut().zip(&other.aggregators) {
            own.merge(&self.groups, &others.state(groups)?)?;
        }
        if let (Some(own), Some(others)) = (&mut self.weights, &other.weights) {
            for (group, from) in self.groups.iter().zip(groups) {
                own[*group as usize] += others[*from as usize];
                self.received[*group as usize] += other.received[*from as usize];
            }
        }
        Ok(())
    }

    /// Forgets all groups but those that have rows. Answers the groups that are kept, which are renumbered in
    /// this order, and the rows that the others had received.
    pub fn forget_empty(&mut self) -> Result<(Vec<u32>, u64)> {
        let groups = self.live();
        let mut kept = Grouped::new(self.calls.clone(), &self.key_types, self.weights.is_some())?;
        kept.absorb_groups(self, &groups)?;
        kept.rows = groups.iter().map(|group| self.received[*group as usize]).sum();
        let forgotten = self.rows - kept.rows;
        *self = kept;
        Ok((groups, forgotten))
    }

    /// The partial states of all groups in the order of their partitions; `extra` are the operator's own columns.
    pub fn partial(&self, layout: &PartialLayout, extra: &[i64], partitions: usize) -> Result<RecordBatch> {
        let met = self.met();
        let order = by_partition(&self.hashes_of(&met), partitions);
        let met: Vec<u32> = order.iter().map(|position| met[*position as usize]).collect();
        self.partial_of(&met, self.rows, layout, extra)
    }

    /// For a checkpoint: the groups that it is to hold, and whether those are all; if they are not, those that have
    /// changed since the last one, also since one that was `lost`. `whole`: all are asked for.
    pub fn for_checkpoint(&mut self, whole: bool, lost: bool) -> (Extent, Vec<u32>) {
        if !whole && let Some(changed) = self.changed.take(lost) {
            return (Extent::Changes, changed);
        }
        self.changed.begin();
        (Extent::Whole, self.met())
    }

    /// As [`Grouped::for_checkpoint`], but [`Grouped::due`] gives the groups. No group may have been cleared.
    pub fn begin_checkpoint(&mut self, whole: bool, lost: bool) -> Extent {
        if !whole && self.changed.take_in_pieces(lost) {
            return Extent::Changes;
        }
        self.changed.begin_in_pieces(self.len());
        Extent::Whole
    }

    /// Up to `most` groups that the last checkpoint holds and that have not been given yet.
    pub fn due(&mut self, most: usize) -> Option<Vec<u32>> {
        self.changed.piece(most)
    }

    /// The groups that the last `locate` found while they were due: their states must be copied before an update.
    pub fn urgent(&mut self) -> Vec<u32> {
        self.changed.urgent()
    }

    /// The partial states of these groups in batches of a bounded number, for a checkpoint. They stand for no rows:
    /// how many there are, [`Grouped::stand_for`] is told.
    pub fn states(
        &self,
        groups: &[u32],
        layout: &PartialLayout,
        extra: &[i64],
    ) -> Result<Vec<(Vec<u32>, RecordBatch)>> {
        /// Keys of one batch have 32-bit offsets.
        const MOST_GROUPS: usize = 1 << 17;
        let batch = |groups: &[u32]| Ok((groups.to_vec(), self.states_of(groups, layout, extra)?));
        groups.chunks(MOST_GROUPS).map(batch).collect()
    }

    /// As [`Grouped::states`], for few groups.
    pub fn states_of(&self, groups: &[u32], layout: &PartialLayout, extra: &[i64]) -> Result<RecordBatch> {
        self.partial_of(groups, 0, layout, extra)
    }

    /// Makes room for so many groups more.
    pub fn reserve(&mut self, groups: usize) {
        self.table.reserve(groups);
        let len = self.len();
        // What is resized to fewer groups keeps its room.
        for groups in [len + groups, len] {
            self.aggregators.iter_mut().for_each(|own| own.resize(groups));
        }
    }

    /// The groups that were merged from a checkpoint stand for so many rows more.
    pub fn stand_for(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// The hash of some group.
    pub fn some_hash(&self) -> Option<u64> {
        self.table.hashes().first().copied()
    }

    fn partial_of(
        &self,
        met: &[u32],
        rows: u64,
        layout: &PartialLayout,
        extra: &[i64],
    ) -> Result<RecordBatch> {
        let mut states = vec![];
        for aggregator in &self.aggregators {
            states.extend(aggregator.state(met)?);
        }
        let weights = self.weights.as_ref();
        let weights = weights.map(|own| met.iter().map(|group| own[*group as usize]).collect());
        let (hashes, keys) = (self.hashes_of(met), self.table.keys(met)?);
        layout.batch(PartialRows { hashes, rows, extra, keys, states, weights })
    }

    fn hashes_of(&self, groups: &[u32]) -> Vec<u64> {
        let hashes = self.table.hashes();
        groups.iter().map(|group| hashes[*group as usize]).collect()
    }

    /// The keys of these groups and their results; groups whose result cannot be represented are listed
    /// with the reason.
    pub fn evaluate(&self, groups: &[u32]) -> Result<(Vec<ArrayRef>, Faults)> {
        let mut columns = self.table.keys(groups)?;
        let mut faults = vec![];
        for aggregator in &self.aggregators {
            let evaluated = aggregator.evaluate(groups)?;
            columns.push(evaluated.values);
            faults.extend(evaluated.faults);
        }
        Ok((columns, faults))
    }

    /// The groups that have rows.
    pub fn live(&self) -> Vec<u32> {
        let mut met = self.met();
        if let Some(weights) = &self.weights {
            met.retain(|group| weights[*group as usize] > 0);
        }
        met
    }

    /// True if the group has rows.
    pub fn is_live(&self, group: u32) -> bool {
        self.weights.as_ref().is_none_or(|weights| weights[group as usize] > 0)
    }

    /// Forgets all rows and keeps the memory, and the keys too if they are likely to be met again.
    pub fn clear(&mut self) {
        const ROWS_EACH: u64 = 2;
        let likely = self.rows > self.len() as u64 * ROWS_EACH && self.is_larger_than(self.len() / 2);
        match likely {
            true => self.met = Some(vec![false; self.len()]),
            false => {
                self.table.clear();
                self.met = None;
            }
        }
        self.aggregators.iter_mut().for_each(|own| own.clear());
        if let Some(weights) = &mut self.weights {
            weights.clear();
            self.received.clear();
        }
        self.rows = 0;
        self.changed.lose();
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let weights = self.weights.as_ref().map_or(0, |weights| weights.capacity() * size_of::<i64>());
        let groups = self.groups.capacity() * size_of::<u32>();
        let received = self.received.capacity() * size_of::<u64>();
        let aggregates = self.aggregators.iter().map(|own| own.bytes()).sum::<usize>();
        self.table.bytes() + aggregates + weights + received + groups + self.changed.bytes()
    }
}
