//! `changelog-json`: one change a line, `{"op":"+I","row":[...]}`; what one query prints another can read.

use arrow::array::RecordBatch;
use millrace_flow::RowKinds;
use millrace_plan::{Result, RowKind};

use super::cell::Cells;
use super::change_rules::ChangeRules;
use super::column::Fault;
use super::json::{
    Cursor, LineDecoder, ReadLine, Rows, Style, in_column, members, option, read_value, write_value,
};
use super::{DecodeRequest, Encoder, Format};
use crate::connector::CHANGELOG_MODE;

/// Changes with the values in the order of the columns.
pub(super) static CHANGELOG_JSON: Format = Format {
    name: "changelog-json",
    about: "one change a line: {\"op\":\"+U\",\"row\":[1,\"a\"]}",
    options: &[
        CHANGELOG_MODE,
        option("changelog-json.timestamp-format.standard", "'SQL' (default) or 'ISO-8601'; both are read"),
    ],
    decoder: Some(|request| {
        let (rules, schema) = ChangeRules::new(request)?;
        let reader = ChangelogReader::new(rules, request);
        Ok(Box::new(LineDecoder::new(reader, schema, request.row_bytes)?))
    }),
    encoder: Some(|_, options| {
        Ok(Box::new(ChangelogEncoder { style: Style::new(options, "changelog-json")? }))
    }),
    reads_changes: true,
    writes_changes: true,
    streams: true,
    suffix: "json",
};

struct ChangelogReader {
    rules: ChangeRules,
    /// For each column of the table, where its values go.
    targets: Vec<Option<usize>>,
}

impl ChangelogReader {
    fn new(rules: ChangeRules, request: &DecodeRequest) -> ChangelogReader {
        let columns = 0..request.table_schema.fields().len();
        let target = |column| request.projection.iter().position(|own| *own == column);
        ChangelogReader { rules, targets: columns.map(target).collect() }
    }

    /// The values of a row, past the opening bracket.
    fn values(&self, rows: &mut Rows<'_>, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let width = self.targets.len();
        for (number, target) in self.targets.iter().enumerate() {
            cursor.skip_space();
            if cursor.peek() == b']' {
                return Err(format!("{number} values for {width} columns"));
            }
            match target {
                None => cursor.skip_value()?,
                Some(target) => {
                    let column = &mut rows.columns[*target];
                    read_value(column, cursor, 0).map_err(|fault| in_column(column, &fault))?;
                }
            }
            cursor.skip_space();
            if number + 1 < width && cursor.peek() == b',' {
                cursor.at += 1;
            }
        }
        cursor.expect(b']', "more values than columns, or no , between them").map_err(Fault::from)
    }
}

impl ReadLine for ChangelogReader {
    fn read(&mut self, rows: &mut Rows<'_>, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        cursor.expect(b'{', "expected an object, one a line")?;
        let (mut kind, mut read) = (None, false);
        members(cursor, |key, cursor| match key {
            b"op" => {
                cursor.expect(b'"', "`op` is not a text")?;
                let op = cursor.unescaped()?;
                kind = RowKind::ALL.into_iter().find(|own| own.short().as_bytes() == &*op);
                match kind {
                    Some(_) => Ok(()),
                    None => Err("`op` is not one of +I, -U, +U, -D".into()),
                }
            }
            b"row" if read => Err("`row` is there twice".into()),
            b"row" => {
                cursor.expect(b'[', "`row` is not an array")?;
                read = true;
                self.values(rows, cursor)
            }
            _ => Ok(cursor.skip_value()?),
        })?;
        let kind = kind.filter(|_| read).ok_or("expected {\"op\": ..., \"row\": [...]}")?;
        self.rules.check(kind, rows.columns)?;
        rows.kinds.push(kind);
        rows.count += 1;
        Ok(())
    }
}

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
