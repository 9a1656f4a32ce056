//! Columns that go along with rows from a source to the first operator that drops late rows, behind those that
//! the query needs, and the rows that this operator drops.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::ScalarValue;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::Operator as BinaryOperator;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{Column, binary, cast, lit};
use millrace_plan::{
    Changelog, Error, Exchange, JoinSpec, Node, NodeId, Operator, Place, Plan, ProjectExpr, Result, TableDef,
    WindowSpec,
};

use super::late_table::{LateSource, OPTION};

type Expr = Arc<dyn PhysicalExpr>;

/// The columns of a node that are carried.
#[derive(Debug, Clone, Default)]
struct Carried {
    /// Those of the late table.
    columns: Vec<usize>,
    /// Conditions: where a row has become several, one of them fulfils all of these, and no other.
    once: Vec<usize>,
}

/// A plan on which columns are carried along.
pub struct Carrier<'a> {
    nodes: Vec<Node>,
    statements: &'a [(NodeId, Option<Place>)],
    carried: BTreeMap<NodeId, Carried>,
    /// How many columns a node has gained.
    grown: BTreeMap<NodeId, usize>,
    /// The rows for each late table, as that declares them.
    late: Vec<(Arc<TableDef>, NodeId)>,
}

/// True if each row of the input leaves as itself, or as copies that can be told apart.
fn passes(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::Calc { .. }
            | Operator::Expand { .. }
            | Operator::WindowAssign { .. }
            | Operator::Exchange(_)
    )
}

fn column(schema: &SchemaRef, position: usize) -> ProjectExpr {
    let name = schema.field(position).name().clone();
    ProjectExpr { expr: Arc::new(Column::new(&name, position)), name }
}

/// `expr` where columns from `from` on have moved by `by`.
fn shifted(expr: &Expr, from: usize, by: usize) -> Result<Expr> {
    let moved = expr.clone().transform_up(|node| match node.downcast_ref::<Column>() {
        Some(own) if own.index() >= from => {
            let moved: Expr = Arc::new(Column::new(own.name(), own.index() + by));
            Ok(Transformed::yes(moved))
        }
        _ => Ok(Transformed::no(node)),
    });
    moved.map(|own| own.data).map_err(|error| Error::bug(format!("moving a column: {error}")))
}

fn with_fields(schema: &SchemaRef, more: impl IntoIterator<Item = FieldRef>) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().cloned().chain(more).collect::<Vec<FieldRef>>()))
}

impl<'a> Carrier<'a> {
    /// Nothing is carried yet. `statements`: the first node of each statement, and where that begins.
    pub fn new(nodes: Vec<Node>, statements: &'a [(NodeId, Option<Place>)]) -> Self {
        let (carried, grown) = (BTreeMap::new(), BTreeMap::new());
        Carrier { nodes, statements, carried, grown, late: vec![] }
    }

    /// Carries the columns of the late table of `source` to where its rows are dropped, and takes them there.
    pub fn follow(&mut self, source: &LateSource) -> Result<()> {
        let (reached, leads) = (self.reached(source.node), self.leads());
        self.check_path(source, &reached)?;
        let columns = source.columns.clone();
        self.carried.insert(source.node, Carried { columns, once: vec![] });
        for id in source.node + 1..leads.len() {
            if reached[id] && leads[id] {
                self.extend(id)?;
            } else if self.nodes[id].operator.drops_late_rows() {
                let inputs = self.nodes[id].inputs.clone();
                for (port, input) in inputs.into_iter().enumerate() {
                    if self.carried.contains_key(&input) && (input >= leads.len() || reached[input]) {
                        self.tap(id, port, input, source);
                    }
                }
            }
        }
        Ok(())
    }

    /// The nodes that rows of `from` reach as they are.
    fn reached(&self, from: NodeId) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        reached[from] = true;
        for (id, node) in self.nodes.iter().enumerate() {
            reached[id] |= passes(&node.operator) && node.inputs.iter().any(|input| reached[*input]);
        }
        reached
    }

    /// The nodes whose rows come, as they are, to an operator that drops late ones.
    fn leads(&self) -> Vec<bool> {
        let mut leads = vec![false; self.nodes.len()];
        for id in (0..self.nodes.len()).rev() {
            let node = &self.nodes[id];
            if node.operator.drops_late_rows() || (leads[id] && passes(&node.operator)) {
                node.inputs.iter().for_each(|input| leads[*input] = true);
            }
        }
        leads
    }

    /// Refuses what makes other rows of those of the source, if these can be late.
    fn check_path(&self, source: &LateSource, reached: &[bool]) -> Result<()> {
        let drops_above = self.drops_above();
        for (id, node) in self.nodes.iter().enumerate() {
            let reads = node.inputs.iter().any(|input| reached[*input]);
            let own = &node.operator;
            if !reads || passes(own) || own.drops_late_rows() || !drops_above[id] {
                continue;
            }
            return Err(Error::query(format!(
                "'{OPTION}' of `{}`: {} makes other rows of those of the table before they can be late",
                source.name,
                own.name()
            ))
            .hint("window the table first and join, unite or unnest the results, or leave the option out")
            .at(self.place_of(id)));
        }
        Ok(())
    }

    fn place_of(&self, id: NodeId) -> Option<Place> {
        let statement = self.statements.iter().rev().find(|(first, _)| *first <= id);
        statement.and_then(|(_, place)| *place)
    }

    /// The nodes above which an operator drops rows that are late by their event time.
    fn drops_above(&self) -> Vec<bool> {
        let mut above = vec![false; self.nodes.len()];
        for (id, node) in self.nodes.iter().enumerate().rev() {
            let by_clock = matches!(node.operator, Operator::ProcessingTime { .. });
            if !by_clock && (above[id] || node.operator.drops_late_rows()) {
                node.inputs.iter().for_each(|input| above[*input] = true);
            }
        }
        above
    }

    fn extend(&mut self, id: NodeId) -> Result<()> {
        let &[input] = self.nodes[id].inputs.as_slice() else {
            return Err(Error::bug("columns carried through an operator of several inputs"));
        };
        let Some(carried) = self.carried.get(&input).cloned() else { return Ok(()) };
        let before = self.nodes[input].schema.clone();
        let grown = self.grown.get(&input).copied().unwrap_or_default();
        let width = self.nodes[id].schema.fields().len();
        let own = match self.nodes[id].operator.clone() {
            Operator::Calc { filter, exprs, now } => {
                let shift = |own: &Expr| match now {
                    // The ingest time comes after the columns of the input.
                    true => shifted(own, before.fields().len() - grown, grown),
                    false => Ok(own.clone()),
                };
                let filter = filter.as_ref().map(shift).transpose()?;
                let moved = exprs
                    .iter()
                    .map(|own| Ok(ProjectExpr { expr: shift(&own.expr)?, name: own.name.clone() }));
                let exprs = moved.collect::<Result<Vec<_>>>()?;
                self.extend_calc(id, &before, (filter, exprs, now), &carried)
            }
            Operator::Expand { projections } => self.extend_expand(id, &before, projections, &carried),
            Operator::Exchange(_) => {
                self.nodes[id].schema = before;
                carried
            }
            Operator::WindowAssign { time, window } => {
                return self.extend_windows(id, &before, grown, (time, window), &carried);
            }
            other => return Err(Error::bug(format!("columns carried through {}", other.name()))),
        };
        self.carried.insert(id, own);
        self.grown.insert(id, self.nodes[id].schema.fields().len() - width);
        Ok(())
    }

    /// A Calc hands a column on that it has already, or one more.
    fn extend_calc(
        &mut self,
        id: NodeId,
        before: &SchemaRef,
        (filter, mut exprs, now): (Option<Expr>, Vec<ProjectExpr>, bool),
        carried: &Carried,
    ) -> Carried {
        let mut fields: Vec<FieldRef> = self.nodes[id].schema.fields().iter().cloned().collect();
        let mut keep = |position: &usize| {
            let field = &before.fields()[*position];
            let same = |(own, kept): (&ProjectExpr, &FieldRef)| {
                own.expr.downcast_ref::<Column>().is_some_and(|own| own.index() == *position)
                    && kept.data_type() == field.data_type()
            };
            if let Some(found) = exprs.iter().zip(&fields).position(same) {
                return found;
            }
            exprs.push(column(before, *position));
            fields.push(field.clone());
            exprs.len() - 1
        };
        let columns = carried.columns.iter().map(&mut keep).collect();
        let once = carried.once.iter().map(&mut keep).collect();
        self.nodes[id].operator = Operator::Calc { filter, exprs, now };
        self.nodes[id].schema = Arc::new(Schema::new(fields));
        Carried { columns, once }
    }

    /// Every copy of a row has all its columns, but only the first is the one.
    fn extend_expand(
        &mut self,
        id: NodeId,
        before: &SchemaRef,
        mut projections: Vec<Vec<ProjectExpr>>,
        carried: &Carried,
    ) -> Carried {
        let width = self.nodes[id].schema.fields().len();
        let all: Vec<usize> = carried.columns.iter().chain(&carried.once).copied().collect();
        for (number, projection) in projections.iter_mut().enumerate() {
            projection.extend(all.iter().map(|position| column(before, *position)));
            projection.push(ProjectExpr { expr: lit(number == 0), name: "first".into() });
        }
        let more = all.iter().map(|position| before.fields()[*position].clone());
        let flag = Arc::new(Field::new("first", DataType::Boolean, false));
        self.nodes[id].schema = with_fields(&self.nodes[id].schema, more.chain([flag]));
        self.nodes[id].operator = Operator::Expand { projections };
        let columns = (width..width + carried.columns.len()).collect();
        let once = (width + carried.columns.len()..=width + all.len()).collect();
        Carried { columns, once }
    }

    /// The window's columns follow those of the input; behind it they are put where the query expects them. A row is
    /// late if it is so for its last window.
    fn extend_windows(
        &mut self,
        id: NodeId,
        before: &SchemaRef,
        grown: usize,
        (time, window): (usize, WindowSpec),
        carried: &Carried,
    ) -> Result<()> {
        let width = before.fields().len();
        let old = self.nodes[id].schema.clone();
        let windows: Vec<FieldRef> = old.fields().iter().skip(width - grown).cloned().collect();
        let count = windows.len();
        let schema = with_fields(before, windows);
        self.nodes[id].schema = schema.clone();
        let row_time = self.nodes[id].row_time.replace(width + count - 1);
        let order: Vec<usize> = (0..width - grown).chain(width..width + count).collect();
        let mut exprs: Vec<ProjectExpr> = order.iter().map(|position| column(&schema, *position)).collect();
        let mut fields: Vec<FieldRef> =
            order.iter().map(|position| schema.fields()[*position].clone()).collect();
        let mut keep = |position: &usize| {
            exprs.push(column(&schema, *position));
            fields.push(schema.fields()[*position].clone());
            exprs.len() - 1
        };
        let columns = carried.columns.iter().map(&mut keep).collect();
        let mut once: Vec<usize> = carried.once.iter().map(&mut keep).collect();
        if let Some(last) = is_last(&schema, time, width, window)? {
            exprs.push(ProjectExpr { expr: last, name: "last".into() });
            fields.push(Arc::new(Field::new("last", DataType::Boolean, true)));
            once.push(exprs.len() - 1);
        }
        let grown = exprs.len() - order.len();
        let calc = self.insert_after(id, exprs, fields, row_time);
        self.carried.insert(calc, Carried { columns, once });
        self.grown.insert(calc, grown);
        Ok(())
    }

    /// A Calc between a node and its readers.
    fn insert_after(
        &mut self,
        id: NodeId,
        exprs: Vec<ProjectExpr>,
        fields: Vec<FieldRef>,
        row_time: Option<usize>,
    ) -> NodeId {
        let calc = self.nodes.len();
        for node in &mut self.nodes {
            if !matches!(node.operator, Operator::LateRows { .. }) {
                node.inputs.iter_mut().filter(|input| **input == id).for_each(|input| *input = calc);
            }
        }
        self.nodes.push(Node {
            operator: Operator::Calc { filter: None, exprs, now: false },
            inputs: vec![id],
            schema: Arc::new(Schema::new(fields)),
            changelog: self.nodes[id].changelog,
            row_time,
            reason: String::new(),
        });
        calc
    }

    /// Takes the rows that node `id` drops of those that come on `port`, as the late table declares them.
    fn tap(&mut self, id: NodeId, port: usize, input: NodeId, source: &LateSource) {
        let Node { schema, changelog, row_time, .. } = self.nodes[input].clone();
        let Some(carried) = self.carried.get(&input).cloned() else { return };
        self.nodes.push(Node {
            operator: Operator::LateRows { port },
            inputs: vec![id],
            schema: schema.clone(),
            changelog,
            row_time,
            reason: format!("'{OPTION}' of {}", source.name),
        });
        let condition = |position: &usize| column(&schema, *position).expr;
        let both = |a: Expr, b: Expr| binary(a, BinaryOperator::And, b, &schema).ok();
        let mut conditions = carried.once.iter().map(condition);
        let first = conditions.next();
        let filter = conditions.fold(first, |all, own| all.and_then(|all| both(all, own)));
        let table = &source.late.sink;
        let exprs = carried.columns.iter().zip(table.schema.fields());
        let exprs = exprs.map(|(position, field)| ProjectExpr {
            expr: column(&schema, *position).expr,
            name: field.name().clone(),
        });
        let operator = Operator::Calc { filter, exprs: exprs.collect(), now: false };
        let fields = table.schema.fields().iter().map(|own| own.as_ref().clone().with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let inputs = vec![self.nodes.len() - 1];
        self.nodes.push(Node { operator, inputs, schema, changelog, row_time: None, reason: String::new() });
        self.late.push((table.clone(), self.nodes.len() - 1));
    }

    /// Joins send all columns of both inputs: those that were only carried are left out behind them.
    pub fn finish_joins(&mut self) -> Result<()> {
        for id in 0..self.nodes.len() {
            let Operator::Join(spec) = self.nodes[id].operator.clone() else { continue };
            let &[left, right] = self.nodes[id].inputs.as_slice() else { continue };
            let grown = [left, right].map(|input| self.grown.get(&input).copied().unwrap_or_default());
            if grown != [0, 0] {
                self.narrow_join(id, spec, [left, right], grown)?;
            }
        }
        Ok(())
    }

    fn narrow_join(
        &mut self,
        id: NodeId,
        spec: JoinSpec,
        inputs: [NodeId; 2],
        grown: [usize; 2],
    ) -> Result<()> {
        let widths = inputs.map(|input| self.nodes[input].schema.fields().len());
        let old_left = widths[0] - grown[0];
        let condition = spec.condition.as_ref().map(|own| shifted(own, old_left, grown[0])).transpose()?;
        let old = self.nodes[id].schema.clone();
        let more = |side: usize| {
            let fields = self.nodes[inputs[side]].schema.fields().iter().skip(widths[side] - grown[side]);
            fields.map(|own| Arc::new(own.as_ref().clone().with_nullable(true))).collect::<Vec<FieldRef>>()
        };
        let mut fields: Vec<FieldRef> = old.fields().iter().take(old_left).cloned().collect();
        fields.extend(more(0));
        if !spec.kind.is_left_only() {
            fields.extend(old.fields().iter().skip(old_left).cloned());
            fields.extend(more(1));
        }
        let schema = Arc::new(Schema::new(fields));
        self.nodes[id].operator = Operator::Join(JoinSpec { condition, ..spec });
        self.nodes[id].schema = schema.clone();
        let row_time = self.nodes[id].row_time;
        self.nodes[id].row_time = row_time.map(|own| if own < old_left { own } else { own + grown[0] });
        let place = |position: usize| if position < old_left { position } else { position + grown[0] };
        let exprs = (0..old.fields().len()).map(|own| column(&schema, place(own))).collect();
        let fields = old.fields().iter().cloned().collect();
        self.insert_after(id, exprs, fields, row_time);
        Ok(())
    }

    /// The plan with a sink for each late table, inputs before those that read them.
    pub fn into_plan(mut self, ordered: bool) -> Plan {
        let mut by_table: BTreeMap<String, (Arc<TableDef>, Vec<NodeId>)> = BTreeMap::new();
        for (table, node) in std::mem::take(&mut self.late) {
            by_table.entry(table.name.clone()).or_insert_with(|| (table, vec![])).1.push(node);
        }
        for (table, inputs) in by_table.into_values() {
            self.sink(table, inputs, ordered);
        }
        in_order(self.nodes)
    }

    fn sink(&mut self, table: Arc<TableDef>, inputs: Vec<NodeId>, ordered: bool) {
        let Some(schema) = inputs.first().map(|own| self.nodes[*own].schema.clone()) else { return };
        let retracts = inputs.iter().any(|own| self.nodes[*own].changelog == Changelog::Retract);
        let changelog = if retracts { Changelog::Retract } else { Changelog::Append };
        let mut add = |operator: Operator, inputs: Vec<NodeId>, reason: &str| {
            let (schema, reason) = (schema.clone(), reason.to_string());
            self.nodes.push(Node { operator, inputs, schema, changelog, row_time: None, reason });
            vec![self.nodes.len() - 1]
        };
        let mut rows = inputs;
        if rows.len() > 1 {
            rows = add(Operator::Union, rows, "");
        }
        if ordered {
            let gather = Operator::Exchange(Exchange::Gather);
            rows = add(gather, rows, "--ordered: rows are sorted in one place");
        }
        add(Operator::Sink { table }, rows, "late rows");
    }
}

/// True for the last window of a row; `None` if it has but one. `start` is the column with the window's start, the
/// end follows it.
fn is_last(schema: &SchemaRef, time: usize, start: usize, window: WindowSpec) -> Result<Option<Expr>> {
    let bug = |error| Error::bug(format!("the last window of a row: {error}"));
    let millis = |position: usize| cast(column(schema, position).expr, schema, DataType::Int64).map_err(bug);
    let less = |a: Expr, b: Expr| binary(a, BinaryOperator::Minus, b, schema).map_err(bug);
    let number = |value: i64| lit(ScalarValue::Int64(Some(value)));
    let test = match window {
        WindowSpec::Tumble { .. } => return Ok(None),
        // The next window would start after the row.
        WindowSpec::Hop { slide, .. } => {
            binary(less(millis(time)?, millis(start)?)?, BinaryOperator::Lt, number(slide), schema)
        }
        WindowSpec::Cumulate { size, .. } => {
            binary(less(millis(start + 1)?, millis(start)?)?, BinaryOperator::Eq, number(size), schema)
        }
    };
    test.map(Some).map_err(bug)
}

/// The nodes, each after its inputs.
fn in_order(nodes: Vec<Node>) -> Plan {
    let mut positions: Vec<Option<NodeId>> = vec![None; nodes.len()];
    let mut order = vec![];
    while order.len() < nodes.len() {
        let before = order.len();
        for id in 0..nodes.len() {
            if positions[id].is_none() && nodes[id].inputs.iter().all(|input| positions[*input].is_some()) {
                positions[id] = Some(order.len());
                order.push(id);
            }
        }
        debug_assert!(order.len() > before, "a plan without cycles");
        if order.len() == before {
            break;
        }
    }
    let placed = order.iter().map(|id| {
        let mut node = nodes[*id].clone();
        node.inputs = node.inputs.iter().filter_map(|input| positions[*input]).collect();
        node
    });
    Plan { nodes: placed.collect() }
}
