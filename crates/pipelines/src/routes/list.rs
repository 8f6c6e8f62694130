//! The routes, as data.

use std::time::Duration;

use alluvium_http::{CodedRenderer, Op, PathParams, Route, RouteGroup};
use alluvium_kernel::Requirement;

use super::state::PipelineRoutes;
use super::{bundle, events, lifecycle, older, pipelines, platform, program};
use crate::error::ERRORS;
use crate::reactors::PipelineDiff;
use crate::wire::{
    Explanation, PatchPipeline, PipelineDiffRequest, PipelineInfo, PipelineMonitorEvent, PostPutPipeline,
    ValidateProgramRequest, ValidateProgramResponse,
};

const COLLECTION: &str = "/v0/pipelines";
const ITEM: &str = "/v0/pipelines/{pipeline_name}";
const TAG: &str = "pipelines";

/// What writes answer with, whatever they are about.
pub(super) const NAMED: [&str; 1] = ["pipelines.unknown_pipeline_name"];
/// What names and metadata may be wrong in.
pub(super) const DESCRIBED: [&str; 9] = [
    "pipelines.empty_name",
    "pipelines.too_long_name",
    "pipelines.name_does_not_match_pattern",
    "pipelines.invalid_tag",
    "pipelines.too_many_tags",
    "pipelines.too_long_description",
    "pipelines.invalid_runtime_config",
    "pipelines.invalid_program_config",
    "pipelines.invalid_request_body",
];
/// What is in the way of an edit.
pub(super) const EDITED: [&str; 4] = [
    "pipelines.duplicate_name",
    "pipelines.precondition_failed",
    "pipelines.update_restricted_to_stopped",
    "pipelines.edit_restricted_to_cleared_storage",
];
/// What is in the way of the end.
pub(super) const DELETED: [&str; 4] = [
    "pipelines.precondition_failed",
    "pipelines.delete_restricted_to_fully_stopped",
    "pipelines.delete_restricted_to_cleared_storage",
    "pipelines.program_in_use",
];
/// What a pipeline that is asked something answers instead.
pub(super) const INTERACTIVE: [&str; 7] = [
    "pipelines.pipeline_interaction_not_deployed",
    "pipelines.pipeline_unavailable",
    "pipelines.initializing",
    "pipelines.suspended",
    "pipelines.awaiting_approval",
    "pipelines.terminating",
    "pipelines.invalid_transition",
];

/// What is in the way of asking the compiler.
const COMPILING: [&str; 2] = ["pipelines.compiler_unavailable", "pipelines.compiler_timeout"];
/// How long a bundle may take: heap and circuit profiles of a running pipeline take their time.
const BUNDLE_TIMEOUT: Duration = Duration::from_secs(150);

/// The routes, with their shape of errors.
pub fn routes(state: PipelineRoutes) -> RouteGroup {
    RouteGroup::new("pipelines", state, list())
        .compressed()
        .errors_as(CodedRenderer, &["/v0", "/api"])
        .error_codes(ERRORS)
}

pub(super) fn list() -> Vec<Route<PipelineRoutes>> {
    [
        resource(),
        programs(),
        lifecycle(),
        events_of(),
        platform::platform(),
        platform::cluster(),
        platform::keys_of(),
        older::programs(),
        older::pipelines(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn read(_: &PathParams) -> Requirement {
    Requirement::PipelineRead
}

pub(super) fn write(_: &PathParams) -> Requirement {
    Requirement::PipelineWrite
}

fn op(id: &str, summary: &str) -> Op {
    Op::new(id, TAG, summary)
}

fn resource() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::get(
            COLLECTION,
            read,
            pipelines::list,
            op("listPipelines", "List pipelines in the order of their creation")
                .query::<pipelines::GetQuery>()
                .json_list::<PipelineInfo>(200, "All pipelines, as much of them as was selected")
                .errors(&["pipelines.invalid_param", "pipelines.unavailable"]),
        ),
        Route::post(
            COLLECTION,
            write,
            pipelines::create,
            op("postPipeline", "Create a pipeline; its program is compiled")
                .body::<PostPutPipeline>()
                .json::<PipelineInfo>(201, "The pipeline")
                .errors(&DESCRIBED)
                .errors(&["pipelines.duplicate_name"]),
        ),
        Route::get(
            ITEM,
            read,
            pipelines::get,
            op("getPipeline", "Show a pipeline")
                .query::<pipelines::GetQuery>()
                .json_either::<PipelineInfo, Explanation>(200, "The pipeline, as much of it as was selected")
                .errors(&NAMED)
                .errors(&["pipelines.invalid_param", "pipelines.unavailable"]),
        ),
        Route::put(
            ITEM,
            write,
            pipelines::put,
            op("putPipeline", "Replace a pipeline, or create it; what is left out is as in a new one")
                .body::<PostPutPipeline>()
                .json::<PipelineInfo>(200, "The pipeline, replaced")
                .json::<PipelineInfo>(201, "The pipeline, created")
                .errors(&DESCRIBED)
                .errors(&EDITED)
                .errors(&["pipelines.cannot_rename_non_existing_pipeline"]),
        ),
        Route::patch(
            ITEM,
            write,
            pipelines::patch,
            op("patchPipeline", "Change what is given of a pipeline")
                .body::<PatchPipeline>()
                .json::<PipelineInfo>(200, "The pipeline")
                .errors(&NAMED)
                .errors(&DESCRIBED)
                .errors(&EDITED),
        ),
        Route::delete(
            ITEM,
            write,
            pipelines::delete,
            op("deletePipeline", "Delete a pipeline that is stopped and keeps nothing")
                .empty(200, "Gone")
                .errors(&NAMED)
                .errors(&DELETED),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/update_runtime",
            write,
            pipelines::update_runtime,
            op("postUpdateRuntime", "Compile a pipeline's program by the platform's current version")
                .json::<PipelineInfo>(200, "The pipeline")
                .errors(&NAMED)
                .errors(&["pipelines.update_restricted_to_stopped"]),
        ),
    ]
}

fn programs() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::post(
            "/v0/validate_program",
            write,
            program::validate,
            op("postValidateProgram", "Say whether a program is right; nothing is kept")
                .body::<ValidateProgramRequest>()
                .json::<ValidateProgramResponse>(200, "What the compiler says")
                .errors(&["pipelines.invalid_request_body", "pipelines.invalid_runtime_version"])
                .errors(&COMPILING),
        )
        .asks(),
        Route::post(
            "/v0/pipelines/{pipeline_name}/diff",
            write,
            program::diff,
            op("postPipelineDiff", "Say what another program would change; nothing is changed")
                .body::<PipelineDiffRequest>()
                .json::<PipelineDiff>(200, "The difference")
                .errors(&NAMED)
                .errors(&[
                    "pipelines.invalid_request_body",
                    "pipelines.invalid_runtime_version",
                    "pipelines.program_not_compiled",
                    "pipelines.program_info_misses_dataflow",
                    "pipelines.invalid_new_program_sql",
                    "pipelines.bootstrap_not_allowed",
                ])
                .errors(&COMPILING),
        )
        .asks(),
        Route::get(
            "/v0/pipelines/{pipeline_name}/dataflow_graph",
            read,
            program::graph,
            op("getPipelineDataflowGraph", "The graph of a pipeline's program")
                .json::<crate::wire::Dataflow>(200, "Plans of its views, and nodes")
                .errors(&NAMED)
                .errors(&["pipelines.program_not_compiled", "pipelines.program_info_misses_dataflow"])
                .errors(&COMPILING),
        ),
        Route::delete(
            "/v0/pipelines/{pipeline_name}/compile",
            write,
            program::cancel,
            op("deletePipelineCompile", "End the compilation of a pipeline's program")
                .json::<String>(200, "It has ended")
                .errors(&NAMED),
        ),
        Route::get(
            "/v0/pipelines/{pipeline_name}/support_bundle",
            read,
            bundle::get,
            op("getPipelineSupportBundle", "What there is to say of a pipeline, in one archive")
                .query::<bundle::BundleQuery>()
                .binary(200, "application/zip", "The archive")
                .errors(&NAMED)
                .errors(&["pipelines.invalid_param"]),
        )
        .timeout(BUNDLE_TIMEOUT),
        Route::post(
            "/v0/pipelines/{pipeline_name}/testing",
            write,
            lifecycle::testing,
            op("postPipelineTesting", "Set what tests of clients want, where the feature `testing` is on")
                .query::<lifecycle::TestingQuery>()
                .empty(200, "It is set")
                .errors(&NAMED)
                .errors(&[
                    "pipelines.unsupported_pipeline_action",
                    "pipelines.invalid_param",
                    "pipelines.update_restricted_to_stopped",
                ]),
        ),
    ]
}

fn lifecycle() -> Vec<Route<PipelineRoutes>> {
    let sentence = "What happens now";
    vec![
        Route::post(
            "/v0/pipelines/{pipeline_name}/start",
            write,
            lifecycle::start,
            op("postPipelineStart", "Start a pipeline, or let it start once its program is compiled")
                .query::<lifecycle::StartQuery>()
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&[
                    "pipelines.cannot_start_with_compilation_error",
                    "pipelines.initial_immutable_unless_stopped",
                    "pipelines.bootstrap_policy_immutable_unless_stopped",
                    "pipelines.illegal_pipeline_action",
                    "pipelines.cannot_start_with_undismissed_error",
                    "pipelines.cannot_start_while_clearing_storage",
                    "pipelines.initial_standby_not_allowed",
                    "pipelines.invalid_bootstrap_config",
                    "pipelines.unsupported_pipeline_action",
                ]),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/stop",
            write,
            lifecycle::stop,
            op("postPipelineStop", "Stop a pipeline: at once, or after all that it has is kept")
                .query::<lifecycle::StopQuery>()
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&["pipelines.invalid_transition"]),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/clear",
            write,
            lifecycle::clear,
            op("postPipelineClear", "Let go of all that a stopped pipeline keeps")
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&["pipelines.storage_status_immutable_unless_stopped"]),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/pause",
            write,
            lifecycle::pause,
            op("postPipelinePause", "Let a pipeline take nothing in for now")
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&INTERACTIVE),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/resume",
            write,
            lifecycle::resume,
            op("postPipelineResume", "Let a paused pipeline go on")
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&INTERACTIVE),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/activate",
            write,
            lifecycle::activate,
            op("postPipelineActivate", "Let a pipeline in standby take over")
                .query::<lifecycle::ActivateQuery>()
                .json::<String>(202, sentence)
                .errors(&NAMED)
                .errors(&INTERACTIVE)
                .errors(&["pipelines.invalid_activate_status"]),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/approve",
            write,
            lifecycle::approve,
            op("postPipelineApprove", "Let a pipeline go on whose program differs from what is kept")
                .query::<lifecycle::ApproveQuery>()
                .json::<String>(200, "It goes on")
                .errors(&NAMED)
                .errors(&INTERACTIVE)
                .errors(&["pipelines.invalid_bootstrap_config", "pipelines.illegal_pipeline_action"]),
        ),
        Route::post(
            "/v0/pipelines/{pipeline_name}/dismiss_error",
            write,
            lifecycle::dismiss_error,
            op("postPipelineDismissError", "Take note of the error that the last deployment ended with")
                .json::<String>(200, "There is none now")
                .errors(&NAMED)
                .errors(&["pipelines.dismiss_error_restricted_to_fully_stopped"]),
        ),
    ]
}

fn events_of() -> Vec<Route<PipelineRoutes>> {
    vec![
        Route::get(
            "/v0/pipelines/{pipeline_name}/events",
            read,
            events::list,
            op("listPipelineEvents", "What happened to a pipeline, newest first")
                .query::<events::EventQuery>()
                .json_list::<PipelineMonitorEvent>(200, "How it was after each change of a status")
                .errors(&NAMED)
                .errors(&["pipelines.invalid_param"]),
        ),
        Route::get(
            "/v0/pipelines/{pipeline_name}/events/{event_id}",
            read,
            events::get,
            op("getPipelineEvent", "One event of a pipeline, by its id or as `latest`")
                .query::<events::EventQuery>()
                .json::<PipelineMonitorEvent>(200, "How it was then")
                .errors(&NAMED)
                .errors(&[
                    "pipelines.invalid_param",
                    "pipelines.unknown_pipeline_monitor_event",
                    "pipelines.no_pipeline_monitor_events_available",
                ]),
        ),
    ]
}
