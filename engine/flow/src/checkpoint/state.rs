//! What one operator holds at a barrier: named tables of Arrow rows.
//!
//! A snapshot must be of use at any shard count, so a table says who needs its rows again: the owner of each
//! row's key, or every shard. The operator that reads a table back never sees which shard wrote it; rows of one
//! table may come in several batches, in any order of shards.
//!
//! A snapshot may hold only what has changed since the one before. Rows of a table are then told apart by the part of
//! the state they belong to, such as a group: what is held of a part replaces what earlier snapshots held of it
//! ([`super::merged`]).

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Schema, SchemaRef, UInt64Type};
use millrace_plan::{Error, Result};

/// The column of [`Placement::Keyed`] rows that holds the key hash.
pub const KEY_HASH: usize = 0;

/// Which shards need the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The first column is the hash of the row's key (UInt64, never null), the one by which the operator's
    /// exchange routes; the shard that owns the hash gets the row.
    Keyed,
    /// Every shard gets the rows of all shards: what belongs to splits, which may be read elsewhere next time.
    Everywhere,
}

/// Rows of one kind that an operator holds.
#[derive(Debug, Clone, PartialEq)]
pub struct StateTable {
    /// Its name within the operator; the name of what is inside, such as `groups` or `panes`.
    pub name: String,
    /// Who needs it.
    pub placement: Placement,
    /// The rows.
    pub rows: RecordBatch,
    /// The part of the state that each row belongs to, a number of the writer's own; empty if the table has no parts.
    pub parts: Vec<u64>,
    /// Parts of which earlier snapshots may hold rows, and that are gone.
    pub gone: Vec<Range<u64>>,
}

/// Parts of a state that are given at once, if it is given in pieces: about a megabyte.
pub const PIECE_PARTS: usize = 1 << 14;

impl StateTable {
    /// Keyed rows of parts of the state, one part after the other.
    pub fn of_parts(name: &str, rows: RecordBatch, parts: Vec<u64>) -> StateTable {
        StateTable { name: name.into(), placement: Placement::Keyed, rows, parts, gone: vec![] }
    }

    /// Tables of the same name and columns as one; there is at least one.
    pub fn joined(mut tables: Vec<StateTable>) -> Result<StateTable> {
        let Some(first) = tables.first().filter(|_| tables.len() > 1) else {
            return tables.pop().ok_or_else(|| Error::bug("no tables to join"));
        };
        let rows = concat_batches(&first.rows.schema(), tables.iter().map(|own| &own.rows))
            .map_err(|error| Error::bug(format!("joining tables of state: {error}")))?;
        let parts = tables.iter().flat_map(|own| &own.parts).copied().collect();
        Ok(StateTable { rows, parts, ..tables.swap_remove(0) })
    }
}

/// Whether a state is all of what an operator holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// What has changed since the snapshot before. A table without parts replaces the earlier ones of its name; one
    /// that is missing has not changed.
    Changes,
}

/// Everything an operator holds, or what has changed of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OperatorState {
    /// Whether this is all.
    pub extent: Extent,
    /// The tables; several may have the same name.
    pub tables: Vec<StateTable>,
}

impl OperatorState {
    /// The state of an operator that holds nothing between two rows.
    pub fn none() -> Self {
        OperatorState::default()
    }

    /// Nothing yet, of this extent.
    pub fn new(extent: Extent) -> Self {
        OperatorState { extent, tables: vec![] }
    }

    /// Adds rows that belong to the owners of their keys. Their first column is the key hash.
    pub fn add_keyed(&mut self, name: &str, rows: RecordBatch) {
        self.add(name, Placement::Keyed, rows);
    }

    /// Adds rows that every shard needs.
    pub fn add_everywhere(&mut self, name: &str, rows: RecordBatch) {
        self.add(name, Placement::Everywhere, rows);
    }

    fn add(&mut self, name: &str, placement: Placement, rows: RecordBatch) {
        self.add_table(StateTable { name: name.into(), placement, rows, parts: vec![], gone: vec![] });
    }

    /// Adds keyed rows of parts of the state, one part after the other, and which parts are gone; of a part that is
    /// here too, what was there before.
    pub fn add_parts(&mut self, name: &str, rows: RecordBatch, parts: Vec<u64>, gone: Vec<Range<u64>>) {
        self.add_table(StateTable { gone, ..StateTable::of_parts(name, rows, parts) });
    }

    /// Says that these parts of a table are gone.
    pub fn add_gone(&mut self, name: &str, gone: impl Iterator<Item = u32>) {
        self.add_gone_ranges(name, gone.map(|part| u64::from(part)..u64::from(part) + 1).collect());
    }

    /// Says that the parts in these ranges are gone from a table.
    pub fn add_gone_ranges(&mut self, name: &str, gone: Vec<Range<u64>>) {
        self.add_parts(name, RecordBatch::new_empty(Arc::new(Schema::empty())), vec![], gone);
    }

    /// Adds a table, unless it says nothing.
    pub fn add_table(&mut self, table: StateTable) {
        if table.rows.num_rows() > 0 || !table.gone.is_empty() {
            self.tables.push(table);
        }
    }

    /// The rows of the tables of this name.
    pub fn rows<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a RecordBatch> {
        self.tables.iter().filter(move |own| own.name == name).map(|own| &own.rows)
    }

    /// Fails if there is a table that is not one of `names`: it was written by another operator or version, and
    /// to pass it over would lose what it holds.
    pub fn only(&self, names: &[&str]) -> Result<()> {
        match self.tables.iter().find(|own| !names.contains(&own.name.as_str())) {
            None => Ok(()),
            Some(own) => Err(Error::data(format!(
                "the checkpoint holds `{}`, which this operator does not know",
                own.name
            ))
            .hint("resume with the version and the script that wrote the checkpoint")),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.tables.iter().map(|own| own.rows.get_array_memory_size()).sum()
    }

    /// The part of all that is held that a shard gets which owns the key hashes that `owns` is true for.
    pub fn part(&self, owns: impl Fn(u64) -> bool) -> Result<OperatorState> {
        let mut part = OperatorState::none();
        for own in &self.tables {
            let rows = match own.placement {
                Placement::Everywhere => own.rows.clone(),
                Placement::Keyed => owned(own, &owns)?,
            };
            part.add(&own.name, own.placement, rows);
        }
        Ok(part)
    }
}

/// Columns of a table, which come from a file, as rows of `schema`. Fails if they are others.
pub fn as_layout(columns: &[ArrayRef], schema: &SchemaRef) -> Result<RecordBatch> {
    RecordBatch::try_new(schema.clone(), columns.to_vec()).map_err(|error| {
        Error::data(format!("the state in the checkpoint is not that of this query: {error}"))
            .hint("resume with the script that wrote the checkpoint")
    })
}

fn owned(table: &StateTable, owns: impl Fn(u64) -> bool) -> Result<RecordBatch> {
    let hashes = table.rows.columns().get(KEY_HASH).filter(|own| *own.data_type() == DataType::UInt64);
    let hashes = hashes.filter(|own| own.null_count() == 0);
    let Some(hashes) = hashes else {
        return Err(Error::data(format!("`{}` in the checkpoint has no key hashes", table.name)));
    };
    let hashes = hashes.as_primitive::<UInt64Type>().values();
    let keep: BooleanArray = hashes.iter().map(|hash| Some(owns(*hash))).collect();
    filter_record_batch(&table.rows, &keep)
        .map_err(|error| Error::bug(format!("telling state apart: {error}")))
}
