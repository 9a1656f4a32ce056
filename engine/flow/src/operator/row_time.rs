//! Follows the row time of each split: the watermark, and each row's own watermark for lateness.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use millrace_plan::{Error, Result, RowKind, RowTimeSpec, WATERMARK_MIN, WatermarkRule};

use super::{Account, BadRow, Operator, Output, print_row};
use crate::batch::{Batch, Event, RowWatermarks, SplitId, SplitStatus};
use crate::checkpoint::OperatorState;
use crate::time::SplitTimes;

/// A table of a checkpoint: each split's watermark.
const SPLITS: &str = "splits";

/// A table of a checkpoint: what the splits of a shard had promised together.
const PROMISED: &str = "promised";

fn table(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter(columns).map_err(|error| Error::bug(format!("split times: {error}")))
}

/// The operator behind `WATERMARK FOR`.
pub struct RowTime {
    spec: RowTimeSpec,
    times: SplitTimes,
    sent: i64,
    idle: bool,
    account: Account,
}

impl RowTime {
    /// For this declaration.
    pub fn new(spec: RowTimeSpec) -> Self {
        RowTime {
            spec,
            times: SplitTimes::default(),
            sent: WATERMARK_MIN,
            idle: false,
            account: Account::default(),
        }
    }

    /// The watermark of a split.
    pub fn split_watermark(&self, split: SplitId) -> i64 {
        self.times.watermark(split)
    }

    /// All splits that are there have been announced: what they had reached in an earlier run holds again.
    pub fn resume(&mut self, out: &mut Output) {
        self.send(out);
    }

    /// The watermark just before each row, and after them all, if it was `before` the batch.
    fn watermarks(&self, batch: &Batch, before: i64) -> Result<(RowWatermarks, i64)> {
        let bug = |error: &dyn std::fmt::Display| Error::bug(format!("watermark: {error}"));
        let (column, delay): (ArrayRef, i64) = match &self.spec.watermark {
            WatermarkRule::Delay(delay) => (batch.rows.column(self.spec.column).clone(), *delay),
            WatermarkRule::Expr(expr) => {
                let value = expr.evaluate(&batch.rows).map_err(|error| bug(&error))?;
                (value.into_array(batch.len()).map_err(|error| bug(&error))?, 0)
            }
            WatermarkRule::Source => return Ok((RowWatermarks::Constant(before), before)),
        };
        let millis = cast(&column, &DataType::Int64).map_err(|error| bug(&error))?;
        let millis = millis.as_primitive::<Int64Type>();
        // Every row is ahead of what the rows before it promise: none is late by them.
        let ahead = match &self.spec.watermark {
            WatermarkRule::Delay(1..) => millis.values().is_sorted(),
            WatermarkRule::Delay(0) => millis.values().is_sorted_by(|one, next| one < next),
            _ => false,
        };
        if let (0, true, Some(last)) = (millis.null_count(), ahead, millis.values().last()) {
            return Ok((RowWatermarks::Constant(before), before.max(last.saturating_sub(delay))));
        }
        let mut running = before;
        let each = millis.iter().map(|asked| {
            let own = running;
            running = running.max(asked.map_or(WATERMARK_MIN, |time| time.saturating_sub(delay)));
            own
        });
        let each = Int64Array::from_iter_values(each);
        Ok((RowWatermarks::PerRow(each), running))
    }

    /// Takes out the rows without a row time.
    fn without_nulls(&mut self, batch: Batch, out: &mut Output) -> Result<Batch> {
        let times = batch.rows.column(self.spec.column);
        if times.null_count() == 0 {
            return Ok(batch);
        }
        let column = batch.rows.schema().field(self.spec.column).name().clone();
        let excused = |row: usize| self.spec.upserts && batch.kinds.get(row) == RowKind::Delete;
        let valid: BooleanArray =
            (0..batch.len()).map(|row| Some(times.is_valid(row) || excused(row))).collect();
        for row in (0..batch.len()).filter(|row| !valid.value(*row)) {
            self.account.bad += 1;
            out.bad.push(BadRow {
                split: batch.origin.split,
                row: batch.origin.first_row + row as u64,
                reason: format!("column `{column}`: the row time is NULL"),
                raw: print_row(&batch.rows, row),
            });
        }
        batch.filter(&valid)
    }

    /// Sends the watermark if it has grown, and whether any split holds it back if that has changed.
    fn send(&mut self, out: &mut Output) {
        let idle = self.times.is_idle();
        if self.idle && !idle {
            out.events.push(Event::Idle(false));
        }
        let combined = self.times.combined();
        if combined > self.sent {
            self.sent = combined;
            out.watermark(combined);
        }
        if !self.idle && idle {
            out.events.push(Event::Idle(true));
        }
        self.idle = idle;
    }
}

impl Operator for RowTime {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        let mut batch = self.without_nulls(batch, out)?;
        if batch.is_empty() {
            return Ok(());
        }
        let split = batch.origin.split;
        let (before_each, after) = self.watermarks(&batch, self.times.watermark(split))?;
        batch.watermarks = before_each;
        self.times.advance(split, after);
        self.account.rows_out += batch.len() as u64;
        out.batch(batch);
        self.send(out);
        Ok(())
    }

    /// Watermarks come from here: what comes from below is replaced.
    fn on_watermark(&mut self, _: i64, _: &mut Output) -> Result<()> {
        Ok(())
    }

    /// The source waits for its next split, or has found one.
    fn on_idle(&mut self, idle: bool, out: &mut Output) -> Result<()> {
        self.times.set_expecting(idle);
        self.send(out);
        Ok(())
    }

    fn on_split(&mut self, split: SplitId, status: SplitStatus, out: &mut Output) -> Result<()> {
        self.times.set_status(split, status);
        // While splits may still be announced, an ended one must not let time run ahead of them.
        if status != SplitStatus::Active || self.idle {
            self.send(out);
        }
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        self.times.end();
        self.send(out);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let (splits, promised) = self.times.known();
        let mut state = OperatorState::none();
        let ids = UInt32Array::from_iter_values(splits.iter().map(|(id, _)| *id));
        let reached = Int64Array::from_iter_values(splits.iter().map(|(_, watermark)| *watermark));
        state
            .add_everywhere(SPLITS, table(vec![("split", Arc::new(ids)), ("watermark", Arc::new(reached))])?);
        let promised = Int64Array::from_iter_values(promised);
        state.add_everywhere(PROMISED, table(vec![("watermark", Arc::new(promised))])?);
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[SPLITS, PROMISED])?;
        let foreign = || Error::data("the split times in the checkpoint cannot be read");
        let column = |rows: &RecordBatch, column: usize| rows.columns().get(column).cloned();
        let mut splits: BTreeMap<SplitId, i64> = BTreeMap::new();
        for rows in state.rows(SPLITS) {
            let (ids, reached) = column(rows, 0).zip(column(rows, 1)).ok_or_else(foreign)?;
            let ids = ids.as_primitive_opt::<UInt32Type>().ok_or_else(foreign)?;
            let reached = reached.as_primitive_opt::<Int64Type>().ok_or_else(foreign)?;
            for (id, watermark) in ids.values().iter().zip(reached.values()) {
                let own = splits.entry(*id).or_insert(*watermark);
                *own = *watermark.max(own);
            }
        }
        let mut promised: Option<i64> = None;
        for rows in state.rows(PROMISED) {
            let own = column(rows, 0).ok_or_else(foreign)?;
            let own = own.as_primitive_opt::<Int64Type>().ok_or_else(foreign)?;
            // The shards promised alike or some less; a split that opens anew may be read by any of them.
            promised = own.values().iter().copied().chain(promised).min();
        }
        self.times.restore(splits.into_iter().collect(), promised);
        Ok(())
    }

    fn account(&self) -> Account {
        self.account
    }
}
