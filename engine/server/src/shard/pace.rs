//! Shards keep together in event time, so that none must hold what another has not come to yet.
//!
//! Nobody waits for long: a shard that is ahead lets those behind catch up only while they do, and one that is
//! behind takes fewer messages from those ahead before it reads on. What comes out is the same; how much is held
//! in between is not.

use std::collections::VecDeque;

use millrace_flow::pipeline::Pipeline;
use millrace_plan::WATERMARK_MIN;

/// Messages taken from one shard before this one looks at its own sources.
const BURST: usize = 64;

/// The same for a shard that is ahead.
const BURST_FROM_AHEAD: usize = 1;

/// A shard may be this many batches ahead.
const SLACK_BATCHES: usize = 4;

/// Without news of those behind for this long, a shard goes on, in nanoseconds.
const PATIENCE_NS: u64 = 1_000_000;

/// How one shard keeps together with the others.
pub struct Pace {
    shard: usize,
    shards: usize,
    /// The watermarks of the last batches read, oldest first.
    read: VecDeque<i64>,
    /// The watermark of the shard that is furthest behind, and since when.
    behind: (i64, u64),
}

impl Pace {
    /// Before the first batch.
    pub fn new(shard: usize, shards: usize) -> Pace {
        Pace { shard, shards, read: VecDeque::new(), behind: (WATERMARK_MIN, 0) }
    }

    /// A batch was read; its split has this watermark now.
    pub fn has_read(&mut self, watermark: i64) {
        if self.read.len() == SLACK_BATCHES {
            self.read.pop_front();
        }
        self.read.push_back(watermark);
    }

    /// How many messages of `peer` to take before the next batch is read.
    pub fn burst(&self, peer: usize, pipeline: &Pipeline) -> usize {
        let watermark = pipeline.peer_watermark(peer);
        let own = self.read.back().copied().unwrap_or(WATERMARK_MIN);
        // One that nothing waits for is not ahead.
        match watermark > own && watermark < millrace_plan::WATERMARK_MAX {
            true => BURST_FROM_AHEAD,
            false => BURST,
        }
    }

    /// True if this shard should let others catch up before it reads the next batch.
    pub fn is_too_far_ahead(&mut self, now_ns: u64, pipeline: &Pipeline) -> bool {
        let peers = (0..self.shards).filter(|peer| *peer != self.shard);
        let Some(behind) = peers.map(|peer| pipeline.peer_watermark(peer)).min() else { return false };
        if behind != self.behind.0 {
            self.behind = (behind, now_ns);
        }
        let oldest = self.read.front().filter(|_| self.read.len() == SLACK_BATCHES);
        oldest.is_some_and(|oldest| behind < *oldest) && now_ns < self.behind.1 + PATIENCE_NS
    }
}
