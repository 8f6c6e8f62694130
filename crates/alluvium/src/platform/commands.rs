//! `/commands`: any command of any context, as JSON or Avro.

use std::time::Duration;

use alluvium_audit::CommandParts;
use alluvium_eventlog::{COMMAND_BYTES_MAX, CommandRequest};
use alluvium_http::{BodyBytes, Concerns, Json, Op, PathParams, Principal, ProblemResponse, Route, WithPosition};
use alluvium_kernel::{Position, Problem, Verdict, header};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Platform, authenticated};
use crate::node::{CONTEXTS, ContextInfo, context};

/// The header that gives a command its id.
pub const COMMAND_ID: &str = "Alv-Command-Id";
/// How long the outcome of a command is waited for, in seconds. Loads of large files settle within it or answer later
/// under the same id.
const OUTCOME_WAIT_SECONDS: u64 = 240;

pub fn routes() -> Vec<Route<Platform>> {
    let send = Op::new("sendCommand", "platform", "Send a command and wait for its outcome")
        .description(
            "The body is the command as one JSON object, or Avro single-object encoded. `Alv-Command-Id` names it: the same \
             id and body always have the same outcome. `Alv-Dry-Run: 1` decides and answers with the events, appending \
             nothing. What right is needed depends on the command.",
        )
        .binary_body("application/json")
        .json::<Value>(200, "The outcome: accepted, at which position, with which events")
        .errors(&[
            "platform.unknown_context",
            "command.unknown",
            "command.malformed",
            "command.too_large",
            "command.bad_id",
            "command.id_reused",
            "command.timeout",
        ]);
    let list = Op::new("listCommands", "platform", "Every command there is, with its schema")
        .json::<Value>(200, "Contexts, commands, Avro schemas");
    let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS + 5);
    vec![
        Route::get("/commands", authenticated, self::list, list),
        Route::post("/commands/{context}/{command}", authenticated, self::send, send).timeout(wait),
    ]
}

async fn list() -> Json<Value> {
    let commands: Vec<Value> = CONTEXTS.iter().flat_map(of_context).collect();
    Json(json!({ "commands": commands }))
}

fn of_context(context: &ContextInfo) -> Vec<Value> {
    (context.commands)()
        .iter()
        .map(|name| {
            let schema: Value =
                (context.schema)(name).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            json!({ "context": context.name, "command": name, "about": schema["doc"], "schema": schema })
        })
        .collect()
}

async fn send(
    State(platform): State<Platform>,
    principal: Principal,
    params: PathParams,
    concerns: Concerns,
    headers: HeaderMap,
    BodyBytes(payload): BodyBytes,
) -> Result<Response, ProblemResponse> {
    let (name, command) = (params.get("context"), params.get("command"));
    let context = context(name).ok_or_else(|| {
        let known: Vec<&str> = CONTEXTS.iter().map(|context| context.name).collect();
        let detail = format!("There is no context `{name}`; there are: {}.", known.join(", "));
        Problem::new("platform.unknown_context", 404, detail)
    })?;
    if !(context.commands)().contains(&command) {
        let detail = format!("`{name}` has no command `{command}`; `GET /commands` lists what there is.");
        return Err(Problem::new("command.unknown", 404, detail).into());
    }
    if payload.len() > COMMAND_BYTES_MAX {
        let detail = format!("The body has {} bytes; a command may have {COMMAND_BYTES_MAX}.", payload.len());
        return Err(Problem::new("command.too_large", 413, detail).into());
    }
    let mut parts = (context.command)(command, &payload).map(|it| CommandParts::of(&it).0).unwrap_or_default();
    parts.extend(headers.contains_key(header::DRY_RUN).then(|| ("dry_run", "1".to_owned())));
    concerns.are(parts);
    if let Some(requirement) = context.asks_first.and_then(|asks| asks(command, &payload)) {
        platform.authorizer.check(&principal.tenant, &principal.actor, &requirement).await?;
    }
    let request = CommandRequest {
        tenant: principal.tenant,
        context: context.name.to_owned(),
        command: command.to_owned(),
        command_id: command_id(&headers)?,
        actor: principal.actor,
        payload,
        trace_parent: None,
    };
    let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS);
    if headers.contains_key(header::DRY_RUN) {
        let outcome = platform.client.dry_run(&request, wait).await?;
        if let alluvium_eventlog::DryVerdict::Rejected { problem } = outcome.verdict {
            return Err(problem.into());
        }
        return Ok(Json(outcome).into_response());
    }
    let outcome = platform.client.send(&request, wait).await?;
    match &outcome.verdict {
        Verdict::Rejected { problem } => Err(problem.clone().into()),
        Verdict::Accepted { position, .. } => {
            let position: Position = position.clone();
            Ok(WithPosition(position, Json(outcome)).into_response())
        }
    }
}

fn command_id(headers: &HeaderMap) -> Result<String, Problem> {
    match headers.get(COMMAND_ID) {
        None => Ok(uuid::Uuid::now_v7().to_string()),
        Some(value) => value
            .to_str()
            .map(str::to_owned)
            .map_err(|_| Problem::new("command.bad_id", 400, format!("`{COMMAND_ID}` must be visible ASCII text."))),
    }
}
