//! Rows of a join without a bound that are forgotten when the other input can send no partner of theirs any more. What
//! is sent does not depend on when that is.

use std::collections::BTreeMap;

use arrow::array::{Array, Int64Array};
use millrace_plan::{LastPartner, Result, WATERMARK_MIN};

use super::millis;
use super::side::Link;
use super::snapshot::Times;
use super::state::{Bound, State};
use crate::batch::Batch;
use crate::state::NO_SLOT;

/// When the rows of both sides are of no use any more.
pub struct LastPartners {
    last: [Option<LastPartner>; 2],
    /// The watermark of the other input, for the rows of each side.
    watermarks: [i64; 2],
    /// Rows of each side by the span of time in which their last partner may be; rows come nearly in order, so most
    /// spans are of one batch or two.
    over: [BTreeMap<i64, Vec<u32>>; 2],
}

/// Rows whose last partners are in one span are forgotten together, in milliseconds.
const SPAN_MS: i64 = 1024;

/// The times of the rows of a batch; `None` = they do not matter.
pub struct Timed(Option<Int64Array>);

impl Bound for Timed {
    fn admits(&self, _: usize, _: &Link) -> bool {
        true
    }

    fn times(&self, row: usize) -> (i64, i64) {
        (self.0.as_ref().map_or(0, |times| times.value(row)), 0)
    }

    fn judged_by(&self, _: usize, _: Option<&Link>) -> Option<i64> {
        None
    }
}

impl LastPartners {
    /// `None` if the rows of both sides are kept for ever.
    pub fn new(last: [Option<LastPartner>; 2]) -> Option<Self> {
        let own = LastPartners { last, watermarks: [WATERMARK_MIN; 2], over: Default::default() };
        last.iter().any(Option::is_some).then_some(own)
    }

    /// The times of a batch of `side`, and which of its rows are of use to rows that are still to come.
    pub fn judge(&self, side: usize, batch: &Batch) -> Result<(Timed, Option<Vec<bool>>)> {
        let Some(last) = self.last[side] else { return Ok((Timed(None), None)) };
        let times = millis(batch.rows.column(last.column))?;
        let of_use = |row: usize| {
            times.is_valid(row) && times.value(row).saturating_add(last.plus_ms) > self.watermarks[side]
        };
        let stored = (0..times.len()).map(of_use).collect();
        Ok((Timed(Some(times)), Some(stored)))
    }

    /// Rows of `side` have been stored in these slots.
    pub fn stored(&mut self, side: usize, times: &Timed, slots: &[u32]) {
        let (Some(last), Some(times)) = (self.last[side], &times.0) else { return };
        let span = |row: usize| span(last, times.value(row));
        let mut row = 0;
        while row < slots.len() {
            if slots[row] == NO_SLOT {
                row += 1;
                continue;
            }
            let (first, own) = (row, span(row));
            while row < slots.len() && slots[row] != NO_SLOT && span(row) == own {
                row += 1;
            }
            self.over[side].entry(own).or_default().extend_from_slice(&slots[first..row]);
        }
    }

    /// A row of `side` is there that has this time.
    pub fn restored(&mut self, side: usize, slot: u32, time_ms: i64) {
        if let Some(last) = self.last[side] {
            self.over[side].entry(span(last, time_ms)).or_default().push(slot);
        }
    }

    /// The watermark of input `port` is this: rows of the other one may be over.
    pub fn advance(&mut self, port: usize, watermark_ms: i64, state: &mut State) {
        let side = 1 - port;
        self.watermarks[side] = self.watermarks[side].max(watermark_ms);
        // The last time of a span is the first of the next one, less 1.
        let is_over = |span: i64| span.saturating_add(1).saturating_mul(SPAN_MS) - 1 <= self.watermarks[side];
        while let Some(first) = self.over[side].first_entry().filter(|own| is_over(*own.key())) {
            first.remove().into_iter().for_each(|slot| state.remove(side, slot));
        }
    }

    /// What the times of the rows of a side in a checkpoint are.
    pub fn times(&self, side: usize) -> Times {
        self.last[side].map_or(Times::Written, |last| Times::RowTime(last.column))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let slots = |own: &BTreeMap<i64, Vec<u32>>| own.values().map(|slots| slots.capacity()).sum::<usize>();
        self.over.iter().map(|own| slots(own) * size_of::<u32>()).sum()
    }
}

/// The span in which the last partner of a row of this time may be.
fn span(last: LastPartner, time_ms: i64) -> i64 {
    time_ms.saturating_add(last.plus_ms).div_euclid(SPAN_MS)
}
