//! `alluvium events`

use futures::StreamExt as _;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::Context;
use crate::cli::{EventFilter, EventsCommand, ReplayArgs, TailArgs};
use crate::client::Client;
use crate::failure::{Done, Exit, Failure};
use crate::ui::Format;

const COLUMNS: &[&str] = &["position", "time", "subject", "type", "actor", "event"];

pub async fn run(cx: &Context, command: EventsCommand) -> Done {
    let (client, _) = cx.client()?;
    match command {
        EventsCommand::Tail(args) => tail(cx, &client, &args).await,
        EventsCommand::Replay(args) => replay(cx, &client, &args).await,
        EventsCommand::Show(args) => show(cx, &client, &args.position).await,
    }
}

fn query(filter: &EventFilter) -> Vec<(&'static str, String)> {
    let mut query = vec![("subject", filter.subject.clone())];
    query.extend(filter.kind.clone().map(|kind| ("type", kind)));
    query
}

async fn replay(cx: &Context, client: &Client, args: &ReplayArgs) -> Done {
    let mut query = query(&args.filter);
    query.push(("limit", args.limit.to_string()));
    query.extend(args.from.map(|seq| ("from", seq.to_string())));
    query.extend(args.since.clone().map(|time| ("since", time)));
    let body = client.json(client.request(Method::GET, "/events").query(&query)).await?;
    let events = body.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
    print(cx, &events);
    if let Some(next) = body.get("next").and_then(Value::as_u64) {
        cx.ui.say(format!("more follow: --from {next}"));
    }
    Ok(())
}

async fn show(cx: &Context, client: &Client, position: &str) -> Done {
    let (stream, seq) =
        position.split_once(':').and_then(|(stream, seq)| Some((stream, seq.parse::<u64>().ok()?))).ok_or_else(
            || Failure::usage(format!("`{position}` is no position.")).help("write STREAM:SEQUENCE, e.g. STORAGE:42"),
        )?;
    let query = [
        ("stream", stream.to_owned()),
        ("from", seq.to_string()),
        ("limit", "1".to_owned()),
        ("subject", ">".to_owned()),
    ];
    let body = client.json(client.request(Method::GET, "/events").query(&query)).await?;
    let events: Vec<&Value> = body
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|event| event.get("seq").and_then(Value::as_u64) == Some(seq))
        .collect();
    if events.is_empty() {
        return Err(Failure::new(Exit::NotFound, "cli.no_message", format!("There is no message at {position}.")));
    }
    events.into_iter().for_each(|event| cx.ui.record(event));
    Ok(())
}

/// Follows the server-sent events of `/events`.
async fn tail(cx: &Context, client: &Client, args: &TailArgs) -> Done {
    let request =
        client.request(Method::GET, "/events").query(&query(&args.filter)).header(ACCEPT, "text/event-stream");
    let mut chunks = client.send(request).await?.bytes_stream();
    cx.ui.say(format!("following {}; Ctrl-C ends", args.filter.subject));
    let mut text = Vec::new();
    let mut left = args.limit.unwrap_or(u64::MAX);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            Failure::unavailable("cli.server_unreachable", "The server ended the tail.").because(&error)
        })?;
        text.extend_from_slice(&chunk);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let message: Vec<u8> = text.drain(..end + 2).collect();
            let Some(event) = data(&String::from_utf8_lossy(&message)) else { continue };
            line(cx, &event);
            left -= 1;
            if left == 0 {
                return Ok(());
            }
        }
    }
    Err(Failure::unavailable("cli.server_unreachable", "The server ended the tail."))
}

/// The JSON of one server-sent event; `None` for comments.
fn data(message: &str) -> Option<Value> {
    let data: Vec<&str> = message.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
    serde_json::from_str(&data.join("\n")).ok()
}

/// One event as it comes: a table cannot be drawn before its end is known, so people get a line each.
fn line(cx: &Context, event: &Value) {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match cx.ui.format {
        Format::Table => {
            let body = event.get("event").map(Value::to_string).unwrap_or_default();
            let line = format!("{}  {}  {}  {}  {body}", position(event), text("time"), text("subject"), kind(event));
            cx.ui.text(&crate::ui::safe(&line));
        }
        Format::Csv => {
            let all = crate::ui::csv_line(&[&position(event), &text("time"), &text("subject"), &text("type")]);
            cx.ui.text(&all);
        }
        Format::Json | Format::Ndjson => cx.ui.text(&event.to_string()),
    }
}

/// The type of an event; of a dead letter, why it is one.
fn kind(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match event.get("reason") {
        Some(reason) => format!("{}: {}", text(&reason["code"]), text(&reason["detail"])),
        None => text(&event["type"]),
    }
}

fn position(event: &Value) -> String {
    let stream = event.get("stream").and_then(Value::as_str).unwrap_or_default();
    format!("{stream}:{}", event.get("seq").cloned().unwrap_or_default())
}

fn print(cx: &Context, events: &[Value]) {
    if matches!(cx.ui.format, Format::Json | Format::Ndjson) {
        cx.ui.rows(&[], events);
        return;
    }
    let rows: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "position": position(event), "time": event["time"], "subject": event["subject"],
                "type": kind(event), "actor": event["actor"], "event": event["event"],
            })
        })
        .collect();
    cx.ui.rows(COLUMNS, &rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_sent_events_are_read() {
        assert_eq!(data("id: STORAGE:1\ndata: {\"a\":\ndata: 1}\n\n"), Some(json!({"a": 1})));
        assert_eq!(data(": keep-alive\n\n"), None);
    }
}
