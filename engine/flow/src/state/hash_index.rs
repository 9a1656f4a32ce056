//! From key hashes to group numbers: an open-addressing table with linear probing, at most half full.
//!
//! A slot is 8 bytes and most lookups end in the first few, which share a cache line. A batch is looked up
//! without branches, so that the cache misses of many rows overlap and no guess about a key goes wrong. It
//! does not know the keys: the caller says which candidate is the same.

use std::hint::{black_box, select_unpredictable};

/// The group of an empty slot.
pub const NO_GROUP: u32 = u32::MAX;

const FEWEST_SLOTS: usize = 16;

/// Slots that a lookup of a batch looks at; half-full tables hold nearly all groups this near to their home.
const NEAR: usize = 4;

/// The upper half of the hash, to skip most comparisons, and the group.
type Slot = u64;

const EMPTY: Slot = NO_GROUP as u64;

const TAG: u64 = !(NO_GROUP as u64);

/// The table. Groups are numbered from 0 in the order they were added.
pub struct HashIndex {
    /// A power of two of home slots, and a few more so that the last one has all its near ones behind it.
    slots: Vec<Slot>,
    groups: usize,
}

impl HashIndex {
    /// Without groups.
    pub fn new() -> Self {
        HashIndex { slots: vec![EMPTY; FEWEST_SLOTS + NEAR], groups: 0 }
    }

    /// Home slots less one: the bits of a hash that choose one.
    #[inline]
    fn mask(&self) -> usize {
        self.slots.len() - NEAR - 1
    }

    /// Fills `groups` with a candidate for each hash: a group near its home slot with an equal tag, else
    /// [`NO_GROUP`].
    pub fn candidates(&self, hashes: &[u64], groups: &mut Vec<u32>) {
        let (slots, mask) = (self.slots.as_slice(), self.mask());
        groups.clear();
        groups.extend(hashes.iter().map(|hash| {
            let home = *hash as usize & mask;
            let near = slots[home..home + NEAR].iter().rev();
            near.fold(EMPTY, |found, slot| select_unpredictable((slot ^ hash) & TAG == 0, *slot, found))
                as u32
        }));
    }

    /// The group with this hash that is the `same`; if there is none, the next group is added (its number
    /// is the count of groups before). `hashes` are the hashes of all groups so far.
    pub fn find_or_add(&mut self, hash: u64, hashes: &[u64], same: impl Fn(usize) -> bool) -> u32 {
        let mut at = hash as usize & self.mask();
        loop {
            let slot = self.slots[at];
            let group = slot as u32;
            if group == NO_GROUP {
                break;
            }
            if (slot ^ hash) & TAG == 0 && same(group as usize) {
                return group;
            }
            at = self.after(at);
        }
        let group = self.groups as u32;
        assert!(group != NO_GROUP, "a table has at most 2^32 - 1 groups");
        self.groups += 1;
        match self.groups * 2 > self.mask() + 1 {
            true => {
                self.grow((self.mask() + 1) * 2, hashes);
                self.put(group as usize, hash);
            }
            false => self.slots[at] = hash & TAG | group as u64,
        }
        group
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// Makes room for so many groups more, of which none is there yet; `hashes` are those of all groups so far.
    pub fn reserve(&mut self, groups: usize, hashes: &[u64]) {
        let homes = ((self.groups + groups) * 2).next_power_of_two();
        if homes > self.mask() + 1 {
            self.grow(homes, hashes);
        }
    }

    /// A table of so many home slots with these groups.
    fn grow(&mut self, homes: usize, hashes: &[u64]) {
        /// Groups whose slots are fetched together: misses of the cache that do not wait for each other.
        const TOGETHER: usize = 32;
        self.slots.clear();
        self.slots.resize(homes + NEAR, EMPTY);
        let mask = self.mask();
        for (chunk, hashes) in hashes.chunks(TOGETHER).enumerate() {
            black_box(hashes.iter().fold(0, |all, hash| all ^ self.slots[*hash as usize & mask]));
            for (place, hash) in hashes.iter().enumerate() {
                self.put(chunk * TOGETHER + place, *hash);
            }
        }
    }

    fn put(&mut self, group: usize, hash: u64) {
        let mut at = hash as usize & self.mask();
        while self.slots[at] != EMPTY {
            at = self.after(at);
        }
        self.slots[at] = hash & TAG | group as u64;
    }

    /// Forgets all groups and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.groups = 0;
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_collide_stay_apart() {
        let mut index = HashIndex::new();
        // Three keys to a hash, and many hashes in one home slot of a small table.
        let key_hash = |key: usize| ((key / 3) as u64) << 40 | (key as u64 / 15) << 10;
        let mut hashes = vec![];
        for key in 0..300 {
            let group = index.find_or_add(key_hash(key), &hashes, |group| group == key);
            assert_eq!(group as usize, key);
            hashes.push(key_hash(key));
        }
        for key in 0..300 {
            assert_eq!(index.find_or_add(key_hash(key), &hashes, |group| group == key) as usize, key);
        }
        index.clear();
        let mut candidates = vec![];
        index.candidates(&hashes, &mut candidates);
        assert!(candidates.iter().all(|group| *group == NO_GROUP));
    }
}
