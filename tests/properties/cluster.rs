//! Several shards of the real pipeline on one thread: a seeded generator decides who steps and what moves.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::Schema;
use millrace_flow::pipeline::{Message, Pipeline, ShardId};
use millrace_flow::{Batch, Origin, RowKinds, RowWatermarks, SplitStatus};
use millrace_plan::{Error, Limits, NodeId, Operator, Plan, Result, TableDef, WATERMARK_MIN};
use millrace_sql::{Request, TableRules, compile};

use crate::oracle::InputRow;

/// Every table is as good as any other.
struct AnyTable;

impl TableRules for AnyTable {
    fn check(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_source(&self, _: &TableDef) -> Result<()> {
        Ok(())
    }

    fn check_sink(&self, _: &TableDef, _: bool) -> Result<()> {
        Ok(())
    }
}

/// What a run gave: the batches that reached the sink, and the rows that were late.
pub struct Outcome {
    pub batches: Vec<Batch>,
    pub late: u64,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    pub shards: usize,
    pub batch_rows: usize,
    pub seed: u64,
}

/// Xorshift64* (Marsaglia; Vigna 2016): enough to choose who steps next.
struct Choices(u64);

impl Choices {
    fn below(&mut self, count: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % count
    }
}

struct Cluster {
    pipelines: Vec<Pipeline>,
    /// In flight from one shard to another, in order: `channels[from][to]`.
    channels: Vec<Vec<VecDeque<Message>>>,
    /// Batches not yet read: shard, split, batch.
    unread: Vec<(usize, u64, VecDeque<Batch>)>,
    /// Shards whose splits have all ended, but that have not yet been told that no more will come.
    ending: Vec<usize>,
    source: NodeId,
    outcome: Outcome,
    choices: Choices,
    steps: u64,
}

/// Runs `sql` over the splits.
pub fn run(sql: &str, splits: &[Vec<InputRow>], schedule: Schedule) -> Result<Outcome> {
    let limits = Limits { batch_rows: schedule.batch_rows, ..Limits::default() };
    let request = Request {
        sql,
        shards: schedule.shards,
        limits: &limits,
        rules: &AnyTable,
        stdout: [("connector".to_string(), "print".to_string())].into(),
        ordered: false,
    };
    let plan = compile(&request)?.plan;
    let mut cluster = Cluster::new(&plan, splits, schedule, &limits)?;
    while !cluster.pipelines.iter().all(Pipeline::finished) {
        cluster.step()?;
    }
    let mut outcome = cluster.outcome;
    for pipeline in &cluster.pipelines {
        pipeline.check_ledger()?;
        outcome.late += pipeline.accounts().iter().map(|own| own.account.late).sum::<u64>();
    }
    Ok(outcome)
}

impl Cluster {
    fn new(plan: &Plan, splits: &[Vec<InputRow>], schedule: Schedule, limits: &Limits) -> Result<Cluster> {
        let shards = schedule.shards;
        let pipelines =
            (0..shards).map(|index| Pipeline::new(plan, ShardId { index, count: shards }, limits));
        let (source, projection, table) = plan
            .nodes
            .iter()
            .enumerate()
            .find_map(|(id, node)| match &node.operator {
                Operator::Source { table, projection } => Some((id, projection.clone(), table.clone())),
                _ => None,
            })
            .ok_or_else(|| Error::bug("a plan without a source"))?;
        let mut cluster = Cluster {
            pipelines: pipelines.collect::<Result<_>>()?,
            channels: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            unread: vec![],
            ending: (splits.len()..shards).collect(),
            source,
            outcome: Outcome { batches: vec![], late: 0 },
            choices: Choices(schedule.seed | 1),
            steps: 0,
        };
        for (number, rows) in splits.iter().enumerate() {
            let (shard, split) = (number % shards, number as u64);
            let batches = rows.chunks(schedule.batch_rows).enumerate();
            let batches = batches.map(|(at, rows)| Batch {
                rows: columns(rows, &table, &projection),
                kinds: RowKinds::Insert,
                origin: Origin { split: split as _, first_row: (at * schedule.batch_rows) as u64 },
                watermarks: RowWatermarks::Constant(WATERMARK_MIN),
                ingest_ms: 0,
            });
            cluster.pipelines[shard].source_split(source, split as _, SplitStatus::Active)?;
            cluster.unread.push((shard, split, batches.collect()));
        }
        Ok(cluster)
    }

    /// One thing happens: a batch is read, a message arrives, a timer goes off, an epoch ends.
    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        assert!(self.steps < 1_000_000, "the shards wait for each other");
        let shards = self.pipelines.len();
        let shard = self.choices.below(shards);
        match self.choices.below(8) {
            0 => self.pipelines[shard].tick()?,
            1 => self.pipelines[shard].epoch(self.steps)?,
            2..5 => {
                let from = self.choices.below(shards);
                if let Some(message) = self.channels[from][shard].pop_front() {
                    self.pipelines[shard].receive(from, message)?;
                }
            }
            _ if self.unread.is_empty() && self.ending.is_empty() => {}
            _ => {
                let which = self.choices.below(self.unread.len() + self.ending.len());
                return self.read(which);
            }
        }
        self.collect(shard);
        Ok(())
    }

    fn read(&mut self, which: usize) -> Result<()> {
        if which >= self.unread.len() {
            let shard = self.ending.swap_remove(which - self.unread.len());
            self.pipelines[shard].source_end(self.source)?;
            self.collect(shard);
            return Ok(());
        }
        let (shard, split, batches) = &mut self.unread[which];
        let (shard, split) = (*shard, *split);
        match batches.pop_front() {
            Some(batch) => self.pipelines[shard].source_batch(self.source, batch)?,
            None => {
                self.unread.swap_remove(which);
                self.pipelines[shard].source_split(self.source, split as _, SplitStatus::Ended)?;
                if self.unread.iter().all(|(own, _, _)| *own != shard) {
                    self.ending.push(shard);
                }
            }
        }
        self.collect(shard);
        Ok(())
    }

    fn collect(&mut self, shard: usize) {
        for (to, message) in self.pipelines[shard].take_messages() {
            self.channels[shard][to].push_back(message);
        }
        self.outcome.batches.extend(self.pipelines[shard].take_rows().into_iter().map(|(_, batch)| batch));
    }
}

/// The projected columns of `k STRING, v BIGINT, ts TIMESTAMP(3)`.
fn columns(rows: &[InputRow], table: &TableDef, projection: &[usize]) -> RecordBatch {
    let column = |position: &usize| -> ArrayRef {
        match position {
            0 => Arc::new(StringArray::from_iter(
                rows.iter().map(|row| row.key.map(|key| format!("key-{key}"))),
            )),
            1 => Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.value))),
            _ => Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.time))),
        }
    };
    let fields: Vec<_> = projection.iter().map(|own| table.schema.fields()[*own].clone()).collect();
    let columns = projection.iter().map(column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}
