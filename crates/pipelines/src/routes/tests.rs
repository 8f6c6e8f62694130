//! Who may do what, by the role table of the surface, and what calls answer with.

use alluvium_http::PathParams;
use alluvium_kernel::Requirement;

use super::list::list;
use crate::error::ERRORS;

const PUBLIC: [&str; 1] = ["/healthz"];

#[test]
fn codes_that_calls_answer_with_are_listed() {
    for route in list() {
        for code in route.info().codes() {
            let listed = ERRORS.iter().any(|error| error.code == *code) || !code.starts_with("pipelines.");
            assert!(listed, "{} answers with {code}", route.info().template());
        }
    }
}

#[test]
fn every_route_asks_what_the_table_says() {
    let params = PathParams::new([("pipeline_name".to_owned(), "p".to_owned())]);
    for route in &list() {
        let (method, path) = (route.info().method().as_str(), route.info().template());
        let expected = match (method, path.as_str()) {
            (_, path) if PUBLIC.contains(&path) => Requirement::Nothing,
            (_, path) if path.starts_with("/v0/api_keys") => Requirement::PipelineWrite,
            ("GET", _) => Requirement::PipelineRead,
            _ => Requirement::PipelineWrite,
        };
        assert_eq!(route.info().requirement(&params), expected, "{method} {path}");
    }
}
