//! Joins against nested loops.

use std::collections::BTreeMap;

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millrace_flow::Batch;
use proptest::prelude::*;

use crate::cluster::{Outcome, run};
use crate::oracle::{InputRow, Window};
use crate::{schedule, splits, table};

/// A row of a result, as text; `None` = NULL.
pub type Row = Vec<Option<String>>;

/// A row of a batch.
pub fn texts(batch: &Batch, row: usize) -> Row {
    let options = FormatOptions::default();
    let value = |column: &arrow::array::ArrayRef| {
        let text = ArrayFormatter::try_new(column, &options).unwrap().value(row).to_string();
        column.is_valid(row).then_some(text)
    };
    batch.rows.columns().iter().map(value).collect()
}

/// The table that the batches leave, and whether no row was ever taken back.
pub fn folded(outcome: &Outcome) -> (BTreeMap<Row, i64>, bool) {
    let mut rows: BTreeMap<Row, i64> = BTreeMap::new();
    let mut appends = true;
    for batch in &outcome.batches {
        appends &= batch.kinds.is_insert_only();
        for row in 0..batch.rows.num_rows() {
            *rows.entry(texts(batch, row)).or_default() += batch.kinds.get(row).weight();
        }
    }
    rows.retain(|_, weight| *weight != 0);
    (rows, appends)
}

/// What a kind of join keeps: of the left side, of the right side, pairs; or only left rows with or without.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Pairs { left: bool, right: bool },
    Having(bool),
}

fn outer() -> impl Strategy<Value = (&'static str, Kind)> {
    prop_oneof![
        Just(("JOIN", Kind::Pairs { left: false, right: false })),
        Just(("LEFT JOIN", Kind::Pairs { left: true, right: false })),
        Just(("RIGHT JOIN", Kind::Pairs { left: false, right: true })),
        Just(("FULL JOIN", Kind::Pairs { left: true, right: true })),
    ]
}

fn half() -> impl Strategy<Value = (&'static str, Kind)> {
    prop_oneof![Just(("EXISTS", Kind::Having(true))), Just(("NOT EXISTS", Kind::Having(false)))]
}

/// Every left row with every right row.
fn nested<L, R>(
    (lefts, rights): (&[L], &[R]),
    kind: Kind,
    meets: impl Fn(&L, &R) -> bool,
    left: impl Fn(&L) -> Row,
    right: impl Fn(&R) -> Row,
) -> BTreeMap<Row, i64> {
    let mut rows: BTreeMap<Row, i64> = BTreeMap::new();
    let mut add = |row: Row| *rows.entry(row).or_default() += 1;
    let nulls = |of: usize| vec![None; of];
    let widths =
        (lefts.first().map_or(2, |own| left(own).len()), rights.first().map_or(2, |own| right(own).len()));
    for own in lefts {
        let partners: Vec<&R> = rights.iter().filter(|other| meets(own, other)).collect();
        match kind {
            Kind::Having(wanted) if partners.is_empty() != wanted => add(left(own)),
            Kind::Having(_) => {}
            Kind::Pairs { left: kept, .. } => {
                partners.iter().for_each(|other| add([left(own), right(other)].concat()));
                if partners.is_empty() && kept {
                    add([left(own), nulls(widths.1)].concat());
                }
            }
        }
    }
    if let Kind::Pairs { right: true, .. } = kind {
        for other in rights.iter().filter(|other| !lefts.iter().any(|own| meets(own, other))) {
            add([nulls(widths.0), right(other)].concat());
        }
    }
    rows
}

pub fn key(row: Option<u8>) -> Option<String> {
    row.map(|key| format!("key-{key}"))
}

pub fn pair(row: &InputRow) -> Row {
    vec![key(row.key), row.value.map(|value| value.to_string())]
}

/// The groups of all rows: key and count.
fn counts(splits: &[Vec<InputRow>]) -> Vec<(Option<u8>, i64)> {
    let mut counts: BTreeMap<Option<u8>, i64> = BTreeMap::new();
    splits.iter().flatten().for_each(|row| *counts.entry(row.key).or_default() += 1);
    counts.into_iter().collect()
}

/// A row and the watermark of its split just before it.
pub fn watched(splits: &[Vec<InputRow>], delay: i64) -> Vec<(InputRow, i64)> {
    let mut watched = vec![];
    for rows in splits {
        let mut watermark = i64::MIN;
        for row in rows {
            watched.push((row.clone(), watermark));
            watermark = watermark.max(row.time - delay);
        }
    }
    watched
}

pub fn seconds(length: i64) -> String {
    format!("INTERVAL '{:.3}' SECOND(3)", length as f64 / 1000.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// One side only grows, the other changes with every row; NULL keys on both.
    #[test]
    fn regular_joins_equal_nested_loops(
        splits in splits(), (sql, kind) in outer(), turned in any::<bool>(), schedule in schedule()
    ) {
        let counted = "(SELECT k, COUNT(*) AS n FROM t GROUP BY k)";
        let lefts: Vec<InputRow> = splits.iter().flatten().cloned().collect();
        let rights = counts(&splits);
        let meets = |row: &InputRow, group: &(Option<u8>, i64)| {
            row.key.is_some() && row.key == group.0 && row.value.is_some_and(|value| value > group.1)
        };
        let group = |group: &(Option<u8>, i64)| vec![key(group.0), Some(group.1.to_string())];
        let (query, expected) = match turned {
            false => (
                format!("SELECT a.k, a.v, b.k, b.n FROM t a {sql} {counted} b ON a.k = b.k AND a.v > b.n;"),
                nested((&lefts, &rights), kind, meets, pair, group),
            ),
            true => (
                format!("SELECT b.k, b.n, a.k, a.v FROM {counted} b {sql} t a ON a.k = b.k AND a.v > b.n;"),
                nested((&rights, &lefts), kind, |group, row| meets(row, group), group, pair),
            ),
        };
        let (found, _) = folded(&run(&(table(0) + &query), &splits, schedule).unwrap());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn halves_of_joins_equal_nested_loops(splits in splits(), (sql, kind) in half(), schedule in schedule()) {
        let query = format!(
            "SELECT k, v FROM t a WHERE {sql} (SELECT 1 FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) b \
             WHERE a.k = b.k AND a.v > b.n);"
        );
        let lefts: Vec<InputRow> = splits.iter().flatten().cloned().collect();
        let meets = |row: &InputRow, group: &(Option<u8>, i64)| {
            row.key.is_some() && row.key == group.0 && row.value.is_some_and(|value| value > group.1)
        };
        let expected = nested((&lefts, &counts(&splits)), kind, meets, pair, |_| vec![]);
        let (found, _) = folded(&run(&(table(0) + &query), &splits, schedule).unwrap());
        prop_assert_eq!(found, expected);
    }

    /// A pair counts if neither row was over, by the watermark of the other's own split, when the other came.
    #[test]
    fn interval_joins_equal_nested_loops(
        splits in splits(), (sql, kind) in outer(), before in -300i64..600, after in -300i64..600,
        delay in 0i64..1000, schedule in schedule()
    ) {
        prop_assume!(before + after >= 0);
        let query = format!(
            "SELECT a.k, a.v, b.k, b.v FROM t a {sql} t b ON a.k = b.k AND b.ts >= a.ts - {} AND b.ts <= a.ts + {} \
             AND a.v <= b.v;",
            seconds(before), seconds(after)
        );
        let rows = watched(&splits, delay);
        let meets = |(a, early): &(InputRow, i64), (b, late): &(InputRow, i64)| {
            let near = (a.time - before..=a.time + after).contains(&b.time);
            let there = a.time + after > *late && b.time + before > *early;
            let values = a.value.zip(b.value).is_some_and(|(a, b)| a <= b);
            a.key.is_some() && a.key == b.key && near && there && values
        };
        let side = |(row, _): &(InputRow, i64)| pair(row);
        let expected = nested((&rows, &rows), kind, meets, side, side);
        let (found, appends) = folded(&run(&(table(delay) + &query), &splits, schedule).unwrap());
        prop_assert!(appends);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn window_joins_equal_nested_loops(
        splits in splits(), (sql, kind) in prop_oneof![outer(), half()], delay in 0i64..1000,
        schedule in schedule()
    ) {
        let window = "(SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))))";
        let on = "a.k = b.k AND a.window_start = b.window_start AND a.window_end = b.window_end AND a.v < b.v";
        let query = match kind {
            Kind::Pairs { .. } => format!("SELECT a.k, a.v, b.k, b.v FROM {window} a {sql} {window} b ON {on};"),
            Kind::Having(_) => format!("SELECT k, v FROM {window} a WHERE {sql} (SELECT 1 FROM {window} b WHERE {on});"),
        };
        let window = |row: &InputRow| Window::Tumble { size: 500, offset: 0 }.of(row.time)[0];
        let rows: Vec<InputRow> = watched(&splits, delay)
            .into_iter()
            .filter(|(row, watermark)| window(row).1 - 1 > *watermark)
            .map(|(row, _)| row)
            .collect();
        let meets = |a: &InputRow, b: &InputRow| {
            let values = a.value.zip(b.value).is_some_and(|(a, b)| a < b);
            a.key.is_some() && a.key == b.key && window(a) == window(b) && values
        };
        let expected = nested((&rows, &rows), kind, meets, pair, pair);
        let (found, appends) = folded(&run(&(table(delay) + &query), &splits, schedule).unwrap());
        prop_assert!(appends);
        prop_assert_eq!(found, expected);
    }
}
