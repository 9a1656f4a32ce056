//! Sessions by key, and the aggregates of each.
//!
//! Every split has sessions of its own, so that which rows join and which are late does not depend on how
//! far other splits have been read: a row joins the sessions of its key and split that it touches and that
//! its split's watermark has not passed, as Flink does with one split. When a session's time comes, it is
//! put together with those of other splits that it touches. Of two such sessions the one that ends later
//! touches the other by its rows that came before its own split had passed the other's end: only those
//! are certain to be here when the other's time comes.

mod early;
mod snapshot;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use millrace_plan::{AggregateCall, Result};
use rustc_hash::FxHashMap;

use super::grouped::Faults;
use super::{AggregateSlots, GroupTable};
use crate::batch::SplitId;
use crate::window::Window;

use early::Early;
pub use early::Ended;

/// No session: the end of a list.
const NONE: u32 = u32::MAX;

/// Sessions that are gone are forgotten together when there are this many more of them than of the others.
const MOST_GONE: usize = 1024;

/// A session of one key in one split. Its number is its slot in the aggregates.
struct Session {
    /// The number of its key.
    key: u32,
    split: SplitId,
    window: Window,
    /// The earliest of the rows that came before the watermark of their split had passed them.
    timely_start: i64,
    /// Rows that came later and moved the start: the watermark before the row, and its time.
    tardy_starts: Vec<(i64, i64)>,
    rows: u64,
    /// The next session of the key.
    next: u32,
    /// When one that this is one with ends, and asks for all of them: before there is nothing to ask.
    waits_until: i64,
    is_gone: bool,
}

impl Session {
    fn opened(key: u32, split: SplitId, window: Window, next: u32) -> Self {
        Session {
            key,
            split,
            window,
            timely_start: i64::MAX,
            tardy_starts: vec![],
            rows: 0,
            next,
            waits_until: i64::MIN,
            is_gone: false,
        }
    }

    fn touches(&self, window: Window) -> bool {
        self.window.start <= window.end && window.start <= self.window.end
    }

    /// Adds a row with this window. A row ahead of its watermark was there before any session that it
    /// touches could end.
    fn add(&mut self, row: Window, watermark: i64) {
        self.rows += 1;
        match row.start > watermark.saturating_add(1) {
            true => self.timely_start = self.timely_start.min(row.start),
            false if row.start < self.timely_start && self.known_start(i64::MAX) > row.start => {
                self.tardy_starts.push((watermark, row.start));
            }
            false => {}
        }
        self.window.start = self.window.start.min(row.start);
        self.window.end = self.window.end.max(row.end);
    }

    /// Where it began, as far as was known before its split's watermark passed `end`.
    fn known_start(&self, end: i64) -> i64 {
        let known = self.tardy_starts.iter().filter(|(watermark, _)| *watermark < end - 1);
        known.map(|(_, start)| *start).fold(self.timely_start, i64::min)
    }

    /// True if this and a session of another split are one.
    fn is_one_with(&self, other: &Session) -> bool {
        let (first, second) = if self.window.end <= other.window.end { (self, other) } else { (other, self) };
        self.split != other.split && second.known_start(first.window.end) <= first.window.end
    }
}

/// Sessions whose time has come.
pub struct Closed {
    /// The keys of each, then its aggregates.
    pub columns: Vec<ArrayRef>,
    /// From the first row to the last, and the gap.
    pub windows: Vec<Window>,
    /// Positions whose result cannot be represented, and why.
    pub faults: Faults,
    /// The rows they were made of.
    pub rows: u64,
}

/// The sessions of all keys.
pub struct SessionTable {
    gap: i64,
    key_types: Vec<DataType>,
    keys: GroupTable,
    /// The newest session of each key.
    heads: Vec<u32>,
    sessions: Vec<Session>,
    gone: usize,
    aggregates: AggregateSlots,
    /// Every session that is not gone, by an end that it has or had.
    ends: BinaryHeap<Reverse<(i64, u32)>>,
    key_of_row: Vec<u32>,
    /// Sessions of a split that a row has made one, in order: what remains, and what is gone.
    joined: Vec<(u32, u32)>,
    /// For sessions that are sent before they close.
    early: Option<Early>,
}

impl SessionTable {
    /// No sessions yet. Rows of a key that are at most `gap` milliseconds apart are in one session.
    pub fn new(
        gap: i64,
        key_types: &[DataType],
        calls: Arc<[AggregateCall]>,
        retracting: bool,
    ) -> Result<Self> {
        Ok(SessionTable {
            gap,
            key_types: key_types.to_vec(),
            keys: GroupTable::new(key_types)?,
            heads: vec![],
            sessions: vec![],
            gone: 0,
            aggregates: AggregateSlots::new(calls, retracting)?,
            ends: BinaryHeap::new(),
            key_of_row: vec![],
            joined: vec![],
            early: None,
        })
    }

    /// Finds the session of each row of `split`, making new ones; `None` = the row is late. A row is its time
    /// and the watermark before it. [`Self::update`] must follow.
    pub fn locate(
        &mut self,
        keys: &[ArrayRef],
        hashes: &[u64],
        split: SplitId,
        row: impl Fn(usize) -> (i64, i64),
    ) -> Result<Vec<Option<u32>>> {
        let mut key_of_row = std::mem::take(&mut self.key_of_row);
        self.keys.intern(keys, hashes, &mut key_of_row)?;
        self.heads.resize(self.keys.len(), NONE);
        let place = |(index, key): (usize, &u32)| {
            let (time, watermark) = row(index);
            self.place(*key, split, time, watermark)
        };
        let found: Vec<Option<u32>> = key_of_row.iter().enumerate().map(place).collect();
        if let Some(early) = &mut self.early {
            early.touch(key_of_row.iter().zip(&found).filter(|(_, own)| own.is_some()).map(|(key, _)| *key));
        }
        self.key_of_row = key_of_row;
        self.aggregates.resize(self.sessions.len());
        Ok(found)
    }

    fn place(&mut self, key: u32, split: SplitId, time: i64, watermark: i64) -> Option<u32> {
        let row = Window { start: time, end: time.saturating_add(self.gap) };
        let mut found = NONE;
        let (mut before, mut at) = (NONE, self.heads[key as usize]);
        while at != NONE {
            let own = &self.sessions[at as usize];
            let next = own.next;
            let is_open = own.split == split && own.window.end - 1 > watermark;
            match is_open && own.touches(row) {
                true if found != NONE => {
                    self.unlink(key, before, next);
                    self.absorb(found, at);
                }
                true => (found, before) = (at, at),
                false => before = at,
            }
            at = next;
        }
        if found == NONE {
            if row.end - 1 <= watermark {
                return None;
            }
            found = self.sessions.len() as u32;
            self.sessions.push(Session::opened(key, split, row, self.heads[key as usize]));
            self.heads[key as usize] = found;
            self.ends.push(Reverse((row.end, found)));
        }
        self.sessions[found as usize].add(row, watermark);
        Some(found)
    }

    /// Takes the session after `before` out of the list of its key.
    fn unlink(&mut self, key: u32, before: u32, next: u32) {
        match before {
            NONE => self.heads[key as usize] = next,
            _ => self.sessions[before as usize].next = next,
        }
    }

    fn absorb(&mut self, into: u32, from: u32) {
        let other = &mut self.sessions[from as usize];
        other.is_gone = true;
        let (window, rows, timely) = (other.window, other.rows, other.timely_start);
        let tardy = std::mem::take(&mut other.tardy_starts);
        let own = &mut self.sessions[into as usize];
        own.window.start = own.window.start.min(window.start);
        own.window.end = own.window.end.max(window.end);
        own.timely_start = own.timely_start.min(timely);
        own.tardy_starts.extend(tardy);
        own.rows += rows;
        self.gone += 1;
        self.joined.push((into, from));
    }

    /// Adds rows to the sessions that the last [`Self::locate`] found for them, late ones left out.
    pub fn update(
        &mut self,
        sessions: &[u32],
        rows: &RecordBatch,
        weights: Option<&[i64]>,
        first_order: u64,
    ) -> Result<()> {
        self.aggregates.update(sessions, rows, weights, first_order)?;
        self.join_slots()?;
        self.forget_gone()
    }

    /// Adds the aggregates of absorbed sessions to those of the sessions that have absorbed them.
    fn join_slots(&mut self) -> Result<()> {
        let mut joined = std::mem::take(&mut self.joined);
        // Later ones may have absorbed what had absorbed others.
        let mut remains: FxHashMap<u32, u32> = FxHashMap::default();
        for (into, from) in joined.iter_mut().rev() {
            *into = *remains.get(into).unwrap_or(into);
            remains.insert(*from, *into);
        }
        let (into, from): (Vec<u32>, Vec<u32>) = joined.iter().copied().unzip();
        if !into.is_empty() {
            self.aggregates.join(&into, &from)?;
        }
        joined.clear();
        self.joined = joined;
        Ok(())
    }

    /// The results of the sessions that end at `watermark` at the latest, by their ends; they are gone.
    pub fn close(&mut self, watermark: i64) -> Result<Option<Closed>> {
        let mut closed: Vec<(Window, u32)> = vec![];
        let mut rows = 0;
        while let Some(Reverse((end, session))) = self.ends.peek().copied() {
            if end.saturating_sub(1) > watermark {
                break;
            }
            self.ends.pop();
            let own = &self.sessions[session as usize];
            if own.is_gone {
                continue;
            }
            if own.window.end - 1 > watermark {
                self.ends.push(Reverse((own.window.end, session)));
                continue;
            }
            if own.waits_until > watermark.saturating_add(1) {
                continue;
            }
            if let Some(window) = self.take(session, watermark, &mut rows) {
                closed.push((window, session));
            }
        }
        if closed.is_empty() {
            return Ok(None);
        }
        self.join_slots()?;
        closed.retain(|(_, session)| self.aggregates.is_live(*session));
        closed.sort_unstable_by_key(|(window, session)| (window.end, window.start, *session));
        let (windows, sessions): (Vec<Window>, Vec<u32>) = closed.into_iter().unzip();
        let keys: Vec<u32> = sessions.iter().map(|session| self.sessions[*session as usize].key).collect();
        let mut columns = self.keys.keys(&keys)?;
        let faults = self.aggregates.evaluate(&sessions, &mut columns)?;
        self.forget_gone()?;
        Ok(Some(Closed { columns, windows, faults, rows }))
    }

    /// Takes a session and those that are one with it out of the table, if all have ended; answers from
    /// where to where they go. One that lasts longer will ask again for all of them.
    fn take(&mut self, session: u32, watermark: i64, rows: &mut u64) -> Option<Window> {
        let members = self.all_of(session);
        let mut whole = self.sessions[session as usize].window;
        for member in &members {
            let own = self.sessions[*member as usize].window;
            whole = Window { start: whole.start.min(own.start), end: whole.end.max(own.end) };
        }
        if whole.end - 1 > watermark {
            members.iter().for_each(|own| self.sessions[*own as usize].waits_until = whole.end);
            return None;
        }
        for member in &members {
            let own = &mut self.sessions[*member as usize];
            own.is_gone = true;
            *rows += own.rows;
        }
        self.gone += members.len();
        self.joined.extend(members.iter().filter(|own| **own != session).map(|own| (session, *own)));
        let key = self.sessions[session as usize].key;
        let (mut before, mut at) = (NONE, self.heads[key as usize]);
        while at != NONE {
            let own = &self.sessions[at as usize];
            let next = own.next;
            match own.is_gone {
                true => self.unlink(key, before, next),
                false => before = at,
            }
            at = next;
        }
        Some(whole)
    }

    /// A session and all that are one with it, over any number of steps.
    fn all_of(&self, session: u32) -> Vec<u32> {
        let mut members = vec![session];
        let mut asked = 0;
        while let Some(own) = members.get(asked).map(|own| &self.sessions[*own as usize]) {
            let mut at = self.heads[own.key as usize];
            while at != NONE {
                let other = &self.sessions[at as usize];
                if own.is_one_with(other) && !members.contains(&at) {
                    members.push(at);
                }
                at = other.next;
            }
            asked += 1;
        }
        members
    }

    /// Makes the table anew without the sessions that are gone and the keys that have none, if most are.
    fn forget_gone(&mut self) -> Result<()> {
        let left = self.sessions.len() - self.gone;
        if self.gone.max(self.keys.len().saturating_sub(left)) <= left + MOST_GONE {
            return Ok(());
        }
        let (kept, kept_sessions): (Vec<u32>, Vec<Session>) = std::mem::take(&mut self.sessions)
            .into_iter()
            .enumerate()
            .filter(|(_, session)| !session.is_gone)
            .map(|(number, session)| (number as u32, session))
            .unzip();
        self.aggregates.keep(&kept)?;
        self.sessions = kept_sessions;
        self.gone = 0;
        let old_keys: Vec<u32> = self.sessions.iter().map(|session| session.key).collect();
        let hashes: Vec<u64> = old_keys.iter().map(|key| self.keys.hashes()[*key as usize]).collect();
        let mut keys = GroupTable::new(&self.key_types)?;
        keys.intern(&self.keys.keys(&old_keys)?, &hashes, &mut self.key_of_row)?;
        self.keys = keys;
        self.heads.clear();
        self.heads.resize(self.keys.len(), NONE);
        self.ends.clear();
        for (number, (session, key)) in self.sessions.iter_mut().zip(&self.key_of_row).enumerate() {
            session.key = *key;
            session.next = std::mem::replace(&mut self.heads[*key as usize], number as u32);
            self.ends.push(Reverse((session.window.end, number as u32)));
        }
        if let Some(early) = &mut self.early {
            early.renumber(self.heads.len() as u32);
        }
        Ok(())
    }

    /// Rows of the sessions that are held.
    pub fn rows(&self) -> u64 {
        self.sessions.iter().filter(|session| !session.is_gone).map(|session| session.rows).sum()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let tardy = self.sessions.iter().map(|session| session.tardy_starts.capacity());
        self.keys.bytes()
            + self.aggregates.bytes()
            + self.sessions.capacity() * size_of::<Session>()
            + tardy.sum::<usize>() * size_of::<(i64, i64)>()
            + self.ends.capacity() * size_of::<(i64, u32)>()
            + (self.heads.capacity() + self.key_of_row.capacity()) * size_of::<u32>()
    }
}
