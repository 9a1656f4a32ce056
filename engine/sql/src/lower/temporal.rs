//! Joins with the state that a table had at the time of each row: of the table as it is when the run begins
//! (processing time), or of the version that was valid then (row time).

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema};
use datafusion_common::{DFSchema, JoinType};
use datafusion_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator as ExprOperator};
use millrace_plan::{Changelog, Error, Exchange, JoinKind, JoinSpec, JoinTime, Node, Operator, Result};

use super::join::{Input, Parts, joined};
use super::relation::Relation;
use super::{Lowering, Statement};
use crate::bind::temporal::TemporalJoin;

impl Lowering {
    pub(super) fn temporal_join(&mut self, join: &TemporalJoin, statement: Statement) -> Result<Relation> {
        let left = self.relation(&join.left, statement)?;
        let left = self.materialized(left)?;
        let is_row_time = left.column(&join.time).is_some_and(|column| left.times.contains(&column));
        let made = match (left.is_arrival(&join.time), is_row_time) {
            (true, _) if join.as_function => Err(Error::query(format!(
                "LATERAL TABLE of a table at `{}`, which is processing time",
                join.time
            ))
            .hint("write JOIN t FOR SYSTEM_TIME AS OF: the table as it was when the run began; or ask it at a row time")),
            (true, _) => self.lookup_join(join, left, statement),
            (_, true) => self.versioned_join(join, left, statement),
            _ => Err(Error::query(format!(
                "FOR SYSTEM_TIME AS OF `{}`, which is no time attribute",
                join.time
            ))
            .hint(
                "name a column declared AS PROCTIME(), or by WATERMARK FOR, that no outer join has padded",
            )),
        };
        made.map_err(|error| error.at(statement.place))
    }

    /// The table is read when the run begins, by every shard as a whole.
    fn lookup_join(&mut self, join: &TemporalJoin, left: Relation, statement: Statement) -> Result<Relation> {
        self.looks_up = true;
        let right = self.relation(&join.right, statement);
        self.looks_up = false;
        let right = self.materialized(right?)?;
        let (on, conditions) = equalities(join);
        if on.is_empty() {
            return Err(Error::query("a lookup join without an equality")
                .hint("write ON o.key = t.key: rows of the table are found by it"));
        }
        let primary_key: Vec<usize> = join.primary_key.iter().filter_map(|key| right.column(key)).collect();
        let parts = Parts { kind: kind(join), swapped: false, schema: schema(join), on, conditions };
        let [left, mut right] = self.key_inputs(&parts, left, right)?;
        let condition = self.condition(&parts, &left, &right)?;
        if self.strategy.shards > 1 {
            let why = "the table is read by one shard and looked up by all";
            right.node = self.graph.exchange(right.node, Exchange::Broadcast, why);
        }
        let changelog = self.graph.node(left.node).changelog;
        let spec = JoinSpec {
            kind: parts.kind,
            keys: left.keys.iter().copied().zip(right.keys.iter().copied()).collect(),
            null_equal: false,
            condition,
            time: JoinTime::Unbounded,
            retracting: [changelog == Changelog::Retract, false],
            ttl_ms: [None, None],
            last_partner: [None, None],
        };
        let inputs = [left.node, right.node];
        let fields = self.joined_fields(parts.kind, inputs);
        let node = self.graph.add(Node {
            operator: Operator::LookupJoin { join: spec, primary_key },
            inputs: inputs.to_vec(),
            schema: Arc::new(Schema::new(fields)),
            changelog,
            row_time: None,
            reason: "lookup join: the table as it was when the run began".into(),
        });
        Ok(self.as_of(&parts, left, right, node))
    }

    /// Left rows meet the version of their key.
    fn versioned_join(
        &mut self,
        join: &TemporalJoin,
        left: Relation,
        statement: Statement,
    ) -> Result<Relation> {
        let right = self.relation(&join.right, statement)?;
        let right = self.materialized(right)?;
        let row_time = join.row_time.as_ref().and_then(|time| right.column(time));
        let row_time = row_time.filter(|time| right.times.contains(time));
        let (Some(right_time), false) = (row_time, join.primary_key.is_empty()) else {
            return Err(Error::query("FOR SYSTEM_TIME AS OF a row time on a table without versions").hint(
                "give the table a PRIMARY KEY (...) NOT ENFORCED and a WATERMARK, or ask it AS OF a \
                       column declared AS PROCTIME()",
            ));
        };
        let left_time = left.column(&join.time).ok_or_else(|| Error::bug("the row time got lost"))?;
        if self.graph.node(left.node).changelog == Changelog::Retract {
            return Err(Error::query("a temporal join of rows that change")
                .hint("join before the aggregation, or write EMIT FINAL"));
        }
        let (on, conditions) = by_primary_key(join)?;
        let parts = Parts { kind: kind(join), swapped: false, schema: schema(join), on, conditions };
        let [mut left, mut right] = self.key_inputs(&parts, left, right)?;
        let time = JoinTime::Version { left: left_time, right: right_time };
        let spec = JoinSpec {
            kind: parts.kind,
            keys: left.keys.iter().copied().zip(right.keys.iter().copied()).collect(),
            null_equal: false,
            condition: self.condition(&parts, &left, &right)?,
            time,
            retracting: [false, false],
            ttl_ms: [None, None],
            last_partner: [None, None],
        };
        left.node = self.meeting(left.node, &left.keys, time);
        right.node = self.meeting(right.node, &right.keys, time);
        let node = self.join_node(spec, [left.node, right.node]);
        Ok(self.as_of(&parts, left, right, node))
    }

    /// The relation of the joined rows: time goes on as that of the left rows.
    fn as_of(&mut self, parts: &Parts, left: Input, right: Input, node: usize) -> Relation {
        let names = left.relation.schema.fields().len();
        let width = self.graph.node(node).schema.fields().len();
        let time = JoinTime::Version { left: 0, right: 0 };
        let (attached, arrivals) = (left.relation.attached, left.relation.arrivals.clone());
        let mut relation = joined(parts, time, left, right, node, width);
        relation.times.retain(|time| *time < names);
        self.note_row_time(&relation);
        Relation { attached, arrivals, ..relation }
    }
}

fn kind(join: &TemporalJoin) -> JoinKind {
    match join.kind {
        JoinType::Left => JoinKind::Left,
        _ => JoinKind::Inner,
    }
}

fn schema(join: &TemporalJoin) -> &datafusion_common::DFSchemaRef {
    use datafusion_expr::logical_plan::UserDefinedLogicalNodeCore;
    join.schema()
}

/// True if `expr` reads columns of `schema` and no others.
fn reads(expr: &Expr, schema: &DFSchema) -> bool {
    let columns = expr.column_refs();
    !columns.is_empty() && columns.iter().all(|column| schema.maybe_index_of_column(column).is_some())
}

/// What must be equal, left and right, and what else must be true.
fn equalities(join: &TemporalJoin) -> (Vec<(Expr, Expr)>, Vec<Expr>) {
    let (left, right) = (join.left.schema(), join.right.schema());
    let (mut on, mut conditions) = (vec![], vec![]);
    for own in &join.conditions {
        match own {
            Expr::BinaryExpr(BinaryExpr { left: a, op: ExprOperator::Eq, right: b })
                if reads(a, left) && reads(b, right) =>
            {
                on.push((a.as_ref().clone(), b.as_ref().clone()));
            }
            Expr::BinaryExpr(BinaryExpr { left: a, op: ExprOperator::Eq, right: b })
                if reads(a, right) && reads(b, left) =>
            {
                on.push((b.as_ref().clone(), a.as_ref().clone()));
            }
            other => conditions.push(other.clone()),
        }
    }
    (on, conditions)
}

/// The equalities of the primary key, in its order, and everything else: another version of a row may fulfil
/// that or not, but is the version of its key.
fn by_primary_key(join: &TemporalJoin) -> Result<(Vec<(Expr, Expr)>, Vec<Expr>)> {
    let (mut on, mut conditions) = equalities(join);
    let mut keys = vec![];
    for key in &join.primary_key {
        let Some(position) = on.iter().position(|(_, own)| is_key(own, key, join.right.schema())) else {
            return Err(Error::query(format!(
                "a temporal join without an equality of the primary key `{key}`"
            ))
            .hint("write ON o.key = t.key for every column of the table's PRIMARY KEY"));
        };
        keys.push(on.remove(position));
    }
    conditions.extend(on.into_iter().map(|(left, right)| left.eq(right)));
    Ok((keys, conditions))
}

/// True if `expr` is `key`, or `key` as a wider integer.
fn is_key(expr: &Expr, key: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Cast(Cast { expr: inner, field }) if inner.as_ref() == key => {
            let width = |own: &DataType| own.primitive_width().filter(|_| own.is_integer());
            let from = inner.get_type(schema).ok().and_then(|own| width(&own));
            from.zip(width(field.data_type())).is_some_and(|(from, to)| from <= to)
        }
        other => other == key,
    }
}
