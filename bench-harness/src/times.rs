//! Histograms of durations, owned by one thread and merged at the end.

use hdrhistogram::Histogram;

use crate::record::time;

/// Nanoseconds per batch.
#[derive(Debug, Clone)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        const DIGITS: u8 = 3;
        const MOST_NS: u64 = 600_000_000_000;
        match Histogram::new_with_bounds(1, MOST_NS, DIGITS) {
            Ok(histogram) => Times(histogram),
            Err(_) => unreachable!("these bounds are possible"),
        }
    }
}

impl Times {
    /// Adds a duration.
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// Adds a duration so many times.
    pub fn record_many(&mut self, ns: u64, times: u64) {
        self.0.saturating_record_n(ns, times);
    }

    /// Adds the durations of another.
    pub fn merge(&mut self, other: &Times) {
        // All have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// Half took no longer; 0 if there is none.
    pub fn median_ns(&self) -> u64 {
        self.at(0.5)
    }

    /// This part took no longer.
    pub fn at(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// `p50 / p99 / p99.9 / max`, or a dash.
    pub fn text(&self) -> String {
        if self.0.is_empty() {
            return "-".into();
        }
        [self.at(0.5), self.at(0.99), self.at(0.999), self.0.max()].map(time).join(" / ")
    }
}

/// What the batches of one task, or of all, went through.
#[derive(Debug, Clone, Default)]
pub struct Locking {
    /// Waiting for a lock; several locks of one batch are added up.
    pub wait: Times,
    /// Holding it.
    pub hold: Times,
    /// Cloning state, under the lock.
    pub clone: Times,
}

impl Locking {
    /// Adds those of another task.
    pub fn merge(&mut self, other: &Locking) {
        self.wait.merge(&other.wait);
        self.hold.merge(&other.hold);
        self.clone.merge(&other.clone);
    }
}
