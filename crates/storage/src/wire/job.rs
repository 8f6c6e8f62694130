//! Jobs.

use alluvium_kernel::{Actor, Problem, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::Query;
use crate::queries::{JobFilter, JobReach, JobView};

/// The states of a job.
const STATES: [&str; 4] = ["waiting", "processing", "success", "error"];

/// A request that is answered later.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageJob)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// `waiting`, `processing`, `success` or `error`.
    pub status: &'static str,
    /// Where it is, as a path.
    pub url: String,
    /// Bucket and table that it is about, with a dot between them.
    pub table_id: Option<String>,
    /// What is done, e.g. `tableImport`.
    pub operation_name: String,
    /// The body of the request.
    #[schema(value_type = Value)]
    pub operation_params: Value,
    /// When it was taken in.
    pub created_time: String,
    /// When it was begun.
    pub start_time: Option<String>,
    /// When it was answered.
    pub end_time: Option<String>,
    /// The run of the client that it is part of.
    pub run_id: Option<String>,
    /// What the request would have been answered with; null before, and where that is nothing or too large to keep.
    #[schema(value_type = Value)]
    pub results: Value,
    /// The `detail` that a refusal would have had.
    #[schema(value_type = Value)]
    pub error: Value,
    /// Who asked.
    pub creator_token: JobCreator,
    /// How much it moved.
    pub metrics: JobMetrics,
}

/// Who asked for a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageJobCreator)]
pub struct JobCreator {
    /// Id of the key, or `admin`.
    pub id: String,
}

/// What a job moved, as far as its answer says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageJobMetrics)]
pub struct JobMetrics {
    /// Bytes of the file that came of it.
    pub out_bytes: Option<u64>,
}

/// One page of jobs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageJobs)]
pub struct Jobs {
    /// Newest first.
    pub jobs: Vec<Job>,
    /// How many there are that meet the conditions.
    pub total: i64,
}

/// Which jobs.
#[derive(IntoParams)]
#[expect(dead_code, reason = "only documents what the handler reads")]
pub struct JobsQuery {
    /// Only in this state: `waiting`, `processing`, `success` or `error`.
    status: Option<String>,
    /// Not in this one.
    excluded_status: Option<String>,
    /// Not before this moment, RFC 3339.
    created_time_from: Option<String>,
    /// Not after this one.
    created_time_to: Option<String>,
    /// How many, at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// How many to leave out first.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

impl Job {
    pub(crate) fn of(view: JobView) -> Self {
        let time = |micros: i64| Timestamp::from_micros(micros).to_rfc3339();
        let status = match (view.started_at, view.ended_at, view.is_success) {
            (_, Some(_), Some(true)) => "success",
            (_, Some(_), _) => "error",
            (Some(_), None, _) => "processing",
            (None, None, _) => "waiting",
        };
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let answer = view.answer.as_deref().map_or(Value::Null, json);
        let (results, error) = if status == "error" { (Value::Null, answer) } else { (answer, Value::Null) };
        let creator = match Actor::try_from(view.created_by.clone()) {
            Ok(Actor::Key(id)) => id,
            _ => view.created_by,
        };
        Self {
            url: format!("/projects/{}/jobs/{}", view.project, view.id),
            id: view.id,
            status,
            table_id: view.table_id,
            operation_name: view.operation,
            operation_params: json(&view.body),
            created_time: time(view.created_at),
            start_time: view.started_at.map(time),
            end_time: view.ended_at.map(time),
            run_id: view.run_id,
            metrics: JobMetrics { out_bytes: results["file_size_bytes"].as_u64() },
            results,
            error,
            creator_token: JobCreator { id: creator },
        }
    }
}

/// Reads which jobs are asked for.
pub(crate) fn job_filter(query: Option<&str>, reach: JobReach) -> Result<JobFilter, Problem> {
    let mut query = Query::of(query);
    let state = |query: &mut Query, name| Some(query.choice(name, &STATES, "")).filter(|state| !state.is_empty());
    let status = state(&mut query, "status").map(str::to_owned);
    let excluded_status = state(&mut query, "excluded_status").map(str::to_owned);
    let (from, to) = (query.time("created_time_from"), query.time("created_time_to"));
    query.finish()?;
    Ok(JobFilter { reach, status, excluded_status, from: from.map(Timestamp::micros), to: to.map(Timestamp::micros) })
}

/// What is kept of an answer: the body of a success, else what its `detail` says.
pub(crate) fn kept_answer(is_success: bool, body: &[u8], longest: usize) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let kept = match body {
        Value::Object(mut fields) if !is_success => fields.remove("detail").unwrap_or(Value::Object(fields)),
        other => other,
    };
    let text = kept.to_string();
    match (text.len() <= longest, is_success) {
        (true, _) => text,
        (false, true) => Value::Null.to_string(),
        (false, false) => {
            json!({ "error": "too_large", "message": "What is wrong is too long to be kept." }).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_kept_without_its_wrapper() {
        let kept = |is_success, body: &str| kept_answer(is_success, body.as_bytes(), 40);
        assert_eq!(kept(false, r#"{"detail":{"error":"x"}}"#), r#"{"error":"x"}"#);
        assert_eq!(kept(false, r#"{"error":"plain"}"#), r#"{"error":"plain"}"#);
        assert_eq!(kept(true, r#"{"detail":1}"#), r#"{"detail":1}"#);
        assert_eq!(kept(true, ""), "null");
        assert_eq!(kept(true, &format!("\"{}\"", "x".repeat(50))), "null");
    }

    #[test]
    fn states_and_moments_are_checked() {
        let filter = |query| job_filter(Some(query), JobReach::default());
        let found = filter("status=error&created_time_from=2026-01-02T00:00:00Z").unwrap();
        assert_eq!(found.status.as_deref(), Some("error"));
        assert_eq!(found.from, Some(1_767_312_000_000_000));
        assert_eq!(filter("excluded_status=done").unwrap_err().status, 422);
        assert_eq!(filter("created_time_to=yesterday").unwrap_err().status, 422);
    }
}
