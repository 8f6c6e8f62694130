//! Functions that stand in the tree for what the parser's own tree has no room for. A planner gives them their meaning.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};
use sqlparser::tokenizer::Span;

/// `CAST(x AS t)`, `x :: t`, typed literals, floats with an exponent: `__cast('<type>', x)`.
pub const CAST: &str = "__cast";
/// `SAFE_CAST(x AS t)`: `__safe_cast('<type>', x)`.
pub const SAFE_CAST: &str = "__safe_cast";
/// An interval literal: `__interval('<type>', n)`, n months or microseconds.
pub const INTERVAL: &str = "__interval";
/// `(a - b) unit`: `__difference('<type>', a, b)`.
pub const DIFFERENCE: &str = "__difference";
/// `MAP[k, v, …]`: `__map(k, v, …)`.
pub const MAP: &str = "__map";
/// `TABLE t` as an argument: `__table(t)`.
pub const TABLE: &str = "__table";
/// `f(…) WITHIN DISTINCT (e, …)`: `__within_distinct(f(…), e, …)`.
pub const WITHIN_DISTINCT: &str = "__within_distinct";
/// The generated body of `jsonstring_as_…`: `__jsonstring_as('<type>', text)`.
pub const JSONSTRING_AS: &str = "__jsonstring_as";
/// `(a, b) CONTAINS (c, d)`: `__period_contains(a, b, c, d)`; of one point in time, `__period_contains(a, b, c)`.
pub const PERIOD_CONTAINS: &str = "__period_contains";
/// `(a, b) OVERLAPS (c, d)`: `__period_overlaps(a, b, c, d)`, and so on.
pub const PERIOD_OVERLAPS: &str = "__period_overlaps";
/// `(a, b) EQUALS (c, d)`.
pub const PERIOD_EQUALS: &str = "__period_equals";
/// `(a, b) PRECEDES (c, d)`.
pub const PERIOD_PRECEDES: &str = "__period_precedes";
/// `(a, b) SUCCEEDS (c, d)`.
pub const PERIOD_SUCCEEDS: &str = "__period_succeeds";
/// `(a, b) IMMEDIATELY PRECEDES (c, d)`.
pub const PERIOD_IMMEDIATELY_PRECEDES: &str = "__period_immediately_precedes";
/// `(a, b) IMMEDIATELY SUCCEEDS (c, d)`.
pub const PERIOD_IMMEDIATELY_SUCCEEDS: &str = "__period_immediately_succeeds";

/// With what the names of these functions begin; a program may not write such a name itself.
pub const PREFIX: &str = "__";

/// A call of the function, at the place of what it stands for.
pub(crate) fn call(name: &str, span: Span, arguments: Vec<Expr>) -> Expr {
    let argument = |expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_span(span, name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(argument).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A call whose first argument is a type as text.
pub(crate) fn typed_call(name: &str, kind: &impl ToString, span: Span, arguments: Vec<Expr>) -> Expr {
    let mut all = vec![text(kind.to_string(), span)];
    all.extend(arguments);
    call(name, span, all)
}

/// A string literal.
pub(crate) fn text(text: String, span: Span) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).with_span(span))
}

/// A whole number.
pub(crate) fn number(number: i64, span: Span) -> Expr {
    Expr::Value(Value::Number(number.to_string(), false).with_span(span))
}

/// The one name of a call that is not qualified.
#[must_use]
pub fn name(function: &Function) -> Option<&Ident> {
    match function.name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}

/// Whether it is a call of the function that we put there.
#[must_use]
pub fn is(function: &Function, wanted: &str) -> bool {
    name(function).is_some_and(|name| name.quote_style.is_none() && name.value == wanted)
}

/// The plain arguments of a call, without names and wildcards.
pub fn arguments(function: &Function) -> impl Iterator<Item = &Expr> {
    let list = match &function.args {
        FunctionArguments::List(list) => list.args.as_slice(),
        FunctionArguments::None | FunctionArguments::Subquery(_) => &[],
    };
    list.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
        | FunctionArg::Named { arg: FunctionArgExpr::Expr(expr), .. }
        | FunctionArg::ExprNamed { arg: FunctionArgExpr::Expr(expr), .. } => Some(expr),
        _ => None,
    })
}
