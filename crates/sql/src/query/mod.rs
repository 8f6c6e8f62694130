//! What can be said of a query without planning it, and the forms that planners like better.

pub(crate) mod frames;
pub(crate) mod functions;
pub(crate) mod references;
pub(crate) mod refusals;
pub(crate) mod warnings;

use sqlparser::ast::{
    Expr, Fetch, Function, FunctionArguments, LimitClause, Query, SetExpr, Value, Visit, VisitMut, Visitor, VisitorMut,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::calls;
use crate::message::{Message, error, warning};
use crate::position::SourceRange;
use crate::types::Identifier;

/// Takes away an outermost ORDER BY that has no effect, and says so.
pub(crate) fn drop_order(query: &mut Query) -> Option<Message> {
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return None;
    }
    let order = query.order_by.take()?;
    let message = "the rows of a view have no order: ORDER BY without LIMIT has no effect";
    Some(Message::warning(warning::ORDER_BY_IGNORED, SourceRange::of(&order), message))
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`, also in subqueries.
pub(crate) fn fetch_to_limit(query: &mut Query) -> Result<(), Message> {
    struct Fetches;

    impl VisitorMut for Fetches {
        type Break = Box<Message>;

        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Box<Message>> {
            match one_fetch_to_limit(query) {
                Ok(()) => ControlFlow::Continue(()),
                Err(message) => ControlFlow::Break(Box::new(message)),
            }
        }
    }

    match VisitMut::visit(query, &mut Fetches) {
        ControlFlow::Break(message) => Err(*message),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn one_fetch_to_limit(query: &mut Query) -> Result<(), Message> {
    let Some(Fetch { with_ties, percent, quantity }) = query.fetch.take() else {
        return Ok(());
    };
    let offset = match query.limit_clause.take() {
        None => None,
        Some(LimitClause::LimitOffset { limit: None, offset, limit_by }) if limit_by.is_empty() => offset,
        Some(_) => return Err(fetch_refused(query)),
    };
    if with_ties || percent {
        return Err(fetch_refused(query));
    }
    let one = || Expr::Value(Value::Number("1".to_owned(), false).with_empty_span());
    let limit = Some(quantity.unwrap_or_else(one));
    query.limit_clause = Some(LimitClause::LimitOffset { limit, offset, limit_by: Vec::new() });
    Ok(())
}

fn fetch_refused(query: &Query) -> Message {
    let message = "FETCH is supported as `FETCH FIRST n ROWS ONLY`, instead of LIMIT";
    Message::error(error::NOT_SUPPORTED, SourceRange::of(query), message)
}

/// Whether the current time is asked for.
pub(crate) fn uses_now(node: &impl Visit) -> bool {
    struct Finder;

    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Function(function) if is_now(function) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }

    Visit::visit(node, &mut Finder).is_break()
}

/// Whether one of the functions is called.
pub(crate) fn calls_any(node: &impl Visit, functions: &HashSet<String>) -> bool {
    struct Finder<'a>(&'a HashSet<String>);

    impl Visitor for Finder<'_> {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let name = match expr {
                Expr::Function(function) => calls::name(function),
                _ => None,
            };
            match name {
                Some(name) if self.0.contains(&Identifier::from(name).name) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }

    !functions.is_empty() && Visit::visit(node, &mut Finder(functions)).is_break()
}

fn is_now(function: &Function) -> bool {
    const NOW: &[&str] = &["now", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"];
    let is_empty = match &function.args {
        FunctionArguments::None => true,
        FunctionArguments::List(list) => list.args.is_empty(),
        FunctionArguments::Subquery(_) => false,
    };
    let name = calls::name(function).filter(|name| name.quote_style.is_none());
    is_empty && name.is_some_and(|name| NOW.iter().any(|now| name.value.eq_ignore_ascii_case(now)))
}

/// Names of columns in an expression that has no columns to name.
pub(crate) fn first_name(expr: &Expr) -> Option<SourceRange> {
    struct Finder(Vec<String>);

    impl Visitor for Finder {
        type Break = SourceRange;

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SourceRange> {
            let ident = match expr {
                Expr::Lambda(lambda) => {
                    self.0.extend(functions::parameters(lambda));
                    None
                }
                Expr::Identifier(ident) => Some(ident),
                Expr::CompoundIdentifier(idents) => idents.first(),
                _ => None,
            };
            match ident.filter(|ident| !self.0.contains(&Identifier::from(*ident).name)) {
                Some(ident) => ControlFlow::Break(SourceRange::of_span(ident.span)),
                None => ControlFlow::Continue(()),
            }
        }

        fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<SourceRange> {
            if let Expr::Lambda(lambda) = expr {
                let left = self.0.len() - functions::parameters(lambda).count();
                self.0.truncate(left);
            }
            ControlFlow::Continue(())
        }
    }

    match Visit::visit(expr, &mut Finder(Vec::new())) {
        ControlFlow::Break(range) => Some(range),
        ControlFlow::Continue(()) => None,
    }
}

/// The first subquery of an expression.
pub(crate) fn first_query(expr: &Expr) -> Option<SourceRange> {
    struct Finder;

    impl Visitor for Finder {
        type Break = SourceRange;

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SourceRange> {
            ControlFlow::Break(SourceRange::of(query))
        }
    }

    match Visit::visit(expr, &mut Finder) {
        ControlFlow::Break(range) => Some(range),
        ControlFlow::Continue(()) => None,
    }
}

/// Whether it is a query that reads and nothing else.
pub(crate) fn is_read_only(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => true,
        // Deep chains lean to the left; the right side is short.
        SetExpr::SetOperation { left, right, .. } => is_read_only(left) && is_read_only(right),
        _ => false,
    }
}
