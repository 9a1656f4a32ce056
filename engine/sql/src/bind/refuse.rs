//! What the runtime cannot do yet, refused before binding with its place and what to write instead.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Distinct, Expr as SqlExpr, GroupByExpr, JoinOperator, LimitClause, Query, Select, SetExpr, SetOperator,
    SetQuantifier, TableFactor, TableVersion, Visit, Visitor,
};
use millrace_plan::{Error, Place, Result};

use super::rewrite::place_of;
use super::temporal::version_at;

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
        if query.fetch.as_ref().is_some_and(|fetch| fetch.percent || fetch.with_ties) {
            return refuse("FETCH with PERCENT or WITH TIES", "write FETCH FIRST n ROWS ONLY", place);
        }
        let limited = |own: &LimitClause| !matches!(own, LimitClause::LimitOffset { limit: None, .. });
        if query.fetch.is_some() && query.limit_clause.as_ref().is_some_and(limited) {
            return refuse("FETCH beside LIMIT", "write one of them", place);
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
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                refuse(
                    "TABLESAMPLE",
                    "write WHERE MOD(key, 10) = 0 to take a tenth of the keys",
                    place_of(factor),
                )
            }
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => refuse(
                "PIVOT and UNPIVOT",
                "write an aggregate with FILTER (WHERE ...) for each column, or CROSS JOIN UNNEST(...)",
                place_of(factor),
            ),
            TableFactor::Table { version: Some(TableVersion::ForSystemTimeAsOf(time)), .. } => match time {
                SqlExpr::Identifier(_) | SqlExpr::CompoundIdentifier(_) => ControlFlow::Continue(()),
                _ => refuse(
                    &format!("FOR SYSTEM_TIME AS OF {time}"),
                    "name a time attribute of the left side of the JOIN",
                    place_of(factor),
                ),
            },
            TableFactor::Table { version: Some(version), .. } => {
                refuse(&version.to_string(), "write FOR SYSTEM_TIME AS OF o.time", place_of(factor))
            }
            TableFactor::Function { lateral: true, .. } if version_at(factor).is_none() => refuse(
                "LATERAL TABLE of this",
                "write LATERAL TABLE (t(o.time)) for the rows that table t has at a time, or CROSS JOIN UNNEST(...)",
                place_of(factor),
            ),
            _ => ControlFlow::Continue(()),
        }
    }
}

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
            if matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName) {
                return refuse("a set operation BY NAME", "list the columns in the same order", place);
            }
            set_operation(left, place)?;
            set_operation(right, place)
        }
        SetExpr::SetOperation { op, .. } => refuse(&op.to_string(), "use UNION, INTERSECT or EXCEPT", place),
        _ => ControlFlow::Continue(()),
    }
}
