//! `POST /projects/{project_id}/events`

use alluvium_http::{BodyBytes, Json, PathParams, Peer, Principal, ProblemResponse, WithPosition};
use alluvium_kernel::{Position, Problem};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

use super::AuditRoutes;
use super::wire::{Event, NewEvent};
use crate::contract::CallAudited;
use crate::error::{invalid, not_kept};
use crate::projection::STREAM;
use crate::publish;
use crate::record::{blank, cut};

/// The longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 4_000;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 255;
/// The longest text of a header that is kept, in bytes.
const HEADER_BYTES_MAX: usize = 256;
const KINDS: [&str; 4] = ["info", "success", "warn", "error"];

pub(super) async fn create(
    State(state): State<AuditRoutes>,
    principal: Principal,
    params: PathParams,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    BodyBytes(body): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let project = params.owned("project_id");
    state.places.exist(&principal.tenant, &project, None, None, None).await?;
    let header = |name: &str| Some(cut(headers.get(name)?.to_str().ok()?, HEADER_BYTES_MAX));
    // Read as JSON whatever its type is said to be, as all bodies of this surface are.
    let event = serde_json::from_slice(&body)
        .map_err(|error| invalid("body", &format!("is no event: {}", cut(&error.to_string(), HEADER_BYTES_MAX))))?;
    let reported = reported(event)?;
    let call = CallAudited {
        // Sent again with the same idempotency key, it is the same event.
        uuid: principal.seed.uuid("event").to_string(),
        created: principal.seed.at().micros(),
        actor: Some(principal.actor.to_string()),
        project: Some(project),
        remote_addr: peer.map(|Extension(peer)| peer.0.ip().to_string()),
        user_agent: header("user-agent"),
        run_id: reported.run_id.clone().or_else(|| header("x-kbc-runid")),
        ..reported
    };
    let seq = publish::keep(&state.js, &state.key, &principal.tenant, &call).await.map_err(|error| not_kept(&error))?;
    let answer = (StatusCode::CREATED, Json(Event::from(call)));
    Ok(WithPosition(Position::of(STREAM, seq), answer).into_response())
}

/// What a client says happened.
fn reported(event: NewEvent) -> Result<CallAudited, Problem> {
    let kind = event.r#type.unwrap_or_else(|| "info".to_owned());
    if !KINDS.contains(&kind.as_str()) {
        return Err(invalid("type", "is info, success, warn or error"));
    }
    let text = |field: &str, text: &str, max: usize| {
        let fits = !text.trim().is_empty() && text.chars().count() <= max && !text.contains('\0');
        if fits { Ok(()) } else { Err(invalid(field, &format!("is 1 to {max} characters, none of them NUL"))) }
    };
    text("message", &event.message, MESSAGE_CHARS_MAX)?;
    text("component", &event.component, NAME_CHARS_MAX)?;
    for (field, given) in [("event", &event.event), ("run_id", &event.run_id)] {
        given.as_ref().map_or(Ok(()), |given| text(field, given, NAME_CHARS_MAX))?;
    }
    let object = |given: Option<Map<String, Value>>| Value::Object(given.unwrap_or_default()).to_string();
    let component = event.component;
    Ok(CallAudited {
        channel: "event".to_owned(),
        operation: "createEvent".to_owned(),
        event: event.event.map_or_else(|| format!("ext.{component}"), |name| format!("ext.{component}.{name}")),
        kind,
        message: event.message,
        component: Some(component),
        run_id: event.run_id,
        params: object(event.params),
        results: object(event.results),
        ..blank()
    })
}
