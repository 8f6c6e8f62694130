//! `INTERSECT ALL` and `EXCEPT ALL`: rows count as often as they are there.
//!
//! Equal rows are numbered on both sides; the third of them meets the third of the other side. So the numbers make a set of each side.

use std::sync::Arc;

use datafusion_common::{Column, NullEquality, Result, plan_err};
use datafusion_expr::expr::WindowFunction;
use datafusion_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, WindowFunctionDefinition};

use crate::windows;

/// The column of the numbers.
const NUMBER: &str = "__place";

/// A join that stands for such an operation, with the rows numbered; another one as it is.
///
/// A query is planned so that only operations on sets match NULL with NULL, and those without `ALL` take each row of the left side once.
pub(super) fn counted(join: Join) -> Result<LogicalPlan> {
    let is_of_sets = matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && join.null_equality == NullEquality::NullEqualsNull
        && join.filter.is_none();
    if !is_of_sets || matches!(join.left.as_ref(), LogicalPlan::Distinct(_)) {
        return Ok(LogicalPlan::Join(join));
    }
    let columns: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let (left, left_number) = numbered(Arc::unwrap_or_clone(join.left), "__left")?;
    let (right, right_number) = numbered(Arc::unwrap_or_clone(join.right), "__right")?;
    let mut on = join.on;
    on.push((Expr::Column(left_number), Expr::Column(right_number)));
    let joined = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        None,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(columns)?.build()
}

/// Rows with the number of each among those that are equal to it.
fn numbered(plan: LogicalPlan, side: &str) -> Result<(LogicalPlan, Column)> {
    let Some(number) = windows::find("row_number") else { return plan_err!("there is no ROW_NUMBER") };
    let own: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let mut over = WindowFunction::new(WindowFunctionDefinition::WindowUDF(Arc::new(number)), Vec::new());
    over.params.partition_by.clone_from(&own);
    let name = format!("{side}{NUMBER}");
    let over = Expr::from(over);
    let given = over.schema_name().to_string();
    let plan = LogicalPlanBuilder::from(plan).window(vec![over])?;
    let renamed = Expr::Column(Column::from_name(given)).alias(name.clone());
    let plan = plan.project(own.into_iter().chain([renamed]))?.build()?;
    Ok((plan, Column::from_name(name)))
}
