//! One side of a join: its rows, chained by key.

use std::collections::hash_map::Entry;

use arrow::array::{ArrayRef, DynComparator, make_comparator};
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use hashbrown::HashTable;
use millrace_plan::{Error, Result};
use rustc_hash::FxHashMap;

use crate::state::{NO_SLOT, RowStore};

/// What is known of a stored row beside its columns.
#[derive(Clone, Copy)]
pub struct Link {
    /// Its key's number.
    pub key: u32,
    /// Its partners on the other side.
    pub partners: u32,
    /// The hash of the whole row; 0 where no row is ever taken back.
    pub hash: u64,
    /// Its row time, in milliseconds, or when it was last written if it is forgotten by the clock; 0 where time
    /// does not matter; `i64::MIN` once it is removed.
    pub time: i64,
    /// The watermark of its split just before it; when it was last written if it is forgotten by the clock.
    pub watermark: i64,
    /// The next older row of its key.
    pub next: u32,
    /// The next newer row of its key.
    pub previous: u32,
}

impl Link {
    /// A row of key `key`, not yet in its chain.
    pub fn new(key: u32, partners: u32) -> Self {
        let (next, previous) = (NO_SLOT, NO_SLOT);
        Link { key, partners, hash: 0, time: 0, watermark: 0, next, previous }
    }
}

/// The rows of one input.
pub struct Side {
    /// The columns.
    pub store: RowStore,
    /// The newest row of each key.
    heads: Vec<u32>,
    links: Vec<Link>,
    /// Slots by the hash of the whole row, if rows may be taken back.
    rows: Option<HashTable<u32>>,
}

impl Side {
    /// Without rows of `schema`; `retracting` = rows may be taken back.
    pub fn new(schema: &SchemaRef, retracting: bool) -> Self {
        let rows = retracting.then(HashTable::new);
        Side { store: RowStore::new(schema), heads: vec![], links: vec![], rows }
    }

    /// True if rows may be taken back.
    pub fn may_retract(&self) -> bool {
        self.rows.is_some()
    }

    /// Makes room for `keys` keys.
    pub fn reserve(&mut self, keys: usize) {
        self.heads.resize(keys.max(self.heads.len()), NO_SLOT);
        self.links.resize(self.store.slots(), Link::new(0, 0));
    }

    /// Puts a stored row into the chain of its key.
    pub fn link(&mut self, slot: u32, link: Link) {
        let head = &mut self.heads[link.key as usize];
        if let Some(next) = self.links.get_mut(*head as usize) {
            next.previous = slot;
        }
        self.links[slot as usize] = Link { next: *head, previous: NO_SLOT, ..link };
        *head = slot;
        let links = &self.links;
        if let Some(rows) = &mut self.rows {
            rows.insert_unique(link.hash, slot, |own| links[*own as usize].hash);
        }
    }

    /// Takes a row out of its chain and forgets it.
    pub fn remove(&mut self, slot: u32) {
        let Link { key, hash, next, previous, .. } = self.links[slot as usize];
        match self.links.get_mut(previous as usize) {
            Some(before) => before.next = next,
            None => self.heads[key as usize] = next,
        }
        if let Some(after) = self.links.get_mut(next as usize) {
            after.previous = previous;
        }
        if let Some(rows) = &mut self.rows
            && let Ok(entry) = rows.find_entry(hash, |own| *own == slot)
        {
            entry.remove();
        }
        self.links[slot as usize].time = i64::MIN;
        self.store.remove(slot);
    }

    /// Notes that a row has been written.
    pub fn write(&mut self, slot: u32, now_ms: i64) {
        let link = &mut self.links[slot as usize];
        (link.time, link.watermark) = (now_ms, now_ms);
    }

    /// The newest row of a key, or [`NO_SLOT`].
    pub fn first(&self, key: u32) -> u32 {
        self.heads.get(key as usize).copied().unwrap_or(NO_SLOT)
    }

    /// The row before `slot` in its chain, or [`NO_SLOT`].
    pub fn next(&self, slot: u32) -> u32 {
        self.links[slot as usize].next
    }

    /// What is known of a row.
    pub fn of(&self, slot: u32) -> &Link {
        &self.links[slot as usize]
    }

    /// The number of partners of a row, to change it.
    pub fn partners(&mut self, slot: u32) -> &mut u32 {
        &mut self.links[slot as usize].partners
    }

    /// A stored row that equals row `row` of `columns`, whose hash is `hash`.
    pub fn find(
        &self,
        hash: u64,
        columns: &[ArrayRef],
        row: usize,
        equality: &mut Equality,
    ) -> Result<Option<u32>> {
        let Some(rows) = &self.rows else { return Ok(None) };
        for slot in rows.iter_hash(hash) {
            let (chunk, place) = self.store.place(*slot);
            if self.links[*slot as usize].hash == hash
                && equality.holds(chunk, self.store.columns(chunk), place, columns, row)?
            {
                return Ok(Some(*slot));
            }
        }
        Ok(None)
    }

    /// Gives keys other numbers: `numbers[old]`.
    pub fn renumber(&mut self, numbers: &[u32], keys: usize) {
        let mut heads = vec![NO_SLOT; keys];
        for (old, head) in self.heads.iter().enumerate().filter(|(_, head)| **head != NO_SLOT) {
            heads[numbers[old] as usize] = *head;
            let mut slot = *head;
            while slot != NO_SLOT {
                let link = &mut self.links[slot as usize];
                link.key = numbers[old];
                slot = link.next;
            }
        }
        self.heads = heads;
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, HashTable::allocation_size);
        let words = self.heads.capacity() * size_of::<u32>() + self.links.capacity() * size_of::<Link>();
        self.store.bytes() + words + rows
    }
}

/// Compares rows of one batch with stored rows. Holds only while chunks stay as they are.
#[derive(Default)]
pub struct Equality {
    comparators: FxHashMap<u32, Vec<DynComparator>>,
}

impl Equality {
    fn holds(
        &mut self,
        chunk: u32,
        stored: &[ArrayRef],
        place: usize,
        columns: &[ArrayRef],
        row: usize,
    ) -> Result<bool> {
        let made = match self.comparators.entry(chunk) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(empty) => {
                let pairs = stored.iter().zip(columns);
                let made = pairs.map(|(own, other)| {
                    make_comparator(own.as_ref(), other.as_ref(), SortOptions::default())
                });
                let made = made.collect::<std::result::Result<Vec<_>, _>>();
                empty.insert(
                    made.map_err(|error| Error::query(format!("rows that cannot be compared: {error}")))?,
                )
            }
        };
        Ok(made.iter().all(|compare| compare(place, row).is_eq()))
    }
}
