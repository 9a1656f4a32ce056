//! Text to statements, in Flink's dialect.
//!
//! Queries stay as `sqlparser` trees; declarations are parsed here, because Flink's CREATE TABLE is its
//! own. Nothing is looked up: that is `bind`'s.

mod ddl;
mod dialect;
mod function;
mod json;
mod row_pattern;
mod state_ttl;
mod text;
mod types;
mod window;

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use datafusion_sql::sqlparser::ast;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use millrace_plan::{Error, Limits, Place, Result};

use crate::types::Length;

pub use function::{CreateFunction, DropFunction};
pub use state_ttl::{StateTtl, duration};
pub use window::{WindowCall, WindowKind, interval_ms, window_call};

pub(crate) use dialect::{ASKS_PROCESSING_TIME, ASKS_ROW_TIME, FlinkDialect, GROUP_SESSION};
pub(crate) use row_pattern::WITHIN;
pub(crate) use text::HINT;

/// A script: statements in order.
#[derive(Debug)]
pub struct Script {
    /// The statements.
    pub statements: Vec<Statement>,
}

/// A statement.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a few per script")]
pub enum Statement {
    /// CREATE TABLE.
    CreateTable(CreateTable),
    /// CREATE VIEW.
    CreateView(CreateView),
    /// CREATE FUNCTION.
    CreateFunction(CreateFunction),
    /// DROP FUNCTION.
    DropFunction(DropFunction),
    /// INSERT INTO ... SELECT.
    Insert(Insert),
    /// A query by itself: its rows are printed.
    Query(Query),
    /// SET 'key' = 'value'.
    Set(Set),
}

/// CREATE VIEW name (columns) AS query.
#[derive(Debug)]
pub struct CreateView {
    /// The view's name.
    pub name: String,
    /// Names for the query's columns; empty = the query's own.
    pub columns: Vec<String>,
    /// The query.
    pub query: Box<ast::Query>,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// A query by itself.
#[derive(Debug)]
pub struct Query {
    /// The query.
    pub query: Box<ast::Query>,
    /// EMIT after it.
    pub emit: Option<Emit>,
    /// Its STATE_TTL hints.
    pub ttls: Vec<StateTtl>,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// SET 'key' = 'value'.
#[derive(Debug)]
pub struct Set {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// INSERT INTO table (columns) query.
#[derive(Debug)]
pub struct Insert {
    /// The sink's name.
    pub table: String,
    /// The sink's columns that the query fills; empty = all.
    pub columns: Vec<String>,
    /// The query.
    pub query: Box<ast::Query>,
    /// EMIT after it.
    pub emit: Option<Emit>,
    /// Its STATE_TTL hints.
    pub ttls: Vec<StateTtl>,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// EMIT after a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emit {
    /// EMIT CHANGES [EVERY INTERVAL ...].
    Changes {
        /// The interval, in milliseconds.
        every_ms: Option<u64>,
    },
    /// EMIT FINAL.
    Final,
}

/// WATERMARK FOR column AS expr.
#[derive(Debug)]
pub struct Watermark {
    /// The row-time column.
    pub column: String,
    /// The watermark.
    pub expr: ast::Expr,
    /// Where the clause begins.
    pub place: Option<Place>,
}

impl Watermark {
    /// True if it is SOURCE_WATERMARK().
    pub fn is_of_source(&self) -> bool {
        let ast::Expr::Function(call) = &self.expr else { return false };
        let bare = matches!(&call.args, ast::FunctionArguments::List(list) if list.args.is_empty());
        bare && call.name.to_string().eq_ignore_ascii_case("SOURCE_WATERMARK")
    }
}

/// CREATE TABLE.
#[derive(Debug)]
pub struct CreateTable {
    /// The table's name.
    pub name: String,
    /// The columns, in order.
    pub columns: Vec<ColumnDef>,
    /// WATERMARK FOR.
    pub watermark: Option<Watermark>,
    /// PRIMARY KEY (...) NOT ENFORCED.
    pub primary_key: Vec<String>,
    /// WITH (...).
    pub options: BTreeMap<String, String>,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// Where a column's values come from.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a few per script")]
pub enum ColumnKind {
    /// The format.
    Physical,
    /// An expression.
    Computed(ast::Expr),
    /// The connector.
    Metadata {
        /// The connector's name for it.
        key: String,
        /// Not written by sinks.
        virtual_: bool,
    },
}

/// A column of CREATE TABLE.
#[derive(Debug)]
pub struct ColumnDef {
    /// Its name.
    pub name: String,
    /// Its type; computed columns have none.
    pub data_type: Option<DataType>,
    /// The length that its type demands.
    pub length: Option<Length>,
    /// NOT NULL.
    pub not_null: bool,
    /// Where its values come from.
    pub kind: ColumnKind,
    /// Where it begins.
    pub place: Option<Place>,
}

/// Parses a script.
pub fn parse(sql: &str, limits: &Limits) -> Result<Script> {
    let (tokens, hints) = text::tokens(sql, limits)?;
    let mut statements = vec![];
    let mut hints = hints.into_iter().peekable();
    for tokens in text::statements(text::split_shifts(tokens)) {
        let end = tokens.last().map(|token| (token.span.end.line, token.span.end.column));
        let ttls = std::iter::from_fn(|| {
            hints.next_if(|own| own.place.is_none_or(|own| Some((own.line, own.column)) < end))
        });
        let ttls = ttls.collect();
        if let Some(statement) = parse_statement(tokens)? {
            statements.push(with_ttls(statement, ttls)?);
        }
    }
    Ok(Script { statements })
}

/// The statement with what its hints say of state.
fn with_ttls(mut statement: Statement, hints: Vec<StateTtl>) -> Result<Statement> {
    match (&mut statement, hints.first()) {
        (_, None) => {}
        (Statement::Insert(Insert { ttls, .. }) | Statement::Query(Query { ttls, .. }), _) => *ttls = hints,
        (_, Some(hint)) => {
            return Err(Error::query("STATE_TTL outside of a query that runs")
                .hint(
                    "write it in INSERT INTO or SELECT; instead of a view, write the query where it is read",
                )
                .at(hint.place));
        }
    }
    Ok(statement)
}

fn parse_statement(tokens: Vec<TokenWithSpan>) -> Result<Option<Statement>> {
    let place = tokens.first().and_then(text::place_of);
    let (tokens, emit) = text::split_emit(tokens)?;
    let tokens = row_pattern::spelled_out(tokens)?;
    let dialect = FlinkDialect;
    let mut parser = Parser::new(&dialect).with_recursion_limit(256).with_tokens_with_locations(tokens);
    let parser = &mut parser;
    let statement = statement(parser, emit, place);
    let statement = statement.map_err(|error| error.at(place))?;
    if statement.is_some() && parser.peek_token_ref().token != Token::EOF {
        let found = parser.peek_token();
        return Err(Error::query(format!("unexpected {}", text::shown(&found.token)))
            .at(text::place_of(&found))
            .hint("end the statement with a semicolon"));
    }
    Ok(statement)
}

fn statement(parser: &mut Parser, emit: Option<Emit>, place: Option<Place>) -> Result<Option<Statement>> {
    if parser.peek_token_ref().token == Token::EOF {
        return Ok(None);
    }
    let first = parser.peek_token();
    let word = match &first.token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    Ok(Some(match word {
        Keyword::CREATE => {
            parser.next_token();
            ddl::create(parser, place)?
        }
        Keyword::DROP => {
            parser.next_token();
            function::drop(parser, place)?
        }
        Keyword::INSERT => {
            parser.next_token();
            insert(parser, emit, place)?
        }
        Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::FROM => {
            Statement::Query(Query { query: query(parser)?, emit, ttls: vec![], place })
        }
        Keyword::NoKeyword if first.token == Token::LParen => {
            Statement::Query(Query { query: query(parser)?, emit, ttls: vec![], place })
        }
        Keyword::SET => {
            parser.next_token();
            set(parser, place)?
        }
        // `EXECUTE STATEMENT SET BEGIN ...; END;`, `BEGIN STATEMENT SET; ... END;`
        _ if text::is_statement_set(parser)? => return statement(parser, emit, place),
        _ => {
            return Err(Error::query(format!(
                "{} is not a statement Millrace runs",
                text::shown(&first.token)
            ))
            .hint("write CREATE TABLE, CREATE VIEW, CREATE FUNCTION, INSERT INTO, SELECT or SET"));
        }
    }))
}

fn query(parser: &mut Parser) -> Result<Box<ast::Query>> {
    parser.parse_query().map_err(|error| text::explain(&error))
}

fn insert(parser: &mut Parser, emit: Option<Emit>, place: Option<Place>) -> Result<Statement> {
    if parser.parse_keyword(Keyword::OVERWRITE) {
        return Err(Error::query("INSERT OVERWRITE is not supported").hint("write INSERT INTO"));
    }
    parser.expect_keyword(Keyword::INTO).map_err(|error| text::explain(&error))?;
    let table = text::table_name(parser)?;
    let mut columns = vec![];
    let listed = matches!(parser.peek_token_ref().token, Token::LParen)
        && !matches!(&parser.peek_nth_token_ref(1).token,
            Token::Word(word) if matches!(word.keyword, Keyword::SELECT | Keyword::WITH));
    if listed {
        columns = text::names_in_parentheses(parser)?;
    }
    Ok(Statement::Insert(Insert { table, columns, query: query(parser)?, emit, ttls: vec![], place }))
}

fn set(parser: &mut Parser, place: Option<Place>) -> Result<Statement> {
    let usage = || Error::query("SET takes a quoted key and value").hint("write SET 'key' = 'value'");
    let key = text::text_literal(parser).ok_or_else(usage)?;
    if !parser.consume_token(&Token::Eq) {
        return Err(usage());
    }
    let value = text::text_literal(parser).ok_or_else(usage)?;
    Ok(Statement::Set(Set { key, value, place }))
}
