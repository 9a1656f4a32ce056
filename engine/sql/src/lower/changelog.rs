//! Sources whose changes do not fit each other: upserts, and changes that may come twice. Behind such a source the
//! last row of each primary key is kept, and what differs is sent on.

use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use millrace_plan::{Changelog, Error, Exchange, Node, NodeId, Operator, Result};

use super::Strategy;
use super::graph::Graph;
use crate::bind::{Declared, DeclaredColumn};

/// The columns of the primary key, as positions in the declared schema, if the last row of each key must be kept.
pub fn normalized_by(declared: &Declared, strategy: Strategy) -> Result<Option<Vec<usize>>> {
    let name = &declared.def.name;
    let needs_key = match (declared.changelog, strategy.duplicates) {
        (Changelog::Append, _) | (Changelog::Retract, false) => return Ok(None),
        (Changelog::Upsert, _) => {
            Error::query(format!("table `{name}` sends upserts, but has no PRIMARY KEY"))
        }
        (Changelog::Retract, true) => Error::query(format!(
            "'table.exec.source.cdc-events-duplicate' is set, but table `{name}` has no PRIMARY KEY"
        )),
    };
    let of_key = |own: &DeclaredColumn| match own {
        DeclaredColumn::Stored(position) => declared.def.primary_key.contains(position),
        DeclaredColumn::Computed(_) => false,
    };
    let key: Vec<usize> = (0..declared.columns.len()).filter(|own| of_key(&declared.columns[*own])).collect();
    match key.is_empty() {
        false => Ok(Some(key)),
        true => Err(needs_key
            .hint("declare the columns that name a row: PRIMARY KEY (id) NOT ENFORCED")
            .at(declared.place)),
    }
}

/// A column of `declared` as its source sends it: an upsert source may say of a row that goes away no more than its
/// key.
pub fn sent_field(declared: &Declared, field: &Field) -> FieldRef {
    let nullable = field.is_nullable() || declared.changelog == Changelog::Upsert;
    Arc::new(field.clone().with_nullable(nullable))
}

/// `input`, which sends the declared `columns`, with the last row of each key kept behind it if that is needed.
pub fn normalize(
    declared: &Declared,
    columns: &[usize],
    input: NodeId,
    strategy: Strategy,
    graph: &mut Graph,
) -> Result<NodeId> {
    let Some(key) = normalized_by(declared, strategy)? else { return Ok(input) };
    let find = |own: &usize| columns.iter().position(|column| column == own);
    let keys = key.iter().map(find).collect::<Option<Vec<_>>>();
    let keys = keys.ok_or_else(|| Error::bug("the primary key was not read"))?;
    let exchange = Exchange::Hash(keys.clone());
    let input = match strategy.shards {
        1 => input,
        _ => graph.exchange(input, exchange, "changes go to the owner of their primary key"),
    };
    let Node { schema, row_time, .. } = graph.node(input).clone();
    let declared_as = |(own, column): (&FieldRef, &usize)| {
        own.as_ref().clone().with_nullable(declared.schema.field(*column).is_nullable())
    };
    let schema = schema.fields().iter().zip(columns).map(declared_as).collect::<Vec<_>>();
    let reason = match declared.changelog {
        Changelog::Upsert => "the source sends what rows are now, not what they were",
        Changelog::Append | Changelog::Retract => "the source may send a change twice",
    };
    Ok(graph.add(Node {
        operator: Operator::ChangelogNormalize { keys },
        inputs: vec![input],
        schema: Arc::new(Schema::new(schema)),
        changelog: Changelog::Retract,
        row_time,
        reason: reason.into(),
    }))
}
