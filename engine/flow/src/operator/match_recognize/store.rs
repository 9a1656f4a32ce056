//! What is held of all keys: the rows as columns, in chunks, and for each key the rows and matches that it has.
//!
//! A chunk holds the rows that came together. When most of them are no longer held by any key, the others move to a
//! chunk of their own; keys of which nothing is held are forgotten in the same way.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use millrace_plan::{Error, Result};
use std::sync::Arc;

use super::evaluate::{Chunks, gathered, rows_of};
use super::rows::{At, Candidate, Held, KeyRows, LEAST_ROWS};
use crate::state::GroupTable;

/// Rows that may lie in chunks without being held, beyond as many as are held.
const SPARE_ROWS: usize = 256;

/// Chunks that may be there at once.
const MOST_CHUNKS: usize = 64;

/// Keys of which nothing is held that may be known, beyond as many as something is held of.
const SPARE_KEYS: usize = 1024;

/// Rows and matches by key.
pub struct Store {
    columns: Vec<usize>,
    chunk_schema: SchemaRef,
    key_types: Vec<DataType>,
    table: GroupTable,
    keys: Vec<KeyRows>,
    chunks: Chunks,
    /// Rows in all chunks.
    stored: usize,
    /// Rows that keys hold.
    held: usize,
    /// Keys that hold rows.
    live: usize,
    candidates: usize,
    /// Complete matches that wait.
    waiting: usize,
}

impl Store {
    /// Nothing is held. `columns` are the columns of `input` that chunks keep.
    pub fn new(input: &SchemaRef, keys: &[usize], columns: Vec<usize>) -> Result<Self> {
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let fields: Vec<_> = columns.iter().map(|column| input.fields()[*column].clone()).collect();
        let nullable = fields.iter().map(|own| own.as_ref().clone().with_nullable(true)).collect::<Vec<_>>();
        Ok(Store {
            columns,
            chunk_schema: Arc::new(Schema::new(nullable)),
            table: GroupTable::new(&key_types)?,
            key_types,
            keys: vec![],
            chunks: vec![],
            stored: 0,
            held: 0,
            live: 0,
            candidates: 0,
            waiting: 0,
        })
    }

    /// The columns of chunks.
    pub fn chunk_schema(&self) -> &SchemaRef {
        &self.chunk_schema
    }

    /// The types of the key columns.
    pub fn key_types(&self) -> &[DataType] {
        &self.key_types
    }

    /// The column of chunks that an input column is.
    pub fn position(&self, column: usize) -> usize {
        self.columns.partition_point(|own| *own < column)
    }

    /// Fills `groups` with the key of each row.
    pub fn intern(&mut self, keys: &[ArrayRef], hashes: &[u64], groups: &mut Vec<u32>) -> Result<()> {
        self.table.intern(keys, hashes, groups)?;
        self.keys.resize_with(self.table.len(), KeyRows::default);
        Ok(())
    }

    /// Keeps the columns of rows that come together; answers the number of their chunk.
    pub fn add_chunk(&mut self, input: &RecordBatch) -> Result<u32> {
        let columns = self.columns.iter().map(|column| input.column(*column).clone()).collect();
        self.add_rows(columns, input.num_rows())
    }

    /// Keeps rows that have the columns of chunks; answers the number of their chunk.
    pub fn add_rows(&mut self, columns: Vec<ArrayRef>, count: usize) -> Result<u32> {
        self.chunks.push(rows_of(&self.chunk_schema, columns, count)?);
        self.stored += count;
        Ok(self.chunks.len() as u32 - 1)
    }

    /// The chunks.
    pub fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// One chunk.
    pub fn chunk(&self, number: u32) -> &RecordBatch {
        &self.chunks[number as usize]
    }

    /// Keys there are.
    pub fn len(&self) -> u32 {
        self.keys.len() as u32
    }

    /// What is held of a key.
    pub fn key(&self, group: u32) -> &KeyRows {
        &self.keys[group as usize]
    }

    /// Takes out what is held of a key, to be put back.
    pub fn take(&mut self, group: u32) -> KeyRows {
        let own = std::mem::take(&mut self.keys[group as usize]);
        self.held -= own.rows.len();
        self.live -= usize::from(!own.rows.is_empty());
        self.candidates -= own.candidates();
        self.waiting -= own.complete.len();
        own
    }

    /// Puts back what is held of a key.
    pub fn put(&mut self, group: u32, own: KeyRows) {
        self.held += own.rows.len();
        self.live += usize::from(!own.rows.is_empty());
        self.candidates += own.candidates();
        self.waiting += own.complete.len();
        self.keys[group as usize] = own;
    }

    /// The key columns of these keys.
    pub fn keys(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        self.table.keys(groups)
    }

    /// The hash of a key.
    pub fn hash(&self, group: u32) -> u64 {
        self.table.hashes()[group as usize]
    }

    /// The least time of the last rows of complete matches that wait.
    pub fn first_waiting(&self) -> Option<i64> {
        if self.waiting == 0 {
            return None;
        }
        let times =
            self.keys.iter().flat_map(|key| key.complete.iter().map(|own| key.get(own.end() - 1).time));
        times.min()
    }

    /// Rows that keys hold.
    pub fn held(&self) -> u64 {
        self.held as u64
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(|own| own.get_array_memory_size()).sum();
        let variables = size_of::<Candidate>() + 16;
        let room = size_of::<KeyRows>() + LEAST_ROWS * size_of::<Held>();
        let keys = self.table.bytes() + self.keys.capacity() * room;
        chunks + keys + self.held * size_of::<Held>() + self.candidates * variables
    }

    /// Forgets rows and keys that are not held, if they are many.
    pub fn tidy(&mut self) -> Result<()> {
        if self.held == 0 {
            self.chunks.clear();
            self.stored = 0;
        }
        if self.stored > 2 * self.held + SPARE_ROWS || self.chunks.len() > MOST_CHUNKS {
            self.compact()?;
        }
        if self.keys.len() > 2 * self.live + SPARE_KEYS {
            self.forget_keys()?;
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        let mut rows: Vec<At> = Vec::with_capacity(self.held);
        for own in self.keys.iter_mut().flat_map(|key| &mut key.rows) {
            rows.push(own.at);
            own.at = (0, rows.len() as u32 - 1);
        }
        let columns = (0..self.columns.len()).map(|column| gathered(&self.chunks, column, &rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        self.chunks = vec![rows_of(&self.chunk_schema, columns, rows.len())?];
        self.stored = rows.len();
        Ok(())
    }

    fn forget_keys(&mut self) -> Result<()> {
        let live: Vec<u32> =
            (0..self.len()).filter(|group| !self.keys[*group as usize].rows.is_empty()).collect();
        let columns = self.table.keys(&live)?;
        let hashes: Vec<u64> = live.iter().map(|group| self.hash(*group)).collect();
        let mut table = GroupTable::new(&self.key_types)?;
        let mut groups = vec![];
        table.intern(&columns, &hashes, &mut groups)?;
        if groups.iter().enumerate().any(|(place, group)| place != *group as usize) {
            return Err(Error::bug("keys of MATCH_RECOGNIZE are not what they were"));
        }
        self.keys = live.iter().map(|group| std::mem::take(&mut self.keys[*group as usize])).collect();
        self.table = table;
        Ok(())
    }
}
