//! The coordinator of epochs: a pure state machine, (state, event) -> (state, actions).
//!
//! One epoch at a time. A barrier goes out; when every shard has made its snapshot and the output staged before
//! the barrier durable, the manifest is written; when the manifest is durable, the epoch is: its output is
//! committed and what is older than the last few goes. If anything cannot be written the epoch is abandoned, never
//! retried: nothing of it is visible, and output staged for it goes with the next one.
//!
//! An epoch may hold what has changed since the one before. It is a link of a chain that begins with a whole one, and
//! files stay as long as an epoch that is kept is in their chain. A chain ends when it is no longer worth it.

use std::collections::VecDeque;

use super::{Barrier, Since};

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
        /// Length of its snapshot, in bytes.
        bytes: u64,
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
    /// Every shard sends this barrier.
    Barrier(Barrier),
    /// The manifest of this epoch is written.
    WriteManifest(u64),
    /// Every shard makes the output of this epoch visible.
    Commit(u64),
    /// The manifest of this epoch is removed: it is one no longer.
    Forget(u64),
    /// The files of these epochs are removed: no epoch that is kept needs them.
    Remove(Vec<u64>),
    /// All of this epoch is removed, it never was; the reason is said. The run goes on.
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

/// A durable epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durable {
    /// The epoch.
    pub epoch: u64,
    /// The first of its chain: the files from there on are needed. Itself, if it is whole.
    pub base: u64,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Durable epochs (at least one).
    pub epochs: usize,
    /// A whole epoch with fewer bytes begins no chain.
    pub fewest_bytes: u64,
    /// Links of a chain after the whole one.
    pub most_links: usize,
}

/// The whole epoch that the next may build on, and what has followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chain {
    base: u64,
    base_bytes: u64,
    links: usize,
    link_bytes: u64,
    /// An epoch after the last durable one was abandoned.
    lost: bool,
}

/// The state of the epochs of one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coordinator {
    shards: usize,
    keep: Keep,
    /// The epoch under way, or the last one.
    epoch: u64,
    phase: Phase,
    /// Asked while an epoch was under way.
    asked: bool,
    /// Durable epochs, oldest first.
    durable: VecDeque<Durable>,
    /// Epochs that have files, oldest first.
    files: VecDeque<u64>,
    chain: Option<Chain>,
    /// What the epoch under way follows.
    since: Since,
    /// Bytes written for it.
    bytes: u64,
}

impl Coordinator {
    /// For `shards` shards. `durable`: the epochs there are, oldest first; `last`: the highest number that was ever
    /// used, perhaps by an epoch that was abandoned. All files from the first base on are taken to be there.
    pub fn new(shards: usize, keep: Keep, durable: Vec<Durable>, last: u64) -> Self {
        let epoch = durable.last().map_or(0, |own| own.epoch).max(last);
        let oldest = durable.iter().map(|own| own.base).min();
        Coordinator {
            shards,
            keep,
            epoch,
            phase: Phase::Idle,
            asked: false,
            durable: durable.into(),
            files: oldest.into_iter().flat_map(|oldest| oldest..=epoch).collect(),
            chain: None,
            since: Since::Start,
            bytes: 0,
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
            EpochEvent::Written { shard, epoch, bytes } if epoch == self.epoch => {
                self.answered(shard, Ok(bytes))
            }
            EpochEvent::Failed { shard, epoch, reason } if epoch == self.epoch => {
                self.answered(shard, Err(reason))
            }
            EpochEvent::Manifest { epoch, outcome }
                if epoch == self.epoch && self.phase == Phase::Manifest =>
            {
                match outcome {
                    Ok(()) => {
                        self.take_in();
                        self.phase = Phase::Committing { committed: vec![false; self.shards] };
                        vec![EpochAction::Commit(epoch)]
                    }
                    Err(reason) => self.abandon(reason),
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
        self.bytes = 0;
        self.phase = Phase::Writing { answered: vec![false; self.shards], failed: None };
        self.since = match &self.chain {
            Some(own) if self.is_worth_it(own) => match own.lost {
                true => Since::LastDurable,
                false => Since::Last,
            },
            _ => Since::Start,
        };
        vec![EpochAction::Barrier(Barrier { epoch: self.epoch, since: self.since })]
    }

    fn is_worth_it(&self, chain: &Chain) -> bool {
        chain.base_bytes >= self.keep.fewest_bytes
            && chain.links < self.keep.most_links
            && chain.link_bytes <= chain.base_bytes
    }

    /// The epoch under way is durable.
    fn take_in(&mut self) {
        let (epoch, bytes) = (self.epoch, self.bytes);
        let chain = match self.chain.take().filter(|_| self.since != Since::Start) {
            Some(own) => {
                Chain { links: own.links + 1, link_bytes: own.link_bytes + bytes, lost: false, ..own }
            }
            None => Chain { base: epoch, base_bytes: bytes, links: 0, link_bytes: 0, lost: false },
        };
        self.durable.push_back(Durable { epoch, base: chain.base });
        self.files.push_back(epoch);
        self.chain = Some(chain);
    }

    fn abandon(&mut self, reason: String) -> Vec<EpochAction> {
        match self.since {
            // What operators tell from now on follows a whole snapshot that is lost.
            Since::Start => self.chain = None,
            Since::Last | Since::LastDurable => self.chain.iter_mut().for_each(|own| own.lost = true),
        }
        self.end(vec![EpochAction::Abandon(self.epoch, reason)])
    }

    /// A shard has passed the barrier. The next one may not start before all have, so that a failure waits for
    /// the others.
    fn answered(&mut self, shard: usize, written: Result<u64, String>) -> Vec<EpochAction> {
        let Phase::Writing { answered, failed } = &mut self.phase else { return vec![] };
        if !std::mem::replace(&mut answered[shard], true) {
            self.bytes += written.as_ref().copied().unwrap_or(0);
        }
        *failed = failed.take().or(written.err());
        if !answered.iter().all(|own| *own) {
            return vec![];
        }
        match failed.take() {
            Some(reason) => self.abandon(reason),
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
        let old = self.durable.len().saturating_sub(self.keep.epochs.max(1));
        let mut actions: Vec<EpochAction> =
            self.durable.drain(..old).map(|own| EpochAction::Forget(own.epoch)).collect();
        let needed = self.durable.iter().map(|own| own.base).min().unwrap_or(self.epoch);
        let unneeded: Vec<u64> =
            self.files.drain(..self.files.partition_point(|own| *own < needed)).collect();
        if !unneeded.is_empty() {
            actions.push(EpochAction::Remove(unneeded));
        }
        self.end(actions)
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

    fn keep(epochs: usize) -> Keep {
        Keep { epochs, fewest_bytes: 0, most_links: 3 }
    }

    fn barrier(epoch: u64, since: Since) -> EpochAction {
        EpochAction::Barrier(Barrier { epoch, since })
    }

    fn written(shard: usize, epoch: u64, bytes: u64) -> EpochEvent {
        EpochEvent::Written { shard, epoch, bytes }
    }

    #[test]
    fn an_epoch_goes_from_barrier_to_commit_and_the_oldest_goes() {
        let mut own = Coordinator::new(2, keep(1), vec![Durable { epoch: 3, base: 2 }], 4);
        assert_eq!(own.handle(EpochEvent::Asked), [barrier(5, Since::Start)]);
        assert_eq!(own.handle(EpochEvent::Asked), []);
        assert_eq!(own.handle(written(0, 5, 10)), []);
        assert_eq!(own.handle(written(1, 5, 10)), [EpochAction::WriteManifest(5)]);
        let durable = EpochEvent::Manifest { epoch: 5, outcome: Ok(()) };
        assert_eq!(own.handle(durable), [EpochAction::Commit(5)]);
        assert_eq!(own.handle(EpochEvent::Committed { shard: 1, epoch: 5 }), []);
        assert_eq!(
            own.handle(EpochEvent::Committed { shard: 0, epoch: 5 }),
            [EpochAction::Forget(3), EpochAction::Remove(vec![2, 3, 4]), barrier(6, Since::Last)]
        );
    }

    #[test]
    fn an_epoch_that_cannot_be_written_is_abandoned_when_all_have_passed_its_barrier() {
        let mut own = Coordinator::new(2, keep(2), vec![], 0);
        own.handle(EpochEvent::Asked);
        let failed = EpochEvent::Failed { shard: 0, epoch: 1, reason: "no space".into() };
        assert_eq!(own.handle(failed), []);
        assert_eq!(own.handle(written(1, 1, 10)), [EpochAction::Abandon(1, "no space".into())]);
        assert_eq!(own.handle(written(1, 1, 10)), []);
        assert_eq!(own.handle(EpochEvent::Asked), [barrier(2, Since::Start)]);
    }

    /// The epoch after the next: durable with so many bytes, or abandoned; and what it followed.
    fn next(own: &mut Coordinator, bytes: Option<u64>) -> (Since, Vec<EpochAction>) {
        let begun = own.handle(EpochEvent::Asked);
        let [EpochAction::Barrier(Barrier { epoch, since })] = *begun else { panic!("{begun:?}") };
        own.handle(written(0, epoch, bytes.unwrap_or(0)));
        let outcome = bytes.map(|_| ()).ok_or_else(|| "no space".to_string());
        own.handle(EpochEvent::Manifest { epoch, outcome });
        (since, own.handle(EpochEvent::Committed { shard: 0, epoch }))
    }

    #[test]
    fn a_chain_grows_until_it_is_as_long_as_what_it_follows_and_keeps_its_files() {
        let mut own = Coordinator::new(1, keep(1), vec![], 0);
        assert_eq!(next(&mut own, Some(100)), (Since::Start, vec![]));
        assert_eq!(next(&mut own, Some(90)), (Since::Last, vec![EpochAction::Forget(1)]));
        assert_eq!(next(&mut own, None).0, Since::Last);
        assert_eq!(next(&mut own, None).0, Since::LastDurable);
        assert_eq!(next(&mut own, Some(20)), (Since::LastDurable, vec![EpochAction::Forget(2)]));
        let gone = [EpochAction::Forget(5), EpochAction::Remove(vec![1, 2, 5])];
        assert_eq!(next(&mut own, Some(100)), (Since::Start, gone.to_vec()));
        for _ in 0..3 {
            assert_eq!(next(&mut own, Some(1)).0, Since::Last);
        }
        assert_eq!(next(&mut own, None).0, Since::Start);
        assert_eq!(next(&mut own, Some(1)).0, Since::Start);
    }

    fn event() -> impl Strategy<Value = EpochEvent> {
        let (shard, epoch) = (0usize..3, 1u64..12);
        prop_oneof![
            Just(EpochEvent::Asked),
            (shard.clone(), epoch.clone(), 0u64..9).prop_map(|(shard, epoch, bytes)| EpochEvent::Written {
                shard,
                epoch,
                bytes
            }),
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
        /// commit only after a durable manifest, always a durable epoch left once there was one, and of each that is
        /// kept the files it builds on.
        #[test]
        fn no_order_of_events_breaks_the_protocol(
            events in proptest::collection::vec(event(), 0..400), kept in 1usize..4
        ) {
            let mut own = Coordinator::new(3, keep(kept), vec![], 0);
            let mut begun = Barrier { epoch: 0, since: Since::Start };
            // Each durable epoch with those it builds on; those that the next may build on.
            let (mut durable, mut chain): (Vec<(u64, Vec<u64>)>, Vec<u64>) = (vec![], vec![]);
            let (mut written, mut failed) = (vec![], vec![]);
            for event in events {
                match &event {
                    EpochEvent::Written { shard, epoch, .. } => written.push((*epoch, *shard)),
                    EpochEvent::Failed { shard, epoch, .. } => failed.push((*epoch, *shard)),
                    _ => {}
                }
                for action in own.handle(event.clone()) {
                    match action {
                        EpochAction::Barrier(barrier) => {
                            let Barrier { epoch, since } = barrier;
                            prop_assert_eq!(epoch, begun.epoch + 1);
                            prop_assert!(since == Since::Start || !chain.is_empty());
                            prop_assert!(since != Since::Last || chain.last() == Some(&begun.epoch));
                            begun = barrier;
                            // What came before the barrier was not meant for it.
                            written.retain(|(own, _)| *own > epoch);
                            failed.retain(|(own, _)| *own > epoch);
                        }
                        EpochAction::WriteManifest(epoch) => {
                            prop_assert_eq!(epoch, begun.epoch);
                            prop_assert!((0..3).all(|shard| written.contains(&(epoch, shard))));
                        }
                        EpochAction::Commit(epoch) => {
                            prop_assert_eq!(&event, &EpochEvent::Manifest { epoch, outcome: Ok(()) });
                            if begun.since == Since::Start {
                                chain.clear();
                            }
                            chain.push(epoch);
                            durable.push((epoch, chain.clone()));
                        }
                        EpochAction::Forget(epoch) => {
                            prop_assert_eq!(durable.first().map(|own| own.0), Some(epoch));
                            durable.remove(0);
                            prop_assert!(durable.len() >= kept);
                        }
                        EpochAction::Remove(epochs) => {
                            let needed = |epoch: &u64| durable.iter().any(|(_, needed)| needed.contains(epoch));
                            prop_assert!(!epochs.iter().any(needed));
                        }
                        EpochAction::Abandon(epoch, _) => {
                            prop_assert_eq!(epoch, begun.epoch);
                            prop_assert!(durable.iter().all(|own| own.0 != epoch));
                            if begun.since == Since::Start {
                                chain.clear();
                            }
                        }
                    }
                }
            }
        }
    }
}
