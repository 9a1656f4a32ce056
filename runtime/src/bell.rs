//! What a sleeping thread is woken by: a wake token and an eventfd, and the sockets it watches.
//!
//! The owner sleeps on one descriptor, an epoll set that holds the eventfd and every watched socket. Sockets are
//! watched edge by edge (as in epoll(7)): news come once, so a socket that is not read costs nothing.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::wake_token::WakeToken;

#[derive(Debug)]
struct Shared {
    token: WakeToken<AtomicU32>,
    event: OwnedFd,
}

/// Wakes one shard or housekeeping thread. Any thread may hold and use one.
#[derive(Debug, Clone)]
pub struct WakeHandle {
    shared: Arc<Shared>,
}

impl WakeHandle {
    /// Wakes the owner, or keeps the wake for its next park. A system call only if the owner sleeps.
    pub fn wake(&self) {
        if self.shared.token.wake() {
            let one = 1u64.to_ne_bytes();
            // SAFETY: writes eight bytes from a live array to a descriptor this handle keeps open. The only
            // failure of an eventfd write here is a full counter, and then the owner is awake anyway.
            let _ = unsafe { libc::write(self.shared.event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        }
    }
}

/// The owner's half: sleeps until woken. One thread at a time.
#[derive(Debug)]
pub struct Bell {
    handle: WakeHandle,
    /// Holds the eventfd and the watched sockets.
    set: OwnedFd,
}

/// The number under which the eventfd is in the set; sockets have those below.
const EVENT: u64 = u64::MAX;

/// News of sockets taken with one system call.
const MOST_NEWS: usize = 64;

impl Bell {
    /// A new bell. Fails when the process has no descriptor left.
    pub fn new() -> io::Result<Bell> {
        // SAFETY: no pointers; the result is checked and owned at once.
        let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        let event = owned(event)?;
        // SAFETY: no pointers; the result is checked and owned at once.
        let set = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        let set = owned(set)?;
        add(&set, event.as_raw_fd(), libc::EPOLLIN, EVENT)?;
        let shared = Shared { token: WakeToken::new(AtomicU32::new(0)), event };
        Ok(Bell { handle: WakeHandle { shared: Arc::new(shared) }, set })
    }

    /// From now on news of this socket end a sleep, and are told by [`Bell::news`] under this number, until the
    /// socket is closed.
    pub(crate) fn watch(&self, socket: RawFd, number: u64) -> io::Result<()> {
        assert_ne!(number, EVENT, "the number of the eventfd");
        let both = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
        add(&self.set, socket, both, number)
    }

    /// The numbers of the sockets of which there are news: they may be read or written again, or have closed.
    pub(crate) fn news(&self, mut tell: impl FnMut(u64)) {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MOST_NEWS];
        loop {
            let set = self.set.as_raw_fd();
            // SAFETY: the kernel fills at most as many events as the array holds; with no timeout it does not
            // sleep. Its only failures here are bugs of this file.
            let found = unsafe { libc::epoll_wait(set, events.as_mut_ptr(), MOST_NEWS as i32, 0) };
            let found = usize::try_from(found).unwrap_or(0);
            events[..found].iter().map(|own| own.u64).filter(|own| *own != EVENT).for_each(&mut tell);
            if found < MOST_NEWS {
                return;
            }
        }
    }

    /// A handle that wakes this bell's owner.
    pub fn handle(&self) -> WakeHandle {
        self.handle.clone()
    }

    /// Sleeps until woken or until the time is over; at once if a wake waits. May return early by chance
    /// (a signal).
    pub fn wait(&self, timeout: Option<Duration>) {
        if !self.doze() {
            return;
        }
        // Rounded up: a timer that wakes early would spin.
        let timeout_ms =
            timeout.map_or(-1, |own| own.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
        let mut polled = libc::pollfd { fd: self.descriptor(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd, count one.
        unsafe { libc::poll(&mut polled, 1, timeout_ms) };
        self.rise();
    }

    pub(crate) fn doze(&self) -> bool {
        self.handle.shared.token.doze()
    }

    /// Awake again: takes the wake and empties the descriptor, always: a waker that was overtaken by a timer
    /// writes late, and an old count must make one sleep short, not every one.
    pub(crate) fn rise(&self) {
        self.handle.shared.token.rise();
        let mut count = [0u8; 8];
        // SAFETY: reads at most eight bytes into a live array; the descriptor does not block.
        let _ = unsafe { libc::read(self.event(), count.as_mut_ptr().cast(), count.len()) };
    }

    /// What to sleep on: readable when there is a wake or news of a socket.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.set.as_raw_fd()
    }

    pub(crate) fn event(&self) -> RawFd {
        self.handle.shared.event.as_raw_fd()
    }
}

/// A descriptor that a system call has just made.
fn owned(descriptor: RawFd) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn add(set: &OwnedFd, descriptor: RawFd, events: i32, number: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: events as u32, u64: number };
    // SAFETY: a live struct; the kernel copies it.
    match unsafe { libc::epoll_ctl(set.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &mut event) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
