//! Errors as clients of Feldera know them: `{"message","error_code","details"}`, with codes in camel case. Shared by the contexts that
//! keep that surface.

use alluvium_kernel::{ErrorInfo, Problem, Requirement};
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::Response;
use serde_json::json;

use crate::problem::json_response;
use crate::{Documented, ErrorBody, ErrorContext, ErrorRenderer};

/// What a client should wait before it tries again, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";
const JSON: &str = "application/json";
/// How much of a reason a header repeats, in characters.
const REASON_CHARS_MAX: usize = 200;

/// Refusals that clients are told to try again after. On the log they have another status: there, this one means that nothing was
/// decided.
const NOT_NOW: [&str; 5] = [
    "pipelines.pipeline_interaction_not_deployed",
    "pipelines.pipeline_unavailable",
    "pipelines.initializing",
    "pipelines.suspended",
    "pipelines.awaiting_approval",
];

/// Renders `{"message","error_code","details"}`; `error_code` is the last part of the code in camel case.
#[derive(Clone, Copy, Debug, Default)]
pub struct CodedRenderer;

impl ErrorRenderer for CodedRenderer {
    fn render(&self, problem: &Problem, _: &ErrorContext<'_>) -> Response {
        let (status, code) = told(&problem.code, problem.status);
        let details = problem.details.clone().unwrap_or_else(|| json!({}));
        let body = json!({ "message": problem.detail, "error_code": code, "details": details });
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json_response(status, JSON, &body);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        if problem.code == "access.invalid_token"
            && let Ok(challenge) = HeaderValue::from_str(&challenge(&problem.detail))
        {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn documented(&self, error: &ErrorInfo, _: &Requirement) -> Option<Documented> {
        Some(Documented { status: told(error.code, error.status).0, media_type: JSON, body: ErrorBody::Coded })
    }
}

/// What a client whose token is refused is told in a header: why, without what would end the quotes.
fn challenge(reason: &str) -> String {
    let plain = |letter: &char| (' '..='~').contains(letter) && !['"', '\\'].contains(letter);
    let reason: String = reason.chars().filter(plain).take(REASON_CHARS_MAX).collect();
    format!("Bearer error_description=\"{reason}\"")
}

/// Status and code as clients know them.
fn told(code: &str, status: u16) -> (u16, String) {
    match code {
        "http.not_authenticated" | "http.unknown_credential" | "access.invalid_token" => {
            (401, "AuthenticationFailed".to_owned())
        }
        // Who may not is told so, whoever they are: on other surfaces a key that is not the admin's is wrong.
        "access.forbidden"
        | "access.denied"
        | "access.admin_required"
        | "access.admin_not_configured"
        | "http.refused" => (403, "InsufficientPermissions".to_owned()),
        "http.malformed_body" | "http.invalid_body" | "http.unsupported_media_type" => {
            (400, "InvalidRequestBody".to_owned())
        }
        "http.invalid_query" | "http.invalid_position" => (400, "InvalidParam".to_owned()),
        code => {
            let status = if NOT_NOW.contains(&code) { 503 } else { status };
            (status, camel(code.rsplit('.').next().unwrap_or(code)))
        }
    }
}

/// `duplicate_name` as `DuplicateName`.
fn camel(snake: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    snake.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelled_as_clients_switch_on_them() {
        for (code, status, told_status, told_code) in [
            ("pipelines.duplicate_name", 409, 409, "DuplicateName"),
            ("pipelines.unknown_pipeline_name", 404, 404, "UnknownPipelineName"),
            ("pipelines.pipeline_interaction_not_deployed", 409, 503, "PipelineInteractionNotDeployed"),
            ("pipelines.owner_admin_not_mintable_as_api_key", 403, 403, "OwnerAdminNotMintableAsApiKey"),
            ("http.unknown_credential", 403, 401, "AuthenticationFailed"),
            ("access.invalid_token", 401, 401, "AuthenticationFailed"),
            ("access.admin_required", 401, 403, "InsufficientPermissions"),
            ("http.invalid_query", 422, 400, "InvalidParam"),
            ("platform.internal", 500, 500, "Internal"),
        ] {
            assert_eq!(told(code, status), (told_status, told_code.to_owned()), "{code}");
        }
    }

    #[test]
    fn a_challenge_cannot_be_broken_out_of() {
        assert_eq!(challenge("no \"x\"\r\n\\ y"), "Bearer error_description=\"no x y\"");
        assert_eq!(challenge(&"a".repeat(900)).len(), 27 + REASON_CHARS_MAX);
    }
}
