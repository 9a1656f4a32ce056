//! Tests that run, and that depend on what happens rather than on how long it takes.

use std::collections::BTreeSet;

use crate::scan;
use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

/// No ignored test and no sleep anywhere.
pub const HONEST_TESTS: Gate = Gate {
    name: "honest-tests",
    check: honest_tests,
    broken: &[
        Broken {
            files: &[("runtime/tests/wake.rs", "#[test]\n#[ignore]\nfn wakes() {}\n")],
            path: "runtime/tests/wake.rs",
            line: 2,
        },
        Broken {
            files: &[("tests/src/lib.rs", "#[ignore = \"slow\"]\nfn wakes() {}\n")],
            path: "tests/src/lib.rs",
            line: 1,
        },
        Broken {
            files: &[(
                "runtime/src/shard.rs",
                "#[cfg(test)]\nmod tests {\n  fn f() { std::thread::sleep(x) }\n}\n",
            )],
            path: "runtime/src/shard.rs",
            line: 3,
        },
        Broken {
            files: &[("tests/sim/main.rs", "use std::thread::{self, sleep};\n")],
            path: "tests/sim/main.rs",
            line: 1,
        },
    ],
    sound: &[
        ("runtime/src/shard.rs", "// #[ignore]\nfn f() { timer.sleep(1) }\n"),
        ("runtime/src/backend/threads.rs", "fn idle() { std::thread::park() }\n"),
    ],
};

fn honest_tests(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        let ignored = file.code.match_indices("#[ignore").map(|(at, _)| line_of(&file.code, at));
        let sleeps = scan::paths(&file.code)
            .into_iter()
            .filter(|(_, used)| used.ends_with("thread::sleep") || used.ends_with("thread::sleep_ms"))
            .map(|(line, _)| line);
        let lines: BTreeSet<usize> = ignored.chain(sleeps).collect();
        found.extend(lines.into_iter().map(|line| Violation {
            path: path.to_string(),
            line,
            what: "an ignored test or a sleep: wait for the event itself".to_string(),
        }));
    }
    found
}
