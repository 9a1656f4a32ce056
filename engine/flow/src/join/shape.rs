//! What a join is, taken apart for its operators.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use millrace_plan::{Error, JoinKind, JoinSpec, Result};

use super::condition::Condition;

/// The left input.
pub const LEFT: usize = 0;
/// The right input.
pub const RIGHT: usize = 1;

/// What does not change while a join runs.
#[derive(Clone)]
pub struct Shape {
    /// Which rows it sends.
    pub kind: JoinKind,
    /// The key columns of each side.
    pub keys: [Vec<usize>; 2],
    /// NULL equals NULL in keys.
    pub null_equal: bool,
    /// What else must be true of a pair.
    pub condition: Option<Arc<Condition>>,
    /// The columns of each side.
    pub inputs: [SchemaRef; 2],
    /// The columns it sends.
    pub output: SchemaRef,
    /// Rows of a batch that it sends.
    pub batch_rows: usize,
}

impl Shape {
    /// Takes `spec` apart.
    pub fn new(
        spec: &JoinSpec,
        output: SchemaRef,
        inputs: [SchemaRef; 2],
        batch_rows: usize,
    ) -> Result<Self> {
        let left: Vec<usize> = spec.keys.iter().map(|(left, _)| *left).collect();
        let right: Vec<usize> = spec.keys.iter().map(|(_, right)| *right).collect();
        for (left, right) in &spec.keys {
            let (left, right) = (inputs[LEFT].field(*left), inputs[RIGHT].field(*right));
            if left.data_type() != right.data_type() {
                return Err(Error::bug(format!("join keys of two types: {left} and {right}")));
            }
        }
        let condition = spec.condition.clone().map(|own| Condition::new(own, &inputs)).transpose()?;
        Ok(Shape {
            kind: spec.kind,
            keys: [left, right],
            null_equal: spec.null_equal,
            condition: condition.map(Arc::new),
            inputs,
            output,
            batch_rows,
        })
    }

    /// The types of the keys.
    pub fn key_types(&self) -> Vec<DataType> {
        self.keys[LEFT].iter().map(|key| self.inputs[LEFT].field(*key).data_type().clone()).collect()
    }

    /// The key columns of rows of `side`.
    pub fn key_columns(&self, side: usize, columns: &[ArrayRef]) -> Vec<ArrayRef> {
        self.keys[side].iter().map(|key| columns[*key].clone()).collect()
    }
}
