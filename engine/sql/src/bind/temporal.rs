//! `JOIN t FOR SYSTEM_TIME AS OF o.time`: rows meet the state that a table had at their time. `LATERAL TABLE
//! (t(o.time))` is the older form: a table is a function of time.
//!
//! The planner knows no such join. So the right side is marked ([`SystemTime`]) while names are resolved, and the
//! join above the mark becomes a [`TemporalJoin`] before anything is optimised: what holds for a join does not
//! hold for it. A condition on the table must not be moved below it, where it would bring back an older version.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchemaRef, DataFusionError, JoinType, Result, TableReference};
use datafusion_expr::logical_plan::{
    Extension, Join, SubqueryAlias, UserDefinedLogicalNodeCore, build_join_schema,
};
use datafusion_expr::planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning};
use datafusion_expr::utils::{conjunction, split_conjunction_owned};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, TableFactor, TableVersion,
};
use millrace_plan::Error;

use super::context::{Declared, DeclaredTable};

/// Marks a table of which each row of the other side sees the state of its own time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SystemTime {
    input: LogicalPlan,
    mark: Mark,
}

/// What is asked of the table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Mark {
    /// The column of the other side that holds the time: its table, if that was written, and its name.
    time: (Option<String>, String),
    /// It is asked as a function of time.
    as_function: bool,
}

/// `LATERAL TABLE (t(o.time))` as a table of a version.
pub fn version_at(factor: &TableFactor) -> Option<TableFactor> {
    let TableFactor::Function { lateral: true, name, args, alias, .. } = factor else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Function(call)))] = args.as_slice() else {
        return None;
    };
    let FunctionArguments::List(list) = &call.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(time))] = list.args.as_slice() else { return None };
    let is_column = matches!(time, SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_));
    (is_column && name.to_string().eq_ignore_ascii_case("TABLE")).then(|| TableFactor::Table {
        name: call.name.clone(),
        alias: alias.clone(),
        args: None,
        with_hints: vec![],
        version: Some(TableVersion::Function(time.clone())),
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    })
}

/// Plans `t FOR SYSTEM_TIME AS OF ...`.
#[derive(Debug)]
pub struct SystemTimes;

impl RelationPlanner for SystemTimes {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (time, as_function) = match &relation {
            TableFactor::Table { version: Some(TableVersion::ForSystemTimeAsOf(time)), .. } => (time, false),
            TableFactor::Table { version: Some(TableVersion::Function(time)), .. } => (time, true),
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let time = match time {
            SqlExpr::Identifier(name) => (None, name.value.clone()),
            SqlExpr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., table, name] => (Some(table.value.clone()), name.value.clone()),
                _ => return Err(external(Error::bug("a name without parts"))),
            },
            other => return Err(external(Error::query(format!("FOR SYSTEM_TIME AS OF {other}")))),
        };
        let TableFactor::Table {
            name,
            mut alias,
            args,
            with_hints,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
            ..
        } = relation
        else {
            return Err(external(Error::bug("a table that is none")));
        };
        let alias = alias.take();
        let table = TableFactor::Table {
            name,
            alias: None,
            args,
            with_hints,
            version: None,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        };
        let input = context.plan(table)?;
        let plan = LogicalPlan::Extension(Extension {
            node: Arc::new(SystemTime { input, mark: Mark { time, as_function } }),
        });
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl PartialOrd for SystemTime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for SystemTime {
    fn name(&self) -> &str {
        "SystemTime"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SystemTime: as of {}", self.mark.time.1)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = inputs.pop().unwrap_or_else(|| self.input.clone());
        Ok(SystemTime { input, mark: self.mark.clone() })
    }
}

/// Left rows, each with the rows that the right table had at its time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TemporalJoin {
    /// The rows that ask.
    pub left: LogicalPlan,
    /// The table that is asked.
    pub right: LogicalPlan,
    /// INNER or LEFT.
    pub kind: JoinType,
    /// What must be true of a pair; all of it.
    pub conditions: Vec<Expr>,
    /// The left column that holds the time.
    pub time: Expr,
    /// The primary key of the table.
    pub primary_key: Vec<Expr>,
    /// The row time of the table.
    pub row_time: Option<Expr>,
    /// The table is asked as a function of time.
    pub as_function: bool,
    schema: DFSchemaRef,
}

impl TemporalJoin {
    fn of(join: &Join, right: LogicalPlan, mark: &Mark) -> Result<Self> {
        if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
            return Err(external(
                Error::query(format!("{} JOIN of a table FOR SYSTEM_TIME AS OF", join.join_type))
                    .hint("write JOIN or LEFT JOIN: only a left row has a time at which the table is asked"),
            ));
        }
        let Some(table) = declared(&right) else {
            return Err(external(
                Error::query("FOR SYSTEM_TIME AS OF on a view or a subquery")
                    .hint("name a table that is declared by CREATE TABLE"),
            ));
        };
        let named = |name: &str| {
            let position = right.schema().fields().iter().position(|field| field.name() == name);
            position.map(|position| Expr::Column(Column::from(right.schema().qualified_field(position))))
        };
        let primary_key = table.def.primary_key.iter().map(|key| {
            let name = table.def.schema.field(*key).name();
            named(name).ok_or_else(|| {
                external(
                    Error::query(format!(
                        "a view without `{name}`, which is in the primary key of its table"
                    ))
                    .hint("let the view select every column of the PRIMARY KEY"),
                )
            })
        });
        let primary_key = primary_key.collect::<Result<Vec<_>>>()?;
        let row_time = table.watermark.as_ref();
        let row_time = row_time.and_then(|(position, _)| named(table.schema.field(*position).name()));
        let mut conditions: Vec<Expr> =
            join.on.iter().map(|(left, right)| left.clone().eq(right.clone())).collect();
        conditions.extend(join.filter.iter().flat_map(|filter| split_conjunction_owned(filter.clone())));
        let time = Expr::Column(left_column(&join.left, &mark.time)?);
        let as_function = mark.as_function;
        let (left, kind) = (join.left.as_ref().clone(), join.join_type);
        let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &kind)?);
        Ok(TemporalJoin { left, right, kind, conditions, time, primary_key, row_time, as_function, schema })
    }

    /// The join with what a filter above it asks of pairs, and what is left of the filter. Without any condition
    /// of its own it is `FROM o, LATERAL TABLE (t(o.time)) WHERE ...`: the key is compared there.
    fn filtered(&self, predicate: &Expr) -> Option<(TemporalJoin, Option<Expr>)> {
        if self.kind != JoinType::Inner || !self.conditions.is_empty() {
            return None;
        }
        let has_subquery = |expr: &Expr| {
            let subquery = |own: &Expr| {
                Ok(matches!(own, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)))
            };
            expr.exists(subquery).unwrap_or(true)
        };
        let (rest, conditions): (Vec<Expr>, Vec<Expr>) =
            split_conjunction_owned(predicate.clone()).into_iter().partition(has_subquery);
        Some((TemporalJoin { conditions, ..self.clone() }, conjunction(rest)))
    }

    fn plan(self) -> LogicalPlan {
        LogicalPlan::Extension(Extension { node: Arc::new(self) })
    }
}

/// The column of the left side that holds the time.
fn left_column(left: &LogicalPlan, (table, name): &(Option<String>, String)) -> Result<Column> {
    match table {
        None => left.schema().qualified_field_with_unqualified_name(name).map(Column::from),
        Some(table) => {
            let reference = TableReference::bare(table.as_str());
            left.schema().qualified_field_with_name(Some(&reference), name).map(Column::from)
        }
    }
}

/// The declared table that a plan reads and does nothing else.
fn declared(plan: &LogicalPlan) -> Option<Arc<Declared>> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => declared(&alias.input),
        // A view that selects columns.
        LogicalPlan::Projection(own) if own.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) => {
            declared(&own.input)
        }
        LogicalPlan::TableScan(scan) => scan.source.downcast_ref::<DeclaredTable>().map(|own| own.0.clone()),
        _ => None,
    }
}

/// The plan without its mark, and the mark.
fn unmarked(plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Mark)>> {
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => match unmarked(input)? {
            Some((input, mark)) => {
                let alias = SubqueryAlias::try_new(Arc::new(input), alias.clone())?;
                Ok(Some((LogicalPlan::SubqueryAlias(alias), mark)))
            }
            None => Ok(None),
        },
        LogicalPlan::Extension(Extension { node }) => {
            let marked = node.as_any().downcast_ref::<SystemTime>();
            Ok(marked.map(|own| (own.input.clone(), own.mark.clone())))
        }
        _ => Ok(None),
    }
}

/// Makes temporal joins of the joins with a marked right side. Fails where a mark stands elsewhere.
pub fn temporal_joins(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::Join(join) => match unmarked(&join.right)? {
            Some((right, mark)) => Ok(Transformed::yes(TemporalJoin::of(join, right, &mark)?.plan())),
            None => Ok(Transformed::no(node)),
        },
        LogicalPlan::Filter(filter) => {
            let LogicalPlan::Extension(Extension { node: join }) = filter.input.as_ref() else {
                return Ok(Transformed::no(node));
            };
            let join = join.as_any().downcast_ref::<TemporalJoin>();
            match join.and_then(|join| join.filtered(&filter.predicate)) {
                Some((join, None)) => Ok(Transformed::yes(join.plan())),
                Some((join, Some(rest))) => {
                    let filtered = LogicalPlanBuilder::from(join.plan()).filter(rest)?.build()?;
                    Ok(Transformed::yes(filtered))
                }
                None => Ok(Transformed::no(node)),
            }
        }
        _ => Ok(Transformed::no(node)),
    })?;
    plan.data.apply_with_subqueries(|node| match node {
        LogicalPlan::Extension(Extension { node }) if node.as_any().is::<SystemTime>() => {
            Err(external(Error::query("FOR SYSTEM_TIME AS OF outside of the right side of a JOIN").hint(
                "write FROM o JOIN t FOR SYSTEM_TIME AS OF o.time ON ...: the time is that of the left row",
            )))
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(plan.data)
}

impl PartialOrd for TemporalJoin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for TemporalJoin {
    fn name(&self) -> &str {
        "TemporalJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let own = self.conditions.iter().chain(&self.primary_key).chain([&self.time]);
        own.chain(&self.row_time).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "TemporalJoin: {} as of {}", self.kind, self.time)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        if exprs.len() != self.expressions().len() || inputs.len() != 2 {
            return Err(external(Error::bug("a temporal join of other parts")));
        }
        // A rule that changes an expression keeps its name by an alias.
        let mut exprs = exprs.into_iter().map(Expr::unalias);
        let conditions = exprs.by_ref().take(self.conditions.len()).collect();
        let primary_key = exprs.by_ref().take(self.primary_key.len()).collect();
        let time = exprs.next().unwrap_or_else(|| self.time.clone());
        let row_time = exprs.next();
        let right = inputs.pop().unwrap_or_else(|| self.right.clone());
        let left = inputs.pop().unwrap_or_else(|| self.left.clone());
        let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &self.kind)?);
        let (kind, as_function) = (self.kind, self.as_function);
        Ok(TemporalJoin { left, right, kind, conditions, time, primary_key, row_time, as_function, schema })
    }

    /// The columns that the expressions read are added by the caller.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.left.schema().fields().len();
        let (left, right): (Vec<usize>, Vec<usize>) =
            output_columns.iter().copied().partition(|column| *column < width);
        Some(vec![left, right.into_iter().map(|column| column - width).collect()])
    }
}
