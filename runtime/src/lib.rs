//! Shards, and how they talk: pinned threads with an executor each, SPSC rings between every two, park and
//! wake, timers, files, sockets, clocks.
//!
//! Contract: [`start`] runs one main per shard; what crosses between shards crosses in a [`mesh`] of rings
//! that never block. Everything is generic over the message. This crate is *not* aware of SQL, Arrow or
//! queries. It alone may name glommio (`backend/glommio.rs`), start threads, read clocks and touch files
//! and sockets.

#![deny(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[allow(unsafe_code, reason = "system calls; each use says why it is sound")]
mod backend;
#[allow(unsafe_code, reason = "system calls; each use says why it is sound")]
mod bell;
mod clock;
mod contained;
mod disk;
mod error;
pub mod folder;
mod housekeeping;
mod memory;
mod mesh;
mod net;
mod objects;
mod placement;
mod ring;
mod running;
mod shard;
pub mod wake_token;

pub use backend::BackendKind;
pub use bell::{Bell, WakeHandle};
pub use clock::Clock;
pub use contained::contained;
pub use disk::{Disk, ReadFile, WriteFile};
pub use error::{DiskError, NetError, RuntimeError};
pub use folder::Folder;
pub use housekeeping::{LogFile, Worker, read_bytes, read_file, read_stdin, with_stack};
pub use memory::memory_bytes;
pub use mesh::{Inbox, MeshEnd, Outbox, mesh};
pub use net::{ConnectedSocket, Connection, ListenSocket, Listener, Net, connect, listen};
pub use objects::{Bucket, ObjectError, ObjectErrorKind};
pub use placement::{Placement, parse_cores, place};
pub use ring::{RingReceiver, RingSender, ring};
pub use running::{Running, start};
pub use shard::ShardContext;
