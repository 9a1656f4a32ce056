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
    in_flight: InFlight,
    /// The bell's event.
    always_writable: PollableFd<Descriptor>,
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
        let always_writable = PollableFd::new(Descriptor(bell.event())).map_err(io_error)?;
        let (in_flight, watches) = (InFlight::default(), Watches::default());
        Ok(GlommioExecutor { in_flight, always_writable, wait, event, bell, watches })
    }
}

/// Requests that files wait for. Glommio submits requests and sees what has become of them when no task can run, or
/// when its timer of 100 ms goes off: a shard that is busy must stand aside for them.
#[derive(Clone, Default)]
struct InFlight(Rc<Cell<usize>>);

impl InFlight {
    /// Counts a request until it is done or nobody waits for it.
    async fn count<T>(&self, request: impl Future<Output = T>) -> T {
        struct Counted<'a>(&'a Cell<usize>);
        impl Drop for Counted<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        self.0.set(self.0.get() + 1);
        let _counted = Counted(&self.0);
        request.await
    }

    fn any(&self) -> bool {
        self.0.get() > 0
    }
}

impl Executor for GlommioExecutor {
    fn park(&self, timeout_ns: Option<u64>) -> LocalFuture<'_, ()> {
        Box::pin(async move {
            if !self.bell.doze() {
                return self.yield_now().await;
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
        match self.in_flight.any() {
            // A request behind the others that is done at once; until then no task can run.
            true => Box::pin(async {
                let _ = self.always_writable.writable().await;
            }),
            false => Box::pin(glommio::yield_if_needed()),
        }
    }

    fn open<'a>(&'a self, path: &'a Path, create: bool) -> LocalFuture<'a, io::Result<Box<dyn OpenFile>>> {
        Box::pin(async move {
            let file = match create {
                true => self.in_flight.count(BufferedFile::create(path)).await,
                false => self.in_flight.count(BufferedFile::open(path)).await,
            };
            let file = GlommioFile { file: file.map_err(io_error)?, in_flight: self.in_flight.clone() };
            Ok(Box::new(file) as Box<dyn OpenFile>)
        })
    }

    fn watch(&self, socket: RawFd) -> io::Result<Rc<Cell<bool>>> {
        self.watches.add(&self.bell, socket)
    }
}

struct GlommioFile {
    file: BufferedFile,
    in_flight: InFlight,
}

impl OpenFile for GlommioFile {
    fn len(&self) -> LocalFuture<'_, io::Result<u64>> {
        Box::pin(async {
            if std::fs::metadata(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            self.file.file_size().await.map_err(io_error)
        })
    }

    fn read_at(&self, offset: u64, len_bytes: usize) -> LocalFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let read = self.in_flight.count(self.file.read_at(offset, len_bytes)).await.map_err(io_error)?;
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
            let written = self.in_flight.count(self.file.write_at(copy, offset)).await.map_err(io_error)?;
            rest.drain(..written.min(rest.len()));
            rest.extend_from_slice(&tail);
            Ok((written, rest))
        })
    }

    fn sync(&self) -> LocalFuture<'_, io::Result<()>> {
        Box::pin(async { self.in_flight.count(self.file.fdatasync()).await.map_err(io_error) })
    }

    fn close(self: Box<Self>) -> LocalFuture<'static, io::Result<()>> {
        Box::pin(async move { self.in_flight.count(self.file.close()).await.map_err(io_error) })
    }
}

/// The operating system's error inside glommio's.
fn io_error(error: GlommioError<()>) -> io::Error {
    match error {
        GlommioError::IoError(source) | GlommioError::EnhancedIoError { source, .. } => source,
        other => io::Error::other(other.to_string()),
    }
}
