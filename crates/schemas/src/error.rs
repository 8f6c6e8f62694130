//! What is refused, with the numbers that registry clients know.

use alluvium_kernel::{ErrorInfo, Problem};
use serde_json::json;

/// Longest text of findings in a refusal, in characters.
const DETAILS_CHARS_MAX: usize = 64 * 1024;

/// The codes of this context.
pub const ERRORS: &[ErrorInfo] = &[
    ErrorInfo::new("schemas.subject_not_found", 404, "There is no such subject", "List them with GET /subjects."),
    ErrorInfo::new(
        "schemas.version_not_found",
        404,
        "There is no such version",
        "List them with GET /subjects/{subject}/versions.",
    ),
    ErrorInfo::new("schemas.schema_not_found", 404, "There is no such schema", "Check the id, or register the schema."),
    ErrorInfo::new(
        "schemas.subject_soft_deleted",
        404,
        "The subject was deleted before",
        "Set permanent=true to delete it for good.",
    ),
    ErrorInfo::new(
        "schemas.subject_not_soft_deleted",
        404,
        "The subject was not deleted first",
        "Delete it without permanent=true first.",
    ),
    ErrorInfo::new(
        "schemas.version_soft_deleted",
        404,
        "The version was deleted before",
        "Set permanent=true to delete it for good.",
    ),
    ErrorInfo::new(
        "schemas.version_not_soft_deleted",
        404,
        "The version was not deleted first",
        "Delete it without permanent=true first.",
    ),
    ErrorInfo::new(
        "schemas.config_not_found",
        404,
        "The scope has no settings of its own",
        "Ask with defaultToGlobal=true for those that apply.",
    ),
    ErrorInfo::new(
        "schemas.mode_not_found",
        404,
        "The scope has no mode of its own",
        "Ask with defaultToGlobal=true for the one that applies.",
    ),
    ErrorInfo::new(
        "schemas.incompatible",
        409,
        "The schema is incompatible with an earlier one",
        "The message has every finding; change the schema, or the subject's level.",
    ),
    ErrorInfo::new(
        "schemas.invalid_schema",
        422,
        "The schema, its type or a reference is not valid",
        "The message says where.",
    ),
    ErrorInfo::new("schemas.invalid_version", 422, "The version is not one", "Use a number from 1, or latest."),
    ErrorInfo::new("schemas.invalid_level", 422, "The compatibility level is not one", "The message lists them."),
    ErrorInfo::new("schemas.invalid_mode", 422, "The mode is not one", "The message lists them."),
    ErrorInfo::new(
        "schemas.not_permitted",
        422,
        "The mode, or what is there already, does not permit this",
        "Look at GET /mode.",
    ),
    ErrorInfo::new(
        "schemas.reference_exists",
        422,
        "Other schemas refer to it",
        "Delete those that refer to it first.",
    ),
    ErrorInfo::new(
        "schemas.invalid_subject",
        422,
        "The name is none for a subject",
        "Leave control characters and reserved names out.",
    ),
    ErrorInfo::new("schemas.too_large", 422, "The schema's text is too long", "Split it with references."),
    ErrorInfo::new("schemas.invalid_ruleset", 422, "The rules are not of the right shape", "The message says where."),
    ErrorInfo::new(
        "schemas.context_not_empty",
        422,
        "The context has versions left",
        "Delete its subjects for good first.",
    ),
    ErrorInfo::new("schemas.malformed", 422, "The request is not of the right shape", "The message says where."),
    ErrorInfo::new(
        "schemas.event_malformed",
        500,
        "An event of the registry cannot be read",
        "Look at parked events: alluvium parked.",
    ),
    ErrorInfo::new(
        "schemas.not_ready",
        503,
        "This process has not read the registry's log to its end yet",
        "Try again.",
    ),
];

/// A refusal with the number of the API.
fn refusal(code: &str, status: u16, number: u32, detail: impl Into<String>) -> Problem {
    Problem::new(code, status, detail).with_details(json!({"error_code": number}))
}

/// The number of the API that a refusal carries.
pub(crate) fn number(problem: &Problem) -> Option<u32> {
    problem.details.as_ref()?.get("error_code")?.as_u64().and_then(|number| number.try_into().ok())
}

pub(crate) fn subject_not_found(subject: &str) -> Problem {
    refusal("schemas.subject_not_found", 404, 40401, format!("Subject '{subject}' not found."))
}

pub(crate) fn version_not_found(version: impl std::fmt::Display) -> Problem {
    refusal("schemas.version_not_found", 404, 40402, format!("Version {version} not found."))
}

pub(crate) fn schema_not_found() -> Problem {
    refusal("schemas.schema_not_found", 404, 40403, "Schema not found")
}

pub(crate) fn id_not_found(id: u32) -> Problem {
    refusal("schemas.schema_not_found", 404, 40403, format!("Schema {id} not found"))
}

pub(crate) fn subject_soft_deleted(subject: &str) -> Problem {
    let detail = format!("Subject '{subject}' was soft deleted.Set permanent=true to delete permanently");
    refusal("schemas.subject_soft_deleted", 404, 40404, detail)
}

pub(crate) fn subject_not_soft_deleted(subject: &str) -> Problem {
    let detail = format!("Subject '{subject}' was not deleted first before being permanently deleted");
    refusal("schemas.subject_not_soft_deleted", 404, 40405, detail)
}

pub(crate) fn version_soft_deleted(subject: &str, version: u32) -> Problem {
    let detail =
        format!("Subject '{subject}' Version {version} was soft deleted. Set permanent=true to delete permanently");
    refusal("schemas.version_soft_deleted", 404, 40406, detail)
}

pub(crate) fn version_not_soft_deleted(subject: &str, version: u32) -> Problem {
    let detail =
        format!("Subject '{subject}' Version {version} was not deleted first before being permanently deleted");
    refusal("schemas.version_not_soft_deleted", 404, 40407, detail)
}

pub(crate) fn config_not_found(subject: &str) -> Problem {
    let detail = format!("Subject '{subject}' does not have subject-level compatibility configured");
    refusal("schemas.config_not_found", 404, 40408, detail)
}

pub(crate) fn mode_not_found(subject: &str) -> Problem {
    let detail = format!("Subject '{subject}' does not have subject-level mode configured");
    refusal("schemas.mode_not_found", 404, 40409, detail)
}

/// `level` and `short` are for the dialect that words it otherwise.
pub(crate) fn incompatible(subject: &str, level: &str, messages: &[String], short: &[String]) -> Problem {
    let mut details = messages.join(", ");
    if let Some((end, _)) = details.char_indices().nth(DETAILS_CHARS_MAX) {
        details.truncate(end);
    }
    let detail = format!(
        "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{details}]"
    );
    Problem::new("schemas.incompatible", 409, detail)
        .with_details(json!({"error_code": 409, "level": level, "short": short}))
}

pub(crate) fn invalid_schema(detail: impl Into<String>) -> Problem {
    refusal("schemas.invalid_schema", 422, 42201, detail)
}

pub(crate) fn invalid_type(named: &str) -> Problem {
    let mut problem = invalid_schema(format!("Invalid schema type {named}"));
    problem.details = Some(json!({"error_code": 42201, "unknown_type": true}));
    problem
}

pub(crate) fn invalid_version(version: &str) -> Problem {
    let detail = format!(
        "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \
         \"latest\""
    );
    refusal("schemas.invalid_version", 422, 42202, detail)
}

pub(crate) fn invalid_level() -> Problem {
    let detail = "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, \
                  forward_transitive, and full_transitive";
    refusal("schemas.invalid_level", 422, 42203, detail)
}

pub(crate) fn invalid_mode() -> Problem {
    let detail = "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, and IMPORT.";
    refusal("schemas.invalid_mode", 422, 42204, detail)
}

pub(crate) fn not_permitted(detail: impl Into<String>) -> Problem {
    refusal("schemas.not_permitted", 422, 42205, detail)
}

pub(crate) fn reference_exists(subject: &str, version: u32) -> Problem {
    let detail = format!(
        "One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject={subject},version={version}}}."
    );
    refusal("schemas.reference_exists", 422, 42206, detail)
}

pub(crate) fn invalid_subject(subject: &str) -> Problem {
    refusal("schemas.invalid_subject", 422, 42208, format!("The specified subject '{subject}' is not a valid."))
}

pub(crate) fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("The schema's text is longer than {bytes_max} bytes.");
    refusal("schemas.too_large", 422, 42209, detail)
}

pub(crate) fn invalid_ruleset(detail: impl Into<String>) -> Problem {
    refusal("schemas.invalid_ruleset", 422, 42210, detail)
}

pub(crate) fn context_not_empty(context: &str) -> Problem {
    refusal("schemas.context_not_empty", 422, 42211, format!("The context '{context}' is not empty."))
}

pub(crate) fn malformed(detail: impl Into<String>) -> Problem {
    refusal("schemas.malformed", 422, 422, detail)
}

pub(crate) fn not_ready() -> Problem {
    Problem::unavailable("schemas.not_ready", "The registry's log has not been read to its end yet. Try again.")
        .with_details(json!({"error_code": 50004}))
}

/// A mistake of ours, told to operators.
pub(crate) fn mistake(what: &str) -> Problem {
    tracing::error!(what, "the registry contradicts itself");
    let mut problem = Problem::internal();
    problem.details = Some(json!({"error_code": 50001}));
    problem
}
