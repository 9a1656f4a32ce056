//! Logical plans to the plan that shards run: stages joined by exchanges.
//!
//! Every statement of a script is lowered into one graph, so that a table read by several statements is
//! one source, decoded once, with the columns that any of them needs.

mod aggregate;
mod calc;
mod carry;
mod changelog;
mod fuse;
mod graph;
mod join;
mod join_time;
mod last_partner;
pub mod late_table;
mod lateness;
mod over;
mod processing_time;
mod relation;
mod repeat;
mod row_pattern;
mod session;
mod sink;
mod sort;
mod source;
mod state_ttl;
mod temporal;
mod top_n;
mod unnest;
mod values;
mod volatile;

use datafusion_common::ScalarValue;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::logical_plan::{Extension, Projection, SubqueryAlias};
use datafusion_expr::{Distinct, Expr, Filter, LogicalPlan, TableScan, Union};
use millrace_plan::{EmitMode, Error, Operator, Place, Plan, Result};

use crate::bind::lateral::not_a_join;
use crate::bind::row_pattern::MatchRecognize;
use crate::bind::window::WindowAssign;
pub use graph::Graph;
use late_table::LateTables;
use relation::Relation;
pub use sink::{Demands, Insert, check_columns};
use source::Sources;
use state_ttl::StateTtls;

/// What the planner may decide by.
#[derive(Debug, Clone, Copy)]
pub struct Strategy {
    /// Shards that will run the plan; 1 needs no exchange.
    pub shards: usize,
    /// Rows of each sink meet on shard 0.
    pub ordered: bool,
    /// Aggregate only where the group is, not before rows move.
    pub one_phase: bool,
    /// Sources may send a change twice.
    pub duplicates: bool,
    /// State without an end of its own is kept so long, in milliseconds; 0 = for ever.
    pub state_ttl_ms: Option<u64>,
    /// How long windows stay open over tables that do not say it themselves, in milliseconds.
    pub lateness_ms: i64,
}

/// Lowers bound statements into one plan.
pub fn lower(inserts: Vec<Insert>, strategy: Strategy, late: LateTables) -> Result<Plan> {
    let mut sources = Sources::new(strategy, late);
    for insert in &inserts {
        collect_scans(&insert.query, &mut sources)?;
    }
    let state_ttls = StateTtls::default();
    let mut lowering =
        Lowering { graph: Graph::default(), sources, strategy, ranks: None, looks_up: false, state_ttls };
    let mut statements = vec![];
    for insert in inserts {
        statements.push((lowering.graph.next_id(), insert.place));
        lowering.insert(insert)?;
    }
    let Lowering { graph, sources, .. } = lowering;
    let ordered = strategy.ordered && strategy.shards > 1;
    let plan = late_table::route(graph, &sources.with_late_table()?, &statements, ordered)?;
    let mut plan = fuse::fuse(plan)?;
    top_n::without_unused_ranks(&mut plan);
    Ok(plan)
}

fn collect_scans(plan: &LogicalPlan, sources: &mut Sources) -> Result<()> {
    let mut failed = None;
    let visited = plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Err(error) = sources.need(scan)
        {
            failed = Some(error);
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    match (failed, visited) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(Error::bug(format!("walking the plan: {error}"))),
        (None, Ok(_)) => Ok(()),
    }
}

/// What holds for all nodes of one statement.
#[derive(Debug, Clone, Copy)]
struct Statement {
    emit: Option<EmitMode>,
    place: Option<Place>,
}

struct Lowering {
    graph: Graph,
    sources: Sources,
    strategy: Strategy,
    /// The ranks that a filter right above keeps of the next window.
    ranks: Option<top_n::Ranks>,
    /// The table of a lookup join is being lowered.
    looks_up: bool,
    /// The hints of the statement.
    state_ttls: StateTtls,
}

impl Lowering {
    fn insert(&mut self, insert: Insert) -> Result<()> {
        let statement = Statement { emit: insert.emit, place: insert.place };
        let first = self.graph.next_id();
        self.state_ttls = StateTtls::new(insert.ttls.clone());
        let relation = self.relation(&insert.query, statement).map_err(|error| error.at(statement.place))?;
        self.check_state_ttl(first, statement)?;
        self.sink(relation, insert).map_err(|error| error.at(statement.place))?;
        self.check_lateness(first, statement)?;
        volatile::check(&self.graph, first, statement.place)
    }

    fn relation(&mut self, plan: &LogicalPlan, statement: Statement) -> Result<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::Projection(Projection { expr, input, schema, .. }) => {
                let input = self.relation(input, statement)?;
                self.project(input, expr, schema, statement)
            }
            LogicalPlan::Filter(filter) => self.filtered(filter, statement),
            LogicalPlan::Window(window) => match self.ranks.take() {
                Some(ranks) => self.top_n(window, ranks, statement),
                None => self.over(window, statement),
            },
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, schema, .. }) => {
                Ok(self.relation(input, statement)?.renamed(schema.clone()))
            }
            LogicalPlan::Extension(Extension { node }) => {
                let node = node.as_ref();
                if let Some(assign) = node.as_any().downcast_ref() {
                    self.window_assign(assign, plan, statement)
                } else if let Some(unnest) = node.as_any().downcast_ref() {
                    self.unnest(unnest, plan, statement)
                } else if let Some(repeat) = node.as_any().downcast_ref() {
                    self.repeat(repeat, plan, statement)
                } else if let Some(join) = node.as_any().downcast_ref() {
                    self.temporal_join(join, statement)
                } else if let Some(own) = node.as_any().downcast_ref::<MatchRecognize>() {
                    self.match_recognize(own, plan.schema(), statement)
                } else {
                    Err(unsupported(node.name(), statement.place))
                }
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate, statement),
            LogicalPlan::Join(join) => self.join(join, statement),
            LogicalPlan::Union(union) => self.union(union, statement),
            LogicalPlan::Sort(sort) => self.sort(sort, statement),
            LogicalPlan::Limit(limit) => self.limit(limit, statement),
            LogicalPlan::Values(values) => self.values(values),
            LogicalPlan::EmptyRelation(empty) => Ok(self.empty_relation(empty)),
            LogicalPlan::Subquery(own) if own.outer_ref_columns.is_empty() => {
                self.relation(&own.subquery, statement)
            }
            LogicalPlan::Subquery(_) => Err(not_a_join().at(statement.place)),
            LogicalPlan::Distinct(Distinct::All(_)) => {
                Err(Error::bug("DISTINCT was not rewritten as an aggregation").at(statement.place))
            }
            other => Err(unsupported(other.display().to_string().as_str(), statement.place)),
        }
    }

    fn filtered(&mut self, filter: &Filter, statement: Statement) -> Result<Relation> {
        let (ranks, predicate) = match top_n::ranks(filter) {
            Some((ranks, rest)) => (Some(ranks), rest),
            None => (None, Some(filter.predicate.clone())),
        };
        self.ranks = ranks;
        let input = self.relation(&filter.input, statement)?;
        match predicate {
            Some(predicate) => self.filter(input, &predicate, statement),
            None => Ok(input),
        }
    }

    fn scan(&mut self, scan: &TableScan) -> Result<Relation> {
        let shared = match self.looks_up {
            true => source::lookup(scan, self.strategy, &mut self.graph)?,
            false => self.sources.node(scan, &mut self.graph)?,
        };
        self.read(shared, scan)
    }

    fn window_assign(
        &mut self,
        assign: &WindowAssign,
        plan: &LogicalPlan,
        statement: Statement,
    ) -> Result<Relation> {
        let input = self.relation(&assign.input, statement)?;
        let input = self.materialized(input)?;
        let Some(time) = input.schema.maybe_index_of_column(&assign.time) else {
            return Err(Error::bug(format!("the plan lost the time column {}", assign.time)));
        };
        let input = self.timed(input, time, assign, statement)?;
        input.windowed(plan.schema().clone(), time, &assign.window)
    }

    fn union(&mut self, union: &Union, statement: Statement) -> Result<Relation> {
        let mut inputs = vec![];
        for input in &union.inputs {
            let relation = self.relation(input, statement)?;
            let relation = self.materialized(relation)?;
            inputs.push(self.conform(relation, &union.schema)?);
        }
        Ok(self.graph.union(inputs, union.schema.clone()))
    }
}

fn unsupported(what: &str, place: Option<Place>) -> Error {
    let first = what.lines().next().unwrap_or_default();
    Error::query(format!("not supported yet: {first}"))
        .hint("rewrite the query with filters, projections, windows, GROUP BY and UNION")
        .at(place)
}

/// The text of a constant that is not null.
fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(match value {
            ScalarValue::Utf8(Some(text)) => text.clone(),
            other => other.to_string(),
        }),
        Expr::Cast(inner) => literal(&inner.expr),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

/// True if `operator` holds state that grows with the number of keys.
pub fn is_stateful(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::GroupAggregate { .. }
            | Operator::ExpiringAggregate { .. }
            | Operator::WindowAggregate { .. }
            | Operator::SessionAggregate { .. }
            | Operator::Join(_)
            | Operator::LookupJoin { .. }
            | Operator::TopN { .. }
            | Operator::ChangelogNormalize { .. }
            | Operator::Deduplicate { .. }
            | Operator::OverAggregate { .. }
            | Operator::TemporalSort { .. }
            | Operator::MatchRecognize(_)
    )
}
