//! The join without a bound in time: every row may meet every later one, and what was sent may be taken back. Rows
//! are kept for ever, or so long after they were last written, by the clock, or until nothing more can meet them.

use millrace_plan::{JoinSpec, Result};

use super::expiry::Expiry;
use super::last_partner::LastPartners;
use super::shape::Shape;
use super::snapshot::{Times, parts};
use super::state::{Arrival, Free, Padding, State};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::operator::{Account, Operator, Output};

/// The Join operator for JoinTime::Unbounded.
pub struct RegularJoin {
    shape: Shape,
    state: State,
    kept: Kept,
    account: Account,
}

/// How long rows are kept.
enum Kept {
    ForEver,
    ByClock(Expiry),
    UntilOver(LastPartners),
}

impl RegularJoin {
    /// A join without rows.
    pub fn new(shape: Shape, spec: &JoinSpec) -> Result<Self> {
        let state = State::new(&shape, spec.retracting)?;
        let by_clock = Expiry::new(spec.ttl_ms).map(Kept::ByClock);
        let until_over = || LastPartners::new(spec.last_partner).map(Kept::UntilOver);
        let kept = by_clock.or_else(until_over).unwrap_or(Kept::ForEver);
        Ok(RegularJoin { shape, state, kept, account: Account::default() })
    }

    /// A checkpoint holds times beside the rows.
    fn is_timed(&self) -> bool {
        !matches!(self.kept, Kept::ForEver)
    }
}

impl Operator for RegularJoin {
    fn on_batch(&mut self, port: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        let bad = out.bad.len();
        let mut arrival = Arrival { side: port, batch: &batch, padding: Padding::AtOnce, stored: None };
        match &mut self.kept {
            Kept::ForEver => {
                self.state.arrive(&self.shape, &arrival, &Free, out)?;
            }
            Kept::UntilOver(last) => {
                let (times, stored) = last.judge(port, &batch)?;
                arrival.stored = stored.as_deref();
                let slots = self.state.arrive(&self.shape, &arrival, &times, out)?;
                last.stored(port, &times, &slots);
            }
            Kept::ByClock(expiry) => {
                expiry.advance(batch.ingest_ms, &mut self.state);
                let slots = self.state.arrive(&self.shape, &arrival, &expiry.bound(), out)?;
                expiry.stored(port, &slots);
            }
        }
        self.account.bad += (out.bad.len() - bad) as u64;
        self.state.settle()
    }

    fn on_clock(&mut self, now_ms: i64, _: &mut Output) -> Result<()> {
        let Kept::ByClock(expiry) = &mut self.kept else { return Ok(()) };
        expiry.advance(now_ms, &mut self.state);
        self.state.settle()
    }

    fn on_port_watermark(&mut self, port: usize, watermark_ms: i64) -> Result<()> {
        let Kept::UntilOver(last) = &mut self.kept else { return Ok(()) };
        last.advance(port, watermark_ms, &mut self.state);
        self.state.settle()
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.state.snapshot(&self.shape, self.is_timed())
    }

    fn changes(&mut self, lost: bool, _: &mut Output) -> Result<Option<OperatorState>> {
        self.state.changes(&self.shape, self.is_timed(), lost)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        for (side, rows) in parts(state)? {
            let times = match &self.kept {
                Kept::ForEver => Times::None,
                Kept::ByClock(_) => Times::Written,
                Kept::UntilOver(last) => last.times(side),
            };
            for (slot, time) in self.state.restore(&self.shape, side, rows, times)? {
                match &mut self.kept {
                    Kept::ForEver => {}
                    Kept::ByClock(expiry) => expiry.restored(side, slot, time),
                    Kept::UntilOver(last) => last.restored(side, slot, time),
                }
            }
        }
        self.account.restored = self.state.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        let account = self.state.account(self.account);
        let times = match &self.kept {
            Kept::ForEver => 0,
            Kept::ByClock(expiry) => expiry.bytes(),
            Kept::UntilOver(last) => last.bytes(),
        };
        Account { state_bytes: account.state_bytes + times as u64, ..account }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::{Event, RowKinds};
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use millrace_plan::{JoinKind, JoinSpec, JoinTime, RowKind, WATERMARK_MIN};

    /// A join of `k` and `k`, left rows forgotten after 100 ms, right rows kept for ever.
    fn join(kind: JoinKind) -> RegularJoin {
        let schema = |names: &[&str]| {
            Arc::new(Schema::new(
                names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>(),
            ))
        };
        let ttl_ms = [Some(100), None];
        let retracting = [true, true];
        let spec = JoinSpec {
            kind,
            keys: vec![(0, 0)],
            null_equal: false,
            condition: None,
            time: JoinTime::Unbounded,
            retracting,
            ttl_ms,
            last_partner: [None, None],
        };
        let shape = Shape::new(&spec, schema(&["l", "r"]), [schema(&["l"]), schema(&["r"])], 100).unwrap();
        RegularJoin::new(shape, &spec).unwrap()
    }

    type Change = (RowKind, Option<i64>, Option<i64>);

    /// What a row of a side brings at this time.
    fn at(own: &mut RegularJoin, ingest_ms: i64, side: usize, kind: RowKind, key: i64) -> Vec<Change> {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![key]));
        let rows = RecordBatch::try_from_iter([("k", column)]).unwrap();
        let batch = Batch { kinds: RowKinds::from_kinds([kind]), ..Batch::derived(rows, ingest_ms) };
        let mut out = Output::default();
        own.on_batch(side, batch, &mut out).unwrap();
        let account = own.account();
        assert_eq!(account.accepted + account.restored, account.retired + account.in_state);
        let changes = out.events.iter().flat_map(|event| {
            let Event::Batch(batch) = event else { panic!("no rows: {event:?}") };
            let value = |column: usize, row| {
                let column = batch.rows.column(column).as_primitive::<Int64Type>();
                column.is_valid(row).then(|| column.value(row))
            };
            (0..batch.len())
                .map(|row| (batch.kinds.get(row), value(0, row), value(1, row)))
                .collect::<Vec<_>>()
        });
        changes.collect()
    }

    const PAIR: Change = (RowKind::Insert, Some(1), Some(1));

    #[test]
    fn a_row_meets_none_after_its_time() {
        use RowKind::{Delete, Insert};
        let mut own = join(JoinKind::Inner);
        assert_eq!(at(&mut own, 0, 0, Insert, 1), []);
        assert_eq!(at(&mut own, 99, 1, Insert, 1), [PAIR]);
        // The left row is gone, to be met it does not help; the right one is kept for ever.
        assert_eq!(at(&mut own, 100, 1, Insert, 1), []);
        assert_eq!(at(&mut own, 9_000, 0, Insert, 1), [PAIR, PAIR]);
        // A row that is taken back after it was forgotten takes its pairs back.
        assert_eq!(at(&mut own, 9_100, 0, Delete, 1), [(Delete, Some(1), Some(1)); 2]);
        assert_eq!(at(&mut own, 9_101, 1, Insert, 1), []);
    }

    #[test]
    fn a_row_that_would_leave_alone_is_written_when_partners_come() {
        use RowKind::Insert;
        let mut own = join(JoinKind::Left);
        let alone = |kind| (kind, Some(1), None);
        assert_eq!(at(&mut own, 0, 0, Insert, 1), [alone(Insert)]);
        assert_eq!(at(&mut own, 60, 1, Insert, 1), [alone(RowKind::Delete), PAIR]);
        assert_eq!(at(&mut own, 150, 1, Insert, 1), [PAIR]);
        assert_eq!(at(&mut own, 250, 1, Insert, 1), []);
    }

    #[test]
    fn the_clock_frees_what_is_forgotten_and_a_slot_is_not_freed_twice() {
        use RowKind::{Delete, Insert};
        let mut own = join(JoinKind::Inner);
        for key in 0..2_000 {
            at(&mut own, key / 100, 0, Insert, key);
        }
        // Rows in the places of others that were taken back.
        for key in 0..500 {
            at(&mut own, 50, 0, Delete, key);
            at(&mut own, 50, 0, Insert, 10_000 + key);
        }
        assert_eq!(own.account().in_state, 2_000);
        own.on_clock(130, &mut Output::default()).unwrap();
        assert_eq!(own.account().in_state, 500);
        own.on_clock(150, &mut Output::default()).unwrap();
        let account = own.account();
        assert_eq!((account.in_state, account.retired), (0, account.accepted));
    }

    #[test]
    fn a_row_is_forgotten_after_a_restart_as_without_one() {
        use RowKind::Insert;
        let mut first = join(JoinKind::Inner);
        at(&mut first, 0, 0, Insert, 1);
        at(&mut first, 50, 0, Insert, 1);
        let state = first.snapshot(&mut Output::default()).unwrap();
        let mut own = join(JoinKind::Inner);
        own.restore(&state, WATERMARK_MIN).unwrap();
        assert_eq!(at(&mut own, 120, 1, Insert, 1), [PAIR]);
        assert_eq!(at(&mut own, 150, 1, Insert, 1), []);
    }
}
