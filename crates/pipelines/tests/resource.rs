//! The resource over HTTP, from creation to deletion.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use axum::http::Method;
use serde_json::{Value, json};

use world::{ADMIN, NOBODY, READER, World};

const CODE: &str = "CREATE TABLE t (a INT);";

fn keys(value: &Value) -> usize {
    value.as_object().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_created_listed_changed_and_deleted() {
    let world = World::undriven().await;
    let (status, headers, made) =
        world.whole(Method::POST, "/v0/pipelines", Some(ADMIN), Some(json!({"name": "p", "program_code": CODE}))).await;
    assert_eq!((status, keys(&made)), (201, 37), "{made}");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(
        (&made["version"], &made["program_version"], &made["refresh_version"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!((&made["program_code"], &made["program_status"]), (&json!(CODE), &json!("Pending")));
    assert_eq!((&made["runtime_config"]["workers"], &made["platform_version"]), (&json!(8), &json!("0.337.0")));

    let (status, all) = world.get("/v0/pipelines/p").await;
    assert_eq!((status, keys(&all)), (200, 40));
    assert_eq!(keys(&world.get("/v0/pipelines/p?selector=status").await.1), 33);
    world.create("q", CODE).await;
    let (_, list) = world.get("/v0/pipelines?selector=status").await;
    let names: Vec<&Value> = list.as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["p", "q"]);
    assert_eq!(world.refused(Method::GET, "/v0/pipelines?selector=some", None).await, (400, "InvalidParam".into()));

    let patch = json!({"program_code": "CREATE TABLE u (b VARCHAR);", "description": "d"});
    let (status, changed) = world.call(Method::PATCH, "/v0/pipelines/p", Some(patch.clone())).await;
    assert_eq!((status, &changed["version"], &changed["program_version"]), (200, &json!(2), &json!(2)), "{changed}");
    assert_eq!((&changed["refresh_version"], &changed["description"]), (&json!(2), &json!("d")));
    let (_, again) = world.call(Method::PATCH, "/v0/pipelines/p", Some(patch)).await;
    assert_eq!(again, changed, "what is so already changes nothing");

    let renamed = world.call(Method::PATCH, "/v0/pipelines/p", Some(json!({"name": "r"}))).await;
    assert_eq!((renamed.0, &renamed.1["name"]), (200, &json!("r")));
    let unknown = (404, "UnknownPipelineName".to_owned());
    assert_eq!(world.refused(Method::GET, "/v0/pipelines/p", None).await, unknown);
    let taken = world.refused(Method::PATCH, "/v0/pipelines/r", Some(json!({"name": "q"}))).await;
    assert_eq!(taken, (409, "DuplicateName".into()));

    assert_eq!(world.call(Method::DELETE, "/v0/pipelines/r", None).await, (200, Value::Null));
    assert_eq!(world.refused(Method::DELETE, "/v0/pipelines/r", None).await, unknown);
    assert_eq!(world.get("/v0/pipelines").await.1.as_array().unwrap().len(), 1);
    world.create("r", CODE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_created_replaced_or_renamed() {
    let world = World::undriven().await;
    let put = |name: &str| json!({"name": name, "program_code": CODE});
    let (status, made) = world.call(Method::PUT, "/v0/pipelines/p", Some(put("p"))).await;
    assert_eq!((status, keys(&made)), (201, 37), "{made}");
    let body = json!({"name": "p", "program_code": "", "tags": ["t"], "runtime_config": {"workers": 2}});
    let (status, replaced) = world.call(Method::PUT, "/v0/pipelines/p", Some(body)).await;
    assert_eq!((status, &replaced["version"], &replaced["tags"]), (200, &json!(2), &json!(["t"])));
    let (_, reset) = world.call(Method::PUT, "/v0/pipelines/p", Some(put("p"))).await;
    assert_eq!((&reset["version"], &reset["tags"]), (&json!(3), &json!([])));
    assert_eq!(reset["runtime_config"], made["runtime_config"]);
    let (status, renamed) = world.call(Method::PUT, "/v0/pipelines/p", Some(put("q"))).await;
    assert_eq!((status, &renamed["name"], &renamed["id"]), (200, &json!("q"), &made["id"]));
    let absent = world.refused(Method::PUT, "/v0/pipelines/p", Some(put("z"))).await;
    assert_eq!(absent, (400, "CannotRenameNonExistingPipeline".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_its_code() {
    let world = World::undriven().await;
    world.create("p", CODE).await;
    for (body, status, code) in [
        (json!({"name": "p", "program_code": ""}), 409, "DuplicateName"),
        (json!({"name": "", "program_code": ""}), 400, "EmptyName"),
        (json!({"name": "a".repeat(64), "program_code": ""}), 400, "TooLongName"),
        (json!({"name": "a b", "program_code": ""}), 400, "NameDoesNotMatchPattern"),
        (json!({"name": "q"}), 400, "InvalidRequestBody"),
        (json!({"program_code": ""}), 400, "InvalidRequestBody"),
        (json!({"name": "q", "program_code": "", "tags": ["?"]}), 400, "InvalidTag"),
        (json!({"name": "q", "program_code": "", "tags": vec!["a"; 51]}), 400, "TooManyTags"),
        (json!({"name": "q", "program_code": "", "description": "d".repeat(301)}), 400, "TooLongDescription"),
        (json!({"name": "q", "program_code": "", "runtime_config": {"hosts": 2}}), 400, "InvalidRuntimeConfig"),
        (
            json!({"name": "q", "program_code": "", "runtime_config": {"env": {"TOKIO_X": "1"}}}),
            400,
            "InvalidRuntimeConfig",
        ),
        (json!({"name": "q", "program_code": "", "program_config": {"profile": "x"}}), 400, "InvalidProgramConfig"),
    ] {
        let refused = world.refused(Method::POST, "/v0/pipelines", Some(body.clone())).await;
        assert_eq!(refused, (status, code.to_owned()), "{body}");
    }
    for action in
        ["start", "stop", "clear", "pause", "resume", "activate", "approve", "dismiss_error", "update_runtime"]
    {
        let refused = world.refused(Method::POST, &format!("/v0/pipelines/nope/{action}"), None).await;
        assert_eq!(refused, (404, "UnknownPipelineName".into()), "{action}");
    }
    assert_eq!(world.refused(Method::GET, "/v0/pipelines/nope/events", None).await.0, 404);
    assert_eq!(world.refused(Method::GET, "/v0/nothing", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_back_and_do_not_stand_on_the_log() {
    let world = World::undriven().await;
    let code = "CREATE TABLE t (a INT) /* hunter2 */;";
    let config = json!({"env": {"PASSWORD": "hunter2"}});
    let body = json!({"name": "p", "program_code": code, "runtime_config": config});
    let (status, made) = world.call(Method::POST, "/v0/pipelines", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!((&made["program_code"], &made["runtime_config"]["env"]["PASSWORD"]), (&json!(code), &json!("hunter2")));
    let state: String =
        sqlx::query_scalar("SELECT state FROM pipelines_g1.pipeline").fetch_one(&world.pool).await.unwrap();
    assert!(state.contains("sealed:v1:tenant.") && !state.contains("hunter2"), "{state}");
    for stream in ["EV_PIPELINES", "CMD", "OUT"] {
        let mut stream = world.js.get_stream(stream).await.unwrap();
        let last = stream.info().await.unwrap().state.last_sequence;
        for seq in 1..=last {
            let Ok(message) = stream.get_raw_message(seq).await else { continue };
            let text = String::from_utf8_lossy(&message.payload).into_owned();
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
    // The same secrets again are the same pipeline.
    let patch = json!({"program_code": code, "runtime_config": {"env": {"PASSWORD": "hunter2"}}});
    assert_eq!(world.call(Method::PATCH, "/v0/pipelines/p", Some(patch)).await.1["version"], 1);
    let patch = json!({"runtime_config": {"env": {"PASSWORD": "other"}}});
    let (_, changed) = world.call(Method::PATCH, "/v0/pipelines/p", Some(patch)).await;
    assert_eq!((&changed["version"], &changed["program_version"]), (&json!(2), &json!(1)));
    assert_eq!(changed["runtime_config"]["env"]["PASSWORD"], "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_is_answered() {
    let world = World::undriven().await;
    world.create("p", CODE).await;
    let call = async |method: &str, path: &str, key: Option<&str>| {
        let (status, headers, body) = world.whole(method.parse().unwrap(), path, key, None).await;
        (status, headers, body["error_code"].as_str().unwrap_or_default().to_owned())
    };
    let (status, _, code) = call("GET", "/v0/pipelines", None).await;
    assert_eq!((status, code.as_str()), (401, "AuthenticationFailed"));
    let (status, _, code) = call("GET", "/v0/pipelines", Some("unknown")).await;
    assert_eq!((status, code.as_str()), (401, "AuthenticationFailed"));
    for (method, path, reader) in [
        ("GET", "/v0/pipelines", 200),
        ("GET", "/v0/pipelines/p", 200),
        ("GET", "/v0/pipelines/p/events", 200),
        ("GET", "/v0/config", 200),
        ("POST", "/v0/pipelines", 403),
        ("PATCH", "/v0/pipelines/p", 403),
        ("DELETE", "/v0/pipelines/p", 403),
        ("POST", "/v0/pipelines/p/start", 403),
        ("GET", "/v0/api_keys", 403),
    ] {
        let (status, _, code) = call(method, path, Some(READER)).await;
        assert_eq!(status, reader, "{method} {path}");
        assert_eq!(code == "InsufficientPermissions", reader == 403);
        assert_eq!(call(method, path, Some(NOBODY)).await.0, 403, "{method} {path}");
    }
    let (status, headers, _) = call("POST", "/v0/pipelines/p/pause", Some(ADMIN)).await;
    assert_eq!((status, &headers["retry-after"]), (503, &"5".parse().unwrap()));
    for action in ["pause", "resume", "activate", "approve"] {
        let refused = world.refused(Method::POST, &format!("/v0/pipelines/p/{action}"), None).await;
        assert_eq!(refused, (503, "PipelineInteractionNotDeployed".into()), "{action}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_installation_says_what_it_is() {
    let world = World::undriven().await;
    assert_eq!(world.whole(Method::GET, "/healthz", None, None).await.2, json!({"status": "healthy"}));
    let (_, config) = world.get("/v0/config").await;
    let names = "posthog conceptualhq product_fruits edition version revision runtime_revision unstable_features \
        changelog_url license_validity update_info build_info build_source";
    let mut names: Vec<&str> = names.split_whitespace().collect();
    names.sort_unstable();
    assert_eq!(config.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert_eq!((&config["edition"], &config["version"]), (&json!("Enterprise"), &json!("0.337.0")));
    assert_eq!(config["unstable_features"], "testing");
    assert_eq!(world.get("/v0/config/demos").await, (200, json!([])));
    let (status, health) = world.get("/v0/cluster_healthz").await;
    assert_eq!((status, &health["all_healthy"]), (503, &json!(false)));
    assert_eq!((&health["api"]["healthy"], &health["runner"]["healthy"]), (&json!(true), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_issued_listed_and_deleted_by_name() {
    let world = World::undriven().await;
    let post = async |body: Value| world.call(Method::POST, "/v0/api_keys", Some(body)).await;
    let (status, made) = post(json!({"name": "k", "role": "write"})).await;
    assert_eq!((status, &made["name"], &made["api_key"]), (201, &json!("k"), &json!("apikey:x")));
    assert_eq!(post(json!({"name": "r"})).await.0, 201);
    for (body, status, code) in [
        (json!({"name": "k"}), 409, "DuplicateName"),
        (json!({"name": "a b"}), 400, "NameDoesNotMatchPattern"),
        (json!({"name": "x", "role": "admin"}), 403, "OwnerAdminNotMintableAsApiKey"),
        (json!({"name": "x", "role": "some"}), 400, "InvalidParam"),
    ] {
        assert_eq!(world.refused(Method::POST, "/v0/api_keys", Some(body)).await, (status, code.to_owned()));
    }
    let key = json!({"id": made["id"], "name": "k", "role": "write"});
    assert_eq!(world.get("/v0/api_keys/k").await, (200, json!([key])));
    assert_eq!(world.get("/v0/api_keys").await.1[1]["role"], "read");
    assert_eq!(world.call(Method::DELETE, "/v0/api_keys/k", None).await, (200, Value::Null));
    assert_eq!(world.refused(Method::DELETE, "/v0/api_keys/k", None).await, (404, "UnknownApiKey".into()));
}
