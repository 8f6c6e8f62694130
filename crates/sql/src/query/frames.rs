//! Intervals as bounds of window frames. A planner reads such a bound itself, before functions mean anything, so there an
//! interval is a literal again.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Interval, NamedWindowExpr, Query, Select, Value, VisitMut, VisitorMut, WindowFrameBound, WindowSpec,
    WindowType,
};

use crate::calls;
use crate::types::Type;

pub(crate) fn plain_bounds(query: &mut Query) {
    struct Frames;

    impl VisitorMut for Frames {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            for window in &mut select.named_window {
                if let NamedWindowExpr::WindowSpec(spec) = &mut window.1 {
                    frame(spec);
                }
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Function(function) = expr
                && let Some(WindowType::WindowSpec(spec)) = &mut function.over
            {
                frame(spec);
            }
            ControlFlow::Continue(())
        }
    }

    let _ = query.visit(&mut Frames);
}

fn frame(spec: &mut WindowSpec) {
    let Some(frame) = &mut spec.window_frame else {
        return;
    };
    for bound in [Some(&mut frame.start_bound), frame.end_bound.as_mut()].into_iter().flatten() {
        if let WindowFrameBound::Preceding(Some(expr)) | WindowFrameBound::Following(Some(expr)) = bound
            && let Some(literal) = literal(expr)
        {
            **expr = literal;
        }
    }
}

/// `INTERVAL '90000000 microseconds'` for our call of the same.
fn literal(expr: &Expr) -> Option<Expr> {
    let Expr::Function(function) = expr else {
        return None;
    };
    if !calls::is(function, calls::INTERVAL) {
        return None;
    }
    let mut arguments = calls::arguments(function).filter_map(|argument| match argument {
        Expr::Value(value) => Some(value),
        _ => None,
    });
    let (kind, count) = (arguments.next()?, arguments.next()?);
    let (Value::SingleQuotedString(kind), Value::Number(number, _)) = (&kind.value, &count.value) else {
        return None;
    };
    let unit = match kind.parse::<Type>().ok()? {
        Type::Interval(units) if units.is_long() => "months",
        _ => "microseconds",
    };
    let value = Value::SingleQuotedString(format!("{number} {unit}")).with_span(count.span);
    Some(Expr::Interval(Interval {
        value: Box::new(Expr::Value(value)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}
