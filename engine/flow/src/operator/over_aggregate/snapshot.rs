//! The OverAggregate operator in a checkpoint: the rows that wait, and what the functions keep of each group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use millrace_plan::{Error, Result};

use super::super::results::record;
use super::OverAggregate;
use crate::checkpoint::{OperatorState, as_layout};

/// A table of a checkpoint: the rows that wait for the watermark.
const PENDING: &str = "pending";

/// A table of a checkpoint: what each function keeps of each group.
const GROUPS: &str = "groups";

/// Groups, or rows in their frames, of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

impl OverAggregate {
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
        self.pending.snapshot(&self.keys)?.into_iter().for_each(|rows| state.add_keyed(PENDING, rows));
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
            self.pending.restore(rows, self.time)?;
        }
        for rows in state.rows(GROUPS) {
            self.read_groups(rows)?;
        }
        self.account.restored = self.pending.len();
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
