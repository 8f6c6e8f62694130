//! Values over the rows around a row.

use alluvium_sql::types::{IntervalUnits, Type};
use datafusion_common::{DFSchema, ScalarValue};
use datafusion_expr::expr::{NullTreatment, WindowFunction as WindowExpr};
use datafusion_expr::{Expr, ExprSchemable, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};

use super::lower::aggregate_parts;
use super::lower_expr::{lower, lower_order};
use super::{Bound, Frame, FrameUnits, Over, OverCall, SortKey};
use crate::functions::parse_interval_text;
use crate::plan::PlanError;
use crate::windows::WindowOfOurs;

/// A value over rows, over the columns of a schema.
pub(super) fn lower_over(expr: &Expr, schema: &DFSchema) -> Result<Over, PlanError> {
    let window = match expr {
        Expr::Alias(alias) => return lower_over(&alias.expr, schema),
        Expr::WindowFunction(window) => window.as_ref(),
        other => return Err(PlanError::not_yet(format!("this is no window function: {other}"))),
    };
    if window.params.distinct {
        return Err(PlanError::not_yet("DISTINCT with OVER is not there yet"));
    }
    let call = call_of(window, schema)?;
    let params = &window.params;
    let partition = params.partition_by.iter().map(|expr| lower(expr, schema)).collect::<Result<Vec<_>, _>>()?;
    let order = lower_order(&params.order_by, schema)?;
    let frame = frame(&params.window_frame, &order)?;
    Ok(Over { call, partition, order, frame })
}

fn call_of(window: &WindowExpr, schema: &DFSchema) -> Result<OverCall, PlanError> {
    let ignores_nulls = window.params.null_treatment == Some(NullTreatment::IgnoreNulls);
    match &window.fun {
        WindowFunctionDefinition::AggregateUDF(udaf) => {
            let mut call = aggregate_parts(udaf, &window.params.args, schema)?;
            call.filter = window.params.filter.as_deref().map(|filter| lower(filter, schema)).transpose()?;
            call.ignores_nulls = ignores_nulls;
            Ok(OverCall::Aggregate(call))
        }
        WindowFunctionDefinition::WindowUDF(udwf) => {
            let Some(ours) = udwf.inner().as_ref().downcast_ref::<WindowOfOurs>() else {
                return Err(PlanError::not_yet(format!("the window function {} is not there", udwf.name())));
            };
            if window.params.filter.is_some() {
                return Err(PlanError::wrong("FILTER belongs to aggregates"));
            }
            let mut fields = Vec::new();
            let mut args = Vec::new();
            for arg in &window.params.args {
                fields.push(arg.to_field(schema)?.1);
                args.push(lower(arg, schema)?);
            }
            let shape = ours.plan(&fields).map_err(|error| PlanError::wrong(error.0))?;
            Ok(OverCall::Function { function: ours.function, shape, args, ignores_nulls })
        }
    }
}

fn frame(frame: &WindowFrame, order: &[SortKey]) -> Result<Frame, PlanError> {
    let units = match frame.units {
        WindowFrameUnits::Rows => FrameUnits::Rows,
        WindowFrameUnits::Range => FrameUnits::Range,
        WindowFrameUnits::Groups => FrameUnits::Groups,
    };
    let start = bound(&frame.start_bound, units, order)?;
    let end = bound(&frame.end_bound, units, order)?;
    let measures = |bound: Bound| !matches!(bound, Bound::Unbounded | Bound::At(0));
    if units == FrameUnits::Range && (measures(start) || measures(end)) {
        let [key] = order else { return Err(PlanError::wrong("RANGE with distances needs one column to order by")) };
        if matches!(key.value.column.kind, Type::Char(_) | Type::Varchar(_) | Type::Real | Type::Double) {
            return Err(PlanError::wrong("RANGE with distances is not defined for texts and floating-point numbers"));
        }
    }
    Ok(Frame { units, start, end })
}

fn bound(bound: &WindowFrameBound, units: FrameUnits, order: &[SortKey]) -> Result<Bound, PlanError> {
    let (value, sign) = match bound {
        WindowFrameBound::CurrentRow => return Ok(Bound::At(0)),
        WindowFrameBound::Preceding(value) => (value, -1),
        WindowFrameBound::Following(value) => (value, 1),
    };
    if value.is_null() {
        return Ok(Bound::Unbounded);
    }
    let text = match value {
        ScalarValue::Utf8(Some(text)) => text.clone(),
        other => other.to_string(),
    };
    let bad =
        || PlanError::wrong(format!("‘{text}’ is not a bound of a frame: it takes a constant that is not negative"));
    if let Ok(number) = text.parse::<u64>() {
        let key = order.first().map(|key| &key.value.column.kind);
        return match (units, key) {
            (FrameUnits::Range, Some(Type::Decimal(_, scale))) => {
                Ok(Bound::At(sign * i128::from(number) * 10_i128.pow(u32::from(*scale))))
            }
            (FrameUnits::Range, Some(Type::Int(_) | Type::UInt(_))) | (FrameUnits::Rows | FrameUnits::Groups, _) => {
                Ok(Bound::At(sign * i128::from(number)))
            }
            _ => Err(bad()),
        };
    }
    // The number may have blanks in it: a day and hours.
    let (number, unit) = text.find(char::is_alphabetic).map(|at| text.split_at(at)).ok_or_else(bad)?;
    let (value, kind) = parse_interval_text(number.trim(), unit).map_err(|error| PlanError::wrong(error.0))?;
    if value < 0 {
        return Err(bad());
    }
    let key = order.first().map(|key| &key.value.column.kind);
    match (kind, key) {
        (units, Some(Type::Date | Type::Timestamp | Type::TimestampTz)) if is_long(units) => {
            Ok(Bound::Months(sign as i64 * value))
        }
        (_, Some(Type::Date)) => Ok(Bound::At(sign * i128::from(value / 86_400_000_000))),
        (_, Some(Type::Time)) => Ok(Bound::At(sign * i128::from(value) * 1000)),
        (_, Some(Type::Timestamp | Type::TimestampTz)) => Ok(Bound::At(sign * i128::from(value))),
        _ => Err(bad()),
    }
}

fn is_long(units: IntervalUnits) -> bool {
    units.is_long()
}
