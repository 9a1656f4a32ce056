//! `print`: rows on standard output, as `+I[a, 1]`, or in a format.

use arrow::array::RecordBatch;
use millrace_flow::RowKinds;
use millrace_plan::{Result, TableDef};

use super::bytes::ByteSink;
use super::{Connector, OptionDef, Sink, SinkWriter, Target};
use crate::format::print_form::print_value;

/// Standard output.
pub(super) static PRINT: Connector = Connector {
    name: "print",
    about: "standard output: +I[a, 1] for each row, or a format",
    options: &[OptionDef {
        name: "print-identifier",
        about: "a word before each row, as in 'out> +I[a, 1]'",
        required: false,
    }],
    takes_format: true,
    needs_format: false,
    metadata: &[],
    source: None,
    sink: Some(sink),
};

fn sink(table: &TableDef) -> Result<Box<dyn Sink>> {
    if table.option("format").is_some() {
        return Ok(Box::new(ByteSink::new(table, |_| Target::Stdout)?));
    }
    let prefix = table.option("print-identifier").map_or(String::new(), |own| format!("{own}> "));
    Ok(Box::new(Print { prefix }))
}

#[derive(Clone)]
struct Print {
    prefix: String,
}

impl Sink for Print {
    fn target(&self) -> Target {
        Target::Stdout
    }

    fn takes_changes(&self) -> bool {
        true
    }

    fn writer(&self) -> Result<Box<dyn SinkWriter>> {
        Ok(Box::new(self.clone()))
    }
}

impl SinkWriter for Print {
    fn write(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        for row in 0..rows.num_rows() {
            out.extend_from_slice(self.prefix.as_bytes());
            out.extend_from_slice(kinds.get(row).short().as_bytes());
            out.push(b'[');
            for (index, column) in rows.columns().iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(b", ");
                }
                print_value(column, row, out);
            }
            out.extend_from_slice(b"]\n");
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
