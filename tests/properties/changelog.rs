//! Sources whose rows are changes equal a naive oracle: the last row of each key, and windows that take rows back.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use millrace_flow::Batch;
use millrace_plan::RowKind;
use proptest::prelude::*;

use crate::cluster::{log, run};
use crate::oracle::{self, Aggregates, Change, Group, InputRow, Window, aggregates};
use crate::{AGGREGATES, found, group, key, schedule, splits, window, window_sql};

fn table(delay: i64, changes: &str, key: &str) -> String {
    format!(
        "SET 'table.exec.source.cdc-events-duplicate' = '{}';\n\
         CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), \
         WATERMARK FOR ts AS ts - INTERVAL '{:.3}' SECOND(3){key}) \
         WITH ('connector' = 'x', 'changes' = '{changes}');\n",
        changes == "repeated",
        delay as f64 / 1000.0
    )
}

const BY_KEY: &str = ", PRIMARY KEY (k) NOT ENFORCED";

/// The changes of a key come in one order only if they come from one split.
fn keyed_splits() -> impl Strategy<Value = Vec<Vec<InputRow>>> {
    splits().prop_map(|splits| {
        let own_keys = |(split, rows): (usize, Vec<InputRow>)| {
            let own = |row: InputRow| InputRow { key: Some(row.key.unwrap_or(9) + 10 * split as u8), ..row };
            rows.into_iter().map(own).collect()
        };
        splits.into_iter().enumerate().map(own_keys).collect()
    })
}

fn row(batch: &Batch, row: usize) -> InputRow {
    let value = |column: &ArrayRef| {
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let time = batch.rows.column(2).as_primitive::<TimestampMillisecondType>().value(row);
    InputRow { key: key(batch.rows.column(0), row), value: value(batch.rows.column(1)), time }
}

/// The changes of each key, in the order they were sent.
fn by_key(changes: impl Iterator<Item = Change>) -> BTreeMap<Option<u8>, Vec<Change>> {
    let mut keys: BTreeMap<Option<u8>, Vec<Change>> = BTreeMap::new();
    changes.for_each(|change| keys.entry(change.0.key).or_default().push(change));
    keys
}

/// The windows of changes, and what is left in them.
fn windows_of_changes(splits: &[Vec<Change>], window: Window, delay: i64) -> BTreeMap<Group, Aggregates> {
    let mut groups: BTreeMap<Group, Vec<Option<i64>>> = BTreeMap::new();
    for changes in splits {
        let mut watermark = i64::MIN;
        for (row, kind) in changes {
            for (start, end) in window.of(row.time).into_iter().filter(|(_, end)| end - 1 > watermark) {
                let values = groups.entry((start, end, row.key)).or_default();
                match kind {
                    RowKind::Insert | RowKind::UpdateAfter => values.push(row.value),
                    RowKind::UpdateBefore | RowKind::Delete => {
                        let at = values.iter().position(|own| *own == row.value).unwrap();
                        values.swap_remove(at);
                    }
                }
            }
            watermark = watermark.max(row.time - delay);
        }
    }
    groups.retain(|_, values| !values.is_empty());
    groups.into_iter().map(|(group, values)| (group, aggregates(&values))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Change by change, in the order of each key.
    #[test]
    fn the_last_row_of_a_key_equals_the_oracle(
        splits in keyed_splits(), schedule in schedule(), repeated in any::<bool>()
    ) {
        let changes = if repeated { "repeated" } else { "upserts" };
        let sql = table(0, changes, BY_KEY) + "SELECT k, v, ts FROM t;";
        let outcome = run(&sql, &splits, schedule).unwrap();
        let sent = outcome.batches.iter().flat_map(|batch| {
            (0..batch.len()).map(|at| (row(batch, at), batch.kinds.get(at)))
        });
        let expected = splits.iter().flat_map(|rows| oracle::normalized(&log(Some(changes), rows)));
        prop_assert_eq!(by_key(sent), by_key(expected));
    }

    /// A later aggregation takes back what the last rows replace.
    #[test]
    fn groups_of_last_rows_equal_the_oracle(splits in keyed_splits(), schedule in schedule()) {
        let sql = table(0, "upserts", BY_KEY) + "SELECT m, COUNT(*) FROM (SELECT CAST(v % 3 AS BIGINT) AS m FROM t) GROUP BY m;";
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut counts: BTreeMap<(Option<i64>, i64), i64> = BTreeMap::new();
        for batch in &outcome.batches {
            for at in 0..batch.len() {
                let columns = [0, 1].map(|own| batch.rows.column(own).as_primitive::<Int64Type>());
                let group = columns[0].is_valid(at).then(|| columns[0].value(at));
                *counts.entry((group, columns[1].value(at))).or_default() += batch.kinds.get(at).weight();
            }
        }
        counts.retain(|_, weight| *weight != 0);
        let mut left: BTreeMap<Option<i64>, i64> = BTreeMap::new();
        for (row, kind) in splits.iter().flat_map(|rows| oracle::normalized(&log(Some("upserts"), rows))) {
            *left.entry(row.value.map(|value| value % 3)).or_default() += kind.weight();
        }
        left.retain(|_, count| *count != 0);
        let expected: BTreeMap<(Option<i64>, i64), i64> = left.into_iter().map(|own| (own, 1)).collect();
        prop_assert_eq!(counts, expected);
    }

    #[test]
    fn windows_of_changes_equal_the_oracle(
        splits in splits(), window in window(), delay in 0i64..2000, schedule in schedule()
    ) {
        let sql = table(delay, "normalized", "") + &window_sql(window);
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut sent: BTreeMap<Group, Aggregates> = BTreeMap::new();
        for batch in &outcome.batches {
            prop_assert!(batch.kinds.is_insert_only());
            for at in 0..batch.len() {
                let group = group(batch, at);
                prop_assert_eq!(sent.insert(group, found(batch, 3, at)), None, "{:?} fired twice", group);
            }
        }
        let changes: Vec<Vec<Change>> = splits.iter().map(|rows| log(Some("normalized"), rows)).collect();
        prop_assert_eq!(sent, windows_of_changes(&changes, window, delay), "{}", AGGREGATES);
    }
}
