//! What the simulated sources give, and the queries over it.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Schema;
use millrace_flow::{Batch, Origin, RowKinds, RowWatermarks};
use millrace_plan::{Limits, NodeId, Operator, Plan, Result, TableDef, WATERMARK_MIN};
use millrace_sql::{Request, TableRules, compile};

use crate::choices::Choices;

const TABLE: &str = "CREATE TABLE t (k STRING, v BIGINT, ts TIMESTAMP(3), \
    WATERMARK FOR ts AS ts - INTERVAL '0.300' SECOND(3)) WITH ('connector' = 'x');\n";

/// The queries, one of each kind of state.
const QUERIES: &[&str] = &[
    "SELECT k, v FROM t WHERE v > 3",
    "SELECT window_start, k, COUNT(*), SUM(v) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND)) \
     GROUP BY window_start, window_end, k",
    "SELECT window_start, COUNT(*), MAX(v) FROM TABLE(HOP(TABLE t, DESCRIPTOR(ts), INTERVAL '0.3' SECOND(1), \
     INTERVAL '0.9' SECOND(1))) GROUP BY window_start, window_end EMIT CHANGES",
    "SELECT k, COUNT(*), SUM(v), MIN(v) FROM t GROUP BY k",
    "SELECT n, COUNT(*) FROM (SELECT k, COUNT(*) AS n FROM t GROUP BY k) GROUP BY n",
    "SELECT k, COUNT(*) FROM TABLE(SESSION(TABLE t PARTITION BY k, DESCRIPTOR(ts), INTERVAL '0.2' SECOND(1))) \
     GROUP BY window_start, window_end, k",
    "SELECT a.k, a.v, b.v FROM t AS a JOIN t AS b ON a.k = b.k AND a.v + 1 = b.v",
    "SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS n FROM t) WHERE n < 3",
    "SELECT k, v, SUM(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM t",
];

/// A row: key, value, event time in milliseconds.
pub type Row = (u8, i64, i64);

/// Any table will do.
struct AnyTable;

impl TableRules for AnyTable {
    fn check(&self, _: &TableDef) -> Result<()> {
        Ok(())
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

/// A compiled query.
pub struct Query {
    pub sql: &'static str,
    pub plan: Plan,
    pub source: NodeId,
}

/// All queries, for two shards or more.
pub fn queries() -> Vec<Query> {
    QUERIES.iter().map(|sql| query(sql)).collect()
}

fn query(sql: &'static str) -> Query {
    let script = format!("{TABLE}{sql};");
    let request = Request {
        sql: &script,
        shards: 2,
        limits: &Limits::default(),
        rules: &AnyTable,
        stdout: [("connector".to_string(), "print".to_string())].into(),
        ordered: false,
    };
    let plan = compile(&request).unwrap().plan;
    let source = plan.nodes.iter().position(|own| matches!(own.operator, Operator::Source { .. })).unwrap();
    Query { sql, plan, source }
}

/// Splits with rows out of order, each value of its own, so that every row can be told from every other.
pub fn splits(choices: &mut Choices) -> Vec<Vec<Row>> {
    let count = 1 + choices.below(4);
    let mut value = 0;
    let mut split = || {
        let rows = choices.below(160);
        let mut now = choices.below(500) as i64;
        let row = |_| {
            now += choices.below(120) as i64;
            value += 1 + choices.below(2) as i64;
            (choices.below(9) as u8, value, (now - choices.below(600) as i64).max(0))
        };
        (0..rows).map(row).collect()
    };
    (0..count).map(|_| split()).collect()
}

/// Rows of a split from `first` on, as a batch.
pub fn batch(query: &Query, split: usize, first: usize, rows: &[Row]) -> Batch {
    let Operator::Source { table, projection, .. } = &query.plan.nodes[query.source].operator else {
        unreachable!()
    };
    let column = |position: &usize| -> ArrayRef {
        match position {
            0 => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| format!("key-{}", row.0)))),
            1 => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
            _ => Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.2))),
        }
    };
    let fields: Vec<_> = projection.iter().map(|own| table.schema.fields()[*own].clone()).collect();
    Batch {
        rows: RecordBatch::try_new(Arc::new(Schema::new(fields)), projection.iter().map(column).collect())
            .unwrap(),
        kinds: RowKinds::Insert,
        origin: Origin { split: split as _, first_row: first as u64 },
        watermarks: RowWatermarks::Constant(WATERMARK_MIN),
        ingest_ms: 0,
    }
}
