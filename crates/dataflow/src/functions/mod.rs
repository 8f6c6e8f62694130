//! The functions and operators of SQL programs, over columns.
//!
//! A [`Function`] says for the types of its arguments what they are converted to and what it gives ([`Shape`]), and computes a
//! column from columns. NULL in gives NULL out unless a function says otherwise.

mod arithmetic;
mod binary;
mod bits;
mod cast;
mod choice;
mod compare;
mod decimal;
mod interval;
mod lambdas;
mod lists;
mod maps;
mod math;
mod registry;
mod strings;
mod support;
mod time;
mod udf;
mod variant;

use alluvium_sql::types::{ColumnType, Type};
use arrow::array::ArrayRef;
use arrow::error::ArrowError;
use datafusion_common::ScalarValue;

pub(crate) use arithmetic::{days_plus_months, timestamp_plus_months};
pub(crate) use cast::{Failing, cast};
pub(crate) use compare::{LATEST, encode, is_nested};
pub(crate) use decimal::{decimal_text, from_double};
pub(crate) use interval::parse_interval_text;
pub(crate) use lambdas::{LambdaCall, LambdaUdf, find as find_lambda, names as lambda_names};
pub(crate) use maps::sorted as sorted_maps;
pub(crate) use registry::{find, names};
pub(crate) use support::types_text;
pub(crate) use udf::{FunctionUdf, call, run, udf};

/// Why a function cannot be called so, or cannot give a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct FunctionError(pub(crate) String);

impl From<ArrowError> for FunctionError {
    fn from(error: ArrowError) -> Self {
        Self(error.to_string())
    }
}

/// Makes an error like `format!` makes a text.
macro_rules! failure {
    ($($part:tt)*) => { $crate::functions::FunctionError(format!($($part)*)) };
}
pub(crate) use failure;

/// What functions give.
pub(crate) type Outcome<T> = Result<T, FunctionError>;

/// An argument when its call is planned.
#[derive(Clone, Debug)]
pub(crate) struct Arg<'a> {
    /// Its type.
    pub(crate) column: ColumnType,
    /// Its value, if it is a constant.
    pub(crate) literal: Option<&'a ScalarValue>,
}

impl Arg<'_> {
    /// The text of an argument that has to be a constant text.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.literal {
            Some(ScalarValue::Utf8(Some(text))) => Some(text),
            _ => None,
        }
    }
}

/// What the arguments of a call are converted to, and the type of its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// A type for each argument.
    pub(crate) params: Vec<Type>,
    /// The type of the value.
    pub(crate) result: ColumnType,
}

impl Shape {
    /// A shape whose value is NULL only if an argument may be.
    pub(crate) fn strict(args: &[Arg<'_>], params: Vec<Type>, result: Type) -> Self {
        let is_nullable = args.iter().any(|arg| arg.column.is_nullable || arg.column.kind == Type::Null);
        Self { params, result: ColumnType { kind: result, is_nullable } }
    }

    /// A shape whose value may be NULL whatever the arguments are.
    pub(crate) fn nullable(params: Vec<Type>, result: Type) -> Self {
        Self { params, result: ColumnType { kind: result, is_nullable: true } }
    }
}

/// A call on columns: the arguments are of the shape's types.
pub(crate) struct Call<'a> {
    /// The columns, each as long as `rows`.
    pub(crate) args: &'a [ArrayRef],
    /// What was planned.
    pub(crate) shape: &'a Shape,
    /// How many rows there are.
    pub(crate) rows: usize,
}

/// Plans a call.
pub(crate) type ShapeRule = fn(&[Arg<'_>]) -> Outcome<Shape>;
/// Computes a call.
pub(crate) type Kernel = fn(&Call<'_>) -> Outcome<ArrayRef>;

/// How the arguments of a function are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evaluation {
    /// All of them on all rows.
    Eager,
    /// `condition, value, condition, value, …, otherwise`: a value only on rows whose condition is the first that is true.
    Cases,
    /// The first that is not NULL: the later ones only on rows where the earlier ones are NULL.
    FirstValue,
}

/// A function of SQL programs.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name, in lower case. Those of operators begin with two underscores.
    pub(crate) name: &'static str,
    /// How a call is planned.
    pub(crate) shape: ShapeRule,
    /// How it is computed.
    pub(crate) kernel: Kernel,
    /// How its arguments are evaluated.
    pub(crate) evaluation: Evaluation,
}

impl Function {
    const fn new(name: &'static str, shape: ShapeRule, kernel: Kernel) -> Self {
        Self { name, shape, kernel, evaluation: Evaluation::Eager }
    }
}
