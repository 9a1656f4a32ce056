//! Row patterns: what MATCH_RECOGNIZE looks for, and what it makes of a match.

use std::sync::Arc;

use datafusion_physical_expr::PhysicalExpr;

use crate::node::{AggregateCall, SortColumn};

/// One MATCH_RECOGNIZE. Sends the keys, then the measures, one row for each match.
#[derive(Debug, Clone)]
pub struct MatchSpec {
    /// The columns of PARTITION BY.
    pub keys: Vec<usize>,
    /// The row-time column that orders rows; `None` = in order of arrival.
    pub time: Option<usize>,
    /// What orders rows of the same time, before their order of arrival; none without `time`.
    pub then_by: Vec<SortColumn>,
    /// The variables, in the order of the pattern: rows that follow each other without a gap.
    pub variables: Vec<PatternVariable>,
    /// What is sent of a match.
    pub measures: Vec<MatchExpr>,
    /// Where to look on after a match.
    pub skip: AfterMatch,
    /// A match is shorter than this, in milliseconds from its first to its last row.
    pub within: Option<i64>,
}

/// A variable of a pattern and its quantifier.
#[derive(Debug, Clone)]
pub struct PatternVariable {
    /// Its name.
    pub name: String,
    /// Fewest rows.
    pub least: u32,
    /// Most rows; `None` = any number.
    pub most: Option<u32>,
    /// It takes every row that it can.
    pub greedy: bool,
    /// Of which rows it is; `None` = of every row.
    pub condition: Option<MatchExpr>,
}

/// An expression over rows of a match: its columns are what `reads` gives, in this order.
#[derive(Debug, Clone)]
pub struct MatchExpr {
    /// The columns.
    pub reads: Vec<MatchColumn>,
    /// The expression over them.
    pub expr: Arc<dyn PhysicalExpr>,
}

/// A value that the rows of a match have.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchColumn {
    /// The variable whose rows count, by its place in the pattern; `None` = all rows. In the condition of a variable
    /// the row at hand is the last of its rows.
    pub of: Option<usize>,
    /// What is taken of them.
    pub pick: Pick,
}

/// What is taken of the rows of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Pick {
    /// The column of the first row, or of one so many rows after it; NULL if there is none.
    First {
        /// The input column.
        column: usize,
        /// Rows after the first.
        after: u32,
    },
    /// The column of the last row, or of one so many rows before it; NULL if there is none.
    Last {
        /// The input column.
        column: usize,
        /// Rows before the last.
        before: u32,
    },
    /// An aggregate of all of them.
    Aggregate(AggregateCall),
}

/// Where to look on after a match: no later match begins before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterMatch {
    /// At the row after its first.
    NextRow,
    /// At the row after its last.
    PastLastRow,
    /// At the first row of this variable.
    First(usize),
    /// At the last row of this variable.
    Last(usize),
}
