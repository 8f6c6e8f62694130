//! A live stream of a project's events by server-sent events. The id of each is its uuid, so that a client that comes back with
//! `Last-Event-ID` misses none that is still kept.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use alluvium_http::{Principal, ProblemResponse};
use alluvium_kernel::Requirement;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::{Stream, StreamExt as _, stream};

use super::AuditRoutes;
use super::wire::{Event, EventsQuery};
use crate::queries::Asked;

/// How often it is looked for more, in milliseconds.
const LOOK_MS: u64 = 500;
/// Events that are read at once.
const PAGE_EVENTS: i64 = 1_000;
/// How often a comment keeps the connection alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Whether the client wants events as they come.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|part| part.trim().starts_with("text/event-stream"))
}

struct Live {
    state: AuditRoutes,
    caller: Principal,
    asked: Asked,
    /// Read and not sent yet, the oldest first.
    ready: VecDeque<Event>,
}

/// Events behind `Last-Event-ID` or `since_id`, else behind the last one there is.
pub(super) async fn stream(
    state: AuditRoutes,
    caller: Principal,
    mut asked: Asked,
    headers: &HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>> + use<>>, ProblemResponse> {
    if let Some(last) = headers.get("last-event-id").and_then(|value| value.to_str().ok()) {
        let last = EventsQuery { since_id: Some(last.to_owned()), ..EventsQuery::default() };
        asked.since = last.asked(&asked.tenant)?.since;
    }
    if asked.since.is_none() {
        let newest = state.queries.list(&Asked { limit: 1, ..asked.clone() }).await?;
        asked.since = newest.into_iter().next().map(|call| call.uuid);
    }
    asked.limit = PAGE_EVENTS;
    let stopping = state.stopping.clone();
    let events = stream::unfold(Live { state, caller, asked, ready: VecDeque::new() }, |mut live| async move {
        let event = live.next().await?;
        let sent = Sent::default().id(&event.uuid).data(serde_json::to_string(&event).unwrap_or_default());
        Some((Ok(sent), live))
    });
    // It never ends by itself: it would hold up the process when that is told to stop.
    Ok(Sse::new(events.take_until(stopping.cancelled_owned())).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

impl Live {
    /// The next event; none once the caller may not see it any more.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let asks = Requirement::ProjectAdmin(self.asked.project.clone().unwrap_or_default());
            self.state.authorizer.check(&self.caller.tenant, &self.caller.actor, &asks).await.ok()?;
            match self.state.queries.list_oldest(&self.asked).await {
                Ok(rows) if !rows.is_empty() => {
                    self.asked.since = rows.last().map(|row| row.uuid.clone());
                    self.ready.extend(rows.into_iter().map(Event::from));
                }
                // Without Postgres there is nothing new; it was logged.
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(LOOK_MS)).await,
            }
        }
    }
}
