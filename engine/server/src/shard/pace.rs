//! Shards keep together in event time, so that none must hold what another has not come to yet.
//!
//! Nobody waits for long: a shard that works off a backlog and is ahead lets those behind catch up, but only while
//! they do; one that is behind takes fewer messages from those ahead before it reads on. What comes out is the
//! same; how much is held in between is not.

use std::collections::VecDeque;

use millrace_flow::pipeline::Pipeline;
use millrace_plan::{WATERMARK_MAX, WATERMARK_MIN};

/// Messages taken from one shard before this one looks at its own sources.
const BURST: usize = 64;

/// The same for a shard that is ahead.
const BURST_FROM_AHEAD: usize = 1;

/// A shard may be this many full batches ahead.
const SLACK_BATCHES: usize = 8;

/// Without news of those behind for this long, a shard goes on, in nanoseconds.
const PATIENCE_NS: u64 = 50_000_000;

/// How one shard keeps together with the others.
pub struct Pace {
    shard: usize,
    shards: usize,
    /// A batch of so many rows is full: more rows wait behind it.
    full_rows: usize,
    /// The watermark after the batch that was read last.
    own: i64,
    /// The same before the last full batches, oldest first; a batch that is not full ends the backlog.
    backlog: VecDeque<i64>,
    /// The watermark of the shard that is furthest behind, and since when.
    behind: Option<(i64, u64)>,
}

impl Pace {
    /// Before the first batch.
    pub fn new(shard: usize, shards: usize, batch_rows: usize) -> Pace {
        // Formats cut batches at their pieces of bytes too.
        const FULL_ROWS: usize = 1024;
        let full_rows = batch_rows.min(FULL_ROWS);
        Pace { shard, shards, full_rows, own: WATERMARK_MIN, backlog: VecDeque::new(), behind: None }
    }

    /// A batch of `rows` rows was read; its split has this watermark now.
    pub fn has_read(&mut self, rows: usize, watermark: i64) {
        match rows < self.full_rows {
            true => self.backlog.clear(),
            false => {
                if self.backlog.len() == SLACK_BATCHES {
                    self.backlog.pop_front();
                }
                self.backlog.push_back(self.own);
            }
        }
        self.own = watermark;
    }

    /// How many messages of `peer` to take before the next batch is read.
    pub fn burst(&self, peer: usize, pipeline: &Pipeline) -> usize {
        let watermark = pipeline.peer_watermark(peer);
        // One that nothing waits for is not ahead.
        match watermark > self.own && watermark < WATERMARK_MAX && !self.backlog.is_empty() {
            true => BURST_FROM_AHEAD,
            false => BURST,
        }
    }

    /// True if this shard should let others catch up before it reads the next batch.
    pub fn is_too_far_ahead(&mut self, now_ns: u64, pipeline: &Pipeline) -> bool {
        let peers = (0..self.shards).filter(|peer| *peer != self.shard);
        let Some(behind) = peers.map(|peer| pipeline.peer_watermark(peer)).min() else { return false };
        let since_ns = match self.behind {
            Some((own, since_ns)) if own == behind => since_ns,
            _ => {
                self.behind = Some((behind, now_ns));
                now_ns
            }
        };
        let oldest = self.backlog.front().filter(|_| self.backlog.len() == SLACK_BATCHES);
        oldest.is_some_and(|oldest| behind < *oldest) && now_ns < since_ns + PATIENCE_NS
    }
}
