//! From a call to what is kept of it. Every text from outside is cut, and only named parts of a path are taken.

use std::time::{SystemTime, UNIX_EPOCH};

use alluvium_eventlog::CommandSettled;
use alluvium_http::Call;
use alluvium_kernel::{Actor, Token, Verdict};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::contract::CallAudited;
use crate::names::{Outcome, event_of};

/// The longest text of a header that is kept, in bytes.
const HEADER_BYTES_MAX: usize = 256;
/// The longest part of a path that is kept, in bytes.
const PART_BYTES_MAX: usize = 512;
/// The branch that is none.
const MAIN: &str = "default";

/// Parts of paths that are kept. What is not here may open something: the key of an upload does.
const PARTS: [&str; 15] = [
    "project_id",
    "branch_id",
    "bucket_name",
    "table_name",
    "column_name",
    "key_id",
    "snapshot_id",
    "workspace_id",
    "object_name",
    "file_id",
    "job_id",
    "context",
    "command",
    "name",
    "generation",
];
/// What a call can be about, the narrowest first: the part that names it, and what it is called.
const OBJECTS: [(&str, &str); 8] = [
    ("table_name", "table"),
    ("bucket_name", "bucket"),
    ("key_id", "key"),
    ("snapshot_id", "snapshot"),
    ("workspace_id", "workspace"),
    ("file_id", "file"),
    ("branch_id", "branch"),
    ("project_id", "project"),
];
/// Fields of commands that name what they are about, and the parts of paths that they are.
const FIELDS: [(&str, &str); 8] = [
    ("project", "project_id"),
    ("branch", "branch_id"),
    ("bucket", "bucket_name"),
    ("table", "table_name"),
    ("column", "column_name"),
    ("key", "key_id"),
    ("snapshot", "snapshot_id"),
    ("workspace", "workspace_id"),
];

/// Names of things, as the contexts know them.
#[derive(Clone, Copy)]
pub struct Naming {
    /// The name of a bucket as it is stored, which clients may write otherwise.
    pub bucket: fn(&str) -> String,
    /// Reads the payload of a command, `storage.CreateBucket`, as people read it.
    pub command: fn(&str, &[u8]) -> Option<Value>,
}

/// What a command is about, as parts of a path.
pub struct CommandParts(pub Vec<(&'static str, String)>);

impl CommandParts {
    /// Of a command as people read it.
    pub fn of(command: &Value) -> Self {
        let named = |(field, part): &(&str, &'static str)| Some((*part, command[*field].as_str()?.to_owned()));
        Self(FIELDS.iter().filter_map(named).collect())
    }
}

/// What is kept of a request.
pub(crate) fn of_call(call: &Call<'_>, naming: &Naming) -> CallAudited {
    let mut parts = Parts::default();
    let in_path = call.matched.params.iter().filter_map(|(name, value)| Some((known(name)?, value)));
    let said = call.concerns.iter().filter_map(|(name, value)| Some((known(name)?, value.as_str())));
    in_path.chain(said).for_each(|(name, value)| parts.set(name, value, naming));
    if let Some(project) = call.matched.requirement.project() {
        parts.set("project_id", project, naming);
    }
    let mut kept = parts.into_call();
    let outcome = if call.status < 400 { Outcome::Done } else { Outcome::Refused };
    let command = (call.operation == "sendCommand").then(|| {
        let part = |name| cut(call.matched.params.get(name), PART_BYTES_MAX);
        format!("{}.{}", part("context"), part("command"))
    });
    kept.channel = "http".into();
    kept.event = command.clone().unwrap_or_else(|| event_of(call.operation, outcome));
    kept.operation = command.unwrap_or_else(|| call.operation.to_owned());
    kept.status = i32::from(call.status);
    kept.denied = call.is_denied;
    kept.kind = kind(call.status, call.is_denied).into();
    kept.message = message(call.summary, &kept.kind, call.problem);
    kept.code = call.problem.map(|(code, _)| code.to_owned());
    kept.actor = call.caller.map(|caller| caller.actor.to_string());
    kept.run_id = call.run_id.map(|id| cut(id, HEADER_BYTES_MAX));
    kept.duration_us = i64::try_from(call.took.as_micros()).ok();
    kept.request_id = Some(cut(call.request_id, HEADER_BYTES_MAX));
    kept.remote_addr = call.remote.map(|at| at.ip().to_string());
    kept.user_agent = call.user_agent.map(|agent| cut(agent, HEADER_BYTES_MAX));
    kept
}

/// What is kept of a command that came over NATS.
pub(crate) fn of_command(settled: &CommandSettled<'_>, naming: &Naming) -> CallAudited {
    let mut parts = Parts::default();
    if let Some(command) = (naming.command)(settled.command, settled.payload) {
        for (name, value) in CommandParts::of(&command).0 {
            parts.set(name, &value, naming);
        }
    }
    let mut kept = parts.into_call();
    let (status, code) = match settled.verdict {
        Some(Verdict::Rejected { problem }) => (problem.status, Some(problem.code.clone())),
        Some(Verdict::Accepted { .. }) => (200, None),
        // Its verdict needs the rows, and comes later.
        None => (202, None),
    };
    kept.denied = matches!(status, 401 | 403);
    kept.channel = "nats".into();
    kept.operation = cut(settled.command, PART_BYTES_MAX);
    kept.event.clone_from(&kept.operation);
    kept.status = i32::from(status);
    kept.kind = kind(status, kept.denied).into();
    kept.message = message(&kept.operation, &kept.kind, code.as_deref().map(|code| (code, "")));
    kept.code = code;
    // A signature that does not hold says nothing of who it was.
    kept.actor = Some(settled.actor.to_string());
    kept.request_id = Some(cut(settled.command_id, HEADER_BYTES_MAX));
    kept
}

/// A record that says nothing yet but when.
pub(crate) fn blank() -> CallAudited {
    CallAudited {
        uuid: Uuid::now_v7().to_string(),
        created: now_micros(),
        channel: String::new(),
        operation: String::new(),
        event: String::new(),
        kind: String::new(),
        message: String::new(),
        denied: false,
        status: 0,
        code: None,
        actor: None,
        project: None,
        branch: None,
        bucket: None,
        table: None,
        key: None,
        object_type: None,
        object_id: None,
        object_name: None,
        component: None,
        run_id: None,
        params: "{}".to_owned(),
        results: "{}".to_owned(),
        duration_us: None,
        request_id: None,
        remote_addr: None,
        user_agent: None,
    }
}

/// `audit.<tenant>.<project>.<operation>`; `_` for what is of no project, and for what makes no token.
pub(crate) fn subject_of(tenant: &Token, call: &CallAudited) -> String {
    let token = |text: &str| Token::encode(text).map_or_else(|_| "_".to_owned(), String::from);
    format!("audit.{tenant}.{}.{}", token(call.project.as_deref().unwrap_or("_")), token(&call.operation))
}

/// Whether a command is of the kind that is noted here: those that this platform's own processes signed were noted as requests, or are
/// its own doing.
pub(crate) fn is_foreign(settled: &CommandSettled<'_>) -> bool {
    let forged =
        matches!(settled.verdict, Some(Verdict::Rejected { problem }) if problem.code == "command.bad_signature");
    forged || matches!(settled.actor, Actor::Nats(_))
}

fn known(name: &str) -> Option<&'static str> {
    PARTS.iter().find(|known| **known == name).copied()
}

/// The parts of a path, or what stands for them.
#[derive(Default)]
struct Parts(Map<String, Value>);

impl Parts {
    fn set(&mut self, name: &'static str, value: &str, naming: &Naming) {
        let value = if name == "bucket_name" { (naming.bucket)(value) } else { value.to_owned() };
        self.0.insert(name.to_owned(), json!(cut(&value, PART_BYTES_MAX)));
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().filter(|value| !value.is_empty()).map(str::to_owned)
    }

    fn into_call(self) -> CallAudited {
        let mut call = blank();
        call.project = self.get("project_id");
        call.branch = self.get("branch_id");
        call.bucket = self.get("bucket_name");
        call.table = self.get("table_name");
        call.key = self.get("key_id");
        let is_there = |(part, _): &&(&str, &str)| self.get(part).is_some_and(|id| *part != "branch_id" || id != MAIN);
        if let Some((part, kind)) = OBJECTS.iter().find(is_there) {
            let name = self.get(part).unwrap_or_default();
            call.object_type = Some((*kind).to_owned());
            call.object_id = Some(match (*part, &call.bucket) {
                ("table_name", Some(bucket)) => format!("{bucket}.{name}"),
                _ => name.clone(),
            });
            call.object_name = Some(name);
        }
        call.params = Value::Object(self.0).to_string();
        call
    }
}

fn kind(status: u16, is_denied: bool) -> &'static str {
    match status {
        _ if is_denied => "warn",
        400.. => "error",
        202 => "info",
        _ => "success",
    }
}

/// Made of our own words only: what a problem says of the request may repeat what stood in it.
fn message(what: &str, kind: &str, problem: Option<(&str, &str)>) -> String {
    let begun = match kind {
        "warn" => "Denied",
        "error" => "Refused",
        "info" => "Taken on",
        _ => "Done",
    };
    match problem {
        Some((code, "")) => format!("{begun}: {what} ({code})"),
        Some((code, title)) => format!("{begun}: {what}. {title} ({code})"),
        None => format!("{begun}: {what}"),
    }
}

/// A text without control characters, cut to so many bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    let mut kept = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > bytes_max {
            break;
        }
        kept.push(letter);
    }
    kept
}

fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMING: Naming = Naming { bucket: |name| name.trim_start_matches("in.c-").to_owned(), command: |_, _| None };

    #[test]
    fn what_a_call_is_about_is_the_narrowest_part() {
        let mut parts = Parts::default();
        for (name, value) in
            [("project_id", "p"), ("branch_id", "default"), ("bucket_name", "in.c-b"), ("table_name", "t")]
        {
            parts.set(name, value, &NAMING);
        }
        let call = parts.into_call();
        assert_eq!(
            [call.object_type, call.object_id, call.object_name, call.bucket].map(Option::unwrap_or_default),
            ["table", "b.t", "t", "b"]
        );
        let mut main = Parts::default();
        main.set("branch_id", MAIN, &NAMING);
        assert_eq!(main.into_call().object_type, None, "the main line is no branch");
    }

    #[test]
    fn texts_from_outside_are_cut_and_make_no_subject_wider() {
        assert_eq!(cut("a\0b\r\nc", 9), "abc");
        assert_eq!(cut("äöü", 3), "ä");
        let call = CallAudited { project: Some("a.>".into()), operation: "x".into(), ..blank() };
        assert_eq!(subject_of(&Token::encode("default").unwrap(), &call), "audit.default.a%2E%3E.x");
        let long = CallAudited { project: Some("a".repeat(9_999)), ..call };
        assert_eq!(subject_of(&Token::encode("t").unwrap(), &long), "audit.t._.x");
    }

    #[test]
    fn a_message_holds_nothing_of_what_was_sent() {
        let problem = Some(("storage.table_exists", "The table is there already"));
        assert_eq!(
            message("Create a table", "error", problem),
            "Refused: Create a table. The table is there already (storage.table_exists)"
        );
        assert_eq!(known("upload_key"), None);
    }
}
