//! Allowed lateness: a window fires when the watermark reaches its end, and closes when the watermark is so much
//! further. Until then it takes rows, and what they change is sent as changes, collected for the emit interval.
//!
//! What a window ends up with is what it would be if the watermark were always so much less. What was sent of it on
//! the way depends on how shards ran.

use std::collections::BTreeSet;

use millrace_plan::{EmitMode, Phase, Result, WATERMARK_MAX};

use super::{Output, PaneKey, WindowAggregate};
use crate::window::{Window, closing};

impl WindowAggregate {
    /// Time has come to `watermark`: windows fire, and those that close send what late rows have changed.
    pub(super) fn advance_late(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let is_due = self.next_end.saturating_sub(1) <= watermark;
        match self.phase {
            _ if !is_due => {}
            Phase::Local => {
                let has_fired = |own: Window| own.end - 1 <= watermark;
                self.flush_where(|own, key| own.open_windows(key).next().is_none_or(has_fired), out)?;
            }
            Phase::Single | Phase::Final => self.fire_late(watermark, out)?,
        }
        self.fired = watermark;
        self.watermark = closing(watermark, self.lateness);
        if is_due {
            self.drop_panes();
            self.next_end = self.next_due();
        }
        Ok(())
    }

    /// Sends what has changed of windows that have fired; with EMIT CHANGES of all that are open.
    pub(super) fn tick_late(&mut self, out: &mut Output) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        let fired = if self.emit == EmitMode::Changes { WATERMARK_MAX } else { self.fired };
        let is_due = |own: &Window| own.end - 1 <= fired;
        if self.phase == Phase::Local {
            let has_due = |own: &Self, key| {
                touched.contains(&key) && own.open_windows(key).next().as_ref().is_some_and(is_due)
            };
            return self.flush_where(has_due, out);
        }
        let windows = touched.iter().flat_map(|key| self.open_windows(*key)).filter(is_due);
        let windows: BTreeSet<(i64, i64)> = windows.map(|own| (own.end, own.start)).collect();
        self.send_windows(windows, out)
    }

    fn flush_where(&mut self, is_due: impl Fn(&Self, PaneKey) -> bool, out: &mut Output) -> Result<()> {
        let due: Vec<PaneKey> = self.panes.keys().copied().filter(|key| is_due(self, *key)).collect();
        due.into_iter().try_for_each(|key| self.flush_pane(key, out))
    }

    fn fire_late(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let closed = closing(watermark, self.lateness);
        let fires = |own: &Window| own.end - 1 > self.fired;
        let closes = |own: &Window| own.end - 1 <= closed;
        let has_ended = |own: &Window| own.end - 1 <= watermark;
        let first =
            self.panes.keys().flat_map(|key| self.open_windows(*key).take_while(has_ended)).filter(fires);
        let last = self.touched.iter().flat_map(|key| self.open_windows(*key).take_while(closes));
        let due = first.chain(last).map(|own| (own.end, own.start)).collect();
        self.send_windows(due, out)?;
        self.emitted.retain(|own, _| own.end - 1 > closed);
        Ok(())
    }

    /// Sends how these windows, known by end and start, differ from what was sent of them.
    fn send_windows(&mut self, windows: BTreeSet<(i64, i64)>, out: &mut Output) -> Result<()> {
        for (end, start) in windows {
            let window = Window { start, end };
            if let Some(rows) = self.results(window, out)? {
                self.send_changes(window, rows, out)?;
            }
        }
        Ok(())
    }

    /// When the next window fires or closes.
    fn next_due(&self) -> i64 {
        let of_pane = |key: &PaneKey| {
            let closes = self.open_windows(*key).next().map(|own| own.end.saturating_add(self.lateness));
            let fires = self.open_windows(*key).find(|own| own.end - 1 > self.fired).map(|own| own.end);
            closes.into_iter().chain(fires).min()
        };
        self.panes.keys().filter_map(of_pane).min().unwrap_or(i64::MAX)
    }
}
