//! How much there is, over all tenants: for operators.

use alluvium_kernel::Problem;

use super::{Queries, unavailable};

/// What `alluvium` counts for its operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are counts of what they name")]
pub struct Totals {
    pub projects: i64,
    pub buckets: i64,
    pub tables: i64,
    pub branches: i64,
    pub branch_tables: i64,
    pub shares: i64,
    pub links: i64,
    pub workspaces: i64,
    pub files: i64,
    pub files_bytes: i64,
    /// Uploads that have content and are not registered yet.
    pub staging: i64,
    /// Uploaded and not registered yet.
    pub staging_bytes: i64,
    /// Snapshots whose time is not over, by kind: how many, and what their tables took then.
    pub snapshots: Vec<(String, i64, i64)>,
    /// Objects on their way in parts.
    pub multiparts: i64,
    /// What is there of them.
    pub parts_bytes: i64,
    /// The read models themselves.
    pub metadata_bytes: i64,
}

const TOTALS: &str = "
    SELECT (SELECT count(*) FROM {schema}.projects), (SELECT count(*) FROM {schema}.buckets),
           (SELECT count(*) FROM {schema}.tables WHERE branch = 'default'), (SELECT count(*) FROM {schema}.branches),
           (SELECT count(*) FROM {schema}.tables WHERE branch <> 'default'), (SELECT count(*) FROM {schema}.shares),
           (SELECT count(*) FROM {schema}.links), (SELECT count(*) FROM {schema}.workspaces),
           count(*) FILTER (WHERE is_registered),
           coalesce(sum(size_bytes) FILTER (WHERE is_registered), 0)::bigint, count(*) FILTER (WHERE NOT is_registered),
           coalesce(sum(size_bytes) FILTER (WHERE NOT is_registered), 0)::bigint,
           (SELECT count(*) FROM {schema}.multiparts WHERE md5 IS NULL),
           (SELECT coalesce(sum(size_bytes), 0)::bigint FROM {schema}.multipart_parts),
           pg_database_size(current_database())
    FROM {schema}.files WHERE blob IS NOT NULL";

const SNAPSHOTS: &str = "
    SELECT kind, count(*), coalesce(sum(size_bytes), 0)::bigint FROM {schema}.snapshots
    WHERE expires_at > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint GROUP BY kind";

/// In the order of the statement.
type Counts = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

impl Queries {
    /// Counts everything.
    pub async fn totals(&self) -> Result<Totals, Problem> {
        let row: Counts = sqlx::query_as(self.schema().sql(TOTALS)).fetch_one(&self.pool).await.map_err(unavailable)?;
        let snapshots =
            sqlx::query_as(self.schema().sql(SNAPSHOTS)).fetch_all(&self.pool).await.map_err(unavailable)?;
        let (
            projects,
            buckets,
            tables,
            branches,
            branch_tables,
            shares,
            links,
            workspaces,
            files,
            files_bytes,
            staging,
            staging_bytes,
            multiparts,
            parts_bytes,
            metadata_bytes,
        ) = row;
        Ok(Totals {
            projects,
            buckets,
            tables,
            branches,
            branch_tables,
            shares,
            links,
            workspaces,
            files,
            files_bytes,
            staging,
            staging_bytes,
            snapshots,
            multiparts,
            parts_bytes,
            metadata_bytes,
        })
    }
}
