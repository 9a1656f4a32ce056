//! Windows and groups equal a naive oracle, for random rows, disorder, splits, batch sizes, shard counts and
//! schedules; late rows are those that the oracle calls late; the ledger balances (the run checks it).

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]

mod changelog;
mod cluster;
mod joins;
mod late;
mod law;
mod oracle;
mod processing_time;
mod ranking;
mod row_patterns;
mod sessions;
mod sets;
mod temporal;
mod user_functions;

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use millrace_flow::Batch;
use proptest::prelude::*;

use cluster::{Schedule, run};
use oracle::{Aggregates, Group, InputRow, Window};

const AGGREGATES: &str = "COUNT(*), COUNT(v), SUM(v), MIN(v), MAX(v), COUNT(DISTINCT v)";

fn table(delay: i64) -> String {
    format!(
        "CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), \
         WATERMARK FOR ts AS ts - INTERVAL '{:.3}' SECOND(3)) WITH ('connector' = 'x');\n",
        delay as f64 / 1000.0
    )
}

fn milliseconds(length: i64) -> String {
    format!("INTERVAL '{:.3}' SECOND(3)", length as f64 / 1000.0)
}

fn window_sql(window: Window) -> String {
    let call = match window {
        Window::Tumble { size, offset } => {
            format!("TUMBLE(TABLE t, DESCRIPTOR(ts), {}, {})", milliseconds(size), milliseconds(offset))
        }
        Window::Hop { slide, size, offset } => format!(
            "HOP(TABLE t, DESCRIPTOR(ts), {}, {}, {})",
            milliseconds(slide),
            milliseconds(size),
            milliseconds(offset)
        ),
        Window::Cumulate { step, size } => {
            format!("CUMULATE(TABLE t, DESCRIPTOR(ts), {}, {})", milliseconds(step), milliseconds(size))
        }
    };
    format!(
        "SELECT window_start, window_end, k, {AGGREGATES} FROM TABLE({call}) GROUP BY window_start, window_end, k;"
    )
}

fn rows() -> impl Strategy<Value = Vec<InputRow>> {
    let row = (
        proptest::option::weighted(0.9, 0u8..6),
        proptest::option::weighted(0.8, -5i64..20),
        -200i64..1500,
        -3000i64..300,
    );
    // Time moves on, and some rows are from before.
    proptest::collection::vec(row, 0..120).prop_map(|rows| {
        let mut now = -2_000;
        let mut place = |(key, value, ahead, behind): (Option<u8>, Option<i64>, i64, i64)| {
            now += ahead / 3;
            InputRow { key, value, time: now + if behind < -2500 { behind } else { behind.min(0) / 20 } }
        };
        rows.into_iter().map(&mut place).collect()
    })
}

fn splits() -> impl Strategy<Value = Vec<Vec<InputRow>>> {
    proptest::collection::vec(rows(), 1..4)
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (1usize..4, prop_oneof![Just(1usize), Just(7), Just(8192), 2usize..50], any::<u64>())
        .prop_map(|(shards, batch_rows, seed)| Schedule { shards, batch_rows, seed })
}

fn window() -> impl Strategy<Value = Window> {
    let length = || (1i64..8).prop_map(|own| own * 250);
    prop_oneof![
        (length(), -500i64..500).prop_map(|(size, offset)| Window::Tumble { size, offset }),
        (length(), length(), -300i64..300).prop_map(|(slide, size, offset)| Window::Hop {
            slide,
            size,
            offset
        }),
        (length(), 1i64..6).prop_map(|(step, count)| Window::Cumulate { step, size: step * count }),
    ]
}

/// The key of row `row` of a column of keys.
fn key(column: &dyn Array, row: usize) -> Option<u8> {
    let keys = column.as_string::<i32>();
    keys.is_valid(row).then(|| keys.value(row).trim_start_matches("key-").parse().unwrap())
}

/// The window and the key of row `row`: the first three columns.
fn group(batch: &Batch, row: usize) -> Group {
    let time =
        |column: usize| batch.rows.column(column).as_primitive::<TimestampMillisecondType>().value(row);
    (time(0), time(1), key(batch.rows.column(2), row))
}

/// The six aggregates of row `row`, which begin at column `first`.
fn found(batch: &Batch, first: usize, row: usize) -> Aggregates {
    let number = |offset: usize| {
        let column = batch.rows.column(first + offset).as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    Aggregates {
        rows: number(0).unwrap(),
        values: number(1).unwrap(),
        sum: number(2),
        least: number(3),
        greatest: number(4),
        different: number(5).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn windows_equal_the_oracle(
        splits in splits(), window in window(), delay in 0i64..2000, schedule in schedule()
    ) {
        let sql = table(delay) + &window_sql(window);
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut windows: BTreeMap<Group, Aggregates> = BTreeMap::new();
        for batch in &outcome.batches {
            prop_assert!(batch.kinds.is_insert_only());
            for row in 0..batch.rows.num_rows() {
                let group = group(batch, row);
                prop_assert_eq!(windows.insert(group, found(batch, 3, row)), None, "{:?} fired twice", group);
            }
        }
        let (expected, late) = oracle::windows(&splits, window, delay);
        prop_assert_eq!(windows, expected);
        prop_assert_eq!(outcome.late, late);
    }

    #[test]
    fn sessions_equal_the_oracle(
        splits in splits(), gap in 1i64..900, delay in 0i64..2000, by_key in any::<bool>(), schedule in schedule()
    ) {
        let (partition, keys) = if by_key { (" PARTITION BY k", ", k") } else { ("", "") };
        let own = if by_key { "k" } else { "CAST(NULL AS STRING) AS k" };
        let sql = table(delay) + &format!(
            "SELECT window_start, window_end, {own}, {AGGREGATES} \
             FROM TABLE(SESSION(TABLE t{partition}, DESCRIPTOR(ts), {})) GROUP BY window_start, window_end{keys};",
            milliseconds(gap)
        );
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut found: Vec<(Group, Aggregates)> = vec![];
        for batch in &outcome.batches {
            prop_assert!(batch.kinds.is_insert_only());
            found.extend((0..batch.rows.num_rows()).map(|row| (group(batch, row), self::found(batch, 3, row))));
        }
        found.sort();
        let all_one = |row: &InputRow| InputRow { key: row.key.filter(|_| by_key), ..row.clone() };
        let splits: Vec<Vec<InputRow>> = splits.iter().map(|rows| rows.iter().map(all_one).collect()).collect();
        let (expected, late) = sessions::sessions(&splits, gap, delay);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(outcome.late, late);
    }

    /// No shard's time overtakes the rows that another still holds in its first windows.
    #[test]
    fn windows_of_windows_lose_nothing(splits in splits(), delay in 0i64..2000, schedule in schedule()) {
        let inner = Window::Tumble { size: 250, offset: 0 };
        let sql = table(delay)
            + "SELECT window_start, SUM(n) FROM TABLE(TUMBLE((SELECT window_time AS at, k, COUNT(*) AS n \
               FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.250' SECOND(3))) \
               GROUP BY window_start, window_end, window_time, k), DESCRIPTOR(at), INTERVAL '1' SECOND)) \
               GROUP BY window_start, window_end;";
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut found: BTreeMap<i64, i64> = BTreeMap::new();
        for batch in &outcome.batches {
            let start = batch.rows.column(0).as_primitive::<TimestampMillisecondType>();
            let sum = batch.rows.column(1).as_primitive::<Int64Type>();
            found.extend(start.values().iter().copied().zip(sum.values().iter().copied()));
        }
        let (windows, late) = oracle::windows(&splits, inner, delay);
        let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
        for ((start, _, _), own) in windows {
            *expected.entry(start.div_euclid(1000) * 1000).or_default() += own.rows;
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(outcome.late, late);
    }

    #[test]
    fn groups_equal_the_oracle(splits in splits(), schedule in schedule()) {
        let sql = table(0) + &format!("SELECT k, {AGGREGATES} FROM t GROUP BY k;");
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut groups: BTreeMap<Option<u8>, Aggregates> = BTreeMap::new();
        for batch in &outcome.batches {
            for row in 0..batch.rows.num_rows() {
                let (key, found) = (key(batch.rows.column(0), row), found(batch, 1, row));
                if batch.kinds.get(row).weight() > 0 {
                    prop_assert_eq!(groups.insert(key, found), None, "a row is replaced without being taken back");
                } else {
                    prop_assert_eq!(groups.remove(&key), Some(found), "what is taken back was never given");
                }
            }
        }
        prop_assert_eq!(groups, oracle::groups(&splits));
    }

    /// `COUNT` of `COUNT`: the outer aggregation must take back what the inner one replaces.
    #[test]
    fn groups_of_groups_retract(splits in splits(), schedule in schedule()) {
        let sql = table(0)
            + "SELECT n, COUNT(*), SUM(m), MIN(m) FROM (SELECT k, COUNT(*) AS n, MAX(v) AS m FROM t GROUP BY k) GROUP BY n;";
        let outcome = run(&sql, &splits, schedule).unwrap();
        type Row = Vec<Option<i64>>;
        let mut rows: BTreeMap<Row, i64> = BTreeMap::new();
        for batch in &outcome.batches {
            for row in 0..batch.rows.num_rows() {
                let value = |column: &arrow::array::ArrayRef| {
                    let column = column.as_primitive::<Int64Type>();
                    column.is_valid(row).then(|| column.value(row))
                };
                let found: Row = batch.rows.columns().iter().map(value).collect();
                *rows.entry(found).or_default() += batch.kinds.get(row).weight();
            }
        }
        rows.retain(|_, weight| *weight != 0);
        let mut expected: BTreeMap<i64, Vec<Option<i64>>> = BTreeMap::new();
        for group in oracle::groups(&splits).into_values() {
            expected.entry(group.rows).or_default().push(group.greatest);
        }
        let expected: BTreeMap<Row, i64> = expected
            .into_iter()
            .map(|(n, greatest)| {
                let of = oracle::aggregates(&greatest);
                (vec![Some(n), Some(of.rows), of.sum, of.least], 1)
            })
            .collect();
        prop_assert_eq!(rows, expected);
    }
}
