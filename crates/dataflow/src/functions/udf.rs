//! Our functions as DataFusion sees them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use alluvium_sql::types::Type;
use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::cast::{Failing, cast};
use super::{Arg, Call, Evaluation, Function, FunctionError, Outcome, Shape, failure, registry};
use crate::types::{column_type, field};

/// A function of ours.
#[derive(Debug)]
pub(crate) struct FunctionUdf {
    /// What it does.
    pub(crate) function: &'static Function,
    signature: Signature,
}

impl PartialEq for FunctionUdf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for FunctionUdf {}

impl Hash for FunctionUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

/// A function of ours, for plans.
pub(crate) fn udf(function: &'static Function) -> ScalarUDF {
    ScalarUDF::new_from_impl(FunctionUdf { function, signature: Signature::user_defined(Volatility::Immutable) })
}

/// A call of a function of ours, which has to be there.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Result<Expr> {
    let Some(function) = registry::find(name) else { return plan_err!("there is no function {name}") };
    Ok(Expr::ScalarFunction(datafusion_expr::expr::ScalarFunction::new_udf(Arc::new(udf(function)), args)))
}

impl FunctionUdf {
    /// Plans a call.
    pub(crate) fn plan(&self, fields: &[FieldRef], literals: &[Option<&ScalarValue>]) -> Outcome<Shape> {
        let mut args = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            let column = column_type(field).map_err(|error| failure!("{error}"))?;
            args.push(Arg { column, literal: literals.get(at).copied().flatten() });
        }
        (self.function.shape)(&args).map_err(|error| named(self.function.name, &error))
    }
}

/// The error with the function's name before it, as the program knows the function.
fn named(name: &str, error: &FunctionError) -> FunctionError {
    if name.starts_with("__") { error.clone() } else { failure!("{}: {error}", name.to_uppercase()) }
}

/// Computes a call on columns that are not converted yet.
pub(crate) fn run(
    function: &Function,
    shape: &Shape,
    given: &[Type],
    args: &[ArrayRef],
    rows: usize,
) -> Outcome<ArrayRef> {
    let mut converted = Vec::with_capacity(args.len());
    for ((array, from), to) in args.iter().zip(given).zip(&shape.params) {
        converted.push(cast(array, from, to, Failing::Error)?);
    }
    let call = Call { args: &converted, shape, rows };
    (function.kernel)(&call).map_err(|error| named(function.name, &error))
}

impl ScalarUDFImpl for FunctionUdf {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("{} is planned with the fields of its arguments", self.function.name)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let shape =
            self.plan(args.arg_fields, args.scalar_arguments).map_err(|error| DataFusionError::Plan(error.0))?;
        Ok(Arc::new(field(self.function.name, &shape.result)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let literals: Vec<Option<&ScalarValue>> = args
            .args
            .iter()
            .map(|arg| if let ColumnarValue::Scalar(value) = arg { Some(value) } else { None })
            .collect();
        let is_constant = literals.iter().all(Option::is_some);
        let shape = self.plan(&args.arg_fields, &literals).map_err(|error| DataFusionError::Plan(error.0))?;
        let given = args
            .arg_fields
            .iter()
            .map(|field| column_type(field).map(|column| column.kind))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| DataFusionError::Plan(error.to_string()))?;
        let rows = if is_constant { 1 } else { args.number_rows };
        let arrays = args.args.iter().map(|arg| arg.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let value =
            run(self.function, &shape, &given, &arrays, rows).map_err(|error| DataFusionError::Execution(error.0))?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?));
        }
        Ok(ColumnarValue::Array(value))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(given.to_vec())
    }

    fn short_circuits(&self) -> bool {
        self.function.evaluation != Evaluation::Eager
    }
}
