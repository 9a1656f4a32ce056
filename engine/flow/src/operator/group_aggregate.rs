//! Continuous GROUP BY.
//!
//! A change is emitted as the difference between a group's result before its first change since the last
//! emission and its result now; nothing else is remembered of what was sent.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{concat, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use millrace_plan::{EmitMode, Error, Limits, Node, Operator as Spec, Phase, Result, RowKind};

use super::results::{record, report_faults, send, without_faults};
use super::row_counts::{ROW_COUNTS, RowCounts, row_counts};
use super::{Account, Operator, Output};
use crate::batch::{Batch, Event, RowKinds};
use crate::checkpoint::{OperatorState, PIECE_PARTS, StateTable, as_layout};
use crate::state::{Grouped, PARTIAL_ROWS, PartialLayout, PreAggregation, hash_keys};

/// The GroupAggregate operator.
pub struct GroupAggregate {
    keys: Vec<usize>,
    phase: Phase,
    emit: EmitMode,
    retracting: bool,
    schema: SchemaRef,
    layout: PartialLayout,
    groups: Grouped,
    pre_aggregation: PreAggregation,
    partitions: usize,
    hashes: Vec<u64>,
    /// Groups changed since the last emission, in the order of their first change.
    dirty: Vec<u32>,
    is_dirty: Vec<bool>,
    /// Groups whose result has been sent and not taken back.
    sent: Vec<bool>,
    /// More groups than this may be worth a search for those without rows.
    most_groups: usize,
    /// The results of `dirty` before their first change, in parts.
    before: Vec<Vec<ArrayRef>>,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
    /// What the checkpoint holds of groups that have changed since, before they were due.
    copied: Vec<StateTable>,
    /// A checkpoint holds groups that have not been given yet.
    gives: bool,
}

/// The table of a checkpoint: partial states, and whether the group's result has been sent.
const GROUPS: &str = "groups";

/// A `Local` table this large flushes before the next emission.
const MOST_LOCAL_GROUPS: usize = 1 << 16;

/// So many groups may be held without rows before they are forgotten.
const FEWEST_GROUPS: usize = 1024;

impl GroupAggregate {
    /// The operator of `node` over rows of `input` (of the rows below the `Local` half, for `Final`).
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::GroupAggregate { keys, aggregates, phase, emit, retracting } = &node.operator else {
            return Err(Error::bug("not a GroupAggregate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        Ok(GroupAggregate {
            keys: keys.clone(),
            phase: *phase,
            emit: *emit,
            schema: node.schema.clone(),
            layout: PartialLayout::new(0, &key_types, aggregates, *retracting)?,
            retracting: *retracting,
            groups: Grouped::new(aggregates.clone().into(), &key_types, *retracting)?,
            pre_aggregation: PreAggregation::new(aggregates.clone().into(), *retracting)?,
            partitions: limits.partitions,
            hashes: vec![],
            dirty: vec![],
            is_dirty: vec![],
            sent: vec![],
            most_groups: FEWEST_GROUPS,
            before: vec![],
            batch_rows: limits.batch_rows,
            ingest_ms: 0,
            account: Account::default(),
            copied: vec![],
            gives: false,
        })
    }

    fn tracks_changes(&self) -> bool {
        self.emit == EmitMode::Changes && self.phase != Phase::Local
    }

    /// Remembers the results of groups that are about to change for the first time since the last
    /// emission.
    fn note_before(&mut self, touched: &[u32]) -> Result<()> {
        self.is_dirty.resize(self.groups.len(), false);
        self.sent.resize(self.groups.len(), false);
        let first = self.dirty.len();
        for group in touched {
            if !self.is_dirty[*group as usize] {
                self.is_dirty[*group as usize] = true;
                self.dirty.push(*group);
            }
        }
        if self.dirty.len() > first {
            let (columns, _) = self.groups.evaluate(&self.dirty[first..])?;
            self.before.push(columns);
        }
        Ok(())
    }

    fn add_rows(&mut self, batch: &Batch, out: &mut Output) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        if self.phase == Phase::Local && self.pre_aggregation.passes(batch.len()) {
            let (own, hashes) = (&mut self.pre_aggregation, &self.hashes);
            let partial = own.partial(&self.layout, &[], &keys, hashes, batch, self.partitions)?;
            self.account.accepted += batch.len() as u64;
            self.account.retired += batch.len() as u64;
            send(&partial, self.batch_rows, self.ingest_ms, &mut self.account, out);
            return Ok(());
        }
        let touched = self.groups.locate(&keys, &self.hashes)?.to_vec();
        self.copy_urgent()?;
        if self.tracks_changes() {
            self.note_before(&touched)?;
        }
        self.account.accepted += batch.len() as u64;
        let weights = batch.weights();
        self.groups.update(&batch.rows, weights.as_deref(), batch.origin.order(0))
    }

    fn add_partial(&mut self, batch: &Batch) -> Result<()> {
        let (keys, hashes) = Grouped::keys_of(&self.layout, &batch.rows);
        let touched = self.groups.locate(keys, hashes)?.to_vec();
        self.copy_urgent()?;
        if self.tracks_changes() {
            self.note_before(&touched)?;
        }
        let before = self.groups.rows();
        self.groups.merge_states(&self.layout, &batch.rows)?;
        self.account.accepted += self.groups.rows() - before;
        Ok(())
    }

    /// Forgets the groups of which every row has been taken back, when they may be half of all. Nothing may
    /// be waiting to be sent.
    fn forget_empty(&mut self) -> Result<()> {
        // Groups that a checkpoint is to give keep their numbers.
        if !self.retracting || self.groups.len() <= self.most_groups || self.gives {
            return Ok(());
        }
        let (kept, forgotten) = self.groups.forget_empty()?;
        self.account.retired += forgotten;
        self.sent =
            kept.iter().map(|group| self.sent.get(*group as usize).is_some_and(|sent| *sent)).collect();
        self.is_dirty = vec![false; kept.len()];
        self.most_groups = FEWEST_GROUPS.max(2 * kept.len());
        Ok(())
    }

    /// Sends partial states and forgets them.
    fn flush(&mut self, out: &mut Output) -> Result<()> {
        if self.groups.is_empty() {
            return Ok(());
        }
        let partial = self.groups.partial(&self.layout, &[], self.partitions)?;
        self.account.retired += self.groups.rows();
        self.pre_aggregation.collected(self.groups.rows(), partial.num_rows());
        send(&partial, self.batch_rows, self.ingest_ms, &mut self.account, out);
        self.groups.clear();
        Ok(())
    }

    /// What is held for a checkpoint: all groups, or those that have changed.
    fn held(&mut self, whole: bool, lost: bool, out: &mut Output) -> Result<OperatorState> {
        self.on_tick(out)?;
        if self.phase == Phase::Local {
            self.flush(out)?;
            return Ok(OperatorState::none());
        }
        self.copied.clear();
        let mut state = OperatorState::new(self.groups.begin_checkpoint(whole, lost));
        self.gives = true;
        if let Some(hash) = self.groups.some_hash() {
            let mut counts = RowCounts::default();
            counts.add(hash, (0, 0), self.groups.rows(), 0);
            counts.snapshot(&mut state, vec![])?;
        }
        Ok(state)
    }

    /// The states of groups as a table of a checkpoint.
    fn table_of(&self, groups: Vec<u32>) -> Result<StateTable> {
        let rows = self.groups.states_of(&groups, &self.layout, &[])?;
        let sent = groups.iter().map(|group| Some(self.sent.get(*group as usize).is_some_and(|own| *own)));
        let rows = with_column(rows, "sent", Arc::new(sent.collect::<BooleanArray>()))?;
        Ok(StateTable::of_parts(GROUPS, rows, groups.into_iter().map(u64::from).collect()))
    }

    /// Copies the groups that have been found and that a checkpoint is still to give.
    fn copy_urgent(&mut self) -> Result<()> {
        let urgent = self.groups.urgent();
        if !urgent.is_empty() {
            self.copied.push(self.table_of(urgent)?);
        }
        Ok(())
    }

    /// Sends what has changed since the last emission.
    fn send_changes(&mut self, out: &mut Output) -> Result<()> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        let dirty = std::mem::take(&mut self.dirty);
        let before = join_parts(std::mem::take(&mut self.before))?;
        let (after, faults) = self.groups.evaluate(&dirty)?;
        let before = record(&self.schema, before)?;
        let after = record(&self.schema, after)?;
        let faulty = report_faults(&after, faults, &mut self.account, out);
        let same = equal_rows(&before, &after)?;
        // Positions below `dirty.len()` are old rows, the others new ones.
        let (mut positions, mut kinds) = (vec![], vec![]);
        for (index, group) in dirty.iter().enumerate() {
            let group = *group as usize;
            self.is_dirty[group] = false;
            let was = self.sent[group];
            let is = self.groups.is_live(group as u32) && faulty.as_ref().is_none_or(|own| !own[index]);
            self.sent[group] = is;
            let (old, new) = (index as u32, (dirty.len() + index) as u32);
            match (was, is) {
                (false, true) => push(&mut positions, &mut kinds, [(new, RowKind::Insert)]),
                (true, false) => push(&mut positions, &mut kinds, [(old, RowKind::Delete)]),
                (true, true) if !same[index] => {
                    push(
                        &mut positions,
                        &mut kinds,
                        [(old, RowKind::UpdateBefore), (new, RowKind::UpdateAfter)],
                    );
                }
                _ => {}
            }
        }
        self.send_rows(&before, &after, positions, kinds, out)
    }

    fn send_rows(
        &mut self,
        before: &RecordBatch,
        after: &RecordBatch,
        positions: Vec<u32>,
        kinds: Vec<RowKind>,
        out: &mut Output,
    ) -> Result<()> {
        let both = super::concat_rows(before, after)?;
        for (positions, kinds) in
            positions.chunks(self.batch_rows.max(2)).zip(kinds.chunks(self.batch_rows.max(2)))
        {
            let positions = UInt32Array::from(positions.to_vec());
            let rows = take_record_batch(&both, &positions)
                .map_err(|error| Error::bug(format!("picking results: {error}")))?;
            self.account.rows_out += rows.num_rows() as u64;
            let insert_only = kinds.iter().all(|kind| *kind == RowKind::Insert);
            let kinds =
                if insert_only { RowKinds::Insert } else { RowKinds::from_kinds(kinds.iter().copied()) };
            out.events.push(Event::Batch(Batch { kinds, ..Batch::derived(rows, self.ingest_ms) }));
        }
        Ok(())
    }

    /// Sends every group once.
    fn send_all(&mut self, out: &mut Output) -> Result<()> {
        let live = self.groups.live();
        for groups in live.chunks(self.batch_rows) {
            let (columns, faults) = self.groups.evaluate(groups)?;
            let rows = without_faults(record(&self.schema, columns)?, faults, &mut self.account, out)?;
            send(&rows, self.batch_rows, self.ingest_ms, &mut self.account, out);
        }
        Ok(())
    }
}

fn push<const N: usize>(positions: &mut Vec<u32>, kinds: &mut Vec<RowKind>, rows: [(u32, RowKind); N]) {
    for (position, kind) in rows {
        positions.push(position);
        kinds.push(kind);
    }
}

/// The columns of several parts, one after the other.
pub fn join_parts(parts: Vec<Vec<ArrayRef>>) -> Result<Vec<ArrayRef>> {
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("joining results: {error}"));
    let columns = parts.first().map_or(0, Vec::len);
    let column = |index: usize| {
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part[index].as_ref()).collect();
        concat(&parts).map_err(bug)
    };
    (0..columns).map(column).collect()
}

/// For each row, whether both batches have the same values.
pub fn equal_rows(left: &RecordBatch, right: &RecordBatch) -> Result<Vec<bool>> {
    let bug = |error: arrow::error::ArrowError| Error::bug(format!("comparing results: {error}"));
    let fields =
        left.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(bug)?;
    let left = converter.convert_columns(left.columns()).map_err(bug)?;
    let right = converter.convert_columns(right.columns()).map_err(bug)?;
    Ok(left.iter().zip(right.iter()).map(|(left, right)| left == right).collect())
}

impl Operator for GroupAggregate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        match self.phase {
            Phase::Final => self.add_partial(&batch)?,
            Phase::Single | Phase::Local => self.add_rows(&batch, out)?,
        }
        if self.phase == Phase::Local && self.groups.is_larger_than(MOST_LOCAL_GROUPS) {
            self.flush(out)?;
        }
        // Where changes are sent, that must come first.
        if !self.tracks_changes() { self.forget_empty() } else { Ok(()) }
    }

    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        match (self.phase, self.emit) {
            (_, EmitMode::Final) => Ok(()),
            (Phase::Local, EmitMode::Changes) => self.flush(out),
            (_, EmitMode::Changes) => {
                self.send_changes(out)?;
                self.forget_empty()
            }
        }
    }

    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        match (self.phase, self.emit) {
            (Phase::Local, _) => self.flush(out),
            (_, EmitMode::Changes) => self.send_changes(out),
            (_, EmitMode::Final) => self.send_all(out),
        }
    }

    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState> {
        self.held(true, false, out)
    }

    fn changes(&mut self, lost: bool, out: &mut Output) -> Result<Option<OperatorState>> {
        self.held(false, lost, out).map(Some)
    }

    fn rest(&mut self) -> Result<Option<StateTable>> {
        if !self.copied.is_empty() {
            return StateTable::joined(std::mem::take(&mut self.copied)).map(Some);
        }
        let piece = if self.gives { self.groups.due(PIECE_PARTS) } else { None };
        self.gives = piece.is_some();
        piece.map(|groups| self.table_of(groups)).transpose()
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[GROUPS, ROW_COUNTS])?;
        self.groups.reserve(state.rows(GROUPS).map(RecordBatch::num_rows).sum());
        for rows in state.rows(GROUPS) {
            let groups = without_column(rows, "sent", &self.layout.schema)?;
            let (keys, hashes) = Grouped::keys_of(&self.layout, &groups);
            let located = self.groups.locate(keys, hashes)?.to_vec();
            self.groups.merge_states(&self.layout, &groups)?;
            self.sent.resize(self.groups.len(), false);
            let sent = rows.column(rows.num_columns() - 1).as_boolean();
            located.iter().enumerate().for_each(|(row, group)| self.sent[*group as usize] = sent.value(row));
        }
        row_counts(state)?.into_iter().for_each(|(_, rows)| self.groups.stand_for(rows));
        self.account.restored = self.groups.rows();
        Ok(())
    }

    fn account(&self) -> Account {
        let copied: usize = self.copied.iter().map(|own| own.rows.get_array_memory_size()).sum();
        let state_bytes = (self.groups.bytes() + copied) as u64;
        Account { in_state: self.groups.rows(), state_bytes, ..self.account }
    }
}

/// Rows of a checkpoint with one more column.
fn with_column(rows: RecordBatch, name: &str, column: ArrayRef) -> Result<RecordBatch> {
    let mut fields: Vec<_> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(name, column.data_type().clone(), false)));
    let columns = rows.columns().iter().cloned().chain([column]).collect();
    record(&Arc::new(Schema::new(fields)), columns)
}

/// Rows that [`with_column`] made, as they were; they come from a file.
fn without_column(rows: &RecordBatch, name: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let count = schema.fields().len();
    let last = rows.columns().get(count).filter(|_| rows.num_columns() == count + 1);
    let known = last.is_some_and(|own| *own.data_type() == DataType::Boolean && own.null_count() == 0);
    let known = known && rows.schema().field(count).name() == name;
    if !known {
        return Err(Error::data("the groups in the checkpoint are not those of this query")
            .hint("resume with the script that wrote the checkpoint"));
    }
    as_layout(&rows.columns()[..count], schema)
}

/// The rows that a partial batch stands for.
pub fn partial_rows(batch: &RecordBatch) -> u64 {
    use arrow::datatypes::Int64Type;
    batch.column(PARTIAL_ROWS).as_primitive::<Int64Type>().values().iter().sum::<i64>() as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::{Field, Int64Type, Schema};
    use millrace_plan::{AggregateCall, Changelog};

    /// SUM(v) by k over rows that may be taken back.
    fn sum(emit: EmitMode) -> (GroupAggregate, SchemaRef) {
        let schema = |names: [&str; 2]| -> SchemaRef {
            Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::Int64, true)).to_vec()))
        };
        let call = AggregateCall {
            function: "sum".into(),
            args: vec![1],
            arg_types: vec![DataType::Int64],
            constants: vec![],
            filter: None,
            distinct: false,
            result_type: DataType::Int64,
            name: "s".into(),
            user: None,
        };
        let (keys, aggregates) = (vec![0], vec![call]);
        let operator =
            Spec::GroupAggregate { keys, aggregates, phase: Phase::Single, emit, retracting: true };
        let (changelog, reason) = (Changelog::Retract, String::new());
        let node =
            Node { operator, inputs: vec![0], schema: schema(["k", "s"]), changelog, row_time: None, reason };
        let input = schema(["k", "v"]);
        (GroupAggregate::new(&node, &input, &Limits::default()).unwrap(), input)
    }

    fn send(own: &mut GroupAggregate, schema: &SchemaRef, keys: std::ops::Range<i64>, kind: RowKind) {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(keys.clone()));
        let rows = RecordBatch::try_new(schema.clone(), vec![column.clone(), column]).unwrap();
        let kinds = RowKinds::from_kinds(keys.map(|_| kind));
        own.on_batch(0, Batch { kinds, ..Batch::derived(rows, 0) }, &mut Output::default()).unwrap();
    }

    fn sent(out: Output) -> i64 {
        let sum = |event| match event {
            Event::Batch(Batch { rows, kinds, .. }) => {
                let sums = rows.column(1).as_primitive::<Int64Type>();
                (0..rows.num_rows()).map(|row| sums.value(row) * kinds.get(row).weight()).sum()
            }
            _ => 0,
        };
        out.events.into_iter().map(sum).sum()
    }

    #[test]
    fn groups_that_are_taken_back_leave_no_memory_behind() {
        for emit in [EmitMode::Changes, EmitMode::Final] {
            let (mut own, schema) = sum(emit);
            let (mut bytes, mut total) = (0, 0);
            for round in 0..40 {
                let keys = round * 2000..(round + 1) * 2000;
                send(&mut own, &schema, keys.clone(), RowKind::Insert);
                let mut out = Output::default();
                own.on_tick(&mut out).unwrap();
                send(&mut own, &schema, keys.start + 1..keys.end, RowKind::Delete);
                own.on_tick(&mut out).unwrap();
                total += sent(out);
                let account = own.account();
                assert_eq!(account.accepted, account.retired + account.in_state, "{emit:?}, round {round}");
                match round {
                    10 => bytes = account.state_bytes,
                    _ => assert!(round < 10 || account.state_bytes <= bytes * 2, "{emit:?}, round {round}"),
                }
            }
            // One more row of a group that has been there all the time, then the end.
            send(&mut own, &schema, 0..1, RowKind::Insert);
            send(&mut own, &schema, 2000..2001, RowKind::Insert);
            let mut out = Output::default();
            own.on_end(&mut out).unwrap();
            let first_keys: i64 = (0..40).map(|round| round * 2000).sum();
            assert_eq!(total + sent(out), first_keys + 2000, "{emit:?}");
        }
    }
}
