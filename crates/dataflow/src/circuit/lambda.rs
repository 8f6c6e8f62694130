//! Lambdas over the elements of arrays.

use std::collections::HashMap;
use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, LargeListArray, RecordBatch, UInt32Array, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchema, TableReference};
use datafusion_expr::Expr;
use datafusion_expr::expr::HigherOrderFunction;

use super::lower_expr::lower;
use super::{Expression, Form};
use crate::functions::{LambdaCall, LambdaUdf, Outcome, failure};
use crate::plan::PlanError;
use crate::types::{data_type, field};

/// With what the qualifiers of parameters begin.
const PARAMETER_RELATION: &str = "__lambda";

/// A call of a function with a lambda.
#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    pub(crate) call: LambdaCall,
    pub(crate) list: Expression,
    /// The columns that the lambda reads.
    pub(crate) outer: Vec<usize>,
    /// Over those columns and the element behind them.
    pub(crate) body: Expression,
}

/// A call of a function with a lambda, over the columns of a schema.
pub(super) fn lower_lambda(function: &HigherOrderFunction, schema: &DFSchema) -> Result<Expression, PlanError> {
    let inner: &dyn std::any::Any = function.func.inner().as_ref();
    let Some(udf) = inner.downcast_ref::<LambdaUdf>() else {
        return Err(PlanError::not_yet(format!("the function {} is not there", function.name())));
    };
    let [list, Expr::Lambda(lambda)] = function.args.as_slice() else {
        return Err(PlanError::wrong(format!("{} takes an array and a lambda", function.name())));
    };
    let [name] = lambda.params.as_slice() else {
        return Err(PlanError::wrong(format!("the lambda of {} has one parameter", function.name())));
    };
    let list = lower(list, schema)?;
    let item = match &list.column.kind {
        Type::Array(item) => item.as_ref().clone(),
        _ => Type::Null,
    };
    let depth = schema.iter().filter(|(qualifier, _)| is_parameter(*qualifier)).count();
    let relation = TableReference::bare(format!("{PARAMETER_RELATION}{depth}"));
    let parameter = Arc::new(field(name, &ColumnType { kind: item, is_nullable: true }));
    let own = schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let inner = own.chain([(Some(relation.clone()), parameter)]).collect();
    let inner = DFSchema::new_with_metadata(inner, HashMap::new())?;
    let body = lower(&with_column(lambda.body.as_ref(), name, &relation)?, &inner)?;

    let element = schema.fields().len();
    let mut outer: Vec<usize> = Vec::new();
    body.clone().mapped_columns(&mut |at| {
        if at != element && !outer.contains(&at) {
            outer.push(at);
        }
        at
    });
    let place = |at: usize| outer.iter().position(|each| *each == at).unwrap_or(outer.len());
    let body = body.mapped_columns(&mut |at| place(at));
    let kind = udf.call.result(&body.column.kind);
    let form = Form::Lambda(Box::new(Lambda { call: udf.call, list, outer, body }));
    Ok(Expression { form, column: ColumnType { kind, is_nullable: true } })
}

fn is_parameter(qualifier: Option<&TableReference>) -> bool {
    qualifier.is_some_and(|qualifier| qualifier.table().starts_with(PARAMETER_RELATION))
}

/// The body with a column in the place of the parameter. A lambda inside that has a parameter of the same name keeps it.
fn with_column(body: &Expr, name: &str, relation: &TableReference) -> Result<Expr, PlanError> {
    let replaced = body.clone().transform_down(|part| {
        Ok(match part {
            Expr::LambdaVariable(variable) if variable.name == name => {
                Transformed::yes(Expr::Column(Column::new(Some(relation.clone()), name)))
            }
            Expr::Lambda(inner) if inner.params.iter().any(|param| param == name) => {
                Transformed::new(Expr::Lambda(inner), false, TreeNodeRecursion::Jump)
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(replaced.data)
}

impl Lambda {
    pub(super) fn text(&self) -> String {
        format!("{:?}({}, {:?} -> {})", self.call, self.list.text(), self.outer, self.body.text())
    }

    /// The value for every row.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Outcome<ArrayRef> {
        let value = self.list.evaluate(batch)?;
        if value.data_type().is_null() {
            let kind = self.call.result(&self.body.column.kind);
            return Ok(new_null_array(&data_type(&kind), batch.num_rows()));
        }
        let list = value.as_list_opt::<i64>().ok_or_else(|| failure!("an array is expected"))?;
        let (mut rows, mut places, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(list.len()));
        for row in 0..list.len() {
            let length = if list.is_valid(row) { list.value_length(row) as usize } else { 0 };
            let start = list.value_offsets()[row] as usize;
            rows.extend(std::iter::repeat_n(row as u32, length));
            places.extend((start..start + length).map(|at| at as u32));
            lengths.push(length);
        }
        let values = self.values(batch, list, rows, places)?;
        match self.call {
            LambdaCall::Transform => {
                let DataType::LargeList(item) = data_type(&self.call.result(&self.body.column.kind)) else {
                    return Err(failure!("an array is planned"));
                };
                let nulls = NullBuffer::from((0..list.len()).map(|row| list.is_valid(row)).collect::<Vec<bool>>());
                let offsets = OffsetBuffer::from_lengths(lengths);
                Ok(Arc::new(LargeListArray::try_new(item, offsets, values, Some(nulls))?))
            }
            LambdaCall::Exists => {
                let truths = if values.data_type().is_null() {
                    BooleanArray::new_null(values.len())
                } else {
                    values.as_boolean_opt().ok_or_else(|| failure!("a condition is expected"))?.clone()
                };
                let mut next = 0;
                let mut found = Vec::with_capacity(list.len());
                for (row, length) in lengths.into_iter().enumerate() {
                    let mut own = next..next + length;
                    next += length;
                    let is_true = own.clone().any(|at| truths.is_valid(at) && truths.value(at));
                    let is_open = own.any(|at| truths.is_null(at));
                    found.push(if list.is_null(row) || (is_open && !is_true) { None } else { Some(is_true) });
                }
                Ok(Arc::new(BooleanArray::from(found)))
            }
        }
    }

    /// The lambda's values for elements at places, each of a row.
    fn values(
        &self,
        batch: &RecordBatch,
        list: &LargeListArray,
        rows: Vec<u32>,
        places: Vec<u32>,
    ) -> Outcome<ArrayRef> {
        let (rows, places) = (UInt32Array::from(rows), UInt32Array::from(places));
        let mut columns = Vec::with_capacity(self.outer.len() + 1);
        for at in &self.outer {
            let column = batch.columns().get(*at).ok_or_else(|| failure!("there is no column {at} in a batch"))?;
            columns.push(arrow::compute::take(column, &rows, None)?);
        }
        columns.push(arrow::compute::take(list.values(), &places, None)?);
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Field::new(format!("c{at}"), column.data_type().clone(), true))
            .collect();
        self.body.evaluate(&RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}

impl Expression {
    /// The expression over columns with other numbers.
    pub(super) fn mapped_columns(mut self, map: &mut dyn FnMut(usize) -> usize) -> Self {
        let boxed = |inner: &mut Box<Self>, map: &mut dyn FnMut(usize) -> usize| {
            let own =
                std::mem::replace(inner.as_mut(), Self::column(0, ColumnType { kind: Type::Null, is_nullable: true }));
            **inner = own.mapped_columns(map);
        };
        match &mut self.form {
            Form::Column(at) => *at = map(*at),
            Form::Literal(_) => {}
            Form::Call { args, .. } => {
                *args = std::mem::take(args).into_iter().map(|arg| arg.mapped_columns(map)).collect();
            }
            Form::And(left, right) | Form::Or(left, right) | Form::Compare(_, left, right) => {
                boxed(left, map);
                boxed(right, map);
            }
            Form::Not(inner) | Form::IsNull(inner) | Form::Is(inner, _) | Form::Cast(inner, _) => boxed(inner, map),
            Form::Lambda(lambda) => {
                let nothing = Self::column(0, ColumnType { kind: Type::Null, is_nullable: true });
                let list = std::mem::replace(&mut lambda.list, nothing);
                lambda.list = list.mapped_columns(map);
                lambda.outer.iter_mut().for_each(|at| *at = map(*at));
            }
        }
        self
    }
}
