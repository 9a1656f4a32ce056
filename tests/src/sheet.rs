//! The files of `tests/sql/cases/`: input, script and expected outcome in one file, in sections.
//!
//! The format is described in `tests/sql/cases/README.md`.

use serde_json::value::RawValue;

use crate::table::{self, Kind, Row};

/// One case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Files to write: name and text.
    pub inputs: Vec<(String, String)>,
    /// The SQL; `$dir` stands for the folder of the inputs.
    pub script: String,
    /// What must come of it.
    pub outcome: Outcome,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The table that the bare `SELECT` leaves.
    Rows {
        /// How to compare each column.
        kinds: Vec<Kind>,
        /// The rows.
        rows: Vec<Row>,
    },
    /// The script is refused with exit code 2 and a message that contains each of these lines.
    Refused(Vec<String>),
}

/// Reads a file of the format.
pub fn read(text: &str) -> Result<Sheet, String> {
    let (mut inputs, mut script, mut outcome) = (Vec::new(), None, None);
    for (title, body) in sections(text) {
        let (word, rest) = title.split_once(' ').unwrap_or((&title, ""));
        match word {
            "input" if !rest.trim().is_empty() => inputs.push((rest.trim().to_string(), body)),
            "script" if script.is_none() => script = Some(body),
            "expect" if outcome.is_none() => outcome = Some(rows(rest, &body)?),
            "refuse" if outcome.is_none() => {
                let lines: Vec<String> =
                    body.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect();
                if lines.is_empty() {
                    return Err("`-- refuse` needs the message".to_string());
                }
                outcome = Some(Outcome::Refused(lines));
            }
            _ => return Err(format!("`-- {title}`: no such section here")),
        }
    }
    Ok(Sheet {
        inputs,
        script: script.ok_or("no `-- script`")?,
        outcome: outcome.ok_or("neither `-- expect` nor `-- refuse`")?,
    })
}

const WORDS: &[&str] = &["input", "script", "expect", "refuse"];

/// Title and body of each section; what stands before the first is a comment.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let title = line.strip_prefix("-- ").filter(|title| {
            let word = title.split(' ').next().unwrap_or_default();
            WORDS.contains(&word)
        });
        match (title, found.last_mut()) {
            (Some(title), _) => found.push((title.trim().to_string(), String::new())),
            (None, Some((_, body))) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// `types`: the SQL types, `|` between them; `body`: a JSON array a line.
fn rows(types: &str, body: &str) -> Result<Outcome, String> {
    let kinds: Vec<Kind> = types.split('|').map(Kind::of).collect();
    if types.trim().is_empty() {
        return Err("`-- expect` needs the types of the columns, with `|` between them".to_string());
    }
    let read = |line: &str| {
        let values: Vec<Box<RawValue>> =
            serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
        table::row(&values, &kinds).map_err(|error| format!("{line}: {error}"))
    };
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("--"));
    let rows = lines.map(read).collect::<Result<Vec<Row>, String>>()?;
    Ok(Outcome::Rows { kinds, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let text = "-- What it shows.\n-- input t.json\n{\"a\": 1}\n\n-- input u.csv\n1\n-- script\n-- a comment\n\
                    SELECT 1;\n-- expect BIGINT | DECIMAL(3, 1)\n[1, \"1.0\"]\n-- why: because\n\n[null, 2.5]\n";
        let sheet = read(text).unwrap();
        assert_eq!(sheet.inputs[0], ("t.json".to_string(), "{\"a\": 1}\n\n".to_string()));
        assert_eq!(sheet.inputs[1], ("u.csv".to_string(), "1\n".to_string()));
        assert_eq!(sheet.script, "-- a comment\nSELECT 1;\n");
        let Outcome::Rows { kinds, rows } = sheet.outcome else { panic!("rows") };
        assert_eq!(kinds, [Kind::Exact, Kind::Decimal]);
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_refusal_has_its_message() {
        let sheet = read("-- script\nSELEC 1;\n-- refuse\nline 1, column 1\n\n  SELECT\n").unwrap();
        assert_eq!(
            sheet.outcome,
            Outcome::Refused(vec!["line 1, column 1".to_string(), "SELECT".to_string()])
        );
    }

    #[test]
    fn a_broken_sheet_is_refused() {
        let cases = [
            ("-- expect BIGINT\n[1]\n", "no `-- script`"),
            ("-- script\nSELECT 1;\n", "neither"),
            ("-- script\n-- expect BIGINT\n[1, 2]\n", "2 values where 1 columns"),
            ("-- script\n-- expect\n[1]\n", "needs the types"),
            ("-- script\n-- refuse\n\n", "needs the message"),
            ("-- script\n-- script\n-- expect INT\n", "no such section here"),
        ];
        for (text, part) in cases {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
    }
}
