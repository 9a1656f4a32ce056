//! Aggregates of the user: the state of a group is a byte string that only the function understands.
//!
//! A group with a row, a state or a result that the function cannot take is a fault of that group, which says why;
//! it stays one. The rows are found by halving, so the other groups of a batch do not suffer.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, StringArray, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use millrace_plan::{AggregateCall, AggregateFunction, Culprit, Error, Result, UserAggregate};

use super::{Aggregator, Evaluated, Update};

/// The aggregator of a call of this function.
pub fn create(
    function: &UserAggregate,
    call: &AggregateCall,
    retracting: bool,
) -> Result<Box<dyn Aggregator>> {
    if retracting && !function.0.retracts() {
        return Err(Error::query(format!("{} cannot take rows back", call.function)));
    }
    if call.distinct {
        return Err(Error::query(format!("{} cannot be DISTINCT", call.function)));
    }
    Ok(Box::new(User { function: function.0.clone(), groups: vec![], places: vec![] }))
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Group {
    #[default]
    Empty,
    Held(Vec<u8>),
    Faulty(Box<str>),
}

impl Group {
    fn state(&self) -> Option<&[u8]> {
        match self {
            Group::Held(state) => Some(state),
            _ => None,
        }
    }

    /// A fault stays; of two the lesser, whichever came first.
    fn fail(&mut self, reason: &str) {
        if !matches!(self, Group::Faulty(own) if **own <= *reason) {
            *self = Group::Faulty(reason.into());
        }
    }

    fn set(&mut self, state: Option<&[u8]>) {
        match (&mut *self, state) {
            (Group::Held(own), Some(state)) => {
                own.clear();
                own.extend_from_slice(state);
            }
            (_, Some(state)) => *self = Group::Held(state.to_vec()),
            (_, None) => *self = Group::Empty,
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    Accumulate,
    Retract,
    Merge,
}

struct User {
    function: Arc<dyn AggregateFunction>,
    groups: Vec<Group>,
    /// For each group, its place among those of the call at hand; [`NOWHERE`] between calls.
    places: Vec<u32>,
}

const NOWHERE: u32 = u32::MAX;

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug(format!("rows of a user aggregate: {error}"))
}

impl User {
    /// Takes the step with these rows; halves them as long as they fail.
    fn step(&mut self, step: Step, rows: &[u32], groups: &[u32], args: &[ArrayRef]) -> Result<()> {
        let is_sound = |row: &u32| !matches!(self.groups[groups[*row as usize] as usize], Group::Faulty(_));
        let sound: Vec<u32> = rows.iter().copied().filter(is_sound).collect();
        if sound.is_empty() {
            return Ok(());
        }
        match self.whole(step, &sound, groups, args) {
            Err(error) if error.culprit == Culprit::Data => match sound.as_slice() {
                [row] => self.groups[groups[*row as usize] as usize].fail(&error.message),
                rows => {
                    let (left, right) = rows.split_at(rows.len() / 2);
                    self.step(step, left, groups, args)?;
                    self.step(step, right, groups, args)?;
                }
            },
            other => other?,
        }
        Ok(())
    }

    fn whole(&mut self, step: Step, rows: &[u32], groups: &[u32], args: &[ArrayRef]) -> Result<()> {
        let mut touched: Vec<u32> = vec![];
        let places = rows.iter().map(|row| {
            let group = groups[*row as usize];
            let place = &mut self.places[group as usize];
            if *place == NOWHERE {
                *place = touched.len() as u32;
                touched.push(group);
            }
            *place
        });
        let places: Vec<u32> = places.collect();
        touched.iter().for_each(|group| self.places[*group as usize] = NOWHERE);
        let states: BinaryArray = touched.iter().map(|group| self.groups[*group as usize].state()).collect();
        let picked = UInt32Array::from(rows.to_vec());
        let all = args.first().is_some_and(|arg| arg.len() == rows.len());
        let args: Vec<ArrayRef> = match all {
            true => args.to_vec(),
            false => {
                args.iter().map(|arg| take(arg, &picked, None)).collect::<Result<_, _>>().map_err(bug)?
            }
        };
        let states = match step {
            Step::Accumulate => self.function.accumulate(&states, &places, &args)?,
            Step::Retract => self.function.retract(&states, &places, &args)?,
            Step::Merge => self.function.merge(&states, &places, args[0].as_binary())?,
        };
        if states.len() != touched.len() {
            return Err(Error::data(format!("{} states of {}", states.len(), touched.len())));
        }
        for (group, state) in touched.iter().zip(&states) {
            self.groups[*group as usize].set(state);
        }
        Ok(())
    }

    /// Appends the results of `groups[range]`; halves them as long as they fail.
    fn results(
        &self,
        groups: &[u32],
        range: Range<usize>,
        columns: &mut Vec<ArrayRef>,
        faults: &mut Vec<(usize, String)>,
    ) -> Result<()> {
        let own = |position: usize| &self.groups[groups[position] as usize];
        let result = &self.function.signature().result;
        let states: BinaryArray = range.clone().map(|position| own(position).state()).collect();
        let mut failed = |position: usize, reason: &str| {
            faults.push((position, reason.to_string()));
            new_null_array(result, 1)
        };
        if let (1, Group::Faulty(reason)) = (range.len(), own(range.start)) {
            columns.push(failed(range.start, reason));
            return Ok(());
        }
        let is_sound = range.clone().all(|position| !matches!(own(position), Group::Faulty(_)));
        if is_sound {
            match self.function.evaluate(&states) {
                Ok(column) if column.data_type() == result && column.len() == range.len() => {
                    columns.push(column);
                    return Ok(());
                }
                Ok(_) => return Err(Error::bug(format!("results of {}", self.function.signature().name))),
                Err(error) if error.culprit != Culprit::Data => return Err(error),
                Err(error) if range.len() == 1 => {
                    columns.push(failed(range.start, &error.message));
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        let middle = range.start + range.len() / 2;
        self.results(groups, range.start..middle, columns, faults)?;
        self.results(groups, middle..range.end, columns, faults)
    }
}

impl Aggregator for User {
    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, Group::Empty);
        self.places.resize(groups, NOWHERE);
    }

    fn update(&mut self, update: &Update) -> Result<()> {
        let kept = |row: &u32| {
            let row = *row as usize;
            update.filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
        };
        let rows = (0..update.groups.len() as u32).filter(kept);
        let (added, taken): (Vec<u32>, Vec<u32>) =
            rows.partition(|row| update.weights.is_none_or(|weights| weights[*row as usize] > 0));
        self.step(Step::Accumulate, &added, update.groups, update.args)?;
        self.step(Step::Retract, &taken, update.groups, update.args)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let (states, reasons) = (state[0].as_binary::<i32>(), state[1].as_string::<i32>());
        let mut rows = vec![];
        for (row, group) in groups.iter().enumerate() {
            let own = &mut self.groups[*group as usize];
            if reasons.is_valid(row) {
                own.fail(reasons.value(row));
            } else if states.is_valid(row) {
                match own {
                    Group::Empty => own.set(Some(states.value(row))),
                    _ => rows.push(row as u32),
                }
            }
        }
        self.step(Step::Merge, &rows, groups, &state[..1])
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let picked = || groups.iter().map(|group| &self.groups[*group as usize]);
        let states: BinaryArray = picked().map(Group::state).collect();
        let reasons = picked().map(|own| match own {
            Group::Faulty(reason) => Some(&**reason),
            _ => None,
        });
        Ok(vec![Arc::new(states), Arc::new(reasons.collect::<StringArray>())])
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![DataType::Binary, DataType::Utf8]
    }

    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated> {
        let result = &self.function.signature().result;
        let (mut columns, mut faults) = (vec![], vec![]);
        if !groups.is_empty() {
            self.results(groups, 0..groups.len(), &mut columns, &mut faults)?;
        }
        let columns: Vec<&dyn Array> = columns.iter().map(|own| own.as_ref()).collect();
        let values = match columns.as_slice() {
            [] => new_null_array(result, 0),
            columns => concat(columns).map_err(bug)?,
        };
        Ok(Evaluated { values, faults })
    }

    fn clear(&mut self) {
        self.groups.clear();
        self.places.clear();
    }

    fn bytes(&self) -> usize {
        let held = self.groups.iter().map(|own| match own {
            Group::Held(state) => state.capacity(),
            Group::Faulty(reason) => reason.len(),
            Group::Empty => 0,
        });
        let own = self.groups.capacity() * size_of::<Group>() + self.places.capacity() * size_of::<u32>();
        held.sum::<usize>() + own
    }
}
