//! Snapshots of changes put together: what a shard held, from the last whole snapshot and those that follow it.

use std::ops::Range;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use millrace_plan::{Error, NodeId, Result};
use rustc_hash::FxHashSet;

use super::state::{Extent, OperatorState, StateTable};
use super::{NodeSnapshot, ShardSnapshot};

/// What a shard held at the last of its snapshots, which follow each other; the first holds everything. An error if
/// they do not fit together.
pub fn merged(mut chain: Vec<ShardSnapshot>) -> Result<ShardSnapshot> {
    let newest = chain.pop().ok_or_else(|| Error::bug("a chain without a snapshot"))?;
    let nodes = newest.nodes.into_iter().map(|own| {
        let node = own.node;
        Ok(NodeSnapshot { state: of_node(own.state, &mut chain, node)?, ..own })
    });
    Ok(ShardSnapshot { epoch: newest.epoch, nodes: nodes.collect::<Result<_>>()? })
}

/// What a node held: `newest`, and what earlier snapshots held of it, which is taken out of them.
fn of_node(newest: OperatorState, chain: &mut [ShardSnapshot], node: NodeId) -> Result<OperatorState> {
    let mut states = vec![newest];
    for earlier in chain.iter_mut().rev() {
        if states.last().is_some_and(|own| own.extent == Extent::Whole) {
            break;
        }
        let own = earlier.nodes.iter_mut().find(|own| own.node == node);
        let own = own.ok_or_else(|| Error::data("a snapshot of changes follows one without that node"))?;
        states.push(std::mem::take(&mut own.state));
    }
    match states.as_slice() {
        [only] if only.extent == Extent::Whole => return Ok(states.remove(0)),
        [.., first] if first.extent == Extent::Whole => {}
        _ => return Err(Error::data("snapshots of changes without what they follow")),
    }
    let mut names: Vec<String> = vec![];
    for own in states.iter().flat_map(|own| &own.tables) {
        if !names.contains(&own.name) {
            names.push(own.name.clone());
        }
    }
    let mut whole = OperatorState::none();
    for name in names {
        newest_of(&name, &states, &mut whole)?;
    }
    Ok(whole)
}

/// The rows of a table that are not replaced; `states` are newest first.
fn newest_of(name: &str, states: &[OperatorState], whole: &mut OperatorState) -> Result<()> {
    let mut replaced = Replaced::default();
    for (place, state) in states.iter().enumerate() {
        let tables: Vec<&StateTable> = state.tables.iter().filter(|own| own.name == name).collect();
        for own in &tables {
            let rows = match own.parts.is_empty() {
                true => own.rows.clone(),
                false => replaced.left_of(own)?,
            };
            let (name, placement) = (name.to_string(), own.placement);
            whole.add_table(StateTable { name, placement, rows, parts: vec![], gone: vec![] });
        }
        if tables.iter().any(|own| own.parts.is_empty() && own.gone.is_empty()) {
            return Ok(());
        }
        // The oldest replaces nothing, and is the largest.
        if place + 1 < states.len() {
            tables.iter().for_each(|own| replaced.add(own));
        }
    }
    Ok(())
}

/// The parts of which newer snapshots say what is left.
#[derive(Default)]
struct Replaced {
    parts: FxHashSet<u64>,
    gone: Vec<Range<u64>>,
}

impl Replaced {
    fn add(&mut self, table: &StateTable) {
        self.parts.extend(&table.parts);
        self.gone.extend(table.gone.iter().cloned());
        // Ranges in order that do not touch.
        self.gone.sort_by_key(|own| own.start);
        let mut apart: Vec<Range<u64>> = Vec::with_capacity(self.gone.len());
        for own in self.gone.drain(..) {
            match apart.last_mut() {
                Some(last) if own.start <= last.end => last.end = last.end.max(own.end),
                _ => apart.push(own),
            }
        }
        self.gone = apart;
    }

    fn has(&self, part: u64) -> bool {
        let after = self.gone.partition_point(|own| own.start <= part);
        let gone = after.checked_sub(1).is_some_and(|before| self.gone[before].contains(&part));
        gone || self.parts.contains(&part)
    }

    fn left_of(&self, table: &StateTable) -> Result<RecordBatch> {
        if table.parts.len() != table.rows.num_rows() {
            return Err(Error::data(format!("`{}` in the checkpoint has rows of no part", table.name)));
        }
        if self.parts.is_empty() && self.gone.is_empty() {
            return Ok(table.rows.clone());
        }
        let keep: BooleanArray = table.parts.iter().map(|part| Some(!self.has(*part))).collect();
        filter_record_batch(&table.rows, &keep)
            .map_err(|error| Error::bug(format!("putting snapshots together: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array, UInt64Array};
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;

    fn rows(parts: &[u64], values: &[i64]) -> RecordBatch {
        let hashes: ArrayRef = Arc::new(UInt64Array::from(parts.to_vec()));
        let values: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        RecordBatch::try_from_iter([("hash", hashes), ("value", values)]).unwrap()
    }

    fn snapshot(epoch: u64, state: OperatorState) -> ShardSnapshot {
        ShardSnapshot { epoch, nodes: vec![NodeSnapshot { node: 0, watermark_ms: epoch as i64, state }] }
    }

    /// What is held of these parts: rows of a part follow each other.
    fn held(state: &mut OperatorState, parts: &BTreeMap<u64, Vec<i64>>, gone: Vec<Range<u64>>) {
        let each = || parts.iter().flat_map(|(part, own)| own.iter().map(move |value| (*part, *value)));
        let (numbers, values): (Vec<u64>, Vec<i64>) = each().unzip();
        state.add_parts("t", rows(&numbers, &values), numbers, gone);
    }

    #[test]
    fn snapshots_that_do_not_fit_are_refused() {
        let changes = || snapshot(2, OperatorState::new(Extent::Changes));
        assert!(merged(vec![]).is_err());
        assert!(merged(vec![changes()]).is_err());
        assert!(merged(vec![ShardSnapshot { epoch: 1, nodes: vec![] }, changes()]).is_err());
        assert!(merged(vec![snapshot(1, OperatorState::none()), changes()]).is_ok());
    }

    #[test]
    fn a_table_without_parts_replaces_those_before_it() {
        let mut states = [OperatorState::none(), OperatorState::new(Extent::Changes)];
        states[0].add_everywhere("clock", rows(&[1], &[10]));
        states[0].add_everywhere("kept", rows(&[2], &[20]));
        states[1].add_everywhere("clock", rows(&[1], &[11]));
        let [first, second] = states;
        let all = merged(vec![snapshot(1, first), snapshot(2, second)]).unwrap();
        let state = &all.nodes[0].state;
        assert_eq!(state.rows("clock").collect::<Vec<_>>(), [&rows(&[1], &[11])]);
        assert_eq!(state.rows("kept").collect::<Vec<_>>(), [&rows(&[2], &[20])]);
        assert_eq!((all.epoch, all.nodes[0].watermark_ms), (2, 2));
    }

    proptest! {
        /// Whatever is written over or goes, the merge holds what was there in the end.
        #[test]
        fn changes_add_up_to_what_is_held(
            epochs in proptest::collection::vec(
                (proptest::collection::vec((0u64..12, proptest::collection::vec(0i64..99, 0..3)), 0..8), any::<bool>()),
                1..7)
        ) {
            let mut all: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
            let mut chain = vec![];
            for (epoch, (writes, whole)) in epochs.into_iter().enumerate() {
                let changed: BTreeMap<u64, Vec<i64>> = writes.into_iter().collect();
                all.extend(changed.clone());
                all.retain(|_, own| !own.is_empty());
                let mut state = match whole || epoch == 0 {
                    true => OperatorState::none(),
                    false => OperatorState::new(Extent::Changes),
                };
                match state.extent {
                    Extent::Whole => held(&mut state, &all, vec![]),
                    Extent::Changes => {
                        let gone = changed.iter().filter(|(_, own)| own.is_empty());
                        let gone = gone.map(|(part, _)| *part..*part + 1).collect();
                        held(&mut state, &changed, gone);
                    }
                }
                chain.push(snapshot(epoch as u64, state));
            }
            let merged = merged(chain).unwrap();
            let mut found: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
            for rows in merged.nodes[0].state.rows("t") {
                let parts = rows.column(0).as_primitive::<arrow::datatypes::UInt64Type>().values();
                let values = rows.column(1).as_primitive::<Int64Type>().values();
                parts.iter().zip(values).for_each(|(part, value)| found.entry(*part).or_default().push(*value));
            }
            prop_assert_eq!(found, all);
        }
    }
}
