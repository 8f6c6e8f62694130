//! What is refused, with codes that clients of this surface switch on: `pipelines.duplicate_name` is `DuplicateName` there.

mod codes;

use alluvium_kernel::Problem;
use serde_json::json;

pub use codes::ERRORS;

/// How much of a text from outside is repeated, in characters.
const ECHO_CHARS_MAX: usize = 96;
/// How much of a reason is told, which may repeat what was sent, in characters.
const REASON_CHARS_MAX: usize = 500;

fn refusal(what: &str, status: u16, detail: impl Into<String>) -> Problem {
    Problem::new(format!("pipelines.{what}"), status, detail)
}

/// The beginning of a text that may be long.
fn short(text: &str, chars_max: usize) -> String {
    let mut short: String = text.chars().take(chars_max).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn echo(text: &str) -> String {
    format!("'{}'", short(text, ECHO_CHARS_MAX).escape_debug())
}

pub(crate) fn unknown_pipeline(name: &str) -> Problem {
    refusal("unknown_pipeline_name", 404, format!("Unknown pipeline name {}", echo(name)))
        .with_details(json!({ "pipeline_name": short(name, ECHO_CHARS_MAX) }))
}

pub(crate) fn duplicate_name(name: &str) -> Problem {
    refusal("duplicate_name", 409, format!("An entity with the name {} already exists", echo(name)))
}

pub(crate) fn empty_name() -> Problem {
    refusal("empty_name", 400, "Name cannot be empty")
}

pub(crate) fn too_long_name(name: &str, chars: usize, chars_max: usize) -> Problem {
    refusal("too_long_name", 400, format!("Name {} is {chars} characters long; it may be {chars_max}", echo(name)))
        .with_details(json!({ "length": chars, "max_length": chars_max }))
}

pub(crate) fn name_pattern(name: &str, pattern: &str) -> Problem {
    refusal("name_does_not_match_pattern", 400, format!("Name {} does not match the pattern: {pattern}", echo(name)))
        .with_details(json!({ "name": short(name, ECHO_CHARS_MAX), "pattern": pattern }))
}

pub(crate) fn invalid_tag(tag: &str, chars_max: usize) -> Problem {
    refusal(
        "invalid_tag",
        400,
        format!("Tag {} is not 1 to {chars_max} of letters, digits, spaces and . _ / | \\ : = -", echo(tag)),
    )
    .with_details(json!({ "tag": short(tag, ECHO_CHARS_MAX) }))
}

pub(crate) fn too_many_tags(count: usize, max: usize) -> Problem {
    refusal("too_many_tags", 400, format!("There are {count} tags; there may be {max}"))
        .with_details(json!({ "count": count, "max": max }))
}

pub(crate) fn too_long_description(chars: usize, chars_max: usize) -> Problem {
    refusal("too_long_description", 400, format!("The description is {chars} characters long; it may be {chars_max}"))
        .with_details(json!({ "length": chars, "max_length": chars_max }))
}

pub(crate) fn invalid_runtime_config(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("invalid_runtime_config", 400, format!("The runtime configuration is invalid: {reason}"))
        .with_details(json!({ "error": reason }))
}

pub(crate) fn invalid_program_config(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("invalid_program_config", 400, format!("The program configuration is invalid: {reason}"))
        .with_details(json!({ "error": reason }))
}

pub(crate) fn cannot_rename_absent(name: &str) -> Problem {
    refusal(
        "cannot_rename_non_existing_pipeline",
        400,
        format!("There is no pipeline {} to be given another name", echo(name)),
    )
}

pub(crate) fn update_restricted_to_stopped() -> Problem {
    refusal("update_restricted_to_stopped", 400, "The pipeline can only be edited while it is stopped")
}

pub(crate) fn edit_restricted_to_cleared_storage(paths: &[&str]) -> Problem {
    let not_allowed: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    let detail = format!("While storage is not cleared, these cannot be edited: {}", not_allowed.join(", "));
    refusal("edit_restricted_to_cleared_storage", 400, detail).with_details(json!({ "not_allowed": not_allowed }))
}

pub(crate) fn delete_restricted_to_fully_stopped() -> Problem {
    refusal(
        "delete_restricted_to_fully_stopped",
        400,
        "The pipeline can only be deleted while it is fully stopped; stop it first",
    )
}

pub(crate) fn delete_restricted_to_cleared_storage() -> Problem {
    refusal(
        "delete_restricted_to_cleared_storage",
        400,
        "The pipeline can only be deleted while its storage is cleared; clear it first",
    )
}

pub(crate) fn cannot_start_with_compilation_error() -> Problem {
    refusal("cannot_start_with_compilation_error", 400, "The pipeline cannot be started: its program does not compile")
}

pub(crate) fn initial_immutable() -> Problem {
    refusal("initial_immutable_unless_stopped", 400, "The pipeline was started with another `initial`; stop it first")
}

pub(crate) fn bootstrap_policy_immutable() -> Problem {
    refusal(
        "bootstrap_policy_immutable_unless_stopped",
        400,
        "The pipeline was started with another bootstrap policy; stop it first",
    )
}

pub(crate) fn start_while_stopping() -> Problem {
    refusal(
        "illegal_pipeline_action",
        400,
        "The pipeline cannot be started while it is stopping; wait until it is stopped",
    )
}

pub(crate) fn nothing_to_approve(status: &str) -> Problem {
    refusal("illegal_pipeline_action", 400, format!("The pipeline is {status} and waits for no approval"))
}

pub(crate) fn cannot_start_with_undismissed_error() -> Problem {
    refusal("cannot_start_with_undismissed_error", 400, "The last deployment ended with an error; dismiss it first")
}

pub(crate) fn cannot_start_while_clearing_storage() -> Problem {
    refusal(
        "cannot_start_while_clearing_storage",
        400,
        "The pipeline cannot be started while its storage is being cleared",
    )
}

pub(crate) fn initial_standby_not_allowed() -> Problem {
    refusal("initial_standby_not_allowed", 400, "Starting in standby needs a `file` storage backend with `config.sync`")
}

pub(crate) fn invalid_bootstrap_config() -> Problem {
    refusal("invalid_bootstrap_config", 400, "`silent_bootstrap` and `concurrent_bootstrap` exclude each other")
}

pub(crate) fn invalid_bootstrap_policy(policy: &str) -> Problem {
    refusal(
        "invalid_bootstrap_config",
        400,
        format!("`bootstrap_policy` is {}; it must be allow, reject or await_approval", echo(policy)),
    )
}

pub(crate) fn unsupported_initial(initial: &str) -> Problem {
    refusal(
        "unsupported_pipeline_action",
        405,
        format!("`initial` is {}; it must be running, paused or standby", echo(initial)),
    )
    .with_details(json!({ "action": short(initial, ECHO_CHARS_MAX) }))
}

pub(crate) fn invalid_transition(from: &str, to: &str) -> Problem {
    refusal("invalid_transition", 400, format!("The pipeline cannot go from {from} to {to}"))
        .with_details(json!({ "from": from, "to": to }))
}

pub(crate) fn invalid_activate_status(initial: &str) -> Problem {
    refusal("invalid_activate_status", 400, format!("`initial` is {}; it must be running or paused", echo(initial)))
}

/// As for the next ones: on the log it is a refusal like any other, for a command that may succeed later would be kept until then.
/// Clients are told to try again.
pub(crate) fn interaction_not_deployed(status: &str, desired: &str) -> Problem {
    let detail = format!("The pipeline is {status} (wanted: {desired}) and cannot be asked; it must be provisioned");
    refusal("pipeline_interaction_not_deployed", 409, detail)
        .with_details(json!({ "status": status, "desired_status": desired }))
}

pub(crate) fn unavailable() -> Problem {
    refusal("pipeline_unavailable", 409, "The pipeline does not answer now")
}

pub(crate) fn initializing() -> Problem {
    refusal("initializing", 409, "The pipeline is initializing")
}

pub(crate) fn suspended() -> Problem {
    refusal("suspended", 409, "The pipeline is suspended")
}

pub(crate) fn awaiting_approval() -> Problem {
    refusal("awaiting_approval", 409, "The pipeline waits for approval of its changes")
}

pub(crate) fn terminating() -> Problem {
    refusal("terminating", 410, "The pipeline is being stopped")
}

pub(crate) fn storage_immutable_unless_stopped() -> Problem {
    refusal(
        "storage_status_immutable_unless_stopped",
        400,
        "Storage can only be cleared while the pipeline is fully stopped",
    )
}

pub(crate) fn dismiss_restricted_to_fully_stopped() -> Problem {
    refusal(
        "dismiss_error_restricted_to_fully_stopped",
        400,
        "The error can only be dismissed while the pipeline is fully stopped",
    )
}

pub(crate) fn invalid_param(what: &str) -> Problem {
    refusal("invalid_param", 400, what)
}

pub(crate) fn invalid_body(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("invalid_request_body", 400, format!("The body is not what this takes: {reason}"))
}

pub(crate) fn unknown_event() -> Problem {
    refusal("unknown_pipeline_monitor_event", 404, "The pipeline has no such event")
}

pub(crate) fn no_events() -> Problem {
    refusal("no_pipeline_monitor_events_available", 404, "The pipeline has no events yet")
}

pub(crate) fn unknown_cluster_event() -> Problem {
    refusal("unknown_cluster_monitor_event", 404, "The installation has no such event")
}

pub(crate) fn no_cluster_events() -> Problem {
    refusal("no_cluster_monitor_events_available", 404, "The installation has no events yet")
}

/// The pipeline has another version than was wanted, or there is none.
pub(crate) fn precondition_failed(version: Option<i64>) -> Problem {
    let detail = match version {
        Some(version) => format!("`If-Match` names another version: the pipeline has version {version}"),
        None => "`If-Match` names a version, and there is no such pipeline".to_owned(),
    };
    refusal("precondition_failed", 412, detail).with_details(json!({ "version": version }))
}

pub(crate) fn program_not_compiled(name: &str) -> Problem {
    refusal("program_not_compiled", 404, format!("The program of pipeline {} is not compiled", echo(name)))
        .with_details(json!({ "pipeline_name": short(name, ECHO_CHARS_MAX) }))
}

pub(crate) fn misses_dataflow(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("program_info_misses_dataflow", 404, format!("The dataflow graph of the program is not there: {reason}"))
}

pub(crate) fn invalid_new_program(sql: serde_json::Value) -> Problem {
    refusal("invalid_new_program_sql", 400, "The new program does not compile; `details` says why").with_details(sql)
}

pub(crate) fn bootstrap_not_allowed(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("bootstrap_not_allowed", 400, format!("The pipeline cannot go on with the new program: {reason}"))
        .with_details(json!({ "error": reason }))
}

pub(crate) fn invalid_runtime_version(version: &str) -> Problem {
    refusal(
        "invalid_runtime_version",
        400,
        format!("`runtime_version` is {}; it must be vX.Y.Z or 40 hex digits", echo(version)),
    )
    .with_details(json!({ "runtime_version": short(version, ECHO_CHARS_MAX) }))
}

pub(crate) fn compiler_unavailable(reason: &str) -> Problem {
    let reason = short(reason, REASON_CHARS_MAX);
    refusal("compiler_unavailable", 503, format!("The compiler does not answer now: {reason}"))
}

pub(crate) fn compiler_timeout(seconds: u64) -> Problem {
    refusal("compiler_timeout", 504, format!("The compiler did not answer within {seconds} s"))
        .with_details(json!({ "timeout_seconds": seconds }))
}

pub(crate) fn testing_is_off() -> Problem {
    refusal("unsupported_pipeline_action", 405, "This is for tests of clients: the unstable feature `testing` is off")
        .with_details(json!({ "action": "testing" }))
}

pub(crate) fn unknown_status(status: &str) -> Problem {
    refusal("unknown_status", 422, format!("{} is no state", echo(status)))
}

pub(crate) fn unknown_api_key(name: &str) -> Problem {
    refusal("unknown_api_key", 404, format!("Unknown API key {}", echo(name)))
        .with_details(json!({ "name": short(name, ECHO_CHARS_MAX) }))
}

pub(crate) fn role_not_mintable(role: &str) -> Problem {
    refusal("owner_admin_not_mintable_as_api_key", 403, format!("Keys have role read or write, not {}", echo(role)))
}

pub(crate) fn role_exceeds_creator() -> Problem {
    refusal("role_exceeds_creator", 403, "Nobody makes a key that may more than themselves")
}

pub(crate) fn program_in_use(name: &str) -> Problem {
    refusal("program_in_use", 409, format!("Pipelines were made from the program of {}; delete them first", echo(name)))
}

pub(crate) fn unknown_program(program: &str) -> Problem {
    refusal("unknown_program", 404, format!("Unknown program {}", echo(program)))
}

/// Postgres does not answer, or not as it should.
pub(crate) fn database(cause: &sqlx::Error) -> Problem {
    tracing::warn!(error = %cause, "the read model of pipelines cannot be asked");
    Problem::unavailable("pipelines.unavailable", "The read model does not answer now. Try again.")
}

/// A mistake of ours, told to operators.
pub(crate) fn mistake(what: &str) -> Problem {
    tracing::error!(what, "pipelines contradict themselves");
    Problem::internal()
}
