//! Faults that are planted to see whether the simulator finds them.

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Output becomes visible before its epoch is durable.
    EarlyCommit,
    /// Recovery throws staged output of a durable epoch away.
    LostStagedOutput,
    /// A barrier overtakes the rows before it.
    NoAlignment,
    /// Offsets are noted when the barrier has passed, not when it is sent.
    StaleOffset,
    /// What was held is taken over twice.
    DoubleRestore,
    /// A snapshot is not synced before its manifest is written.
    SnapshotUnsynced,
    /// The manifest is written when the barrier goes out.
    ManifestReorder,
    /// A sink drops the old half of an update.
    RetractSkipped,
    /// A command does not wake its shard.
    LostWake,
    /// After a restart the watermark of a shard starts over.
    WatermarkRegress,
    /// Old epochs are removed before the new one is durable.
    EarlyRemove,
    /// Hidden output of an epoch that never was becomes visible.
    DeadOutput,
    /// After a lost epoch a snapshot holds what has changed since that one, not since the last durable one.
    LostChanges,
    /// Recovery passes over what an epoch builds on, but for the first of it.
    MissingLink,
    /// A snapshot is told durable before operators have said all that they held.
    LostRest,
}

/// All of them.
pub const BUGS: &[Bug] = &[
    Bug::EarlyCommit,
    Bug::LostStagedOutput,
    Bug::NoAlignment,
    Bug::StaleOffset,
    Bug::DoubleRestore,
    Bug::SnapshotUnsynced,
    Bug::ManifestReorder,
    Bug::RetractSkipped,
    Bug::LostWake,
    Bug::WatermarkRegress,
    Bug::EarlyRemove,
    Bug::DeadOutput,
    Bug::LostChanges,
    Bug::MissingLink,
    Bug::LostRest,
];
