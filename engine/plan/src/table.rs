//! A declared table as connectors and formats see it.

use std::collections::BTreeMap;

use arrow::datatypes::{FieldRef, SchemaRef};

/// The `WITH (...)` options of a table, by name.
pub type Options = BTreeMap<String, String>;

/// A table as its connector sees it: the columns that exist outside Millrace, and the options.
///
/// Computed columns are not here: they are expressions of the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct TableDef {
    /// The name in the catalog.
    pub name: String,
    /// The physical columns, in declared order: what a format decodes and encodes. Types are the
    /// Arrow types of `millrace-sql`'s type table (STRING = Utf8, TIMESTAMP(3) =
    /// Timestamp(Millisecond, None), TIMESTAMP_LTZ(3) = Timestamp(Millisecond, "UTC"), BYTES =
    /// Binary, DECIMAL = Decimal128, ROW = Struct, ARRAY = List, MAP = Map).
    pub schema: SchemaRef,
    /// The metadata columns, in declared order: the key the connector knows it by, and its column.
    pub metadata: Vec<(String, FieldRef)>,
    /// Positions in `schema` of the `PRIMARY KEY ... NOT ENFORCED`; empty if there is none.
    pub primary_key: Vec<usize>,
    /// The `WITH` options.
    pub options: Options,
}

impl TableDef {
    /// The value of option `name`, if it is set.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}
