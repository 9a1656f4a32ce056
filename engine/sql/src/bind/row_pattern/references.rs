//! What DEFINE and MEASURES read of a match: `x.col`, FIRST, LAST, aggregates and MATCH_ROWTIME become names of
//! reads.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value, VisitMut,
    VisitorMut,
};
use millrace_plan::{Error, Place, Result};

use crate::bind::aggregate;
use crate::bind::rewrite::place_of;

/// What is taken of rows, before it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    First(u32),
    Last(u32),
    RowTime,
    Aggregate(&'static str),
}

/// A reference to rows of a match: an expression over one row, without names of variables.
#[derive(Debug, Clone)]
pub struct Reference {
    pub of: Option<usize>,
    pub navigation: Navigation,
    /// `None`: the rows themselves, as in COUNT(*); the row time.
    pub arg: Option<Expr>,
    pub place: Option<Place>,
}

/// The name of the read at a position.
pub fn read_name(position: usize) -> String {
    format!("__read{position}")
}

/// Replaces what `expr` reads of a match by names of reads.
pub fn references(expr: &mut Expr, variables: &[String]) -> Result<Vec<Reference>> {
    let mut collector = Collector { variables, found: vec![] };
    match expr.visit(&mut collector) {
        ControlFlow::Continue(()) => Ok(collector.found),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// True if it is MATCH_PROCTIME() and nothing else.
pub fn is_arrival(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(call) if is_named(&call.name, "MATCH_PROCTIME"))
}

fn is_named(name: &ObjectName, wanted: &str) -> bool {
    name.to_string().eq_ignore_ascii_case(wanted)
}

struct Collector<'a> {
    variables: &'a [String],
    found: Vec<Reference>,
}

impl Collector<'_> {
    fn read(&mut self, reference: Reference) -> Expr {
        self.found.push(reference);
        Expr::Identifier(Ident::with_quote('`', read_name(self.found.len() - 1)))
    }

    /// The read that `expr` is, if it is one.
    fn reference(&self, expr: &Expr) -> Result<Option<Reference>> {
        let place = place_of(expr);
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                let (of, arg) = self.row_expr(expr)?;
                Ok(Some(Reference { of, navigation: Navigation::Last(0), arg, place }))
            }
            Expr::Function(call) => self.call(call, place).map_err(|error| error.at(place)),
            _ => Ok(None),
        }
    }

    /// An expression over one row, and the variable whose row it is.
    fn row_expr(&self, expr: &Expr) -> Result<(Option<usize>, Option<Expr>)> {
        let mut arg = expr.clone();
        let mut stripper = Stripper { variables: self.variables, of: None };
        match arg.visit(&mut stripper) {
            ControlFlow::Continue(()) => Ok((stripper.of.flatten(), Some(arg))),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    fn call(&self, call: &ast::Function, place: Option<Place>) -> Result<Option<Reference>> {
        let name = call.name.to_string().to_uppercase();
        let refused = |what: &str, hint: &str| Err(Error::query(what.to_string()).hint(hint));
        match name.as_str() {
            "FIRST" | "LAST" => self.navigation(&name, call, place).map(Some),
            "MATCH_ROWTIME" => {
                let arg = plain_args(call)?.first().map(|arg| self.row_expr(arg)).transpose()?;
                let arg = arg.and_then(|(_, arg)| arg);
                Ok(Some(Reference { of: None, navigation: Navigation::RowTime, arg, place }))
            }
            "PREV" => {
                refused("PREV is not supported", "write LAST(x.column, 1): the row of x before the last")
            }
            "NEXT" => refused("NEXT is not supported", "give the next row a variable of its own in PATTERN"),
            "MATCH_NUMBER" | "CLASSIFIER" => {
                refused(&format!("{name}() is not supported"), "measure columns of the variables themselves")
            }
            "MATCH_PROCTIME" => refused(
                "MATCH_PROCTIME() inside of an expression is not supported",
                "measure it by itself, and compute with it in the query above",
            ),
            "GROUPING" | "GROUPING_ID" => refused(
                &format!("{name} in MATCH_RECOGNIZE is not supported"),
                "matches have no grouping sets",
            ),
            _ => match aggregate::aggregate(&name) {
                Some(function) => {
                    let own = aggregate::AGGREGATES.iter().find(|own| own.name == function.name());
                    own.map(|own| self.aggregate(own.name, call, place)).transpose()
                }
                None => Ok(None),
            },
        }
    }

    fn navigation(&self, name: &str, call: &ast::Function, place: Option<Place>) -> Result<Reference> {
        let args = plain_args(call)?;
        let usage = || {
            Error::query(format!("{name} is not called like this")).hint(format!(
                "write {name}(x.column), or {name}(x.column, n) with a constant number of rows"
            ))
        };
        let rows = match args.get(1) {
            None => 0,
            Some(Expr::Value(value)) => match &value.value {
                Value::Number(number, _) => number.parse::<u32>().map_err(|_| usage())?,
                _ => return Err(usage()),
            },
            Some(_) => return Err(usage()),
        };
        let (Some(arg), true) = (args.first(), args.len() <= 2) else { return Err(usage()) };
        let (of, arg) = self.row_expr(arg)?;
        let navigation = if name == "FIRST" { Navigation::First(rows) } else { Navigation::Last(rows) };
        Ok(Reference { of, navigation, arg, place })
    }

    fn aggregate(&self, name: &'static str, call: &ast::Function, place: Option<Place>) -> Result<Reference> {
        let shown = name.to_uppercase();
        let FunctionArguments::List(list) = &call.args else {
            return Err(Error::query(format!("{shown} has no arguments")));
        };
        if list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct) {
            return Err(Error::query(format!("{shown}(DISTINCT ...) in MATCH_RECOGNIZE is not supported"))
                .hint("leave DISTINCT out, or aggregate in the query above"));
        }
        if call.filter.is_some() || call.over.is_some() || !call.within_group.is_empty() {
            return Err(Error::query(format!("clauses of {shown} in MATCH_RECOGNIZE are not supported"))
                .hint("use CASE in its argument"));
        }
        let navigation = Navigation::Aggregate(name);
        let (of, arg) = match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "count" => (None, None),
            [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(variable))] if name == "count" => {
                let wanted = variable.to_string();
                let found = self.variables.iter().position(|own| *own == wanted.trim_matches('`'));
                let unknown = || Error::query(format!("{wanted} is not a variable of PATTERN"));
                (Some(found.ok_or_else(unknown)?), None)
            }
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))] => self.row_expr(arg)?,
            _ => {
                return Err(Error::query(format!("{shown} in MATCH_RECOGNIZE takes one argument"))
                    .hint(format!("write {shown}(x.column)")));
            }
        };
        Ok(Reference { of, navigation, arg, place })
    }
}

fn plain_args(call: &ast::Function) -> Result<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return Ok(vec![]) };
    let arg = |arg: &'_ FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(_)) => Ok(()),
        other => Err(Error::query(format!("unexpected argument {other}"))),
    };
    list.args.iter().try_for_each(arg)?;
    let args = list.args.iter().filter_map(|own| match own {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    Ok(args.collect())
}

fn no_subquery() -> ControlFlow<Box<Error>> {
    ControlFlow::Break(Box::new(
        Error::query("a subquery in MATCH_RECOGNIZE is not supported")
            .hint("join in the query below, and compare the joined column"),
    ))
}

impl VisitorMut for Collector<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, _: &mut ast::Query) -> ControlFlow<Self::Break> {
        no_subquery()
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let is_read = matches!(expr, Expr::Identifier(own) if own.value.starts_with("__read"));
        match self.reference(expr) {
            Ok(Some(reference)) if !is_read => *expr = self.read(reference),
            Ok(_) => {}
            Err(error) => return ControlFlow::Break(Box::new(error)),
        }
        ControlFlow::Continue(())
    }
}

/// Takes the names of variables off the columns of one row.
struct Stripper<'a> {
    variables: &'a [String],
    /// The variable of the columns so far; `Some(None)` = of any.
    of: Option<Option<usize>>,
}

impl Stripper<'_> {
    fn meets(&mut self, variable: Option<usize>, place: Option<Place>) -> ControlFlow<Box<Error>> {
        match self.of {
            Some(own) if own != variable => ControlFlow::Break(Box::new(
                Error::query("columns of several variables in one FIRST, LAST or aggregate")
                    .hint("navigate in each by itself, as in FIRST(a.x) + LAST(b.x)")
                    .at(place),
            )),
            _ => {
                self.of = Some(variable);
                ControlFlow::Continue(())
            }
        }
    }
}

impl VisitorMut for Stripper<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, _: &mut ast::Query) -> ControlFlow<Self::Break> {
        no_subquery()
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let place = place_of(expr);
        match expr {
            Expr::Identifier(_) => self.meets(None, place),
            Expr::CompoundIdentifier(parts) => {
                let variable =
                    parts.first().and_then(|first| self.variables.iter().position(|own| *own == first.value));
                if variable.is_some() {
                    parts.remove(0);
                }
                if let [name] = parts.as_slice() {
                    *expr = Expr::Identifier(name.clone());
                }
                // The name alone is a node of its own for the visitor: it has been met here.
                self.meets(variable, place)
            }
            Expr::Function(call) => {
                let name = call.name.to_string().to_uppercase();
                let navigates = matches!(name.as_str(), "FIRST" | "LAST" | "PREV" | "NEXT")
                    || name.starts_with("MATCH_")
                    || aggregate::aggregate(&name).is_some();
                match navigates {
                    false => ControlFlow::Continue(()),
                    true => ControlFlow::Break(Box::new(
                        Error::query(format!("{name} inside of FIRST, LAST or an aggregate"))
                            .hint("navigate once: the argument is computed of one row")
                            .at(place),
                    )),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
