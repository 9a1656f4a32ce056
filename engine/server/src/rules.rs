//! What the planner asks about connectors, answered from the connector and format lists, and about user functions,
//! answered from the files that they are in.

use std::path::Path;

use millrace_connect::connector::{self, Role};
use millrace_connect::format;
use millrace_plan::{Changelog, Error, FunctionDef, Result, TableDef, UserFunction};
use millrace_sql::TableRules;

/// The connectors in this binary, and the user functions of a run.
pub struct Surroundings<'a> {
    /// Functions that a script may call without declaring them.
    pub functions: &'a [UserFunction],
}

impl TableRules for Surroundings<'_> {
    fn functions(&self) -> &[UserFunction] {
        self.functions
    }

    fn load_function(&self, def: &FunctionDef) -> Result<UserFunction> {
        let path = Path::new(def.path.strip_prefix("file://").unwrap_or(&def.path));
        let bytes = millrace_runtime::read_bytes(path).map_err(|error| {
            Error::query(format!("function `{}`: {}: {}", def.name, path.display(), error.source))
                .hint("check the path; it is relative to the working folder")
        })?;
        millrace_wasm::load(def, &bytes)
    }

    fn check(&self, table: &TableDef) -> Result<()> {
        connector::check_options(table, Role::Any)
    }

    fn source_changelog(&self, table: &TableDef) -> Result<Changelog> {
        connector::source_changelog(table)
    }

    fn check_source(&self, table: &TableDef) -> Result<()> {
        connector::check_options(table, Role::Source)
    }

    fn check_source_watermark(&self, table: &TableDef) -> Result<()> {
        if connector::source(table)?.bounded() {
            return Ok(());
        }
        Err(Error::query(format!("SOURCE_WATERMARK() of `{}`, which does not end", table.name)).hint(
            "write WATERMARK FOR ts AS ts - INTERVAL '5' SECOND: a source knows nothing of times but that it has ended",
        ))
    }

    fn check_lookup(&self, table: &TableDef) -> Result<()> {
        let source = connector::source(table)?;
        let cannot = |why: &str| Error::query(format!("`{}` cannot be looked up: {why}", table.name));
        if !source.bounded() || !source.replays() {
            return Err(cannot("it does not end, or cannot be read again").hint(
                "join a table of files or 'values', or give it a PRIMARY KEY and a WATERMARK and write FOR \
                       SYSTEM_TIME AS OF a row time",
            ));
        }
        match source.monitor_interval_ms() {
            None => Ok(()),
            Some(_) => Err(cannot("it is read once, when a run begins")
                .hint("leave 'source.monitor-interval' out; start again to read what is new")),
        }
    }

    fn may_fall_idle(&self, table: &TableDef) -> Result<bool> {
        let source = connector::source(table)?;
        let splits_come = source.monitor_interval_ms().is_some() || source.endpoint().is_some();
        Ok(splits_come || table.option("scan.watermark.idle-timeout").is_some())
    }

    fn check_sink(&self, table: &TableDef, changes: bool) -> Result<()> {
        connector::check_options(table, Role::Sink)?;
        let sink = connector::sink(table)?;
        if !changes || sink.takes_changes() {
            return Ok(());
        }
        let takers: Vec<&str> =
            format::FORMATS.iter().filter(|own| own.writes_changes).map(|own| own.name).collect();
        Err(Error::query(format!("`{}` takes new rows only, but the query also changes rows", table.name))
            .hint(format!(
                "use a format that writes changes ({}), 'connector' = 'print', or EMIT FINAL after the query",
                takers.join(", ")
            )))
    }
}
