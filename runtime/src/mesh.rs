//! Rings between every two shards. Sending never blocks: what does not fit waits at the sender, in order.

use std::collections::VecDeque;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::shard::ShardContext;

/// One shard's ends of all its rings.
pub struct MeshEnd<T> {
    shard: usize,
    producers: Vec<Option<Producer<T>>>,
    consumers: Vec<Option<Consumer<T>>>,
}

/// Rings for `capacity` messages from every shard to every other; the ends in shard order.
pub fn mesh<T>(shards: usize, capacity: usize) -> Vec<MeshEnd<T>> {
    let empty = |shard| MeshEnd {
        shard,
        producers: (0..shards).map(|_| None).collect(),
        consumers: (0..shards).map(|_| None).collect(),
    };
    let mut ends: Vec<MeshEnd<T>> = (0..shards).map(empty).collect();
    for from in 0..shards {
        for to in (0..shards).filter(|to| *to != from) {
            let (producer, consumer) = RingBuffer::new(capacity.max(1));
            ends[from].producers[to] = Some(producer);
            ends[to].consumers[from] = Some(consumer);
        }
    }
    ends
}

impl<T> MeshEnd<T> {
    /// The two directions, to be used apart.
    pub fn split(self) -> (Outbox<T>, Inbox<T>) {
        let waiting = self.producers.iter().map(|_| VecDeque::new()).collect();
        let outbox = Outbox { shard: self.shard, producers: self.producers, waiting, pending: 0 };
        (outbox, Inbox { consumers: self.consumers, next: 0 })
    }
}

/// What a shard sends to the others.
pub struct Outbox<T> {
    shard: usize,
    producers: Vec<Option<Producer<T>>>,
    waiting: Vec<VecDeque<T>>,
    pending: usize,
}

impl<T> Outbox<T> {
    /// Queues a message for another shard. Never blocks; call [`Outbox::flush`] to send.
    pub fn send(&mut self, target: usize, message: T) {
        assert_ne!(target, self.shard, "a shard keeps what is its own");
        self.waiting[target].push_back(message);
        self.pending += 1;
    }

    /// Moves what fits into the rings and wakes the receivers. True if anything moved.
    pub fn flush(&mut self, context: &ShardContext) -> bool {
        if self.pending == 0 {
            return false;
        }
        let before = self.pending;
        for (target, queue) in self.waiting.iter_mut().enumerate() {
            let Some(producer) = &mut self.producers[target] else { continue };
            let mut moved = false;
            while let Some(message) = queue.pop_front() {
                match producer.push(message) {
                    Ok(()) => moved = true,
                    Err(rtrb::PushError::Full(message)) => {
                        queue.push_front(message);
                        break;
                    }
                }
                self.pending -= 1;
            }
            if moved {
                context.wake(target);
            }
        }
        self.pending < before
    }

    /// Messages that did not fit yet. While there are any, a shard should not read its sources.
    pub fn pending(&self) -> usize {
        self.pending
    }
}

/// What the others send to a shard.
pub struct Inbox<T> {
    consumers: Vec<Option<Consumer<T>>>,
    next: usize,
}

impl<T> Inbox<T> {
    /// The next message and its sender, senders in turn. Never blocks.
    pub fn poll(&mut self) -> Option<(usize, T)> {
        let count = self.consumers.len();
        for offset in 0..count {
            let from = (self.next + offset) % count;
            let Some(consumer) = &mut self.consumers[from] else { continue };
            if let Ok(message) = consumer.pop() {
                self.next = (from + 1) % count;
                return Some((from, message));
            }
        }
        None
    }

    /// The next message of one sender, if there is one. Never blocks.
    pub fn poll_from(&mut self, from: usize) -> Option<T> {
        self.consumers[from].as_mut()?.pop().ok()
    }
}
