//! What reads bytes, tried with inputs that are nearly right: a few thousand each here, millions by the command
//! (`tests/src/bin/fuzz.rs`). And the files of a checkpoint, damaged: always noticed, always named.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it damages files, and panics when it cannot"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_connect::format::FORMATS;
use millrace_server::checkpoint::{Place, inspect};
use millrace_tests::binary;
use millrace_tests::fuzz::{Random, TARGETS};

fn run(name: &str, inputs: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuzz"));
    let output = command.args(["run", name, inputs]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}", said.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
    let counted = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        counted.contains(&format!("{name}: {inputs} inputs")) && !counted.contains(" 0 rows"),
        "{counted}"
    );
}

#[test]
fn no_script_makes_the_planner_fail() {
    run("sql", "3000");
}

#[test]
fn no_bytes_make_a_format_or_a_file_of_a_checkpoint_fail() {
    TARGETS.iter().filter(|own| own.name != "sql").for_each(|own| run(own.name, "5000"));
}

#[test]
fn every_corpus_is_read() {
    for target in TARGETS {
        for entry in (target.corpus)().unwrap().entries {
            let text = String::from_utf8_lossy(&entry).into_owned();
            (target.read)(&entry).unwrap_or_else(|error| panic!("{}: {error}: {text}", target.name));
        }
    }
}

#[test]
fn every_format_that_is_read_is_tried() {
    for format in FORMATS.iter().filter(|own| own.decoder.is_some()) {
        assert!(TARGETS.iter().any(|own| own.name == format.name), "{} is not", format.name);
    }
}

/// The files of the only epoch in a folder, by what they are called in messages.
fn checkpoint_files(folder: &Path) -> Vec<(String, PathBuf)> {
    let epoch = "epoch-000000000001";
    let names = [
        format!("{epoch}.manifest"),
        format!("{epoch}/shard-0.snapshot"),
        format!("{epoch}/shard-1.snapshot"),
    ];
    names.map(|name| (name.clone(), folder.join(name))).into()
}

/// Not by way of an empty file, which file systems hurry to make durable.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = fs::File::options().write(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

#[test]
fn ten_thousand_flips_and_cuts_of_checkpoint_files_are_all_noticed_and_named() {
    const DAMAGES: u64 = 10_000;
    let golden = binary::root().join("tests/end_to_end/golden/checkpoint");
    let scratch = tempfile::tempdir().unwrap();
    fs::create_dir(scratch.path().join("epoch-000000000001")).unwrap();
    for ((_, from), (_, to)) in checkpoint_files(&golden).into_iter().zip(checkpoint_files(scratch.path())) {
        fs::copy(from, to).unwrap();
    }
    let place = Place::Folder(scratch.path().to_path_buf());
    assert!(inspect::verify(&place).unwrap().contains("epoch 1: whole"));
    let files = checkpoint_files(scratch.path());
    for seed in 0..DAMAGES {
        let mut random = Random::new(seed);
        let (name, path) = &files[random.below(files.len())];
        let whole = fs::read(path).unwrap();
        let mut damaged = whole.clone();
        let at = random.below(whole.len());
        match random.below(4) {
            0 => damaged.truncate(at),
            flips => (0..flips)
                .for_each(|_| damaged[(at + random.below(4096)) % whole.len()] ^= 1 << random.below(8)),
        }
        // Two flips of the same bit are none.
        if damaged == whole {
            damaged[at] ^= 1;
        }
        overwrite(path, &damaged);
        let verdict = inspect::verify(&place);
        overwrite(path, &whole);
        let said =
            verdict.expect_err(&format!("seed {seed}: a damaged {name} is taken for whole")).to_string();
        assert!(
            said.contains("epoch 1: ") && said.contains(name.as_str()),
            "seed {seed}: {name} is damaged: {said}"
        );
    }
    assert!(inspect::verify(&place).is_ok());
}
