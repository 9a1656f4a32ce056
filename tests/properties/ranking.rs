//! Top-N, deduplication and OVER equal a naive oracle: rows sorted, then counted one by one.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use millrace_flow::Batch;
use proptest::prelude::*;

use crate::cluster::run;
use crate::oracle::InputRow;
use crate::{key, schedule, splits, table};

/// A key and numbers.
type Row = (Option<u8>, Vec<Option<i64>>);

/// The rows that are left once all changes are folded, each with how often it is there.
fn folded(batches: &[Batch]) -> BTreeMap<Row, i64> {
    let mut rows: BTreeMap<Row, i64> = BTreeMap::new();
    for batch in batches {
        for row in 0..batch.rows.num_rows() {
            let number = |column: &arrow::array::ArrayRef| {
                let whole = cast(column, &DataType::Int64).unwrap();
                let whole = whole.as_primitive::<Int64Type>().clone();
                whole.is_valid(row).then(|| whole.value(row))
            };
            let numbers = batch.rows.columns()[1..].iter().map(number).collect();
            *rows.entry((key(batch.rows.column(0), row), numbers)).or_default() +=
                batch.kinds.get(row).weight();
        }
    }
    rows.retain(|_, count| *count != 0);
    rows
}

fn counted(rows: impl IntoIterator<Item = Row>) -> BTreeMap<Row, i64> {
    let mut counted = BTreeMap::new();
    rows.into_iter().for_each(|row| *counted.entry(row).or_default() += 1);
    counted
}

/// Rows of all splits by key, in the order of arrival, with the watermark of their split just before each.
fn by_key(splits: &[Vec<InputRow>], delay: i64) -> BTreeMap<Option<u8>, Vec<(InputRow, i64)>> {
    let mut keys: BTreeMap<Option<u8>, Vec<(InputRow, i64)>> = BTreeMap::new();
    for rows in splits {
        let mut watermark = i64::MIN;
        for row in rows {
            keys.entry(row.key).or_default().push((row.clone(), watermark));
            watermark = watermark.max(row.time - delay);
        }
    }
    keys
}

/// Greatest first, NULL last; those that are equal stay in their order.
fn best(rows: &mut [(InputRow, i64)]) {
    rows.sort_by_key(|(row, _)| std::cmp::Reverse(row.value));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn top_n_equals_the_oracle(splits in splits(), schedule in schedule(), first in 1usize..3, more in 0usize..4) {
        let last = first + more;
        let ranked = "FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM t) \
                      WHERE rn BETWEEN";
        let mut expected = vec![];
        for (key, mut rows) in by_key(&splits, 0) {
            best(&mut rows);
            for (rank, (row, _)) in (1..).zip(&rows).skip(first - 1).take(more + 1) {
                expected.push((key, vec![row.value, Some(row.time), Some(rank)]));
            }
        }
        let sql = table(0) + &format!("SELECT k, v, ts, rn {ranked} {first} AND {last};");
        let outcome = run(&sql, &splits, schedule).unwrap();
        prop_assert_eq!(folded(&outcome.batches), counted(expected.clone()));
        let sql = table(0) + &format!("SELECT k, v, ts {ranked} {first} AND {last};");
        let outcome = run(&sql, &splits, schedule).unwrap();
        expected.iter_mut().for_each(|(_, numbers)| numbers.truncate(2));
        prop_assert_eq!(folded(&outcome.batches), counted(expected));
    }

    /// Counts go up, so that the input of the ranking takes rows back.
    #[test]
    fn top_n_of_groups_equals_the_oracle(splits in splits(), schedule in schedule(), last in 1usize..5) {
        let sql = table(0) + &format!(
            "SELECT k, n, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC, k) AS rn \
             FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k)) WHERE rn <= {last};"
        );
        let outcome = run(&sql, &splits, schedule).unwrap();
        let mut groups: Vec<(Option<u8>, i64)> =
            by_key(&splits, 0).into_iter().map(|(key, rows)| (key, rows.len() as i64)).collect();
        groups.sort_by_key(|(key, n)| (std::cmp::Reverse(*n), *key));
        let expected = (1..).zip(groups).take(last).map(|(rank, (key, n))| (key, vec![Some(n), Some(rank)]));
        prop_assert_eq!(folded(&outcome.batches), counted(expected));
    }

    #[test]
    fn top_n_of_windows_equals_the_oracle(
        splits in splits(), schedule in schedule(), delay in 0i64..2000, last in 1usize..4
    ) {
        let sql = table(delay) + &format!(
            "SELECT k, v, ts, window_end, rn FROM (SELECT *, \
             ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS rn \
             FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3)))) WHERE rn <= {last};"
        );
        let outcome = run(&sql, &splits, schedule).unwrap();
        prop_assert!(outcome.batches.iter().all(|batch| batch.kinds.is_insert_only()));
        let (mut expected, mut late) = (vec![], 0);
        for (key, rows) in by_key(&splits, delay) {
            let mut windows: BTreeMap<i64, Vec<(InputRow, i64)>> = BTreeMap::new();
            for (row, watermark) in rows {
                let end = row.time.div_euclid(500) * 500 + 500;
                match end - 1 <= watermark {
                    true => late += 1,
                    false => windows.entry(end).or_default().push((row, watermark)),
                }
            }
            for (end, mut rows) in windows {
                best(&mut rows);
                for (rank, (row, _)) in (1..).zip(&rows).take(last) {
                    expected.push((key, vec![row.value, Some(row.time), Some(end), Some(rank)]));
                }
            }
        }
        prop_assert_eq!(folded(&outcome.batches), counted(expected));
        prop_assert_eq!(outcome.late, late);
    }

    #[test]
    fn first_and_last_row_of_a_key_equal_the_oracle(
        splits in splits(), schedule in schedule(), delay in 0i64..2000
    ) {
        let sql = |order: &str| table(delay) + &format!(
            "SELECT k, v, ts FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts {order}) AS rn FROM t) \
             WHERE rn = 1;"
        );
        let row = |key, row: &InputRow| (key, vec![row.value, Some(row.time)]);
        let (mut first, mut last, mut late) = (vec![], vec![], 0);
        for (key, rows) in by_key(&splits, delay) {
            // Of rows of the same time, that which came last.
            last.extend(rows.iter().map(|(own, _)| own).max_by_key(|own| own.time).map(|own| row(key, own)));
            let in_time = |own: &&(InputRow, i64)| own.0.time >= own.1;
            late += rows.iter().filter(|own| !in_time(own)).count() as u64;
            let earliest = rows.iter().filter(in_time).min_by_key(|own| own.0.time);
            first.extend(earliest.map(|(own, _)| row(key, own)));
        }
        let outcome = run(&sql("DESC"), &splits, schedule).unwrap();
        prop_assert_eq!(folded(&outcome.batches), counted(last));
        let outcome = run(&sql("ASC"), &splits, schedule).unwrap();
        prop_assert!(outcome.batches.iter().all(|batch| batch.kinds.is_insert_only()));
        prop_assert_eq!(folded(&outcome.batches), counted(first));
        prop_assert_eq!(outcome.late, late);
    }

    #[test]
    fn over_equals_the_oracle(
        splits in splits(), schedule in schedule(), delay in 0i64..2000, before in 0usize..4, length in 0i64..600
    ) {
        let range = format!("RANGE BETWEEN INTERVAL '{:.3}' SECOND(3) PRECEDING AND CURRENT ROW", length as f64 / 1000.0);
        let rows = format!("ROWS BETWEEN {before} PRECEDING AND CURRENT ROW");
        let sql = table(delay) + &format!(
            "SELECT k, v, ts, SUM(v) OVER (PARTITION BY k ORDER BY ts {rows}), \
             MIN(v) OVER (PARTITION BY k ORDER BY ts {rows}), \
             MAX(v) OVER (PARTITION BY k ORDER BY ts {range}), \
             COUNT(DISTINCT v) OVER (PARTITION BY k ORDER BY ts {range}), \
             COUNT(*) OVER (PARTITION BY k ORDER BY ts), ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) FROM t;"
        );
        let outcome = run(&sql, &splits, schedule).unwrap();
        let (mut expected, mut late) = (vec![], 0);
        for (key, all) in by_key(&splits, delay) {
            let mut kept: Vec<InputRow> =
                all.iter().filter(|(row, watermark)| row.time > *watermark).map(|(row, _)| row.clone()).collect();
            late += (all.len() - kept.len()) as u64;
            kept.sort_by_key(|row| row.time);
            for (at, row) in kept.iter().enumerate() {
                let by_rows = kept[at.saturating_sub(before)..=at].iter().filter_map(|own| own.value);
                let seen = |own: &&InputRow| own.time <= row.time;
                let by_time = kept.iter().filter(seen).filter(|own| own.time >= row.time - length);
                let mut values: Vec<i64> = by_time.filter_map(|own| own.value).collect();
                values.sort();
                values.dedup();
                let sum = by_rows.clone().reduce(|a, b| a + b);
                let counted = kept.iter().filter(seen).count() as i64;
                expected.push((key, vec![
                    row.value, Some(row.time), sum, by_rows.min(), values.last().copied(),
                    Some(values.len() as i64), Some(counted), Some(at as i64 + 1),
                ]));
            }
        }
        prop_assert_eq!(folded(&outcome.batches), counted(expected));
        prop_assert_eq!(outcome.late, late);
    }
}
