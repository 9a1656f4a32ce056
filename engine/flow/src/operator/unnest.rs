//! The elements of an array or a map as rows, each beside the row it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef, UInt32Type, UInt64Type};
use millrace_plan::{Error, Limits, Node, Operator as Spec, Result};

use super::{Account, Operator, Output};
use crate::batch::{Batch, Origin, SplitId};
use crate::checkpoint::OperatorState;

/// The table of a checkpoint: the order of the next row of each split.
const SPLITS: &str = "splits";

/// The Unnest operator.
pub struct Unnest {
    column: usize,
    columns: usize,
    outer: bool,
    ordinality: bool,
    schema: SchemaRef,
    batch_rows: usize,
    /// The order of the next row of each split: there are more rows than were read.
    next: BTreeMap<SplitId, u64>,
    account: Account,
}

/// Which element stands beside which row; a row without elements stands beside none.
#[derive(Default)]
struct Pairs {
    rows: Vec<u64>,
    elements: Vec<Option<u64>>,
    ordinals: Vec<Option<i32>>,
}

impl Unnest {
    /// The operator of `node`.
    pub fn new(node: &Node, limits: &Limits) -> Result<Self> {
        let Spec::Unnest { column, columns, outer, ordinality } = node.operator else {
            return Err(Error::bug("not an Unnest"));
        };
        let (schema, batch_rows) = (node.schema.clone(), limits.batch_rows.max(1));
        let (next, account) = (BTreeMap::new(), Account::default());
        Ok(Unnest { column, columns, outer, ordinality, schema, batch_rows, next, account })
    }

    fn pairs(&mut self, nested: &ArrayRef, offsets: &[i32]) -> Pairs {
        let mut pairs = Pairs::default();
        for (row, range) in offsets.windows(2).enumerate() {
            let range = if nested.is_valid(row) { range[0] as u64..range[1] as u64 } else { 0..0 };
            if range.is_empty() && !self.outer {
                self.account.filtered += 1;
            }
            if range.is_empty() && self.outer {
                pairs.rows.push(row as u64);
                pairs.elements.push(None);
                pairs.ordinals.push(None);
            }
            for (ordinal, element) in (1..).zip(range) {
                pairs.rows.push(row as u64);
                pairs.elements.push(Some(element));
                pairs.ordinals.push(Some(ordinal));
            }
        }
        pairs
    }

    /// Sends the pairs `from..to`.
    fn send(
        &mut self,
        batch: &Batch,
        elements: &ArrayRef,
        pairs: &Pairs,
        (from, to): (usize, usize),
        out: &mut Output,
    ) -> Result<()> {
        let own: Vec<usize> = (0..self.columns).collect();
        let rows = batch.rows.project(&own).map_err(|error| bug(&error))?;
        let kept = Batch { rows, ..batch.clone() };
        let kept = kept.take(&UInt64Array::from(pairs.rows[from..to].to_vec()))?;
        let mut columns = kept.rows.columns().to_vec();
        columns.extend(element_columns(elements, &pairs.elements[from..to])?);
        if self.ordinality {
            columns.push(Arc::new(Int32Array::from(pairs.ordinals[from..to].to_vec())));
        }
        let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| bug(&error))?;
        let next = self.next.entry(batch.origin.split).or_default();
        let first_row = batch.origin.first_row.max(*next);
        *next = first_row + rows.num_rows() as u64;
        self.account.rows_out += rows.num_rows() as u64;
        out.batch(Batch { rows, origin: Origin { first_row, ..batch.origin }, ..kept });
        Ok(())
    }
}

fn bug(error: &arrow::error::ArrowError) -> Error {
    Error::bug(format!("elements: {error}"))
}

/// The elements of all rows one after the other, and where those of each row begin and end.
fn parts(nested: &ArrayRef) -> Result<(ArrayRef, Vec<i32>)> {
    match nested.data_type() {
        DataType::List(_) => {
            let list = nested.as_list::<i32>();
            Ok((list.values().clone(), list.value_offsets().to_vec()))
        }
        DataType::Map(..) => {
            let map = nested.as_map();
            Ok((Arc::new(map.entries().clone()), map.value_offsets().to_vec()))
        }
        other => Err(Error::bug(format!("UNNEST of {other}"))),
    }
}

/// The columns of these elements: the fields of a ROW or an entry, else the element itself.
fn element_columns(elements: &ArrayRef, picked: &[Option<u64>]) -> Result<Vec<ArrayRef>> {
    let Some(fields) = elements.as_struct_opt() else {
        let column = take(elements, &UInt64Array::from(picked.to_vec()), None);
        return Ok(vec![column.map_err(|error| bug(&error))?]);
    };
    // The fields of a row that is NULL are NULL.
    let there = picked.iter().map(|own| own.filter(|element| fields.is_valid(*element as usize)));
    let there: UInt64Array = there.collect();
    let columns = fields.columns().iter().map(|own| take(own, &there, None));
    columns.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| bug(&error))
}

impl Operator for Unnest {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        let nested = batch.rows.column(self.column).clone();
        let (elements, offsets) = parts(&nested)?;
        let pairs = self.pairs(&nested, &offsets);
        let count = pairs.rows.len();
        for from in (0..count).step_by(self.batch_rows) {
            self.send(&batch, &elements, &pairs, (from, count.min(from + self.batch_rows)), out)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let splits: ArrayRef = Arc::new(UInt32Array::from_iter_values(self.next.keys().copied()));
        let next: ArrayRef = Arc::new(UInt64Array::from_iter_values(self.next.values().copied()));
        let rows = RecordBatch::try_from_iter([("split", splits), ("next", next)]);
        let mut state = OperatorState::none();
        state.add_everywhere(SPLITS, rows.map_err(|error| bug(&error))?);
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[SPLITS])?;
        let foreign = || Error::data("the order of rows in the checkpoint cannot be read");
        for rows in state.rows(SPLITS) {
            let [splits, next] = rows.columns() else { return Err(foreign()) };
            let splits = splits.as_primitive_opt::<UInt32Type>().ok_or_else(foreign)?;
            let next = next.as_primitive_opt::<UInt64Type>().ok_or_else(foreign)?;
            for (split, next) in splits.values().iter().zip(next.values()) {
                let own = self.next.entry(*split).or_default();
                *own = *next.max(own);
            }
        }
        Ok(())
    }

    fn account(&self) -> Account {
        self.account
    }
}
