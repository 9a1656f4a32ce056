//! The ring and the park/wake protocol under every interleaving (loom), and proof that the proof can fail.
//!
//! The token is the product's own (`wake_token.rs`), on loom's atomics. The ring beside it is a model of one
//! slot of an SPSC ring: data behind a flag, as rtrb publishes with its tail index.

#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]

use std::sync::atomic::Ordering;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU32};
use loom::thread;
use millrace_runtime::wake_token::{WakeToken, Word};

/// loom's word, with the orderings the protocol asks for.
struct Faithful(AtomicU32);

impl Word for Faithful {
    fn swap(&self, value: u32, order: Ordering) -> u32 {
        self.0.swap(value, order)
    }

    fn compare_exchange(&self, from: u32, to: u32, success: Ordering, failure: Ordering) -> bool {
        self.0.compare_exchange(from, to, success, failure).is_ok()
    }
}

/// The planted bug: every ordering is relaxed.
struct Relaxed(AtomicU32);

impl Word for Relaxed {
    fn swap(&self, value: u32, _order: Ordering) -> u32 {
        self.0.swap(value, Ordering::Relaxed)
    }

    fn compare_exchange(&self, from: u32, to: u32, _success: Ordering, _failure: Ordering) -> bool {
        self.0.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// One slot of a ring; `publish` is the ordering of the producer's store of its index.
struct Slot {
    value: UnsafeCell<u64>,
    full: AtomicBool,
}

impl Slot {
    fn new() -> Slot {
        Slot { value: UnsafeCell::new(0), full: AtomicBool::new(false) }
    }

    fn push(&self, value: u64, publish: Ordering) {
        // SAFETY: loom checks that nobody else has the cell.
        self.value.with_mut(|slot| unsafe { *slot = value });
        self.full.store(true, publish);
    }

    fn pop(&self) -> Option<u64> {
        let full = self.full.load(Ordering::Acquire);
        // SAFETY: loom checks that nobody else has the cell.
        full.then(|| self.value.with(|slot| unsafe { *slot }))
    }
}

/// A producer sends one message and wakes; the consumer looks, parks and looks again. The descriptor is
/// loom's own park, which remembers an unpark as an eventfd remembers a write.
fn one_message<W: Word + Send + Sync + 'static>(word: fn(AtomicU32) -> W, publish: Ordering) {
    loom::model(move || {
        let shared = Arc::new((Slot::new(), WakeToken::new(word(AtomicU32::new(0)))));
        let consumer = {
            let shared = shared.clone();
            thread::spawn(move || {
                let (slot, token) = &*shared;
                loop {
                    if let Some(value) = slot.pop() {
                        assert_eq!(value, 7);
                        return;
                    }
                    if token.doze() {
                        // A lost wake leaves this parked for good, which loom reports as a deadlock.
                        thread::park();
                        token.rise();
                    }
                }
            })
        };
        let (slot, token) = &*shared;
        slot.push(7, publish);
        if token.wake() {
            consumer.thread().unpark();
        }
        consumer.join().unwrap();
    });
}

/// Data that only the token guards: it must be visible once the wake is taken.
fn data_behind_the_token<W: Word + Send + Sync + 'static>(word: fn(AtomicU32) -> W) {
    loom::model(move || {
        let shared = Arc::new((UnsafeCell::new(0u64), WakeToken::new(word(AtomicU32::new(0)))));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                // SAFETY: loom checks that nobody else has the cell.
                shared.0.with_mut(|value| unsafe { *value = 7 });
                shared.1.wake();
            })
        };
        if shared.1.rise() {
            // SAFETY: loom checks that nobody else has the cell.
            shared.0.with(|value| assert_eq!(unsafe { *value }, 7));
        }
        waker.join().unwrap();
    });
}

#[test]
fn no_wake_is_lost_and_no_message_is_torn() {
    one_message(Faithful, Ordering::Release);
}

#[test]
fn a_taken_wake_shows_what_came_before_it() {
    data_behind_the_token(Faithful);
}

#[test]
fn the_proof_catches_a_relaxed_publish() {
    // Both guards of the message are planted relaxed: the ring's index and the token.
    let planted = || one_message(Relaxed, Ordering::Relaxed);
    // The consumer takes the wake, does not see the message, and sleeps for good.
    fails("the_proof_catches_a_relaxed_publish", planted, "deadlock");
}

#[test]
fn the_proof_catches_a_relaxed_token() {
    let planted = || data_behind_the_token(Relaxed);
    fails("the_proof_catches_a_relaxed_token", planted, "Causality violation");
}

#[test]
fn the_proof_catches_a_sleeper_that_does_not_announce_itself() {
    let planted = || {
        loom::model(|| {
            let token = Arc::new(WakeToken::new(Faithful(AtomicU32::new(0))));
            let sleeper = {
                let token = token.clone();
                // The planted bug: asleep without `doze`, so that the waker does not ring.
                thread::spawn(move || {
                    thread::park();
                    token.rise();
                })
            };
            if token.wake() {
                sleeper.thread().unpark();
            }
            sleeper.join().unwrap();
        });
    };
    fails("the_proof_catches_a_sleeper_that_does_not_announce_itself", planted, "deadlock");
}

/// Runs `planted` in a process of its own, since loom may abort on failure, and expects it to fail for
/// `reason`. Starts this program again for the one test `test`, which calls this function again and finds
/// itself the child.
fn fails(test: &str, planted: fn(), reason: &str) {
    const CHILD: &str = "MILLRACE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return planted();
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains(reason), "{test}: {}\n{text}", output.status);
}
