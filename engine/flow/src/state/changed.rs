//! Which parts of a state have changed since a checkpoint last saw it.

/// The changed ones of numbered parts: groups, keys. Costs nothing until the first snapshot has been taken.
#[derive(Debug, Default)]
pub struct Changed {
    /// Changes are being noted.
    on: bool,
    /// The last snapshot held all parts.
    fresh: bool,
    /// The parts of `now`.
    marks: Vec<bool>,
    /// Changed since the last snapshot.
    now: Vec<u32>,
    /// What the last snapshot held.
    before: Vec<u32>,
}

impl Changed {
    /// A part has changed.
    #[inline]
    pub fn touch(&mut self, part: u32) {
        if self.on {
            self.mark(part);
        }
    }

    /// These have changed.
    pub fn touch_all(&mut self, parts: impl IntoIterator<Item = u32>) {
        if self.on {
            parts.into_iter().for_each(|part| self.mark(part));
        }
    }

    #[inline]
    fn mark(&mut self, part: u32) {
        let place = part as usize;
        if place >= self.marks.len() {
            self.marks.resize((place + 1).next_power_of_two(), false);
        }
        if !self.marks[place] {
            self.marks[place] = true;
            self.now.push(part);
        }
    }

    /// A snapshot of all parts is taken.
    pub fn begin(&mut self) {
        *self =
            Changed { on: true, fresh: true, marks: std::mem::take(&mut self.marks), ..Changed::default() };
        self.marks.fill(false);
    }

    /// The parts have got other numbers: changes cannot be told before the next snapshot of all.
    pub fn lose(&mut self) {
        *self = Changed::default();
    }

    /// True if [`Changed::take`] can answer.
    pub fn is_on(&self, lost: bool) -> bool {
        self.on && !(lost && self.fresh)
    }

    /// A snapshot of what has changed since the last one is taken; if that was `lost`, of what it held too. `None`:
    /// nobody knows, it must be one of all parts.
    pub fn take(&mut self, lost: bool) -> Option<Vec<u32>> {
        if !self.is_on(lost) {
            return None;
        }
        if lost {
            let before = std::mem::take(&mut self.before);
            self.touch_all(before);
        }
        self.fresh = false;
        self.before = std::mem::take(&mut self.now);
        self.before.iter().for_each(|part| self.marks[*part as usize] = false);
        Some(self.before.clone())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.marks.capacity() + (self.now.capacity() + self.before.capacity()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_what_has_changed_since_the_last_that_was_not_lost() {
        let mut own = Changed::default();
        own.touch(7);
        assert_eq!(own.take(false), None);
        own.begin();
        assert_eq!(own.take(true), None);
        own.begin();
        own.touch_all([3, 9, 3]);
        assert_eq!(own.take(false), Some(vec![3, 9]));
        own.touch_all([9, 1]);
        assert_eq!(own.take(true), Some(vec![9, 1, 3]));
        own.touch(2);
        assert_eq!(own.take(true), Some(vec![2, 9, 1, 3]));
        assert_eq!(own.take(false), Some(vec![]));
        own.lose();
        own.touch(1);
        assert_eq!(own.take(false), None);
    }
}
