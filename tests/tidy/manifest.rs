//! Cargo manifests: versions of dependencies stand in the root, once.

use crate::tree::{Tree, Violation};
use crate::{Broken, Gate};

/// Members say `name.workspace = true`; only the root's `[workspace.dependencies]` has versions and paths.
pub const VERSIONS: Gate = Gate {
    name: "versions",
    check: versions,
    broken: &[
        Broken {
            files: &[(
                "engine/sql/Cargo.toml",
                "[package]\nversion = \"1\"\n[dependencies]\nregex = \"1\"\n",
            )],
            path: "engine/sql/Cargo.toml",
            line: 4,
        },
        Broken {
            files: &[(
                "runtime/Cargo.toml",
                "[target.'cfg(loom)'.dependencies]\nloom = { version = \"0.7\" }\n",
            )],
            path: "runtime/Cargo.toml",
            line: 2,
        },
        Broken {
            files: &[("runtime/Cargo.toml", "[dev-dependencies.loom]\npath = \"../loom\"\n")],
            path: "runtime/Cargo.toml",
            line: 1,
        },
        Broken {
            files: &[("Cargo.toml", "[workspace.dependencies]\nregex = \"*\"\n")],
            path: "Cargo.toml",
            line: 2,
        },
    ],
    sound: &[
        (
            "Cargo.toml",
            "[workspace.dependencies]\nregex = \"1\"\nmillrace-plan = { path = \"engine/plan\" }\n",
        ),
        (
            "tests/Cargo.toml",
            "[dependencies]\nregex.workspace = true\nserde = { workspace = true, features = [] }\n",
        ),
    ],
};

/// Every dependency line of every manifest but the root's table: path, line, name.
pub fn dependencies(tree: &Tree) -> Vec<(String, usize, String)> {
    entries(tree).into_iter().map(|entry| (entry.path, entry.line, entry.name)).collect()
}

struct Entry {
    path: String,
    line: usize,
    name: String,
    text: String,
    in_root_table: bool,
}

fn entries(tree: &Tree) -> Vec<Entry> {
    let mut found = Vec::new();
    let manifests =
        tree.files.iter().filter(|(path, _)| *path == "Cargo.toml" || path.ends_with("/Cargo.toml"));
    for (path, file) in manifests {
        let mut section = String::new();
        for (at, line) in file.text.lines().enumerate() {
            let line = line.trim();
            let entry = |name: &str, section: &str| Entry {
                path: path.clone(),
                line: at + 1,
                name: name.trim().trim_matches('"').to_string(),
                text: line.to_string(),
                in_root_table: section == "workspace.dependencies",
            };
            if let Some(head) = line.strip_prefix('[') {
                section = head.trim_end_matches(']').to_string();
                if let Some((table, name)) = section.rsplit_once('.')
                    && table.ends_with("dependencies")
                {
                    found.push(entry(name, table));
                }
            } else if section.ends_with("dependencies")
                && !line.starts_with('#')
                && let Some((name, _)) = line.split_once(['=', '.'])
            {
                found.push(entry(name, &section));
            }
        }
    }
    found
}

fn versions(tree: &Tree) -> Vec<Violation> {
    let wrong = entries(tree).into_iter().filter_map(|entry| {
        let fine = match entry.in_root_table {
            true => !entry.text.contains("\"*\""),
            false => entry.text.contains("workspace = true"),
        };
        let what =
            format!("{}: the version belongs into the root Cargo.toml, here `workspace = true`", entry.name);
        (!fine).then_some(Violation { path: entry.path, line: entry.line, what })
    });
    wrong.collect()
}
