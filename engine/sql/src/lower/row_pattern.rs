//! MATCH_RECOGNIZE as a node: the columns it needs, and how rows get to the owner of their key.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_common::DFSchemaRef;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::Expr;
use millrace_plan::{
    AggregateCall, Changelog, Error, MatchColumn, MatchExpr, MatchSpec, Node, Operator, PatternVariable,
    Pick, Result, SortColumn,
};

use super::calc::{CalcColumns, compile};
use super::relation::Relation;
use super::{Lowering, Statement};
use crate::bind::row_pattern::{MatchRecognize, Read, RowsExpr, Taken};

impl Lowering {
    pub(super) fn match_recognize(
        &mut self,
        own: &MatchRecognize,
        schema: &DFSchemaRef,
        statement: Statement,
    ) -> Result<Relation> {
        let input = self.relation(&own.input, statement)?;
        if self.graph.node(input.node).changelog == Changelog::Retract {
            return Err(Error::query("MATCH_RECOGNIZE over a query whose rows change")
                .hint("look for the pattern in the rows below the aggregation, or EMIT FINAL")
                .at(statement.place));
        }
        let by_time = input.column(&own.order).is_some_and(|column| input.times.contains(&column));
        if !by_time && !input.is_arrival(&own.order) {
            return Err(Error::query("MATCH_RECOGNIZE is not ordered by a time attribute")
                .hint("order by the column of WATERMARK FOR, or by a column AS PROCTIME()")
                .at(statement.place));
        }
        if !by_time && !own.then_by.is_empty() {
            return Err(Error::query("several columns in the ORDER BY of rows in processing time")
                .hint("rows are taken as they come: order by the column AS PROCTIME() alone")
                .at(statement.place));
        }
        let row_times: Vec<usize> = own.measures.iter().enumerate().filter_map(row_time).collect();
        if !by_time && own.measures.iter().flat_map(|own| &own.reads).any(is_row_time) {
            return Err(Error::query("MATCH_ROWTIME() of rows in processing time")
                .hint("order by the column of WATERMARK FOR, or write MATCH_PROCTIME()")
                .at(statement.place));
        }
        let relation = self.materialized(input)?;
        let real = self.real_schema(&relation)?;
        let mut columns = CalcColumns::default();
        let mut push = |expr: &datafusion_expr::Expr| {
            let data_type = compile(expr, &real)?.expr.data_type(real.as_arrow());
            let data_type = data_type.map_err(|error| Error::bug(format!("type of a column: {error}")))?;
            columns.push(expr, &real, &Field::new(expr.schema_name().to_string(), data_type, true))
        };
        let keys = own.keys.iter().map(&mut push).collect::<Result<Vec<usize>>>()?;
        let time = if by_time { Some(push(&own.order)?) } else { None };
        let then_by = own.then_by.iter().map(&mut push).collect::<Result<Vec<usize>>>()?;
        let then_by = then_by.into_iter().zip(&own.directions).map(|(column, direction)| {
            let (descending, nulls_first) = *direction;
            SortColumn { column, descending, nulls_first }
        });
        let then_by = then_by.collect();
        let args = own.args.iter().map(&mut push).collect::<Result<Vec<usize>>>()?;
        let node = self.calc(relation.node, columns);
        self.graph.node_mut(node).row_time = time;
        let node = self.owned(node, &keys, "MATCH_RECOGNIZE: rows go to the owner of their key");
        let below = self.graph.node(node).schema.clone();
        let spec = spec(own, Order { keys, time, then_by }, &args, &below);
        let spec = spec.map_err(|error| error.at(statement.place))?;
        let first = spec.keys.len();
        let node = self.graph.add(Node {
            operator: Operator::MatchRecognize(spec),
            inputs: vec![node],
            schema: Arc::new(Schema::clone(schema.as_arrow())),
            changelog: Changelog::Append,
            row_time: row_times.first().map(|measure| first + measure),
            reason: String::new(),
        });
        let times = row_times.into_iter().map(|measure| first + measure).collect();
        Ok(Relation { times, ..Relation::of(node, schema.clone()) })
    }
}

fn row_time((position, own): (usize, &RowsExpr)) -> Option<usize> {
    own.is_row_time().then_some(position)
}

fn is_row_time(read: &Read) -> bool {
    matches!(read.taken, Taken::RowTime(_))
}

/// Whose rows follow each other, and how.
struct Order {
    keys: Vec<usize>,
    time: Option<usize>,
    then_by: Vec<SortColumn>,
}

fn spec(own: &MatchRecognize, order: Order, args: &[usize], below: &Schema) -> Result<MatchSpec> {
    let rows_expr = |own: &RowsExpr| rows_expr(own, args, below);
    let variables = own.variables.iter().zip(&own.conditions).map(|(variable, condition)| {
        Ok(PatternVariable {
            name: variable.name.clone(),
            least: variable.least,
            most: variable.most,
            greedy: variable.greedy,
            condition: condition.as_ref().map(rows_expr).transpose()?,
        })
    });
    let Order { keys, time, then_by } = order;
    Ok(MatchSpec {
        keys,
        time,
        then_by,
        variables: variables.collect::<Result<_>>()?,
        measures: own.measures.iter().map(rows_expr).collect::<Result<_>>()?,
        skip: own.skip.into(),
        within: own.within,
    })
}

/// Aggregates of Millrace are not in the expression any more: what they give is read like a column.
fn refuse_user_aggregates(expr: &Expr) -> Result<()> {
    let mut name = None;
    let visited = expr.apply(|own| {
        if let Expr::AggregateFunction(call) = own {
            name = Some(call.func.name().to_string());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_err(|error| Error::bug(format!("reading a measure: {error}")))?;
    match name {
        None => Ok(()),
        Some(name) => Err(Error::query(format!("{name} in MATCH_RECOGNIZE is not supported yet"))
            .hint("user aggregates run with GROUP BY; MATCH_RECOGNIZE takes SUM, COUNT, AVG, MIN and MAX")),
    }
}

fn rows_expr(own: &RowsExpr, args: &[usize], below: &Schema) -> Result<MatchExpr> {
    refuse_user_aggregates(&own.expr)?;
    let compiled = compile(&own.expr, &own.schema)?;
    if compiled.now {
        return Err(Error::bug("the time of day in MATCH_RECOGNIZE"));
    }
    let read = |read: &Read| {
        let pick = match &read.taken {
            Taken::First(arg, after) => Pick::First { column: args[*arg], after: *after },
            Taken::Last(arg, before) => Pick::Last { column: args[*arg], before: *before },
            Taken::RowTime(arg) => Pick::Last { column: args[*arg], before: 0 },
            Taken::Aggregate(function, arg) => {
                let args: Vec<usize> = arg.iter().map(|arg| args[*arg]).collect();
                Pick::Aggregate(AggregateCall {
                    function: function.clone(),
                    arg_types: args.iter().map(|arg| below.field(*arg).data_type().clone()).collect(),
                    args,
                    constants: vec![],
                    filter: None,
                    distinct: false,
                    result_type: read.data_type.clone(),
                    name: function.clone(),
                    user: None,
                })
            }
        };
        MatchColumn { of: read.of, pick }
    };
    Ok(MatchExpr { reads: own.reads.iter().map(read).collect(), expr: compiled.expr })
}
