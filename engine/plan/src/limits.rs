//! Every limit of the engine, with its default.

/// Bounds that keep hostile or mistaken input from taking the machine down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest SQL text, in bytes.
    pub sql_bytes: usize,
    /// Deepest nesting of SQL expressions and queries.
    pub sql_depth: usize,
    /// Longest input row of a text format, in bytes; longer rows are bad rows.
    pub row_bytes: usize,
    /// Rows per batch read from a source.
    pub batch_rows: usize,
    /// Slices of the key-hash space of one pipeline: the unit of ownership.
    pub partitions: usize,
    /// Batches that one ring between two shards holds.
    pub ring_batches: usize,
    /// State of all shards together, in bytes, each shard having an equal share; `None` = no limit.
    pub memory_bytes: Option<usize>,
    /// Milliseconds that a continuous aggregation collects changes before it emits them.
    pub emit_interval_ms: u64,
    /// Milliseconds between two epochs: how often the ledger is checked.
    pub epoch_interval_ms: u64,
    /// Bad rows shown on stderr for each source when no dead-letter path is set.
    pub bad_row_samples: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sql_bytes: 16 << 20,
            sql_depth: 128,
            row_bytes: 16 << 20,
            batch_rows: 8192,
            partitions: 256,
            ring_batches: 64,
            memory_bytes: None,
            emit_interval_ms: 100,
            epoch_interval_ms: 1000,
            bad_row_samples: 5,
        }
    }
}
