//! DataFusion's expressions as ours.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use datafusion_common::DFSchema;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use super::lambda::lower_lambda;
use super::timed::CLOCK_RELATION;
use super::{Expression, Form, SortKey};
use crate::functions::{Failing, FunctionUdf, call};
use crate::plan::PlanError;
use crate::program::CLOCK;
use crate::types::column_type;

/// The type that an expression has in a plan.
pub(super) fn typed(expr: &Expr, schema: &DFSchema) -> Result<ColumnType, PlanError> {
    let (_, field) = expr.to_field(schema)?;
    column_type(&field).map_err(|error| PlanError::wrong(error.to_string()))
}

/// An expression over the columns of a schema.
pub(super) fn lower(expr: &Expr, schema: &DFSchema) -> Result<Expression, PlanError> {
    let boxed = |expr: &Expr| lower(expr, schema).map(Box::new);
    let form = match expr {
        Expr::Alias(alias) => return lower(&alias.expr, schema),
        Expr::Column(column) => {
            let at = schema.index_of_column(column).map_err(PlanError::from)?;
            Form::Column(at)
        }
        Expr::Literal(value, _) => Form::Literal(value.clone()),
        Expr::ScalarFunction(function) => return lower_call(function, schema),
        Expr::HigherOrderFunction(function) => return lower_lambda(function, schema),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => Form::And(boxed(left)?, boxed(right)?),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => Form::Or(boxed(left)?, boxed(right)?),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (a, b) = (boxed(left)?, boxed(right)?);
            let bits = match op {
                Operator::BitwiseOr => "__bit_or",
                Operator::BitwiseAnd => "__bit_and",
                Operator::BitwiseXor => "__bit_xor",
                Operator::BitwiseShiftLeft => "__shift_left",
                Operator::BitwiseShiftRight => "__shift_right",
                Operator::Plus => "__add",
                Operator::Minus => "__subtract",
                Operator::Multiply => "__multiply",
                _ => "",
            };
            if !bits.is_empty() {
                return lower(&call(bits, vec![left.as_ref().clone(), right.as_ref().clone()])?, schema);
            }
            Form::Compare(*op, a, b)
        }
        Expr::Not(inner) => Form::Not(boxed(inner)?),
        Expr::IsNull(inner) | Expr::IsUnknown(inner) => Form::IsNull(boxed(inner)?),
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) => negated(Form::IsNull(boxed(inner)?)),
        Expr::IsTrue(inner) => Form::Is(boxed(inner)?, true),
        Expr::IsFalse(inner) => Form::Is(boxed(inner)?, false),
        Expr::IsNotTrue(inner) => negated(Form::Is(boxed(inner)?, true)),
        Expr::IsNotFalse(inner) => negated(Form::Is(boxed(inner)?, false)),
        Expr::Cast(cast) => Form::Cast(boxed(&cast.expr)?, Failing::Error),
        Expr::TryCast(cast) => Form::Cast(boxed(&cast.expr)?, Failing::Null),
        // The forms below are not written by us; the optimizer makes them of what we wrote.
        Expr::Negative(inner) => return lower(&call("__negate", vec![inner.as_ref().clone()])?, schema),
        Expr::Case(case) => {
            let mut args = Vec::with_capacity(case.when_then_expr.len() * 2 + 1);
            for (when, then) in &case.when_then_expr {
                let condition = match &case.expr {
                    Some(operand) => Expr::BinaryExpr(BinaryExpr::new(operand.clone(), Operator::Eq, when.clone())),
                    None => when.as_ref().clone(),
                };
                args.extend([condition, then.as_ref().clone()]);
            }
            args.extend(case.else_expr.as_deref().cloned());
            return lower(&call("__case", args)?, schema);
        }
        Expr::InList(list) => {
            let args = std::iter::once(list.expr.as_ref().clone()).chain(list.list.iter().cloned()).collect();
            let within = call("__in", args)?;
            return lower(&if list.negated { Expr::Not(Box::new(within)) } else { within }, schema);
        }
        Expr::Between(between) => {
            let compare =
                |op, other: &Expr| Expr::BinaryExpr(BinaryExpr::new(between.expr.clone(), op, Box::new(other.clone())));
            let within = compare(Operator::GtEq, &between.low).and(compare(Operator::LtEq, &between.high));
            return lower(&if between.negated { Expr::Not(Box::new(within)) } else { within }, schema);
        }
        other => return Err(PlanError::not_yet(format!("this expression is not there yet: {other}"))),
    };
    Ok(Expression { form, column: typed(expr, schema)? })
}

fn negated(form: Form) -> Form {
    let column = ColumnType { kind: Type::Boolean, is_nullable: false };
    Form::Not(Box::new(Expression { form, column }))
}

fn lower_call(call: &ScalarFunction, schema: &DFSchema) -> Result<Expression, PlanError> {
    let Some(udf) = call.func.inner().as_ref().downcast_ref::<FunctionUdf>() else {
        return Err(PlanError::not_yet(format!("the function {} is not there", call.func.name())));
    };
    if udf.function.name == super::NOW {
        let Some(at) = schema.index_of_column_by_name(Some(&CLOCK_RELATION.into()), CLOCK) else {
            return Err(PlanError::not_yet("NOW() is not there yet in this place"));
        };
        let column = ColumnType { kind: Type::Timestamp, is_nullable: false };
        return Ok(Expression::column(at, column));
    }
    let mut fields = Vec::with_capacity(call.args.len());
    let mut literals = Vec::with_capacity(call.args.len());
    let mut args = Vec::with_capacity(call.args.len());
    for arg in &call.args {
        fields.push(arg.to_field(schema)?.1);
        literals.push(if let Expr::Literal(value, _) = arg { Some(value) } else { None });
        args.push(lower(arg, schema)?);
    }
    let shape = udf.plan(&fields, &literals).map_err(|error| PlanError::wrong(error.0))?;
    // The type of a cast is a part of the form, not a column of texts.
    if matches!(udf.function.name, "__cast" | "__safe_cast") && args.len() == 2 {
        let failing = if udf.function.name == "__cast" { Failing::Error } else { Failing::Null };
        let inner = Box::new(args.swap_remove(1));
        return Ok(Expression { form: Form::Cast(inner, failing), column: shape.result });
    }
    let given = args.iter().map(|arg| arg.column.kind.clone()).collect();
    let column = shape.result.clone();
    Ok(Expression { form: Form::Call { function: udf.function, shape: Arc::new(shape), given, args }, column })
}

/// The keys of an order.
pub(super) fn lower_order(order: &[datafusion_expr::expr::Sort], schema: &DFSchema) -> Result<Vec<SortKey>, PlanError> {
    order
        .iter()
        .map(|key| {
            let value = lower(&key.expr, schema)?;
            Ok(SortKey { value, is_descending: !key.asc, nulls_first: key.nulls_first })
        })
        .collect()
}
