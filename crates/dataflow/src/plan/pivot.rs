//! `PIVOT` and `UNPIVOT` as queries: values of a column become columns, and columns become values of one.

use sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, ExprWithAlias, GroupByExpr, Ident, NullInclusion, ObjectName,
    PivotValueSource, Query, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor, Value,
    WildcardAdditionalOptions,
};

use super::build::{select, text};
use super::error::PlanError;
use super::windows::inner;

/// How many columns a pivot may make, and how many columns may be unpivoted.
const COLUMNS_MAX: usize = 1_000;

/// The query that a pivoted or unpivoted relation stands for; nothing if it is none.
pub(super) fn derived(factor: &TableFactor) -> Result<Option<TableFactor>, PlanError> {
    match factor {
        TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } => {
            if default_on_null.is_some() {
                return Err(PlanError::wrong("DEFAULT ON NULL is not a part of PIVOT here"));
            }
            let PivotValueSource::List(values) = value_source else {
                return Err(PlanError::not_yet("the values of PIVOT are a list of constants"));
            };
            let query = pivoted(table, aggregate_functions, value_column, values)?;
            Ok(Some(inner(query, alias.clone())))
        }
        TableFactor::Unpivot { table, value, name, columns, null_inclusion, alias } => {
            let keeps_nulls = matches!(null_inclusion, Some(NullInclusion::IncludeNulls));
            let query = unpivoted(table, value, name, columns, keeps_nulls)?;
            Ok(Some(inner(query, alias.clone())))
        }
        _ => Ok(None),
    }
}

/// All columns but some.
fn others(excluded: Vec<Ident>) -> SelectItem {
    let names = excluded.into_iter().map(ObjectName::from).collect();
    SelectItem::Wildcard(WildcardAdditionalOptions {
        opt_exclude: Some(ExcludeSelectItem::Multiple(names)),
        ..WildcardAdditionalOptions::default()
    })
}

/// The bare names of columns in an expression.
fn names_in(expr: &Expr) -> Vec<Ident> {
    let mut found = Vec::new();
    let _ = sqlparser::ast::visit_expressions(expr, |part| {
        if let Expr::Identifier(name) = part {
            found.push(name.clone());
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    found
}

/// The rows by all columns that are not named, with a column for each value and aggregate.
fn pivoted(
    table: &TableFactor,
    aggregates: &[ExprWithAlias],
    value_columns: &[Expr],
    values: &[ExprWithAlias],
) -> Result<Query, PlanError> {
    if values.len().saturating_mul(aggregates.len()) > COLUMNS_MAX {
        return Err(PlanError::wrong(format!("a pivot makes more than {COLUMNS_MAX} columns")));
    }
    let mut used: Vec<Ident> = value_columns.iter().flat_map(names_in).collect();
    used.extend(aggregates.iter().flat_map(|aggregate| names_in(&aggregate.expr)));
    let mut named: Vec<Ident> = Vec::new();
    for name in used {
        if !named.iter().any(|other| other.value == name.value) {
            named.push(name);
        }
    }
    let mut items = vec![others(named)];
    for value in values {
        let parts = match &value.expr {
            Expr::Tuple(parts) => parts.clone(),
            single => vec![single.clone()],
        };
        if parts.len() != value_columns.len() {
            return Err(PlanError::wrong(format!(
                "PIVOT compares {} columns with {} values",
                value_columns.len(),
                parts.len()
            )));
        }
        let is_value = value_columns
            .iter()
            .zip(parts)
            .map(|(column, part)| binary(column.clone(), BinaryOperator::Spaceship, part));
        let condition = is_value.reduce(|left, right| binary(left, BinaryOperator::And, right));
        let label = value.alias.clone().unwrap_or_else(|| label_of(&value.expr));
        for aggregate in aggregates {
            let Expr::Function(function) = &aggregate.expr else {
                return Err(PlanError::wrong("PIVOT takes aggregates"));
            };
            if function.filter.is_some() || function.over.is_some() {
                return Err(PlanError::not_yet("PIVOT takes aggregates without FILTER and OVER"));
            }
            let mut function = function.clone();
            function.filter = condition.clone().map(Box::new);
            let name = match (&aggregate.alias, aggregates.len()) {
                (Some(alias), _) => Ident::with_quote('"', format!("{}_{}", folded(&label), folded(alias))),
                (None, 1) => label.clone(),
                (None, _) => {
                    return Err(PlanError::wrong("several aggregates of PIVOT have names: AGGREGATE(…) AS name"));
                }
            };
            items.push(SelectItem::ExprWithAlias { expr: Expr::Function(function), alias: name });
        }
    }
    let mut query = select(items, table.clone(), None);
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.group_by = GroupByExpr::All(Vec::new());
    }
    Ok(query)
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// What the column of a value is called: the value itself.
fn label_of(value: &Expr) -> Ident {
    let label = match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => text.clone(),
            other => other.to_string().to_lowercase(),
        },
        Expr::Tuple(parts) => parts.iter().map(|part| label_of(part).value).collect::<Vec<_>>().join("_"),
        other => other.to_string(),
    };
    Ident::with_quote('"', label)
}

/// For each column its name and value, beside the columns that are not named.
fn unpivoted(
    table: &TableFactor,
    value: &Expr,
    name: &Ident,
    columns: &[ExprWithAlias],
    keeps_nulls: bool,
) -> Result<Query, PlanError> {
    let Expr::Identifier(value) = value else {
        return Err(PlanError::not_yet("UNPIVOT gives one column of values"));
    };
    if columns.is_empty() || columns.len() > COLUMNS_MAX {
        return Err(PlanError::wrong(format!("UNPIVOT takes 1 to {COLUMNS_MAX} columns")));
    }
    let mut named = Vec::with_capacity(columns.len());
    for column in columns {
        let Expr::Identifier(column) = &column.expr else {
            return Err(PlanError::not_yet("UNPIVOT takes columns by their names"));
        };
        named.push(column.clone());
    }
    let mut all: Option<Query> = None;
    for (column, given) in named.iter().zip(columns) {
        let label = given.alias.clone().unwrap_or_else(|| column.clone());
        let own = Expr::Identifier(column.clone());
        let condition = (!keeps_nulls).then(|| Expr::IsNotNull(Box::new(own.clone())));
        let items = vec![
            others(named.clone()),
            SelectItem::ExprWithAlias { expr: text(folded(&label)), alias: name.clone() },
            SelectItem::ExprWithAlias { expr: own, alias: value.clone() },
        ];
        let query = select(items, table.clone(), condition);
        all = Some(match all {
            None => query,
            Some(mut before) => {
                let left = std::mem::replace(
                    &mut before.body,
                    Box::new(SetExpr::Values(sqlparser::ast::Values {
                        explicit_row: false,
                        value_keyword: false,
                        rows: Vec::new(),
                    })),
                );
                *before.body = SetExpr::SetOperation {
                    op: SetOperator::Union,
                    set_quantifier: SetQuantifier::All,
                    left,
                    right: query.body,
                };
                before
            }
        });
    }
    all.ok_or_else(|| PlanError::wrong("UNPIVOT takes columns"))
}
