//! `'late.table'` gets the rows that the oracle calls late, and no others; with allowed lateness windows and sessions
//! end up as the oracle has them.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use millrace_flow::pipeline::{Pipeline, ShardId};
use millrace_flow::{Batch, Origin, SplitStatus};
use millrace_plan::{Limits, NodeId, Operator};
use proptest::prelude::*;

use crate::cluster::{LATE, Outcome, columns, log, plan_of, run, source_of};
use crate::oracle::{self, Aggregates, Group, InputRow, Window};
use crate::sessions::sessions;
use crate::{AGGREGATES, found, group, key, milliseconds, schedule, splits, window, window_sql};

/// A table with a late table, which declares its columns in another order, and perhaps with allowed lateness.
fn table(delay: i64, lateness: i64) -> String {
    let option = match lateness {
        0 => String::new(),
        own => format!(", 'window.allowed-lateness' = '{own} ms'"),
    };
    format!(
        "CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), \
         WATERMARK FOR ts AS ts - INTERVAL '{:.3}' SECOND(3)) WITH ('connector' = 'x', 'late.table' = '{LATE}'{option});\n\
         CREATE TABLE {LATE} (ts TIMESTAMP(3), k STRING, v BIGINT) WITH ('connector' = 'x');\n",
        delay as f64 / 1000.0
    )
}

type Row = (i64, Option<u8>, Option<i64>);

/// The rows of the late table, sorted.
fn late_rows(outcome: &Outcome) -> Vec<Row> {
    let mut rows = vec![];
    for batch in &outcome.late_batches {
        let times = batch.rows.column(0).as_primitive::<TimestampMillisecondType>();
        let values = batch.rows.column(2).as_primitive::<Int64Type>();
        let value = |row: usize| values.is_valid(row).then(|| values.value(row));
        rows.extend(
            (0..batch.len()).map(|row| (times.value(row), key(batch.rows.column(1), row), value(row))),
        );
    }
    rows.sort_unstable();
    rows
}

/// The rows that are late by `is_late` of the row and the watermark of its split just before it, sorted.
fn expected_late(splits: &[Vec<InputRow>], delay: i64, is_late: impl Fn(&InputRow, i64) -> bool) -> Vec<Row> {
    let mut late = vec![];
    for rows in splits {
        let mut watermark = i64::MIN;
        for row in rows {
            if is_late(row, watermark) {
                late.push((row.time, row.key, row.value));
            }
            watermark = watermark.max(row.time - delay);
        }
    }
    late.sort_unstable();
    late
}

/// The groups of windows when each window takes rows until the watermark is `lateness` past its end.
fn groups(
    splits: &[Vec<InputRow>],
    window: Window,
    delay: i64,
    lateness: i64,
) -> BTreeMap<Group, Aggregates> {
    let mut groups: BTreeMap<Group, Vec<Option<i64>>> = BTreeMap::new();
    for rows in splits {
        let mut watermark = i64::MIN;
        for row in rows {
            for (start, end) in window.of(row.time) {
                if watermark < end - 1 + lateness {
                    groups.entry((start, end, row.key)).or_default().push(row.value);
                }
            }
            watermark = watermark.max(row.time - delay);
        }
    }
    groups.into_iter().map(|(group, values)| (group, oracle::aggregates(&values))).collect()
}

/// What the changes leave; each row that is taken back was there.
fn folded(outcome: &Outcome) -> Vec<(Group, Aggregates)> {
    let mut rows: BTreeMap<(Group, Aggregates), i64> = BTreeMap::new();
    for batch in &outcome.batches {
        for row in 0..batch.len() {
            let own = (group(batch, row), found(batch, 3, row));
            let count = rows.entry(own.clone()).or_default();
            *count += batch.kinds.get(row).weight();
            assert!((0..=1).contains(count), "{own:?} is there {count} times");
        }
    }
    rows.into_iter().filter(|(_, count)| *count > 0).map(|(row, _)| row).collect()
}

/// Queries whose rows are late when the watermark has passed their time; true: when it has reached it.
const BY_TIME: &[(&str, bool)] = &[
    ("SELECT v, COUNT(*) OVER (PARTITION BY v ORDER BY ts) FROM t", true),
    ("SELECT v FROM t ORDER BY ts", false),
    (
        "SELECT v FROM (SELECT v, ROW_NUMBER() OVER (PARTITION BY v ORDER BY ts) AS n FROM t) WHERE n = 1",
        false,
    ),
    (
        "SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY v ORDER BY ts MEASURES COUNT(*) AS n PATTERN (a b) \
     DEFINE b AS b.v > 3)",
        true,
    ),
];

/// Queries whose rows are late when the last of their windows of 500 ms has fired; how often each late row comes, and how
/// far windows are apart.
const BY_WINDOW: &[(&str, usize, i64)] = &[
    (
        "SELECT v, window_end FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, v ORDER BY ts) \
         AS n FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '0.200' SECOND(3), INTERVAL '0.500' SECOND(3)))) \
         WHERE n <= 2",
        1,
        200,
    ),
    (
        "SELECT window_start, COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) \
         GROUP BY GROUPING SETS ((window_start, window_end, v), (window_start, window_end))",
        1,
        500,
    ),
    (
        "SELECT v, window_end FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, v ORDER BY ts) \
         AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3)))) WHERE n <= 2",
        1,
        500,
    ),
    (
        "SELECT a.v, b.v, a.window_end FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) AS a \
         FULL JOIN TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) AS b ON a.v = b.v AND \
         a.window_start = b.window_start AND a.window_end = b.window_end AND a.k <> b.k",
        2,
        500,
    ),
    (
        "SELECT window_start, m FROM (SELECT window_start, window_end, MAX(ends) AS m FROM (SELECT window_start, \
         window_end, EXTRACT(SECOND FROM window_end) AS ends FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), \
         INTERVAL '0.500' SECOND(3)))) GROUP BY window_start, window_end)",
        1,
        500,
    ),
];

/// Two shards until nothing is under way between them; the rows that reached the late table.
fn settle(shards: &mut [Pipeline; 2], late_sink: NodeId) -> usize {
    let mut late = 0;
    loop {
        let mut moved = false;
        for from in 0..2 {
            let rows = shards[from].take_rows().into_iter().filter(|(sink, _)| *sink == late_sink);
            late += rows.map(|(_, batch)| batch.len()).sum::<usize>();
            for (to, message) in shards[from].take_messages() {
                shards[to].receive(from, message).unwrap();
                moved = true;
            }
        }
        if !moved {
            return late;
        }
    }
}

/// A shard whose split was silent does not know how far the other has come: its row is late all the same, and is not
/// lost on the way.
#[test]
fn a_row_that_is_late_when_its_split_wakes_is_in_the_late_table() {
    let idle = "'late.table' = 'late', 'scan.watermark.idle-timeout' = '1 s'";
    let sql = table(0, 0).replace("'late.table' = 'late'", idle)
        + &window_sql(Window::Tumble { size: 1000, offset: 0 });
    let limits = Limits::default();
    let plan = plan_of(&sql, 2, &limits).unwrap();
    let (source, def, projection) = source_of(&plan).unwrap();
    let late_sink = plan
        .nodes
        .iter()
        .position(|node| matches!(&node.operator, Operator::Sink { table } if table.name == LATE));
    let late_sink = late_sink.unwrap();
    let mut shards = [0, 1].map(|index| Pipeline::new(&plan, ShardId { index, count: 2 }, &limits).unwrap());
    let send = |shards: &mut [Pipeline; 2], shard: usize, times: &[i64]| {
        let rows: Vec<InputRow> = times
            .iter()
            .map(|time| InputRow { key: Some(*time as u8), value: Some(1), time: *time })
            .collect();
        let rows = Batch::derived(columns(&log(None, &rows), def, projection), 1);
        let batch = Batch { origin: Origin { split: shard as _, first_row: 0 }, ..rows };
        shards[shard].source_batch(source, batch).unwrap();
    };
    for (shard, own) in shards.iter_mut().enumerate() {
        own.source_split(source, shard as _, SplitStatus::Active).unwrap();
    }
    send(&mut shards, 1, &[100]);
    shards[1].source_split(source, 1, SplitStatus::Idle).unwrap();
    send(&mut shards, 0, &[200, 9_000]);
    assert_eq!(settle(&mut shards, late_sink), 0);
    shards[1].source_split(source, 1, SplitStatus::Active).unwrap();
    send(&mut shards, 1, &[300, 400, 9_500]);
    let mut late = settle(&mut shards, late_sink);
    for (shard, own) in shards.iter_mut().enumerate() {
        own.source_split(source, shard as _, SplitStatus::Ended).unwrap();
        own.source_end(source).unwrap();
    }
    late += settle(&mut shards, late_sink);
    assert_eq!(late, 2);
    let counted = shards.iter().flat_map(Pipeline::accounts).map(|own| own.account.late).sum::<u64>();
    assert_eq!(counted, 2);
    shards.iter().for_each(|own| own.check_ledger().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_late_table_gets_the_rows_that_no_window_takes(
        splits in splits(), window in window(), delay in 0i64..2000, schedule in schedule()
    ) {
        let outcome = run(&(table(delay, 0) + &window_sql(window)), &splits, schedule).unwrap();
        let is_late = |row: &InputRow, watermark: i64| {
            let all = window.of(row.time);
            !all.is_empty() && all.iter().all(|(_, end)| end - 1 <= watermark)
        };
        let expected = expected_late(&splits, delay, is_late);
        prop_assert_eq!(outcome.late, expected.len() as u64);
        prop_assert_eq!(late_rows(&outcome), expected);
        let found: BTreeMap<Group, Aggregates> = folded(&outcome).into_iter().collect();
        prop_assert_eq!(found, oracle::windows(&splits, window, delay).0);
    }

    #[test]
    fn windows_with_allowed_lateness_end_up_as_the_oracle_has_them(
        splits in splits(), window in window(), delay in 0i64..1000, lateness in 1i64..2000, changes in any::<bool>(),
        schedule in schedule()
    ) {
        let emit = if changes { " EMIT CHANGES;" } else { ";" };
        let sql = table(delay, lateness) + &window_sql(window).replace(';', emit);
        let outcome = run(&sql, &splits, schedule).unwrap();
        let expected: Vec<(Group, Aggregates)> = groups(&splits, window, delay, lateness).into_iter().collect();
        prop_assert_eq!(folded(&outcome), expected);
        let is_late = |row: &InputRow, watermark: i64| {
            let all = window.of(row.time);
            !all.is_empty() && all.iter().all(|(_, end)| watermark >= end - 1 + lateness)
        };
        prop_assert_eq!(late_rows(&outcome), expected_late(&splits, delay, is_late));
    }

    #[test]
    fn sessions_with_allowed_lateness_end_up_as_the_oracle_has_them(
        splits in splits(), gap in 1i64..900, delay in 0i64..1000, lateness in 0i64..2000, by_key in any::<bool>(),
        schedule in schedule()
    ) {
        let (partition, keys) = if by_key { (" PARTITION BY k", ", k") } else { ("", "") };
        let own = if by_key { "k" } else { "CAST(NULL AS STRING) AS k" };
        let sql = table(delay, lateness) + &format!(
            "SELECT window_start, window_end, {own}, {AGGREGATES} \
             FROM TABLE(SESSION(TABLE t{partition}, DESCRIPTOR(ts), {})) GROUP BY window_start, window_end{keys};",
            milliseconds(gap)
        );
        let outcome = run(&sql, &splits, schedule).unwrap();
        let all_one = |row: &InputRow| InputRow { key: row.key.filter(|_| by_key), ..row.clone() };
        let splits: Vec<Vec<InputRow>> = splits.iter().map(|rows| rows.iter().map(all_one).collect()).collect();
        // A session that stays open is one whose split's watermark is so much less.
        let (expected, late) = sessions(&splits, gap, delay + lateness);
        prop_assert_eq!(folded(&outcome), expected);
        prop_assert_eq!(outcome.late, late);
        prop_assert_eq!(late_rows(&outcome).len() as u64, late);
    }

    #[test]
    fn the_late_table_gets_the_rows_that_the_watermark_had_passed(
        splits in splits(), delay in 0i64..20, schedule in schedule()
    ) {
        // Coarse times: some are just that of the watermark.
        let delay = delay * 100;
        let coarse = |row: InputRow| InputRow { time: row.time.div_euclid(100) * 100, ..row };
        let splits: Vec<Vec<InputRow>> =
            splits.into_iter().map(|rows| rows.into_iter().map(coarse).collect()).collect();
        for (query, when_reached) in BY_TIME {
            let outcome = run(&(table(delay, 0) + query + ";"), &splits, schedule).unwrap();
            let is_late = |row: &InputRow, watermark: i64| match when_reached {
                true => row.time <= watermark,
                false => row.time < watermark,
            };
            let expected = expected_late(&splits, delay, is_late);
            prop_assert_eq!(late_rows(&outcome), expected, "{}", query);
        }
    }

    #[test]
    fn each_late_row_comes_once_for_each_table_that_drops_it(
        splits in splits(), delay in 0i64..2000, schedule in schedule()
    ) {
        for (query, times, slide) in BY_WINDOW {
            let window = Window::Hop { slide: *slide, size: 500, offset: 0 };
            let is_late =
                |row: &InputRow, watermark: i64| window.of(row.time).iter().all(|own| own.1 - 1 <= watermark);
            let outcome = run(&(table(delay, 0) + query + ";"), &splits, schedule).unwrap();
            let once = expected_late(&splits, delay, is_late);
            let mut expected: Vec<Row> = once.iter().flat_map(|row| vec![*row; *times]).collect();
            expected.sort_unstable();
            prop_assert_eq!(late_rows(&outcome), expected, "{}", query);
        }
    }
}
