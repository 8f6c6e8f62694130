//! Metrics of requests: names and labels are a contract, and nothing from outside ever becomes a label.

use std::sync::Arc;

use alluvium_http::{About, Authenticator, Authorizer, BoxFuture, Op, Principal, Route, RouteGroup, Surface};
use alluvium_kernel::{Actor, Problem, Requirement, Token};
use axum::body::Body;
use axum::http::Request;
use tower::ServiceExt as _;

struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Principal>, Problem>> {
        Box::pin(async { Ok(None) })
    }
}

impl Authorizer for Nobody {
    fn check<'a>(&'a self, _: &'a Token, _: &'a Actor, _: &'a Requirement) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Err(Problem::internal()) })
    }
}

#[test]
fn labels_are_templates_never_paths() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let op = |id: &str| Op::new(id, "g", "");
            let routes = vec![
                Route::get("/projects/{project_id}", |_| Requirement::Nothing, async || "x", op("a")),
                Route::get("/s3/{bucket}/{*key}", |_| Requirement::Authenticated, async || "x", op("b")),
                Route::get("/metrics", |_| Requirement::Nothing, async || "x", op("c").uncounted()),
            ];
            let about = About { title: "x".into(), version: "1".into() };
            let write = Route::post("/projects", |_| Requirement::Authenticated, async || "x", op("createProject"));
            let groups = vec![RouteGroup::new("g", (), routes), RouteGroup::new("k", (), vec![write]).keyed()];
            let surface = Surface::assemble(&about, groups, &[]).unwrap();
            let router = surface.into_router(Arc::new(Nobody), Arc::new(Nobody));
            for (method, path) in [
                ("GET", "/projects/hidden-1"),
                ("GET", "/s3/hidden-2/hidden-3"),
                ("GET", "/hidden-4"),
                ("HIDDEN", "/projects/hidden-5"),
                ("GET", "/metrics"),
                ("POST", "/projects"),
            ] {
                let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
                router.clone().oneshot(request).await.unwrap();
            }
        });
    });
    let text = handle.render();
    for line in [
        r#"alluvium_http_requests_total{method="GET",endpoint="/projects/{project_id}",status="200"} 1"#,
        r#"duckdb_api_requests_total{method="GET",endpoint="/s3/{bucket}/{key}",status_code="401"} 1"#,
        r#"duckdb_api_requests_total{method="GET",endpoint="unmatched",status_code="404"} 1"#,
        r#"duckdb_operations_total{operation="create_project",status="error"} 1"#,
        r#"duckdb_api_requests_in_flight{method="GET"} 0"#,
        r#"duckdb_api_errors_total{type="http.not_authenticated",endpoint="/s3/{bucket}/{key}"} 1"#,
    ] {
        assert!(text.contains(line), "{line} not in\n{text}");
    }
    assert!(text.contains("duckdb_api_request_duration_seconds") && text.contains(r#"method="OTHER""#), "{text}");
    assert!(!text.to_lowercase().contains("hidden") && !text.contains("\"/metrics\""), "{text}");
}
