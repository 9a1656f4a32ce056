//! What window aggregation holds for a checkpoint, whole or as changes, and how it is taken over.

use arrow::array::RecordBatch;
use millrace_plan::{Phase, Result, WindowInput};

use super::{PaneKey, WindowAggregate, by_pane};
use crate::checkpoint::{Extent, OperatorState, as_layout};
use crate::operator::row_counts::{ROW_COUNTS, RowCounts, row_counts};
use crate::operator::{Operator, Output};
use crate::state::Blocks;
use crate::window::emitted::{self, Emitted};
use crate::window::{Window, windows_of};

/// A table of a checkpoint: the groups of panes, as partial states.
const PANES: &str = "panes";

/// A table of a checkpoint: the rows sent of windows that are still open.
const EMITTED: &str = "emitted";

/// What checkpoints know: panes by their keys as they are and as checkpoints have them, and windows.
#[derive(Default)]
pub(super) struct Known {
    /// There has been one.
    any: bool,
    panes: Blocks<(PaneKey, PaneKey)>,
    windows: Blocks<Window>,
}

impl WindowAggregate {
    /// All that is held, or what has changed of it.
    pub(super) fn held(&mut self, whole: bool, lost: bool, out: &mut Output) -> Result<OperatorState> {
        self.on_tick(out)?;
        if self.phase == Phase::Local {
            let held: Vec<PaneKey> = self.panes.keys().copied().collect();
            held.into_iter().try_for_each(|key| self.flush_pane(key, out))?;
            return Ok(OperatorState::none());
        }
        let whole = whole || !self.known.any;
        if whole {
            self.known = Known { any: true, ..Known::default() };
        }
        let mut state = OperatorState::new(if whole { Extent::Whole } else { Extent::Changes });
        self.held_panes(lost, &mut state)?;
        self.held_emitted(lost, &mut state)?;
        Ok(state)
    }

    fn held_panes(&mut self, lost: bool, state: &mut OperatorState) -> Result<()> {
        let keys: Vec<(PaneKey, PaneKey)> =
            self.panes.keys().map(|key| (*key, self.key_after_firing(*key))).collect();
        let mut counts = RowCounts::default();
        let is_there = |key: &(PaneKey, PaneKey)| keys.binary_search(key).is_ok();
        let mut gone = self.known.panes.keep(lost, is_there);
        for key in &keys {
            let Some(pane) = self.panes.get_mut(&key.0) else { continue };
            let (extent, groups) = pane.for_checkpoint(self.known.panes.is_new(key, lost), lost);
            let numbers = self.known.panes.place(*key, extent == Extent::Whole);
            let first = numbers.start;
            if (state.extent, extent) == (Extent::Changes, Extent::Whole) {
                gone.push(numbers);
            }
            for (groups, rows) in pane.states(&groups, &self.layout, &[key.1.0, key.1.1])? {
                let parts = groups.into_iter().map(|group| first + u64::from(group));
                state.add_parts(PANES, rows, parts.collect(), vec![]);
            }
            if let Some(hash) = pane.some_hash().filter(|_| !groups.is_empty()) {
                counts.add(hash, key.1, pane.rows(), first);
            }
        }
        counts.snapshot(state, gone.clone())?;
        state.add_gone_ranges(PANES, gone);
        Ok(())
    }

    fn held_emitted(&mut self, lost: bool, state: &mut OperatorState) -> Result<()> {
        let mut gone = self.known.windows.keep(lost, |window| self.emitted.contains_key(window));
        for (window, emitted) in &mut self.emitted {
            if !emitted.is_for_checkpoint(self.known.windows.is_new(window, lost), lost) {
                continue;
            }
            let numbers = self.known.windows.place(*window, true);
            let rows = emitted.snapshot(*window)?;
            let parts = vec![numbers.start; rows.num_rows()];
            state.add_parts(EMITTED, rows, parts, vec![]);
            if state.extent == Extent::Changes {
                gone.push(numbers);
            }
        }
        state.add_gone_ranges(EMITTED, gone);
        Ok(())
    }

    /// A pane's key so that windows which have fired do not count it again, whatever the watermark of the
    /// shard that goes on with it.
    fn key_after_firing(&self, key: PaneKey) -> PaneKey {
        let WindowInput::Assign { window, .. } = self.input else { return key };
        let fired = windows_of(&window, key.0).map(|own| own.end).take_while(|end| end - 1 <= self.watermark);
        (key.0, fired.last().map_or(key.1, |end| end.max(key.1)))
    }

    /// Takes over what a checkpoint holds.
    pub(super) fn take_over(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        state.only(&[PANES, EMITTED, ROW_COUNTS])?;
        (self.watermark, self.fired) = (self.closing(watermark_ms), watermark_ms);
        for rows in state.rows(PANES) {
            self.restore_panes(rows)?;
        }
        for (key, rows) in row_counts(state)? {
            self.pane(key)?.stand_for(rows);
            self.account.restored += rows;
        }
        for rows in state.rows(EMITTED) {
            for (window, part) in emitted::by_window(rows)? {
                if !self.emitted.contains_key(&window) {
                    self.emitted.insert(window, Emitted::new(&self.schema, self.key_types.len())?);
                }
                let Some(own) = self.emitted.get_mut(&window) else { continue };
                own.restore(&as_layout(part.columns(), &self.schema)?)?;
            }
        }
        Ok(())
    }

    fn restore_panes(&mut self, rows: &RecordBatch) -> Result<()> {
        let layout = self.layout.clone();
        let rows = as_layout(rows.columns(), &layout.schema)?;
        for (key, part) in by_pane(&layout, &rows) {
            let pane = self.pane(key)?;
            let before = pane.rows();
            pane.merge(&layout, &part)?;
            let added = pane.rows() - before;
            self.account.restored += added;
        }
        Ok(())
    }
}
