//! What settings and headers do: groups, aliases, what scopes attach, modes, tags, texts, positions, keys of requests.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use alluvium_blackbox::registry::{Registry, record};
use reqwest::Method;
use serde_json::{Value, json};

async fn put_config(registry: &Registry, subject: &str, config: Value) {
    let (status, answer) = registry.call("PUT", &format!("/config/{subject}"), Some(config)).await;
    assert_eq!(status, 200, "{answer}");
}

fn strict(field: &str) -> String {
    json!({"type": "record", "name": "R", "fields": [{"name": field, "type": "int"}]}).to_string()
}

#[tokio::test]
async fn a_group_is_held_against_its_own_versions_only() {
    let registry = Registry::start().await;
    put_config(&registry, "s", json!({"compatibilityGroup": "major"})).await;
    let of =
        |major: &str, field: &str| Some(json!({"schema": strict(field), "metadata": {"properties": {"major": major}}}));
    registry.expect("POST", "/subjects/s/versions", of("1", "a"), 200, json!({"id": 1})).await;
    registry.refused("POST", "/subjects/s/versions", of("1", "b"), 409, 409).await;
    registry.expect("POST", "/subjects/s/versions", of("2", "b"), 200, json!({"id": 2})).await;
    let check = "/compatibility/subjects/s/versions";
    registry.expect("POST", check, of("3", "c"), 200, json!({"is_compatible": true})).await;
}

#[tokio::test]
async fn an_alias_leads_to_its_target() {
    let registry = Registry::start().await;
    registry.register("target", &record(&["a"])).await;
    put_config(&registry, "alias", json!({"alias": "target"})).await;
    assert_eq!(registry.get("/subjects/alias/versions").await, json!([1]));
    assert_eq!(registry.get("/subjects/alias/versions/latest").await["subject"], "target");
    assert_eq!(registry.register("alias", &record(&["a", "b"])).await, 2);
    assert_eq!(registry.get("/subjects/target/versions").await, json!([1, 2]));
    assert_eq!(registry.get("/subjects").await, json!(["target"]));
    let listed = registry.get("/schemas?aliases=true&latestOnly=true").await;
    let names: Vec<&str> = listed.as_array().unwrap().iter().map(|item| item["subject"].as_str().unwrap()).collect();
    assert_eq!(names, ["alias", "target"]);
    registry.expect("DELETE", "/subjects/alias/versions/2", None, 200, json!(2)).await;
    put_config(&registry, "alias", json!({"alias": null})).await;
    registry.refused("GET", "/subjects/alias/versions", None, 404, 40401).await;
}

#[tokio::test]
async fn scopes_attach_metadata_and_rules() {
    let registry = Registry::start().await;
    let rule = |name: &str, expr: &str| json!({"domainRules": [{"name": name, "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": expr}]});
    let config = json!({
        "defaultMetadata": {"properties": {"owner": "nobody", "team": "x"}},
        "overrideMetadata": {"properties": {"tier": "gold"}},
        "defaultRuleSet": rule("a", "default"), "overrideRuleSet": rule("b", "override"),
    });
    put_config(&registry, "s", config).await;
    let sent = json!({
        "schema": record(&["a"]), "metadata": {"properties": {"owner": "me", "tier": "tin"}}, "ruleSet": rule("b", "sent"),
    });
    registry.expect("POST", "/subjects/s/versions", Some(sent.clone()), 200, json!({"id": 1})).await;
    let shown = registry.get("/subjects/s/versions/1").await;
    assert_eq!(shown["metadata"], json!({"properties": {"owner": "me", "team": "x", "tier": "gold"}}));
    let rules = shown["ruleSet"]["domainRules"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        rules.iter().map(|rule| (rule["name"].as_str().unwrap(), rule["expr"].as_str().unwrap())).collect();
    assert_eq!(told, [("a", "default"), ("b", "override")]);
    // Merged first, then looked for: the same again is the same.
    registry.expect("POST", "/subjects/s/versions", Some(sent), 200, json!({"id": 1})).await;
    let bad = json!({"defaultRuleSet": {"domainRules": [{}]}});
    registry.refused("PUT", "/config/s", Some(bad), 422, 42210).await;
}

#[tokio::test]
async fn modes_hold_where_they_are_set() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let mode = |mode: &str| Some(json!({"mode": mode}));
    registry.expect("PUT", "/mode/s", mode("READWRITE"), 200, json!({"mode": "READWRITE"})).await;
    let whole = "READONLY_OVERRIDE";
    registry.expect("PUT", "/mode", mode(whole), 200, json!({"mode": whole})).await;
    // It beats what the subject says, for every write but those of modes.
    let more = Some(json!({"schema": record(&["a", "b"])}));
    registry.refused("POST", "/subjects/s/versions", more.clone(), 422, 42205).await;
    registry.refused("DELETE", "/subjects/s", None, 422, 42205).await;
    registry.refused("DELETE", "/subjects/s/versions/1", None, 422, 42205).await;
    registry.refused("PUT", "/config/s", Some(json!({"compatibility": "NONE"})), 422, 42205).await;
    registry.refused("PUT", "/config", Some(json!({"compatibility": "NONE"})), 422, 42205).await;
    assert_eq!(registry.register("s", &record(&["a"])).await, 1, "what is there may be registered again");
    let same = Some(json!({"schema": record(&["a"])}));
    assert_eq!(registry.call("POST", "/subjects/s", same).await.0, 200);
    registry.expect("GET", "/mode/s?defaultToGlobal=true", None, 200, json!({"mode": whole})).await;
    registry.expect("DELETE", "/mode", None, 200, json!({"mode": whole})).await;
    assert_eq!(registry.call("POST", "/subjects/s/versions", more.clone()).await.0, 200);
    // `/mode` is the default context's; the scope above all contexts has a name.
    let global = "/mode/:.__GLOBAL:";
    registry.expect("PUT", "/mode/:.c:", mode("READWRITE"), 200, json!({"mode": "READWRITE"})).await;
    registry.expect("PUT", global, mode(whole), 200, json!({"mode": whole})).await;
    for path in ["/contexts/c/subjects/s/versions", "/subjects/new/versions"] {
        registry.refused("POST", path, more.clone(), 422, 42205).await;
    }
    registry.expect("DELETE", global, None, 200, json!({"mode": whole})).await;
    assert_eq!(registry.call("POST", "/contexts/c/subjects/s/versions", more).await.0, 200);
}

#[tokio::test]
async fn modes_stay_where_nobody_may_set_them() {
    let envs = [("ALLUVIUM_REGISTRY_OPEN", "true"), ("ALLUVIUM_REGISTRY_MODE_CHANGES", "false")];
    let registry = Registry::start_with(&envs).await;
    for path in ["/mode", "/mode/s", "/mode?force=true"] {
        registry.refused("PUT", path, Some(json!({"mode": "READONLY"})), 422, 42205).await;
    }
    registry.refused("DELETE", "/mode", None, 422, 42205).await;
    registry.expect("GET", "/mode", None, 200, json!({"mode": "READWRITE"})).await;
}

#[tokio::test]
async fn texts_come_as_the_java_library_writes_them() {
    let envs = [("ALLUVIUM_REGISTRY_OPEN", "true"), ("ALLUVIUM_REGISTRY_SCHEMA_TEXT", "java")];
    let registry = Registry::start_with(&envs).await;
    let sent = r#"{"fields":[{"type":{"type":"int"},"name":"a"}],"name":"R","namespace":"n","type":"record"}"#;
    let java = r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"int"}]}"#;
    assert_eq!(registry.register("s", sent).await, 1);
    for path in ["/schemas/ids/1", "/subjects/s/versions/1"] {
        assert_eq!(registry.get(path).await["schema"], java, "{path}");
    }
    assert_eq!(registry.get("/schemas").await[0]["schema"], java);
    assert_eq!(registry.send(Method::GET, "/schemas/ids/1/schema", &[], None).await.text, java);
}

#[tokio::test]
async fn the_other_dialect_takes_defaults_as_they_are_and_sorts_every_text() {
    let envs = [("ALLUVIUM_REGISTRY_OPEN", "true"), ("ALLUVIUM_REGISTRY_DIALECT", "karapace")];
    let registry = Registry::start_with(&envs).await;
    let wrong_default = r#"{"type":"record","name":"R","fields":[{"type":"int","name":"a","default":"x"}]}"#;
    assert_eq!(registry.register("s", wrong_default).await, 1);
    let sorted = r#"{"fields":[{"default":"x","name":"a","type":"int"}],"name":"R","type":"record"}"#;
    assert_eq!(registry.get("/schemas").await[0]["schema"], sorted);
    assert_eq!(registry.send(Method::GET, "/schemas/ids/1/schema", &[], None).await.text, sorted);
    // Other rules hold there as well.
    let wrong_name = json!({"schema": r#"{"type":"record","name":"no-name","fields":[]}"#});
    registry.refused("POST", "/subjects/t/versions", Some(wrong_name), 422, 42201).await;
    // And here defaults are checked.
    let confluent = Registry::start().await;
    confluent.refused("POST", "/subjects/s/versions", Some(json!({"schema": wrong_default})), 422, 42201).await;
}

#[tokio::test]
async fn tags_are_found_and_handed_on() {
    let registry = Registry::start().await;
    let tag = |path: &str, kind: &str, name: &str| json!({"schemaEntity": {"entityPath": path, "entityType": kind}, "tags": [name]});
    let first = json!({
        "schema": r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"int","default":0,"confluent:tags":["INLINE"]}]}"#,
        "schemaTagsToAdd": [tag("n.R.a", "SR_FIELD", "PII"), tag("n.R", "SR_RECORD", "SECRET")],
    });
    registry.expect("POST", "/subjects/s/versions", Some(first), 200, json!({"id": 1})).await;
    let shown = registry.get("/subjects/s/versions/1").await;
    assert_eq!(shown["metadata"]["tags"], json!({"n.R": ["SECRET"], "n.R.a": ["PII"]}));
    assert!(shown.get("schemaTags").is_none());
    let mut of_field = tag("n.R.a", "SR_FIELD", "PII");
    of_field["tags"] = json!(["INLINE", "PII"]);
    let expected = json!([tag("n.R", "SR_RECORD", "SECRET"), of_field]);
    for path in ["/subjects/s/versions/1?findTags=true", "/schemas/ids/1?findTags=true"] {
        assert_eq!(registry.get(path).await["schemaTags"], expected, "{path}");
    }
    // A new version with metadata of its own has the tags of the one before only if it asks for them.
    let next = |fields: &[&str], propagate: bool| {
        let metadata = json!({"properties": {"k": "v"}, "tags": {"R.b": ["OWN"]}});
        Some(json!({"schema": record(fields), "metadata": metadata, "propagateSchemaTags": propagate}))
    };
    put_config(&registry, "s", json!({"compatibility": "NONE"})).await;
    registry.expect("POST", "/subjects/s/versions", next(&["b"], true), 200, json!({"id": 2})).await;
    let tags = registry.get("/subjects/s/versions/2").await["metadata"]["tags"].clone();
    assert_eq!(tags, json!({"R.b": ["OWN"], "n.R": ["SECRET"], "n.R.a": ["PII"]}));
    registry.expect("POST", "/subjects/s/versions", next(&["b", "c"], false), 200, json!({"id": 3})).await;
    assert_eq!(registry.get("/subjects/s/versions/3").await["metadata"]["tags"], json!({"R.b": ["OWN"]}));
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_carried_out_once() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let delete = async |key: &str| {
        let reply = registry.send(Method::DELETE, "/subjects/s/versions/1", &[("idempotency-key", key)], None).await;
        (reply.status.as_u16(), reply.json())
    };
    assert_eq!(delete("one").await, (200, json!(1)));
    assert_eq!(delete("one").await, (200, json!(1)), "the same outcome, not a second deletion");
    assert_eq!(delete("two").await.0, 404);
    let other = registry.send(Method::DELETE, "/subjects/s", &[("idempotency-key", "one")], None).await;
    assert_eq!(other.status, 409, "{}", other.text);
}

#[tokio::test]
async fn a_reader_waits_for_a_position() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let now = registry.send(Method::GET, "/subjects", &[], None).await.headers["alv-position"].clone();
    let now = now.to_str().unwrap();
    let reached = registry.send(Method::GET, "/subjects", &[("alv-min-position", now)], None).await;
    assert_eq!((reached.status.as_u16(), reached.json()), (200, json!(["s"])));
    let far = alluvium_kernel::Position::of("EV_SCHEMAS", 1_000).to_token();
    let headers = [("alv-min-position", far.as_str()), ("alv-wait-ms", "1")];
    let late = registry.send(Method::GET, "/subjects", &headers, None).await;
    assert_eq!(late.status, 503, "{}", late.text);
    assert!(late.headers.contains_key("retry-after"));
    let nonsense = registry.send(Method::GET, "/subjects", &[("alv-min-position", "nonsense")], None).await;
    assert_eq!(nonsense.status, 400);
    // Who waits is answered once it is there.
    let next = alluvium_kernel::Position::of("EV_SCHEMAS", 2).to_token();
    let headers = [("alv-min-position", next.as_str()), ("alv-wait-ms", "20000")];
    let waits = registry.send(Method::GET, "/subjects", &headers, None);
    let schema = record(&["b"]);
    let (waited, _) = tokio::join!(waits, registry.register("t", &schema));
    assert_eq!(waited.json(), json!(["s", "t"]));
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let registry = Registry::start().await;
    registry.register("before", &record(&["a"])).await;
    let mut stream = reqwest::get(format!("{}/events?after=0", registry.url)).await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    registry.register("after", &record(&["b"])).await;
    put_config(&registry, "after", json!({"compatibility": "NONE"})).await;
    let mut text = String::new();
    let told = async {
        while text.matches("\ndata: ").count() < 3 {
            text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().expect("more")).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_mins(1), told).await.expect("three events");
    let all: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let told: Vec<(&str, &str, u64)> = all
        .iter()
        .map(|event| {
            let text = |name: &str| event[name].as_str().unwrap();
            (text("type"), text("subject"), event["seq"].as_u64().unwrap())
        })
        .collect();
    assert_eq!(told, [("SchemaRegistered", "before", 1), ("SchemaRegistered", "after", 2), ("ConfigSet", "after", 3)]);
    assert!(text.contains("id: 2\nevent: SchemaRegistered\n"), "{text}");
    registry.refused("GET", "/events?after=x", None, 422, 422).await;
}

#[tokio::test]
async fn long_and_recursive_schemas_are_schemas() {
    let registry = Registry::start().await;
    let recursive = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"],"default":null}]}"#;
    assert_eq!(registry.register("list", recursive).await, 1);
    let longer = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"],"default":null},{"name":"v","type":"int","default":0}]}"#;
    put_config(&registry, "list", json!({"compatibility": "FULL_TRANSITIVE"})).await;
    assert_eq!(registry.register("list", longer).await, 2);
    let of = |bytes: usize| {
        let empty = json!({"type": "record", "name": "R", "doc": "", "fields": []}).to_string();
        json!({"type": "record", "name": "R", "doc": "x".repeat(bytes - empty.len()), "fields": []}).to_string()
    };
    let (fits, too_long) = (of(1_048_576), of(1_048_577));
    assert_eq!(registry.register("long", &fits).await, 3);
    assert_eq!(registry.send(Method::GET, "/schemas/ids/3/schema", &[], None).await.text.len(), fits.len());
    registry.refused("POST", "/subjects/long/versions", Some(json!({"schema": too_long})), 422, 42209).await;
    let huge = vec![b' '; 4 * 1024 * 1024 + 1];
    let reply = registry.send(Method::POST, "/subjects/long/versions", &[], Some(huge)).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error_code"]), (413, &json!(413)));
}
