//! The MatchRecognize operator in a checkpoint: the rows that wait, the rows that keys hold, each once, and the
//! matches that have begun, by the numbers of their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt32Type, UInt64Type};
use millrace_plan::{Error, Result};

use super::MatchRecognize;
use super::automaton::COMPLETE;
use super::evaluate::gathered;
use super::rows::{At, Candidate, Held};
use crate::aggregate::{list_of, list_type};
use crate::checkpoint::{OperatorState, as_layout};
use crate::operator::results::record;

/// A table of a checkpoint: the rows that wait for the watermark.
const PENDING: &str = "pending";

/// A table of a checkpoint: the rows that keys hold.
const ROWS: &str = "rows";

/// A table of a checkpoint: the matches that have begun, and those that are complete and wait.
const MATCHES: &str = "matches";

/// Rows or matches of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

/// Rows of one key before the first that is held: more cannot have been read.
const MOST_ROWS_SEEN: u64 = 1 << 62;

impl MatchRecognize {
    /// The key hash, the key, and these.
    fn layout(&self, own: impl IntoIterator<Item = FieldRef>) -> SchemaRef {
        let hash = Arc::new(Field::new("hash", DataType::UInt64, false));
        let keys = self.store.key_types().iter().enumerate();
        let keys = keys.map(|(index, own)| Arc::new(Field::new(format!("key{index}"), own.clone(), true)));
        Arc::new(Schema::new([hash].into_iter().chain(keys).chain(own).collect::<Vec<FieldRef>>()))
    }

    fn rows_layout(&self) -> SchemaRef {
        let number = Arc::new(Field::new("number", DataType::UInt64, false));
        let time = Arc::new(Field::new("time", DataType::Int64, false));
        let columns = self.store.chunk_schema().fields().iter().enumerate();
        let columns = columns.map(|(index, own)| {
            Arc::new(Field::new(format!("column{index}"), own.data_type().clone(), true)) as FieldRef
        });
        self.layout([number, time].into_iter().chain(columns))
    }

    fn matches_layout(&self) -> SchemaRef {
        let start = Field::new("start", DataType::UInt64, false);
        let state = Field::new("state", DataType::UInt32, false);
        let counts = Field::new("counts", list_type(DataType::UInt32), true);
        self.layout([start, state, counts].map(Arc::new))
    }

    /// The key hash and the key of these keys.
    fn keys_of(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let hashes = groups.iter().map(|group| self.store.hash(*group));
        let hashes: ArrayRef = Arc::new(UInt64Array::from_iter_values(hashes));
        Ok([hashes].into_iter().chain(self.store.keys(groups)?).collect())
    }

    pub(super) fn write(&self) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        self.pending.snapshot(&self.keys)?.into_iter().for_each(|rows| state.add_keyed(PENDING, rows));
        let rows = (0..self.store.len()).flat_map(|group| {
            let key = self.store.key(group);
            let rows = key.rows.iter().enumerate();
            rows.map(move |(place, own)| (group, key.first + place as u64, *own))
        });
        let rows: Vec<(u32, u64, Held)> = rows.collect();
        for part in rows.chunks(MOST_ROWS) {
            state.add_keyed(ROWS, self.write_rows(part)?);
        }
        let matches = (0..self.store.len()).flat_map(|group| {
            let key = self.store.key(group);
            key.begun.iter().chain(&key.complete).map(move |own| (group, own))
        });
        let matches: Vec<(u32, &Candidate)> = matches.collect();
        for part in matches.chunks(MOST_ROWS) {
            state.add_keyed(MATCHES, self.write_matches(part)?);
        }
        Ok(state)
    }

    fn write_rows(&self, rows: &[(u32, u64, Held)]) -> Result<RecordBatch> {
        let groups: Vec<u32> = rows.iter().map(|(group, ..)| *group).collect();
        let mut columns = self.keys_of(&groups)?;
        columns.push(Arc::new(UInt64Array::from_iter_values(rows.iter().map(|(_, number, _)| *number))));
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|(.., own)| own.time))));
        let places: Vec<At> = rows.iter().map(|(.., own)| own.at).collect();
        for column in 0..self.store.chunk_schema().fields().len() {
            columns.push(gathered(self.store.chunks(), column, &places)?);
        }
        record(&self.rows_layout(), columns)
    }

    fn write_matches(&self, matches: &[(u32, &Candidate)]) -> Result<RecordBatch> {
        let groups: Vec<u32> = matches.iter().map(|(group, _)| *group).collect();
        let mut columns = self.keys_of(&groups)?;
        columns.push(Arc::new(UInt64Array::from_iter_values(matches.iter().map(|(_, own)| own.start))));
        columns.push(Arc::new(UInt32Array::from_iter_values(matches.iter().map(|(_, own)| own.state))));
        let counts = matches.iter().flat_map(|(_, own)| own.counts.iter().copied());
        let lengths = matches.iter().map(|(_, own)| own.counts.len()).collect();
        columns.push(list_of(Arc::new(UInt32Array::from_iter_values(counts)), lengths));
        record(&self.matches_layout(), columns)
    }

    pub(super) fn read(&mut self, state: &OperatorState) -> Result<()> {
        state.only(&[PENDING, ROWS, MATCHES])?;
        for rows in state.rows(PENDING) {
            self.pending.restore(rows, self.time)?;
        }
        let mut held: BTreeMap<u32, Vec<(u64, Held)>> = BTreeMap::new();
        for rows in state.rows(ROWS) {
            self.read_rows(rows, &mut held)?;
        }
        for (group, mut rows) in held {
            rows.sort_by_key(|(number, _)| *number);
            let first = rows[0].0;
            let follow =
                |(place, (number, _)): (usize, &(u64, Held))| number.checked_sub(first) == Some(place as u64);
            if first > MOST_ROWS_SEEN || !rows.iter().enumerate().all(follow) {
                return Err(damaged());
            }
            let mut key = self.store.take(group);
            key.first = first;
            key.rows = rows.into_iter().map(|(_, own)| own).collect();
            self.store.put(group, key);
        }
        for matches in state.rows(MATCHES) {
            self.read_matches(matches)?;
        }
        self.account.restored = self.pending.len() + self.store.held();
        Ok(())
    }

    /// The keys that these columns begin with, and where the others begin.
    fn locate(&mut self, columns: &[ArrayRef]) -> Result<(Vec<u32>, usize)> {
        let hashes = columns[0].as_primitive::<UInt64Type>().values();
        let width = 1 + self.store.key_types().len();
        let mut groups = vec![];
        self.store.intern(&columns[1..width], hashes, &mut groups)?;
        Ok((groups, width))
    }

    fn read_rows(&mut self, rows: &RecordBatch, held: &mut BTreeMap<u32, Vec<(u64, Held)>>) -> Result<()> {
        let rows = as_layout(rows.columns(), &self.rows_layout())?;
        let (groups, width) = self.locate(rows.columns())?;
        let numbers = rows.column(width).as_primitive::<UInt64Type>().values();
        let times = rows.column(width + 1).as_primitive::<Int64Type>().values();
        let chunk = self.store.add_rows(rows.columns()[width + 2..].to_vec(), rows.num_rows())?;
        for (row, group) in groups.into_iter().enumerate() {
            let own = Held { at: (chunk, row as u32), time: times[row] };
            held.entry(group).or_default().push((numbers[row], own));
        }
        Ok(())
    }

    fn read_matches(&mut self, matches: &RecordBatch) -> Result<()> {
        let matches = as_layout(matches.columns(), &self.matches_layout())?;
        let (groups, width) = self.locate(matches.columns())?;
        let starts = matches.column(width).as_primitive::<UInt64Type>().values();
        let states = matches.column(width + 1).as_primitive::<UInt32Type>().values();
        let counts = matches.column(width + 2).as_list::<i32>();
        for (row, group) in groups.into_iter().enumerate() {
            let own = counts.value(row);
            let own = own.as_primitive::<UInt32Type>().values().to_vec();
            let own = Candidate { start: starts[row], state: states[row], counts: own.into() };
            let mut key = self.store.take(group);
            let end = key.first + key.rows.len() as u64;
            let fits = own.counts.len() == self.conditions.len() && self.automaton.has(own.state);
            if !fits || own.start < key.first || own.start >= end || own.end() > end || own.end() == own.start
            {
                return Err(damaged());
            }
            match own.state {
                COMPLETE => key.complete.push(own),
                _ => key.begun.push(own),
            }
            self.store.put(group, key);
        }
        Ok(())
    }
}

fn damaged() -> Error {
    Error::data("the checkpoint holds matches without all their rows")
}
