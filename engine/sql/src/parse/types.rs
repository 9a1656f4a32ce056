//! Column types of CREATE TABLE, which sqlparser does not read as Flink writes them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;
use millrace_plan::{Error, Result};

use super::text;
use crate::types::{Length, array, decimal, interval, map, time, timestamp};

/// Parses a type with its `NOT NULL` or `NULL`; true = NOT NULL.
pub fn column_type(parser: &mut Parser) -> Result<(DataType, bool)> {
    let start = parser.peek_token();
    let data_type = data_type(parser).map_err(|error| error.at(text::place_of(&start)))?;
    let not_null = parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]);
    if !not_null {
        let _nullable = parser.parse_keyword(Keyword::NULL);
    }
    Ok((data_type, not_null))
}

/// The length of the type that comes next, which stays unread: `VARCHAR(10)`, `BINARY`.
pub fn length_ahead(parser: &Parser) -> Option<Length> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return None };
    let pad = match word.value.to_ascii_uppercase().as_str() {
        "CHAR" | "CHARACTER" | "BINARY" => true,
        "VARCHAR" | "VARBINARY" => false,
        _ => return None,
    };
    let given = match (&parser.peek_nth_token_ref(1).token, &parser.peek_nth_token_ref(2).token) {
        (Token::LParen, Token::Number(digits, _)) => digits.parse().ok(),
        _ => None,
    };
    Some(Length { most: given.or(pad.then_some(1))?, pad })
}

fn data_type(parser: &mut Parser) -> Result<DataType> {
    let start = parser.next_token();
    let Token::Word(word) = &start.token else {
        return Err(Error::query(format!("expected a type, found {}", text::shown(&start.token))));
    };
    let name = word.value.to_uppercase();
    let mut parsed = match name.as_str() {
        "BOOLEAN" => DataType::Boolean,
        "TINYINT" => DataType::Int8,
        "SMALLINT" => DataType::Int16,
        "INT" | "INTEGER" => DataType::Int32,
        "BIGINT" => DataType::Int64,
        "FLOAT" => DataType::Float32,
        "DOUBLE" => {
            let _precision = parser.parse_keyword(Keyword::PRECISION);
            DataType::Float64
        }
        "DECIMAL" | "DEC" | "NUMERIC" => {
            let numbers = numbers(parser)?;
            decimal(numbers.first().copied().unwrap_or(10), numbers.get(1).copied().unwrap_or(0) as i64)?
        }
        "STRING" => DataType::Utf8,
        "VARCHAR" | "CHAR" | "CHARACTER" => {
            numbers(parser)?;
            DataType::Utf8
        }
        "BYTES" => DataType::Binary,
        "BINARY" | "VARBINARY" => {
            numbers(parser)?;
            DataType::Binary
        }
        "DATE" => DataType::Date32,
        "TIME" => {
            numbers(parser)?;
            let _zone = parser.parse_keywords(&[Keyword::WITHOUT, Keyword::TIME, Keyword::ZONE]);
            time()
        }
        "TIMESTAMP" | "TIMESTAMP_LTZ" => timestamp_type(parser, name == "TIMESTAMP_LTZ")?,
        "INTERVAL" => {
            interval_units(parser)?;
            interval()
        }
        "ARRAY" => {
            let element = in_angles(parser, |parser| Ok(column_type(parser)?.0))?;
            array(element)
        }
        "MAP" => in_angles(parser, |parser| {
            let key = column_type(parser)?.0;
            expect(parser, &Token::Comma)?;
            Ok(map(key, column_type(parser)?.0))
        })?,
        "ROW" => row(parser)?,
        "MULTISET" => return Err(Error::query("MULTISET is not supported").hint("use MAP<t, INT>")),
        _ => return Err(unknown_type(&word.value)),
    };
    while matches!(&parser.peek_token_ref().token, Token::Word(word) if word.keyword == Keyword::ARRAY) {
        parser.next_token();
        parsed = array(parsed);
    }
    Ok(parsed)
}

fn unknown_type(name: &str) -> Error {
    const KNOWN: &str = "BOOLEAN TINYINT SMALLINT INT BIGINT FLOAT DOUBLE DECIMAL STRING VARCHAR CHAR BYTES DATE \
                         TIME TIMESTAMP TIMESTAMP_LTZ INTERVAL ARRAY MAP ROW";
    let unknown = Error::query(format!("unknown type {name}"));
    match crate::catalog::nearest(&name.to_uppercase(), KNOWN.split_whitespace()) {
        Some(found) => unknown.hint(format!("did you mean {found}?")),
        None => unknown.hint(format!("the types are {KNOWN}")),
    }
}

fn expect(parser: &mut Parser, token: &Token) -> Result<()> {
    parser.expect_token(token).map(|_| ()).map_err(|error| text::explain(&error))
}

/// `(3)` or `(10, 2)`, if there.
fn numbers(parser: &mut Parser) -> Result<Vec<u64>> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(vec![]);
    }
    let numbers = parser.parse_comma_separated(|parser| parser.parse_literal_uint());
    let numbers = numbers.map_err(|error| text::explain(&error))?;
    expect(parser, &Token::RParen)?;
    Ok(numbers)
}

fn timestamp_type(parser: &mut Parser, local_zone: bool) -> Result<DataType> {
    let precision = numbers(parser)?.first().copied().unwrap_or(6);
    if parser.parse_keywords(&[Keyword::WITHOUT, Keyword::TIME, Keyword::ZONE]) {
        return timestamp(precision, local_zone);
    }
    if parser.parse_keywords(&[Keyword::WITH, Keyword::LOCAL, Keyword::TIME, Keyword::ZONE]) {
        return timestamp(precision, true);
    }
    if parser.parse_keywords(&[Keyword::WITH, Keyword::TIME, Keyword::ZONE]) {
        return Err(Error::query("TIMESTAMP WITH TIME ZONE is not supported").hint("use TIMESTAMP_LTZ"));
    }
    timestamp(precision, local_zone)
}

fn interval_units(parser: &mut Parser) -> Result<()> {
    const UNITS: [Keyword; 6] =
        [Keyword::YEAR, Keyword::MONTH, Keyword::DAY, Keyword::HOUR, Keyword::MINUTE, Keyword::SECOND];
    if parser.parse_one_of_keywords(&UNITS).is_some() {
        numbers(parser)?;
        if parser.parse_keyword(Keyword::TO) {
            let _last = parser.parse_one_of_keywords(&UNITS);
            numbers(parser)?;
        }
    }
    Ok(())
}

/// `<...>`; `>>` closes two.
fn in_angles<T>(parser: &mut Parser, inner: impl FnOnce(&mut Parser) -> Result<T>) -> Result<T> {
    expect(parser, &Token::Lt)?;
    let value = inner(parser)?;
    close_angle(parser)?;
    Ok(value)
}

fn close_angle(parser: &mut Parser) -> Result<()> {
    expect(parser, &Token::Gt)
        .map_err(|error| error.hint("separate nested closing brackets with a space: > >"))
}

fn row(parser: &mut Parser) -> Result<DataType> {
    let angles = parser.consume_token(&Token::Lt);
    if !angles {
        expect(parser, &Token::LParen)?;
    }
    let mut fields = vec![];
    loop {
        let name = parser.parse_identifier().map_err(|error| text::explain(&error))?.value;
        let (data_type, not_null) = column_type(parser)?;
        fields.push(Arc::new(Field::new(name, data_type, !not_null)));
        text::text_if_quoted(parser);
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    match angles {
        true => close_angle(parser)?,
        false => expect(parser, &Token::RParen)?,
    }
    Ok(DataType::Struct(fields.into()))
}
