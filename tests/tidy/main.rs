//! The rules of the house (ARCHITECTURE.md, "Invariants") as tests: each gate is a pure function from the
//! tree to its violations, is proven by trees that break it, and finds none in the real tree.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test: it reads the tree it judges, and panics when it cannot"
)]

mod boundary;
mod declared;
mod document;
mod honesty;
mod manifest;
mod naming;
mod safety;
mod scan;
mod shape;
mod sharing;
mod tree;

use std::path::Path;
use std::sync::LazyLock;

use tree::{Tree, Violation};

/// A rule.
struct Gate {
    /// Its name in ARCHITECTURE.md.
    name: &'static str,
    check: fn(&Tree) -> Vec<Violation>,
    /// Trees that break it, each with the path and line where it must be seen.
    broken: &'static [Broken],
    /// A tree that comes close and is fine.
    sound: &'static [(&'static str, &'static str)],
}

/// A tree with one planted violation.
struct Broken {
    files: &'static [(&'static str, &'static str)],
    path: &'static str,
    line: usize,
}

static REAL: LazyLock<Tree> =
    LazyLock::new(|| Tree::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))));

/// Proves `gate` on its planted trees and holds the real tree to it.
fn hold(gate: &Gate) {
    assert!(!gate.broken.is_empty(), "{}: nothing proves this gate", gate.name);
    for broken in gate.broken {
        let found = (gate.check)(&Tree::of(broken.files));
        let seen = found.iter().any(|seen| seen.path == broken.path && seen.line == broken.line);
        assert!(seen, "{}: {}:{} was not caught; found {found:#?}", gate.name, broken.path, broken.line);
        assert_eq!(found.len(), 1, "{}: one violation was planted; found {found:#?}", gate.name);
    }
    let found = (gate.check)(&Tree::of(gate.sound));
    assert!(found.is_empty(), "{}: false alarm {found:#?}", gate.name);

    let found = (gate.check)(&REAL);
    let list: Vec<String> =
        found.iter().map(|seen| format!("\n  {}:{}: {}", seen.path, seen.line, seen.what)).collect();
    assert!(found.is_empty(), "{}: {} violation(s){}\n", gate.name, found.len(), list.concat());
}

macro_rules! gates {
    ($($test:ident => $gate:path,)*) => {
        $(#[test] fn $test() { hold(&$gate); })*
        const GATES: &[&Gate] = &[$(&$gate),*];
    };
}

gates! {
    glommio => boundary::GLOMMIO,
    planning => boundary::PLANNING,
    direction => boundary::DIRECTION,
    locks => sharing::LOCKS,
    hermetic_flow => sharing::HERMETIC_FLOW,
    synchronous => sharing::SYNCHRONOUS,
    unsafe_rooms => safety::UNSAFE_ROOMS,
    forbid_unsafe => safety::FORBID,
    reasons => safety::REASONS,
    function_length => shape::FUNCTION_LENGTH,
    file_length => shape::FILE_LENGTH,
    names => naming::NAMES,
    dead_files => declared::DEAD_FILES,
    lists => declared::LISTS,
    versions => manifest::VERSIONS,
    honest_tests => honesty::HONEST_TESTS,
    links => document::LINKS,
    architecture => document::ARCHITECTURE,
}

#[test]
fn every_gate_is_in_the_architecture() {
    let text = REAL.text("ARCHITECTURE.md").unwrap();
    for gate in GATES {
        assert!(
            text.contains(&format!("`{}`", gate.name)),
            "ARCHITECTURE.md does not name gate `{}`",
            gate.name
        );
    }
}

#[test]
fn the_real_tree_was_read() {
    assert!(REAL.has("engine/flow/src/lib.rs") && REAL.has("tests/tidy/main.rs") && !REAL.has("target"));
}
