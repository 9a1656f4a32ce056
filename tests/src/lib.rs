//! What the tests that run the real binary share: finding and running it, folding a changelog into a table,
//! and comparing tables as databases do.
//!
//! This crate is for `tests/` only; nothing depends on it.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(clippy::disallowed_methods, reason = "a test program: it writes scripts and reads results")]

pub mod binary;
pub mod case;
pub mod changelog;
pub mod fuzz;
pub mod program;
pub mod sheet;
pub mod table;
