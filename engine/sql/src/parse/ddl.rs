//! CREATE TABLE and CREATE VIEW.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion_sql::sqlparser::ast::Expr;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;
use millrace_plan::{Error, Place, Result};

use super::types::{column_type, length_ahead};
use super::{ColumnDef, ColumnKind, CreateTable, CreateView, Statement, Watermark, function, query, text};

/// What follows CREATE.
pub fn create(parser: &mut Parser, place: Option<Place>) -> Result<Statement> {
    let temporary = parser.parse_keyword(Keyword::TEMPORARY);
    if parser.parse_keyword(Keyword::TABLE) {
        return Ok(Statement::CreateTable(table(parser, place)?));
    }
    if parser.parse_keyword(Keyword::VIEW) {
        return Ok(Statement::CreateView(view(parser, place)?));
    }
    if parser.parse_keyword(Keyword::FUNCTION) {
        return Ok(Statement::CreateFunction(function::create(parser, place)?));
    }
    if temporary && parser.parse_keywords(&[Keyword::SYSTEM, Keyword::FUNCTION]) {
        return Ok(Statement::CreateFunction(function::create(parser, place)?));
    }
    let found = parser.peek_token();
    let what = if temporary { "CREATE TEMPORARY" } else { "CREATE" };
    Err(Error::query(format!("{what} {} is not supported", text::shown(&found.token)))
        .hint("write CREATE TABLE, CREATE VIEW or CREATE FUNCTION")
        .at(text::place_of(&found)))
}

pub(super) fn if_not_exists(parser: &mut Parser) -> bool {
    parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS])
}

fn view(parser: &mut Parser, place: Option<Place>) -> Result<CreateView> {
    if_not_exists(parser);
    let name = text::table_name(parser)?;
    let columns = match parser.peek_token_ref().token {
        Token::LParen => text::names_in_parentheses(parser)?,
        _ => vec![],
    };
    comment(parser);
    parser.expect_keyword(Keyword::AS).map_err(|error| text::explain(&error))?;
    Ok(CreateView { name, columns, query: query(parser)?, place })
}

fn comment(parser: &mut Parser) {
    if parser.parse_keyword(Keyword::COMMENT) {
        text::text_if_quoted(parser);
    }
}

fn table(parser: &mut Parser, place: Option<Place>) -> Result<CreateTable> {
    let if_not_exists = if_not_exists(parser);
    let name = text::table_name(parser)?;
    let mut create = CreateTable {
        name,
        columns: vec![],
        watermark: None,
        primary_key: vec![],
        options: BTreeMap::new(),
        if_not_exists,
        place,
    };
    if !parser.consume_token(&Token::LParen) {
        let found = parser.peek_token();
        return Err(Error::query(format!("expected the columns, found {}", text::shown(&found.token)))
            .hint(
                "write CREATE TABLE t (a INT, ...) WITH ('connector' = '...'); LIKE and AS are not supported",
            )
            .at(text::place_of(&found)));
    }
    loop {
        element(parser, &mut create)?;
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen).map_err(|error| text::explain(&error))?;
    comment(parser);
    if parser.parse_keywords(&[Keyword::PARTITIONED, Keyword::BY]) {
        return Err(Error::query("PARTITIONED BY is not supported")
            .hint("write one table for each folder, or leave the clause out"));
    }
    if !parser.parse_keyword(Keyword::WITH) {
        let found = parser.peek_token();
        return Err(Error::query(format!("table `{}` has no WITH clause", create.name))
            .hint("say where its rows are: WITH ('connector' = 'filesystem', 'path' = '...', 'format' = 'json')")
            .at(text::place_of(&found)));
    }
    create.options = options(parser)?;
    Ok(create)
}

/// A column, a watermark or a constraint.
fn element(parser: &mut Parser, create: &mut CreateTable) -> Result<()> {
    let start = parser.peek_token();
    let place = text::place_of(&start);
    let word = match &start.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
        _ => String::new(),
    };
    let next_is = |parser: &Parser, keyword: Keyword| matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word) if word.keyword == keyword);
    match word.as_str() {
        "WATERMARK" if next_is(parser, Keyword::FOR) => {
            if create.watermark.is_some() {
                return Err(Error::query("a table has one WATERMARK at most").at(place));
            }
            parser.next_token();
            parser.next_token();
            let column = parser.parse_object_name(false).map_err(|error| text::explain(&error))?;
            let column: Vec<String> =
                column.0.iter().filter_map(|part| part.as_ident().map(|ident| ident.value.clone())).collect();
            parser.expect_keyword(Keyword::AS).map_err(|error| text::explain(&error))?;
            create.watermark = Some(Watermark { column: column.join("."), expr: expr(parser)?, place });
            Ok(())
        }
        "CONSTRAINT" => {
            parser.next_token();
            parser.parse_identifier().map_err(|error| text::explain(&error))?;
            primary_key(parser, create)
        }
        "PRIMARY" if next_is(parser, Keyword::KEY) => primary_key(parser, create),
        _ => {
            let column = column(parser, create, place)?;
            create.columns.push(column);
            Ok(())
        }
    }
}

fn not_enforced(parser: &mut Parser) -> Result<()> {
    match parser.parse_keywords(&[Keyword::NOT, Keyword::ENFORCED]) {
        true => Ok(()),
        false => {
            let found = parser.peek_token();
            Err(Error::query("PRIMARY KEY must be NOT ENFORCED: Millrace does not own the data")
                .hint("write PRIMARY KEY (...) NOT ENFORCED")
                .at(text::place_of(&found)))
        }
    }
}

fn primary_key(parser: &mut Parser, create: &mut CreateTable) -> Result<()> {
    let key = parser.expect_keywords(&[Keyword::PRIMARY, Keyword::KEY]);
    key.map_err(|error| text::explain(&error))?;
    create.primary_key = text::names_in_parentheses(parser)?;
    not_enforced(parser)
}

fn expr(parser: &mut Parser) -> Result<Expr> {
    parser.parse_expr().map_err(|error| text::explain(&error))
}

fn column(parser: &mut Parser, create: &mut CreateTable, place: Option<Place>) -> Result<ColumnDef> {
    let name = parser.parse_identifier().map_err(|error| text::explain(&error))?.value;
    if parser.parse_keyword(Keyword::AS) {
        let kind = ColumnKind::Computed(expr(parser)?);
        comment(parser);
        return Ok(ColumnDef { name, data_type: None, length: None, not_null: false, kind, place });
    }
    let length = length_ahead(parser);
    let (data_type, mut not_null) = column_type(parser)?;
    let length = length.filter(|_| matches!(data_type, DataType::Utf8 | DataType::Binary));
    let mut kind = ColumnKind::Physical;
    let is_word = |parser: &Parser, wanted: &str| matches!(&parser.peek_token_ref().token, Token::Word(word) if word.value.eq_ignore_ascii_case(wanted));
    if is_word(parser, "METADATA") {
        parser.next_token();
        let mut key = name.clone();
        if parser.parse_keyword(Keyword::FROM) {
            key = text::text_literal(parser).ok_or_else(|| {
                Error::query("METADATA FROM takes a key in quotes").hint("write METADATA FROM 'file.path'")
            })?;
        }
        let virtual_ = parser.parse_keyword(Keyword::VIRTUAL);
        kind = ColumnKind::Metadata { key, virtual_ };
    }
    if parser.parse_keyword(Keyword::CONSTRAINT) {
        parser.parse_identifier().map_err(|error| text::explain(&error))?;
    }
    if parser.parse_keywords(&[Keyword::PRIMARY, Keyword::KEY]) {
        not_enforced(parser)?;
        create.primary_key = vec![name.clone()];
        not_null = true;
    }
    comment(parser);
    Ok(ColumnDef { name, data_type: Some(data_type), length, not_null, kind, place })
}

fn options(parser: &mut Parser) -> Result<BTreeMap<String, String>> {
    parser.expect_token(&Token::LParen).map_err(|error| text::explain(&error))?;
    let mut options = BTreeMap::new();
    loop {
        let start = parser.peek_token();
        let place = text::place_of(&start);
        let usage = || {
            Error::query(format!("expected an option, found {}", text::shown(&start.token)))
                .hint("write WITH ('key' = 'value', ...), both in single quotes")
                .at(place)
        };
        let key = text::text_literal(parser).ok_or_else(usage)?;
        if !parser.consume_token(&Token::Eq) {
            return Err(usage());
        }
        let value = text::text_literal(parser).ok_or_else(usage)?;
        if options.insert(key.clone(), value).is_some() {
            return Err(Error::query(format!("option '{key}' is set twice")).at(place));
        }
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    parser.expect_token(&Token::RParen).map_err(|error| text::explain(&error))?;
    Ok(options)
}
