//! Operators between two expressions.
//!
//! Comparisons of simple values stay DataFusion's own, between sides that were cast to one type: so the optimizer finds the keys of
//! joins and what may be pushed down. All else becomes a call of ours.

use alluvium_sql::types::Type;
use arrow::datatypes::Field;
use datafusion_common::{Column, DFSchema, Result, ScalarValue, TableReference, plan_err};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use sqlparser::ast::BinaryOperator;

use crate::functions::{call, is_nested};
use crate::types::{column_type, comparable_type, type_text};

/// Plans operators.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    /// `column.field`, where the column is a row or a variant.
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        let text = |name: &String| Expr::Literal(ScalarValue::Utf8(Some(name.clone())), None);
        let found = names.iter().try_fold(column, |value, name| call("__field", vec![value, text(name)]))?;
        Ok(PlannerResult::Planned(found))
    }

    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        let function = match op {
            BinaryOperator::Plus => "__add",
            BinaryOperator::Minus => "__subtract",
            BinaryOperator::Multiply => "__multiply",
            BinaryOperator::Divide => "__divide",
            BinaryOperator::Modulo => "__remainder",
            BinaryOperator::StringConcat => "__concat",
            BinaryOperator::BitwiseAnd => "__bit_and",
            BinaryOperator::BitwiseOr => "__bit_or",
            BinaryOperator::BitwiseXor => "__bit_xor",
            BinaryOperator::And | BinaryOperator::Or => {
                return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
            }
            BinaryOperator::Eq => return compared(Operator::Eq, left, right, schema),
            BinaryOperator::NotEq => return compared(Operator::NotEq, left, right, schema),
            BinaryOperator::Lt => return compared(Operator::Lt, left, right, schema),
            BinaryOperator::LtEq => return compared(Operator::LtEq, left, right, schema),
            BinaryOperator::Gt => return compared(Operator::Gt, left, right, schema),
            BinaryOperator::GtEq => return compared(Operator::GtEq, left, right, schema),
            BinaryOperator::Spaceship => return compared(Operator::IsNotDistinctFrom, left, right, schema),
            other => return plan_err!("the operator {other} is not there"),
        };
        Ok(PlannerResult::Planned(call(function, vec![left, right])?))
    }
}

fn compared(operator: Operator, left: Expr, right: Expr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
    Ok(PlannerResult::Planned(compare(operator, left, right, schema, schema)?))
}

/// A comparison of two expressions, each over its schema.
pub(crate) fn compare(
    operator: Operator,
    left: Expr,
    right: Expr,
    of_left: &DFSchema,
    of_right: &DFSchema,
) -> Result<Expr> {
    let plain = |left: Expr, right: Expr| Expr::BinaryExpr(BinaryExpr::new(Box::new(left), operator, Box::new(right)));
    let (Ok((_, a)), Ok((_, b))) = (left.to_field(of_left), right.to_field(of_right)) else {
        // A name that is not there: it is told where names are checked, with its place. What else is wrong is told now.
        left.to_field(of_left).map(|_| ()).or_else(hide_missing)?;
        right.to_field(of_right).map(|_| ()).or_else(hide_missing)?;
        return Ok(plain(left, right));
    };
    let kinds = column_type(&a).and_then(|a| Ok((a.kind, column_type(&b)?.kind)));
    let (a, b) = kinds.map_err(|error| datafusion_common::DataFusionError::Plan(error.to_string()))?;
    let Some(common) = comparable_type(&a, &b) else {
        return plan_err!("‘{operator}’ does not compare {} with {}", type_text(&a), type_text(&b));
    };
    if is_nested(&common) {
        let function = match operator {
            Operator::Eq => "__eq",
            Operator::NotEq => "__ne",
            Operator::Lt => "__lt",
            Operator::LtEq => "__le",
            Operator::Gt => "__gt",
            Operator::GtEq => "__ge",
            _ => "__same",
        };
        return call(function, vec![left, right]);
    }
    Ok(plain(converted(left, &a, &common)?, converted(right, &b, &common)?))
}

fn hide_missing(error: datafusion_common::DataFusionError) -> Result<()> {
    match error.find_root() {
        datafusion_common::DataFusionError::SchemaError(..) => Ok(()),
        _ => Err(error),
    }
}

/// An expression as a value of a type.
pub(crate) fn converted(expr: Expr, from: &Type, to: &Type) -> Result<Expr> {
    let is_marked = |kind: &Type| matches!(kind, Type::Uuid | Type::Variant);
    let is_same = crate::types::data_type(from) == crate::types::data_type(to);
    if from == to || (is_same && !is_marked(from) && !is_marked(to)) {
        return Ok(expr);
    }
    let text = ScalarValue::Utf8(Some(type_text(to)));
    call("__cast", vec![Expr::Literal(text, None), expr])
}
