//! User functions: what the planner, the pipeline and whoever provides them (a WebAssembly module, a program that
//! embeds Millrace) agree on.
//!
//! A function is called once for a batch of rows and is pure: the same rows give the same results, however they
//! fall into batches. It keeps nothing from one call to the next; the state of an aggregate is a value that the
//! pipeline keeps. A function that cannot compute a row says so as an error; the rows of the batch are then tried
//! in smaller batches, until the rows that fail are found.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use arrow::datatypes::DataType;

use crate::error::Result;

/// What a function is called, takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionSignature {
    /// The name in SQL, where its case does not count.
    pub name: String,
    /// The types of the arguments, in order.
    pub args: Vec<DataType>,
    /// The type of the result, which may be NULL.
    pub result: DataType,
}

/// A function of the values of one row.
pub trait ScalarFunction: fmt::Debug + Send + Sync {
    /// What it is called, takes and gives.
    fn signature(&self) -> &FunctionSignature;

    /// The results of `rows` rows, in their order. `args` have the types of the signature, and `rows` values each.
    ///
    /// # Errors
    ///
    /// `Culprit::Data` if a row cannot be computed.
    fn call(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef>;
}

/// A function of the rows of a group.
///
/// The state of a group is a byte string; NULL stands for a group without rows. Rows may come in any order and
/// split in any way between states that are merged later, so what they sum up to must not depend on either.
pub trait AggregateFunction: fmt::Debug + Send + Sync {
    /// What it is called, takes and gives.
    fn signature(&self) -> &FunctionSignature;

    /// True if rows can be taken back: if not, the function is refused over input that changes.
    fn retracts(&self) -> bool {
        false
    }

    /// The states after rows were added: row `i` of `args`, NULL or not, belongs to the state `groups[i]`.
    ///
    /// # Errors
    ///
    /// `Culprit::Data` if a row cannot be added.
    fn accumulate(&self, states: &BinaryArray, groups: &[u32], args: &[ArrayRef]) -> Result<BinaryArray>;

    /// The states after rows were taken back, which may happen before they are added.
    ///
    /// # Errors
    ///
    /// `Culprit::Data` if a row cannot be taken back.
    fn retract(&self, states: &BinaryArray, groups: &[u32], args: &[ArrayRef]) -> Result<BinaryArray>;

    /// The states after other states, none of them NULL, were added: `others[i]` belongs to `groups[i]`.
    ///
    /// # Errors
    ///
    /// `Culprit::Data` if two states cannot be merged.
    fn merge(&self, states: &BinaryArray, groups: &[u32], others: &BinaryArray) -> Result<BinaryArray>;

    /// The results of these states, in their order.
    ///
    /// # Errors
    ///
    /// `Culprit::Data` if a state has no result.
    fn evaluate(&self, states: &BinaryArray) -> Result<ArrayRef>;
}

/// A user aggregate as part of a plan. Two are equal if they are the same object.
#[derive(Debug, Clone)]
pub struct UserAggregate(pub Arc<dyn AggregateFunction>);

impl PartialEq for UserAggregate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// A user function.
#[derive(Debug, Clone)]
pub enum UserFunction {
    /// Of the values of one row.
    Scalar(Arc<dyn ScalarFunction>),
    /// Of the rows of a group.
    Aggregate(Arc<dyn AggregateFunction>),
}

impl UserFunction {
    /// What it is called, takes and gives.
    pub fn signature(&self) -> &FunctionSignature {
        match self {
            UserFunction::Scalar(own) => own.signature(),
            UserFunction::Aggregate(own) => own.signature(),
        }
    }
}

/// `CREATE FUNCTION name AS 'path#export' LANGUAGE WASM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionDef {
    /// The name in SQL.
    pub name: String,
    /// The file with the module.
    pub path: String,
    /// The function's name in the module.
    pub export: String,
}
