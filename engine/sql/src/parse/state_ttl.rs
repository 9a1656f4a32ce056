//! The hint `/*+ STATE_TTL('t' = '1 d') */`: how long state that was made of the rows of `t` is kept.

use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};
use millrace_plan::{Error, Place, Result};

use super::dialect::FlinkDialect;
use super::text::place_of;

/// How long the state of one input of an aggregation or a join is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateTtl {
    /// The table, view or alias.
    pub table: String,
    /// In milliseconds; 0 = for ever.
    pub ttl_ms: u64,
    /// Where the hint is.
    pub place: Option<Place>,
}

/// What the hints in a comment say of state. Fails at a hint that would change the answer and is not known.
pub fn state_ttls(token: &TokenWithSpan) -> Result<Vec<StateTtl>> {
    let Token::Whitespace(Whitespace::MultiLineComment(text)) = &token.token else { return Ok(vec![]) };
    let Some(hints) = text.strip_prefix('+') else { return Ok(vec![]) };
    let place = place_of(token);
    let usage = || {
        Error::query("the hint is not written like this")
            .hint("write /*+ STATE_TTL('t' = '1 d') */")
            .at(place)
    };
    let words = |own: char| !own.is_ascii_alphanumeric() && own != '_';
    let names = |name: &str| hints.split(words).any(|word| word.eq_ignore_ascii_case(name));
    // The others only say how to compute the same.
    if !names("OPTIONS") && !names("STATE_TTL") {
        return Ok(vec![]);
    }
    let tokens = Tokenizer::new(&FlinkDialect, hints).tokenize().map_err(|_| usage())?;
    let tokens: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let is = |token: &Token, name: &str| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name));
    if tokens.iter().any(|token| is(token, "OPTIONS")) {
        return Err(Error::query("the hint OPTIONS is not supported yet")
            .hint("leave it out; table options belong to CREATE TABLE")
            .at(place));
    }
    let mut found = vec![];
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| is(token, "STATE_TTL")) {
        let [Token::LParen, rest @ ..] = &tokens[at + 1..] else { return Err(usage()) };
        let end = rest.iter().position(|token| *token == Token::RParen).ok_or_else(usage)?;
        for pair in rest[..end].split(|token| *token == Token::Comma) {
            let (table, length) = match pair {
                [Token::SingleQuotedString(table), Token::Eq, Token::SingleQuotedString(length)] => {
                    (table, length)
                }
                [Token::Word(table), Token::Eq, Token::SingleQuotedString(length)] => (&table.value, length),
                _ => return Err(usage()),
            };
            let ttl_ms = duration(length).map_err(|error| error.at(place))?;
            found.push(StateTtl { table: table.clone(), ttl_ms, place });
        }
    }
    Ok(found)
}

/// A duration in milliseconds.
pub fn duration(text: &str) -> Result<u64> {
    millrace_plan::duration_ms(text).ok_or_else(|| {
        Error::query(format!("'{text}' is not a duration")).hint("write a number and a unit, as in '500 ms'")
    })
}
