//! A tumbling minute with five aggregates by key: in SQL, and as one would write it by hand.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

/// The query.
pub const QUERY: &str = "SELECT window_start, k, COUNT(*), SUM(q), AVG(v), MIN(v), MAX(v) \
                         FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
                         GROUP BY window_start, window_end, k;";

/// The five aggregates of a group.
#[derive(Debug, Clone, Copy)]
pub struct Aggregates {
    /// Rows.
    pub count: i64,
    /// Sum of `q`.
    pub sum: i64,
    /// Sum of `v`, for the mean.
    pub total: f64,
    /// Least `v`.
    pub least: f64,
    /// Greatest `v`.
    pub greatest: f64,
}

/// The hand-written loop: a hash map from key to slot, kept over windows; one vector of aggregates per window,
/// given away when the next begins (rows are in order here). The groups that were given away.
pub fn by_hand(batches: &[RecordBatch]) -> usize {
    const MINUTE_MS: i64 = 60_000;
    let empty =
        Aggregates { count: 0, sum: 0, total: 0.0, least: f64::INFINITY, greatest: f64::NEG_INFINITY };
    let mut slots: HashMap<Vec<u8>, usize, FxBuildHasher> = HashMap::default();
    let (mut window, mut groups, mut fired) = (i64::MIN, vec![], 0);
    for batch in batches {
        let keys = batch.column(0).as_string::<i32>();
        let values = batch.column(1).as_primitive::<Float64Type>().values();
        let counts = batch.column(2).as_primitive::<Int64Type>().values();
        let times = batch.column(3).as_primitive::<TimestampMillisecondType>().values();
        for row in 0..batch.num_rows() {
            let start = times[row].div_euclid(MINUTE_MS);
            if start != window {
                fired += give_away(&mut groups, empty);
                window = start;
            }
            let key = keys.value(row).as_bytes();
            let slot = match slots.get(key) {
                Some(slot) => *slot,
                None => {
                    slots.insert(key.to_vec(), slots.len());
                    slots.len() - 1
                }
            };
            if slot >= groups.len() {
                groups.resize(slot + 1, empty);
            }
            let own = &mut groups[slot];
            own.count += 1;
            own.sum += counts[row];
            own.total += values[row];
            own.least = own.least.min(values[row]);
            own.greatest = own.greatest.max(values[row]);
        }
    }
    fired + give_away(&mut groups, empty)
}

fn give_away(groups: &mut [Aggregates], empty: Aggregates) -> usize {
    let fired = groups.iter().filter(|own| std::hint::black_box(own).count > 0).count();
    groups.fill(empty);
    fired
}
