//! What a shard does with batches.
//!
//! Contract: synchronous, deterministic, single-threaded. Time, input and randomness come in as values;
//! rows and messages for other shards go out as values. Start reading at [`pipeline`].
//! This crate does *no* I/O, reads no clock, starts no thread and shares no state.

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod aggregate;
pub mod batch;
pub mod checkpoint;
mod compact;
mod join;
pub mod ledger;
pub mod operator;
pub mod pipeline;
pub mod state;
pub mod time;
pub mod window;

pub use batch::{Batch, Event, Origin, RowKinds, RowWatermarks, SplitId, SplitStatus};
