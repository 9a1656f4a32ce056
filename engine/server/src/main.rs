//! The `millrace` binary.

#![forbid(unsafe_code)]

use clap::Parser;

/// Shards allocate batches on one core and free them on another; mimalloc keeps that off shared locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    std::process::exit(millrace_server::cli::run(millrace_server::cli::Cli::parse()));
}
