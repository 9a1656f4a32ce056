//! Names that say nothing, and names that count instead of saying what changed.

use crate::scan;
use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

/// Words that may not be, or end, the name of a file, folder, module, function or type.
const EMPTY: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"];

/// No `utils`, `helper`, `common`, `manager`; no `v2`, no phase numbers.
pub const NAMES: Gate = Gate {
    name: "names",
    check: names,
    broken: &[
        Broken { files: &[("engine/flow/src/utils.rs", "")], path: "engine/flow/src/utils.rs", line: 0 },
        Broken {
            files: &[("engine/flow/src/helper/json.rs", "")],
            path: "engine/flow/src/helper/json.rs",
            line: 0,
        },
        Broken {
            files: &[("engine/flow/src/a.rs", "\nfn test_helper() {}\n")],
            path: "engine/flow/src/a.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/src/a.rs", "mod common { }\n")],
            path: "engine/flow/src/a.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/src/a.rs", "struct StateManager;\n")],
            path: "engine/flow/src/a.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/src/a.rs", "fn decode_v2(x: u8) {}\n")],
            path: "engine/flow/src/a.rs",
            line: 1,
        },
        Broken { files: &[("engine/flow/src/phase1.rs", "")], path: "engine/flow/src/phase1.rs", line: 0 },
    ],
    sound: &[
        (
            "engine/flow/src/utility.rs",
            "fn common_type() {}\nfn v() {}\nfn var_pop() {}\n// fn helper() {}\n",
        ),
        ("engine/flow/src/a.rs", "use datafusion_common::Result;\nfn sha2() {}\n"),
    ],
};

fn names(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for path in tree.files.keys() {
        let bad = path.split('/').find(|part| {
            let stem = part.split_once('.').map_or(*part, |(stem, _)| stem);
            says_nothing(stem)
        });
        if let Some(bad) = bad {
            let what = format!("`{bad}` says nothing: name the file after its one job");
            found.push(Violation { path: path.clone(), line: 0, what });
        }
    }
    for (path, file) in tree.rust(&[""]) {
        for keyword in ["fn", "mod", "struct", "enum", "trait", "type"] {
            for at in scan::words(&file.code, keyword) {
                let name = scan::name_after(&file.code, at + keyword.len());
                if says_nothing(&snake(name)) {
                    let what = format!("`{name}` says nothing: name it after what it does");
                    found.push(Violation { path: path.to_string(), line: line_of(&file.code, at), what });
                }
            }
        }
    }
    found
}

fn says_nothing(name: &str) -> bool {
    let parts: Vec<&str> = name.split(['_', '-']).collect();
    let counted = parts.iter().any(|part| {
        ["v", "phase"].iter().any(|word| {
            part.strip_prefix(word)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    counted || parts.last().is_some_and(|last| EMPTY.contains(last))
}

/// `StateManager` -> `state_manager`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
