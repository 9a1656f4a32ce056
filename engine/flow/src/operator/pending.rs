//! Rows that wait for the watermark, and leave in the order of time.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::{
    cast, concat, concat_batches, filter, filter_record_batch, not, take, take_record_batch,
};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use millrace_plan::{Error, Result};

use super::results::record;
use super::{Account, Output};
use crate::batch::Batch;
use crate::checkpoint::as_layout;
use crate::state::hash_keys;

/// The number of a split goes above this many bits of the count of rows.
const ARRIVAL_BITS: u32 = 40;

/// Rows of one batch of a checkpoint, at least, but for the last.
const MOST_ROWS: usize = 1 << 16;

/// Columns of rows in a checkpoint before their own: the key hash and the order of arrival.
const OWN_COLUMNS: usize = 2;

/// Some rows, never none.
struct Part {
    rows: RecordBatch,
    times: Int64Array,
    /// By split, then by arrival.
    orders: UInt64Array,
    first: i64,
    last: i64,
}

impl Part {
    fn new(rows: RecordBatch, times: Int64Array, orders: UInt64Array) -> Option<Part> {
        let first = arrow::compute::min(&times)?;
        let last = arrow::compute::max(&times)?;
        Some(Part { rows, times, orders, first, last })
    }

    fn filter(&self, keep: &BooleanArray) -> std::result::Result<Option<Part>, ArrowError> {
        let rows = filter_record_batch(&self.rows, keep)?;
        let times = filter(&self.times, keep)?.as_primitive::<Int64Type>().clone();
        let orders = filter(&self.orders, keep)?.as_primitive::<UInt64Type>().clone();
        Ok(Part::new(rows, times, orders))
    }
}

/// Rows by the batches in which they came; only those on both sides of the watermark are taken apart.
pub struct Pending {
    schema: SchemaRef,
    parts: Vec<Part>,
    arrived: u64,
}

fn bug(error: ArrowError) -> Error {
    Error::bug(format!("rows that wait for the watermark: {error}"))
}

impl Pending {
    /// Nothing waits.
    pub fn new(schema: SchemaRef) -> Self {
        Pending { schema, parts: vec![], arrived: 0 }
    }

    /// Rows wait for the times in column `time`, but for those that are late: the watermark of their split, or
    /// `watermark`, had passed them.
    pub fn add_in_time(
        &mut self,
        batch: Batch,
        time: usize,
        watermark: i64,
        account: &mut Account,
        out: &mut Output,
    ) -> Result<()> {
        let times = cast(batch.rows.column(time), &DataType::Int64).map_err(bug)?;
        let times = times.as_primitive::<Int64Type>();
        let is_late = |row: usize| times.value(row) <= batch.watermarks.get(row).max(watermark);
        let kept: BooleanArray = (0..batch.len()).map(|row| Some(!is_late(row))).collect();
        let late = (kept.len() - kept.true_count()) as u64;
        account.late += late;
        account.accepted += batch.len() as u64 - late;
        if late == 0 {
            let times = times.clone();
            self.add(batch, times);
            return Ok(());
        }
        out.late.push(batch.filter(&not(&kept).map_err(bug)?)?);
        let times = filter(times, &kept).map_err(bug)?.as_primitive::<Int64Type>().clone();
        self.add(batch.filter(&kept)?, times);
        Ok(())
    }

    /// Rows wait for their times.
    fn add(&mut self, batch: Batch, times: Int64Array) {
        let split = (batch.origin.split as u64) << ARRIVAL_BITS;
        let orders = (self.arrived..).take(batch.len()).map(|arrived| split | arrived);
        let orders = UInt64Array::from_iter_values(orders);
        self.arrived += batch.len() as u64;
        self.parts.extend(Part::new(batch.rows, times, orders));
    }

    /// Takes out the rows of times up to `watermark`, in the order of time, then of arrival.
    pub fn due(&mut self, watermark: i64) -> Result<Option<(RecordBatch, Vec<i64>)>> {
        let (mut due, mut later) = (vec![], vec![]);
        for part in std::mem::take(&mut self.parts) {
            if part.first > watermark {
                later.push(part);
            } else if part.last <= watermark {
                due.push(part);
            } else {
                let own: BooleanArray =
                    part.times.values().iter().map(|time| Some(*time <= watermark)).collect();
                due.extend(part.filter(&own).map_err(bug)?);
                later.extend(part.filter(&not(&own).map_err(bug)?).map_err(bug)?);
            }
        }
        self.parts = later;
        if due.is_empty() {
            return Ok(None);
        }
        let all = |column: fn(&Part) -> &dyn Array| {
            concat(&due.iter().map(column).collect::<Vec<_>>()).map_err(bug)
        };
        let (times, orders): (ArrayRef, ArrayRef) = (all(|part| &part.times)?, all(|part| &part.orders)?);
        let rows = concat_batches(&self.schema, due.iter().map(|part| &part.rows)).map_err(bug)?;
        let order = by_time(times.as_primitive::<Int64Type>().values(), orders.as_primitive());
        let order: Arc<UInt64Array> = Arc::new(order);
        let rows = take_record_batch(&rows, order.as_ref()).map_err(bug)?;
        let times = take(&times, order.as_ref(), None).map_err(bug)?;
        Ok(Some((rows, times.as_primitive::<Int64Type>().values().to_vec())))
    }

    /// All rows and their orders, in batches of at least `fewest` rows but for the last.
    fn parts(&self, fewest: usize) -> Result<Vec<(RecordBatch, UInt64Array)>> {
        let mut batches = vec![];
        let (mut first, mut rows) = (0, 0);
        for (index, part) in self.parts.iter().enumerate() {
            rows += part.times.len();
            if rows < fewest && index + 1 < self.parts.len() {
                continue;
            }
            let parts = &self.parts[first..=index];
            let orders: Vec<&dyn Array> = parts.iter().map(|part| &part.orders as &dyn Array).collect();
            let orders = concat(&orders).map_err(bug)?.as_primitive::<UInt64Type>().clone();
            let rows_of_parts = parts.iter().map(|part| &part.rows);
            batches.push((concat_batches(&self.schema, rows_of_parts).map_err(bug)?, orders));
            (first, rows) = (index + 1, 0);
        }
        Ok(batches)
    }

    fn layout(&self) -> SchemaRef {
        let own = ["hash", "arrival"].map(|name| Arc::new(Field::new(name, DataType::UInt64, false)));
        let input = self.schema.fields().iter().enumerate();
        let input = input.map(|(index, own)| {
            Arc::new(Field::new(format!("column{index}"), own.data_type().clone(), true))
        });
        Arc::new(Schema::new(own.into_iter().chain(input).collect::<Vec<FieldRef>>()))
    }

    /// The rows for a checkpoint, with the hash of the columns `keys` first.
    pub fn snapshot(&self, keys: &[usize]) -> Result<Vec<RecordBatch>> {
        let layout = self.layout();
        let kept = |(rows, orders): (RecordBatch, UInt64Array)| {
            let keys: Vec<ArrayRef> = keys.iter().map(|key| rows.column(*key).clone()).collect();
            let mut hashes = vec![];
            hash_keys(&keys, rows.num_rows(), &mut hashes)?;
            let own: [ArrayRef; OWN_COLUMNS] = [Arc::new(UInt64Array::from(hashes)), Arc::new(orders)];
            let columns = own.into_iter().chain(rows.columns().iter().cloned()).collect();
            record(&layout, columns)
        };
        self.parts(MOST_ROWS)?.into_iter().map(kept).collect()
    }

    /// Rows of a checkpoint wait again for the times in column `time`; those that come from now on come after them.
    pub fn restore(&mut self, rows: &RecordBatch, time: Option<usize>) -> Result<()> {
        let Some(time) = time else {
            return Err(Error::data(
                "rows of the checkpoint wait for a row time that this query does not have",
            ));
        };
        let rows = as_layout(rows.columns(), &self.layout())?;
        let orders = rows.column(1).as_primitive::<UInt64Type>().clone();
        let rows = as_layout(&rows.columns()[OWN_COLUMNS..], &self.schema)?;
        let times = cast(rows.column(time), &DataType::Int64).map_err(bug)?;
        let times = times.as_primitive::<Int64Type>().clone();
        let arrived = orders.values().iter().map(|own| (own & ((1 << ARRIVAL_BITS) - 1)) + 1);
        self.arrived = arrived.fold(self.arrived, u64::max);
        self.parts.extend(Part::new(rows, times, orders));
        Ok(())
    }

    /// Rows that wait.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| part.times.len() as u64).sum()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.rows.get_array_memory_size() + part.times.len() * 16).sum()
    }
}

/// The sort order of rows by time, then by arrival.
fn by_time(times: &[i64], orders: &UInt64Array) -> UInt64Array {
    let mut order: Vec<u64> = (0..times.len() as u64).collect();
    let orders = orders.values();
    if !(times.is_sorted() && orders.is_sorted()) {
        order.sort_unstable_by_key(|row| (times[*row as usize], orders[*row as usize]));
    }
    UInt64Array::from_iter_values(order)
}
