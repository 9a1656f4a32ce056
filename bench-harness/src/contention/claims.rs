//! What the source design's authors claimed of locks, against what was measured.

use std::sync::atomic::{AtomicU64, Ordering};

use millrace_runtime::Clock;

use super::Point;
use crate::record::Table;
use crate::times::Times;

/// A claim: a range, and what it is compared with.
struct Claim {
    says: &'static str,
    low: f64,
    high: f64,
    unit: &'static str,
    /// Which points speak of it, and what they say.
    measure: fn(&[Point], &Point) -> Option<f64>,
}

fn of<'a>(points: &'a [Point], letter: &str, like: &Point) -> Option<&'a Point> {
    points.iter().find(|own| {
        own.letter == letter
            && (own.partitions, own.groups, own.windowed) == (like.partitions, like.groups, like.windowed)
    })
}

fn faster(points: &[Point], letter: &str, a: &Point) -> Option<f64> {
    if a.letter != "a" {
        return None;
    }
    of(points, letter, a).map(|own| own.rows_per_second() / a.rows_per_second())
}

fn nanoseconds_per_row(point: &Point) -> f64 {
    1e9 / point.rows_per_second()
}

const CLAIMS: &[Claim] = &[
    Claim {
        says: "locks cost 150-700 us per batch",
        low: 150.0,
        high: 700.0,
        unit: "us",
        measure: |_, own| {
            let locking = &own.measured.locking;
            let ns = locking.wait.median_ns() + locking.hold.median_ns();
            (own.letter == "a").then_some(ns as f64 / 1e3)
        },
    },
    Claim {
        says: "1-2 ms per round at 8 partitions",
        low: 1.0,
        high: 2.0,
        unit: "ms",
        measure: |_, own| (own.letter == "a" && own.partitions == 8).then_some(own.round_ns() as f64 / 1e6),
    },
    Claim {
        says: "1-2 us of locking per record",
        low: 1.0,
        high: 2.0,
        unit: "us",
        measure: |points, own| {
            let free = of(points, "f", own)?;
            (own.letter == "a").then(|| (nanoseconds_per_row(own) - nanoseconds_per_row(free)) / 1e3)
        },
    },
    Claim {
        says: "an engine per partition is 3-5x faster",
        low: 3.0,
        high: 5.0,
        unit: "x",
        measure: |points, own| faster(points, "d", own),
    },
    Claim {
        says: "a concurrent map is 5-10x faster",
        low: 5.0,
        high: 10.0,
        unit: "x",
        measure: |points, own| faster(points, "c", own),
    },
    Claim {
        says: "cloning the windows costs 300-500 us",
        low: 300.0,
        high: 500.0,
        unit: "us",
        measure: |_, own| {
            let ns = own.measured.locking.clone.median_ns();
            (own.letter == "a" && own.windowed).then_some(ns as f64 / 1e3)
        },
    },
    Claim {
        says: "without locks 5-50x faster at 8 partitions",
        low: 5.0,
        high: 50.0,
        unit: "x",
        measure: |points, own| if own.partitions == 8 { faster(points, "f", own) } else { None },
    },
];

/// Each claim with what was measured at every point that speaks of it.
pub fn table(points: &[Point]) -> Table {
    let mut table = Table::new("Claims of the source design", &["claim", "measured", "verdict"]);
    for claim in CLAIMS {
        let found: Vec<(f64, &Point)> =
            points.iter().filter_map(|own| Some(((claim.measure)(points, own)?, own))).collect();
        let (least, most) = found
            .iter()
            .fold((f64::INFINITY, 0f64), |(least, most), (value, _)| (least.min(*value), most.max(*value)));
        let measured = match found.is_empty() {
            true => "not in this sweep".to_string(),
            false => format!("{least:.1} to {most:.1} {} at {} points", claim.unit, found.len()),
        };
        table.row([claim.says.to_string(), measured, verdict(claim, &found)]);
    }
    table.notes.push("a claim is true if it holds at every point of the sweep, false if at none".into());
    table
}

fn verdict(claim: &Claim, found: &[(f64, &Point)]) -> String {
    let holds = |(value, _): &&(f64, &Point)| (claim.low..=claim.high).contains(value);
    let holding: Vec<&(f64, &Point)> = found.iter().filter(holds).collect();
    match (holding.len(), found.len()) {
        (_, 0) => "-".into(),
        (0, _) if found.iter().all(|(value, _)| *value > claim.high) => "false: more".into(),
        (0, _) if found.iter().all(|(value, _)| *value < claim.low) => "false: less".into(),
        (0, _) => "false: less or more".into(),
        (some, all) if some == all => "true".into(),
        _ => {
            let settings: Vec<String> = holding.iter().map(|(_, point)| point.setting()).collect();
            format!("only when: {}", settings.join("; "))
        }
    }
}

/// What a shared counter costs each batch, behind a mutex, as an atomic, and owned.
pub fn extras() -> Table {
    let clock = Clock::new();
    let mutex = parking_lot_counter(&clock);
    let atomic = atomic_counter(&clock);
    let owned = owned_counter(&clock);
    let mut table = Table::new(
        "Metrics: one update per batch of 1000 rows of work, on a thread per core",
        &["counter", "update p50 / p99 / p99.9 / max", "batches/s"],
    );
    for (name, (times, rate)) in [("mutex", &mutex), ("atomic", &atomic), ("owned", &owned)] {
        table.row([name.to_string(), times.text(), format!("{rate:.0}")]);
    }
    let microseconds = mutex.0.median_ns() as f64 / 1e3;
    let within = |low: f64, high: f64, value: f64| match value {
        own if own < low => "false: less",
        own if own > high => "false: more",
        _ => "true",
    };
    table.notes.push(format!(
        "claim: a mutex around metrics costs 1-5 us: {microseconds:.2} us at the median, {}",
        within(1.0, 5.0, microseconds)
    ));
    let gain = (atomic.1 / mutex.1 - 1.0) * 100.0;
    table.notes.push(format!(
        "claim: lock-free extras give 20-30 %: {gain:.1} % from mutex to atomic, {}",
        within(20.0, 30.0, gain)
    ));
    table
}

const UPDATES: u64 = 20_000;

/// Adds up a thousand numbers, as cheap as a batch's work can be, and then counts.
fn count(clock: &Clock, update: impl Fn(u64) + Sync) -> (Times, f64) {
    let threads = std::thread::available_parallelism().map_or(1, |own| own.get());
    let numbers: Vec<u64> = (0..1000).collect();
    let began = clock.monotonic_ns();
    let work = || {
        let mut times = Times::default();
        for _ in 0..UPDATES {
            let sum = std::hint::black_box(&numbers).iter().sum();
            let asked = clock.monotonic_ns();
            update(sum);
            times.record(clock.monotonic_ns() - asked);
        }
        times
    };
    let mut all = Times::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().filter_map(|own| own.join().ok()).for_each(|own| all.merge(&own));
    });
    let seconds = (clock.monotonic_ns() - began) as f64 / 1e9;
    (all, (UPDATES * threads as u64) as f64 / seconds)
}

fn parking_lot_counter(clock: &Clock) -> (Times, f64) {
    let metrics = parking_lot::Mutex::new((0u64, 0u64));
    count(clock, |sum| {
        let mut metrics = metrics.lock();
        metrics.0 += 1;
        metrics.1 += sum;
    })
}

fn atomic_counter(clock: &Clock) -> (Times, f64) {
    let metrics = (AtomicU64::new(0), AtomicU64::new(0));
    count(clock, |sum| {
        metrics.0.fetch_add(1, Ordering::Relaxed);
        metrics.1.fetch_add(sum, Ordering::Relaxed);
    })
}

fn owned_counter(clock: &Clock) -> (Times, f64) {
    count(clock, |sum| {
        std::hint::black_box(sum);
    })
}
