//! Keyed state: groups by key, and the aggregates of each group, as columns.

mod aggregate_slots;
mod blocks;
mod byte_keys;
mod changed;
mod group_table;
mod grouped;
mod hash;
mod hash_index;
mod packed_keys;
mod partial;
mod pre_aggregation;
mod ranked;
mod ranked_layout;
mod row_store;
mod session_table;

pub use aggregate_slots::AggregateSlots;
pub use blocks::Blocks;
pub use changed::Changed;
pub use group_table::GroupTable;
pub use grouped::{Faults, Grouped};
pub use hash::{hash_keys, partition_of};
pub use partial::{PARTIAL_HASH, PARTIAL_ROWS, PartialLayout};
pub use pre_aggregation::PreAggregation;
pub use ranked::{RankEncoding, RankedRow, RankedRows};
pub use ranked_layout::{HeldRow, RankedLayout, Restored};
pub use row_store::{NO_SLOT, RowStore};
pub use session_table::{Ended, SessionTable};
