//! What holds beside the endpoints: media types, codes, limits, who may, concurrency, restarts, the past.

use std::collections::BTreeSet;

use alluvium_blackbox::ADMIN;
use alluvium_blackbox::registry::{Registry, record};
use reqwest::Method;
use serde_json::{Value, json};

const V1: &str = "application/vnd.schemaregistry.v1+json";

#[tokio::test]
async fn media_types_are_negotiated() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let typed = async |accept: &str| {
        let reply = registry.send(Method::GET, "/schemas/ids/1", &[("accept", accept)], None).await;
        (reply.status.as_u16(), reply.headers["content-type"].to_str().unwrap().to_owned())
    };
    for any in ["*/*", "*", "application/*", "application/vnd.schemaregistry.v1+json, application/json"] {
        assert_eq!(typed(any).await, (200, V1.to_owned()), "{any}");
    }
    assert_eq!(typed("application/json").await, (200, "application/json".to_owned()));
    assert_eq!(typed("text/html").await, (406, V1.to_owned()));
    let reply = registry.send(Method::GET, "/schemas/ids/1", &[], None).await;
    assert_eq!(reply.headers["content-type"], V1);
    assert_eq!(reply.headers["cache-control"], "no-cache, no-store, must-revalidate");
    assert_eq!(reply.headers["x-xss-protection"], "1; mode=block");
    assert!(reply.headers.contains_key("alv-position"));
    let head = registry.send(Method::HEAD, "/schemas/ids/1", &[], None).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.headers["content-length"], reply.headers["content-length"], "as if there were a body");
    assert_eq!(registry.send(Method::HEAD, "/schemas/ids/9", &[], None).await.status, 404);

    let post = async |kind: &str, body: Vec<u8>| {
        let headers = if kind.is_empty() { vec![] } else { vec![("content-type", kind)] };
        registry.send(Method::POST, "/subjects/s/versions", &headers, Some(body)).await
    };
    let body = json!({"schema": record(&["a"]), "unknown": 1, "references": null}).to_string();
    for kind in
        [V1, "application/vnd.schemaregistry+json", "application/json; charset=utf-8", "application/octet-stream", ""]
    {
        let reply = post(kind, body.clone().into_bytes()).await;
        assert_eq!((reply.status.as_u16(), reply.json()), (200, json!({"id": 1})), "{kind}");
    }
    let utf16: Vec<u8> = body.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(post("application/json; charset=UTF-16", utf16).await.json(), json!({"id": 1}));
    let code = |reply: alluvium_blackbox::registry::Reply| (reply.status.as_u16(), reply.json()["error_code"].clone());
    let gzip = registry.send(Method::POST, "/subjects/s", &[("content-encoding", "gzip")], Some(b"x".to_vec())).await;
    assert_eq!(code(gzip), (415, json!(415)));
    assert_eq!(code(post("text/plain", body.into_bytes()).await), (415, json!(415)));
    let deep = vec![b'['; 100_000];
    for bad in [&b"{"[..], b"", b"\xff\xfe\xfd", deep.as_slice()] {
        assert_eq!(code(post(V1, bad.to_vec()).await), (400, json!(400)));
    }
    for bad in [
        "[]",
        "{}",
        r#"{"schema": 1}"#,
        r#"{"schema": "\"int\"", "references": 1}"#,
        r#"{"schema":"\"int\"","id":"x"}"#,
    ] {
        assert_eq!(code(post(V1, bad.as_bytes().to_vec()).await), (422, json!(422)), "{bad}");
    }
    assert_eq!(code(post(V1, vec![b' '; 4 * 1024 * 1024 + 1]).await), (413, json!(413)));
}

#[tokio::test]
async fn every_mistake_has_its_code() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    for (path, code) in [
        ("/subjects/nobody/versions", 40401),
        ("/subjects/nobody/versions/1", 40401),
        ("/subjects/s/versions/7", 40402),
        ("/schemas/ids/7", 40403),
        ("/schemas/ids/7/schema", 40403),
        ("/schemas/ids/7/subjects", 40403),
        ("/schemas/ids/7/versions", 40403),
        ("/schemas/guids/00000000-0000-0000-0000-000000000000", 40403),
        ("/schemas/guids/x/ids", 40403),
        ("/schemas/fingerprints/0000000000000000", 40403),
        ("/subjects/nobody/metadata", 40401),
        ("/subjects/s/metadata?key=a&value=b", 40403),
        ("/schemas/ids/abc", 404),
        ("/nothing", 404),
        ("/subjects/s/versions/1/2/3", 404),
        ("/exporters", 404),
        ("/dek-registry/v1/keks", 404),
    ] {
        registry.refused("GET", path, None, 404, code).await;
    }
    let known = registry.refused("GET", "/schemas/ids/7", None, 404, 40403).await;
    assert_eq!(known, "Schema 7 not found");
    for version in ["0", "-2", "x", "2147483648", "1.5"] {
        let message = registry.refused("GET", &format!("/subjects/s/versions/{version}"), None, 422, 42202).await;
        let expected = format!(
            "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the \
             string \"latest\""
        );
        assert_eq!(message, expected);
    }
    for (method, path, allow) in [
        ("PATCH", "/subjects", "GET, HEAD"),
        ("POST", "/config", "GET, HEAD, PUT, DELETE"),
        ("PUT", "/subjects/s/versions", "GET, HEAD, POST"),
        ("DELETE", "/schemas/types", "GET, HEAD"),
    ] {
        registry.refused(method, path, None, 405, 405).await;
        for method in [method.parse().unwrap(), Method::OPTIONS] {
            let reply = registry.send(method, path, &[], None).await;
            assert_eq!(reply.headers["allow"], allow, "{path}: {}", reply.text);
        }
    }
    let post = async |body: Value, status: u16, code: u32| {
        registry.refused("POST", "/subjects/s/versions", Some(body), status, code).await
    };
    let message = post(json!({"schema": "{"}), 422, 42201).await;
    assert!(message.starts_with("Invalid AVRO schema. Error: "), "{message}");
    assert_eq!(post(json!({"schema": "\"int\"", "schemaType": "XML"}), 422, 42201).await, "Invalid schema type XML");
    registry.refused("POST", "/subjects/new/versions", Some(json!({"schema": ""})), 422, 42201).await;
    let bad_name = r#"{"type":"record","name":"a-b","fields":[]}"#;
    let message = post(json!({"schema": bad_name}), 422, 42201).await;
    assert!(message.contains("is not a valid Avro name because it does not match the pattern"), "{message}");
    let message = registry.refused("POST", "/subjects/s", Some(json!({"schema": "{"})), 422, 42201).await;
    assert!(message.starts_with("Invalid schema: "), "{message}");
    registry.refused("POST", "/subjects/s", Some(json!({"schema": "\"int\""})), 404, 40403).await;
    registry.refused("POST", "/subjects/nobody", Some(json!({"schema": "\"int\""})), 404, 40401).await;
    post(json!({"schema": "\"int\"", "id": 9}), 422, 42205).await;
    let next = json!({"schema": record(&["a", "z"]), "version": 9});
    assert_eq!(post(next, 422, 42201).await, "Version is not one more than previous version");
    post(json!({"schema": "\"int\"", "ruleSet": {"domainRules": [{"name": ""}]}}), 422, 42210).await;
    for name in ["__GLOBAL", "__EMPTY", "a%01", "%C2%85", ":.__GLOBAL:x"] {
        let path = format!("/subjects/{name}/versions");
        registry.refused("POST", &path, Some(json!({"schema": "\"int\""})), 422, 42208).await;
    }
    let long = format!(r#"{{"type":"enum","name":"E","symbols":["A"],"doc":"{}"}}"#, "x".repeat(1024 * 1024));
    registry.refused("POST", "/subjects/long/versions", Some(json!({"schema": long})), 422, 42209).await;
    // Just small enough: and it comes back whole.
    let fits = format!(r#"{{"type":"enum","name":"E","symbols":["A"],"doc":"{}"}}"#, "x".repeat(1_000_000));
    let id = registry.register("long", &fits).await;
    assert_eq!(registry.get(&format!("/schemas/ids/{id}")).await["schema"], fits);
    // Deeper than anything: refused, and everybody goes on.
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(20_000), "}".repeat(20_000));
    let (status, _) = registry.call("POST", "/subjects/deep/versions", Some(json!({"schema": deep}))).await;
    assert!(status == 200 || status == 422, "{status}");
    registry.get("/subjects").await;
}

#[tokio::test]
async fn names_may_be_anything() {
    let registry = Registry::start().await;
    let mut names = BTreeSet::new();
    for (raw, name) in [
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a+b", "a+b"),
        ("a%20b", "a b"),
        ("%C3%BC%F0%9F%A6%80", "ü🦀"),
        ("com.example.Type-value", "com.example.Type-value"),
        ("%3F%23%26", "?#&"),
    ] {
        registry.register(raw, &record(&["a"])).await;
        assert_eq!(registry.get(&format!("/subjects/{raw}/versions/1")).await["subject"], name, "{raw}");
        names.insert(name);
    }
    assert_eq!(registry.get("/subjects").await, json!(names));
    assert_eq!(registry.get("/subjects/").await, json!(names));
    assert_eq!(
        registry.get("/subjects?offset=1&limit=2").await,
        json!(names.iter().skip(1).take(2).collect::<Vec<_>>())
    );
}

#[tokio::test]
async fn two_hundred_at_once_get_one_id_and_restarts_change_none() {
    let mut registry = Registry::start().await;
    let schema = record(&["a", "b"]);
    let all = (0..200).map(|n| {
        let (registry, schema) = (&registry, &schema);
        async move { registry.register(&format!("s{}", n % 2), schema).await }
    });
    let ids: BTreeSet<u64> = futures::future::join_all(all).await.into_iter().collect();
    assert_eq!(ids, BTreeSet::from([1]));
    for subject in ["s0", "s1"] {
        registry.expect("GET", &format!("/subjects/{subject}/versions"), None, 200, json!([1])).await;
    }
    // Different ones at once: as many ids, without a gap.
    let different = (0..50).map(|n| {
        let registry = &registry;
        async move { registry.register(&format!("d{n}"), &record(&[&format!("f{n}")])).await }
    });
    let ids: BTreeSet<u64> = futures::future::join_all(different).await.into_iter().collect();
    assert_eq!(ids, (2..=51).collect());
    let before = registry.get("/schemas").await;
    registry.world.alluvium.kill();
    registry.world.alluvium.restart().await;
    let ready = async || registry.call("GET", "/_health", None).await.0 == 200;
    for _ in 0..100 {
        if ready().await {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(registry.get("/schemas").await, before);
    assert_eq!(registry.register("s0", &schema).await, 1);
    assert_eq!(registry.register("s0", &record(&["new"])).await, 52);
}

#[tokio::test]
async fn who_may_is_asked_for_unless_it_is_open() {
    let registry = Registry::start_with(&[]).await;
    for path in ["/", "/schemas/types", "/_health", "/master_available"] {
        assert_eq!(registry.call("GET", path, None).await.0, 200, "{path}");
    }
    let reply = registry.send(Method::GET, "/subjects", &[], None).await;
    assert_eq!((reply.status.as_u16(), reply.json()["error_code"].clone()), (401, json!(401)));
    assert_eq!(reply.headers["www-authenticate"], "Basic realm=\"Alluvium Schema Registry\"");
    let bearer = format!("Bearer {ADMIN}");
    // admin:<key>, a wrong user, a wrong key.
    let basic = |text: &str| format!("Basic {}", base64(text.as_bytes()));
    for (value, status) in [
        (bearer.as_str(), 200),
        (&basic(&format!("admin:{ADMIN}")), 200),
        (&basic(&format!("somebody:{ADMIN}")), 401),
        (&basic("admin:wrong"), 401),
        ("Bearer wrong", 401),
        ("Nonsense", 401),
    ] {
        let reply = registry.send(Method::GET, "/subjects", &[("authorization", value)], None).await;
        assert_eq!(reply.status, status, "{value}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * n)) as usize & 63] as char;
            out.push(if n <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[tokio::test]
async fn the_other_dialect_speaks_as_its_clients_expect() {
    let envs = [("ALLUVIUM_REGISTRY_OPEN", "true"), ("ALLUVIUM_REGISTRY_DIALECT", "karapace")];
    let registry = Registry::start_with(&envs).await;
    registry.register("s", r#"{"type":"record","name":"R","fields":[{"type":"int","name":"a"}]}"#).await;
    let sorted = r#"{"fields":[{"name":"a","type":"int"}],"name":"R","type":"record"}"#;
    registry.expect("GET", "/schemas/ids/1", None, 200, json!({"schema": sorted})).await;
    let body = Some(json!({"schema": r#"{"type":"record","name":"R","fields":[{"type":"int","name":"b"}]}"#}));
    let message = registry.refused("POST", "/subjects/s/versions", body.clone(), 409, 409).await;
    assert_eq!(message, "Incompatible schema, compatibility_mode=BACKWARD. Incompatibilities: b");
    registry.refused("POST", "/compatibility/subjects/no/versions/latest", body.clone(), 404, 40402).await;
    let unknown = json!({"schema": "\"int\"", "schemaType": "XML"});
    registry.refused("POST", "/subjects/s/versions", Some(unknown), 422, 422).await;
    registry.expect("GET", "/mode/s", None, 200, json!({"mode": "READWRITE"})).await;
    registry.refused("GET", "/mode/nobody", None, 404, 40401).await;
    registry.refused("GET", "/config/nobody", None, 404, 40401).await;
    registry.expect("DELETE", "/config/s", None, 200, json!({"compatibility": "BACKWARD"})).await;
    let message = registry.refused("POST", "/subjects/s", Some(json!({"schema": "{"})), 422, 42201).await;
    assert_eq!(message, "Error while looking up schema under subject s");
    assert_eq!(registry.refused("GET", "/schemas/ids/9", None, 404, 40403).await, "Schema not found");
    registry.register("plus+sign", "\"int\"").await;
    assert_eq!(registry.get("/subjects").await, json!(["plus sign", "s"]));
}

#[tokio::test]
async fn a_second_listener_has_a_code_and_a_dialect_of_its_own() {
    let port = alluvium_testing::pick_port().unwrap();
    let further = format!("127.0.0.1:{port} karapace 40901");
    let envs = [("ALLUVIUM_REGISTRY_OPEN", "true"), ("ALLUVIUM_REGISTRY_LISTENERS", further.as_str())];
    let registry = Registry::start_with(&envs).await;
    registry.register("s", &record(&["a"])).await;
    let bad = json!({"schema": r#"{"type":"record","name":"R","fields":[{"type":"int","name":"b"}]}"#});
    registry.refused("POST", "/subjects/s/versions", Some(bad.clone()), 409, 409).await;
    let other = reqwest::Client::new().post(format!("http://127.0.0.1:{port}/subjects/s/versions"));
    let answer: Value = other.body(bad.to_string()).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["error_code"], 40901);
    assert!(answer["message"].as_str().unwrap().starts_with("Incompatible schema,"), "{answer}");
}

#[tokio::test]
async fn the_past_can_be_asked_for() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    let reply = registry.send(Method::GET, "/subjects/s/versions", &[], None).await;
    let then = reply.headers["alv-position"].to_str().unwrap().to_owned();
    registry.register("s", &record(&["a", "b"])).await;
    registry.call("PUT", "/config/s", Some(json!({"compatibility": "FULL"}))).await;
    registry.call("DELETE", "/subjects/s", None).await;
    registry.call("DELETE", "/subjects/s?permanent=true", None).await;
    registry.refused("GET", "/subjects/s/versions", None, 404, 40401).await;
    for point in [then.as_str(), "seq:1"] {
        let path = format!("/subjects/s/versions?asOf={point}");
        let reply = registry.send(Method::GET, &path, &[], None).await;
        assert_eq!((reply.json(), reply.headers["alv-as-of"].to_str().unwrap()), (json!([1]), "1"));
    }
    registry.expect("GET", "/subjects/s/versions?asOf=seq:2", None, 200, json!([1, 2])).await;
    registry.expect("GET", "/config/s?asOf=seq:3", None, 200, json!({"compatibilityLevel": "FULL"})).await;
    registry.refused("GET", "/config/s?asOf=seq:2", None, 404, 40408).await;
    registry.refused("GET", "/subjects/s/versions/1?asOf=seq:0", None, 404, 40401).await;
    let check = Some(json!({"schema": "\"string\""}));
    let answer = registry.call("POST", "/compatibility/subjects/s/versions?asOf=seq:1", check.clone()).await;
    assert_eq!(answer.1["is_compatible"], false);
    assert_eq!(registry.call("POST", "/compatibility/subjects/s/versions", check).await.1["is_compatible"], true);
    registry.refused("GET", "/subjects?asOf=seq:99", None, 400, 400).await;
    registry.refused("GET", "/subjects?asOf=yesterday", None, 400, 400).await;
    let history = registry.get("/subjects/s/history").await;
    let types: Vec<&str> = history.as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected = ["SchemaRegistered", "SchemaRegistered", "ConfigSet", "SubjectSoftDeleted", "SubjectPurged"];
    assert_eq!(types, expected);
    assert_eq!(
        (&history[0]["actor"], &history[0]["seq"], &history[0]["subject"]),
        (&json!("admin"), &json!(1), &json!("s"))
    );
}

#[tokio::test]
async fn metadata_rules_and_tags_stay_with_their_versions() {
    let registry = Registry::start().await;
    let owner = json!({"properties": {"owner": "a"}});
    let rules =
        json!({"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "mode": "WRITE", "expr": "true"}]});
    let body = json!({"schema": record(&["a"]), "metadata": owner, "ruleSet": rules});
    registry.expect("POST", "/subjects/s/versions", Some(body), 200, json!({"id": 1})).await;
    let shown = registry.get("/subjects/s/versions/1").await;
    assert_eq!((&shown["metadata"], &shown["ruleSet"]), (&owner, &rules));
    // Without any it is the same; with others it is another content.
    assert_eq!(registry.register("s", &record(&["a"])).await, 1);
    let body = json!({"schema": record(&["a"]), "metadata": {"properties": {"owner": "b"}}});
    registry.expect("POST", "/subjects/s/versions", Some(body), 200, json!({"id": 2})).await;
    assert_eq!(registry.get("/subjects/s/versions/2").await["ruleSet"], rules, "inherited");
    assert_eq!(registry.get("/subjects/s/metadata?key=owner&value=a").await["version"], 1);
    assert_eq!(registry.get("/schemas?ruleType=CEL&latestOnly=true").await.as_array().unwrap().len(), 1);
    let tags =
        json!({"tagsToAdd": [{"schemaEntity": {"entityPath": "R.a", "entityType": "SR_FIELD"}, "tags": ["PII"]}]});
    registry.expect("POST", "/subjects/s/versions/2/tags", Some(tags), 200, json!({"id": 3})).await;
    assert_eq!(registry.get("/subjects/s/versions/3").await["metadata"]["tags"], json!({"R.a": ["PII"]}));
    // With the header everything is told.
    let headers = [("confluent-accept-unknown-properties", "true"), ("content-type", V1)];
    let body = json!({"schema": record(&["z"])}).to_string().into_bytes();
    let full = registry.send(Method::POST, "/subjects/t/versions", &headers, Some(body)).await.json();
    let keys: Vec<&String> = full.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["guid", "id", "schema", "schemaType", "ts", "version"]);
    let guid = full["guid"].as_str().unwrap();
    assert_eq!(registry.get(&format!("/schemas/guids/{guid}")).await["schema"], full["schema"]);
    registry.expect("GET", &format!("/schemas/guids/{guid}/ids"), None, 200, json!([{"context": ".", "id": 4}])).await;
}

#[tokio::test]
async fn an_import_keeps_ids_and_versions() {
    let registry = Registry::start().await;
    let import = json!({"mode": "IMPORT"});
    registry.expect("PUT", "/mode/s", Some(import.clone()), 200, import).await;
    let body = |fields: &[&str], id: u32, version: u32| json!({"schema": record(fields), "id": id, "version": version});
    registry.refused("POST", "/subjects/s/versions", Some(json!({"schema": record(&["a"])})), 422, 42205).await;
    registry.expect("POST", "/subjects/s/versions", Some(body(&["a"], 100, 7)), 200, json!({"id": 100})).await;
    registry.expect("POST", "/subjects/s/versions", Some(body(&["a"], 100, 7)), 200, json!({"id": 100})).await;
    registry.refused("POST", "/subjects/s/versions", Some(body(&["b"], 100, 8)), 422, 42205).await;
    registry.expect("POST", "/subjects/s/versions", Some(body(&["b"], 50, 3)), 200, json!({"id": 50})).await;
    registry.expect("GET", "/subjects/s/versions", None, 200, json!([3, 7])).await;
    registry.expect("PUT", "/mode/s", Some(json!({"mode": "READWRITE"})), 200, json!({"mode": "READWRITE"})).await;
    assert_eq!(registry.register("s", &record(&["c"])).await, 101);
    assert_eq!(registry.get("/schemas/ids/50?fetchMaxId=true").await["maxId"], 101);
}

#[tokio::test]
async fn other_languages_are_registered_and_judged_too() {
    let registry = Registry::start().await;
    let text = r#"{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}"#;
    let body = json!({"schema": text, "schemaType": "JSON"});
    registry.expect("POST", "/subjects/j/versions", Some(body.clone()), 200, json!({"id": 1})).await;
    let shown = json!({"subject": "j", "version": 1, "id": 1, "schema": text, "schemaType": "JSON"});
    registry.expect("POST", "/subjects/j", Some(body), 200, shown).await;
    let other = json!({"schema": text.replace("integer", "string"), "schemaType": "JSON"});
    registry.refused("POST", "/subjects/j/versions", Some(other), 409, 409).await;
    let proto = "syntax = \"proto3\";\nmessage M {\n  string a = 1;\n}\n";
    let body = json!({"schema": proto, "schemaType": "PROTOBUF"});
    registry.expect("POST", "/subjects/p/versions", Some(body), 200, json!({"id": 2})).await;
    assert_eq!(registry.get("/schemas/ids/2").await["schemaType"], "PROTOBUF");
    assert_eq!(registry.call("GET", "/schemas/ids/2?format=serialized", None).await.0, 200);
    // Another language in one subject is incompatible.
    registry.refused("POST", "/subjects/p/versions", Some(json!({"schema": "\"int\""})), 409, 409).await;
}

#[tokio::test]
async fn people_find_the_same_in_postgres() {
    let registry = Registry::start().await;
    registry.register("s", &record(&["a"])).await;
    registry.register("s", &record(&["a", "b"])).await;
    registry.call("PUT", "/config/s", Some(json!({"compatibility": "FULL"}))).await;
    registry.call("DELETE", "/subjects/s/versions/1", None).await;
    registry.call("DELETE", "/config/s", None).await;
    let pool = sqlx::PgPool::connect(&registry.world.database).await.expect("Postgres");
    let versions = "SELECT version, id, from_seq, soft_seq FROM schemas_g1.subject_version ORDER BY version";
    let rows = async || sqlx::query_as::<_, (i64, i64, i64, Option<i64>)>(versions).fetch_all(&pool).await.ok();
    let expected = vec![(1, 1, 1, Some(4)), (2, 2, 2, None)];
    let there = || async { rows().await.as_ref() == Some(&expected) };
    registry.world.eventually("the versions are in Postgres", there).await;
    let settings = "SELECT scope, value, from_seq, to_seq FROM schemas_g1.config_history";
    let settled = || async {
        let found = sqlx::query_as::<_, (String, String, i64, Option<i64>)>(settings).fetch_all(&pool).await;
        found.ok() == Some(vec![("s".to_owned(), r#"{"compatibilityLevel":"FULL"}"#.to_owned(), 3, Some(5))])
    };
    registry.world.eventually("the settings are in Postgres", settled).await;
}
