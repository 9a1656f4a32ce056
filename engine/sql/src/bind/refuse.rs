//! What the runtime cannot do yet, refused before binding with its place and what to write instead.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Distinct, GroupByExpr, JoinOperator, Query, Select, SetExpr, SetOperator, SetQuantifier, TableFactor,
    Visit, Visitor,
};
use millrace_plan::{Error, Place, Result};

use super::rewrite::place_of;

/// Fails at the first construct of `query` that Millrace does not run yet.
pub fn refuse_unsupported(query: &Query) -> Result<()> {
    let mut refusal = Refusal;
    match query.visit(&mut refusal) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Refusal;

type Flow = ControlFlow<Box<Error>>;

fn refuse(what: &str, hint: &str, place: Option<Place>) -> Flow {
    ControlFlow::Break(Box::new(Error::query(format!("{what} is not supported yet")).hint(hint).at(place)))
}

impl Visitor for Refusal {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        let place = place_of(query);
        if query.fetch.is_some() {
            return refuse("FETCH", "write LIMIT n", place);
        }
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            return refuse("WITH RECURSIVE", "write the levels out", place);
        }
        set_operation(&query.body, place)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        for source in &select.from {
            for join in &source.joins {
                join_operator(&join.join_operator, place_of(&join.relation))?;
            }
        }
        if select.from.is_empty() {
            return refuse("SELECT without FROM", "read from a table", place_of(select));
        }
        if matches!(select.distinct, Some(Distinct::On(_))) {
            return refuse("DISTINCT ON", "use GROUP BY with FIRST_VALUE", place_of(select));
        }
        if let GroupByExpr::All(_) = select.group_by {
            return refuse("GROUP BY ALL", "name the columns", place_of(select));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        match factor {
            TableFactor::Table { version: Some(_), .. } => {
                refuse("FOR SYSTEM_TIME AS OF", JOIN_HINT, place_of(factor))
            }
            TableFactor::UNNEST { .. } => {
                refuse("UNNEST", "give each element a row in the input", place_of(factor))
            }
            TableFactor::Derived { lateral: true, .. } => refuse("LATERAL", JOIN_HINT, place_of(factor)),
            _ => ControlFlow::Continue(()),
        }
    }
}

const JOIN_HINT: &str = "join the tables themselves, by equal keys or by intervals of their row times";

fn join_operator(operator: &JoinOperator, place: Option<Place>) -> Flow {
    match operator {
        JoinOperator::Join(_)
        | JoinOperator::Inner(_)
        | JoinOperator::Left(_)
        | JoinOperator::LeftOuter(_)
        | JoinOperator::Right(_)
        | JoinOperator::RightOuter(_)
        | JoinOperator::FullOuter(_)
        | JoinOperator::CrossJoin(_) => ControlFlow::Continue(()),
        _ => refuse("this kind of JOIN", "write INNER, LEFT, RIGHT, FULL or CROSS JOIN", place),
    }
}

fn set_operation(body: &SetExpr, place: Option<Place>) -> Flow {
    match body {
        SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
            if matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName) {
                return refuse("UNION BY NAME", "list the columns in the same order", place);
            }
            set_operation(left, place)?;
            set_operation(right, place)
        }
        SetExpr::SetOperation {
            op: SetOperator::Intersect | SetOperator::Except,
            set_quantifier,
            left,
            right,
        } => {
            if !matches!(set_quantifier, SetQuantifier::None | SetQuantifier::Distinct) {
                return refuse(
                    "INTERSECT ALL and EXCEPT ALL",
                    "leave ALL out, or count with GROUP BY",
                    place,
                );
            }
            set_operation(left, place)?;
            set_operation(right, place)
        }
        SetExpr::SetOperation { op, .. } => refuse(&op.to_string(), "use UNION, INTERSECT or EXCEPT", place),
        SetExpr::Values(_) => refuse("VALUES as a table", "use a table with 'connector' = 'values'", place),
        _ => ControlFlow::Continue(()),
    }
}
