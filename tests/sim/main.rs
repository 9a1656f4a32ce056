//! The simulator: shards of the real pipeline and the real coordinator of epochs, on a disk that forgets, crashed
//! again and again at every point of the protocol. What becomes visible in the end must be what one shard gives
//! that is never stopped: no row lost, none doubled.
//!
//! `MILLRACE_SEEDS=200000 cargo test --release -p millrace-tests --test sim` runs more seeds;
//! `MILLRACE_SEED=7` one, as a failure says it.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: chance and failure are its business"
)]

mod bug;
mod choices;
mod disk;
mod input;
mod shard;
mod world;

use std::collections::BTreeMap;

use bug::BUGS;
use input::queries;
use world::{POINTS, run};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_crash_loses_or_doubles_a_row() {
    let queries = queries();
    if let Some(seed) = number("MILLRACE_SEED") {
        run(&queries, seed, None).unwrap();
        return;
    }
    let seeds = number("MILLRACE_SEEDS").unwrap_or(2_000);
    let (mut hit, mut crashes) = (BTreeMap::new(), 0);
    for seed in 0..seeds {
        let outcome = run(&queries, seed, None);
        let outcome = outcome.unwrap_or_else(|error| panic!("MILLRACE_SEED={seed}: {error}"));
        crashes += outcome.crashes.len() as u64;
        outcome.crashes.iter().for_each(|point| *hit.entry(*point).or_insert(0) += 1);
    }
    println!("{seeds} seeds, {crashes} crashes, {hit:?}");
    assert!(crashes >= 5 * seeds, "{crashes} crashes in {seeds} seeds");
    let least = seeds / 20;
    let missed: Vec<_> =
        POINTS.iter().filter(|point| hit.get(point).is_none_or(|hits| *hits < least)).collect();
    assert!(missed.is_empty(), "hit less than {least} times: {missed:?} of {hit:?}");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let queries = queries();
    for seed in 0..20 {
        assert_eq!(run(&queries, seed, None), run(&queries, seed, None), "MILLRACE_SEED={seed}");
    }
}

#[test]
fn every_planted_bug_is_caught_within_a_hundred_seeds() {
    const SEEDS: u64 = 100;
    let queries = queries();
    for bug in BUGS {
        let caught = (0..SEEDS).find(|seed| run(&queries, *seed, Some(*bug)).is_err());
        println!("{bug:?}: caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} is not caught within {SEEDS} seeds");
    }
}
