//! User functions in WebAssembly.
//!
//! Contract: [`load`] takes the bytes of a module and gives one of its functions as the values that planner and
//! pipeline know ([`millrace_plan::function`]), or an error that says what the module lacks. `README.md` beside this
//! crate is the reference for those who write modules.
//!
//! A module runs on an interpreter, in a memory of its own. It can import nothing, so it has no clock, no files and no
//! randomness; NaN has one form; threads and relaxed SIMD do not exist. Every call works on a new instance, which
//! is bounded in steps and memory: no call sees what another has left behind. Compiled modules belong to the thread
//! that uses them; threads share the bytes only.
//!
//! This crate reads no files and knows nothing of SQL.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aggregate;
mod columns;
mod declaration;
mod guest;
mod load;
mod scalar;

pub use guest::{MEMORY_BYTES, STEPS};
pub use load::load;
