//! One measurement at one rate. Every event has a time at which it should be sent, rate and start alone decide it;
//! latency counts from there, so that a sender who is held back does not hide it ("coordinated omission": Tene, "How
//! NOT to measure latency", 2013).

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::path::Path;

use millrace_plan::{Error, Result};
use serde_json::Value;

use super::engine::{Ended, Engine};
use super::receiver::{Receiver, WallTime};
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
    /// The longest time for which the load itself did not run: no latency below it says anything of the engine.
    pub stood_still_ns: u64,
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

/// Starts an engine, sends, waits for the results, stops it.
pub fn drive(binary: &Path, placed: Placed, drive: Drive) -> Result<Driven> {
    let mut engine = Engine::start(binary, drive.query.script(), placed.shards)?;
    let mut client = Client::connect(&mut engine, drive)?;
    // One thread sends and receives: two of them would wait for each other's time on the core that is theirs.
    let sent = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            placed.pin();
            let sent = client.send(drive)?;
            client.wait_for(sent.events, drive.query);
            Ok(sent)
        });
        work.join().unwrap_or_else(|_| Err(Error::bug("the load panicked")))
    });
    let (receivers, ended) = client.end(engine);
    let (sent, ended) = (sent?, ended?);
    let mut latency = Times::default();
    receivers.iter().for_each(|own| latency.merge(&own.latency));
    Ok(Driven {
        sent: sent.events,
        received: receivers.iter().map(|own| own.received).sum(),
        latency,
        behind_ns: sent.behind_ns,
        sending_ns: sent.sending_ns,
        stood_still_ns: sent.stood_still_ns,
        account: ended.account,
        peak_bytes: ended.peak_bytes,
    })
}

/// What was sent.
struct Sent {
    events: u64,
    behind_ns: u64,
    sending_ns: u64,
    stood_still_ns: u64,
}

/// The engine's peer: sockets to send on, and those that results come on. None of them blocks.
struct Client {
    connections: Vec<TcpStream>,
    receivers: Vec<Receiver>,
    time: WallTime,
    begin_ns: u64,
    /// When this last looked for results, and the longest time between two looks.
    looked_ns: u64,
    stood_still_ns: u64,
}

/// Events of one write.
const BURST: u64 = 512;

/// Between two writes, unless more than a burst is due: a write costs more than many events. What waits for it counts.
const BETWEEN_WRITES_NS: u64 = 20_000;

impl Client {
    fn connect(engine: &mut Engine, drive: Drive) -> Result<Client> {
        let failed = |error: std::io::Error| Error::environment(format!("connecting to millrace: {error}"));
        let connect = |_| {
            let socket = TcpStream::connect(("127.0.0.1", engine.port)).map_err(failed)?;
            // An event leaves when it is due, not when a packet is full.
            socket.set_nodelay(true).map_err(failed)?;
            socket.set_nonblocking(true).map_err(failed)?;
            Ok(socket)
        };
        let connections = (0..drive.connections).map(connect).collect::<Result<Vec<_>>>()?;
        let time = WallTime::new();
        let begin_ns = time.now_ns();
        let counted_from_ns = begin_ns + (drive.warmup_seconds * 1e9) as u64;
        let results = std::mem::take(&mut engine.results).into_iter();
        let receive = |own| Receiver::new(own, drive.query, counted_from_ns).map_err(failed);
        let receivers = results.map(receive).collect::<Result<_>>()?;
        Ok(Client { connections, receivers, time, begin_ns, looked_ns: begin_ns, stood_still_ns: 0 })
    }

    /// Takes the results that have arrived; if there are none, others may run.
    fn receive(&mut self) {
        let now_ns = self.time.now_ns();
        self.stood_still_ns = self.stood_still_ns.max(now_ns - self.looked_ns);
        self.looked_ns = now_ns;
        let mut any = false;
        for own in &mut self.receivers {
            any |= own.poll(&self.time);
        }
        if !any {
            std::thread::yield_now();
        }
    }

    /// Sends on schedule.
    fn send(&mut self, drive: Drive) -> Result<Sent> {
        let interval_ns = 1e9 / drive.rate as f64;
        let total = (drive.rate as f64 * drive.seconds) as u64;
        let (mut events, mut text, mut turn) = (0, Vec::with_capacity(1 << 16), 0);
        let mut next_ns = 0;
        while events < total {
            let elapsed_ns = self.time.now_ns() - self.begin_ns;
            let due = ((elapsed_ns as f64 / interval_ns) as u64 + 1).min(total);
            if due >= events + BURST || (due > events && elapsed_ns >= next_ns) {
                next_ns = elapsed_ns + BETWEEN_WRITES_NS;
                text.clear();
                for event in events..due.min(events + BURST) {
                    let at_ns = self.begin_ns + (event as f64 * interval_ns) as u64;
                    write_event(&mut text, event, at_ns, drive.seed);
                }
                events = due.min(events + BURST);
                self.write(turn, &text)?;
                turn = (turn + 1) % self.connections.len();
            }
            self.receive();
        }
        let sending_ns = self.time.now_ns() - self.begin_ns;
        let planned_ns = (total as f64 * interval_ns) as u64;
        let behind_ns = sending_ns.saturating_sub(planned_ns);
        Ok(Sent { events, behind_ns, sending_ns, stood_still_ns: self.stood_still_ns })
    }

    /// Sends a text whole; while the engine does not take it, results are taken, so that none waits for the other.
    fn write(&mut self, turn: usize, mut text: &[u8]) -> Result<()> {
        while !text.is_empty() {
            match self.connections[turn].write(text) {
                Ok(written) => text = &text[written..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.receive(),
                Err(error) => return Err(Error::environment(format!("sending to millrace: {error}"))),
            }
        }
        Ok(())
    }

    fn received(&self) -> u64 {
        self.receivers.iter().map(|own| own.received).sum()
    }

    /// Waits until every result is there, or none has come for a while.
    fn wait_for(&mut self, sent: u64, query: Query) {
        const PATIENCE_NS: u64 = 3_000_000_000;
        let patience_ns = if query == Query::Window { PATIENCE_NS / 10 } else { PATIENCE_NS };
        let (mut received, mut since_ns) = (0, self.time.now_ns());
        while received < sent && self.time.now_ns() - since_ns <= patience_ns {
            self.receive();
            let now = self.received();
            if now > received {
                (received, since_ns) = (now, self.time.now_ns());
            }
        }
    }

    /// Stops the engine, and takes what it still sends.
    fn end(self, engine: Engine) -> (Vec<Receiver>, Result<Ended>) {
        let (time, connections) = (self.time, self.connections);
        std::thread::scope(|scope| {
            let drain = |own: Receiver| scope.spawn(move || own.drain(&time));
            let receivers: Vec<_> = self.receivers.into_iter().map(drain).collect();
            let ended = engine.stop();
            drop(connections);
            (receivers.into_iter().filter_map(|own| own.join().ok()).collect(), ended)
        })
    }
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
