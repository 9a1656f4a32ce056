//! What the machine itself can do, on one core.

use millrace_runtime::Clock;

use crate::record::{Table, rate};
use crate::{decode, input};

/// The limits.
pub struct Limits {
    /// Memory, in order.
    pub read_bytes_per_second: f64,
    /// Lines of 130 bytes by sonic-rs into a struct.
    pub json_rows_per_second: f64,
}

impl Limits {
    /// Takes a second.
    pub fn measure(lines: usize) -> Limits {
        let clock = Clock::new();
        let best = |work: &dyn Fn()| {
            let once = |_| {
                let began = clock.monotonic_ns();
                work();
                clock.monotonic_ns() - began
            };
            (0..5).map(once).min().unwrap_or(1).max(1) as f64 / 1e9
        };
        let words = vec![1u64; 32 << 20];
        let seconds = best(&|| {
            std::hint::black_box(std::hint::black_box(&words).iter().sum::<u64>());
        });
        let read_bytes_per_second = (words.len() * 8) as f64 / seconds;
        let text = input::json_lines(lines, 1000);
        let seconds = best(&|| {
            std::hint::black_box(decode::by_sonic(&text));
        });
        Limits { read_bytes_per_second, json_rows_per_second: lines as f64 / seconds }
    }

    /// As a table.
    pub fn table(&self) -> Table {
        let mut table = Table::new("Limits of one core, measured in this run", &["what", "per second"]);
        table.row(["memory read".into(), format!("{}B", rate(self.read_bytes_per_second))]);
        table.row([
            "JSON lines of 130 bytes, sonic-rs into a struct".into(),
            format!("{} rows", rate(self.json_rows_per_second)),
        ]);
        table
    }
}
