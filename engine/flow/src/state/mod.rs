//! Keyed state: groups by key, and the aggregates of each group, as columns.

mod byte_keys;
mod group_table;
mod grouped;
mod hash;
mod hash_index;
mod ranked;

pub use group_table::GroupTable;
pub use grouped::{Grouped, PARTIAL_HASH, PARTIAL_ROWS, PartialLayout};
pub use hash::{hash_keys, partition_of};
pub use ranked::{RankEncoding, RankedRows};
