//! Tokens: limits on the text, statements apart, EMIT, errors with their place.

use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use millrace_plan::{Error, Limits, Place, Result};

use super::Emit;
use super::dialect::FlinkDialect;
use super::state_ttl::{StateTtl, state_ttls};
use super::window::interval_of_tokens;

/// Where a token begins.
pub fn place_of(token: &TokenWithSpan) -> Option<Place> {
    let start = token.span.start;
    (start.line > 0).then_some(Place { line: start.line, column: start.column })
}

/// A token as an error shows it.
pub fn shown(token: &Token) -> String {
    match token {
        Token::EOF => "the end of the statement".into(),
        token => format!("`{token}`"),
    }
}

/// The tokens of a script, without white space and comments, within the limits; and what hints say of state.
pub fn tokens(sql: &str, limits: &Limits) -> Result<(Vec<TokenWithSpan>, Vec<StateTtl>)> {
    if sql.len() > limits.sql_bytes {
        return Err(Error::query(format!(
            "the script has {} bytes; at most {} are read",
            sql.len(),
            limits.sql_bytes
        )));
    }
    let tokens = Tokenizer::new(&FlinkDialect, sql).tokenize_with_location().map_err(|error| {
        let start = error.location;
        let place = (start.line > 0).then_some(Place { line: start.line, column: start.column });
        Error::query(error.message).at(place)
    })?;
    let mut hints = vec![];
    for token in &tokens {
        hints.extend(state_ttls(token)?);
    }
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    check_nesting(&tokens, limits.sql_depth)?;
    let quoted = tokens.iter().find(|token| matches!(token.token, Token::DoubleQuotedString(_)));
    if let Some(token) = quoted {
        return Err(Error::query(format!("{} is in double quotes", shown(&token.token)))
            .hint("write text as 'text' and names as `name`")
            .at(place_of(token)));
    }
    Ok((tokens, hints))
}

/// Deep nesting would overflow the stack of any recursive parser: it is an error before parsing.
fn check_nesting(tokens: &[TokenWithSpan], most: usize) -> Result<()> {
    const MOST_OPERATORS: usize = 4096;
    let mut depth = 0usize;
    let mut operators = 0usize;
    for token in tokens {
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
            Token::RParen | Token::RBracket | Token::RBrace => depth = depth.saturating_sub(1),
            Token::Word(word) if word.keyword == Keyword::CASE => depth += 1,
            Token::Word(word) if word.keyword == Keyword::END => depth = depth.saturating_sub(1),
            Token::Word(word) if matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT) => {
                operators += 1;
            }
            Token::Plus | Token::Minus | Token::Mul | Token::Div | Token::StringConcat => operators += 1,
            Token::Word(word) if matches!(word.keyword, Keyword::UNION | Keyword::SELECT) => operators += 1,
            Token::SemiColon | Token::Comma => operators = 0,
            _ => {}
        }
        if depth > most {
            return Err(Error::query(format!("nested more than {most} deep"))
                .hint("split the query with WITH or CREATE VIEW")
                .at(place_of(token)));
        }
        if operators > MOST_OPERATORS {
            return Err(Error::query(format!("more than {MOST_OPERATORS} operators in one expression"))
                .hint("use IN (...) for long lists of values")
                .at(place_of(token)));
        }
    }
    Ok(())
}

/// The statements of a script: what stands between semicolons.
pub fn statements(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut statements = vec![vec![]];
    for token in tokens {
        match token.token {
            Token::SemiColon => statements.push(vec![]),
            Token::EOF => {}
            _ => {
                if let Some(last) = statements.last_mut() {
                    last.push(token);
                }
            }
        }
    }
    statements.retain(|statement| !statement.is_empty() && !is_end(statement));
    statements
}

/// `END` closes a statement set.
fn is_end(statement: &[TokenWithSpan]) -> bool {
    matches!(statement, [TokenWithSpan { token: Token::Word(word), .. }] if word.keyword == Keyword::END)
}

/// Steps over `EXECUTE STATEMENT SET BEGIN` or `BEGIN STATEMENT SET`; false if it is something else.
pub fn is_statement_set(parser: &mut Parser) -> Result<bool> {
    let word = |parser: &Parser, position: usize, wanted: &str| {
        matches!(&parser.peek_nth_token_ref(position).token,
            Token::Word(word) if word.value.eq_ignore_ascii_case(wanted))
    };
    for opening in [&["EXECUTE", "STATEMENT", "SET", "BEGIN"][..], &["BEGIN", "STATEMENT", "SET"][..]] {
        if opening.iter().enumerate().all(|(position, wanted)| word(parser, position, wanted)) {
            for _ in opening {
                parser.next_token();
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes `EMIT CHANGES [EVERY INTERVAL ...]` or `EMIT FINAL` off the end of a statement.
pub fn split_emit(mut tokens: Vec<TokenWithSpan>) -> Result<(Vec<TokenWithSpan>, Option<Emit>)> {
    let is = |token: &TokenWithSpan, wanted: &str| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted));
    let starts =
        |pair: &[TokenWithSpan]| is(&pair[0], "EMIT") && (is(&pair[1], "CHANGES") || is(&pair[1], "FINAL"));
    let Some(start) = tokens.windows(2).rposition(starts) else { return Ok((tokens, None)) };
    let emit = tokens.split_off(start);
    let place = place_of(&emit[0]);
    let usage = || {
        Error::query("EMIT is not written like this")
            .hint("write EMIT FINAL, EMIT CHANGES, or EMIT CHANGES EVERY INTERVAL '1' SECOND")
            .at(place)
    };
    let emit = match (&emit[1..], is(&emit[1], "FINAL")) {
        ([_], true) => Emit::Final,
        ([_], false) => Emit::Changes { every_ms: None },
        ([_, every, interval @ ..], false) if is(every, "EVERY") => {
            let every = interval_of_tokens(interval.to_vec()).map_err(|error| error.at(place))?;
            Emit::Changes { every_ms: Some(u64::try_from(every).map_err(|_| usage())?) }
        }
        _ => return Err(usage()),
    };
    Ok((tokens, Some(emit)))
}

/// Stands between cause and hint in an error that passes through sqlparser or DataFusion as a text.
pub const HINT: &str = "; hint: ";

/// A parser error with its place, its cause and, for common mistakes, the remedy.
pub fn explain(error: &ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
        ParserError::RecursionLimitExceeded => {
            return Error::query("nested too deep").hint("split the query with WITH or CREATE VIEW");
        }
    };
    let (cause, place) = match message.rsplit_once(" at Line: ") {
        Some((cause, rest)) => {
            let place = rest.split_once(", Column: ").and_then(|(line, column)| {
                Some(Place { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
            });
            (cause.to_string(), place)
        }
        None => (message, None),
    };
    if let Some((cause, hint)) = cause.split_once(HINT) {
        return Error::query(cause).hint(hint).at(place);
    }
    let explained = Error::query(cause.replacen("Expected: ", "expected ", 1)).at(place);
    match cause.contains("found: EOF") {
        true => explained.hint("the statement ends too early: is a parenthesis or a clause missing?"),
        false => explained,
    }
}

/// A single-quoted text.
pub fn text_literal(parser: &mut Parser) -> Option<String> {
    match parser.next_token().token {
        Token::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

/// A table's name: the last part of a dotted name.
pub fn table_name(parser: &mut Parser) -> Result<String> {
    let name = parser.parse_object_name(false).map_err(|error| explain(&error))?;
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map(|ident| ident.value.clone()).ok_or_else(|| Error::query("a table needs a name"))
}

/// `(a, b, c)`.
pub fn names_in_parentheses(parser: &mut Parser) -> Result<Vec<String>> {
    parser.expect_token(&Token::LParen).map_err(|error| explain(&error))?;
    let names = parser.parse_comma_separated(|parser| parser.parse_identifier());
    let names = names.map_err(|error| explain(&error))?;
    parser.expect_token(&Token::RParen).map_err(|error| explain(&error))?;
    Ok(names.into_iter().map(|ident| ident.value).collect())
}

/// Steps over a comment in quotes, if there is one.
pub fn text_if_quoted(parser: &mut Parser) {
    if matches!(parser.peek_token_ref().token, Token::SingleQuotedString(_)) {
        parser.next_token();
    }
}

/// Splits `>>` into `>` and `>`, so that nested types close.
pub fn split_shifts(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut split = Vec::with_capacity(tokens.len());
    for token in tokens {
        match token.token {
            Token::ShiftRight => {
                let one = TokenWithSpan { token: Token::Gt, span: token.span };
                split.extend([one.clone(), one]);
            }
            _ => split.push(token),
        }
    }
    split
}
