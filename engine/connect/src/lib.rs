//! Sources, sinks and formats.
//!
//! Contract: one file per system under [`connector`], one file per format under [`mod@format`]; each has
//! one line in its folder's list. Readers and writers are *sans I/O*: they ask for bytes and give
//! bytes, and the shard's outer loop fetches and stores them. This crate opens no file on the data path
//! and starts no thread.

#![forbid(unsafe_code)]

pub mod connector;
pub mod format;
