//! Which parts of a state have changed since a checkpoint last saw it, and which of those that a snapshot holds are
//! still to be given: a large one is given in pieces while the state goes on changing, and what is about to change is
//! copied first (copy on write).

/// The changed ones of numbered parts: groups, keys. Costs nothing until the first snapshot has been taken.
#[derive(Debug, Default)]
pub struct Changed {
    /// Changes are being noted.
    on: bool,
    /// The last snapshot held all parts.
    fresh: bool,
    /// [`NOW`] for the parts of `now`, [`DUE`] for those that the last snapshot holds and that have not been given.
    marks: Vec<u8>,
    /// Changed since the last snapshot.
    now: Vec<u32>,
    /// What the last snapshot held.
    before: Vec<u32>,
    /// How far the last snapshot has been given: a place in `before`, or a part if it holds all.
    given: usize,
    /// Parts that were due when they were touched.
    urgent: Vec<u32>,
}

/// Changed since the last snapshot.
const NOW: u8 = 1;
/// To be given with the last snapshot.
const DUE: u8 = 2;

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
            self.marks.resize((place + 1).next_power_of_two(), 0);
        }
        let mark = std::mem::replace(&mut self.marks[place], NOW);
        if mark & NOW == 0 {
            self.now.push(part);
        }
        if mark & DUE != 0 {
            self.urgent.push(part);
        }
    }

    /// A snapshot of all parts is taken.
    pub fn begin(&mut self) {
        let mut marks = std::mem::take(&mut self.marks);
        marks.fill(0);
        *self = Changed { on: true, fresh: true, given: marks.len(), marks, ..Changed::default() };
    }

    /// A snapshot of all parts, `0..parts`, is taken, which [`Changed::piece`] gives.
    pub fn begin_in_pieces(&mut self, parts: usize) {
        self.begin();
        self.marks.resize(self.marks.len().max(parts), 0);
        self.marks[..parts].fill(DUE);
        self.given = 0;
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
        // A snapshot that was not given to its end is lost.
        while self.piece(usize::MAX).is_some() {}
        self.urgent.clear();
        if lost {
            let before = std::mem::take(&mut self.before);
            self.touch_all(before);
        }
        self.fresh = false;
        self.before = std::mem::take(&mut self.now);
        self.before.iter().for_each(|part| self.marks[*part as usize] = 0);
        self.given = self.before.len();
        Some(self.before.clone())
    }

    /// As [`Changed::take`], but [`Changed::piece`] gives the parts. False: nobody knows.
    pub fn take_in_pieces(&mut self, lost: bool) -> bool {
        let Some(parts) = self.take(lost) else { return false };
        parts.iter().for_each(|part| self.marks[*part as usize] = DUE);
        self.given = 0;
        true
    }

    /// Up to `most` parts that are due, to be given now; `None`: all have been.
    pub fn piece(&mut self, most: usize) -> Option<Vec<u32>> {
        let all = if self.fresh { self.marks.len() } else { self.before.len() };
        let mut piece = vec![];
        while self.given < all && piece.len() < most {
            let part = if self.fresh { self.given as u32 } else { self.before[self.given] };
            self.given += 1;
            let mark = &mut self.marks[part as usize];
            if *mark & DUE != 0 {
                *mark &= !DUE;
                piece.push(part);
            }
        }
        (!piece.is_empty()).then_some(piece)
    }

    /// The parts that were due when they were touched: they must be given as they are, before they change.
    pub fn urgent(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.urgent)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let parts = self.now.capacity() + self.before.capacity() + self.urgent.capacity();
        self.marks.capacity() + parts * size_of::<u32>()
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

    #[test]
    fn what_is_about_to_change_is_given_first() {
        let mut own = Changed::default();
        own.begin_in_pieces(6);
        assert_eq!(own.piece(2), Some(vec![0, 1]));
        own.touch_all([0, 4, 4, 7]);
        assert_eq!((own.urgent(), own.urgent()), (vec![4], vec![]));
        assert_eq!(own.piece(2), Some(vec![2, 3]));
        assert_eq!((own.piece(2), own.piece(2)), (Some(vec![5]), None));
        assert!(own.take_in_pieces(false));
        own.touch(4);
        assert_eq!(own.urgent(), vec![4]);
        assert_eq!((own.piece(1), own.piece(1), own.piece(1)), (Some(vec![0]), Some(vec![7]), None));
        // One that was not given to its end, and lost.
        assert!(own.take_in_pieces(false));
        own.touch(7);
        assert!(own.take_in_pieces(true));
        assert_eq!((own.urgent(), own.piece(9)), (vec![], Some(vec![7, 4])));
        assert_eq!(own.take(false), Some(vec![]));
    }
}
