//! What a plan may not do.

use std::mem::size_of_val;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::catalog::relation_of;
use crate::error::QueryError;

/// How long the texts and lists are together that a query has as constants. Each is there once for each row that is
/// worked on.
pub(super) const CONSTANTS_BYTES_MAX: usize = 64 * 1024;

/// Refuses a plan that does anything but read.
pub(super) fn is_read(plan: &LogicalPlan) -> Result<(), QueryError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    Ok(options.verify_plan(plan)?)
}

/// Refuses a plan that reads a relation which is not kept.
pub(super) fn relations(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            if let Some(relation) = relation_of(&provider).filter(|relation| !relation.info.is_materialized) {
                refused = Some(relation.info.name.clone());
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match refused {
        Some(name) => Err(QueryError::rejected(format!(
            "Tried to SELECT from a non-materialized source: {name}. To query it, declare a table WITH ('materialized' = \
             'true'), or a view as CREATE MATERIALIZED VIEW"
        ))),
        None => Ok(()),
    }
}

/// Refuses an optimized plan with constants so long that repeating them for each row takes more memory than there is.
pub(super) fn constants(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut bytes = 0_usize;
    plan.apply_with_subqueries(|node| {
        if !is_of_one_row(node) {
            node.apply_expressions(|expr| {
                expr.apply(|part| Ok(count(part, &mut bytes)))?;
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if bytes > CONSTANTS_BYTES_MAX {
        let message =
            format!("the query's long constants have {bytes} bytes; at most {CONSTANTS_BYTES_MAX} are allowed");
        return Err(QueryError::too_large(message));
    }
    Ok(())
}

/// Whether its constants are there once: they are in VALUES, or beside nothing.
fn is_of_one_row(node: &LogicalPlan) -> bool {
    let inputs = node.inputs();
    match node {
        LogicalPlan::Values(_) => true,
        _ => !inputs.is_empty() && inputs.iter().all(|input| matches!(input, LogicalPlan::EmptyRelation(_))),
    }
}

/// Counts the constant, if it is one; lists that values are looked up in are not repeated.
fn count(expr: &Expr, bytes: &mut usize) -> TreeNodeRecursion {
    match expr {
        Expr::Literal(value, _) => {
            *bytes = bytes.saturating_add(value.size().saturating_sub(size_of_val(value)));
            TreeNodeRecursion::Continue
        }
        Expr::InList(InList { list, .. }) if list.iter().all(|each| matches!(each, Expr::Literal(..))) => {
            TreeNodeRecursion::Jump
        }
        _ => TreeNodeRecursion::Continue,
    }
}
