//! Work that must not run on a shard: reading standard input, requests that block, deep recursion, logs and small
//! files.

#![allow(clippy::disallowed_methods, reason = "the room of small files and threads beside the shards")]

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::thread::JoinHandle;

use crate::bell::{Bell, WakeHandle};
use crate::error::DiskError;
use crate::ring::{RingReceiver, RingSender, ring, ring_with_room};

/// Chunks of standard input are at most this long.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks that may wait for the shard.
const CHUNKS: usize = 16;

/// Reads standard input on a thread of its own; `wake` tells the receiving shard of each chunk. The ring
/// closes at the end of the input.
pub fn read_stdin(wake: WakeHandle) -> RingReceiver<io::Result<Vec<u8>>> {
    // Without a descriptor or a thread there is no input: the closed ring says so.
    let Ok(room) = Bell::new() else { return ring(CHUNKS, wake).1 };
    let (mut sender, receiver) = ring_with_room(CHUNKS, wake, room.handle());
    let read = move || {
        let mut input = io::stdin().lock();
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let message = match input.read(&mut chunk) {
                Ok(0) => return,
                Ok(len) => {
                    chunk.truncate(len);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let ended = message.is_err();
            let mut waiting = Some(message);
            while let Some(message) = waiting.take() {
                if sender.is_abandoned() {
                    return;
                }
                if let Err(message) = sender.try_send(message) {
                    room.wait(None);
                    waiting = Some(message);
                }
            }
            if ended {
                return;
            }
        }
    };
    let _ = std::thread::Builder::new().name("stdin".into()).spawn(read);
    receiver
}

/// Requests that a [`Worker`] may have before it has answered them.
const REQUESTS: usize = 64;

/// Carries out requests one after another on a thread of its own, for the thread that holds it. Dropped, it waits
/// for those that it has.
pub struct Worker<Q, A> {
    /// `None` only while dropping.
    requests: Option<RingSender<Q>>,
    answers: RingReceiver<A>,
    unanswered: usize,
    thread: Option<JoinHandle<()>>,
}

impl<Q: Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts the thread; `wake` tells of each answer.
    pub fn start(
        name: &str,
        wake: WakeHandle,
        mut work: impl FnMut(Q) -> A + Send + 'static,
    ) -> io::Result<Worker<Q, A>> {
        let bell = Bell::new()?;
        let (requests, mut received) = ring(REQUESTS, bell.handle());
        let (mut sender, answers) = ring(REQUESTS, wake);
        let run = move || {
            while !received.closed() {
                match received.poll() {
                    // There is room: no more are asked for than there is.
                    Some(request) => drop(sender.try_send(work(request))),
                    None => bell.wait(None),
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Worker { requests: Some(requests), answers, unanswered: 0, thread: Some(thread) })
    }

    /// Asks for something, or gives the request back if too many are unanswered.
    pub fn ask(&mut self, request: Q) -> Result<(), Q> {
        match &mut self.requests {
            Some(requests) if self.unanswered < REQUESTS => {
                requests.try_send(request)?;
                self.unanswered += 1;
                Ok(())
            }
            _ => Err(request),
        }
    }

    /// The next answer, if there is one, in the order of the requests. Never blocks.
    pub fn poll(&mut self) -> Option<A> {
        let answer = self.answers.poll()?;
        self.unanswered -= 1;
        Some(answer)
    }

    /// True if every request was answered.
    pub fn is_idle(&self) -> bool {
        self.unanswered == 0
    }

    /// True if the thread has panicked: no more answers come.
    pub fn has_ended(&self) -> bool {
        self.answers.closed()
    }
}

impl<Q, A> Drop for Worker<Q, A> {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs `work` on a thread with this much stack, and waits. `None` = it panicked or no thread was to be had.
pub fn with_stack<T: Send>(stack_bytes: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// The whole of a small file, as text.
pub fn read_file(path: &Path) -> Result<String, DiskError> {
    std::fs::read_to_string(path).map_err(DiskError::at(path))
}

/// The whole of a small file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, DiskError> {
    std::fs::read(path).map_err(DiskError::at(path))
}

/// A file that lines are appended to, buffered.
pub struct LogFile {
    file: BufWriter<File>,
}

impl LogFile {
    /// Opens a file to append to, or makes it and the folders above it.
    pub fn create(path: &Path) -> io::Result<LogFile> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        Ok(LogFile { file: BufWriter::new(file) })
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_answers_in_order_and_ends_when_it_is_dropped() {
        let bell = Bell::new().unwrap();
        let mut worker = Worker::start("worker", bell.handle(), |own: u32| own * 2).unwrap();
        (0..REQUESTS as u32).for_each(|own| worker.ask(own).unwrap());
        assert_eq!(worker.ask(99), Err(99));
        let mut answers = vec![];
        while answers.len() < REQUESTS {
            match worker.poll() {
                Some(own) => answers.push(own),
                None => bell.wait(None),
            }
        }
        assert_eq!(answers, (0..REQUESTS as u32).map(|own| own * 2).collect::<Vec<_>>());
        assert!(worker.is_idle() && worker.ask(99).is_ok());
    }
}
