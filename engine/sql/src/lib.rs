//! SQL text to the plan that shards run.
//!
//! Contract: [`compile`] takes a script in Flink's dialect and gives a [`millrace_plan::Plan`], or an error with the
//! place in the text and what to write instead. It plans with DataFusion and is the only crate that does.
//! It does no I/O and runs nothing: what a connector can do comes in as [`TableRules`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bind;
pub mod catalog;
mod compile;
pub mod explain;
pub mod function;
pub mod lower;
pub mod parse;
pub mod types;

pub use compile::{Compiled, Request, Settings, TableRules, compile};
pub use explain::explain;
