//! `REFUSED.md`, line by line: what it says is refused is, with the place, the reason and what to write instead.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use millrace_plan::{Changelog, Culprit, Limits, Result, TableDef};
use millrace_sql::{Request, TableRules, compile};

/// Tables of any kind, which do not end.
struct Endless;

impl TableRules for Endless {
    fn check(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn source_changelog(&self, _: &TableDef) -> Result<Changelog> {
        Ok(Changelog::Append)
    }

    fn check_source(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_lookup(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_sink(&self, _: &TableDef, _: bool) -> Result<()> {
        Ok(())
    }
}

const TABLES: &str = "CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), p AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('a' = 'b'); \
     CREATE TABLE u (k STRING, w INT, ts TIMESTAMP(3), PRIMARY KEY (k) NOT ENFORCED, WATERMARK FOR ts AS ts) WITH ('a' = 'b'); \
     CREATE TABLE f (k STRING, v INT) WITH ('a' = 'b'); CREATE VIEW g AS SELECT k, MAX(w) AS w FROM u GROUP BY k;\n";

fn plan(sql: &str) -> Result<()> {
    let limits = Limits::default();
    let sql = format!("{TABLES}{sql}");
    let stdout = BTreeMap::new();
    compile(&Request { sql: &sql, shards: 2, limits: &limits, rules: &Endless, stdout, ordered: false })
        .map(|_| ())
}

/// The lines of the table: SQL, reason, alternative.
fn lines() -> Vec<[String; 3]> {
    let text = include_str!("../REFUSED.md");
    let cells = |line: &str| -> [String; 3] {
        let line = line.replace("\\|", "\u{0}");
        let cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('\u{0}', "|"));
        let cells: Vec<String> = cells.collect();
        cells.try_into().unwrap_or_else(|cells| panic!("not three cells: {cells:?}"))
    };
    text.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

#[test]
fn every_line_is_refused_as_it_says() {
    let lines = lines();
    assert!(lines.len() > 30);
    let mut wrong = vec![];
    for [sql, reason, instead] in lines {
        let sql = sql.trim_matches('`');
        let error = match plan(sql) {
            Ok(()) => {
                wrong.push(format!("{sql}: is not refused"));
                continue;
            }
            Err(error) => error,
        };
        let hint = error.hint.clone().unwrap_or_default();
        // The tables are in the first line.
        let placed = error.place.is_some_and(|place| place.line == 2);
        let is_query = error.culprit == Culprit::Query;
        if !(placed && is_query && error.message.contains(&reason) && hint.contains(&instead)) {
            wrong.push(format!("{sql}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is beside the table is planned: the tables and the walk are not what is refused.
#[test]
fn what_is_supported_is_planned() {
    plan("SELECT t.k, r.w FROM t JOIN u FOR SYSTEM_TIME AS OF t.ts AS r ON t.k = r.k").unwrap();
    plan("SELECT k, v FROM t EXCEPT ALL SELECT k, w FROM u").unwrap();
}
