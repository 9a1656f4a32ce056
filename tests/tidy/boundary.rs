//! Which crate may name which: glommio, DataFusion's planner, and the crates of the house itself.

use std::collections::BTreeSet;

use crate::scan;
use crate::tree::{Tree, Violation};
use crate::{Broken, Gate};

const GLOMMIO_ROOM: &str = "runtime/src/backend/glommio.rs";

/// Only `runtime/src/backend/glommio.rs` names glommio.
pub const GLOMMIO: Gate = Gate {
    name: "glommio",
    check: glommio,
    broken: &[
        Broken {
            files: &[("runtime/src/shard.rs", "//! x\nuse glommio::LocalExecutorBuilder;\n")],
            path: "runtime/src/shard.rs",
            line: 2,
        },
        Broken {
            files: &[("engine/flow/Cargo.toml", "[dependencies]\nglommio.workspace = true\n")],
            path: "engine/flow/Cargo.toml",
            line: 2,
        },
        Broken {
            files: &[("runtime/src/backend/mod.rs", "mod glommio;\nfn f() { ::glommio::spawn_local(x) }\n")],
            path: "runtime/src/backend/mod.rs",
            line: 2,
        },
    ],
    sound: &[
        (GLOMMIO_ROOM, "use glommio::Local;"),
        (
            "runtime/src/backend/mod.rs",
            "mod glommio;\nuse self::glommio::Glommio;\nfn f() { glommio::start() }",
        ),
        ("runtime/Cargo.toml", "[dependencies]\nglommio.workspace = true\n"),
        (
            "runtime/src/lib.rs",
            "pub use backend::glommio::Glommio; // glommio::x\nconst A: &str = \"glommio::x\";",
        ),
    ],
};

fn glommio(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]).filter(|(path, _)| *path != GLOMMIO_ROOM) {
        let declares =
            scan::words(&file.code, "mod").any(|at| scan::name_after(&file.code, at + 3) == "glommio");
        let mut lines: BTreeSet<usize> = scan::paths(&file.code)
            .into_iter()
            .filter(|(_, used)| used == "glommio" || (used.starts_with("glommio::") && !declares))
            .map(|(line, _)| line)
            .collect();
        for (at, _) in file.code.match_indices("::glommio::") {
            let local = at > 0 && scan::is_word(file.code.as_bytes()[at - 1]);
            if !local {
                lines.insert(crate::tree::line_of(&file.code, at));
            }
        }
        found.extend(lines.into_iter().map(|line| Violation {
            path: path.to_string(),
            line,
            what: format!("names glommio: only {GLOMMIO_ROOM} may"),
        }));
    }
    let allowed = ["Cargo.toml", "runtime/Cargo.toml"];
    found.extend(dependencies(tree, |path, name| name.starts_with("glommio") && !allowed.contains(&path)));
    found
}

/// Only `engine/sql` plans with DataFusion; `plan`, `flow` and the benches evaluate its expressions.
pub const PLANNING: Gate = Gate {
    name: "planning",
    check: planning,
    broken: &[
        Broken {
            files: &[("engine/flow/src/pipeline.rs", "use datafusion_sql::planner::SqlToRel;\n")],
            path: "engine/flow/src/pipeline.rs",
            line: 1,
        },
        Broken {
            files: &[(
                "engine/server/Cargo.toml",
                "[dependencies]\n\ndatafusion-optimizer.workspace = true\n",
            )],
            path: "engine/server/Cargo.toml",
            line: 3,
        },
        Broken {
            files: &[("engine/connect/src/lib.rs", "fn f(x: datafusion_expr::Expr) {}\n")],
            path: "engine/connect/src/lib.rs",
            line: 1,
        },
    ],
    sound: &[
        ("engine/sql/src/bind.rs", "use datafusion_sql::planner::SqlToRel;"),
        ("engine/flow/src/operator/filter.rs", "use datafusion_physical_expr::PhysicalExpr;"),
        ("engine/sql/Cargo.toml", "[dependencies]\ndatafusion-sql.workspace = true\n"),
    ],
};

fn planning(tree: &Tree) -> Vec<Violation> {
    fn may(path: &str, name: &str) -> bool {
        let name = name.replace('_', "-");
        let plans = name == "datafusion" || name == "datafusion-sql" || name == "datafusion-optimizer";
        let rooms: &[&str] = match () {
            () if plans => &["engine/sql/"],
            () if name.starts_with("datafusion-") => {
                &["engine/sql/", "engine/flow/", "engine/plan/", "bench-harness/"]
            }
            () => return true,
        };
        path == "Cargo.toml" || rooms.iter().any(|room| path.starts_with(room))
    }
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        let lines: BTreeSet<usize> = scan::paths(&file.code)
            .into_iter()
            .filter(|(_, used)| !may(path, used.split("::").next().unwrap_or_default()))
            .map(|(line, _)| line)
            .collect();
        found.extend(lines.into_iter().map(|line| Violation {
            path: path.to_string(),
            line,
            what: "names DataFusion: engine/sql plans with it, engine/flow evaluates".to_string(),
        }));
    }
    found.extend(dependencies(tree, |path, name| !may(path, name)));
    found
}

/// `plan <- sql`; `plan <- wasm <- server`; `plan <- flow <- connect <- server`; `runtime <- connect, server`; nothing depends on `server` but benches and tests.
pub const DIRECTION: Gate = Gate {
    name: "direction",
    check: direction,
    broken: &[
        Broken {
            files: &[("engine/flow/Cargo.toml", "[dependencies]\nmillrace-connect.workspace = true\n")],
            path: "engine/flow/Cargo.toml",
            line: 2,
        },
        Broken {
            files: &[(
                "engine/sql/Cargo.toml",
                "[dev-dependencies]\nmillrace-server = { workspace = true }\n",
            )],
            path: "engine/sql/Cargo.toml",
            line: 2,
        },
    ],
    sound: &[
        (
            "engine/server/Cargo.toml",
            "[dependencies]\nmillrace-sql.workspace = true\nmillrace-runtime.workspace = true\n",
        ),
        ("bench-harness/Cargo.toml", "[dependencies]\nmillrace-server.workspace = true\n"),
    ],
};

/// Which crates of the house each crate may depend on.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("runtime/", &[]),
    ("engine/plan/", &[]),
    ("engine/sql/", &["plan"]),
    ("engine/flow/", &["plan", "runtime"]),
    ("engine/connect/", &["plan", "flow", "runtime"]),
    ("engine/wasm/", &["plan"]),
    ("engine/server/", &["plan", "sql", "flow", "connect", "wasm", "runtime"]),
];

fn direction(tree: &Tree) -> Vec<Violation> {
    dependencies(tree, |path, name| {
        let Some(other) = name.strip_prefix("millrace-") else { return false };
        let rule = MAY_DEPEND.iter().find(|(folder, _)| path.starts_with(folder));
        rule.is_some_and(|(_, allowed)| !allowed.contains(&other))
    })
}

/// The dependencies that `refused(path of the manifest, name)` refuses.
fn dependencies(tree: &Tree, refused: impl Fn(&str, &str) -> bool) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, line, name) in crate::manifest::dependencies(tree) {
        if refused(&path, &name) {
            found.push(Violation { path, line, what: format!("this crate may not depend on {name}") });
        }
    }
    found
}
