//! The `millrace-bench` command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// The allocator of the `millrace` binary, for everything that is compared with it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    millrace_bench::cli::main()
}
