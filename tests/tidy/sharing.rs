//! No lock, no shared state, no world in `engine/flow`; no waiting on the data path.

use std::collections::BTreeSet;

use crate::scan;
use crate::tree::{Tree, Violation, line_of};
use crate::{Broken, Gate};

const FLOW: &str = "engine/flow/src/";

/// No lock, no atomic, nothing mutable behind an `Arc` or a static in `engine/flow`. (`Arc` of what never
/// changes, such as Arrow's arrays and schemas, is not state.)
pub const LOCKS: Gate = Gate {
    name: "locks",
    check: locks,
    broken: &[
        Broken {
            files: &[("engine/flow/src/state/table.rs", "struct T {\n  groups: Arc<RwLock<u8>>,\n}\n")],
            path: "engine/flow/src/state/table.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/src/metrics.rs", "use std::sync::atomic::AtomicU64;\n")],
            path: "engine/flow/src/metrics.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/src/time.rs", "struct T { at: Arc< RefCell<u8> > }\n")],
            path: "engine/flow/src/time.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/src/time.rs", "fn f() {\n  let all = Barrier::new(2);\n}\n")],
            path: "engine/flow/src/time.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/src/time.rs", "static mut NOW: i64 = 0;\n")],
            path: "engine/flow/src/time.rs",
            line: 1,
        },
    ],
    sound: &[
        ("engine/flow/src/batch.rs", "struct B { schema: Arc<Schema> } // no Mutex\n"),
        ("engine/flow/src/batch.rs", "#[cfg(test)]\nmod tests {\n  use std::sync::Mutex;\n}\n"),
        ("runtime/src/ring.rs", "use std::sync::atomic::AtomicBool;"),
        ("engine/flow/src/batch.rs", "enum Event { Barrier(u64) }"),
    ],
};

const LOCK_WORDS: &[&str] = &[
    "Mutex",
    "RwLock",
    "Condvar",
    "Once",
    "OnceLock",
    "LazyLock",
    "UnsafeCell",
    "DashMap",
    "parking_lot",
    "thread_local",
];

fn locks(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[FLOW]) {
        let code = file.shipped();
        let mut lines: BTreeSet<usize> = LOCK_WORDS
            .iter()
            .flat_map(|word| scan::words(&code, word))
            .map(|at| line_of(&code, at))
            .collect();
        // An epoch's barrier is a message; one that threads wait at has to be made.
        lines.extend(code.match_indices("Barrier::new").map(|(at, _)| line_of(&code, at)));
        let atomic = code.match_indices("Atomic").filter(|(at, _)| {
            let starts = at.checked_sub(1).is_none_or(|before| !scan::is_word(code.as_bytes()[before]));
            starts && code[at + 6..].starts_with(['I', 'U', 'B', 'P'])
        });
        lines.extend(atomic.map(|(at, _)| line_of(&code, at)));
        lines.extend(scan::words(&code, "static").filter_map(|at| {
            let mutable = scan::name_after(&code, at + 6) == "mut";
            mutable.then(|| line_of(&code, at))
        }));
        lines.extend(code.match_indices("Arc<").filter_map(|(at, arc)| {
            let inside = scan::name_after(&code, at + arc.len());
            ["RefCell", "Cell", "OnceCell"].contains(&inside).then(|| line_of(&code, at))
        }));
        found.extend(
            lines.into_iter().map(|line| Violation {
                path: path.to_string(),
                line,
                what: "shared mutable state: a shard owns its state by value; between shards only rings"
                    .to_string(),
            }),
        );
    }
    found
}

/// `engine/flow` sees no path, socket, clock, thread, environment or random number: they come in as values.
pub const HERMETIC_FLOW: Gate = Gate {
    name: "hermetic-flow",
    check: hermetic_flow,
    broken: &[
        Broken {
            files: &[("engine/flow/src/time.rs", "use std::time::{Duration, Instant};\n")],
            path: "engine/flow/src/time.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/src/state/mod.rs", "\nfn f() { std::fs::read(\"x\"); }\n")],
            path: "engine/flow/src/state/mod.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/src/emit.rs", "use rand::Rng;\n")],
            path: "engine/flow/src/emit.rs",
            line: 1,
        },
        Broken {
            files: &[("engine/flow/Cargo.toml", "[dependencies]\nrand.workspace = true\n")],
            path: "engine/flow/Cargo.toml",
            line: 2,
        },
    ],
    sound: &[
        ("engine/flow/src/time.rs", "use std::time::Duration; // not Instant\nuse crate::path::Tree;\n"),
        ("engine/flow/Cargo.toml", "[dev-dependencies]\nproptest.workspace = true\n"),
    ],
};

const WORLD: &[&str] = &[
    "std::fs",
    "std::path",
    "std::net",
    "std::thread",
    "std::io",
    "std::env",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::os",
    "rand",
    "tokio",
    "libc",
    "chrono::Utc",
    "chrono::Local",
];

fn hermetic_flow(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[FLOW]) {
        let code = file.shipped();
        let mut seen = BTreeSet::new();
        for (line, used) in scan::paths(&code) {
            let world = WORLD.iter().find(|world| {
                used.strip_prefix(**world).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            if let Some(world) = world
                && seen.insert(line)
            {
                let what = format!("uses {world}: in engine/flow the world comes in as values");
                found.push(Violation { path: path.to_string(), line, what });
            }
        }
    }
    for (path, line, name) in crate::manifest::dependencies(tree) {
        if path == "engine/flow/Cargo.toml" && ["rand", "tokio", "libc", "getrandom"].contains(&name.as_str())
        {
            let what = format!("depends on {name}: in engine/flow the world comes in as values");
            found.push(Violation { path, line, what });
        }
    }
    found
}

/// The data path is synchronous: only a shard's outer loop awaits.
pub const SYNCHRONOUS: Gate = Gate {
    name: "synchronous",
    check: synchronous,
    broken: &[
        Broken {
            files: &[("engine/connect/src/format/json.rs", "fn f() {\n  x.await;\n}\n")],
            path: "engine/connect/src/format/json.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/sql/src/bind.rs", "async fn f() {}\n")],
            path: "engine/sql/src/bind.rs",
            line: 1,
        },
    ],
    sound: &[
        ("engine/flow/src/lib.rs", "// x.await\nconst AWAIT: u8 = 1;"),
        ("engine/server/src/job.rs", "async fn run() { step().await }"),
    ],
};

fn synchronous(tree: &Tree) -> Vec<Violation> {
    let rooms = ["engine/flow/src/", "engine/connect/src/", "engine/plan/src/", "engine/sql/src/"];
    let mut found = Vec::new();
    for (path, file) in tree.rust(&rooms) {
        let lines: BTreeSet<usize> = ["await", "async"]
            .into_iter()
            .flat_map(|word| scan::words(&file.code, word))
            .map(|at| line_of(&file.code, at))
            .collect();
        found.extend(lines.into_iter().map(|line| Violation {
            path: path.to_string(),
            line,
            what: "waits: the data path is synchronous, only a shard's outer loop awaits".to_string(),
        }));
    }
    found
}
