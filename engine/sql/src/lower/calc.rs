//! Filters and projections.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, DFSchemaRef};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{Expr, ExprSchemable, cast, lit};
use datafusion_physical_expr::planner::create_physical_expr;
use datafusion_physical_expr::{PhysicalExpr, expressions};
use millrace_plan::{Error, NodeId, Operator, ProjectExpr, Result, WindowSpec};

use super::relation::{Attached, Pending, PendingWindow, Place, Relation};
use super::volatile::is_volatile;
use super::{Lowering, Statement};
use crate::bind::explain_error;
use crate::bind::now::{NOW_COLUMN, now_call, now_type};
use crate::bind::window::WINDOW_COLUMNS;
use crate::function::each_row;

/// A physical expression and whether it reads the ingest time.
pub struct Compiled {
    pub expr: Arc<dyn PhysicalExpr>,
    pub now: bool,
}

/// Compiles `expr` over the columns of `schema`, in that order.
pub fn compile(expr: &Expr, schema: &DFSchema) -> Result<Compiled> {
    let bug = |error| explain_error(&error, None);
    let mut now = false;
    let rewritten = expr
        .clone()
        .transform_up(|expr| match now_call(&expr) {
            None => with_one_zero(expr, schema).transform_data(|expr| Ok(with_rows_of_list(expr))),
            Some(result) => {
                now = true;
                let column = Expr::Column(Column::from_name(NOW_COLUMN));
                Ok(Transformed::yes(if result == now_type() { column } else { cast(column, result) }))
            }
        })
        .map_err(bug)?
        .data;
    let extended;
    let schema = match now {
        false => schema,
        true => {
            let field: FieldRef = Arc::new(Field::new(NOW_COLUMN, now_type(), false));
            let added = DFSchema::new_with_metadata(vec![(None, field)], Default::default());
            extended = added.and_then(|added| schema.join(&added)).map_err(bug)?;
            &extended
        }
    };
    let context = PhysicalPlanningContext::default();
    let expr = create_physical_expr(&rewritten, schema, &ExecutionProps::new(), &context).map_err(bug)?;
    Ok(Compiled { expr, now })
}

/// What IN and CASE compare, without -0 of floating-point numbers, which is equal to 0, but not to Arrow.
fn with_one_zero(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let zero = |value: &Expr| match value.get_type(schema) {
        Ok(DataType::Float32) => Some(lit(0f32)),
        Ok(DataType::Float64) => Some(lit(0f64)),
        _ => None,
    };
    let add = |value: &mut Expr| {
        if let Some(zero) = zero(value) {
            *value = std::mem::take(value) + zero;
        }
    };
    match expr {
        Expr::InList(mut own) if zero(&own.expr).is_some() => {
            add(&mut own.expr);
            own.list.iter_mut().for_each(add);
            Transformed::yes(Expr::InList(own))
        }
        Expr::Case(mut own) if own.expr.as_deref().and_then(zero).is_some() => {
            let whens = own.when_then_expr.iter_mut().map(|(when, _)| when);
            own.expr.iter_mut().chain(whens).for_each(|value| add(value));
            Transformed::yes(Expr::Case(own))
        }
        other => Transformed::no(other),
    }
}

/// An IN whose list depends on the row says so in each value of it that does.
fn with_rows_of_list(expr: Expr) -> Transformed<Expr> {
    let Expr::InList(mut own) = expr else { return Transformed::no(expr) };
    let mut changed = false;
    for value in &mut own.list {
        if !matches!(value, Expr::Column(_)) && !value.column_refs().is_empty() {
            *value = each_row(std::mem::take(value));
            changed = true;
        }
    }
    Transformed::new(Expr::InList(own), changed, TreeNodeRecursion::Continue)
}

/// The columns of a Calc under construction.
#[derive(Default)]
pub struct CalcColumns {
    pub exprs: Vec<ProjectExpr>,
    pub fields: Vec<FieldRef>,
    pub now: bool,
}

impl CalcColumns {
    /// Appends an expression, or finds the column that already has it. Answers its position.
    pub fn push(&mut self, expr: &Expr, schema: &DFSchema, field: &Field) -> Result<usize> {
        let compiled = compile(expr, schema)?;
        self.now |= compiled.now;
        let same = self.exprs.iter().position(|own| own.expr.as_ref() == compiled.expr.as_ref());
        if let Some(position) = same.filter(|_| !compiled.now && !is_volatile(&compiled.expr)) {
            return Ok(position);
        }
        Ok(self.append(compiled.expr, field.clone()))
    }

    /// Appends an expression.
    pub fn append(&mut self, expr: Arc<dyn PhysicalExpr>, field: Field) -> usize {
        self.exprs.push(ProjectExpr { expr, name: field.name().clone() });
        self.fields.push(Arc::new(field));
        self.exprs.len() - 1
    }

    /// Appends the input column at `position`, or finds it. Answers its position here.
    pub fn column(&mut self, position: usize, field: &Field) -> usize {
        let column: Arc<dyn PhysicalExpr> = Arc::new(expressions::Column::new(field.name(), position));
        let reads = |own: &ProjectExpr| {
            own.expr.downcast_ref::<expressions::Column>().is_some_and(|own| own.index() == position)
        };
        match self.exprs.iter().position(reads) {
            Some(found) => found,
            None => self.append(column, field.clone()),
        }
    }

    /// True if the columns are the first `width` input columns, unchanged: no Calc is needed.
    pub fn is_identity(&self, width: usize) -> bool {
        self.exprs.len() == width
            && self.exprs.iter().enumerate().all(|(position, own)| {
                own.expr.downcast_ref::<expressions::Column>().is_some_and(|own| own.index() == position)
            })
    }
}

impl Lowering {
    /// The node's columns under the relation's names.
    pub(super) fn real_schema(&self, relation: &Relation) -> Result<DFSchema> {
        let fields = self.graph.node(relation.node).schema.fields().clone();
        relation.real_schema(&fields)
    }

    pub(super) fn filter(&mut self, input: Relation, predicate: &Expr, _: Statement) -> Result<Relation> {
        // Of GROUP BY SESSION(...) only a condition on keys comes here, from above the aggregation: sessions are those
        // of a key, so that it may go before them.
        let is_session =
            |own: &Pending| matches!(own.window, PendingWindow::Session { partition: Some(_), .. });
        let input = match input.needs_window(predicate) || input.pending.as_ref().is_some_and(is_session) {
            true => self.materialized(input)?,
            false => input,
        };
        let schema = self.real_schema(&input)?;
        let filter = compile(predicate, &schema)?;
        let node = self.graph.node(input.node).clone();
        let mut columns = CalcColumns { now: filter.now, ..CalcColumns::default() };
        for (position, field) in node.schema.fields().iter().enumerate() {
            columns.column(position, field);
        }
        let operator = Operator::Calc { filter: Some(filter.expr), exprs: columns.exprs, now: columns.now };
        let node = self.graph.add_after(input.node, operator, node.schema, node.row_time);
        Ok(Relation { node, ..input })
    }

    pub(super) fn project(
        &mut self,
        input: Relation,
        exprs: &[Expr],
        schema: &DFSchemaRef,
        _: Statement,
    ) -> Result<Relation> {
        let computes_window =
            exprs.iter().any(|expr| input.column(expr).is_none() && input.needs_window(expr));
        let input = if computes_window { self.materialized(input)? } else { input };
        let real = self.real_schema(&input)?;
        let mut columns = CalcColumns::default();
        let mut places = vec![];
        let (mut times, mut arrivals) = (BTreeSet::new(), BTreeSet::new());
        for (position, expr) in exprs.iter().enumerate() {
            let source = input.column(expr);
            if source.is_some_and(|source| input.times.contains(&source)) {
                times.insert(position);
            }
            if input.is_arrival(expr) {
                arrivals.insert(position);
            }
            let field = schema.field(position);
            places.push(match source.map(|source| input.places[source]) {
                Some(Place::Window(which)) => Place::Window(which),
                _ => {
                    let compiled = compile(&expr.clone().unalias(), &real)?;
                    columns.now |= compiled.now;
                    Place::Real(columns.append(compiled.expr, field.as_ref().clone()))
                }
            });
        }
        let attached = window_columns(&input, exprs);
        let below = self.graph.node(input.node).schema.clone();
        let mut keep = |position: usize| columns.column(position, below.field(position));
        let pending = input.pending.as_ref().map(|pending| Pending {
            time: keep(pending.time),
            window: match &pending.window {
                PendingWindow::Session { gap, partition: Some(partition) } => PendingWindow::Session {
                    gap: *gap,
                    partition: Some(partition.iter().map(|column| keep(*column)).collect()),
                },
                other => other.clone(),
            },
        });
        let node = self.calc(input.node, columns);
        let (schema, domain) = (schema.clone(), input.domain);
        let relation = Relation { node, schema, places, times, domain, arrivals, attached, pending };
        self.note_row_time(&relation);
        Ok(relation)
    }

    /// Adds a Calc with these columns, unless it would change nothing.
    pub(super) fn calc(&mut self, input: NodeId, columns: CalcColumns) -> NodeId {
        let width = self.graph.node(input).schema.fields().len();
        if columns.is_identity(width) {
            return input;
        }
        let schema = Arc::new(Schema::new(columns.fields));
        let operator = Operator::Calc { filter: None, exprs: columns.exprs, now: columns.now };
        self.graph.add_after(input, operator, schema, None)
    }

    pub(super) fn note_row_time(&mut self, relation: &Relation) {
        let row_time = relation.times.iter().find_map(|time| match relation.places[*time] {
            Place::Real(real) => Some(real),
            Place::Window(_) => None,
        });
        self.graph.node_mut(relation.node).row_time = row_time;
    }

    /// Computes what is pending, so that every column is in the batch at its own position.
    pub(super) fn materialized(&mut self, relation: Relation) -> Result<Relation> {
        let Relation { mut node, mut places, .. } = relation.clone();
        if let Some(pending) = &relation.pending {
            let time = relation.schema.fields().iter().find(|field| field.name() == WINDOW_COLUMNS[2]);
            let time_type = time.map_or_else(super::source::row_time_type, |field| field.data_type().clone());
            let width = self.graph.node(node).schema.fields().len();
            node = match &pending.window {
                PendingWindow::Aligned(window) => self.assigned(node, pending.time, *window, time_type),
                PendingWindow::Session { gap, partition: Some(partition) } => {
                    self.session_rows(node, (pending.time, *gap), partition, time_type)?
                }
                PendingWindow::Session { partition: None, .. } => return Err(session_alone()),
            };
            for place in &mut places {
                if let Place::Window(which) = *place {
                    *place = Place::Real(width + which);
                }
            }
        }
        let mut columns = CalcColumns::default();
        let schema = self.graph.node(node).schema.clone();
        for (position, place) in places.iter().enumerate() {
            let Place::Real(real) = *place else {
                return Err(Error::bug("a window column without a window function"));
            };
            let name = relation.schema.field(position).name().clone();
            let column = Arc::new(expressions::Column::new(schema.field(real).name(), real));
            columns.append(column, schema.field(real).clone().with_name(name));
        }
        let node = self.calc(node, columns);
        let places = (0..places.len()).map(Place::Real).collect();
        let relation = Relation { node, places, pending: None, ..relation };
        self.note_row_time(&relation);
        Ok(relation)
    }

    /// The rows of `input` beside each of their windows.
    fn assigned(&mut self, input: NodeId, time: usize, window: WindowSpec, time_type: DataType) -> NodeId {
        let below = self.graph.node(input).schema.clone();
        let fields: Vec<FieldRef> = below.fields().iter().cloned().chain(window_fields(time_type)).collect();
        let row_time = below.fields().len() + 2;
        let operator = Operator::WindowAssign { time, window };
        self.graph.add_after(input, operator, Arc::new(Schema::new(fields)), Some(row_time))
    }

    /// Casts the columns to the types of `schema`: an input of a union.
    pub(super) fn conform(&mut self, relation: Relation, schema: &DFSchemaRef) -> Result<Relation> {
        let real = self.real_schema(&relation)?;
        let mut columns = CalcColumns::default();
        for (position, (qualifier, own)) in relation.schema.iter().enumerate() {
            let target = schema.field(position);
            let mut expr = Expr::Column(Column::from((qualifier, own.as_ref())));
            if own.data_type() != target.data_type() {
                expr = cast(expr, target.data_type().clone());
            }
            let compiled = compile(&expr, &real)?;
            columns.append(compiled.expr, target.as_ref().clone());
        }
        let node = self.calc(relation.node, columns);
        let relation = Relation { node, schema: schema.clone(), ..relation };
        self.note_row_time(&relation);
        Ok(relation)
    }
}

/// The columns of a window, whose time has this type.
pub fn window_fields(time_type: DataType) -> impl Iterator<Item = FieldRef> {
    let bound = super::source::row_time_type();
    let types = [bound.clone(), bound, time_type];
    WINDOW_COLUMNS.into_iter().zip(types).map(|(name, own)| Arc::new(Field::new(name, own, false)))
}

fn session_alone() -> Error {
    Error::query("GROUP BY SESSION(...) over rows that are not the aggregation's own is not supported")
        .hint("write FROM TABLE(SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), gap))")
}

/// Where a projection puts the rows' window.
fn window_columns(input: &Relation, exprs: &[Expr]) -> Option<Attached> {
    input.attached?.moved(|wanted| exprs.iter().position(|expr| input.column(expr) == Some(wanted)))
}
