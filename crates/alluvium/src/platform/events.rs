//! `/events`: what is on the log, decoded through the contracts; as a page or as a live tail.

pub mod decode;
mod filter;
mod live;
mod page;

use std::time::Duration;

use alluvium_http::{Json, Op, ProblemResponse, Query, Route};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{Platform, admin};
use filter::Filter;
pub use filter::streams_of;
pub use page::last_seq;

/// Messages of one page, unless asked otherwise.
const PAGE_MESSAGES: usize = 100;
/// The most messages of one page.
pub const PAGE_MESSAGES_MAX: usize = 1_000;

/// Which events.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Subject filter, e.g. `ev.default.storage.>`; `ev.>` when absent.
    subject: Option<String>,
    /// Only this type of event.
    r#type: Option<String>,
    /// The stream; found by the subject when absent.
    stream: Option<String>,
    /// From this sequence of the stream on.
    from: Option<u64>,
    /// From this moment on, RFC 3339.
    since: Option<String>,
    /// At most so many messages, 1 to 1000.
    limit: Option<usize>,
}

pub fn routes() -> Vec<Route<Platform>> {
    let op = Op::new("listEvents", "platform", "Read the event log")
        .description(
            "With `Accept: text/event-stream` the answer is a live tail by server-sent events, which begins at the end \
             unless `from` or `Last-Event-ID` says where.",
        )
        .query::<Asked>()
        .json::<Value>(200, "Events in order, and `next` when more follow")
        .errors(&["platform.invalid_filter", "platform.unknown_stream", "platform.log_unavailable"]);
    vec![Route::get("/events", admin, events, op).timeout(Duration::from_secs(30))]
}

async fn events(
    State(platform): State<Platform>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, ProblemResponse> {
    let filter = Filter::read(&asked)?;
    let wants_tail = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.split(',').any(|part| part.trim().starts_with("text/event-stream")));
    if wants_tail {
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        return Ok(live::tail(&platform, filter, last).await?.into_response());
    }
    let limit = asked.limit.unwrap_or(PAGE_MESSAGES).clamp(1, PAGE_MESSAGES_MAX);
    let page = page::read(&platform.js, &filter, limit).await?;
    Ok(Json(json!({ "events": page.events, "next": page.next })).into_response())
}
