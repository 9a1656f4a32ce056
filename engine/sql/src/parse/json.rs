//! The JSON functions whose arguments are clauses, as calls with plain arguments.
//!
//! | written | becomes |
//! |---|---|
//! | `JSON_VALUE(j, p RETURNING t d ON EMPTY e ON ERROR)` | `json_value(j, p, 'empty,error', CAST(d AS t), CAST(e AS t))` |
//! | `JSON_QUERY(j, p RETURNING t w WRAPPER d ON EMPTY e ON ERROR)` | `json_query(j, p, 'wrapper,empty,error', CAST(NULL AS t))` |
//! | `JSON_EXISTS(j, p e ON ERROR)` | `json_exists(j, p, 'error')` |
//! | `JSON_OBJECT(KEY k VALUE v n ON NULL)` | `json_object('n,v', k, v)` |
//! | `JSON_ARRAY(v n ON NULL)` | `json_array('n,v', v)` |
//! | `v IS JSON kind` | `is_json(v, 'kind')` |
//!
//! Without clauses the first three have no more arguments than were written. The first argument of an object or
//! array has a letter for each value: `r` for one that is JSON itself (`JSON(...)`, which becomes
//! `json(v, 'value')`, a nested JSON_OBJECT or JSON_ARRAY), `v` for any other.

use datafusion_sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::dialect::call;
use super::text::HINT;

type Parsed<T> = Result<T, ParserError>;

/// Reads a call of one of the functions, or nothing if the next tokens are something else.
pub fn json_call(parser: &mut Parser) -> Option<Parsed<Expr>> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return None };
    if word.quote_style.is_some() || parser.peek_nth_token_ref(1).token != Token::LParen {
        return None;
    }
    let read = match word.value.to_ascii_uppercase().as_str() {
        "JSON_VALUE" => value,
        "JSON_QUERY" => query,
        "JSON_EXISTS" => exists,
        "JSON_OBJECT" => object,
        "JSON_ARRAY" => array,
        "JSON" => json,
        _ => return None,
    };
    parser.next_token();
    parser.next_token();
    Some(read(parser))
}

/// Reads `IS [NOT] JSON [VALUE | SCALAR | ARRAY | OBJECT]` after `operand`, or nothing.
pub fn is_json(parser: &mut Parser, operand: &Expr) -> Option<Expr> {
    if !parser.peek_keyword(Keyword::IS) {
        return None;
    }
    let not = is_word(&parser.peek_nth_token_ref(1).token, "NOT");
    if !is_word(&parser.peek_nth_token_ref(1 + not as usize).token, "JSON") {
        return None;
    }
    for _ in 0..2 + not as usize {
        parser.next_token();
    }
    let kind = ["VALUE", "SCALAR", "ARRAY", "OBJECT"].into_iter().find(|kind| take_word(parser, kind));
    let mut args = vec![operand.clone()];
    args.extend(kind.map(literal));
    let is = call("is_json", args);
    Some(match not {
        true => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(is) },
        false => is,
    })
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn take_word(parser: &mut Parser, wanted: &str) -> bool {
    let found = is_word(&parser.peek_token_ref().token, wanted);
    if found {
        parser.next_token();
    }
    found
}

fn take_words(parser: &mut Parser, wanted: &[&str]) -> bool {
    let is_there = |(at, word): (usize, &&str)| is_word(&parser.peek_nth_token_ref(at).token, word);
    let found = wanted.iter().enumerate().all(is_there);
    if found {
        wanted.iter().for_each(|_| drop(parser.next_token()));
    }
    found
}

fn literal(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_string()))
}

fn wrong<T>(cause: &str, hint: &str, token: &TokenWithSpan) -> Parsed<T> {
    Err(ParserError::ParserError(format!("{cause}{HINT}{hint}{}", token.span.start)))
}

fn cast(value: Expr, data_type: &DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type: data_type.clone(),
        array: false,
        format: None,
    }
}

fn null() -> Expr {
    Expr::value(Value::Null)
}

/// The JSON text and the path.
fn input(parser: &mut Parser, form: &str) -> Parsed<Vec<Expr>> {
    let json = parser.parse_expr()?;
    match parser.consume_token(&Token::Comma) {
        true => Ok(vec![json, parser.parse_expr()?]),
        false => wrong("the path is missing", form, &parser.peek_token()),
    }
}

/// The end of a call; whatever else stands here is a clause that the function does not have.
fn close(parser: &mut Parser, form: &str) -> Parsed<()> {
    let found = parser.peek_token();
    match parser.consume_token(&Token::RParen) {
        true => Ok(()),
        false => wrong(&format!("unexpected {}", super::text::shown(&found.token)), form, &found),
    }
}

/// `behaviour ON EMPTY` and `behaviour ON ERROR`, in any order, each at most once.
struct Fallbacks<T> {
    empty: Option<T>,
    error: Option<T>,
}

fn fallbacks<T>(
    parser: &mut Parser,
    form: &str,
    mut behaviour: impl FnMut(&mut Parser) -> Parsed<Option<T>>,
) -> Parsed<Fallbacks<T>> {
    let mut found = Fallbacks { empty: None, error: None };
    loop {
        let start = parser.peek_token();
        let Some(own) = behaviour(parser)? else { return Ok(found) };
        let slot = if take_words(parser, &["ON", "EMPTY"]) {
            &mut found.empty
        } else if take_words(parser, &["ON", "ERROR"]) {
            &mut found.error
        } else {
            return wrong("ON EMPTY or ON ERROR is missing", form, &parser.peek_token());
        };
        if slot.replace(own).is_some() {
            return wrong("the same clause stands here twice", form, &start);
        }
    }
}

/// The type after RETURNING, and where it stands.
fn returning(parser: &mut Parser) -> Parsed<Option<(DataType, TokenWithSpan)>> {
    if !take_word(parser, "RETURNING") {
        return Ok(None);
    }
    let place = parser.peek_token();
    Ok(Some((parser.parse_data_type()?, place)))
}

fn is_string(data_type: &DataType) -> bool {
    matches!(data_type, DataType::String(None) | DataType::Varchar(None))
}

const VALUE_FORM: &str = "write JSON_VALUE(json, path [RETURNING type] [{NULL | ERROR | DEFAULT value} ON EMPTY] \
                          [{NULL | ERROR | DEFAULT value} ON ERROR])";

fn value(parser: &mut Parser) -> Parsed<Expr> {
    use DataType::{
        BigInt, Bool, Boolean, Dec, Decimal, Double, DoublePrecision, Float, Int, Integer, Numeric, SmallInt,
        TinyInt,
    };
    let mut args = input(parser, VALUE_FORM)?;
    let returned = returning(parser)?;
    if let Some((data_type, place)) = &returned {
        let known = matches!(
            data_type,
            Boolean
                | Bool
                | TinyInt(_)
                | SmallInt(_)
                | Int(_)
                | Integer(_)
                | BigInt(_)
                | Float(_)
                | Double(_)
                | DoublePrecision
                | Decimal(_)
                | Dec(_)
                | Numeric(_)
        );
        if !known && !is_string(data_type) {
            return wrong(
                &format!("JSON_VALUE cannot return {data_type}"),
                "return STRING, BOOLEAN, a number type, or CAST what it returns",
                place,
            );
        }
    }
    let has_type = returned.is_some();
    let data_type = returned.map_or(DataType::String(None), |(data_type, _)| data_type);
    let found = fallbacks(parser, VALUE_FORM, |parser| {
        Ok(if take_word(parser, "NULL") {
            Some(("NULL", null()))
        } else if take_word(parser, "ERROR") {
            Some(("ERROR", null()))
        } else if take_word(parser, "DEFAULT") {
            Some(("DEFAULT", default_value(parser.parse_expr()?, &data_type)))
        } else {
            None
        })
    })?;
    close(parser, VALUE_FORM)?;
    if has_type || found.empty.is_some() || found.error.is_some() {
        let (empty, empty_value) = found.empty.unwrap_or(("NULL", null()));
        let (error, error_value) = found.error.unwrap_or(("NULL", null()));
        args.push(literal(&format!("{empty},{error}")));
        args.extend([cast(empty_value, &data_type), cast(error_value, &data_type)]);
    }
    Ok(call("json_value", args))
}

/// A default of type BOOLEAN is spelled as JSON does where a text is returned.
fn default_value(value: Expr, data_type: &DataType) -> Expr {
    match &value {
        Expr::Value(own) if is_string(data_type) => match own.value {
            Value::Boolean(truth) => literal(if truth { "true" } else { "false" }),
            _ => value,
        },
        _ => value,
    }
}

const EXISTS_FORM: &str = "write JSON_EXISTS(json, path [{TRUE | FALSE | UNKNOWN | ERROR} ON ERROR])";

fn exists(parser: &mut Parser) -> Parsed<Expr> {
    let mut args = input(parser, EXISTS_FORM)?;
    if let Some(own) = ["TRUE", "FALSE", "UNKNOWN", "ERROR"]
        .into_iter()
        .find(|own| take_words(parser, &[own, "ON", "ERROR"]))
    {
        args.push(literal(own));
    }
    close(parser, EXISTS_FORM)?;
    Ok(call("json_exists", args))
}

const QUERY_FORM: &str = "write JSON_QUERY(json, path [RETURNING type] [{WITHOUT | WITH [CONDITIONAL | \
                          UNCONDITIONAL]} [ARRAY] WRAPPER] [{NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR} ON EMPTY] \
                          [... ON ERROR])";

fn query(parser: &mut Parser) -> Parsed<Expr> {
    let mut args = input(parser, QUERY_FORM)?;
    let returned = returning(parser)?;
    let is_array = matches!(&returned, Some((DataType::Array(ArrayElemTypeDef::AngleBracket(item)), _)) if is_string(item));
    if let Some((data_type, place)) = &returned
        && !is_array
        && !is_string(data_type)
    {
        let hint = "return STRING or ARRAY<STRING>, or use JSON_VALUE for one value";
        return wrong(&format!("JSON_QUERY cannot return {data_type}"), hint, place);
    }
    let wrapper = wrapper(parser)?;
    let found = fallbacks(parser, QUERY_FORM, |parser| {
        let start = parser.peek_token();
        let own = [
            (&["NULL"][..], "NULL"),
            (&["ERROR"], "ERROR"),
            (&["EMPTY", "ARRAY"], "EMPTY ARRAY"),
            (&["EMPTY", "OBJECT"], "EMPTY OBJECT"),
        ];
        let own = own.into_iter().find(|(words, _)| take_words(parser, words)).map(|(_, own)| own);
        if is_array && own == Some("EMPTY OBJECT") {
            return wrong("EMPTY OBJECT is no ARRAY", "write EMPTY ARRAY", &start);
        }
        Ok(own)
    })?;
    close(parser, QUERY_FORM)?;
    if returned.is_some() || wrapper.is_some() || found.empty.is_some() || found.error.is_some() {
        let data_type = returned.map_or(DataType::String(None), |(data_type, _)| data_type);
        let wrapper = wrapper.unwrap_or("WITHOUT");
        let (empty, error) = (found.empty.unwrap_or("NULL"), found.error.unwrap_or("NULL"));
        args.push(literal(&format!("{wrapper},{empty},{error}")));
        args.push(cast(null(), &data_type));
    }
    Ok(call("json_query", args))
}

fn wrapper(parser: &mut Parser) -> Parsed<Option<&'static str>> {
    let own = if take_word(parser, "WITHOUT") {
        "WITHOUT"
    } else if !take_word(parser, "WITH") {
        return Ok(None);
    } else if take_word(parser, "CONDITIONAL") {
        "CONDITIONAL"
    } else {
        take_word(parser, "UNCONDITIONAL");
        "UNCONDITIONAL"
    };
    take_word(parser, "ARRAY");
    match take_word(parser, "WRAPPER") {
        true => Ok(Some(own)),
        false => wrong("WRAPPER is missing", QUERY_FORM, &parser.peek_token()),
    }
}

const OBJECT_FORM: &str = "write JSON_OBJECT([KEY] 'key' VALUE value, ... [{NULL | ABSENT} ON NULL])";

fn object(parser: &mut Parser) -> Parsed<Expr> {
    construct(parser, "json_object", "NULL", OBJECT_FORM, |parser, args| {
        take_word(parser, "KEY");
        let key = parser.next_token();
        let Token::SingleQuotedString(name) = &key.token else {
            return wrong("a key of JSON_OBJECT is a text in quotes", OBJECT_FORM, &key);
        };
        if !take_word(parser, "VALUE") && !parser.consume_token(&Token::Colon) {
            return wrong("VALUE is missing", OBJECT_FORM, &parser.peek_token());
        }
        args.push(literal(name));
        Ok(())
    })
}

const ARRAY_FORM: &str = "write JSON_ARRAY(value, ... [{NULL | ABSENT} ON NULL])";

fn array(parser: &mut Parser) -> Parsed<Expr> {
    construct(parser, "json_array", "ABSENT", ARRAY_FORM, |_, _| Ok(()))
}

/// A call with values, each after what `before` reads; `unsaid` = what becomes of NULLs without a clause.
fn construct(
    parser: &mut Parser,
    function: &str,
    unsaid: &str,
    form: &str,
    before: impl Fn(&mut Parser, &mut Vec<Expr>) -> Parsed<()>,
) -> Parsed<Expr> {
    let (mut args, mut letters) = (vec![], String::new());
    let mut on_null = on_null(parser);
    let mut more = on_null.is_none() && parser.peek_token_ref().token != Token::RParen;
    while more {
        before(parser, &mut args)?;
        let (value, raw) = item(parser)?;
        args.push(value);
        letters.push(if raw { 'r' } else { 'v' });
        on_null = self::on_null(parser);
        more = on_null.is_none() && parser.consume_token(&Token::Comma);
    }
    close(parser, form)?;
    args.insert(0, literal(&format!("{},{letters}", on_null.unwrap_or(unsaid))));
    Ok(call(function, args))
}

fn json(parser: &mut Parser) -> Parsed<Expr> {
    let text = parser.parse_expr()?;
    close(parser, "write JSON(string)")?;
    Ok(call("json", vec![text]))
}

fn on_null(parser: &mut Parser) -> Option<&'static str> {
    ["NULL", "ABSENT"].into_iter().find(|own| take_words(parser, &[own, "ON", "NULL"]))
}

/// A value of an object or an array; true = it is JSON already.
fn item(parser: &mut Parser) -> Parsed<(Expr, bool)> {
    let value = parser.parse_expr()?;
    let Expr::Function(function) = &value else { return Ok((value, false)) };
    Ok(match function.name.to_string().to_ascii_lowercase().as_str() {
        "json_object" | "json_array" => (value, true),
        "json" => match only_argument(&function.args) {
            Some(text) => (call("json", vec![text.clone(), literal("value")]), true),
            None => (value, false),
        },
        _ => (value, false),
    })
}

fn only_argument(args: &FunctionArguments) -> Option<&Expr> {
    match args {
        FunctionArguments::List(list) => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(only))] => Some(only),
            _ => None,
        },
        _ => None,
    }
}
