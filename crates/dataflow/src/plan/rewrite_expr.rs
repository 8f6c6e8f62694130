//! One expression as it was written, its parts already rewritten, as calls of our functions.

use sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, CastKind, CeilFloorKind, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Interval, Subscript, TrimWhereField, UnaryOperator, Value, ValueWithSpan,
};

use super::build::{call, text};
use super::error::PlanError;
use super::rewrite::{Used, copy};

/// Functions whose first, or second, argument is the bare name of a unit of time.
const UNIT_FIRST: [&str; 8] = [
    "timestampdiff",
    "timestampadd",
    "datediff",
    "date_add_unit",
    "date_part",
    "date_diff",
    "time_diff",
    "timestamp_diff",
];
const UNIT_LAST: [&str; 3] = ["date_trunc", "time_trunc", "timestamp_trunc"];

fn nothing() -> Expr {
    Expr::Value(Value::Null.into())
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, nothing())
}

fn not(expr: Expr, negated: bool) -> Expr {
    if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(expr))) } } else { expr }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `a IS DISTINCT FROM b AND c` is read by the parser as if `b AND c` stood in brackets. What stands in brackets is marked, so the
/// comparison can be moved to where it belongs: to the first part of what follows it.
pub(super) fn restore_precedence(expr: &mut Expr) {
    let is_distinct = match expr {
        Expr::IsDistinctFrom(_, right) if binds_less(right) => true,
        Expr::IsNotDistinctFrom(_, right) if binds_less(right) => false,
        _ => return,
    };
    let (Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right)) = expr else { return };
    let (left, mut first) = (Box::new(take(left)), take(right));
    let mut following = Vec::new();
    let own = loop {
        match first {
            Expr::BinaryOp { left, op, right } if is_loose(&op) => {
                following.push((op, right));
                first = *left;
            }
            other => break Box::new(other),
        }
    };
    let compared = if is_distinct { Expr::IsDistinctFrom(left, own) } else { Expr::IsNotDistinctFrom(left, own) };
    *expr = following.into_iter().rev().fold(compared, |left, (op, right)| Expr::BinaryOp {
        left: Box::new(left),
        op,
        right,
    });
}

fn binds_less(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryOp { op, .. } if is_loose(op))
}

/// Whether an operator binds no tighter than `IS`.
fn is_loose(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Xor)
}

/// Rewrites one expression in place.
pub(super) fn rewrite(expr: &mut Expr, used: &mut Used) -> Result<(), PlanError> {
    let new = match expr {
        Expr::Value(ValueWithSpan { value: Value::Number(number, is_kept), .. }) => match number_call(number, *is_kept)
        {
            Some(call) => call,
            None => return Ok(()),
        },
        Expr::Value(ValueWithSpan { value: Value::HexStringLiteral(digits), .. }) => {
            call("__hex", vec![text(digits.clone())])
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => negated(take(expr)),
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => call("__plus", vec![take(expr)]),
        Expr::Cast { kind, expr, data_type, array: false, format: None } => cast(kind, take(expr), data_type),
        Expr::Cast { kind, expr, data_type, array: true, format: None } => {
            let data_type = format!("{data_type} ARRAY");
            let name = if matches!(kind, CastKind::TryCast | CastKind::SafeCast) { "__safe_cast" } else { "__cast" };
            call(name, vec![text(data_type), take(expr)])
        }
        Expr::Cast { .. } => return Err(PlanError::not_yet("this form of a cast is not there yet")),
        Expr::TypedString(typed) => {
            let Value::SingleQuotedString(value) = &typed.value.value else {
                return Err(PlanError::wrong("the value of a literal with a type is a text"));
            };
            call("__cast", vec![text(typed.data_type.to_string()), text(value.clone())])
        }
        Expr::Interval(interval) => {
            let (value, units) = interval_parts(interval)?;
            call("__interval_text", vec![text(value), text(units)])
        }
        Expr::IsDistinctFrom(left, right) => not(binary(take(left), BinaryOperator::Spaceship, take(right)), true),
        Expr::IsNotDistinctFrom(left, right) => binary(take(left), BinaryOperator::Spaceship, take(right)),
        Expr::Between { expr, negated, low, high } => {
            let at_least = binary(copy(expr, used)?, BinaryOperator::GtEq, take(low));
            let at_most = binary(take(expr), BinaryOperator::LtEq, take(high));
            not(binary(at_least, BinaryOperator::And, at_most), *negated)
        }
        Expr::InList { expr, list, negated } => {
            let mut args = vec![take(expr)];
            args.append(list);
            not(call("__in", args), *negated)
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let operand = operand.as_deref_mut().map(take);
            let mut args = Vec::with_capacity(conditions.len() * 2 + 1);
            for when in conditions {
                let condition = take(&mut when.condition);
                args.push(match &operand {
                    Some(operand) => binary(copy(operand, used)?, BinaryOperator::Eq, condition),
                    None => condition,
                });
                args.push(take(&mut when.result));
            }
            args.extend(else_result.as_deref_mut().map(take));
            call("__case", args)
        }
        Expr::Function(function) => match rewritten_function(function, used)? {
            Some(new) => new,
            None => return Ok(()),
        },
        _ => match special(expr)? {
            Some(new) => new,
            None => return Ok(()),
        },
    };
    *expr = new;
    Ok(())
}

/// Forms of expressions that are calls with a syntax of their own.
fn special(expr: &mut Expr) -> Result<Option<Expr>, PlanError> {
    Ok(Some(match expr {
        Expr::Like { any: false, negated, expr, pattern, escape_char } => {
            let escape = escape_char.as_ref().map(|escape| Expr::Value(escape.clone()));
            not(call("__like", [take(expr), take(pattern)].into_iter().chain(escape).collect()), *negated)
        }
        Expr::ILike { any: false, negated, expr, pattern, escape_char } => {
            let escape = escape_char.as_ref().map(|escape| Expr::Value(escape.clone()));
            not(call("__ilike", [take(expr), take(pattern)].into_iter().chain(escape).collect()), *negated)
        }
        Expr::RLike { negated, expr, pattern, .. } => not(call("rlike", vec![take(expr), take(pattern)]), *negated),
        Expr::Extract { field, expr, .. } => call("__extract", vec![text(field.to_string()), take(expr)]),
        Expr::Ceil { expr, field } => rounded("ceil", take(expr), field),
        Expr::Floor { expr, field } => rounded("floor", take(expr), field),
        Expr::Position { expr, r#in } => call("position", vec![take(expr), take(r#in)]),
        Expr::Substring { expr, substring_from, substring_for, shorthand, .. } => {
            let name = if *shorthand { "substr" } else { "substring" };
            let one = Expr::Value(Value::Number("1".to_owned(), true).into());
            let mut args = vec![take(expr), substring_from.as_deref_mut().map_or(one, take)];
            args.extend(substring_for.as_deref_mut().map(take));
            call(name, args)
        }
        Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
            let side = match trim_where {
                Some(TrimWhereField::Leading) => "LEADING",
                Some(TrimWhereField::Trailing) => "TRAILING",
                _ => "BOTH",
            };
            let listed = trim_characters.as_mut().and_then(Vec::pop);
            let what = trim_what.as_deref_mut().map(take).or(listed).unwrap_or_else(|| text(" "));
            call("__trim", vec![text(side), what, take(expr)])
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            let mut args = vec![take(expr), take(overlay_what), take(overlay_from)];
            args.extend(overlay_for.as_deref_mut().map(take));
            call("overlay", args)
        }
        Expr::Array(Array { elem, .. }) => call("__array", std::mem::take(elem)),
        Expr::Tuple(values) => call("__row", std::mem::take(values)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let mut value = take(root);
            for access in access_chain {
                value = match access {
                    AccessExpr::Subscript(Subscript::Index { index }) => call("__at", vec![value, take(index)]),
                    AccessExpr::Dot(Expr::Identifier(name)) => call("__field", vec![value, text(name.value.clone())]),
                    _ => return Err(PlanError::not_yet("slices of arrays are not there yet")),
                };
            }
            value
        }
        Expr::Like { .. } | Expr::ILike { .. } => return Err(PlanError::not_yet("LIKE ANY is not there yet")),
        Expr::SimilarTo { .. } => return Err(PlanError::not_yet("SIMILAR TO is not there yet: RLIKE is")),
        Expr::AtTimeZone { .. } => return Err(PlanError::not_yet("AT TIME ZONE is not there yet")),
        Expr::InUnnest { .. } => return Err(PlanError::not_yet("IN UNNEST is not there yet: ARRAY_CONTAINS is")),
        Expr::Map(_) | Expr::Dictionary(_) => return Err(PlanError::not_yet("MAP is not there yet in queries")),
        _ => return Ok(None),
    }))
}

/// A number: small whole ones are `INT`, those with an exponent are `DOUBLE`; decimals stay as they are.
fn number_call(number: &str, is_kept: bool) -> Option<Expr> {
    if is_kept {
        return None;
    }
    if number.contains(['e', 'E']) {
        return Some(call("__cast", vec![text("DOUBLE"), text(number)]));
    }
    if number.contains('.') {
        return None;
    }
    let kept = Expr::Value(Value::Number(number.to_owned(), true).into());
    if number.parse::<i32>().is_ok() {
        return Some(call("__cast", vec![text("INTEGER"), kept]));
    }
    if number.parse::<i64>().is_ok() {
        return Some(call("__cast", vec![text("BIGINT"), kept]));
    }
    Some(call("__cast", vec![text(format!("DECIMAL({}, 0)", number.len().min(39))), text(number)]))
}

fn negated(expr: Expr) -> Expr {
    // The least numbers have no positive counterpart, so the sign is a part of the literal.
    if let Expr::Function(function) = &expr
        && let FunctionArguments::List(list) = &function.args
        && let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] = list.args.as_slice()
        && function.name.to_string() == "__cast"
        && let Value::Number(digits, true) | Value::SingleQuotedString(digits) = &value.value
        && digits.bytes().next().is_some_and(|first| first.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        let number = format!("-{digits}");
        let kind = if number.parse::<i32>().is_ok() {
            "INTEGER".to_owned()
        } else if number.parse::<i64>().is_ok() {
            "BIGINT".to_owned()
        } else {
            format!("DECIMAL({}, 0)", digits.len().min(39))
        };
        return call("__cast", vec![text(kind), text(number)]);
    }
    call("__negate", vec![expr])
}

fn cast(kind: &CastKind, expr: Expr, data_type: &DataType) -> Expr {
    let name = if matches!(kind, CastKind::TryCast | CastKind::SafeCast) { "__safe_cast" } else { "__cast" };
    call(name, vec![text(data_type.to_string()), expr])
}

fn rounded(name: &str, expr: Expr, field: &CeilFloorKind) -> Expr {
    match field {
        CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => call(name, vec![expr]),
        CeilFloorKind::DateTimeField(field) => call(&format!("__{name}_to"), vec![text(field.to_string()), expr]),
        CeilFloorKind::Scale(scale) => call(name, vec![expr, Expr::Value(scale.clone())]),
    }
}

/// The value and the units of an interval: `INTERVAL '1:30' HOUR TO MINUTE`, `INTERVAL 7 DAYS`, `INTERVAL '7 days'`.
pub(super) fn interval_parts(interval: &Interval) -> Result<(String, String), PlanError> {
    let value = literal_text(&interval.value)
        .ok_or_else(|| PlanError::not_yet("the value of an interval is a literal: multiply one for others"))?;
    let singular = |unit: String| unit.strip_suffix('S').map(str::to_owned).unwrap_or(unit);
    let Some(leading) = &interval.leading_field else {
        return match value.trim().rsplit_once(' ') {
            Some((number, unit)) => Ok((number.to_owned(), singular(unit.to_uppercase()))),
            None => Err(PlanError::wrong("an interval needs a unit")),
        };
    };
    let units = match &interval.last_field {
        Some(last) => {
            format!("{} TO {}", singular(leading.to_string().to_uppercase()), singular(last.to_string().to_uppercase()))
        }
        None => singular(leading.to_string().to_uppercase()),
    };
    Ok((value, units))
}

/// The text of a literal, also of one that was rewritten already.
fn literal_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text) | Value::Number(text, _), .. }) => {
            Some(text.clone())
        }
        Expr::Nested(inner) => literal_text(inner),
        Expr::Function(Function { args: FunctionArguments::List(list), .. }) => match list.args.as_slice() {
            [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(value @ Expr::Value(_)))] => literal_text(value),
            _ => None,
        },
        _ => None,
    }
}

fn rewritten_function(function: &mut Function, used: &mut Used) -> Result<Option<Expr>, PlanError> {
    let name = function.name.to_string().to_lowercase();
    if matches!(name.as_str(), "now" | "current_timestamp") && function.over.is_none() {
        used.clock = true;
        return Ok(Some(clock()));
    }
    let of_clock = match name.as_str() {
        "current_date" => Some("DATE"),
        "current_time" | "localtime" => Some("TIME"),
        "localtimestamp" => Some("TIMESTAMP"),
        _ => None,
    };
    if let Some(kind) = of_clock.filter(|_| function.over.is_none() && matches!(function.args, FunctionArguments::None))
    {
        used.clock = true;
        return Ok(Some(if kind == "TIMESTAMP" { clock() } else { call("__cast", vec![text(kind), clock()]) }));
    }
    if name == "pi" && matches!(function.args, FunctionArguments::None) {
        return Ok(Some(call("pi", Vec::new())));
    }
    let FunctionArguments::List(list) = &mut function.args else { return Ok(None) };
    for arg in &mut list.args {
        // COUNT(*) counts a value that is always there.
        if matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)) {
            if name != "count" {
                return Err(PlanError::wrong(format!("{}(*) is not there", name.to_uppercase())));
            }
            *arg = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(Value::Boolean(true).into())));
        }
    }
    let unit = if UNIT_FIRST.contains(&name.as_str()) {
        list.args.first_mut()
    } else if UNIT_LAST.contains(&name.as_str()) {
        list.args.last_mut()
    } else {
        None
    };
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))) = unit
        && let Expr::Identifier(unit) = arg
    {
        *arg = text(unit.value.to_uppercase());
    }
    Ok(None)
}

/// The time of the step.
fn clock() -> Expr {
    call(crate::circuit::NOW, Vec::new())
}
