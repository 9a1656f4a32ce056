//! Whether this process may use io_uring, found out without harm.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// The memory that must be lockable for an executor's rings.
const LOCKED_BYTES: u64 = 512 << 10;

/// Why io_uring cannot be used; `None` = it can.
pub(crate) fn io_uring_refusal() -> Option<String> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills a live struct.
    let known = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) } == 0;
    if known && limit.rlim_cur < LOCKED_BYTES {
        return Some(format!(
            "the process may lock {} bytes of memory (RLIMIT_MEMLOCK, ulimit -l), {LOCKED_BYTES} are needed",
            limit.rlim_cur
        ));
    }
    /// `struct io_uring_params` of the kernel is 120 bytes long.
    const PARAMS_BYTES: usize = 120;
    let mut params = [0u64; PARAMS_BYTES / 8];
    // SAFETY: the kernel writes at most a `struct io_uring_params` into the array, which has its size.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1 as libc::c_long, params.as_mut_ptr()) };
    if ring >= 0 {
        // SAFETY: a fresh descriptor that nobody else owns; dropping closes it.
        drop(unsafe { OwnedFd::from_raw_fd(ring as i32) });
        return None;
    }
    let error = io::Error::last_os_error();
    Some(match error.raw_os_error() {
        Some(libc::ENOSYS) => format!("the kernel has no io_uring, or a seccomp filter hides it ({error})"),
        Some(libc::EPERM) => {
            format!("a seccomp filter or the sysctl kernel.io_uring_disabled forbids it ({error})")
        }
        _ => format!("io_uring_setup: {error}"),
    })
}
