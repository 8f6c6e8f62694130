//! What a pipeline counts, as clients of Feldera read it.

use std::sync::atomic::Ordering;

use alluvium_http::{Json, PathParams, Principal, ProblemResponse, Query};
use alluvium_pipelines::model::RuntimeStatus;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::connectors::StatsQuery;
use super::state::DataRoutes;
use crate::deployment::Deployment;
use crate::series::rss_bytes;
use crate::stats::InputCounts;
use crate::telemetry::storage_bytes;

pub(super) async fn stats(
    State(state): State<DataRoutes>,
    principal: Principal,
    params: PathParams,
    Query(query): Query<StatsQuery>,
) -> Result<Response, ProblemResponse> {
    let found = state.find(&principal, &params).await?;
    let deployment = found.deployment;
    let bytes = storage_bytes(&deployment).await;
    Ok(Json(shown(&deployment, bytes, query.include_connector_errors)).into_response())
}

/// The counts of a deployment, whose files are so long.
pub(crate) fn shown(deployment: &Deployment, storage_bytes: u64, with_errors: bool) -> Value {
    let stats = &deployment.stats;
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let (input, processed) = stats.backlog.counts();
    let (input_bytes, processed_bytes) = (read(&stats.input_bytes), read(&stats.processed_bytes));
    let (step, completed) = (deployment.progress.borrow().step, deployment.completed().step);
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let memory_bytes = rss_bytes();
    let (pressure, pressure_epoch) = stats.pressure(memory_bytes, deployment.memory_bytes_max());
    let state = match deployment.status() {
        RuntimeStatus::Running => "Running",
        RuntimeStatus::Suspended => "Terminated",
        _ => "Paused",
    };
    let transaction = deployment.transaction();
    let mut inputs: Vec<Value> = stats.inputs().iter().map(|(name, counts)| endpoint(name, counts)).collect();
    let mut outputs = Vec::new();
    if let Some(place) = deployment.place.get() {
        let (seen, of_all) = (*deployment.seen.borrow(), &place.connectors);
        inputs.extend(of_all.inputs().map(|it| it.shown(of_all.is_paused(&it.endpoint), seen, with_errors)));
        outputs.extend(of_all.outputs().map(|it| it.shown(step, &stats.backlog, with_errors)));
    }
    json!({
        "global_metrics": {
            "state": state,
            "bootstrap_in_progress": deployment.status() == RuntimeStatus::Bootstrapping,
            "transaction_status": if transaction.is_some() { "TransactionInProgress" } else { "NoTransaction" },
            "transaction_id": transaction.map_or(0, |transaction| transaction.id),
            "transaction_initiators": {
                "transaction_id": transaction.map(|transaction| transaction.id),
                "initiated_by_api": transaction.map(|_| "Started"),
                "initiated_by_connectors": {},
            },
            "concurrent_bootstrap_phase": "Inactive",
            "rss_bytes": memory_bytes,
            "memory_pressure": pressure.word(),
            "memory_pressure_epoch": pressure_epoch,
            "cpu_msecs": millis(deployment.activity.cpu_time()),
            "uptime_msecs": stats.uptime_ms(),
            "start_time": stats.began_seconds(),
            "incarnation_uuid": deployment.checkpoints.incarnation,
            "initial_start_time": stats.began_seconds(),
            "storage_bytes": storage_bytes,
            "storage_mb_secs": read(&stats.storage_kb_ms) / 1_000_000,
            "runtime_elapsed_msecs": millis(deployment.activity.busy_time()),
            "buffered_input_records": input.saturating_sub(processed),
            "buffered_input_bytes": input_bytes.saturating_sub(processed_bytes),
            "total_input_records": input,
            "total_input_bytes": input_bytes,
            "total_processed_records": processed,
            "total_processed_bytes": processed_bytes,
            "total_completed_records": stats.backlog.by_step(completed),
            "output_stall_msecs": 0,
            "total_initiated_steps": step,
            "total_completed_steps": completed,
            "pipeline_complete": deployment.is_complete(),
            "extensions": { "refused_records": stats.all_refused() },
        },
        "inputs": inputs,
        "outputs": outputs,
        "suspend_error": null,
        "checkpoint_activity": deployment.checkpoints.activity(),
        "permanent_checkpoint_errors": null,
    })
}

fn endpoint(name: &str, counts: &InputCounts) -> Value {
    json!({
        "endpoint_name": name,
        "config": { "stream": counts.stream },
        "metrics": {
            "total_bytes": counts.bytes,
            "total_records": counts.records,
            "buffered_records": 0,
            "buffered_bytes": 0,
            "num_transport_errors": 0,
            "num_parse_errors": counts.parse_errors,
            "end_of_input": false,
        },
        "paused": false,
        "barrier": false,
        "fatal_error": null,
    })
}
