//! What has been sent of sessions that are still open for late rows, to send only what differs.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimestampMillisecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use millrace_plan::{Error, Result, RowKind};
use rustc_hash::FxHashMap;

use crate::batch::RowKinds;
use crate::checkpoint::as_layout;
use crate::operator::results::record;
use crate::state::hash_keys;
use crate::window::Window;

/// Columns after the aggregates: start, end and time of the window.
const WINDOW_COLUMNS: usize = 3;

type Bytes = Box<[u8]>;

/// The rows sent, by key.
pub struct Sent {
    schema: SchemaRef,
    keys: usize,
    key_converter: RowConverter,
    row_converter: RowConverter,
    rows: FxHashMap<Bytes, Vec<(Window, Bytes)>>,
    /// Bytes of keys and rows.
    bytes: usize,
}

/// Bytes of one key with its rows.
fn weight(key: &Bytes, rows: &[(Window, Bytes)]) -> usize {
    let rows: usize = rows.iter().map(|(_, row)| row.len() + size_of::<(Window, Bytes)>()).sum();
    key.len() + size_of::<(Bytes, Vec<(Window, Bytes)>)>() + rows
}

fn bug(error: ArrowError) -> Error {
    Error::bug(format!("sessions sent: {error}"))
}

fn converter(schema: &SchemaRef, columns: usize) -> Result<RowConverter> {
    let fields = schema.fields().iter().take(columns).map(|field| SortField::new(field.data_type().clone()));
    RowConverter::new(fields.collect()).map_err(bug)
}

impl Sent {
    /// Nothing sent yet of rows of `schema`, whose first `keys` columns are the key.
    pub fn new(schema: &SchemaRef, keys: usize) -> Result<Self> {
        Ok(Sent {
            schema: schema.clone(),
            keys,
            key_converter: converter(schema, keys)?,
            row_converter: converter(schema, schema.fields().len())?,
            rows: FxHashMap::default(),
            bytes: 0,
        })
    }

    fn key_rows(&self, columns: &[ArrayRef]) -> Result<Option<Rows>> {
        match self.keys {
            0 => Ok(None),
            keys => self.key_converter.convert_columns(&columns[..keys]).map(Some).map_err(bug),
        }
    }

    fn take(&mut self, key: &Bytes) -> Vec<(Window, Bytes)> {
        let rows = self.rows.remove(key).unwrap_or_default();
        if !rows.is_empty() {
            self.bytes -= weight(key, &rows);
        }
        rows
    }

    fn put(&mut self, key: Bytes, rows: Vec<(Window, Bytes)>) {
        if !rows.is_empty() {
            self.bytes += weight(&key, &rows);
            self.rows.insert(key, rows);
        }
    }

    /// Rows by key, each with its window.
    fn by_key(&self, rows: &RecordBatch) -> Result<FxHashMap<Bytes, Vec<(Window, Bytes)>>> {
        let first = rows.num_columns() - WINDOW_COLUMNS;
        let time = |column: usize| rows.column(column).as_primitive::<TimestampMillisecondType>().values();
        let (starts, ends) = (time(first), time(first + 1));
        let keys = self.key_rows(rows.columns())?;
        let values = self.row_converter.convert_columns(rows.columns()).map_err(bug)?;
        let mut found: FxHashMap<Bytes, Vec<(Window, Bytes)>> = FxHashMap::default();
        for row in 0..rows.num_rows() {
            let window = Window { start: starts[row], end: ends[row] };
            found.entry(bytes(&keys, row)).or_default().push((window, values.row(row).as_ref().into()));
        }
        Ok(found)
    }

    /// How `rows`, the sessions that some keys have now, differ from what was sent of these; notes them as sent.
    /// `keys`: the columns of the `count` keys.
    pub fn changes(
        &mut self,
        keys: &[ArrayRef],
        count: usize,
        rows: &RecordBatch,
    ) -> Result<(RecordBatch, RowKinds)> {
        let keys = self.key_rows(keys)?;
        let mut found = self.by_key(rows)?;
        let (mut changed, mut kinds): (Vec<Bytes>, Vec<RowKind>) = (vec![], vec![]);
        for row in 0..count {
            let key = bytes(&keys, row);
            let mut before = self.take(&key);
            let mut now = found.remove(&key).unwrap_or_default();
            before.sort_unstable();
            now.sort_unstable();
            // What a late row has made one is gone before the whole comes.
            for (_, gone) in before.iter().filter(|(own, _)| now.iter().all(|(other, _)| own != other)) {
                changed.push(gone.clone());
                kinds.push(RowKind::Delete);
            }
            for (window, value) in &now {
                match before.iter().find(|(own, _)| own == window) {
                    None => {
                        changed.push(value.clone());
                        kinds.push(RowKind::Insert);
                    }
                    Some((_, old)) if old != value => {
                        changed.extend([old.clone(), value.clone()]);
                        kinds.extend([RowKind::UpdateBefore, RowKind::UpdateAfter]);
                    }
                    Some(_) => {}
                }
            }
            self.put(key, now);
        }
        if changed.is_empty() {
            return Ok((RecordBatch::new_empty(self.schema.clone()), RowKinds::Insert));
        }
        let parser = self.row_converter.parser();
        let columns =
            self.row_converter.convert_rows(changed.iter().map(|row| parser.parse(row))).map_err(bug)?;
        Ok((record(&self.schema, columns)?, RowKinds::from_kinds(kinds)))
    }

    /// Forgets sessions that have closed, given by the columns of their keys and their windows.
    pub fn forget(&mut self, keys: &[ArrayRef], windows: &[Window]) -> Result<()> {
        let keys = self.key_rows(keys)?;
        for (row, window) in windows.iter().enumerate() {
            let key = bytes(&keys, row);
            let mut own = self.take(&key);
            own.retain(|(sent, _)| sent != window);
            self.put(key, own);
        }
        Ok(())
    }

    fn layout(&self) -> SchemaRef {
        let hash: FieldRef = Arc::new(Field::new("hash", DataType::UInt64, false));
        let fields = std::iter::once(hash).chain(self.schema.fields().iter().cloned());
        Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()))
    }

    /// All rows sent, for a checkpoint, with the hash of their key first; `None` if there is none.
    pub fn snapshot(&self) -> Result<Option<RecordBatch>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let parser = self.row_converter.parser();
        let rows = self.rows.values().flatten().map(|(_, row)| parser.parse(row));
        let columns = self.row_converter.convert_rows(rows).map_err(bug)?;
        let count = columns.first().map_or(0, |own| own.len());
        let mut hashes = vec![];
        hash_keys(&columns[..self.keys], count, &mut hashes)?;
        let hashes: ArrayRef = Arc::new(UInt64Array::from(hashes));
        record(&self.layout(), std::iter::once(hashes).chain(columns).collect()).map(Some)
    }

    /// Notes rows of a checkpoint as sent.
    pub fn restore(&mut self, rows: &RecordBatch) -> Result<()> {
        let rows = as_layout(rows.columns(), &self.layout())?;
        let rows = as_layout(&rows.columns()[1..], &self.schema)?;
        for (key, own) in self.by_key(&rows)? {
            let held = self.take(&key);
            self.put(key, held.into_iter().chain(own).collect());
        }
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn bytes(keys: &Option<Rows>, row: usize) -> Bytes {
    keys.as_ref().map_or_else(Bytes::default, |keys| keys.row(row).as_ref().into())
}
