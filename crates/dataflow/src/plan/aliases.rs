//! Names that are no columns: items of the same SELECT, and the number pi.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, GroupByExpr, Ident, Query, Select, SelectItem, VisitMut, VisitorMut};

use super::build::call;
use super::error::{PlanError, PlanErrorKind};

/// How many expressions may be written in the place of names.
const COPIES_MAX: usize = 20_000;

/// Replaces a name by what it stands for; whether it stands for anything.
pub(super) fn replace(query: &mut Query, name: &str, copies: &mut usize) -> Result<bool, PlanError> {
    let before = *copies;
    let mut replacer = Selects { name, copies };
    if query.visit(&mut replacer).is_break() {
        let message = format!("a query repeats more than {COPIES_MAX} expressions by naming them");
        return Err(PlanError::new(PlanErrorKind::TooLarge, message));
    }
    if *copies == before && name == "pi" {
        let mut pi = Names { name, by: &call("pi", Vec::new()), copies };
        let _ = query.visit(&mut pi);
    }
    Ok(*copies > before)
}

fn is_called(ident: &Ident, name: &str) -> bool {
    if ident.quote_style.is_some() { ident.value == name } else { ident.value.to_lowercase() == name }
}

/// Looks for SELECTs with an item of the name.
struct Selects<'a> {
    name: &'a str,
    copies: &'a mut usize,
}

impl VisitorMut for Selects<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let found = select.projection.iter().enumerate().find_map(|(at, item)| match item {
            SelectItem::ExprWithAlias { expr, alias } if is_called(alias, self.name) => Some((at, expr.clone())),
            _ => None,
        });
        let Some((at, expr)) = found else { return ControlFlow::Continue(()) };
        let mut names = Names { name: self.name, by: &Expr::Nested(Box::new(expr)), copies: self.copies };
        for item in select.projection.iter_mut().skip(at + 1) {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                expr.visit(&mut names)?;
            }
        }
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            exprs.visit(&mut names)?;
        }
        select.having.visit(&mut names)?;
        select.qualify.visit(&mut names)
    }
}

/// Replaces a bare name.
struct Names<'a> {
    name: &'a str,
    by: &'a Expr,
    copies: &'a mut usize,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Identifier(ident) = expr
            && is_called(ident, self.name)
        {
            let _ = sqlparser::ast::visit_expressions(self.by, |_| {
                *self.copies += 1;
                ControlFlow::<()>::Continue(())
            });
            *expr = self.by.clone();
        }
        if *self.copies > COPIES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
