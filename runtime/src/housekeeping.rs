//! Work that must not run on a shard: reading standard input, deep recursion, logs and small files.

#![allow(clippy::disallowed_methods, reason = "the room of small files and threads beside the shards")]

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use crate::bell::{Bell, WakeHandle};
use crate::error::DiskError;
use crate::ring::{RingReceiver, ring, ring_with_room};

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
