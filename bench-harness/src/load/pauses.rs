//! What the machine itself adds to every latency: the times for which it does not run a thread that never waits.

use millrace_runtime::Clock;

use crate::record::time;

/// A pause is longer than anything that the kernel does between two looks at the clock.
const PAUSE_NS: u64 = 1_000_000;

/// The pauses of one core.
#[derive(Debug, Clone, Copy, Default)]
struct Pauses {
    count: u64,
    total_ns: u64,
    longest_ns: u64,
}

/// Watches all cores at once for so long, and says what it saw.
pub fn watch(seconds: f64) -> String {
    let watched_ns = (seconds * 1e9) as u64;
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let pauses: Vec<Pauses> = std::thread::scope(|scope| {
        let watch = |core| {
            scope.spawn(move || {
                // One that cannot be pinned is watched wherever it runs.
                let _ = core_affinity::set_for_current(core);
                spin(watched_ns)
            })
        };
        let watchers: Vec<_> = cores.into_iter().map(watch).collect();
        watchers.into_iter().filter_map(|own| own.join().ok()).collect()
    });
    let each = pauses.iter().enumerate().map(|(core, own)| {
        format!(
            "core {core} {} pauses of more than 1 ms, {} in all, {} the longest",
            own.count,
            time(own.total_ns),
            time(own.longest_ns)
        )
    });
    let each: Vec<String> = each.collect();
    format!(
        "the machine alone, threads that only look at the clock, in {}: {}",
        time(watched_ns),
        each.join("; ")
    )
}

fn spin(watched_ns: u64) -> Pauses {
    let clock = Clock::new();
    let (mut pauses, mut before_ns) = (Pauses::default(), clock.monotonic_ns());
    let end_ns = before_ns + watched_ns;
    while before_ns < end_ns {
        let now_ns = clock.monotonic_ns();
        let gap_ns = now_ns - before_ns;
        if gap_ns > PAUSE_NS {
            pauses.count += 1;
            pauses.total_ns += gap_ns;
            pauses.longest_ns = pauses.longest_ns.max(gap_ns);
        }
        before_ns = now_ns;
    }
    pauses
}
