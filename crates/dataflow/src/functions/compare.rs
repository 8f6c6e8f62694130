//! Comparisons of arrays, rows and maps, and membership in a list.
//!
//! Simple values are compared by the plan's own operators, so that joins find their keys. What lies in one another is
//! compared in its order-preserving encoding: part by part, NULL the smallest of all and equal to itself.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::row::{RowConverter, Rows, SortField};

use super::support::{count, types_text};
use super::{Arg, Call, Function, Outcome, Shape, failure};
use crate::types::{comparable_type, type_text};

/// The name of the condition of an ASOF join, which the join finds its latest rows by.
pub(crate) const LATEST: &str = "__latest";

pub(super) const FUNCTIONS: [Function; 9] = [
    Function::new(
        LATEST,
        |args| ordered_shape(">=", args),
        |_| Err(failure!("MATCH_CONDITION belongs to LEFT ASOF JOIN")),
    ),
    Function::new("__eq", |args| ordered_shape("=", args), |call| ordered(call, std::cmp::Ordering::is_eq)),
    Function::new("__ne", |args| ordered_shape("<>", args), |call| ordered(call, std::cmp::Ordering::is_ne)),
    Function::new("__lt", |args| ordered_shape("<", args), |call| ordered(call, std::cmp::Ordering::is_lt)),
    Function::new("__le", |args| ordered_shape("<=", args), |call| ordered(call, std::cmp::Ordering::is_le)),
    Function::new("__gt", |args| ordered_shape(">", args), |call| ordered(call, std::cmp::Ordering::is_gt)),
    Function::new("__ge", |args| ordered_shape(">=", args), |call| ordered(call, std::cmp::Ordering::is_ge)),
    Function::new("__same", same_shape, same),
    Function::new("__in", in_shape, is_in),
];

/// The order-preserving encoding of a column, NULL the smallest.
pub(crate) fn encode(array: &ArrayRef) -> Outcome<Rows> {
    let converter = RowConverter::new(vec![SortField::new(array.data_type().clone())])?;
    Ok(converter.convert_columns(std::slice::from_ref(array))?)
}

/// Whether values have to be compared by their encoding.
pub(crate) fn is_nested(kind: &Type) -> bool {
    matches!(kind, Type::Array(_) | Type::Map(..) | Type::Row(_))
}

fn both(sign: &str, args: &[Arg<'_>]) -> Outcome<Type> {
    count(args, 2, 2)?;
    comparable_type(&args[0].column.kind, &args[1].column.kind)
        .ok_or_else(|| failure!("‘{sign}’ does not compare {}", types_text(args)))
}

fn ordered_shape(sign: &str, args: &[Arg<'_>]) -> Outcome<Shape> {
    let common = both(sign, args)?;
    if matches!(sign, "=" | "<>") && matches!(common, Type::Row(_)) {
        return Err(failure!("‘{sign}’ does not compare rows: say <=> or IS [NOT] DISTINCT FROM"));
    }
    Ok(Shape::strict(args, vec![common.clone(), common], Type::Boolean))
}

fn ordered(call: &Call<'_>, holds: fn(std::cmp::Ordering) -> bool) -> Outcome<ArrayRef> {
    let (left, right) = (call.column(0)?, call.column(1)?);
    let (a, b) = (encode(left)?, encode(right)?);
    let value = |row: usize| (!left.is_null(row) && !right.is_null(row)).then(|| holds(a.row(row).cmp(&b.row(row))));
    Ok(Arc::new((0..call.rows).map(value).collect::<BooleanArray>()))
}

fn same_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let common = both("<=>", args)?;
    let result = ColumnType { kind: Type::Boolean, is_nullable: false };
    Ok(Shape { params: vec![common.clone(), common], result })
}

fn same(call: &Call<'_>) -> Outcome<ArrayRef> {
    let (a, b) = (encode(call.column(0)?)?, encode(call.column(1)?)?);
    Ok(Arc::new(BooleanArray::from((0..call.rows).map(|row| a.row(row) == b.row(row)).collect::<Vec<_>>())))
}

fn in_shape(args: &[Arg<'_>]) -> Outcome<Shape> {
    let Some((value, list)) = args.split_first() else { return Err(failure!("IN needs a value")) };
    let mut common = value.column.kind.clone();
    for each in list {
        let next = comparable_type(&common, &each.column.kind);
        common = next.ok_or_else(|| failure!("IN does not compare {}", types_text(args)))?;
    }
    if matches!(common, Type::Row(_)) {
        return Err(failure!("IN does not compare rows: {}", type_text(&common)));
    }
    Ok(Shape::strict(args, vec![common; args.len()], Type::Boolean))
}

fn is_in(call: &Call<'_>) -> Outcome<ArrayRef> {
    let value = call.column(0)?;
    let sought = encode(value)?;
    let mut found = vec![Some(false); call.rows];
    for each in &call.args[1..] {
        let rows = encode(each)?;
        for (row, found) in found.iter_mut().enumerate() {
            if value.is_null(row) {
                *found = None;
            } else if *found != Some(true) {
                if each.is_null(row) {
                    *found = None;
                } else if sought.row(row) == rows.row(row) {
                    *found = Some(true);
                }
            }
        }
    }
    Ok(Arc::new(BooleanArray::from(found)))
}
