//! `values`: rows written in the SQL text, for trying things out and for tests.
//!
//! `'rows' = '[[1, "a"], {"id": 2, "name": "b"}]'`: arrays hold the columns in declared order, objects by
//! name. With `'changelog-mode'` a row says what it does: `{"op": "+U", "row": [1, "a"]}`.

use millrace_plan::{Error, Limits, Result, TableDef};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{CHANGELOG_MODE, Connector, Location, OptionDef, Position, Source, Split, SplitReader, Step};
use crate::format::{self, DecodeRequest, Decoder};

/// Rows in the SQL text.
pub(super) static VALUES: Connector = Connector {
    name: "values",
    about: "rows written in the SQL text",
    options: &[
        OptionDef { name: "rows", about: "a JSON array of arrays or objects", required: true },
        OptionDef {
            name: CHANGELOG_MODE.name,
            about: "rows say what they do; 'I,UA,UB,D', 'I,UA,D' (upserts by PRIMARY KEY) or 'I' (new rows only)",
            required: false,
        },
    ],
    takes_format: false,
    needs_format: false,
    metadata: &[],
    source: Some(|table| Ok(Box::new(Values::new(table)?))),
    sink: None,
};

struct Values {
    table: TableDef,
    /// One JSON object a line.
    lines: Vec<u8>,
    rows: u64,
}

impl Values {
    fn new(table: &TableDef) -> Result<Values> {
        let text = table.option("rows").unwrap_or("[]");
        let rows: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
            Error::query(format!("'rows' is not a JSON array: {error}"))
                .hint("write '[[1, \"a\"], [2, \"b\"]]'")
        })?;
        let mut lines = vec![];
        for (number, row) in rows.iter().enumerate() {
            let wrong = |what: String| Error::query(format!("'rows': row {}: {what}", number + 1));
            line(row.get(), table, &mut lines).map_err(wrong)?;
        }
        Ok(Values { table: table.clone(), lines, rows: rows.len() as u64 })
    }
}

/// Appends one row as a JSON object.
fn line(row: &str, table: &TableDef, lines: &mut Vec<u8>) -> Result<(), String> {
    // Line breaks are only white space between the tokens of JSON.
    let on_one_line = |text: &str| text.replace(['\n', '\r'], " ");
    if row.starts_with('{') {
        lines.extend_from_slice(on_one_line(row).as_bytes());
        lines.push(b'\n');
        return Ok(());
    }
    let values: Vec<&RawValue> =
        serde_json::from_str(row).map_err(|error| format!("not an array of values: {error}"))?;
    let fields = table.schema.fields();
    if values.len() != fields.len() {
        return Err(format!("{} values for {} columns", values.len(), fields.len()));
    }
    let cell = |(field, value): (&arrow::datatypes::FieldRef, &&RawValue)| {
        format!("{}:{}", Value::from(field.name().as_str()), on_one_line(value.get()))
    };
    let cells: Vec<String> = fields.iter().zip(&values).map(cell).collect();
    lines.extend_from_slice(format!("{{{}}}\n", cells.join(",")).as_bytes());
    Ok(())
}

impl Source for Values {
    fn bounded(&self) -> bool {
        true
    }

    fn splits(&self, _shards: usize) -> Result<Vec<Split>> {
        Ok(vec![Split {
            name: "values".into(),
            location: Location::Made,
            bytes: None,
            rows: Some(self.rows),
            detail: String::new(),
        }])
    }

    fn open(&self, _split: &Split, projection: &[usize], limits: &Limits) -> Result<Box<dyn SplitReader>> {
        let mode = self.table.options.get_key_value(CHANGELOG_MODE.name);
        let name = if mode.is_some() { "changelog-json" } else { "json" };
        let Some(make) = format::find(name).and_then(|format| format.decoder) else {
            return Err(Error::bug(format!("the format '{name}' is missing")));
        };
        let decoder = make(&DecodeRequest {
            table_schema: self.table.schema.clone(),
            projection: projection.to_vec(),
            options: mode.map(|(name, mode)| (name.clone(), mode.clone())).into_iter().collect(),
            row_bytes: limits.row_bytes,
        })?;
        Ok(Box::new(Reader { decoder, lines: Some(self.lines.clone()) }))
    }
}

struct Reader {
    decoder: Box<dyn Decoder>,
    /// Not supplied yet.
    lines: Option<Vec<u8>>,
}

impl SplitReader for Reader {
    fn position(&self) -> Position {
        self.decoder.position()
    }

    fn seek(&mut self, position: Position) -> Result<()> {
        self.decoder.seek(position);
        if let Some(lines) = &mut self.lines {
            lines.drain(..(position.offset as usize).min(lines.len()));
        }
        Ok(())
    }

    fn step(&mut self, max_rows: usize, _now_ms: u64) -> Result<Step> {
        if let Some(lines) = self.lines.take() {
            self.decoder.supply(lines, true)?;
        }
        Ok(self.decoder.decode(max_rows)?.map_or(Step::End, Step::Rows))
    }

    fn supply(&mut self, _bytes: Vec<u8>) -> Result<()> {
        Err(Error::bug("rows in the SQL text need no bytes"))
    }
}
