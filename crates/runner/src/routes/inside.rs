//! The routes that look into a running pipeline or keep it in order, as data.

use std::time::Duration;

use alluvium_http::Route;
use serde_json::Value;

use super::list::{op, read, write};
use super::state::DataRoutes;
use super::{metrics, profiles, upkeep};
use crate::telemetry::PROFILE_SECONDS_MAX;

const METRICS: &str = "/v0/pipelines/{pipeline_name}/metrics";
const CIRCUIT: &str = "/v0/pipelines/{pipeline_name}/circuit_profile";
const CIRCUIT_JSON: &str = "/v0/pipelines/{pipeline_name}/circuit_json_profile";
const HEAP: &str = "/v0/pipelines/{pipeline_name}/heap_profile";
const SAMPLES: &str = "/v0/pipelines/{pipeline_name}/samply_profile";
const CLOCK: &str = "/v0/pipelines/{pipeline_name}/clock/advance";
const REBALANCE: &str = "/v0/pipelines/{pipeline_name}/rebalance";
const COMPACTION: &str = "/v0/pipelines/{pipeline_name}/start_compaction";
/// How long a profile may take: what is waited for the pipeline, and the time to pack it.
const PROFILE_TIMEOUT: Duration = Duration::from_secs(PROFILE_SECONDS_MAX + 10);

pub(super) fn looks() -> Vec<Route<DataRoutes>> {
    vec![
        Route::get(
            METRICS,
            read,
            metrics::metrics,
            op("getPipelineMetrics", "See what a pipeline measures")
                .query::<metrics::MetricsQuery>()
                .binary(200, "text/plain", "In the text format of Prometheus, or as JSON")
                .errors(&["pipelines.invalid_param"]),
        ),
        Route::get(
            CIRCUIT,
            read,
            profiles::circuit,
            op("getPipelineCircuitProfile", "See what the nodes of a pipeline keep, drawn").binary(
                200,
                "application/zip",
                "An archive with the graph, for Graphviz and as JSON",
            ),
        )
        .timeout(PROFILE_TIMEOUT),
        Route::get(
            CIRCUIT_JSON,
            read,
            profiles::circuit_json,
            op("getPipelineCircuitJsonProfile", "See what the nodes of a pipeline keep")
                .json::<Value>(200, "The nodes, and where the time went"),
        )
        .timeout(PROFILE_TIMEOUT),
        Route::get(
            HEAP,
            read,
            profiles::heap,
            op("getPipelineHeapProfile", "See where the memory of a pipeline is").binary(
                200,
                "application/protobuf",
                "A packed profile for pprof",
            ),
        )
        .timeout(PROFILE_TIMEOUT),
        Route::get(
            SAMPLES,
            read,
            profiles::samples,
            op("getPipelineSamplyProfile", "See what a pipeline was doing while samples were taken last")
                .query::<profiles::SamplesQuery>()
                .binary(200, "application/gzip", "A packed profile for samply and the Firefox Profiler")
                .empty(204, "Samples are being taken: `Retry-After` says for how long")
                .errors(&["pipelines.invalid_param", "pipelines.no_samply_profile"]),
        ),
        Route::post(
            SAMPLES,
            read,
            profiles::sample,
            op("postPipelineSamplyProfile", "Take samples of what a pipeline does")
                .query::<profiles::SampleQuery>()
                .json::<String>(202, "They are being taken")
                .errors(&["pipelines.invalid_param", "pipelines.samply_profile_in_progress"]),
        )
        .asks(),
    ]
}

pub(super) fn keeps() -> Vec<Route<DataRoutes>> {
    vec![
        Route::post(
            CLOCK,
            write,
            upkeep::advance,
            op("postPipelineClockAdvance", "Move the clock of a pipeline forward")
                .body::<upkeep::ClockAdvanceRequest>()
                .json::<upkeep::ClockAdvanceResponse>(200, "How late it is now")
                .errors(&["pipelines.invalid_param", "pipelines.not_supported"]),
        ),
        Route::post(
            REBALANCE,
            write,
            upkeep::rebalance,
            op("postPipelineRebalance", "Spread the work of a pipeline anew")
                .empty(200, "It is spread as it should be"),
        ),
        Route::post(
            COMPACTION,
            write,
            upkeep::compact,
            op("postPipelineStartCompaction", "Let a pipeline tidy up its files").empty(200, "It begins to"),
        ),
    ]
}
