//! Our aggregates as DataFusion sees them. It plans with them; we compute them.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion_common::{DataFusionError, Result, ScalarValue, not_impl_err, plan_err};
use datafusion_expr::function::AccumulatorArgs;
use datafusion_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::Aggregate;
use crate::functions::{Arg, Outcome, Shape, failure};
use crate::types::{column_type, field};

/// An aggregate of ours.
#[derive(Debug)]
pub(crate) struct AggregateOfOurs {
    /// What it does.
    pub(crate) aggregate: &'static Aggregate,
    signature: Signature,
}

impl PartialEq for AggregateOfOurs {
    fn eq(&self, other: &Self) -> bool {
        self.aggregate.name == other.aggregate.name
    }
}

impl Eq for AggregateOfOurs {}

impl Hash for AggregateOfOurs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.aggregate.name.hash(state);
    }
}

/// An aggregate for plans.
pub(super) fn udaf(aggregate: &'static Aggregate) -> AggregateUDF {
    AggregateUDF::new_from_impl(AggregateOfOurs {
        aggregate,
        signature: Signature::user_defined(Volatility::Immutable),
    })
}

impl AggregateOfOurs {
    /// Plans a call.
    pub(crate) fn plan(&self, fields: &[FieldRef]) -> Outcome<Shape> {
        let mut args = Vec::with_capacity(fields.len());
        for field in fields {
            args.push(Arg { column: column_type(field).map_err(|error| failure!("{error}"))?, literal: None });
        }
        (self.aggregate.shape)(self.aggregate.name, &args)
    }
}

impl AggregateUDFImpl for AggregateOfOurs {
    fn name(&self) -> &str {
        self.aggregate.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("{} is planned with the fields of its arguments", self.aggregate.name)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let shape = self.plan(fields).map_err(|error| DataFusionError::Plan(error.0))?;
        Ok(Arc::new(field(self.aggregate.name, &shape.result)))
    }

    fn is_nullable(&self) -> bool {
        !self.aggregate.counts
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("{} is computed by the engine", self.aggregate.name)
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(given.to_vec())
    }

    fn default_value(&self, kind: &DataType) -> Result<ScalarValue> {
        if self.aggregate.counts { Ok(ScalarValue::Int64(Some(0))) } else { ScalarValue::try_from(kind) }
    }

    fn supports_null_handling_clause(&self) -> bool {
        true
    }
}
