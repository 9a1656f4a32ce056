//! Expressions over the rows of matches.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_physical_expr::PhysicalExpr;
use millrace_plan::{AggregateCall, Error, MatchColumn, MatchExpr, Pick, Result};

use super::rows::{At, Candidate, KeyRows};
use crate::aggregate::{self, Orders, Update};

/// The columns of rows that are held, by chunk.
pub type Chunks = Vec<RecordBatch>;

/// A column of an expression: the values that it takes of several matches, found before they are read.
enum Found {
    Rows { column: usize, rows: Vec<Option<At>> },
    Aggregate { call: Box<AggregateCall>, rows: Vec<At>, groups: Vec<u32>, count: u32 },
}

/// What the matches have that an expression is computed for.
pub struct Matches {
    columns: Vec<Found>,
    count: usize,
}

/// An expression over rows of a match. Columns are those of chunks.
pub struct Evaluator {
    reads: Vec<MatchColumn>,
    schema: SchemaRef,
    expr: Arc<dyn PhysicalExpr>,
}

impl Evaluator {
    /// The expression; `chunk` has the columns of chunks, `position` says which of them an input column is. Fails if
    /// an aggregate cannot take its argument.
    pub fn new(own: &MatchExpr, chunk: &SchemaRef, position: impl Fn(usize) -> usize) -> Result<Self> {
        let mut reads = own.reads.clone();
        let mut fields = vec![];
        for (index, read) in reads.iter_mut().enumerate() {
            let data_type = match &mut read.pick {
                Pick::First { column, .. } | Pick::Last { column, .. } => {
                    *column = position(*column);
                    chunk.field(*column).data_type().clone()
                }
                Pick::Aggregate(call) => {
                    aggregate::create(call, false)?;
                    call.args.iter_mut().for_each(|arg| *arg = position(*arg));
                    call.result_type.clone()
                }
            };
            fields.push(Field::new(format!("read{index}"), data_type, true));
        }
        Ok(Evaluator { reads, schema: Arc::new(Schema::new(fields)), expr: own.expr.clone() })
    }

    /// No match yet.
    pub fn matches(&self) -> Matches {
        let found = |read: &MatchColumn| match &read.pick {
            Pick::First { column, .. } | Pick::Last { column, .. } => {
                Found::Rows { column: *column, rows: vec![] }
            }
            Pick::Aggregate(call) => {
                Found::Aggregate { call: Box::new(call.clone()), rows: vec![], groups: vec![], count: 0 }
            }
        };
        Matches { columns: self.reads.iter().map(found).collect(), count: 0 }
    }

    /// Adds a match. `next`: the row after its last is taken as one more of this variable.
    pub fn add(&self, matches: &mut Matches, key: &KeyRows, own: &Candidate, next: Option<usize>) {
        matches.count += 1;
        for (read, found) in self.reads.iter().zip(&mut matches.columns) {
            let range = own.rows_of(read.of, next);
            match (&read.pick, found) {
                (Pick::First { after, .. }, Found::Rows { rows, .. }) => {
                    let row = range.start + u64::from(*after);
                    rows.push((row < range.end).then(|| key.get(row).at));
                }
                (Pick::Last { before, .. }, Found::Rows { rows, .. }) => {
                    let back = u64::from(*before) + 1;
                    let row = (range.end - range.start >= back).then(|| range.end - back);
                    rows.push(row.map(|row| key.get(row).at));
                }
                (_, Found::Aggregate { rows, groups, count, .. }) => {
                    groups.extend(range.clone().map(|_| *count));
                    rows.extend(range.map(|row| key.get(row).at));
                    *count += 1;
                }
                (Pick::Aggregate(_), Found::Rows { .. }) => {}
            }
        }
    }

    /// The result for each match; NULL and the reason where there is none.
    pub fn evaluate(&self, matches: &Matches, chunks: &Chunks) -> Result<(ArrayRef, Vec<(usize, String)>)> {
        let mut faults = vec![];
        let mut columns = Vec::with_capacity(self.reads.len());
        for (found, field) in matches.columns.iter().zip(self.schema.fields()) {
            columns.push(match found {
                Found::Rows { column, rows } => picked(chunks, *column, rows, field)?,
                Found::Aggregate { call, rows, groups, count } => {
                    let (values, own) = aggregated(chunks, call, rows, groups, *count)?;
                    faults.extend(own);
                    values
                }
            });
        }
        let input = rows_of(&self.schema, columns, matches.count)?;
        let result = match self.compute(&input) {
            Ok(result) => result,
            Err(reason) if matches.count == 1 => {
                faults.push((0, reason));
                new_null_array(&self.data_type()?, 1)
            }
            Err(_) => self.one_by_one(&input, &mut faults)?,
        };
        Ok((result, faults))
    }

    fn one_by_one(&self, input: &RecordBatch, faults: &mut Vec<(usize, String)>) -> Result<ArrayRef> {
        let data_type = self.data_type()?;
        let mut parts = Vec::with_capacity(input.num_rows());
        for row in 0..input.num_rows() {
            parts.push(self.compute(&input.slice(row, 1)).unwrap_or_else(|reason| {
                faults.push((row, reason));
                new_null_array(&data_type, 1)
            }));
        }
        arrow::compute::concat(&parts.iter().map(|own| own.as_ref()).collect::<Vec<_>>()).map_err(bug)
    }

    fn data_type(&self) -> Result<arrow::datatypes::DataType> {
        let data_type = self.expr.data_type(&self.schema);
        data_type.map_err(|error| Error::bug(format!("type of a column of MATCH_RECOGNIZE: {error}")))
    }

    fn compute(&self, input: &RecordBatch) -> std::result::Result<ArrayRef, String> {
        let value = self.expr.evaluate(input).and_then(|value| value.into_array(input.num_rows()));
        value.map_err(|error| error.strip_backtrace().lines().next().unwrap_or_default().to_string())
    }

    /// For a condition on nothing but the row at hand of `variable`: which rows of a chunk meet it. `None` if it is
    /// not one, or if it fails for a row that may not need it.
    pub fn of_each_row(&self, variable: usize, chunk: &RecordBatch) -> Result<Option<BooleanArray>> {
        let mut columns = vec![];
        for read in &self.reads {
            match (read.of, &read.pick) {
                (of, Pick::Last { column, before: 0 }) if of.is_none_or(|own| own == variable) => {
                    columns.push(chunk.column(*column).clone());
                }
                _ => return Ok(None),
            }
        }
        let input = rows_of(&self.schema, columns, chunk.num_rows())?;
        Ok(self.compute(&input).ok().and_then(|result| result.as_boolean_opt().cloned()))
    }
}

/// Columns as rows; there may be no column.
pub fn rows_of(schema: &SchemaRef, columns: Vec<ArrayRef>, count: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(bug)
}

/// A column of chunks at these rows; NULL where there is no row.
fn picked(chunks: &Chunks, column: usize, rows: &[Option<At>], field: &Field) -> Result<ArrayRef> {
    if let [row] = rows {
        return Ok(match row {
            Some((chunk, row)) => chunks[*chunk as usize].column(column).slice(*row as usize, 1),
            None => new_null_array(field.data_type(), 1),
        });
    }
    let null = new_null_array(field.data_type(), 1);
    let arrays = chunks.iter().map(|chunk| chunk.column(column).as_ref());
    let arrays: Vec<&dyn Array> = [null.as_ref()].into_iter().chain(arrays).collect();
    let place = |row: &Option<At>| row.map_or((0, 0), |(chunk, row)| (chunk as usize + 1, row as usize));
    interleave(&arrays, &rows.iter().map(place).collect::<Vec<_>>()).map_err(bug)
}

/// A column of chunks at these rows.
pub fn gathered(chunks: &Chunks, column: usize, rows: &[At]) -> Result<ArrayRef> {
    let arrays: Vec<&dyn Array> = chunks.iter().map(|chunk| chunk.column(column).as_ref()).collect();
    let places: Vec<_> = rows.iter().map(|(chunk, row)| (*chunk as usize, *row as usize)).collect();
    interleave(&arrays, &places).map_err(bug)
}

fn aggregated(
    chunks: &Chunks,
    call: &AggregateCall,
    rows: &[At],
    groups: &[u32],
    count: u32,
) -> Result<(ArrayRef, Vec<(usize, String)>)> {
    let args = call.args.iter().map(|column| gathered(chunks, *column, rows));
    let args = args.collect::<Result<Vec<_>>>()?;
    let mut aggregator = aggregate::create(call, false)?;
    aggregator.resize(count as usize);
    if !rows.is_empty() {
        let update = Update { groups, args: &args, filter: None, weights: None, orders: Orders::From(0) };
        aggregator.update(&update)?;
    }
    let evaluated = aggregator.evaluate(&(0..count).collect::<Vec<_>>())?;
    Ok((evaluated.values, evaluated.faults))
}

fn bug(error: arrow::error::ArrowError) -> Error {
    Error::bug(format!("rows of a match: {error}"))
}
