//! Expressions over the columns of a batch.
//!
//! What the right side of `AND` and `OR`, the values of a choice and the later arguments of `COALESCE` are is only asked for rows where
//! it matters: a condition may guard a division.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::kernels::{boolean, cmp};
use datafusion_common::ScalarValue;
use datafusion_expr::Operator;

use super::lambda::Lambda;
use crate::functions::{Evaluation, Failing, Function, Outcome, Shape, cast, failure, run};
use crate::types::data_type;

/// An expression.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    pub(crate) form: Form,
    pub(crate) column: ColumnType,
}

/// What an expression is made of.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    Column(usize),
    Literal(ScalarValue),
    Call {
        function: &'static Function,
        shape: Arc<Shape>,
        given: Vec<Type>,
        args: Vec<Expression>,
    },
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Compare(Operator, Box<Expression>, Box<Expression>),
    /// Whether it is NULL.
    IsNull(Box<Expression>),
    /// Whether it is this truth: false for NULL.
    Is(Box<Expression>, bool),
    Cast(Box<Expression>, Failing),
    Lambda(Box<Lambda>),
}

impl Expression {
    /// The column of a batch.
    pub(crate) fn column(at: usize, column: ColumnType) -> Self {
        Self { form: Form::Column(at), column }
    }

    /// The expression as a value of a type.
    pub(crate) fn cast_to(self, kind: &Type) -> Self {
        if self.column.kind == *kind {
            return self;
        }
        let column = ColumnType { kind: kind.clone(), is_nullable: self.column.is_nullable };
        Self { form: Form::Cast(Box::new(self), Failing::Error), column }
    }

    /// The value for every row.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Outcome<ArrayRef> {
        match &self.form {
            Form::Column(at) => {
                batch.columns().get(*at).cloned().ok_or_else(|| failure!("there is no column {at} in a batch"))
            }
            Form::Literal(value) => {
                value.to_array_of_size(batch.num_rows()).map_err(|error| failure!("{}", error.strip_backtrace()))
            }
            Form::Call { function, shape, given, args } => match function.evaluation {
                Evaluation::Eager => {
                    let args = args.iter().map(|arg| arg.evaluate(batch)).collect::<Outcome<Vec<_>>>()?;
                    run(function, shape, given, &args, batch.num_rows())
                }
                Evaluation::Cases => cases(shape, given, args, batch),
                Evaluation::FirstValue => first_value(shape, given, args, batch),
            },
            Form::And(left, right) => guarded(left, right, batch, true),
            Form::Or(left, right) => guarded(left, right, batch, false),
            Form::Not(inner) => Ok(Arc::new(boolean::not(&truths(&inner.evaluate(batch)?)?)?)),
            Form::Compare(operator, left, right) => {
                compared(*operator, &left.evaluate(batch)?, &right.evaluate(batch)?)
            }
            Form::IsNull(inner) => {
                let value = inner.evaluate(batch)?;
                if *value.data_type() == arrow::datatypes::DataType::Null {
                    return Ok(Arc::new(BooleanArray::from(vec![true; batch.num_rows()])));
                }
                Ok(Arc::new(boolean::is_null(&value)?))
            }
            Form::Is(inner, wanted) => {
                let value = truths(&inner.evaluate(batch)?)?;
                let is = |row: usize| value.is_valid(row) && value.value(row) == *wanted;
                Ok(Arc::new(BooleanArray::from((0..value.len()).map(is).collect::<Vec<_>>())))
            }
            Form::Cast(inner, failing) => {
                cast(&inner.evaluate(batch)?, &inner.column.kind, &self.column.kind, *failing)
            }
            Form::Lambda(lambda) => lambda.evaluate(batch),
        }
    }

    /// The rows of a batch where it is true.
    pub(crate) fn holds(&self, batch: &RecordBatch) -> Outcome<Vec<bool>> {
        let value = truths(&self.evaluate(batch)?)?;
        Ok((0..value.len()).map(|row| value.is_valid(row) && value.value(row)).collect())
    }

    /// Whether its evaluation may fail for some values.
    pub(crate) fn may_fail(&self) -> bool {
        match &self.form {
            Form::Column(_) | Form::Literal(_) => false,
            Form::Call { function, shape, given, args } => {
                let converts = given.iter().zip(&shape.params).any(|(from, to)| !is_safe(from, to));
                converts || !SAFE.contains(&function.name) || args.iter().any(Self::may_fail)
            }
            Form::And(left, right) | Form::Or(left, right) | Form::Compare(_, left, right) => {
                left.may_fail() || right.may_fail()
            }
            Form::Not(inner) | Form::IsNull(inner) | Form::Is(inner, _) => inner.may_fail(),
            Form::Lambda(lambda) => lambda.list.may_fail() || lambda.body.may_fail(),
            Form::Cast(inner, failing) => {
                inner.may_fail() || (*failing == Failing::Error && !is_safe(&inner.column.kind, &self.column.kind))
            }
        }
    }

    /// A condition whose parts that cannot fail come first: they may guard the others, wherever those were written.
    pub(crate) fn guarded(self) -> Self {
        let column = self.column.clone();
        let mut parts = Vec::new();
        let mut open = vec![self];
        while let Some(next) = open.pop() {
            match next.form {
                Form::And(left, right) => open.extend([*right, *left]),
                _ => parts.push(next),
            }
        }
        let (unsafe_parts, safe_parts): (Vec<Self>, Vec<Self>) = parts.into_iter().partition(Self::may_fail);
        let joined = safe_parts
            .into_iter()
            .chain(unsafe_parts)
            .reduce(|left, right| Self { form: Form::And(Box::new(left), Box::new(right)), column: column.clone() });
        joined.unwrap_or(Self { form: Form::Literal(ScalarValue::Boolean(Some(true))), column })
    }

    /// What it is as text, which also tells whether two are the same.
    pub(crate) fn text(&self) -> String {
        match &self.form {
            Form::Column(at) => format!("${at}"),
            Form::Literal(value) => super::identity::literal_text(value),
            Form::Call { function, args, shape, .. } => {
                let args: Vec<String> = args.iter().map(Self::text).collect();
                format!("{}({}):{}", function.name, args.join(", "), crate::types::type_text(&shape.result.kind))
            }
            Form::And(left, right) => format!("({} AND {})", left.text(), right.text()),
            Form::Or(left, right) => format!("({} OR {})", left.text(), right.text()),
            Form::Not(inner) => format!("(NOT {})", inner.text()),
            Form::Compare(operator, left, right) => format!("({} {operator} {})", left.text(), right.text()),
            Form::IsNull(inner) => format!("({} IS NULL)", inner.text()),
            Form::Is(inner, wanted) => format!("({} IS {wanted})", inner.text()),
            Form::Cast(inner, failing) => {
                format!("CAST({} AS {}){failing:?}", inner.text(), crate::types::type_text(&self.column.kind))
            }
            Form::Lambda(lambda) => lambda.text(),
        }
    }
}

/// Functions that give a value for all arguments.
const SAFE: [&str; 14] = [
    "__eq", "__ne", "__lt", "__le", "__gt", "__ge", "__same", "__in", "__case", "coalesce", "ifnull", "upper", "lower",
    "__at",
];

/// Whether every value of a type can be converted to another.
fn is_safe(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (Type::Null, _)
        | (Type::Char(_) | Type::Varchar(_) | Type::Uuid, Type::Varchar(_))
        | (Type::Int(_) | Type::UInt(_) | Type::Decimal(..) | Type::Real, Type::Double)
        | (Type::Date, Type::Timestamp) => true,
        (Type::Int(a), Type::Int(b)) | (Type::UInt(a), Type::UInt(b)) => a <= b,
        (Type::UInt(a), Type::Int(b)) => a < b,
        (from, Type::Decimal(digits, scale)) => {
            crate::types::decimal_of(from).is_some_and(|(own, own_scale)| own - own_scale <= digits - scale)
        }
        _ => false,
    }
}

fn truths(array: &ArrayRef) -> Outcome<BooleanArray> {
    if *array.data_type() == arrow::datatypes::DataType::Null {
        return Ok(BooleanArray::new_null(array.len()));
    }
    array.as_boolean_opt().cloned().ok_or_else(|| failure!("a condition is expected, not {}", array.data_type()))
}

fn compared(operator: Operator, left: &ArrayRef, right: &ArrayRef) -> Outcome<ArrayRef> {
    let (left, right): (&dyn arrow::array::Datum, &dyn arrow::array::Datum) = (left, right);
    Ok(Arc::new(match operator {
        Operator::Eq => cmp::eq(left, right)?,
        Operator::NotEq => cmp::neq(left, right)?,
        Operator::Lt => cmp::lt(left, right)?,
        Operator::LtEq => cmp::lt_eq(left, right)?,
        Operator::Gt => cmp::gt(left, right)?,
        Operator::GtEq => cmp::gt_eq(left, right)?,
        Operator::IsNotDistinctFrom => cmp::not_distinct(left, right)?,
        Operator::IsDistinctFrom => cmp::distinct(left, right)?,
        other => return Err(failure!("the operator {other} compares nothing")),
    }))
}

/// `AND`, or `OR`: the right side only where the left one does not decide.
fn guarded(left: &Expression, right: &Expression, batch: &RecordBatch, is_and: bool) -> Outcome<ArrayRef> {
    let left = truths(&left.evaluate(batch)?)?;
    let is_open = |row: &u32| {
        let row = *row as usize;
        left.is_null(row) || left.value(row) == is_and
    };
    let open: Vec<u32> = (0..batch.num_rows() as u32).filter(is_open).collect();
    if open.is_empty() {
        return Ok(Arc::new(left));
    }
    let right = truths(&on_rows(right, batch, &open)?)?;
    let value = if is_and { boolean::and_kleene(&left, &right)? } else { boolean::or_kleene(&left, &right)? };
    Ok(Arc::new(value))
}

/// The value of an expression on some rows, NULL on the others.
fn on_rows(expression: &Expression, batch: &RecordBatch, rows: &[u32]) -> Outcome<ArrayRef> {
    if rows.len() == batch.num_rows() {
        return expression.evaluate(batch);
    }
    let some = expression.evaluate(&taken(batch, rows)?)?;
    let mut places: Vec<Option<u32>> = vec![None; batch.num_rows()];
    for (at, row) in rows.iter().enumerate() {
        places[*row as usize] = Some(at as u32);
    }
    Ok(arrow::compute::take(&some, &UInt32Array::from(places), None)?)
}

/// Some rows of a batch.
pub(crate) fn taken(batch: &RecordBatch, rows: &[u32]) -> Outcome<RecordBatch> {
    let rows = UInt32Array::from(rows.to_vec());
    let columns = batch
        .columns()
        .iter()
        .map(|column| arrow::compute::take(column, &rows, None))
        .collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}

fn cases(shape: &Shape, given: &[Type], args: &[Expression], batch: &RecordBatch) -> Outcome<ArrayRef> {
    let mut parts = Parts::new(shape, batch.num_rows());
    let mut open: Vec<u32> = (0..batch.num_rows() as u32).collect();
    for at in (0..args.len().saturating_sub(1)).step_by(2) {
        if open.is_empty() {
            break;
        }
        let holds = args[at].holds(&taken(batch, &open)?)?;
        let (mut chosen, mut rest) = (Vec::new(), Vec::new());
        for (row, holds) in open.into_iter().zip(holds) {
            if holds { chosen.push(row) } else { rest.push(row) }
        }
        open = rest;
        parts.add(&args[at + 1], &given[at + 1], batch, &chosen)?;
    }
    if args.len() % 2 == 1 {
        parts.add(&args[args.len() - 1], &given[args.len() - 1], batch, &open)?;
    }
    parts.finish()
}

fn first_value(shape: &Shape, given: &[Type], args: &[Expression], batch: &RecordBatch) -> Outcome<ArrayRef> {
    let mut parts = Parts::new(shape, batch.num_rows());
    let mut open: Vec<u32> = (0..batch.num_rows() as u32).collect();
    for (arg, kind) in args.iter().zip(given) {
        if open.is_empty() {
            break;
        }
        let nulls = parts.add(arg, kind, batch, &open)?;
        open = nulls;
    }
    parts.finish()
}

/// A column that is put together from values of different expressions.
struct Parts<'a> {
    shape: &'a Shape,
    arrays: Vec<ArrayRef>,
    places: Vec<(usize, usize)>,
}

impl<'a> Parts<'a> {
    fn new(shape: &'a Shape, rows: usize) -> Self {
        Self { shape, arrays: vec![new_null_array(&data_type(&shape.result.kind), 1)], places: vec![(0, 0); rows] }
    }

    /// Takes the values of an expression for some rows; gives the rows where they are NULL.
    fn add(&mut self, expression: &Expression, kind: &Type, batch: &RecordBatch, rows: &[u32]) -> Outcome<Vec<u32>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let values = expression.evaluate(&taken(batch, rows)?)?;
        let values = cast(&values, kind, &self.shape.result.kind, Failing::Error)?;
        let mut nulls = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            self.places[*row as usize] = (self.arrays.len(), at);
            if values.is_null(at) {
                nulls.push(*row);
            }
        }
        self.arrays.push(values);
        Ok(nulls)
    }

    fn finish(self) -> Outcome<ArrayRef> {
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        Ok(arrow::compute::interleave(&arrays, &self.places)?)
    }
}
