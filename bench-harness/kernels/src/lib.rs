//! The inner loops that most of a shard's time goes to, each over rows of its own and repeatable: what the Criterion
//! benches time, and what the instruction gate counts and holds to the recorded counts.
//!
//! Contract: below the planner, so that they build in minutes. Nothing here is part of the product.

#![forbid(unsafe_code)]

pub mod count;
pub mod gate;
pub mod input;
pub mod json;
pub mod kernel;
