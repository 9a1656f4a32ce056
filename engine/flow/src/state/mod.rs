//! Keyed state: the group table.
