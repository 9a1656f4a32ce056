//! The state that the locked designs keep: groups, and windows of groups, in hash maps of strings.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::window::Aggregates;

/// Groups by key.
pub type Groups = HashMap<Box<str>, Aggregates, FxBuildHasher>;

/// Length of a window, in milliseconds.
const WINDOW_MS: i64 = 60_000;

/// A group before its first row.
pub const EMPTY: Aggregates =
    Aggregates { count: 0, sum: 0, total: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };

/// A row of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its value.
    pub value: f64,
    /// Its quantity.
    pub quantity: i64,
    /// Start of the window it falls into; 0 without windows.
    pub window: i64,
}

/// The rows of a batch of trades.
pub fn rows(batch: &RecordBatch, windowed: bool) -> impl Iterator<Item = Row<'_>> {
    let keys = batch.column(0).as_string::<i32>();
    let values = batch.column(1).as_primitive::<Float64Type>().values();
    let quantities = batch.column(2).as_primitive::<Int64Type>().values();
    let times = batch.column(3).as_primitive::<TimestampMillisecondType>().values();
    (0..batch.num_rows()).map(move |row| Row {
        key: keys.value(row),
        value: values[row],
        quantity: quantities[row],
        window: if windowed { times[row] - times[row].rem_euclid(WINDOW_MS) } else { 0 },
    })
}

impl Aggregates {
    /// Adds a row.
    pub fn add(&mut self, row: &Row<'_>) {
        self.count += 1;
        self.sum += row.quantity;
        self.total += row.value;
        self.least = self.least.min(row.value);
        self.greatest = self.greatest.max(row.value);
    }
}

/// When the window that starts then ends.
pub const fn window_end(start: i64) -> i64 {
    start.saturating_add(WINDOW_MS)
}

/// The event time of the last record, which is the greatest.
pub fn last_time(batch: &RecordBatch) -> i64 {
    let times = batch.column(3).as_primitive::<TimestampMillisecondType>().values();
    times.last().copied().unwrap_or(i64::MIN)
}

/// What one engine knows. Cloned by the designs that clone.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Windows by their start; 0 holds the groups of queries without windows.
    pub windows: BTreeMap<i64, Groups>,
}

impl State {
    /// Adds a row to its group.
    pub fn add(&mut self, row: &Row<'_>) {
        let groups = self.windows.entry(row.window).or_default();
        match groups.get_mut(row.key) {
            Some(group) => group.add(row),
            None => {
                let mut group = EMPTY;
                group.add(row);
                groups.insert(row.key.into(), group);
            }
        }
    }

    /// Adds the rows of a batch.
    pub fn add_batch(&mut self, batch: &RecordBatch, windowed: bool) {
        rows(batch, windowed).for_each(|row| self.add(&row));
    }

    /// Gives away the windows that end at or before `watermark`.
    pub fn fire(&mut self, watermark: i64) -> Answer {
        let mut answer = Answer::default();
        while let Some(first) = self.windows.first_entry()
            && window_end(*first.key()) <= watermark
        {
            let (start, groups) = first.remove_entry();
            groups.iter().for_each(|(key, group)| answer.add(start, key, group));
        }
        answer
    }
}

/// What a run answered: equal for equal groups, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// Groups given away.
    pub groups: u64,
    /// Rows in them.
    pub rows: i64,
    /// The sum of a hash of each.
    pub sum: u64,
}

impl Answer {
    /// Adds a group.
    pub fn add(&mut self, window: i64, key: &str, group: &Aggregates) {
        use std::hash::{Hash, Hasher};
        let mut hasher = rustc_hash::FxHasher::default();
        // Sums of doubles depend on their order beyond the cent.
        let cents = |value: f64| (value * 100.0).round() as i64;
        let figures = [group.count, group.sum, cents(group.total), cents(group.least), cents(group.greatest)];
        (window, key, figures).hash(&mut hasher);
        self.groups += 1;
        self.rows += group.count;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }

    /// Adds another answer.
    pub fn merge(&mut self, other: Answer) {
        self.groups += other.groups;
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}
