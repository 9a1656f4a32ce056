//! `blackhole`: counts rows and forgets them, for measuring.

use arrow::array::RecordBatch;
use millrace_flow::RowKinds;
use millrace_plan::Result;

use super::{Connector, Sink, SinkWriter, Target};

/// Nowhere.
pub(super) static BLACKHOLE: Connector = Connector {
    name: "blackhole",
    about: "counts rows and forgets them",
    options: &[],
    takes_format: false,
    needs_format: false,
    metadata: &[],
    source: None,
    sink: Some(|_| Ok(Box::new(Blackhole))),
};

struct Blackhole;

impl Sink for Blackhole {
    fn target(&self) -> Target {
        Target::Nothing
    }

    fn takes_changes(&self) -> bool {
        true
    }

    fn writer(&self) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(Blackhole))
    }
}

impl SinkWriter for Blackhole {
    fn write(&mut self, _rows: &RecordBatch, _kinds: &RowKinds, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
