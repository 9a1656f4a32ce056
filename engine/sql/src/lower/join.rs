//! Joins as nodes: what must be equal, what bounds them in time, and how rows of one key meet on one shard.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use datafusion_common::{DFSchema, DFSchemaRef, JoinType, NullEquality};
use datafusion_expr::utils::{conjunction, split_conjunction_owned};
use datafusion_expr::{Expr, ExprSchemable, Join, cast};
use millrace_plan::{
    Changelog, Error, Exchange, JoinKind, JoinSpec, JoinTime, Node, NodeId, Operator, Result,
};

use super::calc::{CalcColumns, compile};
use super::join_time::{Interval, window_keys};
use super::processing_time::{in_any_time, in_processing_time};
use super::relation::{Place, Relation, hidden};
use super::{Lowering, Statement, unsupported};

/// A join of the logical plan, the kept side of SEMI and ANTI on the left.
pub struct Parts<'a> {
    /// Which rows it sends.
    pub kind: JoinKind,
    /// The sides are those of the logical plan in turn.
    pub swapped: bool,
    /// The columns of the logical join.
    pub schema: &'a DFSchemaRef,
    /// Expressions that must be equal, left and right.
    pub on: Vec<(Expr, Expr)>,
    /// What else must be true of a pair.
    pub conditions: Vec<Expr>,
}

/// What bounds a join in time.
struct Bound {
    time: JoinTime,
    /// The times are those at which rows come.
    by_clock: bool,
}

/// One input: its columns at their own positions, then its computed keys.
pub struct Input {
    /// Its columns.
    pub relation: Relation,
    /// The node that sends them and the keys.
    pub node: NodeId,
    /// Where the keys are.
    pub keys: Vec<usize>,
}

impl Lowering {
    pub(super) fn join(&mut self, join: &Join, statement: Statement) -> Result<Relation> {
        let mut parts = Parts::of(join, statement)?;
        let (left, right) = match parts.swapped {
            false => (&join.left, &join.right),
            true => (&join.right, &join.left),
        };
        let inputs = [left.as_ref(), right.as_ref()];
        let left = self.relation(left, statement)?;
        let left = self.materialized(left)?;
        let right = self.relation(right, statement)?;
        let right = self.materialized(right)?;
        let retracting = [&left, &right].map(|own| self.graph.node(own.node).changelog == Changelog::Retract);
        let bound = match retracting {
            [false, false] => parts.bound(&left, &right).map_err(|error| error.at(statement.place))?,
            _ => Bound { time: JoinTime::Unbounded, by_clock: false },
        };
        let (time, by_clock) = (bound.time, bound.by_clock);
        let ttl_ms = match time {
            JoinTime::Unbounded => self.join_ttl(inputs),
            _ => [None, None],
        };
        let [left, right] = match by_clock {
            true => self.in_processing_time([left, right], time, statement)?,
            false => [left, right],
        };
        let appends = parts.kind == JoinKind::Inner && retracting == [false, false];
        let last_partner = match (time, ttl_ms) {
            (JoinTime::Unbounded, [None, None]) if appends => {
                self.last_partners([&left, &right], &parts.conditions)
            }
            _ => [None, None],
        };
        let [left, right] = self.key_inputs(&parts, left, right)?;
        let spec = JoinSpec {
            kind: parts.kind,
            keys: left.keys.iter().copied().zip(right.keys.iter().copied()).collect(),
            null_equal: join.null_equality == NullEquality::NullEqualsNull,
            condition: self.condition(&parts, &left, &right)?,
            time,
            retracting,
            ttl_ms,
            last_partner,
        };
        let inputs = [self.meeting(left.node, &left.keys, time), self.meeting(right.node, &right.keys, time)];
        let node = self.join_node(spec, inputs);
        let width = self.graph.node(node).schema.fields().len();
        let mut relation = joined(&parts, time, left, right, node, width);
        if by_clock {
            // The times of the pairs are those of their rows, but pairs come when they come.
            relation.times.clear();
        }
        self.note_row_time(&relation);
        Ok(relation)
    }

    /// The inputs with the keys as columns, both of one type.
    pub(super) fn key_inputs(
        &mut self,
        parts: &Parts,
        left: Relation,
        right: Relation,
    ) -> Result<[Input; 2]> {
        let schemas = [self.real_schema(&left)?, self.real_schema(&right)?];
        let mut columns = [self.own_columns(&left), self.own_columns(&right)];
        let mut keys = [vec![], vec![]];
        for (own, other) in &parts.on {
            let bug = |error| crate::bind::explain_error(&error, None);
            let wanted = own.get_type(&left.schema).map_err(bug)?;
            for (side, expr) in [own, other].into_iter().enumerate() {
                let schema = &schemas[side];
                let expr = match expr.get_type(schema).map_err(bug)? == wanted {
                    true => expr.clone(),
                    false => cast(expr.clone(), wanted.clone()),
                };
                let field = Field::new(format!("__key{}", keys[side].len()), wanted.clone(), true);
                keys[side].push(columns[side].push(&expr, schema, &field)?);
            }
        }
        let [left_columns, right_columns] = columns;
        if left_columns.now || right_columns.now {
            return Err(
                Error::query("processing time as a join key").hint("compute it in a subquery below the join")
            );
        }
        let [left_keys, right_keys] = keys;
        let left_node = self.calc(left.node, left_columns);
        let right_node = self.calc(right.node, right_columns);
        let left = Input { relation: left, node: left_node, keys: left_keys };
        Ok([left, Input { relation: right, node: right_node, keys: right_keys }])
    }

    fn own_columns(&self, relation: &Relation) -> CalcColumns {
        let mut columns = CalcColumns::default();
        for (position, field) in self.graph.node(relation.node).schema.fields().iter().enumerate() {
            columns.column(position, field);
        }
        columns
    }

    /// The rest of the condition, over the left columns, then the right ones.
    pub(super) fn condition(
        &self,
        parts: &Parts,
        left: &Input,
        right: &Input,
    ) -> Result<Option<Arc<dyn datafusion_physical_expr::PhysicalExpr>>> {
        let Some(condition) = conjunction(parts.conditions.clone()) else { return Ok(None) };
        let mut fields = vec![];
        for input in [left, right] {
            let own = self.graph.node(input.node).schema.fields();
            let names = input.relation.schema.fields().len();
            for (position, field) in own.iter().enumerate() {
                let named = match position < names {
                    true => input.relation.schema.qualified_field(position).0.cloned(),
                    false => None,
                };
                let name = match position < names {
                    true => input.relation.schema.field(position).name().clone(),
                    false => hidden(fields.len()),
                };
                fields.push((named, Arc::new(field.as_ref().clone().with_name(name))));
            }
        }
        let schema = DFSchema::new_with_metadata(fields, Default::default())
            .map_err(|error| crate::bind::explain_error(&error, None))?;
        let compiled = compile(&condition, &schema)?;
        match compiled.now {
            false => Ok(Some(compiled.expr)),
            true => Err(Error::query("processing time in the condition of a join")
                .hint("compute it in a subquery below the join")),
        }
    }

    /// How rows of one key meet.
    pub(super) fn meeting(&mut self, input: NodeId, keys: &[usize], time: JoinTime) -> NodeId {
        if self.strategy.shards == 1 {
            return input;
        }
        match (keys, time) {
            ([], _) => self.graph.exchange(
                input,
                Exchange::Gather,
                "nothing must be equal: all rows meet in one place",
            ),
            _ => self.graph.exchange(
                input,
                Exchange::Hash(keys.to_vec()),
                "rows go to the owner of their join key",
            ),
        }
    }

    /// The columns of joined rows: those of a side whose partner may be missing can be NULL.
    pub(super) fn joined_fields(&self, kind: JoinKind, [left, right]: [NodeId; 2]) -> Vec<FieldRef> {
        let padded = |input: NodeId, padded: bool| {
            let fields = self.graph.node(input).schema.fields().iter();
            let field = |field: &FieldRef| {
                let nullable = field.is_nullable() || padded;
                Arc::new(field.as_ref().clone().with_nullable(nullable))
            };
            fields.map(field).collect::<Vec<FieldRef>>()
        };
        let mut fields = padded(left, kind.keeps(1));
        if !kind.is_left_only() {
            fields.extend(padded(right, kind.keeps(0)));
        }
        fields
    }

    pub(super) fn join_node(&mut self, spec: JoinSpec, inputs: [NodeId; 2]) -> NodeId {
        let fields = self.joined_fields(spec.kind, inputs);
        let appends = spec.retracting == [false, false]
            && (spec.time != JoinTime::Unbounded || matches!(spec.kind, JoinKind::Inner | JoinKind::Semi));
        let reason = match spec.time {
            JoinTime::Unbounded => "regular join: nothing bounds it in time",
            JoinTime::Interval { .. } => "interval join: row times lie near each other",
            JoinTime::Window { .. } => "window join: rows of the same window",
            JoinTime::Version { .. } => {
                "temporal join: the version that is valid at the time of the left row"
            }
        };
        self.graph.add(Node {
            operator: Operator::Join(spec),
            inputs: inputs.to_vec(),
            schema: Arc::new(Schema::new(fields)),
            changelog: if appends { Changelog::Append } else { Changelog::Retract },
            row_time: None,
            reason: reason.into(),
        })
    }
}

impl<'a> Parts<'a> {
    fn of(join: &'a Join, statement: Statement) -> Result<Self> {
        let (kind, swapped) = match join.join_type {
            JoinType::Inner => (JoinKind::Inner, false),
            JoinType::Left => (JoinKind::Left, false),
            JoinType::Right => (JoinKind::Right, false),
            JoinType::Full => (JoinKind::Full, false),
            JoinType::LeftSemi => (JoinKind::Semi, false),
            JoinType::LeftAnti => (JoinKind::Anti, false),
            JoinType::RightSemi => (JoinKind::Semi, true),
            JoinType::RightAnti => (JoinKind::Anti, true),
            JoinType::LeftMark | JoinType::RightMark => {
                return Err(unsupported("a subquery below OR or NOT", statement.place));
            }
        };
        let mut on = join.on.clone();
        if swapped {
            on = on.into_iter().map(|(left, right)| (right, left)).collect();
        }
        let mut conditions: Vec<Expr> =
            join.filter.iter().flat_map(|filter| split_conjunction_owned(filter.clone())).collect();
        if join.null_aware {
            // NOT IN: a row leaves only if no comparison is true or unknown. The first condition is IN's, the
            // others correlate the subquery.
            match on.is_empty() {
                false => {
                    let (left, right) = on.remove(0);
                    conditions.push(Expr::IsNotFalse(Box::new(left.eq(right))));
                }
                true => {
                    if let Some(first) = conditions.first_mut() {
                        *first = Expr::IsNotFalse(Box::new(first.clone()));
                    }
                }
            }
        }
        Ok(Parts { kind, swapped, schema: &join.schema, on, conditions })
    }

    /// What bounds the join in time. The conditions that the bound replaces are taken out.
    fn bound(&mut self, left: &Relation, right: &Relation) -> Result<Bound> {
        let mixed = |what: &str| {
            Err(Error::query(format!("a join of {what} in event time with {what} in processing time"))
                .hint("compare row times with row times, or PROCTIME() with PROCTIME()"))
        };
        let one_domain = left.domain == right.domain;
        if let Some((start, other, end)) = window_keys(left, right, &self.on) {
            if !one_domain {
                return mixed("windows");
            }
            self.on.remove(end);
            return Ok(Bound { time: JoinTime::Window { left: start, right: other }, by_clock: false });
        }
        if self.kind.is_left_only() {
            return Ok(Bound { time: JoinTime::Unbounded, by_clock: false });
        }
        let found = |left: &Relation, right: &Relation| Interval::of(left, right, &self.on, &self.conditions);
        let by_times = found(left, right).filter(|_| one_domain);
        let (interval, by_clock) = match by_times {
            Some(interval) => (interval, false),
            None => match found(&in_processing_time(left), &in_processing_time(right)) {
                Some(interval) => (interval, true),
                None if found(&in_any_time(left), &in_any_time(right)).is_some() => return mixed("rows"),
                None => return Ok(Bound { time: JoinTime::Unbounded, by_clock: false }),
            },
        };
        let mut position = 0;
        self.conditions.retain(|_| {
            position += 1;
            !interval.replaces.contains(&(position - 1))
        });
        Ok(Bound { time: interval.time, by_clock })
    }
}

/// The relation of the joined rows: row times go on where no NULL can have taken their place.
pub fn joined(
    parts: &Parts,
    time: JoinTime,
    left: Input,
    right: Input,
    node: NodeId,
    width: usize,
) -> Relation {
    let left_names = left.relation.schema.fields().len();
    let right_names = if parts.kind.is_left_only() { 0 } else { right.relation.schema.fields().len() };
    // The right columns come after all left ones, computed keys too.
    let right_width = width - right_names;
    let right_start = match parts.kind.is_left_only() {
        true => width,
        false => right_width - extra_keys(&right),
    };
    let mut places: Vec<Place> = (0..left_names).map(Place::Real).collect();
    places.extend((0..right_names).map(|position| Place::Real(right_start + position)));
    let mut relation = Relation::of(node, parts.schema.clone());
    relation.places = places;
    if time == JoinTime::Unbounded {
        return relation;
    }
    relation.domain = left.relation.domain;
    let (mut times, mut arrivals) = (BTreeSet::new(), BTreeSet::new());
    if !parts.kind.keeps(1) {
        times.extend(left.relation.times.iter().copied());
        arrivals.extend(left.relation.arrivals.iter().copied());
        relation.attached = left.relation.attached;
    }
    if !parts.kind.keeps(0) && !parts.kind.is_left_only() {
        times.extend(right.relation.times.iter().map(|time| left_names + time));
        arrivals.extend(right.relation.arrivals.iter().map(|column| left_names + column));
        let moved = right.relation.attached.and_then(|own| own.moved(|column| Some(left_names + column)));
        relation.attached = relation.attached.or(moved);
    }
    (relation.times, relation.arrivals) = (times, arrivals);
    if matches!(time, JoinTime::Interval { .. }) {
        relation.attached = None;
    }
    relation
}

/// Columns of the input that only hold computed keys.
fn extra_keys(input: &Input) -> usize {
    let names = input.relation.schema.fields().len();
    input.keys.iter().filter(|key| **key >= names).collect::<BTreeSet<_>>().len()
}
