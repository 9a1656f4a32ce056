//! Results as a client sees them: what each stands for, and when it came.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;

use millrace_runtime::Clock;

use super::Query;
use crate::times::Times;

/// Nanoseconds since 1970, as steady as the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct WallTime {
    clock: Clock,
    /// At the clock's zero.
    epoch_ns: u64,
}

impl WallTime {
    /// From now on.
    pub fn new() -> WallTime {
        let clock = Clock::new();
        WallTime { clock, epoch_ns: clock.wall_ms() as u64 * 1_000_000 - clock.monotonic_ns() }
    }

    /// The time.
    pub fn now_ns(&self) -> u64 {
        self.epoch_ns + self.clock.monotonic_ns()
    }
}

/// The results that come on one connection.
pub struct Receiver {
    results: TcpStream,
    query: Query,
    counted_from_ns: u64,
    buffer: Vec<u8>,
    /// Bytes of a line that has not come whole.
    kept: usize,
    /// From the intended time of an event, or the end of its window, to the arrival of its result.
    pub latency: Times,
    /// Events in the results.
    pub received: u64,
}

impl Receiver {
    /// What could be known before `counted_from_ns` does not count for latency.
    pub fn new(results: TcpStream, query: Query, counted_from_ns: u64) -> std::io::Result<Receiver> {
        const BUFFER_BYTES: usize = 1 << 18;
        results.set_nonblocking(true)?;
        let (buffer, latency) = (vec![0; BUFFER_BYTES], Times::default());
        Ok(Receiver { results, query, counted_from_ns, buffer, kept: 0, latency, received: 0 })
    }

    /// Takes what has arrived; false if that is nothing.
    pub fn poll(&mut self, time: &WallTime) -> bool {
        self.read(time).is_ok_and(|read| read > 0)
    }

    /// Takes everything until the engine closes.
    pub fn drain(mut self, time: &WallTime) -> Receiver {
        if self.results.set_nonblocking(false).is_ok() {
            loop {
                match self.read(time) {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        self
    }

    fn read(&mut self, time: &WallTime) -> std::io::Result<usize> {
        let read = self.results.read(&mut self.buffer[self.kept..])?;
        let arrived_ns = time.now_ns();
        let end = self.kept + read;
        let mut at = 0;
        for line_end in memchr::memchr_iter(b'\n', &self.buffer[..end]) {
            let (count, known_ns) = self.query.result(&self.buffer[at..line_end]);
            self.received += count;
            if known_ns >= self.counted_from_ns {
                self.latency.record_many(arrived_ns.saturating_sub(known_ns), count);
            }
            at = line_end + 1;
        }
        self.buffer.copy_within(at..end, 0);
        self.kept = end - at;
        Ok(read)
    }
}
