//! Loops that a programmer would write for one scenario and nothing else, on one core over the same arrays: rows in
//! order, no late ones, no SQL. What they cost is the limit that Millrace is held against.

use std::hash::Hasher;
use std::hint::black_box;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// The columns of a batch of trades.
struct Columns<'a> {
    traders: &'a [i32],
    symbols: &'a arrow::array::StringArray,
    prices: &'a [f64],
    quantities: &'a [i64],
    times: &'a [i64],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Columns<'a> {
        Columns {
            traders: batch.column(0).as_primitive::<Int32Type>().values(),
            symbols: batch.column(1).as_string::<i32>(),
            prices: batch.column(2).as_primitive::<Float64Type>().values(),
            quantities: batch.column(3).as_primitive::<Int64Type>().values(),
            times: batch.column(4).as_primitive::<TimestampMillisecondType>().values(),
        }
    }

    fn rows(&self) -> usize {
        self.times.len()
    }
}

#[derive(Clone, Copy)]
struct Sums {
    count: i64,
    quantity: i64,
    price: f64,
    least: f64,
    greatest: f64,
}

const EMPTY: Sums =
    Sums { count: 0, quantity: 0, price: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };

impl Sums {
    fn add(&mut self, quantity: i64, price: f64) {
        self.count += 1;
        self.quantity += quantity;
        self.price += price;
        self.least = self.least.min(price);
        self.greatest = self.greatest.max(price);
    }

    fn merge(&mut self, other: &Sums) {
        self.count += other.count;
        self.quantity += other.quantity;
        self.price += other.price;
    }
}

/// Symbols, and traders with symbols, to dense numbers.
#[derive(Default)]
struct Slots {
    table: HashTable<(u64, i32, Box<[u8]>, usize)>,
}

impl Slots {
    fn of(&mut self, trader: i32, symbol: &str) -> usize {
        let mut hasher = FxHasher::default();
        hasher.write(symbol.as_bytes());
        hasher.write_i32(trader);
        let hash = hasher.finish();
        let next = self.table.len();
        let is_equal = |own: &(u64, i32, Box<[u8]>, usize)| own.1 == trader && *own.2 == *symbol.as_bytes();
        let entry = self.table.entry(hash, is_equal, |own| own.0);
        entry.or_insert_with(|| (hash, trader, symbol.as_bytes().into(), next)).get().3
    }
}

/// Runs a scenario's loop; `false` if there is none.
pub fn run(name: &str, splits: &[Arc<[RecordBatch]>]) -> bool {
    for split in splits {
        match name {
            "S0" => filter(split),
            "S1" => moving_average(split),
            "S2" => groups(split),
            "S3a" => minutes(split, false),
            "S3b" | "S3b-row" => minutes(split, true),
            "S4" => hops(split),
            _ => return false,
        }
    }
    true
}

fn filter(split: &[RecordBatch]) {
    for batch in split {
        let own = Columns::of(batch);
        let (mut symbols, mut ends) = (vec![], vec![]);
        let (mut prices, mut quantities) = (vec![], vec![]);
        for row in (0..own.rows()).filter(|row| own.prices[*row] > 500.0) {
            symbols.extend_from_slice(own.symbols.value(row).as_bytes());
            ends.push(symbols.len());
            prices.push(own.prices[row]);
            quantities.push(own.quantities[row]);
        }
        black_box((symbols, ends, prices, quantities));
    }
}

fn moving_average(split: &[RecordBatch]) {
    const ROWS: usize = 100;
    let mut slots = Slots::default();
    let mut last: Vec<(Vec<f64>, usize, f64)> = vec![];
    for batch in split {
        let own = Columns::of(batch);
        let mut means = Vec::with_capacity(own.rows());
        for row in 0..own.rows() {
            let slot = slots.of(0, own.symbols.value(row));
            if slot == last.len() {
                last.push((Vec::with_capacity(ROWS), 0, 0.0));
            }
            let (kept, next, sum) = &mut last[slot];
            *sum += own.prices[row];
            match kept.len() < ROWS {
                true => kept.push(own.prices[row]),
                false => *sum -= std::mem::replace(&mut kept[*next], own.prices[row]),
            }
            *next = (*next + 1) % ROWS;
            means.push(*sum / kept.len() as f64);
        }
        black_box(means);
    }
}

fn groups(split: &[RecordBatch]) {
    let (mut slots, mut groups) = (Slots::default(), vec![]);
    for batch in split {
        let own = Columns::of(batch);
        for row in 0..own.rows() {
            let slot = slots.of(0, own.symbols.value(row));
            if slot == groups.len() {
                groups.push(EMPTY);
            }
            groups[slot].add(own.quantities[row], own.prices[row]);
        }
    }
    black_box(groups);
}

/// `changes`: the new values are kept for each row too, as they are when every change is written.
fn minutes(split: &[RecordBatch], changes: bool) {
    const MINUTE_MS: i64 = 60_000;
    let (mut slots, mut groups, mut minute) = (Slots::default(), vec![], i64::MIN);
    for batch in split {
        let own = Columns::of(batch);
        let mut written = vec![];
        for row in 0..own.rows() {
            if own.times[row] / MINUTE_MS != minute {
                minute = own.times[row] / MINUTE_MS;
                black_box(groups.iter().filter(|own: &&Sums| own.count > 0).count());
                groups.fill(EMPTY);
            }
            let slot = slots.of(own.traders[row], own.symbols.value(row));
            if slot == groups.len() {
                groups.push(EMPTY);
            }
            groups[slot].add(own.quantities[row], own.prices[row]);
            if changes {
                let Sums { count, quantity, price, .. } = groups[slot];
                written.push((slot, count, quantity, price / count as f64));
            }
        }
        black_box(written);
    }
    black_box(groups);
}

/// Panes of five seconds; twelve of them are merged at the end of each.
fn hops(split: &[RecordBatch]) {
    const PANE_MS: i64 = 5_000;
    const PANES: usize = 12;
    let (mut slots, mut pane) = (Slots::default(), i64::MIN);
    let mut panes: Vec<Vec<Sums>> = vec![vec![]; PANES];
    for batch in split {
        let own = Columns::of(batch);
        for row in 0..own.rows() {
            if own.times[row] / PANE_MS != pane {
                pane = own.times[row] / PANE_MS;
                fire(&panes);
                panes[pane as usize % PANES].clear();
            }
            let slot = slots.of(0, own.symbols.value(row));
            let own_pane = &mut panes[pane as usize % PANES];
            if slot >= own_pane.len() {
                own_pane.resize(slot + 1, EMPTY);
            }
            own_pane[slot].add(own.quantities[row], own.prices[row]);
        }
    }
    fire(&panes);
}

fn fire(panes: &[Vec<Sums>]) {
    let mut window = vec![EMPTY; panes.iter().map(Vec::len).max().unwrap_or(0)];
    panes.iter().for_each(|pane| window.iter_mut().zip(pane).for_each(|(all, own)| all.merge(own)));
    black_box(window.iter().filter(|own| own.count > 0).count());
}
