//! COUNT: rows, or rows whose argument is not null.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use millrace_plan::Result;

use super::{AggregateFunction, Aggregator, Evaluated, Update};

/// COUNT.
pub static COUNT: AggregateFunction = AggregateFunction {
    name: "count",
    ignores_distinct: false,
    create: |_, _| Ok(Box::new(Count::default())),
};

#[derive(Default)]
struct Count {
    counts: Vec<i64>,
}

impl Aggregator for Count {
    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let counts = self.counts.as_mut_slice();
        match update.is_plain() {
            true => update.groups.iter().for_each(|group| counts[*group as usize] += 1),
            false => update.for_each(|_, group, weight| counts[group] += weight),
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let counts = state[0].as_primitive::<Int64Type>().values();
        groups.iter().zip(counts).for_each(|(group, count)| self.counts[*group as usize] += count);
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(groups)?.values])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Int64]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let counts = groups.iter().map(|group| self.counts[*group as usize]);
        Ok(Evaluated::of(Arc::new(Int64Array::from_iter_values(counts))))
    }

    fn clear(&mut self) {
        self.counts.clear();
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
