//! Files and open uploads.

use alluvium_kernel::{Problem, Timestamp};

use super::{FileView, Listed, Page, Queries, parsed, unavailable};
use crate::model::problem;

const FILE: &str = "
    SELECT id, project, name, content_type, blob, size_bytes, tags, is_registered, created_at, expires_at
    FROM {schema}.files WHERE tenant = $1 AND id = $2";
/// `$3` is now for a list with uploads that have content, and null for one without.
const FILES: &str = "
    SELECT id, project, name, content_type, blob, size_bytes, tags, is_registered, created_at, expires_at
    FROM {schema}.files
    WHERE tenant = $1 AND project = $2 AND (is_registered OR (blob IS NOT NULL AND expires_at > $3))
    ORDER BY created_at DESC, id LIMIT $4 OFFSET $5";
const COUNT_FILES: &str = "
    SELECT count(*) FROM {schema}.files
    WHERE tenant = $1 AND project = $2 AND (is_registered OR (blob IS NOT NULL AND expires_at > $3))";

/// In the order of the statements: id, project, name, content type, blob, size, tags, registered, created, expires.
type FileRow = (String, String, String, Option<String>, Option<String>, Option<i64>, String, bool, i64, Option<i64>);

fn file_view(row: FileRow) -> Result<FileView, Problem> {
    let (id, project, name, content_type, blob, size_bytes, tags, is_registered, created_at, expires_at) = row;
    let tags = parsed(&tags)?;
    Ok(FileView { id, project, name, content_type, blob, size_bytes, tags, is_registered, created_at, expires_at })
}

impl Queries {
    /// A file or upload of any project, for who must tell "not there" from "not yours".
    pub async fn find_file(&self, tenant: &str, file: &str) -> Result<Option<FileView>, Problem> {
        let row: Option<FileRow> = sqlx::query_as(self.schema().sql(FILE))
            .bind(tenant)
            .bind(file)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(file_view).transpose()
    }

    /// A registered file of the project; `project_not_found` or `file_not_found` without.
    pub async fn file(&self, tenant: &str, project: &str, file: &str) -> Result<FileView, Problem> {
        let found = self.find_file(tenant, file).await?.filter(|found| found.is_registered && found.project == project);
        if let Some(found) = found {
            return Ok(found);
        }
        self.require_project(tenant, project).await?;
        Err(problem::file_not_found(file))
    }

    /// Files of a project, newest first; with `staged_at`, also uploads that have content and are open at that time.
    pub async fn files(
        &self,
        tenant: &str,
        project: &str,
        staged_at: Option<Timestamp>,
        page: Page,
    ) -> Result<Listed<FileView>, Problem> {
        self.require_project(tenant, project).await?;
        let (schema, now) = (self.schema(), staged_at.map(Timestamp::micros));
        let rows: Vec<FileRow> = sqlx::query_as(schema.sql(FILES))
            .bind(tenant)
            .bind(project)
            .bind(now)
            .bind(page.limit)
            .bind(page.offset)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let total = sqlx::query_scalar(schema.sql(COUNT_FILES))
            .bind(tenant)
            .bind(project)
            .bind(now)
            .fetch_one(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(Listed { items: rows.into_iter().map(file_view).collect::<Result<_, _>>()?, total })
    }
}
