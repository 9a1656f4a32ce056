//! PATTERN: the variables and how often each may come.

use datafusion_sql::sqlparser::ast::{
    Ident, MatchRecognizePattern, MatchRecognizeSymbol, RepetitionQuantifier,
};
use millrace_plan::{Error, Place, Result};

/// Rows that a pattern may count out.
const MOST_COUNTED: u32 = 1000;

/// A variable and its quantifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantified {
    /// The variable.
    pub name: String,
    /// Fewest rows.
    pub least: u32,
    /// Most rows; `None` = any number.
    pub most: Option<u32>,
    /// It takes as many rows as it can.
    pub greedy: bool,
}

impl Quantified {
    /// `?` of one row: it does not wait for the row that it could take.
    fn is_optional(&self) -> bool {
        self.least == 0 && self.most == Some(1)
    }

    /// True if it takes every row that it can, so that only a row that it cannot take ends it.
    fn swallows(&self) -> bool {
        self.greedy && !self.is_optional() && self.most != Some(self.least.max(1))
    }
}

/// The variables of a pattern that Flink runs.
pub fn variables(pattern: &MatchRecognizePattern, place: Option<Place>) -> Result<Vec<Quantified>> {
    let mut found = vec![];
    let place = first_place(pattern).or(place);
    flatten(pattern, &mut found).map_err(|error| error.at(place))?;
    check(&found).map_err(|error| error.at(place))?;
    Ok(found)
}

/// Where the first variable stands.
fn first_place(pattern: &MatchRecognizePattern) -> Option<Place> {
    match pattern {
        MatchRecognizePattern::Symbol(own) | MatchRecognizePattern::Exclude(own) => symbol_place(own),
        MatchRecognizePattern::Permute(symbols) => symbols.first().and_then(symbol_place),
        MatchRecognizePattern::Concat(parts) | MatchRecognizePattern::Alternation(parts) => {
            parts.first().and_then(first_place)
        }
        MatchRecognizePattern::Group(part) | MatchRecognizePattern::Repetition(part, _) => first_place(part),
    }
}

fn symbol_place(symbol: &MatchRecognizeSymbol) -> Option<Place> {
    let MatchRecognizeSymbol::Named(name) = symbol else { return None };
    let start = name.span.start;
    (start.line > 0).then_some(Place { line: start.line, column: start.column })
}

fn refused(what: String, hint: &str) -> Error {
    Error::query(what).hint(hint)
}

fn flatten(pattern: &MatchRecognizePattern, found: &mut Vec<Quantified>) -> Result<()> {
    match pattern {
        MatchRecognizePattern::Concat(parts) => parts.iter().try_for_each(|part| flatten(part, found)),
        MatchRecognizePattern::Group(part) => flatten(part, found),
        MatchRecognizePattern::Alternation(_) => Err(refused(
            format!("the alternation {pattern} in PATTERN is not supported"),
            "define one variable with OR, or write two queries and UNION ALL",
        )),
        MatchRecognizePattern::Permute(_) => Err(refused(
            "PERMUTE in PATTERN is not supported".into(),
            "define one variable with OR, and check the order in the query above",
        )),
        MatchRecognizePattern::Exclude(_) => Err(refused(
            format!("{pattern} in PATTERN is not supported"),
            "name the variable without {- -}: one row leaves for each match anyway",
        )),
        MatchRecognizePattern::Symbol(_) | MatchRecognizePattern::Repetition(..) => {
            found.push(quantified(pattern)?);
            Ok(())
        }
    }
}

/// A variable with at most one quantifier, and `?` after it if it is to take few rows.
fn quantified(pattern: &MatchRecognizePattern) -> Result<Quantified> {
    let (inner, quantifier, greedy) = match pattern {
        MatchRecognizePattern::Repetition(inner, outer) => match inner.as_ref() {
            MatchRecognizePattern::Repetition(symbol, own) if *outer == RepetitionQuantifier::AtMostOne => {
                (symbol.as_ref(), Some(own), false)
            }
            inner => (inner, Some(outer), true),
        },
        own => (own, None, true),
    };
    let name = symbol(inner)?.value.clone();
    let (least, most) = match quantifier {
        None => (1, Some(1)),
        Some(RepetitionQuantifier::ZeroOrMore) => (0, None),
        Some(RepetitionQuantifier::OneOrMore) => (1, None),
        Some(RepetitionQuantifier::AtMostOne) => (0, Some(1)),
        Some(RepetitionQuantifier::Exactly(count)) => (*count, Some(*count)),
        Some(RepetitionQuantifier::AtLeast(count)) => (*count, None),
        Some(RepetitionQuantifier::AtMost(count)) => (0, Some(*count)),
        Some(RepetitionQuantifier::Range(least, most)) => (*least, Some(*most)),
    };
    if most.is_some_and(|most| most == 0 || most < least) {
        return Err(refused(
            format!("{pattern} in PATTERN can take no row"),
            "write {n,m} with 0 <= n <= m and 0 < m",
        ));
    }
    let own = Quantified { name, least, most, greedy };
    if !greedy && own.is_optional() {
        return Err(refused(
            format!("the reluctant optional variable {pattern} in PATTERN is not supported"),
            "leave the second ? out: an optional variable and what follows it are tried side by side",
        ));
    }
    Ok(own)
}

fn symbol(pattern: &MatchRecognizePattern) -> Result<&Ident> {
    match pattern {
        MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Named(name)) => Ok(name),
        MatchRecognizePattern::Symbol(_) => Err(refused(
            format!("{pattern} in PATTERN is not supported"),
            "a stream has no first and no last row: leave it out",
        )),
        MatchRecognizePattern::Group(inner)
            if matches!(
                inner.as_ref(),
                MatchRecognizePattern::Symbol(_) | MatchRecognizePattern::Group(_)
            ) =>
        {
            symbol(inner)
        }
        other => Err(refused(
            format!("a quantifier of the group {other} in PATTERN is not supported"),
            "give each variable a quantifier of its own",
        )),
    }
}

fn check(found: &[Quantified]) -> Result<()> {
    for (place, own) in found.iter().enumerate() {
        if found[..place].iter().any(|other| other.name == own.name) {
            return Err(refused(
                format!("the variable {} is in PATTERN twice", own.name),
                "give each place of the pattern a variable of its own, and both the same condition",
            ));
        }
    }
    let counted: u64 = found.iter().map(|own| u64::from(own.most.unwrap_or(own.least).max(1))).sum();
    if counted > u64::from(MOST_COUNTED) {
        return Err(refused(
            format!("PATTERN counts out {counted} rows; at most {MOST_COUNTED} are counted"),
            "write + or {n,}, and compare COUNT(*) in DEFINE",
        ));
    }
    if found.iter().all(|own| own.least == 0) {
        return Err(refused(
            "PATTERN can match no row at all".into(),
            "let one variable at least have a row: write + for *",
        ));
    }
    let last = found.iter().rposition(|own| own.least > 0).unwrap_or(0);
    match found[last..].iter().find(|own| own.swallows()) {
        None => Ok(()),
        Some(own) => Err(refused(
            format!(
                "the greedy variable {} ends PATTERN, so that no row would say when a match is over",
                own.name
            ),
            "end it with a variable whose condition is the opposite, or make it reluctant: write *? or +?",
        )),
    }
}
