//! Rows for a table, in the body of a request.

use std::borrow::Cow;

use alluvium_formats::{FormatConfig, Parsed};
use alluvium_http::{Json, PathParams, Principal, ProblemResponse};
use alluvium_kernel::Problem;
use alluvium_pipelines::model::RuntimeStatus;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use serde::Serialize;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::state::DataRoutes;
use crate::deployment::Deployment;
use crate::stats::InputCounts;
use crate::token::CompletionToken;
use crate::writer::Writer;

/// The header that names a request, so that it counts once however often it is sent.
const IDEMPOTENCY: &str = "idempotency-key";
/// How long such a name may be, in characters.
const IDEMPOTENCY_CHARS_MAX: usize = 100;

/// How rows are sent.
#[derive(IntoParams)]
#[expect(dead_code, reason = "describes what is read by the format that is named")]
pub(super) struct IngressQuery {
    /// Whether a pipeline that is paused takes them in, too.
    force: Option<bool>,
    /// `csv`, which is what is read when nothing is said, `json`, and others.
    format: Option<String>,
    /// Whether updates come in arrays, in JSON.
    array: Option<bool>,
    /// What an update is, in JSON: `insert_delete`, which is what is read when nothing is said, `raw`, `debezium` or `weighted`.
    update_format: Option<String>,
    /// Who wrote the JSON: `default`, `debezium_mysql`, `pandas` and others.
    json_flavor: Option<String>,
    /// Whether a JSON value may go over several lines: `multiple` or `single`.
    lines: Option<String>,
}

/// Up to where what was sent goes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Taken {
    /// Says, when asked for its status, whether all of it is in tables, views and outputs.
    pub token: String,
}

pub(super) async fn ingress(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ProblemResponse> {
    let query = query.unwrap_or_default();
    let pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(query.as_bytes()).collect();
    let is_forced = pairs.iter().any(|(name, value)| name == "force" && value == "true");
    let format = pairs.iter().filter(|(name, _)| name != "force").map(|(name, value)| (name.as_ref(), value.as_ref()));
    let config = FormatConfig::from_query(format).map_err(|error| invalid(&error.to_string()))?;
    let found = state.find(&principal, &params).await?;
    let table = found.table(&params)?;
    let request_id = named(&headers)?;
    if !is_forced {
        running(&found.deployment).await?;
    }
    let input = table.input.clone().ok_or_else(Problem::internal)?;
    let mut parser = config.parser(input).map_err(|error| invalid(&error.to_string()))?;
    let parts = &state.runner.parts;
    let (actor, now) = (&principal.actor, principal.seed.at());
    let deployment = &found.deployment;
    let mut writer = Writer::new(&parts.js, &parts.key, (actor, now), request_id).counted(&deployment.stats.backlog);
    let (place, name) = (&deployment.deployed.place, &table.name.name);
    let endpoint = format!("{name}.api-ingress-{}", config.name());
    let mut rest = Parsed::default();
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| invalid(&format!("The body ended too early: {error}")))?;
        let mut piece = chunk.as_ref();
        while !piece.is_empty() {
            let taken = parser.feed(piece);
            piece = piece.get(taken..).unwrap_or_default();
            if !piece.is_empty() {
                // So much waits that it goes out before the rest is read.
                rest.append(parser.take());
                writer.write(place, name, std::mem::take(&mut rest.changes)).await?;
            }
        }
    }
    parser.end();
    rest.append(parser.take());
    writer.write(place, name, std::mem::take(&mut rest.changes)).await?;
    let counts = InputCounts {
        stream: name.clone(),
        // What was sent before was counted then.
        records: if writer.is_repeat() { 0 } else { rest.records },
        bytes: if writer.is_repeat() { 0 } else { rest.bytes },
        parse_errors: rest.errors.total(),
    };
    deployment.stats.came_in(&endpoint, &counts);
    if !rest.errors.is_empty() {
        let problem = Problem::new("pipelines.parse_errors", 400, rest.errors.to_string());
        return Err(problem.with_details(rest.errors.details()).into());
    }
    let token = CompletionToken {
        pipeline: Uuid::parse_str(&deployment.deployed.place.pipeline).unwrap_or_default(),
        began: found.place()?.began,
        seq: writer.last().unwrap_or_else(|| deployment.progress.borrow().seq),
    };
    Ok(Json(Taken { token: token.text() }).into_response())
}

/// Waits until the pipeline runs: one that is paused takes nothing in.
pub(super) async fn running(deployment: &Deployment) -> Result<(), Problem> {
    let mut statuses = deployment.statuses();
    let stop = deployment.stop.clone();
    tokio::select! {
        // The sender is part of the deployment that is held here.
        _ = statuses.wait_for(|status| *status != RuntimeStatus::Paused) => Ok(()),
        () = stop.cancelled() => Err(Problem::new("pipelines.terminating", 410, "The pipeline is being stopped.")),
    }
}

/// What names the request: the caller's own name for it, or one that was never used.
fn named(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(key) = headers.get(IDEMPOTENCY) else { return Ok(Uuid::new_v4().simple().to_string()) };
    let good = |key: &&str| {
        !key.is_empty() && key.len() <= IDEMPOTENCY_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let key = key.to_str().ok().filter(good).ok_or_else(|| {
        invalid(&format!("`Idempotency-Key` is 1 to {IDEMPOTENCY_CHARS_MAX} visible ASCII characters without blanks."))
    })?;
    Ok(format!("named-{key}"))
}

fn invalid(detail: &str) -> Problem {
    Problem::new("pipelines.invalid_param", 400, detail)
}
