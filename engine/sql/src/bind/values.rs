//! `VALUES`: rows in the query. A column has the type that its values have in common, and each value is cast to it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_common::{DFSchema, DataFusionError, Result};
use datafusion_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, Values};
use datafusion_sql::sqlparser::ast::{self, Query, SetExpr, TableAlias, TableFactor};
use millrace_plan::Error;

use super::numeric::{cast_as_flink, retype_expr};
use super::rewrite::place_of;
use crate::function::common_type;

/// `(VALUES ...) AS alias` in FROM.
pub fn table_factor(values: ast::Values, alias: Option<TableAlias>) -> TableFactor {
    let subquery = Box::new(query_of(SetExpr::Values(values)));
    TableFactor::Derived { lateral: false, subquery, alias, sample: None }
}

/// The query that is nothing but `body`.
pub fn query_of(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// Plans what [`table_factor`] makes.
#[derive(Debug)]
pub struct RowLists;

impl RelationPlanner for RowLists {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        match &relation {
            TableFactor::Derived { subquery, alias, .. } => match subquery.body.as_ref() {
                SetExpr::Values(values) => {
                    let plan = LogicalPlan::Values(rows(values, context)?);
                    Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias.clone()))))
                }
                _ => Ok(RelationPlanning::Original(Box::new(relation))),
            },
            _ => Ok(RelationPlanning::Original(Box::new(relation))),
        }
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn rows(values: &ast::Values, context: &mut dyn RelationPlannerContext) -> Result<Values> {
    let nothing = DFSchema::empty();
    let width = values.rows.first().map_or(0, |row| row.content.len());
    let mut rows: Vec<Vec<Expr>> = vec![];
    let mut types = vec![DataType::Null; width];
    let mut nullable = vec![false; width];
    for (number, row) in values.rows.iter().enumerate() {
        if row.content.len() != width || width == 0 {
            let found = row.content.len();
            let wrong =
                Error::query(format!("row {} of VALUES has {found} values, the first {width}", number + 1));
            let place = row.content.first().and_then(place_of);
            return Err(external(wrong.hint("give every row the same number of values").at(place)));
        }
        let mut cells = vec![];
        for (column, cell) in row.content.iter().enumerate() {
            let expr = retype_expr(context.sql_to_expr(cell.clone(), &nothing)?, &nothing)?.data;
            let own = expr.get_type(&nothing)?;
            types[column] = common_type(&[types[column].clone(), own]).map_err(|cause| {
                let wrong = Error::query(format!("column {} of VALUES: {cause}", column + 1));
                external(wrong.hint("write CAST(... AS ...) in one of the rows").at(place_of(cell)))
            })?;
            nullable[column] |= expr.nullable(&nothing)?;
            cells.push(expr);
        }
        rows.push(cells);
    }
    for row in &mut rows {
        for (cell, data_type) in row.iter_mut().zip(&types) {
            *cell = cast_as_flink(std::mem::take(cell), data_type, false, &nothing)?;
        }
    }
    let fields = types.into_iter().zip(nullable).enumerate().map(|(column, (data_type, nullable))| {
        (None, Arc::new(Field::new(format!("EXPR${column}"), data_type, nullable)))
    });
    let schema = DFSchema::new_with_metadata(fields.collect(), Default::default())?;
    Ok(Values { schema: Arc::new(schema), values: rows })
}
