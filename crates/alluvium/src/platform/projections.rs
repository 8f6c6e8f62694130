//! `/projections`: how folds are doing; rebuilding and verifying them, with progress.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{Json, Op, PathParams, ProblemResponse, Query, Route};
use alluvium_kernel::Problem;
use alluvium_projection::{Difference, Pace, Progress, RebuildMode};
use alluvium_storage::fold::{Comparison, RebuildProgress, Tables};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use utoipa::IntoParams;

use super::{Platform, admin, folds};
use crate::node::{TABLES, obey_anew};

/// How often progress is told at most.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// Lines that may wait for a slow reader.
const LINES_WAITING_MAX: usize = 16;

/// How a rebuild goes.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
struct Options {
    /// Switch over even when the rebuilt content differs from the live one.
    #[serde(default)]
    accept_differences: bool,
    /// At most so many events a second; 0 for as fast as it can. The setting `rebuild.events_per_second` when left out.
    events_per_second: Option<u64>,
    /// At most so much of the time, in percent. The setting `rebuild.share_percent` when left out.
    share_percent: Option<u32>,
}

impl Options {
    fn pace(self, platform: &Platform) -> Result<Pace, Problem> {
        let usual = platform.pace;
        let share_percent = self.share_percent.unwrap_or(usual.share_percent);
        if !(1..=100).contains(&share_percent) {
            let detail = format!("`share_percent` is {share_percent}; it is from 1 to 100.");
            return Err(Problem::new("platform.pace_invalid", 400, detail));
        }
        Ok(Pace { events_per_second: self.events_per_second.unwrap_or(usual.events_per_second), share_percent })
    }
}

pub fn routes() -> Vec<Route<Platform>> {
    let list = Op::new("listProjections", "platform", "How the folds are doing").json::<Value>(
        200,
        "Watermark, last sequence, lag in events and seconds, parked keys, heartbeat, state of each",
    );
    let lines = "One JSON document a line: progress, at last the result or a problem";
    let rebuild =
        Op::new("rebuildProjection", "platform", "Fold everything again beside the live one, then switch over")
            .description("Switches only when both are equal, unless differences are accepted. Reads never stop.")
            .query::<Options>()
            .binary(200, "application/x-ndjson", lines)
            .errors(&["platform.unknown_projection", "platform.pace_invalid", "projection.busy", "projection.differs"]);
    let verify = Op::new("verifyProjection", "platform", "Compare the live one with a scratch rebuild")
        .query::<Options>()
        .binary(200, "application/x-ndjson", lines)
        .errors(&["platform.unknown_projection", "platform.pace_invalid", "projection.busy"]);
    let rollback = Op::new("rollbackProjection", "platform", "Switch back to the generation that was read before")
        .description("It takes in what it has missed first: reads never stop and never go back.")
        .query::<Options>()
        .binary(200, "application/x-ndjson", lines)
        .errors(&[
            "platform.unknown_projection",
            "platform.pace_invalid",
            "projection.busy",
            "projection.nothing_kept",
            "projection.cannot_go_back",
        ]);
    vec![
        Route::get("/projections", admin, self::list, list),
        Route::post("/projections/{name}/rebuild", admin, self::rebuild, rebuild),
        Route::post("/projections/{name}/verify", admin, self::verify, verify),
        Route::post("/projections/{name}/rollback", admin, self::rollback, rollback),
    ]
}

async fn list(State(platform): State<Platform>) -> Json<Value> {
    Json(json!({ "projections": folds::all(&platform).await }))
}

async fn rebuild(
    State(platform): State<Platform>,
    params: PathParams,
    Query(options): Query<Options>,
) -> Result<Response, ProblemResponse> {
    let (name, pace) = (params.owned("name"), options.pace(&platform)?);
    if options.accept_differences {
        obey_anew(&platform.js, &platform.projections, platform.tables.as_ref()).await?;
    }
    if name == TABLES {
        let tables = tables(&platform)?;
        let (tell, seen) = progress();
        return Ok(told(name, move || seen.borrow().map(of_rebuild), async move {
            let found = tables.rebuild(options.accept_differences, pace, tell).await?;
            let result = if found.flipped { "rebuilt" } else { "differs" };
            Ok(compared(result, &found, found.difference.is_some() && !found.flipped))
        }));
    }
    let mode = if options.accept_differences { RebuildMode::AcceptDifferences } else { RebuildMode::MustEqual };
    let progress = known(&platform, &name)?;
    let projections = platform.projections.clone();
    Ok(told(name.clone(), move || progress.borrow().map(of_progress), async move {
        let report = projections.rebuild(&name, mode, pace).await?;
        Ok(json!({
            "projection": name, "result": "rebuilt", "events": report.events, "seq": report.seq,
            "from_generation": report.from_generation, "to_generation": report.to_generation, "differs": false,
            "accepted_differences": report.differences,
        }))
    }))
}

async fn verify(
    State(platform): State<Platform>,
    params: PathParams,
    Query(options): Query<Options>,
) -> Result<Response, ProblemResponse> {
    let (name, pace) = (params.owned("name"), options.pace(&platform)?);
    if name == TABLES {
        let tables = tables(&platform)?;
        let (tell, seen) = progress();
        return Ok(told(name, move || seen.borrow().map(of_rebuild), async move {
            let found = tables.verify(pace, tell).await?;
            let differs = found.difference.is_some();
            Ok(compared(if differs { "differs" } else { "equal" }, &found, differs))
        }));
    }
    let progress = known(&platform, &name)?;
    let projections = platform.projections.clone();
    Ok(told(name.clone(), move || progress.borrow().map(of_progress), async move {
        let report = projections.verify(&name, pace).await?;
        let differs = !report.differences.is_empty();
        Ok(json!({
            "projection": name, "result": if differs { "differs" } else { "equal" }, "events": report.events,
            "seq": report.seq, "differs": differs, "first_difference": first(&report.differences),
            "differences": report.differences,
        }))
    }))
}

async fn rollback(
    State(platform): State<Platform>,
    params: PathParams,
    Query(options): Query<Options>,
) -> Result<Response, ProblemResponse> {
    let (name, pace) = (params.owned("name"), options.pace(&platform)?);
    let rolled_back = |name: String, events: u64, seq: u64, from: i64, to: i64| {
        json!({
            "projection": name, "result": "rolled_back", "events": events, "seq": seq, "from_generation": from,
            "to_generation": to, "differs": false,
        })
    };
    if name == TABLES {
        let tables = tables(&platform)?;
        let (tell, seen) = progress();
        return Ok(told(name.clone(), move || seen.borrow().map(of_rebuild), async move {
            let done = tables.rollback(pace, tell).await?;
            Ok(rolled_back(name, done.events, done.seq, done.from.into(), done.to.into()))
        }));
    }
    let progress = known(&platform, &name)?;
    let projections = platform.projections.clone();
    Ok(told(name.clone(), move || progress.borrow().map(of_progress), async move {
        let done = projections.rollback(&name, pace).await?;
        Ok(rolled_back(name, done.events, done.seq, done.from_generation.into(), done.to_generation.into()))
    }))
}

/// Where a fold into table files tells how far it is, and where that is seen.
fn progress() -> (impl Fn(RebuildProgress) + Send, watch::Receiver<Option<RebuildProgress>>) {
    let (progress, seen) = watch::channel(None);
    let tell = move |at: RebuildProgress| {
        progress.send_replace(Some(at));
    };
    (tell, seen)
}

fn compared(result: &str, found: &Comparison, differs: bool) -> Value {
    json!({
        "projection": TABLES, "result": result, "events": found.seq, "seq": found.seq, "tables": found.tables,
        "differs": differs, "first_difference": found.difference, "to_generation": found.generation,
    })
}

fn of_progress(at: Progress) -> Value {
    json!({ "phase": at.phase, "events": at.done, "total": at.total })
}

fn of_rebuild(at: RebuildProgress) -> Value {
    json!({ "phase": "replaying", "events": at.done, "total": at.total })
}

pub(super) fn tables(platform: &Platform) -> Result<Arc<Tables>, Problem> {
    platform.tables.clone().ok_or_else(|| {
        let detail = "The table files are folded by another process; ask that one.";
        Problem::new("platform.unknown_projection", 404, detail)
    })
}

fn first(differences: &[Difference]) -> Option<String> {
    differences.first().map(|difference| {
        format!(
            "table `{}`: {} rows only live, {} rows only replayed",
            difference.table, difference.only_live, difference.only_replayed
        )
    })
}

pub(super) fn known(platform: &Platform, name: &str) -> Result<watch::Receiver<Option<Progress>>, Problem> {
    platform
        .projections
        .progress(name)
        .map_err(|_| Problem::new("platform.unknown_projection", 404, format!("There is no projection `{name}`.")))
}

/// Runs the work in a task of its own, so that a reader who leaves does not stop it half way, and answers with its progress.
fn told(
    name: String,
    progress: impl Fn() -> Option<Value> + Send + 'static,
    work: impl Future<Output = Result<Value, Problem>> + Send + 'static,
) -> Response {
    let (lines, told) = mpsc::channel::<Result<Bytes, Infallible>>(LINES_WAITING_MAX);
    tokio::spawn(async move {
        let line = |value: &Value| Ok(Bytes::from(format!("{value}\n")));
        let mut work = std::pin::pin!(work);
        let end = loop {
            tokio::select! {
                end = &mut work => break end,
                () = tokio::time::sleep(TELL_EVERY) => {
                    let Some(mut now) = progress() else { continue };
                    now["projection"] = json!(name);
                    // A reader who is slow or gone misses progress, which nobody needs afterwards.
                    let _ = lines.try_send(line(&now));
                }
            }
        };
        let value = end.unwrap_or_else(|problem| json!({ "projection": name, "problem": problem }));
        let _ = lines.send(line(&value)).await;
    });
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(told));
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
