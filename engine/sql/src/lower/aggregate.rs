//! GROUP BY as nodes: the columns it needs, the windows it groups by, and how rows get to the owner of
//! their group.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::{DFSchema, DFSchemaRef, ScalarValue};
use datafusion_expr::expr::AggregateFunction;
use datafusion_expr::utils::grouping_set_to_exprlist;
use datafusion_expr::{Aggregate, Expr, GroupingSet, cast, lit};
use millrace_plan::{
    AggregateCall, Changelog, EmitMode, Error, Exchange, Node, NodeId, Operator, Phase, Result, WindowInput,
};

use super::calc::{CalcColumns, compile};
use super::relation::{Attached, Pending, PendingWindow, Place, Relation};
use super::{Lowering, Statement, literal};
use crate::bind::user_aggregate;
use crate::bind::window::WINDOW_COLUMNS;

/// What a grouping column of the query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// The n-th key of the aggregation.
    Group(usize),
    /// The start, end or time of the window (0, 1, 2).
    Window(usize),
}

/// How the query groups.
struct Grouping {
    /// The distinct grouping expressions, in the order of the result.
    exprs: Vec<Expr>,
    /// For GROUPING SETS: the expressions of each set, as positions in `exprs`.
    sets: Option<Vec<Vec<usize>>>,
    /// What each of `exprs` is.
    keys: Vec<Key>,
    /// The windows, if it groups by window.
    window: Option<GroupWindow>,
}

/// The windows that a query groups by.
#[derive(Debug, Clone, Copy)]
enum GroupWindow {
    Aligned(WindowInput),
    /// Sessions by this row time, with this gap in milliseconds.
    Session {
        time: usize,
        gap: i64,
    },
}

/// The input of the aggregation: a Calc or Expand with keys, arguments and filters.
struct Prepared {
    node: NodeId,
    keys: Vec<usize>,
    calls: Vec<AggregateCall>,
    window: Option<GroupWindow>,
    /// How long a group is kept; `None` = for ever, or as long as its window.
    ttl_ms: Option<u64>,
}

impl Lowering {
    pub(super) fn aggregate(&mut self, plan: &Aggregate, statement: Statement) -> Result<Relation> {
        let mut input = self.relation(&plan.input, statement)?;
        if uncomputed_window_needed(&input, plan) {
            input = self.materialized(input)?;
        }
        let mut grouping = Grouping::of(plan, &input)?;
        if input.pending.is_some() && (grouping.window.is_none() || grouping.is_across_sessions(&input)) {
            input = self.materialized(input)?;
            grouping = Grouping::of(plan, &input)?;
        }
        if let (Some(GroupWindow::Session { .. }), Some(EmitMode::Changes)) =
            (grouping.window, statement.emit)
        {
            return Err(Error::query("EMIT CHANGES of sessions is not supported yet")
                .hint("leave EMIT out: a session is sent when it has ended")
                .at(statement.place));
        }
        let ttl_ms = match grouping.window {
            None => self.group_ttl(&plan.input, statement)?,
            Some(_) => None,
        };
        let prepared = Prepared { ttl_ms, ..self.prepare(plan, &input, &grouping, statement)? };
        let (node, outputs) = self.aggregation(prepared, &grouping, &plan.schema, statement)?;
        Ok(Relation { domain: input.domain, ..self.results(node, outputs, &grouping, plan)? })
    }

    /// The node that computes the columns of the aggregation.
    fn prepare(
        &mut self,
        plan: &Aggregate,
        input: &Relation,
        grouping: &Grouping,
        statement: Statement,
    ) -> Result<Prepared> {
        let real = self.real_schema(input)?;
        let mut columns = CalcColumns::default();
        let mut keys = vec![];
        if grouping.sets.is_none() {
            keys = grouping.append_keys(&real, &mut columns)?;
        }
        let mut calls = vec![];
        for (position, expr) in plan.aggr_expr.iter().enumerate() {
            let field = plan.schema.field(plan.schema.fields().len() - plan.aggr_expr.len() + position);
            calls.push(call(expr, field, &real, &mut columns).map_err(|error| error.at(statement.place))?);
        }
        let node_schema = self.graph.node(input.node).schema.clone();
        let mut keep = |position: usize| columns.column(position, node_schema.field(position));
        let window = match grouping.window {
            Some(GroupWindow::Aligned(WindowInput::Assign { time, window })) => {
                Some(GroupWindow::Aligned(WindowInput::Assign { time: keep(time), window }))
            }
            Some(GroupWindow::Aligned(WindowInput::Attached { start, end })) => {
                Some(GroupWindow::Aligned(WindowInput::Attached { start: keep(start), end: keep(end) }))
            }
            Some(GroupWindow::Session { time, gap }) => Some(GroupWindow::Session { time: keep(time), gap }),
            None => None,
        };
        let node = match &grouping.sets {
            None => self.calc(input.node, columns),
            Some(sets) => {
                // A key that is not in a set is null there: what is aggregated, and the row time, must not be.
                keys = grouping.append_keys(&real, &mut columns)?;
                let id_type = grouping_id_type(plan);
                let node = self.expand(input.node, columns, &keys, sets, grouping, id_type)?;
                keys.push(self.graph.node(node).schema.fields().len() - 1);
                node
            }
        };
        Ok(Prepared { node, keys, calls, window, ttl_ms: None })
    }

    /// Sends each row once for each grouping set, with the keys outside the set null and the set's
    /// number as the last column.
    fn expand(
        &mut self,
        input: NodeId,
        columns: CalcColumns,
        keys: &[usize],
        sets: &[Vec<usize>],
        grouping: &Grouping,
        id_type: DataType,
    ) -> Result<NodeId> {
        if columns.now {
            return Err(Error::query("processing time in a query with GROUPING SETS")
                .hint("compute it in a subquery below the GROUP BY"));
        }
        let empty = DFSchema::empty();
        let mut projections = vec![];
        for (number, set) in sets.iter().enumerate() {
            let mut exprs = columns.exprs.clone();
            for (position, key) in grouping.keys.iter().enumerate() {
                if let Key::Group(group) = key
                    && !set.contains(&position)
                {
                    let column = keys[*group];
                    let null = cast(lit(ScalarValue::Null), columns.fields[column].data_type().clone());
                    exprs[column].expr = compile(&null, &empty)?.expr;
                }
            }
            let id = grouping_id(grouping, set, sets, number);
            let id = compile(&cast(lit(id), id_type.clone()), &empty)?.expr;
            exprs.push(millrace_plan::ProjectExpr { expr: id, name: Aggregate::INTERNAL_GROUPING_ID.into() });
            projections.push(exprs);
        }
        let mut fields: Vec<FieldRef> =
            columns.fields.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        fields.push(Arc::new(Field::new(Aggregate::INTERNAL_GROUPING_ID, id_type, false)));
        let operator = Operator::Expand { projections };
        Ok(self.graph.add_after(input, operator, Arc::new(Schema::new(fields)), None))
    }

    /// The aggregation itself: on one shard, or before and after an exchange.
    fn aggregation(
        &mut self,
        prepared: Prepared,
        grouping: &Grouping,
        result: &DFSchemaRef,
        statement: Statement,
    ) -> Result<(NodeId, SchemaRef)> {
        let input = self.graph.node(prepared.node).clone();
        let retracting = input.changelog == Changelog::Retract;
        refuse_changes(&prepared.calls, retracting).map_err(|error| error.at(statement.place))?;
        let schema = result_schema(&prepared, &input.schema, grouping, result);
        let emit = statement.emit.unwrap_or(match prepared.window {
            Some(_) => EmitMode::Final,
            None => EmitMode::Changes,
        });
        let lateness = match prepared.window {
            Some(_) => self.lateness(prepared.node, statement)?,
            None => 0,
        };
        self.check_emit(lateness, statement)?;
        let is_session = matches!(prepared.window, Some(GroupWindow::Session { .. }));
        let changelog = sent_kinds(&prepared, emit, retracting, lateness);
        let row_time = prepared.window.map(|_| schema.fields().len() - 1);
        let late_whole = prepared.window.is_some() && self.late_rows_need_owner(prepared.node);
        let make = |graph: &mut super::Graph, input: NodeId, phase: Phase, reason: &str| {
            graph.add(Node {
                operator: prepared.operator(phase, emit, retracting, lateness),
                inputs: vec![input],
                schema: schema.clone(),
                changelog,
                row_time,
                reason: reason.into(),
            })
        };
        let node = if self.strategy.shards == 1 {
            make(
                &mut self.graph,
                prepared.node,
                Phase::Single,
                "one shard: rows meet their group where they are",
            )
        } else if retracting
            || is_session
            || prepared.ttl_ms.is_some()
            || self.strategy.one_phase
            || late_whole
        {
            let exchange = Exchange::Hash(prepared.keys.clone());
            let reason = match (is_session, prepared.ttl_ms, retracting) {
                _ if late_whole => {
                    "'late.table' wants rows whole, and a reader may fall idle: rows go to the owner"
                }
                (true, ..) => "sessions need every row of a key: rows go to the owner of their group",
                (_, Some(_), _) => "groups are forgotten by the clock: rows go to the owner of their group",
                (.., true) => "the input changes: rows go to the owner of their group",
                (.., false) => "ONE_PHASE: rows go to the owner of their group",
            };
            let node = self.graph.exchange(prepared.node, exchange, reason);
            make(&mut self.graph, node, Phase::Single, "")
        } else {
            let node = make(&mut self.graph, prepared.node, Phase::Local, "aggregate before moving");
            let reason = "partial states move, not rows";
            let node = self.graph.exchange(node, Exchange::PreAggregate, reason);
            make(&mut self.graph, node, Phase::Final, "")
        };
        Ok((node, schema))
    }

    /// Puts the columns in the order of the query.
    fn results(
        &mut self,
        node: NodeId,
        outputs: SchemaRef,
        grouping: &Grouping,
        plan: &Aggregate,
    ) -> Result<Relation> {
        let groups = grouping.keys.iter().filter(|key| matches!(key, Key::Group(_))).count();
        let window_columns = outputs.fields().len().saturating_sub(WINDOW_COLUMNS.len());
        let mut columns = CalcColumns::default();
        let mut positions = vec![];
        for key in &grouping.keys {
            positions.push(match key {
                Key::Group(group) => *group,
                Key::Window(which) => window_columns + which,
            });
        }
        let id = grouping.sets.is_some() as usize;
        positions.extend((0..id).map(|_| groups));
        positions.extend((0..plan.aggr_expr.len()).map(|position| groups + id + position));
        for (position, source) in positions.iter().enumerate() {
            let column =
                datafusion_physical_expr::expressions::Column::new(outputs.field(*source).name(), *source);
            let field = plan.schema.field(position).as_ref().clone();
            columns
                .append(Arc::new(column), field.with_data_type(outputs.field(*source).data_type().clone()));
        }
        let node = self.calc(node, columns);
        let find = |which: usize| grouping.keys.iter().position(|key| *key == Key::Window(which));
        let times: BTreeSet<usize> = find(2).into_iter().collect();
        self.graph.node_mut(node).row_time = times.first().copied();
        let attached = Attached::of(find);
        Ok(Relation { times, attached, ..Relation::of(node, plan.schema.clone()) })
    }
}

impl Prepared {
    fn operator(&self, phase: Phase, emit: EmitMode, retracting: bool, lateness: i64) -> Operator {
        let (keys, aggregates) = (self.keys.clone(), self.calls.clone());
        match (self.window, self.ttl_ms) {
            (Some(GroupWindow::Aligned(window)), _) => {
                Operator::WindowAggregate { window, keys, aggregates, phase, emit, retracting, lateness }
            }
            (Some(GroupWindow::Session { time, gap }), _) => {
                Operator::SessionAggregate { time, gap, keys, aggregates, retracting, lateness }
            }
            (None, Some(ttl_ms)) => Operator::ExpiringAggregate { keys, aggregates, retracting, ttl_ms },
            (None, None) => Operator::GroupAggregate { keys, aggregates, phase, emit, retracting },
        }
    }
}

/// The row kinds that an aggregation sends.
fn sent_kinds(prepared: &Prepared, emit: EmitMode, retracting: bool, lateness: i64) -> Changelog {
    let distinct_only = prepared.calls.is_empty() && !retracting;
    match emit {
        EmitMode::Final if lateness == 0 => Changelog::Append,
        EmitMode::Changes if distinct_only && prepared.window.is_none() => Changelog::Append,
        EmitMode::Final | EmitMode::Changes => Changelog::Retract,
    }
}

/// Fails if rows may be taken back from a user function that cannot.
fn refuse_changes(calls: &[AggregateCall], retracting: bool) -> Result<()> {
    let stuck = calls.iter().find(|call| call.user.as_ref().is_some_and(|user| !user.0.retracts()));
    match stuck.filter(|_| retracting) {
        None => Ok(()),
        Some(call) => Err(Error::query(format!(
            "{} cannot take rows back, but the rows that it aggregates change",
            call.function
        ))
        .hint(format!(
            "export `{}_retract` from its module, or aggregate rows that are only added",
            call.function
        ))),
    }
}

/// True if an aggregate or a key computes something from a window column: then it must exist.
fn uncomputed_window_needed(input: &Relation, plan: &Aggregate) -> bool {
    let keys = plan
        .group_expr
        .iter()
        .filter(|expr| !matches!(expr, Expr::GroupingSet(_)) && input.column(expr).is_none());
    plan.aggr_expr.iter().chain(keys).any(|expr| input.needs_window(expr))
}

impl Grouping {
    /// Appends the keys, each as a column of its own; what is appended later may share it.
    fn append_keys(&self, real: &DFSchema, columns: &mut CalcColumns) -> Result<Vec<usize>> {
        let mut keys = vec![];
        for (expr, _) in self.exprs.iter().zip(&self.keys).filter(|(_, key)| matches!(key, Key::Group(_))) {
            let compiled = compile(&expr.clone().unalias(), real)?;
            columns.now |= compiled.now;
            let data_type = compiled.expr.data_type(real.as_arrow());
            let data_type = data_type.map_err(|error| Error::bug(format!("type of a key: {error}")))?;
            let field = Field::new(expr.schema_name().to_string(), data_type, true);
            keys.push(columns.append(compiled.expr, field));
        }
        Ok(keys)
    }

    fn of(plan: &Aggregate, input: &Relation) -> Result<Grouping> {
        let bug = |error| Error::bug(format!("grouping: {error}"));
        let exprs: Vec<Expr> =
            grouping_set_to_exprlist(&plan.group_expr).map_err(bug)?.into_iter().cloned().collect();
        let sets = match plan.group_expr.as_slice() {
            [Expr::GroupingSet(set)] => Some(positions(set, &exprs)?),
            _ => None,
        };
        let which = |expr: &Expr| {
            let column = input.column(expr)?;
            match input.places[column] {
                Place::Window(which) => Some(which),
                Place::Real(_) => input.attached?.which(column),
            }
        };
        let windows: Vec<Option<usize>> = exprs.iter().map(which).collect();
        let in_every_set =
            |position: usize| sets.as_ref().is_none_or(|sets| sets.iter().all(|set| set.contains(&position)));
        let has = |wanted: usize| {
            windows.iter().position(|which| *which == Some(wanted)).filter(|position| in_every_set(*position))
        };
        let by_window = has(0).zip(has(1));
        let window = by_window.and_then(|_| match (&input.pending, input.attached) {
            (Some(pending), _) => Some(pending_window(pending)),
            (None, Some(own)) => match (input.places[own.start], input.places[own.end]) {
                (Place::Real(start), Place::Real(end)) => {
                    Some(GroupWindow::Aligned(WindowInput::Attached { start, end }))
                }
                _ => None,
            },
            (None, None) => None,
        });
        let mut groups = 0;
        let keys = windows.iter().map(|which| match which.filter(|_| window.is_some()) {
            Some(which) => Key::Window(which),
            None => {
                groups += 1;
                Key::Group(groups - 1)
            }
        });
        let keys = keys.collect();
        Ok(Grouping { exprs, sets, keys, window })
    }

    /// True if it groups sessions by other columns than those that tell them apart: then the sessions must be
    /// known first.
    fn is_across_sessions(&self, input: &Relation) -> bool {
        let pending = input.pending.as_ref().map(|own| &own.window);
        let Some(PendingWindow::Session { partition: Some(partition), .. }) = pending else { return false };
        let keys = self.exprs.iter().zip(&self.keys).filter(|(_, key)| matches!(key, Key::Group(_)));
        let given: BTreeSet<Option<Place>> =
            keys.map(|(expr, _)| input.column(expr).map(|column| input.places[column])).collect();
        let wanted = partition.iter().map(|column| Some(Place::Real(*column))).collect();
        given != wanted || self.sets.is_some()
    }
}

fn pending_window(pending: &Pending) -> GroupWindow {
    let time = pending.time;
    match pending.window {
        PendingWindow::Aligned(window) => GroupWindow::Aligned(WindowInput::Assign { time, window }),
        PendingWindow::Session { gap, .. } => GroupWindow::Session { time, gap },
    }
}

fn positions(set: &GroupingSet, exprs: &[Expr]) -> Result<Vec<Vec<usize>>> {
    let position = |expr: &Expr| {
        exprs
            .iter()
            .position(|own| own == expr)
            .ok_or_else(|| Error::bug("a grouping set with an unknown column"))
    };
    let of = |list: &[Expr]| list.iter().map(position).collect::<Result<Vec<usize>>>();
    match set {
        GroupingSet::GroupingSets(sets) => sets.iter().map(|set| of(set)).collect(),
        GroupingSet::Rollup(list) => (0..=list.len()).rev().map(|kept| of(&list[..kept])).collect(),
        GroupingSet::Cube(list) => {
            let all = 0..(1usize << list.len());
            all.rev()
                .map(|mask| {
                    let kept =
                        list.iter().enumerate().filter(|(bit, _)| mask >> (list.len() - 1 - bit) & 1 == 1);
                    kept.map(|(_, expr)| position(expr)).collect()
                })
                .collect()
        }
    }
}

/// DataFusion's grouping id: a bit per expression that is not in the set, and above them a number that
/// tells equal sets apart.
fn grouping_id(grouping: &Grouping, set: &[usize], sets: &[Vec<usize>], number: usize) -> u64 {
    let width = grouping.exprs.len();
    let mask =
        |set: &[usize]| (0..width).fold(0u64, |mask, position| mask << 1 | !set.contains(&position) as u64);
    let own = mask(set);
    let earlier = sets[..number].iter().filter(|set| mask(set) == own).count() as u64;
    earlier << width | own
}

fn grouping_id_type(plan: &Aggregate) -> DataType {
    let id = plan.schema.fields().iter().find(|field| field.name() == Aggregate::INTERNAL_GROUPING_ID);
    id.map_or(DataType::UInt64, |field| field.data_type().clone())
}

/// Keys, aggregates, and the window's columns.
fn result_schema(
    prepared: &Prepared,
    input: &SchemaRef,
    grouping: &Grouping,
    result: &DFSchemaRef,
) -> SchemaRef {
    let keys = prepared.keys.iter().map(|key| Arc::new(input.field(*key).clone()));
    let calls = prepared
        .calls
        .iter()
        .map(|call| Arc::new(Field::new(call.name.clone(), call.result_type.clone(), true)));
    let mut fields: Vec<FieldRef> = keys.chain(calls).collect();
    if prepared.window.is_some() {
        let time = grouping.keys.iter().position(|key| *key == Key::Window(2));
        for (which, name) in WINDOW_COLUMNS.into_iter().enumerate() {
            let data_type = match time.filter(|_| which == 2) {
                Some(position) => result.field(position).data_type().clone(),
                None => super::source::row_time_type(),
            };
            fields.push(Arc::new(Field::new(name, data_type, false)));
        }
    }
    Arc::new(Schema::new(fields))
}

/// One aggregate call; its arguments and filter become columns.
fn call(expr: &Expr, field: &Field, schema: &DFSchema, columns: &mut CalcColumns) -> Result<AggregateCall> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr.clone().unalias() else {
        return Err(Error::bug(format!("not an aggregate: {expr}")));
    };
    let name = func.name().to_string();
    if !params.order_by.is_empty() {
        return Err(Error::query(format!("ORDER BY inside {}", name.to_uppercase()))
            .hint("rows are aggregated in the order they arrive"));
    }
    let user = user_aggregate(&func);
    if user.is_some() && params.distinct {
        return Err(Error::query(format!("{name}(DISTINCT ...) is not supported yet"))
            .hint("aggregate over a subquery with SELECT DISTINCT"));
    }
    let push = |expr: &Expr, columns: &mut CalcColumns| -> Result<(usize, DataType)> {
        let compiled = compile(expr, schema)?;
        let data_type = compiled.expr.data_type(schema.as_arrow());
        let data_type = data_type.map_err(|error| Error::bug(format!("type of an argument: {error}")))?;
        let field = Field::new(expr.schema_name().to_string(), data_type.clone(), true);
        Ok((columns.push(expr, schema, &field)?, data_type))
    };
    let (mut args, mut arg_types, mut constants) = (vec![], vec![], vec![]);
    for (position, arg) in params.args.iter().enumerate() {
        match literal(arg).filter(|_| user.is_none()) {
            Some(_) if name == "count" && !params.distinct => {}
            Some(constant) if position > 0 => constants.push(constant),
            None if position > 0 && matches!(name.as_str(), "listagg" | "percentile") => {
                return Err(Error::query(format!(
                    "the second argument of {} must be a constant",
                    name.to_uppercase()
                )));
            }
            _ => {
                let (column, data_type) = push(arg, columns)?;
                args.push(column);
                arg_types.push(data_type);
            }
        }
    }
    let filter = match &params.filter {
        Some(filter) => Some(push(filter, columns)?.0),
        None => None,
    };
    Ok(AggregateCall {
        function: name,
        args,
        arg_types,
        constants,
        filter,
        distinct: params.distinct,
        result_type: field.data_type().clone(),
        name: field.name().clone(),
        user,
    })
}
