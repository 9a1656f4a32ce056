//! Aggregates by slot: the caller says which slot a row belongs to, joins slots, and says which to keep.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use millrace_plan::{AggregateCall, Result};

use super::grouped::Faults;
use crate::aggregate::{self, Aggregator, Orders, Update};

/// One state of every aggregate call for each slot.
pub struct AggregateSlots {
    calls: Arc<[AggregateCall]>,
    aggregators: Vec<Box<dyn Aggregator>>,
    /// Rows of each slot (added less taken back); kept only if rows can be taken back.
    weights: Option<Vec<i64>>,
}

impl AggregateSlots {
    /// No slots yet. `retracting`: rows can be taken back.
    pub fn new(calls: Arc<[AggregateCall]>, retracting: bool) -> Result<Self> {
        let aggregators =
            calls.iter().map(|call| aggregate::create(call, retracting)).collect::<Result<_>>()?;
        Ok(AggregateSlots { calls, aggregators, weights: retracting.then(Vec::new) })
    }

    /// The same calls without slots.
    pub fn like(&self) -> Result<Self> {
        AggregateSlots::new(self.calls.clone(), self.weights.is_some())
    }

    /// Makes room for slots `0..slots`; new ones are empty.
    pub fn resize(&mut self, slots: usize) {
        self.aggregators.iter_mut().for_each(|own| own.resize(slots));
        if let Some(weights) = &mut self.weights {
            weights.resize(slots, 0);
        }
    }

    /// Adds rows (or takes them back): row `i` belongs to `slots[i]`, and its order is `first_order + i`.
    pub fn update(
        &mut self,
        slots: &[u32],
        rows: &RecordBatch,
        weights: Option<&[i64]>,
        first_order: u64,
    ) -> Result<()> {
        if let Some(own) = &mut self.weights {
            let weight = |row: usize| weights.map_or(1, |weights| weights[row]);
            slots.iter().enumerate().for_each(|(row, slot)| own[*slot as usize] += weight(row));
        }
        for (call, aggregator) in self.calls.iter().zip(&mut self.aggregators) {
            let args: Vec<ArrayRef> = call.args.iter().map(|column| rows.column(*column).clone()).collect();
            let filter = call.filter.map(|column| rows.column(column).as_boolean());
            let orders = Orders::From(first_order);
            aggregator.update(&Update { groups: slots, args: &args, filter, weights, orders })?;
        }
        Ok(())
    }

    /// Adds the state of each slot of `from` to the slot at the same position of `into`. What `from` holds
    /// counts for nothing afterwards; no slot may be in both.
    pub fn join(&mut self, into: &[u32], from: &[u32]) -> Result<()> {
        for aggregator in &mut self.aggregators {
            let states = aggregator.state(from)?;
            aggregator.merge(into, &states)?;
        }
        if let Some(weights) = &mut self.weights {
            into.iter().zip(from).for_each(|(into, from)| {
                weights[*into as usize] += weights[*from as usize];
            });
        }
        Ok(())
    }

    /// The types of the columns that [`Self::states`] gives.
    pub fn state_types(&self) -> Vec<DataType> {
        let weight = self.weights.as_ref().map(|_| DataType::Int64);
        self.aggregators.iter().flat_map(|own| own.state_types()).chain(weight).collect()
    }

    /// The partial states of these slots, in this order, and their weights if rows can be taken back.
    pub fn states(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = vec![];
        for aggregator in &self.aggregators {
            columns.extend(aggregator.state(slots)?);
        }
        if let Some(weights) = &self.weights {
            let weights = slots.iter().map(|slot| weights[*slot as usize]);
            columns.push(Arc::new(Int64Array::from_iter_values(weights)));
        }
        Ok(columns)
    }

    /// Adds what [`Self::states`] gave to these slots.
    pub fn merge(&mut self, slots: &[u32], mut columns: &[ArrayRef]) -> Result<()> {
        for aggregator in &mut self.aggregators {
            let (own, others) = columns.split_at(aggregator.state_types().len());
            aggregator.merge(slots, own)?;
            columns = others;
        }
        if let (Some(own), [weights]) = (&mut self.weights, columns) {
            let weights = weights.as_primitive::<Int64Type>().values();
            slots.iter().zip(weights).for_each(|(slot, weight)| own[*slot as usize] += weight);
        }
        Ok(())
    }

    /// True if the slot has more rows added than taken back.
    pub fn is_live(&self, slot: u32) -> bool {
        self.weights.as_ref().is_none_or(|weights| weights[slot as usize] > 0)
    }

    /// Appends the results of these slots; those that cannot be represented are listed with the reason.
    pub fn evaluate(&self, slots: &[u32], columns: &mut Vec<ArrayRef>) -> Result<Faults> {
        let mut faults = vec![];
        for aggregator in &self.aggregators {
            let evaluated = aggregator.evaluate(slots)?;
            columns.push(evaluated.values);
            faults.extend(evaluated.faults);
        }
        Ok(faults)
    }

    /// Forgets all slots but these, which are renumbered in this order.
    pub fn keep(&mut self, slots: &[u32]) -> Result<()> {
        let renumbered: Vec<u32> = (0..slots.len() as u32).collect();
        for (call, aggregator) in self.calls.iter().zip(&mut self.aggregators) {
            let mut kept = aggregate::create(call, self.weights.is_some())?;
            kept.resize(slots.len());
            kept.merge(&renumbered, &aggregator.state(slots)?)?;
            *aggregator = kept;
        }
        if let Some(weights) = &mut self.weights {
            *weights = slots.iter().map(|slot| weights[*slot as usize]).collect();
        }
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let weights = self.weights.as_ref().map_or(0, |weights| weights.capacity() * size_of::<i64>());
        self.aggregators.iter().map(|own| own.bytes()).sum::<usize>() + weights
    }
}
