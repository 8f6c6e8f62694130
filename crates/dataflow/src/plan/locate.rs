//! Finds the place of a mistake that the planner tells without one: the innermost expression that makes the mistake by itself.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, Spanned, VisitMut, VisitorMut};
use sqlparser::tokenizer::Span;

use super::error::{Place, PlanError, place_of};

/// How many expressions are tried.
const TRIALS_MAX: usize = 64;

/// The place of an error of a query, unknown if no single expression makes it.
pub(super) fn locate(query: &Query, error: &PlanError, plan: impl Fn(Query) -> Option<PlanError>) -> Place {
    for target in 0..TRIALS_MAX {
        let mut alone = query.clone();
        let mut isolate = Isolate { target, seen: 0, found: None, depths: Vec::new() };
        if alone.visit(&mut isolate).is_continue() {
            break;
        }
        let makes_it = plan(alone).is_some_and(|other| other.message == error.message);
        if let (true, Some((_, span))) = (makes_it, isolate.found) {
            return place_of(span);
        }
    }
    Place::default()
}

/// Puts an expression that is no name and no literal in the place of the whole that it is a part of; inner ones are counted first.
struct Isolate {
    target: usize,
    seen: usize,
    found: Option<(Expr, Span)>,
    /// For each query that is entered, how deep in its expressions the visit is.
    depths: Vec<usize>,
}

impl VisitorMut for Isolate {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depths.push(0);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depths.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &mut Expr) -> ControlFlow<()> {
        self.depths.iter_mut().next_back().into_iter().for_each(|depth| *depth += 1);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        self.depths.iter_mut().next_back().into_iter().for_each(|depth| *depth -= 1);
        let is_simple =
            matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_));
        if self.found.is_none() && !is_simple {
            if self.seen == self.target {
                self.found = Some((expr.clone(), expr.span()));
            }
            self.seen += 1;
        }
        match &self.found {
            Some((part, _)) if self.depths.last() == Some(&0) => {
                *expr = part.clone();
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
