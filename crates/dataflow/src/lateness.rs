//! Values that may come late, and those that come too late.

use std::sync::Arc;

use alluvium_sql::types::{DECIMAL_DIGITS_MAX, Field, Type};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DurationMicrosecondType;
use sqlparser::ast::{Expr, Ident, ObjectName, SelectItem, SetExpr};

use crate::engine::{Engine, PartEngine};
use crate::functions::{Failing, cast};
use crate::numbers::wide;
use crate::plan::{PlanError, select, table};
use crate::program::{Lateness, Program};
use crate::types::decimal_of;

const DAY_MICROS: i128 = 86_400_000_000;

/// Checks that columns have an order and distances are distances.
pub(crate) fn check(columns: &[Field], lateness: &[Lateness]) -> Result<(), PlanError> {
    for Lateness { column, distance } in lateness {
        let Some(found) = columns.get(*column) else {
            return Err(PlanError::wrong(format!("there is no column {column} that could be late")));
        };
        if !is_ordered(&found.column_type.kind) {
            let kind = &found.column_type.kind;
            return Err(PlanError::not_yet(format!("LATENESS of a column of type {kind} is not there yet")));
        }
        if *distance < 0 {
            return Err(PlanError::wrong(format!("LATENESS of {} is negative", found.name)));
        }
    }
    Ok(())
}

/// The distance that a constant expression gives for a column, in the units of the column.
pub(crate) fn distance(column: &Field, expr: Expr) -> Result<i128, PlanError> {
    let kind = &column.column_type.kind;
    let misfit = |given: &Type| {
        PlanError::not_yet(format!(
            "a {given} as the LATENESS of column '{}' of type {kind} is not there yet",
            column.name
        ))
    };
    let (value, given) = constant(expr)?;
    let failed = |error: crate::functions::FunctionError| PlanError::wrong(error.0);
    if value.is_null(0) {
        return Err(PlanError::wrong(format!("the LATENESS of column '{}' is NULL", column.name)));
    }
    let micros = match &given {
        Type::Interval(units) if !units.is_long() => {
            value.as_primitive_opt::<DurationMicrosecondType>().map(|values| i128::from(values.value(0)))
        }
        _ => None,
    };
    match (kind, micros) {
        (Type::Timestamp | Type::TimestampTz, Some(micros)) => Ok(micros),
        (Type::Time, Some(micros)) => Ok(micros * 1000),
        // A part of a day is a day: rather too few rows are late than too many.
        (Type::Date, Some(micros)) => Ok(micros.div_euclid(DAY_MICROS) + i128::from(micros.rem_euclid(DAY_MICROS) > 0)),
        (Type::Int(_) | Type::UInt(_) | Type::Decimal(..), None) if decimal_of(&given).is_some() => {
            let scale = if let Type::Decimal(_, scale) = kind { *scale } else { 0 };
            let as_kind = Type::Decimal(DECIMAL_DIGITS_MAX, scale);
            let value = cast(&value, &given, &as_kind, Failing::Error).map_err(failed)?;
            wide(&value, &as_kind).map_err(failed)?.first().copied().ok_or_else(|| misfit(&given))
        }
        _ => Err(misfit(&given)),
    }
}

/// The value of an expression without columns.
fn constant(expr: Expr) -> Result<(ArrayRef, Type), PlanError> {
    let mut query = select(vec![SelectItem::UnnamedExpr(expr)], table(ObjectName::from(Ident::new("x"))), None);
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.from.clear();
    }
    let mut program = Program::new();
    let view = program.add_view("x", None, query)?;
    let kind = view.columns.first().map(|column| column.column_type.kind.clone());
    let step = PartEngine::new(program)?.step().map_err(|error| PlanError::wrong(error.message))?;
    match (step.views.get("x").and_then(|rows| rows.batch.columns().first()), kind) {
        (Some(value), Some(kind)) => Ok((Arc::clone(value), kind)),
        _ => Err(PlanError::wrong("an expression has no value")),
    }
}

fn is_ordered(kind: &Type) -> bool {
    matches!(
        kind,
        Type::Int(_)
            | Type::UInt(_)
            | Type::Decimal(..)
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::TimestampTz
    )
}
