//! SQL, from text to plan.

use millrace_plan::Culprit;
use millrace_server::config::Config;
use millrace_server::job::compile_script;
use millrace_sql::explain;

use super::{Corpus, Target};
use crate::sheet;

/// Scripts.
pub(super) const SQL: Target = Target { name: "sql", corpus, read };

/// The scripts of the SQL cases, and what was found once.
fn corpus() -> Result<Corpus, String> {
    let cases = super::files("tests/sql/cases", |path| path.extension().is_some_and(|own| own != "md"))?;
    let mut entries = vec![];
    for case in cases {
        let text = String::from_utf8_lossy(&case);
        entries.push(sheet::read(&text)?.script.into_bytes());
    }
    entries.extend(super::files("tests/corpus/sql", |_| true)?);
    Ok(Corpus { entries, text: true })
}

fn read(input: &[u8]) -> Result<u64, String> {
    let text = String::from_utf8_lossy(input);
    match compile_script(&text, 2, &Config::plain()) {
        Ok(compiled) => {
            let _ = explain(&compiled.plan);
            Ok(1)
        }
        Err(error) if error.culprit == Culprit::Bug => Err(error.to_string()),
        Err(_) => Ok(0),
    }
}
