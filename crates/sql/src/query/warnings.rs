//! What is likely not meant.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Function, Value, Visit, Visitor};

use crate::calls;
use crate::message::{Message, warning};
use crate::position::SourceRange;

/// How many warnings one query gives.
const WARNINGS_MAX: usize = 50;

/// The functions that take a format of strftime directives, and its place among their arguments.
const FORMATS: &[(&str, usize)] = &[
    ("format_date", 0),
    ("format_time", 0),
    ("format_timestamp", 0),
    ("parse_date", 0),
    ("parse_time", 0),
    ("parse_timestamp", 0),
];

pub(crate) fn of(node: &impl Visit) -> Vec<Message> {
    let mut warnings = Warnings(Vec::new());
    let _ = node.visit(&mut warnings);
    warnings.0
}

struct Warnings(Vec<Message>);

impl Warnings {
    fn warn(&mut self, title: &str, range: SourceRange, message: String) {
        if self.0.len() < WARNINGS_MAX {
            self.0.push(Message::warning(title, range, message));
        }
    }

    fn function(&mut self, function: &Function) {
        if calls::is(function, calls::MAP) {
            self.map(function);
        }
        let Some(name) = calls::name(function) else {
            return;
        };
        if name.value.eq_ignore_ascii_case("mod") && calls::arguments(function).nth(1).is_some_and(is_zero) {
            self.division(SourceRange::of_span(name.span));
        }
        let Some((_, at)) = FORMATS.iter().find(|(format, _)| name.value.eq_ignore_ascii_case(format)) else {
            return;
        };
        if let Some(Expr::Value(value)) = calls::arguments(function).nth(*at)
            && let Value::SingleQuotedString(format) = &value.value
            && !format.contains('%')
        {
            let message =
                format!("the format {format:?} has no directive such as %Y: it means the same for every value");
            self.warn(warning::SUSPICIOUS_ARGUMENT, SourceRange::of_span(value.span), message);
        }
    }

    fn map(&mut self, function: &Function) {
        let mut seen = HashSet::new();
        for key in calls::arguments(function).step_by(2) {
            let Expr::Value(value) = key else {
                continue;
            };
            if !seen.insert(value.value.to_string()) {
                let message = format!("the key {} stands twice in the map; the last value counts", value.value);
                self.warn(warning::DUPLICATE_MAP_KEY, SourceRange::of_span(value.span), message);
            }
        }
    }

    fn division(&mut self, range: SourceRange) {
        self.warn(warning::DIVISION_BY_ZERO, range, "division by the constant 0".to_owned());
    }
}

impl Visitor for Warnings {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } if is_zero(right) => {
                let whole = SourceRange::of(expr);
                self.division(if whole.is_known() { whole } else { SourceRange::of(right.as_ref()) });
            }
            Expr::Function(function) => self.function(function),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether it is a zero of an exact type; of floats, a division by it is infinite.
fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.contains('0') && digits.bytes().all(|byte| matches!(byte, b'0' | b'.')),
            _ => false,
        },
        Expr::Nested(inner) => is_zero(inner),
        _ => false,
    }
}
