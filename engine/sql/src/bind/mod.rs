//! Names to things: binds parsed queries to the declared tables and functions with DataFusion's planner,
//! and gives the result Flink's types.
//!
//! The result is a DataFusion logical plan over [`DeclaredTable`]s and [`window::WindowAssign`] nodes,
//! analysed and simplified. It is *not* what runs: `lower` makes that.

pub mod aggregate;
mod context;
mod decimal;
mod error;
mod grouped_sessions;
mod growth;
pub mod lateral;
mod naming;
pub mod now;
pub mod numeric;
mod over;
mod refuse;
pub mod rewrite;
pub mod row_pattern;
pub mod set_operation;
pub mod temporal;
mod true_filter;
pub mod unnest;
mod unread;
mod user;
mod values;
mod volatile;
pub mod window;

use std::sync::Arc;

use datafusion_common::config::ConfigOptions;
use datafusion_common::{DFSchema, TableReference};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion_optimizer::{Analyzer, Optimizer, OptimizerContext};
use datafusion_sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast;
use millrace_plan::{Place, Result};

use context::Context;
pub use context::{Declared, DeclaredColumn, DeclaredTable, DeclaredWatermark, Tables};
pub use error::explain_error;
pub use user::user_aggregate;

/// The names of every function a query can call, for suggestions.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    let scalar = crate::function::scalar_functions().iter().map(|entry| entry.name);
    let aggregate = aggregate::AGGREGATES.iter().map(|entry| entry.name);
    let over = over::OVER_FUNCTIONS.iter().map(|(name, ..)| *name);
    scalar.chain(aggregate).chain(over).chain(now::NOW_FUNCTIONS.iter().map(|(name, _)| *name))
}

/// Binds queries to the tables declared so far.
pub struct Binder<'a> {
    context: Context<'a>,
}

impl<'a> Binder<'a> {
    /// A binder over these tables and views.
    pub fn new(tables: &'a Tables) -> Self {
        Binder { context: Context::new(tables) }
    }

    fn planner(&self) -> SqlToRel<'_, Context<'a>> {
        let options = ParserOptions::new()
            .with_parse_float_as_decimal(true)
            .with_enable_ident_normalization(false)
            .with_support_varchar_with_length(true)
            .with_map_string_types_to_utf8view(false)
            .with_default_null_ordering(NullOrdering::NullsMin)
            .with_collect_spans(true);
        SqlToRel::new_with_options(&self.context, options)
    }

    /// The analysed plan of a query: names resolved, types settled.
    pub fn query(&self, query: &ast::Query, place: Option<Place>) -> Result<LogicalPlan> {
        let mut query = query.clone();
        refuse::refuse_unsupported(&query)?;
        rewrite::rewrite(&mut query)?;
        let statement = ast::Statement::Query(Box::new(query));
        let plan = self.planner().sql_statement_to_plan(statement);
        let plan = plan
            .and_then(unnest::correlate)
            .and_then(lateral::ranked)
            .and_then(temporal::temporal_joins)
            .and_then(analyze)
            .map_err(|error| explain_error(&error, place))?;
        volatile::refuse_random_conditions(&plan, place)?;
        Ok(plan)
    }

    /// The typed form of a scalar expression over `schema`: a computed column or a watermark.
    pub fn scalar(&self, expr: &ast::Expr, schema: &DFSchema, place: Option<Place>) -> Result<Expr> {
        let mut expr = expr.clone();
        rewrite::rewrite_expr(&mut expr)?;
        let planned = self.planner().sql_to_expr(expr, schema, &mut PlannerContext::new());
        let typed = planned.and_then(|expr| typed(expr, schema));
        typed.map_err(|error| explain_error(&error, place))
    }
}

/// An expression over the columns of `schema` with Flink's types.
fn typed(expr: Expr, schema: &DFSchema) -> datafusion_common::Result<Expr> {
    let expr = numeric::retype_expr(expr, schema)?.data;
    let input = LogicalPlan::EmptyRelation(datafusion_expr::EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(schema.clone()),
    });
    let projection = datafusion_expr::Projection::try_new(vec![expr.alias("value")], Arc::new(input))?;
    let analyzed = analyze(LogicalPlan::Projection(projection))?;
    let mut exprs = analyzed.expressions();
    Ok(exprs.swap_remove(0).unalias())
}

fn analyze(plan: LogicalPlan) -> datafusion_common::Result<LogicalPlan> {
    let rules: Vec<Arc<dyn datafusion_optimizer::AnalyzerRule + Send + Sync>> = vec![
        Arc::new(numeric::FlinkTypes),
        Arc::new(ResolveGroupingFunction::new()),
        Arc::new(TypeCoercion::new()),
    ];
    Analyzer::with_rules(rules).execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
}

/// Applies the rules that are safe on streams: none may move a filter below a watermark, drop rows that
/// move event time, or reorder.
pub fn simplify(plan: LogicalPlan, place: Option<Place>) -> Result<LogicalPlan> {
    use datafusion_optimizer as rules;
    growth::check(&plan).map_err(|error| error.at(place))?;
    let rules: Vec<Arc<dyn rules::OptimizerRule + Send + Sync>> = vec![
        Arc::new(rules::optimize_unions::OptimizeUnions::new()),
        Arc::new(rules::simplify_expressions::SimplifyExpressions::new()),
        Arc::new(rules::replace_distinct_aggregate::ReplaceDistinctWithAggregate::new()),
        Arc::new(rules::decorrelate_predicate_subquery::DecorrelatePredicateSubquery::new()),
        Arc::new(rules::scalar_subquery_to_join::ScalarSubqueryToJoin::new()),
        Arc::new(rules::decorrelate_lateral_join::DecorrelateLateralJoin::new()),
        Arc::new(rules::extract_equijoin_predicate::ExtractEquijoinPredicate::new()),
        Arc::new(true_filter::TrueFilters),
        Arc::new(rules::eliminate_cross_join::EliminateCrossJoin::new()),
        Arc::new(rules::eliminate_outer_join::EliminateOuterJoin::new()),
        Arc::new(rules::push_down_filter::PushDownFilter::new()),
        Arc::new(grouped_sessions::GroupedSessions),
        Arc::new(rules::common_subexpr_eliminate::CommonSubexprEliminate::new()),
        Arc::new(unread::UnreadAggregates),
        Arc::new(rules::optimize_projections::OptimizeProjections::new()),
    ];
    let mut options = ConfigOptions::default();
    // Every subquery becomes a join: none is left for an executor.
    options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    let context = OptimizerContext::new_with_config_options(Arc::new(options))
        .without_query_execution_start_time()
        .with_skip_failing_rules(false)
        .with_max_passes(3);
    Optimizer::with_rules(rules)
        .optimize(plan, &context, |_, _| {})
        .map_err(|error| explain_error(&error, place))
}

/// The reference that table `name` has in plans.
pub fn reference(name: &str) -> TableReference {
    TableReference::bare(name)
}
