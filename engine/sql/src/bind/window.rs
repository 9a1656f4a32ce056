//! Window table functions: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ...))` as a node of the logical plan.

#![allow(clippy::disallowed_types, reason = "a trait of DataFusion asks for this set")]

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion_common::{Column, DFSchema, DFSchemaRef, Result};
use datafusion_expr::logical_plan::UserDefinedLogicalNodeCore;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan};
use millrace_plan::WindowSpec;

/// The columns a window table function appends, in order.
pub const WINDOW_COLUMNS: [&str; 3] = ["window_start", "window_end", "window_time"];

/// Appends [`WINDOW_COLUMNS`] to its input; a row leaves once for each of its windows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowAssign {
    /// What the windows are assigned to.
    pub input: LogicalPlan,
    /// The time attribute named by DESCRIPTOR.
    pub time: Column,
    /// The windows.
    pub window: Windows,
    /// The time attribute that the query asks of its windows, by TUMBLE_ROWTIME or TUMBLE_PROCTIME.
    pub asked: Option<TimeDomain>,
    schema: DFSchemaRef,
}

/// What a time attribute follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeDomain {
    /// The rows' own times, and their watermarks.
    Event,
    /// The clock.
    Processing,
}

/// The windows of a window function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Windows {
    /// Known from a row's time alone.
    Aligned(WindowSpec),
    /// Known from the rows around it.
    Session {
        /// The gap, in milliseconds.
        gap: i64,
        /// PARTITION BY; `None` = whatever else the query groups by.
        partition: Option<Vec<Column>>,
    },
}

impl Windows {
    fn partition(&self) -> &[Column] {
        match self {
            Windows::Session { partition: Some(columns), .. } => columns,
            _ => &[],
        }
    }
}

impl WindowAssign {
    /// The node over `input`. Fails if `time` is not a column of it.
    pub fn try_new(
        input: LogicalPlan,
        time: Column,
        window: Windows,
        asked: Option<TimeDomain>,
    ) -> Result<Self> {
        let time_type = Expr::Column(time.clone()).get_type(input.schema())?;
        let mut fields: Vec<_> = input
            .schema()
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), field.clone()))
            .filter(|(_, field)| !WINDOW_COLUMNS.contains(&field.name().as_str()))
            .collect();
        let window_time = match &time_type {
            DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
            _ => DataType::Timestamp(TimeUnit::Millisecond, None),
        };
        let bound = DataType::Timestamp(TimeUnit::Millisecond, None);
        for (name, data_type) in WINDOW_COLUMNS.into_iter().zip([bound.clone(), bound, window_time]) {
            fields.push((None, Arc::new(Field::new(name, data_type, false))));
        }
        let schema = DFSchema::new_with_metadata(fields, input.schema().metadata().clone())?;
        Ok(WindowAssign { input, time, window, asked, schema: Arc::new(schema) })
    }
}

impl PartialOrd for WindowAssign {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for WindowAssign {
    fn name(&self) -> &str {
        "WindowAssign"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        [&self.time].into_iter().chain(self.window.partition()).cloned().map(Expr::Column).collect()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter().map(|field| field.name().to_string());
        match &self.window {
            Windows::Aligned(_) => WINDOW_COLUMNS.iter().map(|name| name.to_string()).collect(),
            // Without some of its rows a session is another one, unless all rows of a partition go.
            Windows::Session { .. } => {
                fields.filter(|name| !self.window.partition().iter().any(|own| own.name == *name)).collect()
            }
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "WindowAssign: {} {:?}", self.time, self.window)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let column = |expr: Expr| if let Expr::Column(column) = expr { Some(column) } else { None };
        let mut columns = exprs.drain(..).filter_map(column);
        let time = columns.next().unwrap_or_else(|| self.time.clone());
        let window = match &self.window {
            Windows::Session { gap, partition: Some(_) } => {
                Windows::Session { gap: *gap, partition: Some(columns.collect()) }
            }
            other => other.clone(),
        };
        let input = inputs.pop().unwrap_or_else(|| self.input.clone());
        WindowAssign::try_new(input, time, window, self.asked)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let inputs = self.input.schema().fields().len();
        if self.schema.fields().len() != inputs + WINDOW_COLUMNS.len() {
            return None;
        }
        let mut needed: Vec<usize> = output_columns.iter().copied().filter(|index| *index < inputs).collect();
        let own = [&self.time].into_iter().chain(self.window.partition());
        needed.extend(own.filter_map(|column| self.input.schema().maybe_index_of_column(column)));
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
