//! Each row as often as one of its columns says: what INTERSECT ALL and EXCEPT ALL leave.
//!
//! Changes of the number are changes of the rows: where an update changes nothing else, only the difference
//! leaves, as new rows or as rows that go.

use arrow::array::{Array, AsArray, UInt64Array};
use arrow::datatypes::{Int64Type, SchemaRef};
use millrace_plan::{Error, Limits, Result, RowKind};

use super::{Account, Operator, Output};
use crate::batch::{Batch, RowKinds};
use crate::checkpoint::OperatorState;

/// The Repeat operator.
pub struct Repeat {
    count: usize,
    columns: usize,
    schema: SchemaRef,
    batch_rows: usize,
    account: Account,
}

impl Repeat {
    /// Sends the first `columns` columns, which `schema` names, as often as column `count` says.
    pub fn new(count: usize, columns: usize, schema: SchemaRef, limits: &Limits) -> Self {
        let batch_rows = limits.batch_rows.max(1);
        Repeat { count, columns, schema, batch_rows, account: Account::default() }
    }

    fn send(
        &mut self,
        batch: &Batch,
        positions: &mut Vec<u64>,
        kinds: &mut Vec<RowKind>,
        out: &mut Output,
    ) -> Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let bug = |error| Error::bug(format!("repeating rows: {error}"));
        let own: Vec<usize> = (0..self.columns).collect();
        let rows = batch.rows.project(&own).map_err(bug)?;
        let kept = Batch { rows, ..Batch::derived(batch.rows.clone(), batch.ingest_ms) };
        let mut taken = kept.take(&UInt64Array::from(std::mem::take(positions)))?;
        let columns = taken.rows.columns().to_vec();
        taken.rows = arrow::array::RecordBatch::try_new(self.schema.clone(), columns).map_err(bug)?;
        let kinds = std::mem::take(kinds);
        let only_new = kinds.iter().all(|kind| *kind == RowKind::Insert);
        taken.kinds = if only_new { RowKinds::Insert } else { RowKinds::from_kinds(kinds) };
        self.account.rows_out += taken.len() as u64;
        out.batch(taken);
        Ok(())
    }
}

/// How many rows appear (or go, if negative) at each row of a batch.
fn differences(batch: &Batch, counts: &[i64]) -> Vec<i64> {
    let mut differences: Vec<i64> =
        counts.iter().enumerate().map(|(row, count)| count * batch.kinds.get(row).weight()).collect();
    for row in 1..differences.len() {
        let update = (batch.kinds.get(row - 1), batch.kinds.get(row));
        if update == (RowKind::UpdateBefore, RowKind::UpdateAfter) {
            differences[row] += std::mem::take(&mut differences[row - 1]);
        }
    }
    differences
}

impl Operator for Repeat {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        let counts = batch.rows.column(self.count).as_primitive_opt::<Int64Type>();
        let counts = counts.ok_or_else(|| Error::bug("the number of rows is not BIGINT"))?;
        let count = |row: usize| if counts.is_valid(row) { counts.value(row).max(0) } else { 0 };
        let counts: Vec<i64> = (0..batch.len()).map(count).collect();
        let (mut positions, mut kinds) = (vec![], vec![]);
        for (row, difference) in differences(&batch, &counts).into_iter().enumerate() {
            let kind = if difference > 0 { RowKind::Insert } else { RowKind::Delete };
            if difference == 0 {
                self.account.filtered += 1;
            }
            for _ in 0..difference.unsigned_abs() {
                positions.push(row as u64);
                kinds.push(kind);
                if positions.len() == self.batch_rows {
                    self.send(&batch, &mut positions, &mut kinds, out)?;
                }
            }
        }
        self.send(&batch, &mut positions, &mut kinds, out)
    }

    /// Holds nothing between two rows.
    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        Ok(OperatorState::none())
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[])
    }

    fn account(&self) -> Account {
        self.account
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::batch::Event;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};

    /// What leaves of rows with these kinds, values and numbers.
    fn repeated(rows: &[(RowKind, i64, Option<i64>)], batch_rows: usize) -> Vec<(RowKind, i64)> {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|own| own.1)));
        let counts: ArrayRef = Arc::new(rows.iter().map(|own| own.2).collect::<Int64Array>());
        let batch = RecordBatch::try_from_iter_with_nullable([("v", values, true), ("n", counts, true)]);
        let kinds = RowKinds::from_kinds(rows.iter().map(|own| own.0));
        let batch = Batch { kinds, ..Batch::derived(batch.unwrap(), 0) };
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int64, true)]));
        let mut own = Repeat::new(1, 1, schema, &Limits { batch_rows, ..Limits::default() });
        let mut out = Output::default();
        own.on_batch(0, batch, &mut out).unwrap();
        let sent = out.events.iter().flat_map(|event| {
            let Event::Batch(batch) = event else { panic!("no rows: {event:?}") };
            assert!(batch.len() <= batch_rows);
            let value = |row| batch.rows.column(0).as_primitive::<Int64Type>().value(row);
            (0..batch.len()).map(|row| (batch.kinds.get(row), value(row))).collect::<Vec<_>>()
        });
        sent.collect()
    }

    #[test]
    fn an_update_of_the_number_sends_the_difference() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let rows = [
            (Insert, 1, Some(2)),
            (UpdateBefore, 2, Some(1)),
            (UpdateAfter, 2, Some(3)),
            (UpdateBefore, 3, Some(4)),
            (UpdateAfter, 3, Some(-1)),
            (UpdateBefore, 4, Some(5)),
            (UpdateAfter, 4, Some(5)),
            (Delete, 5, Some(1)),
            (Insert, 6, None),
        ];
        let gone = [(Delete, 3); 4];
        let expected: Vec<(RowKind, i64)> =
            [(Insert, 1); 2].into_iter().chain([(Insert, 2); 2]).chain(gone).chain([(Delete, 5)]).collect();
        for batch_rows in [1, 3, 100] {
            assert_eq!(repeated(&rows, batch_rows), expected);
        }
    }

    #[test]
    fn half_an_update_is_a_row_that_goes_or_comes() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        assert_eq!(repeated(&[(UpdateBefore, 1, Some(2))], 10), [(Delete, 1); 2]);
        assert_eq!(repeated(&[(UpdateAfter, 1, Some(3))], 10), [(Insert, 1); 3]);
    }
}
