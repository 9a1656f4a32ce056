//! The answers, computed one row at a time with no windows shared, no state evicted, no shards.

use std::collections::{BTreeMap, BTreeSet};

use millrace_plan::RowKind;

/// A row of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRow {
    pub key: Option<u8>,
    pub value: Option<i64>,
    pub time: i64,
}

/// A window table function; lengths in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Tumble { size: i64, offset: i64 },
    Hop { slide: i64, size: i64, offset: i64 },
    Cumulate { step: i64, size: i64 },
}

impl Window {
    /// The windows that a time belongs to: start and end.
    pub fn of(self, time: i64) -> Vec<(i64, i64)> {
        match self {
            Window::Tumble { size, offset } => {
                let start = time - (time - offset).rem_euclid(size);
                vec![(start, start + size)]
            }
            Window::Hop { slide, size, offset } => {
                let last = time - (time - offset).rem_euclid(slide);
                let starts = (0..).map(|back| last - back * slide).take_while(|start| start + size > time);
                starts.map(|start| (start, start + size)).collect()
            }
            Window::Cumulate { step, size } => {
                let start = time - time.rem_euclid(size);
                let ends = (1..=size / step).map(|count| start + count * step);
                ends.filter(|end| *end > time).map(|end| (start, end)).collect()
            }
        }
    }
}

/// What is computed of a group: rows, values, their sum, least, greatest, and different values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aggregates {
    pub rows: i64,
    pub values: i64,
    pub sum: Option<i64>,
    pub least: Option<i64>,
    pub greatest: Option<i64>,
    pub different: i64,
}

/// The aggregates of the values of a group.
pub fn aggregates(values: &[Option<i64>]) -> Aggregates {
    let known: Vec<i64> = values.iter().copied().flatten().collect();
    Aggregates {
        rows: values.len() as i64,
        values: known.len() as i64,
        sum: (!known.is_empty()).then(|| known.iter().sum()),
        least: known.iter().min().copied(),
        greatest: known.iter().max().copied(),
        different: known.iter().collect::<BTreeSet<_>>().len() as i64,
    }
}

/// A group of a window: its start, its end, its key.
pub type Group = (i64, i64, Option<u8>);

/// The windows of all splits, and how many rows were late for every window they belong to. A row is late for a
/// window that the watermark of its own split had passed just before the row.
pub fn windows(splits: &[Vec<InputRow>], window: Window, delay: i64) -> (BTreeMap<Group, Aggregates>, u64) {
    let mut groups: BTreeMap<Group, Vec<Option<i64>>> = BTreeMap::new();
    let mut late = 0;
    for rows in splits {
        let mut watermark = i64::MIN;
        for row in rows {
            // Windows that slide by more than their size leave gaps: a row there belongs to none.
            let all = window.of(row.time);
            let open: Vec<(i64, i64)> = all.iter().copied().filter(|(_, end)| end - 1 > watermark).collect();
            late += u64::from(open.is_empty() && !all.is_empty());
            for (start, end) in open {
                groups.entry((start, end, row.key)).or_default().push(row.value);
            }
            watermark = watermark.max(row.time - delay);
        }
    }
    (groups.into_iter().map(|(group, values)| (group, aggregates(&values))).collect(), late)
}

/// The groups of all rows by key.
pub fn groups(splits: &[Vec<InputRow>]) -> BTreeMap<Option<u8>, Aggregates> {
    let mut groups: BTreeMap<Option<u8>, Vec<Option<i64>>> = BTreeMap::new();
    for row in splits.iter().flatten() {
        groups.entry(row.key).or_default().push(row.value);
    }
    groups.into_iter().map(|(key, values)| (key, aggregates(&values))).collect()
}

/// A row and what it does.
pub type Change = (InputRow, RowKind);

/// Rows of a log: a key without a value goes away, some rows say what was.
pub fn upserts(rows: &[InputRow]) -> Vec<Change> {
    let kind = |row: &InputRow| match row.value {
        None => RowKind::Delete,
        Some(value) if value % 5 == 3 => RowKind::UpdateBefore,
        Some(value) if value % 2 == 0 => RowKind::Insert,
        Some(_) => RowKind::UpdateAfter,
    };
    rows.iter().map(|row| (row.clone(), kind(row))).collect()
}

/// The changes that fit each other which a log stands for: the last row of a key counts.
pub fn normalized(log: &[Change]) -> Vec<Change> {
    let mut last: BTreeMap<Option<u8>, InputRow> = BTreeMap::new();
    let mut changes = vec![];
    for (row, kind) in log.iter().filter(|(_, kind)| *kind != RowKind::UpdateBefore) {
        let before = match kind {
            RowKind::Delete => last.remove(&row.key),
            _ => last.insert(row.key, row.clone()),
        };
        match (before, *kind == RowKind::Delete) {
            (Some(before), true) => changes.push((before, RowKind::Delete)),
            (Some(before), false) if before != *row => {
                changes.push((before, RowKind::UpdateBefore));
                changes.push((row.clone(), RowKind::UpdateAfter));
            }
            (None, false) => changes.push((row.clone(), RowKind::Insert)),
            _ => {}
        }
    }
    changes
}

/// Changes of which now and then the last few come again.
pub fn repeated(changes: &[Change]) -> Vec<Change> {
    let mut log = vec![];
    for (at, change) in changes.iter().enumerate() {
        log.push(change.clone());
        if at % 4 == 3 {
            log.extend_from_slice(&changes[at - at % 7 % 4..=at]);
        }
    }
    log
}
