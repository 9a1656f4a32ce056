//! DISTINCT: any aggregate over each group's distinct values.
//!
//! One table of (group, value) pairs with their weights; the wrapped aggregate hears of a value when it
//! appears and, over changing input, when it disappears.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, UInt32Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use millrace_plan::{AggregateCall, Error, Result};

use super::encoding::{list_of, list_type};
use super::{AggregateFunction, Aggregator, Evaluated, Orders, Update, argument};
use crate::state::{GroupTable, hash_keys};

/// `function(DISTINCT argument)`.
pub fn create(function: &AggregateFunction, call: &AggregateCall) -> Result<Box<dyn Aggregator>> {
    let value_type = argument(call)?.clone();
    let plain = AggregateCall { distinct: false, filter: None, ..call.clone() };
    Ok(Box::new(Distinct {
        inner: (function.create)(&plain, true)?,
        pairs: GroupTable::new(&[DataType::UInt32, value_type.clone()])?,
        weights: vec![],
        orders: vec![],
        value_type,
        hashes: vec![],
        ids: vec![],
    }))
}

struct Distinct {
    inner: Box<dyn Aggregator>,
    /// (group, value) pairs.
    pairs: GroupTable,
    /// How often each pair is there.
    weights: Vec<i64>,
    /// The order at which each pair appeared.
    orders: Vec<u64>,
    value_type: DataType,
    hashes: Vec<u64>,
    ids: Vec<u32>,
}

impl Distinct {
    /// Adds weighted values.
    fn add(&mut self, groups: &[u32], values: &ArrayRef, weights: &[i64], orders: Orders) -> Result<()> {
        let keys: [ArrayRef; 2] = [Arc::new(UInt32Array::from(groups.to_vec())), values.clone()];
        hash_keys(&keys, groups.len(), &mut self.hashes)?;
        self.pairs.intern(&keys, &self.hashes, &mut self.ids)?;
        self.weights.resize(self.pairs.len(), 0);
        self.orders.resize(self.pairs.len(), 0);
        let (mut rows, mut changes) = (vec![], vec![]);
        for (row, (id, weight)) in self.ids.iter().zip(weights).enumerate() {
            let own = &mut self.weights[*id as usize];
            let before = *own > 0;
            *own += weight;
            match (before, *own > 0) {
                (false, true) => {
                    self.orders[*id as usize] = orders.get(row);
                    rows.push(row as u32);
                    changes.push(1);
                }
                (true, false) => {
                    rows.push(row as u32);
                    changes.push(-1);
                }
                _ => {}
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let groups: Vec<u32> = rows.iter().map(|row| groups[*row as usize]).collect();
        let orders: Vec<u64> = rows.iter().map(|row| orders.get(*row as usize)).collect();
        let args = [pick(values, rows)?];
        self.inner.update(&Update {
            groups: &groups,
            args: &args,
            filter: None,
            weights: Some(&changes),
            orders: Orders::Each(&orders),
        })
    }
}

fn pick(values: &ArrayRef, rows: Vec<u32>) -> Result<ArrayRef> {
    take(values, &UInt32Array::from(rows), None)
        .map_err(|error| Error::bug(format!("picking values: {error}")))
}

impl Aggregator for Distinct {
    fn resize(&mut self, groups: usize) {
        self.inner.resize(groups);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let (mut rows, mut groups, mut weights) = (vec![], vec![], vec![]);
        update.for_each(|row, group, weight| {
            rows.push(row as u32);
            groups.push(group as u32);
            weights.push(weight);
        });
        if rows.len() == update.groups.len() {
            return self.add(&groups, &update.args[0], &weights, update.orders);
        }
        let orders: Vec<u64> = rows.iter().map(|row| update.orders.get(*row as usize)).collect();
        self.add(&groups, &pick(&update.args[0], rows)?, &weights, Orders::Each(&orders))
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (values, weights) = (state[0].as_list::<i32>(), state[1].as_list::<i32>());
        let offsets = values.value_offsets();
        let mut repeated = Vec::with_capacity(values.values().len());
        for (row, group) in groups.iter().enumerate() {
            let count = (offsets[row + 1] - offsets[row]) as usize;
            repeated.extend(std::iter::repeat_n(*group, count));
        }
        let orders = state[2].as_list::<i32>();
        let (start, len) = (offsets[0] as usize, repeated.len());
        let flat = |list: &ListArray| list.values().slice(list.value_offsets()[0] as usize, len);
        let (weights, orders) = (flat(weights), flat(orders));
        let weights = weights.as_primitive::<Int64Type>().values();
        let orders = Orders::Each(orders.as_primitive::<UInt64Type>().values());
        self.add(&repeated, &values.values().slice(start, len), weights, orders)
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let all: Vec<u32> = (0..self.pairs.len() as u32).collect();
        let keys = self.pairs.keys(&all)?;
        let owners = keys[0].as_primitive::<arrow::datatypes::UInt32Type>().values();
        let most = owners.iter().chain(groups).copied().max().map_or(0, |most| most as usize + 1);
        let mut of_group: Vec<Vec<u32>> = vec![vec![]; most];
        for (id, owner) in owners.iter().enumerate() {
            if self.weights[id] != 0 {
                of_group[*owner as usize].push(id as u32);
            }
        }
        let picked = || groups.iter().map(|group| &of_group[*group as usize]);
        let lengths: Vec<usize> = picked().map(Vec::len).collect();
        let ids: Vec<u32> = picked().flatten().copied().collect();
        let weights = Int64Array::from_iter_values(ids.iter().map(|id| self.weights[*id as usize]));
        let orders = UInt64Array::from_iter_values(ids.iter().map(|id| self.orders[*id as usize]));
        let values = pick(&keys[1], ids)?;
        let list = |values: ArrayRef| list_of(values, lengths.clone());
        Ok(vec![list(values), list(Arc::new(weights)), list(Arc::new(orders))])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![list_type(self.value_type.clone()), list_type(DataType::Int64), list_type(DataType::UInt64)]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        self.inner.evaluate(groups)
    }

    fn clear(&mut self) {
        self.inner.clear();
        self.pairs.clear();
        self.weights.clear();
        self.orders.clear();
    }

    fn bytes(&self) -> usize {
        let own = (self.weights.capacity() + self.orders.capacity()) * 8
            + self.hashes.capacity() * 8
            + self.ids.capacity() * 4;
        self.inner.bytes() + self.pairs.bytes() + own
    }
}
