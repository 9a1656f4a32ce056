//! The rows that a filter keeps.
//!
//! Numbers without NULLs are moved without a branch per row: which rows stay cannot be guessed, so that a branch
//! would be wrong half the time. The places of the rows that stay are found eight at a time by a table of all
//! bytes (as in Polychroniou, Raghavan and Ross, "Rethinking SIMD vectorization for in-memory databases", SIGMOD
//! 2015), once for all columns. A processor with AVX-512 moves values of four and eight bytes itself
//! ([`avx512`]). The rest is arrow's.

#[cfg(target_arch = "x86_64")]
mod avx512;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
    downcast_primitive_array,
};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{FilterBuilder, FilterPredicate};
use arrow::error::ArrowError;

/// Rows of a mask's word.
const WORD_ROWS: usize = 64;

/// Rows of a mask's byte.
const BYTE_ROWS: usize = 8;

/// The places of the bits that are set in each byte, from the front, and then zeros.
static PLACES: [[u8; BYTE_ROWS]; 256] = places();

const fn places() -> [[u8; BYTE_ROWS]; 256] {
    let mut table = [[0; BYTE_ROWS]; 256];
    let mut byte = 0;
    while byte < table.len() {
        let (mut bit, mut found) = (0, 0);
        while bit < BYTE_ROWS {
            if byte >> bit & 1 == 1 {
                table[byte][found] = bit as u8;
                found += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    table
}

/// The rows for which `keep` is true.
pub fn compact(rows: &RecordBatch, keep: &BooleanArray) -> Result<RecordBatch, ArrowError> {
    let kept = keep.true_count();
    let mut predicate: Option<FilterPredicate> = None;
    let mut selection: Option<Selection> = None;
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
            array => Ok(by_processor(array, keep.values(), kept).unwrap_or_else(|| {
                let selection = selection.get_or_insert_with(|| Selection::new(keep.values(), kept));
                column_of(array, selection.of(array.values()).into())
            })),
            _ => by_arrow(column)
        )
    };
    let columns = rows.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(kept));
    RecordBatch::try_new_with_options(rows.schema(), columns, &options)
}

/// The values of one column that stay, moved by the processor, if it can.
fn by_processor<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    keep: &BooleanBuffer,
    kept: usize,
) -> Option<ArrayRef> {
    #[cfg(target_arch = "x86_64")]
    return avx512::compact(array.values().inner(), size_of::<T::Native>(), keep, kept)
        .map(|values| column_of::<T>(array, ScalarBuffer::from(values)));
    #[cfg(not(target_arch = "x86_64"))]
    return None;
}

fn column_of<T: ArrowPrimitiveType>(like: &PrimitiveArray<T>, values: ScalarBuffer<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values, None).with_data_type(like.data_type().clone()))
}

/// The rows that stay: for each word of the mask how many, and their places in the word.
struct Selection {
    counts: Vec<u8>,
    places: Vec<u8>,
}

impl Selection {
    fn new(keep: &BooleanBuffer, kept: usize) -> Selection {
        let mut counts = Vec::with_capacity(keep.len().div_ceil(WORD_ROWS));
        // Eight places are written before it is known how many count.
        let mut places = vec![0; kept + BYTE_ROWS];
        let mut end = 0;
        for word in keep.bit_chunks().iter_padded() {
            counts.push(word.count_ones() as u8);
            for (index, byte) in word.to_le_bytes().into_iter().enumerate() {
                let first = u64::from_le_bytes([(index * BYTE_ROWS) as u8; BYTE_ROWS]);
                let found = u64::from_le_bytes(PLACES[byte as usize]) + first;
                places[end..end + BYTE_ROWS].copy_from_slice(&found.to_le_bytes());
                end += byte.count_ones() as usize;
            }
        }
        places.truncate(kept);
        Selection { counts, places }
    }

    fn of<N: Copy + Default>(&self, values: &[N]) -> Vec<N> {
        let mut out = Vec::with_capacity(self.places.len());
        let mut places = &self.places[..];
        let (words, rest) = values.as_chunks::<WORD_ROWS>();
        let mut last = [N::default(); WORD_ROWS];
        last[..rest.len()].copy_from_slice(rest);
        for (word, count) in words.iter().chain([&last]).zip(&self.counts) {
            let (own, others) = places.split_at(*count as usize);
            out.extend(own.iter().map(|place| word[*place as usize % WORD_ROWS]));
            places = others;
        }
        out
    }
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
