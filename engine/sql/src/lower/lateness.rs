//! Allowed lateness: windows over a table that allows it stay open, and so send changes.

use std::collections::BTreeSet;

use millrace_plan::{EmitMode, Error, JoinTime, NodeId, Operator, Result, TableDef};

use super::{Lowering, Statement, Strategy};
use crate::bind::Declared;

/// The option of a source.
pub const OPTION: &str = "window.allowed-lateness";

/// How long windows over rows of `table` stay open after they have fired, in milliseconds.
pub fn of_table(table: &TableDef, strategy: Strategy) -> Result<i64> {
    let Some(text) = table.option(OPTION) else { return Ok(strategy.lateness_ms) };
    let length = millrace_plan::duration_ms(text).and_then(|own| i64::try_from(own).ok());
    length.ok_or_else(|| {
        Error::query(format!("'{OPTION}' = '{text}' of `{}` is not a duration", table.name))
            .hint("write a number and a unit, as in '10 s' or '500 ms'")
    })
}

/// Refuses the option where it means nothing.
pub fn check(declared: &Declared, strategy: Strategy) -> Result<()> {
    of_table(&declared.def, strategy)?;
    if declared.watermark.is_some() || declared.def.option(OPTION).is_none() {
        return Ok(());
    }
    Err(Error::query(format!("'{OPTION}' of `{}`: without a WATERMARK no row is late", declared.def.name))
        .hint("declare WATERMARK FOR the row time, or leave the option out"))
}

impl Lowering {
    /// How long windows over the rows of `node` stay open, in milliseconds.
    pub(super) fn lateness(&self, node: NodeId, statement: Statement) -> Result<i64> {
        let mut found = BTreeSet::new();
        self.collect_lateness(node, &mut found).map_err(|error| error.at(statement.place))?;
        let mut lengths = found.into_iter();
        match (lengths.next(), lengths.next()) {
            (None, _) => Ok(0),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => {
                Err(Error::query("a window over rows of tables that allow different lateness")
                    .hint(format!(
                        "set '{OPTION}' to the same length on all tables whose rows meet in the window"
                    ))
                    .at(statement.place))
            }
        }
    }

    /// The lateness that each table with a row time allows whose rows come to `node`.
    fn collect_lateness(&self, node: NodeId, found: &mut BTreeSet<i64>) -> Result<()> {
        let own = self.graph.node(node);
        match &own.operator {
            // From here on the clock says what is late.
            Operator::ProcessingTime { .. } => Ok(()),
            // Its rows are not there yet when the others are late.
            Operator::LookupJoin { .. } => self.collect_lateness(own.inputs[0], found),
            Operator::RowTime(_) => {
                found.insert(self.lateness_of_source(own.inputs[0])?);
                Ok(())
            }
            _ => own.inputs.iter().try_for_each(|input| self.collect_lateness(*input, found)),
        }
    }

    /// The lateness of the table below a row time.
    fn lateness_of_source(&self, node: NodeId) -> Result<i64> {
        let own = self.graph.node(node);
        match (&own.operator, own.inputs.first()) {
            (Operator::Source { table, .. }, _) => of_table(table, self.strategy),
            (_, Some(input)) => self.lateness_of_source(*input),
            (_, None) => Ok(0),
        }
    }

    /// Refuses what goes by event time and cannot take rows back, over a table that allows lateness; `first` is the
    /// first node of the statement.
    pub(super) fn check_lateness(&self, first: NodeId, statement: Statement) -> Result<()> {
        for node in self.graph.since(first) {
            let Some(what) = once_only(&node.operator) else { continue };
            for input in &node.inputs {
                if self.lateness(*input, statement)? > 0 {
                    return Err(Error::query(format!("'{OPTION}' is not supported for {what}"))
                        .hint(
                            "only TUMBLE, HOP, CUMULATE and SESSION with GROUP BY send a window again; read a table \
                             without the option here ('0 s' goes before SET 'table.exec.emit.allow-lateness'), or give \
                             its WATERMARK a longer delay",
                        )
                        .at(statement.place));
                }
            }
        }
        Ok(())
    }

    /// Refuses EMIT FINAL where windows are sent again.
    pub(super) fn check_emit(&self, lateness: i64, statement: Statement) -> Result<()> {
        if lateness == 0 || statement.emit != Some(EmitMode::Final) {
            return Ok(());
        }
        Err(Error::query(format!(
            "EMIT FINAL sends a window once, but '{OPTION}' sends it again for late rows"
        ))
        .hint("leave one of them out, or give the WATERMARK a longer delay")
        .at(statement.place))
    }
}

/// What an operator is called that goes by event time and says everything once.
fn once_only(operator: &Operator) -> Option<&'static str> {
    Some(match operator {
        Operator::TopN { window: Some(_), .. } => "a top-N of each window",
        Operator::Deduplicate { .. } => "the first row of each key by row time",
        Operator::TemporalSort { .. } => "ORDER BY row time",
        Operator::OverAggregate { time: Some(_), .. } => "OVER windows",
        Operator::MatchRecognize(spec) if spec.time.is_some() => "MATCH_RECOGNIZE",
        Operator::Join(spec) => match spec.time {
            JoinTime::Unbounded => return None,
            JoinTime::Interval { .. } => "interval joins",
            JoinTime::Window { .. } => "window joins",
            JoinTime::Version { .. } => "temporal joins",
        },
        _ => return None,
    })
}
