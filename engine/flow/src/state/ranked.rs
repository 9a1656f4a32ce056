//! Rows in the order of a ranking: each encoded so that its bytes sort as the row ranks (arrow's row
//! encoding of the sort columns, then of what tells ties apart, then of the row itself).

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::{Row, RowConverter, Rows, SortField};
use millrace_plan::{Error, Result, SortColumn, Ties};

use crate::batch::Batch;

/// Encodes rows for a ranking, and brings them back.
pub struct RankEncoding {
    converter: RowConverter,
    order: Vec<SortColumn>,
    ties: Ties,
    columns: usize,
    /// Rows that have come: ties of one split are in this order.
    arrived: u64,
    /// Encodes only what the rows are sorted by.
    sorted: RowConverter,
}

/// Bytes of the order of arrival in an encoded row: whether it is null, and the number.
const ARRIVAL_BYTES: usize = 1 + size_of::<u64>();

/// The number of a split goes above this many bits of the count of rows.
const ARRIVAL_BITS: u32 = 40;

impl RankEncoding {
    /// For rows of `input`, of which the first `columns` come back.
    pub fn new(input: &SchemaRef, order: &[SortColumn], ties: Ties, columns: usize) -> Result<Self> {
        let sorted = order.iter().map(|own| {
            let options = SortOptions { descending: own.descending, nulls_first: own.nulls_first };
            SortField::new_with_options(input.field(own.column).data_type().clone(), options)
        });
        let sorted: Vec<SortField> = sorted.collect();
        let latest = SortOptions { descending: ties == Ties::Latest, nulls_first: true };
        let arrival = SortField::new_with_options(DataType::UInt64, latest);
        let own = input.fields().iter().take(columns);
        let own = own.map(|field| SortField::new(field.data_type().clone()));
        let fields = sorted.iter().cloned().chain((ties != Ties::Content).then_some(arrival)).chain(own);
        let made = |fields: Vec<SortField>| {
            RowConverter::new(fields)
                .map_err(|error| Error::query(format!("rows with these columns cannot be ranked: {error}")))
        };
        let (converter, sorted) = (made(fields.collect())?, made(sorted)?);
        Ok(RankEncoding { converter, order: order.to_vec(), ties, columns, arrived: 0, sorted })
    }

    /// Of each row of a batch, the bytes of its encoding that tell only when it came: a row that is taken back
    /// has come at another time. `None` if rows are known by their content alone.
    pub fn arrivals(&self, batch: &Batch) -> Result<Option<Vec<Range<usize>>>> {
        if self.ties == Ties::Content {
            return Ok(None);
        }
        let columns: Vec<ArrayRef> =
            self.order.iter().map(|own| batch.rows.column(own.column).clone()).collect();
        let sorted = self.sorted.convert_columns(&columns);
        let sorted =
            sorted.map_err(|error| Error::bug(format!("encoding what rows are ranked by: {error}")))?;
        let arrival = |row: Row| row.as_ref().len()..row.as_ref().len() + ARRIVAL_BYTES;
        Ok(Some(sorted.iter().map(arrival).collect()))
    }

    /// The encoded rows of a batch.
    pub fn encode(&mut self, batch: &Batch) -> Result<Rows> {
        let column = |own: &SortColumn| batch.rows.column(own.column).clone();
        let mut columns: Vec<ArrayRef> = self.order.iter().map(column).collect();
        if self.ties != Ties::Content {
            let split = (batch.origin.split as u64) << ARRIVAL_BITS;
            let orders = (self.arrived..).take(batch.len()).map(|arrived| split | arrived);
            columns.push(Arc::new(UInt64Array::from_iter_values(orders)));
            self.arrived += batch.len() as u64;
        }
        columns.extend(batch.rows.columns()[..self.columns].iter().cloned());
        self.encode_columns(&columns)
    }

    /// The encoded rows of what [`Self::decode_all`] has brought back.
    pub fn encode_columns(&self, columns: &[ArrayRef]) -> Result<Rows> {
        self.converter
            .convert_columns(columns)
            .map_err(|error| Error::bug(format!("encoding ranked rows: {error}")))
    }

    /// Rows that come from now on come after these, given by split and order of arrival.
    pub fn resume_behind(&mut self, arrivals: &[u64]) {
        self.arrived =
            arrivals.iter().map(|own| (own & ((1 << ARRIVAL_BITS) - 1)) + 1).fold(self.arrived, u64::max);
    }

    /// The columns of these rows.
    pub fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let ranking = self.order.len() + usize::from(self.ties != Ties::Content);
        Ok(self.decode_all(rows)?.into_iter().skip(ranking).collect())
    }

    /// What these rows are sorted by, their order of arrival if that counts, and their columns.
    pub fn decode_all<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let parser = self.converter.parser();
        self.converter
            .convert_rows(rows.map(|row| parser.parse(row)))
            .map_err(|error| Error::bug(format!("decoding ranked rows: {error}")))
    }

    /// Decoded columns as rows of `schema`, with `rank` as its last column if it has one more.
    pub fn record(
        &self,
        schema: &SchemaRef,
        mut columns: Vec<ArrayRef>,
        rank: Option<ArrayRef>,
    ) -> Result<RecordBatch> {
        columns.extend(rank);
        RecordBatch::try_new(schema.clone(), columns)
            .map_err(|error| Error::bug(format!("ranked rows: {error}")))
    }
}

/// A row as it is encoded; shared by what is held and what was sent.
pub type RankedRow = Rc<[u8]>;

/// The rows of one group by rank, each with how often it is there. A count may be negative for a moment,
/// because a delete can overtake its insert between shards.
#[derive(Debug, Default)]
pub struct RankedRows {
    rows: Sorted,
    /// The sum of the counts, each without its sign: accepted rows that are held.
    held: u64,
    /// Bytes of the rows.
    bytes: usize,
    /// The sum of those that are negative, without their sign.
    owed: u64,
}

/// Rows in order: most groups have few.
#[derive(Debug)]
enum Sorted {
    Few(Vec<(RankedRow, i64)>),
    Many(BTreeMap<RankedRow, i64>),
}

/// With more rows than this a search in a tree is cheaper than to move them.
const MOST_FEW: usize = 64;

impl Default for Sorted {
    fn default() -> Self {
        Sorted::Few(vec![])
    }
}

impl Sorted {
    fn iter(&self) -> impl Iterator<Item = (&RankedRow, i64)> {
        self.from(&[])
    }

    /// The rows from this one on.
    fn from(&self, first: &[u8]) -> impl Iterator<Item = (&RankedRow, i64)> {
        let (few, many) = match self {
            Sorted::Few(rows) => {
                let place = rows.partition_point(|(row, _)| row[..] < *first);
                (Some(rows[place..].iter().map(|(row, count)| (row, *count))), None)
            }
            Sorted::Many(rows) => {
                let range = rows.range::<[u8], _>((Bound::Included(first), Bound::Unbounded));
                (None, Some(range.map(|(row, count)| (row, *count))))
            }
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }

    fn last(&self) -> Option<&RankedRow> {
        match self {
            Sorted::Few(rows) => rows.last().map(|(row, _)| row),
            Sorted::Many(rows) => rows.last_key_value().map(|(row, _)| row),
        }
    }

    /// Adds to the count of a row, which is gone if that makes 0. Answers the count.
    fn count(&mut self, row: &[u8], weight: i64) -> i64 {
        match self {
            Sorted::Few(rows) => match rows.binary_search_by(|(own, _)| own[..].cmp(row)) {
                Ok(place) => {
                    rows[place].1 += weight;
                    let count = rows[place].1;
                    if count == 0 {
                        rows.remove(place);
                    }
                    count
                }
                Err(place) => {
                    if rows.is_empty() {
                        rows.reserve_exact(1);
                    }
                    rows.insert(place, (row.into(), weight));
                    if rows.len() > MOST_FEW {
                        *self = Sorted::Many(std::mem::take(rows).into_iter().collect());
                    }
                    weight
                }
            },
            Sorted::Many(rows) => {
                let Some(count) = rows.get_mut(row) else {
                    rows.insert(row.into(), weight);
                    return weight;
                };
                *count += weight;
                let count = *count;
                if count == 0 {
                    rows.remove(row);
                }
                count
            }
        }
    }
}

impl RankedRows {
    /// Rows held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// True if `row` would rank behind `most` rows that are held, all of them added.
    pub fn is_beyond(&self, row: &[u8], most: u64) -> bool {
        self.held >= most && self.rows.last().is_some_and(|worst| row >= &worst[..])
    }

    /// Adds a row and lets go of those that rank behind `most`. Answers how many rows left.
    pub fn keep(&mut self, row: &[u8], most: u64) -> u64 {
        self.add(row, 1);
        let mut left = 0;
        while self.held > most {
            let Some(worst) = self.rows.last().cloned() else { break };
            self.add(&worst, -1);
            left += 1;
        }
        left
    }

    /// Adds (`+1`) or takes back (`-1`) a row. Answers how many accepted rows are no longer held.
    pub fn add(&mut self, row: &[u8], weight: i64) -> u64 {
        let count = self.rows.count(row, weight);
        let before = (count - weight).unsigned_abs();
        let gone = (before + weight.unsigned_abs()).saturating_sub(count.unsigned_abs());
        self.held = self.held + count.unsigned_abs() - before;
        match (before, count) {
            (0, _) => self.bytes += row.len(),
            (_, 0) => self.bytes -= row.len(),
            _ => {}
        }
        let owed = |count: i64| count.min(0).unsigned_abs();
        self.owed = self.owed + owed(count) - owed(count - weight);
        gone
    }

    /// Adds or takes back a row of which `arrival` are the bytes that tell when it came: what differs only in them
    /// is the same row. Of several the first is taken back. Answers as [`Self::add`] does.
    pub fn change(&mut self, row: &[u8], arrival: &Range<usize>, weight: i64) -> u64 {
        if weight > 0 && self.owed == 0 {
            return self.add(row, weight);
        }
        let sorted = &row[..arrival.start];
        let ranked = self.rows.from(sorted).take_while(|(own, _)| own.starts_with(sorted));
        let mut same = ranked.filter(|(own, _)| own[arrival.end..] == row[arrival.end..]);
        // A delete that has overtaken its insert waits for it.
        let found = same.find(|(_, count)| count.signum() == -weight.signum()).map(|(own, _)| own.clone());
        drop(same);
        match found {
            Some(own) => self.add(&own, weight),
            None => self.add(row, weight),
        }
    }

    /// The rows with the ranks `first..=last`.
    pub fn ranks(&self, first: u64, last: u64) -> impl Iterator<Item = &RankedRow> {
        let present = self.rows.iter().filter(|(_, count)| *count > 0);
        let rows = present.flat_map(|(row, count)| std::iter::repeat_n(row, count as usize));
        rows.skip(first as usize - 1).take((last + 1).saturating_sub(first) as usize)
    }

    /// The rows, and how often each is there.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], i64)> {
        self.rows.iter().map(|(row, count)| (&row[..], count))
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        /// A row's reference and count, and the two counters before its bytes.
        const ENTRY: usize = size_of::<(RankedRow, i64)>() + 2 * size_of::<usize>();
        let rows = match &self.rows {
            Sorted::Few(rows) => rows.capacity(),
            Sorted::Many(rows) => rows.len(),
        };
        self.bytes + rows * ENTRY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(rows: &RankedRows, first: u64, last: u64) -> Vec<&[u8]> {
        rows.ranks(first, last).map(|row| &row[..]).collect()
    }

    #[test]
    fn many_rows_are_ranked_as_few() {
        let mut rows = RankedRows::default();
        let row = |own: u32| (own * 7919 % 1000).to_be_bytes();
        (0..1000).for_each(|own| assert_eq!(rows.add(&row(own), 1), 0));
        assert_eq!((rows.held(), top(&rows, 500, 500)), (1000, vec![&499u32.to_be_bytes()[..]]));
        let bytes = rows.bytes();
        (0..1000).for_each(|own| assert_eq!(rows.add(&row(own), -1), 2));
        assert!(rows.held() == 0 && top(&rows, 1, 1000).is_empty() && rows.bytes() < bytes / 100);
    }

    #[test]
    fn the_best_rows_stay() {
        let mut rows = RankedRows::default();
        let left: u64 = [b"d", b"b", b"c", b"a"].map(|row| rows.keep(row, 2)).iter().sum();
        assert_eq!((left, rows.held()), (2, 2));
        assert_eq!(top(&rows, 1, 2), [b"a", b"b"]);
        assert!(rows.is_beyond(b"c", 2) && !rows.is_beyond(b"aa", 2));
    }

    #[test]
    fn what_is_taken_back_came_at_another_time() {
        let row = |sorted: u8, arrived: u8, own: &[u8]| [&[sorted, arrived], own].concat();
        let mut rows = RankedRows::default();
        let mut change = |row: Vec<u8>, weight| rows.change(&row, &(1..2), weight);
        let added = [row(b'a', 0, b"x"), row(b'a', 1, b"y"), row(b'a', 2, b"x"), row(b'b', 3, b"x")];
        assert!(added.iter().all(|own| change(own.clone(), 1) == 0));
        // The first that is equal goes; both it and what takes it back are no longer held.
        assert_eq!(change(row(b'a', 4, b"x"), -1), 2);
        // One that has not come yet is owed, and goes when it comes.
        assert_eq!((change(row(b'c', 5, b"z"), -1), change(row(b'c', 6, b"z"), 1)), (0, 2));
        assert_eq!(top(&rows, 1, 9), [&added[1], &added[2], &added[3]]);
        assert_eq!((rows.held(), rows.owed), (3, 0));
    }

    #[test]
    fn there_may_be_no_rank_to_keep() {
        let mut rows = RankedRows::default();
        assert_eq!((rows.keep(b"a", 0), rows.held()), (1, 0));
        assert_eq!(top(&rows, 1, 0).len() + top(&rows, 5, 2).len(), 0);
    }

    #[test]
    fn a_row_taken_back_before_it_came_never_shows() {
        let mut rows = RankedRows::default();
        assert_eq!(rows.add(b"x", -1), 0);
        assert_eq!((top(&rows, 1, 9).len(), rows.held()), (0, 1));
        assert_eq!(rows.add(b"x", 1), 2);
        assert_eq!((top(&rows, 1, 9).len(), rows.held()), (0, 0));
    }

    #[test]
    fn equal_rows_have_ranks_of_their_own() {
        let mut rows = RankedRows::default();
        [b"x", b"x", b"y"].iter().for_each(|row| assert_eq!(rows.add(*row, 1), 0));
        assert_eq!(top(&rows, 2, 3), [b"x", b"y"]);
        assert_eq!(rows.add(b"x", -1), 2);
        assert_eq!(top(&rows, 1, 3), [b"x", b"y"]);
    }
}
