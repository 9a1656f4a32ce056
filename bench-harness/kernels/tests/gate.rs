//! The instruction gate as a command: counts repeat, and what is unknown is refused.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]

use std::path::Path;
use std::process::Command;

use millrace_kernels::count;
use millrace_kernels::kernel::KERNELS;

const PROGRAM: &str = env!("CARGO_BIN_EXE_millrace-kernels");

#[test]
fn a_count_repeats_to_the_last_instruction() {
    let count = || count::instructions(Path::new(PROGRAM), &["--counted", "hash"]).unwrap();
    let (first, second) = (count(), count());
    assert_eq!(first, second);
    let rows = KERNELS.iter().find(|own| own.name == "hash").unwrap().rows as u64;
    assert!(first > 5 * rows, "{first} instructions for {rows} rows");
}

#[test]
fn every_kernel_runs_again_and_again_over_its_rows() {
    for kernel in KERNELS {
        let mut run = (kernel.prepare)().unwrap();
        assert_eq!([run().unwrap(), run().unwrap()], [kernel.rows; 2], "{}", kernel.name);
    }
}

#[test]
fn an_unknown_kernel_is_refused_with_those_that_are_known() {
    let output = Command::new(PROGRAM).arg("sort").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("known: decode, hash"), "{said}");
}
