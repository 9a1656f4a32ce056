//! `ORDER BY`, `LIMIT` and `OFFSET` of a query: a top-N without keys, on one shard.
//!
//! With a limit the result changes as rows come. Without one it is known, and sent in order, when the input
//! has ended. A limit without an order keeps the rows that came first where rows keep the order of their
//! split; else, and over rows that change, those that are least by content, so that the answer is the same
//! at any shard count.
//!
//! Over an attribute of time, oldest first and without a limit, rows leave as time goes on.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use datafusion_expr::expr::Sort as Ordering;
use datafusion_expr::logical_plan::{Limit, Projection, Sort};
use datafusion_expr::{Expr, LogicalPlan};
use millrace_plan::{Changelog, EmitMode, Error, Node, Operator, Result, SortColumn, Ties};

use super::relation::Relation;
use super::top_n::{Ranks, whole};
use super::{Lowering, Statement};

impl Lowering {
    /// All rows in order, when the input has ended.
    pub(super) fn sort(&mut self, sort: &Sort, statement: Statement) -> Result<Relation> {
        let ranks = Ranks::of(0, sort.fetch.map(|rows| rows as u64));
        self.sorted(&sort.input, &sort.expr, ranks, statement)
    }

    /// The rows with some ranks of a sort right below, else of arrival.
    pub(super) fn limit(&mut self, limit: &Limit, statement: Statement) -> Result<Relation> {
        let rows = |expr: &Option<Box<Expr>>| match expr.as_deref() {
            None => Ok(None),
            Some(expr) => match whole(expr).and_then(|rows| u64::try_from(rows).ok()) {
                Some(rows) => Ok(Some(rows)),
                None => Err(Error::query(format!("LIMIT or OFFSET by `{expr}`"))
                    .hint("write a whole number, 0 or more")
                    .at(statement.place)),
            },
        };
        let ranks = Ranks::of(rows(&limit.skip)?.unwrap_or(0), rows(&limit.fetch)?);
        match limit.input.as_ref() {
            LogicalPlan::Sort(sort) => self.sorted(&sort.input, &sort.expr, ranks, statement),
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) => match input.as_ref() {
                LogicalPlan::Sort(sort) => {
                    let input = self.sorted(&sort.input, &sort.expr, ranks, statement)?;
                    self.project(input, expr, schema, statement)
                }
                _ => self.sorted(&limit.input, &[], ranks, statement),
            },
            input => self.sorted(input, &[], ranks, statement),
        }
    }

    fn sorted(
        &mut self,
        input: &LogicalPlan,
        order_by: &[Ordering],
        ranks: Ranks,
        statement: Statement,
    ) -> Result<Relation> {
        let input = self.relation(input, statement)?;
        if !ranks.is_bounded() && ranks.range().0 == 1 && statement.emit.is_none() {
            match order_by {
                [only] if only.asc && input.is_arrival(&only.expr) => return self.arriving(input),
                [first, rest @ ..] if first.asc && is_row_time(&input, &first.expr) => {
                    return self.sorted_by_time(input, &first.expr, rest);
                }
                _ => {}
            }
        }
        let exprs: Vec<Expr> = order_by.iter().map(|own| own.expr.clone()).collect();
        let (widened, positions) = self.widened(input, &exprs)?;
        let columns = order_by.iter().zip(positions).map(|(own, column)| SortColumn {
            column,
            descending: !own.asc,
            nulls_first: own.nulls_first,
        });
        let order: Vec<SortColumn> = columns.collect();
        let retracting = self.graph.node(widened.node).changelog == Changelog::Retract;
        let ties = match self.keeps_order(widened.node) && !retracting {
            true => Ties::Earliest,
            false => Ties::Content,
        };
        let emit = match ranks.is_bounded() {
            true => statement.emit.unwrap_or(EmitMode::Changes),
            false => EmitMode::Final,
        };
        let node = self.owned(widened.node, &[], "ORDER BY and LIMIT: one shard sees all rows");
        let schema = self.graph.node(node).schema.clone();
        let fields: Vec<FieldRef> = schema.fields().iter().take(widened.width).cloned().collect();
        let (first, last) = ranks.range();
        let node = self.graph.add(Node {
            operator: Operator::TopN {
                keys: vec![],
                order,
                ties,
                first,
                last,
                rank: false,
                columns: widened.width,
                window: None,
                emit,
                retracting,
            },
            inputs: vec![node],
            schema: Arc::new(Schema::new(fields)),
            changelog: if emit == EmitMode::Final { Changelog::Append } else { Changelog::Retract },
            row_time: None,
            reason: String::new(),
        });
        Ok(Relation {
            node,
            times: Default::default(),
            arrivals: Default::default(),
            attached: None,
            ..widened.relation
        })
    }

    /// Rows as they arrive, in one place.
    fn arriving(&mut self, input: Relation) -> Result<Relation> {
        let input = self.materialized(input)?;
        let node = self.owned(input.node, &[], "ORDER BY: one shard sees all rows");
        Ok(Relation { node, ..input })
    }

    /// Rows by row time, then by `rest`.
    fn sorted_by_time(&mut self, input: Relation, time: &Expr, rest: &[Ordering]) -> Result<Relation> {
        let exprs: Vec<Expr> = [time].into_iter().chain(rest.iter().map(|own| &own.expr)).cloned().collect();
        let (widened, positions) = self.widened(input, &exprs)?;
        let columns = rest.iter().zip(&positions[1..]).map(|(own, column)| SortColumn {
            column: *column,
            descending: !own.asc,
            nulls_first: own.nulls_first,
        });
        let order = columns.collect();
        let node = self.owned(widened.node, &[], "ORDER BY: one shard sees all rows");
        let schema = self.graph.node(node).schema.clone();
        let fields: Vec<FieldRef> = schema.fields().iter().take(widened.width).cloned().collect();
        let operator = Operator::TemporalSort { time: positions[0], order, columns: widened.width };
        let node = self.graph.add_after(node, operator, Arc::new(Schema::new(fields)), None);
        let relation = Relation { node, arrivals: Default::default(), ..widened.relation };
        self.note_row_time(&relation);
        Ok(relation)
    }
}

/// True if `expr` is an attribute of row time.
fn is_row_time(input: &Relation, expr: &Expr) -> bool {
    input.column(expr).is_some_and(|column| input.times.contains(&column))
}
