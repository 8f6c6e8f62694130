//! What a query may name: the relations of its program and our functions, nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, TableReference, plan_err};
use datafusion_expr::planner::{ContextProvider, ExprPlanner};
use datafusion_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF};

use super::operators::Operators;
use crate::aggregates;
use crate::functions;
use crate::windows;

/// A relation of a program, as plans read it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) schema: SchemaRef,
}

impl TableSource for Source {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// What a query may name.
pub(crate) struct Context<'a> {
    relations: &'a BTreeMap<String, Arc<Source>>,
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(relations: &'a BTreeMap<String, Arc<Source>>) -> Self {
        Self { relations, options: ConfigOptions::default(), planners: vec![Arc::new(Operators)] }
    }
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        if let (None, Some(source)) = (name.schema(), self.relations.get(name.table())) {
            return Ok(Arc::clone(source) as Arc<dyn TableSource>);
        }
        plan_err!("Object '{name}' not found")
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::find(&name.to_lowercase()).map(|function| Arc::new(functions::udf(function)))
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        functions::find_lambda(&name.to_lowercase()).map(Arc::new)
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        aggregates::find(&name.to_lowercase()).map(Arc::new)
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        windows::find(&name.to_lowercase()).map(Arc::new)
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        functions::names()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        functions::lambda_names()
    }

    fn udaf_names(&self) -> Vec<String> {
        aggregates::names()
    }

    fn udwf_names(&self) -> Vec<String> {
        windows::names()
    }
}
