//! Window table functions in FROM: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '5' SECOND))`.

use datafusion_sql::sqlparser::ast::{
    DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArguments,
    Ident, ObjectName, TableAlias, TableFactor, UnaryOperator, Value,
};
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::TokenWithSpan;
use millrace_plan::{Error, Place, Result};

use super::dialect::{ASKS_PROCESSING_TIME, ASKS_ROW_TIME, FlinkDialect, GROUP_SESSION, TABLE_ARGUMENT};
use super::text;
use crate::bind::rewrite::place_of;
use crate::bind::window::TimeDomain;

/// The window functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// TUMBLE.
    Tumble,
    /// HOP.
    Hop,
    /// CUMULATE.
    Cumulate,
    /// SESSION.
    Session,
}

/// A window function over a table.
#[derive(Debug, Clone)]
pub struct WindowCall {
    /// Which function.
    pub kind: WindowKind,
    /// The table.
    pub table: TableFactor,
    /// The alias of the result.
    pub alias: Option<TableAlias>,
    /// PARTITION BY (SESSION); `None` = by what else the query groups by, as the older form has it.
    pub partition_by: Option<Vec<String>>,
    /// The column in DESCRIPTOR.
    pub time: String,
    /// The time attribute that the query asks of the windows, in the older form.
    pub asked: Option<TimeDomain>,
    /// In milliseconds. TUMBLE: size. HOP: slide, size. CUMULATE: step, size. SESSION: gap.
    pub intervals: Vec<i64>,
    /// In milliseconds.
    pub offset_ms: i64,
    /// Where the call begins.
    pub place: Option<Place>,
}

/// The window call that `factor` is, if it is one.
pub fn window_call(factor: &TableFactor) -> Result<Option<WindowCall>> {
    let (call, alias) = match factor {
        TableFactor::TableFunction { expr: Expr::Function(function), alias } => (function.clone(), alias),
        TableFactor::Table { name, alias, args: Some(args), .. } => {
            (table_call(name, args.args.clone()), alias)
        }
        TableFactor::Function { name, args, alias, .. } => (table_call(name, args.clone()), alias),
        _ => return Ok(None),
    };
    let kind = match call.name.to_string().to_uppercase().as_str() {
        "TUMBLE" => WindowKind::Tumble,
        "HOP" => WindowKind::Hop,
        "CUMULATE" => WindowKind::Cumulate,
        "SESSION" | GROUP_SESSION => WindowKind::Session,
        other => {
            return Err(Error::query(format!("unknown table function {other}"))
                .hint("the table functions are TUMBLE, HOP, CUMULATE, SESSION")
                .at(place_of(factor)));
        }
    };
    let place = place_of(&call.name);
    parse_call(kind, &call, alias.clone(), place).map(Some).map_err(|error| error.at(place))
}

fn table_call(name: &ObjectName, args: Vec<FunctionArg>) -> Function {
    use datafusion_sql::sqlparser::ast::FunctionArgumentList;
    Function {
        name: name.clone(),
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
    }
}

/// The parameters of each function, in order, as named arguments name them.
fn parameters(kind: WindowKind) -> &'static [&'static str] {
    match kind {
        WindowKind::Tumble => &["DATA", "TIMECOL", "SIZE", "OFFSET"],
        WindowKind::Hop => &["DATA", "TIMECOL", "SLIDE", "SIZE", "OFFSET"],
        WindowKind::Cumulate => &["DATA", "TIMECOL", "STEP", "SIZE", "OFFSET"],
        WindowKind::Session => &["DATA", "TIMECOL", "GAP"],
    }
}

fn usage(kind: WindowKind) -> &'static str {
    match kind {
        WindowKind::Tumble => "TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE [, offset])",
        WindowKind::Hop => "HOP(TABLE t, DESCRIPTOR(ts), slide, size [, offset])",
        WindowKind::Cumulate => "CUMULATE(TABLE t, DESCRIPTOR(ts), step, size [, offset])",
        WindowKind::Session => "SESSION(TABLE t PARTITION BY key, DESCRIPTOR(ts), gap)",
    }
}

/// The arguments by parameter.
fn arguments(kind: WindowKind, call: &Function) -> Result<Vec<Option<Expr>>> {
    let FunctionArguments::List(list) = &call.args else {
        return Err(Error::query("the window function has no arguments").hint(usage(kind)));
    };
    let names = parameters(kind);
    let wrong = |what: String| Error::query(what).hint(usage(kind));
    let mut values: Vec<Option<Expr>> = vec![None; names.len()];
    for (position, arg) in list.args.iter().enumerate() {
        let (slot, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (position, value),
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                operator: FunctionArgOperator::RightArrow,
            } => {
                let wanted = name.value.to_uppercase();
                let slot = names.iter().position(|name| *name == wanted);
                (slot.ok_or_else(|| wrong(format!("unknown argument {wanted}")))?, value)
            }
            other => return Err(wrong(format!("unexpected argument {other}"))),
        };
        match values.get_mut(slot) {
            Some(empty @ None) => *empty = Some(value.clone()),
            Some(_) => return Err(wrong(format!("argument {} is given twice", names[slot]))),
            None => return Err(wrong("too many arguments".into())),
        }
    }
    Ok(values)
}

fn parse_call(
    kind: WindowKind,
    call: &Function,
    alias: Option<TableAlias>,
    place: Option<Place>,
) -> Result<WindowCall> {
    let values = arguments(kind, call)?;
    let names = parameters(kind);
    let missing = |name: &str| Error::query(format!("argument {name} is missing")).hint(usage(kind));
    let data = values[0].as_ref().ok_or_else(|| missing("TABLE"))?;
    let (table, partition_by) = table_argument(data)
        .ok_or_else(|| Error::query("the first argument must be a table").hint(usage(kind)))?;
    let partition_by = match call.name.to_string() == GROUP_SESSION {
        true => None,
        false => Some(partition_by),
    };
    let (time, asked) =
        values[1].as_ref().and_then(descriptor).ok_or_else(|| missing("DESCRIPTOR(time column)"))?;
    let mut intervals = vec![];
    let mut offset_ms = 0;
    for (name, value) in names.iter().zip(&values).skip(2) {
        match (value, *name) {
            (None, "OFFSET") => {}
            (Some(value), "OFFSET") => offset_ms = interval_ms(value)?,
            (None, name) => return Err(missing(name)),
            (Some(value), _) => intervals.push(interval_ms(value)?),
        }
    }
    Ok(WindowCall { kind, table, alias, partition_by, time, asked, intervals, offset_ms, place })
}

fn plain_args(function: &Function) -> Vec<&Expr> {
    match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => vec![],
    }
}

/// `TABLE t PARTITION BY a`, or a subquery.
fn table_argument(expr: &Expr) -> Option<(TableFactor, Vec<String>)> {
    match expr {
        Expr::Subquery(query) => {
            let derived =
                TableFactor::Derived { lateral: false, subquery: query.clone(), alias: None, sample: None };
            Some((derived, vec![]))
        }
        Expr::Function(function) if function.name.to_string() == TABLE_ARGUMENT => {
            let args = plain_args(function);
            let keys = args.iter().skip(1).filter_map(|arg| match arg {
                Expr::Identifier(ident) => Some(ident.value.clone()),
                _ => None,
            });
            let keys = keys.collect();
            match args.first()? {
                Expr::CompoundIdentifier(idents) => Some((named_table(idents.clone())?, keys)),
                subquery => table_argument(subquery).map(|(table, _)| (table, keys)),
            }
        }
        _ => None,
    }
}

fn named_table(idents: Vec<Ident>) -> Option<TableFactor> {
    Some(TableFactor::Table {
        name: ObjectName::from(vec![idents.last()?.clone()]),
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    })
}

/// The column of DESCRIPTOR, and the time attribute that the older form asks of the windows.
fn descriptor(expr: &Expr) -> Option<(String, Option<TimeDomain>)> {
    let Expr::Function(function) = expr else { return None };
    if !function.name.to_string().eq_ignore_ascii_case("DESCRIPTOR") {
        return None;
    }
    let name = |expr: &Expr| match expr {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.clone()),
        _ => None,
    };
    let args = plain_args(function);
    let asked = match args.get(1).and_then(|own| name(own)).as_deref() {
        Some(ASKS_ROW_TIME) => Some(TimeDomain::Event),
        Some(ASKS_PROCESSING_TIME) => Some(TimeDomain::Processing),
        _ => None,
    };
    Some((name(args.first()?)?, asked))
}

/// The length of a constant day-time interval, in milliseconds.
pub fn interval_ms(expr: &Expr) -> Result<i64> {
    let place = place_of(expr);
    let wrong = || {
        Error::query(format!("{expr} is not a constant interval of days to seconds"))
            .hint("write INTERVAL '10' SECOND, MINUTE, HOUR or DAY")
            .at(place)
    };
    match expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(-interval_ms(expr)?),
        Expr::Interval(interval) => {
            let (number, negative) = match interval.value.as_ref() {
                Expr::Value(value) => (value.clone(), false),
                Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
                    Expr::Value(value) => (value.clone(), true),
                    _ => return Err(wrong()),
                },
                _ => return Err(wrong()),
            };
            let text = match number.value {
                Value::SingleQuotedString(text) => text,
                Value::Number(text, _) => text,
                _ => return Err(wrong()),
            };
            let unit = interval.leading_field.clone().unwrap_or(DateTimeField::Second);
            let length = interval_text_ms(&text, &unit, interval.last_field.as_ref()).ok_or_else(wrong)?;
            Ok(if negative { -length } else { length })
        }
        _ => Err(wrong()),
    }
}

fn interval_text_ms(text: &str, unit: &DateTimeField, last: Option<&DateTimeField>) -> Option<i64> {
    const DAY: f64 = 86_400_000.0;
    let trimmed = text.trim();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed),
    };
    let factors = |unit: &DateTimeField| {
        Some(match unit {
            DateTimeField::Week(_) | DateTimeField::Weeks => 7.0 * DAY,
            DateTimeField::Day | DateTimeField::Days => DAY,
            DateTimeField::Hour | DateTimeField::Hours => 3_600_000.0,
            DateTimeField::Minute | DateTimeField::Minutes => 60_000.0,
            DateTimeField::Second | DateTimeField::Seconds => 1_000.0,
            DateTimeField::Millisecond | DateTimeField::Milliseconds => 1.0,
            _ => return None,
        })
    };
    let length = match last {
        None => digits.parse::<f64>().ok()? * factors(unit)?,
        // 'd hh:mm:ss.fff', from the leading unit down
        Some(_) => {
            let parts = digits.split([' ', ':']).map(|part| part.parse::<f64>().ok());
            let parts = parts.collect::<Option<Vec<f64>>>()?;
            let scale = [DAY, 3_600_000.0, 60_000.0, 1_000.0];
            let first = scale.iter().position(|factor| Some(*factor) == factors(unit))?;
            parts.iter().zip(&scale[first..]).map(|(part, factor)| part * factor).sum()
        }
    };
    let length = length.round();
    (length.abs() < 9e15).then_some(if negative { -length as i64 } else { length as i64 })
}

/// The length of the interval that these tokens are, in milliseconds.
pub fn interval_of_tokens(tokens: Vec<TokenWithSpan>) -> Result<i64> {
    let dialect = FlinkDialect;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    interval_ms(&parser.parse_expr().map_err(|error| text::explain(&error))?)
}
