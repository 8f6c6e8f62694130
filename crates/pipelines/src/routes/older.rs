//! The routes of the older form, as data.

use alluvium_http::{Op, Route};

use super::facade;
use super::list::{DELETED, DESCRIBED, EDITED, INTERACTIVE, NAMED, read, write};
use super::state::PipelineRoutes;
use crate::wire::{NewPipeline, NewProgram, PipelineChange, PipelineView, ProgramChange, ProgramView};

const OLDER: &str = "pipelines-older";

pub(super) fn programs() -> Vec<Route<PipelineRoutes>> {
    let op = |id: &str, summary: &str| Op::new(id, OLDER, summary);
    vec![
        Route::get(
            "/api/programs",
            read,
            facade::list_programs,
            op("listPrograms", "List programs").json_list::<ProgramView>(200, "All of them"),
        ),
        Route::post(
            "/api/programs",
            write,
            facade::create_program,
            op("createProgram", "Create a program; it is compiled")
                .body::<NewProgram>()
                .json::<ProgramView>(201, "The program")
                .errors(&DESCRIBED)
                .errors(&["pipelines.duplicate_name"]),
        ),
        Route::get(
            "/api/programs/{id}",
            read,
            facade::get_program,
            op("getProgram", "Show a program and its stages").json::<ProgramView>(200, "The program").errors(&NAMED),
        ),
        Route::patch(
            "/api/programs/{id}",
            write,
            facade::patch_program,
            op("updateProgram", "Change what is given of a program")
                .body::<ProgramChange>()
                .json::<ProgramView>(200, "The program")
                .errors(&NAMED)
                .errors(&DESCRIBED)
                .errors(&EDITED),
        ),
        Route::delete(
            "/api/programs/{id}",
            write,
            facade::delete,
            op("deleteProgram", "Delete a program that no pipeline was made from")
                .empty(200, "Gone")
                .errors(&NAMED)
                .errors(&DELETED),
        ),
    ]
}

pub(super) fn pipelines() -> Vec<Route<PipelineRoutes>> {
    let op = |id: &str, summary: &str| Op::new(id, OLDER, summary);
    vec![
        Route::get(
            "/api/pipelines",
            read,
            facade::list_pipelines,
            op("listPipelinesOlder", "List pipelines").json_list::<PipelineView>(200, "All of them"),
        ),
        Route::post(
            "/api/pipelines",
            write,
            facade::create_pipeline,
            op("createPipelineOlder", "Create a pipeline from a program, or with one of its own")
                .body::<NewPipeline>()
                .json::<PipelineView>(201, "The pipeline")
                .errors(&DESCRIBED)
                .errors(&["pipelines.duplicate_name", "pipelines.unknown_program"]),
        ),
        Route::get(
            "/api/pipelines/{id}",
            read,
            facade::get_pipeline,
            op("getPipelineOlder", "Show a pipeline").json::<PipelineView>(200, "The pipeline").errors(&NAMED),
        ),
        Route::patch(
            "/api/pipelines/{id}",
            write,
            facade::patch_pipeline,
            op("updatePipelineOlder", "Change what is given of a pipeline")
                .body::<PipelineChange>()
                .json::<PipelineView>(200, "The pipeline")
                .errors(&NAMED)
                .errors(&DESCRIBED)
                .errors(&EDITED),
        ),
        Route::delete(
            "/api/pipelines/{id}",
            write,
            facade::delete,
            op("deletePipelineOlder", "Delete a pipeline").empty(200, "Gone").errors(&NAMED).errors(&DELETED),
        ),
        Route::post(
            "/api/pipelines/{id}/start",
            write,
            facade::start,
            op("startPipelineOlder", "Start a pipeline").json::<PipelineView>(202, "How it is").errors(&NAMED).errors(
                &[
                    "pipelines.cannot_start_with_compilation_error",
                    "pipelines.illegal_pipeline_action",
                    "pipelines.initial_immutable_unless_stopped",
                    "pipelines.bootstrap_policy_immutable_unless_stopped",
                    "pipelines.cannot_start_while_clearing_storage",
                ],
            ),
        ),
        Route::post(
            "/api/pipelines/{id}/pause",
            write,
            facade::pause,
            op("pausePipelineOlder", "Let a pipeline take nothing in for now")
                .json::<PipelineView>(202, "How it is")
                .errors(&NAMED)
                .errors(&INTERACTIVE),
        ),
        Route::post(
            "/api/pipelines/{id}/shutdown",
            write,
            facade::shutdown,
            op("shutdownPipelineOlder", "Stop a pipeline after all that it has is kept")
                .json::<PipelineView>(202, "How it is")
                .errors(&NAMED)
                .errors(&["pipelines.invalid_transition"]),
        ),
    ]
}
