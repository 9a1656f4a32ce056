//! A shard's part of an epoch as one file: a head that says what is where, then Arrow IPC streams, all under
//! one checksum. Anything torn, cut off or flipped is found before it is read.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use millrace_flow::checkpoint::{NodeSnapshot, OperatorState, Placement, ShardSnapshot, StateTable};
use millrace_plan::{Error, NodeId, Result};
use serde::{Deserialize, Serialize};

use super::NodeKey;

/// What the file begins with: the format and its version.
const MAGIC: &[u8] = b"MILLRACE SNAPSHOT 1\n";
/// Length of the head, as a little-endian number.
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
    tables: Vec<TableHead>,
}

#[derive(Serialize, Deserialize)]
struct TableHead {
    name: String,
    keyed: bool,
    bytes: usize,
}

/// The file of a snapshot, and its CRC-32.
pub fn encode(snapshot: &ShardSnapshot, keys: &[NodeKey]) -> Result<(Vec<u8>, u32)> {
    let mut tables = vec![];
    let mut head = Head { epoch: snapshot.epoch, nodes: vec![] };
    for node in &snapshot.nodes {
        let NodeKey { key, what } = keys[node.node].clone();
        let mut own = NodeHead { key, what, watermark_ms: node.watermark_ms, tables: vec![] };
        for table in &node.state.tables {
            let before = tables.len();
            stream(&table.rows, &mut tables)?;
            own.tables.push(TableHead {
                name: table.name.clone(),
                keyed: table.placement == Placement::Keyed,
                bytes: tables.len() - before,
            });
        }
        head.nodes.push(own);
    }
    let head =
        serde_json::to_vec(&head).map_err(|error| Error::bug(format!("a snapshot's head: {error}")))?;
    let mut file = Vec::with_capacity(MAGIC.len() + LENGTH_BYTES + head.len() + tables.len() + CRC_BYTES);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&(head.len() as u32).to_le_bytes());
    file.extend_from_slice(&head);
    file.extend_from_slice(&tables);
    file.extend_from_slice(&crc32fast::hash(&file).to_le_bytes());
    let crc32 = crc32fast::hash(&file);
    Ok((file, crc32))
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
    let Some(rest) = body.strip_prefix(MAGIC) else {
        return Err(damaged("it does not begin as a snapshot of this version"));
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(damaged("its checksum is wrong"));
    }
    let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or_else(|| damaged("it has no head"))?;
    let (head, mut rest) = rest
        .split_at_checked(u32::from_le_bytes(*length) as usize)
        .ok_or_else(|| damaged("its head is cut off"))?;
    let head: Head = serde_json::from_slice(head).map_err(|error| damaged(&format!("its head: {error}")))?;
    let mut snapshot = ShardSnapshot { epoch: head.epoch, nodes: vec![] };
    for own in head.nodes {
        let mut state = OperatorState::none();
        for table in own.tables {
            let (bytes, after) =
                rest.split_at_checked(table.bytes).ok_or_else(|| damaged("a table is cut off"))?;
            rest = after;
            let placement = if table.keyed { Placement::Keyed } else { Placement::Everywhere };
            state.tables.push(StateTable { name: table.name, placement, rows: rows(bytes)? });
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

fn rows(bytes: &[u8]) -> Result<RecordBatch> {
    let failed = |error: arrow::error::ArrowError| Error::data(format!("the snapshot is damaged: {error}"));
    let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(failed)?;
    let schema = reader.schema();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
    concat_batches(&schema, &batches).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, UInt64Array};

    use super::*;

    fn example() -> (ShardSnapshot, Vec<NodeKey>) {
        let hashes = Arc::new(UInt64Array::from(vec![7, 1 << 60])) as _;
        let values = Arc::new(Int64Array::from(vec![Some(-1), None])) as _;
        let rows = RecordBatch::try_from_iter([("hash", hashes), ("value", values)]).unwrap();
        let mut state = OperatorState::none();
        state.add_keyed("groups", rows.clone());
        state.add_everywhere("splits", rows);
        let nodes = vec![
            NodeSnapshot { node: 0, watermark_ms: i64::MIN, state: OperatorState::none() },
            NodeSnapshot { node: 1, watermark_ms: 12, state },
        ];
        let key = |key: &str| NodeKey { key: key.into(), what: format!("operator {key}") };
        (ShardSnapshot { epoch: 3, nodes }, vec![key("a"), key("b")])
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was() {
        let (snapshot, keys) = example();
        let (file, _) = encode(&snapshot, &keys).unwrap();
        let place = |key: &str| keys.iter().position(|own| own.key == key);
        assert_eq!(decode(&file, place).unwrap(), snapshot);
        let gone = decode(&file, |key| (key == "a").then_some(0)).unwrap_err().to_string();
        assert!(gone.contains("the script no longer has `operator b`"), "{gone}");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let (snapshot, keys) = example();
        let (file, _) = encode(&snapshot, &keys).unwrap();
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
