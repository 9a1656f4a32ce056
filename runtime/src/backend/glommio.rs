//! Shards as glommio executors: io_uring for files, timers and the wake of a sleeping shard.
//!
//! Of glommio this uses executors, timers, descriptor polls and buffered files; *not* its channels or its
//! blocking pool.

#![allow(clippy::disallowed_methods, reason = "asks what an open descriptor is")]

use std::cell::{Cell, RefCell};

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use glommio::io::{BufferedFile, PollState, PollableFd};
use glommio::timer::Timer;
use glommio::{GlommioError, LocalExecutor, LocalExecutorBuilder, Placement};

use super::{Backend, Executor, LocalFuture, OpenFile, Seat};
use crate::bell::Bell;
use crate::net::Watches;
use crate::running::panic_message;

/// Registered memory per executor. Buffered files do not use it; the least glommio takes.
const IO_MEMORY_BYTES: usize = 64 << 10;

/// Requests in flight per executor: a shard reads one file at a time and sleeps on one descriptor.
const RING_DEPTH: usize = 64;

pub(crate) struct Glommio;

impl Backend for Glommio {
    fn name(&self) -> &'static str {
        "glommio"
    }

    fn run(&self, seat: Seat) {
        let executor = catch_unwind(AssertUnwindSafe(|| make(seat.core)));
        let executor = executor.unwrap_or_else(|payload| Err(panic_message(&*payload)));
        let executor = match executor {
            Ok(executor) => executor,
            Err(cause) => {
                let _ = seat.ready.send(Err(cause));
                return;
            }
        };
        // The starter waits for this; if it is gone, the main below is missing too.
        let _ = seat.ready.send(Ok(()));
        let Ok(main) = seat.main.recv() else { return };
        executor.run(async move {
            match GlommioExecutor::new(seat.bell) {
                Ok(executor) => main(Rc::new(executor)).await,
                // The main is dropped with its outcome's sender: a shard without a value.
                Err(error) => drop(error),
            }
        });
    }
}

fn make(core: usize) -> Result<LocalExecutor, String> {
    LocalExecutorBuilder::new(Placement::Fixed(core))
        .io_memory(IO_MEMORY_BYTES)
        .ring_depth(RING_DEPTH)
        .make()
        .map_err(|error| error.to_string())
}

/// The bell's descriptor, as glommio wants it: something that has one. The bell keeps it open.
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

struct GlommioExecutor {
    /// The registered wait for the bell; kept from park to park, so that a timer cancels nothing.
    wait: RefCell<PollState>,
    event: PollableFd<Descriptor>,
    bell: Bell,
    watches: Watches,
}

impl GlommioExecutor {
    fn new(bell: Bell) -> io::Result<GlommioExecutor> {
        let event = PollableFd::new(Descriptor(bell.descriptor())).map_err(io_error)?;
        let wait = RefCell::new(PollState::default());
        Ok(GlommioExecutor { wait, event, bell, watches: Watches::default() })
    }
}

impl Executor for GlommioExecutor {
    fn park(&self, timeout_ns: Option<u64>) -> LocalFuture<'_, ()> {
        Box::pin(async move {
            if !self.bell.doze() {
                self.watches.look(&self.bell);
                return;
            }
            let mut timer = pin!(timeout_ns.map(|own| Timer::new(Duration::from_nanos(own))));
            poll_fn(|context| {
                let rung = self.event.poll_readable(context, &mut self.wait.borrow_mut());
                let late = timer.as_mut().as_pin_mut().map(|timer| timer.poll(context));
                match rung.is_ready() || late.is_some_and(|late| late.is_ready()) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            self.bell.rise();
            self.watches.look(&self.bell);
        })
    }

    fn yield_now(&self) -> LocalFuture<'_, ()> {
        self.watches.look(&self.bell);
        Box::pin(glommio::yield_if_needed())
    }

    fn open<'a>(&'a self, path: &'a Path, create: bool) -> LocalFuture<'a, io::Result<Box<dyn OpenFile>>> {
        Box::pin(async move {
            let file = match create {
                true => BufferedFile::create(path).await,
                false => BufferedFile::open(path).await,
            };
            let file = file.map_err(io_error)?;
            Ok(Box::new(GlommioFile(file)) as Box<dyn OpenFile>)
        })
    }

    fn watch(&self, socket: RawFd) -> io::Result<Rc<Cell<bool>>> {
        self.watches.add(&self.bell, socket)
    }
}

struct GlommioFile(BufferedFile);

impl OpenFile for GlommioFile {
    fn len(&self) -> LocalFuture<'_, io::Result<u64>> {
        Box::pin(async {
            if std::fs::metadata(format!("/proc/self/fd/{}", self.0.as_raw_fd()))?.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            self.0.file_size().await.map_err(io_error)
        })
    }

    fn read_at(&self, offset: u64, len_bytes: usize) -> LocalFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let read = self.0.read_at(offset, len_bytes).await.map_err(io_error)?;
            Ok(read.to_vec())
        })
    }

    fn write_at(&self, offset: u64, bytes: Vec<u8>) -> LocalFuture<'_, io::Result<(usize, Vec<u8>)>> {
        Box::pin(async move {
            // The kernel may take less than everything, and the buffer does not come back: keep a window.
            const WINDOW_BYTES: usize = 1 << 20;
            let mut rest = bytes;
            let tail = rest.split_off(rest.len().min(WINDOW_BYTES));
            let copy = rest.clone();
            let written = self.0.write_at(copy, offset).await.map_err(io_error)?;
            rest.drain(..written.min(rest.len()));
            rest.extend_from_slice(&tail);
            Ok((written, rest))
        })
    }

    fn sync(&self) -> LocalFuture<'_, io::Result<()>> {
        Box::pin(async { self.0.fdatasync().await.map_err(io_error) })
    }

    fn close(self: Box<Self>) -> LocalFuture<'static, io::Result<()>> {
        Box::pin(async move { self.0.close().await.map_err(io_error) })
    }
}

/// The operating system's error inside glommio's.
fn io_error(error: GlommioError<()>) -> io::Error {
    match error {
        GlommioError::IoError(source) | GlommioError::EnhancedIoError { source, .. } => source,
        other => io::Error::other(other.to_string()),
    }
}
