//! INTERSECT ALL and EXCEPT ALL: how often a row is on either side decides how often it leaves.
//!
//! The planner makes semi joins of them, which lose the numbers. So they are rewritten as a table function before
//! names are resolved, and planned as rows of both sides, counted by GROUP BY and repeated.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::{Column, DFSchema, DFSchemaRef, DataFusionError, Result};
use datafusion_expr::logical_plan::{Extension, UserDefinedLogicalNodeCore};
use datafusion_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};
use datafusion_sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, SetExpr, SetOperator,
    SetQuantifier, TableFactor,
};
use millrace_plan::Error;

use super::rewrite::{call, select_all};
use super::values::query_of;

const INTERSECT_ALL: &str = "$INTERSECT_ALL";
const EXCEPT_ALL: &str = "$EXCEPT_ALL";

/// Rewrites `a INTERSECT ALL b` and `a EXCEPT ALL b`, and those within.
pub fn counted(body: &mut SetExpr) -> millrace_plan::Result<()> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    counted(left)?;
    counted(right)?;
    let name = match (op, set_quantifier) {
        (SetOperator::Intersect, SetQuantifier::All) => INTERSECT_ALL,
        (SetOperator::Except, SetQuantifier::All) => EXCEPT_ALL,
        _ => return Ok(()),
    };
    let expr = call(name, [left, right].map(|side| as_query((**side).clone())).into());
    *body = *select_all(TableFactor::TableFunction { expr, alias: None }, None)?.body;
    Ok(())
}

/// `(SELECT ...)` as an argument.
fn as_query(body: SetExpr) -> SqlExpr {
    match body {
        SetExpr::Query(query) => SqlExpr::Subquery(query),
        body => SqlExpr::Subquery(Box::new(query_of(body))),
    }
}

/// Plans what [`counted`] makes.
#[derive(Debug)]
pub struct CountedSets;

impl RelationPlanner for CountedSets {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some((op, sides)) = operands(&relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let [left, right] = sides.map(|subquery| {
            context.plan(TableFactor::Derived { lateral: false, subquery, alias: None, sample: None })
        });
        let plan = plan(left?, right?, op)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, None))))
    }
}

/// The set operation that a table function stands for, and its sides.
fn operands(relation: &TableFactor) -> Option<(SetOperator, [Box<Query>; 2])> {
    let TableFactor::TableFunction { expr: SqlExpr::Function(function), .. } = relation else { return None };
    let op = match function.name.to_string().as_str() {
        INTERSECT_ALL => SetOperator::Intersect,
        EXCEPT_ALL => SetOperator::Except,
        _ => return None,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    let query = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Subquery(query))) => Some(query.clone()),
        _ => None,
    };
    match list.args.as_slice() {
        [left, right] => Some((op, [query(left)?, query(right)?])),
        _ => None,
    }
}

/// Each row as often as the sides' numbers of it say.
fn plan(left: LogicalPlan, right: LogicalPlan, op: SetOperator) -> Result<LogicalPlan> {
    let width = left.schema().fields().len();
    if right.schema().fields().len() != width {
        let sides = format!("{width} columns and {}", right.schema().fields().len());
        return Err(external(
            Error::query(format!("{op} ALL of queries with {sides}"))
                .hint("let both sides select as many columns"),
        ));
    }
    let names: Vec<String> = left.schema().fields().iter().map(|field| field.name().clone()).collect();
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let keys: Vec<String> = (0..width).map(|at| format!("__column{at}")).collect();
    let (here, there) = ("__left", "__right");
    let rows = counting(left, &keys, [(here, 1), (there, 0)])?;
    let rows = rows.union(counting(right, &keys, [(here, 0), (there, 1)])?.build()?)?;
    let sum = super::aggregate::aggregate("sum").ok_or_else(|| external(Error::bug("SUM is missing")))?;
    let total = |name: &str| sum.call(vec![column(name)]).alias(format!("{name}_rows"));
    let sums = vec![total(here), total(there)];
    let counted = rows.aggregate(keys.iter().map(|key| column(key)), sums)?.build()?;
    let (here, there) = (column("__left_rows"), column("__right_rows"));
    let count = match op {
        SetOperator::Intersect => when(here.clone().lt(there.clone()), here).otherwise(there)?,
        _ => here - there,
    };
    let named = LogicalPlan::Extension(Extension { node: Arc::new(Repeat::try_new(counted, count, width)?) });
    let selected = keys.iter().zip(&names).map(|(key, name)| column(key).alias(name));
    LogicalPlanBuilder::from(named).project(selected.collect::<Vec<_>>())?.build()
}

/// The rows of a side under these names, and what each counts for.
fn counting(side: LogicalPlan, names: &[String], counts: [(&str, i64); 2]) -> Result<LogicalPlanBuilder> {
    let columns = side.schema().columns().into_iter().zip(names);
    let columns = columns.map(|(column, name)| Expr::Column(column).alias(name));
    let counts = counts.map(|(name, count)| lit(count).alias(name));
    let selected: Vec<Expr> = columns.chain(counts).collect();
    LogicalPlanBuilder::from(side).project(selected)
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The first columns of its input, each row as often as a number says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repeat {
    /// The rows.
    pub input: LogicalPlan,
    /// How often; BIGINT.
    pub count: Expr,
    columns: usize,
    schema: DFSchemaRef,
}

impl Repeat {
    fn try_new(input: LogicalPlan, count: Expr, columns: usize) -> Result<Repeat> {
        let fields = input.schema().iter().take(columns);
        let fields: Vec<(_, FieldRef)> =
            fields.map(|(qualifier, field)| (qualifier.cloned(), field.clone())).collect();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
        Ok(Repeat { input, count, columns, schema })
    }
}

impl PartialOrd for Repeat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Repeat {
    fn name(&self) -> &str {
        "Repeat"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.count.clone()]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Repeat: {}", self.count)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let count = exprs.pop().unwrap_or_else(|| self.count.clone());
        Repeat::try_new(inputs.pop().unwrap_or_else(|| self.input.clone()), count, self.columns)
    }
}
