//! Names for the columns of a SELECT that have none, as Flink gives them: `EXPR$0`, `EXPR$1`, and `a0` for a
//! second `a`.

use std::collections::BTreeSet;

use datafusion_sql::sqlparser::ast::{
    Expr, Ident, Select, SelectItem, TableAlias, TableAliasColumnDef, Values,
};

/// Names every column of the select list that is an expression or repeats a name.
pub fn name_columns(select: &mut Select) {
    let mut taken: BTreeSet<String> =
        select.projection.iter().filter_map(given).map(str::to_string).collect();
    let mut seen = BTreeSet::new();
    for (position, item) in select.projection.iter_mut().enumerate() {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let name = match column(expr) {
            Some(name) if seen.insert(name.to_string()) && !taken.contains(name) => {
                taken.insert(name.to_string());
                continue;
            }
            Some(name) => unused(name, &taken),
            None => format!("EXPR${position}"),
        };
        taken.insert(name.clone());
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('`', name) };
    }
}

fn given(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(&alias.value),
        _ => None,
    }
}

fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

fn unused(name: &str, taken: &BTreeSet<String>) -> String {
    let mut number = 0;
    loop {
        let candidate = format!("{name}{number}");
        if !taken.contains(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

/// Names for the columns of a VALUES list, as Flink gives them.
pub fn value_names(values: &Values) -> TableAlias {
    let count = values.rows.first().map_or(0, |row| row.content.len());
    let name = |position| Ident::with_quote('`', format!("EXPR${position}"));
    let column = |position| TableAliasColumnDef { name: name(position), data_type: None };
    let columns = (0..count).map(column).collect();
    TableAlias { explicit: true, name: Ident::new("VALUES"), columns, at: None }
}
