//! One measurement at one rate. Every event has a time at which it should be sent, rate and start alone decide it;
//! latency counts from there, so that a sender who is held back does not hide it ("coordinated omission": Tene, "How
//! NOT to measure latency", 2013).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use millrace_plan::{Error, Result};
use millrace_runtime::Clock;
use serde_json::Value;

use super::engine::Engine;
use super::{Placed, Query};
use crate::times::Times;

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Drive {
    /// What the engine computes.
    pub query: Query,
    /// Events per second.
    pub rate: u64,
    /// How long to send, warm-up included.
    pub seconds: f64,
    /// How long the first events are not counted.
    pub warmup_seconds: f64,
    /// Connections that the events are spread over.
    pub connections: usize,
    /// For the keys.
    pub seed: u64,
}

/// What came of it.
pub struct Driven {
    /// Events sent.
    pub sent: u64,
    /// Events in the results that came back.
    pub received: u64,
    /// From the intended time of an event, or the end of its window, to the arrival of its result.
    pub latency: Times,
    /// How far the sender was behind at the end.
    pub behind_ns: u64,
    /// From the first event to the last.
    pub sending_ns: u64,
    /// The engine's own account.
    pub account: Value,
    /// The most resident memory of the engine.
    pub peak_bytes: u64,
}

impl Driven {
    /// Events per second that were sent.
    pub fn rate(&self) -> f64 {
        self.sent as f64 * 1e9 / self.sending_ns.max(1) as f64
    }

    /// A figure of the engine's account.
    pub fn figure(&self, name: &str) -> u64 {
        self.account["total"][name].as_u64().unwrap_or(0)
    }
}

/// Shared by the threads of one measurement.
struct Shared {
    clock: Clock,
    /// Nanoseconds since 1970 at the clock's zero.
    epoch_ns: u64,
    received: AtomicU64,
    done: AtomicBool,
}

impl Shared {
    fn now_ns(&self) -> u64 {
        self.epoch_ns + self.clock.monotonic_ns()
    }
}

/// Starts an engine, sends, waits for the results, stops it.
pub fn drive(binary: &Path, placed: Placed, drive: Drive) -> Result<Driven> {
    let mut engine = Engine::start(binary, drive.query.script(), placed.shards)?;
    let failed = |error: std::io::Error| Error::environment(format!("connecting to millrace: {error}"));
    let connect = |_| {
        let socket = TcpStream::connect(("127.0.0.1", engine.port)).map_err(failed)?;
        // An event leaves when it is due, not when a packet is full.
        socket.set_nodelay(true).map_err(failed)?;
        Ok(socket)
    };
    let mut connections = (0..drive.connections).map(connect).collect::<Result<Vec<_>>>()?;
    let clock = Clock::new();
    let epoch_ns = clock.wall_ms() as u64 * 1_000_000 - clock.monotonic_ns();
    let shared = Shared { clock, epoch_ns, received: AtomicU64::new(0), done: AtomicBool::new(false) };
    let results = std::mem::take(&mut engine.results);
    let begin_ns = shared.now_ns();
    let counted_from_ns = begin_ns + (drive.warmup_seconds * 1e9) as u64;
    let (sent, latency) = std::thread::scope(|scope| {
        let receive = |results: TcpStream| {
            let shared = &shared;
            move || {
                placed.pin();
                receive(results, drive.query, counted_from_ns, shared)
            }
        };
        let receivers: Vec<_> = results.into_iter().map(|own| scope.spawn(receive(own))).collect();
        let sender = scope.spawn(|| {
            placed.pin();
            send(&mut connections, drive, begin_ns, &shared)
        });
        let sent = sender.join().unwrap_or_else(|_| Err(Error::bug("the sender panicked")));
        if let Ok((sent, _, _)) = &sent {
            wait_for(*sent, drive.query, &shared);
        }
        shared.done.store(true, Ordering::Release);
        let ended = engine.stop();
        let mut latency = Times::default();
        receivers.into_iter().filter_map(|own| own.join().ok()).for_each(|own| latency.merge(&own));
        (sent.and_then(|sent| Ok((sent, ended?))), latency)
    });
    let ((sent, behind_ns, sending_ns), ended) = sent?;
    let received = shared.received.load(Ordering::Acquire);
    let (account, peak_bytes) = (ended.account, ended.peak_bytes);
    Ok(Driven { sent, received, latency, behind_ns, sending_ns, account, peak_bytes })
}

/// Events of one write.
const BURST: u64 = 512;

/// A pause that the kernel keeps about.
const NAP: Duration = Duration::from_micros(100);

/// Sends on schedule: events sent, how far behind at the end, and how long it took.
fn send(
    connections: &mut [TcpStream],
    drive: Drive,
    begin_ns: u64,
    shared: &Shared,
) -> Result<(u64, u64, u64)> {
    let interval_ns = 1e9 / drive.rate as f64;
    let total = (drive.rate as f64 * drive.seconds) as u64;
    let (mut sent, mut text, mut turn) = (0, Vec::with_capacity(1 << 16), 0);
    while sent < total {
        let elapsed_ns = shared.now_ns() - begin_ns;
        let due = ((elapsed_ns as f64 / interval_ns) as u64 + 1).min(total);
        if due <= sent {
            nap();
            continue;
        }
        text.clear();
        for event in sent..due.min(sent + BURST) {
            write_event(&mut text, event, begin_ns + (event as f64 * interval_ns) as u64, drive.seed);
        }
        sent = due.min(sent + BURST);
        connections[turn]
            .write_all(&text)
            .map_err(|error| Error::environment(format!("sending to millrace: {error}")))?;
        turn = (turn + 1) % connections.len();
    }
    let sending_ns = shared.now_ns() - begin_ns;
    let planned_ns = (total as f64 * interval_ns) as u64;
    Ok((sent, sending_ns.saturating_sub(planned_ns), sending_ns))
}

/// Nobody wakes this thread: it goes on when the time is over.
fn nap() {
    std::thread::park_timeout(NAP);
}

fn write_event(text: &mut Vec<u8>, event: u64, at_ns: u64, seed: u64) {
    let random = crate::input::mix(event ^ seed);
    // Formatting into a vector does not fail.
    let _ = writeln!(
        text,
        "{{\"id\":{event},\"k\":\"SYM-{:04}\",\"v\":{}.{:02},\"ms\":{},\"sent_ns\":{at_ns}}}",
        random % 100,
        random >> 32 & 1023,
        random >> 20 & 63,
        at_ns / 1_000_000
    );
}

/// Reads results as they come until the engine closes.
fn receive(mut results: TcpStream, query: Query, counted_from_ns: u64, shared: &Shared) -> Times {
    let mut latency = Times::default();
    let mut buffer = vec![0; 1 << 18];
    let mut kept = 0;
    loop {
        let read = match results.read(&mut buffer[kept..]) {
            Ok(0) | Err(_) => return latency,
            Ok(read) => read,
        };
        let arrived_ns = shared.now_ns();
        let end = kept + read;
        let mut at = 0;
        let mut events = 0;
        for line_end in memchr::memchr_iter(b'\n', &buffer[..end]) {
            let (count, known_ns) = query.result(&buffer[at..line_end]);
            events += count;
            if known_ns >= counted_from_ns {
                latency.record_many(arrived_ns.saturating_sub(known_ns), count);
            }
            at = line_end + 1;
        }
        shared.received.fetch_add(events, Ordering::AcqRel);
        buffer.copy_within(at..end, 0);
        kept = end - at;
    }
}

/// Waits until every result is there, or none has come for a while.
fn wait_for(sent: u64, query: Query, shared: &Shared) {
    const PATIENCE_NS: u64 = 3_000_000_000;
    let patience_ns = if query == Query::Window { PATIENCE_NS / 10 } else { PATIENCE_NS };
    let (mut received, mut since_ns) = (0, shared.now_ns());
    loop {
        let now = shared.received.load(Ordering::Acquire);
        if now > received {
            (received, since_ns) = (now, shared.now_ns());
        }
        if received >= sent || shared.now_ns() - since_ns > patience_ns {
            return;
        }
        nap();
    }
}
