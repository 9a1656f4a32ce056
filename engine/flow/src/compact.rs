//! The rows that a filter keeps.
//!
//! Numbers without NULLs are moved without a branch per row: every value is written, and the place moves on
//! only behind one that stays. Which rows stay cannot be guessed, so that a branch would be wrong half the
//! time. (As in Ross, "Selection conditions in main memory", TODS 2004.) The rest is arrow's.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions, downcast_primitive_array,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{FilterBuilder, FilterPredicate};
use arrow::error::ArrowError;

/// Rows of a mask's word.
const WORD_ROWS: usize = 64;

/// The rows for which `keep` is true.
pub fn compact(rows: &RecordBatch, keep: &BooleanArray) -> Result<RecordBatch, ArrowError> {
    let kept = keep.true_count();
    let mut predicate: Option<FilterPredicate> = None;
    let mut by_arrow = |column: &ArrayRef| {
        let own = predicate.get_or_insert_with(|| FilterBuilder::new(keep).optimize().build());
        own.filter(column)
    };
    let column = |column: &ArrayRef| -> Result<ArrayRef, ArrowError> {
        if column.null_count() > 0 || keep.null_count() > 0 {
            return by_arrow(column);
        }
        let array = column.as_ref();
        downcast_primitive_array!(
            array => Ok(numbers(array, keep.values(), kept)),
            _ => by_arrow(column)
        )
    };
    let columns = rows.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(kept));
    RecordBatch::try_new_with_options(rows.schema(), columns, &options)
}

fn numbers<T: arrow::datatypes::ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    keep: &BooleanBuffer,
    kept: usize,
) -> ArrayRef {
    let values = kept_values(array.values(), keep, kept);
    Arc::new(PrimitiveArray::<T>::new(values.into(), None).with_data_type(array.data_type().clone()))
}

fn kept_values<N: Copy + Default>(values: &[N], keep: &BooleanBuffer, kept: usize) -> Vec<N> {
    // A word's rows are all written before it is known how many stay.
    let mut out = vec![N::default(); kept + WORD_ROWS];
    let mut end = 0;
    let words = keep.bit_chunks();
    let chunks = values.chunks(WORD_ROWS);
    for (chunk, mut word) in chunks.zip(words.iter_padded()) {
        let place = &mut out[end..end + WORD_ROWS];
        let mut next = 0;
        for value in chunk {
            place[next % WORD_ROWS] = *value;
            next += (word & 1) as usize;
            word >>= 1;
        }
        end += next;
    }
    out.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use arrow::compute::filter_record_batch;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_rows_are_those_that_arrow_keeps(
            rows in proptest::collection::vec((any::<i64>(), any::<bool>(), any::<bool>()), 0..300),
            skipped in 0usize..70,
        ) {
            let numbers: Int64Array = rows.iter().map(|row| row.0).collect::<Vec<_>>().into();
            let some: Int64Array = rows.iter().map(|row| row.2.then_some(row.0)).collect();
            let texts: StringArray = rows.iter().map(|row| Some(row.0.to_string())).collect();
            let columns: Vec<(&str, ArrayRef, bool)> = vec![
                ("a", Arc::new(numbers), true),
                ("b", Arc::new(some), true),
                ("c", Arc::new(texts), true),
            ];
            let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
            let keep: BooleanArray = rows.iter().map(|row| Some(row.1)).collect();
            // Slices have offsets.
            let skipped = skipped.min(rows.len());
            let (batch, keep) =
                (batch.slice(skipped, rows.len() - skipped), keep.slice(skipped, rows.len() - skipped));
            prop_assert_eq!(compact(&batch, &keep).unwrap(), filter_record_batch(&batch, &keep).unwrap());
        }
    }
}
