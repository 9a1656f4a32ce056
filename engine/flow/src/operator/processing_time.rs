//! Processing time as event time: each row is given the time it came, and the clock is the watermark.
//!
//! The clock comes as a value, by [`Operator::on_clock`]; all rows before it have been sent, so no row is ever late,
//! and no silent split or input holds time back. Time does not go back: not when the clock does, and not after a
//! restart, though the clock may then be that of another machine. When the input ends, time ends with it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, SchemaRef};
use millrace_plan::{Error, Result, WATERMARK_MAX, WATERMARK_MIN};

use super::{Account, Operator, Output};
use crate::batch::{Batch, RowWatermarks, SplitId, SplitStatus};
use crate::checkpoint::OperatorState;

/// The table of a checkpoint: what the clock had shown.
const CLOCK: &str = "clock";

/// The operator below windows and joins by processing time.
pub struct ProcessingTime {
    column: usize,
    schema: SchemaRef,
    /// The latest that the clock has shown.
    now_ms: i64,
    sent: i64,
    account: Account,
}

impl ProcessingTime {
    /// For rows of `schema`; `column` takes the time.
    pub fn new(column: usize, schema: SchemaRef) -> Self {
        let (now_ms, sent) = (WATERMARK_MIN, WATERMARK_MIN);
        ProcessingTime { column, schema, now_ms, sent, account: Account::default() }
    }

    fn send(&mut self, watermark_ms: i64, out: &mut Output) {
        if watermark_ms > self.sent {
            self.sent = watermark_ms;
            out.watermark(watermark_ms);
        }
    }
}

impl Operator for ProcessingTime {
    fn on_batch(&mut self, _: usize, mut batch: Batch, out: &mut Output) -> Result<()> {
        let bug = |error| Error::bug(format!("processing time: {error}"));
        let rows = batch.len();
        self.account.rows_in += rows as u64;
        self.account.rows_out += rows as u64;
        let came_ms = batch.ingest_ms.max(self.now_ms);
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_value(came_ms, rows));
        let mut columns = batch.rows.columns().to_vec();
        columns[self.column] = cast(&times, self.schema.field(self.column).data_type()).map_err(bug)?;
        batch.rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        batch.watermarks = RowWatermarks::Constant(self.sent);
        out.batch(batch);
        Ok(())
    }

    fn on_clock(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        self.now_ms = self.now_ms.max(now_ms);
        // More rows may come in the millisecond that the clock shows.
        self.send(self.now_ms.saturating_sub(1), out);
        Ok(())
    }

    /// Event time ends here.
    fn on_watermark(&mut self, _: i64, _: &mut Output) -> Result<()> {
        Ok(())
    }

    fn on_split(&mut self, _: SplitId, _: SplitStatus, _: &mut Output) -> Result<()> {
        Ok(())
    }

    /// The clock goes on though nothing comes.
    fn on_idle(&mut self, _: bool, _: &mut Output) -> Result<()> {
        Ok(())
    }

    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        self.send(WATERMARK_MAX, out);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        if self.now_ms > WATERMARK_MIN {
            let now: ArrayRef = Arc::new(Int64Array::from(vec![self.now_ms]));
            let rows = RecordBatch::try_from_iter([("now", now)]);
            let rows = rows.map_err(|error| Error::bug(format!("processing time: {error}")))?;
            state.add_everywhere(CLOCK, rows);
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[CLOCK])?;
        for rows in state.rows(CLOCK) {
            let shown = rows.columns().first().and_then(|own| own.as_primitive_opt::<Int64Type>());
            let shown = shown.filter(|own| own.null_count() == 0);
            let shown = shown.ok_or_else(|| Error::data("the clock in the checkpoint cannot be read"))?;
            self.now_ms = shown.values().iter().copied().fold(self.now_ms, i64::max);
        }
        Ok(())
    }

    fn account(&self) -> Account {
        self.account
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Event;
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

    fn operator() -> ProcessingTime {
        let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        ProcessingTime::new(0, Arc::new(Schema::new(vec![Field::new("pt", time, true)])))
    }

    /// The watermarks that a clock brings.
    fn clock(own: &mut ProcessingTime, now_ms: i64) -> Vec<i64> {
        let mut out = Output::default();
        own.on_clock(now_ms, &mut out).unwrap();
        let watermark = |event: &Event| match event {
            Event::Watermark(watermark) => *watermark,
            other => panic!("not a watermark: {other:?}"),
        };
        out.events.iter().map(watermark).collect()
    }

    /// The time that a row gets which came at this one.
    fn time_of_row(own: &mut ProcessingTime, ingest_ms: i64) -> i64 {
        let times = TimestampMillisecondArray::from(vec![None]).with_timezone("UTC");
        let rows = RecordBatch::try_new(own.schema.clone(), vec![Arc::new(times)]).unwrap();
        let mut out = Output::default();
        own.on_batch(0, Batch::derived(rows, ingest_ms), &mut out).unwrap();
        let Some(Event::Batch(batch)) = out.events.pop() else { panic!("the row is gone") };
        cast(batch.rows.column(0), &DataType::Int64).unwrap().as_primitive::<Int64Type>().value(0)
    }

    #[test]
    fn time_does_not_go_back_with_the_clock() {
        let mut own = operator();
        assert_eq!(clock(&mut own, 1_000), [999]);
        assert_eq!(clock(&mut own, 400), Vec::<i64>::new());
        assert_eq!(time_of_row(&mut own, 400), 1_000);
        assert_eq!(time_of_row(&mut own, 1_005), 1_005);
        assert_eq!(clock(&mut own, 1_001), [1_000]);
    }

    #[test]
    fn time_goes_on_after_a_restart_where_the_latest_shard_was() {
        let mut all = OperatorState::none();
        for now_ms in [70, 90, 80] {
            let mut own = operator();
            clock(&mut own, now_ms);
            all.tables.extend(own.snapshot(&mut Output::default()).unwrap().tables);
        }
        let mut own = operator();
        own.restore(&all, WATERMARK_MIN).unwrap();
        assert_eq!(time_of_row(&mut own, 10), 90);
        assert_eq!(clock(&mut own, 20), [89]);
    }

    #[test]
    fn event_time_and_silence_end_here_and_the_end_of_the_input_is_the_end_of_time() {
        let (mut own, mut out) = (operator(), Output::default());
        own.on_watermark(5_000, &mut out).unwrap();
        own.on_idle(true, &mut out).unwrap();
        own.on_split(0, SplitStatus::Idle, &mut out).unwrap();
        assert!(out.events.is_empty());
        own.on_end(&mut out).unwrap();
        assert!(matches!(out.events.as_slice(), [Event::Watermark(WATERMARK_MAX)]));
    }
}
