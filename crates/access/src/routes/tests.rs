use super::body::{ApiKeyCreate, ApiKeyRotate};
use crate::model::Scope;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<ApiKeyCreate, Value> {
    ApiKeyCreate::parse(body.to_string().as_bytes()).map_err(|problem| problem.details.unwrap()["detail"].clone())
}

#[test]
fn bodies_are_read_leniently() {
    let asked = parse(&json!({"description": "d", "expires_in_days": "30", "colour": "blue"})).unwrap();
    assert_eq!((asked.expires_in_days, asked.scope), (Some(30), None));
    assert_eq!(parse(&json!({"description": "", "expires_in_days": 7.0})).unwrap().expires_in_days, Some(7));
    assert_eq!(ApiKeyCreate::parse(b"{").unwrap_err().code, "http.malformed_body");
}

#[test]
fn every_wrong_field_is_named() {
    let wrong = parse(&json!({"scope": "root", "expires_in_days": 366, "branch_id": 7})).unwrap_err();
    let found: Vec<(&str, &str)> = wrong
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| (mistake["type"].as_str().unwrap(), mistake["loc"][1].as_str().unwrap()))
        .collect();
    let expected = [
        ("missing", "description"),
        ("literal_error", "scope"),
        ("string_type", "branch_id"),
        ("less_than_equal", "expires_in_days"),
    ];
    assert_eq!(found, expected);
    assert_eq!(parse(&json!({"description": "d", "expires_in_days": 0})).unwrap_err()[0]["type"], "greater_than_equal");
    assert_eq!(parse(&json!({"description": "d", "expires_in_days": "x"})).unwrap_err()[0]["type"], "int_parsing");
    assert_eq!(parse(&json!([])).unwrap_err()[0]["loc"], json!(["body"]));
}

#[test]
fn scopes_go_with_branches() {
    let check = |body: Value| parse(&body).unwrap().scope().map_err(|problem| (problem.code, problem.detail));
    let project = check(json!({"description": "d", "scope": "project_admin", "branch_id": null}));
    assert_eq!(project, Ok(Scope::Project));
    let (code, detail) = check(json!({"description": "d", "branch_id": "b"})).unwrap_err();
    assert!(code == "access.invalid_request" && detail.contains("branch_id must be null"));
    let (code, detail) = check(json!({"description": "d", "scope": "branch_read"})).unwrap_err();
    assert!(code == "access.invalid_request" && detail.contains("branch_id is required"));
    let reader = check(json!({"description": "d", "scope": "branch_read", "branch_id": "b"}));
    assert_eq!(reader, Ok(Scope::Branch { id: "b".into(), writes: false }));
}

#[test]
fn a_rotation_needs_no_body() {
    let parse = |body: &str| ApiKeyRotate::parse(body.as_bytes()).map(|asked| asked.grace_seconds);
    for (body, grace_seconds) in
        [("", 0), ("{}", 0), (r#"{"grace_seconds": "60"}"#, 60), (r#"{"grace_seconds": 86400}"#, 86_400)]
    {
        assert_eq!(parse(body), Ok(grace_seconds), "{body}");
    }
    for (body, kind) in [("-1", "greater_than_equal"), ("86401", "less_than_equal"), ("[]", "int_parsing")] {
        let wrong = parse(&format!(r#"{{"grace_seconds": {body}}}"#)).unwrap_err();
        assert_eq!(wrong.details.unwrap()["detail"][0]["type"], kind);
    }
    assert_eq!(parse("[]").unwrap_err().status, 422);
    assert_eq!(parse("{").unwrap_err().code, "http.malformed_body");
}
