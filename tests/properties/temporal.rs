//! Joins with a table as it was at the time of each row, against a search through all its rows.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::cluster::run;
use crate::joins::{Row, folded, key, pair, seconds, texts, watched};
use crate::oracle::{InputRow, Window};
use crate::{schedule, splits, table};

/// The table that is asked, with a key and with versions.
fn asked(delay: i64) -> String {
    format!(
        "CREATE TABLE d (k STRING, v BIGINT, ts TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED, \
         WATERMARK FOR ts AS ts - {}) WITH ('connector' = 'x');\n",
        seconds(delay)
    )
}

/// A row with its place among all rows, and the watermark of its split just before it.
struct Version<'a> {
    row: &'a InputRow,
    place: usize,
    watermark: i64,
}

/// The version that row `asking` of watermark `early` meets.
fn valid<'a>(versions: &'a [Version], asking: &InputRow, early: i64) -> Option<&'a InputRow> {
    let turn = asking.time.max(early);
    let in_place = |version: &&Version| {
        let complete = version.watermark < turn;
        asking.key.is_some() && version.row.key == asking.key && version.row.time <= turn && complete
    };
    let last = versions.iter().filter(in_place).max_by_key(|version| (version.row.time, version.place))?;
    (last.row.time <= asking.time).then_some(last.row)
}

fn joined(asking: &InputRow, found: Option<&InputRow>, left: bool) -> Option<Row> {
    match found {
        Some(found) => Some([pair(asking), pair(found)].concat()),
        None => left.then(|| [pair(asking), vec![None, None]].concat()),
    }
}

fn counted(rows: impl Iterator<Item = Row>) -> BTreeMap<Row, i64> {
    let mut counts = BTreeMap::new();
    rows.for_each(|row| *counts.entry(row).or_default() += 1);
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Late rows on both sides, versions of the same time, keys without versions.
    #[test]
    fn temporal_joins_find_the_valid_version(
        splits in splits(), left in any::<bool>(), condition in any::<bool>(), delay in 0i64..1000,
        delay_of_versions in 0i64..1000, schedule in schedule()
    ) {
        let (kind, more) = (if left { "LEFT" } else { "" }, if condition { "AND a.v <= b.v" } else { "" });
        let query = format!(
            "SELECT a.k, a.v, b.k, b.v FROM t a {kind} JOIN d FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k {more};"
        );
        let versions = watched(&splits, delay_of_versions);
        let versions: Vec<Version> = versions.iter().enumerate()
            .map(|(place, (row, watermark))| Version { row, place, watermark: *watermark })
            .collect();
        let meets = |asking: &InputRow, found: &&InputRow| {
            !condition || asking.value.zip(found.value).is_some_and(|(a, b)| a <= b)
        };
        let asking = watched(&splits, delay);
        let expected = counted(asking.iter().filter_map(|(row, early)| {
            joined(row, valid(&versions, row, *early).filter(|found| meets(row, found)), left)
        }));
        let sql = table(delay) + &asked(delay_of_versions) + &query;
        let (found, appends) = folded(&run(&sql, &splits, schedule).unwrap());
        prop_assert!(appends);
        prop_assert_eq!(found, expected);
    }

    /// The last row of a key counts, whichever row asks and whenever.
    #[test]
    fn lookup_joins_find_the_last_row_of_a_key(
        splits in splits(), left in any::<bool>(), schedule in schedule()
    ) {
        let kind = if left { "LEFT" } else { "" };
        let query = format!(
            "SELECT a.k, a.v, b.k, b.v FROM (SELECT *, PROCTIME() AS p FROM t) a {kind} JOIN d \
             FOR SYSTEM_TIME AS OF a.p AS b ON a.k = b.k AND a.v >= b.v;"
        );
        let all: Vec<&InputRow> = splits.iter().flatten().collect();
        let expected = counted(all.iter().filter_map(|row| {
            let last = all.iter().rfind(|own| row.key.is_some() && own.key == row.key);
            let meets = |own: &&&InputRow| row.value.zip(own.value).is_some_and(|(a, b)| a >= b);
            joined(row, last.filter(meets).copied(), left)
        }));
        let (found, appends) = folded(&run(&(table(0) + &asked(0) + &query), &splits, schedule).unwrap());
        prop_assert!(appends);
        prop_assert_eq!(found, expected);
    }

    /// Without a primary key all rows of the table count; here by another column than its key.
    #[test]
    fn lookup_joins_find_all_rows(splits in splits(), left in any::<bool>(), schedule in schedule()) {
        let kind = if left { "LEFT" } else { "" };
        let query = format!(
            "CREATE TABLE list (k STRING, v BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'x');\n\
             SELECT a.k, a.v, b.k, b.v FROM (SELECT *, PROCTIME() AS p FROM t) a {kind} JOIN list \
             FOR SYSTEM_TIME AS OF a.p AS b ON a.v = b.v AND b.k <> a.k;"
        );
        let all: Vec<&InputRow> = splits.iter().flatten().collect();
        let expected = counted(all.iter().flat_map(|row| {
            let meets = |own: &&&InputRow| {
                row.value.is_some() && own.value == row.value
                    && key(own.key).zip(key(row.key)).is_some_and(|(a, b)| a != b)
            };
            let found: Vec<Row> =
                all.iter().filter(meets).filter_map(|own| joined(row, Some(own), left)).collect();
            match found.is_empty() {
                true => joined(row, None, left).into_iter().collect(),
                false => found,
            }
        }));
        let (found, appends) = folded(&run(&(table(0) + &query), &splits, schedule).unwrap());
        prop_assert!(appends);
        prop_assert_eq!(found, expected);
    }

    /// Event time goes on as that of the rows that ask, while they wait for the table too.
    #[test]
    fn windows_follow_lookup_joins(splits in splits(), delay in 0i64..1000, schedule in schedule()) {
        let query = "CREATE TABLE list (k STRING, v BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'x');\n\
             SELECT window_start, COUNT(*), COUNT(z) FROM TABLE(TUMBLE((SELECT a.ts AS ts, b.v AS z \
             FROM (SELECT *, PROCTIME() AS p FROM t) a LEFT JOIN list FOR SYSTEM_TIME AS OF a.p AS b \
             ON a.v = b.v), DESCRIPTOR(ts), INTERVAL '0.500' SECOND(3))) GROUP BY window_start, window_end;";
        let all: Vec<&InputRow> = splits.iter().flatten().collect();
        let mut counts: BTreeMap<i64, [usize; 2]> = BTreeMap::new();
        for (row, watermark) in watched(&splits, delay) {
            let (start, end) = Window::Tumble { size: 500, offset: 0 }.of(row.time)[0];
            if end - 1 > watermark {
                let found = all.iter().filter(|own| row.value.is_some() && own.value == row.value).count();
                let own = counts.entry(start).or_default();
                *own = [own[0] + found.max(1), own[1] + found];
            }
        }
        let expected = counted(counts.into_values().map(|own| own.map(|count| Some(count.to_string())).to_vec()));
        let (found, _) = folded(&run(&(table(delay) + query), &splits, schedule).unwrap());
        let found = found.into_iter().map(|(row, count)| (row[1..].to_vec(), count));
        let mut counts: BTreeMap<Row, i64> = BTreeMap::new();
        found.for_each(|(row, count)| *counts.entry(row).or_default() += count);
        prop_assert_eq!(counts, expected);
    }

    /// By row time, then by value, NULL first, then as they came; without those behind the watermark of their split.
    #[test]
    fn sorted_rows_follow_the_watermark(splits in splits(), delay in 0i64..1000, schedule in schedule()) {
        let mut expected: Vec<(InputRow, usize)> = watched(&splits, delay).into_iter()
            .enumerate()
            .filter(|(_, (row, watermark))| row.time >= *watermark)
            .map(|(place, (row, _))| (row, place))
            .collect();
        expected.sort_by_key(|(row, place)| (row.time, row.value, *place));
        let expected: Vec<Row> = expected.iter().map(|(row, _)| pair(row)).collect();
        let outcome = run(&(table(delay) + "SELECT k, v FROM t ORDER BY ts, v;"), &splits, schedule).unwrap();
        let found: Vec<Row> = outcome.batches.iter()
            .flat_map(|batch| (0..batch.len()).map(move |row| texts(batch, row)))
            .collect();
        prop_assert_eq!(outcome.late as usize, splits.iter().map(Vec::len).sum::<usize>() - expected.len());
        prop_assert_eq!(found, expected);
    }
}
