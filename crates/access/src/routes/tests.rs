use super::body::{ApiKeyCreate, ApiKeyRotate, ApiKeyUpdate};
use crate::error;
use crate::model::{Permissions, Scope};
use alluvium_kernel::Problem;
use serde_json::{Value, json};

fn parse(body: &Value) -> Result<ApiKeyCreate, Value> {
    ApiKeyCreate::parse(body.to_string().as_bytes()).map_err(|problem| problem.details.unwrap()["detail"].clone())
}

fn stored(bucket: &str) -> Result<String, Problem> {
    if bucket.contains('/') {
        Err(error::invalid_request("a bucket's name"))
    } else {
        Ok(bucket.replace("in.c-", "in_c_"))
    }
}

#[test]
fn permissions_are_for_keys_of_chosen_buckets() {
    let scope = |body: Value| parse(&body).unwrap().scope(stored).map_err(|problem| problem.code);
    let asked = json!({
        "description": "d", "scope": "custom", "bucketPermissions": {"in.c-a": "write"}, "can_manage_tokens": "yes",
        "can_manage_buckets": 0,
    });
    let Ok(Scope::Custom(may)) = scope(asked) else { panic!("no key of chosen buckets") };
    assert!(may.manage_tokens && !may.manage_buckets && !may.read_all_files);
    assert_eq!(may.contract().buckets, [("in_c_a".to_owned(), "write".to_owned())].into());
    let nothing = scope(json!({"description": "d", "scope": "custom"}));
    assert_eq!(nothing, Ok(Scope::Custom(Permissions::default())));
    let other = json!({"description": "d", "can_read_all_file_uploads": true});
    assert_eq!(scope(other), Err("access.invalid_request".to_owned()));
    let unnamed = json!({"description": "d", "scope": "custom", "bucket_permissions": {"../a": "read"}});
    assert_eq!(scope(unnamed), Err("access.invalid_request".to_owned()));
    let of_branch = json!({"description": "d", "scope": "custom", "branch_id": "b"});
    assert_eq!(scope(of_branch), Err("access.invalid_request".to_owned()));
    let wrong = json!({"description": "d", "bucket_permissions": {"a": "own"}, "can_manage_tokens": "perhaps"});
    let kinds: Vec<Value> = parse(&wrong).unwrap_err().as_array().unwrap().iter().map(|m| m["type"].clone()).collect();
    assert_eq!(kinds, ["bool_parsing", "literal_error"]);
    assert_eq!(parse(&json!({"description": "d", "bucket_permissions": []})).unwrap_err()[0]["type"], "dict_type");
}

#[test]
fn a_lifetime_is_in_days_or_in_seconds() {
    let lifetime = |body: Value| parse(&body).unwrap().lifetime_micros().map_err(|problem| problem.code);
    assert_eq!(lifetime(json!({"description": "d"})), Ok(None));
    assert_eq!(lifetime(json!({"description": "d", "expires_in": 60})), Ok(Some(60_000_000)));
    assert_eq!(lifetime(json!({"description": "d", "expires_in_days": 1})), Ok(Some(86_400_000_000)));
    let both = lifetime(json!({"description": "d", "expires_in_days": 1, "expiresIn": 60}));
    assert_eq!(both, Err("access.invalid_request".to_owned()));
    assert_eq!(
        parse(&json!({"description": "d", "expires_in": 31_536_001})).unwrap_err()[0]["type"],
        "less_than_equal"
    );
}

#[test]
fn a_change_names_what_it_changes() {
    let (description, may) = ApiKeyUpdate::parse(b"{}").unwrap();
    assert!(description.is_none() && !may.is_any());
    let (description, may) = ApiKeyUpdate::parse(br#"{"description":"d","bucket_permissions":{"a":"read"}}"#).unwrap();
    assert_eq!((description.as_deref(), may.is_any(), may.manage_tokens), (Some("d"), true, None));
    assert_eq!(ApiKeyUpdate::parse(br#"{"description":7}"#).unwrap_err().status, 422);
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
    let check = |body: Value| parse(&body).unwrap().scope(stored).map_err(|problem| (problem.code, problem.detail));
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
