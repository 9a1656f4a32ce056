//! The files of a checkpoint: as they come, and with the checksum that their bytes should have.

use millrace_plan::{Culprit, Error};
use millrace_server::checkpoint::{Manifest, decode_snapshot};

use super::{Corpus, Target};

/// Manifests.
pub(super) const MANIFEST: Target = Target { name: "manifest", corpus: manifests, read: read_manifest };
/// Snapshots.
pub(super) const SNAPSHOT: Target = Target { name: "snapshot", corpus: snapshots, read: read_snapshot };

const GOLDEN: &str = "tests/end_to_end/golden/checkpoint";

fn manifests() -> Result<Corpus, String> {
    let entries = super::files(GOLDEN, |path| path.extension().is_some_and(|own| own == "manifest"))?;
    Ok(Corpus { entries, text: true })
}

fn snapshots() -> Result<Corpus, String> {
    let mut entries = super::files(&format!("{GOLDEN}/epoch-000000000001"), |_| true)?;
    entries.extend(super::files("tests/corpus/snapshot", |_| true)?);
    Ok(Corpus { entries, text: false })
}

fn judge<T>(read: Result<T, Error>) -> Result<u64, String> {
    match read {
        Ok(_) => Ok(1),
        Err(error) if error.culprit == Culprit::Data => Ok(0),
        Err(error) => Err(format!("not an error of the file: {error}")),
    }
}

fn read_manifest(input: &[u8]) -> Result<u64, String> {
    let plain = judge(Manifest::decode(input))?;
    let mut sealed: Vec<u8> = input.iter().copied().take_while(|byte| *byte != b'\n').collect();
    sealed.push(b'\n');
    sealed.extend_from_slice(format!("crc32 {:08x}\n", crc32fast::hash(&sealed)).as_bytes());
    Ok(plain + judge(Manifest::decode(&sealed))?)
}

fn read_snapshot(input: &[u8]) -> Result<u64, String> {
    let plain = judge(decode_snapshot(input, |_| Some(0)))?;
    let mut sealed = input[..input.len().saturating_sub(4)].to_vec();
    sealed.extend_from_slice(&crc32fast::hash(&sealed).to_le_bytes());
    Ok(plain + judge(decode_snapshot(&sealed, |_| Some(0)))?)
}
