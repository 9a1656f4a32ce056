//! What DataFusion's planner may see: tables, views, functions, types, and Flink's syntax.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::TreeNode;
use datafusion_common::{DataFusionError, Result, TableReference, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::logical_plan::Extension;
use datafusion_expr::planner::{
    ContextProvider, ExprPlanner, PlannedRelation, PlannerResult, RawAggregateExpr, RawWindowExpr,
    RelationPlanner, RelationPlannerContext, RelationPlanning, TypePlanner,
};
use datafusion_expr::{
    AggregateUDF, Expr, ExprSchemable, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF, lit,
};
use datafusion_sql::sqlparser::ast::{self, TableFactor};
use millrace_plan::{Changelog, Error, TableDef, UserFunction, WindowSpec};

use super::unnest::Unnesting;
use super::values::RowLists;
use super::window::{WindowAssign, Windows};
use super::{aggregate, now, numeric, over, row_pattern, set_operation, temporal, user};
use crate::catalog::nearest;
use crate::parse::{WindowCall, WindowKind, window_call};
use crate::types::Length;

/// A declared column and where its values come from.
#[derive(Debug, Clone)]
pub enum DeclaredColumn {
    /// Position among the table's physical and metadata columns, as in `plan::Operator::Source`.
    Stored(usize),
    /// An expression over the stored columns.
    Computed(Expr),
}

impl DeclaredColumn {
    /// True if the column is PROCTIME().
    pub fn is_processing_time(&self) -> bool {
        match self {
            DeclaredColumn::Computed(Expr::ScalarFunction(call)) => call.func.name() == "proctime",
            _ => false,
        }
    }
}

/// What a table declares of its watermark.
#[derive(Debug, Clone)]
pub enum DeclaredWatermark {
    /// An expression over the columns.
    Expr(Expr),
    /// SOURCE_WATERMARK(): what the source promises.
    Source,
}

/// A declared table.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What its connector sees.
    pub def: Arc<TableDef>,
    /// For each column of `def`'s schema, the length that its type demands.
    pub lengths: Vec<Option<Length>>,
    /// All columns, computed ones too, in declared order.
    pub schema: SchemaRef,
    /// Where each column of `schema` comes from.
    pub columns: Vec<DeclaredColumn>,
    /// The row kinds that it sends when it is read.
    pub changelog: Changelog,
    /// The row-time column (position in `schema`) and its watermark.
    pub watermark: Option<(usize, DeclaredWatermark)>,
    /// Where it was declared.
    pub place: Option<millrace_plan::Place>,
}

/// The tables and views declared so far.
#[derive(Debug, Default)]
pub struct Tables {
    /// Tables by name.
    pub tables: BTreeMap<String, Arc<Declared>>,
    /// Views by name: their analysed plans.
    pub views: BTreeMap<String, LogicalPlan>,
    /// User functions by name, in small letters.
    pub functions: BTreeMap<String, UserFunction>,
}

impl Tables {
    /// True if a table or view has this name.
    pub fn contains(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.views.contains_key(name)
    }

    /// The names of all tables and views.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().chain(self.views.keys()).map(String::as_str)
    }
}

/// A declared table as DataFusion's planner sees it.
pub struct DeclaredTable(pub Arc<Declared>);

impl TableSource for DeclaredTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }
}

struct View {
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl TableSource for View {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// DataFusion's view of the session.
pub struct Context<'a> {
    tables: &'a Tables,
    options: ConfigOptions,
    expr_planners: Vec<Arc<dyn ExprPlanner>>,
    relation_planners: Vec<Arc<dyn RelationPlanner>>,
}

impl<'a> Context<'a> {
    pub fn new(tables: &'a Tables) -> Self {
        Context {
            tables,
            options: ConfigOptions::default(),
            expr_planners: vec![Arc::new(FlinkSyntax)],
            relation_planners: vec![
                Arc::new(set_operation::CountedSets),
                Arc::new(WindowFunctions),
                Arc::new(RowLists),
                Arc::new(Unnesting),
                Arc::new(temporal::SystemTimes),
            ],
        }
    }
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let table = name.table();
        if let Some(declared) = self.tables.tables.get(table) {
            return Ok(Arc::new(DeclaredTable(declared.clone())));
        }
        if let Some(plan) = self.tables.views.get(table) {
            let schema = Arc::new(Schema::clone(plan.schema().as_arrow()));
            return Ok(Arc::new(View { schema, plan: plan.clone() }));
        }
        let unknown = Error::query(format!("unknown table `{table}`"));
        let error = match nearest(table, self.tables.names()) {
            Some(found) => unknown.hint(format!("did you mean `{found}`?")),
            None => unknown.hint("declare it first with CREATE TABLE"),
        };
        Err(DataFusionError::External(Box::new(error)))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.expr_planners
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relation_planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(FlinkTypeNames))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        let built_in = now::now_function(name).or_else(|| crate::function::scalar(name));
        built_in.or_else(|| user::scalar(self.tables, name))
    }

    fn get_higher_order_meta(&self, _: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        aggregate::aggregate(name).or_else(|| user::aggregate(self.tables, name))
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        over::over_function(name)
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        super::function_names().map(str::to_string).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        vec![]
    }

    fn udaf_names(&self) -> Vec<String> {
        aggregate::AGGREGATES.iter().map(|entry| entry.name.to_string()).collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        over::OVER_FUNCTIONS.iter().map(|(name, ..)| name.to_string()).collect()
    }
}

/// Special syntax as calls of functions from our table.
#[derive(Debug)]
struct FlinkSyntax;

fn call(name: &str, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
    match crate::function::scalar(name) {
        Some(udf) => Ok(PlannerResult::Planned(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)))),
        None => Ok(PlannerResult::Original(args)),
    }
}

impl ExprPlanner for FlinkSyntax {
    fn plan_position(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        call("position", args)
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        call("extract", args)
    }

    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        call("substring", args)
    }

    fn plan_overlay(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        call("overlay", args)
    }

    fn plan_array_literal(
        &self,
        exprs: Vec<Expr>,
        _: &datafusion_common::DFSchema,
    ) -> Result<PlannerResult<Vec<Expr>>> {
        call("array", exprs)
    }

    fn plan_make_map(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        call("map", args)
    }

    fn plan_field_access(
        &self,
        expr: datafusion_expr::planner::RawFieldAccessExpr,
        schema: &datafusion_common::DFSchema,
    ) -> Result<PlannerResult<datafusion_expr::planner::RawFieldAccessExpr>> {
        use datafusion_expr::GetFieldAccess;
        let planned = match &expr.field_access {
            GetFieldAccess::NamedStructField { name } => {
                let is_map = matches!(expr.expr.get_type(schema), Ok(DataType::Map(..)));
                let function = if is_map { "item" } else { "get_field" };
                call(function, vec![expr.expr.clone(), lit(name.clone())])?
            }
            GetFieldAccess::ListIndex { key } => call("item", vec![expr.expr.clone(), key.as_ref().clone()])?,
            GetFieldAccess::ListRange { .. } => return Ok(PlannerResult::Original(expr)),
        };
        Ok(match planned {
            PlannerResult::Planned(planned) => PlannerResult::Planned(planned),
            PlannerResult::Original(_) => PlannerResult::Original(expr),
        })
    }

    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let column = Expr::Column(datafusion_common::Column::from((qualifier, field)));
        let mut value = column;
        for name in nested_names {
            let Some(udf) = crate::function::scalar("get_field") else {
                return plan_err!("access to the fields of a ROW is not available");
            };
            value = Expr::ScalarFunction(ScalarFunction::new_udf(udf, vec![value, lit(name.clone())]));
        }
        Ok(PlannerResult::Planned(value))
    }

    /// `COUNT(*)` counts a constant that is never null.
    fn plan_aggregate(&self, mut expr: RawAggregateExpr) -> Result<PlannerResult<RawAggregateExpr>> {
        expr.args = counted(expr.func.name(), expr.args)?;
        expr.args = expr.args.into_iter().map(named_with_casts).collect::<Result<_>>()?;
        Ok(PlannerResult::Original(expr))
    }

    fn plan_window(&self, mut expr: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        expr.args = counted(expr.func_def.name(), expr.args)?;
        Ok(PlannerResult::Original(expr))
    }
}

/// The arguments of an aggregate; `*` is a constant that is never null.
fn counted(function: &str, args: Vec<Expr>) -> Result<Vec<Expr>> {
    #[expect(deprecated, reason = "the planner hands COUNT(*) over as a wildcard")]
    let star = matches!(args.as_slice(), [Expr::Wildcard { .. }]);
    match (star, function) {
        (false, _) => Ok(args),
        (true, "count") => Ok(vec![lit(1i32)]),
        (true, _) => plan_err!("{}(*) is not a function; only COUNT takes *", function.to_uppercase()),
    }
}

/// The planner's names leave casts out, but `AVG(v)` and `AVG(CAST(v AS DOUBLE))` are two columns.
fn named_with_casts(argument: Expr) -> Result<Expr> {
    let casts = argument.exists(|own| Ok(matches!(own, Expr::Cast(_) | Expr::TryCast(_))))?;
    let name = argument.to_string();
    Ok(if casts { argument.alias(name) } else { argument })
}

/// `TUMBLE`, `HOP`, `CUMULATE`, `SESSION` and `MATCH_RECOGNIZE` in FROM.
#[derive(Debug)]
struct WindowFunctions;

impl RelationPlanner for WindowFunctions {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let Some((plan, alias)) = row_pattern::plan_match(&relation, context)? {
            return Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))));
        }
        let external = |error: Error| DataFusionError::External(Box::new(error));
        let Some(call) = window_call(&relation).map_err(external)? else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let alias = call.alias.clone();
        let input = context.plan(call.table.clone())?;
        let window = windows(&call, &input).map_err(external)?;
        let time = named_column(&input, &call.time, "DESCRIPTOR", &call).map_err(external)?;
        let assign = WindowAssign::try_new(input, time, window, call.asked)?;
        let plan = LogicalPlan::Extension(Extension { node: Arc::new(assign) });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

/// The column that a clause of a window function names.
fn named_column(
    input: &LogicalPlan,
    name: &str,
    clause: &str,
    call: &WindowCall,
) -> millrace_plan::Result<datafusion_common::Column> {
    let named = input.schema().iter().find(|(_, field)| field.name() == name);
    if let Some((qualifier, field)) = named {
        return Ok(datafusion_common::Column::from((qualifier, field.as_ref())));
    }
    let unknown = Error::query(format!("{clause} names an unknown column `{name}`")).at(call.place);
    Err(match nearest(name, input.schema().fields().iter().map(|field| field.name().as_str())) {
        Some(found) => unknown.hint(format!("did you mean `{found}`?")),
        None => unknown,
    })
}

fn windows(call: &WindowCall, input: &LogicalPlan) -> millrace_plan::Result<Windows> {
    match (call.kind, call.intervals.as_slice()) {
        (WindowKind::Session, [gap]) if *gap > 0 => {
            let columns = call.partition_by.as_ref().map(|names| {
                names.iter().map(|name| named_column(input, name, "PARTITION BY", call)).collect()
            });
            Ok(Windows::Session { gap: *gap, partition: columns.transpose()? })
        }
        (WindowKind::Session, _) => Err(Error::query("a session's gap must be longer than 0").at(call.place)),
        _ => window_spec(call).map(Windows::Aligned),
    }
}

fn window_spec(call: &WindowCall) -> millrace_plan::Result<WindowSpec> {
    let offset = call.offset_ms;
    let positive = |name: &str, value: i64| match value > 0 {
        true => Ok(value),
        false => Err(Error::query(format!("the window's {name} must be longer than 0")).at(call.place)),
    };
    match (call.kind, call.intervals.as_slice()) {
        (WindowKind::Tumble, [size]) => Ok(WindowSpec::Tumble { size: positive("size", *size)?, offset }),
        (WindowKind::Hop, [slide, size]) => {
            let (slide, size) = (positive("slide", *slide)?, positive("size", *size)?);
            Ok(WindowSpec::Hop { size, slide, offset })
        }
        (WindowKind::Cumulate, [step, size]) => {
            let (step, size) = (positive("step", *step)?, positive("size", *size)?);
            if size % step != 0 {
                return Err(Error::query("the window's size must be a multiple of its step")
                    .hint(format!("size is {size} ms, step is {step} ms"))
                    .at(call.place));
            }
            Ok(WindowSpec::Cumulate { size, step, offset })
        }
        _ => Err(Error::query("the window function has the wrong number of intervals")
            .hint("TUMBLE takes a size; HOP a slide and a size; CUMULATE a step and a size")
            .at(call.place)),
    }
}

/// SQL type names to Arrow types.
#[derive(Debug)]
struct FlinkTypeNames;

impl TypePlanner for FlinkTypeNames {
    fn plan_type_field(&self, sql_type: &ast::DataType) -> Result<Option<FieldRef>> {
        let data_type = crate::types::type_of_ast(sql_type)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let field = Field::new("type", data_type, true);
        Ok(Some(Arc::new(match crate::types::length_of_ast(sql_type) {
            Some(length) => numeric::demand_length(field, length),
            None => field,
        })))
    }
}
