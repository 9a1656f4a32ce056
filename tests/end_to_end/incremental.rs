//! Epochs that hold what has changed since the one before: as small as that, and no answer depends on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_tests::binary::{self, Run};
use serde_json::Value;

use crate::objects::Server;

/// Keys, so many that a whole epoch is worth a chain.
const KEYS: u64 = 20_000;

/// Rows after all keys have come, over few of them.
const ROWS: u64 = 480_000;

/// Of those in a second, so that there is time for epochs on any machine.
const PACE: u64 = 80_000;

struct World {
    scratch: tempfile::TempDir,
    /// Where the checkpoints are, if not in a folder.
    server: Option<Server>,
}

impl World {
    fn new() -> World {
        World { scratch: tempfile::tempdir().unwrap(), server: None }
    }

    fn with_bucket() -> World {
        let scratch = tempfile::tempdir().unwrap();
        let server = Some(Server::over(scratch.path().join("store")));
        World { scratch, server }
    }

    /// The folder of the checkpoints, or of the store's objects.
    fn checkpoints(&self) -> PathBuf {
        self.path(if self.server.is_some() { "store/bucket/run" } else { "checkpoints" })
    }

    /// What a command is told of the checkpoints.
    fn place(&self, command: &mut Command) -> String {
        match &self.server {
            None => self.checkpoints().to_string_lossy().into_owned(),
            Some(server) => {
                server.reach(command);
                "s3://bucket/run".into()
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Groups, pairs of a join and the best rows, of which most do not change for most of the time.
    fn script(&self, out: &str) -> PathBuf {
        let table = |name: &str, keys: u64, rows: u64, pace: u64| {
            format!(
                "CREATE TABLE {name} (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '{pace}', 'number-of-rows' = '{rows}', \
                 'fields.k.min' = '0', 'fields.k.max' = '{}', 'fields.v.min' = '0', 'fields.v.max' = '999999');\n",
                keys - 1
            )
        };
        let sink = |name: &str, columns: &str| {
            let path = self.path(out).join(name);
            format!(
                "CREATE TABLE {name} ({columns}) WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json');\n",
                path.display()
            )
        };
        let script = [
            table("many", KEYS, KEYS * 2, 0),
            table("few", 50, ROWS, PACE),
            sink("groups", "k BIGINT, n BIGINT, total BIGINT"),
            sink("best", "k BIGINT, v BIGINT, place BIGINT"),
            sink("pairs", "k BIGINT, n BIGINT, v BIGINT"),
            "CREATE VIEW both AS SELECT * FROM many UNION ALL SELECT * FROM few;\n".into(),
            "INSERT INTO groups SELECT k, COUNT(*), SUM(v) FROM both GROUP BY k EMIT FINAL;\n".into(),
            "INSERT INTO best SELECT * FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS place \
             FROM both) WHERE place <= 2 EMIT FINAL;\n"
                .into(),
            "INSERT INTO pairs SELECT a.k, COUNT(*), MAX(b.v) FROM many AS a JOIN \
             (SELECT k, v FROM many WHERE v < 100000) AS b ON a.k = b.k GROUP BY a.k EMIT FINAL;\n"
                .into(),
        ];
        let file = self.path("script.sql");
        fs::write(&file, script.concat()).unwrap();
        file
    }

    fn run(&self, mut command: Command, out: &str, shards: usize, checkpointed: bool) -> Command {
        command.arg("run").arg(self.script(out)).args([
            "--quiet",
            "--oversubscribe",
            "--shards",
            &shards.to_string(),
        ]);
        if checkpointed {
            let place = self.place(&mut command);
            command.args(["--checkpoint-interval", "1ms", "--checkpoint-dir", &place]);
        }
        if checkpointed && self.server.is_some() {
            command.arg("--checkpoint-staging").arg(self.path("staging"));
        }
        command
    }

    fn finish(&self, out: &str, shards: usize, checkpointed: bool) -> Run {
        let command = binary::limited(&binary::path().unwrap());
        binary::finish(self.run(command, out, shards, checkpointed), self.scratch.path()).unwrap()
    }

    fn state(&self, what: &str) -> Run {
        let mut command = binary::limited(&binary::path().unwrap());
        let place = self.place(&mut command);
        command.args(["state", what, &place]);
        binary::finish(command, self.scratch.path()).unwrap()
    }

    /// Starts a run and ends it at once when an epoch is there that builds on so many.
    fn kill_at(&self, out: &str, shards: usize, links: usize) {
        let command = Command::new(binary::path().unwrap());
        let mut child = self.run(command, out, shards, true).spawn().unwrap();
        while manifests(&self.checkpoints()).iter().all(|own| follows(own).len() < links) {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before an epoch had {links} links");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// All rows of each sink, in order.
    fn seen(&self, out: &str) -> Vec<Vec<String>> {
        let sinks = ["groups", "best", "pairs"].into_iter().map(|sink| self.path(out).join(sink));
        let lines = |folder: PathBuf| {
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let files = files.filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'));
            let mut lines: Vec<String> = files
                .flat_map(|path| {
                    fs::read_to_string(path).unwrap().lines().map(String::from).collect::<Vec<_>>()
                })
                .collect();
            lines.sort();
            lines
        };
        sinks.map(lines).collect()
    }
}

/// The manifests that are there now.
fn manifests(folder: &Path) -> Vec<Value> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let named = paths.iter().filter(|path| path.extension().is_some_and(|own| own == "manifest"));
    // One may go while it is looked at.
    let texts = named.filter_map(|path| fs::read_to_string(path).ok());
    texts.filter_map(|text| serde_json::from_str(text.lines().next()?).ok()).collect()
}

fn follows(manifest: &Value) -> &[Value] {
    manifest["follows"].as_array().map_or(&[], Vec::as_slice)
}

/// The epochs whose files an epoch needs.
fn epochs_of(manifest: &Value) -> Vec<u64> {
    let numbers = follows(manifest).iter().chain([manifest]).map(|own| own["epoch"].as_u64().unwrap());
    numbers.collect()
}

fn bytes(files: &Value) -> u64 {
    files.as_array().unwrap().iter().map(|own| own["bytes"].as_u64().unwrap()).sum()
}

#[test]
fn an_epoch_is_as_small_as_what_has_changed_and_a_kill_loses_nothing() {
    let world = World::new();
    world.finish("straight", 2, false).output().unwrap();
    let expected = world.seen("straight");
    assert!(expected.iter().all(|own| own.len() > 1000), "the queries give rows");
    for (shards, links) in [(2, 2), (1, 1), (3, 4)] {
        world.kill_at("out", shards, links);
        assert!(world.state("verify").output().unwrap().contains(": whole"));
        let found = manifests(&world.checkpoints());
        let newest = found.iter().rev().find(|own| !follows(own).is_empty()).unwrap();
        let (own, base) = (bytes(&newest["parts"]), bytes(&follows(newest)[0]["files"]));
        assert!(own < base, "{own} bytes follow {base}");
    }
    world.finish("out", 2, true).output().unwrap();
    assert_eq!(world.seen("out"), expected);
    // All keys had come long before the end: the last epochs are small.
    let found = manifests(&world.checkpoints());
    let least = found.iter().map(|own| bytes(&own["parts"])).min().unwrap();
    let first = found.iter().find_map(|own| follows(own).first()).expect("an epoch that follows another");
    assert!(least * 20 < bytes(&first["files"]), "{least} bytes for some of {KEYS} keys");
    assert!(world.state("describe").output().unwrap().contains("what has changed since epoch"));
}

#[test]
fn a_chain_in_a_bucket_outlasts_a_kill_and_its_old_files_go() {
    let world = World::with_bucket();
    world.finish("straight", 2, false).output().unwrap();
    for (shards, links) in [(2, 2), (1, 4)] {
        world.kill_at("out", shards, links);
        assert!(world.state("verify").output().unwrap().contains(": whole"));
    }
    let run = world.finish("out", 2, true);
    run.output().unwrap();
    assert!(!run.stderr.contains("could not be removed"), "{}", run.stderr);
    assert_eq!(world.seen("out"), world.seen("straight"));
    let needed = manifests(&world.checkpoints()).iter().flat_map(epochs_of).min().unwrap();
    for entry in fs::read_dir(world.checkpoints()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let number: Option<u64> = name.strip_prefix("epoch-").and_then(|own| own.parse().ok());
        // The store keeps folders without objects.
        let is_empty = || fs::read_dir(&path).unwrap().next().is_none();
        assert!(
            number.is_none_or(|own| own >= needed || is_empty()),
            "{name}: none before {needed} is needed"
        );
    }
}

#[test]
fn a_damaged_file_that_others_build_on_is_named_and_no_run_starts_from_the_beginning() {
    let world = World::new();
    // More than are kept: all build on one.
    world.kill_at("out", 2, 4);
    let found = manifests(&world.checkpoints());
    let newest = found.iter().rev().find(|own| follows(own).len() >= 4).unwrap();
    let name = format!("epoch-{:012}/shard-1.snapshot", follows(newest)[0]["epoch"].as_u64().unwrap());
    let file = world.checkpoints().join(&name);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let verified = world.state("verify");
    assert!(verified.stderr.contains(&name) && verified.status.code() == Some(1), "{verified:?}");
    let run = world.finish("out", 2, true);
    assert!(!run.status.success() && run.stderr.contains("no epoch is whole"), "{run:?}");
    assert!(run.stderr.contains(&name), "{}", run.stderr);
}
