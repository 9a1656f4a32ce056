//! GROUP BY window: panes keyed by time, fired by the watermark.
//!
//! A row goes into one pane; a window that fires merges its panes, so that overlapping windows cost
//! merges per window, not updates per row. A row is late when the last of its windows has fired by the
//! watermark of its own split just before it. A row that only some of its windows have left behind goes
//! into a pane that those windows do not see: a pane is a slice of time and the end of the latest window
//! that must not count it.

mod lateness;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, TimestampMillisecondArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use millrace_plan::{
    AggregateCall, EmitMode, Error, Limits, Node, Operator as Spec, Phase, Result, WATERMARK_MIN,
    WindowInput, WindowSpec,
};

use self::snapshot::Known;
use super::group_aggregate::partial_rows;
use super::results::{record, send, without_faults};
use super::{Account, Operator, Output};
use crate::batch::{Batch, Event, RowWatermarks};
use crate::checkpoint::OperatorState;
use crate::state::{Grouped, PartialLayout, PreAggregation, hash_keys};
use crate::window::emitted::Emitted;
use crate::window::{Window, closing, first_end, last_end, pane_of, pane_size, windows_of};

/// Which pane a row is in. For assigned windows: the start of its slice of time, and the end of the latest
/// window that must not count it (`WATERMARK_MIN` = every window counts it). For attached windows: the
/// window itself.
type PaneKey = (i64, i64);

/// The WindowAggregate operator.
pub struct WindowAggregate {
    input: WindowInput,
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    calls: Arc<[AggregateCall]>,
    phase: Phase,
    emit: EmitMode,
    retracting: bool,
    schema: SchemaRef,
    layout: PartialLayout,
    panes: BTreeMap<PaneKey, Grouped>,
    /// Emptied panes, to be used again.
    spare: Vec<Grouped>,
    pre_aggregation: PreAggregation,
    partitions: usize,
    hashes: Vec<u64>,
    /// Windows that end by then have closed: they take no more rows.
    watermark: i64,
    /// How long windows that have fired stay open.
    lateness: i64,
    /// Windows that end by then have fired; with no lateness `watermark` says that.
    fired: i64,
    /// The earliest end of a window that has a pane and has not fired.
    next_end: i64,
    /// EMIT CHANGES: what has been sent of windows that are still open.
    emitted: BTreeMap<Window, Emitted>,
    touched: BTreeSet<PaneKey>,
    known: Known,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

/// Emptied panes kept for the next windows.
const MOST_SPARE: usize = 4;

/// A `Local` pane this large is flushed before its window closes.
const MOST_LOCAL_GROUPS: usize = 1 << 16;

impl WindowAggregate {
    /// The operator of `node` over rows of `input` (of the rows below the `Local` half, for `Final`).
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::WindowAggregate { window, keys, aggregates, phase, emit, retracting, lateness } =
            &node.operator
        else {
            return Err(Error::bug("not a WindowAggregate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        Ok(WindowAggregate {
            input: *window,
            keys: keys.clone(),
            layout: PartialLayout::new(2, &key_types, aggregates, *retracting)?,
            key_types,
            calls: aggregates.clone().into(),
            phase: *phase,
            emit: *emit,
            retracting: *retracting,
            schema: node.schema.clone(),
            panes: BTreeMap::new(),
            spare: vec![],
            pre_aggregation: PreAggregation::new(aggregates.clone().into(), *retracting)?,
            partitions: limits.partitions,
            hashes: vec![],
            watermark: WATERMARK_MIN,
            lateness: *lateness,
            fired: WATERMARK_MIN,
            next_end: i64::MAX,
            emitted: BTreeMap::new(),
            touched: BTreeSet::new(),
            known: Known::default(),
            batch_rows: limits.batch_rows,
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    fn add_rows(&mut self, batch: Batch, out: &mut Output) -> Result<()> {
        match self.input {
            WindowInput::Assign { time, window } => {
                let times = millis(&batch.rows, time)?;
                let times = times.as_primitive::<Int64Type>().values();
                match runs(&window, times) {
                    Some(runs) => runs.into_iter().try_for_each(|(pane, rows)| {
                        let part = batch.slice(rows.start, rows.len());
                        self.add_run(&window, pane, &times[rows], part, out)
                    }),
                    None => self.add_apart(self.pane_of_each(&window, times, &batch), batch, out),
                }
            }
            WindowInput::Attached { start, end } => {
                let (starts, ends) = (millis(&batch.rows, start)?, millis(&batch.rows, end)?);
                let starts = starts.as_primitive::<Int64Type>().values();
                let ends = ends.as_primitive::<Int64Type>().values();
                let keys = starts.iter().zip(ends).enumerate().map(|(row, (start, end))| {
                    let watermark = self.closing(batch.watermarks.get(row)).max(self.watermark);
                    if end - 1 <= watermark { Slot::Late } else { Slot::Pane((*start, *end)) }
                });
                let keys = keys.collect();
                self.add_apart(keys, batch, out)
            }
        }
    }

    /// Adds rows that are all in the slice of time that starts at `pane`.
    fn add_run(
        &mut self,
        window: &WindowSpec,
        pane: i64,
        times: &[i64],
        batch: Batch,
        out: &mut Output,
    ) -> Result<()> {
        let watermark = match &batch.watermarks {
            RowWatermarks::Constant(watermark) => Some(*watermark),
            RowWatermarks::PerRow(watermarks) => arrow::compute::max(watermarks),
        };
        let watermark = self.closing(watermark.unwrap_or(WATERMARK_MIN)).max(self.watermark);
        // All times of a pane have the same windows, so its start stands for them.
        match first_end(window, pane).is_some_and(|end| end - 1 > watermark) {
            true => self.add_to_pane((pane, WATERMARK_MIN), &batch, out),
            false => self.add_apart(self.pane_of_each(window, times, &batch), batch, out),
        }
    }

    fn closing(&self, watermark: i64) -> i64 {
        closing(watermark, self.lateness)
    }

    fn pane_of_each(&self, window: &WindowSpec, times: &[i64], batch: &Batch) -> Vec<Slot> {
        let slot = |(row, time): (usize, &i64)| {
            let own = self.closing(batch.watermarks.get(row));
            let Some(last) = last_end(window, *time) else { return Slot::Gap };
            if last - 1 <= own.max(self.watermark) {
                return Slot::Late;
            }
            let passed = windows_of(window, *time).map(|window| window.end).take_while(|end| end - 1 <= own);
            Slot::Pane((pane_of(window, *time), passed.last().unwrap_or(WATERMARK_MIN)))
        };
        times.iter().enumerate().map(slot).collect()
    }

    /// Adds rows to the panes they are in; late ones leave.
    fn add_apart(&mut self, slots: Vec<Slot>, batch: Batch, out: &mut Output) -> Result<()> {
        let mut rows: BTreeMap<PaneKey, Vec<u64>> = BTreeMap::new();
        let mut late = vec![];
        for (row, slot) in slots.iter().enumerate() {
            match slot {
                Slot::Pane(key) => rows.entry(*key).or_default().push(row as u64),
                Slot::Late => late.push(row as u64),
                Slot::Gap => self.account.filtered += 1,
            }
        }
        if !late.is_empty() {
            self.account.late += late.len() as u64;
            out.late.push(batch.take(&UInt64Array::from(late))?);
        }
        for (key, positions) in rows {
            let (first, last) = (positions[0] as usize, positions[positions.len() - 1] as usize);
            match last - first + 1 == positions.len() {
                true => self.add_to_pane(key, &batch.slice(first, positions.len()), out)?,
                false => self.add_to_pane(key, &batch.take(&UInt64Array::from(positions))?, out)?,
            }
        }
        Ok(())
    }

    fn pane(&mut self, key: PaneKey) -> Result<&mut Grouped> {
        if !self.panes.contains_key(&key) {
            let pane = match self.spare.pop() {
                Some(pane) => pane,
                None => Grouped::new(self.calls.clone(), &self.key_types, self.retracting)?,
            };
            self.panes.insert(key, pane);
            if let Some(window) = self.open_windows(key).next() {
                self.next_end = self.next_end.min(window.end);
            }
        }
        self.panes.get_mut(&key).ok_or_else(|| Error::bug("a pane that was just made"))
    }

    fn add_to_pane(&mut self, key: PaneKey, batch: &Batch, out: &mut Output) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let mut hashes = std::mem::take(&mut self.hashes);
        hash_keys(&keys, batch.len(), &mut hashes)?;
        self.account.accepted += batch.len() as u64;
        if self.phase == Phase::Local && self.pre_aggregation.passes(batch.len()) {
            let (own, extra) = (&mut self.pre_aggregation, [key.0, key.1]);
            let partial = own.partial(&self.layout, &extra, &keys, &hashes, batch, self.partitions)?;
            self.hashes = hashes;
            self.account.retired += batch.len() as u64;
            send(&partial, self.batch_rows, self.ingest_ms, &mut self.account, out);
            return Ok(());
        }
        let weights = batch.weights();
        let pane = self.pane(key)?;
        pane.locate(&keys, &hashes)?;
        pane.update(&batch.rows, weights.as_deref(), batch.origin.order(0))?;
        let large = pane.is_larger_than(MOST_LOCAL_GROUPS);
        self.hashes = hashes;
        self.touch(key);
        if large && self.phase == Phase::Local {
            self.flush_pane(key, out)?;
        }
        Ok(())
    }

    fn touch(&mut self, key: PaneKey) {
        if self.emit == EmitMode::Changes || self.lateness > 0 {
            self.touched.insert(key);
        }
    }

    /// Adds partial states to the panes they name.
    fn add_partial(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let layout = self.layout.clone();
        for (key, part) in by_pane(&layout, batch) {
            if self.last_end_of(key) - 1 <= self.watermark {
                // Only a split that was idle can bring a pane back that has been closed.
                self.account.late += partial_rows(&part);
                out.late.push(Batch::derived(part, self.ingest_ms));
                continue;
            }
            let pane = self.pane(key)?;
            let before = pane.rows();
            pane.merge(&layout, &part)?;
            let added = pane.rows() - before;
            self.account.accepted += added;
            self.touch(key);
        }
        Ok(())
    }

    /// The windows that count this pane and have not fired, earliest end first.
    fn open_windows(&self, key: PaneKey) -> impl Iterator<Item = Window> + use<> {
        let watermark = self.watermark;
        let (assigned, attached) = match self.input {
            WindowInput::Assign { window, .. } => (Some(windows_of(&window, key.0)), None),
            WindowInput::Attached { .. } => (None, Some(Window { start: key.0, end: key.1 })),
        };
        let barrier = if attached.is_some() { WATERMARK_MIN } else { key.1 };
        let windows = assigned.into_iter().flatten().chain(attached);
        windows.filter(move |window| window.end > barrier && window.end - 1 > watermark)
    }

    /// The end of the last window that a pane feeds.
    fn last_end_of(&self, key: PaneKey) -> i64 {
        match self.input {
            WindowInput::Assign { window, .. } => last_end(&window, key.0).unwrap_or(i64::MIN + 1),
            WindowInput::Attached { .. } => key.1,
        }
    }

    /// The panes that a window counts.
    fn panes_of(&self, window: Window) -> Vec<PaneKey> {
        match self.input {
            WindowInput::Attached { .. } => vec![(window.start, window.end)],
            WindowInput::Assign { window: spec, .. } => {
                let last = window.end - pane_size(&spec);
                let keys = self.panes.range((window.start, i64::MIN)..=(last, i64::MAX));
                keys.map(|(key, _)| *key).filter(|(_, barrier)| *barrier < window.end).collect()
            }
        }
    }

    /// The results of a window: keys, aggregates, and the window's columns.
    fn results(&mut self, window: Window, out: &mut Output) -> Result<Option<RecordBatch>> {
        let panes = self.panes_of(window);
        let merged = match panes.as_slice() {
            [] => return Ok(None),
            [one] => self.panes.remove_entry(one),
            several => {
                let mut merged = match self.spare.pop() {
                    Some(spare) => spare,
                    None => Grouped::new(self.calls.clone(), &self.key_types, self.retracting)?,
                };
                for key in several {
                    if let Some(pane) = self.panes.get(key) {
                        merged.absorb(pane)?;
                    }
                }
                Some(((i64::MIN, i64::MIN), merged))
            }
        };
        let Some((key, groups)) = merged else { return Ok(None) };
        let live = groups.live();
        let (mut columns, faults) = groups.evaluate(&live)?;
        match panes.len() == 1 {
            true => {
                self.panes.insert(key, groups);
            }
            false => self.recycle(groups),
        }
        let time_type = self.schema.field(self.schema.fields().len() - 1).data_type().clone();
        for value in [window.start, window.end, window.end - 1] {
            columns.push(Arc::new(TimestampMillisecondArray::from(vec![value; live.len()])));
        }
        if let Some(time) = columns.last_mut() {
            *time = cast(time, &time_type).map_err(|error| Error::bug(format!("window_time: {error}")))?;
        }
        let rows = record(&self.schema, columns)?;
        without_faults(rows, faults, &mut self.account, out).map(Some)
    }

    fn recycle(&mut self, mut pane: Grouped) {
        if self.spare.len() < MOST_SPARE {
            pane.clear();
            self.spare.push(pane);
        }
    }

    /// Sends the results of every window that the watermark has closed, in the order of their ends.
    fn fire(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let closed = |window: &Window| window.end - 1 <= watermark;
        let due: BTreeSet<(i64, i64)> = self
            .panes
            .keys()
            .flat_map(|key| self.open_windows(*key).take_while(closed))
            .map(|window| (window.end, window.start))
            .collect();
        for (end, start) in due {
            let window = Window { start, end };
            let Some(rows) = self.results(window, out)? else { continue };
            match self.emit {
                EmitMode::Final => send(&rows, self.batch_rows, self.ingest_ms, &mut self.account, out),
                EmitMode::Changes => self.send_changes(window, rows, out)?,
            }
            self.emitted.remove(&window);
        }
        self.watermark = watermark;
        self.drop_panes();
        Ok(())
    }

    /// Sends how a window differs from what was sent of it.
    fn send_changes(&mut self, window: Window, rows: RecordBatch, out: &mut Output) -> Result<()> {
        if !self.emitted.contains_key(&window) {
            self.emitted.insert(window, Emitted::new(&self.schema, self.key_types.len())?);
        }
        let Some(emitted) = self.emitted.get_mut(&window) else { return Ok(()) };
        let (rows, kinds) = emitted.changes(&rows)?;
        self.account.rows_out += rows.num_rows() as u64;
        out.batch(Batch { kinds, ..Batch::derived(rows, self.ingest_ms) });
        Ok(())
    }

    /// Forgets the panes that no open window counts.
    fn drop_panes(&mut self) {
        let closed: Vec<PaneKey> =
            self.panes.keys().filter(|key| self.last_end_of(**key) - 1 <= self.watermark).copied().collect();
        for key in closed {
            if let Some(pane) = self.panes.remove(&key) {
                self.account.retired += pane.rows();
                self.recycle(pane);
            }
            self.touched.remove(&key);
        }
        let ends = self.panes.keys().filter_map(|key| self.open_windows(*key).next());
        self.next_end = ends.map(|window| window.end).min().unwrap_or(i64::MAX);
    }

    /// Sends a pane's partial states and forgets them.
    fn flush_pane(&mut self, key: PaneKey, out: &mut Output) -> Result<()> {
        if let Some(pane) = self.panes.remove(&key) {
            let partial = pane.partial(&self.layout, &[key.0, key.1], self.partitions)?;
            self.account.retired += pane.rows();
            self.pre_aggregation.collected(pane.rows(), partial.num_rows());
            send(&partial, self.batch_rows, self.ingest_ms, &mut self.account, out);
            self.recycle(pane);
        }
        Ok(())
    }

    /// Sends the partial states that a window which closes at `watermark` may need.
    fn flush_due(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let due: Vec<PaneKey> = self
            .panes
            .keys()
            .filter(|key| self.open_windows(**key).next().is_none_or(|window| window.end - 1 <= watermark))
            .copied()
            .collect();
        for key in due {
            self.flush_pane(key, out)?;
        }
        self.watermark = watermark;
        self.drop_panes();
        Ok(())
    }
}

/// The partial states that follow each other in one pane.
fn by_pane(layout: &PartialLayout, batch: &RecordBatch) -> impl Iterator<Item = (PaneKey, RecordBatch)> {
    let (starts, ends) = (layout.extra(batch, 0), layout.extra(batch, 1));
    let mut row = 0;
    std::iter::from_fn(move || {
        let key = (*starts.get(row)?, ends[row]);
        let same = (row..starts.len()).take_while(|other| (starts[*other], ends[*other]) == key).count();
        row += same;
        Some((key, batch.slice(row - same, same)))
    })
}

/// The rows that follow each other in one slice of time, and where it starts; `None` if there are many
/// such runs, because time jumps to and fro.
fn runs(window: &WindowSpec, times: &[i64]) -> Option<Vec<(i64, Range<usize>)>> {
    const MOST_RUNS: usize = 4;
    let size = pane_size(window) as u64;
    let mut runs = vec![];
    let mut first = 0;
    while let Some(time) = times.get(first) {
        let start = pane_of(window, *time);
        let outside = |time: &i64| time.wrapping_sub(start) as u64 >= size;
        let rows = times[first..].iter().position(outside).unwrap_or(times.len() - first);
        runs.push((start, first..first + rows));
        first += rows;
        if runs.len() > MOST_RUNS {
            return None;
        }
    }
    Some(runs)
}

/// Where a row goes.
#[derive(Debug, Clone, Copy)]
enum Slot {
    Pane(PaneKey),
    Late,
    /// Between windows.
    Gap,
}

fn millis(rows: &RecordBatch, column: usize) -> Result<ArrayRef> {
    cast(rows.column(column), &DataType::Int64).map_err(|error| Error::bug(format!("row time: {error}")))
}

impl Operator for WindowAggregate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        match self.phase {
            Phase::Final => self.add_partial(&batch.rows, out),
            Phase::Single | Phase::Local => self.add_rows(batch, out),
        }
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        if self.lateness > 0 {
            self.advance_late(watermark_ms, out)?;
        } else if self.next_end.saturating_sub(1) <= watermark_ms {
            match self.phase {
                Phase::Local => self.flush_due(watermark_ms, out)?,
                Phase::Single | Phase::Final => self.fire(watermark_ms, out)?,
            }
        }
        self.watermark = self.watermark.max(self.closing(watermark_ms));
        out.watermark(watermark_ms);
        Ok(())
    }

    /// Time may now pass without this shard, so what it holds for other shards must leave first.
    fn on_idle(&mut self, idle: bool, out: &mut Output) -> Result<()> {
        if idle && self.phase == Phase::Local {
            let held: Vec<PaneKey> = self.panes.keys().copied().collect();
            held.into_iter().try_for_each(|key| self.flush_pane(key, out))?;
        }
        out.events.push(Event::Idle(idle));
        Ok(())
    }

    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        match (self.lateness, self.emit) {
            (1.., _) => return self.tick_late(out),
            (_, EmitMode::Final) => return Ok(()),
            (_, EmitMode::Changes) => {}
        }
        let touched = std::mem::take(&mut self.touched);
        if self.phase == Phase::Local {
            for key in touched {
                self.flush_pane(key, out)?;
            }
            return Ok(());
        }
        let windows: BTreeSet<Window> = touched.iter().flat_map(|key| self.open_windows(*key)).collect();
        for window in windows {
            if let Some(rows) = self.results(window, out)? {
                self.send_changes(window, rows, out)?;
            }
        }
        Ok(())
    }

    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState> {
        self.held(true, false, out)
    }

    fn changes(&mut self, lost: bool, out: &mut Output) -> Result<Option<OperatorState>> {
        self.held(false, lost, out).map(Some)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        self.take_over(state, watermark_ms)
    }

    fn account(&self) -> Account {
        let in_state = self.panes.values().map(Grouped::rows).sum();
        let panes: u64 = self.panes.values().chain(&self.spare).map(|pane| pane.bytes() as u64).sum();
        let emitted: u64 = self.emitted.values().map(|emitted| emitted.bytes() as u64).sum();
        Account { in_state, state_bytes: panes + emitted, ..self.account }
    }
}
