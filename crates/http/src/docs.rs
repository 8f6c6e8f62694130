//! `/openapi.json`, `/docs` and `/docs/errors`: all from the routes and the catalogue, all assets our own.

use std::fmt::Write as _;
use std::sync::Arc;

use alluvium_kernel::{Problem, Requirement};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::{About, Catalogue, ErrorInfo, Op, PathParams, ProblemResponse, Route, RouteGroup};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SCRIPT: &str = include_str!("../assets/docs.js");
const STYLE: &str = include_str!("../assets/docs.css");

#[derive(Clone)]
struct Docs {
    title: Arc<str>,
    json: Arc<str>,
    catalogue: Arc<Catalogue>,
}

pub(crate) fn group(about: &About, openapi: Arc<utoipa::openapi::OpenApi>, catalogue: Arc<Catalogue>) -> RouteGroup {
    let json = openapi.to_pretty_json().expect("the document is made of strings and lists");
    let docs = Docs { title: about.title.as_str().into(), json: json.into(), catalogue };
    let op = |id, summary| Op::new(id, "documentation", summary).uncounted();
    let routes = vec![
        Route::get("/openapi.json", public, openapi_json, op("openApi", "This document")),
        Route::get("/docs", public, page, op("docs", "The operations, to read and to try")),
        Route::get("/docs/assets/docs.js", public, script, op("docsScript", "Script of the page")),
        Route::get("/docs/assets/docs.css", public, style, op("docsStyle", "Style of the page")),
        Route::get("/docs/errors", public, errors, op("docsErrors", "All error codes")),
        Route::get("/docs/errors/{code}", public, error, op("docsError", "One error code")),
    ];
    RouteGroup::new("documentation", docs, routes)
}

fn public(_: &PathParams) -> Requirement {
    Requirement::Nothing
}

async fn openapi_json(State(docs): State<Docs>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], docs.json.to_string())
}

async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-cache")], SCRIPT)
}

async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")], STYLE)
}

async fn page(State(docs): State<Docs>) -> Response {
    let body = "<header class=\"bar\"><label>Key <input id=\"key\" type=\"password\" autocomplete=\"off\" \
                placeholder=\"sent as a bearer credential, kept in this page only\"></label><label>Find <input id=\"find\" \
                type=\"search\" placeholder=\"path, name or word\"></label></header><nav id=\"tags\" aria-label=\"Groups\">\
                </nav><section id=\"operations\"><noscript>The operations are listed in <a href=\"/openapi.json\">\
                openapi.json</a>; this page needs its script to show them.</noscript></section>\
                <script src=\"/docs/assets/docs.js\" defer></script>";
    html(&docs.title, body)
}

async fn errors(State(docs): State<Docs>) -> Response {
    let mut body = String::from("<table><thead><tr><th>Code</th><th>Status</th><th>What</th></tr></thead><tbody>");
    for info in docs.catalogue.iter() {
        let (code, title) = (escape(info.code), escape(info.title));
        let _ = write!(
            body,
            "<tr><td><a href=\"/docs/errors/{code}\"><code>{code}</code></a></td><td>{}</td><td>{title}</td></tr>",
            info.status
        );
    }
    body.push_str("</tbody></table>");
    html(&format!("{}: error codes", docs.title), &body)
}

async fn error(State(docs): State<Docs>, params: PathParams) -> Result<Response, ProblemResponse> {
    let code = params.get("code");
    let ErrorInfo { code, status, title, help } = docs
        .catalogue
        .get(code)
        .ok_or_else(|| Problem::new("http.not_found", 404, "No error has this code; `/docs/errors` lists them all."))?;
    let body = format!(
        "<p><code>{}</code>, HTTP status {status}</p><h2>What to do</h2><p>{}</p><p><a href=\"/docs/errors\">All codes</a></p>",
        escape(code),
        escape(help)
    );
    Ok(html(title, &body))
}

fn html(title: &str, body: &str) -> Response {
    let title = escape(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/docs/assets/docs.css\"></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
