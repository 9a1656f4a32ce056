//! What Flink writes differently from DataFusion, rewritten in the syntax tree before binding: legacy
//! group windows become window table functions, time units become text arguments.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    self, CeilFloorKind, DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, LimitClause, ObjectName, Query, Select, SetExpr, Spanned, TableAlias, TableFactor, Value,
    VisitMut, VisitorMut,
};
use millrace_plan::{Error, Place, Result};

use crate::parse::{ASKS_PROCESSING_TIME, ASKS_ROW_TIME, GROUP_SESSION, interval_ms};

/// Rewrites `query` in place.
pub fn rewrite(query: &mut Query) -> Result<()> {
    let mut rewriter = Rewriter;
    match query.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Rewrites a scalar expression (of a computed column or a watermark) in place.
pub fn rewrite_expr(expr: &mut Expr) -> Result<()> {
    match expr.visit(&mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Where a piece of syntax begins.
pub fn place_of(node: &impl Spanned) -> Option<Place> {
    let start = node.span().start;
    (start.line > 0).then_some(Place { line: start.line, column: start.column })
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = Box<Error>;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        match group_window(select) {
            Ok(()) => {
                super::naming::name_columns(select);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        fetch_as_limit(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let Some(unnest) = super::unnest::as_unnest(factor) {
            *factor = unnest;
        }
        if let Some(version) = super::temporal::version_at(factor) {
            *factor = version;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        match row_lists(&mut query.body).and_then(|()| super::set_operation::counted(&mut query.body)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Floor { expr: value, field } => {
                if let Some(call) = time_rounding("floor_to", value, field) {
                    *expr = call;
                }
            }
            Expr::Ceil { expr: value, field } => {
                if let Some(call) = time_rounding("ceil_to", value, field) {
                    *expr = call;
                }
            }
            Expr::Function(function) => unit_argument(function),
            Expr::Value(literal) => {
                if let Some(double) = double_literal(literal) {
                    *expr = double;
                }
            }
            Expr::TypedString(literal) => literal_precision(literal),
            // `INTERVAL '0.250' SECOND(1, 3)`: how many digits may stand there says nothing of the value.
            Expr::Interval(interval) => {
                interval.leading_precision = None;
                interval.fractional_seconds_precision = None;
                if interval.last_field.is_some()
                    && let Err(error) = one_unit(expr)
                {
                    return ControlFlow::Break(Box::new(error));
                }
            }
            Expr::Like { pattern, escape_char, .. } => {
                if let Err(error) = like_pattern(pattern, escape_char) {
                    return ControlFlow::Break(Box::new(error));
                }
            }
            Expr::SimilarTo { pattern, escape_char, .. } => {
                if let Err(error) = similar_pattern(pattern, escape_char) {
                    return ControlFlow::Break(Box::new(error));
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `INTERVAL '1-2' YEAR TO MONTH` becomes `INTERVAL '14' MONTH`, `INTERVAL '1 02:00' DAY TO MINUTE` becomes
/// `INTERVAL '93600000' MILLISECOND`.
fn one_unit(expr: &mut Expr) -> Result<()> {
    let Expr::Interval(own) = &*expr else { return Ok(()) };
    let is_of_months = matches!(own.leading_field, Some(DateTimeField::Year | DateTimeField::Years));
    let (length, unit) = match is_of_months {
        true => (months(&own.value.to_string())?, DateTimeField::Month),
        false => (interval_ms(expr)?, DateTimeField::Millisecond),
    };
    if let Expr::Interval(own) = expr {
        *own.value = Expr::Value(Value::SingleQuotedString(length.to_string()).into());
        (own.leading_field, own.last_field) = (Some(unit), None);
    }
    Ok(())
}

/// Years and months, `'1-2'` or `'-1-2'`, in months.
fn months(text: &str) -> Result<i64> {
    let plain = text.trim_matches('\'').trim();
    let (sign, digits) = plain.strip_prefix('-').map_or((1, plain), |digits| (-1, digits));
    let number = |text: &str| text.parse::<i64>().ok();
    let parts = digits.split_once('-').and_then(|(years, months)| number(years).zip(number(months)));
    match parts {
        Some((years, months)) if (0..100_000).contains(&years) && (0..12).contains(&months) => {
            Ok(sign * (12 * years + months))
        }
        _ => Err(Error::query(format!("INTERVAL {text} YEAR TO MONTH: expected years and months"))
            .hint("write INTERVAL '1-2' YEAR TO MONTH")),
    }
}

/// `FETCH FIRST n ROWS ONLY` becomes `LIMIT n`.
fn fetch_as_limit(query: &mut Query) {
    let Some(fetch) = query.fetch.take() else { return };
    let rows = fetch.quantity.unwrap_or_else(|| Expr::value(Value::Number("1".into(), false)));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) => *limit = Some(rows),
        other => {
            *other = Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: vec![] });
        }
    }
}

/// `VALUES (1, 'a')` becomes `SELECT * FROM (VALUES (1, 'a')) AS VALUES(EXPR$0, EXPR$1)`.
fn row_lists(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Values(values) => {
            let alias = Some(super::naming::value_names(values));
            let query = select_all(super::values::table_factor(values.clone(), alias), None)?;
            *body = *query.body;
            Ok(())
        }
        SetExpr::SetOperation { left, right, .. } => {
            row_lists(left)?;
            row_lists(right)
        }
        _ => Ok(()),
    }
}

/// A number with an exponent is a DOUBLE; without one it is exact.
fn double_literal(literal: &ast::ValueWithSpan) -> Option<Expr> {
    let Value::Number(number, _) = &literal.value else { return None };
    number.contains(['e', 'E']).then(|| Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(text(number)),
        data_type: ast::DataType::Double(ast::ExactNumberInfo::None),
        array: false,
        format: None,
    })
}

/// `FLOOR(ts TO MINUTE)` becomes `floor_to('MINUTE', ts)`.
fn time_rounding(name: &str, value: &Expr, field: &CeilFloorKind) -> Option<Expr> {
    match field {
        CeilFloorKind::DateTimeField(unit) if *unit != DateTimeField::NoDateTime => {
            Some(call(name, vec![text(&unit.to_string()), value.clone()]))
        }
        _ => None,
    }
}

/// Spells a LIKE pattern with the backslash as its escape, the only one that the evaluation knows. Without
/// ESCAPE a backslash is an ordinary character.
fn like_pattern(pattern: &mut Expr, escape_char: &mut Option<ast::ValueWithSpan>) -> Result<()> {
    let Expr::Value(value) = &*pattern else {
        return match escape_char {
            None => Ok(()),
            Some(_) => Err(Error::query("LIKE ... ESCAPE takes a constant pattern").at(place_of(pattern))),
        };
    };
    let Some(given) = value.value.clone().into_string() else { return Ok(()) };
    let escape = escape(escape_char).map_err(|error| error.at(place_of(pattern)))?;
    let mut spelled = String::with_capacity(given.len());
    let mut letters = given.chars();
    while let Some(letter) = letters.next() {
        let plain = if Some(letter) == escape { letters.next() } else { None };
        match (plain, letter) {
            (Some(plain), _) => spelled.extend(['\\', plain]),
            (None, '\\') => spelled.push_str("\\\\"),
            (None, letter) => spelled.push(letter),
        }
    }
    *pattern = text(&spelled);
    Ok(())
}

/// The letter behind ESCAPE, which is taken away.
fn escape(escape_char: &mut Option<ast::ValueWithSpan>) -> Result<Option<char>> {
    let given = escape_char.take().and_then(|own| own.value.into_string());
    match given.as_deref().map(|own| (own.chars().next(), own.chars().count())) {
        None => Ok(None),
        Some((Some(letter), 1)) => Ok(Some(letter)),
        Some(_) => Err(Error::query("ESCAPE takes one character")),
    }
}

/// Spells the pattern of SIMILAR TO as the regular expression that the evaluation takes: of the whole text, with `_`
/// for any character and `%` for any text.
fn similar_pattern(pattern: &mut Expr, escape_char: &mut Option<ast::ValueWithSpan>) -> Result<()> {
    let Expr::Value(value) = &*pattern else {
        return Err(Error::query("SIMILAR TO takes a constant pattern")
            .hint("use REGEXP(string, regex)")
            .at(place_of(pattern)));
    };
    let Some(given) = value.value.clone().into_string() else { return Ok(()) };
    let escape = escape(escape_char).map_err(|error| error.at(place_of(pattern)))?;
    let mut spelled = String::from("^(?s:");
    let mut is_set = false;
    let mut letters = given.chars();
    while let Some(letter) = letters.next() {
        match letter {
            _ if Some(letter) == escape => spelled.extend(letters.next().iter().flat_map(|own| ['\\', *own])),
            '_' if !is_set => spelled.push('.'),
            '%' if !is_set => spelled.push_str(".*"),
            '.' | '$' | '\\' if !is_set => spelled.extend(['\\', letter]),
            _ => {
                is_set = letter == '[' || is_set && letter != ']';
                spelled.push(letter);
            }
        }
    }
    spelled.push_str(")$");
    *pattern = text(&spelled);
    Ok(())
}

/// `TIMESTAMP '... .123'` has as many digits as it spells: it is a TIMESTAMP(3).
fn literal_precision(literal: &mut ast::TypedString) {
    if let ast::DataType::Timestamp(precision @ None, _) = &mut literal.data_type {
        let text = literal.value.value.clone().into_string().unwrap_or_default();
        let digits = text.trim().rsplit_once('.').map_or(0, |(_, fraction)| fraction.len() as u64);
        *precision = Some(digits.min(9));
    }
}

/// `TIMESTAMPDIFF(SECOND, a, b)` becomes `TIMESTAMPDIFF('SECOND', a, b)`.
fn unit_argument(function: &mut ast::Function) {
    const TAKE_UNIT: [&str; 2] = ["timestampdiff", "timestampadd"];
    let name = function.name.to_string();
    if !TAKE_UNIT.iter().any(|taking| name.eq_ignore_ascii_case(taking)) {
        return;
    }
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(unit))) = arguments_mut(function).first_mut()
        && let Expr::Identifier(ident) = unit
    {
        *unit = text(&ident.value.to_uppercase());
    }
}

fn arguments_mut(function: &mut ast::Function) -> &mut [FunctionArg] {
    match &mut function.args {
        FunctionArguments::List(list) => &mut list.args,
        _ => &mut [],
    }
}

fn text(value: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(value.to_string()))
}

/// A call of a function with plain arguments.
pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(ast::Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
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

/// The name and arguments of a plain function call.
fn as_call(expr: &Expr) -> Option<(String, Vec<Expr>)> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let args = list.args.iter().map(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    });
    Some((function.name.to_string().to_uppercase(), args.collect::<Option<Vec<_>>>()?))
}

const GROUP_WINDOWS: [&str; 3] = ["TUMBLE", "HOP", "SESSION"];

/// Turns `FROM t GROUP BY TUMBLE(ts, size)` into a window table function over `t`, and
/// `TUMBLE_START(...)` into `window_start`.
fn group_window(select: &mut Select) -> Result<()> {
    let GroupByExpr::Expressions(keys, _) = &mut select.group_by else { return Ok(()) };
    let is_window =
        |expr: &Expr| as_call(expr).is_some_and(|(name, _)| GROUP_WINDOWS.contains(&name.as_str()));
    let Some(position) = keys.iter().position(is_window) else { return Ok(()) };
    let place = place_of(&keys[position]);
    let Some((name, args)) = as_call(&keys[position]) else { return Ok(()) };
    let columns = ["window_start", "window_end", "window_time"];
    keys.splice(position..=position, columns.map(|column| Expr::Identifier(Ident::new(column))));

    let [source] = select.from.as_mut_slice() else {
        return Err(Error::query(format!("{name} in GROUP BY needs exactly one table in FROM"))
            .hint("join in a subquery or a view first")
            .at(place));
    };
    if !source.joins.is_empty() {
        return Err(Error::query(format!("{name} in GROUP BY cannot follow a JOIN"))
            .hint("join in a subquery or a view first")
            .at(place));
    }
    // Sessions are those of the rows that WHERE keeps.
    let filter = if name == "SESSION" { select.selection.take() } else { None };
    let relation = source.relation.clone();
    let mut properties = WindowProperties { name, args, asked: None };
    properties.replace(select)?;
    let relation = window_function(&properties, relation, filter, place)?;
    match select.from.as_mut_slice() {
        [source] => source.relation = relation,
        _ => return Err(Error::bug("FROM has changed")),
    }
    Ok(())
}

/// `TABLE(name((SELECT * FROM relation WHERE filter), DESCRIPTOR(time), intervals...)) AS alias`
fn window_function(
    properties: &WindowProperties,
    relation: TableFactor,
    filter: Option<Expr>,
    place: Option<Place>,
) -> Result<TableFactor> {
    let WindowProperties { name, args, asked } = properties;
    let time = match args.first() {
        Some(Expr::Identifier(ident)) => ident.clone(),
        Some(Expr::CompoundIdentifier(idents)) => idents[idents.len() - 1].clone(),
        _ => {
            return Err(Error::query(format!("the first argument of {name} must be a time column"))
                .hint(format!("write {name}(ts, INTERVAL '1' MINUTE)"))
                .at(place));
        }
    };
    let alias = match &relation {
        TableFactor::Table { alias: None, name, .. } => name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map(|ident| TableAlias { explicit: true, name: ident.clone(), columns: vec![], at: None }),
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.clone(),
        _ => None,
    };
    let asked = asked.map(|own| Expr::Identifier(Ident::new(own)));
    let descriptor = [Expr::Identifier(time)].into_iter().chain(asked).collect();
    let mut call_args =
        vec![Expr::Subquery(Box::new(select_all(relation, filter)?)), call("DESCRIPTOR", descriptor)];
    call_args.extend(args[1..].iter().cloned());
    let name = if name == "SESSION" { GROUP_SESSION } else { name.as_str() };
    Ok(TableFactor::TableFunction { expr: call(name, call_args), alias })
}

/// `SELECT * FROM relation WHERE filter`
pub fn select_all(relation: TableFactor, filter: Option<Expr>) -> Result<Query> {
    use datafusion_sql::sqlparser::{dialect::GenericDialect, parser::Parser};
    let bug = || Error::bug("the template of SELECT * does not parse");
    let parsed = Parser::new(&GenericDialect {}).try_with_sql("SELECT * FROM x").map(|mut p| p.parse_query());
    let Ok(Ok(query)) = parsed else { return Err(bug()) };
    let mut query = *query;
    match query.body.as_mut() {
        SetExpr::Select(select) => {
            select.from[0].relation = relation;
            select.selection = filter;
        }
        _ => return Err(bug()),
    }
    Ok(query)
}

/// Replaces `TUMBLE_START(ts, size)` and its kin by the window columns.
struct WindowProperties {
    name: String,
    args: Vec<Expr>,
    /// The time attribute that the query names: of event time or of processing time.
    asked: Option<&'static str>,
}

impl WindowProperties {
    fn replace(&mut self, select: &mut Select) -> Result<()> {
        let mut flow = select.projection.visit(self);
        if flow.is_continue() {
            flow = select.having.visit(self);
        }
        match flow {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    fn column(&mut self, expr: &Expr) -> Result<Option<&'static str>> {
        let Some((name, args)) = as_call(expr) else { return Ok(None) };
        let Some((window, property)) = name.split_once('_') else { return Ok(None) };
        if !GROUP_WINDOWS.contains(&window) {
            return Ok(None);
        }
        let (column, asked) = match property {
            "START" => ("window_start", None),
            "END" => ("window_end", None),
            "ROWTIME" => ("window_time", Some(ASKS_ROW_TIME)),
            "PROCTIME" => ("window_time", Some(ASKS_PROCESSING_TIME)),
            _ => return Ok(None),
        };
        if window != self.name || args != self.args {
            return Err(Error::query(format!("{name} names a window that is not in GROUP BY"))
                .hint(format!("give {name} the same arguments as {} in GROUP BY", self.name))
                .at(place_of(expr)));
        }
        if asked.is_some() && self.asked.is_some_and(|own| Some(own) != asked) {
            return Err(Error::query(format!("{window}_ROWTIME and {window}_PROCTIME of one window"))
                .hint("a window is either in event time or in processing time")
                .at(place_of(expr)));
        }
        self.asked = asked.or(self.asked);
        Ok(Some(column))
    }
}

impl VisitorMut for WindowProperties {
    type Break = Box<Error>;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match self.column(expr) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(column)) => {
                *expr = Expr::Identifier(Ident::new(column));
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}
