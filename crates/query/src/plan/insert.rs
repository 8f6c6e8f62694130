//! INSERT: what it reads, and what of a table it gives.

use std::sync::Arc;

use arrow::datatypes::{Field, Fields, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DFSchema, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{DmlStatement, LogicalPlan, Values, WriteOp};
use datafusion::physical_plan::ExecutionPlan;

use super::Planner;
use crate::catalog::relation_of;
use crate::error::QueryError;
use crate::relations::{RelationInfo, RelationKind};
use crate::text::InsertInto;

/// An INSERT that is planned.
pub(crate) struct InsertPlan {
    pub table: String,
    /// The places of the columns it gives, ascending.
    pub given: Vec<usize>,
    /// All columns of the table; those not given may be NULL here.
    pub schema: SchemaRef,
    /// The plan of its rows.
    pub rows: Arc<dyn ExecutionPlan>,
}

impl Planner {
    pub(super) fn insert(&self, plan: LogicalPlan, into: &InsertInto) -> Result<InsertPlan, QueryError> {
        let LogicalPlan::Dml(DmlStatement { target, op: WriteOp::Insert(InsertOp::Append), input, .. }) = plan else {
            return Err(QueryError::rejected("this kind of INSERT is not supported"));
        };
        let provider = source_as_provider(&target)?;
        let relation = relation_of(&provider)
            .ok_or_else(|| QueryError::rejected("rows can only be inserted into tables of the pipeline"))?;
        let info = &relation.info;
        if info.kind == RelationKind::View {
            let message = format!("{} is a view: rows can only be inserted into tables", info.name);
            return Err(QueryError::rejected(message));
        }
        let given = given(info, into);
        Ok(InsertPlan {
            table: info.name.clone(),
            schema: inserted(info, &given)?,
            given,
            rows: self.physical(&with_nulls(Arc::unwrap_or_clone(input))?)?,
        })
    }
}

/// Lists of values may have NULLs wherever the table may not: which column that is, and that it may not, is told when they are there.
fn with_nulls(input: LogicalPlan) -> Result<LogicalPlan, QueryError> {
    let nullable = |values: Values| {
        let schema = &values.schema;
        let field = |(qualifier, field): (Option<&TableReference>, &Arc<Field>)| {
            (qualifier.cloned(), Arc::new(field.as_ref().clone().with_nullable(true)))
        };
        let schema = DFSchema::new_with_metadata(schema.iter().map(field).collect(), schema.metadata().clone())?;
        Ok::<_, DataFusionError>(LogicalPlan::Values(Values { schema: Arc::new(schema), ..values }))
    };
    let input = input.transform_up(|node| match node {
        LogicalPlan::Values(values) => Ok(Transformed::yes(nullable(values)?)),
        other => Ok(Transformed::yes(other.recompute_schema()?)),
    });
    Ok(input?.data)
}

/// The places of the columns that are named; of all, if none is.
fn given(info: &RelationInfo, into: &InsertInto) -> Vec<usize> {
    let is_given = |place: &usize| into.columns.is_empty() || into.columns.contains(info.schema.field(*place).name());
    (0..info.schema.fields().len()).filter(is_given).collect()
}

/// The columns as the sink gets them.
fn inserted(info: &RelationInfo, given: &[usize]) -> Result<SchemaRef, QueryError> {
    let columns = info.schema.fields().iter().enumerate();
    let field = |(place, field): (usize, &Arc<Field>)| {
        if given.contains(&place) || field.is_nullable() {
            return Ok(field.clone());
        }
        if info.defaults.contains(&place) {
            return Ok(Arc::new(field.as_ref().clone().with_nullable(true)));
        }
        let message =
            format!("column {} of {} is NOT NULL and has no default: give it a value", field.name(), info.name);
        Err(QueryError::rejected(message))
    };
    let fields = columns.map(field).collect::<Result<Fields, _>>()?;
    Ok(Arc::new(Schema::new_with_metadata(fields, info.schema.metadata().clone())))
}
