//! Where the bytes of one split come from.

use std::io;

use millrace_connect::connector::{Location, Split};
use millrace_plan::{Error, Result};
use millrace_runtime::{Connection, ReadFile, RingReceiver, ShardContext};

/// Standard input, as the thread that reads it hands it on.
pub type Stdin = RingReceiver<io::Result<Vec<u8>>>;

/// The bytes of one split.
pub enum Feed {
    /// A file, read where the reader asks.
    File(ReadFile),
    /// Standard input.
    Stdin(Stdin),
    /// A connection that this shard has accepted.
    Connection(Connection),
    /// The reader makes its rows.
    Nothing,
}

/// What a feed gave.
pub enum Fed {
    /// Bytes; fewer than asked for mean as much as the feed's reader says.
    Bytes(Vec<u8>),
    /// Nothing has come yet.
    Later,
    /// The peer has vanished: nothing will come any more.
    Lost(io::Error),
}

impl Feed {
    /// Opens the place that a split names. `stdin` goes to the one split that reads it.
    pub async fn open(split: &Split, stdin: &mut Option<Stdin>, context: &ShardContext) -> Result<Feed> {
        match &split.location {
            Location::File(path) => {
                let file = context.disk().open_read(path).await;
                file.map(Feed::File).map_err(|error| crate::job::environment(&error))
            }
            Location::Stdin => {
                let stdin = stdin.take().ok_or_else(|| Error::bug("standard input is not there"))?;
                Ok(Feed::Stdin(stdin))
            }
            Location::Made => Ok(Feed::Nothing),
            Location::Connection => Err(Error::bug("a connection is accepted, not opened")),
        }
    }

    /// Up to `len` bytes from `offset`; a stream gives what has come.
    pub async fn fetch(&mut self, offset: u64, len: Option<usize>) -> Result<Fed> {
        match self {
            Feed::File(file) => {
                let rest = file.len().saturating_sub(offset) as usize;
                let len = len.unwrap_or(rest).min(rest);
                let read = file.read_at(offset, len).await;
                read.map(Fed::Bytes).map_err(|error| crate::job::environment(&error))
            }
            Feed::Stdin(stdin) => match stdin.poll() {
                Some(Ok(chunk)) => Ok(Fed::Bytes(chunk)),
                Some(Err(error)) => Err(Error::environment(format!("standard input: {error}"))),
                None if stdin.closed() => Ok(Fed::Bytes(vec![])),
                None => Ok(Fed::Later),
            },
            Feed::Connection(connection) => Ok(match connection.read() {
                Ok(Some(bytes)) => Fed::Bytes(bytes),
                Ok(None) => Fed::Later,
                Err(error) => Fed::Lost(error),
            }),
            Feed::Nothing => Ok(Fed::Bytes(vec![])),
        }
    }

    /// False = [`Feed::fetch`] would only find that nothing has come.
    pub fn may_have_more(&self) -> bool {
        match self {
            Feed::Connection(connection) => connection.is_ready(),
            _ => true,
        }
    }

    /// True if the shard is woken when there is more; else it must ask again.
    pub fn wakes(&self) -> bool {
        matches!(self, Feed::Connection(_))
    }
}
