//! EMIT CHANGES of a window: what has been sent of it, to send only what differs.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use millrace_plan::{Error, Result, RowKind};
use rustc_hash::FxHashMap;

use crate::batch::RowKinds;

/// The rows sent of one window, by key.
pub struct Emitted {
    schema: SchemaRef,
    keys: usize,
    key_converter: RowConverter,
    row_converter: RowConverter,
    sent: FxHashMap<Box<[u8]>, Box<[u8]>>,
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
        })
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
        let mut gone: Vec<Box<[u8]>> = left.into_values().collect();
        gone.sort();
        kinds.extend(gone.iter().map(|_| RowKind::Delete));
        changed.extend(gone);
        let parser = self.row_converter.parser();
        if changed.is_empty() {
            return Ok((RecordBatch::new_empty(self.schema.clone()), RowKinds::Insert));
        }
        let columns =
            self.row_converter.convert_rows(changed.iter().map(|row| parser.parse(row))).map_err(bug)?;
        let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        Ok((rows, RowKinds::from_kinds(kinds)))
    }
}
