//! What the scenarios compute.

use millrace_plan::Result;

use crate::{pipeline, trades};

/// A scenario.
pub struct Scenario {
    /// As the issue tracker and the tables name it.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// The query over the trades `t`.
    pub sql: &'static str,
    /// Batches of one row, and changes written after each: as many updates as rows.
    pub row_by_row: bool,
    /// No more rows of each split in memory: more take minutes.
    pub most_rows: Option<usize>,
}

macro_rules! by_minute {
    ($emit:literal) => {
        concat!(
            "SELECT window_start, trader, symbol, COUNT(*), SUM(qty), AVG(price) \
             FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) \
             GROUP BY window_start, window_end, trader, symbol",
            $emit
        )
    };
}

const fn scenario(name: &'static str, about: &'static str, sql: &'static str) -> Scenario {
    Scenario { name, about, sql, row_by_row: false, most_rows: None }
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    scenario("S0", "filter and project", "SELECT symbol, price, qty FROM t WHERE price > 500"),
    scenario(
        "S1",
        "moving average over the last 100 rows per symbol",
        "SELECT symbol, AVG(price) OVER (PARTITION BY symbol ORDER BY ts \
           ROWS BETWEEN 99 PRECEDING AND CURRENT ROW) FROM t",
    ),
    scenario(
        "S2",
        "continuous GROUP BY symbol",
        "SELECT symbol, COUNT(*), AVG(price), MIN(price), MAX(price), SUM(qty) FROM t GROUP BY symbol",
    ),
    scenario("S3a", "tumbling minute by trader and symbol, final", by_minute!("")),
    scenario("S3b", "the same with EMIT CHANGES", by_minute!(" EMIT CHANGES")),
    Scenario {
        name: "S3b-row",
        about: "the same, an update for each row",
        sql: by_minute!(" EMIT CHANGES"),
        row_by_row: true,
        most_rows: Some(2_000),
    },
    scenario(
        "S4",
        "hop 60 s by 5 s",
        "SELECT window_start, symbol, COUNT(*), SUM(qty), AVG(price) \
         FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '60' SECOND)) \
         GROUP BY window_start, window_end, symbol",
    ),
    Scenario {
        name: "S5",
        about: "sessions with a gap of 1 s",
        sql: "SELECT window_start, window_end, symbol, COUNT(*), SUM(qty) \
         FROM TABLE(SESSION(TABLE t PARTITION BY symbol, DESCRIPTOR(ts), INTERVAL '1' SECOND)) \
         GROUP BY window_start, window_end, symbol",
        row_by_row: false,
        most_rows: Some(200_000),
    },
    Scenario {
        name: "S6",
        about: "interval join of trades of one trader and symbol within a second",
        sql: "SELECT a.symbol, a.price, b.price FROM t AS a, t AS b \
         WHERE a.symbol = b.symbol AND a.trader = b.trader AND a.qty > 990 \
           AND b.ts BETWEEN a.ts - INTERVAL '1' SECOND AND a.ts",
        row_by_row: false,
        most_rows: Some(100_000),
    },
    scenario(
        "S7",
        "ten highest prices per symbol",
        "SELECT symbol, price, qty, ts FROM ( \
           SELECT symbol, price, qty, ts, ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY price DESC) AS place \
           FROM t) WHERE place <= 10",
    ),
];

impl Scenario {
    /// The script, results into nothing. Fails with the planner's words if it does not take the query.
    pub fn script(&self, with: &str) -> Result<String> {
        let table = trades::table(with);
        let in_memory = trades::table("'connector' = 'memory'");
        let columns = pipeline::result_columns(&format!("{in_memory}{};", self.sql))?;
        Ok(format!(
            "{table}CREATE TABLE o ({columns}) WITH ('connector' = 'blackhole');\nINSERT INTO o {};",
            self.sql
        ))
    }
}
