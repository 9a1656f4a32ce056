//! A ring between a shard and one other thread: single producer, single consumer, bounded, no locks.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::bell::WakeHandle;

/// The sending end. One thread at a time.
pub struct RingSender<T> {
    /// `None` only while dropping.
    producer: Option<Producer<T>>,
    wake: WakeHandle,
}

/// The receiving end. One thread at a time.
pub struct RingReceiver<T> {
    /// `None` only while dropping.
    consumer: Option<Consumer<T>>,
    /// Woken when a message was taken: there is room again.
    room: Option<WakeHandle>,
}

/// A ring for `capacity` messages whose receiver is woken by `wake`.
pub fn ring<T>(capacity: usize, wake: WakeHandle) -> (RingSender<T>, RingReceiver<T>) {
    let (producer, consumer) = RingBuffer::new(capacity.max(1));
    (RingSender { producer: Some(producer), wake }, RingReceiver { consumer: Some(consumer), room: None })
}

/// As [`ring`], for a sender that sleeps while the ring is full: `room` is woken whenever there is room again.
pub fn ring_with_room<T>(
    capacity: usize,
    wake: WakeHandle,
    room: WakeHandle,
) -> (RingSender<T>, RingReceiver<T>) {
    let (sender, mut receiver) = ring(capacity, wake);
    receiver.room = Some(room);
    (sender, receiver)
}

impl<T> std::fmt::Debug for RingSender<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RingSender")
    }
}

impl<T> RingSender<T> {
    /// Sends, or gives the message back when the ring is full. Never blocks.
    pub fn try_send(&mut self, message: T) -> Result<(), T> {
        let Some(producer) = &mut self.producer else { return Err(message) };
        match producer.push(message) {
            Ok(()) => {
                self.wake.wake();
                Ok(())
            }
            Err(rtrb::PushError::Full(message)) => Err(message),
        }
    }

    /// True once the receiver has gone.
    pub fn is_abandoned(&self) -> bool {
        self.producer.as_ref().is_none_or(Producer::is_abandoned)
    }
}

impl<T> Drop for RingSender<T> {
    fn drop(&mut self) {
        // First close, then wake: the receiver must find the ring closed.
        self.producer = None;
        self.wake.wake();
    }
}

impl<T> RingReceiver<T> {
    /// The next message, if there is one. Never blocks.
    pub fn poll(&mut self) -> Option<T> {
        let message = self.consumer.as_mut()?.pop().ok()?;
        if let Some(room) = &self.room {
            room.wake();
        }
        Some(message)
    }

    /// True once the sender has gone and every message was taken.
    pub fn closed(&self) -> bool {
        // In this order: messages sent before the sender went must be seen.
        self.consumer.as_ref().is_none_or(|own| own.is_abandoned() && own.is_empty())
    }
}

impl<T> Drop for RingReceiver<T> {
    fn drop(&mut self) {
        // First close, then wake: a sender that waits for room must find nobody there.
        self.consumer = None;
        if let Some(room) = &self.room {
            room.wake();
        }
    }
}
