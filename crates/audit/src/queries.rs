//! Reading the account.

use alluvium_kernel::Problem;
use alluvium_projection::ActiveSchema;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row as _};

use crate::error::unreadable;

const LIST: &str = concat!(include_str!("sql/list_calls.sql"), "ORDER BY c.seq DESC LIMIT $12");
const LIST_OLDEST: &str = concat!(include_str!("sql/list_calls.sql"), "ORDER BY c.seq LIMIT $12");

/// Which calls.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the fields are what calls are about")]
pub struct Asked {
    pub tenant: String,
    pub project: Option<String>,
    pub branch: Option<String>,
    pub bucket: Option<String>,
    pub table: Option<String>,
    /// Those of a key, and those about it.
    pub key: Option<String>,
    /// Those after this one.
    pub since: Option<String>,
    /// Those before this one.
    pub until: Option<String>,
    pub component: Option<String>,
    pub run_id: Option<String>,
    /// Those in whose words this text is.
    pub text: Option<String>,
    /// Without those that clients report of themselves.
    pub only_calls: bool,
    pub operation: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    pub actor: Option<String>,
    /// Those of which this became.
    pub kind: Option<String>,
    /// Those answered not before this, in microseconds since 1970.
    pub from_micros: Option<i64>,
    /// Those answered before this.
    pub to_micros: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// A call as it stands in the table.
#[derive(Clone, Debug)]
pub(crate) struct CallRow {
    pub uuid: String,
    pub created: i64,
    pub channel: String,
    pub operation: String,
    pub event: String,
    pub kind: String,
    pub message: String,
    pub status: i32,
    pub code: Option<String>,
    pub actor: Option<String>,
    pub project: Option<String>,
    pub branch: Option<String>,
    pub object_type: Option<String>,
    pub object_id: Option<String>,
    pub object_name: Option<String>,
    pub component: Option<String>,
    pub run_id: Option<String>,
    pub params: String,
    pub results: String,
    pub duration_us: Option<i64>,
    pub request_id: Option<String>,
    pub remote_addr: Option<String>,
    pub user_agent: Option<String>,
}

/// Reads the projection. Cheap to clone.
#[derive(Clone)]
pub struct AuditQueries {
    pub(crate) pool: PgPool,
    pub(crate) schema: ActiveSchema,
}

impl AuditQueries {
    /// Over the projection's active generation.
    pub fn new(pool: PgPool, schema: ActiveSchema) -> Self {
        Self { pool, schema }
    }

    /// Calls, newest first.
    pub(crate) async fn list(&self, asked: &Asked) -> Result<Vec<CallRow>, Problem> {
        self.listed(asked, true).await
    }

    /// Calls, oldest first.
    pub(crate) async fn list_oldest(&self, asked: &Asked) -> Result<Vec<CallRow>, Problem> {
        self.listed(asked, false).await
    }

    async fn listed(&self, asked: &Asked, newest_first: bool) -> Result<Vec<CallRow>, Problem> {
        let schema = self.schema.current();
        let rows = sqlx::query(schema.sql(if newest_first { LIST } else { LIST_OLDEST }))
            .bind(&asked.tenant)
            .bind(&asked.project)
            .bind(&asked.branch)
            .bind(&asked.bucket)
            .bind(&asked.table)
            .bind(&asked.key)
            .bind(&asked.since)
            .bind(&asked.until)
            .bind(&asked.component)
            .bind(&asked.run_id)
            .bind(&asked.text)
            .bind(asked.limit)
            .bind(asked.only_calls)
            .bind(&asked.operation)
            .bind(&asked.object_type)
            .bind(&asked.object_id)
            .bind(&asked.actor)
            .bind(&asked.kind)
            .bind(asked.from_micros)
            .bind(asked.to_micros)
            .fetch_all(&self.pool)
            .await
            .map_err(|error| unreadable(&error))?;
        rows.iter().map(CallRow::of).collect::<Result<_, _>>().map_err(|error| unreadable(&error))
    }
}

impl CallRow {
    fn of(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            uuid: row.try_get("uuid")?,
            created: row.try_get("created")?,
            channel: row.try_get("channel")?,
            operation: row.try_get("operation")?,
            event: row.try_get("event")?,
            kind: row.try_get("kind")?,
            message: row.try_get("message")?,
            status: row.try_get("status")?,
            code: row.try_get("code")?,
            actor: row.try_get("actor")?,
            project: row.try_get("project")?,
            branch: row.try_get("branch")?,
            object_type: row.try_get("object_type")?,
            object_id: row.try_get("object_id")?,
            object_name: row.try_get("object_name")?,
            component: row.try_get("component")?,
            run_id: row.try_get("run_id")?,
            params: row.try_get("params")?,
            results: row.try_get("results")?,
            duration_us: row.try_get("duration_us")?,
            request_id: row.try_get("request_id")?,
            remote_addr: row.try_get("remote_addr")?,
            user_agent: row.try_get("user_agent")?,
        })
    }
}
