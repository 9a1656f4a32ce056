//! FIRST_VALUE and LAST_VALUE: the earliest and latest value that is not null, by the order of rows
//! within their split, splits in order. Without retraction one value per group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt64Array};
use arrow::datatypes::{DataType, UInt64Type};
use millrace_plan::{AggregateCall, Result};

use super::encoding::ValueEncoding;
use super::ordered::{Ordered, Reading};
use super::{AggregateFunction, Aggregator, Evaluated, Update, argument};

/// FIRST_VALUE.
pub static FIRST_VALUE: AggregateFunction = AggregateFunction {
    name: "first_value",
    ignores_distinct: true,
    create: |call, retracting| match retracting {
        false => create::<false>(call),
        true => {
            let first = Reading::One(|values| values.values().next().map(|value| &value[..]));
            Ok(Box::new(Ordered::new(argument(call)?, first)?))
        }
    },
};

/// LAST_VALUE.
pub static LAST_VALUE: AggregateFunction = AggregateFunction {
    name: "last_value",
    ignores_distinct: true,
    create: |call, retracting| match retracting {
        false => create::<true>(call),
        true => {
            let last = Reading::One(|values| values.values().next_back().map(|value| &value[..]));
            Ok(Box::new(Ordered::new(argument(call)?, last)?))
        }
    },
};

fn create<const LAST: bool>(call: &AggregateCall) -> Result<Box<dyn Aggregator>> {
    Ok(Box::new(Edge::<LAST> { encoding: ValueEncoding::new(argument(call)?)?, values: vec![] }))
}

/// The first or last value of each group, encoded, with its order.
struct Edge<const LAST: bool> {
    encoding: ValueEncoding,
    values: Vec<Option<(u64, Box<[u8]>)>>,
}

impl<const LAST: bool> Edge<LAST> {
    fn offer(&mut self, group: usize, order: u64, value: &[u8]) {
        let better = match &self.values[group] {
            None => true,
            Some((own, _)) if LAST => order >= *own,
            Some((own, _)) => order < *own,
        };
        if better {
            self.values[group] = Some((order, value.into()));
        }
    }
}

impl<const LAST: bool> Aggregator for Edge<LAST> {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, None);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let rows = self.encoding.encode(&update.args[0])?;
        update.for_each(|row, group, _| {
            self.offer(group, update.orders.get(row), rows.row(row).as_ref());
        });
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let rows = self.encoding.encode(&state[0])?;
        let orders = state[1].as_primitive::<UInt64Type>();
        for (row, group) in groups.iter().enumerate() {
            if orders.is_valid(row) {
                self.offer(*group as usize, orders.value(row), rows.row(row).as_ref());
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let orders =
            groups.iter().map(|group| self.values[*group as usize].as_ref().map(|(order, _)| *order));
        let orders: UInt64Array = orders.collect();
        Ok(vec![self.evaluate(groups)?.values, Arc::new(orders)])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![self.encoding.data_type().clone(), DataType::UInt64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let values =
            groups.iter().map(|group| self.values[*group as usize].as_ref().map(|(_, value)| &value[..]));
        Ok(Evaluated::of(self.encoding.decode(values)?))
    }

    fn clear(&mut self) {
        self.values.clear();
    }

    fn bytes(&self) -> usize {
        let values: usize = self.values.iter().flatten().map(|(_, value)| value.len()).sum();
        values + self.values.capacity() * size_of::<Option<(u64, Box<[u8]>)>>()
    }
}
