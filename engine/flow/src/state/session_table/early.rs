//! Sessions that are sent when they end, but stay open for late rows: which of them have changed since.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::ArrayRef;
use millrace_plan::Result;

use super::{NONE, SessionTable};
use crate::state::grouped::Faults;
use crate::window::Window;

/// The keys whose sessions are to be looked at again.
#[derive(Default)]
pub(super) struct Early {
    /// Rows have come since the last look, or sessions were renumbered.
    touched: Vec<u32>,
    /// When a session of a key ends.
    ends: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Early {
    pub(super) fn touch(&mut self, keys: impl IntoIterator<Item = u32>) {
        self.touched.extend(keys);
    }

    /// Keys have new numbers, `0..keys`.
    pub(super) fn renumber(&mut self, keys: u32) {
        self.ends.clear();
        self.touched = (0..keys).collect();
    }

    /// The keys to look at when time has come to `watermark`.
    fn due(&mut self, watermark: i64) -> Vec<u32> {
        let mut keys = std::mem::take(&mut self.touched);
        while let Some(Reverse((end, key))) = self.ends.peek().copied() {
            if end.saturating_sub(1) > watermark {
                break;
            }
            self.ends.pop();
            keys.push(key);
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// What the sessions of some keys are now.
pub struct Ended {
    /// The columns of the keys that were looked at.
    pub keys: Vec<ArrayRef>,
    /// How many keys.
    pub count: usize,
    /// The keys of each session that has ended, then its aggregates.
    pub columns: Vec<ArrayRef>,
    /// From its first row to the last, and the gap.
    pub windows: Vec<Window>,
    /// Positions whose result cannot be represented, and why.
    pub faults: Faults,
}

impl SessionTable {
    /// Notes from now on which keys [`Self::ended`] must look at.
    pub fn sends_early(&mut self) {
        self.early = Some(Early::default());
    }

    /// All sessions, ended by `watermark` but not closed, of each key for which that may have changed since the last
    /// call; `None` if there is none.
    pub fn ended(&mut self, watermark: i64) -> Result<Option<Ended>> {
        let Some(mut early) = self.early.take() else { return Ok(None) };
        let keys = early.due(watermark);
        let (mut of_slot, mut members, mut windows, mut owners) = (vec![], vec![], vec![], vec![]);
        for key in &keys {
            for (window, own) in self.wholes_of(*key) {
                if window.end - 1 > watermark {
                    early.ends.push(Reverse((window.end, *key)));
                    continue;
                }
                of_slot.extend(own.iter().map(|_| windows.len() as u32));
                members.extend(own);
                windows.push(window);
                owners.push(*key);
            }
        }
        self.early = Some(early);
        if keys.is_empty() {
            return Ok(None);
        }
        let mut merged = self.aggregates.like()?;
        merged.resize(windows.len());
        merged.merge(&of_slot, &self.aggregates.states(&members)?)?;
        let live: Vec<u32> = (0..windows.len() as u32).filter(|slot| merged.is_live(*slot)).collect();
        let owners: Vec<u32> = live.iter().map(|slot| owners[*slot as usize]).collect();
        let mut columns = self.keys.keys(&owners)?;
        let faults = merged.evaluate(&live, &mut columns)?;
        let windows = live.iter().map(|slot| windows[*slot as usize]).collect();
        Ok(Some(Ended { count: keys.len(), keys: self.keys.keys(&keys)?, columns, windows, faults }))
    }

    /// The sessions of a key, each with those of other splits that are one with it.
    fn wholes_of(&self, key: u32) -> Vec<(Window, Vec<u32>)> {
        let mut wholes: Vec<(Window, Vec<u32>)> = vec![];
        let mut at = self.heads[key as usize];
        while at != NONE {
            if !wholes.iter().any(|(_, members)| members.contains(&at)) {
                let members = self.all_of(at);
                let own = members.iter().map(|own| self.sessions[*own as usize].window);
                let whole = own.reduce(|a, b| Window { start: a.start.min(b.start), end: a.end.max(b.end) });
                wholes.extend(whole.map(|whole| (whole, members)));
            }
            at = self.sessions[at as usize].next;
        }
        wholes
    }
}
