//! Where `unsafe` may stand, and what must be said about it.

use crate::scan;
use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

/// The rooms of `unsafe`: files, or folders with a slash at the end. A measured hot loop may be added by name.
const ROOMS: &[&str] =
    &["runtime/src/bell.rs", "runtime/src/backend/", "runtime/tests/", "engine/flow/src/compact/avx512.rs"];

/// `unsafe` only in its rooms, each use with a `SAFETY:` comment right above (a `# Safety` section on an
/// `unsafe fn`).
pub const UNSAFE_ROOMS: Gate = Gate {
    name: "unsafe-rooms",
    check: unsafe_rooms,
    broken: &[
        Broken {
            files: &[("engine/flow/src/batch.rs", "fn f() {\n  unsafe { g() }\n}\n")],
            path: "engine/flow/src/batch.rs",
            line: 2,
        },
        Broken {
            files: &[("runtime/src/bell.rs", "fn f() {\n  // it is fine\n  unsafe { g() }\n}\n")],
            path: "runtime/src/bell.rs",
            line: 3,
        },
        Broken {
            files: &[(
                "runtime/src/backend/x.rs",
                "// SAFETY: one\nlet a = unsafe { g() };\nlet b = unsafe { g() };\n",
            )],
            path: "runtime/src/backend/x.rs",
            line: 3,
        },
    ],
    sound: &[
        ("runtime/src/bell.rs", "// SAFETY: only one\n// thread writes\nlet x =\n    unsafe { g() };\n"),
        (
            "runtime/src/backend/x.rs",
            "/// Does.\n///\n/// # Safety\n/// Call it once.\n#[inline]\npub unsafe fn f() {}\n",
        ),
        ("engine/flow/src/lib.rs", "#![forbid(unsafe_code)] // no unsafe\n"),
    ],
};

fn unsafe_rooms(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        let room = ROOMS.iter().any(|room| path == *room || (room.ends_with('/') && path.starts_with(room)));
        for at in scan::words(&file.code, "unsafe") {
            let line = line_of(&file.code, at);
            if !room {
                let what = format!("`unsafe` outside its rooms ({})", ROOMS.join(", "));
                found.push(Violation { path: path.to_string(), line, what });
            } else if !explained(&file.text, &file.code, line) {
                let what = "`unsafe` without a `SAFETY:` comment right above".to_string();
                found.push(Violation { path: path.to_string(), line, what });
            }
        }
    }
    found
}

/// True if the statement with the given line has a comment with `SAFETY:` or `# Safety` on it or right above.
fn explained(text: &str, code: &str, line: usize) -> bool {
    let says = |line: &str| line.contains("SAFETY:") || line.contains("# Safety");
    let lines: Vec<(&str, &str)> = text.lines().zip(code.lines()).collect();
    if says(lines[line - 1].0) {
        return true;
    }
    let mut in_comment = false;
    for (text, code) in lines[..line - 1].iter().rev() {
        let code = code.trim();
        let comment = code.is_empty() && text.trim_start().starts_with("//");
        if comment && says(text) {
            return true;
        }
        let attribute = code.starts_with("#[");
        let statement_ends = code.is_empty() || code.ends_with([';', '{', '}']);
        if !comment && !attribute && (in_comment || statement_ends) {
            return false;
        }
        in_comment |= comment;
    }
    false
}

/// `#![forbid(unsafe_code)]` in the root of every crate; `deny` where the crate has a room.
pub const FORBID: Gate = Gate {
    name: "forbid-unsafe",
    check: forbid,
    broken: &[
        Broken { files: &[("engine/sql/src/lib.rs", "//! x\n")], path: "engine/sql/src/lib.rs", line: 1 },
        Broken {
            files: &[("engine/server/src/main.rs", "// #![forbid(unsafe_code)]\n")],
            path: "engine/server/src/main.rs",
            line: 1,
        },
    ],
    sound: &[
        ("engine/sql/src/lib.rs", "//! x\n#![forbid(unsafe_code)]\n"),
        ("runtime/src/lib.rs", "#![deny(unsafe_code)]\n"),
    ],
};

fn forbid(tree: &Tree) -> Vec<Violation> {
    let root = |path: &str| {
        path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") || path.contains("src/bin/")
    };
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]).filter(|(path, _)| root(path)) {
        let source = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
        let has_room = ROOMS.iter().any(|room| room.starts_with(source));
        let lint = if has_room { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        if !file.code.contains(lint) {
            found.push(Violation { path: path.to_string(), line: 1, what: format!("say {lint}") });
        }
    }
    found
}

/// A silenced lint says why.
pub const REASONS: Gate = Gate {
    name: "reasons",
    check: reasons,
    broken: &[
        Broken {
            files: &[("engine/flow/src/a.rs", "\n#[allow(clippy::disallowed_methods)]\nfn f() {}\n")],
            path: "engine/flow/src/a.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/src/a.rs", "#[expect(dead_code)]\nfn f() {}\n")],
            path: "engine/flow/src/a.rs",
            line: 1,
        },
    ],
    sound: &[
        (
            "engine/flow/src/a.rs",
            "#[allow(clippy::disallowed_methods, reason = \"the clock's room\")]\nfn f() {}\n",
        ),
        ("engine/flow/src/lib.rs", "#![cfg_attr(test, allow(clippy::unwrap_used))]\n"),
    ],
};

fn reasons(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        for opening in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in file.code.match_indices(opening) {
                let open = at + opening.len() - 1;
                let inside = &file.code[open..scan::closing(&file.code, open)];
                if scan::words(inside, "reason").next().is_none() {
                    let what = "a silenced lint says why: reason = \"...\"".to_string();
                    found.push(Violation { path: path.to_string(), line: line_of(&file.code, at), what });
                }
            }
        }
    }
    found
}
