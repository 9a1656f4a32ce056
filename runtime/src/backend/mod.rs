//! The two ways to run a shard, behind one trait.

mod glommio;
mod refusal;
mod threads;

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::RawFd;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, Sender};

use crate::bell::Bell;
use crate::error::RuntimeError;

pub(crate) type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What runs on a shard, given its executor.
pub(crate) type Main = Box<dyn FnOnce(Rc<dyn Executor>) -> LocalFuture<'static, ()> + Send>;

/// What a thread needs to become a shard.
pub(crate) struct Seat {
    pub(crate) core: usize,
    pub(crate) bell: Bell,
    /// Told once: the executor is there, or why not.
    pub(crate) ready: Sender<Result<(), String>>,
    /// Gives the main, or closes when the start was called off.
    pub(crate) main: Receiver<Main>,
}

/// A way to run shards.
pub(crate) trait Backend: Sync {
    fn name(&self) -> &'static str;

    /// Makes the calling thread a shard: pins it, makes its executor, says so, waits for the main, runs it.
    fn run(&self, seat: Seat);
}

/// What a shard asks of its executor. Boxed futures: these are calls per batch, not per row.
pub(crate) trait Executor {
    fn park(&self, timeout_ns: Option<u64>) -> LocalFuture<'_, ()>;
    fn yield_now(&self) -> LocalFuture<'_, ()>;
    fn open<'a>(&'a self, path: &'a Path, create: bool) -> LocalFuture<'a, io::Result<Box<dyn OpenFile>>>;
    /// Watches a socket until it is closed: the cell turns true whenever it may be read or written again.
    fn watch(&self, socket: RawFd) -> io::Result<Rc<Cell<bool>>>;
}

/// A file as the executor reaches it.
pub(crate) trait OpenFile {
    fn len(&self) -> LocalFuture<'_, io::Result<u64>>;
    fn read_at(&self, offset: u64, len_bytes: usize) -> LocalFuture<'_, io::Result<Vec<u8>>>;
    /// How many bytes were written, and the rest.
    fn write_at(&self, offset: u64, bytes: Vec<u8>) -> LocalFuture<'_, io::Result<(usize, Vec<u8>)>>;
    fn sync(&self) -> LocalFuture<'_, io::Result<()>>;
    fn close(self: Box<Self>) -> LocalFuture<'static, io::Result<()>>;
}

/// How shards are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendKind {
    /// `glommio`; where io_uring is refused, `threads` with a warning.
    #[default]
    Auto,
    /// glommio executors: io_uring files and timers. Refused io_uring is an error.
    Glommio,
    /// Plain pinned threads: `poll` and `pread`. For machines and tools without io_uring.
    Threads,
}

impl FromStr for BackendKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(BackendKind::Auto),
            "glommio" => Ok(BackendKind::Glommio),
            "threads" => Ok(BackendKind::Threads),
            _ => Err("expected auto, glommio or threads".into()),
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BackendKind::Auto => "auto",
            BackendKind::Glommio => "glommio",
            BackendKind::Threads => "threads",
        })
    }
}

/// The backends to try in order, and a warning if the first choice is known to be impossible.
pub(crate) fn chosen(
    kind: BackendKind,
) -> Result<(&'static [&'static dyn Backend], Option<String>), RuntimeError> {
    const HINT: &str =
        "allow io_uring (seccomp profile, kernel.io_uring_disabled, ulimit -l), or use --backend threads";
    static BOTH: [&dyn Backend; 2] = [&glommio::Glommio, &threads::Threads];
    static ONLY_GLOMMIO: [&dyn Backend; 1] = [&glommio::Glommio];
    static ONLY_THREADS: [&dyn Backend; 1] = [&threads::Threads];
    match (kind, refusal::io_uring_refusal()) {
        (BackendKind::Threads, _) => Ok((&ONLY_THREADS, None)),
        (BackendKind::Glommio, Some(cause)) => {
            Err(RuntimeError::environment(format!("io_uring is refused: {cause}"), HINT))
        }
        (BackendKind::Glommio, None) => Ok((&ONLY_GLOMMIO, None)),
        (BackendKind::Auto, Some(cause)) => {
            Ok((&ONLY_THREADS, Some(format!("io_uring is refused: {cause}; running on plain threads"))))
        }
        (BackendKind::Auto, None) => Ok((&BOTH, None)),
    }
}
