//! What a query answers, as a number that does not depend on the order of rows or on how often a row was corrected.

use std::hash::Hasher;
use std::path::Path;

use arrow::array::RecordBatch;
use millrace_connect::format;
use millrace_flow::RowKinds;
use millrace_plan::{Error, Result};
use rustc_hash::FxHasher;

use crate::input::mix;

/// The rows that are left when all changes are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Answer {
    /// How many.
    pub rows: i64,
    /// The sum of their hashes.
    pub checksum: u64,
}

impl Answer {
    /// Adds lines of `changelog-json`.
    fn add(&mut self, lines: &[u8]) -> Result<()> {
        for line in lines.split(|byte| *byte == b'\n').filter(|own| !own.is_empty()) {
            let (Some(head), Some(row)) = (line.get(..9), line.get(9..)) else {
                return Err(Error::bug("a line without a change"));
            };
            let mut hasher = FxHasher::default();
            hasher.write(row);
            let hash = mix(hasher.finish());
            match head {
                br#"{"op":"+I"# | br#"{"op":"+U"# => {
                    self.rows += 1;
                    self.checksum = self.checksum.wrapping_add(hash);
                }
                br#"{"op":"-U"# | br#"{"op":"-D"# => {
                    self.rows -= 1;
                    self.checksum = self.checksum.wrapping_sub(hash);
                }
                _ => return Err(Error::bug("a line that is no change")),
            }
        }
        Ok(())
    }

    /// Of rows in memory.
    pub fn of_rows(rows: &[(RecordBatch, RowKinds)]) -> Result<Answer> {
        let make = format::find("changelog-json").and_then(|own| own.encoder);
        let make = make.ok_or_else(|| Error::bug("changelog-json cannot be written"))?;
        let (mut answer, mut lines) = (Answer::default(), vec![]);
        for (rows, kinds) in rows {
            lines.clear();
            make(&rows.schema(), &Default::default())?.encode(rows, kinds, &mut lines)?;
            answer.add(&lines)?;
        }
        Ok(answer)
    }

    /// Of the files of a folder.
    #[allow(clippy::disallowed_methods, reason = "the measuring side")]
    pub fn of_folder(folder: &Path) -> Result<Answer> {
        let failed = |error: std::io::Error| Error::environment(format!("{}: {error}", folder.display()));
        let mut answer = Answer::default();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            answer.add(&std::fs::read(entry.map_err(failed)?.path()).map_err(failed)?)?;
        }
        Ok(answer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_is_what_is_left_in_any_order() {
        let answer = |lines: &str| {
            let mut answer = Answer::default();
            answer.add(lines.as_bytes()).unwrap();
            answer
        };
        let whole = answer("{\"op\":\"+I\",\"row\":[1]}\n{\"op\":\"+I\",\"row\":[2]}\n");
        let corrected = answer(
            "{\"op\":\"+I\",\"row\":[2]}\n{\"op\":\"+I\",\"row\":[3]}\n{\"op\":\"-U\",\"row\":[3]}\n{\"op\":\"+U\",\"row\":[1]}\n",
        );
        assert_eq!(whole, corrected);
        assert_ne!(whole, answer("{\"op\":\"+I\",\"row\":[1]}\n{\"op\":\"+I\",\"row\":[3]}\n"));
        assert!(Answer::default().add(b"{\"op\":\"??\",\"row\":[1]}").is_err());
    }
}
