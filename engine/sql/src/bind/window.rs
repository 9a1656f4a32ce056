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
    pub window: HashedSpec,
    schema: DFSchemaRef,
}

/// A window specification that can be hashed, as plan nodes must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedSpec(pub WindowSpec);

impl std::hash::Hash for HashedSpec {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self.0 {
            WindowSpec::Tumble { size, offset } => (0, size, 0, offset).hash(state),
            WindowSpec::Hop { size, slide, offset } => (1, size, slide, offset).hash(state),
            WindowSpec::Cumulate { size, step, offset } => (2, size, step, offset).hash(state),
        }
    }
}

impl WindowAssign {
    /// The node over `input`. Fails if `time` is not a column of it.
    pub fn try_new(input: LogicalPlan, time: Column, window: WindowSpec) -> Result<Self> {
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
        Ok(WindowAssign { input, time, window: HashedSpec(window), schema: Arc::new(schema) })
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
        vec![Expr::Column(self.time.clone())]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        WINDOW_COLUMNS.iter().map(|name| name.to_string()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "WindowAssign: {} {:?}", self.time, self.window.0)
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let time = match exprs.pop() {
            Some(Expr::Column(column)) => column,
            _ => self.time.clone(),
        };
        let input = inputs.pop().unwrap_or_else(|| self.input.clone());
        WindowAssign::try_new(input, time, self.window.0)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let inputs = self.input.schema().fields().len();
        if self.schema.fields().len() != inputs + WINDOW_COLUMNS.len() {
            return None;
        }
        let mut needed: Vec<usize> = output_columns.iter().copied().filter(|index| *index < inputs).collect();
        needed.extend(self.input.schema().maybe_index_of_column(&self.time));
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }
}
