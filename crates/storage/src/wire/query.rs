//! SQL over HTTP.

use alluvium_kernel::Problem;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::read;

/// Rows of an answer at most; a query with more is refused, so that nobody takes a part for the whole.
pub(crate) const ROWS_MAX: i64 = 100_000;
/// How long a query may run when the client does not say, in seconds.
pub(super) const TIMEOUT_SECONDS: i64 = 30;
/// How long a query may run at most, in seconds.
pub(super) const TIMEOUT_SECONDS_MAX: i64 = 300;

/// One question.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[schema(as = StorageQueryBody)]
pub struct QueryBody {
    /// One SELECT over `bucket.table` names.
    pub query: String,
    /// Show only so many rows of the answer.
    #[schema(minimum = 1, maximum = 100_000)]
    pub limit: Option<i64>,
    /// How long it may run, 1 to 300.
    #[schema(default = 30, minimum = 1, maximum = 300, required = false)]
    pub timeout_seconds: i64,
    /// Over the tables as they were at `STREAM:SEQUENCE`, a position token or an RFC 3339 time.
    pub as_of: Option<String>,
    /// Over tables and views of pipelines as they were after this step; other tables are as they are.
    #[schema(minimum = 0)]
    pub as_of_step: Option<i64>,
}

impl QueryBody {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        read(bytes, |body| Self {
            query: body.string("query"),
            limit: body.opt_int("limit", 1, ROWS_MAX),
            timeout_seconds: body.opt_int("timeout_seconds", 1, TIMEOUT_SECONDS_MAX).unwrap_or(TIMEOUT_SECONDS),
            as_of: body.opt_string("as_of"),
            as_of_step: body.opt_int("as_of_step", 0, i64::MAX),
        })
    }
}

/// A column of an answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageQueryColumn)]
#[expect(missing_docs, reason = "the names are the wire's")]
pub struct QueryColumn {
    pub name: String,
    pub r#type: String,
}

/// Columns and rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StorageQueryData)]
pub struct QueryData {
    /// The columns.
    pub columns: Vec<QueryColumn>,
    /// One array of values a row.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    pub rows: Vec<Box<RawValue>>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StorageQueryAnswer)]
pub struct QueryAnswer {
    /// `ok`
    pub status: &'static str,
    /// What was asked for.
    pub data: QueryData,
}

impl QueryAnswer {
    /// The first `limit` rows.
    pub(crate) fn of(mut rows: alluvium_tablestore::QueryRows, limit: Option<i64>) -> Self {
        rows.rows.truncate(limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        let column =
            |column: alluvium_tablestore::ResultColumn| QueryColumn { name: column.name, r#type: column.column_type };
        let columns = rows.columns.into_iter().map(column).collect();
        Self { status: "ok", data: QueryData { columns, rows: rows.rows } }
    }
}

/// Why a query has no answer; also with status 200, as clients of the surface expect.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorageQueryFailed)]
pub struct QueryFailed {
    /// `error`
    pub status: &'static str,
    /// Why, for people.
    pub message: String,
    /// Why, for programs.
    pub error: String,
    /// Further facts, such as the place of a syntax error.
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

impl From<Problem> for QueryFailed {
    fn from(problem: Problem) -> Self {
        let error = problem.code.rsplit('.').next().unwrap_or_default().to_owned();
        Self { status: "error", message: problem.detail, error, details: problem.details }
    }
}
