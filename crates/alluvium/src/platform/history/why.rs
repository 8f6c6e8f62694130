//! Why an event is there: the command behind it, all that the command led to, what followed, and who has applied it.

use std::time::Duration;

use alluvium_eventlog::{AggregateType, OutcomePublisher, Owner, Past};
use alluvium_http::{Json, PathParams, Principal, ProblemResponse};
use alluvium_kernel::subject::{self, Parsed, parse};
use alluvium_kernel::{Position, Problem, Token, header};
use alluvium_messaging::{LogMessage, direct};
use axum::extract::State;
use serde_json::{Value, json};

use super::look::within_budget;
use super::sight::Sight;
use crate::node::{CONTEXTS, context};
use crate::platform::Platform;
use crate::platform::events::decode;

/// Messages of one atomic batch that are looked through for events of the same command.
const BATCH_MESSAGES_MAX: u64 = 1_000;
/// Commits of the same aggregate that are looked through for what followed.
const FOLLOWING_MESSAGES_MAX: usize = 10_000;
/// The stream of what could not be applied.
const DEAD_LETTERS: &str = "DLQ";
/// JetStream's number of a message within its atomic batch, from 1, and the batch's id.
const BATCH: (&str, &str) = ("Nats-Batch-Sequence", "Nats-Batch-Id");

/// One event, or all of a message.
struct Asked {
    stream: &'static str,
    seq: u64,
    index: Option<usize>,
}

pub async fn why(
    State(platform): State<Platform>,
    principal: Principal,
    params: PathParams,
) -> Result<Json<Value>, ProblemResponse> {
    let asked = Asked::read(params.get("position"))?;
    Ok(Json(within_budget(answer(&platform, &principal, &asked)).await?))
}

impl Asked {
    fn read(text: &str) -> Result<Self, Problem> {
        let invalid = |why: &str| Problem::new("platform.invalid_point", 400, format!("`{text}` is no event: {why}."));
        if let Ok(position) = Position::from_token(text) {
            let mut named = position.iter();
            let (Some((stream, seq)), None) = (named.next(), named.next()) else {
                return Err(invalid("the token names several streams, or none; write STREAM:SEQUENCE"));
            };
            return Self::on(stream, seq, None).ok_or_else(|| invalid("there is no such stream of events"));
        }
        let (position, index) = match text.split_once('/') {
            Some((position, index)) => (position, Some(index.parse().map_err(|_| invalid("the index is no number"))?)),
            None => (text, None),
        };
        let (stream, seq) = position
            .split_once(':')
            .and_then(|(stream, seq)| Some((stream, seq.parse().ok()?)))
            .ok_or_else(|| invalid("write STREAM:SEQUENCE or STREAM:SEQUENCE/INDEX"))?;
        Self::on(stream, seq, index).ok_or_else(|| invalid("there is no such stream of events"))
    }

    fn on(stream: &str, seq: u64, index: Option<usize>) -> Option<Self> {
        let stream = CONTEXTS.iter().map(|context| context.stream).find(|known| *known == stream)?;
        Some(Self { stream, seq, index })
    }

    fn unknown(&self) -> Problem {
        let detail = format!("There is no event at {}:{} that you may see.", self.stream, self.seq);
        Problem::new("platform.unknown_event", 404, detail)
    }
}

async fn answer(platform: &Platform, principal: &Principal, asked: &Asked) -> Result<Value, Problem> {
    let past = Past::new(platform.js.clone(), asked.stream);
    let message = past.message(asked.seq).await?.ok_or_else(|| asked.unknown())?;
    let mut about = match parse(&message.subject) {
        Some(Parsed::Event { tenant, context: name, aggregate, .. }) if tenant == principal.tenant => {
            let kind = context(&name).and_then(|context| context.aggregates.iter().find(|kind| kind.name == aggregate));
            let kind = kind.ok_or_else(|| asked.unknown())?;
            let (owner, first) = owner(&past, kind, &message).await?;
            // A project's id outlives the project; everything else belongs to one for good.
            let told = if kind.name == "project" { asked.seq } else { first };
            if !Sight::of(platform, principal, owner.as_ref()).await?.sees(told) {
                return Err(asked.unknown());
            }
            of_commit(platform, &past, asked, &tenant, kind, &message).await?
        }
        Some(Parsed::Rows { tenant, project, .. }) if tenant == principal.tenant => {
            let owner = Owner { project: project.decode(), uid: None };
            if !Sight::of(platform, principal, Some(&owner)).await?.sees(asked.seq) {
                return Err(asked.unknown());
            }
            of_rows(platform, &tenant, &message).await?
        }
        _ => return Err(asked.unknown()),
    };
    about["projections"] = projections(platform, &message).await?;
    Ok(about)
}

/// Whose the aggregate was with this message (of one that this message ended: before it), and where it began.
async fn owner(past: &Past, kind: &AggregateType, message: &LogMessage) -> Result<(Option<Owner>, u64), Problem> {
    let (mut look, mut owner, mut first) = (kind.begin(), None, 0);
    past.walk(&message.subject, 1, message.seq, |message| {
        look.fold(&message)?;
        owner = look.owner().or(owner.take());
        first = if first == 0 { message.seq } else { first };
        Ok(true)
    })
    .await?;
    Ok((owner, first))
}

async fn of_commit(
    platform: &Platform,
    past: &Past,
    asked: &Asked,
    tenant: &Token,
    kind: &AggregateType,
    message: &LogMessage,
) -> Result<Value, Problem> {
    let mut here = decode::events(message, None);
    if let Some(index) = asked.index {
        here.retain(|event| event["index"] == index);
    }
    here.iter_mut().for_each(|event| kind.hide(&mut event["event"]));
    let first = here.first().ok_or_else(|| asked.unknown())?;
    let mut ids: Vec<String> = here.iter().filter_map(|event| text(event, "command_id")).collect();
    ids.dedup();
    let batch = batch(past, message).await?;
    let mut commands = Vec::new();
    for id in &ids {
        commands.push(of_command(platform, past, tenant, &batch, &message.subject, id, asked.seq).await?);
    }
    let mut answer = json!({
        "event": if asked.index.is_some() || here.len() == 1 { first.clone() } else { json!(here) },
        "position": Position::of(asked.stream, asked.seq).to_token(),
        "commands": commands,
    });
    if let Some(cause) = cause(past, first, message).await? {
        answer["caused_by"] = cause;
    }
    Ok(answer)
}

/// A command: what it was, what became of it, the events it led to, and what followed on this aggregate.
async fn of_command(
    platform: &Platform,
    past: &Past,
    tenant: &Token,
    batch: &[LogMessage],
    on: &str,
    id: &str,
    seq: u64,
) -> Result<Value, Problem> {
    let mut events: Vec<Value> = batch.iter().flat_map(shown).collect();
    events.retain(|event| event["command_id"] == id);
    let outcome = OutcomePublisher::new(platform.js.clone()).find(tenant, id).await?;
    let one = events.first().cloned().unwrap_or_default();
    let mut followed = Vec::new();
    // A request names its command, and so does the verdict on it.
    let (is_request, mut left) = (events.iter().any(|event| event["event"]["request"] == id), FOLLOWING_MESSAGES_MAX);
    let until = if is_request { u64::MAX } else { 0 };
    past.walk(on, seq + 1, until, |message| {
        followed.extend(shown(&message).into_iter().filter(|event| event["event"]["request"] == id));
        left -= 1;
        Ok(followed.is_empty() && left > 0)
    })
    .await?;
    Ok(json!({
        "id": id, "name": outcome.as_ref().map(|outcome| &outcome.command), "actor": one["actor"],
        "time": one["decided_at"], "body_hash": body_hash(batch, id).or(outcome.as_ref().map(|o| o.body_hash.clone())),
        "outcome": outcome, "events": events, "followed": followed,
    }))
}

/// The hash of a command's body, as its events have it.
fn body_hash(batch: &[LogMessage], id: &str) -> Option<String> {
    use alluvium_messaging::{Commit, Contract as _};
    let commits = batch.iter().filter_map(|message| Commit::from_avro(&message.payload).ok());
    commits.flat_map(|commit| commit.entries).find(|entry| entry.command_id == id).map(|entry| entry.body_hash)
}

/// The messages that were stored together with this one.
async fn batch(past: &Past, message: &LogMessage) -> Result<Vec<LogMessage>, Problem> {
    let id = message.header(BATCH.1);
    let place = message.header(BATCH.0).and_then(|place| place.parse::<u64>().ok());
    let (Some(id), Some(place)) = (id, place.filter(|place| (1..=BATCH_MESSAGES_MAX).contains(place))) else {
        return Ok(vec![message.clone()]);
    };
    let mut all = Vec::new();
    for seq in (message.seq + 1).saturating_sub(place)..message.seq.saturating_add(BATCH_MESSAGES_MAX) {
        match past.message(seq).await? {
            Some(other) if other.header(BATCH.1) == Some(id) => all.push(other),
            _ if seq < message.seq => {}
            _ => break,
        }
    }
    Ok(all)
}

/// The request that a verdict answers, or the rows that a refusal is about.
async fn cause(past: &Past, event: &Value, message: &LogMessage) -> Result<Option<Value>, Problem> {
    let body = &event["event"];
    if let (Some(seq), Some(subject)) = (body["seq"].as_u64(), text(body, "subject")) {
        return Ok(Some(json!({ "stream": past.stream(), "seq": seq, "subject": subject })));
    }
    let Some(request) = text(body, "request").filter(|request| event["command_id"] != *request) else {
        return Ok(None);
    };
    let mut found = None;
    past.walk(&message.subject, 1, message.seq, |earlier| {
        found = shown(&earlier).into_iter().find(|event| event["command_id"] == request);
        Ok(found.is_none())
    })
    .await?;
    Ok(found)
}

async fn of_rows(platform: &Platform, tenant: &Token, message: &LogMessage) -> Result<Value, Problem> {
    let letter = subject::dead_letter(tenant, "storage", "rows", message.seq);
    let letter = direct::leader_last(&platform.js, DEAD_LETTERS, &letter).await?;
    let refused = letter.map(|letter| {
        json!({
            "code": letter.header(header::REASON_CODE), "detail": letter.header(header::REASON),
            "stream": letter.stream, "seq": letter.seq,
        })
    });
    let event = decode::events(message, None).into_iter().next().unwrap_or_default();
    let position = Position::of(&message.stream, message.seq).to_token();
    Ok(json!({ "event": event, "position": position, "commands": [], "refused": refused }))
}

/// Who folds this message, and whether they have.
async fn projections(platform: &Platform, message: &LogMessage) -> Result<Value, Problem> {
    let mut all = Vec::new();
    let folding = platform.projections.folding(&message.stream, &message.subject);
    for health in platform.projections.health().await.iter().filter(|health| folding.contains(&health.projection)) {
        let parked = if health.parked_events == 0 {
            None
        } else {
            let parked = platform.projections.parked(health.projection).await?;
            parked.into_iter().find(|parked| parked.seq == message.seq)
        };
        all.push(json!({
            "name": health.projection, "applied": health.watermark >= message.seq && parked.is_none(),
            "watermark": health.watermark, "parked": parked,
        }));
    }
    all.extend(of_tables(platform, message).await);
    Ok(Value::Array(all))
}

async fn of_tables(platform: &Platform, message: &LogMessage) -> Option<Value> {
    let tables = platform.tables.as_ref()?;
    let uid = match parse(&message.subject)? {
        Parsed::Event { context, aggregate, id, .. } if context == "storage" && aggregate == "table" => id.decode(),
        Parsed::Event { context, aggregate, .. } if context == "storage" && aggregate == "project" => String::new(),
        Parsed::Rows { .. } => tables.fold().routing().by_subject(&message.subject).map(|id| id.uid.clone())?,
        Parsed::Event { .. } | Parsed::Command { .. } => return None,
    };
    let position = Position::of(&message.stream, message.seq);
    let applied = tables.wait_table(&uid, &position, Duration::ZERO).await.is_ok();
    let trouble = tables.fold().lane(&uid).and_then(|lane| lane.view().trouble);
    Some(json!({
        "name": "tables", "applied": applied && trouble.is_none(), "watermark": tables.health().watermark, "parked": trouble,
    }))
}

/// The events of a message, without what nobody is shown.
fn shown(message: &LogMessage) -> Vec<Value> {
    let mut events = decode::events(message, None);
    if let Some(Parsed::Event { context: name, aggregate, .. }) = parse(&message.subject)
        && let Some(kind) = context(&name).and_then(|info| info.aggregates.iter().find(|kind| kind.name == aggregate))
    {
        events.iter_mut().for_each(|event| kind.hide(&mut event["event"]));
    }
    events
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_named_by_place_or_token() {
        let read = |text: &str| Asked::read(text).map(|asked| (asked.stream, asked.seq, asked.index));
        assert_eq!(read("STORAGE:12").unwrap(), ("STORAGE", 12, None));
        assert_eq!(read("EV_ACCESS:3/1").unwrap(), ("EV_ACCESS", 3, Some(1)));
        assert_eq!(read(&Position::of("STORAGE", 5).to_token()).unwrap(), ("STORAGE", 5, None));
        let both = Position::of("STORAGE", 5).join(&Position::of("EV_ACCESS", 2)).to_token();
        for bad in ["", "12", "STORAGE", "STORAGE:x", "STORAGE:1/x", "CMD:1", both.as_str()] {
            assert_eq!(read(bad).unwrap_err().code, "platform.invalid_point", "{bad}");
        }
    }
}
