//! The `millrace` binary and the embedding facade: wires planner, pipeline, connectors and runtime.
//!
//! Contract: the command line is [`cli`]; a program embeds Millrace by [`job`], and brings functions of its own as
//! [`config::Config::functions`] (`tests/embedding.rs` is such a program). What happens on a shard is
//! in [`shard`]; everything else here runs on the main thread, which prints, keeps dead letters and shows
//! progress. This crate does *not* plan, compute or decode.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod checkpoint;
pub mod cli;
pub mod config;
mod dead_letters;
mod host;
pub mod job;
mod progress;
pub mod report;
mod rules;
pub mod shard;
pub mod signals;
