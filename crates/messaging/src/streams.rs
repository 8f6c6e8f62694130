//! The streams that Alluvium needs, as files that `nats stream add --config` takes too.

use std::collections::BTreeMap;

use alluvium_kernel::{ErrorInfo, Problem};
use async_nats::jetstream::{self, context::GetStreamErrorKind, stream::Config};
use serde_json::Value;

use crate::error::Error;

/// Bucket of the leases: who decides what.
pub const LEASES: &str = "LEASES";
/// Stream of the account of calls. It lets go of old messages by itself, and is no part of the log.
pub const AUDIT: &str = "AUDIT";
/// Stream of the bucket of floors: how far followers have come that keep nothing else.
pub const FLOORS: &str = "KV_FLOORS";
/// Stream of the bucket of snapshots: states of long aggregates. Made from the log, and never needed to know what it says.
pub const SNAPSHOTS: &str = "KV_SNAPSHOTS";
/// Stream of the bucket of requests that carry a key of their own, so that one that comes again is not done again. Each message is
/// forgotten after its own time.
pub const IDEMPOTENCY: &str = "KV_IDEMPOTENCY";
/// Stream of the bucket of the keys that fields are sealed under. Never part of a backup: what is destroyed here is gone.
pub const SEALS: &str = "KV_SEALS";
/// Bucket of the processes that share the log.
pub const NODES: &str = "NODES";
/// Bucket of who keeps which tables.
pub const OWNERS: &str = "OWNERS";

/// The codes of this module.
pub const ERRORS: &[ErrorInfo] = &[ErrorInfo::new(
    "platform.stream_change_refused",
    409,
    "A stream on the server differs in a way that cannot be changed safely",
    "Compare with `alluvium streams diff`; move the data to a new stream, or change the file back.",
)];

/// The files, in the order in which they are made.
const FILES: [(&str, &str); 14] = [
    ("CMD", include_str!("../../../streams/CMD.json")),
    ("OUT", include_str!("../../../streams/OUT.json")),
    ("DLQ", include_str!("../../../streams/DLQ.json")),
    ("STORAGE", include_str!("../../../streams/STORAGE.json")),
    ("PIPELINES", include_str!("../../../streams/PIPELINES.json")),
    ("EV_ACCESS", include_str!("../../../streams/EV_ACCESS.json")),
    ("EV_PLATFORM", include_str!("../../../streams/EV_PLATFORM.json")),
    ("EV_PIPELINES", include_str!("../../../streams/EV_PIPELINES.json")),
    ("EV_SCHEMAS", include_str!("../../../streams/EV_SCHEMAS.json")),
    (AUDIT, include_str!("../../../streams/AUDIT.json")),
    (FLOORS, include_str!("../../../streams/KV_FLOORS.json")),
    (SNAPSHOTS, include_str!("../../../streams/KV_SNAPSHOTS.json")),
    (IDEMPOTENCY, include_str!("../../../streams/KV_IDEMPOTENCY.json")),
    (SEALS, include_str!("../../../streams/KV_SEALS.json")),
];

/// Fields whose change on a live stream loses or reinterprets what it holds.
const FIXED: [&str; 4] = ["name", "retention", "storage", "discard"];
/// Protections that the server never takes off: one more than the file wants is no difference.
const PROTECTIONS: [&str; 2] = ["deny_delete", "deny_purge"];
/// Limits where a smaller number throws messages away; -1 and 0 mean unlimited.
const LIMITS: [&str; 5] = ["max_msgs", "max_bytes", "max_age", "max_msgs_per_subject", "max_msg_size"];

/// A stream as its file wants it.
#[derive(Clone, Debug)]
pub struct StreamFile {
    /// The stream's name.
    pub name: &'static str,
    /// Its settings, as the server names them.
    pub fields: serde_json::Map<String, Value>,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// The stream.
    pub stream: String,
    /// The field; empty when the whole stream is missing.
    pub field: String,
    /// What the file wants.
    pub wanted: Value,
    /// What the server has.
    pub found: Value,
    /// Whether `apply` refuses to change it.
    pub refused: bool,
}

/// The embedded files. `replicas` overrides their number of replicas.
pub fn load(replicas: Option<usize>) -> Vec<StreamFile> {
    FILES
        .iter()
        .map(|(name, text)| {
            let mut fields: serde_json::Map<String, Value> =
                serde_json::from_str(text).expect("the embedded stream files are checked by a test");
            if let Some(replicas) = replicas {
                fields.insert("num_replicas".into(), replicas.into());
            }
            StreamFile { name, fields }
        })
        .collect()
}

/// What differs between the files and the server, field by field.
pub async fn diff(js: &jetstream::Context, replicas: Option<usize>) -> Result<Vec<Difference>, Problem> {
    let mut differences = Vec::new();
    for file in load(replicas) {
        match found(js, file.name).await? {
            Some(found) => differences.extend(file.compare(&found)),
            None => differences.push(file.missing()),
        }
    }
    Ok(differences)
}

/// Makes what is missing and changes what may be changed; gives what was changed. Refuses as a whole, changing nothing,
/// when something differs that cannot be changed safely.
pub async fn apply(js: &jetstream::Context, replicas: Option<usize>) -> Result<Vec<Difference>, Problem> {
    let differences = diff(js, replicas).await?;
    if let Some(bad) = differences.iter().find(|difference| difference.refused) {
        let detail = format!(
            "Stream {} has {} = {}, its file wants {}; that change could lose messages, so nothing was changed.",
            bad.stream, bad.field, bad.found, bad.wanted
        );
        let all = serde_json::json!({ "differences": differences });
        return Err(Problem::new("platform.stream_change_refused", 409, detail).with_details(all));
    }
    let mut streams: BTreeMap<&str, bool> = BTreeMap::new();
    for difference in &differences {
        *streams.entry(&difference.stream).or_default() |= difference.field.is_empty();
    }
    for file in load(replicas) {
        let trying = format!("applying stream {}", file.name);
        let result = match streams.get(file.name) {
            None => continue,
            Some(true) => {
                let config: Config = file.config(None)?;
                js.create_stream(config).await.map(drop).map_err(|error| error.to_string())
            }
            Some(false) => {
                let config = file.config(found(js, file.name).await?)?;
                js.update_stream(config).await.map(drop).map_err(|error| error.to_string())
            }
        };
        result.map_err(|detail| Problem::from(Error::unknown(trying, detail)))?;
    }
    Ok(differences)
}

impl StreamFile {
    /// What the file says of a field of the stream's configuration.
    pub fn wants(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    fn missing(&self) -> Difference {
        Difference {
            stream: self.name.to_owned(),
            field: String::new(),
            wanted: Value::Object(self.fields.clone()),
            found: Value::Null,
            refused: false,
        }
    }

    fn compare(&self, found: &serde_json::Map<String, Value>) -> Vec<Difference> {
        self.fields
            .iter()
            .filter_map(|(field, wanted)| {
                let found = found.get(field).cloned().unwrap_or_else(|| absent(wanted));
                (&found != wanted && !is_protected(field, &found)).then(|| Difference {
                    stream: self.name.to_owned(),
                    field: field.clone(),
                    wanted: wanted.clone(),
                    refused: is_refused(field, wanted, &found),
                    found,
                })
            })
            .collect()
    }

    /// The file's fields over what the server has, so that an update leaves alone what the file does not speak of.
    fn config(&self, found: Option<serde_json::Map<String, Value>>) -> Result<Config, Problem> {
        let mut fields = found.unwrap_or_default();
        let wanted =
            self.fields.iter().filter(|(field, _)| !fields.get(*field).is_some_and(|it| is_protected(field, it)));
        let wanted: Vec<(String, Value)> = wanted.map(|(field, wanted)| (field.clone(), wanted.clone())).collect();
        fields.extend(wanted);
        serde_json::from_value(Value::Object(fields))
            .map_err(|error| Error::malformed(format!("reading the file of stream {}", self.name), error).into())
    }
}

/// The server leaves out what is false, zero or empty.
fn absent(wanted: &Value) -> Value {
    match wanted {
        Value::Bool(_) => false.into(),
        Value::Number(_) => 0.into(),
        Value::String(_) => "".into(),
        Value::Array(_) => Value::Array(Vec::new()),
        other => other.clone(),
    }
}

/// Whether a field protects the stream for good.
fn is_protected(field: &str, found: &Value) -> bool {
    PROTECTIONS.contains(&field) && found == &Value::Bool(true)
}

fn is_refused(field: &str, wanted: &Value, found: &Value) -> bool {
    if FIXED.contains(&field) {
        return true;
    }
    if LIMITS.contains(&field) {
        let unlimited = |value: &Value| value.as_i64().filter(|limit| *limit > 0).unwrap_or(i64::MAX);
        return unlimited(wanted) < unlimited(found);
    }
    if field == "subjects" {
        let empty = Vec::new();
        let wanted = wanted.as_array().unwrap_or(&empty);
        return found.as_array().is_some_and(|found| found.iter().any(|subject| !wanted.contains(subject)));
    }
    false
}

async fn found(js: &jetstream::Context, name: &str) -> Result<Option<serde_json::Map<String, Value>>, Problem> {
    let trying = || format!("asking about stream {name}");
    match js.get_stream(name).await {
        Ok(stream) => {
            let value = serde_json::to_value(&stream.cached_info().config)
                .map_err(|error| Error::malformed(trying(), error))?;
            Ok(value.as_object().cloned())
        }
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) => {
                let error = Error::refused(trying(), &cause);
                if error.is_no_stream() { Ok(None) } else { Err(error.into()) }
            }
            _ => Err(Error::unknown(trying(), error).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_streams_under_their_own_names() {
        for file in load(Some(3)) {
            let config = file.config(None).unwrap();
            assert_eq!((config.name.as_str(), config.num_replicas), (file.name, 3));
            assert!(file.compare(&file.fields).is_empty());
        }
    }

    #[test]
    fn a_protection_of_an_earlier_release_stays() {
        let file = load(None).into_iter().find(|file| file.name == "STORAGE").unwrap();
        let mut server = file.fields.clone();
        server.insert("deny_purge".into(), true.into());
        assert!(file.compare(&server).is_empty());
        assert!(file.config(Some(server)).unwrap().deny_purge && !file.config(None).unwrap().deny_purge);
    }

    #[test]
    fn what_could_lose_messages_is_refused() {
        let file = load(None).into_iter().find(|file| file.name == "STORAGE").unwrap();
        let refused = |field: &str, found: Value| {
            let mut server = file.fields.clone();
            server.insert(field.into(), found);
            let differences = file.compare(&server);
            assert_eq!(differences.len(), 1, "{field}");
            differences[0].refused
        };
        assert!(refused("retention", "workqueue".into()));
        assert!(refused("subjects", serde_json::json!(["ev.*.storage.>", "rows.>", "more.>"])));
        assert!(!refused("subjects", serde_json::json!(["rows.>"])));
        assert!(!refused("max_age", 5.into()), "keeping for longer loses nothing");
        assert!(!refused("deny_delete", false.into()));
        assert!(!refused("num_replicas", 3.into()));
    }
}
