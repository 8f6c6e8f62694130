//! Files and open uploads. A file whose time is over is not there, whether or not anybody has let it go yet.

use alluvium_kernel::Problem;

use super::{FileReach, FileView, Listed, Page, Queries, parsed, unavailable};
use crate::model::problem;

/// Which files of a project a list shows.
#[derive(Clone, Debug, Default)]
pub struct FileFilter {
    /// Uploads too that have content and are open.
    pub staged: bool,
    /// Files too whose time is over.
    pub expired: bool,
    /// Only those that have all these tags.
    pub tags: Vec<String>,
    /// Only those whose name or tags contain this, in any case.
    pub text: Option<String>,
    /// Only those of this run.
    pub run_id: Option<String>,
    /// Only those that came after this file.
    pub since: Option<String>,
    /// Only those that came before this file.
    pub before: Option<String>,
}

/// A file or upload whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whose.
    pub tenant: String,
    /// Of which project.
    pub project: String,
    /// Its id.
    pub file: String,
    /// Its end, in microseconds since 1970.
    pub expires_at: i64,
}

/// What is read of a file.
macro_rules! select {
    ($rest:expr) => {
        concat!(
            "SELECT id, project, name, content_type, blob, size_bytes, tags, is_registered, created_at, expires_at, md5, key,
               branch, expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, is_sliced
             FROM {schema}.files WHERE tenant = $1 AND ",
            $rest
        )
    };
}

/// Which files a list shows. Postgres' clock says what is over, for all processes alike. Texts with NUL, which older files may
/// have in their tags, are beyond its functions for JSON.
macro_rules! shown {
    () => {
        r"project = $2
          AND CASE WHEN is_registered AND ($3 OR expires_at IS NULL) THEN true
                   WHEN NOT is_registered AND NOT ($4 AND blob IS NOT NULL) THEN false
                   ELSE expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint END
          AND CASE WHEN cardinality($5::text[]) = 0 THEN true
                   WHEN strpos(tags, '\u0000') > 0 THEN false
                   ELSE NOT EXISTS (SELECT 1 FROM unnest($5::text[]) AS asked (tag) WHERE tags::json -> tag IS NULL) END
          AND CASE WHEN $6::text IS NULL OR strpos(lower(name), lower($6)) > 0 THEN true
                   WHEN strpos(tags, '\u0000') > 0 THEN false
                   ELSE EXISTS (SELECT 1 FROM json_each_text(tags::json) AS known (tag, value)
                                WHERE strpos(lower(tag), lower($6)) > 0 OR strpos(lower(value), lower($6)) > 0) END
          AND ($7::text IS NULL OR run_id = $7)
          AND ($8::bigint IS NULL OR created_at > $8 OR (created_at = $8 AND id < $9))
          AND ($10::bigint IS NULL OR created_at < $10 OR (created_at = $10 AND id > $11))
          AND ($12::text IS NULL OR branch = $12)"
    };
}

const FILE: &str = select!("id = $2");
const FILES: &str = select!(concat!(shown!(), " ORDER BY created_at DESC, id LIMIT $13 OFFSET $14"));
const COUNT_FILES: &str = concat!("SELECT count(*) FROM {schema}.files WHERE tenant = $1 AND ", shown!());
/// A key may be put while a file of the same is registered: the one that came last counts.
const OBJECT: &str = select!(
    "project = $2 AND key = $3 AND is_registered AND blob IS NOT NULL AND ($4::text IS NULL OR branch = $4)
       AND (expires_at IS NULL OR expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
     ORDER BY created_at DESC LIMIT 1"
);
const OBJECTS: &str = select!(
    "project = $2 AND key >= $3 AND ($4::text IS NULL OR key < $4) AND is_registered AND blob IS NOT NULL
       AND ($6::text IS NULL OR branch = $6)
       AND (expires_at IS NULL OR expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
     ORDER BY key LIMIT $5"
);
const ENDED: &str = "
    SELECT tenant, project, id, expires_at FROM {schema}.files
    WHERE expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AND (blob IS NOT NULL OR NOT is_registered)
    ORDER BY expires_at LIMIT $1";

/// In the order of the statements: id, project, name, content type, blob, size, tags, registered, created, expires, md5, key,
/// branch, whether it is over, whether it is sliced.
type FileRow = (
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<i64>,
    String,
    bool,
    i64,
    Option<i64>,
    Option<String>,
    Option<String>,
    String,
    Option<bool>,
    bool,
);

fn file_view(row: FileRow) -> Result<FileView, Problem> {
    let (
        id,
        project,
        name,
        content_type,
        blob,
        size_bytes,
        tags,
        is_registered,
        created_at,
        expires_at,
        md5,
        key,
        branch,
        over,
        is_sliced,
    ) = row;
    let tags = parsed(&tags)?;
    Ok(FileView {
        id,
        project,
        name,
        content_type,
        blob,
        size_bytes,
        tags,
        is_registered,
        created_at,
        expires_at,
        md5,
        key,
        branch,
        is_over: over.unwrap_or(false),
        is_sliced,
    })
}

/// A list's conditions, in the order of the statements.
fn bound<'q, T>(
    query: Asked<'q, T>,
    tenant: &'q str,
    project: &'q str,
    filter: &'q FileFilter,
    reach: &'q FileReach,
    ends: &'q Ends,
) -> Asked<'q, T> {
    let (since, before) = ends;
    query
        .bind(tenant)
        .bind(project)
        .bind(filter.expired)
        .bind(filter.staged)
        .bind(&filter.tags)
        .bind(&filter.text)
        .bind(&filter.run_id)
        .bind(since.as_ref().map(|file| file.0))
        .bind(since.as_ref().map(|file| &file.1))
        .bind(before.as_ref().map(|file| file.0))
        .bind(before.as_ref().map(|file| &file.1))
        .bind(reach.only())
}

type Asked<'q, T> = sqlx::query::QueryAs<'q, sqlx::Postgres, T, sqlx::postgres::PgArguments>;

/// The files that a list begins after and ends before, by when they were made and id.
type Ends = (Option<(i64, String)>, Option<(i64, String)>);

impl Queries {
    /// A file or upload of any project, for who must tell "not there" from "not yours".
    pub async fn find_file(&self, tenant: &str, file: &str) -> Result<Option<FileView>, Problem> {
        // No id has NUL, and Postgres takes no text that has.
        if file.contains('\0') {
            return Ok(None);
        }
        let row: Option<FileRow> = sqlx::query_as(self.schema().sql(FILE))
            .bind(tenant)
            .bind(file)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(file_view).transpose()
    }

    /// A registered file of the project within reach; `project_not_found` or `file_not_found` without.
    pub async fn file(&self, tenant: &str, project: &str, file: &str, reach: &FileReach) -> Result<FileView, Problem> {
        let is_file =
            |found: &FileView| found.is_registered && found.project == project && !found.is_over && reach.has(found);
        if let Some(found) = self.find_file(tenant, file).await?.filter(is_file) {
            return Ok(found);
        }
        self.require_project(tenant, project).await?;
        Err(problem::file_not_found(file))
    }

    /// Files of a project within reach, newest first.
    pub async fn files(
        &self,
        tenant: &str,
        project: &str,
        filter: &FileFilter,
        reach: &FileReach,
        page: Page,
    ) -> Result<Listed<FileView>, Problem> {
        self.require_project(tenant, project).await?;
        let since = self.end(tenant, project, filter.since.as_deref(), reach).await?;
        let ends = (since, self.end(tenant, project, filter.before.as_deref(), reach).await?);
        let rows: Vec<FileRow> = bound(sqlx::query_as(self.schema().sql(FILES)), tenant, project, filter, reach, &ends)
            .bind(page.limit)
            .bind(page.offset)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        let (total,): (i64,) =
            bound(sqlx::query_as(self.schema().sql(COUNT_FILES)), tenant, project, filter, reach, &ends)
                .fetch_one(&self.pool)
                .await
                .map_err(unavailable)?;
        Ok(Listed { items: rows.into_iter().map(file_view).collect::<Result<_, _>>()?, total })
    }

    /// Where a list begins or ends: at a file that may be over.
    async fn end(
        &self,
        tenant: &str,
        project: &str,
        file: Option<&str>,
        reach: &FileReach,
    ) -> Result<Option<(i64, String)>, Problem> {
        let Some(id) = file else { return Ok(None) };
        let is_file = |found: &FileView| found.is_registered && found.project == project && reach.has(found);
        let found = self.find_file(tenant, id).await?.filter(is_file);
        let found = found.ok_or_else(|| problem::file_not_found(id))?;
        Ok(Some((found.created_at, found.id)))
    }

    /// The object of a key, if it is within reach.
    pub async fn object(
        &self,
        tenant: &str,
        project: &str,
        key: &str,
        reach: &FileReach,
    ) -> Result<Option<FileView>, Problem> {
        let row: Option<FileRow> = sqlx::query_as(self.schema().sql(OBJECT))
            .bind(tenant)
            .bind(project)
            .bind(key)
            .bind(reach.only())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.map(file_view).transpose()
    }

    /// Objects within reach whose keys are from `first` on and before `end`, in the order of their keys' bytes.
    pub async fn objects(
        &self,
        tenant: &str,
        project: &str,
        (first, end): (&str, Option<&str>),
        reach: &FileReach,
        limit: i64,
    ) -> Result<Vec<FileView>, Problem> {
        let rows: Vec<FileRow> = sqlx::query_as(self.schema().sql(OBJECTS))
            .bind(tenant)
            .bind(project)
            .bind(first)
            .bind(end)
            .bind(limit)
            .bind(reach.only())
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.into_iter().map(file_view).collect()
    }

    /// Files and uploads of any tenant whose time is over and that nobody has let go yet, the longest over first.
    pub async fn ended_files(&self, limit: i64) -> Result<Vec<Ended>, Problem> {
        let rows: Vec<(String, String, String, i64)> =
            sqlx::query_as(self.schema().sql(ENDED)).bind(limit).fetch_all(&self.pool).await.map_err(unavailable)?;
        let ended = |(tenant, project, file, expires_at)| Ended { tenant, project, file, expires_at };
        Ok(rows.into_iter().map(ended).collect())
    }
}
