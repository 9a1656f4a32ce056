//! PERCENTILE: exact, with linear interpolation between the neighbours of the asked rank.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use millrace_plan::{AggregateCall, Error, Result};

use super::encoding::{number_list_type, number_lists};
use super::{AggregateFunction, Aggregator, Evaluated, Update};

/// PERCENTILE.
pub static PERCENTILE: AggregateFunction =
    AggregateFunction { name: "percentile", ignores_distinct: false, create: |call, _| create(call) };

fn create(call: &AggregateCall) -> Result<Box<dyn Aggregator>> {
    let text = call.constants.first().map(String::as_str).unwrap_or_default();
    match text.split(',').next().unwrap_or(text).parse::<f64>() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => {
            Ok(Box::new(Percentile { fraction, groups: vec![] }))
        }
        _ => Err(Error::query(format!("PERCENTILE takes a fraction from 0 to 1, not {text}"))),
    }
}

/// A double whose bits sort as the doubles do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sortable(i64);

impl Sortable {
    fn of(value: f64) -> Self {
        let bits = value.to_bits() as i64;
        Sortable(bits ^ (((bits >> 63) as u64) >> 1) as i64)
    }

    fn value(self) -> f64 {
        f64::from_bits((self.0 ^ (((self.0 >> 63) as u64) >> 1) as i64) as u64)
    }
}

struct Percentile {
    fraction: f64,
    groups: Vec<BTreeMap<Sortable, i64>>,
}

impl Percentile {
    fn add(&mut self, group: usize, value: f64, weight: i64) {
        let own = self.groups[group].entry(Sortable::of(value)).or_insert(0);
        *own += weight;
        if *own == 0 {
            self.groups[group].remove(&Sortable::of(value));
        }
    }

    fn read(&self, group: u32) -> Option<f64> {
        let values = &self.groups[group as usize];
        let count: i64 = values.values().filter(|weight| **weight > 0).sum();
        if count == 0 {
            return None;
        }
        let rank = self.fraction * (count - 1) as f64;
        let (low, high) = (rank.floor() as i64, rank.ceil() as i64);
        let at = |wanted: i64| {
            let mut passed = 0;
            values.iter().filter(|(_, weight)| **weight > 0).find_map(|(value, weight)| {
                passed += weight;
                (passed > wanted).then(|| value.value())
            })
        };
        let (below, above) = (at(low)?, at(high)?);
        Some(below + (above - below) * (rank - low as f64))
    }
}

impl Aggregator for Percentile {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, BTreeMap::new());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let values = cast(&update.args[0], &DataType::Float64)
            .map_err(|error| Error::bug(format!("percentile: {error}")))?;
        let values = values.as_primitive::<Float64Type>().values();
        update.for_each(|row, group, weight| self.add(group, values[row], weight));
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (values, weights) = (state[0].as_list::<i32>(), state[1].as_list::<i32>());
        let (doubles, numbers) =
            (values.values().as_primitive::<Float64Type>(), weights.values().as_primitive::<Int64Type>());
        for (row, group) in groups.iter().enumerate() {
            for item in values.value_offsets()[row] as usize..values.value_offsets()[row + 1] as usize {
                self.add(*group as usize, doubles.value(item), numbers.value(item));
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| &self.groups[*group as usize]);
        Ok(vec![
            number_lists::<Float64Type>(picked().map(|own| own.keys().map(|key| key.value()).collect())),
            number_lists::<Int64Type>(picked().map(|own| own.values().copied().collect())),
        ])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![number_list_type::<Float64Type>(), number_list_type::<Int64Type>()]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let values: Float64Array = groups.iter().map(|group| self.read(*group)).collect();
        Ok(Evaluated::of(Arc::new(values)))
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn bytes(&self) -> usize {
        const ENTRY: usize = 24;
        self.groups.iter().map(|own| own.len() * ENTRY).sum::<usize>() + self.groups.capacity() * 24
    }
}
