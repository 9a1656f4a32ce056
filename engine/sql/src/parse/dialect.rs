//! Flink's lexical rules and the expressions that only it has.

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, TrimWhereField, Value,
};
use datafusion_sql::sqlparser::dialect::{Dialect, Precedence};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::Token;

/// The name of the function call that `TABLE t PARTITION BY a` in an argument list becomes.
pub const TABLE_ARGUMENT: &str = "__table";

/// The window function that `GROUP BY SESSION(...)` becomes: its sessions are those of the other keys.
pub const GROUP_SESSION: &str = "__GROUP_SESSION";

/// The second argument of DESCRIPTOR where a query by an older window function asks for `TUMBLE_ROWTIME`.
pub const ASKS_ROW_TIME: &str = "__ROWTIME";

/// The second argument of DESCRIPTOR where a query by an older window function asks for `TUMBLE_PROCTIME`.
pub const ASKS_PROCESSING_TIME: &str = "__PROCTIME";

/// Apache Flink's dialect.
#[derive(Debug)]
pub struct FlinkDialect;

impl Dialect for FlinkDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_' || ch == '$'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_' || ch == '$'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        true
    }

    fn supports_within_after_array_aggregation(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    /// `t FOR SYSTEM_TIME AS OF o.time`.
    fn supports_table_versioning(&self) -> bool {
        true
    }

    fn supports_match_recognize(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        false
    }

    /// What does not parse as `NOT ...`, `CASE ...` or their like is not tried again as a call of that name: inside
    /// of each other that would take twice as long for each.
    fn is_reserved_for_identifier(&self, _: Keyword) -> bool {
        true
    }

    /// `TABLE t` and `TABLE t PARTITION BY a, b` as an argument; `MAP[...]`; JSON functions with clauses;
    /// `TRIM(LEADING FROM t)`; `U&'\00e4'`.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        if let Some(call) = super::json::json_call(parser) {
            return Some(call);
        }
        if let Some(trim) = trim_of_spaces(parser) {
            return Some(trim);
        }
        if let Token::UnicodeStringLiteral(text) = &parser.peek_token_ref().token {
            let text = text.clone();
            parser.advance_token();
            return Some(Ok(Expr::value(Value::SingleQuotedString(text))));
        }
        let Token::Word(word) = &parser.peek_token_ref().token else { return None };
        let is_map = word.quote_style.is_none() && word.value.eq_ignore_ascii_case("MAP");
        if is_map && parser.peek_nth_token_ref(1).token == Token::LBracket {
            return Some(map_literal(parser));
        }
        if word.keyword != Keyword::TABLE || word.quote_style.is_some() {
            return None;
        }
        Some(table_argument(parser))
    }

    /// `IS [NOT] JSON`; `IS [NOT] DISTINCT FROM`; `[NOT] BETWEEN SYMMETRIC`.
    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        let is_json = super::json::is_json(parser, expr).map(Ok);
        is_json.or_else(|| distinct(self, parser, expr)).or_else(|| between(self, parser, expr))
    }
}

/// `IS [NOT] DISTINCT FROM` binds closer than AND and OR: the parser's own takes all that follows.
fn distinct(dialect: &FlinkDialect, parser: &mut Parser, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let words = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
    let negated = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
    let make = match parser.parse_keywords(&words) {
        true => Expr::IsDistinctFrom,
        false if parser.parse_keywords(&negated) => Expr::IsNotDistinctFrom,
        false => return None,
    };
    let other = parser.parse_subexpr(dialect.prec_value(Precedence::Is));
    Some(other.map(|other| make(Box::new(expr.clone()), Box::new(other))))
}

/// `BETWEEN SYMMETRIC a AND b` is between them, whichever is less; `ASYMMETRIC` is what BETWEEN is without a word.
fn between(dialect: &FlinkDialect, parser: &mut Parser, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let is_word = |parser: &Parser, at: usize, word: &str| match &parser.peek_nth_token_ref(at).token {
        Token::Word(own) => own.quote_style.is_none() && own.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    let negated = parser.peek_keyword(Keyword::NOT);
    let at = usize::from(negated);
    let symmetric = is_word(parser, at + 1, "SYMMETRIC");
    if !is_word(parser, at, "BETWEEN") || !symmetric && !is_word(parser, at + 1, "ASYMMETRIC") {
        return None;
    }
    (0..at + 2).for_each(|_| drop(parser.next_token()));
    let precedence = dialect.prec_value(Precedence::Between);
    let mut bounds = || {
        let low = parser.parse_subexpr(precedence)?;
        parser.expect_keyword(Keyword::AND)?;
        Ok((low, parser.parse_subexpr(precedence)?))
    };
    let range = |low: &Expr, high: &Expr| Expr::Between {
        expr: Box::new(expr.clone()),
        negated,
        low: Box::new(low.clone()),
        high: Box::new(high.clone()),
    };
    Some(bounds().map(|(low, high)| match symmetric {
        false => range(&low, &high),
        true => Expr::Nested(Box::new(Expr::BinaryOp {
            left: Box::new(range(&low, &high)),
            op: if negated { BinaryOperator::And } else { BinaryOperator::Or },
            right: Box::new(range(&high, &low)),
        })),
    }))
}

/// `TRIM(LEADING FROM text)`: without what is cut off, which is a space.
fn trim_of_spaces(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let keyword = |at: usize| match &parser.peek_nth_token_ref(at).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    };
    let side = match keyword(2)? {
        Keyword::BOTH => TrimWhereField::Both,
        Keyword::LEADING => TrimWhereField::Leading,
        Keyword::TRAILING => TrimWhereField::Trailing,
        _ => return None,
    };
    let is_call = keyword(0) == Some(Keyword::TRIM) && parser.peek_nth_token_ref(1).token == Token::LParen;
    if !is_call || keyword(3) != Some(Keyword::FROM) {
        return None;
    }
    (0..4).for_each(|_| drop(parser.next_token()));
    let text = parser.parse_expr();
    Some(text.and_then(|text| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::Trim {
            expr: Box::new(text),
            trim_where: Some(side),
            trim_what: None,
            trim_characters: None,
        })
    }))
}

fn table_argument(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    let table = match parser.consume_token(&Token::LParen) {
        true => {
            let query = parser.parse_query()?;
            parser.expect_token(&Token::RParen)?;
            Expr::Subquery(query)
        }
        false => {
            let name = parser.parse_object_name(false)?;
            Expr::CompoundIdentifier(name.0.iter().filter_map(|part| part.as_ident().cloned()).collect())
        }
    };
    let mut args = vec![table];
    if parser.parse_keywords(&[Keyword::PARTITION, Keyword::BY]) {
        loop {
            args.push(Expr::Identifier(parser.parse_identifier()?));
            let more = matches!(parser.peek_nth_token_ref(1).token, Token::Word(_) | Token::Comma)
                && parser.peek_nth_token_ref(2).token != Token::RArrow
                && !matches!(&parser.peek_nth_token_ref(1).token,
                    Token::Word(word) if word.value.eq_ignore_ascii_case("DESCRIPTOR"));
            if !more || !parser.consume_token(&Token::Comma) {
                break;
            }
        }
    }
    Ok(call(TABLE_ARGUMENT, args))
}

/// `MAP[key, value, ...]` is a call of the function of that name.
fn map_literal(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LBracket)?;
    let args = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RBracket)?;
    Ok(call("map", args))
}

/// A call of a function with plain arguments.
pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}
