//! `RIGHT JOIN` and `FULL JOIN` with `USING` or `NATURAL`: the bare name of a column that both sides have means the value that is there, not
//! the left side's, which may be NULL. So it becomes a choice between the two.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, ReplaceSelectElement, ReplaceSelectItem,
    Select, SelectItem, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

use super::build::call;
use super::error::PlanError;

/// What the bare names of columns mean, by their names as they are found.
type Meanings = BTreeMap<String, Expr>;

/// Columns of a relation by its name, if it is one of the program.
pub(super) type ColumnsOf<'a> = dyn Fn(&str) -> Option<Vec<String>> + 'a;

/// Rewrites a SELECT whose FROM has such joins.
pub(super) fn rewrite(select: &mut Select, columns_of: &ColumnsOf<'_>) -> Result<(), PlanError> {
    let mut meanings = Meanings::new();
    for from in &mut select.from {
        collect(from, columns_of, &mut meanings)?;
    }
    if meanings.is_empty() {
        return Ok(());
    }
    for item in &mut select.projection {
        item_replaced(item, &meanings);
    }
    let mut names = Names { meanings: &meanings, depth: 0 };
    // Nothing in it breaks off.
    let _ = select.selection.visit(&mut names);
    let _ = select.having.visit(&mut names);
    let _ = select.qualify.visit(&mut names);
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        let _ = exprs.visit(&mut names);
    }
    Ok(())
}

/// The names that the joins of one item of FROM give a meaning.
fn collect(from: &mut TableWithJoins, columns_of: &ColumnsOf<'_>, meanings: &mut Meanings) -> Result<(), PlanError> {
    let mut left: Vec<TableFactor> = vec![from.relation.clone()];
    for join in &mut from.joins {
        let (keeps_right, is_full, constraint) = match &mut join.join_operator {
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => (true, false, constraint),
            JoinOperator::FullOuter(constraint) => (true, true, constraint),
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint) => (false, false, constraint),
            _ => {
                left.push(join.relation.clone());
                continue;
            }
        };
        if matches!(constraint, JoinConstraint::Natural) && keeps_right {
            *constraint = JoinConstraint::Using(common(&left, &join.relation, columns_of)?);
        }
        if let JoinConstraint::Using(columns) = constraint {
            for column in columns.iter() {
                let Some(column) = column.0.last().and_then(|part| part.as_ident()) else { continue };
                if meanings.contains_key(&folded(column)) {
                    return Err(PlanError::not_yet(format!(
                        "'{column}' is joined by USING once more behind a RIGHT or FULL JOIN: write ON"
                    )));
                }
                if keeps_right {
                    let meaning = meaning(column, &left, &join.relation, is_full)?;
                    meanings.insert(folded(column), meaning);
                }
            }
        }
        left.push(join.relation.clone());
    }
    Ok(())
}

fn meaning(column: &Ident, left: &[TableFactor], right: &TableFactor, is_full: bool) -> Result<Expr, PlanError> {
    let Some(of_right) = name_of(right) else {
        return Err(PlanError::not_yet("what is joined by RIGHT or FULL JOIN with USING needs a name"));
    };
    let right = Expr::CompoundIdentifier(vec![of_right, column.clone()]);
    if !is_full {
        return Ok(right);
    }
    let left = match left {
        [only] => name_of(only).map(|name| Expr::CompoundIdentifier(vec![name, column.clone()])),
        _ => None,
    };
    // The bare name is the left side's, whichever relation of it that is.
    Ok(call("coalesce", vec![left.unwrap_or_else(|| Expr::Identifier(column.clone())), right]))
}

/// What a relation is called.
fn name_of(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => name.0.last().and_then(|part| part.as_ident()).cloned(),
        _ => None,
    }
}

/// The columns that both sides of a natural join have, in the order of the left side.
fn common(left: &[TableFactor], right: &TableFactor, columns_of: &ColumnsOf<'_>) -> Result<Vec<ObjectName>, PlanError> {
    let columns = |relation: &TableFactor| match relation {
        TableFactor::Table { name, alias, .. } if alias.as_ref().is_none_or(|alias| alias.columns.is_empty()) => {
            columns_of(&folded(name.0.last()?.as_ident()?))
        }
        _ => None,
    };
    let refused = || PlanError::not_yet("NATURAL RIGHT JOIN and NATURAL FULL JOIN join tables and views: write USING");
    let of_right = columns(right).ok_or_else(refused)?;
    let mut common: Vec<String> = Vec::new();
    for relation in left {
        for column in columns(relation).ok_or_else(refused)? {
            if of_right.contains(&column) && !common.contains(&column) {
                common.push(column);
            }
        }
    }
    Ok(common.into_iter().map(|name| ObjectName::from(Ident::with_quote('"', name))).collect())
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

fn item_replaced(item: &mut SelectItem, meanings: &Meanings) {
    let mut names = Names { meanings, depth: 0 };
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
            if let Some(meaning) = meanings.get(&folded(name)) {
                *item = SelectItem::ExprWithAlias { expr: meaning.clone(), alias: name.clone() };
            }
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            let _ = expr.visit(&mut names);
        }
        SelectItem::Wildcard(options) => {
            let element = |(name, meaning): (&String, &Expr)| {
                Box::new(ReplaceSelectElement {
                    expr: meaning.clone(),
                    column_name: Ident::with_quote('"', name),
                    as_keyword: true,
                })
            };
            let own = meanings.iter().map(element);
            match &mut options.opt_replace {
                Some(given) => {
                    let has = |name: &Ident| given.items.iter().any(|each| folded(&each.column_name) == folded(name));
                    let more: Vec<_> = own.filter(|each| !has(&each.column_name)).collect();
                    given.items.extend(more);
                }
                None => options.opt_replace = Some(ReplaceSelectItem { items: own.collect() }),
            }
        }
        _ => {}
    }
}

/// Replaces bare names, but not in queries inside, where they may be others.
struct Names<'a> {
    meanings: &'a Meanings,
    depth: usize,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(name) = expr
            && let Some(meaning) = self.meanings.get(&folded(name))
        {
            *expr = meaning.clone();
        }
        ControlFlow::Continue(())
    }
}
