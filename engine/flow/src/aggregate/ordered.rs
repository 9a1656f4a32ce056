//! The values of each group in the order of their rows: what FIRST_VALUE, LAST_VALUE, LISTAGG and
//! ARRAY_AGG read.
//!
//! Rows taken back leave the earliest equal value out; one that comes before its insert waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, UInt64Type};
use millrace_plan::Result;

use super::encoding::{ValueEncoding, number_list_type, number_lists, value_list_type, value_lists};
use super::{Aggregator, Evaluated, Update};

/// The result of one group's values, given in order.
pub type ReadOrdered = fn(&BTreeMap<u64, Box<[u8]>>) -> Option<&[u8]>;

/// What is made of the ordered values.
pub enum Reading {
    /// One of them, with the type of the argument.
    One(ReadOrdered),
    /// All of them, as text joined by this separator.
    Joined(String),
    /// All of them as an array, NULL among them.
    Listed,
}

/// Ordered values per group.
pub struct Ordered {
    encoding: ValueEncoding,
    groups: Vec<Group>,
    reading: Reading,
}

#[derive(Debug, Clone, Default)]
struct Group {
    values: BTreeMap<u64, Box<[u8]>>,
    /// Values taken back before they came.
    owed: Vec<Box<[u8]>>,
}

impl Group {
    fn add(&mut self, mut order: u64, value: &[u8]) {
        if let Some(position) = self.owed.iter().position(|owed| owed[..] == *value) {
            self.owed.swap_remove(position);
            return;
        }
        while self.values.contains_key(&order) {
            order += 1;
        }
        self.values.insert(order, value.into());
    }

    fn remove(&mut self, value: &[u8]) {
        let found = self.values.iter().find(|(_, own)| own[..] == *value).map(|(order, _)| *order);
        match found {
            Some(order) => {
                self.values.remove(&order);
            }
            None => self.owed.push(value.into()),
        }
    }
}

impl Ordered {
    /// Ordered values of `data_type`.
    pub fn new(data_type: &DataType, reading: Reading) -> Result<Self> {
        Ok(Ordered { encoding: ValueEncoding::new(data_type)?, groups: vec![], reading })
    }

    fn joined(&self, groups: &[u32], separator: &str) -> Result<Evaluated> {
        let mut texts = Vec::with_capacity(groups.len());
        for group in groups {
            let values = &self.groups[*group as usize].values;
            if values.is_empty() {
                texts.push(None);
                continue;
            }
            let encoded: Vec<Option<&[u8]>> = values.values().map(|value| Some(&value[..])).collect();
            let decoded = self.encoding.decode(encoded.into_iter())?;
            let decoded = decoded.as_string::<i32>();
            let parts: Vec<&str> = decoded.iter().flatten().collect();
            texts.push(Some(parts.join(separator)));
        }
        let texts: arrow::array::StringArray = texts.into_iter().collect();
        Ok(Evaluated::of(Arc::new(texts)))
    }

    fn listed(&self, groups: &[u32]) -> Result<Evaluated> {
        let (mut encoded, mut lengths) = (vec![], vec![]);
        for group in groups {
            let values = &self.groups[*group as usize].values;
            lengths.push(values.len());
            encoded.extend(values.values().map(|value| Some(&value[..])));
        }
        let there = NullBuffer::from_iter(lengths.iter().map(|length| *length > 0));
        let (field, offsets) = (Field::new("item", self.encoding.data_type().clone(), true), lengths);
        let values = self.encoding.decode(encoded.into_iter())?;
        let lists = ListArray::new(Arc::new(field), OffsetBuffer::from_lengths(offsets), values, Some(there));
        Ok(Evaluated::of(Arc::new(lists)))
    }
}

impl Aggregator for Ordered {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, Group::default());
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let rows = self.encoding.encode(&update.args[0])?;
        let each = |row: usize, group: usize, weight: i64| match weight > 0 {
            true => self.groups[group].add(update.orders.get(row), rows.row(row).as_ref()),
            false => self.groups[group].remove(rows.row(row).as_ref()),
        };
        match self.reading {
            Reading::Listed => update.for_each_row(each),
            Reading::One(_) | Reading::Joined(_) => update.for_each(each),
        }
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (values, orders) = (state[0].as_list::<i32>(), state[1].as_list::<i32>());
        let (bytes, numbers) =
            (values.values().as_binary::<i32>(), orders.values().as_primitive::<UInt64Type>());
        let owed = state[2].as_list::<i32>();
        let owed_bytes = owed.values().as_binary::<i32>();
        let range = |offsets: &[i32], row: usize| offsets[row] as usize..offsets[row + 1] as usize;
        for (row, group) in groups.iter().enumerate() {
            let own = &mut self.groups[*group as usize];
            for item in range(values.value_offsets(), row) {
                own.add(numbers.value(item), bytes.value(item));
            }
            for item in range(owed.value_offsets(), row) {
                own.remove(owed_bytes.value(item));
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| &self.groups[*group as usize]);
        Ok(vec![
            value_lists(picked().map(|own| own.values.values().map(|value| &value[..]).collect())),
            number_lists::<UInt64Type>(picked().map(|own| own.values.keys().copied().collect())),
            value_lists(picked().map(|own| own.owed.iter().map(|value| &value[..]).collect())),
        ])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![value_list_type(), number_list_type::<UInt64Type>(), value_list_type()]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        match &self.reading {
            Reading::Joined(separator) => self.joined(groups, separator),
            Reading::Listed => self.listed(groups),
            Reading::One(read) => {
                let values = groups.iter().map(|group| read(&self.groups[*group as usize].values));
                Ok(Evaluated::of(self.encoding.decode(values)?))
            }
        }
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn bytes(&self) -> usize {
        const ENTRY: usize = 72;
        let entries: usize = self.groups.iter().map(|own| own.values.len() * ENTRY).sum();
        entries + self.groups.capacity() * size_of::<Group>()
    }
}
