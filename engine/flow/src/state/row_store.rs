//! Rows that are kept as columns and known by slot: those of one side of a join, the last of each key.
//!
//! Rows lie in chunks as they came and are known by slot. Small chunks are merged with their neighbours, so
//! that a row is copied a few times at most however small the batches are; a chunk of which less than half is
//! left is rewritten, and an empty one is dropped. Slots of removed rows are given out again.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, SchemaRef};
use millrace_plan::{Error, Result};

/// No slot; as a slot to gather: a row of NULLs.
pub const NO_SLOT: u32 = u32::MAX;

/// Chunks are merged up to this many rows.
const MOST_MERGED_ROWS: usize = 1 << 16;

/// Chunks of fewer rows are not worth rewriting.
const FEWEST_REWRITTEN_ROWS: usize = 64;

#[derive(Default)]
struct Chunk {
    columns: Vec<ArrayRef>,
    /// The slot of each row; [`NO_SLOT`] once it is removed.
    slots: Vec<u32>,
    live: usize,
    bytes: usize,
}

#[derive(Clone, Copy)]
struct Place {
    chunk: u32,
    row: u32,
}

/// Rows by slot.
pub struct RowStore {
    types: Vec<DataType>,
    chunks: Vec<Chunk>,
    /// Numbers of chunks that hold nothing.
    spare: Vec<u32>,
    /// Chunks that may still be merged, oldest first.
    recent: Vec<u32>,
    /// Chunks that have lost rows since the last [`RowStore::settle`].
    thinned: Vec<u32>,
    places: Vec<Place>,
    free: Vec<u32>,
    live: usize,
    bytes: usize,
}

impl RowStore {
    /// Without rows, for the columns of `schema`.
    pub fn new(schema: &SchemaRef) -> Self {
        RowStore {
            types: schema.fields().iter().map(|field| field.data_type().clone()).collect(),
            chunks: vec![],
            spare: vec![],
            recent: vec![],
            thinned: vec![],
            places: vec![],
            free: vec![],
            live: 0,
            bytes: 0,
        }
    }

    /// Adds `rows` rows; fills `slots` with the slot of each. Ends with [`RowStore::settle`].
    pub fn add(&mut self, columns: Vec<ArrayRef>, rows: usize, slots: &mut Vec<u32>) -> Result<()> {
        slots.clear();
        if rows == 0 {
            return Ok(());
        }
        let chunk = self.next_chunk();
        for row in 0..rows {
            let place = Place { chunk, row: row as u32 };
            slots.push(match self.free.pop() {
                Some(slot) => {
                    self.places[slot as usize] = place;
                    slot
                }
                None => {
                    let slot = u32::try_from(self.places.len()).ok().filter(|slot| *slot != NO_SLOT);
                    let slot =
                        slot.ok_or_else(|| Error::exhausted("2^32 - 1 rows of one operator on a shard"))?;
                    self.places.push(place);
                    slot
                }
            });
        }
        self.live += rows;
        self.put(chunk, columns, slots.clone());
        self.recent.push(chunk);
        Ok(())
    }

    /// Forgets a row. Its slot may be given out again.
    pub fn remove(&mut self, slot: u32) {
        let Place { chunk, row } = self.places[slot as usize];
        let own = &mut self.chunks[chunk as usize];
        own.slots[row as usize] = NO_SLOT;
        own.live -= 1;
        self.live -= 1;
        self.free.push(slot);
        self.thinned.push(chunk);
    }

    /// Merges, rewrites and drops chunks: to be called between batches, never while places are in use.
    pub fn settle(&mut self) -> Result<()> {
        let mut thinned = std::mem::take(&mut self.thinned);
        for chunk in thinned.drain(..) {
            let own = &self.chunks[chunk as usize];
            let rows = own.slots.len();
            if own.live == 0 && rows > 0 {
                self.drop_chunk(chunk);
            } else if rows >= FEWEST_REWRITTEN_ROWS && own.live * 2 < rows {
                self.merge(&[chunk])?;
            }
        }
        self.thinned = thinned;
        while let [.., older, newer] = *self.recent.as_slice() {
            let (old, new) = (self.chunks[older as usize].live, self.chunks[newer as usize].live);
            if old > new * 2 || old + new > MOST_MERGED_ROWS {
                break;
            }
            self.merge(&[older, newer])?;
            self.recent.pop();
        }
        if self.recent.len() > usize::BITS as usize {
            self.recent.remove(0);
        }
        Ok(())
    }

    /// Column `column` of these slots.
    pub fn gather(&self, column: usize, slots: &[u32]) -> Result<ArrayRef> {
        let null = new_null_array(&self.types[column], 1);
        let mut arrays: Vec<&dyn Array> = vec![null.as_ref()];
        // The position of each chunk in `arrays`, found once for each run of rows of one chunk.
        let mut positions = rustc_hash::FxHashMap::default();
        let mut last = (u32::MAX, 0);
        let mut picked = Vec::with_capacity(slots.len());
        for slot in slots {
            if *slot == NO_SLOT {
                picked.push((0, 0));
                continue;
            }
            let Place { chunk, row } = self.places[*slot as usize];
            if chunk != last.0 {
                let position = *positions.entry(chunk).or_insert_with(|| {
                    arrays.push(self.chunks[chunk as usize].columns[column].as_ref());
                    arrays.len() - 1
                });
                last = (chunk, position);
            }
            picked.push((last.1, row as usize));
        }
        interleave(&arrays, &picked).map_err(|error| Error::bug(format!("gathering rows: {error}")))
    }

    /// The chunk and row in it of a slot.
    pub fn place(&self, slot: u32) -> (u32, usize) {
        let Place { chunk, row } = self.places[slot as usize];
        (chunk, row as usize)
    }

    /// The columns of a chunk.
    pub fn columns(&self, chunk: u32) -> &[ArrayRef] {
        &self.chunks[chunk as usize].columns
    }

    /// The slots of all rows, chunk by chunk in the order they came.
    pub fn chunks(&self) -> impl Iterator<Item = Vec<u32>> + '_ {
        let live = |chunk: &Chunk| chunk.slots.iter().copied().filter(|slot| *slot != NO_SLOT).collect();
        self.chunks.iter().filter(|chunk| chunk.live > 0).map(live)
    }

    /// Rows held.
    pub fn len(&self) -> usize {
        self.live
    }

    /// True if no row is held.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Slots there have been at a time.
    pub fn slots(&self) -> usize {
        self.places.len()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes + self.places.capacity() * size_of::<Place>() + self.free.capacity() * size_of::<u32>()
    }

    fn next_chunk(&mut self) -> u32 {
        self.spare.pop().unwrap_or_else(|| {
            self.chunks.push(Chunk::default());
            (self.chunks.len() - 1) as u32
        })
    }

    fn put(&mut self, chunk: u32, columns: Vec<ArrayRef>, slots: Vec<u32>) {
        let values: usize = columns.iter().map(|column| column.get_array_memory_size()).sum();
        let bytes = values + slots.len() * size_of::<u32>();
        self.bytes = self.bytes + bytes - self.chunks[chunk as usize].bytes;
        self.chunks[chunk as usize] = Chunk { columns, live: slots.len(), slots, bytes };
    }

    fn drop_chunk(&mut self, chunk: u32) {
        self.put(chunk, vec![], vec![]);
        self.spare.push(chunk);
        self.recent.retain(|own| *own != chunk);
    }

    /// Copies what is left of these chunks into the first of them.
    fn merge(&mut self, chunks: &[u32]) -> Result<()> {
        let all = chunks.iter().flat_map(|chunk| &self.chunks[*chunk as usize].slots);
        let slots: Vec<u32> = all.copied().filter(|slot| *slot != NO_SLOT).collect();
        let columns = (0..self.types.len()).map(|column| self.gather(column, &slots));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        for (row, slot) in slots.iter().enumerate() {
            self.places[*slot as usize] = Place { chunk: chunks[0], row: row as u32 };
        }
        self.put(chunks[0], columns, slots);
        for chunk in &chunks[1..] {
            self.put(*chunk, vec![], vec![]);
            self.spare.push(*chunk);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{Field, Int64Type, Schema};

    use super::*;

    #[test]
    fn rows_keep_their_slot_through_merges_and_removals() {
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
        let mut store = RowStore::new(&schema);
        let mut held: Vec<(u32, i64)> = vec![];
        let mut slots = vec![];
        for turn in 0..2000i64 {
            let values: Vec<i64> = (0..1 + turn % 5).map(|value| turn * 10 + value).collect();
            let rows = values.len();
            store.add(vec![Arc::new(Int64Array::from(values.clone()))], rows, &mut slots).unwrap();
            held.extend(slots.iter().copied().zip(values));
            if turn % 3 != 0 {
                let gone = held.swap_remove((turn as usize * 7) % held.len());
                store.remove(gone.0);
            }
            store.settle().unwrap();
        }
        let slots: Vec<u32> = held.iter().map(|(slot, _)| *slot).chain([NO_SLOT]).collect();
        let found = store.gather(0, &slots).unwrap();
        let found: Vec<Option<i64>> = found.as_primitive::<Int64Type>().iter().collect();
        let expected: Vec<Option<i64>> = held.iter().map(|(_, value)| Some(*value)).chain([None]).collect();
        assert_eq!(found, expected);
        assert!(store.chunks.len() < 64, "{} chunks", store.chunks.len());
        held.iter().for_each(|(slot, _)| store.remove(*slot));
        store.settle().unwrap();
        assert_eq!((store.len(), store.chunks().count()), (0, 0));
    }
}
