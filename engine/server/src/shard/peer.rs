//! The peer that a sink on one shard sends its bytes to.

use millrace_connect::connector::Endpoint;
use millrace_plan::{Error, Result};
use millrace_runtime::{ConnectedSocket, Connection, ShardContext};

/// Bytes that may wait for a slow peer before the shard stops reading.
const MOST_WAITING_BYTES: usize = 4 << 20;

/// A connection and what it would not take yet.
pub struct Peer {
    endpoint: Endpoint,
    connection: Connection,
    waiting: Vec<u8>,
    /// How many of `waiting` were sent.
    sent: usize,
}

impl Peer {
    /// Over a connected socket, from now on this shard's own.
    pub fn new(socket: ConnectedSocket, endpoint: Endpoint, context: &ShardContext) -> Result<Peer> {
        let connection = context.net().connection(socket);
        let connection = connection.map_err(|error| Error::environment(format!("{endpoint}: {error}")))?;
        Ok(Peer { endpoint, connection, waiting: vec![], sent: 0 })
    }

    /// Takes the bytes, and sends what the peer will have now.
    pub fn send(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        match self.waiting.is_empty() {
            true => std::mem::swap(&mut self.waiting, bytes),
            false => self.waiting.append(bytes),
        }
        self.flush().map(|_| ())
    }

    /// Sends what waits. True if the peer took any.
    pub fn flush(&mut self) -> Result<bool> {
        let before = self.sent;
        while self.sent < self.waiting.len() {
            let written = self.connection.write(&self.waiting[self.sent..]).map_err(|error| {
                Error::environment(format!("sending to {}: {error}", self.endpoint))
                    .hint("the receiver has closed its connection; start it, then run again")
            })?;
            if written == 0 {
                break;
            }
            self.sent += written;
        }
        let moved = self.sent > before;
        if self.sent == self.waiting.len() {
            self.waiting.clear();
            self.sent = 0;
        } else if self.sent > MOST_WAITING_BYTES {
            self.waiting.drain(..self.sent);
            self.sent = 0;
        }
        Ok(moved)
    }

    /// True when the peer is too slow.
    pub fn is_congested(&self) -> bool {
        self.waiting.len() - self.sent > MOST_WAITING_BYTES
    }

    /// Sends everything, however slow the peer, and tells it that it was everything.
    pub async fn finish(&mut self, context: &ShardContext) -> Result<()> {
        while !self.waiting.is_empty() {
            if !self.flush()? {
                context.park(None).await;
            }
        }
        // A peer that has gone by now has had everything.
        let _ = self.connection.finish();
        Ok(())
    }
}
