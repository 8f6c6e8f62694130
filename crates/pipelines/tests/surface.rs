//! What clients ask beside the resource and its life: programs that are looked at, bundles, tags, explanations, the installation.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::io::{Cursor, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alluvium_kernel::BoxFuture;
use alluvium_pipelines::{ClusterWatch, Health, Service, WatchParts};
use axum::body::Body;
use axum::http::{Method, Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use world::{ADMIN, READER, World};

const CODE: &str = "CREATE TABLE t (a INT);";

async fn send(
    world: &World,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<Value>,
) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {ADMIN}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    world.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_looked_at_without_being_kept() {
    let world = World::undriven().await;
    let validate = async |body: Value| world.call(Method::POST, "/v0/validate_program", Some(body)).await;
    let (status, right) = validate(json!({"program_code": CODE})).await;
    assert_eq!((status, &right["Success"]["program_info"]["schema"]["inputs"][0]["name"]), (200, &json!("t")));
    assert_eq!(right["Success"]["program_info"]["dataflow"], Value::Null);
    let (_, right) = validate(json!({"program_code": CODE, "ir": true, "runtime_version": "v0.1.2"})).await;
    assert_eq!(right["Success"]["program_info"]["dataflow"]["mir"], json!({}));
    let (status, wrong) = validate(json!({"program_code": "SELECT 1"})).await;
    assert_eq!((status, &wrong["SqlError"]["info"]["exit_code"]), (200, &json!(1)), "{wrong}");
    assert_eq!(validate(json!({"program_code": "PANIC"})).await, (200, json!({"SystemError": {"error": "away"}})));
    for (body, code) in [
        (json!({}), "InvalidRequestBody"),
        (json!({"program_code": CODE, "runtime_version": "1"}), "InvalidRuntimeVersion"),
    ] {
        let refused = world.refused(Method::POST, "/v0/validate_program", Some(body)).await;
        assert_eq!(refused, (400, code.to_owned()));
    }
    let (status, ..) =
        world.whole(Method::POST, "/v0/validate_program", Some(READER), Some(json!({"program_code": CODE}))).await;
    assert_eq!(status, 403);
    assert_eq!(world.get("/v0/pipelines").await.1, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_compared_and_its_graph_shown_once_it_is_compiled() {
    let world = World::start().await;
    world.compiler.gate.forget_permits(1_000);
    world.create("p", CODE).await;
    for (method, path) in [(Method::POST, "/v0/pipelines/p/diff"), (Method::GET, "/v0/pipelines/p/dataflow_graph")] {
        let early = world.refused(method, path, Some(json!({}))).await;
        assert_eq!(early, (404, "ProgramNotCompiled".into()), "{path}");
    }
    world.compiler.gate.add_permits(1_000);
    world.becomes("p", "program_status", "Success").await;
    let diff = async |body: Value| world.call(Method::POST, "/v0/pipelines/p/diff", Some(body)).await;
    let (status, same) = diff(json!({})).await;
    assert_eq!((status, same.as_object().unwrap().len()), (200, 7), "{same}");
    let (_, other) = diff(json!({"program_code": "CREATE TABLE t (a VARCHAR); CREATE TABLE u (a INT);"})).await;
    let expected = json!({
        "added_tables": ["u"], "removed_tables": [], "modified_tables": ["t"],
        "added_views": [], "removed_views": [], "modified_views": [],
    });
    assert_eq!(other["program_diff"], expected);
    for (body, code) in [
        (json!({"program_code": "SELECT 1"}), "InvalidNewProgramSql"),
        (json!({"program_code": ""}), "BootstrapNotAllowed"),
        (json!({"runtime_version": "x"}), "InvalidRuntimeVersion"),
    ] {
        let refused = world.refused(Method::POST, "/v0/pipelines/p/diff", Some(body)).await;
        assert_eq!(refused, (400, code.to_owned()));
    }
    let graph = world.get("/v0/pipelines/p/dataflow_graph").await;
    assert_eq!(graph, (200, json!({"calcite_plan": {}, "mir": {"t": {"inputs": []}}})));
    for path in ["diff", "dataflow_graph"] {
        let method = if path == "diff" { Method::POST } else { Method::GET };
        let unknown = world.refused(method, &format!("/v0/pipelines/nope/{path}"), Some(json!({}))).await;
        assert_eq!(unknown, (404, "UnknownPipelineName".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compilation_is_cancelled_and_the_next_one_goes_on() {
    let world = World::start().await;
    world.compiler.gate.forget_permits(1_000);
    world.create("p", CODE).await;
    world.becomes("p", "program_status", "CompilingSql").await;
    let (status, said) = world.call(Method::DELETE, "/v0/pipelines/p/compile", None).await;
    assert_eq!((status, said), (200, json!("Compilation has ended")));
    let (_, ended) = world.get("/v0/pipelines/p").await;
    assert_eq!(ended["program_status"], "SystemError");
    assert!(ended["program_error"]["system_error"].as_str().unwrap().contains("cancelled"), "{ended}");
    world.compiler.gate.add_permits(1_000);
    let patch = json!({"program_code": "CREATE TABLE u (a INT);"});
    assert_eq!(world.call(Method::PATCH, "/v0/pipelines/p", Some(patch)).await.0, 200);
    world.becomes("p", "program_status", "Success").await;
    assert_eq!(world.call(Method::DELETE, "/v0/pipelines/p/compile", None).await.0, 200);
    assert_eq!(world.get("/v0/pipelines/p").await.1["program_status"], "Success");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_another_version_is_refused() {
    let world = World::undriven().await;
    let body = || Some(json!({"name": "p", "program_code": CODE}));
    let absent = send(&world, "PUT", "/v0/pipelines/p", &[("if-match", "*")], body()).await;
    assert_eq!(absent.status(), 412);
    let made = send(&world, "POST", "/v0/pipelines", &[], body()).await;
    assert_eq!((made.status().as_u16(), &made.headers()["etag"]), (201, &"\"1\"".parse().unwrap()));
    let patch = || Some(json!({"program_code": "CREATE TABLE u (a INT);"}));
    let patched = send(&world, "PATCH", "/v0/pipelines/p", &[("if-match", "\"1\"")], patch()).await;
    assert_eq!((patched.status().as_u16(), &patched.headers()["etag"]), (200, &"\"2\"".parse().unwrap()));
    for (method, tag, body) in [
        ("PATCH", "\"1\"", Some(json!({"program_code": ""}))),
        ("PUT", "W/\"2\"", body()),
        ("DELETE", "\"1\", \"3\"", None),
    ] {
        let refused = send(&world, method, "/v0/pipelines/p", &[("if-match", tag)], body).await;
        assert_eq!(refused.status(), 412, "{method}");
        let said: Value = serde_json::from_slice(&bytes(refused).await).unwrap();
        assert_eq!((&said["error_code"], &said["details"]), (&json!("PreconditionFailed"), &json!({"version": 2})));
    }
    let shown = send(&world, "GET", "/v0/pipelines/p", &[], None).await;
    let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(send(&world, "DELETE", "/v0/pipelines/p", &[("if-match", &tag)], None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_texts_are_packed_for_who_takes_that() {
    let world = World::undriven().await;
    world.create("p", &CODE.repeat(100)).await;
    let path = "/v0/pipelines/p";
    let plain = send(&world, "GET", path, &[], None).await;
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = bytes(plain).await;
    let packed = send(&world, "GET", path, &[("accept-encoding", "br, gzip")], None).await;
    assert_eq!(
        (&packed.headers()["content-encoding"], &packed.headers()["cache-control"]),
        (&"gzip".parse().unwrap(), &"no-cache".parse().unwrap())
    );
    let packed = bytes(packed).await;
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() < plain.len() / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_explains_itself() {
    let world = World::start().await;
    world.create("p", CODE).await;
    world.becomes("p", "program_status", "Success").await;
    let (status, told) = world.get("/v0/pipelines/p?selector=explain").await;
    assert_eq!((status, &told["state"], &told["next"]), (200, &json!("Stopped"), &Value::Null), "{told}");
    assert!(told["allowed"].as_array().unwrap().contains(&json!("start")));
    world.post("/v0/pipelines/p/start").await;
    world.becomes("p", "deployment_status", "Running").await;
    let (_, told) = world.get("/v0/pipelines/p?selector=explain").await;
    assert!(told["allowed"].as_array().unwrap().contains(&json!("pause")), "{told}");
    assert_eq!(world.get("/v0/pipelines?selector=explain").await.1[0]["name"], "p");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_clients_set_the_version_of_the_platform() {
    let world = World::start().await;
    world.create("p", CODE).await;
    world.becomes("p", "program_status", "Success").await;
    let path = "/v0/pipelines/p/testing";
    assert_eq!(world.post(&format!("{path}?set_platform_version=0.1.0")).await, (200, Value::Null));
    assert_eq!(world.get("/v0/pipelines/p").await.1["platform_version"], "0.1.0");
    assert_eq!(world.refused(Method::POST, path, None).await, (400, "InvalidParam".into()));
    assert_eq!(world.post("/v0/pipelines/p/update_runtime").await.1["platform_version"], "0.337.0");
    world.becomes("p", "program_status", "Success").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_what_is_wanted_and_no_secrets() {
    let world = World::start().await;
    let body = json!({"name": "p", "program_code": CODE, "runtime_config": {"env": {"PASSWORD": "hunter2"}}});
    assert_eq!(world.call(Method::POST, "/v0/pipelines", Some(body)).await.0, 201);
    world.becomes("p", "program_status", "Success").await;
    let files = async |query: &str| {
        let path = format!("/v0/pipelines/p/support_bundle{query}");
        let response = send(&world, "GET", &path, &[], None).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/zip".parse().unwrap())
        );
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes(response).await)).unwrap();
        let mut all = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let (mut content, name) = (Vec::new(), file.name().unwrap().into_owned());
            file.read_to_end(&mut content).unwrap();
            assert!(!String::from_utf8_lossy(&content).contains("hunter2"), "{name}");
            all.push(name.rsplit_once('/').map_or(name.clone(), |(_, name)| name.to_owned()));
        }
        all.sort();
        all
    };
    let own = ["dataflow_graph.json", "pipeline_config.json", "pipeline_events.json", "system_config.json"];
    let mut all: Vec<&str> = own.to_vec();
    all.extend(["logs.txt", "stats.json", "stats.json", "stats.json", "metadata.txt", "metadata.json"]);
    all.sort_unstable();
    assert_eq!(files("").await, all);
    let mut newest: Vec<&str> = own.to_vec();
    newest.extend(["logs.txt", "stats.json", "metadata.txt", "metadata.json"]);
    newest.sort_unstable();
    assert_eq!(files("?limit=1").await, newest);
    assert_eq!(files("?collect=false").await, ["metadata.json", "metadata.txt", "stats.json", "stats.json"]);
    let none =
        "circuit_profile heap_profile metrics logs stats pipeline_config system_config dataflow_graph pipeline_events";
    let none: Vec<String> = none.split(' ').map(|name| format!("{name}=false")).collect();
    assert_eq!(files(&format!("?{}", none.join("&"))).await, ["metadata.json", "metadata.txt"]);
    let refused = world.refused(Method::GET, "/v0/pipelines/p/support_bundle?limit=0", None).await;
    assert_eq!(refused, (400, "InvalidParam".into()));
    let unknown = world.refused(Method::GET, "/v0/pipelines/nope/support_bundle", None).await;
    assert_eq!(unknown, (404, "UnknownPipelineName".into()));
    let metrics = send(&world, "GET", "/v0/metrics", &[], None).await;
    assert_eq!(bytes(metrics).await, b"# of default\n");
}

struct Switch(AtomicBool);

impl Health for Switch {
    fn services(&self) -> BoxFuture<'_, [Service; 3]> {
        let runner = self.0.load(Ordering::SeqCst);
        Box::pin(
            async move { [true, true, runner].map(|healthy| Service { healthy, message: format!("said {healthy}") }) },
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_the_installation_is_noted_when_it_changes() {
    let world = World::undriven().await;
    let none = world.refused(Method::GET, "/v0/cluster/events/latest", None).await;
    assert_eq!(none, (404, "NoClusterMonitorEventsAvailable".into()));
    assert_eq!(world.get("/v0/cluster/events").await, (200, json!([])));
    let switch = Arc::new(Switch(AtomicBool::new(false)));
    let watch = ClusterWatch::new(WatchParts {
        health: switch.clone(),
        client: world.client.clone(),
        js: world.js.clone(),
        owner: "test".into(),
        replicas: 1,
        look_every: Duration::from_millis(20),
    });
    tokio::spawn(watch.run(world.stop.clone()));
    let latest = "/v0/cluster/events/latest?selector=all";
    for (healthy, status) in [(false, "InitialUnhealthy"), (true, "Healthy"), (false, "Unhealthy")] {
        switch.0.store(healthy, Ordering::SeqCst);
        world.until(status, async |world| world.get(latest).await.1["runner_status"] == status).await;
        let (_, event) = world.get(latest).await;
        assert_eq!(
            (&event["all_healthy"], &event["runner_self_info"]),
            (&json!(healthy), &json!(format!("said {healthy}")))
        );
    }
    let (_, events) = world.get("/v0/cluster/events").await;
    let states: Vec<&Value> = events.as_array().unwrap().iter().map(|it| &it["runner_status"]).collect();
    assert_eq!(states, ["Unhealthy", "Healthy", "InitialUnhealthy"]);
    assert_eq!(events[0].as_object().unwrap().len(), 6);
    let id = events[1]["id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v0/cluster/events/{id}")).await, (200, events[1].clone()));
    let unknown = world.refused(Method::GET, "/v0/cluster/events/x", None).await;
    assert_eq!(unknown, (404, "UnknownClusterMonitorEvent".into()));
    let selector = world.refused(Method::GET, "/v0/cluster/events/latest?selector=x", None).await;
    assert_eq!(selector, (400, "InvalidParam".into()));
}
