//! Runs every file of `tests/sql/cases/` through the real binary, at several shard counts and batch sizes.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads the cases, and panics when it cannot"
)]

mod modules;

use std::fs;
use std::path::{Path, PathBuf};

use millrace_tests::binary::{self, Setup};
use millrace_tests::sheet::{self, Outcome, Sheet};
use millrace_tests::{changelog, table};

const SETUPS: &[Setup] = &[
    Setup { shards: 1, batch_rows: 8192, backend: "threads" },
    Setup { shards: 1, batch_rows: 1, backend: "threads" },
    Setup { shards: 2, batch_rows: 8192, backend: "threads" },
    Setup { shards: 2, batch_rows: 2, backend: "threads" },
];

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/cases");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.sort();
    paths
}

fn load(path: &Path) -> Sheet {
    sheet::read(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs a case once.
fn check(sheet: &Sheet, setup: Setup, folder: &Path) -> Result<(), String> {
    let script = sheet.script.replace("$dir", &folder.join("input").to_string_lossy());
    let run = binary::run(&script, setup, folder)?;
    match &sheet.outcome {
        Outcome::Rows { kinds, rows } => {
            let found = changelog::fold(&changelog::read(run.output()?, kinds)?)?;
            let difference = table::compare(rows, &found);
            if difference.is_empty() { Ok(()) } else { Err(difference.to_string()) }
        }
        Outcome::Refused(_) if !run.refused() => {
            Err(format!("was not refused: {}\n{}", run.status, run.stderr))
        }
        Outcome::Refused(parts) => {
            match parts.iter().find(|part| !run.stderr.to_lowercase().contains(&part.to_lowercase())) {
                Some(part) => Err(format!("the message does not say `{part}`:\n{}", run.stderr)),
                None => Ok(()),
            }
        }
    }
}

#[test]
fn every_case_is_well_formed() {
    let sheets: Vec<Sheet> = cases().iter().map(|path| load(path)).collect();
    assert!(sheets.len() >= 30, "only {} cases were found", sheets.len());
}

#[test]
fn every_case_gives_its_rows_in_every_setup() {
    let wanted = std::env::var("MILLRACE_CASE").unwrap_or_default();
    let mut failures = Vec::new();
    for path in cases() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.contains(&wanted) {
            continue;
        }
        let sheet = load(&path);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("input")).unwrap();
        for (file, text) in &sheet.inputs {
            fs::write(folder.path().join("input").join(file), text).unwrap();
        }
        if sheet.script.contains(".wasm") {
            modules::assemble(&folder.path().join("input"));
        }
        for setup in SETUPS {
            if let Err(error) = check(&sheet, *setup, folder.path()) {
                failures.push(format!("{name} ({setup}): {error}"));
                break; // the other setups would say the same again
            }
        }
    }
    assert!(failures.is_empty(), "{} case(s) failed\n{}", failures.len(), failures.join("\n"));
}
