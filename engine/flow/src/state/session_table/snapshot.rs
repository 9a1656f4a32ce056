//! Sessions in a checkpoint: one row each, its aggregates as partial states.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use millrace_plan::{Error, Result};

use super::{NONE, Session, SessionTable};
use crate::aggregate::{number_list_type, number_lists};
use crate::checkpoint::as_layout;
use crate::window::Window;

/// Sessions of one batch of a checkpoint.
const MOST_SESSIONS: usize = 1 << 16;

/// The columns before the keys: the key hash, then what a [`Session`] is, in Int64 columns, then the rows that
/// moved its start late, in lists.
const HASH: usize = 0;
const SPLIT: usize = 1;
const START: usize = 2;
const END: usize = 3;
const TIMELY_START: usize = 4;
const ROWS: usize = 5;
const TARDY_WATERMARKS: usize = 6;
const TARDY_STARTS: usize = 7;
const OWN_COLUMNS: usize = 8;

/// The columns of sessions in a checkpoint.
fn layout(table: &SessionTable) -> SchemaRef {
    let number = |name: &str| Field::new(name, DataType::Int64, false);
    let list = |name: &str| Field::new(name, number_list_type::<Int64Type>(), false);
    let mut fields = vec![Field::new("hash", DataType::UInt64, false)];
    fields.extend(["split", "start", "end", "timely_start", "rows"].map(number));
    fields.extend(["tardy_watermarks", "tardy_starts"].map(list));
    let keys = table.key_types.iter().enumerate();
    fields.extend(keys.map(|(index, own)| Field::new(format!("key{index}"), own.clone(), true)));
    let states = table.aggregates.state_types().into_iter().enumerate();
    fields.extend(states.map(|(index, own)| Field::new(format!("state{index}"), own, true)));
    Arc::new(Schema::new(fields))
}

impl SessionTable {
    /// The sessions that are held, for a checkpoint, in parts.
    pub fn snapshot(&self) -> Result<Vec<RecordBatch>> {
        let held = (0u32..).zip(&self.sessions).filter(|(_, own)| !own.is_gone);
        let held: Vec<u32> = held.map(|(number, _)| number).collect();
        let layout = layout(self);
        held.chunks(MOST_SESSIONS).map(|part| self.part(&layout, part)).collect()
    }

    fn part(&self, layout: &SchemaRef, numbers: &[u32]) -> Result<RecordBatch> {
        let sessions = || numbers.iter().map(|number| &self.sessions[*number as usize]);
        let keys: Vec<u32> = sessions().map(|own| own.key).collect();
        let hashes = keys.iter().map(|key| self.keys.hashes()[*key as usize]);
        let number = |of: fn(&Session) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(sessions().map(of)))
        };
        let list = |of: fn(&(i64, i64)) -> i64| {
            number_lists::<Int64Type>(sessions().map(|own| own.tardy_starts.iter().map(of).collect()))
        };
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(hashes)),
            number(|own| own.split as i64),
            number(|own| own.window.start),
            number(|own| own.window.end),
            number(|own| own.timely_start),
            number(|own| own.rows as i64),
            list(|(watermark, _)| *watermark),
            list(|(_, start)| *start),
        ];
        columns.extend(self.keys.keys(&keys)?);
        columns.extend(self.aggregates.states(numbers)?);
        RecordBatch::try_new(layout.clone(), columns)
            .map_err(|error| Error::bug(format!("sessions for a checkpoint: {error}")))
    }

    /// Adds sessions of a checkpoint.
    pub fn restore(&mut self, rows: &RecordBatch) -> Result<()> {
        let rows = as_layout(rows.columns(), &layout(self))?;
        let number = |column: usize| rows.column(column).as_primitive::<Int64Type>().values();
        let list = |column: usize| rows.column(column).as_list::<i32>();
        let hashes = rows.column(HASH).as_primitive::<UInt64Type>().values();
        let (keys, states) = rows.columns()[OWN_COLUMNS..].split_at(self.key_types.len());
        let mut key_of_row = std::mem::take(&mut self.key_of_row);
        self.keys.intern(keys, hashes, &mut key_of_row)?;
        self.heads.resize(self.keys.len(), NONE);
        let first = self.sessions.len() as u32;
        for (row, key) in key_of_row.iter().enumerate() {
            let window = Window { start: number(START)[row], end: number(END)[row] };
            let found = self.sessions.len() as u32;
            let next = std::mem::replace(&mut self.heads[*key as usize], found);
            let mut session = Session::opened(*key, number(SPLIT)[row] as _, window, next);
            session.timely_start = number(TIMELY_START)[row];
            session.rows = number(ROWS)[row] as u64;
            session.tardy_starts = tardy(list(TARDY_WATERMARKS), list(TARDY_STARTS), row);
            self.sessions.push(session);
            self.ends.push(std::cmp::Reverse((window.end, found)));
        }
        if let Some(early) = &mut self.early {
            early.touch(key_of_row.iter().copied());
        }
        self.key_of_row = key_of_row;
        self.aggregates.resize(self.sessions.len());
        let numbers: Vec<u32> = (first..self.sessions.len() as u32).collect();
        self.aggregates.merge(&numbers, states)
    }
}

fn tardy(watermarks: &ListArray, starts: &ListArray, row: usize) -> Vec<(i64, i64)> {
    let (watermarks, starts) = (watermarks.value(row), starts.value(row));
    let watermarks = watermarks.as_primitive::<Int64Type>().values().iter().copied();
    watermarks.zip(starts.as_primitive::<Int64Type>().values().iter().copied()).collect()
}
