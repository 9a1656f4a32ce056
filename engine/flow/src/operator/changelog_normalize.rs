//! The last row of each key: makes upserts, and changes that come twice, to changes that fit each other.
//!
//! Only what a row is now counts: `+I` and `+U` set it, `-D` takes it away, `-U` says nothing (as Flink drops it
//! there). What is sent takes back exactly what was sent before; a row that did not change, and the end of a key
//! that is not there, are not sent. So a log may be read twice.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt32Array, UInt64Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use millrace_plan::{Error, Node, Operator as Spec, Result, RowKind};

use super::{Account, Operator, Output};
use crate::batch::{Batch, Event, RowKinds, RowWatermarks};
use crate::checkpoint::{Extent, OperatorState, as_layout};
use crate::state::{Changed, GroupTable, NO_SLOT, RowStore, hash_keys};

/// The table of a checkpoint: the last row of each key.
const ROWS: &str = "rows";

/// Rows of one batch of a checkpoint.
const MOST_ROWS: usize = 1 << 16;

/// So many keys may be known without a row before they are forgotten.
const FEWEST_KEYS: usize = 1024;

/// The ChangelogNormalize operator.
pub struct ChangelogNormalize {
    keys: Vec<usize>,
    key_types: Vec<DataType>,
    schema: SchemaRef,
    layout: SchemaRef,
    table: GroupTable,
    /// The slot of the last row of each key; [`NO_SLOT`] if it has none.
    last: Vec<u32>,
    store: RowStore,
    /// More keys than this may be worth a search for those without a row.
    most_keys: usize,
    /// Brings rows into a form that can be compared; `None` if they have a column that cannot be.
    converter: Option<RowConverter>,
    hashes: Vec<u64>,
    ids: Vec<u32>,
    /// What the batch at hand has made of a key: see [`Now`].
    now: Vec<Now>,
    /// Keys changed since the last checkpoint.
    changed: Changed,
    account: Account,
}

/// The last row of a key while a batch is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// As it is stored.
    Stored,
    /// This row of the batch.
    Row(u32),
    /// None.
    Gone,
}

/// The rows of a batch that say something, and what they replace.
#[derive(Default)]
struct Steps {
    /// The rows of the batch.
    rows: Vec<u32>,
    /// Each of them adds a row.
    adds: Vec<bool>,
    /// What each replaces, as a position in `before`; [`NO_SLOT`] = nothing.
    replaced: Vec<u32>,
    /// What is replaced: a row of the batch, or a slot.
    before: Vec<Replaced>,
}

#[derive(Clone, Copy)]
enum Replaced {
    Row(u32),
    Slot(u32),
}

impl ChangelogNormalize {
    /// The operator of `node` over rows of `input`.
    pub fn new(node: &Node, input: &SchemaRef) -> Result<Self> {
        let Spec::ChangelogNormalize { keys } = &node.operator else {
            return Err(Error::bug("not a ChangelogNormalize"));
        };
        let key_types: Vec<DataType> = keys.iter().map(|key| input.field(*key).data_type().clone()).collect();
        let fields = input.fields().iter().map(|field| SortField::new(field.data_type().clone()));
        Ok(ChangelogNormalize {
            keys: keys.clone(),
            table: GroupTable::new(&key_types)?,
            key_types,
            schema: node.schema.clone(),
            layout: layout(input),
            last: vec![],
            store: RowStore::new(input),
            most_keys: FEWEST_KEYS,
            converter: RowConverter::new(fields.collect()).ok(),
            hashes: vec![],
            ids: vec![],
            now: vec![],
            changed: Changed::default(),
            account: Account::default(),
        })
    }

    /// Finds the key of each row.
    fn locate(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| columns[*key].clone()).collect();
        hash_keys(&keys, rows, &mut self.hashes)?;
        self.table.intern(&keys, &self.hashes, &mut self.ids)?;
        self.last.resize(self.table.len(), NO_SLOT);
        self.now.resize(self.table.len(), Now::Stored);
        Ok(())
    }

    /// Walks through a batch whose keys are located: what each row does to its key.
    fn walk(&mut self, batch: &Batch) -> Steps {
        let mut steps = Steps::default();
        for (row, key) in (0u32..).zip(&self.ids) {
            let kind = batch.kinds.get(row as usize);
            if kind == RowKind::UpdateBefore {
                continue;
            }
            let now = &mut self.now[*key as usize];
            let slot = self.last[*key as usize];
            let before = match *now {
                Now::Stored if slot != NO_SLOT => Some(Replaced::Slot(slot)),
                Now::Row(row) => Some(Replaced::Row(row)),
                Now::Stored | Now::Gone => None,
            };
            let adds = kind.weight() > 0;
            if before.is_none() && !adds {
                continue;
            }
            *now = if adds { Now::Row(row) } else { Now::Gone };
            steps.rows.push(row);
            steps.adds.push(adds);
            steps.replaced.push(before.map_or(NO_SLOT, |_| steps.before.len() as u32));
            steps.before.extend(before);
        }
        steps
    }

    /// The rows that are replaced, as columns.
    fn replaced(&self, steps: &Steps, columns: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        let slot = |own: &Replaced| match own {
            Replaced::Slot(slot) => Some(*slot),
            Replaced::Row(_) => None,
        };
        let slots: Vec<u32> = steps.before.iter().filter_map(slot).collect();
        let mut stored = 0;
        let picks: Vec<(usize, usize)> = steps
            .before
            .iter()
            .map(|own| match own {
                Replaced::Row(row) => (1, *row as usize),
                Replaced::Slot(_) => {
                    stored += 1;
                    (0, stored - 1)
                }
            })
            .collect();
        let column = |index: usize| {
            let own = self.store.gather(index, &slots)?;
            interleave(&[own.as_ref(), columns[index].as_ref()], &picks).map_err(|error| bug(&error))
        };
        (0..columns.len()).map(column).collect()
    }

    /// For each row that is replaced, whether the row that replaces it is the same.
    fn unchanged(&self, steps: &Steps, before: &[ArrayRef], columns: &[ArrayRef]) -> Result<Vec<bool>> {
        let Some(converter) = &self.converter else { return Ok(vec![false; steps.before.len()]) };
        let replacing = steps.rows.iter().zip(&steps.replaced).filter(|(_, own)| **own != NO_SLOT);
        let replacing: UInt32Array = replacing.map(|(row, _)| *row).collect::<Vec<_>>().into();
        let after = columns.iter().map(|own| take(own, &replacing, None)).collect::<Result<Vec<_>, _>>();
        let after = converter.convert_columns(&after.map_err(|error| bug(&error))?);
        let after = after.map_err(|error| bug(&error))?;
        let before = converter.convert_columns(before).map_err(|error| bug(&error))?;
        Ok(before.iter().zip(after.iter()).map(|(before, after)| before == after).collect())
    }

    /// Sends what the steps change.
    fn send(&mut self, steps: &Steps, before: &[ArrayRef], batch: &Batch, out: &mut Output) -> Result<()> {
        let unchanged = self.unchanged(steps, before, batch.rows.columns())?;
        let (mut picks, mut kinds, mut causes) = (vec![], vec![], vec![]);
        let mut push = |pick: (usize, usize), kind: RowKind, cause: u32| {
            picks.push(pick);
            kinds.push(kind);
            causes.push(cause);
        };
        for ((row, adds), replaced) in steps.rows.iter().zip(&steps.adds).zip(&steps.replaced) {
            let (old, new) = ((0, *replaced as usize), (1, *row as usize));
            match (adds, *replaced != NO_SLOT) {
                (true, false) => push(new, RowKind::Insert, *row),
                (true, true) if unchanged[old.1] => {}
                (true, true) => {
                    push(old, RowKind::UpdateBefore, *row);
                    push(new, RowKind::UpdateAfter, *row);
                }
                (false, _) => push(old, RowKind::Delete, *row),
            }
        }
        if picks.is_empty() {
            return Ok(());
        }
        let columns = before.iter().zip(batch.rows.columns());
        let columns = columns.map(|(old, new)| interleave(&[old.as_ref(), new.as_ref()], &picks));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| bug(&error))?;
        let rows = RecordBatch::try_new(self.schema.clone(), columns).map_err(|error| bug(&error))?;
        self.account.rows_out += rows.num_rows() as u64;
        let insert_only = kinds.iter().all(|kind| *kind == RowKind::Insert);
        let kinds = if insert_only { RowKinds::Insert } else { RowKinds::from_kinds(kinds) };
        let watermarks = match &batch.watermarks {
            RowWatermarks::Constant(own) => RowWatermarks::Constant(*own),
            RowWatermarks::PerRow(own) => RowWatermarks::PerRow(Int64Array::from_iter_values(
                causes.iter().map(|cause| own.value(*cause as usize)),
            )),
        };
        let (origin, ingest_ms) = (batch.origin, batch.ingest_ms);
        out.events.push(Event::Batch(Batch { rows, kinds, origin, watermarks, ingest_ms }));
        Ok(())
    }

    /// Stores what the batch has made of its keys.
    fn keep(&mut self, steps: &Steps, columns: &[ArrayRef]) -> Result<()> {
        let (mut kept, mut owners) = (vec![], vec![]);
        for row in &steps.rows {
            let key = self.ids[*row as usize];
            let now = std::mem::replace(&mut self.now[key as usize], Now::Stored);
            if now == Now::Stored {
                continue;
            }
            self.changed.touch(key);
            let last = &mut self.last[key as usize];
            if *last != NO_SLOT {
                self.store.remove(*last);
                *last = NO_SLOT;
            }
            if let Now::Row(row) = now {
                kept.push(row);
                owners.push(key);
            }
        }
        let picked = UInt32Array::from(kept);
        let rows = columns.iter().map(|own| take(own, &picked, None)).collect::<Result<Vec<_>, _>>();
        let mut slots = vec![];
        self.store.add(rows.map_err(|error| bug(&error))?, owners.len(), &mut slots)?;
        owners.iter().zip(slots).for_each(|(key, slot)| self.last[*key as usize] = slot);
        self.store.settle()
    }

    /// Forgets the keys without a row once they may be most of all.
    fn forget_keys(&mut self) -> Result<()> {
        if self.table.len() <= self.most_keys {
            return Ok(());
        }
        let used: Vec<u32> =
            (0..self.last.len() as u32).filter(|key| self.last[*key as usize] != NO_SLOT).collect();
        self.most_keys = FEWEST_KEYS.max(2 * used.len());
        let hashes: Vec<u64> = used.iter().map(|key| self.table.hashes()[*key as usize]).collect();
        let mut table = GroupTable::new(&self.key_types)?;
        table.intern(&self.table.keys(&used)?, &hashes, &mut self.ids)?;
        let mut last = vec![NO_SLOT; used.len()];
        used.iter().zip(&self.ids).for_each(|(old, new)| last[*new as usize] = self.last[*old as usize]);
        self.now = vec![Now::Stored; last.len()];
        (self.table, self.last) = (table, last);
        self.changed.lose();
        Ok(())
    }
}

fn bug(error: &arrow::error::ArrowError) -> Error {
    Error::bug(format!("the last rows of keys: {error}"))
}

/// The hash of the key, then the columns of the rows.
fn layout(input: &SchemaRef) -> SchemaRef {
    let rows = input.fields().iter().enumerate();
    let rows = rows.map(|(index, own)| Field::new(format!("column{index}"), own.data_type().clone(), true));
    let hash = Field::new("hash", DataType::UInt64, false);
    let fields = [hash].into_iter().chain(rows).map(|own| Arc::new(own) as FieldRef);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl ChangelogNormalize {
    /// Adds the rows of keys to a checkpoint, each a part.
    fn add_keys(&self, keys: impl Iterator<Item = u32>, state: &mut OperatorState) -> Result<()> {
        let held: Vec<u32> = keys.filter(|key| self.last[*key as usize] != NO_SLOT).collect();
        for keys in held.chunks(MOST_ROWS) {
            let hashes = keys.iter().map(|key| self.table.hashes()[*key as usize]);
            let slots: Vec<u32> = keys.iter().map(|key| self.last[*key as usize]).collect();
            let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from_iter_values(hashes))];
            for column in 0..self.schema.fields().len() {
                columns.push(self.store.gather(column, &slots)?);
            }
            let rows = RecordBatch::try_new(self.layout.clone(), columns).map_err(|error| bug(&error))?;
            state.add_parts(ROWS, rows, keys.iter().copied().map(u64::from).collect(), vec![]);
        }
        Ok(())
    }
}

impl Operator for ChangelogNormalize {
    fn on_batch(&mut self, _: usize, batch: Batch, out: &mut Output) -> Result<()> {
        self.account.rows_in += batch.len() as u64;
        self.account.accepted += batch.len() as u64;
        let held = self.store.len() as u64;
        self.locate(batch.rows.columns(), batch.len())?;
        let steps = self.walk(&batch);
        let before = self.replaced(&steps, batch.rows.columns())?;
        self.send(&steps, &before, &batch, out)?;
        self.keep(&steps, batch.rows.columns())?;
        self.account.retired += held + batch.len() as u64 - self.store.len() as u64;
        self.forget_keys()
    }

    fn snapshot(&mut self, _: &mut Output) -> Result<OperatorState> {
        self.changed.begin();
        let mut state = OperatorState::none();
        self.add_keys(0..self.last.len() as u32, &mut state)?;
        Ok(state)
    }

    fn changes(&mut self, lost: bool, _: &mut Output) -> Result<Option<OperatorState>> {
        let Some(keys) = self.changed.take(lost) else { return Ok(None) };
        let mut state = OperatorState::new(Extent::Changes);
        state.add_gone(ROWS, keys.iter().copied().filter(|key| self.last[*key as usize] == NO_SLOT));
        self.add_keys(keys.into_iter(), &mut state)?;
        Ok(Some(state))
    }

    fn restore(&mut self, state: &OperatorState, _: i64) -> Result<()> {
        state.only(&[ROWS])?;
        let mut slots = vec![];
        for rows in state.rows(ROWS) {
            let rows = as_layout(rows.columns(), &self.layout)?;
            let columns = &rows.columns()[1..];
            let known = self.table.len();
            self.locate(columns, rows.num_rows())?;
            if self.table.len() != known + rows.num_rows() {
                return Err(Error::data("the checkpoint holds a key of ChangelogNormalize twice"));
            }
            self.store.add(columns.to_vec(), rows.num_rows(), &mut slots)?;
            self.ids.iter().zip(&slots).for_each(|(key, slot)| self.last[*key as usize] = *slot);
            self.store.settle()?;
        }
        self.account.restored = self.store.len() as u64;
        self.most_keys = FEWEST_KEYS.max(2 * self.table.len());
        Ok(())
    }

    fn account(&self) -> Account {
        let words = self.last.capacity() * size_of::<u32>() + self.now.capacity() * size_of::<Now>();
        let bytes = self.table.bytes() + self.store.bytes() + self.changed.bytes() + words;
        Account { in_state: self.store.len() as u64, state_bytes: bytes as u64, ..self.account }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    use millrace_plan::Changelog;

    use super::*;

    fn operator() -> (ChangelogNormalize, SchemaRef) {
        let fields = ["k", "v"].map(|name| Field::new(name, DataType::Int64, true));
        let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
        let node = Node {
            operator: Spec::ChangelogNormalize { keys: vec![0] },
            inputs: vec![0],
            schema: schema.clone(),
            changelog: Changelog::Retract,
            row_time: None,
            reason: String::new(),
        };
        (ChangelogNormalize::new(&node, &schema).unwrap(), schema)
    }

    fn send(
        own: &mut ChangelogNormalize,
        schema: &SchemaRef,
        rows: &[(i64, i64, RowKind)],
    ) -> Vec<(i64, i64, RowKind)> {
        let column = |of: fn(&(i64, i64, RowKind)) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
        };
        let columns = vec![column(|row| row.0), column(|row| row.1)];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let kinds = RowKinds::from_kinds(rows.iter().map(|row| row.2));
        let mut out = Output::default();
        own.on_batch(0, Batch { kinds, ..Batch::derived(batch, 0) }, &mut out).unwrap();
        let mut sent = vec![];
        for event in out.events {
            let Event::Batch(batch) = event else { continue };
            let [k, v] = [0, 1].map(|column| batch.rows.column(column).as_primitive::<Int64Type>().clone());
            sent.extend((0..batch.len()).map(|row| (k.value(row), v.value(row), batch.kinds.get(row))));
        }
        sent
    }

    #[test]
    fn a_key_may_change_many_times_within_a_batch() {
        use RowKind::{Delete, Insert, UpdateAfter, UpdateBefore};
        let (mut own, schema) = operator();
        let first = [(1, 7, Insert), (1, 7, UpdateAfter), (1, 8, Insert), (2, 0, Delete), (1, 0, Delete)];
        let taken = [(1, 7, Insert), (1, 7, UpdateBefore), (1, 8, UpdateAfter), (1, 8, Delete)];
        assert_eq!(send(&mut own, &schema, &first), taken);
        let more = [(1, 0, Delete), (1, 9, UpdateAfter), (1, 9, UpdateBefore), (1, 9, Insert)];
        assert_eq!(send(&mut own, &schema, &more), [(1, 9, Insert)]);
        assert_eq!(send(&mut own, &schema, &[(1, 0, Delete)]), [(1, 9, Delete)]);
        let account = own.account();
        assert_eq!((account.accepted, account.retired, account.in_state), (10, 10, 0));
    }

    #[test]
    fn keys_that_are_deleted_leave_no_memory_behind() {
        let (mut own, schema) = operator();
        let mut bytes = 0;
        for round in 0..40 {
            let rows = |kind| (round * 2000..(round + 1) * 2000).map(move |key| (key, round, kind));
            let sent = send(&mut own, &schema, &rows(RowKind::UpdateAfter).collect::<Vec<_>>());
            assert_eq!(sent.len(), 2000);
            send(&mut own, &schema, &rows(RowKind::Delete).skip(1).collect::<Vec<_>>());
            let account = own.account();
            assert_eq!(account.accepted, account.retired + account.in_state, "round {round}");
            assert_eq!(account.in_state, round as u64 + 1);
            match round {
                10 => bytes = account.state_bytes,
                _ => assert!(round < 10 || account.state_bytes <= bytes * 2, "round {round}"),
            }
        }
    }
}
