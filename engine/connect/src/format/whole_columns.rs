//! What formats with typed columns of their own (Arrow, Parquet) share: finding a table's columns by name,
//! and giving batches in pieces.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Schema, SchemaRef};
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};

use super::{DecodeRequest, Decoded};
use crate::connector::Position;

/// Turns the batches of a file into batches of the table's projected columns.
#[derive(Debug)]
pub(super) struct Projected {
    schema: SchemaRef,
    ready: VecDeque<RecordBatch>,
    rows: u64,
    /// Rows that an earlier reader has given.
    passed_over: u64,
    /// Bytes supplied and not yet accounted for by rows.
    bytes: u64,
}

impl Projected {
    pub(super) fn new(request: &DecodeRequest) -> Projected {
        let fields = request.projection.iter().map(|own| request.table_schema.fields()[*own].clone());
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Projected { schema, ready: VecDeque::new(), rows: 0, passed_over: 0, bytes: 0 }
    }

    /// Positions in the file's schema of the projected columns.
    pub(super) fn positions(&self, file: &Schema) -> Result<Vec<usize>> {
        let position = |name: &String| {
            file.fields().iter().position(|field| field.name() == name).ok_or_else(|| {
                let names: Vec<&str> = file.fields().iter().map(|field| field.name().as_str()).collect();
                Error::data(format!("the file has no column `{name}`"))
                    .hint(format!("its columns: {}", names.join(", ")))
            })
        };
        self.schema.fields().iter().map(|field| position(field.name())).collect()
    }

    pub(super) fn position(&self) -> Position {
        Position { rows: self.rows, offset: 0 }
    }

    pub(super) fn seek(&mut self, position: Position) {
        (self.rows, self.passed_over) = (position.rows, position.rows);
    }

    pub(super) fn supplied(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Adds a batch whose columns are the projected ones, in any types that cast.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let passed_over = self.passed_over.min(batch.num_rows() as u64);
        self.passed_over -= passed_over;
        let batch = batch.slice(passed_over as usize, batch.num_rows() - passed_over as usize);
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let columns = batch.columns().iter().zip(self.schema.fields()).map(|(column, field)| {
            let wrong = |what: String| Error::data(format!("column `{}`: {what}", field.name()));
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(wrong("NULL in a NOT NULL column".into()));
            }
            match column.data_type() == field.data_type() {
                true => Ok(column.clone()),
                false => cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                    wrong(format!("{} in the file: {error}", column.data_type()))
                        .hint("declare the column with the type that the file has")
                }),
            }
        });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let rows =
            RecordBatch::try_new_with_options(self.schema.clone(), columns.collect::<Result<_>>()?, &options)
                .map_err(|error| Error::data(format!("a batch does not fit the table: {error}")))?;
        self.ready.push_back(rows);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// The next rows, at most `max_rows`.
    pub(super) fn next(&mut self, max_rows: usize) -> Option<Decoded> {
        let batch = self.ready.pop_front()?;
        let rows = if batch.num_rows() > max_rows {
            let rest = batch.slice(max_rows, batch.num_rows() - max_rows);
            self.ready.push_front(rest);
            batch.slice(0, max_rows)
        } else {
            batch
        };
        let first_row = self.rows;
        self.rows += rows.num_rows() as u64;
        let bytes = std::mem::take(&mut self.bytes);
        Some(Decoded { rows: Some(rows), kinds: RowKinds::Insert, first_row, bytes, bad: vec![] })
    }
}
