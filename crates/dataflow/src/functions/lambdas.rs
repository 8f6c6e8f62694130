//! Functions that take a lambda and an array. DataFusion plans with them; we compute them.

use std::sync::Arc;

use alluvium_sql::types::{ColumnType, Type};
use arrow::datatypes::FieldRef;
use datafusion_common::{DataFusionError, Result, not_impl_err, plan_err};
use datafusion_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderTypeSignature,
    HigherOrderUDF, HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

use crate::types::{column_type, field};

/// What is done with the values that the lambda has for the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LambdaCall {
    /// They are the elements of a new array.
    Transform,
    /// Whether one of them is true.
    Exists,
}

const FUNCTIONS: [(&str, LambdaCall); 2] = [("transform", LambdaCall::Transform), ("array_exists", LambdaCall::Exists)];

/// A function with a lambda, as DataFusion sees it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct LambdaUdf {
    /// What it does.
    pub(crate) call: LambdaCall,
    name: &'static str,
    signature: HigherOrderSignature,
}

/// The function of a name in lower case, for plans.
pub(crate) fn find(name: &str) -> Option<HigherOrderUDF> {
    let (name, call) = FUNCTIONS.iter().find(|(each, _)| *each == name)?;
    let signature = HigherOrderSignature::new(HigherOrderTypeSignature::Any(2), Volatility::Immutable);
    Some(HigherOrderUDF::new_from_impl(LambdaUdf { call: *call, name, signature }))
}

/// The names of all functions, in order.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    names
}

impl LambdaCall {
    /// The type of a call's value for the type of the lambda's.
    pub(crate) fn result(self, body: &Type) -> Type {
        match self {
            Self::Transform => Type::Array(Box::new(body.clone())),
            Self::Exists => Type::Boolean,
        }
    }
}

impl LambdaUdf {
    /// The type of the elements that the lambda is called with.
    fn item<L>(&self, fields: &[ValueOrLambda<FieldRef, L>]) -> Result<Type> {
        let [ValueOrLambda::Value(list), ValueOrLambda::Lambda(_)] = fields else {
            return plan_err!("{}: it takes an array and a lambda with one parameter", self.name.to_uppercase());
        };
        let kind = column_type(list).map_err(|error| DataFusionError::Plan(error.to_string()))?.kind;
        match kind {
            Type::Array(item) => Ok(*item),
            Type::Null => Ok(Type::Null),
            other => plan_err!("{}: argument 1 is {other} where an array is wanted", self.name.to_uppercase()),
        }
    }
}

impl HigherOrderUDFImpl for LambdaUdf {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn lambda_parameters(
        &self,
        _: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let kind = self.item(fields)?;
        let parameter = Arc::new(field("item", &ColumnType { kind, is_nullable: true }));
        Ok(LambdaParametersProgress::Complete(vec![vec![parameter]]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.item(args.arg_fields)?;
        let Some(ValueOrLambda::Lambda(body)) = args.arg_fields.get(1) else {
            return plan_err!("{}: argument 2 is not a lambda", self.name.to_uppercase());
        };
        let body = column_type(body).map_err(|error| DataFusionError::Plan(error.to_string()))?.kind;
        if self.call == LambdaCall::Exists && !matches!(body, Type::Boolean | Type::Null) {
            return plan_err!("{}: the lambda gives {body} where BOOLEAN is wanted", self.name.to_uppercase());
        }
        let column = ColumnType { kind: self.call.result(&body), is_nullable: true };
        Ok(Arc::new(field(self.name, &column)))
    }

    fn invoke_with_args(&self, _: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("{} is computed by the engine", self.name)
    }
}
