//! MIN, MAX, FIRST_VALUE, LAST_VALUE and LAG over a frame. Values are bytes that sort as the values do.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use arrow::row::Rows as EncodedRows;
use millrace_plan::{AggregateCall, Error, Result};

use super::kept::{Columns, flat, lengths};
use super::slide::{Bounds, Content, Slide};
use super::{Function, Results, Rows, Sliding};
use crate::aggregate::{ValueEncoding, list_of, list_type};

/// Numbers and short texts lie in place.
const SHORT_BYTES: usize = 22;

/// An encoded value.
#[derive(Debug, Clone)]
enum Value {
    Short(u8, [u8; SHORT_BYTES]),
    Long(Box<[u8]>),
}

impl Value {
    fn of(bytes: &[u8]) -> Value {
        let mut short = [0; SHORT_BYTES];
        match short.get_mut(..bytes.len()) {
            Some(own) => {
                own.copy_from_slice(bytes);
                Value::Short(bytes.len() as u8, short)
            }
            None => Value::Long(bytes.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Value::Short(length, bytes) => &bytes[..*length as usize],
            Value::Long(bytes) => bytes,
        }
    }
}

/// Which value of a frame is the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Least,
    Greatest,
    First,
    Last,
}

/// The values that are, or may yet become, the result; the result is the first of them, but for
/// [`Which::Last`].
struct Candidates {
    which: Which,
    /// Rows leave: what is behind the result may follow it.
    leave: bool,
    encoding: ValueEncoding,
}

impl Content for Candidates {
    type Value = Option<Value>;
    type State = VecDeque<Value>;

    fn add(&mut self, _: usize, state: &mut VecDeque<Value>, value: &Option<Value>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        let beaten = |other: &Value| match self.which {
            Which::Least => value.bytes() < other.bytes(),
            Which::Greatest => value.bytes() > other.bytes(),
            Which::First => false,
            Which::Last => !self.leave,
        };
        while state.back().is_some_and(beaten) {
            state.pop_back();
        }
        if self.leave || state.is_empty() {
            state.push_back(value.clone());
        }
        Ok(())
    }

    fn remove(&mut self, _: usize, state: &mut VecDeque<Value>, value: &Option<Value>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        // A value that a later one has beaten is gone already.
        if state.front().is_some_and(|first| first.bytes() == value.bytes()) {
            state.pop_front();
        }
        Ok(())
    }
}

/// One value of a group, if no row leaves.
impl Columns for Candidates {
    const DERIVED: bool = true;

    fn value_types(&self) -> Vec<DataType> {
        vec![self.encoding.data_type().clone()]
    }

    fn values(&self, values: &[&Option<Value>]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.encoding.decode(values.iter().map(|value| value.as_ref().map(Value::bytes)))?])
    }

    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<Option<Value>>> {
        read(&self.encoding, &columns[0])
    }

    fn state_types(&self) -> Vec<DataType> {
        self.value_types()
    }

    fn states(&self, _: &[u32], states: &[&VecDeque<Value>]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.encoding.decode(states.iter().map(|own| own.front().map(Value::bytes)))?])
    }

    fn read_states(&mut self, _: &[u32], columns: &[ArrayRef]) -> Result<Vec<VecDeque<Value>>> {
        let values = read(&self.encoding, &columns[0])?;
        Ok(values.into_iter().map(|value| value.into_iter().collect()).collect())
    }
}

/// MIN, MAX, FIRST_VALUE or LAST_VALUE.
struct Pick {
    slide: Slide<Candidates>,
}

/// MIN, MAX, FIRST_VALUE or LAST_VALUE over frames.
pub fn create(call: &AggregateCall, bounds: Bounds) -> Result<Box<dyn Function>> {
    let which = match call.function.as_str() {
        "min" => Which::Least,
        "max" => Which::Greatest,
        "first_value" => Which::First,
        _ => Which::Last,
    };
    let encoding = ValueEncoding::new(argument(call)?)?;
    let content = Candidates { which, leave: bounds.is_bounded(), encoding };
    Ok(Box::new(Pick { slide: Slide::new(content, bounds) }))
}

fn argument(call: &AggregateCall) -> Result<&DataType> {
    call.arg_types.first().ok_or_else(|| Error::bug(format!("{} without an argument", call.function)))
}

/// The encoded values of a column, NULL as `None`.
fn values(column: &ArrayRef, encoded: &EncodedRows) -> impl Iterator<Item = Option<Value>> {
    let nulls = column.logical_nulls();
    (0..column.len()).map(move |row| {
        let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        valid.then(|| Value::of(encoded.row(row).as_ref()))
    })
}

/// The values of a column, NULL as `None`.
fn read(encoding: &ValueEncoding, column: &ArrayRef) -> Result<Vec<Option<Value>>> {
    let encoded = encoding.encode(column)?;
    Ok(values(column, &encoded).collect())
}

fn decoded(encoding: &ValueEncoding, results: &[Option<Value>]) -> Result<Results> {
    Ok((encoding.decode(results.iter().map(|value| value.as_ref().map(Value::bytes)))?, vec![]))
}

impl Sliding for Pick {
    type Content = Candidates;

    fn slide(&self) -> &Slide<Candidates> {
        &self.slide
    }

    fn slide_mut(&mut self) -> &mut Slide<Candidates> {
        &mut self.slide
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        let encoded = self.slide.content.encoding.encode(&args[0])?;
        let mut results: Vec<Option<Value>> = Vec::with_capacity(rows.groups.len());
        self.slide.run(rows, values(&args[0], &encoded), |content, _, state, same| {
            let result = if content.which == Which::Last { state.back() } else { state.front() };
            results.extend(std::iter::repeat_n(result.cloned(), same));
            Ok(())
        })?;
        decoded(&self.slide.content.encoding, &results)
    }
}

/// The last values of a group and the default that came with the last of them.
struct Recent {
    back: usize,
    encoding: ValueEncoding,
}

impl Content for Recent {
    type Value = (Option<Value>, Option<Value>);
    type State = (VecDeque<Option<Value>>, Option<Value>);

    fn add(
        &mut self,
        _: usize,
        (values, default): &mut Self::State,
        (value, own): &Self::Value,
    ) -> Result<()> {
        values.push_back(value.clone());
        if values.len() > self.back + 1 {
            values.pop_front();
        }
        default.clone_from(own);
        Ok(())
    }

    fn remove(&mut self, _: usize, _: &mut Self::State, _: &Self::Value) -> Result<()> {
        Ok(())
    }
}

/// The values: a default comes with the next row.
impl Columns for Recent {
    const DERIVED: bool = false;

    fn value_types(&self) -> Vec<DataType> {
        vec![self.encoding.data_type().clone(); 2]
    }

    fn values(&self, values: &[&Self::Value]) -> Result<Vec<ArrayRef>> {
        let column = |of: fn(&Self::Value) -> &Option<Value>| {
            self.encoding.decode(values.iter().map(|own| of(own).as_ref().map(Value::bytes)))
        };
        Ok(vec![column(|(value, _)| value)?, column(|(_, default)| default)?])
    }

    fn read_values(&self, columns: &[ArrayRef]) -> Result<Vec<Self::Value>> {
        let defaults = read(&self.encoding, &columns[1])?;
        Ok(read(&self.encoding, &columns[0])?.into_iter().zip(defaults).collect())
    }

    fn state_types(&self) -> Vec<DataType> {
        vec![list_type(self.encoding.data_type().clone())]
    }

    fn states(&self, _: &[u32], states: &[&Self::State]) -> Result<Vec<ArrayRef>> {
        let lengths = states.iter().map(|(values, _)| values.len()).collect();
        let values: Vec<Option<&[u8]>> = states
            .iter()
            .flat_map(|(values, _)| values.iter().map(|own| own.as_ref().map(Value::bytes)))
            .collect();
        Ok(vec![list_of(self.encoding.decode(values.into_iter())?, lengths)])
    }

    fn read_states(&mut self, _: &[u32], columns: &[ArrayRef]) -> Result<Vec<Self::State>> {
        let mut values = read(&self.encoding, &flat(&columns[0]))?.into_iter();
        let of_group = |length| (values.by_ref().take(length).collect(), None);
        Ok(lengths(&columns[0]).into_iter().map(of_group).collect())
    }
}

/// LAG. Rows of the same time see each other, as in Flink: all of them get what lies so many rows before
/// the last of them.
struct Lag {
    slide: Slide<Recent>,
}

/// LAG(value, rows back, default).
pub fn lag(call: &AggregateCall, bounds: Bounds) -> Result<Box<dyn Function>> {
    let back = call.constants.first().and_then(|text| text.parse().ok()).unwrap_or(1);
    let encoding = ValueEncoding::new(argument(call)?)?;
    Ok(Box::new(Lag { slide: Slide::new(Recent { back, encoding }, bounds) }))
}

impl Sliding for Lag {
    type Content = Recent;

    fn slide(&self) -> &Slide<Recent> {
        &self.slide
    }

    fn slide_mut(&mut self) -> &mut Slide<Recent> {
        &mut self.slide
    }

    fn run(&mut self, rows: &Rows, args: &[ArrayRef]) -> Result<Results> {
        let encoded = self.slide.content.encoding.encode(&args[0])?;
        let own = values(&args[0], &encoded);
        let encoding = &self.slide.content.encoding;
        let other = args.get(1).map(|default| Ok::<_, Error>((default, encoding.encode(default)?)));
        let other = other.transpose()?;
        let mut defaults = other.as_ref().map(|(default, encoded)| values(default, encoded));
        let pairs = own.map(|value| (value, defaults.as_mut().and_then(|own| own.next().flatten())));
        let mut results: Vec<Option<Value>> = Vec::with_capacity(rows.groups.len());
        self.slide.run(rows, pairs, |content, _, (values, default), same| {
            let result = match values.len() > content.back {
                true => values.front().cloned().flatten(),
                false => default.clone(),
            };
            results.extend(std::iter::repeat_n(result, same));
            Ok(())
        })?;
        decoded(&self.slide.content.encoding, &results)
    }
}
