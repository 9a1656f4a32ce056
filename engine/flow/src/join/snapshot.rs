//! The rows of one side of a join in a checkpoint. Chains, indexes and heaps are made anew from them.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt32Type};
use millrace_plan::{Error, Result};

use super::keys::NO_KEY;
use super::millis;
use super::shape::{LEFT, RIGHT, Shape};
use super::side::Link;
use super::state::State;
use crate::checkpoint::{Extent, OperatorState, as_layout};
use crate::state::{NO_SLOT, RowStore, hash_keys};

/// The tables of a checkpoint: the rows of each side, rows of one key in the order they came.
const TABLES: [&str; 2] = ["left", "right"];

/// Rows of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

/// Adds rows of one side to a checkpoint.
pub fn add_rows(state: &mut OperatorState, side: usize, rows: RecordBatch) {
    state.add_keyed(TABLES[side], rows);
}

/// The rows in a checkpoint of a join, left before right, each part with its side.
pub fn parts(state: &OperatorState) -> Result<impl Iterator<Item = (usize, &RecordBatch)>> {
    state.only(&TABLES)?;
    let sides = TABLES.into_iter().enumerate();
    Ok(sides.flat_map(|(side, name)| state.rows(name).map(move |rows| (side, rows))))
}

/// The key hash, `own` columns, and those of the rows.
pub fn layout(shape: &Shape, side: usize, own: &[(&str, DataType)]) -> SchemaRef {
    let own = own.iter().map(|(name, data_type)| Field::new(*name, data_type.clone(), false));
    let rows = shape.inputs[side].fields().iter().enumerate();
    let rows = rows.map(|(index, own)| Field::new(format!("column{index}"), own.data_type().clone(), true));
    let hash = Field::new("hash", DataType::UInt64, false);
    let fields = [hash].into_iter().chain(own).chain(rows).map(|own| Arc::new(own) as FieldRef);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The layout of rows that are stored by key: their partners so far and, where time matters, the watermark of
/// their split just before them.
fn keyed_layout(shape: &Shape, side: usize, timed: bool) -> SchemaRef {
    match timed {
        true => layout(shape, side, &[("partners", DataType::UInt32), ("watermark", DataType::Int64)]),
        false => layout(shape, side, &[("partners", DataType::UInt32)]),
    }
}

/// The columns of these rows of one side.
pub fn gathered(store: &RowStore, shape: &Shape, side: usize, slots: &[u32]) -> Result<Vec<ArrayRef>> {
    (0..shape.inputs[side].fields().len()).map(|column| store.gather(column, slots)).collect()
}

/// Columns of one table of a checkpoint.
pub fn record(layout: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(layout, columns)
        .map_err(|error| Error::bug(format!("joined rows for a checkpoint: {error}")))
}

/// What the times of stored rows are.
#[derive(Debug, Clone, Copy)]
pub enum Times {
    /// They do not matter.
    None,
    /// The row time in this column, beside the watermark of its split just before the row.
    RowTime(usize),
    /// When the row was last written, in place of a watermark.
    Written,
}

impl State {
    /// The rows of both sides for a checkpoint. `timed`: the watermarks of rows count, or when they were written.
    pub fn snapshot(&mut self, shape: &Shape, timed: bool) -> Result<OperatorState> {
        self.changed.begin();
        let mut state = OperatorState::none();
        for side in [LEFT, RIGHT] {
            self.add_keys(shape, side, timed, 0..self.keys.len() as u32, &mut state)?;
        }
        Ok(state)
    }

    /// The rows of the keys that have changed since the last checkpoint, also since one that was `lost`.
    pub fn changes(&mut self, shape: &Shape, timed: bool, lost: bool) -> Result<Option<OperatorState>> {
        let Some(keys) = self.changed.take(lost) else { return Ok(None) };
        let mut state = OperatorState::new(Extent::Changes);
        for side in [LEFT, RIGHT] {
            let own = &self.sides[side];
            state.add_gone(TABLES[side], keys.iter().copied().filter(|key| own.first(*key) == NO_SLOT));
            self.add_keys(shape, side, timed, keys.iter().copied(), &mut state)?;
        }
        Ok(Some(state))
    }

    /// Adds the rows of keys, each a part, in the order they came.
    fn add_keys(
        &self,
        shape: &Shape,
        side: usize,
        timed: bool,
        keys: impl Iterator<Item = u32>,
        state: &mut OperatorState,
    ) -> Result<()> {
        let own = &self.sides[side];
        let mut slots = vec![];
        for key in keys {
            let first = slots.len();
            let mut slot = own.first(key);
            while slot != NO_SLOT {
                slots.push(slot);
                slot = own.next(slot);
            }
            slots[first..].reverse();
        }
        for slots in slots.chunks(MOST_ROWS) {
            let links = || slots.iter().map(|slot| own.of(*slot));
            let hashes = links().map(|link| self.keys.hashes()[link.key as usize]);
            let mut columns: Vec<ArrayRef> = vec![
                Arc::new(UInt64Array::from_iter_values(hashes)),
                Arc::new(UInt32Array::from_iter_values(links().map(|link| link.partners))),
            ];
            if timed {
                columns.push(Arc::new(Int64Array::from_iter_values(links().map(|link| link.watermark))));
            }
            columns.extend(gathered(&own.store, shape, side, slots)?);
            let rows = record(keyed_layout(shape, side, timed), columns)?;
            state.add_parts(TABLES[side], rows, links().map(|link| u64::from(link.key)).collect(), vec![]);
        }
        Ok(())
    }

    /// Stores rows of `side` from a checkpoint. Answers the slot of each row and its time.
    pub fn restore(
        &mut self,
        shape: &Shape,
        side: usize,
        rows: &RecordBatch,
        times: Times,
    ) -> Result<Vec<(u32, i64)>> {
        let is_timed = !matches!(times, Times::None);
        let layout = keyed_layout(shape, side, is_timed);
        let rows = as_layout(rows.columns(), &layout)?;
        let columns = &rows.columns()[layout.fields().len() - shape.inputs[side].fields().len()..];
        let partners = rows.column(1).as_primitive::<UInt32Type>().values();
        let watermarks = is_timed.then(|| rows.column(2).as_primitive::<Int64Type>());
        let times = match times {
            Times::RowTime(column) => Some(millis(&columns[column])?),
            Times::Written => watermarks.cloned(),
            Times::None => None,
        };
        let (mut numbers, mut hashes, mut slots) = (vec![], vec![], vec![]);
        self.keys.locate(&shape.key_columns(side, columns), rows.num_rows(), &mut numbers)?;
        if numbers.contains(&NO_KEY) {
            return Err(Error::data("the checkpoint holds rows of a join that can have no partner"));
        }
        if self.sides[side].may_retract() {
            hash_keys(columns, rows.num_rows(), &mut hashes)?;
        }
        self.sides[side].store.add(columns.to_vec(), rows.num_rows(), &mut slots)?;
        self.sides.iter_mut().for_each(|side| side.reserve(self.keys.len()));
        let mut restored = Vec::with_capacity(slots.len());
        for (row, (slot, key)) in slots.into_iter().zip(numbers).enumerate() {
            let time = times.as_ref().map_or(0, |times| times.value(row));
            let watermark = watermarks.map_or(0, |watermarks| watermarks.value(row));
            let hash = hashes.get(row).copied().unwrap_or(0);
            let link = Link { hash, time, watermark, ..Link::new(key, partners[row]) };
            self.sides[side].link(slot, link);
            self.keys.add_row(key);
            restored.push((slot, time));
        }
        self.settle()?;
        Ok(restored)
    }
}

/// The rows of one side of some windows for a checkpoint.
pub fn snapshot_of_windows(shape: &Shape, side: usize, store: &RowStore) -> Result<Vec<RecordBatch>> {
    let mut parts = vec![];
    for slots in store.chunks() {
        let rows = gathered(store, shape, side, &slots)?;
        let mut hashes = vec![];
        hash_keys(&shape.key_columns(side, &rows), slots.len(), &mut hashes)?;
        let hashes: ArrayRef = Arc::new(UInt64Array::from(hashes));
        parts.push(record(layout(shape, side, &[]), [hashes].into_iter().chain(rows).collect())?);
    }
    Ok(parts)
}

/// The columns of what [`snapshot_of_windows`] gave.
pub fn rows_of_windows(shape: &Shape, side: usize, rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
    Ok(as_layout(rows.columns(), &layout(shape, side, &[]))?.columns()[1..].to_vec())
}
