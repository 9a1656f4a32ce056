//! Windows and joins by processing time: below them the rows are given the time they come, and from there on the
//! clock is the watermark.

use millrace_plan::{Changelog, Error, JoinTime, Operator, Result};

use super::relation::Relation;
use super::{Lowering, Statement};
use crate::bind::window::{TimeDomain, WindowAssign};

impl Lowering {
    /// The input of a window function, in the time that the function names.
    pub(super) fn timed(
        &mut self,
        input: Relation,
        time: usize,
        assign: &WindowAssign,
        statement: Statement,
    ) -> Result<Relation> {
        let name = &assign.time.name;
        let input = match (input.times.contains(&time), input.arrivals.contains(&time)) {
            (true, _) => input,
            (false, true) => {
                let input = self.by_processing_time(input, time, statement)?;
                Relation { times: Default::default(), ..input }
            }
            (false, false) => {
                return Err(Error::query(format!("`{name}` is not a time attribute"))
                    .hint(format!(
                        "declare it in CREATE TABLE: WATERMARK FOR {name} AS {name} - INTERVAL '5' SECOND, or \
                         take a column AS PROCTIME()"
                    ))
                    .at(statement.place));
            }
        };
        match (assign.asked, input.domain) {
            (Some(TimeDomain::Event), TimeDomain::Processing) => {
                Err(Error::query(format!("windows by `{name}` are in processing time and have no row time"))
                    .hint("use _PROCTIME instead of _ROWTIME")
                    .at(statement.place))
            }
            (Some(TimeDomain::Processing), TimeDomain::Event) => {
                Err(Error::query(format!("windows by `{name}` are in event time"))
                    .hint("use _ROWTIME instead of _PROCTIME")
                    .at(statement.place))
            }
            _ => Ok(input),
        }
    }

    /// `input`, computed, with the clock for a watermark and the time at which each row comes in `column`.
    fn by_processing_time(
        &mut self,
        input: Relation,
        column: usize,
        statement: Statement,
    ) -> Result<Relation> {
        let below = self.graph.node(input.node).clone();
        if below.changelog == Changelog::Retract {
            return Err(Error::query("a window by processing time over a query whose rows change")
                .hint("put the window below the aggregation, or EMIT FINAL")
                .at(statement.place));
        }
        let operator = Operator::ProcessingTime { column };
        let node = self.graph.add_after(input.node, operator, below.schema, Some(column));
        let times = [column].into();
        Ok(Relation { node, times, domain: TimeDomain::Processing, attached: None, ..input })
    }

    /// The inputs of a join, in the processing time that bounds it.
    pub(super) fn in_processing_time(
        &mut self,
        inputs: [Relation; 2],
        bound: JoinTime,
        statement: Statement,
    ) -> Result<[Relation; 2]> {
        let JoinTime::Interval { left, right, .. } = bound else { return Ok(inputs) };
        let [first, second] = inputs;
        let first = match first.arrivals.contains(&left) {
            true => self.by_processing_time(first, left, statement)?,
            false => first,
        };
        let second = match second.arrivals.contains(&right) {
            true => self.by_processing_time(second, right, statement)?,
            false => second,
        };
        Ok([first, second])
    }
}

/// The columns of a relation by which it can be joined in processing time.
pub fn in_processing_time(relation: &Relation) -> Relation {
    let mut times = relation.arrivals.clone();
    if relation.domain == TimeDomain::Processing {
        times.extend(&relation.times);
    }
    Relation { times, ..relation.clone() }
}

/// The columns of a relation by which it can be joined in any time.
pub fn in_any_time(relation: &Relation) -> Relation {
    let times = relation.times.union(&relation.arrivals).copied().collect();
    Relation { times, ..relation.clone() }
}
