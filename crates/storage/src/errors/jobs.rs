//! Jobs.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.job_not_found",
        404,
        "No such job in the project, or it is not the caller's to see",
        "List the project's jobs; a key of a branch sees those of its branch, one of chosen buckets its own.",
    ),
    ErrorInfo::new(
        "storage.job_exists",
        409,
        "The id is taken by a job",
        "Send the request again; it gets another id.",
    ),
    ErrorInfo::new(
        "storage.too_many_jobs",
        429,
        "Too many jobs wait",
        "Wait until some of them are done, or send the request without asking for a later answer.",
    ),
];
