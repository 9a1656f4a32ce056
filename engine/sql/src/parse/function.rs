//! CREATE FUNCTION and DROP FUNCTION.

use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::Parser;
use millrace_plan::{Error, FunctionDef, Place, Result};

use super::ddl::if_not_exists;
use super::{Statement, text};

/// `CREATE [TEMPORARY [SYSTEM]] FUNCTION`.
#[derive(Debug)]
pub struct CreateFunction {
    /// Its name, and where it is.
    pub def: FunctionDef,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Where the statement begins.
    pub place: Option<Place>,
}

/// `DROP [TEMPORARY [SYSTEM]] FUNCTION`.
#[derive(Debug)]
pub struct DropFunction {
    /// The function's name.
    pub name: String,
    /// IF EXISTS.
    pub if_exists: bool,
    /// Where the statement begins.
    pub place: Option<Place>,
}

const USAGE: &str = "write CREATE FUNCTION name AS 'file.wasm' LANGUAGE WASM, or AS 'file.wasm#function'";

/// What follows CREATE FUNCTION.
pub fn create(parser: &mut Parser, place: Option<Place>) -> Result<CreateFunction> {
    let if_not_exists = if_not_exists(parser);
    let name = text::table_name(parser)?;
    let usage = |what: &str, at: Option<Place>| Error::query(what.to_string()).hint(USAGE).at(at);
    let next = parser.peek_token();
    if !parser.parse_keyword(Keyword::AS) {
        return Err(usage("CREATE FUNCTION needs AS and a file", text::place_of(&next)));
    }
    let next = parser.peek_token();
    let Some(file) = text::text_literal(parser) else {
        return Err(usage("CREATE FUNCTION needs the name of a file in quotes", text::place_of(&next)));
    };
    let language = match parser.parse_keyword(Keyword::LANGUAGE) {
        true => parser.next_token().to_string().to_uppercase(),
        // What Flink takes when nothing is said.
        false => "JAVA".to_string(),
    };
    if language != "WASM" {
        return Err(usage(&format!("functions in {language} do not run here, only in WASM"), place));
    }
    if parser.parse_keyword(Keyword::USING) {
        return Err(usage("USING JAR is not for functions in WASM", place));
    }
    let (path, export) = match file.rsplit_once('#') {
        Some((path, export)) => (path.to_string(), export.to_string()),
        None => (file, name.clone()),
    };
    if path.is_empty() || export.is_empty() {
        return Err(usage("CREATE FUNCTION names no file or no function of it", place));
    }
    Ok(CreateFunction { def: FunctionDef { name, path, export }, if_not_exists, place })
}

/// What follows DROP.
pub fn drop(parser: &mut Parser, place: Option<Place>) -> Result<Statement> {
    let temporary = parser.parse_keyword(Keyword::TEMPORARY);
    let _ = temporary && parser.parse_keyword(Keyword::SYSTEM);
    let found = parser.peek_token();
    if !parser.parse_keyword(Keyword::FUNCTION) {
        return Err(Error::query(format!("DROP {} is not supported", text::shown(&found.token)))
            .hint("write DROP FUNCTION; leave tables and views out of the script instead")
            .at(text::place_of(&found)));
    }
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = text::table_name(parser)?;
    Ok(Statement::DropFunction(DropFunction { name, if_exists, place }))
}
