//! Documents name what exists.

use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

/// Links of the Markdown files to files of the tree lead somewhere.
pub const LINKS: Gate = Gate {
    name: "links",
    check: links,
    broken: &[
        Broken { files: &[("README.md", "x\n[here](docs/gone.md)\n")], path: "README.md", line: 2 },
        Broken {
            files: &[("examples/flights/README.md", "[up](../../gone.sql)")],
            path: "examples/flights/README.md",
            line: 1,
        },
    ],
    sound: &[
        (
            "README.md",
            "[a](ARCHITECTURE.md#top) [b](https://example.org) [c](examples/flights) [d](#here) `[e](f)`\n",
        ),
        ("ARCHITECTURE.md", ""),
        ("examples/flights/README.md", "[up](../../README.md) [beside](./flights.sql)"),
        ("examples/flights/flights.sql", ""),
    ],
};

fn links(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, _) in file.text.match_indices("](") {
            let Some(end) = file.text[at..].find(')') else { continue };
            let target = file.text[at + 2..at + end].split('#').next().unwrap_or_default();
            let line = line_of(&file.text, at);
            let quoted = file
                .text
                .lines()
                .nth(line - 1)
                .is_some_and(|text| text.contains("`[") && text.contains(")`"));
            let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            let only_quoted = quoted && file.text[..at].matches('`').count() % 2 == 1;
            if !elsewhere && !only_quoted && !tree.has(&resolve(folder, target)) {
                let what = format!("links to {target}, which does not exist");
                found.push(Violation { path: path.clone(), line, what });
            }
        }
    }
    found
}

/// `target` as seen from `folder`, without `.` and `..`.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// ARCHITECTURE.md, CONTRIBUTING.md, README.md and SECURITY.md name only files and folders that exist.
pub const ARCHITECTURE: Gate = Gate {
    name: "architecture",
    check: architecture,
    broken: &[
        Broken {
            files: &[("ARCHITECTURE.md", "x\nstart at `engine/flow/src/gone.rs`\n")],
            path: "ARCHITECTURE.md",
            line: 2,
        },
        Broken {
            files: &[("CONTRIBUTING.md", "`tests/{tidy,gone}/`"), ("tests/tidy/main.rs", "")],
            path: "CONTRIBUTING.md",
            line: 1,
        },
    ],
    sound: &[
        (
            "ARCHITECTURE.md",
            "`engine/{flow,sql}/src/lib.rs`, `tests/tidy`, `cargo run a/b.rs`, `'a/b'`, `target/x`\n",
        ),
        ("engine/flow/src/lib.rs", ""),
        ("engine/sql/src/lib.rs", ""),
        ("tests/tidy/main.rs", ""),
    ],
};

const TOP: &[&str] = &["runtime/", "engine/", "bench-harness/", "tests/", "examples/", "scripts/", ".ci/"];

fn architecture(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for path in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"] {
        for (at, line) in tree.text(path).unwrap_or_default().lines().enumerate() {
            for quoted in line.split('`').skip(1).step_by(2) {
                let is_path =
                    TOP.iter().any(|top| quoted.starts_with(top)) && !quoted.contains([' ', '*', '<']);
                let missing = alternatives(quoted).into_iter().find(|named| is_path && !tree.has(named));
                if let Some(missing) = missing {
                    let what = format!("names {missing}, which does not exist");
                    found.push(Violation { path: path.to_string(), line: at + 1, what });
                }
            }
        }
    }
    found
}

/// `a/{b,c}.rs` -> `a/b.rs`, `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (inside, after))) => inside
            .split(',')
            .flat_map(|one| alternatives(&format!("{before}{}{after}", one.trim())))
            .collect(),
        None => vec![path.to_string()],
    }
}
