//! GROUP BY session: rows of a key that follow each other by no more than a gap.
//!
//! A session ends a gap after its last row and leaves when the watermark reaches its end less one
//! millisecond. Rows meet on the shard that owns their key. A row is late when the session that it would
//! be in has ended by the watermark of its own split just before it. A row that is taken back lengthens its
//! session like any other, as in Flink.

//!
//! With allowed lateness a session is sent when the watermark reaches its end, and closes when it is so much further.
//! Until then it takes rows, and what they change is sent as changes.

mod sent;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMillisecondArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use millrace_plan::{Error, Limits, Node, Operator as Spec, Result, WATERMARK_MIN};

use sent::Sent;

use super::results::{record, send, without_faults};
use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::state::{Ended, Faults, SessionTable, hash_keys};
use crate::window::{Window, closing};

/// The table of a checkpoint.
const SESSIONS: &str = "sessions";

/// The table of a checkpoint with the rows sent of sessions that are still open.
const SENT: &str = "sent";

/// The SessionAggregate operator.
pub struct SessionAggregate {
    time: usize,
    keys: Vec<usize>,
    schema: SchemaRef,
    sessions: SessionTable,
    hashes: Vec<u64>,
    /// Sessions that end by then have closed.
    watermark: i64,
    /// How long sessions that were sent stay open, and what was sent of them; `None` = not at all.
    late: Option<Late>,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

/// Sessions that are sent before they close.
struct Late {
    lateness: i64,
    /// Sessions that end by then have been sent.
    fired: i64,
    sent: Sent,
}

impl SessionAggregate {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::SessionAggregate { time, gap, keys, aggregates, retracting, lateness } = &node.operator
        else {
            return Err(Error::bug("not a SessionAggregate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let mut sessions = SessionTable::new(*gap, &key_types, aggregates.clone().into(), *retracting)?;
        let late = match *lateness {
            0 => None,
            lateness => {
                sessions.sends_early();
                let sent = Sent::new(&node.schema, keys.len())?;
                Some(Late { lateness, fired: WATERMARK_MIN, sent })
            }
        };
        Ok(SessionAggregate {
            time: *time,
            keys: keys.clone(),
            schema: node.schema.clone(),
            sessions,
            hashes: vec![],
            watermark: WATERMARK_MIN,
            late,
            batch_rows: limits.batch_rows,
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    /// Counts the late rows and takes them out.
    fn without_late(&mut self, batch: Batch, found: &[Option<u32>], out: &mut Output) -> Result<Batch> {
        let positions = |late: bool| {
            let rows = found.iter().enumerate().filter(move |(_, own)| own.is_none() == late);
            UInt64Array::from_iter_values(rows.map(|(row, _)| row as u64))
        };
        let late = positions(true);
        if late.is_empty() {
            return Ok(batch);
        }
        self.account.late += late.len() as u64;
        out.late.push(batch.take(&late)?);
        batch.take(&positions(false))
    }

    /// The watermark by which sessions close when time has come to `watermark`.
    fn closing(&self, watermark: i64) -> i64 {
        closing(watermark, self.late.as_ref().map_or(0, |late| late.lateness))
    }

    /// Sends what has changed of sessions that end by `watermark`.
    fn send_changes(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let Some(Ended { keys, count, columns, windows, faults }) = self.sessions.ended(watermark)? else {
            return Ok(());
        };
        let rows = self.rows(columns, &windows, faults, out)?;
        let Some(late) = &mut self.late else { return Ok(()) };
        let (rows, kinds) = late.sent.changes(&keys, count, &rows)?;
        self.account.rows_out += rows.num_rows() as u64;
        out.batch(Batch { kinds, ..Batch::derived(rows, self.ingest_ms) });
        Ok(())
    }

    /// Sends and closes the sessions whose time has come.
    fn fire(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        if self.late.is_some() {
            self.send_changes(watermark, out)?;
        }
        let Some(closed) = self.sessions.close(self.watermark)? else { return Ok(()) };
        self.account.retired += closed.rows;
        if let Some(late) = &mut self.late {
            // They have been sent.
            return late.sent.forget(&closed.columns, &closed.windows);
        }
        let rows = self.rows(closed.columns, &closed.windows, closed.faults, out)?;
        send(&rows, self.batch_rows, self.ingest_ms, &mut self.account, out);
        Ok(())
    }

    fn rows(
        &mut self,
        mut columns: Vec<ArrayRef>,
        windows: &[Window],
        faults: Faults,
        out: &mut Output,
    ) -> Result<RecordBatch> {
        let bug = |error| Error::bug(format!("window_time: {error}"));
        let time = |of: fn(&Window) -> i64| -> ArrayRef {
            Arc::new(TimestampMillisecondArray::from_iter_values(windows.iter().map(of)))
        };
        let time_type = self.schema.field(self.schema.fields().len() - 1).data_type();
        columns.push(time(|window| window.start));
        columns.push(time(|window| window.end));
        columns.push(cast(&time(|window| window.end - 1), time_type).map_err(bug)?);
        let rows = record(&self.schema, columns)?;
        without_faults(rows, faults, &mut self.account, out)
    }
}

impl Operator for SessionAggregate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        let times = cast(batch.rows.column(self.time), &DataType::Int64)
            .map_err(|error| Error::bug(format!("row time: {error}")))?;
        let times = times.as_primitive::<Int64Type>().values();
        let lateness = self.late.as_ref().map_or(0, |late| late.lateness);
        let row = |row: usize| (times[row], closing(batch.watermarks.get(row), lateness).max(self.watermark));
        let found = self.sessions.locate(&keys, &self.hashes, batch.origin.split, row)?;
        let batch = self.without_late(batch, &found, out)?;
        self.account.accepted += batch.len() as u64;
        let found: Vec<u32> = found.into_iter().flatten().collect();
        self.sessions.update(&found, &batch.rows, batch.weights().as_deref(), batch.origin.order(0))
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.watermark = self.closing(watermark_ms);
        if let Some(late) = &mut self.late {
            late.fired = watermark_ms;
        }
        self.fire(watermark_ms, out)?;
        out.watermark(watermark_ms);
        Ok(())
    }

    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        match self.late.as_ref().map(|late| late.fired) {
            Some(fired) => self.send_changes(fired, out),
            None => Ok(()),
        }
    }

    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState> {
        self.on_tick(out)?;
        let mut state = OperatorState::none();
        if let Some(rows) = self.late.as_ref().map(|late| late.sent.snapshot()).transpose()?.flatten() {
            state.add_keyed(SENT, rows);
        }
        self.sessions.snapshot()?.into_iter().for_each(|part| state.add_keyed(SESSIONS, part));
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        state.only(&[SESSIONS, SENT])?;
        self.watermark = self.closing(watermark_ms);
        if let Some(late) = &mut self.late {
            late.fired = watermark_ms;
            state.rows(SENT).try_for_each(|rows| late.sent.restore(rows))?;
        }
        state.rows(SESSIONS).try_for_each(|rows| self.sessions.restore(rows))?;
        self.account.restored = self.sessions.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        let sent = self.late.as_ref().map_or(0, |late| late.sent.bytes());
        let (in_state, state_bytes) = (self.sessions.rows(), (self.sessions.bytes() + sent) as u64);
        Account { in_state, state_bytes, ..self.account }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Event, RowKinds, RowWatermarks};
    use arrow::array::Int64Array;
    use arrow::datatypes::{Field, Schema, TimeUnit};
    use millrace_plan::{AggregateCall, Changelog, RowKind};

    fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
        let fields = fields.iter().map(|(name, own)| Field::new(*name, own.clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// SUM(v) by k over rows that may be taken back, with a gap of 10 ms.
    fn sum() -> (SessionAggregate, SchemaRef) {
        let time = DataType::Timestamp(TimeUnit::Millisecond, None);
        let input = schema(&[("k", DataType::Int64), ("v", DataType::Int64), ("ts", time.clone())]);
        let call = AggregateCall {
            function: "sum".into(),
            args: vec![1],
            arg_types: vec![DataType::Int64],
            constants: vec![],
            filter: None,
            distinct: false,
            result_type: DataType::Int64,
            name: "sum".into(),
            user: None,
        };
        let columns = [
            ("k", DataType::Int64),
            ("sum", DataType::Int64),
            ("window_start", time.clone()),
            ("window_end", time.clone()),
            ("window_time", time),
        ];
        let operator = Spec::SessionAggregate {
            time: 2,
            gap: 10,
            keys: vec![0],
            aggregates: vec![call],
            retracting: true,
            lateness: 0,
        };
        let (schema, reason) = (schema(&columns), String::new());
        let node = Node {
            operator,
            inputs: vec![0],
            schema,
            changelog: Changelog::Append,
            row_time: Some(4),
            reason,
        };
        (SessionAggregate::new(&node, &input, &Limits::default()).unwrap(), input)
    }

    /// Rows as key, value, time, kind.
    fn send(own: &mut SessionAggregate, schema: &SchemaRef, rows: &[(i64, i64, i64, RowKind)]) {
        let column =
            |of: fn(&(i64, i64, i64, RowKind)) -> i64| Int64Array::from_iter_values(rows.iter().map(of));
        let times = TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.2));
        let columns: Vec<ArrayRef> =
            vec![Arc::new(column(|row| row.0)), Arc::new(column(|row| row.1)), Arc::new(times)];
        let batch = Batch {
            kinds: RowKinds::from_kinds(rows.iter().map(|row| row.3)),
            watermarks: RowWatermarks::Constant(own.watermark),
            ..Batch::derived(RecordBatch::try_new(schema.clone(), columns).unwrap(), 0)
        };
        own.on_batch(0, batch, &mut Output::default()).unwrap();
    }

    /// The results that a watermark brings: key, sum, start, end.
    fn advance(own: &mut SessionAggregate, watermark: i64) -> Vec<[i64; 4]> {
        let mut out = Output::default();
        own.on_watermark(watermark, &mut out).unwrap();
        let account = own.account();
        assert_eq!(account.accepted, account.retired + account.in_state);
        let mut found = vec![];
        for event in out.events {
            let Event::Batch(Batch { rows, .. }) = event else { continue };
            let columns = [0, 1, 2, 3].map(|column| cast(rows.column(column), &DataType::Int64).unwrap());
            let value = |row| columns.each_ref().map(|own| own.as_primitive::<Int64Type>().value(row));
            found.extend((0..rows.num_rows()).map(value));
        }
        found
    }

    #[test]
    fn what_is_taken_back_leaves_its_session_and_a_session_of_nothing_is_not_sent() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let (mut own, schema) = sum();
        send(&mut own, &schema, &[(1, 5, 100, Insert), (2, 7, 102, Insert), (1, 5, 100, UpdateBefore)]);
        send(&mut own, &schema, &[(1, 6, 108, UpdateAfter), (2, 7, 102, Delete)]);
        assert_eq!(advance(&mut own, 116), Vec::<[i64; 4]>::new());
        assert_eq!(advance(&mut own, 117), [[1, 6, 100, 118]]);
    }

    #[test]
    fn sessions_that_are_gone_leave_no_memory_behind() {
        use RowKind::Insert;
        let (mut own, schema) = sum();
        send(&mut own, &schema, &[(-1, 1, 1_000_000, Insert), (-1, 2, 999_995, Insert)]);
        let mut most = 0;
        for round in 0..60i64 {
            let rows: Vec<_> = (0..500).map(|key| (round * 500 + key, key, round * 20, Insert)).collect();
            send(&mut own, &schema, &rows);
            let found = advance(&mut own, round * 20 + 10);
            assert_eq!(found.len(), 500, "round {round}");
            let held = own.account().state_bytes;
            match round < 20 {
                true => most = held.max(most),
                false => assert!(held <= most, "round {round}: {held} bytes, {most} before"),
            }
        }
        assert_eq!(own.account().in_state, 2);
        assert_eq!(advance(&mut own, i64::MAX), [[-1, 3, 999_995, 1_000_010]]);
    }
}
