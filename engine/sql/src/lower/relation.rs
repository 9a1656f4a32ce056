//! A relation under construction: a node, the names of its columns, and what is known of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion_common::{Column, DFSchema, DFSchemaRef, TableReference};
use datafusion_expr::Expr;
use millrace_plan::{Error, NodeId, Result, WindowSpec};

use crate::bind::window::{TimeDomain, WINDOW_COLUMNS, Windows};

/// Where a column of a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the node's batch, at this position.
    Real(usize),
    /// Not computed yet: the start, end or time of the row's window (0, 1, 2).
    Window(usize),
}

/// A window function whose columns have not been computed, in case an aggregation right above makes them
/// unnecessary.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The row time's position in the node's batch.
    pub time: usize,
    /// The windows.
    pub window: PendingWindow,
}

/// The windows of a [`Pending`] window function.
#[derive(Debug, Clone)]
pub enum PendingWindow {
    /// Known from a row's time alone.
    Aligned(WindowSpec),
    /// Rows that follow each other by no more than a gap.
    Session {
        /// In milliseconds.
        gap: i64,
        /// PARTITION BY, as positions in the node's batch; `None` = whatever else the query groups by.
        partition: Option<Vec<usize>>,
    },
}

/// The columns of a relation that hold a row's window, as positions in its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attached {
    /// `window_start`.
    pub start: usize,
    /// `window_end`.
    pub end: usize,
    /// `window_time`, if it is kept.
    pub time: Option<usize>,
}

impl Attached {
    /// The columns that `find` finds for the start, end and time of the window (0, 1, 2), if start and end are there.
    pub fn of(find: impl Fn(usize) -> Option<usize>) -> Option<Attached> {
        Some(Attached { start: find(0)?, end: find(1)?, time: find(2) })
    }

    /// The start, end or time of the window (0, 1, 2), if `column` is one of them.
    pub fn which(&self, column: usize) -> Option<usize> {
        let Attached { start, end, time } = *self;
        [Some(start), Some(end), time].iter().position(|own| *own == Some(column))
    }

    /// What both are, if start and end are the same columns.
    pub fn in_both(self, other: Attached) -> Option<Attached> {
        let time = self.time.filter(|time| other.time == Some(*time));
        ((self.start, self.end) == (other.start, other.end)).then_some(Attached { time, ..self })
    }

    /// The columns where `place` puts them, if it keeps start and end.
    pub fn moved(&self, place: impl Fn(usize) -> Option<usize>) -> Option<Attached> {
        let Attached { start, end, time } = *self;
        Some(Attached { start: place(start)?, end: place(end)?, time: time.and_then(place) })
    }
}

/// Rows of a node under the names that a logical plan gives them.
#[derive(Debug, Clone)]
pub struct Relation {
    /// The node.
    pub node: NodeId,
    /// The columns by name, in the logical plan's order.
    pub schema: DFSchemaRef,
    /// Where each column of `schema` is.
    pub places: Vec<Place>,
    /// The time attributes, as positions in `schema`.
    pub times: BTreeSet<usize>,
    /// What `times` and `attached` follow.
    pub domain: TimeDomain,
    /// The columns of processing time, as positions in `schema`: in their order rows arrive.
    pub arrivals: BTreeSet<usize>,
    /// The columns with the window that each row belongs to.
    pub attached: Option<Attached>,
    /// The window function above the node.
    pub pending: Option<Pending>,
}

impl Relation {
    /// The columns of `node`, in its order, under the names of `schema`.
    pub fn of(node: NodeId, schema: DFSchemaRef) -> Self {
        let places = (0..schema.fields().len()).map(Place::Real).collect();
        let (times, arrivals) = (BTreeSet::new(), BTreeSet::new());
        let domain = TimeDomain::Event;
        Relation { node, schema, places, times, domain, arrivals, attached: None, pending: None }
    }

    /// The same columns under other names.
    pub fn renamed(self, schema: DFSchemaRef) -> Self {
        Relation { schema, ..self }
    }

    /// The relation with the columns of a window function appended, not computed yet.
    pub fn windowed(self, schema: DFSchemaRef, time: usize, window: &Windows) -> Result<Relation> {
        let mut places = vec![];
        let (mut times, mut arrivals) = (BTreeSet::new(), BTreeSet::new());
        for (position, (qualifier, field)) in schema.iter().enumerate() {
            let window_column = WINDOW_COLUMNS.iter().position(|name| *name == field.name().as_str());
            if let Some(which) = window_column.filter(|_| qualifier.is_none()) {
                places.push(Place::Window(which));
                if which == 2 {
                    times.insert(position);
                }
                continue;
            }
            let column = Column::from((qualifier, field.as_ref()));
            let Some(input) = self.schema.maybe_index_of_column(&column) else {
                return Err(Error::bug(format!("the plan lost the column {column}")));
            };
            places.push(self.places[input]);
            if self.times.contains(&input) {
                times.insert(position);
            }
            if self.arrivals.contains(&input) {
                arrivals.insert(position);
            }
        }
        let real = |position: usize| match self.places[position] {
            Place::Real(real) => Ok(real),
            Place::Window(_) => Err(Error::bug("a window function over uncomputed columns")),
        };
        let column = |column: &Column| match self.schema.maybe_index_of_column(column) {
            Some(position) => real(position),
            None => Err(Error::bug(format!("the plan lost the column {column}"))),
        };
        let time = real(time)?;
        let window = match window {
            Windows::Aligned(window) => PendingWindow::Aligned(*window),
            Windows::Session { gap, partition } => {
                let columns = |own: &Vec<Column>| own.iter().map(column).collect::<Result<Vec<_>>>();
                PendingWindow::Session { gap: *gap, partition: partition.as_ref().map(columns).transpose()? }
            }
        };
        let find = |which: usize| places.iter().position(|place| *place == Place::Window(which));
        let attached = Attached::of(find);
        Ok(Relation {
            node: self.node,
            schema,
            places,
            times,
            domain: self.domain,
            arrivals,
            attached,
            pending: Some(Pending { time, window }),
        })
    }

    /// The position in `schema` of the column that `expr` is, if it is just a column.
    pub fn column(&self, expr: &Expr) -> Option<usize> {
        match expr {
            Expr::Column(column) => self.schema.maybe_index_of_column(column),
            Expr::Alias(alias) => self.column(&alias.expr),
            _ => None,
        }
    }

    /// True if `expr` is the processing time.
    pub fn is_arrival(&self, expr: &Expr) -> bool {
        match expr {
            Expr::ScalarFunction(call) => call.func.name() == "proctime",
            Expr::Alias(alias) => self.is_arrival(&alias.expr),
            _ => self.column(expr).is_some_and(|column| self.arrivals.contains(&column)),
        }
    }

    /// True if `expr` is computed from a column that does not exist yet.
    pub fn needs_window(&self, expr: &Expr) -> bool {
        self.pending.is_some()
            && expr.column_refs().iter().any(|column| {
                let position = self.schema.maybe_index_of_column(column);
                position.is_some_and(|position| matches!(self.places[position], Place::Window(_)))
            })
    }

    /// The names of the node's columns in the order of its batch; columns without a name in this
    /// relation are called `__hidden<position>`.
    pub fn real_schema(&self, node_fields: &[FieldRef]) -> Result<DFSchema> {
        let mut fields: Vec<(Option<TableReference>, FieldRef)> = node_fields
            .iter()
            .enumerate()
            .map(|(position, field)| (None, Arc::new(field.as_ref().clone().with_name(hidden(position)))))
            .collect();
        for (position, (qualifier, field)) in self.schema.iter().enumerate() {
            if let Place::Real(real) = self.places[position] {
                fields[real] = (qualifier.cloned(), field.clone());
            }
        }
        DFSchema::new_with_metadata(fields, Default::default())
            .map_err(|error| Error::bug(format!("naming columns: {error}")))
    }
}

/// Names of columns that belong to no table.
pub fn unqualified(fields: Vec<FieldRef>) -> Result<DFSchema> {
    let fields = fields.into_iter().map(|field| (None, field)).collect();
    DFSchema::new_with_metadata(fields, Default::default())
        .map_err(|error| Error::bug(format!("naming columns: {error}")))
}

/// The name of a column that the relation does not name.
pub fn hidden(position: usize) -> String {
    format!("__hidden{position}")
}
