//! INTERSECT ALL, EXCEPT ALL and LATERAL against what they say, over rows that only come and rows that change.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::cluster::run;
use crate::joins::{Row, folded, key, pair};
use crate::oracle::InputRow;
use crate::{schedule, splits, table};

/// How often each row is there.
fn counted(rows: impl Iterator<Item = Row>) -> BTreeMap<Row, i64> {
    let mut counted = BTreeMap::new();
    rows.for_each(|row| *counted.entry(row).or_default() += 1);
    counted
}

/// The rows by key and value, and how often each pair of them is there.
fn pairs(splits: &[Vec<InputRow>]) -> BTreeMap<(Option<u8>, Option<i64>), i64> {
    let mut pairs = BTreeMap::new();
    splits.iter().flatten().for_each(|row| *pairs.entry((row.key, row.value)).or_default() += 1);
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// One side only grows, the other changes with every row; NULL is equal to NULL.
    #[test]
    fn sets_count_rows(
        splits in splits(), is_intersect in any::<bool>(), is_turned in any::<bool>(), schedule in schedule()
    ) {
        let plain = "SELECT k, v FROM t";
        let changing = "SELECT k, n FROM (SELECT k, v, COUNT(*) AS n FROM t GROUP BY k, v)";
        let (left, right) = if is_turned { (changing, plain) } else { (plain, changing) };
        let word = if is_intersect { "INTERSECT" } else { "EXCEPT" };
        let sql = format!("{}{left} {word} ALL {right};", table(500));
        let numbers = pairs(&splits).into_iter().map(|((own, _), n)| vec![key(own), Some(n.to_string())]);
        let sides = [counted(splits.iter().flatten().map(pair)), counted(numbers)];
        let (left, right) = if is_turned { (&sides[1], &sides[0]) } else { (&sides[0], &sides[1]) };
        let expected = left.iter().map(|(row, count)| {
            let other = right.get(row).copied().unwrap_or(0);
            (row.clone(), if is_intersect { *count.min(&other) } else { (count - other).max(0) })
        });
        let expected: BTreeMap<Row, i64> = expected.filter(|(_, count)| *count > 0).collect();
        let (found, _) = folded(&run(&sql, &splits, schedule).unwrap());
        prop_assert_eq!(found, expected, "{}", sql);
    }

    /// The first rows of each key, of rows that only come and of counts that change; a NULL key has none.
    #[test]
    fn lateral_gives_the_first_rows_of_each_key(
        splits in splits(), rows in 1usize..4, skipped in 0usize..3, is_outer in any::<bool>(),
        is_changing in any::<bool>(), schedule in schedule()
    ) {
        let inner = match is_changing {
            true => "SELECT v, n FROM (SELECT k, v, COUNT(*) AS n FROM t GROUP BY k, v) AS b WHERE b.k = a.k",
            false => "SELECT v, CAST(1 AS BIGINT) AS n FROM t AS b WHERE b.k = a.k AND v > 0",
        };
        let (join, on) = if is_outer { ("LEFT JOIN", " ON TRUE") } else { ("CROSS JOIN", "") };
        let sql = format!(
            "{}SELECT a.k, x.v, x.n FROM (SELECT DISTINCT k FROM t) AS a {join} LATERAL \
             ({inner} ORDER BY n DESC, v LIMIT {rows} OFFSET {skipped}) AS x{on};",
            table(500)
        );
        let mut ranked: BTreeMap<Option<u8>, Vec<(Option<i64>, i64)>> = BTreeMap::new();
        for ((own, value), n) in pairs(&splits) {
            let ranked = ranked.entry(own).or_default();
            match is_changing {
                true => ranked.push((value, n)),
                false => ranked.extend((0..n).filter(|_| value.is_some_and(|own| own > 0)).map(|_| (value, 1))),
            }
        }
        let mut expected: BTreeMap<Row, i64> = BTreeMap::new();
        for (own, mut ranked) in ranked {
            // NULL is the least value.
            ranked.sort_by_key(|(value, n)| (-n, *value));
            let first = ranked.iter().skip(skipped).take(rows).filter(|_| own.is_some());
            let mut first: Vec<Row> = first
                .map(|(value, n)| vec![key(own), value.map(|own| own.to_string()), Some(n.to_string())])
                .collect();
            if first.is_empty() && is_outer {
                first.push(vec![key(own), None, None]);
            }
            first.into_iter().for_each(|row| *expected.entry(row).or_default() += 1);
        }
        let (found, _) = folded(&run(&sql, &splits, schedule).unwrap());
        prop_assert_eq!(found, expected, "{}", sql);
    }
}
