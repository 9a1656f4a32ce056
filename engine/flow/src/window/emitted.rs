//! EMIT CHANGES of a window: what has been sent of it, to send only what differs.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use millrace_plan::{Error, Result, RowKind};
use rustc_hash::FxHashMap;

use super::Window;
use crate::batch::RowKinds;
use crate::state::{Changed, hash_keys};

/// The rows sent of one window, by key.
pub struct Emitted {
    schema: SchemaRef,
    keys: usize,
    key_converter: RowConverter,
    row_converter: RowConverter,
    sent: FxHashMap<Box<[u8]>, Box<[u8]>>,
    /// Whether something has been sent since the last checkpoint: all rows are one part.
    changed: Changed,
    /// Bytes held.
    bytes: usize,
}

/// The columns of a checkpoint before those of the rows.
const OWN_COLUMNS: usize = 3;

/// Rows of a checkpoint, by the window they were sent of.
pub fn by_window(rows: &RecordBatch) -> Result<Vec<(Window, RecordBatch)>> {
    let bound = |column: usize| {
        let own = rows.columns().get(column).and_then(|own| own.as_primitive_opt::<Int64Type>());
        own.map(|own| own.values())
            .ok_or_else(|| Error::data("results in the checkpoint without their window"))
    };
    let (starts, ends) = (bound(1)?, bound(2)?);
    let columns: Vec<usize> = (OWN_COLUMNS..rows.num_columns()).collect();
    let results =
        rows.project(&columns).map_err(|error| Error::bug(format!("results in a checkpoint: {error}")))?;
    let mut parts = vec![];
    let mut row = 0;
    while row < starts.len() {
        let window = Window { start: starts[row], end: ends[row] };
        let same = |other: &usize| starts[*other] == window.start && ends[*other] == window.end;
        let count = (row..starts.len()).take_while(same).count();
        parts.push((window, results.slice(row, count)));
        row += count;
    }
    Ok(parts)
}

fn converter(schema: &SchemaRef, columns: usize) -> Result<RowConverter> {
    let fields = schema.fields().iter().take(columns).map(|field| SortField::new(field.data_type().clone()));
    RowConverter::new(fields.collect()).map_err(|error| Error::bug(format!("comparing results: {error}")))
}

impl Emitted {
    /// Nothing sent yet of rows of `schema`, whose first `keys` columns are the key.
    pub fn new(schema: &SchemaRef, keys: usize) -> Result<Self> {
        Ok(Emitted {
            schema: schema.clone(),
            keys,
            key_converter: converter(schema, keys)?,
            row_converter: converter(schema, schema.fields().len())?,
            sent: FxHashMap::default(),
            changed: Changed::default(),
            bytes: 0,
        })
    }

    /// True if a checkpoint is to hold what has been sent: it is `whole`, or that has changed since the last one, or
    /// since the one before if that was `lost`.
    pub fn is_for_checkpoint(&mut self, whole: bool, lost: bool) -> bool {
        if !whole && let Some(changed) = self.changed.take(lost) {
            return !changed.is_empty();
        }
        self.changed.begin();
        true
    }

    /// What has been sent of `window`, for a checkpoint: the key hash, the window, and the rows.
    pub fn snapshot(&self, window: Window) -> Result<RecordBatch> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("results sent: {error}"));
        let parser = self.row_converter.parser();
        let rows = self.sent.values().map(|row| parser.parse(row));
        let rows = match self.sent.is_empty() {
            true => RecordBatch::new_empty(self.schema.clone()).columns().to_vec(),
            false => self.row_converter.convert_rows(rows).map_err(bug)?,
        };
        let mut hashes = vec![];
        hash_keys(&rows[..self.keys], self.sent.len(), &mut hashes)?;
        let bound = |value: i64| Arc::new(Int64Array::from(vec![value; self.sent.len()])) as ArrayRef;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from(hashes)), bound(window.start), bound(window.end)];
        columns.extend(rows);
        let mut fields: Vec<FieldRef> = vec![
            Arc::new(Field::new("hash", DataType::UInt64, false)),
            Arc::new(Field::new("start", DataType::Int64, false)),
            Arc::new(Field::new("end", DataType::Int64, false)),
        ];
        fields.extend(self.schema.fields().iter().cloned());
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(bug)
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn weigh(&mut self) {
        let texts: usize = self.sent.iter().map(|(key, row)| key.len() + row.len()).sum();
        self.bytes = texts + self.sent.capacity() * size_of::<(Box<[u8]>, Box<[u8]>)>();
    }

    /// Notes rows as sent.
    pub fn restore(&mut self, rows: &RecordBatch) -> Result<()> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("results sent: {error}"));
        let keys = self.key_converter.convert_columns(&rows.columns()[..self.keys]).map_err(bug)?;
        let values = self.row_converter.convert_columns(rows.columns()).map_err(bug)?;
        for row in 0..rows.num_rows() {
            let key = if self.keys == 0 { Box::default() } else { keys.row(row).as_ref().into() };
            self.sent.insert(key, values.row(row).as_ref().into());
        }
        self.weigh();
        Ok(())
    }

    /// How `rows`, the window's content now, differs from what was sent; notes it as sent.
    pub fn changes(&mut self, rows: &RecordBatch) -> Result<(RecordBatch, RowKinds)> {
        let bug = |error: arrow::error::ArrowError| Error::bug(format!("comparing results: {error}"));
        let keys = self.key_converter.convert_columns(&rows.columns()[..self.keys]).map_err(bug)?;
        let values = self.row_converter.convert_columns(rows.columns()).map_err(bug)?;
        let (mut changed, mut kinds): (Vec<Box<[u8]>>, Vec<RowKind>) = (vec![], vec![]);
        let mut left = std::mem::take(&mut self.sent);
        for row in 0..rows.num_rows() {
            let (key, value): (Box<[u8]>, Box<[u8]>) = match self.keys {
                0 => (Box::default(), values.row(row).as_ref().into()),
                _ => (keys.row(row).as_ref().into(), values.row(row).as_ref().into()),
            };
            match left.remove(&key) {
                None => {
                    changed.push(value.clone());
                    kinds.push(RowKind::Insert);
                }
                Some(old) if old != value => {
                    changed.extend([old, value.clone()]);
                    kinds.extend([RowKind::UpdateBefore, RowKind::UpdateAfter]);
                }
                Some(_) => {}
            }
            self.sent.insert(key, value);
        }
        self.weigh();
        let mut gone: Vec<Box<[u8]>> = left.into_values().collect();
        gone.sort();
        kinds.extend(gone.iter().map(|_| RowKind::Delete));
        changed.extend(gone);
        let parser = self.row_converter.parser();
        if !changed.is_empty() {
            self.changed.touch(0);
        }
        if changed.is_empty() {
            return Ok((RecordBatch::new_empty(self.schema.clone()), RowKinds::Insert));
        }
        let columns =
            self.row_converter.convert_rows(changed.iter().map(|row| parser.parse(row))).map_err(bug)?;
        let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        Ok((rows, RowKinds::from_kinds(kinds)))
    }
}
