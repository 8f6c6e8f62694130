//! Queries as they were written become queries of calls: operators, casts, choices and literals whose meaning is ours are calls of
//! our functions before DataFusion sees them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Ident, Interval, LimitClause, NamedWindowExpr, OrderByKind, Query, Select, SelectItem, SetExpr,
    SetOperator, SetQuantifier, Spanned, TableAliasColumnDef, TableFactor, Value, ValueWithSpan, VisitMut, VisitorMut,
    WindowFrameBound, WindowSpec, WindowType,
};

use super::error::{PlanError, PlanErrorKind, place_of};
use super::using::ColumnsOf;
use super::{asof, pivot, rewrite_expr, using, windows};

/// How deep expressions and queries of a query may lie in one another.
const NESTING_DEPTH_MAX: usize = 300;
/// How many expressions a query may have.
const EXPRESSIONS_MAX: usize = 100_000;

/// How many queries one query may put together by set operations.
const SET_OPERATIONS_MAX: usize = 500;

/// What a query was found to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Whether it reads the clock, which is the relation `now`.
    pub(crate) clock: bool,
    /// How many expressions were written once and are computed in several places.
    pub(crate) copies: usize,
}

/// Rewrites a query in place.
///
/// `columns_of` says which columns a relation of the program has.
pub(crate) fn rewrite(query: &mut Query, columns_of: &ColumnsOf<'_>) -> Result<Used, PlanError> {
    let mut rewriter = Rewriter { depth: 0, expressions: 0, used: Used::default(), columns_of };
    match query.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.used),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter<'a> {
    depth: usize,
    expressions: usize,
    used: Used,
    columns_of: &'a ColumnsOf<'a>,
}

impl Rewriter<'_> {
    fn enter(&mut self) -> Result<(), PlanError> {
        self.depth += 1;
        self.expressions += 1;
        if self.depth > NESTING_DEPTH_MAX {
            let message = format!("the query's parts lie in one another more than {NESTING_DEPTH_MAX} deep");
            return Err(PlanError::new(PlanErrorKind::TooLarge, message));
        }
        if self.expressions > EXPRESSIONS_MAX {
            let message = format!("the query has more than {EXPRESSIONS_MAX} expressions");
            return Err(PlanError::new(PlanErrorKind::TooLarge, message));
        }
        Ok(())
    }
}

fn flow(result: Result<(), PlanError>) -> ControlFlow<PlanError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = PlanError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<PlanError> {
        if let Err(error) = self.enter().and_then(|()| check_query(query)) {
            return ControlFlow::Break(error);
        }
        if let Some(order_by) = &mut query.order_by
            && let OrderByKind::Expressions(exprs) = &mut order_by.kind
        {
            exprs.iter_mut().for_each(|each| keep_number(&mut each.expr));
        }
        if let Some(fetch) = query.fetch.take() {
            if fetch.with_ties || fetch.percent {
                return ControlFlow::Break(PlanError::not_yet("FETCH with ties or percents is not there yet"));
            }
            let offset = match query.limit_clause.take() {
                None => None,
                Some(LimitClause::LimitOffset { limit: None, offset, .. }) => offset,
                Some(_) => return ControlFlow::Break(PlanError::wrong("a query has LIMIT or FETCH, not both")),
            };
            let one = Expr::Value(Value::Number("1".to_owned(), false).into());
            let limit = Some(fetch.quantity.unwrap_or(one));
            query.limit_clause = Some(LimitClause::LimitOffset { limit, offset, limit_by: Vec::new() });
        }
        match &mut query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                limit.iter_mut().for_each(keep_number);
                offset.iter_mut().for_each(|offset| keep_number(&mut offset.value));
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                keep_number(offset);
                keep_number(limit);
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<PlanError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<PlanError> {
        if let Err(error) = check_select(select).and_then(|()| using::rewrite(select, self.columns_of)) {
            return ControlFlow::Break(error);
        }
        for from in &mut select.from {
            if let Err(error) = asof::rewrite(&mut from.joins) {
                return ControlFlow::Break(error);
            }
        }
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            exprs.iter_mut().for_each(keep_number);
        }
        name_items(&mut select.projection);
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                keep_frame(spec);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<PlanError> {
        match factor {
            // The name of a relation that has one column names the column too.
            TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } => {
                if alias.columns.is_empty() && array_exprs.len() == 1 {
                    alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
                }
                ControlFlow::Continue(())
            }
            TableFactor::NestedJoin { table_with_joins, .. } => flow(asof::rewrite(&mut table_with_joins.joins)),
            TableFactor::Table { args: None, .. } | TableFactor::Derived { .. } | TableFactor::UNNEST { .. } => {
                ControlFlow::Continue(())
            }
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => match pivot::derived(factor) {
                Ok(Some(new)) => {
                    *factor = new;
                    ControlFlow::Continue(())
                }
                Ok(None) => ControlFlow::Continue(()),
                Err(mut error) => {
                    error.place = place_of(factor.span());
                    ControlFlow::Break(error)
                }
            },
            TableFactor::TableFunction { expr, alias } => match windows::derived(expr, alias.as_ref()) {
                Ok(new) => {
                    *factor = new;
                    ControlFlow::Continue(())
                }
                Err(error) => ControlFlow::Break(error),
            },
            other => {
                let mut error = PlanError::not_yet(format!("this kind of relation is not there yet: {other}"));
                error.place = place_of(other.span());
                ControlFlow::Break(error)
            }
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PlanError> {
        if let Err(error) = self.enter() {
            return ControlFlow::Break(error);
        }
        rewrite_expr::restore_precedence(expr);
        if let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(spec)) = &mut function.over
        {
            keep_frame(spec);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<PlanError> {
        for window in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                release_frame(spec);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PlanError> {
        self.depth -= 1;
        if let Expr::Function(function) = expr
            && let Some(WindowType::WindowSpec(spec)) = &mut function.over
        {
            release_frame(spec);
        }
        flow(rewrite_expr::rewrite(expr, &mut self.used).map_err(|mut error| {
            if !error.place.is_known() {
                error.place = place_of(expr.span());
            }
            error
        }))
    }
}

/// What DataFusion would pass over in silence is refused.
fn check_query(query: &Query) -> Result<(), PlanError> {
    let unknown = [
        (!query.locks.is_empty(), "FOR UPDATE"),
        (query.for_clause.is_some(), "FOR"),
        (query.settings.is_some(), "SETTINGS"),
        (query.format_clause.is_some(), "FORMAT"),
        (!query.pipe_operators.is_empty(), "|>"),
    ];
    refuse(&unknown)?;
    check_sets(&query.body)
}

/// Operations on sets that are put together: not too many, and none that would be computed wrongly.
fn check_sets(body: &SetExpr) -> Result<(), PlanError> {
    let mut open = vec![body];
    let mut count = 0;
    while let Some(next) = open.pop() {
        match next {
            SetExpr::SetOperation { op, set_quantifier, left, right } => {
                count += 1;
                if count > SET_OPERATIONS_MAX {
                    let message = format!("a query puts more than {SET_OPERATIONS_MAX} queries together");
                    return Err(PlanError::new(PlanErrorKind::TooLarge, message));
                }
                if *op != SetOperator::Union
                    && matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName)
                {
                    return Err(PlanError::not_yet(format!("{op} BY NAME is not there yet")));
                }
                open.extend([left.as_ref(), right.as_ref()]);
            }
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => {}
            other => return Err(PlanError::wrong(format!("this is not a query: {other}"))),
        }
    }
    Ok(())
}

fn check_select(select: &Select) -> Result<(), PlanError> {
    let unknown = [
        (select.top.is_some(), "TOP"),
        (select.into.is_some(), "INTO"),
        (select.exclude.is_some(), "EXCLUDE"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.value_table_mode.is_some(), "AS STRUCT or AS VALUE"),
    ];
    refuse(&unknown)
}

fn refuse(unknown: &[(bool, &str)]) -> Result<(), PlanError> {
    match unknown.iter().find(|(is_there, _)| *is_there) {
        Some((_, clause)) => Err(PlanError::wrong(format!("{clause} is not a part of queries here"))),
        None => Ok(()),
    }
}

/// Marks a number that counts columns or rows, so that it stays one. The mark is the suffix of long numbers, which our dialect does
/// not have.
fn keep_number(expr: &mut Expr) {
    if let Expr::Value(ValueWithSpan { value: Value::Number(_, mark), .. }) = expr {
        *mark = true;
    }
}

/// Keeps the bounds of a window's frame: numbers as they are, intervals as texts.
fn keep_frame(spec: &mut WindowSpec) {
    let Some(frame) = &mut spec.window_frame else { return };
    for bound in std::iter::once(&mut frame.start_bound).chain(frame.end_bound.as_mut()) {
        if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound {
            keep_number(expr);
            if let Expr::Interval(interval) = expr.as_ref() {
                let text = rewrite_expr::interval_parts(interval)
                    .map_or_else(|_| interval.to_string(), |(text, units)| format!("{text} {units}"));
                **expr = Expr::Value(Value::SingleQuotedString(text).into());
            }
        }
    }
}

/// Takes the marks of a frame's bounds away again, and makes texts intervals: DataFusion knows bounds so.
fn release_frame(spec: &mut WindowSpec) {
    let Some(frame) = &mut spec.window_frame else { return };
    for bound in std::iter::once(&mut frame.start_bound).chain(frame.end_bound.as_mut()) {
        let (WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr))) = bound else {
            continue;
        };
        match expr.as_mut() {
            Expr::Value(ValueWithSpan { value: Value::Number(_, mark), .. }) => *mark = false,
            text @ Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(_), .. }) => {
                let value = Box::new(std::mem::replace(text, Expr::Value(Value::Null.into())));
                *text = Expr::Interval(Interval {
                    value,
                    leading_field: None,
                    leading_precision: None,
                    last_field: None,
                    fractional_seconds_precision: None,
                });
            }
            _ => {}
        }
    }
}

/// Gives a name to every column that has none, and a fresh one to every column whose name an earlier one has.
fn name_items(items: &mut [SelectItem]) {
    let mut taken: HashSet<String> = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        let own = match item {
            SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.clone()),
            SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().cloned(),
            SelectItem::UnnamedExpr(_) => None,
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
            _ => continue,
        };
        let base = own.clone().unwrap_or_else(|| Ident::with_quote('"', format!("EXPR${at}")));
        let mut name = base.clone();
        let mut suffix = 0;
        while !taken.insert(folded(&name)) {
            name.value = format!("{}{suffix}", base.value);
            suffix += 1;
        }
        if own.as_ref().is_some_and(|own| own.value == name.value) {
            continue;
        }
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else { continue };
        let expr = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *item = SelectItem::ExprWithAlias { expr, alias: name };
    }
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// A copy of an expression that is needed in several places. Copies of copies would grow without bounds, so they are counted.
pub(super) fn copy(expr: &Expr, used: &mut Used) -> Result<Expr, PlanError> {
    let _ = sqlparser::ast::visit_expressions(expr, |_| {
        used.copies += 1;
        ControlFlow::<()>::Continue(())
    });
    if used.copies > EXPRESSIONS_MAX {
        let message = format!("BETWEEN and CASE repeat more than {EXPRESSIONS_MAX} expressions");
        return Err(PlanError::new(PlanErrorKind::TooLarge, message));
    }
    Ok(expr.clone())
}
