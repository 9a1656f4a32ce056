//! The OverAggregate operator in a checkpoint: the rows that wait, and what the functions keep of each group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt64Type};
use millrace_plan::{Error, Result};

use super::super::group_aggregate::record;
use super::OverAggregate;
use crate::checkpoint::{OperatorState, as_layout};
use crate::state::hash_keys;

/// A table of a checkpoint: the rows that wait for the watermark.
const PENDING: &str = "pending";

/// A table of a checkpoint: what each function keeps of each group.
const GROUPS: &str = "groups";

/// Groups, or rows in their frames, of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

/// Columns of rows that wait before their own: the key hash and the order of arrival.
const PENDING_COLUMNS: usize = 2;

impl OverAggregate {
    fn pending_layout(&self) -> SchemaRef {
        let own = ["hash", "arrival"].map(|name| Arc::new(Field::new(name, DataType::UInt64, false)));
        let input = self.pending.schema().fields().iter().enumerate();
        let input = input.map(|(index, own)| {
            Arc::new(Field::new(format!("column{index}"), own.data_type().clone(), true))
        });
        Arc::new(Schema::new(own.into_iter().chain(input).collect::<Vec<FieldRef>>()))
    }

    fn groups_layout(&self) -> SchemaRef {
        let mut fields = vec![Field::new("hash", DataType::UInt64, false)];
        let keys = self.key_types.iter().enumerate();
        fields.extend(keys.map(|(index, own)| Field::new(format!("key{index}"), own.clone(), true)));
        for (index, function) in self.functions.iter().enumerate() {
            let types = function.state_types().into_iter().enumerate();
            fields.extend(types.map(|(part, own)| Field::new(format!("state{index}_{part}"), own, true)));
        }
        Arc::new(Schema::new(fields))
    }

    pub(super) fn write(&self) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        let layout = self.pending_layout();
        for (rows, orders) in self.pending.parts(MOST_ROWS)? {
            let keys: Vec<ArrayRef> = self.keys.iter().map(|key| rows.column(*key).clone()).collect();
            let mut hashes = vec![];
            hash_keys(&keys, rows.num_rows(), &mut hashes)?;
            let own: [ArrayRef; PENDING_COLUMNS] = [Arc::new(UInt64Array::from(hashes)), Arc::new(orders)];
            let columns = own.into_iter().chain(rows.columns().iter().cloned()).collect();
            state.add_keyed(PENDING, record(&layout, columns)?);
        }
        let layout = self.groups_layout();
        let mut first = 0;
        while first < self.table.len() as u32 {
            let groups = self.next_groups(first);
            first += groups.len() as u32;
            let hashes = groups.iter().map(|group| self.table.hashes()[*group as usize]);
            let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from_iter_values(hashes))];
            columns.extend(self.table.keys(&groups)?);
            for function in &self.functions {
                columns.extend(function.state(&groups)?);
            }
            state.add_keyed(GROUPS, record(&layout, columns)?);
        }
        Ok(state)
    }

    /// The groups from `first` on that one batch of a checkpoint holds.
    fn next_groups(&self, first: u32) -> Vec<u32> {
        let mut held = 0;
        let fits = |group: &u32| {
            let fits = held < MOST_ROWS;
            held += 1 + self.functions.iter().map(|own| own.rows(*group)).sum::<usize>();
            fits
        };
        (first..self.table.len() as u32).take_while(fits).collect()
    }

    pub(super) fn read(&mut self, state: &OperatorState) -> Result<()> {
        state.only(&[PENDING, GROUPS])?;
        for rows in state.rows(PENDING) {
            self.read_pending(rows)?;
        }
        for rows in state.rows(GROUPS) {
            self.read_groups(rows)?;
        }
        self.account.restored = self.pending.len();
        Ok(())
    }

    fn read_pending(&mut self, rows: &RecordBatch) -> Result<()> {
        let Some(time) = self.time else {
            return Err(Error::data(
                "rows of the checkpoint wait for a row time that this query does not have",
            ));
        };
        let rows = as_layout(rows.columns(), &self.pending_layout())?;
        let orders = rows.column(1).as_primitive::<UInt64Type>().clone();
        let rows = as_layout(&rows.columns()[PENDING_COLUMNS..], self.pending.schema())?;
        let times = cast(rows.column(time), &DataType::Int64)
            .map_err(|error| Error::bug(format!("row time: {error}")))?;
        self.pending.restore(rows, times.as_primitive::<Int64Type>().clone(), orders);
        Ok(())
    }

    fn read_groups(&mut self, rows: &RecordBatch) -> Result<()> {
        let rows = as_layout(rows.columns(), &self.groups_layout())?;
        let hashes = rows.column(0).as_primitive::<UInt64Type>().values();
        let (keys, mut states) = rows.columns()[1..].split_at(self.key_types.len());
        let (known, mut groups) = (self.table.len(), vec![]);
        self.table.intern(keys, hashes, &mut groups)?;
        if known + groups.len() != self.table.len() {
            return Err(Error::data("the checkpoint holds a key of an OVER window twice"));
        }
        for function in &mut self.functions {
            function.resize(self.table.len());
            let (own, others) = states.split_at(function.state_types().len());
            function.restore(&groups, own)?;
            states = others;
        }
        Ok(())
    }
}
