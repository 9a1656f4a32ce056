//! Shards on plain pinned threads: `poll(2)` to sleep, `pread` and `pwrite` for files.

#![allow(clippy::disallowed_methods, reason = "the files of this backend")]

use std::cell::Cell;
use std::fs::File;
use std::future::{Future, ready};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Backend, Executor, LocalFuture, OpenFile, Seat};
use crate::bell::Bell;
use crate::net::Watches;

pub(crate) struct Threads;

impl Backend for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }

    fn run(&self, seat: Seat) {
        let core = core_affinity::CoreId { id: seat.core };
        let pinned = match core_affinity::set_for_current(core) {
            true => Ok(()),
            false => Err(format!("core {}: {}", seat.core, io::Error::last_os_error())),
        };
        // The starter waits for this; if it is gone, the main below is missing too.
        let _ = seat.ready.send(pinned);
        let Ok(main) = seat.main.recv() else { return };
        block_on(main(Rc::new(ThreadExecutor { bell: seat.bell, watches: Watches::default() })));
    }
}

/// Polls until done. Futures of this backend sleep inside their poll, so that pending means "again".
fn block_on(mut future: Pin<Box<dyn Future<Output = ()>>>) {
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context) == Poll::Pending {}
}

struct ThreadExecutor {
    bell: Bell,
    watches: Watches,
}

impl Executor for ThreadExecutor {
    fn park(&self, timeout_ns: Option<u64>) -> LocalFuture<'_, ()> {
        Box::pin(async move {
            self.bell.wait(timeout_ns.map(Duration::from_nanos));
            self.watches.look(&self.bell);
        })
    }

    fn yield_now(&self) -> LocalFuture<'_, ()> {
        std::thread::yield_now();
        self.watches.look(&self.bell);
        Box::pin(ready(()))
    }

    fn open<'a>(&'a self, path: &'a Path, create: bool) -> LocalFuture<'a, io::Result<Box<dyn OpenFile>>> {
        Box::pin(async move {
            let file = match create {
                true => File::create(path)?,
                false => File::open(path)?,
            };
            if file.metadata()?.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Ok(Box::new(ThreadFile(file)) as Box<dyn OpenFile>)
        })
    }

    fn watch(&self, socket: RawFd) -> io::Result<Rc<Cell<bool>>> {
        self.watches.add(&self.bell, socket)
    }
}

struct ThreadFile(File);

impl OpenFile for ThreadFile {
    fn len(&self) -> LocalFuture<'_, io::Result<u64>> {
        Box::pin(async { Ok(self.0.metadata()?.len()) })
    }

    fn read_at(&self, offset: u64, len_bytes: usize) -> LocalFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let mut bytes = vec![0; len_bytes];
            let len = self.0.read_at(&mut bytes, offset)?;
            bytes.truncate(len);
            Ok(bytes)
        })
    }

    fn write_at(&self, offset: u64, bytes: Vec<u8>) -> LocalFuture<'_, io::Result<(usize, Vec<u8>)>> {
        Box::pin(async move {
            self.0.write_all_at(&bytes, offset)?;
            Ok((bytes.len(), vec![]))
        })
    }

    fn sync(&self) -> LocalFuture<'_, io::Result<()>> {
        Box::pin(async { self.0.sync_data() })
    }

    fn close(self: Box<Self>) -> LocalFuture<'static, io::Result<()>> {
        Box::pin(ready(Ok(())))
    }
}
