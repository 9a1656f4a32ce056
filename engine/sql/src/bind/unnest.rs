//! `UNNEST` in FROM: the elements of an array or a map as rows, beside the row they come from.
//!
//! The planner makes `t CROSS JOIN UNNEST(t.a)` a join with a subquery that refers to `t`. That becomes one node over
//! `t`, which needs no join.

use std::cmp::Ordering;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, DFSchemaRef, DataFusionError, Result, ScalarValue, TableReference};
use datafusion_expr::logical_plan::{Extension, UserDefinedLogicalNodeCore};
use datafusion_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion_expr::{Expr, ExprSchemable, Join, JoinType, LogicalPlan, LogicalPlanBuilder};
use datafusion_sql::sqlparser::ast::{self, FunctionArg, FunctionArgExpr, TableFactor};
use millrace_plan::Error;

use super::rewrite::{call, place_of};
use crate::types::sql_name;

/// The columns of an element: names and types; the ordinality is the last.
type Elements = Vec<(Option<TableReference>, FieldRef)>;

/// Each row of the input once for each element; without an input, the elements alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unnest {
    /// The rows.
    pub input: Option<LogicalPlan>,
    /// The array or map.
    pub expr: Expr,
    /// A row without elements leaves once, with NULLs.
    pub outer: bool,
    /// Elements are counted, from 1.
    pub ordinality: bool,
    elements: Elements,
    schema: DFSchemaRef,
}

/// The types of the columns that the elements of an array or map become.
fn element_columns(nested: &DataType) -> Option<Vec<(String, DataType)>> {
    match nested {
        DataType::List(item) => match item.data_type() {
            DataType::Struct(fields) => {
                Some(fields.iter().map(|own| (own.name().clone(), own.data_type().clone())).collect())
            }
            other => Some(vec![("EXPR$0".into(), other.clone())]),
        },
        DataType::Map(entry, _) => match entry.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                let names = ["KEY", "VALUE"].into_iter().zip(fields);
                Some(names.map(|(name, own)| (name.to_string(), own.data_type().clone())).collect())
            }
            _ => None,
        },
        _ => None,
    }
}

impl Unnest {
    /// `elements` give names and qualifiers; their types are those of `expr` over `input`.
    fn try_new(input: Option<LogicalPlan>, expr: Expr, like: &Unnest) -> Result<Unnest> {
        let nothing = DFSchema::empty();
        let below = input.as_ref().map_or(&nothing, |input| input.schema().as_ref());
        let columns = element_columns(&expr.get_type(below)?).unwrap_or_default();
        let mut elements = like.elements.clone();
        for ((_, field), (_, data_type)) in elements.iter_mut().zip(columns) {
            *field = Arc::new(field.as_ref().clone().with_data_type(data_type));
        }
        let own = below.iter().map(|(qualifier, field)| (qualifier.cloned(), field.clone()));
        let schema =
            DFSchema::new_with_metadata(own.chain(elements.iter().cloned()).collect(), Default::default())?;
        let (outer, ordinality) = (like.outer, like.ordinality);
        Ok(Unnest { input, expr, outer, ordinality, elements, schema: Arc::new(schema) })
    }

    /// The elements of `expr`, which may refer to a row that is not known yet.
    fn alone(expr: Expr, columns: Vec<(String, DataType)>, ordinality: bool) -> Result<Unnest> {
        let counted = ordinality.then(|| ("ORDINALITY".to_string(), DataType::Int32));
        let fields = columns.into_iter().chain(counted);
        let elements: Elements =
            fields.map(|(name, own)| (None, Arc::new(Field::new(name, own, true)))).collect();
        let schema = Arc::new(DFSchema::new_with_metadata(elements.clone(), Default::default())?);
        Ok(Unnest { input: None, expr, outer: false, ordinality, elements, schema })
    }

    /// Columns of an element, with the ordinality.
    pub fn width(&self) -> usize {
        self.elements.len()
    }

    fn plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }
}

impl PartialOrd for Unnest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Unnest {
    fn name(&self) -> &str {
        "UNNEST"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        self.input.iter().collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.expr.clone()]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "UNNEST: {}", self.expr)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let expr = exprs.pop().unwrap_or_else(|| self.expr.clone());
        Unnest::try_new(inputs.pop(), expr, self)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let below = self.input.as_ref()?.schema();
        let width = below.fields().len();
        let mut needed: Vec<usize> = output_columns.iter().copied().filter(|own| *own < width).collect();
        needed.extend(self.expr.column_refs().iter().filter_map(|own| below.maybe_index_of_column(own)));
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}

/// `UNNEST(...)`, which the parser takes for a table with arguments.
pub fn as_unnest(factor: &TableFactor) -> Option<TableFactor> {
    let TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } = factor else {
        return None;
    };
    let named = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(as_calls(expr.clone())),
        _ => None,
    };
    let array_exprs: Vec<ast::Expr> = args.args.iter().filter_map(named).collect();
    let is_unnest = name.to_string().eq_ignore_ascii_case("UNNEST") && array_exprs.len() == args.args.len();
    is_unnest.then(|| TableFactor::UNNEST {
        alias: alias.clone(),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: *with_ordinality,
    })
}

/// `ARRAY[...]` as calls of the function: within the brackets the planner knows no columns of other tables.
fn as_calls(mut expr: ast::Expr) -> ast::Expr {
    let _ = ast::visit_expressions_mut(&mut expr, |own| {
        if let ast::Expr::Array(array) = own {
            *own = call("array", std::mem::take(&mut array.elem));
        }
        ControlFlow::<()>::Continue(())
    });
    expr
}

/// Plans what [`as_unnest`] makes.
#[derive(Debug)]
pub struct Unnesting;

impl RelationPlanner for Unnesting {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } = &relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let [array] = array_exprs.as_slice() else {
            return Err(external(Error::query("UNNEST takes one ARRAY or MAP").at(place_of(&relation))));
        };
        let expr = context.sql_to_expr(array.clone(), &DFSchema::empty())?;
        let nested = expr.get_type(&DFSchema::empty())?;
        let columns = element_columns(&nested).ok_or_else(|| {
            let wrong = Error::query(format!("UNNEST takes an ARRAY or a MAP, not {}", sql_name(&nested)));
            external(wrong.at(place_of(array)))
        })?;
        let plan = Unnest::alone(expr, columns, *with_ordinality)?.plan();
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Every join with elements of its own left rows as a node over those rows.
pub fn correlate(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|plan| match &plan {
        LogicalPlan::Join(join) => match elements(&join.right) {
            Some(unnest) => beside(join, unnest).map(Transformed::yes),
            None => Ok(Transformed::no(plan)),
        },
        _ => Ok(Transformed::no(plan)),
    });
    Ok(rewritten?.data)
}

/// The UNNEST that a side of a join is, under names of its own.
fn elements(plan: &LogicalPlan) -> Option<&Unnest> {
    let is_column = |expr: &Expr| matches!(expr.clone().unalias(), Expr::Column(_));
    match plan {
        LogicalPlan::SubqueryAlias(alias) => elements(&alias.input),
        LogicalPlan::Subquery(subquery) => elements(&subquery.subquery),
        LogicalPlan::Projection(own) if own.expr.iter().all(is_column) => elements(&own.input),
        LogicalPlan::Extension(Extension { node }) => {
            node.as_any().downcast_ref::<Unnest>().filter(|own| own.input.is_none())
        }
        _ => None,
    }
}

fn beside(join: &Join, unnest: &Unnest) -> Result<LogicalPlan> {
    let is_true = |own: &Expr| matches!(own, Expr::Literal(ScalarValue::Boolean(Some(true)), _));
    let condition = join.filter.clone().filter(|own| !is_true(own));
    let outer = match (join.join_type, &condition, join.on.is_empty()) {
        (JoinType::Inner, _, true) => false,
        (JoinType::Left, None, true) => true,
        _ => {
            let wrong = Error::query("this kind of JOIN with UNNEST is not supported");
            return Err(external(
                wrong.hint("write CROSS JOIN UNNEST(...), or LEFT JOIN UNNEST(...) ON TRUE"),
            ));
        }
    };
    let named = join.right.schema().iter();
    let elements = named
        .map(|(qualifier, field)| (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(true))));
    let like = Unnest { outer, elements: elements.collect(), ..unnest.clone() };
    let expr = unnest.expr.clone().transform_up(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
        other => Ok(Transformed::no(other)),
    })?;
    let plan = Unnest::try_new(Some(join.left.as_ref().clone()), expr.data, &like)?.plan();
    match condition {
        None => Ok(plan),
        Some(condition) => LogicalPlanBuilder::from(plan).filter(condition)?.build(),
    }
}
