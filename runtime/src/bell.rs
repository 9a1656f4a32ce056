//! What a sleeping thread is woken by: a wake token and an eventfd.

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
}

impl Bell {
    /// A new bell. Fails when the process has no descriptor left.
    pub fn new() -> io::Result<Bell> {
        // SAFETY: no pointers; the result is checked and owned at once.
        let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: `event` is a fresh descriptor that nobody else owns.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        let shared = Shared { token: WakeToken::new(AtomicU32::new(0)), event };
        Ok(Bell { handle: WakeHandle { shared: Arc::new(shared) } })
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
        let _ = unsafe { libc::read(self.descriptor(), count.as_mut_ptr().cast(), count.len()) };
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.handle.shared.event.as_raw_fd()
    }
}
