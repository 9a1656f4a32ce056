//! Event time: the watermark of each split, and what they promise together.

use millrace_plan::{WATERMARK_MAX, WATERMARK_MIN};

use crate::batch::{SplitId, SplitStatus};

/// The watermarks of the splits that one shard reads of one source.
#[derive(Debug, Default)]
pub struct SplitTimes {
    splits: Vec<SplitTime>,
    ended: bool,
    /// None is there now, but one may come: [`SplitTimes::set_expecting`].
    expecting: bool,
    /// What was promised last: a split that opens later starts there, so that no window fires twice.
    promised: Option<i64>,
    /// The watermarks that splits had reached in an earlier run, until they open again.
    restored: Vec<(SplitId, i64)>,
}

#[derive(Debug)]
struct SplitTime {
    id: SplitId,
    watermark: i64,
    status: SplitStatus,
}

impl SplitTimes {
    fn split(&mut self, id: SplitId) -> &mut SplitTime {
        if let Some(position) = self.splits.iter().position(|own| own.id == id) {
            return &mut self.splits[position];
        }
        let restored = self.restored.iter().find(|(own, _)| *own == id).map(|(_, watermark)| *watermark);
        let watermark = restored.or(self.promised).unwrap_or(WATERMARK_MIN);
        self.splits.push(SplitTime { id, watermark, status: SplitStatus::Active });
        let last = self.splits.len() - 1;
        &mut self.splits[last]
    }

    /// The watermark of a split: [`WATERMARK_MIN`] before its first row.
    pub fn watermark(&self, id: SplitId) -> i64 {
        self.splits.iter().find(|own| own.id == id).map_or(WATERMARK_MIN, |own| own.watermark)
    }

    /// The watermark of every split that is known, and what was promised.
    pub fn known(&self) -> (Vec<(SplitId, i64)>, Option<i64>) {
        let elsewhere = |own: &&(SplitId, i64)| self.splits.iter().all(|split| split.id != own.0);
        let own = self.splits.iter().map(|own| (own.id, own.watermark));
        (own.chain(self.restored.iter().filter(elsewhere).copied()).collect(), self.promised)
    }

    /// Takes over what splits had reached in an earlier run, wherever they were read, and what was promised.
    pub fn restore(&mut self, splits: Vec<(SplitId, i64)>, promised: Option<i64>) {
        self.restored = splits;
        self.promised = promised;
    }

    /// A split's watermark has grown; a silent split is awake again.
    pub fn advance(&mut self, id: SplitId, watermark: i64) {
        let own = self.split(id);
        own.watermark = own.watermark.max(watermark);
        own.status = SplitStatus::Active;
    }

    /// A split opened, fell silent or ended.
    pub fn set_status(&mut self, id: SplitId, status: SplitStatus) {
        self.split(id).status = status;
    }

    /// No split will open any more.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Says that no split is there but one may come, or that this is over.
    pub fn set_expecting(&mut self, expecting: bool) {
        self.expecting = expecting;
    }

    /// True if no split holds time back: those that are there have fallen silent, or none is there and the
    /// source waits for the next. A split that has merely ended says nothing: its rows may still be under way,
    /// and its source is about to end too.
    pub fn is_idle(&self) -> bool {
        let waits = self.expecting || self.splits.iter().any(|own| own.status == SplitStatus::Idle);
        waits && !self.ended && self.splits.iter().all(|own| own.status != SplitStatus::Active)
    }

    /// What all splits together promise: the least watermark of those that count. Without any, nothing
    /// while splits may still open or wake, everything once the source has ended.
    pub fn combined(&mut self) -> i64 {
        let counting = self.splits.iter().filter(|own| own.status == SplitStatus::Active);
        let combined = match counting.map(|own| own.watermark).min() {
            Some(watermark) => watermark,
            None if self.ended => WATERMARK_MAX,
            None => self.splits.iter().map(|own| own.watermark).max().unwrap_or(WATERMARK_MIN),
        };
        self.promised = self.promised.max(Some(combined));
        combined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_split_no_longer_holds_time_back_until_it_wakes() {
        let mut times = SplitTimes::default();
        times.advance(1, 100);
        times.set_status(2, SplitStatus::Active);
        assert_eq!(times.combined(), WATERMARK_MIN);
        times.set_status(2, SplitStatus::Idle);
        assert_eq!(times.combined(), 100);
        times.advance(2, 70);
        assert_eq!(times.combined(), 70);
    }

    #[test]
    fn a_split_that_opens_later_starts_at_what_was_promised() {
        let mut times = SplitTimes::default();
        times.advance(1, 100);
        assert_eq!(times.combined(), 100);
        times.set_status(1, SplitStatus::Ended);
        times.set_status(2, SplitStatus::Active);
        assert_eq!((times.combined(), times.watermark(2)), (100, 100));
    }

    #[test]
    fn an_ended_split_does_not_make_its_source_idle() {
        let mut times = SplitTimes::default();
        assert!(!times.is_idle());
        times.advance(1, 100);
        times.set_status(1, SplitStatus::Ended);
        assert!(!times.is_idle());
        times.set_expecting(true);
        assert!(times.is_idle());
        times.set_status(2, SplitStatus::Active);
        assert!(!times.is_idle());
        times.set_status(2, SplitStatus::Idle);
        times.set_expecting(false);
        assert!(times.is_idle());
    }

    #[test]
    fn time_ends_with_the_source() {
        let mut times = SplitTimes::default();
        times.set_status(1, SplitStatus::Ended);
        times.end();
        assert_eq!(times.combined(), WATERMARK_MAX);
    }
}
