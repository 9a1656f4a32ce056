//! Sessions, computed row by row: every session keeps its rows, nothing is shared, nothing is evicted.

use std::collections::BTreeMap;

use crate::oracle::{Aggregates, Group, InputRow, aggregates};

/// A session of one key in one split: its rows, each with the watermark before it.
#[derive(Debug, Clone)]
struct Session {
    split: usize,
    rows: Vec<(i64, InputRow)>,
}

impl Session {
    fn start(&self) -> i64 {
        self.rows.iter().map(|(_, row)| row.time).min().unwrap()
    }

    fn end(&self, gap: i64) -> i64 {
        self.rows.iter().map(|(_, row)| row.time).max().unwrap() + gap
    }

    /// Two sessions of different splits are one if the one that ends later has a row that reaches the other
    /// and came before its split had passed the end of the other.
    fn is_one_with(&self, other: &Session, gap: i64) -> bool {
        let (first, second) = if self.end(gap) <= other.end(gap) { (self, other) } else { (other, self) };
        let end = first.end(gap);
        let mut rows = second.rows.iter();
        self.split != other.split && rows.any(|(watermark, row)| row.time <= end && *watermark < end - 1)
    }
}

/// The sessions of one split by key, and how many of its rows were late: what Flink does with one split.
fn of_split(
    rows: &[InputRow],
    split: usize,
    gap: i64,
    delay: i64,
) -> (BTreeMap<Option<u8>, Vec<Session>>, u64) {
    let mut sessions: BTreeMap<Option<u8>, Vec<Session>> = BTreeMap::new();
    let mut watermark = i64::MIN;
    let mut late = 0;
    for row in rows {
        let own = sessions.entry(row.key).or_default();
        let reaches = |session: &Session| {
            let (start, end) = (session.start(), session.end(gap));
            end - 1 > watermark && start <= row.time + gap && row.time <= end
        };
        let (met, mut apart): (Vec<Session>, Vec<Session>) = own.drain(..).partition(reaches);
        if met.is_empty() && row.time + gap - 1 <= watermark {
            late += 1;
        } else {
            let mut rows: Vec<(i64, InputRow)> = met.into_iter().flat_map(|session| session.rows).collect();
            rows.push((watermark, row.clone()));
            apart.push(Session { split, rows });
        }
        *own = apart;
        watermark = watermark.max(row.time - delay);
    }
    (sessions, late)
}

/// The sessions of all splits and their aggregates, and how many rows were late.
pub fn sessions(splits: &[Vec<InputRow>], gap: i64, delay: i64) -> (Vec<(Group, Aggregates)>, u64) {
    let mut by_key: BTreeMap<Option<u8>, Vec<Session>> = BTreeMap::new();
    let mut late = 0;
    for (split, rows) in splits.iter().enumerate() {
        let (sessions, own_late) = of_split(rows, split, gap, delay);
        late += own_late;
        for (key, own) in sessions {
            by_key.entry(key).or_default().extend(own);
        }
    }
    let mut found = vec![];
    for (key, mut left) in by_key {
        while let Some(first) = left.pop() {
            let mut whole = vec![first];
            let mut asked = 0;
            while asked < whole.len() {
                let own = whole[asked].clone();
                let (more, others) = left.into_iter().partition(|other| own.is_one_with(other, gap));
                whole.extend::<Vec<Session>>(more);
                left = others;
                asked += 1;
            }
            let start = whole.iter().map(Session::start).min().unwrap();
            let end = whole.iter().map(|own| own.end(gap)).max().unwrap();
            let values: Vec<Option<i64>> =
                whole.iter().flat_map(|own| own.rows.iter().map(|(_, row)| row.value)).collect();
            found.push(((start, end, key), aggregates(&values)));
        }
    }
    found.sort();
    (found, late)
}
