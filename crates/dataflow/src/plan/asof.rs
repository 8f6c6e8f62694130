//! `LEFT ASOF JOIN r MATCH_CONDITION(l.t >= r.t) ON …`: a left join whose condition says that only the latest match counts.

use sqlparser::ast::{BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, Spanned};

use super::build::call;
use super::error::{PlanError, place_of};
use crate::functions::LATEST;

/// Rewrites joins that are such.
pub(super) fn rewrite(joins: &mut [Join]) -> Result<(), PlanError> {
    for join in joins {
        let JoinOperator::AsOf { match_condition, constraint } = &join.join_operator else { continue };
        let placed = |mut error: PlanError| {
            error.place = place_of(match_condition.span());
            error
        };
        let condition = if let Expr::Nested(inner) = match_condition { inner } else { match_condition };
        let Expr::BinaryOp { left, op: BinaryOperator::GtEq, right } = condition else {
            return Err(placed(PlanError::wrong("MATCH_CONDITION is of the form left >= right")));
        };
        let JoinConstraint::On(on) = constraint else {
            return Err(placed(PlanError::not_yet("ASOF JOIN takes ON")));
        };
        let latest = call(LATEST, vec![left.as_ref().clone(), right.as_ref().clone()]);
        let both = Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(on.clone()))),
            op: BinaryOperator::And,
            right: Box::new(latest),
        };
        join.join_operator = JoinOperator::LeftOuter(JoinConstraint::On(both));
    }
    Ok(())
}
