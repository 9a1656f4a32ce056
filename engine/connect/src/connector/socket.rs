//! `socket`: as a source, listens on a port, and each connection is a split; as a sink, connects to a port.
//!
//! Nothing here touches a socket: the shards do, told by [`Source::endpoint`] and [`Target::Socket`].

use millrace_plan::{Error, Limits, Result, TableDef};

use super::bytes::{ByteReader, ByteSink};
use super::options::{parsed_option, required_format};
use super::{Connector, Endpoint, OptionDef, Sink, Source, Split, SplitReader, Target};

/// TCP.
pub(super) static SOCKET: Connector = Connector {
    name: "socket",
    about: "TCP: a source listens, each connection is a split; a sink connects",
    options: &[
        OptionDef { name: "port", about: "the port to listen on, or to connect to", required: true },
        OptionDef {
            name: "hostname",
            about: "the address to listen on, or to connect to; default 127.0.0.1: this machine only",
            required: false,
        },
    ],
    takes_format: true,
    needs_format: true,
    metadata: &[],
    source: Some(|table| Ok(Box::new(Socket::new(table)?))),
    sink: Some(sink),
};

fn endpoint(table: &TableDef) -> Result<Endpoint> {
    let port: u16 = parsed_option(table, "port", 0, "a port from 1 to 65535")?;
    if port == 0 {
        return Err(Error::query("'port' = '0': expected a port from 1 to 65535"));
    }
    let host = table.option("hostname").map(str::trim).unwrap_or("127.0.0.1");
    if host.is_empty() {
        return Err(
            Error::query("option 'hostname' is empty").hint("name an address, as in '0.0.0.0' for all")
        );
    }
    Ok(Endpoint { host: host.to_string(), port })
}

fn sink(table: &TableDef) -> Result<Box<dyn Sink>> {
    let endpoint = endpoint(table)?;
    streams(table)?;
    Ok(Box::new(ByteSink::new(table, |_| Target::Socket(endpoint))?))
}

/// Refuses formats that need the end before the beginning.
fn streams(table: &TableDef) -> Result<()> {
    let format = required_format(table)?;
    match format.streams {
        true => Ok(()),
        false => {
            Err(Error::query(format!("format '{}' cannot be read or written piece by piece", format.name))
                .hint("use 'json', 'csv' or 'arrow' on a socket"))
        }
    }
}

struct Socket {
    table: TableDef,
    endpoint: Endpoint,
}

impl Socket {
    fn new(table: &TableDef) -> Result<Socket> {
        streams(table)?;
        Ok(Socket { table: table.clone(), endpoint: endpoint(table)? })
    }
}

impl Source for Socket {
    fn bounded(&self) -> bool {
        false
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        Ok(vec![])
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.endpoint)
    }

    fn replays(&self) -> bool {
        false
    }

    fn open(&self, _split: &Split, projection: &[usize], limits: &Limits) -> Result<Box<dyn SplitReader>> {
        Ok(Box::new(ByteReader::new(&self.table, projection, &[], limits, false)?))
    }
}
