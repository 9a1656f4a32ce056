//! The rows of one key that may still be part of a match, and the matches that have begun.
//!
//! A match is rows that follow each other, and its variables follow each other in the order of the pattern: its
//! first row and the number of rows of each variable say it all. No row is held twice.

use std::collections::VecDeque;
use std::ops::Range;

use millrace_plan::{AfterMatch, Error, PatternVariable, Result};

use super::automaton::State;

/// A row: its chunk, and its position there.
pub type At = (u32, u32);

/// Rows for which a key keeps room: no more than the first row of a match that comes to nothing needs.
pub const LEAST_ROWS: usize = 4;

/// A row that is held.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// Where its columns are.
    pub at: At,
    /// Its time, in milliseconds.
    pub time: i64,
}

/// A match that has begun, or one that is complete and waits for one that began earlier.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// The number of its first row, counted within the key.
    pub start: u64,
    /// How far it has come.
    pub state: State,
    /// Rows of each variable.
    pub counts: Box<[u32]>,
}

impl Candidate {
    /// The number of the row after its last.
    pub fn end(&self) -> u64 {
        self.start + self.counts.iter().map(|own| u64::from(*own)).sum::<u64>()
    }

    /// The numbers of the rows of a variable; `None` = of all. `next`: the row after its last is taken as one more of
    /// this variable.
    pub fn rows_of(&self, variable: Option<usize>, next: Option<usize>) -> Range<u64> {
        let more = |is: bool| u64::from(is);
        let Some(variable) = variable else { return self.start..self.end() + more(next.is_some()) };
        let before: u64 = self.counts[..variable].iter().map(|own| u64::from(*own)).sum();
        let first = self.start + before;
        first..first + u64::from(self.counts[variable]) + more(next == Some(variable))
    }
}

/// What is held of one key.
#[derive(Debug, Default)]
pub struct KeyRows {
    /// The number of the first row that is held.
    pub first: u64,
    /// The rows.
    pub rows: VecDeque<Held>,
    /// Matches that have begun, the earliest first.
    pub begun: Vec<Candidate>,
    /// Complete matches that wait, the earliest first.
    pub complete: Vec<Candidate>,
}

impl KeyRows {
    /// Takes a row; answers its number.
    pub fn push(&mut self, row: Held) -> u64 {
        self.rows.push_back(row);
        self.first + self.rows.len() as u64 - 1
    }

    /// A row by its number.
    pub fn get(&self, number: u64) -> Held {
        self.rows[(number - self.first) as usize]
    }

    /// Drops the matches that have begun and are not complete `within` milliseconds before `time`.
    pub fn expire(&mut self, time: i64, within: i64) {
        let (rows, first) = (&self.rows, self.first);
        let began = |own: &Candidate| rows[(own.start - first) as usize].time;
        self.begun.retain(|own| time.saturating_sub(began(own)) < within);
    }

    /// Takes out the earliest complete match if none that began earlier is open, and drops those that begin before
    /// the row at which to look on.
    pub fn next_match(
        &mut self,
        skip: AfterMatch,
        variables: &[PatternVariable],
    ) -> Result<Option<Candidate>> {
        let Some(own) = self.complete.first() else { return Ok(None) };
        if self.begun.first().is_some_and(|begun| begun.start < own.start) {
            return Ok(None);
        }
        let from = look_on(own, skip, variables)?;
        let own = self.complete.remove(0);
        self.complete.retain(|other| other.start >= from);
        self.begun.retain(|other| other.start >= from);
        Ok(Some(own))
    }

    /// Drops the rows that no match needs; answers how many.
    pub fn trim(&mut self) -> u64 {
        let first = |list: &[Candidate]| list.first().map_or(u64::MAX, |own| own.start);
        let needed = first(&self.begun).min(first(&self.complete));
        let dropped = (needed.saturating_sub(self.first)).min(self.rows.len() as u64);
        self.rows.drain(..dropped as usize);
        self.first += dropped;
        if self.rows.is_empty() && self.rows.capacity() > LEAST_ROWS {
            self.rows = VecDeque::new();
        }
        dropped
    }

    /// Matches that are held.
    pub fn candidates(&self) -> usize {
        self.begun.len() + self.complete.len()
    }
}

/// The number of the row at which to look on after a match.
fn look_on(own: &Candidate, skip: AfterMatch, variables: &[PatternVariable]) -> Result<u64> {
    let (variable, which, rows) = match skip {
        AfterMatch::NextRow => return Ok(own.start + 1),
        AfterMatch::PastLastRow => return Ok(own.end()),
        AfterMatch::First(variable) => (variable, "FIRST", own.rows_of(Some(variable), None)),
        AfterMatch::Last(variable) => (variable, "LAST", own.rows_of(Some(variable), None)),
    };
    let name = &variables[variable].name;
    let refused = |what: &str| {
        Error::data(format!("AFTER MATCH SKIP TO {which} {name}: {what}"))
            .hint("write AFTER MATCH SKIP PAST LAST ROW, or skip to a variable that every match has later on")
    };
    if rows.is_empty() {
        return Err(refused("a match has no such row"));
    }
    let row = if which == "FIRST" { rows.start } else { rows.end - 1 };
    match row == own.start {
        true => Err(refused("it is the first row of the match, which would be found again and again")),
        false => Ok(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(times: &[i64], begun: &[u64]) -> KeyRows {
        let mut key = KeyRows::default();
        for time in times {
            key.push(Held { at: (0, 0), time: *time });
        }
        let candidate = |start: &u64| Candidate {
            start: *start,
            state: 1,
            counts: vec![(times.len() as u64 - start) as u32].into(),
        };
        key.begun = begun.iter().map(candidate).collect();
        key
    }

    #[test]
    fn rows_are_held_from_the_first_row_of_a_match_that_has_begun() {
        let mut key = key(&[1, 2, 3, 4], &[2, 3]);
        assert_eq!((key.trim(), key.first, key.rows.len()), (2, 2, 2));
        assert_eq!(key.trim(), 0);
    }

    #[test]
    fn nothing_is_held_of_a_key_without_a_match() {
        let mut key = key(&[1, 2, 3, 4, 5, 6], &[]);
        assert_eq!((key.trim(), key.rows.len()), (6, 0));
        assert!(key.rows.capacity() <= LEAST_ROWS);
    }

    #[test]
    fn within_frees_the_rows_of_matches_that_last_too_long() {
        let mut key = key(&[10, 20, 30], &[0, 1]);
        key.expire(40, 30);
        assert_eq!((key.begun.len(), key.trim()), (1, 1));
        key.expire(50, 30);
        assert_eq!((key.begun.len(), key.trim()), (0, 2));
    }
}
