//! Ranked rows in a checkpoint: as columns. What a row is ranked by is kept once, though the bytes of a held row
//! have it twice.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::row::Rows;
use millrace_plan::{Error, Result, SortColumn, Ties};

use super::{GroupTable, RankEncoding};
use crate::checkpoint::{OperatorState, as_layout};

/// Rows of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

/// A row that is held: the number of its group, its bytes, how often it is there.
pub type HeldRow<'a> = (u32, &'a [u8], i64);

/// Where the values of an input column are.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Among the columns that an encoded row brings back.
    Decoded(usize),
    /// Among the keys.
    Key(usize),
}

/// The columns of ranked rows in a checkpoint: the key hash, how often the row is there, its order of arrival
/// if that counts, and those input columns that are sent, ranked by, or grouped by.
pub struct RankedLayout {
    schema: SchemaRef,
    /// The input columns that are kept, and where their values are.
    kept: Vec<(usize, Place)>,
    keys: Vec<usize>,
    order: Vec<usize>,
    columns: usize,
    /// The decoded column with the order of arrival.
    arrival: Option<usize>,
}

/// Ranked rows of a checkpoint.
pub struct Restored {
    /// Their keys.
    pub keys: Vec<ArrayRef>,
    /// Their bytes.
    pub rows: Rows,
    /// How often each is there.
    pub weights: Int64Array,
    columns: Vec<(usize, ArrayRef)>,
}

impl Restored {
    /// An input column.
    pub fn column(&self, column: usize) -> Result<ArrayRef> {
        find(&self.columns, column)
    }
}

fn find(columns: &[(usize, ArrayRef)], column: usize) -> Result<ArrayRef> {
    let found = columns.iter().find(|(own, _)| *own == column);
    found.map(|(_, values)| values.clone()).ok_or_else(|| Error::bug("a column that no checkpoint keeps"))
}

impl RankedLayout {
    /// For rows of `input` in groups by `keys`, ranked by `order` and `ties`, of which the first `columns` are sent.
    pub fn new(input: &SchemaRef, keys: &[usize], order: &[SortColumn], ties: Ties, columns: usize) -> Self {
        let arrival = (ties != Ties::Content).then_some(order.len());
        let ranking = order.len() + usize::from(arrival.is_some());
        let mut kept: Vec<(usize, Place)> =
            (0..columns).map(|column| (column, Place::Decoded(ranking + column))).collect();
        let sorted = order.iter().enumerate().map(|(at, own)| (own.column, Place::Decoded(at)));
        let grouped = keys.iter().enumerate().map(|(at, key)| (*key, Place::Key(at)));
        for (column, place) in sorted.chain(grouped) {
            if !kept.iter().any(|(own, _)| *own == column) {
                kept.push((column, place));
            }
        }
        let mut fields: Vec<FieldRef> = vec![
            Arc::new(Field::new("hash", DataType::UInt64, false)),
            Arc::new(Field::new("weight", DataType::Int64, false)),
        ];
        fields.extend(arrival.map(|_| Arc::new(Field::new("arrival", DataType::UInt64, false))));
        fields.extend(kept.iter().map(|(column, _)| {
            let data_type = input.field(*column).data_type().clone();
            Arc::new(Field::new(format!("column{column}"), data_type, true))
        }));
        let order = order.iter().map(|own| own.column).collect();
        let schema = Arc::new(Schema::new(fields));
        RankedLayout { schema, kept, keys: keys.to_vec(), order, columns, arrival }
    }

    /// Rows for a checkpoint, in parts; `hashes` are by group.
    pub fn write(
        &self,
        encoding: &RankEncoding,
        table: &GroupTable,
        hashes: &[u64],
        rows: &[HeldRow],
    ) -> Result<Vec<RecordBatch>> {
        rows.chunks(MOST_ROWS).map(|rows| self.part(encoding, table, hashes, rows)).collect()
    }

    /// Adds the rows of groups, each a part of the state, to the table `name` of a checkpoint.
    pub fn add_parts(
        &self,
        state: &mut OperatorState,
        name: &str,
        encoding: &RankEncoding,
        table: &GroupTable,
        rows: &[HeldRow],
    ) -> Result<()> {
        let batches = self.write(encoding, table, table.hashes(), rows)?;
        for (batch, rows) in batches.into_iter().zip(rows.chunks(MOST_ROWS)) {
            let parts = rows.iter().map(|(group, ..)| u64::from(*group)).collect();
            state.add_parts(name, batch, parts, vec![]);
        }
        Ok(())
    }

    fn part(
        &self,
        encoding: &RankEncoding,
        table: &GroupTable,
        hashes: &[u64],
        rows: &[HeldRow],
    ) -> Result<RecordBatch> {
        let groups: Vec<u32> = rows.iter().map(|(group, ..)| *group).collect();
        let decoded = encoding.decode_all(rows.iter().map(|(_, row, _)| *row))?;
        let keys = table.keys(&groups)?;
        let hashes = UInt64Array::from_iter_values(groups.iter().map(|group| hashes[*group as usize]));
        let weights = Int64Array::from_iter_values(rows.iter().map(|(.., weight)| *weight));
        let mut columns: Vec<ArrayRef> = vec![Arc::new(hashes), Arc::new(weights)];
        columns.extend(self.arrival.map(|at| decoded[at].clone()));
        columns.extend(self.kept.iter().map(|(_, place)| match place {
            Place::Decoded(at) => decoded[*at].clone(),
            Place::Key(at) => keys[*at].clone(),
        }));
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|error| Error::bug(format!("ranked rows for a checkpoint: {error}")))
    }

    /// Rows of a checkpoint; rows that come later are later than these.
    pub fn read(&self, encoding: &mut RankEncoding, rows: &RecordBatch) -> Result<Restored> {
        let rows = as_layout(rows.columns(), &self.schema)?;
        let first = self.schema.fields().len() - self.kept.len();
        let kept = rows.columns()[first..].iter().cloned();
        let columns: Vec<(usize, ArrayRef)> = self.kept.iter().map(|(own, _)| *own).zip(kept).collect();
        let weights = rows.column(1).as_primitive::<Int64Type>().clone();
        let keys = self.keys.iter().map(|key| find(&columns, *key)).collect::<Result<Vec<_>>>()?;
        let mut encoded = self.order.iter().map(|own| find(&columns, *own)).collect::<Result<Vec<_>>>()?;
        if self.arrival.is_some() {
            encoding.resume_behind(rows.column(2).as_primitive::<UInt64Type>().values());
            encoded.push(rows.column(2).clone());
        }
        // The columns that are sent come first.
        encoded.extend(columns[..self.columns].iter().map(|(_, values)| values.clone()));
        Ok(Restored { keys, rows: encoding.encode_columns(&encoded)?, weights, columns })
    }
}

#[cfg(test)]
mod tests {
    use millrace_plan::Culprit;

    use super::*;
    use crate::batch::Batch;
    use crate::state::hash_keys;

    const ORDER: [SortColumn; 1] = [SortColumn { column: 1, descending: true, nulls_first: false }];

    fn input(key: DataType) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("k", key, true), Field::new("v", DataType::Int64, true)]))
    }

    #[test]
    fn rows_come_back_as_they_were_and_only_to_their_own_query() {
        let schema = input(DataType::Int64);
        let mut encoding = RankEncoding::new(&schema, &ORDER, Ties::Earliest, 2).unwrap();
        let layout = RankedLayout::new(&schema, &[0], &ORDER, Ties::Earliest, 2);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(-7)]));
        let rows = RecordBatch::try_new(schema, vec![column.clone(), column.clone()]).unwrap();
        let encoded = encoding.encode(&Batch::derived(rows, 0)).unwrap();
        let (mut table, mut hashes, mut groups) =
            (GroupTable::new(&[DataType::Int64]).unwrap(), vec![], vec![]);
        hash_keys(std::slice::from_ref(&column), 3, &mut hashes).unwrap();
        table.intern(std::slice::from_ref(&column), &hashes, &mut groups).unwrap();
        let held: Vec<Vec<u8>> = encoded.iter().map(|row| row.as_ref().to_vec()).collect();
        let held: Vec<HeldRow> = groups.iter().zip(&held).map(|(group, row)| (*group, &row[..], 2)).collect();
        let parts = layout.write(&encoding, &table, table.hashes(), &held).unwrap();
        let [part] = parts.as_slice() else { panic!("{} parts", parts.len()) };
        // The hash, the count, the order of arrival, and each column once.
        assert_eq!(part.num_columns(), 5);
        let restored = layout.read(&mut encoding, part).unwrap();
        assert!(restored.rows.iter().zip(&held).all(|(own, (_, row, _))| own.as_ref() == *row));
        assert_eq!((&restored.keys[0], restored.weights), (&column, Int64Array::from(vec![2, 2, 2])));
        let other = RankedLayout::new(&input(DataType::Utf8), &[0], &ORDER, Ties::Earliest, 2);
        assert_eq!(other.read(&mut encoding, part).err().unwrap().culprit, Culprit::Data);
    }
}
