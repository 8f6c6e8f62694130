//! What a registry holds is carried into another, by files and from one to the other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_blackbox::registry::{Registry, record};
use serde_json::{Value, json};

/// A registry with everything that is worth carrying: references against the order of names, other languages, metadata and
/// rules, contexts, settings, modes, and what is deleted.
async fn filled() -> Registry {
    let registry = Registry::start().await;
    let post = async |subject: &str, body: Value| {
        let (status, answer) = registry.call("POST", &format!("/subjects/{subject}/versions"), Some(body)).await;
        assert_eq!(status, 200, "{subject}: {answer}");
    };
    registry.register("z-money", &record(&["a"])).await;
    registry.register("z-money", &record(&["a", "b"])).await;
    let price = r#"{"type":"record","name":"Price","fields":[{"name":"amount","type":"R"}]}"#;
    let references = json!([{"name": "R", "subject": "z-money", "version": 2}]);
    post("a-price", json!({"schema": price, "references": references})).await;
    for context in ["", ":.c:"] {
        let rules = json!({"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"}]});
        let owned = json!({"properties": {"owner": "me"}, "tags": {"R.a": ["PII"]}});
        // The same text twice: only what is attached tells them apart.
        post(&format!("{context}rules"), json!({"schema": record(&["a"])})).await;
        post(&format!("{context}rules"), json!({"schema": record(&["a"]), "metadata": owned, "ruleSet": rules})).await;
    }
    post("bodies", json!({"schema": r#"{"type":"object"}"#, "schemaType": "JSON"})).await;
    let proto = "syntax = \"proto3\";\nmessage Ping {\n  int32 n = 1;\n}\n";
    post("shop%2Fpings%20eu", json!({"schema": proto, "schemaType": "PROTOBUF"})).await;
    let config =
        json!({"compatibility": "FULL_TRANSITIVE", "normalize": true, "overrideMetadata": {"properties": {"k": "v"}}});
    for (path, body) in [("/config/rules", config), ("/mode/bodies", json!({"mode": "READONLY"}))] {
        assert_eq!(registry.call("PUT", path, Some(body)).await.0, 200, "{path}");
    }
    registry.register("gone", &record(&["x"])).await;
    for path in ["/subjects/gone", "/subjects/:.c:rules/versions/1"] {
        assert_eq!(registry.call("DELETE", path, None).await.0, 200, "{path}");
    }
    registry
}

/// All that a registry answers of what it holds.
async fn content(registry: &Registry) -> Vec<Value> {
    let mut all = Vec::new();
    for item in registry.get("/schemas?deleted=true&subjectPrefix=:*:").await.as_array().unwrap() {
        let subject = item["subject"].as_str().unwrap().replace('/', "%2F").replace(' ', "%20");
        let version = registry.get(&format!("/subjects/{subject}/versions/{}?deleted=true", item["version"])).await;
        let live = registry.call("GET", &format!("/subjects/{subject}/versions/{}", item["version"]), None).await.0;
        let config = registry.call("GET", &format!("/config/{subject}"), None).await.1;
        let mode = registry.call("GET", &format!("/mode/{subject}"), None).await.1;
        all.push(json!([version, live, config, mode]));
    }
    all
}

fn schema(registry: &Registry, args: &[&str]) {
    let output = registry.world.cli(&[&["schema"], args, &["--registry", registry.url.as_str()]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_makes_another_registry_the_same() {
    let (from, to) = tokio::join!(filled(), Registry::start());
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("export");
    let at = at.to_str().unwrap();
    schema(&from, &["export", "--dir", at, "--deleted"]);
    let expected = content(&from).await;
    assert_eq!(expected.len(), 10, "{expected:?}");
    // Twice: what broke off half-way is begun again.
    for _ in 0..2 {
        schema(&to, &["import", "--dir", at]);
        assert_eq!(content(&to).await, expected);
    }
    assert_eq!(to.get("/contexts").await, json!([".", ".c"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_beside_other_schemas_gets_ids_of_its_own() {
    let (from, to) = tokio::join!(filled(), Registry::start());
    to.register("other", "\"int\"").await;
    schema(&to, &["import", "--from-registry", &from.url, "--ids", "new"]);
    let without_ids = |all: Vec<Value>| -> Vec<Value> {
        let items = all.into_iter().map(|mut item| {
            item[0].as_object_mut().unwrap().remove("id");
            item
        });
        items.filter(|item| item[0]["subject"] != "other").collect()
    };
    assert_eq!(without_ids(content(&to).await), without_ids(content(&from).await));
    assert_eq!(to.get("/subjects/other/versions/1").await["id"], 1);
}
