//! Measurements: the inputs, Millrace's own paths, and what they are compared with.
//!
//! Contract: ratios within one run, on the same data, with the same answers. `benches/claims.rs` prints those of
//! single kernels; [`cli`] is the `millrace-bench` command, one module per subcommand. Nothing here is part of the
//! product.

#![forbid(unsafe_code)]

pub mod cli;
pub mod contention;
pub mod decode;
pub mod feed;
pub mod instructions;
pub mod load;
pub mod memory;
pub mod nexmark;
pub mod pipeline;
pub mod process;
pub mod record;
pub mod report;
pub mod resident;
pub mod scenario;
pub mod times;
pub mod trades;
pub mod window;

pub use millrace_kernels::{input, json};
