//! Millrace's own path over rows in memory: one shard, no I/O.

use arrow::array::RecordBatch;
use millrace_flow::pipeline::{Pipeline, ShardId};
use millrace_flow::{Batch, Origin, RowKinds, RowWatermarks, SplitStatus};
use millrace_plan::{Error, Limits, Operator, Plan, Result, TableDef, WATERMARK_MIN};
use millrace_sql::types::sql_name;
use millrace_sql::{Request, TableRules, compile};

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

/// The plan of a script for one shard.
pub fn plan(sql: &str) -> Result<Plan> {
    plan_for(sql, 1)
}

/// The plan of a script for so many shards.
pub fn plan_for(sql: &str, shards: usize) -> Result<Plan> {
    let limits = Limits::default();
    let stdout = [("connector".to_string(), "print".to_string())].into();
    let request = Request { sql, shards, limits: &limits, rules: &AnyTable, stdout, ordered: false };
    Ok(compile(&request)?.plan)
}

/// The columns of a table that takes the results of a script, as SQL: `c0 BIGINT, c1 STRING`.
pub fn result_columns(sql: &str) -> Result<String> {
    let plan = plan(sql)?;
    let sink = plan.nodes.iter().find_map(|own| match &own.operator {
        Operator::Sink { table } => Some(table.schema.clone()),
        _ => None,
    });
    let schema = sink.ok_or_else(|| Error::bug("a plan without a sink"))?;
    let fields = schema.fields().iter().enumerate();
    let columns = fields.map(|(index, own)| format!("c{index} {}", sql_name(own.data_type())));
    Ok(columns.collect::<Vec<_>>().join(", "))
}

/// Runs batches of the table's columns through the plan, and drops what reaches the sink. How many rows did.
pub fn run(plan: &Plan, batches: &[RecordBatch]) -> Result<usize> {
    let mut pipeline = Pipeline::new(plan, ShardId { index: 0, count: 1 }, &Limits::default())?;
    let source = plan.nodes.iter().enumerate().find_map(|(id, node)| match &node.operator {
        Operator::Source { projection, .. } => Some((id, projection.clone())),
        _ => None,
    });
    let Some((source, projection)) = source else { return Err(Error::bug("a plan without a source")) };
    pipeline.source_split(source, 0, SplitStatus::Active)?;
    let (mut first_row, mut sent) = (0, 0);
    for batch in batches {
        let rows = batch.project(&projection).map_err(|error| Error::bug(error.to_string()))?;
        pipeline.source_batch(
            source,
            Batch {
                rows,
                kinds: RowKinds::Insert,
                origin: Origin { split: 0, first_row },
                watermarks: RowWatermarks::Constant(WATERMARK_MIN),
                ingest_ms: 0,
            },
        )?;
        first_row += batch.num_rows() as u64;
        sent += pipeline.take_rows().into_iter().map(|(_, batch)| batch.len()).sum::<usize>();
    }
    pipeline.source_split(source, 0, SplitStatus::Ended)?;
    pipeline.source_end(source)?;
    sent += pipeline.take_rows().into_iter().map(|(_, batch)| batch.len()).sum::<usize>();
    pipeline.check_ledger()?;
    Ok(sent)
}
