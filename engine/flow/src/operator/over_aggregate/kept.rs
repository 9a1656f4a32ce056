//! What is kept of frames, as columns: for checkpoints.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use millrace_plan::{Error, Result};

use super::slide::{Content, Slide};
use crate::aggregate::{list_of, list_type};

/// Content that can be written as columns and read again.
pub trait Columns: Content {
    /// True if the rows in a frame that has a length, added one after the other, give its state, to the bit.
    const DERIVED: bool;

    /// The types of the columns of values.
    fn value_types(&self) -> Vec<DataType>;

    /// Values as columns.
    fn values(&self, values: &[&Self::Value]) -> Result<Vec<ArrayRef>>;

    /// Columns as values.
    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<Self::Value>>;

    /// The types of the columns of states.
    fn state_types(&self) -> Vec<DataType>;

    /// The states of these groups as columns.
    fn states(&self, groups: &[u32], states: &[&Self::State]) -> Result<Vec<ArrayRef>>;

    /// Columns as the states of these groups.
    fn read_states(&mut self, groups: &[u32], columns: &[ArrayRef]) -> Result<Vec<Self::State>>;
}

impl<C: Columns> Slide<C> {
    /// False if the states follow from the rows in the frames.
    fn keeps_states(&self) -> bool {
        !(C::DERIVED && self.bounds.is_bounded())
    }

    fn kept_state_types(&self) -> Vec<DataType> {
        if self.keeps_states() { self.content.state_types() } else { vec![] }
    }

    /// The types of what [`Self::kept`] gives.
    pub fn kept_types(&self) -> Vec<DataType> {
        let mut types = self.kept_state_types();
        if self.bounds.is_bounded() {
            types.push(list_type(DataType::Int64));
            types.extend(self.content.value_types().into_iter().map(list_type));
        }
        types
    }

    /// The frames of these groups: their states as far as they do not follow from the rows inside, then, if rows
    /// leave one day, the times and the values of those.
    pub fn kept(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut columns = vec![];
        if self.keeps_states() {
            let states: Vec<&C::State> = groups.iter().map(|group| &self.states[*group as usize]).collect();
            columns = self.content.states(groups, &states)?;
        }
        if self.bounds.is_bounded() {
            let inside = || groups.iter().map(|group| &self.inside[*group as usize]);
            let lengths: Vec<usize> = inside().map(|own| own.len()).collect();
            let times = inside().flatten().map(|(time, _)| *time);
            let values: Vec<&C::Value> = inside().flatten().map(|(_, value)| value).collect();
            columns.push(list_of(Arc::new(Int64Array::from_iter_values(times)), lengths.clone()));
            let values = self.content.values(&values)?.into_iter();
            columns.extend(values.map(|values| list_of(values, lengths.clone())));
        }
        Ok(columns)
    }

    /// Takes over what [`Self::kept`] gave, for groups whose frames are empty.
    pub fn take_over(&mut self, groups: &[u32], columns: &[ArrayRef]) -> Result<()> {
        let keeps_states = self.keeps_states();
        let (states, inside) = columns.split_at(self.kept_state_types().len());
        if keeps_states {
            let states = self.content.read_states(groups, states)?;
            for (group, state) in groups.iter().zip(states) {
                self.states[*group as usize] = state;
            }
        }
        let Some(times) = inside.first() else { return Ok(()) };
        let lengths = lengths(times);
        if inside.iter().any(|own| self::lengths(own) != lengths) {
            return Err(Error::data(
                "the rows of an OVER window in the checkpoint do not have all their values",
            ));
        }
        let inside: Vec<ArrayRef> = inside.iter().map(flat).collect();
        let values = self.content.read_values(&inside[1..])?;
        let mut rows = inside[0].as_primitive::<Int64Type>().values().iter().zip(values);
        for (group, length) in groups.iter().zip(lengths) {
            let group = *group as usize;
            for (time, value) in rows.by_ref().take(length) {
                if !keeps_states {
                    self.content.add(group, &mut self.states[group], &value)?;
                }
                self.inside[group].push_back((*time, value));
                self.held += 1;
            }
        }
        Ok(())
    }

    /// Rows in the frame of a group.
    pub fn rows(&self, group: u32) -> usize {
        self.inside.get(group as usize).map_or(0, |own| own.len())
    }
}

/// The length of each list.
pub fn lengths(lists: &ArrayRef) -> Vec<usize> {
    lists.as_list::<i32>().value_offsets().windows(2).map(|own| (own[1] - own[0]) as usize).collect()
}

/// The items of all lists.
pub fn flat(lists: &ArrayRef) -> ArrayRef {
    let lists = lists.as_list::<i32>();
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0] as usize, offsets[lists.len()] as usize);
    lists.values().slice(first, last - first)
}

#[cfg(test)]
mod tests {
    use millrace_plan::{AggregateCall, Culprit, Frame};

    use super::super::slide::Bounds;
    use super::*;

    #[test]
    fn rows_of_a_frame_without_all_their_values_are_refused() {
        let call = AggregateCall {
            function: "sum".into(),
            args: vec![0],
            arg_types: vec![DataType::Int64],
            constants: vec![],
            filter: None,
            distinct: false,
            result_type: DataType::Int64,
            name: "s".into(),
            user: None,
        };
        let mut sum = super::super::number::create(&call, Bounds::new(Frame::Rows(Some(3)), true)).unwrap();
        sum.resize(2);
        let state = sum.state(&[0, 1]).unwrap();
        let types: Vec<DataType> = state.iter().map(|own| own.data_type().clone()).collect();
        assert_eq!(types, sum.state_types());
        let times = list_of(Arc::new(Int64Array::from(vec![1, 2, 3])), vec![1, 2]);
        let refused = sum.restore(&[0, 1], &[times, state[1].clone()]).unwrap_err();
        assert_eq!(refused.culprit, Culprit::Data);
        assert_eq!((sum.rows(0), sum.rows(1)), (0, 0));
    }
}
