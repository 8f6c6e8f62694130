//! Who changed what: of one subject from the log, and of all as it happens.

use std::fmt::Write as _;

use alluvium_eventlog::Past;
use alluvium_kernel::{Access, Position, Problem, SchemaRights, Timestamp, subject};
use alluvium_messaging::{Commit, Contract as _, ContractSet as _, LogMessage, PullSettings, Tail, TailConfig, Tailed};
use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::Answer;
use super::route::Call;
use crate::contract::{Event, RegistryEvent};
use crate::error;
use crate::index::STREAM;
use crate::subject::{Name, aggregate_id, context_of_id};

/// Most events of one answer.
const EVENTS_MAX: usize = 10_000;

/// The subject or scope that an event is about; empty for a context.
fn about(event: &RegistryEvent) -> &str {
    match event {
        RegistryEvent::SchemaRegistered(event) => &event.subject,
        RegistryEvent::VersionSoftDeleted(event) => &event.subject,
        RegistryEvent::SubjectSoftDeleted(event) => &event.subject,
        RegistryEvent::VersionPurged(event) => &event.subject,
        RegistryEvent::SubjectPurged(event) => &event.subject,
        RegistryEvent::ConfigSet(event) => &event.scope,
        RegistryEvent::ConfigCleared(event) => &event.scope,
        RegistryEvent::ModeSet(event) => &event.scope,
        RegistryEvent::ModeCleared(event) => &event.scope,
        RegistryEvent::ContextDeleted(_) => "",
        RegistryEvent::ReferenceNoted(event) => &event.subject,
        RegistryEvent::ReferenceReleased(event) => &event.subject,
    }
}

/// The events of a message that are about what is `wanted`, as people read them.
fn told(message: &LogMessage, wanted: impl Fn(&Name) -> bool) -> Result<Vec<(String, Value)>, Problem> {
    let damaged = |error: &dyn std::fmt::Display| error::mistake(&format!("message {}: {error}", message.seq));
    let Some(subject::Parsed::Event { id, .. }) = subject::parse(&message.subject) else { return Ok(vec![]) };
    let context = context_of_id(&id);
    let commit = Commit::from_avro(&message.payload).map_err(|error| damaged(&error))?;
    let mut all = Vec::new();
    for entry in commit.entries {
        let Event::Registry(event) = Event::decode(&entry.r#type, &entry.event).map_err(|error| damaged(&error))?;
        let about = Name::of(&context, about(&event));
        if !wanted(&about) {
            continue;
        }
        let mut body = event.to_json();
        if let Some(fields) = body.as_object_mut() {
            // Read by id; here they would only be in the way.
            fields.remove("text");
            fields.remove("packed");
        }
        let shown = json!({
            "seq": message.seq,
            "position": Position::of(STREAM, message.seq).to_token(),
            "time": Timestamp::from_micros(entry.time).to_rfc3339(),
            "actor": entry.actor,
            "command_id": entry.command_id,
            "type": entry.r#type,
            "context": context,
            "subject": about.qualified(),
            "event": body,
        });
        all.push((entry.r#type, shown));
    }
    Ok(all)
}

/// `GET /subjects/{s}/history`
pub(super) async fn of_subject(call: &mut Call<'_>, segment: &str) -> Result<Answer, Problem> {
    let name = call.name_anywhere(segment)?;
    let id = aggregate_id(&name.context)?;
    let at = subject::event(&call.caller.tenant, "schemas", "registry", &id);
    let up_to = if call.params.text(&["asOf", "as_of"]).is_some() {
        call.view.seq
    } else {
        call.server.follower.position().seq(STREAM)
    };
    let mut all = Vec::new();
    let past = Past::new(call.server.js.clone(), STREAM);
    past.walk(&at, 1, up_to, |message| {
        all.extend(told(&message, |about| *about == name)?.into_iter().map(|(_, shown)| shown));
        Ok(true)
    })
    .await?;
    if all.is_empty() {
        return Err(error::subject_not_found(&name.qualified()));
    }
    Ok(Answer::Json(Value::Array(call.params.page(all, EVENTS_MAX)?)))
}

/// The events of a message as server-sent ones, as far as somebody may read of what they are about.
fn frames(message: &LogMessage, rights: &SchemaRights) -> Option<String> {
    let seen = |about: &Name| {
        if about.subject.is_empty() {
            rights.on_config(Access::Read)
        } else {
            rights.on_subject(&about.qualified(), Access::Read)
        }
    };
    let mut out = String::new();
    for (kind, shown) in told(message, seen).ok()? {
        let _ = write!(out, "id: {}\nevent: {kind}\ndata: {shown}\n\n", message.seq);
    }
    Some(out)
}

/// `GET /events?after=`: as server-sent events, from the message after the named one, or from now.
pub(super) fn events(call: &mut Call<'_>) -> Result<Answer, Problem> {
    let after = match call.params.text(&["after"]).or_else(|| call.headers.get("last-event-id")?.to_str().ok()) {
        None => call.server.follower.position().seq(STREAM),
        Some(text) => {
            let seq = text.parse().ok().or_else(|| Some(Position::from_token(text).ok()?.seq(STREAM)));
            seq.ok_or_else(|| error::malformed("`after` is a sequence or a position token."))?
        }
    };
    let filters = vec![format!("ev.{}.schemas.>", call.caller.tenant)];
    let config = TailConfig { stream: STREAM.to_owned(), filters, from: after + 1, pull: PullSettings::default() };
    let tail = Tail::new(call.server.js.clone(), config)?;
    let whose = (call.server.clone(), call.caller.clone());
    let stream = futures::stream::unfold((tail, whose), |(mut tail, whose)| async move {
        let chunk = match tail.next().await {
            Ok(Tailed::Message(message)) => {
                // Asked again for each message: a stream must not outlive the key that opened it.
                let rights = whose.0.rights_of(&whose.1).await.ok()?;
                frames(&message, &rights)?
            }
            Ok(Tailed::Reconnected | Tailed::Idle) => ": still here\n\n".to_owned(),
            Err(error) => {
                tracing::warn!(%error, "a stream of changes ends");
                return None;
            }
        };
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(chunk)), (tail, whose)))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(Answer::Whole(response))
}
