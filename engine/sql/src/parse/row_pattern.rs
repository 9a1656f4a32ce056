//! MATCH_RECOGNIZE before it is parsed: `WITHIN`, which only Flink has, becomes the first definition, and
//! `SKIP TO x` is spelled `SKIP TO LAST x`.

use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};
use millrace_plan::{Error, Result};

use super::text;

/// The name of the definition that `WITHIN INTERVAL ...` becomes.
pub const WITHIN: &str = "__within";

/// Longest run of quantifiers after one variable: one, and `?`.
const MOST_QUANTIFIERS: usize = 2;

fn is(token: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&token.token,
        Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

/// The tokens of a statement with every `PATTERN (...) WITHIN x DEFINE` written as
/// `PATTERN (...) DEFINE __within AS x,` and every `SKIP TO x` as `SKIP TO LAST x`.
pub fn spelled_out(mut tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let Some(first) = tokens.iter().position(|token| is(token, "MATCH_RECOGNIZE")) else { return Ok(tokens) };
    if first > 0 && tokens[first - 1].token == Token::RParen {
        return Err(Error::query("MATCH_RECOGNIZE right after a subquery or a table function")
            .hint("name what it reads: WITH x AS (SELECT ...) SELECT * FROM x MATCH_RECOGNIZE (...)")
            .at(text::place_of(&tokens[first])));
    }
    name_last(&mut tokens);
    let mut position = first;
    while position + 1 < tokens.len() {
        position += 1;
        if !(is(&tokens[position - 1], "PATTERN") && tokens[position].token == Token::LParen) {
            continue;
        }
        let end = pattern_end(&tokens, position)?;
        if let Some(subset) = tokens.get(end + 1).filter(|token| is(token, "SUBSET")) {
            return Err(Error::query("SUBSET in MATCH_RECOGNIZE is not supported")
                .hint("name the variables one by one, or no variable for all rows")
                .at(text::place_of(subset)));
        }
        let Some(within) = tokens.get(end + 1).filter(|token| is(token, "WITHIN")).cloned() else { continue };
        let define = tokens.iter().skip(end).position(|token| is(token, "DEFINE"));
        let Some(define) = define.map(|offset| end + offset) else {
            return Err(Error::query("MATCH_RECOGNIZE without DEFINE")
                .hint("write PATTERN (...) WITHIN INTERVAL '1' HOUR DEFINE a AS condition")
                .at(text::place_of(&within)));
        };
        let interval: Vec<TokenWithSpan> = tokens.drain(end + 1..define).skip(1).collect();
        let like = |token: Token| TokenWithSpan { token, span: within.span };
        let name = Word { value: WITHIN.into(), quote_style: Some('`'), keyword: Keyword::NoKeyword };
        let as_ = Word { value: "AS".into(), quote_style: None, keyword: Keyword::AS };
        let definition = [name, as_].map(|word| like(Token::Word(word)));
        let definition = definition.into_iter().chain(interval).chain([like(Token::Comma)]);
        tokens.splice(end + 2..end + 2, definition);
        position = end;
    }
    Ok(tokens)
}

/// Spells `SKIP TO x` as `SKIP TO LAST x`.
fn name_last(tokens: &mut Vec<TokenWithSpan>) {
    let named = |own: &[TokenWithSpan]| {
        let which = ["NEXT", "FIRST", "LAST"].iter().any(|which| is(&own[2], which));
        is(&own[0], "SKIP") && is(&own[1], "TO") && !which
    };
    while let Some(start) = tokens.windows(3).position(named) {
        let last = Word { value: "LAST".into(), quote_style: None, keyword: Keyword::LAST };
        let span = tokens[start + 2].span;
        tokens.insert(start + 2, TokenWithSpan { token: Token::Word(last), span });
    }
}

/// Where the parenthesis that opens at `start` closes.
fn pattern_end(tokens: &[TokenWithSpan], start: usize) -> Result<usize> {
    let (mut depth, mut quantifiers) = (0usize, 0);
    for (offset, token) in tokens[start..].iter().enumerate() {
        quantifiers = match token.token {
            Token::Mul | Token::Plus | Token::Placeholder(_) => quantifiers + 1,
            _ => 0,
        };
        if quantifiers > MOST_QUANTIFIERS {
            return Err(Error::query(format!("a third quantifier: {}", text::shown(&token.token)))
                .hint("write one of * + ? {n,m} after a variable, and ? after it to take as few rows as possible")
                .at(text::place_of(token)));
        }
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(start + offset);
        }
    }
    Err(Error::query("the parenthesis after PATTERN is not closed").at(text::place_of(&tokens[start])))
}
