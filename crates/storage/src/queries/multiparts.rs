//! Objects on their way in parts. An upload whose time is over is not there, whether or not anybody has let it go yet.

use alluvium_kernel::Problem;

use super::{FileReach, Queries, unavailable};

/// An upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the events")]
pub struct MultipartView {
    pub upload: String,
    pub project: String,
    pub branch: String,
    pub key: String,
    pub started_at: i64,
    /// What names the object's content, once it is one.
    pub md5: Option<String>,
}

/// A part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the events")]
pub struct PartView {
    pub number: i32,
    pub blob: String,
    pub size_bytes: i64,
    pub md5: String,
    pub staged_at: i64,
}

/// An upload whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "names")]
pub struct EndedMultipart {
    pub tenant: String,
    pub project: String,
    pub upload: String,
}

/// What is read of an upload.
macro_rules! select {
    ($rest:expr) => {
        concat!("SELECT upload, project, branch, key, started_at, md5 FROM {schema}.multiparts WHERE ", $rest)
    };
}

const MULTIPART: &str = select!(
    "tenant = $1 AND project = $2 AND key = $3 AND upload = $4 AND ($5::text IS NULL OR branch = $5)
       AND expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
);
const MULTIPARTS: &str = select!(
    "tenant = $1 AND project = $2 AND md5 IS NULL AND starts_with(key, $3) AND (key, upload) > ($4, $5)
       AND ($6::text IS NULL OR branch = $6)
       AND expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
     ORDER BY key, upload LIMIT $7"
);
const PARTS: &str = "
    SELECT number, blob, size_bytes, md5, staged_at FROM {schema}.multipart_parts
    WHERE tenant = $1 AND upload = $2 AND number > $3 ORDER BY number LIMIT $4";
const ENDED: &str = "
    SELECT tenant, project, upload FROM {schema}.multiparts
    WHERE expires_at <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ORDER BY expires_at LIMIT $1";

/// In the order of the statements.
type MultipartRow = (String, String, String, String, i64, Option<String>);
type PartRow = (i32, String, i64, String, i64);

fn multipart_view((upload, project, branch, key, started_at, md5): MultipartRow) -> MultipartView {
    MultipartView { upload, project, branch, key, started_at, md5 }
}

fn part_view((number, blob, size_bytes, md5, staged_at): PartRow) -> PartView {
    PartView { number, blob, size_bytes, md5, staged_at }
}

impl Queries {
    /// An upload to a key, open or completed, if it is within reach.
    pub async fn multipart(
        &self,
        tenant: &str,
        (project, key): (&str, &str),
        upload: &str,
        reach: &FileReach,
    ) -> Result<Option<MultipartView>, Problem> {
        // No id has NUL, and Postgres takes no text that has.
        if upload.contains('\0') || key.contains('\0') {
            return Ok(None);
        }
        let row: Option<MultipartRow> = sqlx::query_as(self.schema().sql(MULTIPART))
            .bind(tenant)
            .bind(project)
            .bind(key)
            .bind(upload)
            .bind(reach.only())
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(row.map(multipart_view))
    }

    /// Open uploads of a project within reach to keys that begin with `prefix`, behind one, by key.
    pub async fn multiparts(
        &self,
        tenant: &str,
        project: &str,
        (prefix, behind): (&str, (&str, &str)),
        reach: &FileReach,
        limit: i64,
    ) -> Result<Vec<MultipartView>, Problem> {
        let rows: Vec<MultipartRow> = sqlx::query_as(self.schema().sql(MULTIPARTS))
            .bind(tenant)
            .bind(project)
            .bind(prefix)
            .bind(behind.0)
            .bind(behind.1)
            .bind(reach.only())
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(multipart_view).collect())
    }

    /// Parts of an upload behind a number, in order.
    pub async fn parts(&self, tenant: &str, upload: &str, behind: i32, limit: i64) -> Result<Vec<PartView>, Problem> {
        let rows: Vec<PartRow> = sqlx::query_as(self.schema().sql(PARTS))
            .bind(tenant)
            .bind(upload)
            .bind(behind)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(part_view).collect())
    }

    /// Uploads of any tenant whose time is over, the longest over first.
    pub async fn ended_multiparts(&self, limit: i64) -> Result<Vec<EndedMultipart>, Problem> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(self.schema().sql(ENDED)).bind(limit).fetch_all(&self.pool).await.map_err(unavailable)?;
        Ok(rows.into_iter().map(|(tenant, project, upload)| EndedMultipart { tenant, project, upload }).collect())
    }
}
