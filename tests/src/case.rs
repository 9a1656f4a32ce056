//! Cases with another engine's answer: one JSON object a line, beside a list of tables.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::changelog;
use crate::table::{self, Kind, Row};

/// A table that the queries read.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What stands between the brackets of `CREATE TABLE`.
    pub columns: String,
    /// Its JSON lines, beside the list.
    pub file: String,
}

/// A query and its answer.
#[derive(Debug, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub group: String,
    /// The SQL.
    pub query: String,
    /// The names of the result's columns.
    pub columns: Vec<String>,
    /// The SQL types of the result's columns, without precision.
    pub types: Vec<String>,
    /// The columns by which the last row wins; `None`: the result is a multiset.
    pub key: Option<Vec<String>>,
    /// The answer.
    pub rows: Vec<Vec<Box<RawValue>>>,
}

/// The tables and cases of one folder.
#[derive(Debug)]
pub struct Suite {
    /// The folder's name.
    pub name: String,
    /// `CREATE TABLE` for each table.
    pub tables: String,
    /// The cases, as they come.
    pub cases: Vec<Case>,
}

impl Suite {
    /// Reads `tables.json` and `cases.jsonl` in `folder`.
    pub fn read(folder: &Path) -> Result<Suite, String> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let tables: Vec<Table> =
            serde_json::from_str(&text("tables.json")?).map_err(|error| format!("tables.json: {error}"))?;
        let cases = text("cases.jsonl")?
            .lines()
            .enumerate()
            .map(|(at, line)| {
                serde_json::from_str(line).map_err(|error| format!("cases.jsonl:{}: {error}", at + 1))
            })
            .collect::<Result<Vec<Case>, String>>()?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Suite { name, tables: tables.iter().map(|table| create(table, folder)).collect(), cases })
    }

    /// The script that answers `case`.
    pub fn script(&self, case: &Case) -> String {
        format!("{}{};\n", self.tables, case.query.trim().trim_end_matches(';'))
    }
}

fn create(table: &Table, folder: &Path) -> String {
    let path = folder.join(&table.file);
    let path = path.to_string_lossy().replace('\'', "''");
    format!(
        "CREATE TABLE {} ({}) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json');\n",
        table.name, table.columns
    )
}

impl Case {
    /// Compares what a run wrote with the answer.
    pub fn judge(&self, output: &str) -> Result<(), String> {
        let kinds: Vec<Kind> = self.types.iter().map(|name| Kind::of(name)).collect();
        let expected: Vec<Row> =
            self.rows.iter().map(|row| table::row(row, &kinds)).collect::<Result<_, String>>()?;
        let changes = changelog::read(output, &kinds)?;
        let found = match &self.key {
            None => changelog::fold(&changes)?,
            Some(key) => changelog::fold_by_key(&changes, &self.positions(key)?)?,
        };
        let difference = table::compare(&expected, &found);
        if difference.is_empty() { Ok(()) } else { Err(difference.to_string()) }
    }

    fn positions(&self, key: &[String]) -> Result<Vec<usize>, String> {
        let position = |name: &String| self.columns.iter().position(|column| column == name);
        key.iter().map(|name| position(name).ok_or(format!("the key {name} is not a column"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(key: &str) -> Case {
        let text = format!(
            r#"{{"id": "x", "group": "g", "query": "SELECT 1;", "columns": ["k", "ts", "d"], "changelog": true,
                "types": ["VARCHAR", "TIMESTAMP", "DOUBLE"], "key": {key},
                "rows": [["a", "2026-03-01T09:00:00.000", 0.1], [null, null, 2]]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    const RIGHT: &str = "{\"op\":\"+I\",\"row\":[null,null,2.0]}\n\
        {\"op\":\"+I\",\"row\":[\"a\",\"2026-03-01 08:59:00\",5]}\n\
        {\"op\":\"-U\",\"row\":[\"a\",\"2026-03-01 08:59:00\",5]}\n\
        {\"op\":\"+U\",\"row\":[\"a\",\"2026-03-01 09:00:00\",0.10000000000000002]}\n";

    #[test]
    fn the_right_answer_passes_and_a_wrong_one_does_not() {
        assert_eq!(case("null").judge(RIGHT), Ok(()));
        assert_eq!(case("[\"k\"]").judge(RIGHT), Ok(()));
        let wrong = RIGHT.replace("09:00:00", "09:00:01");
        assert!(case("null").judge(&wrong).unwrap_err().contains("1 row(s) missing, 1 too many"));
        assert!(case("null").judge("").unwrap_err().contains("2 row(s) missing, 0 too many"));
        assert!(case("null").judge("{}").is_err());
    }

    #[test]
    fn without_a_key_every_row_counts() {
        let update = "{\"op\":\"+I\",\"row\":[\"a\",\"2026-03-01 09:00:00\",7]}\n";
        let upserts = format!("{update}{}", RIGHT.replace("\"-U\"", "\"+U\""));
        assert_eq!(case("[\"k\"]").judge(&upserts), Ok(()));
        assert!(case("null").judge(&upserts).is_err());
    }

    #[test]
    fn a_suite_becomes_scripts() {
        let folder = tempfile::tempdir().unwrap();
        let tables = r#"[{"name": "t", "columns": "id BIGINT", "file": "t.json"}]"#;
        fs::write(folder.path().join("tables.json"), tables).unwrap();
        let line = r#"{"id":"a","group":"g","query":"SELECT id FROM t;","columns":["id"],"types":["BIGINT"],"key":null,"rows":[]}"#;
        fs::write(folder.path().join("cases.jsonl"), line).unwrap();
        let suite = Suite::read(folder.path()).unwrap();
        let script = suite.script(&suite.cases[0]);
        assert!(
            script.starts_with("CREATE TABLE t (id BIGINT) WITH ('connector' = 'filesystem', 'path' = '/"),
            "{script}"
        );
        assert!(script.ends_with("/t.json', 'format' = 'json');\nSELECT id FROM t;\n"), "{script}");
    }
}
