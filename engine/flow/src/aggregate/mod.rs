//! Aggregates: one file per function family, one vector per state field, indexed by group id.
//!
//! An [`Aggregator`] holds one aggregate call for all groups of one table. Reading it does not change
//! it, so results can be emitted again and again. Its partial state is a list of Arrow columns: what
//! crosses between shards, and what a snapshot holds.

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use millrace_plan::{AggregateCall, Result};

/// Rows to add to (or take back from) groups.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// The group of each row.
    pub groups: &'a [u32],
    /// The argument columns, each as long as `groups`.
    pub args: &'a [ArrayRef],
    /// Only rows where this is true (not false, not null) count.
    pub filter: Option<&'a BooleanArray>,
    /// `+1` or `-1` per row; `None` = every row is added.
    pub weights: Option<&'a [i64]>,
    /// [`crate::batch::Origin::order`] of the first row; row `i` has `first_order + i`.
    pub first_order: u64,
}

/// Results of `evaluate`, and the groups whose result cannot be represented.
#[derive(Debug)]
pub struct Evaluated {
    /// One result per asked group; null where there is a fault.
    pub values: ArrayRef,
    /// Position in the list of asked groups, and the reason ("SUM is out of range of BIGINT").
    pub faults: Vec<(usize, String)>,
}

/// One aggregate call over the groups of one table.
pub trait Aggregator: Send {
    /// Makes room for groups `0..groups`; new groups are empty.
    fn resize(&mut self, groups: usize);

    /// Adds rows.
    fn update(&mut self, update: &Update) -> Result<()>;

    /// Adds partial states: row `i` of the state columns belongs to `groups[i]`.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()>;

    /// The partial states of these groups, in this order, as columns of [`Self::state_types`].
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>>;

    /// The types of the state columns.
    fn state_types(&self) -> Vec<DataType>;

    /// The results of these groups, in this order.
    fn evaluate(&self, groups: &[u32]) -> Result<Evaluated>;

    /// Forgets everything but keeps the memory: the table is used for another window.
    fn clear(&mut self);

    /// Bytes held.
    fn bytes(&self) -> usize;
}

/// An aggregate function: its name and how to make its aggregator.
pub struct AggregateFunction {
    /// The name in `AggregateCall::function`.
    pub name: &'static str,
    /// Makes the aggregator for a call. `retracting`: rows may be taken back.
    pub create: fn(call: &AggregateCall, retracting: bool) -> Result<Box<dyn Aggregator>>,
}
