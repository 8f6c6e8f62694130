//! Errors as Keboola's storage on DuckDB words them: `{"detail": …}`. Shared by the contexts that keep that surface.

use alluvium_kernel::{ErrorInfo, Problem, Requirement};
use axum::response::Response;
use serde_json::{Value, json};

use crate::problem::{json_response, status_of};
use crate::{Documented, ErrorBody, ErrorContext, ErrorRenderer};

/// Codes with status 500 that the surface states. Of any other nothing is told: it is a mistake of ours.
const STATED: [&str; 2] = ["storage.add_column_failed", "storage.init_failed"];

/// Renders `{"detail":{"error","message","details"?}}` with the code's last part, and the fixed answers of that surface for
/// credentials, shapes of bodies, unknown paths and mistakes of ours.
///
/// A problem with status 422 may bring its list ready made, as an array in `details.detail`; else it is made of its field errors.
#[derive(Clone, Copy, Debug)]
pub struct DetailRenderer {
    /// Whether the installation has an admin key: without one, routes for admins say so.
    pub admin_configured: bool,
}

impl ErrorRenderer for DetailRenderer {
    fn render(&self, problem: &Problem, context: &ErrorContext<'_>) -> Response {
        let (status, body) = self.answer(problem, context);
        let status = axum::http::StatusCode::from_u16(status).unwrap_or_else(|_| status_of(problem));
        json_response(status, JSON, &body)
    }

    fn documented(&self, error: &ErrorInfo, requirement: &Requirement) -> Option<Documented> {
        let (status, body) = match error.code {
            // Bodies are read as JSON whatever their type is said to be.
            "http.unsupported_media_type" => return None,
            "http.not_authenticated" if *requirement != Requirement::Admin || self.admin_configured => {
                (401, ErrorBody::DetailText)
            }
            "http.unknown_credential" if requirement.project().is_some() => (403, ErrorBody::Detail),
            "access.admin_required" | "access.admin_not_configured" => (401, ErrorBody::Detail),
            // Who is no admin is told that the key is wrong.
            "http.refused" if *requirement == Requirement::Admin => return None,
            "http.not_found" | "http.method_not_allowed" => (error.status, ErrorBody::DetailText),
            "http.malformed_body" => (422, ErrorBody::DetailList),
            "projection.lagging" => (503, ErrorBody::Detail),
            code if is_plain(code.rsplit('.').next().unwrap_or(code)) => (error.status, ErrorBody::Plain),
            _ if error.status == 422 => (422, ErrorBody::DetailList),
            code if error.status == 500 && !STATED.contains(&code) => return None,
            _ => (error.status, ErrorBody::Detail),
        };
        Some(Documented { status, media_type: JSON, body })
    }
}

/// The media type of these errors.
const JSON: &str = "application/json";

/// The one family of errors that this surface has always answered without the wrapper.
fn is_plain(error: &str) -> bool {
    error.starts_with("idempotency_")
}

impl DetailRenderer {
    fn answer(self, problem: &Problem, context: &ErrorContext<'_>) -> (u16, Value) {
        let status = status_of(problem).as_u16();
        let requirement = context.matched.map(|matched| &matched.requirement);
        match (problem.code.as_str(), requirement) {
            ("http.not_authenticated" | "http.unknown_credential", Some(Requirement::Admin))
                if !self.admin_configured =>
            {
                (401, detail("unauthorized", "Admin API key not configured on server"))
            }
            ("http.not_authenticated", _) => (401, json!({"detail": "Not authenticated"})),
            ("http.unknown_credential", Some(Requirement::Admin)) => {
                (401, detail("unauthorized", "Invalid admin API key"))
            }
            ("http.unknown_credential", asked) => match asked.and_then(Requirement::project) {
                // Who is not known to the project is not told of its branches either.
                Some(id) => (403, detail("forbidden", &format!("Access denied to project {id}"))),
                None => (401, detail("unauthorized", "Invalid API key")),
            },
            ("access.admin_required" | "access.admin_not_configured", _) => {
                (401, detail("unauthorized", &problem.detail))
            }
            ("http.not_found", _) => (404, json!({"detail": "Not Found"})),
            ("http.method_not_allowed", _) => (405, json!({"detail": "Method Not Allowed"})),
            ("http.malformed_body", _) => (422, malformed(problem)),
            ("projection.lagging", _) => (503, detail("projection_timeout", &problem.detail)),
            _ if status == 422 => (422, shape(problem)),
            (code, _) if status == 500 && !STATED.contains(&code) => (500, internal(context)),
            _ => (status, wrapped(problem)),
        }
    }
}

fn detail(error: &str, message: &str) -> Value {
    json!({"detail": {"error": error, "message": message}})
}

fn wrapped(problem: &Problem) -> Value {
    let error = problem.code.rsplit('.').next().unwrap_or(&problem.code);
    if is_plain(error) {
        return json!({"error": error, "message": problem.detail});
    }
    let mut body = detail(error, &problem.detail);
    if let Some(details) = &problem.details {
        body["detail"]["details"] = details.clone();
    }
    body
}

fn malformed(problem: &Problem) -> Value {
    json!({"detail": [{
        "type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error", "input": {}, "ctx": {"error": problem.detail},
    }]})
}

fn shape(problem: &Problem) -> Value {
    if let Some(list @ Value::Array(_)) = problem.details.as_ref().and_then(|details| details.get("detail")) {
        return json!({"detail": list});
    }
    let place = if problem.code == "http.invalid_query" { "query" } else { "body" };
    let mut list: Vec<Value> = Vec::new();
    for error in &problem.errors {
        let kind = if error.message.starts_with("missing field") { "missing" } else { "value_error" };
        let mut loc = vec![json!(place)];
        loc.extend(
            error
                .field
                .split(['.', '[', ']'])
                .filter(|part| !part.is_empty())
                .map(|part| part.parse::<u64>().map_or_else(|_| json!(part), |index| json!(index))),
        );
        list.push(json!({"type": kind, "loc": loc, "msg": error.message, "input": null}));
    }
    if list.is_empty() {
        list.push(json!({"type": "value_error", "loc": [place], "msg": problem.detail, "input": null}));
    }
    json!({"detail": list})
}

fn internal(context: &ErrorContext<'_>) -> Value {
    let (error, message) = ("internal_server_error", "An internal error occurred");
    let details = json!({"request_id": context.request_id});
    json!({"error": error, "message": message, "detail": {"error": error, "message": message, "details": details}})
}

#[cfg(test)]
mod tests {
    use alluvium_kernel::FieldError;
    use axum::http::Method;

    use super::*;
    use crate::{Catalogue, Matched, PathParams};

    fn answer(problem: &Problem, requirement: Requirement, admin_configured: bool) -> (u16, Value) {
        let matched = Matched { template: "/x".into(), requirement, params: PathParams::default() };
        let (catalogue, method) = (Catalogue::default(), Method::GET);
        let context = ErrorContext {
            method: &method,
            path: "/x",
            request_id: "r1",
            matched: Some(&matched),
            principal: None,
            catalogue: &catalogue,
        };
        DetailRenderer { admin_configured }.answer(problem, &context)
    }

    #[test]
    fn credentials_have_their_fixed_answers() {
        let (none, unknown) =
            (Problem::new("http.not_authenticated", 401, ""), Problem::new("http.unknown_credential", 401, ""));
        let project = || Requirement::ProjectRead("p".into());
        assert_eq!(answer(&none, project(), true), (401, json!({"detail": "Not authenticated"})));
        assert_eq!(answer(&unknown, project(), true), (403, detail("forbidden", "Access denied to project p")));
        for of_branch in [Requirement::BranchRead, Requirement::BranchWrite] {
            let (status, body) = answer(&unknown, of_branch("p".into(), "b".into()), true);
            assert_eq!((status, body), (403, detail("forbidden", "Access denied to project p")));
        }
        assert_eq!(answer(&unknown, Requirement::Admin, true), (401, detail("unauthorized", "Invalid admin API key")));
        let unset = (401, detail("unauthorized", "Admin API key not configured on server"));
        assert_eq!(answer(&unknown, Requirement::Admin, false), unset);
        assert_eq!(
            answer(&unknown, Requirement::Authenticated, true),
            (401, detail("unauthorized", "Invalid API key"))
        );
    }

    #[test]
    fn what_is_documented_is_what_is_answered() {
        let listed = crate::ERRORS.iter().copied().chain([
            ErrorInfo::new("access.admin_required", 403, "", ""),
            ErrorInfo::new("http.idempotency_conflict", 409, "", ""),
            ErrorInfo::new("projection.lagging", 503, "", ""),
            ErrorInfo::new("storage.add_column_failed", 500, "", ""),
            ErrorInfo::new("storage.bucket_exists", 409, "", ""),
        ]);
        for error in listed {
            for requirement in [Requirement::Admin, Requirement::Authenticated, Requirement::ProjectRead("p".into())] {
                for admin_configured in [true, false] {
                    let renderer = DetailRenderer { admin_configured };
                    let Some(documented) = renderer.documented(&error, &requirement) else { continue };
                    let problem = Problem::new(error.code, error.status, "why");
                    let (status, body) = answer(&problem, requirement.clone(), admin_configured);
                    let found = match &body["detail"] {
                        Value::String(_) => ErrorBody::DetailText,
                        Value::Array(_) => ErrorBody::DetailList,
                        Value::Object(_) => ErrorBody::Detail,
                        _ => ErrorBody::Plain,
                    };
                    assert_eq!((status, found), (documented.status, documented.body), "{error:?} {requirement:?}");
                }
            }
        }
    }

    #[test]
    fn other_problems_keep_their_codes_last_part() {
        let exists = Problem::new("storage.bucket_exists", 409, "it exists").with_details(json!({"name": "b"}));
        let expected = json!({"detail": {"error": "bucket_exists", "message": "it exists", "details": {"name": "b"}}});
        assert_eq!(answer(&exists, Requirement::Nothing, true), (409, expected));
        let pinned = Problem::new("storage.add_column_failed", 500, "not yet supported");
        let expected = json!({"detail": {"error": "add_column_failed", "message": "not yet supported"}});
        assert_eq!(answer(&pinned, Requirement::Nothing, true), (500, expected));
        let (_, ours) = answer(&Problem::new("storage.malformed_event", 500, "at seq 7"), Requirement::Nothing, true);
        assert_eq!((&ours["error"], ours.to_string().contains("seq 7")), (&json!("internal_server_error"), false));
        let conflict = Problem::new("http.idempotency_conflict", 409, "different endpoint");
        let expected = json!({"error": "idempotency_conflict", "message": "different endpoint"});
        assert_eq!(answer(&conflict, Requirement::Nothing, true), (409, expected));
    }

    #[test]
    fn shapes_are_lists_with_places() {
        let mut problem = Problem::new("http.invalid_body", 422, "wrong");
        problem.errors.push(FieldError { field: "columns[2].type".into(), message: "missing field `type`".into() });
        let (status, body) = answer(&problem, Requirement::Nothing, true);
        assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["body", "columns", 2, "type"])));
        assert_eq!(body["detail"][0]["type"], "missing");
    }
}
