//! What can go wrong under a shard.

use std::io;
use std::path::{Path, PathBuf};

/// A start or a shard that failed.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The machine does not offer what was asked for.
    #[error("{message}; {hint}")]
    Environment {
        /// What and why.
        message: String,
        /// The remedy.
        hint: String,
    },
    /// A shard panicked; the others were stopped.
    #[error("shard {shard} panicked: {message}")]
    Panicked {
        /// Which.
        shard: usize,
        /// The panic's message.
        message: String,
    },
}

impl RuntimeError {
    pub(crate) fn environment(message: impl Into<String>, hint: impl Into<String>) -> RuntimeError {
        RuntimeError::Environment { message: message.into(), hint: hint.into() }
    }
}

/// A port that cannot be taken, or a peer that cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The port cannot be listened on.
    #[error("listening on {host}:{port}: {source}")]
    Listen {
        /// The name or address that was given.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
    /// The peer does not answer.
    #[error("connecting to {host}:{port}: {source}")]
    Connect {
        /// The name or address that was given.
        host: String,
        /// The port.
        port: u16,
        /// The cause.
        source: io::Error,
    },
}

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct DiskError {
    /// The file or folder.
    pub path: PathBuf,
    /// The cause; a full disk is `ErrorKind::StorageFull`.
    pub source: io::Error,
}

impl DiskError {
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> DiskError {
        let path = path.to_path_buf();
        move |source| DiskError { path, source }
    }
}
