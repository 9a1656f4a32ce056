//! Frames that slide: a row enters once and leaves once, so that a row costs the same however long the
//! frame is.

use std::collections::VecDeque;

use millrace_plan::{Frame, Result};

use super::Rows;

/// Which earlier rows a row sees, and whether rows of the same time see each other.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    frame: Frame,
    peers: bool,
}

impl Bounds {
    /// `by_time`: rows are in the order of a row time, so that rows of the same time are peers in RANGE.
    pub fn new(frame: Frame, by_time: bool) -> Self {
        // In processing time every row is computed when it arrives, unless the frame has a length in time.
        let peers = match frame {
            Frame::Rows(_) => false,
            Frame::Range(length) => by_time || length.is_some(),
        };
        Bounds { frame, peers }
    }

    /// True if rows leave.
    pub fn is_bounded(&self) -> bool {
        !matches!(self.frame, Frame::Rows(None) | Frame::Range(None))
    }

    /// The first row after `row` that is not computed together with it.
    fn end(&self, rows: &Rows, row: usize) -> usize {
        if self.peers { rows.peers_end(row) } else { row + 1 }
    }
}

/// What is kept of the rows in a frame, and how a row changes it.
pub trait Content {
    /// What a row brings.
    type Value;
    /// What is kept of one group.
    type State: Default;

    /// A row enters the frame of a group.
    fn add(&mut self, group: usize, state: &mut Self::State, value: &Self::Value) -> Result<()>;

    /// The row that entered first leaves.
    fn remove(&mut self, group: usize, state: &mut Self::State, value: &Self::Value) -> Result<()>;

    /// Makes room for what is kept of groups `0..groups` beside their states.
    fn resize(&mut self, groups: usize) {
        let _ = groups;
    }

    /// Bytes held beside the states.
    fn bytes(&self) -> usize {
        0
    }
}

/// The frames of all groups.
pub struct Slide<C: Content> {
    /// How rows change a frame.
    pub content: C,
    pub(super) bounds: Bounds,
    pub(super) states: Vec<C::State>,
    /// The rows in each frame, first come first; kept only if they leave one day.
    pub(super) inside: Vec<VecDeque<(i64, C::Value)>>,
    /// Rows in all frames.
    pub(super) held: usize,
}

impl<C: Content> Slide<C> {
    /// Empty frames.
    pub fn new(content: C, bounds: Bounds) -> Self {
        Slide { content, bounds, states: vec![], inside: vec![], held: 0 }
    }

    /// Makes room for groups `0..groups`.
    pub fn resize(&mut self, groups: usize) {
        self.content.resize(groups);
        self.states.resize_with(groups, Default::default);
        if self.bounds.is_bounded() {
            self.inside.resize_with(groups, VecDeque::new);
        }
    }

    /// Takes rows in; `each(content, group, state, rows)` is called with the frame of every row, once for all
    /// rows that have the same.
    pub fn run(
        &mut self,
        rows: &Rows,
        values: impl IntoIterator<Item = C::Value>,
        mut each: impl FnMut(&C, usize, &C::State, usize) -> Result<()>,
    ) -> Result<()> {
        let mut values = values.into_iter();
        let mut row = 0;
        while row < rows.groups.len() {
            let (group, time) = (rows.groups[row] as usize, rows.times[row]);
            let end = self.bounds.end(rows, row);
            // Before others enter, so that it does not matter whether they have expired already.
            if let Frame::Range(Some(length)) = self.bounds.frame {
                self.leave_before(group, time.saturating_sub(length))?;
            }
            for value in values.by_ref().take(end - row) {
                self.content.add(group, &mut self.states[group], &value)?;
                if self.bounds.is_bounded() {
                    self.inside[group].push_back((time, value));
                    self.held += 1;
                }
            }
            if let Frame::Rows(Some(before)) = self.bounds.frame {
                while self.inside[group].len() as u64 > before + 1 {
                    self.leave(group)?;
                }
            }
            each(&self.content, group, &self.states[group], end - row)?;
            row = end;
        }
        Ok(())
    }

    fn leave(&mut self, group: usize) -> Result<()> {
        let Some((_, value)) = self.inside[group].pop_front() else { return Ok(()) };
        self.held -= 1;
        self.content.remove(group, &mut self.states[group], &value)
    }

    fn leave_before(&mut self, group: usize, time: i64) -> Result<()> {
        while self.inside[group].front().is_some_and(|(first, _)| *first < time) {
            self.leave(group)?;
        }
        Ok(())
    }

    /// No row before `watermark` will come: rows leave that no frame of a length in time will see again.
    pub fn expire(&mut self, watermark: i64) -> Result<()> {
        let Frame::Range(Some(length)) = self.bounds.frame else { return Ok(()) };
        for group in 0..self.inside.len() {
            self.leave_before(group, watermark.saturating_sub(length))?;
            if self.inside[group].is_empty() {
                self.inside[group] = VecDeque::new();
            }
        }
        Ok(())
    }

    /// Bytes held, without what values and states hold elsewhere.
    pub fn bytes(&self) -> usize {
        let frames = self.inside.capacity() * size_of::<VecDeque<(i64, C::Value)>>();
        frames
            + self.content.bytes()
            + self.states.capacity() * size_of::<C::State>()
            + self.held * size_of::<(i64, C::Value)>()
    }
}
