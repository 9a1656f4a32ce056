//! Instructions of a kernel in user space, counted one by one: a process of its own runs it, stopped after every
//! instruction. That takes a microsecond or two each, and nothing but a kernel that lets a process trace its child.
//!
//! The count repeats to the last digit: addresses are not random there, and the C library takes its plainest copies,
//! whatever the processor has.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use millrace_plan::{Error, Result};
use nix::sys::personality::{self, Persona};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::kernel::Kernel;

/// The C library's functions for processors that have nothing special.
const PLAIN_COPIES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-EVEX,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2",
);

/// How a process ends that may not be counted.
pub const REFUSED: u8 = 3;

fn refused(what: &str) -> impl Fn(nix::Error) -> Error {
    move |error| {
        Error::environment(format!("counting instructions: {what}: {error}"))
            .hint("the gate traces a child process: a container may need --cap-add SYS_PTRACE")
    }
}

/// In the process that is counted: runs the kernel until it knows all keys, and then once between two stops.
pub fn run_counted(kernel: &Kernel) -> Result<()> {
    const WARM_UP: usize = 3;
    let mut run = (kernel.prepare)()?;
    for _ in 0..WARM_UP {
        let rows = run()?;
        if rows != kernel.rows {
            return Err(Error::bug(format!("{}: {rows} rows came out, not {}", kernel.name, kernel.rows)));
        }
    }
    ptrace::traceme().map_err(refused("tracing"))?;
    raise(Signal::SIGSTOP).map_err(refused("stopping"))?;
    let outcome = run();
    raise(Signal::SIGSTOP).map_err(refused("stopping"))?;
    outcome.map(|_| ())
}

/// Instructions of one run of a kernel. `program`, given these arguments, calls [`run_counted`]. Shares a core with it.
pub fn instructions(program: &Path, arguments: &[&str]) -> Result<u64> {
    // Both on one core: to wake another takes longer than to switch. A thread that cannot be pinned is slower.
    if let Some(core) = core_affinity::get_core_ids().and_then(|own| own.last().copied()) {
        let _ = core_affinity::set_for_current(core);
    }
    // Inherited by the child, where it takes effect.
    let own = personality::get().map_err(refused("addresses"))?;
    personality::set(own | Persona::ADDR_NO_RANDOMIZE).map_err(refused("addresses"))?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env(PLAIN_COPIES.0, PLAIN_COPIES.1).stdin(Stdio::null());
    let child = command.spawn();
    personality::set(own).map_err(refused("addresses"))?;
    let mut child =
        child.map_err(|error| Error::environment(format!("running {}: {error}", program.display())))?;
    let counted = steps(&child);
    // It is stopped for good, or has ended.
    let _ = child.kill();
    let _ = child.wait();
    counted
}

/// Steps a child from its first stop to its second.
fn steps(child: &Child) -> Result<u64> {
    let process = Pid::from_raw(child.id() as i32);
    let wait = || waitpid(process, None).map_err(refused("waiting"));
    match wait()? {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        WaitStatus::Exited(_, code) if code == i32::from(REFUSED) => {
            return Err(Error::environment("counting instructions: the system refuses it, as said above"));
        }
        other => return Err(Error::bug(format!("a counted process did not stop: {other:?}"))),
    }
    let mut count = 0;
    loop {
        ptrace::step(process, None).map_err(refused("stepping"))?;
        match wait()? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => count += 1,
            WaitStatus::Stopped(_, Signal::SIGSTOP) => return Ok(count),
            other => return Err(Error::bug(format!("a counted process ended early: {other:?}"))),
        }
    }
}
