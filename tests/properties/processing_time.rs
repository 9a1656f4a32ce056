//! Windows by processing time, with the clock as a value: they fire by it alone, no row is late, and the time at which
//! rows come decides what they are in.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use millrace_flow::checkpoint::{Barrier, ShardSnapshot, Since};
use millrace_flow::pipeline::{Pipeline, ShardId};
use millrace_flow::{Batch, Origin, RowKinds, RowWatermarks, SplitStatus};
use millrace_plan::{Limits, NodeId, Operator, Plan, RowKind, WATERMARK_MIN};
use proptest::prelude::*;

use crate::cluster::{columns, ingest_ms, plan_of, run, source_of};
use crate::oracle::{self, Aggregates, Group, InputRow};
use crate::{found, group, schedule, splits, table, window, window_sql};

/// A moment at which a window of 100 ms begins, in milliseconds since 1970.
const START: i64 = 1_800_000_000_000;

const TABLE: &str =
    "CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), pt AS PROCTIME()) WITH ('connector' = 'x');\n";

const TUMBLE: &str = "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(pt), \
                      INTERVAL '0.100' SECOND(3))) GROUP BY k, window_start, window_end;";

/// Shards that this test alone moves.
struct Shards {
    plan: Plan,
    source: NodeId,
    pipelines: Vec<Pipeline>,
}

impl Shards {
    /// `count` shards of a plan for more than one.
    fn new(query: &str, count: usize) -> Shards {
        let limits = Limits::default();
        let plan = plan_of(&format!("{TABLE}{query}"), 2, &limits).unwrap();
        let source = source_of(&plan).unwrap().0;
        let pipeline = |index| Pipeline::new(&plan, ShardId { index, count }, &limits).unwrap();
        let pipelines: Vec<Pipeline> = (0..count).map(pipeline).collect();
        assert!(pipelines.iter().all(Pipeline::follows_clock));
        Shards { plan, source, pipelines }
    }

    /// A row of this value enters a shard at this time.
    fn row(&mut self, shard: usize, value: i64, ingest_ms: i64) {
        let Operator::Source { table, projection, .. } = &self.plan.nodes[self.source].operator else {
            unreachable!("a source is a source")
        };
        let row = InputRow { key: Some(1), value: Some(value), time: 0 };
        let batch = Batch {
            rows: columns(&[(row, RowKind::Insert)], table, projection),
            kinds: RowKinds::Insert,
            origin: Origin { split: shard as u32, first_row: 0 },
            watermarks: RowWatermarks::Constant(WATERMARK_MIN),
            ingest_ms,
        };
        self.pipelines[shard].source_batch(self.source, batch).unwrap();
    }

    /// A clock that one shard reads; what that brings on all of them.
    fn clock(&mut self, shard: usize, now_ms: i64) -> Vec<Vec<Option<i64>>> {
        self.pipelines[shard].clock(now_ms).unwrap();
        self.results()
    }

    /// Carries all messages, and gives the rows that have reached the sink: times and numbers.
    fn results(&mut self) -> Vec<Vec<Option<i64>>> {
        loop {
            let mut quiet = true;
            for from in 0..self.pipelines.len() {
                for (to, message) in self.pipelines[from].take_messages() {
                    self.pipelines[to].receive(from, message).unwrap();
                    quiet = false;
                }
            }
            if quiet {
                break;
            }
        }
        let batches = self.pipelines.iter_mut().flat_map(Pipeline::take_rows);
        batches
            .flat_map(|(_, batch)| (0..batch.len()).map(|row| numbers(&batch, row)).collect::<Vec<_>>())
            .collect()
    }

    /// What all shards hold, as a run leaves it that is stopped here.
    fn stopped(mut self) -> Vec<ShardSnapshot> {
        self.pipelines
            .iter_mut()
            .for_each(|own| own.barrier(Barrier { epoch: 1, since: Since::Start }).unwrap());
        assert_eq!(self.results(), Vec::<Vec<Option<i64>>>::new());
        let held = |own: &mut Pipeline| {
            let mut snapshot = own.take_snapshot().unwrap();
            while own.add_rest(&mut snapshot).unwrap() {}
            snapshot
        };
        self.pipelines.iter_mut().map(held).collect()
    }
}

/// The numbers and times of a row; texts are left out.
fn numbers(batch: &Batch, row: usize) -> Vec<Option<i64>> {
    let value = |column: &arrow::array::ArrayRef| {
        let valid = column.is_valid(row);
        if let Some(times) = column.as_primitive_opt::<TimestampMillisecondType>() {
            return Some(valid.then(|| times.value(row)));
        }
        column.as_primitive_opt::<Int64Type>().map(|own| valid.then(|| own.value(row)))
    };
    batch.rows.columns().iter().filter_map(value).collect()
}

#[test]
fn a_window_fires_by_the_clock_though_nothing_comes() {
    let mut shards = Shards::new(TUMBLE, 1);
    // One split has a row and falls silent, the other never has any.
    for split in [0, 1] {
        shards.pipelines[0].source_split(shards.source, split, SplitStatus::Active).unwrap();
    }
    shards.row(0, 7, START + 20);
    assert!(shards.clock(0, START + 99).is_empty());
    assert_eq!(shards.clock(0, START + 100), [[Some(START), Some(1)]]);
    assert!(shards.clock(0, START + 500).is_empty());
    shards.row(0, 8, START + 510);
    shards.pipelines[0].source_end(shards.source).unwrap();
    assert_eq!(
        shards.results(),
        [[Some(START + 500), Some(1)]],
        "what is open at the end of the input fires"
    );
}

#[test]
fn a_session_ends_by_the_clock() {
    let mut shards = Shards::new(
        "SELECT window_end, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(pt), \
         INTERVAL '0.050' SECOND(3))) GROUP BY k, window_start, window_end;",
        2,
    );
    shards.row(0, 1, START);
    shards.row(1, 1, START + 40);
    for now in [START + 50, START + 89] {
        assert!((0..2).all(|shard| shards.clock(shard, now).is_empty()));
    }
    assert!(shards.clock(1, START + 90).is_empty());
    assert_eq!(shards.clock(0, START + 90), [[Some(START + 90), Some(2)]]);
}

#[test]
fn a_window_of_two_shards_fires_when_both_clocks_have_passed_it() {
    let mut shards = Shards::new(TUMBLE, 2);
    shards.row(0, 1, START + 10);
    shards.row(1, 1, START + 90);
    assert!(shards.clock(0, START + 200).is_empty());
    // A row that has come to the slower shard in time is not late.
    shards.row(1, 1, START + 99);
    assert_eq!(shards.clock(1, START + 100), [[Some(START), Some(3)]]);
    assert!(shards.pipelines.iter().all(|own| own.accounts().iter().all(|own| own.account.late == 0)));
}

#[test]
fn a_row_without_a_partner_leaves_a_join_by_the_clock() {
    let mut shards = Shards::new(
        "SELECT a.v, b.v FROM t AS a LEFT JOIN t AS b ON a.k = b.k AND a.v < b.v \
         AND b.pt BETWEEN a.pt - INTERVAL '0.100' SECOND(3) AND a.pt + INTERVAL '0.100' SECOND(3);",
        2,
    );
    shards.row(0, 1, START);
    shards.row(1, 2, START + 100);
    assert_eq!(shards.results(), [[Some(1), Some(2)]]);
    shards.row(0, 3, START + 201);
    // The second row can have a partner until 200.
    assert!((0..2).all(|shard| shards.clock(shard, START + 200).is_empty()));
    assert!(shards.clock(0, START + 201).is_empty());
    assert_eq!(shards.clock(1, START + 201), [[Some(2), None]]);
}

#[test]
fn time_does_not_go_back_after_a_restart_with_a_slower_clock() {
    let mut shards = Shards::new(TUMBLE, 2);
    shards.row(0, 1, START + 20);
    assert!(shards.clock(0, START + 50).is_empty() && shards.clock(1, START + 30).is_empty());
    let held = shards.stopped();

    let mut shards = Shards::new(TUMBLE, 3);
    shards.pipelines.iter_mut().for_each(|own| own.restore(&held).unwrap());
    shards.pipelines.iter_mut().for_each(|own| own.resume().unwrap());
    shards.row(2, 1, START - 5_000);
    assert!((0..3).all(|shard| shards.clock(shard, START - 4_000).is_empty()));
    let fired: Vec<_> = (0..3).flat_map(|shard| shards.clock(shard, START + 100)).collect();
    assert_eq!(fired, [[Some(START), Some(2)]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn windows_by_processing_time_equal_the_oracle(
        splits in splits(), window in window(), schedule in schedule()
    ) {
        let seen = "(SELECT *, PROCTIME() AS pt FROM t), DESCRIPTOR(pt)";
        let query = window_sql(window).replace("TABLE t, DESCRIPTOR(ts)", seen);
        let sql = table(0) + &query;
        let plan = plan_of(&sql, schedule.shards, &Limits::default()).unwrap();
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut windows: BTreeMap<Group, Aggregates> = BTreeMap::new();
        for batch in &outcome.batches {
            for row in 0..batch.len() {
                let group = group(batch, row);
                prop_assert_eq!(windows.insert(group, found(batch, 3, row)), None, "{:?} fired twice", group);
            }
        }
        let came = |rows: &Vec<InputRow>| -> Vec<InputRow> {
            let time = |at: usize| ingest_ms(&plan, at / schedule.batch_rows * schedule.batch_rows);
            rows.iter().enumerate().map(|(at, row)| InputRow { time: time(at), ..row.clone() }).collect()
        };
        let splits: Vec<Vec<InputRow>> = splits.iter().map(came).collect();
        // More rows may come in the millisecond of the last one.
        let (expected, late) = oracle::windows(&splits, window, 1);
        prop_assert_eq!(windows, expected);
        prop_assert_eq!((outcome.late, late), (0, 0));
    }
}
