//! `/retention` and `/blobs/sweep`: what is kept of the tables on the log, and taking away what nobody needs any more.

use std::sync::Arc;
use std::time::Duration;

use alluvium_http::{Json, Op, Principal, ProblemResponse, Route};
use alluvium_kernel::Problem;
use alluvium_storage::retention::{MESSAGES_MIN, Policy, Report, Retention, SweepReport, TablePlan};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Platform, admin};

/// How long a run may take, in seconds: each checkpoint copies a table.
const RUN_SECONDS_MAX: u64 = 6 * 3_600;

/// Retention of the tables of this process, and what is configured for it.
#[derive(Clone)]
pub struct Retained {
    /// Carries it out.
    pub retention: Arc<Retention>,
    /// What is configured, if anything.
    pub policy: Option<Policy>,
}

/// What is asked for; what is left out is as configured.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// How far back tables stay readable as they were, in seconds.
    keep_seconds: Option<u64>,
    /// Messages of a table since its last checkpoint before another one is made.
    messages_min: Option<u64>,
}

/// How to sweep.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Sweep {
    /// Deleted files of so many seconds are kept; as configured, else all that were ever deleted go.
    keep_seconds: Option<u64>,
    /// Find out, remove nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What is kept, and what is configured.
#[derive(Debug, Serialize)]
struct Shown {
    configured: Option<Configured>,
    tables: Vec<TablePlan>,
}

#[derive(Debug, Serialize)]
struct Configured {
    keep_seconds: u64,
    messages_min: u64,
}

pub fn routes() -> Vec<Route<Platform>> {
    let show = Op::new("showRetention", "platform", "What is kept of each table on the log")
        .json::<serde_json::Value>(200, "Floor, checkpoints and messages since, of each table that is kept here");
    let plan = Op::new("planRetention", "platform", "What a run of retention would take away")
        .body::<Wanted>()
        .json::<serde_json::Value>(200, "What would be done for each table, and how much would go")
        .errors(&["storage.retention_not_configured"]);
    let run = Op::new("runRetention", "platform", "Make checkpoints and purge rows below those out of the window")
        .description(
            "Each checkpoint and each purge is an event on the log, noted under whoever asks. What goes is gone.",
        )
        .body::<Wanted>()
        .json::<serde_json::Value>(200, "What was done for each table")
        .errors(&["storage.retention_not_configured", "storage.retention_busy", "storage.purge_denied"]);
    let sweep = Op::new("sweepBlobs", "platform", "Remove blobs that nothing on the log needs")
        .body::<Sweep>()
        .json::<serde_json::Value>(200, "How many, and how much they took")
        .errors(&["storage.retention_busy"]);
    let long = Duration::from_secs(RUN_SECONDS_MAX);
    vec![
        Route::get("/retention", admin, self::show, show),
        Route::post("/retention/plan", admin, self::plan, plan).timeout(long),
        Route::post("/retention/run", admin, self::run, run).timeout(long),
        Route::post("/blobs/sweep", admin, self::sweep, sweep).timeout(long),
    ]
}

async fn show(State(platform): State<Platform>) -> Result<Json<serde_json::Value>, ProblemResponse> {
    let Retained { retention, policy } = retained(&platform)?;
    let nothing = Policy { keep: Duration::MAX, messages_min: u64::MAX };
    let tables = retention.plan(&nothing).await?;
    let configured =
        policy.map(|policy| Configured { keep_seconds: policy.keep.as_secs(), messages_min: policy.messages_min });
    Ok(Json(serde_json::json!(Shown { configured, tables })))
}

async fn plan(
    State(platform): State<Platform>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<serde_json::Value>, ProblemResponse> {
    let retained = retained(&platform)?;
    let tables: Vec<TablePlan> = retained.retention.plan(&wanted.policy(&retained)?).await?;
    Ok(Json(serde_json::json!({ "tables": tables })))
}

async fn run(
    State(platform): State<Platform>,
    principal: Principal,
    Json(wanted): Json<Wanted>,
) -> Result<Json<serde_json::Value>, ProblemResponse> {
    let retained = retained(&platform)?;
    let policy = wanted.policy(&retained)?;
    // In a task of its own: whoever stops listening does not stop it half way.
    let running = tokio::spawn(async move { retained.retention.run(&policy, &principal.actor).await });
    let report: Report = running.await.map_err(|_| Problem::internal())??;
    Ok(Json(serde_json::json!(report)))
}

async fn sweep(
    State(platform): State<Platform>,
    Json(wanted): Json<Sweep>,
) -> Result<Json<serde_json::Value>, ProblemResponse> {
    let Retained { retention, policy } = retained(&platform)?;
    let configured = policy.map_or(Duration::ZERO, |policy| policy.keep);
    let keep = wanted.keep_seconds.map_or(configured, Duration::from_secs);
    let policy = Policy { keep, messages_min: MESSAGES_MIN };
    let sweeping = tokio::spawn(async move { retention.sweep(&policy, wanted.dry_run).await });
    let report: SweepReport = sweeping.await.map_err(|_| Problem::internal())??;
    Ok(Json(serde_json::json!(report)))
}

impl Wanted {
    fn policy(self, retained: &Retained) -> Result<Policy, Problem> {
        let configured = retained.policy;
        let keep = self.keep_seconds.map(Duration::from_secs).or(configured.map(|policy| policy.keep));
        let keep = keep.ok_or_else(|| {
            let detail = "It is not configured how long rows are kept; say it, or set `retention.keep`.";
            Problem::new("storage.retention_not_configured", 422, detail)
        })?;
        let messages_min = configured.map_or(MESSAGES_MIN, |policy| policy.messages_min);
        Ok(Policy { keep, messages_min: self.messages_min.unwrap_or(messages_min) })
    }
}

fn retained(platform: &Platform) -> Result<Retained, Problem> {
    platform.retention.clone().ok_or_else(|| {
        let detail = "The tables are kept by other processes; ask one with the role `tables`.";
        Problem::new("platform.tables_elsewhere", 404, detail)
    })
}
