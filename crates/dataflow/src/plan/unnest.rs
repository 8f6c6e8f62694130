//! Arrays of a relation that are unnested beside it: `FROM t, UNNEST(t.list) AS x`.
//!
//! DataFusion plans that as a join with a subquery over one row that names columns from outside. Here the arrays become columns of the
//! relation, and their elements rows of it.

use std::sync::Arc;

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, Result, TableReference, UnnestOptions};
use datafusion_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection};

/// A join with arrays of its left side as an unnesting of that side; anything else as it is.
pub(super) fn beside(join: Join) -> Result<LogicalPlan> {
    let is_plain = join.join_type == JoinType::Inner && join.on.is_empty();
    let Some(lateral) = is_plain.then(|| Lateral::of(&join.right)).flatten() else {
        return Ok(LogicalPlan::Join(join));
    };
    let left = Arc::unwrap_or_clone(join.left);
    let own: Vec<Expr> = left.schema().iter().map(|pair| Expr::Column(Column::from(pair))).collect();
    let with_own = |exprs: &[Expr]| -> Result<Vec<Expr>> {
        let exprs = exprs.iter().map(|expr| expr.clone().transform_up(from_inside).map(|expr| expr.data));
        own.iter().cloned().map(Ok).chain(exprs).collect()
    };
    let lists: Vec<Column> =
        lateral.lists.expr.iter().map(|expr| Column::from_name(expr.schema_name().to_string())).collect();
    let options = UnnestOptions { preserve_nulls: false, recursions: Vec::new() };
    let mut builder = LogicalPlanBuilder::from(left)
        .project(with_own(&lateral.lists.expr)?)?
        .unnest_columns_with_options(lists, options)?;
    // The names of elements are those that the unnesting gave them there.
    let given: Vec<Expr> = builder.schema().columns().into_iter().skip(own.len()).map(Expr::Column).collect();
    let renamed = given.into_iter().zip(&lateral.elements).map(|(expr, name)| expr.alias(name.clone()));
    builder = builder.project(own.iter().cloned().chain(renamed))?;
    for projection in lateral.above.iter().rev() {
        builder = builder.project(with_own(&projection.expr)?)?;
    }
    let named: Vec<Expr> = builder
        .schema()
        .columns()
        .into_iter()
        .skip(own.len())
        .map(|column| {
            let name = column.name.clone();
            Expr::Column(column).alias_qualified(lateral.alias.clone(), name)
        })
        .collect();
    builder = builder.project(own.into_iter().chain(named))?;
    match join.filter {
        Some(filter) => builder.filter(filter)?.build(),
        None => builder.build(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "transformations of expressions have this form")]
fn from_inside(expr: Expr) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
        other => Transformed::no(other),
    })
}

/// The right side of such a join.
struct Lateral<'a> {
    alias: Option<TableReference>,
    /// What only renames, from the outside in.
    above: Vec<&'a Projection>,
    /// The names of the unnested columns.
    elements: Vec<String>,
    lists: &'a Projection,
}

impl<'a> Lateral<'a> {
    fn of(plan: &'a LogicalPlan) -> Option<Self> {
        let (mut alias, mut above, mut next) = (None, Vec::new(), plan);
        loop {
            match next {
                LogicalPlan::SubqueryAlias(named) if alias.is_none() => {
                    alias = Some(named.alias.clone());
                    next = &named.input;
                }
                LogicalPlan::Subquery(subquery) => next = &subquery.subquery,
                LogicalPlan::Projection(projection) => {
                    above.push(projection);
                    next = &projection.input;
                }
                LogicalPlan::Unnest(unnest) => {
                    let LogicalPlan::Projection(lists) = unnest.input.as_ref() else { return None };
                    let LogicalPlan::EmptyRelation(empty) = lists.input.as_ref() else { return None };
                    let elements = unnest.schema.fields().iter().map(|field| field.name().clone()).collect();
                    return empty.produce_one_row.then_some(Self { alias, above, elements, lists });
                }
                _ => return None,
            }
        }
    }
}
