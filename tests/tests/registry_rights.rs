//! Who may: every route of the registry, asked by every kind of caller.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use alluvium_access::contract::{Command, IssueKey};
use alluvium_access::keys;
use alluvium_access::model::{REGISTRY, Scope};
use alluvium_blackbox::ADMIN;
use alluvium_blackbox::registry::{Registry, record};
use alluvium_eventlog::{CommandClient, CommandRequest};
use alluvium_http::Seed;
use alluvium_kernel::{Actor, SigningKey, Token, Verdict};
use alluvium_messaging::ContractSet as _;
use reqwest::Method;
use serde_json::{Value, json};

/// The signing key of every world of these tests.
const SIGNING_KEY: [u8; 32] = [7; 32];

/// Sends as somebody, and gives status and JSON.
async fn ask(registry: &Registry, key: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
    let body = body.map(|body| body.to_string().into_bytes());
    let reply = registry.send(method.parse().unwrap(), path, &headers, body).await;
    (reply.status.as_u16(), serde_json::from_str(&reply.text).unwrap_or(Value::Null))
}

/// Issues a key of project `p` with these rights, by the command line.
fn issue(registry: &Registry, rights: &[&str]) -> (String, String) {
    let mut args = vec!["key", "issue", "--project", "p", "--key", ADMIN, "--output", "json", "--description", "test"];
    rights.iter().for_each(|right| args.extend(["--right", right]));
    let output = registry.world.cli(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    (made["id"].as_str().unwrap().to_owned(), made["api_key"].as_str().unwrap().to_owned())
}

/// A key of another tenant that may do everything there.
async fn foreign(registry: &Registry) -> String {
    let pepper = SigningKey::new(SIGNING_KEY);
    let minted = keys::mint(&pepper, "p", &Scope::Registry, &Seed::fresh());
    let command = IssueKey {
        project: "p".into(),
        key: minted.id.clone(),
        digest: minted.digest,
        prefix: minted.prefix,
        scope: REGISTRY.into(),
        branch: None,
        description: String::new(),
        expires_at: None,
        rights: vec!["subject::*:*:admin".into(), "config:write".into()],
        permissions: None,
        person: None,
    };
    let nats = async_nats::connect(registry.world.nats.url()).await.unwrap();
    let client = CommandClient::new(async_nats::jetstream::new(nats), pepper);
    let request = CommandRequest {
        tenant: Token::encode("other").unwrap(),
        context: "access".into(),
        command: "IssueKey".into(),
        command_id: "issue-other".into(),
        actor: Actor::Admin,
        payload: Command::Keyring(command.into()).to_avro().into(),
        trace_parent: None,
    };
    let outcome = client.send(&request, std::time::Duration::from_secs(30)).await.unwrap();
    assert!(matches!(outcome.verdict, Verdict::Accepted { .. }), "{outcome:?}");
    minted.secret.reveal().to_owned()
}

/// A closed registry with a project, two subjects that share no schema, and what a table of routes needs.
async fn closed() -> Registry {
    let registry = Registry::start_with(&[]).await;
    registry.world.project("p").await;
    for (subject, schema) in [("s", record(&["a"])), ("secret", record(&["b"])), ("s", record(&["a", "c"]))] {
        register(&registry, ADMIN, subject, &schema).await;
    }
    registry
}

async fn register(registry: &Registry, key: &str, subject: &str, schema: &str) {
    let body = json!({"schema": schema});
    let (status, answer) =
        ask(registry, Some(key), "POST", &format!("/subjects/{subject}/versions"), Some(&body)).await;
    assert_eq!(status, 200, "{subject}: {answer}");
}

/// A route, its body, and the status for: a key without right, with read, write and admin on the subject, the admin key,
/// a key of another tenant.
type Row = (&'static str, &'static str, Option<Value>, [u16; 6]);

fn of_subject(subject: &str) -> Vec<(String, String, Option<Value>)> {
    let schema = || Some(json!({"schema": record(&["a", "c"])}));
    let row = |method: &str, path: &str, body| (method.to_owned(), path.replace('S', subject), body);
    vec![
        row("GET", "/subjects/S/versions", None),
        row("POST", "/subjects/S", schema()),
        row("GET", "/subjects/S/versions/1", None),
        row("GET", "/subjects/S/versions/latest", None),
        row("GET", "/subjects/S/versions/1/schema", None),
        row("GET", "/subjects/S/versions/1/referencedby", None),
        row("GET", "/subjects/S/metadata", None),
        row("GET", "/subjects/S/history", None),
        row("POST", "/compatibility/subjects/S/versions", schema()),
        row("POST", "/compatibility/subjects/S/versions/latest", schema()),
        row("POST", "/compatibility/subjects/S/consumers", schema()),
        row("GET", "/contexts/:.:/subjects/S/versions", None),
        row("GET", "/subjects/S/versions/1?asOf=seq:3", None),
        row("POST", "/subjects/S/versions", schema()),
        row("POST", "/subjects/S/versions?force=true", schema()),
        row("POST", "/subjects/S/versions/1/tags", Some(json!({"tagsToAdd": []}))),
        row("DELETE", "/subjects/S/versions/9", None),
        row("DELETE", "/subjects/S/versions/9?permanent=true", None),
        row("DELETE", "/subjects/S?permanent=true", None),
        row("PUT", "/config/S", Some(json!({"compatibility": "FULL"}))),
        row("DELETE", "/config/S", None),
        row("PUT", "/mode/S", Some(json!({"mode": "READWRITE"}))),
        row("DELETE", "/mode/S", None),
    ]
}

/// Rows that say what each caller gets; all of them leave `s` as it is.
fn table() -> Vec<Row> {
    let schema = || Some(json!({"schema": record(&["a", "c"])}));
    let reading = [404, 200, 200, 200, 200, 404];
    vec![
        ("GET", "/subjects/s/versions", None, reading),
        ("POST", "/subjects/s", schema(), reading),
        ("GET", "/subjects/s/versions/1", None, reading),
        ("GET", "/subjects/s/versions/latest", None, reading),
        ("GET", "/subjects/s/versions/1/schema", None, reading),
        ("GET", "/subjects/s/versions/1/referencedby", None, reading),
        ("GET", "/subjects/s/metadata", None, reading),
        ("GET", "/subjects/s/history", None, reading),
        ("GET", "/contexts/:.:/subjects/s/versions", None, reading),
        ("GET", "/subjects/s/versions/1?asOf=seq:3", None, reading),
        // A tenant without the subject may ask about what it could register.
        ("POST", "/compatibility/subjects/s/versions", schema(), [404, 200, 200, 200, 200, 200]),
        ("POST", "/compatibility/subjects/s/versions/1", schema(), reading),
        ("POST", "/compatibility/subjects/s/consumers", schema(), [404, 200, 200, 200, 200, 200]),
        ("GET", "/schemas/ids/1", None, reading),
        ("GET", "/schemas/ids/1?subject=s", None, reading),
        ("GET", "/schemas/ids/1/schema", None, reading),
        ("GET", "/schemas/ids/1/subjects", None, reading),
        ("GET", "/schemas/ids/1/versions", None, reading),
        ("GET", "/schemas/guids/GUID", None, reading),
        ("GET", "/schemas/guids/GUID/ids", None, reading),
        ("GET", "/schemas/fingerprints/FP64", None, reading),
        ("GET", "/subjects", None, [200; 6]),
        ("GET", "/schemas", None, [200; 6]),
        ("GET", "/contexts", None, [200; 6]),
        ("GET", "/v1/metadata/id", None, [200; 6]),
        ("GET", "/config", None, [403, 403, 403, 403, 200, 200]),
        ("GET", "/mode", None, [403, 403, 403, 403, 200, 200]),
        ("GET", "/config/:.x:", None, [403, 403, 403, 403, 404, 404]),
        ("PUT", "/config", Some(json!({"compatibility": "BACKWARD"})), [403, 403, 403, 403, 200, 200]),
        ("DELETE", "/config", None, [403, 403, 403, 403, 200, 200]),
        ("PUT", "/mode", Some(json!({"mode": "READWRITE"})), [403, 403, 403, 403, 200, 200]),
        ("PUT", "/mode?force=true", Some(json!({"mode": "READWRITE"})), [403, 403, 403, 403, 200, 403]),
        ("DELETE", "/mode", None, [403, 403, 403, 403, 200, 200]),
        ("DELETE", "/contexts/x", None, [403, 403, 403, 403, 204, 204]),
        ("GET", "/config/s", None, [404; 6]),
        ("GET", "/config/s?defaultToGlobal=true", None, [404, 200, 200, 200, 200, 200]),
        ("GET", "/mode/s?defaultToGlobal=true", None, [404, 200, 200, 200, 200, 200]),
        // What is there already: nothing changes.
        ("POST", "/subjects/s/versions", schema(), [404, 403, 200, 200, 200, 200]),
        ("POST", "/subjects/s/versions?force=true", schema(), [404, 403, 403, 200, 200, 200]),
        ("DELETE", "/subjects/s/versions/9", None, [404, 403, 404, 404, 404, 404]),
        ("DELETE", "/subjects/s/versions/9?permanent=true", None, [404, 403, 403, 404, 404, 404]),
        ("PUT", "/config/s", Some(json!({"compatibility": "FULL"})), [404, 403, 403, 200, 200, 200]),
        ("DELETE", "/config/s", None, [404, 403, 403, 200, 404, 200]),
        ("PUT", "/mode/s", Some(json!({"mode": "READWRITE"})), [404, 403, 403, 200, 200, 200]),
        ("DELETE", "/mode/s", None, [404, 403, 403, 200, 404, 200]),
        ("POST", "/subjects/s/versions/2/tags", Some(json!({})), [404, 403, 200, 200, 200, 404]),
        ("GET", "/nothing", None, [404; 6]),
    ]
}

#[tokio::test]
async fn every_route_is_for_who_may() {
    let registry = closed().await;
    let full = [("authorization", &*format!("Bearer {ADMIN}")), ("confluent-accept-unknown-properties", "true")];
    let shown = registry.send(Method::GET, "/subjects/s/versions/1", &full, None).await.json();
    let (_, history) = ask(&registry, Some(ADMIN), "GET", "/subjects/s/history", None).await;
    let guid = shown["guid"].as_str().unwrap().to_owned();
    let fp64 = history[0]["event"]["fp64"].as_i64().map(|fp64| format!("{:016x}", fp64.cast_unsigned())).unwrap();
    let callers = [
        issue(&registry, &["subject:elsewhere:admin"]).1,
        issue(&registry, &["subject:s:read"]).1,
        issue(&registry, &["subject:s:write"]).1,
        issue(&registry, &["subject:s:admin"]).1,
        ADMIN.to_owned(),
        foreign(&registry).await,
    ];
    for (method, path, body, expected) in table() {
        let path = path.replace("GUID", &guid).replace("FP64", &fp64);
        let (status, answer) = ask(&registry, None, method, &path, body.as_ref()).await;
        assert_eq!((status, &answer["error_code"]), (401, &json!(401)), "nobody: {method} {path}");
        let mut found = Vec::new();
        for caller in &callers {
            let (status, answer) = ask(&registry, Some(caller), method, &path, body.as_ref()).await;
            if status == 403 {
                assert_eq!(answer["error_code"], 403, "{method} {path}");
            }
            found.push(status);
        }
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[tokio::test]
async fn what_may_not_be_read_answers_as_what_is_not_there() {
    let registry = closed().await;
    let keys = [issue(&registry, &["subject:s:admin"]).1, issue(&registry, &["config:read"]).1];
    for key in &keys {
        for ((method, there, body), (_, missing, _)) in of_subject("secret").into_iter().zip(of_subject("nobody")) {
            let found = ask(&registry, Some(key), &method, &there, body.as_ref()).await;
            let (status, answer) = ask(&registry, Some(key), &method, &missing, body.as_ref()).await;
            let answer = answer.to_string().replace("nobody", "secret");
            assert_eq!((found.0, found.1.to_string()), (status, answer), "{method} {there}");
            assert_eq!(status, 404, "{method} {there}");
        }
        for path in ["ids/2", "ids/2/schema", "ids/2?subject=secret"] {
            let hidden = ask(&registry, Some(key), "GET", &format!("/schemas/{path}"), None).await;
            let (status, answer) =
                ask(&registry, Some(key), "GET", &format!("/schemas/{}", path.replace('2', "99")), None).await;
            let answer: Value = serde_json::from_str(&answer.to_string().replace("99", "2")).unwrap();
            assert_eq!(hidden, (status, answer), "{path}");
            assert_eq!(hidden.1["error_code"], 40403);
        }
    }
    // The key of a project has no rights of its own, and cannot take any.
    let (_, made) = registry.world.http(Method::POST, "/projects", Some(&json!({"id": "q", "name": "q"}))).await;
    let own = made["api_key"].as_str().unwrap().to_owned();
    assert_eq!(ask(&registry, Some(&own), "GET", "/subjects", None).await, (200, json!([])));
    assert_eq!(ask(&registry, Some(&own), "GET", "/subjects/s/versions", None).await.0, 404);
    let greedy = json!({"description": "d", "rights": ["subject:*:admin"]});
    let (status, _) = registry.world.http_as(Some(&own), Method::POST, "/projects/q/api-keys", Some(&greedy)).await;
    assert_eq!(status, 401);
    // A key of the registry opens nothing of its project.
    let (status, _) = registry.world.http_as(Some(&keys[0]), Method::GET, "/projects/p/api-keys", None).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn lists_and_shared_ids_show_what_may_be_read() {
    let registry = closed().await;
    register(&registry, ADMIN, "secret", &record(&["a"])).await;
    register(&registry, ADMIN, "twin", &record(&["a"])).await;
    let reader = issue(&registry, &["subject:t*:read"]).1;
    let get = async |path: &str| ask(&registry, Some(&reader), "GET", path, None).await;
    assert_eq!(get("/subjects").await.1, json!(["twin"]));
    assert_eq!(get("/schemas").await.1.as_array().unwrap().len(), 1);
    assert_eq!(get("/contexts").await.1, json!(["."]));
    // The id of `s` and `secret` is that of `twin` too.
    assert_eq!(get("/schemas/ids/1/subjects").await.1, json!(["twin"]));
    assert_eq!(get("/schemas/ids/1/versions").await.1, json!([{"subject": "twin", "version": 1}]));
    assert_eq!(get("/schemas/ids/1?includeSubjects=true").await.1["subjects"], json!(["twin"]));
    // With `twin` gone for good the id is gone for who read only that, also in the past.
    let (status, _) = ask(&registry, Some(ADMIN), "DELETE", "/subjects/twin", None).await;
    assert_eq!((status, get("/schemas/ids/1").await.0), (200, 200), "soft-deleted ids still answer");
    ask(&registry, Some(ADMIN), "DELETE", "/subjects/twin?permanent=true", None).await;
    assert_eq!(get("/schemas/ids/1").await.0, 404);
    assert_eq!(get("/subjects").await.1, json!([]));
}

#[tokio::test]
async fn a_reference_to_what_may_not_be_read_is_one_to_nothing() {
    let registry = closed().await;
    let writer = issue(&registry, &["subject:mine*:admin"]).1;
    let referring = |subject: &str| {
        let references = json!([{"name": "R", "subject": subject, "version": 1}]);
        json!({"schema": r#"{"type":"record","name":"U","fields":[{"name":"r","type":"R"}]}"#, "references": references})
    };
    for path in
        ["/subjects/mine/versions", "/subjects/mine/versions?force=true", "/compatibility/subjects/mine/versions"]
    {
        let (status, hidden) = ask(&registry, Some(&writer), "POST", path, Some(&referring("secret"))).await;
        let (_, missing) = ask(&registry, Some(&writer), "POST", path, Some(&referring("nobody"))).await;
        assert_eq!((status, &hidden["error_code"]), (422, &json!(42201)), "{path}: {hidden}");
        assert_eq!(hidden.to_string().replace("secret", "nobody"), missing.to_string());
    }
    // Nor does it help to send the command itself, or to read a schema of somebody else with its references written out.
    let command = json!({"context": ".", "normalize": false, "force": false, "keep_deleted": false, "schema": {
        "subject": "mine", "type": "AVRO", "text": referring("x")["schema"], "packed": "",
        "references": [{"name": "R", "subject": "secret", "version": 1}],
        "metadata": null, "rule_set": null, "id": null, "version": null, "assessment": null,
    }});
    let at = "/commands/schemas/RegisterSchema";
    let (status, answer) = registry.world.http_as(Some(&writer), Method::POST, at, Some(&command)).await;
    assert_eq!((status.as_u16(), &answer["code"]), (403, &json!("access.forbidden")), "{answer}");
    let (status, answer) =
        ask(&registry, Some(ADMIN), "POST", "/subjects/mine/versions", Some(&referring("secret"))).await;
    assert_eq!(status, 200, "{answer}");
    let resolved = ask(&registry, Some(&writer), "GET", "/subjects/mine/versions/1?format=resolved", None).await;
    assert_eq!((resolved.0, &resolved.1["error_code"]), (422, &json!(42201)));
    assert_eq!(ask(&registry, Some(&writer), "GET", "/subjects/mine/versions/1", None).await.0, 200);
    // Who refers to a subject is for who may read the referrer.
    let owner = issue(&registry, &["subject:secret:read"]).1;
    let by = "/subjects/secret/versions/1/referencedby";
    assert_eq!(ask(&registry, Some(&owner), "GET", by, None).await.1, json!([]));
    assert_eq!(ask(&registry, Some(ADMIN), "GET", by, None).await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_purged_is_for_admins() {
    let registry = closed().await;
    let owner = issue(&registry, &["subject:*:admin"]).1;
    for path in ["/subjects/s", "/subjects/s?permanent=true"] {
        assert_eq!(ask(&registry, Some(&owner), "DELETE", path, None).await.0, 200);
    }
    for path in ["/subjects/s/versions/1?asOf=seq:3", "/schemas/ids/1?asOf=seq:3"] {
        assert_eq!(ask(&registry, Some(&owner), "GET", path, None).await.0, 404, "{path}");
        assert_eq!(ask(&registry, Some(ADMIN), "GET", path, None).await.0, 200, "{path}");
    }
    assert_eq!(ask(&registry, Some(&owner), "GET", "/subjects/secret/versions/1?asOf=seq:3", None).await.0, 200);
}

#[tokio::test]
async fn patterns_aliases_and_contexts_lead_nowhere_else() {
    let registry = closed().await;
    for subject in ["orders-value", ":.eu:orders-value"] {
        register(&registry, ADMIN, subject, &record(&["z"])).await;
    }
    let reader = issue(&registry, &["subject:orders-*:read"]).1;
    let of_eu = issue(&registry, &["subject::.eu:*:write"]).1;
    let list = async |key: &str| ask(&registry, Some(key), "GET", "/subjects", None).await.1;
    assert_eq!(list(&reader).await, json!(["orders-value"]));
    assert_eq!(list(&of_eu).await, json!([":.eu:orders-value"]));
    // Without a context the name is found where it may be read.
    let (_, found) = ask(&registry, Some(&of_eu), "GET", "/subjects/orders-value/versions/1", None).await;
    assert_eq!(found["subject"], ":.eu:orders-value");
    let alias = json!({"alias": "secret"});
    assert_eq!(ask(&registry, Some(ADMIN), "PUT", "/config/orders-alias", Some(&alias)).await.0, 200);
    let (status, answer) = ask(&registry, Some(&reader), "GET", "/subjects/orders-alias/versions", None).await;
    assert_eq!((status, &answer["message"]), (404, &json!("Subject 'orders-alias' not found.")));
    assert_eq!(ask(&registry, Some(ADMIN), "GET", "/subjects/orders-alias/versions", None).await.0, 200);
    // A revoked key is dead at once.
    let (id, key) = issue(&registry, &["subject:*:read"]);
    assert_eq!(ask(&registry, Some(&key), "GET", "/subjects/s/versions", None).await.0, 200);
    let output = registry.world.cli(&["key", "revoke", &id, "--project", "p", "--key", ADMIN, "--yes"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(ask(&registry, Some(&key), "GET", "/subjects/s/versions", None).await.0, 401);
}

#[tokio::test]
async fn an_open_registry_is_open_within_each_tenant() {
    let registry = Registry::start().await;
    registry.world.project("p").await;
    registry.register("s", &record(&["a"])).await;
    let other = foreign(&registry).await;
    assert_eq!(ask(&registry, Some(&other), "GET", "/subjects", None).await, (200, json!([])));
    register(&registry, &other, "theirs", &record(&["b"])).await;
    assert_eq!(registry.get("/subjects").await, json!(["s"]));
    // A key without rights may do what everybody may.
    let key = issue(&registry, &["config:read"]).1;
    register(&registry, &key, "s", &record(&["a", "b"])).await;
    let config = json!({"compatibility": "NONE"});
    assert_eq!(ask(&registry, Some(&key), "PUT", "/config/s", Some(&config)).await.0, 200);
    // Nobody and nothing, as some clients write it, is everybody too; a key that does not exist is not.
    let basic = async |value: &str| registry.send(Method::GET, "/subjects", &[("authorization", value)], None).await;
    assert_eq!(basic("Basic Og==").await.status, 200);
    assert_eq!(basic("Basic YTpi").await.status, 401);
}

#[tokio::test]
async fn issuing_and_revoking_can_be_rehearsed() {
    let registry = closed().await;
    let cli = |args: &[&str]| {
        let output = registry.world.cli(&[&["--project", "p", "--output", "json", "key"], args].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let before = cli(&["list"]);
    let right = "subject:orders-*:read";
    let issued = cli(&["issue", "--dry-run", "--right", right, "--expires-in-days", "3"]);
    assert_eq!(issued[0]["type"], "KeyIssued", "{issued}");
    assert!(issued.to_string().contains(right), "{issued}");
    let key = before[0]["id"].as_str().unwrap();
    // The last key of a project stays: the rehearsal says what the command would.
    let refused = registry.world.cli(&["--project", "p", "key", "revoke", key, "--dry-run"]);
    assert!(!refused.status.success());
    assert_eq!(cli(&["list"]), before, "nothing was done");
}
