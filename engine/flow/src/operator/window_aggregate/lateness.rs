//! Allowed lateness: a window fires when the watermark reaches its end, and closes when the watermark is so much
//! further. Until then it takes rows, and what they change is sent as changes, collected for the emit interval.
//!
//! What a window ends up with is what it would be if the watermark were always so much less. What was sent of it on
//! the way depends on how shards ran.

use std::collections::BTreeSet;

use millrace_plan::{EmitMode, Phase, Result, WATERMARK_MAX};

use super::{Output, PaneKey, WindowAggregate};
use crate::window::{Window, closing};

impl WindowAggregate {
    /// Time has come to `watermark`: windows fire, and those that close send what late rows have changed.
    pub(super) fn advance_late(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let is_due = self.next_end.saturating_sub(1) <= watermark;
        match self.phase {
            _ if !is_due => {}
            Phase::Local => {
                let has_fired = |own: Window| own.end - 1 <= watermark;
                self.flush_where(|own, key| own.open_windows(key).next().is_none_or(has_fired), out)?;
            }
            Phase::Single | Phase::Final => self.fire_late(watermark, out)?,
        }
        self.fired = watermark;
        self.watermark = closing(watermark, self.lateness);
        if is_due {
            self.drop_panes();
            self.next_end = self.next_due();
        }
        Ok(())
    }

    /// Sends what has changed of windows that have fired; with EMIT CHANGES of all that are open.
    pub(super) fn tick_late(&mut self, out: &mut Output) -> Result<()> {
        let touched = std::mem::take(&mut self.touched);
        let fired = if self.emit == EmitMode::Changes { WATERMARK_MAX } else { self.fired };
        let is_due = |own: &Window| own.end - 1 <= fired;
        if self.phase == Phase::Local {
            let has_due = |own: &Self, key| {
                touched.contains(&key) && own.open_windows(key).next().as_ref().is_some_and(is_due)
            };
            return self.flush_where(has_due, out);
        }
        let windows = touched.iter().flat_map(|key| self.open_windows(*key)).filter(is_due);
        let windows: BTreeSet<(i64, i64)> = windows.map(|own| (own.end, own.start)).collect();
        self.send_windows(windows, out)
    }

    fn flush_where(&mut self, is_due: impl Fn(&Self, PaneKey) -> bool, out: &mut Output) -> Result<()> {
        let due: Vec<PaneKey> = self.panes.keys().copied().filter(|key| is_due(self, *key)).collect();
        due.into_iter().try_for_each(|key| self.flush_pane(key, out))
    }

    fn fire_late(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let closed = closing(watermark, self.lateness);
        let fires = |own: &Window| own.end - 1 > self.fired;
        let closes = |own: &Window| own.end - 1 <= closed;
        let has_ended = |own: &Window| own.end - 1 <= watermark;
        let first =
            self.panes.keys().flat_map(|key| self.open_windows(*key).take_while(has_ended)).filter(fires);
        let last = self.touched.iter().flat_map(|key| self.open_windows(*key).take_while(closes));
        let due = first.chain(last).map(|own| (own.end, own.start)).collect();
        self.send_windows(due, out)?;
        self.emitted.retain(|own, _| own.end - 1 > closed);
        Ok(())
    }

    /// Sends how these windows, known by end and start, differ from what was sent of them.
    fn send_windows(&mut self, windows: BTreeSet<(i64, i64)>, out: &mut Output) -> Result<()> {
        for (end, start) in windows {
            let window = Window { start, end };
            if let Some(rows) = self.results(window, out)? {
                self.send_changes(window, rows, out)?;
            }
        }
        Ok(())
    }

    /// When the next window fires or closes.
    fn next_due(&self) -> i64 {
        let of_pane = |key: &PaneKey| {
            let closes = self.open_windows(*key).next().map(|own| own.end.saturating_add(self.lateness));
            let fires = self.open_windows(*key).find(|own| own.end - 1 > self.fired).map(|own| own.end);
            closes.into_iter().chain(fires).min()
        };
        self.panes.keys().filter_map(of_pane).min().unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMillisecondArray};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
    use millrace_plan::{
        AggregateCall, Changelog, EmitMode, Limits, Node, Operator as Spec, Phase, RowKind, WindowInput,
        WindowSpec,
    };

    use super::super::WindowAggregate;
    use crate::batch::{Batch, Event, RowWatermarks};
    use crate::operator::{Operator, Output};

    const TIME: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

    fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
        let fields = fields.iter().map(|(name, own)| Field::new(*name, own.clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// SUM(v) by k in windows of 10 ms that stay open for 5 ms.
    fn sum() -> (WindowAggregate, SchemaRef) {
        let input = schema(&[("k", DataType::Int64), ("v", DataType::Int64), ("ts", TIME)]);
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
        let operator = Spec::WindowAggregate {
            window: WindowInput::Assign { time: 2, window: WindowSpec::Tumble { size: 10, offset: 0 } },
            keys: vec![0],
            aggregates: vec![call],
            phase: Phase::Single,
            emit: EmitMode::Final,
            retracting: false,
            lateness: 5,
        };
        let columns = [
            ("k", DataType::Int64),
            ("sum", DataType::Int64),
            ("start", TIME),
            ("end", TIME),
            ("time", TIME),
        ];
        let node = Node {
            operator,
            inputs: vec![0],
            schema: schema(&columns),
            changelog: Changelog::Retract,
            row_time: Some(4),
            reason: String::new(),
        };
        (WindowAggregate::new(&node, &input, &Limits::default()).unwrap(), input)
    }

    /// Rows as key, value, time, after the watermark of their split; how many are late.
    fn send(own: &mut WindowAggregate, input: &SchemaRef, watermark: i64, rows: &[(i64, i64, i64)]) -> usize {
        let column = |of: fn(&(i64, i64, i64)) -> i64| Int64Array::from_iter_values(rows.iter().map(of));
        let times = TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.2));
        let columns: Vec<ArrayRef> =
            vec![Arc::new(column(|row| row.0)), Arc::new(column(|row| row.1)), Arc::new(times)];
        let watermarks = RowWatermarks::Constant(watermark);
        let rows = RecordBatch::try_new(input.clone(), columns).unwrap();
        let mut out = Output::default();
        own.on_batch(0, Batch { watermarks, ..Batch::derived(rows, 0) }, &mut out).unwrap();
        assert!(out.events.is_empty(), "changes are collected");
        out.late.iter().map(Batch::len).sum()
    }

    /// What is sent: kind, key, sum, start.
    fn sent(act: impl FnOnce(&mut Output)) -> Vec<(RowKind, [i64; 3])> {
        let mut out = Output::default();
        act(&mut out);
        let mut found = vec![];
        for event in out.events {
            let Event::Batch(Batch { rows, kinds, .. }) = event else { continue };
            let columns =
                [0, 1, 2].map(|own| arrow::compute::cast(rows.column(own), &DataType::Int64).unwrap());
            let value = |row| columns.each_ref().map(|own| own.as_primitive::<Int64Type>().value(row));
            found.extend((0..rows.num_rows()).map(|row| (kinds.get(row), value(row))));
        }
        found
    }

    #[test]
    fn a_window_is_sent_at_its_end_and_again_for_late_rows_until_it_closes() {
        use RowKind::{Insert, UpdateAfter, UpdateBefore};
        let (mut own, input) = sum();
        assert_eq!(send(&mut own, &input, 0, &[(1, 5, 3), (1, 7, 12)]), 0);
        let fired = sent(|out| own.on_watermark(9, out).unwrap());
        assert_eq!(fired, [(Insert, [1, 5, 0])]);
        assert_eq!(send(&mut own, &input, 12, &[(1, 1, 4), (2, 3, 9)]), 0);
        let again = sent(|out| own.on_tick(out).unwrap());
        assert_eq!(again, [(UpdateBefore, [1, 5, 0]), (UpdateAfter, [1, 6, 0]), (Insert, [2, 3, 0])]);
        assert_eq!(sent(|out| own.on_tick(out).unwrap()), []);
        // What has come since the last tick is not lost when the window closes, and the next has not ended.
        assert_eq!(send(&mut own, &input, 13, &[(2, 1, 0), (3, 1, 15)]), 0);
        let closed = sent(|out| own.on_watermark(14, out).unwrap());
        assert_eq!(closed, [(UpdateBefore, [2, 3, 0]), (UpdateAfter, [2, 4, 0])]);
        assert_eq!(send(&mut own, &input, 14, &[(1, 1, 9)]), 1);
        let end = sent(|out| own.on_watermark(i64::MAX, out).unwrap());
        assert_eq!(end, [(Insert, [1, 7, 10]), (Insert, [3, 1, 10])]);
        let account = own.account();
        assert_eq!((account.late, account.in_state, account.accepted), (1, 0, 6));
        assert_eq!(account.retired, account.accepted);
    }
}
