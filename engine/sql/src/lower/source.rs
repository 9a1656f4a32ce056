//! Tables as nodes: one source for each table of the script, however many queries read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use datafusion_common::{Column, DFSchema, ScalarValue};
use datafusion_expr::{BinaryExpr, Expr, Operator as ExprOperator, TableScan, cast};
use millrace_plan::{Changelog, Error, Node, NodeId, Operator, Result, RowTimeSpec, WatermarkRule};

use super::calc::{CalcColumns, compile};
use super::graph::Graph;
use super::late_table::{LateSource, LateTables};
use super::relation::{Place, Relation};
use super::{Lowering, Strategy, changelog, lateness};
use crate::bind::{Declared, DeclaredColumn, DeclaredTable, DeclaredWatermark};

/// The tables that the script reads, and the columns that any of its queries needs.
pub struct Sources {
    tables: BTreeMap<String, Source>,
    strategy: Strategy,
    late: LateTables,
}

struct Source {
    declared: Arc<Declared>,
    /// Positions in the declared schema.
    needed: BTreeSet<usize>,
    node: Option<Shared>,
}

/// The node that sends a table's rows.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The node.
    node: NodeId,
    /// The declared columns it sends, in order.
    columns: Vec<usize>,
    /// The row-time column, as a position in the declared schema.
    row_time: Option<usize>,
}

/// The type of row times: milliseconds without a zone.
pub fn row_time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, None)
}

fn declared_table(scan: &TableScan) -> Result<Arc<Declared>> {
    match scan.source.downcast_ref::<DeclaredTable>() {
        Some(table) => Ok(table.0.clone()),
        None => Err(Error::bug(format!("{} is not a declared table", scan.table_name))),
    }
}

fn scanned_columns(scan: &TableScan, declared: &Declared) -> Vec<usize> {
    match &scan.projection {
        Some(projection) => projection.clone(),
        None => (0..declared.schema.fields().len()).collect(),
    }
}

impl Sources {
    /// No tables yet.
    pub fn new(strategy: Strategy, late: LateTables) -> Self {
        Sources { tables: BTreeMap::new(), strategy, late }
    }

    /// Where late rows go.
    pub fn late(&self) -> &LateTables {
        &self.late
    }

    /// The nodes of the tables that are read and whose late rows are wanted.
    pub fn with_late_table(&self) -> Result<Vec<LateSource<'_>>> {
        let mut found = vec![];
        for (name, late) in &self.late {
            let Some(shared) = self.tables.get(name).and_then(|own| own.node.as_ref()) else { continue };
            let place = |column: &usize| shared.columns.iter().position(|own| own == column);
            let columns = late.columns.iter().map(place).collect::<Option<Vec<_>>>();
            let columns = columns.ok_or_else(|| Error::bug("a column of the late table was not read"))?;
            found.push(LateSource { name, late, node: shared.node, columns });
        }
        Ok(found)
    }

    /// Notes the columns that `scan` needs.
    pub fn need(&mut self, scan: &TableScan) -> Result<()> {
        let declared = declared_table(scan)?;
        lateness::check(&declared, self.strategy).map_err(|error| error.at(declared.place))?;
        let columns = scanned_columns(scan, &declared);
        let row_time = declared.watermark.as_ref().map(|(column, _)| *column);
        let key = changelog::normalized_by(&declared, self.strategy)?.unwrap_or_default();
        let source = self.tables.entry(declared.def.name.clone()).or_insert_with(|| Source {
            declared: declared.clone(),
            needed: row_time.into_iter().chain(key).collect(),
            node: None,
        });
        source.needed.extend(columns);
        source.needed.extend(self.late.get(&declared.def.name).into_iter().flat_map(|late| &late.columns));
        Ok(())
    }

    /// The node that sends the table of `scan`, made on first use.
    pub fn node(&mut self, scan: &TableScan, graph: &mut Graph) -> Result<Shared> {
        let declared = declared_table(scan)?;
        let Some(source) = self.tables.get_mut(&declared.def.name) else {
            return Err(Error::bug(format!("nobody asked for table {}", declared.def.name)));
        };
        if source.node.is_none() {
            source.node = Some(build(&source.declared, &source.needed, self.strategy, false, graph)?);
        }
        source.node.clone().ok_or_else(|| Error::bug("a source without a node"))
    }
}

/// A node of its own for the table of `scan`, which is read whenever a run begins. It has no row time.
pub fn lookup(scan: &TableScan, strategy: Strategy, graph: &mut Graph) -> Result<Shared> {
    let declared = declared_table(scan)?;
    let needed = scanned_columns(scan, &declared).into_iter().collect();
    build(&declared, &needed, strategy, true, graph)
}

/// Source, then computed columns, then row time; then the last row of each key, where changes do not fit each other.
fn build(
    declared: &Declared,
    needed: &BTreeSet<usize>,
    strategy: Strategy,
    lookup: bool,
    graph: &mut Graph,
) -> Result<Shared> {
    let (projection, stored) = stored_columns(declared, needed)?;
    let sent = |position: &usize| changelog::sent_field(declared, &stored_field(declared, *position));
    let fields: Vec<FieldRef> = projection.iter().map(sent).collect();
    let mut node = graph.add(Node {
        operator: Operator::Source { table: declared.def.clone(), projection, lookup },
        inputs: vec![],
        schema: Arc::new(Schema::new(fields)),
        changelog: declared.changelog,
        row_time: None,
        reason: String::new(),
    });
    let columns: Vec<usize> = needed.iter().copied().collect();
    let mut calc = CalcColumns::default();
    for column in &columns {
        let field = declared.schema.field(*column);
        let expr = match &declared.columns[*column] {
            DeclaredColumn::Stored(_) => Expr::Column(Column::from_name(field.name())),
            DeclaredColumn::Computed(expr) => expr.clone(),
        };
        let expr = match &declared.watermark {
            Some((time, _)) if time == column => as_row_time(expr, field),
            _ => expr,
        };
        let compiled = compile(&expr, &stored)?;
        calc.now |= compiled.now;
        let data_type = compiled.expr.data_type(stored.as_arrow()).ok();
        let data_type = data_type.filter(|_| !compiled.now).unwrap_or_else(|| field.data_type().clone());
        let sent = changelog::sent_field(declared, field);
        calc.append(compiled.expr, sent.as_ref().clone().with_data_type(data_type));
    }
    let width = graph.node(node).schema.fields().len();
    if !calc.is_identity(width) {
        let schema = Arc::new(Schema::new(calc.fields));
        let operator = Operator::Calc { filter: None, exprs: calc.exprs, now: calc.now };
        node = graph.add_after(node, operator, schema, None);
    }
    let row_time = match &declared.watermark {
        Some((time, watermark)) if !lookup => {
            node = row_time_node(declared, *time, watermark, &columns, node, graph)?;
            Some(*time)
        }
        _ => None,
    };
    node = changelog::normalize(declared, &columns, node, strategy, graph)?;
    Ok(Shared { node, columns, row_time })
}

/// The stored columns to read, and their names in the order they are read.
fn stored_columns(declared: &Declared, needed: &BTreeSet<usize>) -> Result<(Vec<usize>, DFSchema)> {
    let mut stored: BTreeSet<usize> = BTreeSet::new();
    let by_name = |name: &str| {
        let found = declared.schema.fields().iter().position(|field| field.name() == name)?;
        match declared.columns[found] {
            DeclaredColumn::Stored(position) => Some(position),
            DeclaredColumn::Computed(_) => None,
        }
    };
    for column in needed {
        match &declared.columns[*column] {
            DeclaredColumn::Stored(position) => {
                stored.insert(*position);
            }
            DeclaredColumn::Computed(expr) => {
                stored.extend(expr.column_refs().iter().filter_map(|column| by_name(&column.name)));
            }
        }
    }
    let projection: Vec<usize> = stored.into_iter().collect();
    let fields = projection.iter().map(|position| (None, stored_field(declared, *position))).collect();
    let schema = DFSchema::new_with_metadata(fields, Default::default()).map_err(|error| {
        Error::query(format!("table `{}`: {error}", declared.def.name)).at(declared.place)
    })?;
    Ok((projection, schema))
}

fn stored_field(declared: &Declared, position: usize) -> FieldRef {
    let physical = declared.def.schema.fields();
    match position.checked_sub(physical.len()) {
        None => physical[position].clone(),
        Some(metadata) => declared.def.metadata[metadata].1.clone(),
    }
}

/// Row times are kept in milliseconds whatever the column declares.
fn as_row_time(expr: Expr, field: &Field) -> Expr {
    match field.data_type() {
        DataType::Timestamp(TimeUnit::Millisecond, _) => expr,
        DataType::Timestamp(_, zone) => cast(expr, DataType::Timestamp(TimeUnit::Millisecond, zone.clone())),
        _ => expr,
    }
}

fn row_time_node(
    declared: &Declared,
    time: usize,
    watermark: &DeclaredWatermark,
    columns: &[usize],
    input: NodeId,
    graph: &mut Graph,
) -> Result<NodeId> {
    let Some(column) = columns.iter().position(|own| *own == time) else {
        return Err(Error::bug("the row time was not read"));
    };
    let schema = graph.node(input).schema.clone();
    let rule = watermark_rule(watermark, declared.schema.field(time).name(), column, &schema)?;
    let idle_timeout_ms = match declared.def.option("scan.watermark.idle-timeout") {
        None => 0,
        Some(text) => millrace_plan::duration_ms(text).ok_or_else(|| {
            Error::query(format!("'scan.watermark.idle-timeout' = '{text}' is not a duration"))
                .hint("write a number and a unit, as in '10 s' or '500 ms'")
                .at(declared.place)
        })?,
    };
    let upserts = declared.changelog == Changelog::Upsert;
    let spec = RowTimeSpec { column, watermark: rule, idle_timeout_ms, upserts };
    Ok(graph.add_after(input, Operator::RowTime(spec), schema, Some(column)))
}

/// How the watermark follows from the rows of `schema`, whose row time is `column`.
fn watermark_rule(
    watermark: &DeclaredWatermark,
    time: &str,
    column: usize,
    schema: &Schema,
) -> Result<WatermarkRule> {
    let DeclaredWatermark::Expr(watermark) = watermark else { return Ok(WatermarkRule::Source) };
    if let Some(delay) = constant_delay(watermark, time) {
        return Ok(WatermarkRule::Delay(delay));
    }
    let names =
        DFSchema::try_from(schema.clone()).map_err(|error| Error::bug(format!("naming columns: {error}")))?;
    let millis = schema.field(column).data_type().clone();
    Ok(WatermarkRule::Expr(compile(&cast(watermark.clone(), millis), &names)?.expr))
}

/// The delay of `time - INTERVAL ...`, the usual watermark, in milliseconds.
fn constant_delay(watermark: &Expr, time: &str) -> Option<i64> {
    let is_time = |expr: &Expr| match expr {
        Expr::Column(column) => column.name == time,
        _ => false,
    };
    match watermark {
        expr if is_time(expr) => Some(0),
        Expr::Cast(inner) => constant_delay(&inner.expr, time),
        Expr::BinaryExpr(BinaryExpr { left, op: ExprOperator::Minus, right }) => {
            let left: &Expr = match left.as_ref() {
                Expr::Cast(inner) => &inner.expr,
                other => other,
            };
            if !is_time(left) {
                return None;
            }
            match right.as_ref() {
                Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) if value.months == 0 => {
                    Some(value.days as i64 * 86_400_000 + value.nanoseconds / 1_000_000)
                }
                Expr::Literal(ScalarValue::IntervalDayTime(Some(value)), _) => {
                    Some(value.days as i64 * 86_400_000 + value.milliseconds as i64)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

impl Lowering {
    /// The columns of `scan`, out of those that the shared node sends.
    pub(super) fn read(&mut self, shared: Shared, scan: &TableScan) -> Result<Relation> {
        let declared = declared_table(scan)?;
        let columns = scanned_columns(scan, &declared);
        let schema = scan.projected_schema.clone();
        let mut places = vec![];
        for column in &columns {
            let Some(position) = shared.columns.iter().position(|own| own == column) else {
                return Err(Error::bug("a scanned column was not read"));
            };
            places.push(Place::Real(position));
        }
        let times = columns.iter().position(|column| Some(*column) == shared.row_time).into_iter().collect();
        let is_arrival = |position: &usize| declared.columns[columns[*position]].is_processing_time();
        let arrivals = (0..columns.len()).filter(is_arrival).collect();
        Ok(Relation { places, times, arrivals, ..Relation::of(shared.node, schema) })
    }
}
