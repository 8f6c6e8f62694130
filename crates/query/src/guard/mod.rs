//! Functions that can make much out of little, held to a limit.
//!
//! The pool of memory knows what sorts, joins and groups hold, and nothing of what a function makes for one batch:
//! `repeat('x', 2000000000)` would be there before anybody could say no. So such functions first say how long their
//! results will be at most.

mod concat;
mod growth;
mod values;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, exec_datafusion_err};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Documentation, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use crate::error::QueryError;
use growth::Growth;
use values::Values;

/// How long one value may be that a function makes.
pub const VALUE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How long all values may be together that a function makes for one batch.
pub const CALL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The function, held to the limits if it is one that needs it.
pub(crate) fn guarded(function: Arc<ScalarUDF>) -> Arc<ScalarUDF> {
    match Growth::of(function.name()) {
        Some(growth) if !function.inner().is::<Guarded>() => {
            Arc::new(ScalarUDF::from(Guarded { inner: function, growth }))
        }
        _ => function,
    }
}

/// The expression with all its functions held to the limits.
pub(crate) fn guard_expr(expr: Expr) -> Result<Expr> {
    Ok(expr.transform_up(|part| Ok(guard_one(part)))?.data)
}

/// Holds the functions to the limits that the planner makes by itself: of `||`, `[…]`, `{…}` and the like.
#[derive(Debug)]
pub(crate) struct GuardRewrite;

impl FunctionRewrite for GuardRewrite {
    fn name(&self) -> &'static str {
        "guard"
    }

    fn rewrite(&self, expr: Expr, _schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(guard_one(expr))
    }
}

fn guard_one(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            Transformed::yes(Expr::ScalarFunction(ScalarFunction { func: guarded(func), args }))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            Transformed::yes(concat::function().call(vec![*left, *right]))
        }
        other => Transformed::no(other),
    }
}

/// A function that is held to the limits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Guarded {
    inner: Arc<ScalarUDF>,
    growth: Growth,
}

/// What is not said here is as for any function: above all the function is not replaced by another one, which nothing
/// would guard.
impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let inner = Arc::new(self.inner.inner().with_updated_config(config)?);
        Some(ScalarUDF::from(Self { inner, growth: self.growth }))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = args.args.iter().map(Values::new).collect::<Result<Vec<_>>>()?;
        if values.iter().all(Values::is_constant) {
            self.may_make(&values, 0)?;
            return self.inner.invoke_with_args(args);
        }
        let parts = self.parts(&values, args.number_rows)?;
        if parts.len() < 2 {
            return self.inner.invoke_with_args(args);
        }
        self.in_parts(&args, &parts)
    }
}

impl Guarded {
    /// How long the result for the row is at most. Errors if that is too long.
    fn may_make(&self, values: &[Values], row: usize) -> Result<u64, QueryError> {
        let bytes = self.growth.bytes(values, row);
        if bytes > VALUE_BYTES_MAX {
            let name = self.name();
            let message = format!("{name} would make a value of {bytes} bytes; at most {VALUE_BYTES_MAX} are allowed");
            return Err(QueryError::too_large(message));
        }
        Ok(bytes)
    }

    /// Where to cut the rows so that no part can take more memory than a call may.
    fn parts(&self, values: &[Values], rows: usize) -> Result<Vec<usize>, QueryError> {
        let mut ends = Vec::new();
        let mut bytes = 0;
        for row in 0..rows {
            let more = self.may_make(values, row)?;
            if bytes + more > CALL_BYTES_MAX {
                ends.push(row);
                bytes = 0;
            }
            bytes += more;
        }
        ends.push(rows);
        Ok(ends)
    }

    /// Calls the function for one part after the other: mostly its results are shorter than they could be.
    fn in_parts(&self, args: &ScalarFunctionArgs, ends: &[usize]) -> Result<ColumnarValue> {
        let mut results: Vec<ArrayRef> = Vec::with_capacity(ends.len());
        let (mut begin, mut bytes) = (0, 0);
        for &end in ends {
            let mut part = args.clone();
            part.number_rows = end - begin;
            for each in &mut part.args {
                if let ColumnarValue::Array(array) = each {
                    *each = ColumnarValue::Array(array.slice(begin, end - begin));
                }
            }
            let result = self.inner.invoke_with_args(part)?.into_array(end - begin)?;
            bytes += result.to_data().get_slice_memory_size()? as u64;
            if bytes > CALL_BYTES_MAX {
                let message = format!("{} makes more than {CALL_BYTES_MAX} bytes for some rows", self.name());
                return Err(QueryError::too_large(message).into());
            }
            results.push(result);
            begin = end;
        }
        let results: Vec<&dyn Array> = results.iter().map(AsRef::as_ref).collect();
        let whole = compute::concat(&results).map_err(|error| exec_datafusion_err!("{}: {error}", self.name()))?;
        Ok(ColumnarValue::Array(whole))
    }
}
