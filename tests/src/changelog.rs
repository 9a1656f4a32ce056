//! The rows that a bare `SELECT` sends to standard output under `--output json`, folded into a table.
//!
//! One object a line: `{"op":"+I","row":[...]}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::table::{self, Kind, Row, Value};

/// What a row does to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Op {
    /// A new row.
    #[serde(rename = "+I")]
    Insert,
    /// The row before an update.
    #[serde(rename = "-U")]
    UpdateBefore,
    /// The row after an update.
    #[serde(rename = "+U")]
    UpdateAfter,
    /// A row that is gone.
    #[serde(rename = "-D")]
    Delete,
}

impl Op {
    fn adds(self) -> bool {
        matches!(self, Op::Insert | Op::UpdateAfter)
    }
}

#[derive(Deserialize)]
struct Line {
    op: Op,
    row: Vec<Box<RawValue>>,
}

/// One change.
pub type Change = (Op, Row);

/// Reads the changes, one a line; blank lines are skipped.
pub fn read(text: &str, kinds: &[Kind]) -> Result<Vec<Change>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let place = |error: String| format!("line {} of the output: {error}: {line}", at + 1);
            let parsed: Line = serde_json::from_str(line).map_err(|error| place(error.to_string()))?;
            Ok((parsed.op, table::row(&parsed.row, kinds).map_err(place)?))
        })
        .collect()
}

/// The table that the changes leave. Rows of different keys may come in any order (they come from different
/// shards), but what is taken back must have been given.
pub fn fold(changes: &[Change]) -> Result<Vec<Row>, String> {
    let mut counts: BTreeMap<&Row, i64> = BTreeMap::new();
    for (op, row) in changes {
        *counts.entry(row).or_default() += if op.adds() { 1 } else { -1 };
    }
    let mut rows = Vec::new();
    for (row, count) in counts {
        if count < 0 {
            return Err(format!("takes back a row that was never there: {row:?}"));
        }
        rows.extend((0..count).map(|_| row.clone()));
    }
    Ok(rows)
}

/// The table that the changes leave if each row replaces the one with the same values at `key`.
pub fn fold_by_key(changes: &[Change], key: &[usize]) -> Result<Vec<Row>, String> {
    let mut rows: BTreeMap<Vec<&Value>, &Row> = BTreeMap::new();
    for (op, row) in changes {
        let of: Vec<&Value> = key.iter().map(|at| &row[*at]).collect();
        match op {
            Op::Insert | Op::UpdateAfter => drop(rows.insert(of, row)),
            Op::Delete if rows.remove(&of).is_none() => {
                return Err(format!("deletes a row that was never there: {row:?}"));
            }
            Op::Delete | Op::UpdateBefore => {}
        }
    }
    Ok(rows.into_values().cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: &[Kind] = &[Kind::Exact, Kind::Exact];

    fn rows(text: &str) -> Vec<Row> {
        fold(&read(text, KINDS).unwrap()).unwrap()
    }

    #[test]
    fn changes_leave_a_table() {
        let text = r#"
            {"op":"+I","row":["a",1]}
            {"op":"+I","row":["b",1]}
            {"op":"-U","row":["a",1]}
            {"op":"+U","row":["a",2]}
            {"op":"-D","row":["b",1]}
            {"op":"+I","row":["a",2]}
        "#;
        assert_eq!(rows(text), rows("{\"op\":\"+I\",\"row\":[\"a\",2]}\n{\"op\":\"+I\",\"row\":[\"a\",2]}"));
    }

    #[test]
    fn taking_back_what_was_never_given_is_an_error() {
        let changes = read("{\"op\":\"-U\",\"row\":[\"a\",1]}", KINDS).unwrap();
        assert!(fold(&changes).unwrap_err().contains("never there"));
        let changes = read("{\"op\":\"-D\",\"row\":[\"a\",1]}", KINDS).unwrap();
        assert!(fold_by_key(&changes, &[0]).unwrap_err().contains("never there"));
    }

    #[test]
    fn with_a_key_the_last_row_wins() {
        let text = "{\"op\":\"+I\",\"row\":[\"a\",1]}\n{\"op\":\"+I\",\"row\":[\"b\",5]}\n\
                    {\"op\":\"-U\",\"row\":[\"a\",1]}\n{\"op\":\"+U\",\"row\":[\"a\",7]}";
        let folded = fold_by_key(&read(text, KINDS).unwrap(), &[0]).unwrap();
        assert_eq!(folded, rows("{\"op\":\"+I\",\"row\":[\"a\",7]}\n{\"op\":\"+I\",\"row\":[\"b\",5]}"));
    }

    #[test]
    fn what_is_not_a_change_is_named() {
        for (text, part) in [
            ("{\"op\":\"+X\",\"row\":[]}", "line 1 of the output"),
            ("{\"op\":\"+I\",\"row\":[1]}", "a row of 1 values where 2 columns are expected"),
            ("hello", "hello"),
        ] {
            assert!(read(text, KINDS).unwrap_err().contains(part), "{text}");
        }
    }
}
