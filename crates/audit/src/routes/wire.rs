//! Events as they stand in bodies and queries.

use alluvium_kernel::{Problem, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::contract::CallAudited;
use crate::queries::{Asked, CallRow};

/// Events on a page when the client does not say.
const LIMIT: i64 = 100;
/// Events on a page at most.
const LIMIT_MAX: i64 = 10_000;

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
pub(super) struct EventsQuery {
    /// Only those after this one.
    #[serde(alias = "sinceId")]
    pub since_id: Option<String>,
    /// Only those before this one.
    #[serde(alias = "maxId")]
    pub max_id: Option<String>,
    /// Only those with this text in their name, message, object, actor or error.
    pub q: Option<String>,
    /// Only those that this component reported.
    pub component: Option<String>,
    /// Only those of this run.
    #[serde(alias = "runId")]
    pub run_id: Option<String>,
    /// How many at most.
    #[param(default = 100, minimum = 1, maximum = 10_000)]
    pub limit: Option<i64>,
}

impl EventsQuery {
    /// What is asked of a tenant's calls.
    pub fn asked(self, tenant: &str) -> Result<Asked, Problem> {
        let limit = self.limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(invalid_query("limit", "a whole number from 1 to 10000"));
        }
        if [&self.q, &self.component, &self.run_id].into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(invalid_query("q", "a text without NUL"));
        }
        Ok(Asked {
            tenant: tenant.to_owned(),
            since: id("since_id", self.since_id)?,
            until: id("max_id", self.max_id)?,
            text: self.q.filter(|text| !text.is_empty()),
            component: self.component,
            run_id: self.run_id,
            limit,
            ..Asked::default()
        })
    }
}

pub(super) fn invalid_query(name: &str, what: &str) -> Problem {
    Problem::new("http.invalid_query", 422, format!("`{name}` is {what}."))
}

/// The id of an event, as it is kept.
pub(super) fn id(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let parsed = text.map(|text| Uuid::parse_str(&text).map(|id| id.to_string()));
    parsed.transpose().map_err(|_| invalid_query(name, "the uuid of an event"))
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageEvent)]
pub struct Event {
    /// Its id; later events have greater ones.
    pub uuid: String,
    /// What happened, e.g. `storage.tableImportDone`.
    pub event: String,
    /// `success`, `info`, `warn` (denied) or `error` (refused).
    pub r#type: String,
    /// The same for people.
    pub message: String,
    /// What it is about: `table`, `bucket`, `key` and so on.
    pub object_type: Option<String>,
    /// Its id.
    pub object_id: Option<String>,
    /// Its name.
    pub object_name: Option<String>,
    /// Who asked: `admin`, `key:<id>` or `nats:<tenant>`; null for somebody whose credential is not known.
    pub actor: Option<String>,
    /// The branch that it is about; null where it is about none.
    pub branch_id: Option<String>,
    /// The run of the client that it is part of.
    pub run_id: Option<String>,
    /// What was asked for, by the parts of the path; or what a client reported.
    #[schema(value_type = Object)]
    pub params: Value,
    /// What came of it: `status`, and `error` when it was refused; or what a client reported.
    #[schema(value_type = Object)]
    pub results: Value,
    /// `duration_ms`: how long it took until the answer began.
    #[schema(value_type = Object)]
    pub performance: Value,
    /// Where it came from.
    pub context: EventContext,
    /// When it was answered.
    pub created: String,
}

/// Where a call came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StorageEventContext)]
pub struct EventContext {
    /// Address of the other end of the connection.
    pub remote_addr: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Id of the request or the command.
    pub request_id: Option<String>,
    /// `http`, `nats`, or `event` for one that a client reported.
    pub channel: String,
    /// The operation that was asked for.
    pub operation: String,
    /// What reported it.
    pub component: Option<String>,
    /// The project that it is about.
    pub project_id: Option<String>,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = StorageEvents)]
pub struct Events {
    /// The events, newest first.
    pub events: Vec<Event>,
}

/// An event that a client reports.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = StorageEventCreate)]
pub struct NewEvent {
    /// What happened, for people.
    #[schema(min_length = 1, max_length = 4000)]
    pub message: String,
    /// What reports it.
    #[schema(min_length = 1, max_length = 255)]
    pub component: String,
    /// What happened, as a name; `ext.<component>` is put before it.
    #[schema(max_length = 255)]
    pub event: Option<String>,
    /// `info`, `success`, `warn` or `error`.
    #[schema(default = "info")]
    pub r#type: Option<String>,
    /// What was asked for.
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    pub results: Option<Map<String, Value>>,
    /// The run that it is part of; the header `X-KBC-RunId` when absent.
    #[serde(alias = "runId")]
    #[schema(max_length = 255)]
    pub run_id: Option<String>,
}

impl From<CallRow> for Event {
    fn from(row: CallRow) -> Self {
        let object = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!({}));
        let mut results = object(&row.results);
        if row.channel != "event"
            && let Some(results) = results.as_object_mut()
        {
            results.insert("status".to_owned(), json!(row.status));
            if let Some(code) = &row.code {
                results.insert("error".to_owned(), json!(code));
            }
        }
        let duration = row.duration_us.map_or_else(|| json!({}), |us| json!({ "duration_ms": us as f64 / 1e3 }));
        Self {
            uuid: row.uuid,
            event: row.event,
            r#type: row.kind,
            message: row.message,
            object_type: row.object_type,
            object_id: row.object_id,
            object_name: row.object_name,
            actor: row.actor,
            branch_id: row.branch,
            run_id: row.run_id,
            params: object(&row.params),
            results,
            performance: duration,
            context: EventContext {
                remote_addr: row.remote_addr,
                user_agent: row.user_agent,
                request_id: row.request_id,
                channel: row.channel,
                operation: row.operation,
                component: row.component,
                project_id: row.project,
            },
            created: Timestamp::from_micros(row.created).to_rfc3339(),
        }
    }
}

impl From<CallAudited> for Event {
    fn from(call: CallAudited) -> Self {
        Self::from(CallRow {
            uuid: call.uuid,
            created: call.created,
            channel: call.channel,
            operation: call.operation,
            event: call.event,
            kind: call.kind,
            message: call.message,
            status: call.status,
            code: call.code,
            actor: call.actor,
            project: call.project,
            branch: call.branch,
            object_type: call.object_type,
            object_id: call.object_id,
            object_name: call.object_name,
            component: call.component,
            run_id: call.run_id,
            params: call.params,
            results: call.results,
            duration_us: call.duration_us,
            request_id: call.request_id,
            remote_addr: call.remote_addr,
            user_agent: call.user_agent,
        })
    }
}
