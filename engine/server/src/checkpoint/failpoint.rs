//! Places where a test may end the process, as a crash would. Only in builds with debug assertions.

/// A place between two writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failpoint {
    /// A shard has been asked for the barrier.
    BarrierAsked,
    /// The offsets are noted and the barrier is in this shard's rings.
    BarrierSent,
    /// The barrier has passed this shard.
    Aligned,
    /// Half of the snapshot is written.
    SnapshotHalf,
    /// The snapshot is written and not synced.
    SnapshotUnsynced,
    /// The part of this shard is durable.
    PartWritten,
    /// All parts are durable, there is no manifest.
    NoManifest,
    /// The manifest is written aside.
    ManifestAside,
    /// The manifest is renamed, its folder not synced.
    ManifestRenamed,
    /// The manifest is durable, no output is visible.
    BeforeCommit,
    /// The first output file is visible.
    SomeCommitted,
    /// All output of the shard is visible.
    Committed,
    /// Old epochs are about to be removed.
    BeforeRemove,
    /// The manifest of an old epoch is removed, its files are not.
    HalfRemoved,
}

/// Ends the process if `MILLRACE_FAILPOINT` says so: `Name`, or `Name:3` for the third time.
#[cfg(debug_assertions)]
pub fn reach(point: Failpoint) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("MILLRACE_FAILPOINT") else { return };
    let (name, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    let time: u64 = time.parse().unwrap_or(1);
    if name == format!("{point:?}") && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == time {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub fn reach(_: Failpoint) {}
