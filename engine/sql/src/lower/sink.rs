//! INSERT INTO as a node: the query's columns as the sink declares them.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_common::Column;
use datafusion_common::ScalarValue;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{Expr, LogicalPlan, lit};
use millrace_plan::{EmitMode, Error, Exchange, Operator, Place as TextPlace, Result, TableDef};

use super::Lowering;
use super::calc::{CalcColumns, compile};
use super::relation::Relation;
use crate::bind::{explain_error, numeric};
use crate::parse::StateTtl;
use crate::types::{Length, sql_name};

/// One statement to lower: a query and where its rows go.
#[derive(Debug, Clone)]
pub struct Insert {
    /// The analysed and simplified query.
    pub query: LogicalPlan,
    /// The sink.
    pub table: Arc<TableDef>,
    /// For each column of the sink, the query's column that fills it; `None` = NULL.
    pub columns: Vec<Option<usize>>,
    /// What the sink's columns demand of values.
    pub demands: Demands,
    /// EMIT CHANGES / EMIT FINAL.
    pub emit: Option<EmitMode>,
    /// Its STATE_TTL hints.
    pub ttls: Vec<StateTtl>,
    /// Where the statement begins.
    pub place: Option<TextPlace>,
}

/// What a sink's columns demand of values, beside their types.
#[derive(Debug, Clone, Default)]
pub struct Demands {
    /// For each column, the length to which values are cut and padded; none at all if lengths are not enforced.
    pub lengths: Vec<Option<Length>>,
    /// A row with NULL for a NOT NULL column is left out; else it is a bad row.
    pub drops_nulls: bool,
}

/// Which query column fills each sink column. `named`: the columns listed after the sink's name.
pub fn check_columns(
    table: &TableDef,
    named: &[String],
    query: &LogicalPlan,
    place: Option<TextPlace>,
) -> Result<Vec<Option<usize>>> {
    let fields = table.schema.fields();
    let targets: Vec<usize> = match named.is_empty() {
        true => (0..fields.len()).collect(),
        false => {
            let find = |name: &String| {
                fields.iter().position(|field| field.name() == name).ok_or_else(|| {
                    let unknown = Error::query(format!("`{}` has no column `{name}`", table.name)).at(place);
                    match crate::catalog::nearest(name, fields.iter().map(|field| field.name().as_str())) {
                        Some(found) => unknown.hint(format!("did you mean `{found}`?")),
                        None => unknown,
                    }
                })
            };
            named.iter().map(find).collect::<Result<_>>()?
        }
    };
    let given = query.schema().fields();
    if given.len() != targets.len() {
        let list = |fields: &mut dyn Iterator<Item = &Field>| {
            let shown = fields.map(|field| format!("{} {}", field.name(), sql_name(field.data_type())));
            shown.collect::<Vec<_>>().join(", ")
        };
        return Err(Error::query(format!(
            "the query has {} columns, but `{}` takes {}",
            given.len(),
            table.name,
            targets.len()
        ))
        .hint(format!(
            "query: [{}]; sink: [{}]",
            list(&mut given.iter().map(AsRef::as_ref)),
            list(&mut targets.iter().map(|target| fields[*target].as_ref()))
        ))
        .at(place));
    }
    let mut columns = vec![None; fields.len()];
    for (position, target) in targets.iter().enumerate() {
        let (from, to) = (given[position].data_type(), fields[*target].data_type());
        if !numeric::implicitly_castable(from, to) {
            return Err(Error::query(format!(
                "column `{}` of `{}` is {}, but the query gives {}",
                fields[*target].name(),
                table.name,
                sql_name(to),
                sql_name(from)
            ))
            .hint(format!("write CAST(... AS {})", sql_name(to)))
            .at(place));
        }
        columns[*target] = Some(position);
    }
    check_filled(table, &columns, place)?;
    Ok(columns)
}

/// Fails if a NOT NULL column would always be NULL.
fn check_filled(table: &TableDef, columns: &[Option<usize>], place: Option<TextPlace>) -> Result<()> {
    let mut filled = table.schema.fields().iter().zip(columns);
    match filled.find(|(field, source)| source.is_none() && !field.is_nullable()) {
        None => Ok(()),
        Some((field, _)) => {
            let cause =
                format!("column `{}` of `{}` is NOT NULL, and nothing fills it", field.name(), table.name);
            Err(Error::query(cause).hint("name it in the column list of INSERT INTO").at(place))
        }
    }
}

impl Lowering {
    pub(super) fn sink(&mut self, relation: Relation, insert: Insert) -> Result<()> {
        let relation = self.materialized(relation)?;
        let real = self.real_schema(&relation)?;
        let mut columns = CalcColumns::default();
        let mut kept: Option<Expr> = None;
        for (target, (field, source)) in insert.table.schema.fields().iter().zip(&insert.columns).enumerate()
        {
            let (expr, nullable) = match source {
                Some(position) => {
                    let (qualifier, own) = relation.schema.qualified_field(*position);
                    (Expr::Column(Column::from((qualifier, own.as_ref()))), own.is_nullable())
                }
                None => (lit(ScalarValue::Null), false),
            };
            let mut expr = numeric::cast_as_flink(expr, field.data_type(), false, &real)
                .map_err(|error| explain_error(&error, insert.place))?;
            if let Some(Some(length)) = insert.demands.lengths.get(target) {
                expr = numeric::with_length(expr, *length);
            }
            if !field.is_nullable() && nullable && insert.demands.drops_nulls {
                let there = expr.clone().is_not_null();
                kept = Some(kept.map_or(there.clone(), |kept| kept.and(there)));
            } else if !field.is_nullable() && nullable {
                let not_null = crate::function::not_null_udf(field.name());
                expr = Expr::ScalarFunction(ScalarFunction::new_udf(not_null, vec![expr]));
            }
            let compiled = compile(&expr, &real)?;
            columns.append(compiled.expr, Field::new(field.name(), field.data_type().clone(), true));
        }
        let mut node = match kept {
            None => self.calc(relation.node, columns),
            Some(kept) => {
                let filter = Some(compile(&kept, &real)?.expr);
                let schema = Arc::new(Schema::new(columns.fields));
                let operator = Operator::Calc { filter, exprs: columns.exprs, now: false };
                self.graph.add_after(relation.node, operator, schema, None)
            }
        };
        if self.strategy.ordered && self.strategy.shards > 1 {
            node = self.graph.exchange(node, Exchange::Gather, "--ordered: rows are sorted in one place");
        }
        let schema = Arc::new(Schema::clone(&self.graph.node(node).schema));
        self.graph.add_after(node, Operator::Sink { table: insert.table }, schema, None);
        Ok(())
    }
}
