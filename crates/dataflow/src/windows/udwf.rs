//! Our window functions as DataFusion sees them. It plans with them; we compute them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{DataFusionError, Result, not_impl_err};
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

use super::{WindowFunction, shape};
use crate::functions::{Arg, Outcome, Shape, failure};
use crate::types::{column_type, field};

/// A window function of ours.
#[derive(Debug)]
pub(crate) struct WindowOfOurs {
    name: &'static str,
    /// What it does.
    pub(crate) function: WindowFunction,
    signature: Signature,
}

impl PartialEq for WindowOfOurs {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl Eq for WindowOfOurs {}

impl Hash for WindowOfOurs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

/// A window function for plans.
pub(super) fn udwf(name: &'static str, function: WindowFunction) -> WindowUDF {
    WindowUDF::new_from_impl(WindowOfOurs { name, function, signature: Signature::user_defined(Volatility::Immutable) })
}

impl WindowOfOurs {
    /// Plans a call.
    pub(crate) fn plan(&self, fields: &[FieldRef]) -> Outcome<Shape> {
        let mut args = Vec::with_capacity(fields.len());
        for field in fields {
            args.push(Arg { column: column_type(field).map_err(|error| failure!("{error}"))?, literal: None });
        }
        shape(self.function, &args).map_err(|error| failure!("{}: {error}", self.name.to_uppercase()))
    }
}

impl WindowUDFImpl for WindowOfOurs {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        not_impl_err!("{} is computed by the engine", self.name)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let shape = self.plan(args.input_fields()).map_err(|error| DataFusionError::Plan(error.0))?;
        Ok(Arc::new(field(args.name(), &shape.result)))
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(given.to_vec())
    }
}
