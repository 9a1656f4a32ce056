//! Every file is compiled; every extension is in its list.

use std::collections::BTreeSet;

use crate::scan;
use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

/// Every Rust file is a target or reached from one by `mod`.
pub const DEAD_FILES: Gate = Gate {
    name: "dead-files",
    check: dead_files,
    broken: &[
        Broken {
            files: &[
                ("runtime/Cargo.toml", ""),
                ("runtime/src/lib.rs", "mod ring; // mod old;\n"),
                ("runtime/src/ring.rs", ""),
                ("runtime/src/old.rs", ""),
            ],
            path: "runtime/src/old.rs",
            line: 0,
        },
        Broken {
            files: &[("tests/Cargo.toml", ""), ("tests/src/lib.rs", ""), ("tests/sim/main.rs", "")],
            path: "tests/sim/main.rs",
            line: 0,
        },
    ],
    sound: &[
        ("runtime/Cargo.toml", ""),
        ("runtime/src/lib.rs", "pub mod backend;\nmod a { mod b; }\n#[path = \"odd.rs\"]\nmod strange;\n"),
        ("runtime/src/backend/mod.rs", "mod threads;\n"),
        ("runtime/src/backend/threads.rs", "#[cfg(test)] mod tests;\n"),
        ("runtime/src/backend/threads/tests.rs", ""),
        ("runtime/src/a/b.rs", ""),
        ("runtime/src/odd.rs", ""),
        ("runtime/tests/wake.rs", "mod wake_cases;"),
        ("runtime/tests/wake_cases/mod.rs", ""),
        ("runtime/benches/ring.rs", ""),
        ("tests/Cargo.toml", "[[test]]\nname = \"tidy\"\npath = \"tidy/main.rs\"\n"),
        ("tests/tidy/main.rs", ""),
    ],
};

fn dead_files(tree: &Tree) -> Vec<Violation> {
    let mut alive = BTreeSet::new();
    for (path, manifest) in tree.files.iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let package = path.strip_suffix("Cargo.toml").unwrap_or_default();
        for root in targets(tree, package, &manifest.text) {
            reach(tree, &root, true, &mut alive);
        }
    }
    let dead = tree.rust(&[""]).filter(|(path, _)| !alive.contains(*path));
    let what = "no target and no `mod` reaches this file: declare it or delete it";
    dead.map(|(path, _)| Violation { path: path.to_string(), line: 0, what: what.to_string() }).collect()
}

/// The root files of a package's targets: those that Cargo finds, and those that the manifest names.
fn targets(tree: &Tree, package: &str, manifest: &str) -> Vec<String> {
    let mut roots: Vec<String> =
        ["src/lib.rs", "src/main.rs", "build.rs"].iter().map(|file| format!("{package}{file}")).collect();
    for folder in ["src/bin/", "tests/", "benches/", "examples/"] {
        let folder = format!("{package}{folder}");
        let found = tree.files.keys().filter(|path| {
            path.strip_prefix(&folder).is_some_and(|rest| {
                (rest.ends_with(".rs") && !rest.contains('/'))
                    || (rest.ends_with("/main.rs") && rest.matches('/').count() == 1)
            })
        });
        roots.extend(found.cloned());
    }
    let named =
        manifest.lines().filter_map(|line| line.trim().strip_prefix("path")?.trim().strip_prefix('='));
    roots.extend(named.map(|value| format!("{package}{}", value.trim().trim_matches('"'))));
    roots.retain(|root| tree.files.contains_key(root) && root.ends_with(".rs"));
    roots
}

/// Adds `path` and all that its `mod` declarations reach.
fn reach(tree: &Tree, path: &str, is_root: bool, alive: &mut BTreeSet<String>) {
    let Some(file) = tree.files.get(path) else { return };
    if !alive.insert(path.to_string()) {
        return;
    }
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let own = match is_root || name == "mod.rs" {
        true => folder.to_string(),
        false => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    for (inner, name, explicit) in modules(&file.text, &file.code) {
        let candidates = match explicit {
            Some(explicit) => vec![format!("{folder}/{explicit}")],
            None => vec![format!("{own}/{inner}{name}.rs"), format!("{own}/{inner}{name}/mod.rs")],
        };
        for candidate in candidates {
            reach(tree, &candidate, false, alive);
        }
    }
}

/// The `mod name;` declarations: folders of enclosing inline modules, name, and `#[path]` if given.
fn modules(text: &str, code: &str) -> Vec<(String, String, Option<String>)> {
    let mut inline: Vec<(usize, &str)> = Vec::new(); // end offset, name
    let mut found = Vec::new();
    for at in scan::words(code, "mod") {
        inline.retain(|(end, _)| at < *end);
        let name = scan::name_after(code, at + 3);
        if name.is_empty() {
            continue;
        }
        let after = code[at..].find(['{', ';']).map_or(code.len(), |offset| at + offset);
        if code[after..].starts_with('{') {
            inline.push((scan::closing(code, after), name));
            continue;
        }
        let inner: String = inline.iter().map(|(_, name)| format!("{name}/")).collect();
        let before = text[..at].trim_end().trim_end_matches("pub").trim_end();
        let explicit = before.rsplit_once("#[path = \"").and_then(|(_, rest)| rest.strip_suffix("\"]"));
        found.push((inner, name.to_string(), explicit.map(str::to_string)));
    }
    found
}

/// Every file of an extension folder is declared in its `mod.rs`, and stands in its list if it has one.
pub const LISTS: Gate = Gate {
    name: "lists",
    check: lists,
    broken: &[
        Broken {
            files: &[
                ("engine/flow/src/aggregate/mod.rs", "mod count;\n"),
                ("engine/flow/src/aggregate/count.rs", ""),
                ("engine/flow/src/aggregate/listagg.rs", ""),
            ],
            path: "engine/flow/src/aggregate/listagg.rs",
            line: 0,
        },
        Broken {
            files: &[
                (
                    "engine/connect/src/format/mod.rs",
                    "mod json;\nmod csv;\npub static FORMATS: &[&Format] = &[&json::FORMAT];\n",
                ),
                ("engine/connect/src/format/json.rs", "pub static FORMAT: Format = Format {};\n"),
                ("engine/connect/src/format/csv.rs", "\npub static FORMAT: Format = Format {};\n"),
            ],
            path: "engine/connect/src/format/csv.rs",
            line: 2,
        },
    ],
    sound: &[
        (
            "engine/connect/src/connector/mod.rs",
            "mod print;\nmod duration;\nconst CONNECTORS: &[&Connector] = &[&print::PRINT];\n",
        ),
        ("engine/connect/src/connector/print.rs", "pub(super) const PRINT: Connector = Connector {};\n"),
        ("engine/connect/src/connector/duration.rs", "fn parse() {}\n"),
        ("engine/sql/src/function/mod.rs", "mod string;"),
        ("engine/sql/src/function/string/mod.rs", ""),
        ("engine/sql/src/function/string/pad.rs", ""),
    ],
};

const FOLDERS: &[&str] = &[
    "engine/connect/src/connector/",
    "engine/connect/src/format/",
    "engine/flow/src/aggregate/",
    "engine/flow/src/operator/",
    "engine/flow/src/window/",
    "engine/flow/src/join/",
    "engine/sql/src/function/",
];

/// What an extension declares, and the list that must name its module.
const ENTRIES: &[(&str, &str)] = &[("Connector", "CONNECTORS"), ("Format", "FORMATS")];

fn lists(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let Some(index) = tree.files.get(&format!("{folder}mod.rs")) else { continue };
        let declared: BTreeSet<&str> =
            scan::words(&index.code, "mod").map(|at| scan::name_after(&index.code, at + 3)).collect();
        for (path, file) in tree.rust(&[folder]) {
            let rest = &path[folder.len()..];
            let module = rest.split(['/', '.']).next().unwrap_or_default();
            if rest == "mod.rs" {
                continue;
            }
            if !declared.contains(module) {
                let what = format!("not declared in {folder}mod.rs");
                found.push(Violation { path: path.to_string(), line: 0, what });
            }
            for (kind, list) in ENTRIES {
                let Some(at) = declares(&file.code, kind) else { continue };
                if !in_list(&index.code, list, module) {
                    let what = format!("declares a {kind} that is not in {list}");
                    found.push(Violation { path: path.to_string(), line: line_of(&file.code, at), what });
                }
            }
        }
    }
    found
}

/// Where `static X: Kind = ` or `const X: Kind = ` stands.
fn declares(code: &str, kind: &str) -> Option<usize> {
    code.match_indices(&format!(": {kind} = ")).map(|(at, _)| at).find(|at| {
        let line = &code[code[..*at].rfind('\n').map_or(0, |start| start + 1)..*at];
        scan::words(line, "static").chain(scan::words(line, "const")).next().is_some()
    })
}

fn in_list(code: &str, list: &str, module: &str) -> bool {
    scan::words(code, list).any(|at| {
        let Some(equals) = code[at..].find('=').map(|offset| at + offset) else { return false };
        let end = code[equals..].find(';').map_or(code.len(), |offset| equals + offset);
        scan::words(&code[equals..end], module).next().is_some()
    })
}
