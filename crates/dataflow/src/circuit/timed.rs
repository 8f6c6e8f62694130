//! Queries that ask for the time: `NOW()` becomes comparisons that change by themselves as the time goes on, or, where nothing better
//! is known, a column that holds the time.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, TableReference};
use datafusion_expr::utils::split_conjunction_owned;
use datafusion_expr::{BinaryExpr, Expr, JoinType, Operator};

use super::lower::memory_schema;
use super::lower_expr::lower;
use super::{Expression, Form, Join, Lowering, NodeId, Operation};
use crate::functions::FunctionUdf;
use crate::plan::PlanError;
use crate::program::CLOCK;
use crate::types::{column_type, field};

/// The relation that columns of the time are qualified by.
pub(super) const CLOCK_RELATION: &str = "__clock";
/// The name of the function that gives the time.
pub(crate) const NOW: &str = "__now";

/// Comparisons of rows with what the time makes of itself.
#[derive(Clone, Debug)]
pub(crate) struct Temporal {
    pub(crate) comparisons: Vec<Comparison>,
    /// Whether only rows are given for which all comparisons hold. Else each row gets a column for each comparison.
    pub(crate) is_filter: bool,
}

/// `value operator bound`.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    /// Over the columns of the rows.
    pub(crate) value: Expression,
    pub(crate) operator: Operator,
    /// Over the only column of the clock.
    pub(crate) bound: Expression,
    /// Whether the bound never goes back while the time does not.
    pub(crate) is_rising: bool,
}

/// Whether a part of an expression is the time.
pub(super) fn asks_for_time(expr: &Expr) -> bool {
    let mut found = false;
    let _ = expr.apply(|part| {
        found |= is_now(part);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

fn is_now(expr: &Expr) -> bool {
    let Expr::ScalarFunction(call) = expr else { return false };
    call.func.inner().as_ref().downcast_ref::<FunctionUdf>().is_some_and(|udf| udf.function.name == NOW)
}

fn columns_of_clock() -> Result<DFSchema, PlanError> {
    with_columns(&DFSchema::empty(), &[(CLOCK, Type::Timestamp)])
}

/// A schema with columns of the clock behind its own.
fn with_columns(schema: &DFSchema, columns: &[(&str, Type)]) -> Result<DFSchema, PlanError> {
    let own = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let more = columns.iter().map(|(name, kind)| {
        let column = field(name, &ColumnType { kind: kind.clone(), is_nullable: true });
        (Some(TableReference::bare(CLOCK_RELATION)), Arc::new(column))
    });
    Ok(DFSchema::new_with_metadata(own.chain(more).collect(), HashMap::new())?)
}

/// The comparison of a row with the time, if it is one.
fn comparison(expr: &Expr, schema: &DFSchema) -> Result<Option<Comparison>, PlanError> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return Ok(None) };
    let turned = match op {
        Operator::Lt => Operator::Gt,
        Operator::LtEq => Operator::GtEq,
        Operator::Gt => Operator::Lt,
        Operator::GtEq => Operator::LtEq,
        Operator::Eq | Operator::NotEq => *op,
        _ => return Ok(None),
    };
    let (value, operator, bound) = match (asks_for_time(left), asks_for_time(right)) {
        (false, true) => (left, *op, right),
        (true, false) => (right, turned, left),
        _ => return Ok(None),
    };
    if !bound.column_refs().is_empty() {
        return Ok(None);
    }
    let bound = lower(bound, &columns_of_clock()?)?;
    let is_rising = is_rising(&bound);
    Ok(Some(Comparison { value: lower(value, schema)?, operator, bound, is_rising }))
}

/// Whether the value of an expression over one column never goes back while the column's does not.
pub(crate) fn is_rising(expr: &Expression) -> bool {
    let is_literal = |expr: &Expression| matches!(expr.form, Form::Literal(_));
    match &expr.form {
        Form::Column(_) => true,
        Form::Cast(inner, _) => {
            let is_ordered = |kind: &Type| {
                matches!(kind, Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Date | Type::Timestamp)
            };
            is_ordered(&inner.column.kind) && is_ordered(&expr.column.kind) && is_rising(inner)
        }
        Form::Call { function, args, .. } => match (function.name, args.as_slice()) {
            ("__add" | "__subtract", [first, second]) => {
                !matches!(expr.column.kind, Type::Time) && is_rising(first) && is_literal(second)
            }
            ("__tumble", [first, rest @ ..]) => is_rising(first) && rest.iter().all(is_literal),
            ("date_trunc" | "timestamp_trunc" | "__floor_to" | "__ceil_to", [first, second]) => {
                (is_rising(first) && is_literal(second)) || (is_literal(first) && is_rising(second))
            }
            _ => false,
        },
        _ => false,
    }
}

impl Lowering {
    /// The node of the clock.
    fn clock(&self) -> Result<NodeId, PlanError> {
        let clock = self.relations.get(CLOCK).copied();
        clock.ok_or_else(|| PlanError::wrong(format!("Object '{CLOCK}' not found")))
    }

    /// Keeps the rows for which a condition holds that may ask for the time.
    pub(super) fn filtered(&mut self, condition: &Expr, node: NodeId, schema: &DFSchema) -> Result<NodeId, PlanError> {
        let mut node = node;
        let memory = memory_schema(schema)?;
        if !asks_for_time(condition) {
            let condition = lower(condition, schema)?.guarded();
            return self.add(Operation::Filter(condition), vec![node], memory);
        }
        let (mut timeless, mut comparisons, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for part in split_conjunction_owned(condition.clone()) {
            match comparison(&part, schema)? {
                Some(found) => comparisons.push(found),
                None if asks_for_time(&part) => others.push(part),
                None => timeless.push(part),
            }
        }
        if let Some(timeless) = timeless.into_iter().reduce(Expr::and) {
            let condition = lower(&timeless, schema)?.guarded();
            node = self.add(Operation::Filter(condition), vec![node], Arc::clone(&memory))?;
        }
        if !comparisons.is_empty() {
            let temporal = Temporal { comparisons, is_filter: true };
            node = self.add(Operation::Temporal(temporal), vec![node, self.clock()?], Arc::clone(&memory))?;
        }
        let Some(rest) = others.into_iter().reduce(Expr::and) else { return Ok(node) };
        let (timed, wide, exprs) = self.timed(&[rest], node, schema)?;
        let condition = lower(&exprs[0], &wide)?.guarded();
        node = self.add(Operation::Filter(condition), vec![timed], memory_schema(&wide)?)?;
        self.first_columns(node, schema)
    }

    /// Drops the columns behind those of a schema.
    pub(super) fn first_columns(&mut self, node: NodeId, schema: &DFSchema) -> Result<NodeId, PlanError> {
        let memory = memory_schema(schema)?;
        let column = |(at, field): (usize, &Arc<arrow::datatypes::Field>)| {
            column_type(field)
                .map(|kind| Expression::column(at, kind))
                .map_err(|error| PlanError::wrong(error.to_string()))
        };
        let columns = memory.fields().iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
        self.add(Operation::Project(columns), vec![node], memory)
    }

    /// What expressions over a node are computed of if they ask for the time: a node with more columns, its schema, and the expressions
    /// over it.
    pub(super) fn timed(
        &mut self,
        exprs: &[Expr],
        node: NodeId,
        schema: &DFSchema,
    ) -> Result<(NodeId, DFSchema, Vec<Expr>), PlanError> {
        if !exprs.iter().any(asks_for_time) {
            return Ok((node, schema.clone(), exprs.to_vec()));
        }
        let mut marks = Marks { schema, texts: Vec::new(), comparisons: Vec::new(), failed: None };
        let marked = exprs.iter().map(|expr| marks.replaced(expr)).collect::<Result<Vec<_>, _>>()?;
        if !marked.iter().any(asks_for_time) {
            let names: Vec<String> = (0..marks.comparisons.len()).map(mark).collect();
            let columns: Vec<(&str, Type)> = names.iter().map(|name| (name.as_str(), Type::Boolean)).collect();
            let wide = with_columns(schema, &columns)?;
            let temporal = Temporal { comparisons: marks.comparisons, is_filter: false };
            let node = self.add(Operation::Temporal(temporal), vec![node, self.clock()?], memory_schema(&wide)?)?;
            return Ok((node, wide, marked));
        }
        let wide = with_columns(schema, &[(CLOCK, Type::Timestamp)])?;
        let join = Join {
            kind: JoinType::Inner,
            left_keys: Vec::new(),
            right_keys: Vec::new(),
            nulls_match: false,
            filter: None,
            latest: None,
            is_null_aware: false,
        };
        let node = self.add(Operation::Join(Box::new(join)), vec![node, self.clock()?], memory_schema(&wide)?)?;
        Ok((node, wide, exprs.to_vec()))
    }
}

fn mark(at: usize) -> String {
    format!("mark{at}")
}

/// Puts columns in the place of comparisons with the time.
struct Marks<'a> {
    schema: &'a DFSchema,
    texts: Vec<String>,
    comparisons: Vec<Comparison>,
    failed: Option<PlanError>,
}

impl Marks<'_> {
    fn replaced(&mut self, expr: &Expr) -> Result<Expr, PlanError> {
        let replaced = expr.clone().transform_down(|part| match comparison(&part, self.schema) {
            Ok(None) => Ok(Transformed::no(part)),
            Err(error) => {
                self.failed = Some(error);
                Ok(Transformed::no(part))
            }
            Ok(Some(found)) => {
                let text = format!("{} {} {}", found.value.text(), found.operator, found.bound.text());
                let known = self.texts.iter().position(|each| *each == text);
                let at = known.unwrap_or_else(|| {
                    self.texts.push(text);
                    self.comparisons.push(found);
                    self.comparisons.len() - 1
                });
                Ok(Transformed::yes(Expr::Column(Column::new(Some(CLOCK_RELATION), mark(at)))))
            }
        })?;
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(replaced.data),
        }
    }
}
