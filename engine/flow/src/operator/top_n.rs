//! The best rows of each group, as they change.
//!
//! Over input that only grows the rows that rank behind the last are let go at once; over input that takes
//! rows back all are kept. Changes are collected and sent as the difference between the ranks before the
//! first change since the last emission and now. Per window: see `window_top_n`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, SchemaRef};
use millrace_plan::{EmitMode, Error, Limits, Node, Operator as Spec, Result, RowKind};

use super::{Account, Operator, Output};
use crate::batch::{Batch, Event, RowKinds};
use crate::checkpoint::{Extent, OperatorState};
use crate::state::{
    Changed, GroupTable, HeldRow, RankEncoding, RankedLayout, RankedRow, RankedRows, hash_keys,
};

/// The table of a checkpoint: the rows of all groups. What was sent of them follows from them.
const ROWS: &str = "rows";

/// The rows of one group that were sent before it changed, by rank.
type Before = Vec<RankedRow>;

/// The TopN operator, without a window.
pub struct TopN {
    keys: Vec<usize>,
    first: u64,
    last: u64,
    /// Sends the rank.
    rank: bool,
    emit: EmitMode,
    retracting: bool,
    schema: SchemaRef,
    encoding: RankEncoding,
    layout: RankedLayout,
    table: GroupTable,
    groups: Vec<RankedRows>,
    /// Groups changed since the last emission, in the order of their first change, and what was sent of them.
    dirty: Vec<(u32, Before)>,
    is_dirty: Vec<bool>,
    hashes: Vec<u64>,
    ids: Vec<u32>,
    /// Groups changed since the last checkpoint.
    changed: Changed,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
    /// Rows that groups hold, and their bytes.
    held: (u64, usize),
}

/// Changed rows on their way out.
#[derive(Default)]
struct Changes<'a> {
    rows: Vec<&'a [u8]>,
    ranks: Vec<i64>,
    kinds: Vec<RowKind>,
}

impl<'a> Changes<'a> {
    fn push(&mut self, row: &'a [u8], rank: i64, kind: RowKind) {
        self.rows.push(row);
        self.ranks.push(rank);
        self.kinds.push(kind);
    }

    /// What differs rank by rank.
    fn by_rank(&mut self, before: &'a [RankedRow], after: &[&'a RankedRow], first: u64) {
        for index in 0..before.len().max(after.len()) {
            let rank = (first + index as u64) as i64;
            match (before.get(index), after.get(index)) {
                (Some(old), Some(new)) if old != *new => {
                    self.push(old, rank, RowKind::UpdateBefore);
                    self.push(new, rank, RowKind::UpdateAfter);
                }
                (None, Some(new)) => self.push(new, rank, RowKind::Insert),
                (Some(old), None) => self.push(old, rank, RowKind::Delete),
                _ => {}
            }
        }
    }

    /// The rows that left, then those that came: both lists are in the same order.
    fn by_content(&mut self, before: &'a [RankedRow], after: &[&'a RankedRow]) {
        let mut came = vec![];
        let (mut old, mut new) = (0, 0);
        while old < before.len() || new < after.len() {
            let order = match (before.get(old), after.get(new)) {
                (Some(before), Some(after)) => before.cmp(after),
                (Some(_), None) => std::cmp::Ordering::Less,
                _ => std::cmp::Ordering::Greater,
            };
            if order.is_lt() {
                self.push(&before[old], 0, RowKind::Delete);
            } else if order.is_gt() {
                came.push(after[new]);
            }
            old += usize::from(order.is_le());
            new += usize::from(order.is_ge());
        }
        came.into_iter().for_each(|row| self.push(row, 0, RowKind::Insert));
    }
}

impl TopN {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::TopN { keys, order, ties, first, last, rank, columns, emit, retracting, .. } =
            &node.operator
        else {
            return Err(Error::bug("not a TopN"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        Ok(TopN {
            keys: keys.clone(),
            first: *first,
            last: *last,
            rank: *rank,
            emit: *emit,
            retracting: *retracting,
            schema: node.schema.clone(),
            encoding: RankEncoding::new(input, order, *ties, *columns)?,
            layout: RankedLayout::new(input, keys, order, *ties, *columns),
            table: GroupTable::new(&key_types)?,
            groups: vec![],
            dirty: vec![],
            is_dirty: vec![],
            hashes: vec![],
            ids: vec![],
            changed: Changed::default(),
            batch_rows: limits.batch_rows.max(2),
            ingest_ms: 0,
            account: Account::default(),
            held: (0, 0),
        })
    }

    /// Notes that a group is about to change, and remembers what was sent of it.
    fn note_before(&mut self, group: u32) {
        let index = group as usize;
        self.changed.touch(group);
        if self.emit == EmitMode::Changes && !self.is_dirty[index] {
            self.is_dirty[index] = true;
            let sent = self.groups[index].ranks(self.first, self.last).cloned().collect();
            self.dirty.push((group, sent));
        }
    }

    /// Changes a group and keeps count.
    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut RankedRows) -> T) -> T {
        let rows = &mut self.groups[group];
        let (held, bytes) = (rows.held(), rows.bytes());
        let answer = change(rows);
        self.held.0 = self.held.0 + rows.held() - held;
        self.held.1 = self.held.1 + rows.bytes() - bytes;
        answer
    }

    /// Sends what has changed since the last emission.
    fn send_changes(&mut self, out: &mut Output) -> Result<()> {
        let dirty = std::mem::take(&mut self.dirty);
        let groups = std::mem::take(&mut self.groups);
        let mut changes = Changes::default();
        for (group, before) in &dirty {
            self.is_dirty[*group as usize] = false;
            let after: Vec<&RankedRow> = groups[*group as usize].ranks(self.first, self.last).collect();
            match self.rank || self.first == self.last {
                true => changes.by_rank(before, &after, self.first),
                false => changes.by_content(before, &after),
            }
            // An update and what it replaces stay together.
            if changes.rows.len() + 1 >= self.batch_rows {
                self.send(std::mem::take(&mut changes), out)?;
            }
        }
        self.send(changes, out)?;
        self.groups = groups;
        Ok(())
    }

    fn send(&mut self, changes: Changes, out: &mut Output) -> Result<()> {
        if changes.rows.is_empty() {
            return Ok(());
        }
        let columns = self.encoding.decode(changes.rows.into_iter())?;
        let rank = self.rank.then(|| Arc::new(Int64Array::from(changes.ranks)) as ArrayRef);
        let rows = self.encoding.record(&self.schema, columns, rank)?;
        self.account.rows_out += rows.num_rows() as u64;
        let insert_only = changes.kinds.iter().all(|kind| *kind == RowKind::Insert);
        let kinds = if insert_only { RowKinds::Insert } else { RowKinds::from_kinds(changes.kinds) };
        out.events.push(Event::Batch(Batch { kinds, ..Batch::derived(rows, self.ingest_ms) }));
        Ok(())
    }

    /// Sends the ranks of every group once.
    fn send_all(&mut self, out: &mut Output) -> Result<()> {
        let groups = std::mem::take(&mut self.groups);
        let mut changes = Changes::default();
        for group in &groups {
            for (rank, row) in (self.first as i64..).zip(group.ranks(self.first, self.last)) {
                changes.push(row, rank, RowKind::Insert);
                if changes.rows.len() >= self.batch_rows {
                    self.send(std::mem::take(&mut changes), out)?;
                }
            }
        }
        self.send(changes, out)?;
        self.groups = groups;
        Ok(())
    }
}

impl TopN {
    /// Adds the rows of groups to a checkpoint, each group a part.
    fn add_groups(&self, groups: impl Iterator<Item = u32>, state: &mut OperatorState) -> Result<()> {
        let of_group =
            |group: u32| self.groups[group as usize].rows().map(move |(row, count)| (group, row, count));
        let rows: Vec<HeldRow> = groups.flat_map(of_group).collect();
        self.layout.add_parts(state, ROWS, &self.encoding, &self.table, &rows)
    }
}

impl Operator for TopN {
    fn on_batch(&mut self, _: usize, batch: Batch, _: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        let mut ids = std::mem::take(&mut self.ids);
        self.table.intern(&keys, &self.hashes, &mut ids)?;
        self.groups.resize_with(self.table.len(), RankedRows::default);
        self.is_dirty.resize(self.table.len(), false);
        let rows = self.encoding.encode(&batch)?;
        let arrivals = if self.retracting { self.encoding.arrivals(&batch)? } else { None };
        for (index, group) in ids.iter().enumerate() {
            let row = rows.row(index);
            let (row, own) = (row.as_ref(), *group as usize);
            if !self.retracting && self.groups[own].is_beyond(row, self.last) {
                self.account.retired += 1;
                continue;
            }
            self.note_before(*group);
            let (retracting, last) = (self.retracting, self.last);
            let weight = batch.kinds.get(index).weight();
            let retired = self.change(own, |rows| match &arrivals {
                Some(arrivals) => rows.change(row, &arrivals[index], weight),
                None if retracting => rows.add(row, weight),
                None => rows.keep(row, last),
            });
            self.account.retired += retired;
        }
        self.ids = ids;
        Ok(())
    }

    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        match self.emit {
            EmitMode::Changes => self.send_changes(out),
            EmitMode::Final => Ok(()),
        }
    }

    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        match self.emit {
            EmitMode::Changes => self.send_changes(out),
            EmitMode::Final => self.send_all(out),
        }
    }

    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState> {
        self.on_tick(out)?;
        self.changed.begin();
        let mut state = OperatorState::none();
        self.add_groups(0..self.groups.len() as u32, &mut state)?;
        Ok(state)
    }

    fn changes(&mut self, lost: bool, out: &mut Output) -> Result<Option<OperatorState>> {
        if !self.changed.is_on(lost) {
            return Ok(None);
        }
        self.on_tick(out)?;
        let Some(groups) = self.changed.take(lost) else { return Ok(None) };
        let mut state = OperatorState::new(Extent::Changes);
        let is_empty = |group: &u32| self.groups[*group as usize].rows().next().is_none();
        state.add_gone(ROWS, groups.iter().copied().filter(is_empty));
        self.add_groups(groups.into_iter(), &mut state)?;
        Ok(Some(state))
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[ROWS])?;
        for rows in state.rows(ROWS) {
            let restored = self.layout.read(&mut self.encoding, rows)?;
            hash_keys(&restored.keys, rows.num_rows(), &mut self.hashes)?;
            self.table.intern(&restored.keys, &self.hashes, &mut self.ids)?;
            self.groups.resize_with(self.table.len(), RankedRows::default);
            let ids = std::mem::take(&mut self.ids);
            for (index, group) in ids.iter().enumerate() {
                let (row, weight) = (restored.rows.row(index), restored.weights.value(index));
                self.change(*group as usize, |rows| rows.add(row.as_ref(), weight));
            }
            self.ids = ids;
        }
        self.is_dirty.resize(self.table.len(), false);
        self.account.restored = self.held.0;
        Ok(())
    }

    fn account(&self) -> Account {
        let groups = self.groups.capacity() * size_of::<RankedRows>();
        let bytes = self.held.1 + groups + self.table.bytes() + self.changed.bytes();
        Account { in_state: self.held.0, state_bytes: bytes as u64, ..self.account }
    }
}
