//! Alignment: a node takes a barrier as passed when it has come on every port that is still open.
//!
//! What comes after the barrier on one port waits until the others have it too; ports without it flow on. So
//! what a node holds when it is asked for a snapshot is the effect of exactly the rows before the barrier.

use std::collections::VecDeque;

use super::Barrier;
use crate::batch::Event;

/// The barrier that one node waits for.
#[derive(Debug, Default)]
pub struct Alignment {
    barrier: Option<Barrier>,
    arrived: Vec<bool>,
    held: VecDeque<(usize, Event)>,
}

impl Alignment {
    /// True if `port` is ahead of the barrier: its events must be given to [`Alignment::hold`].
    #[inline]
    pub fn holds(&self, port: usize) -> bool {
        self.barrier.is_some() && self.arrived[port]
    }

    /// Keeps an event until the barrier has passed.
    pub fn hold(&mut self, port: usize, event: Event) {
        self.held.push_back((port, event));
    }

    /// Rows that wait.
    pub fn rows(&self) -> u64 {
        let rows = |(_, event): &(usize, Event)| match event {
            Event::Batch(batch) => batch.len() as u64,
            _ => 0,
        };
        self.held.iter().map(rows).sum()
    }

    /// The barrier has come on one of `ports` ports.
    pub fn arrive(&mut self, port: usize, ports: usize, barrier: Barrier) {
        if self.barrier.is_none() {
            self.arrived = vec![false; ports];
        }
        self.barrier = Some(barrier);
        self.arrived[port] = true;
    }

    /// The barrier that has passed now, if every port has it or has `ended`, and the events that waited
    /// for that, in order.
    pub fn pass(&mut self, ended: impl Fn(usize) -> bool) -> Option<(Barrier, VecDeque<(usize, Event)>)> {
        let barrier = self.barrier?;
        let all = self.arrived.iter().enumerate().all(|(port, arrived)| *arrived || ended(port));
        all.then(|| {
            self.barrier = None;
            (barrier, std::mem::take(&mut self.held))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Since;

    #[test]
    fn a_port_that_is_ahead_waits_and_an_ended_one_is_not_waited_for() {
        let barrier = Barrier { epoch: 7, since: Since::Start };
        let mut alignment = Alignment::default();
        assert!(!alignment.holds(0));
        alignment.arrive(0, 3, barrier);
        assert!(alignment.holds(0) && !alignment.holds(1));
        alignment.hold(0, Event::Watermark(5));
        assert!(alignment.pass(|port| port == 2).is_none());
        alignment.arrive(1, 3, barrier);
        let (passed, held) = alignment.pass(|port| port == 2).unwrap();
        assert_eq!((passed, held.len()), (barrier, 1));
        assert!(!alignment.holds(0) && alignment.pass(|_| true).is_none());
    }
}
