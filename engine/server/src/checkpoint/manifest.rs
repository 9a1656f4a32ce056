//! The manifest of an epoch: a line of JSON and a line with its checksum. It is what makes an epoch; it is
//! written last, beside its place, and renamed there.

use millrace_flow::checkpoint::Durable;
use millrace_plan::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Link, NodeKey, Part, SplitState};

/// The version of the manifest that this program writes. It reads those before, too: in the first every epoch was
/// whole.
const VERSION: u32 = 2;

/// What an epoch consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this form.
    pub version: u32,
    /// The version of Millrace that wrote it.
    pub millrace: String,
    /// The pipeline, as in the names of its hidden output files.
    pub pipeline: String,
    /// The epoch.
    pub epoch: u64,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: i64,
    /// The input had ended: there is nothing to go on with.
    pub finished: bool,
    /// Slices of the key-hash space.
    pub partitions: usize,
    /// The nodes of the plan.
    pub nodes: Vec<NodeKey>,
    /// Splits that had ended before this run began.
    pub ended_before: Vec<SplitState>,
    /// The epochs that the snapshots of this one build on, oldest first; the first is whole, and so is this one if
    /// there are none.
    #[serde(default)]
    pub follows: Vec<Link>,
    /// What each shard has made durable.
    pub parts: Vec<Part>,
}

impl Manifest {
    /// One of this version.
    pub fn new(pipeline: &str, epoch: u64, partitions: usize, nodes: Vec<NodeKey>) -> Manifest {
        Manifest {
            version: VERSION,
            millrace: env!("CARGO_PKG_VERSION").into(),
            pipeline: pipeline.into(),
            epoch,
            made_at_ms: 0,
            finished: false,
            partitions,
            nodes,
            ended_before: vec![],
            follows: vec![],
            parts: vec![],
        }
    }

    /// Its file.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut file =
            serde_json::to_vec(self).map_err(|error| Error::bug(format!("a manifest: {error}")))?;
        file.push(b'\n');
        file.extend_from_slice(format!("crc32 {:08x}\n", crc32fast::hash(&file)).as_bytes());
        Ok(file)
    }

    /// The manifest in a file.
    pub fn decode(file: &[u8]) -> Result<Manifest> {
        let damaged = |what: &str| Error::data(format!("the manifest is damaged: {what}"));
        let end = file.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it is cut off"))? + 1;
        let (line, sum) = file.split_at(end);
        if sum != format!("crc32 {:08x}\n", crc32fast::hash(line)).as_bytes() {
            return Err(damaged("its checksum is wrong"));
        }
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } =
            serde_json::from_slice(line).map_err(|error| damaged(&error.to_string()))?;
        if version == 0 || version > VERSION {
            return Err(Error::data(format!(
                "the manifest has version {version}, this program reads 1 to {VERSION}"
            ))
            .hint("resume with the version of Millrace that wrote it"));
        }
        serde_json::from_slice(line).map_err(|error| damaged(&error.to_string()))
    }

    /// The epochs whose files it needs, oldest first.
    pub fn needs(&self) -> impl Iterator<Item = u64> {
        self.follows.iter().map(|own| own.epoch).chain([self.epoch])
    }

    /// The epoch as one to keep.
    pub fn durable(&self) -> Durable {
        Durable { epoch: self.epoch, base: self.follows.first().map_or(self.epoch, |own| own.epoch) }
    }

    /// The splits of all shards and of before.
    pub fn splits(&self) -> impl Iterator<Item = &SplitState> {
        self.ended_before.iter().chain(self.parts.iter().flat_map(|own| &own.splits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::SnapshotFile;

    fn example() -> Manifest {
        let key = NodeKey { key: "00ff".into(), what: "Source t (a)".into() };
        let split = SplitState {
            source: "00ff".into(),
            name: "t.json".into(),
            id: 4,
            rows: 10,
            offset: 99,
            ended: false,
            caught_up: false,
        };
        let file = SnapshotFile { shard: 0, bytes: 7, crc32: 9 };
        let part = Part { file, splits: vec![split], staged: vec![] };
        let follows = vec![Link { epoch: 2, files: vec![file] }];
        Manifest { parts: vec![part], follows, ..Manifest::new("p", 3, 256, vec![key]) }
    }

    #[test]
    fn a_manifest_comes_back_and_every_flipped_bit_or_cut_is_found() {
        let file = example().encode().unwrap();
        assert_eq!(Manifest::decode(&file).unwrap(), example());
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..file.len() {
            assert!(Manifest::decode(&file[..length]).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn another_version_is_refused_by_name() {
        let newer = Manifest { version: 3, ..example() };
        let said = Manifest::decode(&newer.encode().unwrap()).unwrap_err().to_string();
        assert!(said.contains("version 3, this program reads 1 to 2"), "{said}");
    }
}
