//! What holds for rows with kinds in any format: which kinds a source may send, and which values a row must have.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use millrace_plan::{Changelog, Result, RowKind};

use super::DecodeRequest;
use super::column::{Column, Fault};
use super::json::{in_column, projected};
use crate::connector::{CHANGELOG_MODE, changelog_mode};

/// The rules of one source.
pub(super) struct ChangeRules {
    mode: Changelog,
    /// The NOT NULL columns that a row which goes away may leave out.
    required: Vec<usize>,
}

/// A column as a source sends it: a row that an upsert source takes away may hold no more than its key.
pub(crate) fn sent_field(mode: Changelog, field: &FieldRef) -> FieldRef {
    match mode {
        Changelog::Upsert => Arc::new(field.as_ref().clone().with_nullable(true)),
        Changelog::Append | Changelog::Retract => field.clone(),
    }
}

impl ChangeRules {
    /// As the options of a table ask for, and the columns of its rows.
    pub(super) fn new(request: &DecodeRequest) -> Result<(ChangeRules, SchemaRef)> {
        let mode = request.options.get(CHANGELOG_MODE.name);
        let mode = mode.map_or(Ok(Changelog::Retract), |mode| changelog_mode(mode))?;
        let declared = projected(request);
        let fields: Vec<FieldRef> = declared.fields().iter().map(|own| sent_field(mode, own)).collect();
        let required = declared.fields().iter().enumerate().filter(|(_, own)| !own.is_nullable());
        let required = required.map(|(column, _)| column).filter(|_| mode == Changelog::Upsert).collect();
        Ok((ChangeRules { mode, required }, Arc::new(Schema::new(fields))))
    }

    /// True if an update is told by what the row is now.
    pub(super) fn is_upsert(&self) -> bool {
        self.mode == Changelog::Upsert
    }

    /// Fails if the row that was just read, the last of `columns`, may not be of this kind.
    pub(super) fn check(&self, kind: RowKind, columns: &[Column]) -> Result<(), Fault> {
        if self.mode == Changelog::Append && kind != RowKind::Insert {
            return Err(format!("a row of kind {kind}, but 'changelog-mode' = 'I'"));
        }
        if kind == RowKind::Delete {
            return Ok(());
        }
        let missing = self.required.iter().map(|own| &columns[*own]).find(|own| own.ends_with_null());
        missing.map_or(Ok(()), |column| Err(in_column(column, "NULL in a NOT NULL column")))
    }
}
