//! Keyed state: groups by key, and the aggregates of each group, as columns.

mod aggregate_slots;
mod byte_keys;
mod group_table;
mod grouped;
mod hash;
mod hash_index;
mod session_table;
