//! `ORDER BY` a row time: rows leave in order when the watermark has passed them.
//!
//! A row that is before the watermark of its own split is late: rows after it may have left. One of just that time
//! is not, so rows of the time of the watermark wait, and the watermark that is sent lies 1 ms behind. Rows that the
//! sort columns do not tell apart leave in the order they arrived.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{SortColumn as ArrowColumn, SortOptions, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use millrace_plan::{
    Error, Limits, Node, Operator as Spec, Result, SortColumn, WATERMARK_MAX, WATERMARK_MIN,
};

use super::results::record;
use super::{Account, Operator, Output};
use crate::batch::{Batch, RowWatermarks};
use crate::checkpoint::{OperatorState, as_layout};
use crate::state::RowStore;

/// A table of a checkpoint: the rows that wait for the watermark.
const WAITING: &str = "waiting";

/// Columns of a checkpoint before those of the rows.
const KNOWN: usize = 3;

/// The TemporalSort operator.
pub struct TemporalSort {
    time: usize,
    /// What else sorts rows of one time.
    order: Vec<SortColumn>,
    output: SchemaRef,
    layout: SchemaRef,
    store: RowStore,
    /// What is known of each row by slot: the watermark of its split just before it, and its place among all rows.
    known: Vec<(i64, u64)>,
    /// Rows by time, then by place.
    due: BinaryHeap<Reverse<(i64, u64, u32)>>,
    slots: Vec<u32>,
    watermark: i64,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

impl TemporalSort {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::TemporalSort { time, order, .. } = &node.operator else {
            return Err(Error::bug("not a TemporalSort"));
        };
        Ok(TemporalSort {
            time: *time,
            order: order.clone(),
            output: node.schema.clone(),
            layout: layout(input),
            store: RowStore::new(input),
            known: vec![],
            due: BinaryHeap::new(),
            slots: vec![],
            watermark: WATERMARK_MIN,
            batch_rows: limits.batch_rows.max(1),
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    fn keep(&mut self, columns: Vec<ArrayRef>, known: impl Fn(usize) -> (i64, u64)) -> Result<()> {
        let times = millis(&columns[self.time])?;
        self.store.add(columns, times.len(), &mut self.slots)?;
        self.known.resize(self.store.slots(), (WATERMARK_MIN, 0));
        for (row, slot) in self.slots.iter().enumerate() {
            let (watermark, place) = known(row);
            self.known[*slot as usize] = (watermark, place);
            self.due.push(Reverse((times.value(row), place, *slot)));
        }
        self.store.settle()
    }

    /// Rows that may not leave in the order of the heap, put in order.
    fn in_order(&self, slots: Vec<u32>) -> Result<Vec<u32>> {
        if self.order.is_empty() {
            return Ok(slots);
        }
        let ascending = SortOptions { descending: false, nulls_first: true };
        let mut columns =
            vec![ArrowColumn { values: self.store.gather(self.time, &slots)?, options: Some(ascending) }];
        for own in &self.order {
            let options = SortOptions { descending: own.descending, nulls_first: own.nulls_first };
            let values = self.store.gather(own.column, &slots)?;
            columns.push(ArrowColumn { values, options: Some(options) });
        }
        let places = UInt32Array::from_iter_values(0..slots.len() as u32);
        columns.push(ArrowColumn { values: Arc::new(places), options: Some(ascending) });
        let sorted =
            lexsort_to_indices(&columns, None).map_err(|error| Error::query(format!("ORDER BY: {error}")))?;
        Ok(sorted.values().iter().map(|at| slots[*at as usize]).collect())
    }

    /// The rows that the watermark has passed leave.
    fn fire(&mut self, out: &mut Output) -> Result<()> {
        let mut slots = vec![];
        let ended = self.watermark == WATERMARK_MAX;
        while self.due.peek().is_some_and(|Reverse(own)| ended || own.0 < self.watermark) {
            slots.extend(self.due.pop().map(|Reverse(own)| own.2));
        }
        let slots = self.in_order(slots)?;
        for part in slots.chunks(self.batch_rows) {
            let columns = (0..self.output.fields().len()).map(|column| self.store.gather(column, part));
            let rows = record(&self.output, columns.collect::<Result<_>>()?)?;
            let watermarks = part.iter().map(|slot| self.known[*slot as usize].0);
            let watermarks = RowWatermarks::PerRow(Int64Array::from_iter_values(watermarks));
            out.batch(Batch { watermarks, ..Batch::derived(rows, self.ingest_ms) });
        }
        self.account.rows_out += slots.len() as u64;
        self.account.retired += slots.len() as u64;
        slots.into_iter().for_each(|slot| self.store.remove(slot));
        self.store.settle()
    }
}

/// A column of times, in milliseconds.
fn millis(column: &ArrayRef) -> Result<Int64Array> {
    let times = arrow::compute::cast(column, &DataType::Int64);
    let times = times.map_err(|error| Error::bug(format!("row time: {error}")))?;
    Ok(times.as_primitive::<Int64Type>().clone())
}

/// A key hash, which is that of no key, what is known of a row, and its columns.
fn layout(input: &SchemaRef) -> SchemaRef {
    let known = [("hash", DataType::UInt64), ("watermark", DataType::Int64), ("place", DataType::UInt64)];
    let known = known.into_iter().map(|(name, own)| Field::new(name, own, false));
    let rows = input.fields().iter().enumerate();
    let rows = rows.map(|(at, own)| Field::new(format!("column{at}"), own.data_type().clone(), true));
    Arc::new(Schema::new(known.chain(rows).collect::<Vec<_>>()))
}

impl Operator for TemporalSort {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let times = millis(batch.rows.column(self.time))?;
        let is_late = |row: &u32| {
            let row = *row as usize;
            times.value(row) < batch.watermarks.get(row).max(self.watermark)
        };
        let (late, rows): (Vec<u32>, Vec<u32>) = (0..batch.len() as u32).partition(is_late);
        self.account.late += late.len() as u64;
        self.account.accepted += rows.len() as u64;
        let columns = match late.is_empty() {
            true => batch.rows.columns().to_vec(),
            false => {
                let late = late.iter().map(|row| u64::from(*row));
                out.late.push(batch.take(&UInt64Array::from_iter_values(late))?);
                let rows = UInt32Array::from(rows.clone());
                let kept = batch.rows.columns().iter().map(|column| take(column, &rows, None));
                kept.collect::<std::result::Result<_, _>>()
                    .map_err(|error| Error::bug(format!("picking rows: {error}")))?
            }
        };
        let known = |at: usize| {
            let row = rows[at] as usize;
            (batch.watermarks.get(row), batch.origin.order(row))
        };
        self.keep(columns, known)
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.watermark = self.watermark.max(watermark_ms);
        self.fire(out)?;
        out.watermark(match watermark_ms {
            WATERMARK_MAX => WATERMARK_MAX,
            passed => passed.saturating_sub(1),
        });
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        for slots in self.store.chunks() {
            let known = || slots.iter().map(|slot| self.known[*slot as usize]);
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(UInt64Array::from(vec![0; slots.len()])),
                Arc::new(Int64Array::from_iter_values(known().map(|own| own.0))),
                Arc::new(UInt64Array::from_iter_values(known().map(|own| own.1))),
            ];
            for column in 0..self.layout.fields().len() - KNOWN {
                columns.push(self.store.gather(column, &slots)?);
            }
            state.add_keyed(WAITING, record(&self.layout, columns)?);
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        state.only(&[WAITING])?;
        self.watermark = watermark_ms;
        for rows in state.rows(WAITING) {
            let rows: RecordBatch = as_layout(rows.columns(), &self.layout)?;
            let watermarks = rows.column(1).as_primitive::<Int64Type>().values();
            let places = rows.column(2).as_primitive::<UInt64Type>().values();
            self.keep(rows.columns()[KNOWN..].to_vec(), |row| (watermarks[row], places[row]))?;
        }
        self.account.restored = self.store.len() as u64;
        Ok(())
    }

    fn account(&self) -> Account {
        let due = self.due.capacity() * size_of::<(i64, u64, u32)>();
        let known = self.known.capacity() * size_of::<(i64, u64)>();
        Account {
            in_state: self.store.len() as u64,
            state_bytes: (self.store.bytes() + due + known) as u64,
            ..self.account
        }
    }
}
