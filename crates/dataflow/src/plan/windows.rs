//! Windows of time as relations: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(c), size [, offset]))`,
//! `TABLE(HOP(TABLE t, DESCRIPTOR(c), slide, size [, offset]))` and `TABLE(SESSION(TABLE t, DESCRIPTOR(c) [, DESCRIPTOR(key)], gap))`, their
//! arguments also by name.
//!
//! They become queries over the relation: the start of a window is a value of the row, or one for each window the row is in.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query,
    SelectItem, Spanned, TableAlias, TableFactor, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::build::{call, select, table};
use super::error::{PlanError, place_of};

/// The query that a call of a function in the place of a relation stands for.
pub(super) fn derived(expr: &Expr, alias: Option<&TableAlias>) -> Result<TableFactor, PlanError> {
    let placed = |mut error: PlanError| {
        error.place = place_of(expr.span());
        error
    };
    let Expr::Function(function) = expr else {
        return Err(placed(PlanError::wrong("TABLE takes a call of a function")));
    };
    let names: &[&str] = match function.name.to_string().to_lowercase().as_str() {
        "tumble" => &["data", "timecol", "size", "offset"],
        "hop" => &["data", "timecol", "slide", "size", "offset"],
        "session" => return session(function, alias).map_err(placed),
        other => {
            return Err(placed(PlanError::not_yet(format!("the relation {} is not there yet", other.to_uppercase()))));
        }
    };
    windowed(function, names, alias).map_err(placed)
}

fn windowed(function: &Function, names: &[&str], alias: Option<&TableAlias>) -> Result<TableFactor, PlanError> {
    let mut args = arguments(function, names)?;
    let offset = args.pop().flatten();
    let mut next =
        || args.pop().flatten().ok_or_else(|| PlanError::wrong(format!("{} misses an argument", function.name)));
    let size = next()?;
    let slide = if names.contains(&"slide") { Some(next()?) } else { None };
    let column = described(&next()?)?;
    let relation = named(&next()?)?;

    let lengths = slide.clone().into_iter().chain([size.clone()]).chain(offset);
    let parts = std::iter::once(column.clone()).chain(lengths).collect();
    let start = match slide {
        Some(_) => call("UNNEST", vec![call("__hop", parts)]),
        None => call("__tumble", parts),
    };
    let start_name = Ident::new("window_start");
    let all = || SelectItem::Wildcard(WildcardAdditionalOptions::default());
    let items = vec![all(), SelectItem::ExprWithAlias { expr: start, alias: start_name.clone() }];
    let below = select(items, table(relation), Some(Expr::IsNotNull(Box::new(column))));
    let end = Expr::BinaryOp {
        left: Box::new(Expr::Identifier(start_name)),
        op: BinaryOperator::Plus,
        right: Box::new(size),
    };
    let items = vec![all(), SelectItem::ExprWithAlias { expr: end, alias: Ident::new("window_end") }];
    Ok(inner(select(items, inner(below, None), None), alias.cloned()))
}

/// A query as a relation.
pub(super) fn inner(query: Query, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::Derived { lateral: false, subquery: Box::new(query), alias, sample: None }
}

/// Sessions: a row that comes no later than the gap after the one before it is in the same one.
const SESSIONS: &str = "SELECT * EXCLUDE (__opens, __session),
  MIN(__time) OVER (PARTITION BY __key, __session) AS window_start,
  MAX(__time) OVER (PARTITION BY __key, __session) + __gap AS window_end
FROM (SELECT *, SUM(__opens) OVER (PARTITION BY __key ORDER BY __time RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS __session
  FROM (SELECT *, CASE WHEN LAG(__time) OVER (PARTITION BY __key ORDER BY __time) + __gap >= __time THEN 0 ELSE 1 END AS __opens
    FROM __rows WHERE __time IS NOT NULL))";

/// The query that `SESSION(TABLE t, DESCRIPTOR(c) [, DESCRIPTOR(key)], gap)` stands for.
fn session(function: &Function, alias: Option<&TableAlias>) -> Result<TableFactor, PlanError> {
    let is_keyed = matches!(&function.args, FunctionArguments::List(list) if list.args.len() > 3);
    let names: &[&str] = if is_keyed { &["data", "timecol", "key", "size"] } else { &["data", "timecol", "size"] };
    let mut args = arguments(function, names)?;
    let mut next =
        || args.pop().flatten().ok_or_else(|| PlanError::wrong(format!("{} misses an argument", function.name)));
    let gap = Expr::Nested(Box::new(next()?));
    let key = if is_keyed { Some(described(&next()?)?) } else { None };
    let time = described(&next()?)?;
    let rows = named(&next()?)?;
    let internal = |error: sqlparser::parser::ParserError| {
        PlanError::new(super::error::PlanErrorKind::Internal, format!("sessions cannot be planned: {error}"))
    };
    let text = if is_keyed {
        SESSIONS.to_owned()
    } else {
        SESSIONS.replace("PARTITION BY __key, ", "PARTITION BY ").replace("PARTITION BY __key ", "")
    };
    let parser = Parser::new(&GenericDialect {}).try_with_sql(&text);
    let mut query = parser.and_then(|mut parser| parser.parse_query()).map_err(internal)?;
    let mut filling = Filling { time, key, gap, rows };
    let _ = query.visit(&mut filling);
    Ok(inner(*query, alias.cloned()))
}

/// Puts what was given in the place of names.
struct Filling {
    time: Expr,
    key: Option<Expr>,
    gap: Expr,
    rows: ObjectName,
}

impl VisitorMut for Filling {
    type Break = ();

    fn post_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<()> {
        if relation.to_string() == "__rows" {
            *relation = self.rows.clone();
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let given = match expr {
            Expr::Identifier(name) => match name.value.as_str() {
                "__time" => Some(&self.time),
                "__gap" => Some(&self.gap),
                "__key" => self.key.as_ref(),
                _ => None,
            },
            _ => None,
        };
        if let Some(given) = given {
            *expr = given.clone();
        }
        ControlFlow::Continue(())
    }
}

/// The arguments in the order of their names, whichever way they were given.
fn arguments(function: &Function, names: &[&str]) -> Result<Vec<Option<Expr>>, PlanError> {
    let wrong = || PlanError::wrong(format!("{} takes {}", function.name, names.join(", ")));
    let FunctionArguments::List(list) = &function.args else { return Err(wrong()) };
    let mut found = vec![None; names.len()];
    for (at, arg) in list.args.iter().enumerate() {
        let (at, arg) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => (at, arg),
            FunctionArg::Named { name, arg: FunctionArgExpr::Expr(arg), .. } => {
                let name = name.value.to_lowercase();
                (names.iter().position(|each| *each == name).ok_or_else(wrong)?, arg)
            }
            _ => return Err(wrong()),
        };
        *found.get_mut(at).ok_or_else(wrong)? = Some(arg.clone());
    }
    Ok(found)
}

/// The only argument of a function.
fn inside(expr: &Expr, name: &str) -> Option<Expr> {
    let Expr::Function(function) = expr else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))] if function.name.to_string().eq_ignore_ascii_case(name) => {
            Some(arg.clone())
        }
        _ => None,
    }
}

fn described(expr: &Expr) -> Result<Expr, PlanError> {
    let column = inside(expr, "descriptor").filter(|column| matches!(column, Expr::Identifier(_)));
    column.ok_or_else(|| PlanError::wrong("the column of a window is DESCRIPTOR(column)"))
}

fn named(expr: &Expr) -> Result<ObjectName, PlanError> {
    match inside(expr, alluvium_sql::calls::TABLE) {
        Some(Expr::Identifier(name)) => Ok(ObjectName::from(name)),
        _ => Err(PlanError::wrong("the rows of a window are TABLE relation")),
    }
}
