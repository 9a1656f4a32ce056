//! `changelog-json`: one change a line, `{"op":"+I","row":[...]}`; for programs that read what a query
//! prints.

use arrow::array::RecordBatch;
use millrace_flow::RowKinds;
use millrace_plan::Result;

use super::cell::Cells;
use super::json::{Style, option, write_value};
use super::{Encoder, Format};

/// Changes with the values in the order of the columns.
pub(super) static CHANGELOG_JSON: Format = Format {
    name: "changelog-json",
    about: "one change a line: {\"op\":\"+U\",\"row\":[1,\"a\"]}",
    options: &[option("json.timestamp-format.standard", "'SQL' (default) or 'ISO-8601'")],
    decoder: None,
    encoder: Some(|_, options| Ok(Box::new(ChangelogEncoder { style: Style::new(options)? }))),
    writes_changes: true,
    streams: true,
    suffix: "json",
};

struct ChangelogEncoder {
    style: Style,
}

impl Encoder for ChangelogEncoder {
    fn encode(&mut self, rows: &RecordBatch, kinds: &RowKinds, out: &mut Vec<u8>) -> Result<()> {
        let cells = rows.columns().iter().map(|own| Cells::new(own.as_ref())).collect::<Result<Vec<_>>>()?;
        for row in 0..rows.num_rows() {
            out.extend_from_slice(b"{\"op\":\"");
            out.extend_from_slice(kinds.get(row).short().as_bytes());
            out.extend_from_slice(b"\",\"row\":[");
            for (number, own) in cells.iter().enumerate() {
                if number > 0 {
                    out.push(b',');
                }
                write_value(own, row, self.style, out);
            }
            out.extend_from_slice(b"]}\n");
        }
        Ok(())
    }
}
