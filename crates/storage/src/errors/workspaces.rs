//! Workspaces.

use alluvium_kernel::ErrorInfo;

pub(super) const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new(
        "storage.workspace_not_found",
        404,
        "No such workspace in the project, or in the branch",
        "List the project's workspaces; one of a branch goes with its branch.",
    ),
    ErrorInfo::new(
        "storage.workspace_expired",
        410,
        "The workspace's time is over; its objects are gone",
        "Create another one and load what is needed; this one can still be deleted.",
    ),
    ErrorInfo::new("storage.workspace_exists", 409, "The id is taken by a workspace", "Use another id."),
    ErrorInfo::new(
        "storage.invalid_credentials",
        401,
        "No workspace has this user with this password",
        "Take user and password of the workspace's `connection`, or reset its credentials.",
    ),
    ErrorInfo::new(
        "storage.credentials_not_found",
        404,
        "The workspace has no further credentials with this id",
        "List the workspace's credentials. Those that it was made with are reset, not deleted.",
    ),
    ErrorInfo::new(
        "storage.connection_limit_reached",
        429,
        "Too many sessions are open, in the workspace or in all",
        "End one, or raise `pgwire.connections_per_workspace` or `pgwire.connections_max`.",
    ),
    ErrorInfo::new(
        "storage.session_not_found",
        404,
        "No such session",
        "List the sessions; ended ones go after a week.",
    ),
    ErrorInfo::new("storage.session_exists", 409, "The id is taken by a session", "Use another id."),
    ErrorInfo::new(
        "storage.object_not_found",
        404,
        "The workspace has no object of this name",
        "Show the workspace to see its objects; those that begin with `_` are internal.",
    ),
    ErrorInfo::new(
        "storage.workspace_size_exceeded",
        400,
        "The workspace would become larger than its limit",
        "Drop objects, load fewer rows or columns, or create a workspace with a higher limit.",
    ),
    ErrorInfo::new(
        "storage.workspace_failed",
        400,
        "The workspace could not do this",
        "The message says why: too little memory, or an object that another one needs.",
    ),
    ErrorInfo::new(
        "storage.workspace_unavailable",
        503,
        "The engine of the workspace does not answer",
        "Try again. The server's log says why; what was loaded can be loaded again.",
    ),
];
