//! A shard's part of an epoch as one file: Arrow IPC streams, then a head that says what is where, all under
//! one checksum. Anything torn, cut off or flipped is found before it is read. A table is a stream of its rows, and,
//! where the state has parts, one of the part of each row and one of the ranges of parts that are gone.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::buffer::Buffer;
use arrow::compute::concat_batches;
use arrow::datatypes::UInt64Type;
use arrow::error::ArrowError;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use millrace_flow::checkpoint::{Extent, NodeSnapshot, OperatorState, Placement, ShardSnapshot, StateTable};
use millrace_plan::{Error, NodeId, Result};
use millrace_runtime::contained;
use serde::{Deserialize, Serialize};

use super::NodeKey;

/// What the file begins with: the format and its version.
const MAGIC: &[u8] = b"MILLRACE SNAPSHOT 2\n";
/// The version before, in which every snapshot was whole.
const MAGIC_1: &[u8] = b"MILLRACE SNAPSHOT 1\n";
/// Length of the head, which stands before it, as a little-endian number.
const LENGTH_BYTES: usize = 4;
/// The checksum at the end.
const CRC_BYTES: usize = 4;

#[derive(Serialize, Deserialize)]
struct Head {
    epoch: u64,
    nodes: Vec<NodeHead>,
}

#[derive(Serialize, Deserialize)]
struct NodeHead {
    key: String,
    what: String,
    watermark_ms: i64,
    /// Only what has changed since the snapshot before.
    #[serde(default)]
    changes: bool,
    tables: Vec<TableHead>,
}

#[derive(Serialize, Deserialize)]
struct TableHead {
    name: String,
    keyed: bool,
    /// Length of the stream of rows.
    bytes: usize,
    /// Length of the stream of parts; 0 = none.
    #[serde(default)]
    parts_bytes: usize,
    /// Length of the stream of ranges; 0 = none.
    #[serde(default)]
    gone_bytes: usize,
}

/// Makes the file of a snapshot piece by piece, so that the shard gets on between two.
pub struct Encoder {
    head: Head,
    crc: crc32fast::Hasher,
    bytes: u64,
}

impl Encoder {
    /// The beginning, and its piece.
    pub fn new(epoch: u64) -> (Encoder, Vec<u8>) {
        let mut own =
            Encoder { head: Head { epoch, nodes: vec![] }, crc: crc32fast::Hasher::new(), bytes: 0 };
        let piece = own.piece(MAGIC.to_vec());
        (own, piece)
    }

    fn piece(&mut self, piece: Vec<u8>) -> Vec<u8> {
        self.crc.update(&piece);
        self.bytes += piece.len() as u64;
        piece
    }

    /// The tables that follow are of this node.
    pub fn node(&mut self, key: &NodeKey, watermark_ms: i64, extent: Extent) {
        let NodeKey { key, what } = key.clone();
        let changes = extent == Extent::Changes;
        self.head.nodes.push(NodeHead { key, what, watermark_ms, changes, tables: vec![] });
    }

    /// The piece of a table.
    pub fn table(&mut self, table: &StateTable) -> Result<Vec<u8>> {
        let mut piece = vec![];
        stream(&table.rows, &mut piece)?;
        let bytes = piece.len();
        if !table.parts.is_empty() {
            stream(&numbers([("part", table.parts.clone())])?, &mut piece)?;
        }
        let parts_bytes = piece.len() - bytes;
        if !table.gone.is_empty() {
            let (starts, ends) = table.gone.iter().map(|own| (own.start, own.end)).unzip();
            stream(&numbers([("start", starts), ("end", ends)])?, &mut piece)?;
        }
        let Some(node) = self.head.nodes.last_mut() else { return Err(Error::bug("a table of no node")) };
        node.tables.push(TableHead {
            name: table.name.clone(),
            keyed: table.placement == Placement::Keyed,
            bytes,
            parts_bytes,
            gone_bytes: piece.len() - parts_bytes - bytes,
        });
        Ok(self.piece(piece))
    }

    /// The last piece, and the length of the file and its checksum.
    pub fn finish(mut self) -> Result<(Vec<u8>, u64, u32)> {
        let failed = |error| Error::bug(format!("a snapshot's head: {error}"));
        let mut last = serde_json::to_vec(&self.head).map_err(failed)?;
        last.extend_from_slice(&(last.len() as u32).to_le_bytes());
        let mut last = self.piece(last);
        let crc32 = self.crc.finalize();
        last.extend_from_slice(&crc32.to_le_bytes());
        Ok((last, self.bytes + CRC_BYTES as u64, crc32))
    }
}

/// The checksum at the end of a snapshot file.
pub fn stored_crc32(file: &[u8]) -> Option<u32> {
    file.split_last_chunk::<CRC_BYTES>().map(|(_, crc)| u32::from_le_bytes(*crc))
}

fn numbers<const N: usize>(columns: [(&str, Vec<u64>); N]) -> Result<RecordBatch> {
    let columns = columns.map(|(name, own)| (name, Arc::new(UInt64Array::from(own)) as ArrayRef));
    RecordBatch::try_from_iter(columns).map_err(|error| Error::bug(format!("numbers of parts: {error}")))
}

fn stream(rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let failed = |error: arrow::error::ArrowError| Error::bug(format!("writing state: {error}"));
    let mut writer = StreamWriter::try_new(out, &rows.schema()).map_err(failed)?;
    writer.write(rows).and_then(|()| writer.finish()).map_err(failed)
}

/// The snapshot in a file; `node` finds the node of a key. Nodes that it does not find are an error if they held
/// anything: `Culprit::Query`, the script has changed.
pub fn decode(file: &[u8], node: impl Fn(&str) -> Option<NodeId>) -> Result<ShardSnapshot> {
    let damaged = |what: &str| Error::data(format!("the snapshot is damaged: {what}"));
    let Some((body, crc)) = file.split_last_chunk::<CRC_BYTES>() else {
        return Err(damaged("it is cut off"));
    };
    let Some(rest) = body.strip_prefix(MAGIC).or_else(|| body.strip_prefix(MAGIC_1)) else {
        return Err(damaged("it does not begin as a snapshot of this version"));
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(damaged("its checksum is wrong"));
    }
    let (rest, length) = rest.split_last_chunk::<LENGTH_BYTES>().ok_or_else(|| damaged("it has no head"))?;
    let tables = rest.len().checked_sub(u32::from_le_bytes(*length) as usize);
    let (mut rest, head) = rest.split_at(tables.ok_or_else(|| damaged("its head is cut off"))?);
    let head: Head = serde_json::from_slice(head).map_err(|error| damaged(&format!("its head: {error}")))?;
    let mut snapshot = ShardSnapshot { epoch: head.epoch, nodes: vec![] };
    for own in head.nodes {
        let extent = if own.changes { Extent::Changes } else { Extent::Whole };
        let mut state = OperatorState::new(extent);
        for head in own.tables {
            state.tables.push(table(head, &mut rest)?);
        }
        match node(&own.key) {
            Some(node) => {
                snapshot.nodes.push(NodeSnapshot { node, watermark_ms: own.watermark_ms, state });
            }
            None if state.tables.is_empty() => {}
            None => {
                return Err(Error::query(format!(
                    "the script no longer has `{}`, which holds state",
                    own.what
                ))
                .hint(
                    "resume with the script that wrote the checkpoint, or name an empty --checkpoint-dir",
                ));
            }
        }
    }
    Ok(snapshot)
}

fn table(head: TableHead, rest: &mut &[u8]) -> Result<StateTable> {
    let damaged = |what: &str| Error::data(format!("the snapshot is damaged: {what}"));
    let mut take = |length: usize| {
        let (bytes, after) = rest.split_at_checked(length).ok_or_else(|| damaged("a table is cut off"))?;
        *rest = after;
        Ok::<_, Error>(bytes)
    };
    let (of_rows, of_parts) = (take(head.bytes)?, take(head.parts_bytes)?);
    let of_gone = take(head.gone_bytes)?;
    let column = |bytes: &[u8], column: usize| -> Result<Vec<u64>> {
        if bytes.is_empty() {
            return Ok(vec![]);
        }
        let rows = rows(bytes)?;
        let own = rows.columns().get(column).and_then(|own| own.as_primitive_opt::<UInt64Type>());
        own.map(|own| own.values().to_vec()).ok_or_else(|| damaged("its parts cannot be read"))
    };
    let gone = column(of_gone, 0)?.into_iter().zip(column(of_gone, 1)?).map(|(start, end)| start..end);
    Ok(StateTable {
        name: head.name,
        placement: if head.keyed { Placement::Keyed } else { Placement::Everywhere },
        rows: rows(of_rows)?,
        parts: column(of_parts, 0)?,
        gone: gone.collect(),
    })
}

fn rows(bytes: &[u8]) -> Result<RecordBatch> {
    fn failed(error: impl std::fmt::Display) -> Error {
        Error::data(format!("the snapshot is damaged: {error}"))
    }
    // A decoder takes lengths for what they are worth: it asks for no more memory than there are bytes.
    let read = || {
        let (mut decoder, mut rest) = (StreamDecoder::new(), Buffer::from(bytes));
        let mut batches = vec![];
        while let Some(batch) = decoder.decode(&mut rest)? {
            batches.push(batch);
        }
        decoder.finish()?;
        match batches.as_slice() {
            [only] => Ok(only.clone()),
            [first, ..] => concat_batches(&first.schema(), &batches),
            [] => Err(ArrowError::IpcError("it has no rows".into())),
        }
    };
    contained(read).map_err(failed)?.map_err(failed)
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn encode(snapshot: &ShardSnapshot, keys: &[NodeKey]) -> Vec<u8> {
        let (mut encoder, mut file) = Encoder::new(snapshot.epoch);
        for node in &snapshot.nodes {
            encoder.node(&keys[node.node], node.watermark_ms, node.state.extent);
            node.state.tables.iter().for_each(|table| file.extend(encoder.table(table).unwrap()));
        }
        let (last, bytes, crc32) = encoder.finish().unwrap();
        file.extend(last);
        assert_eq!((file.len() as u64, stored_crc32(&file)), (bytes, Some(crc32)));
        file
    }

    fn example() -> (ShardSnapshot, Vec<NodeKey>) {
        let hashes = Arc::new(UInt64Array::from(vec![7, 1 << 60])) as _;
        let values = Arc::new(Int64Array::from(vec![Some(-1), None])) as _;
        let rows = RecordBatch::try_from_iter([("hash", hashes), ("value", values)]).unwrap();
        let mut state = OperatorState::none();
        state.add_keyed("groups", rows.clone());
        state.add_everywhere("splits", rows.clone());
        let mut changes = OperatorState::new(Extent::Changes);
        changes.add_parts("panes", rows.clone(), vec![5, 1 << 40], vec![0..4, 7..9]);
        changes.add_parts("windows", rows.slice(0, 0), vec![], std::iter::once(3..4).collect());
        let nodes = vec![
            NodeSnapshot { node: 0, watermark_ms: i64::MIN, state: OperatorState::none() },
            NodeSnapshot { node: 1, watermark_ms: 12, state },
            NodeSnapshot { node: 2, watermark_ms: 13, state: changes },
        ];
        let key = |key: &str| NodeKey { key: key.into(), what: format!("operator {key}") };
        (ShardSnapshot { epoch: 3, nodes }, vec![key("a"), key("b"), key("c")])
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was() {
        let (snapshot, keys) = example();
        let file = encode(&snapshot, &keys);
        let place = |key: &str| keys.iter().position(|own| own.key == key);
        assert_eq!(decode(&file, place).unwrap(), snapshot);
        let gone = decode(&file, |key| (key != "b").then_some(0)).unwrap_err().to_string();
        assert!(gone.contains("the script no longer has `operator b`"), "{gone}");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let (snapshot, keys) = example();
        let file = encode(&snapshot, &keys);
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = decode(&flipped, |_| Some(0)).unwrap_err().to_string();
            assert!(found.contains("the snapshot is damaged"), "{found}");
        }
        for length in 0..file.len() {
            assert!(decode(&file[..length], |_| Some(0)).is_err(), "cut to {length} bytes");
        }
    }
}
