//! `ORDER BY`, `LIMIT` and `OFFSET` of a query: a top-N without keys, on one shard.
//!
//! With a limit the result changes as rows come. Without one it is known, and sent in order, when the input
//! has ended. A limit without an order keeps the rows that came first where rows keep the order of their
//! split; else, and over rows that change, those that are least by content, so that the answer is the same
//! at any shard count.

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
}
