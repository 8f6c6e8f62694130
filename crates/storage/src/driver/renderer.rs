//! Errors as this bridge words them: `{"detail":"…"}`, but for those that come before any command is looked at.

use alluvium_http::{DetailRenderer, Documented, ErrorBody, ErrorContext, ErrorRenderer};
use alluvium_kernel::{ErrorInfo, Problem, Requirement};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// One text for whatever the surface said.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriverRenderer {
    surface: DetailRenderer,
}

impl DriverRenderer {
    pub fn new(admin_configured: bool) -> Self {
        Self { surface: DetailRenderer { admin_configured } }
    }
}

/// Whether an error is of the command, and not of the request it came in.
fn is_of_command(code: &str, status: u16) -> bool {
    code.starts_with("storage.") && status != 422
}

impl ErrorRenderer for DriverRenderer {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        match StatusCode::from_u16(problem.status) {
            Ok(status) if is_of_command(&problem.code, problem.status) => {
                (status, Json(json!({ "detail": problem.detail }))).into_response()
            }
            _ => self.surface.render(problem, context),
        }
    }

    fn documented(&self, error: &ErrorInfo, requirement: &Requirement) -> Option<Documented> {
        if is_of_command(error.code, error.status) {
            let body = ErrorBody::DetailText;
            return Some(Documented { status: error.status, media_type: "application/json", body });
        }
        self.surface.documented(error, requirement)
    }
}
