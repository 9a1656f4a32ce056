//! Which options a table may carry, and how their values read.

use millrace_plan::{Changelog, Error, Result, TableDef, duration_ms};

use super::{CONNECTORS, Connector, OptionDef, find};
use crate::format::{self, FORMATS, Format};

/// What a table is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Only declared.
    Any,
    /// Rows are read from it.
    Source,
    /// Rows are written to it.
    Sink,
}

const fn option(name: &'static str, about: &'static str) -> OptionDef {
    OptionDef { name, about, required: false }
}

/// The options every table may carry.
pub static GENERAL_OPTIONS: &[OptionDef] = &[
    OptionDef { name: "connector", about: "the system behind the table", required: true },
    option("format", "how bytes become rows: json, csv, ..."),
    option("scan.watermark.idle-timeout", "a split without rows for this long no longer holds time back"),
    option(
        "late.table",
        "a sink table for the rows that the first window drops as late; its columns are some of these",
    ),
    option(
        "window.allowed-lateness",
        "windows that were sent take rows for so long, and send what changes: '5 s'",
    ),
    option("dead-letter.path", "a file for the rows that cannot be read, as JSON lines; default: count them"),
    option("on-error", "'skip' (default): bad rows leave to the dead letters; 'fail': they end the run"),
];

/// Which row kinds a source sends whose rows have kinds.
pub(crate) const CHANGELOG_MODE: OptionDef = option(
    "changelog-mode",
    "what a source sends: 'I,UA,UB,D' (default), 'I,UA,D' (upserts by PRIMARY KEY), 'I' (new rows only)",
);

/// The row kinds that a table sends when it is read.
pub fn source_changelog(table: &TableDef) -> Result<Changelog> {
    let by_format = || table.option("format").and_then(format::find).is_some_and(|own| own.reads_changes);
    match table.option(CHANGELOG_MODE.name) {
        Some(mode) => changelog_mode(mode).map_err(|error| error.within(format!("table `{}`", table.name))),
        None if by_format() => Ok(Changelog::Retract),
        None => Ok(Changelog::Append),
    }
}

/// What a value of 'changelog-mode' says: row kinds as Flink shortens them, in any order.
pub(crate) fn changelog_mode(mode: &str) -> Result<Changelog> {
    const KINDS: [&str; 4] = ["I", "UA", "UB", "D"];
    let names: Vec<&str> = mode.split(',').map(str::trim).collect();
    let has = |kind: &str| names.iter().any(|own| own.eq_ignore_ascii_case(kind));
    let known = names.iter().all(|own| KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(own)));
    match (known, has("UA"), has("UB"), has("D")) {
        (true, true, true, _) | (true, false, false, true) => Ok(Changelog::Retract),
        (true, true, false, _) => Ok(Changelog::Upsert),
        (true, false, false, false) => Ok(Changelog::Append),
        _ => Err(Error::query(format!("'changelog-mode' = '{mode}': no such mode")).hint(
            "write 'I,UA,UB,D' (all changes), 'I,UA,D' (upserts by PRIMARY KEY) or 'I' (new rows only)",
        )),
    }
}

/// Refuses what connector and format do not understand, and what they miss.
pub fn check_options(table: &TableDef, role: Role) -> Result<()> {
    check(table, role).map_err(|error| error.within(format!("table `{}`", table.name)))
}

fn check(table: &TableDef, role: Role) -> Result<()> {
    let connector = connector_of(table)?;
    let format = format_of(table, connector)?;
    let known: Vec<&OptionDef> = GENERAL_OPTIONS
        .iter()
        .chain(connector.options)
        .chain(format.map_or(&[][..], |format| format.options))
        .collect();
    for name in table.options.keys() {
        let matches = |own: &&&OptionDef| match own.name.split_once('#') {
            Some((prefix, suffix)) => name.starts_with(prefix) && name.ends_with(suffix),
            None => own.name == name,
        };
        if !known.iter().any(|own| matches(&own)) {
            return Err(Error::query(format!("unknown option '{name}'"))
                .hint(nearest(name, known.iter().map(|own| own.name))));
        }
    }
    if let Some(missing) = known.iter().find(|own| own.required && table.option(own.name).is_none()) {
        return Err(Error::query(format!("option '{}' is missing: {}", missing.name, missing.about))
            .hint(format!("add '{}' = '...' to WITH (...)", missing.name)));
    }
    if let Some(value) = table.option("on-error").filter(|value| !["skip", "fail"].contains(value)) {
        return Err(Error::query(format!("'on-error' = '{value}': expected 'skip' or 'fail'")));
    }
    for (key, field) in &table.metadata {
        if !connector.metadata.iter().any(|(name, _)| name == key) {
            let known = connector.metadata.iter().map(|(name, _)| *name);
            return Err(Error::query(format!(
                "metadata column `{}`: '{}' has no metadata '{key}'",
                field.name(),
                connector.name
            ))
            .hint(nearest(key, known)));
        }
    }
    check_role(connector, format, role)
}

fn check_role(connector: &Connector, format: Option<&Format>, role: Role) -> Result<()> {
    let cannot = |what: &str, name: &str, verb: &str, others: Vec<&str>| {
        Error::query(format!("{what} '{name}' cannot be {verb}"))
            .hint(format!("use one of: {}", others.join(", ")))
    };
    let names = |test: fn(&Connector) -> bool| -> Vec<&str> {
        CONNECTORS.iter().filter(|own| test(own)).map(|own| own.name).collect()
    };
    let formats = |test: fn(&Format) -> bool| -> Vec<&str> {
        FORMATS.iter().filter(|own| test(own)).map(|own| own.name).collect()
    };
    match role {
        Role::Any => Ok(()),
        Role::Source if connector.source.is_none() => {
            Err(cannot("connector", connector.name, "read", names(|own| own.source.is_some())))
        }
        Role::Sink if connector.sink.is_none() => {
            Err(cannot("connector", connector.name, "written", names(|own| own.sink.is_some())))
        }
        Role::Source => match format.filter(|own| own.decoder.is_none()) {
            Some(format) => Err(cannot("format", format.name, "read", formats(|own| own.decoder.is_some()))),
            None => Ok(()),
        },
        Role::Sink => match format.filter(|own| own.encoder.is_none()) {
            Some(format) => {
                Err(cannot("format", format.name, "written", formats(|own| own.encoder.is_some())))
            }
            None => Ok(()),
        },
    }
}

/// The connector that the table names.
pub fn connector_of(table: &TableDef) -> Result<&'static Connector> {
    let Some(name) = table.option("connector") else {
        return Err(Error::query("option 'connector' is missing")
            .hint("add WITH ('connector' = 'filesystem', 'path' = '...', 'format' = 'json')"));
    };
    find(name).ok_or_else(|| {
        Error::query(format!("unknown connector '{name}'"))
            .hint(nearest(name, CONNECTORS.iter().map(|own| own.name)))
    })
}

/// The format that the table names, if its connector reads or writes bytes.
fn format_of(table: &TableDef, connector: &Connector) -> Result<Option<&'static Format>> {
    match (table.option("format"), connector.takes_format) {
        (None, true) if connector.needs_format => {
            Err(Error::query(format!("connector '{}' needs a format", connector.name))
                .hint(format!("add 'format' = one of: {}", format_names())))
        }
        (None, _) => Ok(None),
        (Some(_), false) => Err(Error::query(format!("connector '{}' takes no format", connector.name))
            .hint("remove the option 'format'")),
        (Some(name), true) => match format::find(name) {
            Some(format) => Ok(Some(format)),
            None => Err(Error::query(format!("unknown format '{name}'"))
                .hint(nearest(name, FORMATS.iter().map(|own| own.name)))),
        },
    }
}

/// The format of a table whose options were checked.
pub fn required_format(table: &TableDef) -> Result<&'static Format> {
    let connector = connector_of(table)?;
    format_of(table, connector)?.ok_or_else(|| Error::query("option 'format' is missing"))
}

fn format_names() -> String {
    FORMATS.iter().map(|own| own.name).collect::<Vec<_>>().join(", ")
}

/// "did you mean ...?" if something is near, else what there is.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    const NEAR: f64 = 0.7;
    let mut known: Vec<&str> = known.collect();
    let best = known
        .iter()
        .map(|own| (strsim::jaro_winkler(&name.to_ascii_lowercase(), own), *own))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((score, own)) if score >= NEAR => format!("did you mean '{own}'?"),
        _ if known.is_empty() => "there are none".into(),
        _ => {
            known.sort_unstable();
            format!("known: {}", known.join(", "))
        }
    }
}

/// A duration option, in milliseconds.
pub(super) fn duration_option(table: &TableDef, name: &str) -> Result<Option<u64>> {
    let Some(text) = table.option(name) else { return Ok(None) };
    match duration_ms(text) {
        Some(ms) => Ok(Some(ms)),
        None => Err(Error::query(format!("'{name}' = '{text}' is not a duration"))
            .hint("write a number and a unit, as in '10 s' or '500 ms'")),
    }
}

/// An option read as `T`, or its default.
pub(super) fn parsed_option<T: std::str::FromStr>(
    table: &TableDef,
    name: &str,
    default: T,
    expected: &str,
) -> Result<T> {
    match table.option(name) {
        None => Ok(default),
        Some(text) => match text.trim().parse() {
            Ok(value) => Ok(value),
            Err(_) => Err(Error::query(format!("'{name}' = '{text}': expected {expected}"))),
        },
    }
}
