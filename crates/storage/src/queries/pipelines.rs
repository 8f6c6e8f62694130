//! What buckets show of pipelines.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use alluvium_kernel::Problem;

use super::{BucketView, Listed, Page, Queries, TableView, unavailable};
use crate::model::problem;
use crate::pipelines::{PIPELINES, PipelineShown};

const LINKS: &str = "
    SELECT bucket, source_uid FROM {schema}.links
    WHERE tenant = $1 AND project = $2 AND source_project = '_pipelines' ORDER BY bucket";

impl Page {
    /// This part of a list that is there as a whole.
    pub(super) fn of<T>(self, all: Vec<T>) -> Listed<T> {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let from = |number: i64| usize::try_from(number).unwrap_or_default();
        Listed { items: all.into_iter().skip(from(self.offset)).take(from(self.limit)).collect(), total }
    }
}

fn views(bucket: &str, pipeline: &str, shown: &PipelineShown) -> Vec<TableView> {
    let view = |relation: &_| TableView::of_pipeline(bucket, pipeline, shown, Clone::clone(relation));
    shown.relations.iter().map(view).collect()
}

impl Queries {
    /// The tables of a pipeline as a bucket shows them.
    pub(super) async fn tables_of_pipeline(
        &self,
        tenant: &str,
        pipeline: &str,
        bucket: &str,
    ) -> Result<Vec<TableView>, Problem> {
        Ok(views(bucket, pipeline, &self.pipelines.shown(tenant, pipeline).await?))
    }

    /// One of them.
    pub(super) async fn pipeline_table(
        &self,
        tenant: &str,
        pipeline: &str,
        bucket: &str,
        table: &str,
    ) -> Result<TableView, Problem> {
        let found = self.tables_of_pipeline(tenant, pipeline, bucket).await?;
        let found = found.into_iter().find(|view| view.name == table);
        found.ok_or_else(|| problem::table_not_found(bucket, table))
    }

    /// All that a project shows of pipelines. Those that cannot be read now show nothing.
    pub(super) async fn pipeline_tables(&self, tenant: &str, project: &str) -> Result<Vec<TableView>, Problem> {
        let buckets: Vec<(String, String)> = sqlx::query_as(self.schema().sql(LINKS))
            .bind(tenant)
            .bind(project)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(self.shown_by_pipelines(tenant, buckets).await.0)
    }

    /// What buckets, with ids of pipelines, show, and why some show nothing. Each pipeline is asked once: all of it is of one step.
    pub(super) async fn shown_by_pipelines(
        &self,
        tenant: &str,
        buckets: Vec<(String, String)>,
    ) -> (Vec<TableView>, Vec<(String, Problem)>) {
        let mut asked: BTreeMap<String, Result<PipelineShown, Problem>> = BTreeMap::new();
        let (mut shown, mut closed) = (Vec::new(), Vec::new());
        for (bucket, pipeline) in buckets {
            let answer = match asked.entry(pipeline.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.pipelines.shown(tenant, &pipeline).await),
            };
            match answer {
                Ok(answer) => shown.extend(views(&bucket, &pipeline, answer)),
                Err(why) => closed.push((bucket, why.clone())),
            }
        }
        (shown, closed)
    }

    /// A bucket with as many tables as the pipeline has that it shows; none where that cannot be asked now.
    pub(super) async fn counting_pipelines(&self, tenant: &str, project: &str, view: BucketView) -> BucketView {
        if view.source.as_ref().is_none_or(|(source, _)| source != PIPELINES) {
            return view;
        }
        let Ok(Some(link)) = self.link(tenant, project, &view.name).await else { return view };
        let shown = self.pipelines.shown(tenant, link.pipeline().unwrap_or_default()).await;
        let count = shown.map_or(0, |shown| shown.relations.len());
        BucketView { table_count: i64::try_from(count).unwrap_or(i64::MAX), ..view }
    }

    /// The id of the pipeline of this name.
    pub async fn pipeline_id(&self, tenant: &str, name: &str) -> Result<String, Problem> {
        self.pipelines.id(tenant, name).await
    }
}
