//! Rows of a join that are forgotten so long after they were last written, by the clock.
//!
//! A row is written when it comes, and again when partners of it come or go, if its side leaves alone without one:
//! then how many it has is part of what is kept. Nothing is taken back of what was sent of a forgotten row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use millrace_plan::WATERMARK_MIN;

use super::shape::{LEFT, RIGHT};
use super::side::Link;
use super::state::{Bound, State};
use crate::state::NO_SLOT;

/// When the rows of both sides are forgotten.
pub struct Expiry {
    /// How long after it was written a row is kept, in milliseconds; `None` = for ever.
    ttl_ms: [Option<i64>; 2],
    /// The latest time there was.
    now_ms: i64,
    /// Rows by the time they were written, as far as it is known here: a row may have been written since.
    written: [BinaryHeap<Reverse<(i64, u32)>>; 2],
}

/// Rows that come are written now.
pub struct Written {
    now_ms: i64,
}

impl Bound for Written {
    fn admits(&self, _: usize, _: &Link) -> bool {
        true
    }

    fn times(&self, _: usize) -> (i64, i64) {
        (self.now_ms, self.now_ms)
    }

    fn judged_by(&self, _: usize, _: Option<&Link>) -> Option<i64> {
        None
    }

    fn writes_at(&self) -> Option<i64> {
        Some(self.now_ms)
    }
}

impl Expiry {
    /// For rows of each side that are kept so long; `None` if all are kept for ever.
    pub fn new(ttl_ms: [Option<u64>; 2]) -> Option<Self> {
        let ttl_ms = ttl_ms.map(|ttl| ttl.map(|ttl| i64::try_from(ttl).unwrap_or(i64::MAX)));
        let (now_ms, written) = (WATERMARK_MIN, Default::default());
        ttl_ms.iter().any(Option::is_some).then_some(Expiry { ttl_ms, now_ms, written })
    }

    /// It is `now_ms`, or later: time does not go back.
    pub fn advance(&mut self, now_ms: i64, state: &mut State) {
        self.now_ms = self.now_ms.max(now_ms);
        for side in [LEFT, RIGHT] {
            let Some(ttl_ms) = self.ttl_ms[side] else { continue };
            while let Some(Reverse((written, slot))) = self.written[side].peek().copied() {
                if written.saturating_add(ttl_ms) > self.now_ms {
                    break;
                }
                self.written[side].pop();
                let last = state.sides[side].of(slot).time;
                if last == written {
                    state.remove(side, slot);
                } else if last > written {
                    self.written[side].push(Reverse((last, slot)));
                }
            }
        }
    }

    /// What rows that come now are joined by.
    pub fn bound(&self) -> Written {
        Written { now_ms: self.now_ms }
    }

    /// Rows of `side` have been stored in these slots.
    pub fn stored(&mut self, side: usize, slots: &[u32]) {
        let now_ms = self.now_ms;
        slots.iter().filter(|slot| **slot != NO_SLOT).for_each(|slot| self.restored(side, *slot, now_ms));
    }

    /// A row of `side` is there that was written then.
    pub fn restored(&mut self, side: usize, slot: u32, written_ms: i64) {
        self.now_ms = self.now_ms.max(written_ms);
        if self.ttl_ms[side].is_some() {
            self.written[side].push(Reverse((written_ms, slot)));
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.written.iter().map(|own| own.capacity() * size_of::<(i64, u32)>()).sum()
    }
}
