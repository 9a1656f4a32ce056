//! Clocks: the only place that reads them.

#![allow(clippy::disallowed_methods, reason = "the room that reads clocks")]

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotonic and wall time. Copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[allow(clippy::new_without_default, reason = "a default that differs at each call surprises")]
    pub fn new() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Nanoseconds since the clock was made.
    pub fn monotonic_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// Milliseconds since 1970, UTC. May jump.
    pub fn wall_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}
