//! From a message of the log to what people read.

use alluvium_kernel::subject::{Parsed, parse};
use alluvium_kernel::{Timestamp, header};
use alluvium_messaging::{Commit, Contract as _, LogMessage, SINGLE_OBJECT_MAGIC};
use serde_json::{Value, json};

use crate::node::context;

/// What an Avro object container begins with.
const CONTAINER_MAGIC: &[u8] = b"Obj\x01";
/// The largest JSON payload shown whole, in bytes.
const JSON_BYTES_MAX: usize = 64 * 1024;

/// The events of a message, one record each; of those not of `kind` none.
pub fn events(message: &LogMessage, kind: Option<&str>) -> Vec<Value> {
    let decoded = match parse(&message.subject) {
        Some(Parsed::Event { context: name, .. }) => commit(message, &name),
        Some(Parsed::Rows { .. }) => vec![rows(message)],
        Some(Parsed::Command { command, .. }) => vec![other(message, &command)],
        None => vec![other(message, "")],
    };
    decoded.into_iter().filter(|event| kind.is_none_or(|kind| event["type"] == kind)).collect()
}

fn base(message: &LogMessage, index: usize, kind: &str) -> Value {
    json!({
        "stream": message.stream, "seq": message.seq, "index": index, "subject": message.subject,
        "time": message.time.to_rfc3339(), "type": kind,
    })
}

fn commit(message: &LogMessage, name: &str) -> Vec<Value> {
    let commit = match Commit::from_avro(&message.payload) {
        Ok(commit) => commit,
        Err(error) => {
            let mut event = base(message, 0, "");
            event["error"] = json!(format!("not a commit: {error}"));
            return vec![event];
        }
    };
    let entries = commit.entries.into_iter().enumerate().map(|(index, entry)| {
        let mut event = base(message, index, &entry.r#type);
        event["command_id"] = json!(entry.command_id);
        event["actor"] = json!(entry.actor);
        event["decided_at"] = json!(Timestamp::from_micros(entry.time).to_rfc3339());
        match context(name).map(|context| (context.event)(&entry.r#type, &entry.event)) {
            Some(Ok(body)) => event["event"] = body,
            Some(Err(error)) => event["error"] = json!(error.to_string()),
            None => event["error"] = json!(format!("this binary knows no context `{name}`")),
        }
        event
    });
    entries.collect()
}

/// Rows are bulk: what they are is told, not what they hold, except for the JSON that people send.
fn rows(message: &LogMessage) -> Value {
    let payload = &message.payload;
    let format = match payload.as_ref() {
        bytes if bytes.starts_with(&SINGLE_OBJECT_MAGIC) => "avro",
        bytes if bytes.starts_with(CONTAINER_MAGIC) => "avro container",
        bytes if bytes.starts_with(b"{") || bytes.starts_with(b"[") => "json",
        _ => "arrow",
    };
    let mut event = base(message, 0, "Rows");
    event["actor"] = json!(message.header(header::ACTOR));
    event["event"] = json!({ "format": format, "bytes": payload.len() });
    if format == "json" {
        event["event"]["rows"] = shown(payload);
    }
    event
}

fn other(message: &LogMessage, kind: &str) -> Value {
    let mut event = base(message, 0, kind);
    event["actor"] = json!(message.header(header::ACTOR));
    event["command_id"] = json!(message.header(header::MESSAGE_ID));
    if let Some(code) = message.header(header::REASON_CODE) {
        event["reason"] = json!({
            "code": code, "detail": message.header(header::REASON), "origin": message.header(header::ORIGIN),
        });
    }
    event["event"] = shown(&message.payload);
    event
}

fn shown(payload: &[u8]) -> Value {
    let whole = if payload.len() <= JSON_BYTES_MAX { serde_json::from_slice(payload).ok() } else { None };
    whole.unwrap_or_else(|| json!({ "bytes": payload.len() }))
}
