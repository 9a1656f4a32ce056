//! `json`: one object a line.
//!
//! Flink's meaning: a missing field is NULL, unknown fields are skipped, numbers for STRING become their
//! text, text for numbers is parsed.

mod cursor;
mod decode;
mod encode;
mod object;
mod value;

use millrace_plan::{Error, Options, Result};

use super::Format;
use crate::connector::OptionDef;

pub(super) use cursor::Cursor;
pub(super) use decode::{LineDecoder, ReadLine, Rows, projected};
pub(super) use encode::{Style, object_keys, write_object, write_value};
pub(super) use object::{ObjectReader, in_column};
pub(super) use value::{members, read as read_value};

/// JSON lines.
pub(super) static JSON: Format = Format {
    name: "json",
    about: "one JSON object a line",
    options: &[
        option("json.fail-on-missing-field", "'true': a row without a declared field is bad; default false"),
        option(
            "json.ignore-parse-errors",
            "accepted for Flink's sake: bad rows never stop a run by themselves",
        ),
        option("json.timestamp-format.standard", "'SQL' (default) or 'ISO-8601'; both are read"),
        option("json.encode.ignore-null-fields", "'true': NULL fields are not written; default false"),
        option("json.encode.decimal-as-plain-number", "accepted for Flink's sake: decimals are always plain"),
        option("json.map-null-key.mode", "accepted for Flink's sake: NULL keys are written as \"null\""),
        option("json.map-null-key.literal", "accepted for Flink's sake"),
    ],
    decoder: Some(|request| {
        let reader = ObjectReader::new(&request.options)?;
        Ok(Box::new(LineDecoder::new(reader, projected(request), request.row_bytes)?))
    }),
    encoder: Some(|schema, options| Ok(Box::new(encode::JsonEncoder::new(schema, options)?))),
    reads_changes: false,
    writes_changes: false,
    streams: true,
    suffix: "json",
};

pub(super) const fn option(name: &'static str, about: &'static str) -> OptionDef {
    OptionDef { name, about, required: false }
}

/// An option that is `true` or `false`.
pub(super) fn flag(options: &Options, name: &str) -> Result<bool> {
    match options.get(name).map(|value| value.to_ascii_lowercase()).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Error::query(format!("'{name}' = '{other}': expected 'true' or 'false'"))),
    }
}
