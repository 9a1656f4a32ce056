//! The join of rows whose times lie near each other.
//!
//! A row is kept until the watermark passes the last time that a partner can have; then it leaves, alone if it
//! has met none and its side is kept. A late row finds those rows that, by the watermarks of both rows' own
//! splits, were still there: so the answer does not depend on which input was faster. Results may be as old
//! as the longer reach, so the watermark that is sent lies behind by that much.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use arrow::array::Int64Array;
use millrace_plan::{Result, WATERMARK_MAX, WATERMARK_MIN};

use super::millis;
use super::shape::{LEFT, RIGHT, Shape};
use super::side::Link;
use super::snapshot::{Times, parts};
use super::state::{Arrival, Bound, Padding, State};
use crate::batch::{Batch, RowWatermarks};
use crate::checkpoint::OperatorState;
use crate::operator::{Account, Operator, Output};

/// The Join operator for JoinTime::Interval.
pub struct IntervalJoin {
    shape: Shape,
    state: State,
    /// The row-time column of each side.
    times: [usize; 2],
    /// How long after a row of each side the last partner may be: left rows, right rows.
    reach: [i64; 2],
    /// Stored rows of each side by the time they are over.
    over: [BinaryHeap<Reverse<(i64, u32)>>; 2],
    watermark: i64,
    ingest_ms: i64,
    account: Account,
}

/// The times of a batch.
struct Near<'a> {
    /// How long after a row of the batch the last partner may be, and the same for stored rows.
    reach: [i64; 2],
    times: &'a Int64Array,
    watermarks: &'a RowWatermarks,
    delay: i64,
}

impl Bound for Near<'_> {
    fn admits(&self, row: usize, stored: &Link) -> bool {
        let [own, other] = self.reach;
        let (time, watermark) = (self.times.value(row), self.watermarks.get(row));
        let (last, stored_last) = (time.saturating_add(own), stored.time.saturating_add(other));
        stored.time <= last && time <= stored_last && stored_last > watermark && last > stored.watermark
    }

    fn times(&self, row: usize) -> (i64, i64) {
        (self.times.value(row), self.watermarks.get(row))
    }

    fn judged_by(&self, row: usize, stored: Option<&Link>) -> Option<i64> {
        let other = stored.map_or(WATERMARK_MIN, |stored| stored.watermark);
        Some(behind(self.watermarks.get(row).max(other), self.delay))
    }
}

/// A watermark less a delay; the ends of time stay.
fn behind(watermark: i64, delay: i64) -> i64 {
    match watermark {
        WATERMARK_MAX => WATERMARK_MAX,
        other => other.saturating_sub(delay),
    }
}

impl IntervalJoin {
    /// A join without rows; `times` are the row-time columns, `reach` how long after a row of each side the
    /// last partner may be.
    pub fn new(shape: Shape, times: [usize; 2], reach: [i64; 2]) -> Result<Self> {
        let state = State::new(&shape, [false, false])?;
        Ok(IntervalJoin {
            shape,
            state,
            times,
            reach,
            over: Default::default(),
            watermark: WATERMARK_MIN,
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    fn delay(&self) -> i64 {
        self.reach[LEFT].max(self.reach[RIGHT]).max(0)
    }

    /// Rows of `side` that are over leave.
    fn expire(&mut self, side: usize, out: &mut Output) -> Result<()> {
        let (mut slots, mut watermarks, mut gone) = (vec![], vec![], vec![]);
        let delay = self.delay();
        while let Some(Reverse((last, slot))) = self.over[side].peek().copied() {
            if last > self.watermark {
                break;
            }
            self.over[side].pop();
            let stored = self.state.sides[side].of(slot);
            if stored.partners == 0 && self.shape.kind.keeps(side) {
                slots.push(slot);
                watermarks.push(behind(stored.watermark, delay));
            }
            gone.push(slot);
        }
        self.state.send_alone(&self.shape, side, (&slots, &watermarks), self.ingest_ms, out)?;
        gone.into_iter().for_each(|slot| self.state.remove(side, slot));
        Ok(())
    }
}

impl Operator for IntervalJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let times = millis(batch.rows.column(self.times[port]))?;
        let reach = [self.reach[port], self.reach[1 - port]];
        let stored: Vec<bool> =
            times.values().iter().map(|time| time.saturating_add(reach[0]) > self.watermark).collect();
        let near = Near { reach, times: &times, watermarks: &batch.watermarks, delay: self.delay() };
        let arrival =
            Arrival { side: port, batch: &batch, padding: Padding::WhenOver, stored: Some(&stored) };
        let bad = out.bad.len();
        let slots = self.state.arrive(&self.shape, &arrival, &near, out)?;
        self.account.bad += (out.bad.len() - bad) as u64;
        for (row, slot) in slots.iter().enumerate().filter(|(_, slot)| **slot != crate::state::NO_SLOT) {
            self.over[port].push(Reverse((times.value(row).saturating_add(reach[0]), *slot)));
        }
        self.state.settle()
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.watermark = watermark_ms;
        self.expire(LEFT, out)?;
        self.expire(RIGHT, out)?;
        self.state.settle()?;
        out.watermark(behind(watermark_ms, self.delay()));
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.state.snapshot(&self.shape, true)
    }

    fn changes(&mut self, lost: bool, _: &mut Output) -> Result<Option<OperatorState>> {
        self.state.changes(&self.shape, true, lost)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.watermark = watermark_ms;
        for (side, rows) in parts(state)? {
            for (slot, time) in
                self.state.restore(&self.shape, side, rows, Times::RowTime(self.times[side]))?
            {
                self.over[side].push(Reverse((time.saturating_add(self.reach[side]), slot)));
            }
        }
        self.account.restored = self.state.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        self.state.account(self.account)
    }
}
