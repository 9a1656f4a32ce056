//! The cases that must pass.

use std::time::Duration;

use millrace_tests::case::Case;

/// Groups of which every case must pass.
const GROUPS: &[&str] =
    &["select", "tumble", "hop", "cumulate", "session", "group", "join", "set", "rank", "over"];
/// Cases of those groups that need not.
///
/// `tumble-offset`: the recorded answer misses rows. Flink's two-phase window aggregation flushes at multiples
/// of the window size without the offset, after the windows that it then calls late have fired; which rows are
/// lost depends on the gaps of the input. Millrace counts every row that is in time. It is a known fault of Flink:
/// FLINK-36664, "data loss in window with offset".
const EXCEPT: &[&str] = &["tumble-offset"];
/// Single cases that must pass.
const CASES: &[&str] = &[
    "nexmark-q0",
    "nexmark-q1",
    "nexmark-q2",
    "nexmark-q11",
    "nexmark-q3",
    "nexmark-q4",
    "nexmark-q5",
    "nexmark-q7",
    "nexmark-q8",
    "nexmark-q9",
    "nexmark-q14",
    "nexmark-q15",
    "nexmark-q16",
    "nexmark-q17",
    "nexmark-q20",
    "nexmark-q18",
    "nexmark-q19",
    "nexmark-q21",
    "nexmark-q22",
    "nexmark-q101",
    "nexmark-q102",
    "nexmark-q103",
    "nexmark-q104",
    "nexmark-q105",
    "nexmark-q106",
];

/// How the names of programs begin that need not pass yet; all others must.
const PROGRAMS_EXCEPT: &[&str] = &[
    // User-defined functions.
    "group-aggregate-udf-",
    "over-aggregate-bounded-",
    "over-aggregate-unbounded-",
    // Expect that the restart waits until the clock has passed windows of ten seconds, and that no window begins while
    // rows are read. A run here stops when it has read what is there, its windows open.
    "group-window-aggregate-hop-proc-time",
    "window-table-function-tumble-tvf-agg-proc-time",
];

/// Programs that expect the clock to pass this long between the snapshot and the restart, in milliseconds: those of
/// Flink go on from snapshots that were taken long before.
const PROGRAM_RESTS: &[(&str, u64)] =
    &[("agg-with-state-ttl-hint", 1_000), ("interval-join-proc-time", 5_000)];

/// How long a program rests between its phases.
pub fn program_rest(id: &str) -> Duration {
    let rest = PROGRAM_RESTS.iter().find(|(own, _)| *own == id).map_or(0, |(_, rest_ms)| *rest_ms);
    Duration::from_millis(rest)
}

/// True if the test fails when this program does.
pub fn is_required_program(id: &str) -> bool {
    !PROGRAMS_EXCEPT.iter().any(|own| id.starts_with(own))
}

/// True if the test fails when this case does.
pub fn is_required(case: &Case) -> bool {
    let id = case.id.as_str();
    CASES.contains(&id) || (GROUPS.contains(&case.group.as_str()) && !EXCEPT.contains(&id))
}

/// The required groups and cases that are not among `cases`.
pub fn missing<'a>(cases: impl Iterator<Item = &'a Case> + Clone) -> Vec<&'static str> {
    let groups = GROUPS.iter().filter(|group| !cases.clone().any(|case| case.group == **group));
    let single = CASES.iter().filter(|id| !cases.clone().any(|case| case.id == **id));
    groups.chain(single).copied().collect()
}
