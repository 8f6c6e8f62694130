//! Operations as they stand in answers and queries.

use alluvium_kernel::{Problem, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::wire::{id, invalid_query};
use crate::counts::Counted;
use crate::queries::{Asked, CallRow};

/// Operations on a page when the client does not say.
const LIMIT: i64 = 100;
/// Operations on a page at most.
const LIMIT_MAX: i64 = 1_000;
/// The time that is counted over when the client does not say, in hours.
const WINDOW_HOURS: i64 = 24;
/// The time that can be counted over, in hours: as long as calls are kept.
const WINDOW_HOURS_MAX: i64 = 90 * 24;
const HOUR_MICROS: i64 = 60 * 60 * 1_000_000;
/// What became of calls, and the kind of each on the account.
const STATUSES: [(&str, &str); 4] =
    [("success", "success"), ("processing", "info"), ("error", "error"), ("denied", "warn")];

/// Which operations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
pub(super) struct OperationsQuery {
    /// Only calls of this operation: its `operationId` in `/openapi.json`, or context and command, `storage.CreateBucket`.
    pub operation: Option<String>,
    /// Only those about an object of this type: `table`, `bucket`, `key` and so on.
    #[serde(alias = "objectType")]
    pub object_type: Option<String>,
    /// Only those about this object, a table being `bucket.table`.
    #[serde(alias = "objectId")]
    pub object_id: Option<String>,
    /// Only those of which this became: `success`, `processing` (taken on as a job), `error` or `denied`.
    #[param(pattern = "^(success|processing|error|denied)$")]
    pub status: Option<String>,
    /// Only those that this actor asked for: `key:<id>`, `admin` or `nats:<tenant>`.
    pub actor: Option<String>,
    /// Only those of this run.
    #[serde(alias = "runId")]
    pub run_id: Option<String>,
    /// Only those answered at this RFC 3339 time or later.
    #[serde(alias = "createdTimeFrom")]
    pub created_time_from: Option<String>,
    /// Only those answered before this RFC 3339 time.
    #[serde(alias = "createdTimeTo")]
    pub created_time_to: Option<String>,
    /// Only those after this one.
    #[serde(alias = "sinceId")]
    pub since_id: Option<String>,
    /// Only those before this one: the last one of a page leads to the next.
    #[serde(alias = "maxId")]
    pub max_id: Option<String>,
    /// How many at most.
    #[param(default = 100, minimum = 1, maximum = 1_000)]
    pub limit: Option<i64>,
}

impl OperationsQuery {
    /// What is asked of a tenant's calls.
    pub fn asked(self, tenant: &str) -> Result<Asked, Problem> {
        let limit = self.limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(invalid_query("limit", "a whole number from 1 to 1000"));
        }
        let texts = [&self.operation, &self.object_type, &self.object_id, &self.actor, &self.run_id];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(invalid_query("operation", "a text without NUL"));
        }
        let kind = |status: String| {
            let known = STATUSES.iter().find(|(name, _)| *name == status);
            let known = known.ok_or_else(|| invalid_query("status", "success, processing, error or denied"));
            known.map(|(_, kind)| (*kind).to_owned())
        };
        Ok(Asked {
            tenant: tenant.to_owned(),
            only_calls: true,
            operation: self.operation,
            object_type: self.object_type,
            object_id: self.object_id,
            actor: self.actor,
            run_id: self.run_id,
            kind: self.status.map(kind).transpose()?,
            from_micros: moment("created_time_from", self.created_time_from)?,
            to_micros: moment("created_time_to", self.created_time_to)?,
            since: id("since_id", self.since_id)?,
            until: id("max_id", self.max_id)?,
            limit,
            ..Asked::default()
        })
    }
}

/// A moment; a copied `+00:00` may arrive with a blank for the `+`.
fn moment(name: &str, text: Option<String>) -> Result<Option<i64>, Problem> {
    let read = |text: String| Timestamp::parse(&text).or_else(|| Timestamp::parse(&text.replace(' ', "+")));
    let parsed = text.map(|text| read(text).ok_or_else(|| invalid_query(name, "an RFC 3339 time")));
    Ok(parsed.transpose()?.map(Timestamp::micros))
}

/// Over which time.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
pub(super) struct StatsQuery {
    /// How many hours until now are counted.
    #[param(default = 24, minimum = 1, maximum = 2_160)]
    pub hours: Option<i64>,
}

impl StatsQuery {
    /// From when on, and before when, in microseconds since 1970.
    pub fn window(&self, now_micros: i64) -> Result<(i64, i64), Problem> {
        let hours = self.hours.unwrap_or(WINDOW_HOURS);
        if !(1..=WINDOW_HOURS_MAX).contains(&hours) {
            return Err(invalid_query("hours", "a whole number from 1 to 2160"));
        }
        Ok((now_micros - hours * HOUR_MICROS, now_micros))
    }
}

/// A call that changed something, or was to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageOperation)]
pub struct Operation {
    /// Its id, also that of its event.
    pub id: String,
    /// `operationId` in `/openapi.json`, or context and command.
    pub operation: String,
    /// `success`, `processing` (taken on as a job), `error` or `denied`.
    pub status: &'static str,
    /// Status of the answer; of a command over NATS, that which it would have had.
    pub status_code: i32,
    /// Code of the error.
    pub error: Option<String>,
    /// What it is about: `table`, `bucket`, `key` and so on.
    pub object_type: Option<String>,
    /// Its id.
    pub object_id: Option<String>,
    /// The branch that it is about.
    pub branch_id: Option<String>,
    /// Who asked: `admin`, `key:<id>` or `nats:<tenant>`; null for somebody whose credential is not known.
    pub actor: Option<String>,
    /// The run of the client that it is part of.
    pub run_id: Option<String>,
    /// How it came: `http` or `nats`.
    pub channel: String,
    /// Id of the request or the command.
    pub request_id: Option<String>,
    /// How long it took until the answer began; null where that is not known.
    pub duration_ms: Option<f64>,
    /// When it was answered.
    pub created_time: String,
}

/// A page of operations.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageOperations)]
pub struct Operations {
    /// Newest first.
    pub operations: Vec<Operation>,
}

impl From<CallRow> for Operation {
    fn from(row: CallRow) -> Self {
        let status = STATUSES.iter().find(|(_, kind)| *kind == row.kind).map_or("error", |(status, _)| status);
        Self {
            id: row.uuid,
            operation: row.operation,
            status,
            status_code: row.status,
            error: row.code,
            object_type: row.object_type,
            object_id: row.object_id,
            branch_id: row.branch,
            actor: row.actor,
            run_id: row.run_id,
            channel: row.channel,
            request_id: row.request_id,
            duration_ms: row.duration_us.map(millis),
            created_time: Timestamp::from_micros(row.created).to_rfc3339(),
        }
    }
}

/// How long calls took until their answers began, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageOperationDurations)]
pub struct Durations {
    /// On average.
    pub mean: f64,
    /// Half of them.
    pub median: f64,
    /// 95 of 100.
    pub p95: f64,
    /// The longest.
    pub max: f64,
}

/// The calls of one operation.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageOperationCounts)]
pub struct OperationCounts {
    /// Which.
    pub operation: String,
    /// All of them.
    pub calls: i64,
    /// Those that were refused, or failed.
    pub errors: i64,
    /// Those whose caller had no right.
    pub denied: i64,
    /// Null where no call of it says how long it took, as commands over NATS do not.
    pub duration_ms: Option<Durations>,
}

impl From<Counted> for OperationCounts {
    fn from(counted: Counted) -> Self {
        let took = |[mean, median, p95, max]: [i64; 4]| Durations {
            mean: millis(mean),
            median: millis(median),
            p95: millis(p95),
            max: millis(max),
        };
        let Counted { operation, calls, errors, denied, took_us } = counted;
        Self { operation, calls, errors, denied, duration_ms: took_us.map(took) }
    }
}

/// The calls of a project over a time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageOperationStats)]
pub struct OperationStats {
    /// Answered at this time or later.
    pub from: String,
    /// And before this.
    pub to: String,
    /// All calls of the operations below.
    pub calls: i64,
    /// Those that were refused, or failed.
    pub errors: i64,
    /// Those whose caller had no right.
    pub denied: i64,
    /// By operation, what is called most often first; 500 at most.
    pub operations: Vec<OperationCounts>,
}

impl OperationStats {
    pub(super) fn of((from, to): (i64, i64), operations: Vec<OperationCounts>) -> Self {
        let sum = |of: fn(&OperationCounts) -> i64| operations.iter().map(of).sum();
        let time = |micros| Timestamp::from_micros(micros).to_rfc3339();
        Self {
            from: time(from),
            to: time(to),
            calls: sum(|one| one.calls),
            errors: sum(|one| one.errors),
            denied: sum(|one| one.denied),
            operations,
        }
    }
}

fn millis(micros: i64) -> f64 {
    micros as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked() {
        let asked = |query: OperationsQuery| query.asked("default");
        let wrong = [
            OperationsQuery { status: Some("done".into()), ..OperationsQuery::default() },
            OperationsQuery { created_time_from: Some("soon".into()), ..OperationsQuery::default() },
            OperationsQuery { object_id: Some("a\0".into()), ..OperationsQuery::default() },
            OperationsQuery { limit: Some(1_001), ..OperationsQuery::default() },
            OperationsQuery { max_id: Some("1".into()), ..OperationsQuery::default() },
        ];
        for query in wrong {
            assert_eq!(asked(query.clone()).unwrap_err().code, "http.invalid_query", "{query:?}");
        }
        let query = OperationsQuery {
            status: Some("denied".into()),
            created_time_to: Some("1970-01-01T00:00:01 00:00".into()),
            ..OperationsQuery::default()
        };
        let asked = asked(query).unwrap();
        assert_eq!((asked.kind.as_deref(), asked.to_micros, asked.limit), (Some("warn"), Some(1_000_000), LIMIT));
        assert!(asked.only_calls);
    }

    #[test]
    fn a_window_has_an_end() {
        let window = |hours| StatsQuery { hours }.window(100 * HOUR_MICROS).ok();
        assert_eq!(window(None), Some((76 * HOUR_MICROS, 100 * HOUR_MICROS)));
        assert_eq!([window(Some(0)), window(Some(2_161))], [None, None]);
        assert!(window(Some(2_160)).is_some());
    }
}
