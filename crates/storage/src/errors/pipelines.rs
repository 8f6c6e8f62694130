//! Buckets that show a pipeline.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.pipeline_not_found",
        404,
        "There is no such pipeline",
        "Check the name with `GET /v0/pipelines`. A bucket that shows a pipeline which was deleted is unlinked.",
    ),
    ErrorInfo::new(
        "storage.pipeline_empty",
        409,
        "The pipeline keeps nothing",
        "It has never been started, or was cleared. Start it; then the bucket shows its tables and views.",
    ),
    ErrorInfo::new(
        "storage.pipeline_unavailable",
        503,
        "The pipeline cannot be read now",
        "It is being started or stopped. Try again in a moment; its logs say what is in the way if it stays so.",
    ),
    ErrorInfo::new(
        "storage.bucket_of_pipeline",
        409,
        "The bucket shows a pipeline",
        "Nothing is written to it here: send rows to the pipeline's tables, or copy what it shows to a table of another bucket.",
    ),
    ErrorInfo::new(
        "storage.steps_not_kept",
        409,
        "The table has no steps",
        "Only tables and views of pipelines are read by `as_of_step`; others by `as_of`, and those of pipelines not by that.",
    ),
    ErrorInfo::new(
        "storage.steps_trimmed",
        410,
        "What the table held after that step is not kept any more",
        "Name a later step: the last ten thousand are kept.",
    ),
    ErrorInfo::new(
        "storage.invalid_step",
        400,
        "The pipeline has not come to that step",
        "Name a step up to the last one, which the message says.",
    ),
];
