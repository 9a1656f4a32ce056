//! The error taxonomy: an error is a value that says who is at fault, where, and what to do about it.

use std::fmt;

/// The result of everything in the engine that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who has to act before the same request can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Culprit {
    /// The SQL text, an option or the command line: the user changes the request.
    Query,
    /// A row or a file: the user changes (or accepts losing) the data.
    Data,
    /// The machine, the network, the file system: an operator changes the surroundings.
    Environment,
    /// A limit was reached: memory, disk, a configured bound.
    Exhausted,
    /// Our fault. Please report it.
    Bug,
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Culprit::Query => "query error",
            Culprit::Data => "data error",
            Culprit::Environment => "environment error",
            Culprit::Exhausted => "exhausted",
            Culprit::Bug => "bug in Millrace (please report it)",
        })
    }
}

/// A place in the SQL text, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line number, from 1.
    pub line: u64,
    /// Column number in characters, from 1.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// What went wrong, whose fault it is, where, and the remedy when one is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// Who has to act.
    pub culprit: Culprit,
    /// One sentence: the cause.
    pub message: String,
    /// The place in the SQL text, for `Culprit::Query`.
    pub place: Option<Place>,
    /// One sentence: what to write or do instead.
    pub hint: Option<String>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.culprit)?;
        if let Some(place) = self.place {
            write!(f, " at {place}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl Error {
    fn new(culprit: Culprit, message: impl Into<String>) -> Self {
        Error { culprit, message: message.into(), place: None, hint: None }
    }

    /// The request is wrong.
    pub fn query(message: impl Into<String>) -> Self {
        Self::new(Culprit::Query, message)
    }

    /// The data are wrong.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Culprit::Data, message)
    }

    /// The surroundings are wrong.
    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Culprit::Environment, message)
    }

    /// A limit was reached.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new(Culprit::Exhausted, message)
    }

    /// Millrace broke one of its own rules.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Culprit::Bug, message)
    }

    /// Adds the place in the SQL text, unless a more exact one is already known.
    pub fn at(mut self, place: Option<Place>) -> Self {
        self.place = self.place.or(place);
        self
    }

    /// Adds the remedy, unless a more exact one is already known.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Puts `what: ` before the message: the name of the file, table or option concerned.
    pub fn within(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}
