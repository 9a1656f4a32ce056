//! The kernels that the instruction gate counts, timed: `cargo bench -p millrace-bench --bench kernels`.

#![allow(missing_docs, reason = "Criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench stops when it cannot go on")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millrace_kernels::kernel::KERNELS;

/// The allocator of the `millrace` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn each(criterion: &mut Criterion) {
    for kernel in KERNELS {
        let mut run = (kernel.prepare)().unwrap();
        assert_eq!(run().unwrap(), kernel.rows, "{}", kernel.name);
        let mut group = criterion.benchmark_group("kernels");
        group.throughput(Throughput::Elements(kernel.rows as u64));
        group.bench_function(kernel.name, |own| own.iter(|| black_box(run().unwrap())));
        group.finish();
    }
}

criterion_group!(kernels, each);
criterion_main!(kernels);
