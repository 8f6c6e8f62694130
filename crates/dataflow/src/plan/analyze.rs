//! Repairs of a plan before it is optimized: what DataFusion types by its own rules gets ours.

use std::cell::Cell;
use std::sync::Arc;

use alluvium_sql::types::Type;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DFSchema, Result, plan_err};
use datafusion_expr::expr::{AggregateFunction, InSubquery, SetComparison, SetQuantifier, Sort};
use datafusion_expr::utils::split_conjunction_owned;
use datafusion_expr::{
    Aggregate, BinaryExpr, Expr, ExprSchemable, Join, LogicalPlan, Operator, Projection, Subquery, Union,
};

use super::operators::{compare, converted};
use super::{multiset, unnest};
use crate::aggregates;
use crate::types::{column_type, common_type, comparable_type, type_text};

/// Repairs a plan, the plans of its subqueries first.
pub(super) fn analyze(plan: LogicalPlan) -> Result<LogicalPlan> {
    let named = Cell::new(0);
    plan.transform_up_with_subqueries(|plan| {
        let plan = match plan {
            LogicalPlan::Union(union) => align(union)?,
            LogicalPlan::Join(join) => match unnest::beside(join)? {
                LogicalPlan::Join(join) => multiset::counted(align_keys(join)?)?,
                other => return Ok(Transformed::yes(other)),
            },
            other => other,
        };
        let plan = plan.map_expressions(|expr| expr.transform_up(single_valued))?.data;
        let plan = align_memberships(three_valued(plan)?, &named)?;
        Ok(Transformed::yes(plan.recompute_schema()?))
    })
    .map(|plan| plan.data)
}

fn kind_of(expr: &Expr, schema: &DFSchema) -> Result<Type> {
    let (_, field) = expr.to_field(schema)?;
    column_type(&field)
        .map(|column| column.kind)
        .map_err(|error| datafusion_common::DataFusionError::Plan(error.to_string()))
}

fn kinds(schema: &DFSchema) -> Result<Vec<Type>> {
    schema
        .fields()
        .iter()
        .map(|field| column_type(field).map(|column| column.kind))
        .collect::<Result<_, _>>()
        .map_err(|error| datafusion_common::DataFusionError::Plan(error.to_string()))
}

/// Gives the branches of a union one type for each column.
fn align(union: Union) -> Result<LogicalPlan> {
    let mut common: Option<Vec<Type>> = None;
    for input in &union.inputs {
        let own = kinds(input.schema())?;
        common = Some(match common {
            None => own,
            Some(before) => {
                let mut merged = Vec::with_capacity(own.len());
                for (at, (a, b)) in before.iter().zip(&own).enumerate() {
                    let Some(kind) = common_type(a, b) else {
                        let (a, b) = (type_text(a), type_text(b));
                        return plan_err!("column {} is {a} in one query and {b} in the other", at + 1);
                    };
                    merged.push(kind);
                }
                merged
            }
        });
    }
    let common = common.unwrap_or_default();
    let mut inputs = Vec::with_capacity(union.inputs.len());
    for input in union.inputs {
        inputs.push(Arc::new(as_types(Arc::unwrap_or_clone(input), &common)?));
    }
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
}

/// The plan with its columns converted where they are of other types.
fn as_types(plan: LogicalPlan, wanted: &[Type]) -> Result<LogicalPlan> {
    let own = kinds(plan.schema())?;
    let is_same = |(a, b): (&Type, &Type)| crate::types::data_type(a) == crate::types::data_type(b);
    if own.iter().zip(wanted).all(is_same) {
        return Ok(plan);
    }
    let mut exprs = Vec::with_capacity(own.len());
    for ((from, to), (qualifier, field)) in own.iter().zip(wanted).zip(plan.schema().iter()) {
        let column = Expr::Column(Column::from((qualifier, field)));
        exprs.push(if is_same((from, to)) {
            column
        } else {
            converted(column, from, to)?.alias_qualified(qualifier.cloned(), field.name())
        });
    }
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
}

/// Converts the keys that `USING`, `NATURAL` and set operations compare.
fn align_keys(mut join: Join) -> Result<Join> {
    for (left, right) in &mut join.on {
        let (a, b) = (kind_of(left, join.left.schema())?, kind_of(right, join.right.schema())?);
        let Some(common) = comparable_type(&a, &b) else {
            return plan_err!("{} and {} are joined and cannot be compared", type_text(&a), type_text(&b));
        };
        *left = converted(left.clone(), &a, &common)?;
        *right = converted(right.clone(), &b, &common)?;
    }
    Ok(join)
}

/// A subquery that stands for one value fails if it has several.
fn single_valued(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::ScalarSubquery(subquery) = expr else { return Ok(Transformed::no(expr)) };
    if is_single(&subquery.subquery) {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    }
    let Some(single) = aggregates::find("__single") else { return plan_err!("there is no check of single rows") };
    let input = Arc::clone(&subquery.subquery);
    let Some((qualifier, field)) = input.schema().iter().next() else { return plan_err!("a subquery has no column") };
    let column = Expr::Column(Column::from((qualifier, field)));
    let name = field.name().clone();
    let value = Expr::AggregateFunction(AggregateFunction::new_udf(
        Arc::new(single),
        vec![column],
        false,
        None,
        Vec::<Sort>::new(),
        None,
    ));
    let value = value.alias(name);
    let plan = Aggregate::try_new(Arc::clone(&input), Vec::new(), vec![value])?;
    Ok(Transformed::yes(Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(LogicalPlan::Aggregate(plan)),
        ..subquery
    })))
}

/// Whether a plan gives exactly one row.
fn is_single(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_single(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_single(&alias.input),
        _ => false,
    }
}

/// Memberships whose being unknown matters: those that are not conditions by themselves become comparisons with any, which keep it.
fn three_valued(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Filter(mut filter) = plan else { return Ok(plan) };
    let mut parts = Vec::new();
    for part in split_conjunction_owned(filter.predicate) {
        let is_decided = matches!(&part, Expr::InSubquery(within) if !within.negated || within.subquery.outer_ref_columns.is_empty());
        parts.push(if is_decided { part } else { part.transform_up(compared_with_any)?.data });
    }
    filter.predicate = parts.into_iter().reduce(Expr::and).unwrap_or_else(|| datafusion_expr::lit(true));
    Ok(LogicalPlan::Filter(filter))
}

#[expect(clippy::unnecessary_wraps, reason = "transformations of expressions have this form")]
fn compared_with_any(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::InSubquery(InSubquery { expr, subquery, negated }) = expr else { return Ok(Transformed::no(expr)) };
    let any = Expr::SetComparison(SetComparison { expr, subquery, op: Operator::Eq, quantifier: SetQuantifier::Any });
    Ok(Transformed::yes(if negated { Expr::Not(Box::new(any)) } else { any }))
}

/// Converts both sides of `x IN (SELECT …)` to one type.
fn align_memberships(plan: LogicalPlan, named: &Cell<usize>) -> Result<LogicalPlan> {
    let schema = datafusion_expr::utils::merge_schema(&plan.inputs());
    Ok(plan.map_expressions(|expr| expr.transform_up(|expr| membership(expr, &schema, named)))?.data)
}

fn membership(expr: Expr, schema: &DFSchema, named: &Cell<usize>) -> Result<Transformed<Expr>> {
    let expr = match expr {
        // Comparisons are typed when they are planned; a union below may have changed a type since.
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (a, b) = (left.to_field(schema), right.to_field(schema));
            if let (Ok((_, a)), Ok((_, b))) = (a, b)
                && a.data_type() != b.data_type()
            {
                return Ok(Transformed::yes(compare(op, *left, *right, schema, schema)?));
            }
            return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
        }
        Expr::InSubquery(within) => within,
        Expr::SetComparison(mut any) => {
            let a = kind_of(&any.expr, schema)?;
            let own = kinds(any.subquery.subquery.schema())?;
            let [b] = own.as_slice() else {
                return plan_err!("a subquery behind ANY or ALL has one column, not {}", own.len());
            };
            let Some(common) = comparable_type(&a, b).filter(|common| !crate::functions::is_nested(common)) else {
                return plan_err!("ANY and ALL do not compare {} with {}", type_text(&a), type_text(b));
            };
            let plan =
                as_types(Arc::unwrap_or_clone(Arc::clone(&any.subquery.subquery)), std::slice::from_ref(&common))?;
            // A name of its own keeps its column apart from those outside, which may be of the same table.
            named.set(named.get() + 1);
            let column = plan.schema().columns().into_iter().next();
            let Some(column) = column else { return plan_err!("a subquery has no column") };
            let column = Expr::Column(column).alias(format!("__any_{}", named.get()));
            let plan = Projection::try_new(vec![column], Arc::new(plan))?;
            any.subquery.subquery = Arc::new(LogicalPlan::Projection(plan));
            any.expr = Box::new(converted(*any.expr, &a, &common)?);
            return Ok(Transformed::yes(Expr::SetComparison(any)));
        }
        other => return Ok(Transformed::no(other)),
    };
    let a = kind_of(&expr.expr, schema)?;
    let own = kinds(expr.subquery.subquery.schema())?;
    let [b] = own.as_slice() else { return plan_err!("a subquery behind IN has one column, not {}", own.len()) };
    let Some(common) = comparable_type(&a, b).filter(|common| !matches!(common, Type::Row(_))) else {
        return plan_err!("IN does not compare {} with {}", type_text(&a), type_text(b));
    };
    let plan = as_types(Arc::unwrap_or_clone(Arc::clone(&expr.subquery.subquery)), std::slice::from_ref(&common))?;
    Ok(Transformed::yes(Expr::InSubquery(InSubquery {
        expr: Box::new(converted(*expr.expr, &a, &common)?),
        subquery: Subquery { subquery: Arc::new(plan), ..expr.subquery },
        negated: expr.negated,
    })))
}

fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsNotDistinctFrom
            | Operator::IsDistinctFrom
    )
}
