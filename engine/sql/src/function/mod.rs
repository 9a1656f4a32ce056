//! The scalar functions of the dialect: one table with Flink's names and meanings.
//!
//! Contract: every [`ScalarEntry`] but those of the family `random` is a pure function of its arguments, evaluated
//! column by column: a constant argument stays one value, a pattern is compiled once, no row allocates. NULL in
//! gives NULL out unless the entry says otherwise. What a row cannot do (a division by zero, text that is no
//! number) is an error that names the value. The functions of processing time are not here: `bind::now` has them.

mod bytes;
mod call;
mod cast;
mod coercion;
mod collection;
mod conditional;
mod constraint;
mod each_row;
mod hash;
mod json;
mod math;
mod printf;
mod random;
mod regex;
mod string;
mod time;
mod udf;
mod url;

use std::sync::{Arc, LazyLock};

use datafusion_expr::ScalarUDF;

pub use cast::{cast_udf, needs_flink_cast};
pub use coercion::common_type;
pub use constraint::{fixed_length_udf, not_null_udf};
pub use each_row::each_row;
use udf::Body;

/// One line per scalar function.
#[derive(Debug, Clone, Copy)]
pub struct ScalarEntry {
    /// The name in SQL, lower case.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The group in which it is listed.
    pub family: &'static str,
    /// How it is written.
    pub signature: &'static str,
    /// One line for `millrace functions`.
    pub about: &'static str,
    body: Body,
}

impl ScalarEntry {
    /// True if `name` (any case) is this function's name or one of its aliases.
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The families, in the order in which they are listed.
const FAMILIES: &[(&str, &[ScalarEntry])] = &[
    ("conditional", conditional::FUNCTIONS),
    ("string", string::FUNCTIONS),
    ("format", printf::FUNCTIONS),
    ("regular expression", regex::FUNCTIONS),
    ("URL", url::FUNCTIONS),
    ("encoding", bytes::FUNCTIONS),
    ("hash", hash::FUNCTIONS),
    ("math", math::FUNCTIONS),
    ("random", random::FUNCTIONS),
    ("time", time::FUNCTIONS),
    ("JSON", json::FUNCTIONS),
    ("collection", collection::FUNCTIONS),
];

static TABLE: LazyLock<Vec<ScalarEntry>> = LazyLock::new(|| {
    let of_family = |(family, entries): &(&'static str, &'static [ScalarEntry])| {
        let family = *family;
        entries.iter().map(move |entry| ScalarEntry { family, ..*entry })
    };
    FAMILIES.iter().flat_map(of_family).collect()
});

/// Every scalar function, by family.
pub fn scalar_functions() -> &'static [ScalarEntry] {
    &TABLE
}

/// The function called `name` (any case).
pub fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> =
        LazyLock::new(|| TABLE.iter().map(ScalarEntry::udf).collect());
    TABLE.iter().position(|entry| entry.is_named(name)).map(|index| FUNCTIONS[index].clone())
}

/// The function most like `name`, for "did you mean".
pub fn nearest_name(name: &str) -> Option<&'static str> {
    crate::catalog::nearest(name, TABLE.iter().map(|entry| entry.name))
}
