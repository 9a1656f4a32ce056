//! `'late.table' = 'name'`: rows of a source that are dropped as late go to a sink.
//!
//! A row is late where it meets the first operator that drops late rows, and it leaves there as that operator
//! reads it. So the columns of the late table go along, behind those that the query needs, from the source to
//! that operator; what lies between must hand on each row as one row. What makes other rows of them (a join, a
//! UNION) is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use millrace_plan::{Error, Node, NodeId, Operator, Place, Plan, Result, TableDef};

use super::Lowering;
use super::carry::Carrier;
use super::graph::Graph;
use crate::bind::{Declared, Tables};
use crate::catalog::nearest;
use crate::types::sql_name;

/// The option of a source.
pub const OPTION: &str = "late.table";

/// Where late rows of a source go.
#[derive(Debug, Clone)]
pub struct LateTable {
    /// The sink.
    pub sink: Arc<TableDef>,
    /// For each column of the sink, the column of the source, as a position in its declared schema.
    pub columns: Vec<usize>,
    /// A shard that reads the source may stop holding time back, and so learn too late that a row is late.
    may_fall_idle: bool,
    /// Where the source was declared.
    place: Option<Place>,
}

/// The late tables, by the name of the source.
pub type LateTables = BTreeMap<String, LateTable>;

/// The late tables of all declared sources. `may_fall_idle` tells of a source whether one of its readers may stop
/// holding time back.
pub fn declared(tables: &Tables, may_fall_idle: impl Fn(&TableDef) -> Result<bool>) -> Result<LateTables> {
    let mut late = LateTables::new();
    for source in tables.tables.values() {
        let Some(name) = source.def.option(OPTION) else { continue };
        let own = of_source(tables, source, name, &may_fall_idle);
        let own = own.map_err(|error| error.at(source.place))?;
        late.insert(source.def.name.clone(), own);
    }
    Ok(late)
}

fn of_source(
    tables: &Tables,
    source: &Declared,
    name: &str,
    may_fall_idle: impl Fn(&TableDef) -> Result<bool>,
) -> Result<LateTable> {
    let own = &source.def.name;
    let Some((row_time, _)) = source.watermark else {
        return Err(Error::query(format!("'{OPTION}' of `{own}`: without a WATERMARK no row is late"))
            .hint("declare WATERMARK FOR the row time, or leave the option out"));
    };
    if name == own {
        return Err(Error::query(format!("'{OPTION}' of `{own}` names the table itself"))
            .hint("declare another table for its late rows"));
    }
    let unknown = Error::query(format!("'{OPTION}' of `{own}` names `{name}`, which is no table"));
    let Some(sink) = tables.tables.get(name) else {
        let known = tables.tables.keys().map(String::as_str).filter(|known| known != own);
        return Err(match nearest(name, known) {
            Some(found) => unknown.hint(format!("did you mean `{found}`?")),
            None => unknown.hint("declare a sink of this name with CREATE TABLE"),
        });
    };
    let column = |field: &Arc<Field>| column_of(source, row_time, name, field);
    let columns = sink.def.schema.fields().iter().map(column).collect::<Result<_>>()?;
    let may_fall_idle = may_fall_idle(&source.def)?;
    Ok(LateTable { sink: sink.def.clone(), columns, may_fall_idle, place: source.place })
}

/// The column of the source with the name and type of a column of the late table.
fn column_of(source: &Declared, row_time: usize, table: &str, field: &Field) -> Result<usize> {
    let own = &source.def.name;
    let all = || source.schema.fields().iter().map(|own| own.name().as_str());
    let Some(found) = all().position(|name| name == field.name()) else {
        let unknown = Error::query(format!(
            "'{OPTION}' of `{own}`: `{table}` has a column `{}` that `{own}` does not have",
            field.name()
        ));
        return Err(match nearest(field.name(), all()) {
            Some(near) => unknown.hint(format!("did you mean `{near}`?")),
            None => unknown.hint(format!("the columns of `{table}` are columns of `{own}`, all or some")),
        });
    };
    let declared = source.schema.field(found);
    let data_type = match declared.data_type() {
        // Row times are kept in milliseconds.
        DataType::Timestamp(_, zone) if found == row_time => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        other => other.clone(),
    };
    if data_type != *field.data_type() {
        return Err(Error::query(format!(
            "'{OPTION}' of `{own}`: column `{}` of `{table}` is {}, but late rows have {}",
            field.name(),
            sql_name(field.data_type()),
            sql_name(&data_type)
        ))
        .hint(format!("declare `{}` {} in `{table}`", field.name(), sql_name(&data_type))));
    }
    if !field.is_nullable() && declared.is_nullable() && found != row_time {
        return Err(Error::query(format!(
            "'{OPTION}' of `{own}`: column `{}` of `{table}` is NOT NULL, but may be NULL in `{own}`",
            field.name()
        ))
        .hint("leave NOT NULL out of the late table"));
    }
    Ok(found)
}

/// A source whose late rows are wanted, as a node.
pub struct LateSource<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where its late rows go.
    pub late: &'a LateTable,
    /// The node that sends its rows.
    pub node: NodeId,
    /// For each column of the late table, the column of `node`.
    pub columns: Vec<usize>,
}

impl Lowering {
    /// True if partial states of the rows of `node` could be dropped as late after the rows themselves were not:
    /// then rows, which the late table wants, must meet their window whole.
    pub(super) fn late_rows_need_owner(&self, node: NodeId) -> bool {
        match &self.graph.node(node).operator {
            Operator::Source { table, .. } => {
                self.sources.late().get(&table.name).is_some_and(|own| own.may_fall_idle)
            }
            own if own.drops_late_rows() => false,
            _ => self.graph.node(node).inputs.iter().any(|input| self.late_rows_need_owner(*input)),
        }
    }
}

/// Adds the sinks of late rows. `statements`: the first node of each statement, and where that begins.
pub fn route(
    graph: Graph,
    sources: &[LateSource],
    statements: &[(NodeId, Option<Place>)],
    ordered: bool,
) -> Result<Plan> {
    let plan = graph.finish();
    if sources.is_empty() {
        return Ok(plan);
    }
    let written = |node: &Node| match &node.operator {
        Operator::Sink { table } => Some(table.name.clone()),
        _ => None,
    };
    let written: Vec<String> = plan.nodes.iter().filter_map(written).collect();
    sources.iter().try_for_each(|own| check_own(own.late, &written))?;
    let mut carrier = Carrier::new(plan.nodes, statements);
    for source in sources {
        carrier.follow(source)?;
    }
    carrier.finish_joins()?;
    Ok(carrier.into_plan(ordered))
}

/// What the user should know of late tables that nothing is written to.
pub fn warnings(plan: &Plan, late: &LateTables) -> Vec<String> {
    let reads = |name: &str| {
        plan.nodes.iter().any(|node| matches!(&node.operator, Operator::Source { table, lookup: false, .. } if table.name == name))
    };
    let writes = |name: &str| {
        plan.nodes.iter().any(|node| matches!(&node.operator, Operator::Sink { table } if table.name == name))
    };
    let idle = late.iter().filter(|(name, own)| reads(name) && !writes(&own.sink.name));
    idle.map(|(name, _)| {
        format!("'{OPTION}' of `{name}` has no effect: nothing that reads `{name}` drops late rows")
    })
    .collect()
}

/// Fails if a sink of late rows is a sink of the script too.
fn check_own(late: &LateTable, written: &[String]) -> Result<()> {
    match written.contains(&late.sink.name) {
        false => Ok(()),
        true => Err(Error::query(format!("'{OPTION}': INSERT INTO writes to `{}` too", late.sink.name))
            .hint("give late rows a table of their own")
            .at(late.place)),
    }
}
