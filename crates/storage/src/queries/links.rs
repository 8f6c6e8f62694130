//! What linked buckets show, and whether they may. The tables themselves are found under the names the linking project knows them
//! by, in the view `named_tables`; here it is said why one is not there.

use std::collections::{HashMap, HashSet};

use alluvium_kernel::Problem;

use super::{Queries, TableView, unavailable};
use crate::model::{Link, problem};
use crate::pipelines::{OfPipeline, PIPELINES};

const LINK: &str = "
    SELECT source_project, source_bucket, source_uid, EXISTS (SELECT 1 FROM {schema}.buckets AS b
        WHERE b.tenant = l.tenant AND b.project = l.source_project AND b.name = l.source_bucket AND b.uid = l.source_uid),
      EXISTS (SELECT 1 FROM {schema}.open_links AS o WHERE o.tenant = $1 AND o.project = $2 AND o.bucket = $3)
    FROM {schema}.links AS l WHERE l.tenant = $1 AND l.project = $2 AND l.bucket = $3";
const LINKED_TABLES: &str = "
    SELECT bucket, name, uid FROM {schema}.named_tables
    WHERE tenant = $1 AND project = $2 AND is_linked AND bucket = ANY ($3::text[])";
const LINKED_OR_AWAITED: &str = "
    SELECT bucket, NULL AS uid, CASE WHEN source_project = '_pipelines' THEN source_uid END AS pipeline
    FROM {schema}.links WHERE tenant = $1 AND project = $2
    UNION ALL SELECT NULL, uid, NULL FROM {schema}.awaited_tables WHERE tenant = $1 AND project = $2";
const IS_SHARED: &str = "
    SELECT EXISTS (SELECT 1 FROM {schema}.buckets AS b
        WHERE b.tenant = $1 AND b.project = $2 AND b.name = $3 AND b.uid = $4),
      EXISTS (SELECT 1 FROM {schema}.shares AS s
        JOIN {schema}.projects AS p ON p.tenant = s.tenant AND p.id = s.target_project AND p.uid = s.target_uid
        WHERE s.tenant = $1 AND s.project = $2 AND s.bucket = $3 AND s.uid = $4 AND s.target_project = $5)";
const SOURCE_PROJECT: &str = "
    SELECT source_project FROM {schema}.links AS l WHERE l.tenant = $1 AND l.project = $2 AND l.bucket = $3
      AND l.source_project <> '_pipelines'
      AND NOT EXISTS (SELECT 1 FROM {schema}.tables AS t
        WHERE t.tenant = $1 AND t.project = $2 AND t.bucket = $3 AND t.name = $4 AND t.branch IN ('default', $5))";
const ROLE: &str = "
    SELECT DISTINCT project, bucket FROM {schema}.shares
    WHERE tenant = $1 AND 'share_' || project || '_' || bucket = $2 AND ($3::text IS NULL OR project = $3)
      AND ($4::text IS NULL OR target_project IN ('', $4)) LIMIT 2";
const BRANCHES_BY_ROLE: &str = "
    SELECT project, id FROM {schema}.branches
    WHERE tenant = $1 AND $2 IN ('branch_' || project || '_' || id || '_readonly', 'branch_' || project || '_' || name || '_readonly')
      AND ($3::text IS NULL OR project = $3) LIMIT 2";

/// What a linked bucket shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Id of the source's project.
    pub project: String,
    /// Name of the source.
    pub bucket: String,
    uid: String,
    is_there: bool,
    is_shared: bool,
}

/// Tables that a project's links show, links that show none, and what of its own does not show.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Uids by bucket and name.
    tables: HashMap<(String, String), String>,
    /// Why a bucket shows nothing.
    closed: HashMap<String, Problem>,
    /// Tables of pipelines by bucket and name.
    of_pipelines: HashMap<(String, String), OfPipeline>,
    /// Uids of tables that do not show yet: their first rows are being read.
    awaited: HashSet<String>,
}

impl Links {
    /// Whether a table does not show yet.
    pub(crate) fn hides(&self, uid: &str) -> bool {
        self.awaited.contains(uid)
    }

    /// The table of a pipeline that a bucket shows.
    pub(crate) fn of_pipeline(&self, bucket: &str, table: &str) -> Option<&OfPipeline> {
        self.of_pipelines.get(&(bucket.to_owned(), table.to_owned()))
    }

    /// The same links, through which tables of pipelines are seen as they were after a step.
    pub(crate) fn at_step(mut self, step: u64) -> Self {
        for of in self.of_pipelines.values_mut() {
            // Another pipeline's steps are other steps: whether it has come so far, is asked of those that a query names.
            of.lens.step = Some(step);
        }
        self
    }

    /// The uid of a table that a linked bucket shows, or why it shows none; `None` for any other name.
    pub(crate) fn table(&self, bucket: &str, table: &str) -> Option<Result<&str, &Problem>> {
        if let Some(why) = self.closed.get(bucket) {
            return Some(Err(why));
        }
        self.tables.get(&(bucket.to_owned(), table.to_owned())).map(|uid| Ok(uid.as_str()))
    }
}

impl From<&Link> for LinkView {
    /// A link of which nobody asked yet whether it may be read through.
    fn from(link: &Link) -> Self {
        let Link { project, bucket, uid, .. } = link.clone();
        Self { project, bucket, uid, is_there: false, is_shared: false }
    }
}

impl LinkView {
    /// Id of the pipeline that it shows.
    pub fn pipeline(&self) -> Option<&str> {
        (self.project == PIPELINES).then_some(&self.uid)
    }

    /// The link, when it may be read through; else `source_not_found` or `share_revoked`.
    pub fn open(self) -> Result<Self, Problem> {
        if self.pipeline().is_some() {
            // Of pipelines others know more.
            return Ok(self);
        }
        if !self.is_there {
            return Err(problem::source_not_found(&self.project, &self.bucket));
        }
        if !self.is_shared {
            return Err(problem::share_revoked(&self.project, &self.bucket));
        }
        Ok(self)
    }
}

impl Queries {
    /// What a bucket shows of another project; `None` for one that is no link, or not there.
    pub async fn link(&self, tenant: &str, project: &str, bucket: &str) -> Result<Option<LinkView>, Problem> {
        let row: Option<(String, String, String, bool, bool)> = sqlx::query_as(self.schema().sql(LINK))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(row.map(|(project, bucket, uid, is_there, is_shared)| LinkView {
            project,
            bucket,
            uid,
            is_there,
            is_shared,
        }))
    }

    /// `Ok` unless the bucket is a link that must not be read through; the id of the pipeline that it shows.
    pub(super) async fn readable(&self, tenant: &str, project: &str, bucket: &str) -> Result<Option<String>, Problem> {
        match self.link(tenant, project, bucket).await? {
            Some(link) => Ok(link.open()?.pipeline().map(str::to_owned)),
            None => Ok(None),
        }
    }

    /// The same for a link of an earlier time, which may be gone: whether what it showed may be read now.
    pub async fn readable_now(&self, tenant: &str, project: &str, then: LinkView) -> Result<LinkView, Problem> {
        let (is_there, is_shared) = sqlx::query_as(self.schema().sql(IS_SHARED))
            .bind(tenant)
            .bind(&then.project)
            .bind(&then.bucket)
            .bind(&then.uid)
            .bind(project)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        LinkView { is_there, is_shared, ..then }.open()
    }

    /// What a project's links show to a query; costs next to nothing for a project without.
    pub async fn links(&self, tenant: &str, project: &str) -> Result<Links, Problem> {
        let rows: Vec<(Option<String>, Option<String>, Option<String>)> =
            sqlx::query_as(self.schema().sql(LINKED_OR_AWAITED))
                .bind(tenant)
                .bind(project)
                .fetch_all(&self.pool)
                .await
                .map_err(unavailable)?;
        let (mut buckets, mut links, mut of_pipelines) = (Vec::new(), Links::default(), Vec::new());
        for row in rows {
            match row {
                (Some(bucket), _, Some(pipeline)) => of_pipelines.push((bucket, pipeline)),
                (Some(bucket), _, None) => buckets.push(bucket),
                (None, awaited, _) => links.awaited.extend(awaited),
            }
        }
        self.show_pipelines(tenant, of_pipelines, &mut links).await;
        if buckets.is_empty() {
            return Ok(links);
        }
        let rows: Vec<(String, String, String)> = sqlx::query_as(self.schema().sql(LINKED_TABLES))
            .bind(tenant)
            .bind(project)
            .bind(&buckets)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        links.tables.extend(rows.into_iter().map(|(bucket, name, uid)| ((bucket, name), uid)));
        for bucket in buckets {
            if let Err(why) = self.readable(tenant, project, &bucket).await {
                links.closed.insert(bucket, why);
            }
        }
        Ok(links)
    }

    /// What pipelines show, of one step each; where one shows nothing, why.
    async fn show_pipelines(&self, tenant: &str, buckets: Vec<(String, String)>, links: &mut Links) {
        let (views, closed) = self.shown_by_pipelines(tenant, buckets).await;
        let named = |view: TableView| Some(((view.bucket, view.name), view.pipeline?));
        links.of_pipelines.extend(views.into_iter().filter_map(named));
        links.closed.extend(closed);
    }

    /// The project whose tables a path is about when it names a table that its bucket shows; `None` for a project's own.
    pub async fn source_project(
        &self,
        tenant: &str,
        project: &str,
        branch: &str,
        bucket: &str,
        table: &str,
    ) -> Result<Option<String>, Problem> {
        sqlx::query_scalar(self.schema().sql(SOURCE_PROJECT))
            .bind(tenant)
            .bind(project)
            .bind(bucket)
            .bind(table)
            .bind(branch)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)
    }

    /// The buckets, as project and name, that a role's name stands for: of a project, shared with a project, where one is given.
    /// Two at most, which is one too many.
    pub async fn shared_by_role(
        &self,
        tenant: &str,
        role: &str,
        of: Option<&str>,
        with: Option<&str>,
    ) -> Result<Vec<(String, String)>, Problem> {
        sqlx::query_as(self.schema().sql(ROLE))
            .bind(tenant)
            .bind(role)
            .bind(of)
            .bind(with)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }

    /// The dev branches, as project and id, that a role's name stands for, by their ids or names; two at most.
    pub async fn branches_by_role(
        &self,
        tenant: &str,
        role: &str,
        of: Option<&str>,
    ) -> Result<Vec<(String, String)>, Problem> {
        sqlx::query_as(self.schema().sql(BRANCHES_BY_ROLE))
            .bind(tenant)
            .bind(role)
            .bind(of)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)
    }
}
