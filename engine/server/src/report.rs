//! What shards tell the main thread, and the account that is printed at the end.

use std::fmt::Write;

use millrace_connect::format::BadRow as UndecodedRow;
use millrace_flow::ledger::{self, NodeAccount};
use millrace_flow::operator::{Account, BadRow};
use millrace_plan::{NodeId, WATERMARK_MAX, WATERMARK_MIN};
use millrace_runtime::RingSender;
use serde_json::{Value, json};

use crate::checkpoint::{Account as EpochAccount, Command, Progress};
use crate::shard::Stages;

/// A row for the dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The node it left at.
    pub node: NodeId,
    /// The split it came from, by name or number.
    pub split: String,
    /// Row number within the split.
    pub row: u64,
    /// Byte offset within the split, if known.
    pub offset: Option<u64>,
    /// Why.
    pub reason: String,
    /// The row as it came, or printed.
    pub raw: Vec<u8>,
}

/// From a shard to the main thread.
#[derive(Debug)]
pub enum HostEvent {
    /// Bytes for standard output: whole lines.
    Stdout(Vec<u8>),
    /// A row for the dead letters.
    Bad(DeadLetter),
    /// Something the user should know; the run goes on.
    Warning(String),
    /// How far the shard is.
    Snapshot(Snapshot),
    /// A shard takes commands; before anything else that it says.
    Ready(RingSender<Command>),
    /// How far a shard is with an epoch.
    Epoch {
        /// The shard.
        shard: usize,
        /// What has happened.
        progress: Progress,
    },
}

impl HostEvent {
    /// What a shard says of an epoch.
    pub fn epoch(shard: usize, progress: Progress) -> Self {
        HostEvent::Epoch { shard, progress }
    }

    /// A row that could not be decoded.
    pub fn bad_in_source(node: NodeId, split: &str, bad: UndecodedRow) -> Self {
        HostEvent::Bad(DeadLetter {
            node,
            split: split.to_string(),
            row: bad.row,
            offset: Some(bad.offset),
            reason: bad.reason,
            raw: bad.raw,
        })
    }

    /// A row that could not be processed.
    pub fn bad_in_pipeline(node: NodeId, bad: BadRow) -> Self {
        HostEvent::Bad(DeadLetter {
            node,
            split: format!("split {}", bad.split),
            row: bad.row,
            offset: None,
            reason: bad.reason,
            raw: bad.raw.into_bytes(),
        })
    }
}

/// How far a shard is: plain counters, sent by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The shard.
    pub shard: usize,
    /// Rows read, bad ones too.
    pub rows: u64,
    /// Bytes decoded.
    pub bytes: u64,
    /// Rows that could not be decoded.
    pub bad: u64,
}

/// One shard's account at the end.
#[derive(Debug, Clone)]
pub struct ShardReport {
    /// The shard.
    pub shard: usize,
    /// It was told to stop before its input ended.
    pub stopped: bool,
    /// Every node.
    pub nodes: Vec<NodeAccount>,
    /// Rows read, bad ones too.
    pub rows_in: u64,
    /// Bytes decoded.
    pub bytes_in: u64,
    /// Rows that could not be decoded.
    pub undecoded: u64,
    /// Rows written by sinks.
    pub rows_out: u64,
    /// Bytes written by sinks.
    pub bytes_out: u64,
    /// The most bytes of state held at any epoch.
    pub peak_state_bytes: u64,
    /// How long batches took.
    pub stages: Stages,
}

/// The account of a whole run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Every shard.
    pub shards: Vec<ShardReport>,
    /// From start to end, in milliseconds.
    pub elapsed_ms: u64,
    /// Which backend ran it.
    pub backend: String,
    /// What became of the epochs, in a run with checkpoints.
    pub epochs: Option<EpochAccount>,
}

impl RunReport {
    /// True if the run was told to stop before its input ended.
    pub fn stopped(&self) -> bool {
        self.shards.iter().any(|shard| shard.stopped)
    }

    /// The accounts of all shards, added up node by node.
    pub fn total(&self) -> Vec<NodeAccount> {
        let mut total: Vec<NodeAccount> = vec![];
        for shard in &self.shards {
            for (index, node) in shard.nodes.iter().enumerate() {
                match total.get_mut(index) {
                    None => total.push(node.clone()),
                    Some(own) => {
                        own.account = sum(&own.account, &node.account);
                        own.watermark = own.watermark.min(node.watermark);
                    }
                }
            }
        }
        total
    }

    /// How long batches took, on all shards.
    pub fn stages(&self) -> Stages {
        let mut total = Stages::default();
        self.shards.iter().for_each(|shard| total.add(&shard.stages));
        total
    }

    /// A figure over all shards.
    pub fn add(&self, figure: impl Fn(&ShardReport) -> u64) -> u64 {
        self.shards.iter().map(figure).sum()
    }

    /// Late rows.
    pub fn late(&self) -> u64 {
        self.total().iter().map(|node| node.account.late).sum()
    }

    /// Bad rows, undecoded ones too.
    pub fn bad(&self) -> u64 {
        self.total().iter().map(|node| node.account.bad).sum()
    }

    /// The account as text.
    pub fn text(&self) -> String {
        let seconds = self.elapsed_ms as f64 / 1000.0;
        let rows = self.add(|shard| shard.rows_in);
        let rate = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
        let filtered: u64 = self.total().iter().map(|node| node.account.filtered).sum();
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} rows in ({} bytes), {} rows out, {} late, {} bad, {} filtered, {seconds:.3} s, {rate:.0} rows/s, {} shards on {}",
            rows,
            self.add(|shard| shard.bytes_in),
            self.add(|shard| shard.rows_out),
            self.late(),
            self.bad(),
            filtered,
            self.shards.len(),
            self.backend
        );
        text.push_str("ledger, all shards, balanced:\n");
        text.push_str(&ledger::table(&self.total()));
        text
    }

    /// The account as JSON.
    pub fn json(&self) -> Value {
        json!({
            "elapsed_ms": self.elapsed_ms,
            "backend": self.backend,
            "stopped": self.stopped(),
            "checkpoints": self.epochs.map(|own| json!({
                "durable": own.durable,
                "abandoned": own.abandoned,
                "last_epoch": own.last_epoch,
                "last_bytes": own.last_bytes,
            })),
            "total": {
                "rows_in": self.add(|shard| shard.rows_in),
                "bytes_in": self.add(|shard| shard.bytes_in),
                "rows_out": self.add(|shard| shard.rows_out),
                "bytes_out": self.add(|shard| shard.bytes_out),
                "late": self.late(),
                "bad": self.bad(),
                "peak_state_bytes": self.add(|shard| shard.peak_state_bytes),
                "stages": self.stages().json(),
                "operators": nodes(&self.total()),
            },
            "shards": self.shards.iter().map(|shard| json!({
                "shard": shard.shard,
                "rows_in": shard.rows_in,
                "bytes_in": shard.bytes_in,
                "rows_out": shard.rows_out,
                "bytes_out": shard.bytes_out,
                "peak_state_bytes": shard.peak_state_bytes,
                "operators": nodes(&shard.nodes),
            })).collect::<Vec<_>>(),
        })
    }
}

fn sum(a: &Account, b: &Account) -> Account {
    Account {
        rows_in: a.rows_in + b.rows_in,
        rows_out: a.rows_out + b.rows_out,
        filtered: a.filtered + b.filtered,
        late: a.late + b.late,
        bad: a.bad + b.bad,
        accepted: a.accepted + b.accepted,
        restored: a.restored + b.restored,
        retired: a.retired + b.retired,
        in_state: a.in_state + b.in_state,
        state_bytes: a.state_bytes + b.state_bytes,
    }
}

fn nodes(accounts: &[NodeAccount]) -> Vec<Value> {
    let watermark = |value: i64| match value {
        WATERMARK_MIN => json!("none"),
        WATERMARK_MAX => json!("end"),
        value => json!(value),
    };
    accounts
        .iter()
        .map(|own| {
            json!({
                "node": own.node,
                "operator": own.operator,
                "rows_in": own.account.rows_in,
                "rows_out": own.account.rows_out,
                "filtered": own.account.filtered,
                "late": own.account.late,
                "bad": own.account.bad,
                "accepted": own.account.accepted,
                "restored": own.account.restored,
                "retired": own.account.retired,
                "in_state": own.account.in_state,
                "state_bytes": own.account.state_bytes,
                "watermark": watermark(own.watermark),
            })
        })
        .collect()
}
