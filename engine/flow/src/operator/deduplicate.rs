//! The first row of each key by row time, sent once, when the watermark reaches it: what comes later cannot
//! be earlier.
//!
//! A row is late when it is before the watermark of its own split. Of rows of the same time the one that
//! arrived first counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use millrace_plan::{Error, Limits, Node, Operator as Spec, Result, SortColumn, Ties, WATERMARK_MIN};

use super::results::record;
use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::{Extent, OperatorState, as_layout};
use crate::state::{Changed, GroupTable, HeldRow, RankEncoding, RankedLayout, hash_keys};

/// A table of a checkpoint: the rows that wait for the watermark.
const WAITING: &str = "waiting";

/// A table of a checkpoint: the keys whose row has been sent.
const SENT: &str = "sent";

/// Keys of one batch of a checkpoint.
const MOST_KEYS: usize = 1 << 16;

/// What is known of a key.
enum First {
    /// The earliest row so far, and its time.
    Waits(i64, Box<[u8]>),
    /// It has been sent.
    Sent,
}

/// The Deduplicate operator.
pub struct Deduplicate {
    keys: Vec<usize>,
    time: usize,
    schema: SchemaRef,
    sent_schema: SchemaRef,
    encoding: RankEncoding,
    layout: RankedLayout,
    table: GroupTable,
    firsts: Vec<First>,
    /// The keys whose row waits for each time; some have found an earlier row since.
    due: BTreeMap<i64, Vec<u32>>,
    waiting: u64,
    row_bytes: u64,
    watermark: i64,
    hashes: Vec<u64>,
    ids: Vec<u32>,
    /// Keys changed since the last checkpoint.
    changed: Changed,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

impl Deduplicate {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::Deduplicate { keys, time, columns } = &node.operator else {
            return Err(Error::bug("not a Deduplicate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let order = [SortColumn { column: *time, descending: false, nulls_first: true }];
        Ok(Deduplicate {
            keys: keys.clone(),
            time: *time,
            schema: node.schema.clone(),
            encoding: RankEncoding::new(input, &order, Ties::Earliest, *columns)?,
            layout: RankedLayout::new(input, keys, &order, Ties::Earliest, *columns),
            table: GroupTable::new(&key_types)?,
            sent_schema: sent_schema(&key_types),
            firsts: vec![],
            due: BTreeMap::new(),
            waiting: 0,
            row_bytes: 0,
            watermark: WATERMARK_MIN,
            hashes: vec![],
            ids: vec![],
            changed: Changed::default(),
            batch_rows: limits.batch_rows.max(1),
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    /// The rows that are not before the watermark.
    fn in_time(&mut self, batch: Batch, out: &mut Output) -> Result<Batch> {
        let times = times(batch.rows.column(self.time))?;
        let times = times.as_primitive::<Int64Type>().values();
        let is_late = |row: usize| times[row] < batch.watermarks.get(row).max(self.watermark);
        let (late, kept): (Vec<u64>, Vec<u64>) =
            (0..batch.len() as u64).partition(|row| is_late(*row as usize));
        if late.is_empty() {
            return Ok(batch);
        }
        self.account.late += late.len() as u64;
        out.late.push(batch.take(&UInt64Array::from(late))?);
        batch.take(&UInt64Array::from(kept))
    }

    /// Keys of a checkpoint.
    fn locate(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        hash_keys(keys, rows, &mut self.hashes)?;
        self.table.intern(keys, &self.hashes, &mut self.ids)?;
        if self.firsts.len() + rows != self.table.len() {
            return Err(Error::data("the checkpoint holds a key of Deduplicate twice"));
        }
        Ok(())
    }

    /// Sends the rows that the watermark has reached.
    fn fire(&mut self, watermark: i64, out: &mut Output) -> Result<()> {
        let mut rows: Vec<Box<[u8]>> = vec![];
        while let Some(entry) = self.due.first_entry()
            && *entry.key() <= watermark
        {
            let (time, groups) = entry.remove_entry();
            for group in groups {
                let own = &mut self.firsts[group as usize];
                if matches!(own, First::Waits(at, _) if *at == time)
                    && let First::Waits(_, row) = std::mem::replace(own, First::Sent)
                {
                    self.changed.touch(group);
                    self.row_bytes -= row.len() as u64;
                    rows.push(row);
                }
            }
        }
        self.waiting -= rows.len() as u64;
        self.account.retired += rows.len() as u64;
        for part in rows.chunks(self.batch_rows) {
            let columns = self.encoding.decode(part.iter().map(|row| &row[..]))?;
            let rows = self.encoding.record(&self.schema, columns, None)?;
            self.account.rows_out += rows.num_rows() as u64;
            out.batch(Batch::derived(rows, self.ingest_ms));
        }
        Ok(())
    }
}

fn times(column: &ArrayRef) -> Result<ArrayRef> {
    cast(column, &DataType::Int64).map_err(|error| Error::bug(format!("row time: {error}")))
}

/// The hash of a key, and the key.
fn sent_schema(key_types: &[DataType]) -> SchemaRef {
    let keys = key_types.iter().enumerate();
    let keys = keys.map(|(index, own)| Field::new(format!("key{index}"), own.clone(), true));
    let fields: Vec<Field> = [Field::new("hash", DataType::UInt64, false)].into_iter().chain(keys).collect();
    Arc::new(Schema::new(fields))
}

impl Deduplicate {
    /// Adds keys to a checkpoint, each a part.
    fn add_keys(&self, groups: impl Iterator<Item = u32>, state: &mut OperatorState) -> Result<()> {
        let (mut waiting, mut sent): (Vec<HeldRow>, Vec<u32>) = (vec![], vec![]);
        for group in groups {
            match &self.firsts[group as usize] {
                First::Waits(_, row) => waiting.push((group, row, 1)),
                First::Sent => sent.push(group),
            }
        }
        self.layout.add_parts(state, WAITING, &self.encoding, &self.table, &waiting)?;
        for groups in sent.chunks(MOST_KEYS) {
            let hashes = groups.iter().map(|group| self.table.hashes()[*group as usize]);
            let hashes: ArrayRef = Arc::new(UInt64Array::from_iter_values(hashes));
            let columns = [hashes].into_iter().chain(self.table.keys(groups)?).collect();
            let parts = groups.iter().copied().map(u64::from).collect();
            state.add_parts(SENT, record(&self.sent_schema, columns)?, parts, vec![]);
        }
        Ok(())
    }
}

impl Operator for Deduplicate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let batch = self.in_time(batch, out)?;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        self.table.intern(&keys, &self.hashes, &mut self.ids)?;
        let times = times(batch.rows.column(self.time))?;
        let times = times.as_primitive::<Int64Type>().values();
        let rows = self.encoding.encode(&batch)?;
        self.account.accepted += batch.len() as u64;
        for (index, group) in self.ids.iter().enumerate() {
            let (row, time) = (rows.row(index), times[index]);
            let row = row.as_ref();
            match self.firsts.get_mut(*group as usize) {
                None => {
                    self.changed.touch(*group);
                    self.firsts.push(First::Waits(time, row.into()));
                    self.waiting += 1;
                }
                Some(First::Waits(at, own)) if row < &own[..] => {
                    self.changed.touch(*group);
                    self.account.retired += 1;
                    self.row_bytes -= own.len() as u64;
                    let moved = *at != time;
                    (*at, *own) = (time, row.into());
                    if !moved {
                        self.row_bytes += row.len() as u64;
                        continue;
                    }
                }
                Some(_) => {
                    self.account.retired += 1;
                    continue;
                }
            }
            self.row_bytes += row.len() as u64;
            self.due.entry(time).or_default().push(*group);
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        self.fire(watermark_ms, out)?;
        self.watermark = self.watermark.max(watermark_ms);
        out.watermark(watermark_ms);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.changed.begin();
        let mut state = OperatorState::none();
        self.add_keys(0..self.firsts.len() as u32, &mut state)?;
        Ok(state)
    }

    fn changes(&mut self, lost: bool, _: &mut Output) -> Result<Option<OperatorState>> {
        let Some(groups) = self.changed.take(lost) else { return Ok(None) };
        let mut state = OperatorState::new(Extent::Changes);
        let is_sent = |group: &u32| matches!(self.firsts[*group as usize], First::Sent);
        state.add_gone(WAITING, groups.iter().copied().filter(is_sent));
        self.add_keys(groups.into_iter(), &mut state)?;
        Ok(Some(state))
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        state.only(&[WAITING, SENT])?;
        self.watermark = watermark_ms;
        for rows in state.rows(WAITING) {
            let restored = self.layout.read(&mut self.encoding, rows)?;
            self.locate(&restored.keys, rows.num_rows())?;
            let times = times(&restored.column(self.time)?)?;
            let times = times.as_primitive::<Int64Type>().values();
            for (index, group) in self.ids.iter().enumerate() {
                let (row, time) = (restored.rows.row(index), times[index]);
                self.row_bytes += row.as_ref().len() as u64;
                self.firsts.push(First::Waits(time, row.as_ref().into()));
                self.due.entry(time).or_default().push(*group);
            }
        }
        self.waiting = self.firsts.len() as u64;
        self.account.restored = self.waiting;
        for rows in state.rows(SENT) {
            let rows = as_layout(rows.columns(), &self.sent_schema)?;
            self.locate(&rows.columns()[1..], rows.num_rows())?;
            self.firsts.resize_with(self.table.len(), || First::Sent);
        }
        Ok(())
    }

    fn account(&self) -> Account {
        let keys = self.table.bytes() + self.changed.bytes() + self.firsts.capacity() * size_of::<First>();
        Account { in_state: self.waiting, state_bytes: keys as u64 + self.row_bytes, ..self.account }
    }
}
