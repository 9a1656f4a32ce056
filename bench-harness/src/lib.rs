//! The load generator and the locked baselines. Nothing yet: the next issue builds it.

#![forbid(unsafe_code)]
