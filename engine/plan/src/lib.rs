//! The vocabulary of Millrace: errors, row kinds, tables, plan nodes and limits.
//!
//! Contract: every other crate of the engine speaks in these types. This crate holds no logic beyond
//! constructors and display, and does no I/O. It is *not* a planner (`millrace-sql` is) and runs
//! nothing (`millrace-flow` does).

#![forbid(unsafe_code)]

mod duration;
mod error;
pub mod function;
pub mod join;
pub mod limits;
pub mod node;
pub mod row_pattern;
pub mod table;
pub mod types;

pub use duration::duration_ms;
pub use error::{Culprit, Error, Place, Result};
pub use function::{
    AggregateFunction, FunctionDef, FunctionSignature, ScalarFunction, UserAggregate, UserFunction,
};
pub use join::{JoinKind, JoinSpec, JoinTime, LastPartner};
pub use limits::Limits;
pub use node::{
    AggregateCall, Changelog, EmitMode, Exchange, Frame, GREATEST_RANK, Node, NodeId, Operator, OverCall,
    Phase, Plan, ProjectExpr, RowTimeSpec, SortColumn, Ties, WatermarkRule, WindowInput, WindowSpec,
};
pub use row_pattern::{AfterMatch, MatchColumn, MatchExpr, MatchSpec, PatternVariable, Pick};
pub use table::{Options, TableDef};
pub use types::{RowKind, WATERMARK_MAX, WATERMARK_MIN};
