//! Who may do what, by the role table of the surface, and what calls answer with.

use alluvium_http::PathParams;
use alluvium_kernel::Requirement;

use super::list::{ERRORS, list};

/// Asking with SQL may insert, a token is for who sent something, taking samples changes nothing.
const OTHERWISE: [(&str, &str, Requirement); 3] = [
    ("GET", "/v0/pipelines/{pipeline_name}/query", Requirement::PipelineWrite),
    (
        "GET",
        "/v0/pipelines/{pipeline_name}/tables/{table_name}/connectors/{connector_name}/completion_token",
        Requirement::PipelineWrite,
    ),
    ("POST", "/v0/pipelines/{pipeline_name}/samply_profile", Requirement::PipelineRead),
];

#[test]
fn every_route_asks_what_the_table_says() {
    for route in &list() {
        let (method, path) = (route.info().method().as_str(), route.info().template());
        let otherwise = OTHERWISE.iter().find(|known| (known.0, known.1) == (method, path.as_str()));
        let usual = if method == "GET" { Requirement::PipelineRead } else { Requirement::PipelineWrite };
        let expected = otherwise.map_or(usual, |known| known.2.clone());
        assert_eq!(route.info().requirement(&PathParams::default()), expected, "{method} {path}");
    }
}

#[test]
fn codes_that_are_listed_here_are_answered_with() {
    for error in ERRORS {
        let is_used = list().iter().any(|route| route.info().codes().contains(&error.code));
        assert!(is_used, "no route says that it answers with {}", error.code);
    }
}
