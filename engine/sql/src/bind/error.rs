//! DataFusion's errors in Millrace's words: place, cause, nearest name.

use datafusion_common::{DataFusionError, Diagnostic, SchemaError};
use millrace_plan::{Error, Place};

use crate::catalog::nearest;
use crate::parse::HINT;

/// What a planning error means to the user. `place` is where the statement begins, used when the error
/// does not know better.
pub fn explain_error(error: &DataFusionError, place: Option<Place>) -> Error {
    let exact = error.diagnostic().and_then(diagnostic_place);
    let root = error.find_root();
    let explained = match root {
        DataFusionError::SchemaError(schema_error, _) => schema(schema_error),
        DataFusionError::External(inner) => match inner.downcast_ref::<Error>() {
            Some(own) => own.clone(),
            None => Error::query(inner.to_string()),
        },
        // What BETWEEN says of types that do not compare.
        DataFusionError::Internal(message) if message.starts_with("Failed to coerce types") => {
            Error::query(first_line(message))
        }
        DataFusionError::Internal(message) => Error::bug(first_line(message)),
        DataFusionError::NotImplemented(message) => {
            Error::query(format!("not supported: {}", first_line(message)))
        }
        DataFusionError::Plan(message) => plan(wrongly_called(message)),
        other => Error::query(first_line(&other.strip_backtrace())),
    };
    explained.at(exact).at(place)
}

fn diagnostic_place(diagnostic: &Diagnostic) -> Option<Place> {
    let start = diagnostic.span?.start;
    (start.line > 0).then_some(Place { line: start.line, column: start.column })
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_end_matches('.').to_string()
}

fn schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            let unknown = Error::query(format!("unknown column `{}`", field.flat_name()));
            match nearest(&field.name, names.iter().copied()) {
                Some(name) => unknown.hint(format!("did you mean `{name}`?")),
                None => unknown.hint(format!("the columns here are: {}", listed(&names))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            Error::query(format!("column `{}` is in more than one table", field.name))
                .hint("write the table's name or alias before it, as in `t.column`")
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::query(format!("two columns are named `{name}`")).hint("give one of them an alias with AS")
        }
    }
}

fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let mut shown: Vec<&str> = names.iter().copied().take(MOST).collect();
    if names.len() > MOST {
        shown.push("...");
    }
    shown.join(", ")
}

/// What a function says of its arguments, without what DataFusion says around it.
fn wrongly_called(message: &str) -> &str {
    let Some((_, own)) = message.split_once("user-defined coercion failed with: ") else { return message };
    let own = own.strip_prefix("Error during planning: ").unwrap_or(own);
    own.split(". No function matches").next().unwrap_or(own)
}

/// Planner messages that name a function carry DataFusion's own suggestion; ours knows our functions.
fn plan(message: &str) -> Error {
    let Some(rest) = message.strip_prefix("Invalid function '") else {
        let line = first_line(message);
        return match line.split_once(HINT) {
            Some((cause, hint)) => Error::query(cause).hint(hint),
            None => Error::query(line),
        };
    };
    let name = rest.split('\'').next().unwrap_or_default();
    let unknown = Error::query(format!("unknown function {}", name.to_uppercase()));
    match nearest(name, crate::bind::function_names()) {
        Some(found) => unknown.hint(format!("did you mean {}?", found.to_uppercase())),
        None => unknown.hint("`millrace functions` lists them all"),
    }
}
