//! The routes, as data.

use std::time::Duration;

use alluvium_http::CodedRenderer;
use alluvium_http::{Op, PathParams, Route, RouteGroup};
use alluvium_kernel::{ErrorInfo, Requirement};
use serde_json::Value;

use super::state::DataRoutes;
use super::{checkpoints, completion, connectors, egress, ingress, inside, logs, query, series, stats, transactions};

const INGRESS: &str = "/v0/pipelines/{pipeline_name}/ingress/{table_name}";
const EGRESS: &str = "/v0/pipelines/{pipeline_name}/egress/{table_name}";
const COMPLETION: &str = "/v0/pipelines/{pipeline_name}/completion_status";
const QUERY: &str = "/v0/pipelines/{pipeline_name}/query";
const START_TRANSACTION: &str = "/v0/pipelines/{pipeline_name}/start_transaction";
const COMMIT_TRANSACTION: &str = "/v0/pipelines/{pipeline_name}/commit_transaction";
const LOGS: &str = "/v0/pipelines/{pipeline_name}/logs";
const SERIES: &str = "/v0/pipelines/{pipeline_name}/time_series";
const SERIES_STREAM: &str = "/v0/pipelines/{pipeline_name}/time_series_stream";
const STATS: &str = "/v0/pipelines/{pipeline_name}/stats";
const ACTION: &str = "/v0/pipelines/{pipeline_name}/tables/{table_name}/connectors/{connector_name}/{action}";
const INPUT_STATS: &str = "/v0/pipelines/{pipeline_name}/tables/{table_name}/connectors/{connector_name}/stats";
const OUTPUT_STATS: &str = "/v0/pipelines/{pipeline_name}/views/{view_name}/connectors/{connector_name}/stats";
const TOKEN: &str = "/v0/pipelines/{pipeline_name}/tables/{table_name}/connectors/{connector_name}/completion_token";
const TAG: &str = "pipelines-data";
/// Bodies of rows are read as they come and never held whole; this bounds one request all the same.
const INGRESS_BYTES_MAX: usize = 1 << 40;
/// How long rows may take to come and to be on the log, in seconds: who sends to a paused pipeline waits.
const INGRESS_SECONDS_MAX: u64 = 86_400;

/// How long a query may work before its first row, in seconds: who inserts into a paused pipeline waits.
const QUERY_SECONDS_MAX: u64 = 86_400;

/// What a pipeline that is asked something may answer instead.
const INTERACTIVE: [&str; 7] = [
    "pipelines.unknown_pipeline_name",
    "pipelines.pipeline_interaction_not_deployed",
    "pipelines.pipeline_unavailable",
    "pipelines.initializing",
    "pipelines.suspended",
    "pipelines.awaiting_approval",
    "pipelines.terminating",
];

/// What this surface answers with beside the codes of the control plane.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "pipelines.unknown_input_stream",
        404,
        "The pipeline has no such table",
        "Name a table of the program; put a name with capitals into double quotes.",
    ),
    ErrorInfo::new(
        "pipelines.unknown_output_stream",
        404,
        "The pipeline has no such table or view",
        "Name a table or view of the program; put a name with capitals into double quotes.",
    ),
    ErrorInfo::new(
        "pipelines.unknown_input_endpoint",
        404,
        "The table has no such connector",
        "Name a connector of the table as the program does.",
    ),
    ErrorInfo::new(
        "pipelines.unknown_output_endpoint",
        404,
        "The view has no such connector",
        "Name a connector of the view as the program does.",
    ),
    ErrorInfo::new(
        "pipelines.parse_errors",
        400,
        "Some of the rows cannot be read",
        "Correct the rows that `details` names, and send these again; without `array` the others were taken.",
    ),
    ErrorInfo::new(
        "pipelines.ad_hoc_query_error",
        400,
        "The query is wrong, or asks for what is not offered",
        "The message says where; only materialized tables and views can be read.",
    ),
    ErrorInfo::new(
        "pipelines.transaction_in_progress",
        409,
        "A transaction is open already",
        "Commit it, then start the next one.",
    ),
    ErrorInfo::new(
        "pipelines.no_transaction_in_progress",
        400,
        "There is no transaction to commit",
        "Start one first.",
    ),
    ErrorInfo::new(
        "pipelines.unknown_endpoint_in_completion_token",
        410,
        "The token is of another pipeline or of a time that is over",
        "Send the rows again to be given a new one.",
    ),
    ErrorInfo::new(
        "pipelines.incarnation_uuid_mismatch",
        400,
        "The pipeline began anew since that was asked for",
        "Ask for a checkpoint again.",
    ),
    ErrorInfo::new(
        "pipelines.api_connection_limit",
        429,
        "Too many connections listen to the pipeline",
        "Close some of them.",
    ),
    ErrorInfo::new(
        "pipelines.not_supported",
        400,
        "The pipeline is not set up for this",
        "The message says what it would need.",
    ),
    ErrorInfo::new(
        "pipelines.no_samply_profile",
        400,
        "No samples of the pipeline were taken",
        "`POST …/samply_profile` has some taken.",
    ),
    ErrorInfo::new(
        "pipelines.samply_profile_in_progress",
        409,
        "Samples of the pipeline are being taken already",
        "Wait until that is done.",
    ),
];

/// The routes.
pub fn routes(state: DataRoutes) -> RouteGroup {
    RouteGroup::new("pipelines-data", state, list()).errors_as(CodedRenderer, &[]).error_codes(ERRORS)
}

pub(super) fn list() -> Vec<Route<DataRoutes>> {
    [rows(), transactions_of(), follows(), inside::looks(), inside::keeps(), checkpoints::routes()]
        .into_iter()
        .flatten()
        .collect()
}

pub(super) fn op(id: &str, summary: &str) -> Op {
    Op::new(id, TAG, summary).errors(&INTERACTIVE)
}

pub(super) fn read(_: &PathParams) -> Requirement {
    Requirement::PipelineRead
}

pub(super) fn write(_: &PathParams) -> Requirement {
    Requirement::PipelineWrite
}

fn rows() -> Vec<Route<DataRoutes>> {
    vec![
        Route::post(
            INGRESS,
            write,
            ingress::ingress,
            op("postPipelineIngress", "Send rows to a table")
                .query::<ingress::IngressQuery>()
                .binary_body("application/octet-stream")
                .json::<ingress::Taken>(200, "The rows are on the log; the token tells when they are everywhere else")
                .errors(&["pipelines.unknown_input_stream", "pipelines.parse_errors", "pipelines.invalid_param"]),
        )
        .body_bytes_max(INGRESS_BYTES_MAX)
        .timeout(Duration::from_secs(INGRESS_SECONDS_MAX)),
        Route::post(
            EGRESS,
            write,
            egress::egress,
            op("postPipelineEgress", "Follow the changes of a table or view")
                .query::<egress::EgressQuery>()
                .binary(200, "application/json", "A line for each chunk of changes, for as long as somebody reads")
                .errors(&[
                    "pipelines.unknown_output_stream",
                    "pipelines.api_connection_limit",
                    "pipelines.invalid_param",
                ]),
        )
        .asks(),
        Route::get(
            COMPLETION,
            read,
            completion::status,
            op("getPipelineCompletionStatus", "See whether what was sent is done")
                .query::<completion::CompletionQuery>()
                .json::<completion::Completion>(200, "How far it is")
                .errors(&["pipelines.invalid_param", "pipelines.unknown_endpoint_in_completion_token"]),
        ),
        Route::get(
            QUERY,
            write,
            query::query,
            op("getPipelineQuery", "Ask with SQL for what a pipeline keeps, or insert rows")
                .query::<query::QueryQuery>()
                .binary(200, "text/plain", "The rows, in the format that was asked for")
                .errors(&["pipelines.ad_hoc_query_error", "pipelines.api_connection_limit", "pipelines.invalid_param"]),
        )
        .timeout(Duration::from_secs(QUERY_SECONDS_MAX)),
    ]
}

fn transactions_of() -> Vec<Route<DataRoutes>> {
    vec![
        Route::post(
            START_TRANSACTION,
            write,
            transactions::start,
            op("postPipelineStartTransaction", "Take all that comes in from now on in as one step")
                .json::<transactions::Begun>(200, "The transaction")
                .errors(&["pipelines.transaction_in_progress"]),
        ),
        Route::post(
            COMMIT_TRANSACTION,
            write,
            transactions::commit,
            op("postPipelineCommitTransaction", "Let that step be done")
                .json::<String>(200, "It is being done; the statistics say when it is")
                .errors(&["pipelines.no_transaction_in_progress"]),
        ),
    ]
}

fn follows() -> Vec<Route<DataRoutes>> {
    vec![
        Route::get(
            LOGS,
            read,
            logs::logs,
            Op::new("getPipelineLogs", TAG, "Read what is told of a pipeline, and what will be")
                .binary(200, "text/plain", "Lines, for as long as somebody reads and the pipeline is there")
                .errors(&["pipelines.unknown_pipeline_name"]),
        ),
        Route::get(
            SERIES,
            read,
            series::series,
            op("getPipelineTimeSeries", "See how the counts went in the last minute").json::<Value>(200, "The samples"),
        ),
        Route::get(
            SERIES_STREAM,
            read,
            series::follow,
            op("getPipelineTimeSeriesStream", "Follow the counts").binary(
                200,
                "application/x-ndjson",
                "The samples of the last minute, then one each second",
            ),
        ),
        Route::post(
            ACTION,
            write,
            connectors::act,
            op("postPipelineInputConnectorAction", "Let an input connector run, or pause it")
                .empty(200, "It does as it is told, also when the pipeline starts again")
                .errors(&[
                    "pipelines.unknown_input_stream",
                    "pipelines.unknown_input_endpoint",
                    "pipelines.invalid_param",
                ]),
        ),
        Route::get(
            INPUT_STATS,
            read,
            connectors::input_stats,
            op("getPipelineInputConnectorStatus", "See how an input connector fares")
                .query::<connectors::StatsQuery>()
                .json::<Value>(200, "How it fares")
                .errors(&["pipelines.unknown_input_stream", "pipelines.unknown_input_endpoint"]),
        ),
        Route::get(
            OUTPUT_STATS,
            read,
            connectors::output_stats,
            op("getPipelineOutputConnectorStatus", "See how an output connector fares")
                .query::<connectors::StatsQuery>()
                .json::<Value>(200, "How it fares")
                .errors(&["pipelines.unknown_output_stream", "pipelines.unknown_output_endpoint"]),
        ),
        Route::get(
            TOKEN,
            write,
            connectors::token,
            op(
                "getPipelineInputConnectorCompletionToken",
                "Know later whether what a connector brought so far is done",
            )
            .json::<connectors::Token>(200, "What to ask for")
            .errors(&["pipelines.unknown_input_stream", "pipelines.unknown_input_endpoint"]),
        ),
        Route::get(
            STATS,
            read,
            stats::stats,
            op("getPipelineStats", "See what a pipeline counts")
                .query::<connectors::StatsQuery>()
                .json::<Value>(200, "The counts"),
        ),
    ]
}
