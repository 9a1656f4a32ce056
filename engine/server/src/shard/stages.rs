//! How long batches take on a shard, stage by stage: histograms that the shard owns and hands over at the end.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// What a batch goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bytes to columns, waiting for bytes not counted.
    Decode,
    /// From the source to the sinks and exchanges of this shard.
    Operators,
    /// From one shard to another.
    Exchange,
    /// Columns to bytes, and handing them on.
    Sink,
    /// A turn of the shard: so long rows may have to wait.
    Turn,
    /// A turn of the shard while a checkpoint is made.
    Checkpoint,
}

impl Stage {
    const ALL: [Stage; 6] =
        [Stage::Decode, Stage::Operators, Stage::Exchange, Stage::Sink, Stage::Turn, Stage::Checkpoint];

    fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Operators => "operators",
            Stage::Exchange => "exchange",
            Stage::Sink => "sink",
            Stage::Turn => "turn",
            Stage::Checkpoint => "checkpoint",
        }
    }
}

/// Nanoseconds per batch, for each stage; per turn of the shard for the last two.
#[derive(Debug, Clone)]
pub struct Stages([Histogram<u64>; 6]);

impl Default for Stages {
    fn default() -> Self {
        /// About 1 % of a value.
        const DIGITS: u8 = 2;
        const MOST_NS: u64 = 60_000_000_000;
        Stages(Stage::ALL.map(|_| match Histogram::new_with_bounds(1, MOST_NS, DIGITS) {
            Ok(histogram) => histogram,
            Err(_) => unreachable!("these bounds are possible"),
        }))
    }
}

impl Stages {
    /// Adds the time of one batch.
    pub fn record(&mut self, stage: Stage, duration_ns: u64) {
        self.0[stage as usize].saturating_record(duration_ns);
    }

    /// Adds the batches of another shard.
    pub fn add(&mut self, other: &Stages) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            // All have the same bounds.
            let _ = own.add(other);
        }
    }

    /// Batches and percentiles in microseconds, by stage.
    pub fn json(&self) -> Value {
        let us =
            |histogram: &Histogram<u64>, quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let stage = |stage: Stage| {
            let own = &self.0[stage as usize];
            let figures = json!({
                "batches": own.len(),
                "p50_us": us(own, 0.5),
                "p99_us": us(own, 0.99),
                "p99.9_us": us(own, 0.999),
                "p99.99_us": us(own, 0.9999),
                "max_us": own.max() as f64 / 1000.0,
            });
            (stage.name().to_string(), figures)
        };
        Value::Object(Stage::ALL.into_iter().map(stage).collect())
    }
}
