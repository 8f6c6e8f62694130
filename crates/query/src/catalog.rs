//! The relations of a pipeline as the planner looks for them: one schema, in which there is nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::conform::shown_schema;
use crate::relations::{RelationInfo, RelationKind, Relations};
use crate::scan::scan_plan;

/// What the catalogue and the schema are called where somebody names them.
pub(crate) const CATALOG: &str = "datafusion";
pub(crate) const SCHEMA: &str = "public";

/// All relations of one request.
#[derive(Debug)]
pub(crate) struct Catalog {
    relations: BTreeMap<String, Arc<Relation>>,
}

/// One of them.
pub(crate) struct Relation {
    /// What there is to know of it.
    pub info: RelationInfo,
    /// Its columns as they are shown.
    shown: SchemaRef,
    source: Arc<dyn Relations>,
}

impl fmt::Debug for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relation").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Catalog {
    pub fn new(source: &Arc<dyn Relations>) -> Self {
        let relation =
            |info: RelationInfo| Relation { shown: shown_schema(&info.schema), info, source: source.clone() };
        let relations = source.relations().into_iter().map(|info| (info.name.clone(), Arc::new(relation(info))));
        Self { relations: relations.collect() }
    }

    /// As the planner takes it.
    pub fn into_list(self) -> Arc<dyn CatalogProviderList> {
        Arc::new(List(Arc::new(Only(Arc::new(self)))))
    }
}

#[async_trait]
impl SchemaProvider for Catalog {
    fn table_names(&self) -> Vec<String> {
        self.relations.keys().cloned().collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        Ok(self.relations.get(name).map(|relation| relation.clone() as Arc<dyn TableProvider>))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.relations.contains_key(name)
    }
}

/// The catalogue with that schema only.
#[derive(Debug)]
struct Only(Arc<Catalog>);

impl CatalogProvider for Only {
    fn schema_names(&self) -> Vec<String> {
        vec![SCHEMA.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        (name == SCHEMA).then(|| self.0.clone() as Arc<dyn SchemaProvider>)
    }
}

/// The list with that catalogue only.
#[derive(Debug)]
struct List(Arc<Only>);

impl CatalogProviderList for List {
    fn register_catalog(&self, _name: String, _catalog: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| self.0.clone() as Arc<dyn CatalogProvider>)
    }
}

#[async_trait]
impl TableProvider for Relation {
    fn schema(&self) -> SchemaRef {
        self.shown.clone()
    }

    fn table_type(&self) -> TableType {
        match self.info.kind {
            RelationKind::Table => TableType::Base,
            RelationKind::View => TableType::View,
        }
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places = projection.cloned().unwrap_or_else(|| (0..self.shown.fields().len()).collect());
        scan_plan(&self.source, &self.info.name, &self.shown, places, limit, state.config().batch_size())
    }
}

/// The relation behind what the planner has of it, if it is one of ours and not a function's.
pub(crate) fn relation_of(provider: &Arc<dyn TableProvider>) -> Option<&Relation> {
    provider.downcast_ref()
}
