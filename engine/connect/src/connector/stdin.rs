//! `stdin`: rows from the process's standard input, one split, until it closes.

use millrace_plan::{Limits, Result, TableDef};

use super::bytes::ByteReader;
use super::{Connector, Location, Source, Split, SplitReader};

/// Standard input.
pub(super) static STDIN: Connector = Connector {
    name: "stdin",
    about: "standard input, until it closes",
    options: &[],
    takes_format: true,
    needs_format: true,
    metadata: &[],
    source: Some(|table| Ok(Box::new(Stdin(table.clone())))),
    sink: None,
};

struct Stdin(TableDef);

impl Source for Stdin {
    fn bounded(&self) -> bool {
        true
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        Ok(vec![Split {
            name: "stdin".into(),
            location: Location::Stdin,
            bytes: None,
            rows: None,
            detail: String::new(),
        }])
    }

    fn replays(&self) -> bool {
        false
    }

    fn open(&self, _split: &Split, projection: &[usize], limits: &Limits) -> Result<Box<dyn SplitReader>> {
        Ok(Box::new(ByteReader::new(&self.0, projection, &[], limits, false)?))
    }
}
