//! MATCH_RECOGNIZE as a node of the logical plan.
//!
//! Its conditions and measures are typed here, over columns that stand for rows of a match; the planner sees only the
//! expressions over the input that those columns are taken of.

#![allow(clippy::disallowed_types, reason = "a trait of DataFusion asks for this set")]

mod bound;
mod pattern;
mod references;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{DFSchema, DFSchemaRef, Result, TableReference};
use datafusion_expr::logical_plan::UserDefinedLogicalNodeCore;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan};
use millrace_plan::AfterMatch;

pub use bound::plan_match;
pub use pattern::Quantified;

/// One MATCH_RECOGNIZE over its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchRecognize {
    /// What it reads.
    pub input: LogicalPlan,
    /// What orders the rows, over the input: a time attribute.
    pub order: Expr,
    /// What orders rows of the same time, over the input.
    pub then_by: Vec<Expr>,
    /// How: descending, NULL first.
    pub directions: Vec<(bool, bool)>,
    /// PARTITION BY, over the input.
    pub keys: Vec<Expr>,
    /// What the reads of conditions and measures are taken of, over the input.
    pub args: Vec<Expr>,
    /// The pattern.
    pub variables: Vec<Quantified>,
    /// The condition of each variable; `None` = every row.
    pub conditions: Vec<Option<RowsExpr>>,
    /// The measures.
    pub measures: Vec<RowsExpr>,
    /// AFTER MATCH SKIP.
    pub skip: Skip,
    /// WITHIN, in milliseconds.
    pub within: Option<i64>,
    schema: DFSchemaRef,
}

/// AFTER MATCH SKIP, by the place of the variable in the pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// TO NEXT ROW.
    NextRow,
    /// PAST LAST ROW.
    PastLastRow,
    /// TO FIRST.
    First(usize),
    /// TO LAST.
    Last(usize),
}

impl From<Skip> for AfterMatch {
    fn from(own: Skip) -> AfterMatch {
        match own {
            Skip::NextRow => AfterMatch::NextRow,
            Skip::PastLastRow => AfterMatch::PastLastRow,
            Skip::First(variable) => AfterMatch::First(variable),
            Skip::Last(variable) => AfterMatch::Last(variable),
        }
    }
}

/// An expression over rows of a match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowsExpr {
    /// The result's name.
    pub name: String,
    /// The columns of `expr`.
    pub reads: Vec<Read>,
    /// The names and types of the reads.
    pub schema: DFSchemaRef,
    /// Over the reads.
    pub expr: Expr,
}

/// A value taken of the rows of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Read {
    /// The variable, by its place in the pattern; `None` = all.
    pub of: Option<usize>,
    /// What is taken.
    pub taken: Taken,
    /// Its type.
    pub data_type: DataType,
}

/// What is taken of the rows of a variable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Taken {
    /// The argument at this position, of the row so many after the first.
    First(usize, u32),
    /// The argument at this position, of the row so many before the last.
    Last(usize, u32),
    /// The row time of the last row.
    RowTime(usize),
    /// The aggregate of this name; `None` = of the rows themselves.
    Aggregate(String, Option<usize>),
}

impl RowsExpr {
    /// True if it is MATCH_ROWTIME() and nothing else.
    pub fn is_row_time(&self) -> bool {
        matches!(
            (&self.expr, self.reads.as_slice()),
            (Expr::Column(_), [Read { taken: Taken::RowTime(_), .. }])
        )
    }
}

impl MatchRecognize {
    fn with_schema(mut self) -> Result<Self> {
        let mut fields: Vec<(Option<TableReference>, FieldRef)> = vec![];
        for key in &self.keys {
            let (_, field) = key.to_field(self.input.schema())?;
            let name = match key {
                Expr::Column(column) => column.name.clone(),
                other => other.schema_name().to_string(),
            };
            fields.push((None, Arc::new(Field::new(name, field.data_type().clone(), field.is_nullable()))));
        }
        for measure in &self.measures {
            let data_type = measure.expr.get_type(&measure.schema)?;
            fields.push((None, Arc::new(Field::new(&measure.name, data_type, true))));
        }
        self.schema = Arc::new(DFSchema::new_with_metadata(fields, Default::default())?);
        Ok(self)
    }
}

impl PartialOrd for MatchRecognize {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for MatchRecognize {
    fn name(&self) -> &str {
        "MatchRecognize"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let first = [&self.order].into_iter().chain(&self.then_by);
        first.chain(&self.keys).chain(&self.args).cloned().collect()
    }

    /// Rows that a filter leaves out are part of no match, but of none of the filter's making.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.schema.fields().iter().map(|field| field.name().to_string()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "MatchRecognize: {:?}", self.variables)
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter().map(Expr::unalias);
        let mut own = self.clone();
        if let Some(order) = exprs.next() {
            own.order = order;
        }
        for (old, new) in own.then_by.iter_mut().chain(&mut own.keys).chain(&mut own.args).zip(exprs) {
            *old = new;
        }
        if let Some(input) = inputs.pop() {
            own.input = input;
        }
        own.with_schema()
    }

    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        let exprs = self.expressions();
        let columns = exprs.iter().flat_map(|own| own.column_refs());
        let mut needed: Vec<usize> =
            columns.filter_map(|column| self.input.schema().maybe_index_of_column(column)).collect();
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
