//! The coordinator of epochs: a pure state machine, (state, event) -> (state, actions).
//!
//! One epoch at a time. A barrier goes out; when every shard has made its snapshot and the output staged before
//! the barrier durable, the manifest is written; when the manifest is durable, the epoch is: its output is
//! committed and what is older than the last few goes. If anything cannot be written the epoch is abandoned, never
//! retried: nothing of it is visible, and output staged for it goes with the next one.

use std::collections::VecDeque;

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpochEvent {
    /// The interval has passed, or someone asks.
    Asked,
    /// A shard's part of an epoch is durable.
    Written {
        /// The shard.
        shard: usize,
        /// The epoch.
        epoch: u64,
    },
    /// A shard could not write its part of an epoch.
    Failed {
        /// The shard.
        shard: usize,
        /// The epoch.
        epoch: u64,
        /// What stood in the way.
        reason: String,
    },
    /// The manifest of an epoch is durable, or could not be made so.
    Manifest {
        /// The epoch.
        epoch: u64,
        /// What stood in the way.
        outcome: Result<(), String>,
    },
    /// A shard's output of an epoch is visible.
    Committed {
        /// The shard.
        shard: usize,
        /// The epoch.
        epoch: u64,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpochAction {
    /// Every shard sends the barrier of this epoch.
    Barrier(u64),
    /// The manifest of this epoch is written.
    WriteManifest(u64),
    /// Every shard makes the output of this epoch visible.
    Commit(u64),
    /// The files of this epoch are removed.
    Remove(u64),
    /// The files of this epoch are removed, it never was; the reason is said. The run goes on.
    Abandon(u64, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Idle,
    /// Which shards have answered, and the first reason why one could not.
    Writing {
        answered: Vec<bool>,
        failed: Option<String>,
    },
    Manifest,
    Committing {
        committed: Vec<bool>,
    },
}

/// The state of the epochs of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    shards: usize,
    /// Durable epochs that are kept.
    kept_epochs: usize,
    /// The epoch under way, or the last one.
    epoch: u64,
    phase: Phase,
    /// Asked while an epoch was under way.
    asked: bool,
    /// Durable epochs, oldest first.
    durable: VecDeque<u64>,
}

impl Coordinator {
    /// For `shards` shards; keeps the last `kept_epochs` (at least one). `durable`: the epochs there are, oldest
    /// first; `last`: the highest number that was ever used, perhaps by an epoch that was abandoned.
    pub fn new(shards: usize, kept_epochs: usize, durable: Vec<u64>, last: u64) -> Self {
        let epoch = durable.last().copied().unwrap_or(0).max(last);
        Coordinator {
            shards,
            kept_epochs: kept_epochs.max(1),
            epoch,
            phase: Phase::Idle,
            asked: false,
            durable: durable.into(),
        }
    }

    /// Takes note of an event; what is to be done about it, in this order.
    pub fn handle(&mut self, event: EpochEvent) -> Vec<EpochAction> {
        match event {
            EpochEvent::Asked => match self.phase {
                Phase::Idle => self.begin(),
                _ => {
                    self.asked = true;
                    vec![]
                }
            },
            EpochEvent::Written { shard, epoch } if epoch == self.epoch => self.answered(shard, None),
            EpochEvent::Failed { shard, epoch, reason } if epoch == self.epoch => {
                self.answered(shard, Some(reason))
            }
            EpochEvent::Manifest { epoch, outcome }
                if epoch == self.epoch && self.phase == Phase::Manifest =>
            {
                match outcome {
                    Ok(()) => {
                        self.durable.push_back(epoch);
                        self.phase = Phase::Committing { committed: vec![false; self.shards] };
                        vec![EpochAction::Commit(epoch)]
                    }
                    Err(reason) => self.end(vec![EpochAction::Abandon(epoch, reason)]),
                }
            }
            EpochEvent::Committed { shard, epoch } if epoch == self.epoch => self.committed(shard),
            _ => vec![],
        }
    }

    /// True if no epoch is under way: the last one is durable and visible, or abandoned.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    fn begin(&mut self) -> Vec<EpochAction> {
        self.asked = false;
        self.epoch += 1;
        self.phase = Phase::Writing { answered: vec![false; self.shards], failed: None };
        vec![EpochAction::Barrier(self.epoch)]
    }

    /// A shard has passed the barrier. The next one may not start before all have, so that a failure waits for
    /// the others.
    fn answered(&mut self, shard: usize, reason: Option<String>) -> Vec<EpochAction> {
        let Phase::Writing { answered, failed } = &mut self.phase else { return vec![] };
        answered[shard] = true;
        *failed = failed.take().or(reason);
        if !answered.iter().all(|own| *own) {
            return vec![];
        }
        match failed.take() {
            Some(reason) => self.end(vec![EpochAction::Abandon(self.epoch, reason)]),
            None => {
                self.phase = Phase::Manifest;
                vec![EpochAction::WriteManifest(self.epoch)]
            }
        }
    }

    fn committed(&mut self, shard: usize) -> Vec<EpochAction> {
        let Phase::Committing { committed } = &mut self.phase else { return vec![] };
        committed[shard] = true;
        if !committed.iter().all(|own| *own) {
            return vec![];
        }
        let old = self.durable.len().saturating_sub(self.kept_epochs);
        let removed = self.durable.drain(..old).map(EpochAction::Remove).collect();
        self.end(removed)
    }

    fn end(&mut self, mut actions: Vec<EpochAction>) -> Vec<EpochAction> {
        self.phase = Phase::Idle;
        if self.asked {
            actions.extend(self.begin());
        }
        actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_epoch_goes_from_barrier_to_commit_and_the_oldest_goes() {
        let mut own = Coordinator::new(2, 1, vec![3], 4);
        assert_eq!(own.handle(EpochEvent::Asked), [EpochAction::Barrier(5)]);
        assert_eq!(own.handle(EpochEvent::Asked), []);
        assert_eq!(own.handle(EpochEvent::Written { shard: 0, epoch: 5 }), []);
        assert_eq!(own.handle(EpochEvent::Written { shard: 1, epoch: 5 }), [EpochAction::WriteManifest(5)]);
        let durable = EpochEvent::Manifest { epoch: 5, outcome: Ok(()) };
        assert_eq!(own.handle(durable), [EpochAction::Commit(5)]);
        assert_eq!(own.handle(EpochEvent::Committed { shard: 1, epoch: 5 }), []);
        assert_eq!(
            own.handle(EpochEvent::Committed { shard: 0, epoch: 5 }),
            [EpochAction::Remove(3), EpochAction::Barrier(6)]
        );
    }

    #[test]
    fn an_epoch_that_cannot_be_written_is_abandoned_when_all_have_passed_its_barrier() {
        let mut own = Coordinator::new(2, 2, vec![], 0);
        own.handle(EpochEvent::Asked);
        let failed = EpochEvent::Failed { shard: 0, epoch: 1, reason: "no space".into() };
        assert_eq!(own.handle(failed), []);
        assert_eq!(
            own.handle(EpochEvent::Written { shard: 1, epoch: 1 }),
            [EpochAction::Abandon(1, "no space".into())]
        );
        assert_eq!(own.handle(EpochEvent::Written { shard: 1, epoch: 1 }), []);
        assert_eq!(own.handle(EpochEvent::Asked), [EpochAction::Barrier(2)]);
    }

    fn event() -> impl Strategy<Value = EpochEvent> {
        let (shard, epoch) = (0usize..3, 1u64..12);
        prop_oneof![
            Just(EpochEvent::Asked),
            (shard.clone(), epoch.clone()).prop_map(|(shard, epoch)| EpochEvent::Written { shard, epoch }),
            (shard.clone(), epoch.clone()).prop_map(|(shard, epoch)| EpochEvent::Failed {
                shard,
                epoch,
                reason: String::new()
            }),
            (epoch.clone(), any::<bool>()).prop_map(|(epoch, good)| EpochEvent::Manifest {
                epoch,
                outcome: if good { Ok(()) } else { Err(String::new()) }
            }),
            (shard, epoch).prop_map(|(shard, epoch)| EpochEvent::Committed { shard, epoch }),
        ]
    }

    proptest! {
        /// Whatever comes, in whatever order, doubled or late: a manifest only when all shards have written, a
        /// commit only after a durable manifest, and always a durable epoch left once there was one.
        #[test]
        fn no_order_of_events_breaks_the_protocol(
            events in proptest::collection::vec(event(), 0..400), kept in 1usize..4
        ) {
            let mut own = Coordinator::new(3, kept, vec![], 0);
            let (mut begun, mut durable) = (0, vec![]);
            let (mut written, mut failed) = (vec![], vec![]);
            for event in events {
                match &event {
                    EpochEvent::Written { shard, epoch } => written.push((*epoch, *shard)),
                    EpochEvent::Failed { shard, epoch, .. } => failed.push((*epoch, *shard)),
                    _ => {}
                }
                for action in own.handle(event.clone()) {
                    match action {
                        EpochAction::Barrier(epoch) => {
                            prop_assert_eq!(epoch, begun + 1);
                            begun = epoch;
                            // What came before the barrier was not meant for it.
                            written.retain(|(own, _)| *own > epoch);
                            failed.retain(|(own, _)| *own > epoch);
                        }
                        EpochAction::WriteManifest(epoch) => {
                            prop_assert_eq!(epoch, begun);
                            prop_assert!((0..3).all(|shard| written.contains(&(epoch, shard))));
                        }
                        EpochAction::Commit(epoch) => {
                            prop_assert_eq!(&event, &EpochEvent::Manifest { epoch, outcome: Ok(()) });
                            durable.push(epoch);
                        }
                        EpochAction::Remove(epoch) => {
                            prop_assert_eq!(durable.first(), Some(&epoch));
                            durable.remove(0);
                            prop_assert!(durable.len() >= kept);
                        }
                        EpochAction::Abandon(epoch, _) => {
                            prop_assert_eq!(epoch, begun);
                            prop_assert!(!durable.contains(&epoch));
                        }
                    }
                }
            }
        }
    }
}
