//! MATCH_RECOGNIZE from syntax to the node: names resolved, types settled.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_common::{Column, DFSchema, DFSchemaRef, DataFusionError};
use datafusion_expr::logical_plan::Extension;
use datafusion_expr::planner::RelationPlannerContext;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion_sql::sqlparser::ast::{self, AfterMatchSkip, RowsPerMatch, TableAlias, TableFactor};
use millrace_plan::{Error, Place, Result};

use super::pattern::{Quantified, variables};
use super::references::{Navigation, Reference, is_arrival, read_name, references};
use super::{MatchRecognize, Read, RowsExpr, Skip, Taken};
use crate::bind::rewrite::place_of;
use crate::bind::{aggregate, explain_error, now, typed};
use crate::catalog::nearest;
use crate::parse::{WITHIN, interval_ms};
use crate::types::sql_name;

/// Binds expressions to the rows of one input.
struct Scope<'a, 'b> {
    context: &'a mut (dyn RelationPlannerContext + 'b),
    input: DFSchemaRef,
    order: Expr,
    variables: Vec<String>,
    args: Vec<Expr>,
}

/// The plan of a MATCH_RECOGNIZE and its alias; `None` if `relation` is something else.
pub fn plan_match(
    relation: &TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> datafusion_common::Result<Option<(LogicalPlan, Option<TableAlias>)>> {
    let TableFactor::MatchRecognize { table, alias, .. } = relation else { return Ok(None) };
    let input = context.plan(table.as_ref().clone())?;
    match bind(relation, input, context) {
        Ok(plan) => Ok(Some((plan, alias.clone()))),
        Err(error) => Err(DataFusionError::External(Box::new(error.at(place_of(relation))))),
    }
}

fn bind(
    relation: &TableFactor,
    input: LogicalPlan,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let TableFactor::MatchRecognize {
        partition_by,
        order_by,
        measures,
        rows_per_match,
        after_match_skip,
        pattern,
        symbols,
        ..
    } = relation
    else {
        return Err(Error::bug("not a MATCH_RECOGNIZE"));
    };
    let place = place_of(relation);
    if matches!(rows_per_match, Some(RowsPerMatch::AllRows(_))) {
        return Err(Error::query("ALL ROWS PER MATCH is not supported")
            .hint("write ONE ROW PER MATCH, and measure what is needed of the rows"));
    }
    let quantified = variables(pattern, place)?;
    let schema = input.schema().clone();
    let keys = partition_by.iter().map(|key| key_column(key, &schema)).collect::<Result<Vec<_>>>()?;
    let (mut order, directions) = order_columns(order_by, &schema)?;
    let then_by = order.split_off(1);
    let order = order.swap_remove(0);
    let names: Vec<String> = quantified.iter().map(|own| own.name.clone()).collect();
    let mut scope = Scope { context, input: schema, order, variables: names, args: vec![] };
    let (conditions, within) = definitions(symbols, &mut scope)?;
    let mut bound = vec![];
    for measure in measures.iter().filter(|own| !is_arrival(&own.expr)) {
        bound.push(scope.rows_expr(&measure.expr, measure.alias.value.clone())?);
    }
    let skip = skip(after_match_skip.as_ref(), &quantified, &scope.variables)?;
    let Scope { order, args, .. } = scope;
    let node = MatchRecognize {
        input,
        order,
        then_by,
        directions,
        keys,
        args,
        variables: quantified,
        conditions,
        measures: bound,
        skip,
        within,
        schema: Arc::new(DFSchema::empty()),
    };
    if node.keys.is_empty() && measures.is_empty() {
        return Err(Error::query("MATCH_RECOGNIZE without PARTITION BY and MEASURES gives no column")
            .hint("write MEASURES x.column AS name"));
    }
    let node = node.with_schema().map_err(|error| explain_error(&error, place))?;
    with_arrivals(node, measures).map_err(|error| explain_error(&error, place))
}

/// The node; above it, where MATCH_PROCTIME() is measured, the time at which a match arrives.
fn with_arrivals(node: MatchRecognize, measures: &[ast::Measure]) -> datafusion_common::Result<LogicalPlan> {
    let keys = node.keys.len();
    let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    if !measures.iter().any(|own| is_arrival(&own.expr)) {
        return Ok(plan);
    }
    let mut columns = plan.schema().columns().into_iter().map(Expr::Column);
    let mut exprs: Vec<Expr> = columns.by_ref().take(keys).collect();
    for measure in measures {
        match (is_arrival(&measure.expr), now::now_function("proctime")) {
            (true, Some(function)) => exprs.push(function.call(vec![]).alias(&measure.alias.value)),
            _ => exprs.extend(columns.next()),
        }
    }
    LogicalPlanBuilder::from(plan).project(exprs)?.build()
}

fn named<'a>(expr: &'a ast::Expr, clause: &str) -> Result<&'a str> {
    match expr {
        ast::Expr::Identifier(name) => Ok(&name.value),
        ast::Expr::CompoundIdentifier(names) if !names.is_empty() => Ok(&names[names.len() - 1].value),
        other => Err(Error::query(format!("{clause} of MATCH_RECOGNIZE takes columns, not {other}"))
            .hint("compute it in a view or with WITH, and name that column")
            .at(place_of(expr))),
    }
}

fn column(name: &str, schema: &DFSchema, clause: &str, place: Option<Place>) -> Result<Expr> {
    match schema.iter().find(|(_, field)| field.name() == name) {
        Some((qualifier, field)) => Ok(Expr::Column(Column::from((qualifier, field.as_ref())))),
        None => {
            let unknown = Error::query(format!("{clause} names an unknown column `{name}`")).at(place);
            Err(match nearest(name, schema.fields().iter().map(|field| field.name().as_str())) {
                Some(found) => unknown.hint(format!("did you mean `{found}`?")),
                None => unknown,
            })
        }
    }
}

fn key_column(key: &ast::Expr, schema: &DFSchema) -> Result<Expr> {
    column(named(key, "PARTITION BY")?, schema, "PARTITION BY", place_of(key))
}

/// What orders rows, the time first; and for each of the others whether it descends, and whether NULL comes first.
fn order_columns(order_by: &[ast::OrderByExpr], schema: &DFSchema) -> Result<(Vec<Expr>, Vec<(bool, bool)>)> {
    let hint =
        "order first by a time attribute, ascending: the column of WATERMARK FOR, or a column AS PROCTIME()";
    let wrong =
        |what: &str| Err(Error::query(format!("{what} in the ORDER BY of MATCH_RECOGNIZE")).hint(hint));
    match order_by {
        [] => return wrong("no column"),
        [first, ..] if first.options.asc == Some(false) => return wrong("DESC"),
        _ => {}
    }
    let bound = order_by.iter().map(|own| {
        let name = named(&own.expr, "ORDER BY")?;
        column(name, schema, "ORDER BY", place_of(&own.expr))
    });
    let direction = |own: &ast::OrderByExpr| {
        let descending = own.options.asc == Some(false);
        (descending, own.options.nulls_first.unwrap_or(!descending))
    };
    Ok((bound.collect::<Result<_>>()?, order_by.iter().skip(1).map(direction).collect()))
}

/// The condition of each variable, and WITHIN.
fn definitions(
    symbols: &[ast::SymbolDefinition],
    scope: &mut Scope,
) -> Result<(Vec<Option<RowsExpr>>, Option<i64>)> {
    let mut conditions = vec![None; scope.variables.len()];
    let mut within = None;
    for own in symbols {
        let (name, place) = (&own.symbol.value, place_of(&own.definition));
        if name == WITHIN {
            within = Some(interval_ms(&own.definition)?);
            if within.is_some_and(|length| length <= 0) {
                return Err(Error::query("WITHIN must be longer than 0").at(place));
            }
            continue;
        }
        let Some(variable) = scope.variables.iter().position(|own| own == name) else {
            return Err(Error::query(format!("DEFINE names `{name}`, which is not in PATTERN"))
                .hint(format!("the variables are {}", scope.variables.join(", ")))
                .at(place));
        };
        if conditions[variable].is_some() {
            return Err(Error::query(format!("DEFINE names `{name}` twice")).at(place));
        }
        let condition = scope.rows_expr(&own.definition, name.clone())?;
        let data_type = condition.expr.get_type(&condition.schema);
        let data_type = data_type.map_err(|error| explain_error(&error, place))?;
        if data_type != DataType::Boolean {
            return Err(Error::query(format!(
                "the condition of `{name}` in DEFINE is {}, not BOOLEAN",
                sql_name(&data_type)
            ))
            .at(place));
        }
        conditions[variable] = Some(condition);
    }
    Ok((conditions, within))
}

fn skip(own: Option<&AfterMatchSkip>, pattern: &[Quantified], names: &[String]) -> Result<Skip> {
    let find = |name: &ast::Ident| {
        let found = names.iter().position(|own| *own == name.value);
        found.ok_or_else(|| {
            Error::query(format!("AFTER MATCH SKIP names `{}`, which is not in PATTERN", name.value))
                .hint(format!("the variables are {}", names.join(", ")))
        })
    };
    // The first row of a match is always of its first variable.
    let endless = |variable: usize, last: bool| {
        let own = &pattern[variable];
        let first = variable == 0 && own.least > 0 && (!last || own.most == Some(1));
        match first {
            false => Ok(variable),
            true => Err(Error::query(format!(
                "AFTER MATCH SKIP TO {} {}: that is the first row of the match, which would be found again and again",
                if last { "LAST" } else { "FIRST" },
                own.name
            ))
            .hint("write AFTER MATCH SKIP TO NEXT ROW")),
        }
    };
    Ok(match own {
        None | Some(AfterMatchSkip::ToNextRow) => Skip::NextRow,
        Some(AfterMatchSkip::PastLastRow) => Skip::PastLastRow,
        Some(AfterMatchSkip::ToFirst(name)) => Skip::First(endless(find(name)?, false)?),
        Some(AfterMatchSkip::ToLast(name)) => Skip::Last(endless(find(name)?, true)?),
    })
}

impl Scope<'_, '_> {
    /// An expression over rows of a match.
    fn rows_expr(&mut self, expr: &ast::Expr, name: String) -> Result<RowsExpr> {
        let place = place_of(expr);
        let mut expr = expr.clone();
        let found = references(&mut expr, &self.variables)?;
        let reads = found.iter().map(|own| self.read(own)).collect::<Result<Vec<Read>>>()?;
        let fields = reads.iter().enumerate().map(|(position, own)| {
            (None, Arc::new(Field::new(read_name(position), own.data_type.clone(), true)))
        });
        let schema = DFSchema::new_with_metadata(fields.collect(), Default::default());
        let schema = schema.map_err(|error| explain_error(&error, place))?;
        let expr = self.context.sql_to_expr(expr, &schema).and_then(|expr| typed(expr, &schema));
        let expr = expr.map_err(|error| explain_error(&error, place))?;
        if expr.is_volatile() {
            return Err(Error::query(
                "the time of day or a random value in MATCH_RECOGNIZE is not supported",
            )
            .hint("compute it in the query below or above")
            .at(place));
        }
        Ok(RowsExpr { name, reads, schema: Arc::new(schema), expr })
    }

    fn read(&mut self, own: &Reference) -> Result<Read> {
        let (arg, arg_type) = match (&own.arg, own.navigation) {
            (Some(arg), _) => self.arg(arg, own.place)?,
            (None, Navigation::RowTime) => self.known(self.order.clone(), own.place)?,
            (None, _) => (0, DataType::Null),
        };
        let (taken, data_type) = match own.navigation {
            Navigation::First(after) => (Taken::First(arg, after), arg_type),
            Navigation::Last(before) => (Taken::Last(arg, before), arg_type),
            Navigation::RowTime => (Taken::RowTime(arg), arg_type),
            Navigation::Aggregate(name) => {
                let types: Vec<DataType> = own.arg.iter().map(|_| arg_type.clone()).collect();
                let function = aggregate::aggregate(name);
                let function = function.ok_or_else(|| Error::bug(format!("lost the aggregate {name}")))?;
                let data_type = function.return_type(&types);
                let data_type = data_type.map_err(|error| explain_error(&error, own.place))?;
                (Taken::Aggregate(name.to_string(), own.arg.as_ref().map(|_| arg)), data_type)
            }
        };
        Ok(Read { of: own.of, taken, data_type })
    }

    /// The argument that an expression over one row is, and its type.
    fn arg(&mut self, expr: &ast::Expr, place: Option<Place>) -> Result<(usize, DataType)> {
        let input = self.input.clone();
        let expr = self.context.sql_to_expr(expr.clone(), &input).and_then(|expr| typed(expr, &input));
        self.known(expr.map_err(|error| explain_error(&error, place))?, place)
    }

    fn known(&mut self, expr: Expr, place: Option<Place>) -> Result<(usize, DataType)> {
        let data_type = expr.get_type(&self.input).map_err(|error| explain_error(&error, place))?;
        let position = self.args.iter().position(|own| *own == expr).unwrap_or_else(|| {
            self.args.push(expr);
            self.args.len() - 1
        });
        Ok((position, data_type))
    }
}
