//! TCP, on the shard that owns the socket: reads and writes that never block, and wake the shard when they may go on.
//!
//! Addresses are looked up, ports taken and peers called on the main thread before the shards start ([`listen`],
//! [`connect`]), so that what cannot work is said at once; a shard then adopts its sockets
//! ([`crate::ShardContext::net`]). One port has a listener per shard (`SO_REUSEPORT`, socket(7)): the kernel spreads
//! new connections over them, and no shard hands a connection to another. This is *not* aware of what the bytes mean.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::backend::Executor;
use crate::bell::Bell;
use crate::error::NetError;

/// Connections that may wait to be accepted, per shard.
const BACKLOG: i32 = 1024;

/// How long to wait for a peer to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes read with one system call.
const READ_BYTES: usize = 256 << 10;

/// A listening socket that no shard has adopted yet.
#[derive(Debug)]
pub struct ListenSocket(TcpListener);

/// A connected socket that no shard has adopted yet.
#[derive(Debug)]
pub struct ConnectedSocket(TcpStream);

/// Takes a port, once for each of `shards`. Main thread: looks up the host's name.
pub fn listen(host: &str, port: u16, shards: usize) -> Result<Vec<ListenSocket>, NetError> {
    let failed = |source| NetError::Listen { host: host.into(), port, source };
    let address = resolve(host, port).map_err(failed)?;
    // Sockets that share a port would share it with another process too: first see that nobody has it.
    drop(listener(address, false).map_err(failed)?);
    (0..shards).map(|_| listener(address, true).map(ListenSocket).map_err(failed)).collect()
}

/// Calls a peer, once for each of `shards`. Main thread: looks up the host's name, waits for the answer.
pub fn connect(host: &str, port: u16, shards: usize) -> Result<Vec<ConnectedSocket>, NetError> {
    let failed = |source| NetError::Connect { host: host.into(), port, source };
    let address = resolve(host, port).map_err(failed)?;
    let call = |_| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map(ConnectedSocket).map_err(failed);
    (0..shards).map(call).collect()
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut found = (host, port).to_socket_addrs()?;
    found.next().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

fn listener(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier run may linger.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    // The one that only looks must not take connections that nobody will accept.
    if shared {
        socket.listen(BACKLOG)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The sockets that one executor watches.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    ready: RefCell<Vec<Rc<Cell<bool>>>>,
}

impl Watches {
    /// Watches a socket: the cell turns true whenever it may be read or written again.
    pub(crate) fn add(&self, bell: &Bell, socket: RawFd) -> io::Result<Rc<Cell<bool>>> {
        let mut watched = self.ready.borrow_mut();
        // A cell that only this list holds belonged to a socket that has closed.
        let free = watched.iter().position(|own| Rc::strong_count(own) == 1);
        let number = free.unwrap_or(watched.len());
        bell.watch(socket, number as u64)?;
        let ready = Rc::new(Cell::new(true));
        match free {
            Some(free) => watched[free] = ready.clone(),
            None => watched.push(ready.clone()),
        }
        Ok(ready)
    }

    /// Asks the kernel which sockets are ready. No system call when none is watched.
    pub(crate) fn look(&self, bell: &Bell) {
        let watched = self.ready.borrow();
        if watched.is_empty() {
            return;
        }
        bell.news(|number| {
            if let Some(ready) = watched.get(number as usize) {
                ready.set(true);
            }
        });
    }
}

/// The sockets, reached through the shard that adopts them.
#[derive(Clone)]
pub struct Net {
    pub(crate) executor: Rc<dyn Executor>,
    /// Where all connections of the shard read to, one after the other.
    pub(crate) scratch: Rc<RefCell<Vec<u8>>>,
}

impl Net {
    /// Makes a listening socket this shard's own.
    pub fn listener(&self, socket: ListenSocket) -> io::Result<Listener> {
        let ready = self.executor.watch(socket.0.as_raw_fd())?;
        Ok(Listener { socket: socket.0, ready, net: self.clone() })
    }

    /// Makes a connected socket this shard's own.
    pub fn connection(&self, socket: ConnectedSocket) -> io::Result<Connection> {
        let ConnectedSocket(socket) = socket;
        socket.set_nonblocking(true)?;
        // Results leave when they are there, not when a packet is full.
        socket.set_nodelay(true)?;
        let ready = self.executor.watch(socket.as_raw_fd())?;
        Ok(Connection { socket, ready, scratch: self.scratch.clone() })
    }
}

/// A shard's listener.
pub struct Listener {
    socket: TcpListener,
    ready: Rc<Cell<bool>>,
    net: Net,
}

impl Listener {
    /// A new connection and who it is from, if there is one. Never blocks. An error is of one connection or of the
    /// process (no descriptor left); the listener stays.
    pub fn accept(&self) -> io::Result<Option<(Connection, SocketAddr)>> {
        while self.ready.get() {
            match self.socket.accept() {
                Ok((socket, from)) => {
                    return self.net.connection(ConnectedSocket(socket)).map(|own| Some((own, from)));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.ready.set(false),
                Err(error) if gone_already(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// The caller hung up before it was accepted.
fn gone_already(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

/// A shard's connection.
pub struct Connection {
    socket: TcpStream,
    ready: Rc<Cell<bool>>,
    scratch: Rc<RefCell<Vec<u8>>>,
}

impl Connection {
    /// False = the next read or write would only find that there is nothing to do.
    pub fn is_ready(&self) -> bool {
        self.ready.get()
    }

    /// What has come; empty = the peer sends no more, `None` = nothing now. Never blocks.
    pub fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let (socket, mut scratch) = (&mut self.socket, self.scratch.borrow_mut());
        scratch.resize(READ_BYTES, 0);
        let len = attempt(&self.ready, || socket.read(&mut scratch))?;
        Ok(len.map(|len| scratch[..len].to_vec()))
    }

    /// Sends the first bytes; how many. Never blocks.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let socket = &mut self.socket;
        attempt(&self.ready, || socket.write(bytes)).map(Option::unwrap_or_default)
    }

    /// Nothing more will be sent; the peer sees the end.
    pub fn finish(&mut self) -> io::Result<()> {
        self.socket.shutdown(Shutdown::Write)
    }
}

/// Does it if the socket is ready; `None` = it was not.
fn attempt(ready: &Cell<bool>, mut work: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    while ready.get() {
        match work() {
            Ok(len) => return Ok(Some(len)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => ready.set(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
