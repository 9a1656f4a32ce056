//! The park and wake protocol: one word that remembers a wake until it is taken.
//!
//! As the token of `std::thread::park`: a wake before the park makes the park return at once, so none is
//! lost. Every access is a read-modify-write of one word, so all have one order; a wake releases what was
//! published before it, and the park that takes it acquires that. `tests/loom.rs` explores every
//! interleaving of this file. It is *not* the sleeping itself: that is a descriptor's business
//! ([`crate::Bell`]).

use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_utils::CachePadded;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// The atomic word the protocol runs on: the machine's, or loom's.
pub trait Word {
    /// As `AtomicU32::swap`.
    fn swap(&self, value: u32, order: Ordering) -> u32;
    /// As `AtomicU32::compare_exchange`.
    fn compare_exchange(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool;
}

impl Word for AtomicU32 {
    fn swap(&self, value: u32, order: Ordering) -> u32 {
        AtomicU32::swap(self, value, order)
    }

    fn compare_exchange(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool {
        AtomicU32::compare_exchange(self, from, to, success, failure).is_ok()
    }
}

/// Remembers whether its one owner sleeps, and whether someone has woken it.
#[derive(Debug)]
pub struct WakeToken<W = AtomicU32> {
    word: CachePadded<W>,
}

impl<W: Word> WakeToken<W> {
    /// Over a word that holds zero.
    pub fn new(word: W) -> Self {
        WakeToken { word: CachePadded::new(word) }
    }

    /// Any thread: everything this thread did before is visible to the owner once it takes the wake.
    /// True = the owner sleeps (or is about to): its descriptor must be rung.
    pub fn wake(&self) -> bool {
        self.word.swap(NOTIFIED, Ordering::AcqRel) == PARKED
    }

    /// Owner only: announces sleep. False = a wake is waiting; it is taken, and the owner must look at its
    /// rings instead of sleeping. True = sleep now, then call [`WakeToken::rise`].
    pub fn doze(&self) -> bool {
        let dozing = self.word.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Acquire);
        if !dozing {
            self.rise();
        }
        dozing
    }

    /// Owner only: awake again, by a wake, a timer or chance. True = by a wake.
    pub fn rise(&self) -> bool {
        self.word.swap(EMPTY, Ordering::AcqRel) == NOTIFIED
    }
}
