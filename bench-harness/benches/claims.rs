//! The claims of speed, as pairs to compare: `cargo bench -p millrace-bench`.

#![allow(missing_docs, reason = "Criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a bench stops when it cannot go on")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use millrace_bench::{decode, input, json, pipeline, window};

/// The allocator of the `millrace` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 2_000_000;

fn windows(criterion: &mut Criterion) {
    let plan = pipeline::plan(&format!("{}{}", input::TABLE, window::QUERY)).unwrap();
    for groups in [100, 10_000, 1_000_000] {
        let batches = input::batches(ROWS, groups);
        let fired = pipeline::run(&plan, &batches).unwrap();
        assert_eq!(fired, window::by_hand(&batches), "the same groups");
        let mut group = criterion.benchmark_group(format!("tumbling minute, {groups} groups"));
        group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
        group.bench_function("millrace", |own| {
            own.iter(|| pipeline::run(&plan, black_box(&batches)).unwrap())
        });
        group.bench_function("by hand", |own| own.iter(|| window::by_hand(black_box(&batches))));
        group.finish();
    }
}

fn json_lines(criterion: &mut Criterion) {
    const LINES: usize = 500_000;
    let lines = input::json_lines(LINES, 1000);
    assert_eq!(json::decode(&lines).unwrap(), LINES);
    assert_eq!(decode::by_sonic(&lines), LINES);
    let mut group = criterion.benchmark_group("json lines");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(10);
    group.bench_function("millrace", |own| own.iter(|| json::decode(black_box(&lines)).unwrap()));
    group.bench_function("sonic-rs", |own| own.iter(|| decode::by_sonic(black_box(&lines))));
    group.finish();
}

fn filter(criterion: &mut Criterion) {
    const MORE_ROWS: usize = 8_000_000;
    let batches = input::batches(MORE_ROWS, 100);
    for percent in [10, 50, 90] {
        let query = format!("{}SELECT v, q FROM t WHERE q < {};", input::TIMELESS_TABLE, percent * 10);
        let plan = pipeline::plan(&query).unwrap();
        let kept = pipeline::run(&plan, &batches).unwrap();
        let (source, mut target) = (vec![1u8; kept * 16], vec![0u8; kept * 16]);
        let mut group = criterion.benchmark_group(format!("filter and project, {percent} % kept"));
        group.throughput(Throughput::Elements(MORE_ROWS as u64)).sample_size(10);
        group.bench_function("millrace", |own| {
            own.iter(|| pipeline::run(&plan, black_box(&batches)).unwrap())
        });
        group.bench_function("copy of the kept bytes", |own| {
            own.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)))
        });
        group.bench_function("read of both columns", |own| {
            own.iter(|| black_box(&batches).iter().map(input::sum_of_numbers).sum::<f64>())
        });
        group.finish();
    }
}

criterion_group!(claims, windows, json_lines, filter);
criterion_main!(claims);
