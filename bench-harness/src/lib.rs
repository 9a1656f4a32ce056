//! Measurements: the inputs, Millrace's own paths, and what they are compared with.
//!
//! Contract: ratios within one run, on the same data, with the same answers. `benches/claims.rs` prints them.
//! The load generator and the locked baselines are *not* here yet.

#![forbid(unsafe_code)]

pub mod decode;
pub mod input;
pub mod pipeline;
pub mod window;
