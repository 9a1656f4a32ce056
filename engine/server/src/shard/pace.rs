//! Shards keep together in event time, so that none must hold what another has not come to yet.
//!
//! Nobody waits for long: a shard that works off a backlog and is ahead lets those behind catch up, but only while
//! they do; one that is behind takes fewer messages from those ahead before it reads on. What comes out is the
//! same; how much is held in between is not.

use std::collections::VecDeque;

use millrace_plan::{WATERMARK_MAX, WATERMARK_MIN};

/// Messages taken from one shard before this one looks at its own sources.
const BURST: usize = 64;

/// The same for a shard that is ahead.
const BURST_FROM_AHEAD: usize = 1;

/// A shard may be this many full batches ahead.
const SLACK_BATCHES: usize = 8;

/// Without news of those behind for this long, a shard goes on, in nanoseconds.
const PATIENCE_NS: u64 = 50_000_000;

/// How one shard keeps together with the others. Watermarks are those of
/// [`shard_watermark`](millrace_flow::pipeline::Pipeline::shard_watermark): of this shard too, because the split that
/// was read last may be far ahead of the one that holds the shard back.
pub struct Pace {
    /// A batch of so many rows is full: more rows wait behind it.
    full_rows: usize,
    /// The watermark of this shard after the batch that was read last.
    own: i64,
    /// The same before the last full batches, oldest first; a batch that is not full ends the backlog.
    backlog: VecDeque<i64>,
    /// The watermark of the shard that is furthest behind, and since when.
    behind: Option<(i64, u64)>,
}

impl Pace {
    /// Before the first batch.
    pub fn new(batch_rows: usize) -> Pace {
        // Formats cut batches at their pieces of bytes too.
        const FULL_ROWS: usize = 1024;
        let full_rows = batch_rows.min(FULL_ROWS);
        Pace { full_rows, own: WATERMARK_MIN, backlog: VecDeque::new(), behind: None }
    }

    /// A batch of `rows` rows was read; this shard has this watermark now.
    pub fn has_read(&mut self, rows: usize, own: i64) {
        match rows < self.full_rows {
            true => self.backlog.clear(),
            false => {
                if self.backlog.len() == SLACK_BATCHES {
                    self.backlog.pop_front();
                }
                self.backlog.push_back(self.own);
            }
        }
        self.own = own;
    }

    /// How many messages of a shard to take before the next batch is read.
    pub fn burst(&self, peer: i64) -> usize {
        // One that nothing waits for is not ahead.
        match peer > self.own && peer < WATERMARK_MAX && !self.backlog.is_empty() {
            true => BURST_FROM_AHEAD,
            false => BURST,
        }
    }

    /// True if this shard should let others, the last of which is at `behind`, catch up before it reads the next batch.
    pub fn is_too_far_ahead(&mut self, now_ns: u64, behind: i64) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 1024;

    /// A shard that has read full batches up to these watermarks.
    fn after(watermarks: impl IntoIterator<Item = i64>) -> Pace {
        let mut pace = Pace::new(ROWS);
        watermarks.into_iter().for_each(|own| pace.has_read(ROWS, own));
        pace
    }

    #[test]
    fn a_shard_waits_for_those_behind_while_they_move_and_not_for_long() {
        let mut ahead = after(1..=20);
        assert!(ahead.is_too_far_ahead(0, 5));
        assert!(ahead.is_too_far_ahead(PATIENCE_NS - 1, 5));
        assert!(!ahead.is_too_far_ahead(PATIENCE_NS, 5), "no news for too long");
        assert!(ahead.is_too_far_ahead(PATIENCE_NS, 6), "they move again");
        assert!(!ahead.is_too_far_ahead(PATIENCE_NS, 12), "they are near enough");
    }

    #[test]
    fn a_shard_without_a_backlog_waits_for_nobody_and_takes_all_messages() {
        let mut live = after(1..=20);
        live.has_read(3, 21);
        assert!(!live.is_too_far_ahead(0, WATERMARK_MIN));
        assert_eq!(live.burst(1000), BURST);
    }

    #[test]
    fn one_that_is_behind_takes_little_from_those_ahead() {
        let behind = after(1..=3);
        assert_eq!(behind.burst(4), BURST_FROM_AHEAD);
        assert_eq!(behind.burst(3), BURST);
        assert_eq!(behind.burst(WATERMARK_MAX), BURST, "nothing waits for that one");
    }

    /// Two shards whose splits are long and short took each other for behind, and both waited.
    #[test]
    fn two_shards_of_splits_with_unlike_steps_never_wait_for_each_other() {
        const STEPS: [i64; 4] = [330, 10, 110, 30];
        let mut shards = [(after([]), [0i64; 4]), (after([]), [7i64; 4])];
        let mut waits = 0;
        for _ in 0..10_000 {
            let at = [0, 1].map(|shard: usize| shards[shard].1.into_iter().min().unwrap_or(0));
            let mut waiting = [false; 2];
            for (own, (pace, splits)) in shards.iter_mut().enumerate() {
                waiting[own] = pace.is_too_far_ahead(0, at[1 - own]);
                // A split with the lowest watermark is read next.
                if let (false, Some(next)) = (waiting[own], (0..4).min_by_key(|split| splits[*split])) {
                    // One shard's splits are denser.
                    splits[next] += STEPS[next] / (own as i64 + 1);
                    pace.has_read(ROWS, splits.iter().copied().min().unwrap_or(0));
                }
            }
            assert_ne!(waiting, [true, true], "{at:?}");
            waits += usize::from(waiting[0]);
        }
        assert!(waits > 1000, "the faster one lets the other catch up: {waits}");
        let ends = [0, 1].map(|shard: usize| shards[shard].1.into_iter().min().unwrap_or(0));
        assert!((ends[0] - ends[1]).abs() < 1000, "they stay together: {ends:?}");
    }
}
