//! Numbers for the parts of a state that comes and goes in pieces, such as panes.

use std::collections::BTreeMap;
use std::ops::Range;

/// Part numbers that a piece has for itself.
const PARTS: u64 = 1 << 32;

/// The pieces that the last checkpoint knew, each with a block of part numbers.
#[derive(Debug)]
pub struct Blocks<K> {
    known: BTreeMap<K, Block>,
    next: u64,
    /// What the last snapshot said was gone.
    gone_before: Vec<Range<u64>>,
}

#[derive(Debug)]
struct Block {
    number: u64,
    /// The last snapshot held all of the piece.
    fresh: bool,
}

impl Block {
    fn parts(&self) -> Range<u64> {
        self.number * PARTS..(self.number + 1) * PARTS
    }
}

impl<K> Default for Blocks<K> {
    fn default() -> Self {
        Blocks { known: BTreeMap::new(), next: 0, gone_before: vec![] }
    }
}

impl<K: Ord> Blocks<K> {
    /// A snapshot begins: forgets the pieces that are not there any more. Answers the parts that are gone
    /// since the last snapshot, or since one before it if that was `lost`.
    pub fn keep(&mut self, lost: bool, is_there: impl Fn(&K) -> bool) -> Vec<Range<u64>> {
        let mut gone = if lost { std::mem::take(&mut self.gone_before) } else { vec![] };
        self.known.retain(|key, block| {
            let there = is_there(key);
            if !there {
                gone.push(block.parts());
            }
            there
        });
        self.gone_before.clone_from(&gone);
        gone
    }

    /// True if a snapshot of changes must hold all of a piece: it is new, or was when the last snapshot was `lost`.
    pub fn is_new(&self, key: &K, lost: bool) -> bool {
        self.known.get(key).is_none_or(|block| lost && block.fresh)
    }

    /// The part numbers of a piece; `whole`: the snapshot holds all of it, and so replaces them.
    pub fn place(&mut self, key: K, whole: bool) -> Range<u64> {
        let next = &mut self.next;
        let block = self.known.entry(key).or_insert_with(|| {
            *next += 1;
            Block { number: *next - 1, fresh: whole }
        });
        block.fresh = whole;
        block.parts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_keeps_its_numbers_until_it_goes() {
        let mut own = Blocks::default();
        assert!(own.is_new(&'a', false));
        assert_eq!(own.place('a', true), 0..PARTS);
        assert_eq!(own.place('b', true), PARTS..2 * PARTS);
        // The snapshot that held them was lost: they are new to the next.
        assert_eq!(own.keep(true, |_| true), []);
        assert!(own.is_new(&'b', true) && !own.is_new(&'b', false));
        assert_eq!(own.place('b', false), PARTS..2 * PARTS);
        assert!(!own.is_new(&'b', true));
        // Gone, and said so again if nobody has heard it.
        assert_eq!(own.keep(false, |key| *key != 'a'), std::slice::from_ref(&(0..PARTS)));
        assert_eq!(own.keep(true, |_| false), [0..PARTS, PARTS..2 * PARTS]);
        assert_eq!(own.keep(false, |_| false), []);
        assert_eq!(own.place('a', true), 2 * PARTS..3 * PARTS);
    }
}
