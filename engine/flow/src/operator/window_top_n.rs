//! The best rows of each group of a window, sent when the watermark closes it.
//!
//! The rows carry their window. A row is late when its window has fired by the watermark of its own split
//! just before it, as in `window_aggregate`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use millrace_plan::{Error, Limits, Node, Operator as Spec, Result, WATERMARK_MIN};

use super::{Account, Operator, Output};
use crate::batch::Batch;
use crate::checkpoint::OperatorState;
use crate::state::{GroupTable, HeldRow, RankEncoding, RankedLayout, RankedRows, hash_keys};

/// The table of a checkpoint: the rows of all panes.
const ROWS: &str = "rows";

/// A column by which rows are routed to this operator.
#[derive(Debug, Clone, Copy)]
enum Routed {
    Key(usize),
    WindowStart,
    WindowEnd,
}

/// End and start of a window: the one that closes first comes first.
type WindowKey = (i64, i64);

/// The rows of one window.
struct Pane {
    table: GroupTable,
    groups: Vec<RankedRows>,
}

impl Pane {
    fn new(key_types: &[DataType]) -> Result<Self> {
        Ok(Pane { table: GroupTable::new(key_types)?, groups: vec![] })
    }
}

fn times(column: &ArrayRef) -> Result<ArrayRef> {
    cast(column, &DataType::Int64).map_err(|error| Error::bug(format!("window columns: {error}")))
}

/// The TopN operator per window.
pub struct WindowTopN {
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    window: (usize, usize),
    first: u64,
    last: u64,
    rank: bool,
    schema: SchemaRef,
    encoding: RankEncoding,
    layout: RankedLayout,
    routed: Vec<Routed>,
    panes: BTreeMap<WindowKey, Pane>,
    watermark: i64,
    hashes: Vec<u64>,
    ids: Vec<u32>,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

impl WindowTopN {
    /// The operator of `node` over rows of `input`, which come by the hash of the columns `routed`.
    pub fn new(node: &Node, input: &SchemaRef, routed: &[usize], limits: &Limits) -> Result<Self> {
        let Spec::TopN { keys, order, ties, first, last, rank, columns, window: Some(window), .. } =
            &node.operator
        else {
            return Err(Error::bug("not a TopN of a window"));
        };
        let (window_start, window_end) = *window;
        let routed = routed.iter().map(|column| match keys.iter().position(|key| key == column) {
            Some(key) => Ok(Routed::Key(key)),
            None if *column == window_start => Ok(Routed::WindowStart),
            None if *column == window_end => Ok(Routed::WindowEnd),
            None => Err(Error::bug("rows of a window are routed by what is not their key")),
        });
        Ok(WindowTopN {
            keys: keys.clone(),
            key_types: keys.iter().map(|key| input.field(*key).data_type().clone()).collect(),
            window: *window,
            first: *first,
            last: *last,
            rank: *rank,
            schema: node.schema.clone(),
            encoding: RankEncoding::new(input, order, *ties, *columns)?,
            layout: RankedLayout::new(input, keys, order, *ties, *columns),
            routed: routed.collect::<Result<_>>()?,
            panes: BTreeMap::new(),
            watermark: WATERMARK_MIN,
            hashes: vec![],
            ids: vec![],
            batch_rows: limits.batch_rows.max(1),
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    /// The hashes by which the rows of each group of a pane have come here.
    fn routing_hashes(&self, (end, start): WindowKey, table: &GroupTable) -> Result<Vec<u64>> {
        let groups: Vec<u32> = (0..table.len() as u32).collect();
        let keys = table.keys(&groups)?;
        let bound = |time: i64| Arc::new(Int64Array::from(vec![time; groups.len()])) as ArrayRef;
        let columns: Vec<ArrayRef> = self
            .routed
            .iter()
            .map(|own| match own {
                Routed::Key(key) => keys[*key].clone(),
                Routed::WindowStart => bound(start),
                Routed::WindowEnd => bound(end),
            })
            .collect();
        let mut hashes = vec![];
        hash_keys(&columns, groups.len(), &mut hashes)?;
        Ok(hashes)
    }

    /// Rows of a checkpoint.
    fn restore_rows(&mut self, rows: &RecordBatch) -> Result<()> {
        let restored = self.layout.read(&mut self.encoding, rows)?;
        let starts = times(&restored.column(self.window.0)?)?;
        let ends = times(&restored.column(self.window.1)?)?;
        let (starts, ends) = (starts.as_primitive::<Int64Type>(), ends.as_primitive::<Int64Type>());
        hash_keys(&restored.keys, rows.num_rows(), &mut self.hashes)?;
        let window = |row: usize| (ends.value(row), starts.value(row));
        let mut first = 0;
        while first < rows.num_rows() {
            let same = |row: &usize| window(*row) == window(first);
            let count = (first..rows.num_rows()).take_while(same).count();
            let keys: Vec<ArrayRef> = restored.keys.iter().map(|key| key.slice(first, count)).collect();
            let pane = match self.panes.entry(window(first)) {
                Entry::Occupied(pane) => pane.into_mut(),
                Entry::Vacant(empty) => empty.insert(Pane::new(&self.key_types)?),
            };
            pane.table.intern(&keys, &self.hashes[first..first + count], &mut self.ids)?;
            pane.groups.resize_with(pane.table.len(), RankedRows::default);
            for (row, group) in (first..).zip(&self.ids) {
                pane.groups[*group as usize]
                    .add(restored.rows.row(row).as_ref(), restored.weights.value(row));
            }
            first += count;
        }
        Ok(())
    }

    /// The rows of each window that is still open; late ones leave.
    fn by_window(&mut self, batch: &Batch, out: &mut Output) -> Result<BTreeMap<WindowKey, Vec<u64>>> {
        let times = |column: usize| times(batch.rows.column(column));
        let (starts, ends) = (times(self.window.0)?, times(self.window.1)?);
        let starts = starts.as_primitive::<Int64Type>().values();
        let ends = ends.as_primitive::<Int64Type>().values();
        let mut windows: BTreeMap<WindowKey, Vec<u64>> = BTreeMap::new();
        let mut late = vec![];
        for (row, (start, end)) in starts.iter().zip(ends).enumerate() {
            match end - 1 <= batch.watermarks.get(row).max(self.watermark) {
                true => late.push(row as u64),
                false => windows.entry((*end, *start)).or_default().push(row as u64),
            }
        }
        if !late.is_empty() {
            self.account.late += late.len() as u64;
            out.late.push(batch.take(&UInt64Array::from(late))?);
        }
        Ok(windows)
    }

    fn add(&mut self, window: WindowKey, batch: &Batch) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        let pane = match self.panes.entry(window) {
            Entry::Occupied(pane) => pane.into_mut(),
            Entry::Vacant(empty) => empty.insert(Pane::new(&self.key_types)?),
        };
        pane.table.intern(&keys, &self.hashes, &mut self.ids)?;
        pane.groups.resize_with(pane.table.len(), RankedRows::default);
        let rows = self.encoding.encode(batch)?;
        self.account.accepted += batch.len() as u64;
        for (index, group) in self.ids.iter().enumerate() {
            let own = &mut pane.groups[*group as usize];
            let row = rows.row(index);
            match own.is_beyond(row.as_ref(), self.last) {
                true => self.account.retired += 1,
                false => self.account.retired += own.keep(row.as_ref(), self.last),
            }
        }
        Ok(())
    }

    fn fire(&mut self, pane: &Pane, out: &mut Output) -> Result<()> {
        let (mut rows, mut ranks) = (vec![], vec![]);
        for group in &pane.groups {
            self.account.retired += group.held();
            let before = rows.len();
            rows.extend(group.ranks(self.first, self.last).map(|row| &row[..]));
            ranks.extend((self.first as i64..).take(rows.len() - before));
        }
        for (rows, ranks) in rows.chunks(self.batch_rows).zip(ranks.chunks(self.batch_rows)) {
            let columns = self.encoding.decode(rows.iter().copied())?;
            let rank = self.rank.then(|| Arc::new(Int64Array::from(ranks.to_vec())) as ArrayRef);
            let rows = self.encoding.record(&self.schema, columns, rank)?;
            self.account.rows_out += rows.num_rows() as u64;
            out.batch(Batch::derived(rows, self.ingest_ms));
        }
        Ok(())
    }
}

impl Operator for WindowTopN {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        for (window, rows) in self.by_window(&batch, out)? {
            match rows.len() == batch.len() {
                true => self.add(window, &batch)?,
                false => self.add(window, &batch.take(&UInt64Array::from(rows))?)?,
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, watermark_ms: i64, out: &mut Output) -> Result<()> {
        while let Some(first) = self.panes.first_entry()
            && first.key().0 - 1 <= watermark_ms
        {
            let pane = first.remove();
            self.fire(&pane, out)?;
        }
        self.watermark = self.watermark.max(watermark_ms);
        out.watermark(watermark_ms);
        Ok(())
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        let mut state = OperatorState::none();
        for (window, pane) in &self.panes {
            let hashes = self.routing_hashes(*window, &pane.table)?;
            let groups = (0u32..).zip(&pane.groups);
            let rows: Vec<HeldRow> = groups
                .flat_map(|(group, own)| own.rows().map(move |(row, count)| (group, row, count)))
                .collect();
            for part in self.layout.write(&self.encoding, &pane.table, &hashes, &rows)? {
                state.add_keyed(ROWS, part);
            }
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, watermark_ms: i64) -> Result<()> {
        state.only(&[ROWS])?;
        self.watermark = watermark_ms;
        for rows in state.rows(ROWS) {
            self.restore_rows(rows)?;
        }
        self.account.restored = self.panes.values().flat_map(|pane| &pane.groups).map(RankedRows::held).sum();
        Ok(())
    }

    fn account(&self) -> Account {
        let groups = || self.panes.values().flat_map(|pane| &pane.groups);
        let tables: usize = self.panes.values().map(|pane| pane.table.bytes()).sum();
        let state_bytes = (tables + groups().map(RankedRows::bytes).sum::<usize>()) as u64;
        Account { in_state: groups().map(RankedRows::held).sum(), state_bytes, ..self.account }
    }
}
