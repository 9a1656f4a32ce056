//! Continuous GROUP BY whose groups are forgotten when nothing has come for a time.
//!
//! A group expires so long after it was last written, by the clock; the rows that come then begin a new one, as if
//! there had been none. Nothing is taken back of what was sent, and a row that takes back one of a forgotten group
//! is passed over. Whether a group has expired is decided when it is met again, so it does not matter when its
//! memory is freed. Time does not go back, not after a restart either.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use millrace_plan::{Error, Limits, Node, Operator as Spec, Result, RowKind, WATERMARK_MIN};

use super::group_aggregate::{equal_rows, join_parts};
use super::results::{record, report_faults};
use super::{Account, Operator, Output};
use crate::batch::{Batch, Event, RowKinds};
use crate::checkpoint::{OperatorState, as_layout};
use crate::state::{AggregateSlots, GroupTable, hash_keys};

/// The table of a checkpoint: groups that have not expired.
const GROUPS: &str = "groups";

/// Fewer groups than this are not worth a search for expired ones.
const FEWEST_GROUPS: usize = 1024;

/// What is known of a group besides its key and its aggregates.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// When it was last written, in milliseconds since 1970.
    written_ms: i64,
    /// Rows it has received.
    received: u64,
    /// Rows added less rows taken back.
    live: i64,
    /// Its result has been sent and not taken back.
    is_sent: bool,
    /// It has changed since the last emission.
    is_dirty: bool,
}

/// The operator of `GROUP BY` with `STATE_TTL`.
pub struct ExpiringAggregate {
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    ttl_ms: i64,
    schema: SchemaRef,
    layout: SchemaRef,
    table: GroupTable,
    /// For each key of `table`, where its group is in `groups` and `slots`: a key that is met again after it
    /// expired gets a new one.
    slot_of: Vec<u32>,
    groups: Vec<Group>,
    slots: AggregateSlots,
    hashes: Vec<u64>,
    located: Vec<u32>,
    /// Groups changed since the last emission, in the order of their first change: key and slot.
    dirty: Vec<(u32, u32)>,
    /// The results of `dirty` before their first change, in parts.
    before: Vec<Vec<ArrayRef>>,
    /// The latest time there was.
    now_ms: i64,
    /// When to look for expired groups again.
    next_search_ms: i64,
    batch_rows: usize,
    ingest_ms: i64,
    account: Account,
}

impl ExpiringAggregate {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef, limits: &Limits) -> Result<Self> {
        let Spec::ExpiringAggregate { keys, aggregates, retracting, ttl_ms } = &node.operator else {
            return Err(Error::bug("not an ExpiringAggregate"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let slots = AggregateSlots::new(aggregates.clone().into(), *retracting)?;
        Ok(ExpiringAggregate {
            keys: keys.clone(),
            ttl_ms: i64::try_from(*ttl_ms).unwrap_or(i64::MAX),
            schema: node.schema.clone(),
            layout: layout(&key_types, slots.state_types()),
            table: GroupTable::new(&key_types)?,
            key_types,
            slot_of: vec![],
            groups: vec![],
            slots,
            hashes: vec![],
            located: vec![],
            dirty: vec![],
            before: vec![],
            now_ms: WATERMARK_MIN,
            next_search_ms: WATERMARK_MIN,
            batch_rows: limits.batch_rows,
            ingest_ms: 0,
            account: Account::default(),
        })
    }

    fn has_expired(&self, group: &Group) -> bool {
        group.written_ms.saturating_add(self.ttl_ms) <= self.now_ms
    }

    fn new_slot(&mut self) -> u32 {
        let group = Group { written_ms: self.now_ms, received: 0, live: 0, is_sent: false, is_dirty: false };
        self.groups.push(group);
        self.groups.len() as u32 - 1
    }

    /// Begins anew the groups of `located` that have expired.
    fn renew(&mut self) {
        let located = std::mem::take(&mut self.located);
        for key in &located {
            if *key as usize == self.slot_of.len() {
                let slot = self.new_slot();
                self.slot_of.push(slot);
                continue;
            }
            let slot = self.slot_of[*key as usize] as usize;
            if self.has_expired(&self.groups[slot]) {
                self.account.retired += std::mem::take(&mut self.groups[slot].received);
                self.slot_of[*key as usize] = self.new_slot();
            }
            // A later row of this batch finds it fresh.
            self.groups[self.slot_of[*key as usize] as usize].written_ms = self.now_ms;
        }
        self.located = located;
        self.slots.resize(self.groups.len());
    }

    /// Counts the rows of a batch in their groups. False for those that take back what is not there.
    fn count(&mut self, weights: Option<&[i64]>) -> Vec<bool> {
        let mut kept = Vec::with_capacity(self.located.len());
        for (row, key) in self.located.iter().enumerate() {
            let group = &mut self.groups[self.slot_of[*key as usize] as usize];
            let weight = weights.map_or(1, |weights| weights[row]);
            let counts = weight > 0 || group.live > 0;
            if counts {
                group.live += weight;
                group.received += 1;
            } else {
                self.account.retired += 1;
            }
            kept.push(counts);
        }
        kept
    }

    /// Remembers the results of groups that are about to change for the first time since the last emission.
    fn note_before(&mut self, keys: &[u32]) -> Result<()> {
        let first = self.dirty.len();
        for key in keys {
            let slot = self.slot_of[*key as usize];
            let group = &mut self.groups[slot as usize];
            if !std::mem::replace(&mut group.is_dirty, true) {
                self.dirty.push((*key, slot));
            }
        }
        if self.dirty.len() > first {
            let (columns, _) = self.evaluate(&self.dirty[first..])?;
            self.before.push(columns);
        }
        Ok(())
    }

    /// Keys and results.
    fn evaluate(&self, groups: &[(u32, u32)]) -> Result<(Vec<ArrayRef>, crate::state::Faults)> {
        let keys: Vec<u32> = groups.iter().map(|(key, _)| *key).collect();
        let slots: Vec<u32> = groups.iter().map(|(_, slot)| *slot).collect();
        let mut columns = self.table.keys(&keys)?;
        let faults = self.slots.evaluate(&slots, &mut columns)?;
        Ok((columns, faults))
    }

    /// Sends what has changed since the last emission.
    fn send_changes(&mut self, out: &mut Output) -> Result<()> {
        if self.dirty.is_empty() {
            return Ok(());
        }
        let dirty = std::mem::take(&mut self.dirty);
        let before = record(&self.schema, join_parts(std::mem::take(&mut self.before))?)?;
        let (after, faults) = self.evaluate(&dirty)?;
        let after = record(&self.schema, after)?;
        let faulty = report_faults(&after, faults, &mut self.account, out);
        let same = equal_rows(&before, &after)?;
        // Positions below `dirty.len()` are old rows, the others new ones.
        let mut changes = vec![];
        for (index, (_, slot)) in dirty.iter().enumerate() {
            let group = &mut self.groups[*slot as usize];
            group.is_dirty = false;
            let is = group.live > 0 && faulty.as_ref().is_none_or(|own| !own[index]);
            let was = std::mem::replace(&mut group.is_sent, is);
            let (old, new) = (index as u32, (dirty.len() + index) as u32);
            match (was, is) {
                (false, true) => changes.push((new, RowKind::Insert)),
                (true, false) => changes.push((old, RowKind::Delete)),
                (true, true) if !same[index] => {
                    changes.extend([(old, RowKind::UpdateBefore), (new, RowKind::UpdateAfter)]);
                }
                _ => {}
            }
        }
        self.send(&super::concat_rows(&before, &after)?, &changes, out)
    }

    fn send(&mut self, rows: &RecordBatch, changes: &[(u32, RowKind)], out: &mut Output) -> Result<()> {
        for part in changes.chunks(self.batch_rows.max(2)) {
            let positions = UInt32Array::from_iter_values(part.iter().map(|(position, _)| *position));
            let rows = take_record_batch(rows, &positions)
                .map_err(|error| Error::bug(format!("picking results: {error}")))?;
            self.account.rows_out += rows.num_rows() as u64;
            let kinds = match part.iter().all(|(_, kind)| *kind == RowKind::Insert) {
                true => RowKinds::Insert,
                false => RowKinds::from_kinds(part.iter().map(|(_, kind)| *kind)),
            };
            out.events.push(Event::Batch(Batch { kinds, ..Batch::derived(rows, self.ingest_ms) }));
        }
        Ok(())
    }

    /// The keys of groups that are there and have not expired.
    fn held(&self) -> Vec<u32> {
        let is_held = |key: &u32| {
            let group = &self.groups[self.slot_of[*key as usize] as usize];
            !self.has_expired(group) && group.live > 0
        };
        (0..self.slot_of.len() as u32).filter(is_held).collect()
    }

    /// Frees the memory of expired groups, if they are many.
    fn forget_expired(&mut self, out: &mut Output) -> Result<()> {
        if self.now_ms < self.next_search_ms || self.groups.len() < FEWEST_GROUPS {
            return Ok(());
        }
        self.next_search_ms = self.now_ms.saturating_add((self.ttl_ms / 4).max(100));
        let held = self.held();
        if held.len() * 2 > self.groups.len() {
            return Ok(());
        }
        self.send_changes(out)?;
        let slots: Vec<u32> = held.iter().map(|key| self.slot_of[*key as usize]).collect();
        let before: u64 = self.groups.iter().map(|own| own.received).sum();
        let hashes: Vec<u64> = held.iter().map(|key| self.table.hashes()[*key as usize]).collect();
        let mut table = GroupTable::new(&self.key_types)?;
        table.intern(&self.table.keys(&held)?, &hashes, &mut self.located)?;
        self.slots.keep(&slots)?;
        self.groups = slots.iter().map(|slot| self.groups[*slot as usize]).collect();
        self.slot_of = (0..held.len() as u32).collect();
        self.table = table;
        self.account.retired += before - self.groups.iter().map(|own| own.received).sum::<u64>();
        Ok(())
    }

    fn take_over(&mut self, rows: &RecordBatch) -> Result<()> {
        let rows = as_layout(rows.columns(), &self.layout)?;
        let (keys, states) = (self.keys.len(), self.layout.fields().len() - self.keys.len() - 5);
        let hashes = rows.column(0).as_primitive::<UInt64Type>().values();
        self.table.intern(&rows.columns()[1..=keys], hashes, &mut self.located)?;
        let number = |back: usize| {
            let column = rows.num_columns() - back;
            rows.column(column).as_primitive::<Int64Type>().values()
        };
        let (written, received, live) = (number(4), number(3), number(2));
        let sent = rows.column(rows.num_columns() - 1).as_boolean();
        for row in 0..rows.num_rows() {
            if self.located[row] as usize != self.slot_of.len() {
                return Err(Error::data("a group is twice in the checkpoint"));
            }
            self.slot_of.push(self.groups.len() as u32);
            self.now_ms = self.now_ms.max(written[row]);
            self.groups.push(Group {
                written_ms: written[row],
                received: received[row].max(0) as u64,
                live: live[row],
                is_sent: sent.value(row),
                is_dirty: false,
            });
        }
        self.slots.resize(self.groups.len());
        self.slots.merge(&self.located, &rows.columns()[1 + keys..1 + keys + states])
    }
}

/// A group in a checkpoint: its hash, its key, the states of its aggregates, and what else is known of it.
fn layout(key_types: &[DataType], states: Vec<DataType>) -> SchemaRef {
    let numbered = |name: &str, types: &[DataType]| -> Vec<Field> {
        types
            .iter()
            .enumerate()
            .map(|(at, own)| Field::new(format!("{name}{at}"), own.clone(), true))
            .collect()
    };
    let mut fields = vec![Field::new("hash", DataType::UInt64, false)];
    fields.extend(numbered("key", key_types));
    fields.extend(numbered("state", &states));
    fields.extend(["written", "received", "live"].map(|name| Field::new(name, DataType::Int64, false)));
    fields.push(Field::new("sent", DataType::Boolean, false));
    Arc::new(Schema::new(fields))
}

impl Operator for ExpiringAggregate {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        self.ingest_ms = batch.ingest_ms;
        self.now_ms = self.now_ms.max(batch.ingest_ms);
        self.forget_expired(out)?;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| batch.rows.column(*key).clone()).collect();
        hash_keys(&keys, batch.len(), &mut self.hashes)?;
        self.table.intern(&keys, &self.hashes, &mut self.located)?;
        self.renew();
        let weights = batch.weights();
        let located = self.located.clone();
        self.note_before(&located)?;
        let kept = self.count(weights.as_deref());
        let slots = located.iter().map(|key| self.slot_of[*key as usize]);
        if kept.iter().all(|kept| *kept) {
            let slots: Vec<u32> = slots.collect();
            return self.slots.update(&slots, &batch.rows, weights.as_deref(), batch.origin.order(0));
        }
        let slots: Vec<u32> = slots.zip(&kept).filter(|(_, kept)| **kept).map(|(slot, _)| slot).collect();
        let batch = batch.filter(&BooleanArray::from(kept))?;
        self.slots.update(&slots, &batch.rows, batch.weights().as_deref(), batch.origin.order(0))
    }

    fn on_tick(&mut self, out: &mut Output) -> Result<()> {
        self.send_changes(out)
    }

    fn on_clock(&mut self, now_ms: i64, out: &mut Output) -> Result<()> {
        self.now_ms = self.now_ms.max(now_ms);
        self.forget_expired(out)
    }

    fn on_end(&mut self, out: &mut Output) -> Result<()> {
        self.send_changes(out)
    }

    fn snapshot(&mut self, out: &mut Output) -> Result<OperatorState> {
        /// Keys of one batch have 32-bit offsets.
        const MOST_GROUPS: usize = 1 << 17;
        self.send_changes(out)?;
        let mut state = OperatorState::none();
        for keys in self.held().chunks(MOST_GROUPS) {
            let slots: Vec<u32> = keys.iter().map(|key| self.slot_of[*key as usize]).collect();
            let hashes = keys.iter().map(|key| self.table.hashes()[*key as usize]);
            let number = |of: fn(&Group) -> i64| -> ArrayRef {
                let numbers = slots.iter().map(|slot| of(&self.groups[*slot as usize]));
                Arc::new(Int64Array::from_iter_values(numbers))
            };
            let sent: BooleanArray =
                slots.iter().map(|own| Some(self.groups[*own as usize].is_sent)).collect();
            let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from_iter_values(hashes))];
            columns.extend(self.table.keys(keys)?);
            columns.extend(self.slots.states(&slots)?);
            columns.push(number(|own| own.written_ms));
            columns.push(number(|own| own.received as i64));
            columns.push(number(|own| own.live));
            columns.push(Arc::new(sent));
            state.add_keyed(GROUPS, record(&self.layout, columns)?);
        }
        Ok(state)
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[GROUPS])?;
        state.rows(GROUPS).try_for_each(|rows| self.take_over(rows))?;
        self.account.restored = self.groups.iter().map(|own| own.received).sum();
        Ok(())
    }

    fn account(&self) -> Account {
        let in_state = self.groups.iter().map(|own| own.received).sum();
        let own = self.groups.capacity() * size_of::<Group>() + self.slot_of.capacity() * size_of::<u32>();
        Account {
            in_state,
            state_bytes: (self.table.bytes() + self.slots.bytes() + own) as u64,
            ..self.account
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use millrace_plan::{AggregateCall, Changelog};

    const TTL_MS: u64 = 100;

    /// COUNT(*) by k over rows that may be taken back, forgotten after [`TTL_MS`].
    fn count_by_key() -> ExpiringAggregate {
        let schema = |names: &[&str]| -> SchemaRef {
            Arc::new(Schema::new(
                names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect::<Vec<_>>(),
            ))
        };
        let call = AggregateCall {
            function: "count".into(),
            args: vec![],
            arg_types: vec![],
            constants: vec![],
            filter: None,
            distinct: false,
            result_type: DataType::Int64,
            name: "n".into(),
            user: None,
        };
        let (keys, aggregates) = (vec![0], vec![call]);
        let operator = Spec::ExpiringAggregate { keys, aggregates, retracting: true, ttl_ms: TTL_MS };
        let (changelog, reason) = (Changelog::Retract, String::new());
        let (inputs, schema_out) = (vec![0], schema(&["k", "n"]));
        let node = Node { operator, inputs, schema: schema_out, changelog, row_time: None, reason };
        ExpiringAggregate::new(&node, &schema(&["k"]), &Limits::default()).unwrap()
    }

    /// The changes, as kind, key and count, that rows of these keys bring at this time.
    fn at(
        own: &mut ExpiringAggregate,
        ingest_ms: i64,
        kind: RowKind,
        keys: impl IntoIterator<Item = i64>,
    ) -> Vec<(RowKind, i64, i64)> {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(keys));
        let kinds = RowKinds::from_kinds((0..column.len()).map(|_| kind));
        let rows = RecordBatch::try_from_iter([("k", column)]).unwrap();
        let mut out = Output::default();
        own.on_batch(0, Batch { kinds, ..Batch::derived(rows, ingest_ms) }, &mut out).unwrap();
        own.on_tick(&mut out).unwrap();
        let account = own.account();
        assert_eq!(account.accepted + account.restored, account.retired + account.in_state);
        let changes = out.events.iter().flat_map(|event| {
            let Event::Batch(batch) = event else { panic!("no rows: {event:?}") };
            let number =
                |column: usize, row| batch.rows.column(column).as_primitive::<Int64Type>().value(row);
            (0..batch.len())
                .map(|row| (batch.kinds.get(row), number(0, row), number(1, row)))
                .collect::<Vec<_>>()
        });
        changes.collect()
    }

    #[test]
    fn a_group_expires_so_long_after_its_last_row() {
        use RowKind::{Insert, UpdateAfter, UpdateBefore};
        let mut own = count_by_key();
        assert_eq!(at(&mut own, 0, Insert, [1, 2]), [(Insert, 1, 1), (Insert, 2, 1)]);
        assert_eq!(at(&mut own, 99, Insert, [1]), [(UpdateBefore, 1, 1), (UpdateAfter, 1, 2)]);
        // Key 2 was last written at 0, key 1 at 99.
        let changes = at(&mut own, 198, Insert, [1, 2, 2]);
        assert_eq!(changes, [(UpdateBefore, 1, 2), (UpdateAfter, 1, 3), (Insert, 2, 2)]);
        // The clock does not go back.
        assert_eq!(at(&mut own, 150, Insert, [2]), [(UpdateBefore, 2, 2), (UpdateAfter, 2, 3)]);
    }

    #[test]
    fn a_group_that_expires_between_two_emissions_is_sent_first() {
        let mut own = count_by_key();
        let (mut out, row) = (Output::default(), |ingest_ms| {
            let column: ArrayRef = Arc::new(Int64Array::from(vec![7]));
            Batch::derived(RecordBatch::try_from_iter([("k", column)]).unwrap(), ingest_ms)
        });
        for time in [0, 10, 200] {
            own.on_batch(0, row(time), &mut out).unwrap();
        }
        own.on_tick(&mut out).unwrap();
        let [Event::Batch(batch)] = out.events.as_slice() else { panic!("{:?}", out.events) };
        assert_eq!(batch.rows.column(1).as_primitive::<Int64Type>().values().as_ref(), [2, 1]);
        assert!(batch.kinds.is_insert_only());
    }

    #[test]
    fn a_row_of_a_forgotten_group_that_is_taken_back_is_passed_over() {
        use RowKind::{Delete, Insert};
        let mut own = count_by_key();
        assert_eq!(at(&mut own, 0, Insert, [1, 1]), [(Insert, 1, 2)]);
        assert_eq!(at(&mut own, 100, Delete, [1]), []);
        assert_eq!(at(&mut own, 101, Insert, [1]), [(Insert, 1, 1)]);
        assert_eq!(at(&mut own, 102, Delete, [1]), [(Delete, 1, 1)]);
    }

    #[test]
    fn forgotten_groups_leave_no_memory_behind() {
        let mut own = count_by_key();
        let mut bytes = 0;
        for round in 0..60i64 {
            at(&mut own, round * 60, RowKind::Insert, round * 2000..(round + 1) * 2000);
            own.on_clock(round * 60 + 30, &mut Output::default()).unwrap();
            match round {
                20 => bytes = own.account().state_bytes,
                _ => assert!(round < 20 || own.account().state_bytes <= bytes * 2, "round {round}"),
            }
        }
    }

    #[test]
    fn a_group_expires_after_a_restart_as_without_one() {
        use RowKind::{Insert, UpdateAfter, UpdateBefore};
        let mut first = count_by_key();
        at(&mut first, 0, Insert, [1]);
        at(&mut first, 60, Insert, [2]);
        let state = first.snapshot(&mut Output::default()).unwrap();
        let mut own = count_by_key();
        own.restore(&state, WATERMARK_MIN).unwrap();
        let changes = at(&mut own, 120, Insert, [1, 2]);
        assert_eq!(changes, [(Insert, 1, 1), (UpdateBefore, 2, 1), (UpdateAfter, 2, 2)]);
    }
}
