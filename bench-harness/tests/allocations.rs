//! No allocation per row on the aggregation path, by a counting allocator.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]

use millrace_bench::{input, pipeline, window};

/// Allocations of a run over so many rows, input and plan made before.
fn allocations(sql: &str, rows: usize) -> u64 {
    let plan = pipeline::plan(&format!("{}{sql}", input::TABLE)).unwrap();
    let batches = input::batches(rows, 1000);
    let counted = allocation_counter::measure(|| assert!(pipeline::run(&plan, &batches).unwrap() > 0));
    counted.count_total
}

#[test]
fn aggregation_allocates_per_batch_and_per_window_but_not_per_row() {
    const ROWS: usize = 64 * input::BATCH_ROWS;
    for sql in [window::QUERY, "SELECT k, COUNT(*), SUM(q), MIN(v) FROM t GROUP BY k;"] {
        let (once, twice) = (allocations(sql, ROWS), allocations(sql, 2 * ROWS));
        let per_row = (twice - once) as f64 / ROWS as f64;
        println!("{per_row:.4} allocations per row: {sql}");
        assert!(per_row < 0.05, "{per_row} allocations per row: {sql}");
    }
}
