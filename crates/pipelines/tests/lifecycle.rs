//! What happens to a pipeline between its creation and its deletion.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use std::sync::Arc;

use alluvium_pipelines::DeploymentError;
use alluvium_projection::Pace;
use axum::http::Method;
use serde_json::{Value, json};

use world::World;
use world::engine::{NoteRunner, Room};

const CODE: &str = "CREATE TABLE t (a INT);";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_compiled_and_counts_as_it_should() {
    let world = World::start().await;
    world.create("p", CODE).await;
    let ready = world.becomes("p", "program_status", "Success").await;
    assert_eq!(
        (&ready["version"], &ready["program_version"], &ready["refresh_version"]),
        (&json!(1), &json!(1), &json!(3))
    );
    assert_eq!(ready["program_info"]["schema"]["inputs"][0]["name"], "t");
    assert_eq!(ready["program_error"]["sql_compilation"], json!({"exit_code": 0, "messages": []}));
    assert_eq!(ready["program_error"]["rust_compilation"]["exit_code"], 0);
    let patch = json!({"program_code": "CREATE TABLE u (a INT, b VARCHAR);"});
    let (_, changed) = world.call(Method::PATCH, "/v0/pipelines/p", Some(patch)).await;
    assert_eq!((&changed["refresh_version"], &changed["program_info"]), (&json!(4), &Value::Null));
    let ready = world.becomes("p", "program_status", "Success").await;
    assert_eq!((&ready["program_version"], &ready["refresh_version"]), (&json!(2), &json!(6)));
    let (_, events) = world.get("/v0/pipelines/p/events").await;
    let states: Vec<&Value> = events.as_array().unwrap().iter().map(|it| &it["program_status"]).collect();
    let once = ["Success", "CompilingRust", "SqlCompiled", "CompilingSql", "Pending"];
    assert_eq!(states, [once, once].concat());
    let (_, latest) = world.get("/v0/pipelines/p/events/latest?selector=all").await;
    assert_eq!((&latest["event_id"], latest.as_object().unwrap().len()), (&events[0]["event_id"], 13));
    let id = events[3]["event_id"].as_str().unwrap();
    assert_eq!(world.get(&format!("/v0/pipelines/p/events/{id}")).await.1, events[3]);
    let unknown = world.refused(Method::GET, "/v0/pipelines/p/events/x", None).await;
    assert_eq!(unknown, (404, "UnknownPipelineMonitorEvent".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_compile_says_why_and_does_not_start() {
    let world = World::start().await;
    world.create("sql", "SELECT 1").await;
    let wrong = world.becomes("sql", "program_status", "SqlError").await;
    assert_eq!(wrong["program_error"]["sql_compilation"]["exit_code"], 1);
    assert_eq!((&wrong["program_info"], &wrong["refresh_version"]), (&Value::Null, &json!(2)));
    let body = json!({"name": "rust", "program_code": CODE, "udf_rust": "fn"});
    world.call(Method::POST, "/v0/pipelines", Some(body)).await;
    let wrong = world.becomes("rust", "program_status", "RustError").await;
    assert_eq!(wrong["program_error"]["rust_compilation"]["stderr"], "no Rust here: fn");
    assert_eq!(wrong["program_error"]["sql_compilation"]["exit_code"], 0);
    for name in ["sql", "rust"] {
        let refused = world.refused(Method::POST, &format!("/v0/pipelines/{name}/start"), None).await;
        assert_eq!(refused, (400, "CannotStartWithCompilationError".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_starts_pauses_goes_on_and_stops() {
    let world = World::start().await;
    world.create("p", CODE).await;
    world.becomes("p", "program_status", "Success").await;
    assert_eq!(world.post("/v0/pipelines/p/start?initial=paused").await, (202, json!("Pipeline is starting")));
    let paused = world.becomes("p", "deployment_status", "Paused").await;
    assert_eq!((&paused["storage_status"], &paused["deployment_initial"]), (&json!("InUse"), &json!("Paused")));
    assert!(paused["deployment_id"].is_string());
    let answer = world.post("/v0/pipelines/p/resume").await;
    assert_eq!(answer, (202, json!("Pipeline transitioning from Paused to Running")));
    let running = world.becomes("p", "deployment_status", "Running").await;
    assert!(running["refresh_version"].as_i64().unwrap() <= 15, "{running}");
    let (_, status) = world.get("/v0/pipelines/p?selector=status_with_connectors").await;
    assert_eq!(status["connectors"], json!({"num_errors": 0}));
    for (path, code) in [
        ("start?initial=running", "InitialImmutableUnlessStopped"),
        ("start?initial=paused&bootstrap_policy=allow", "BootstrapPolicyImmutableUnlessStopped"),
        ("clear", "StorageStatusImmutableUnlessStopped"),
    ] {
        let refused = world.refused(Method::POST, &format!("/v0/pipelines/p/{path}"), None).await;
        assert_eq!(refused, (400, code.to_owned()));
    }
    let edit = world.refused(Method::PATCH, "/v0/pipelines/p", Some(json!({"program_code": ""}))).await;
    assert_eq!(edit, (400, "UpdateRestrictedToStopped".into()));
    assert_eq!(world.refused(Method::DELETE, "/v0/pipelines/p", None).await.1, "DeleteRestrictedToFullyStopped");
    assert_eq!(world.post("/v0/pipelines/p/stop").await, (202, json!("Pipeline is suspending")));
    let stopped = world.becomes("p", "deployment_status", "Stopped").await;
    assert_eq!((&stopped["deployment_error"], &stopped["deployment_initial"]), (&Value::Null, &Value::Null));
    assert_eq!((&stopped["deployment_id"], &stopped["bootstrap_policy"]), (&Value::Null, &Value::Null));
    assert_eq!(stopped["deployment_desired_status"], "Stopped");
    assert_eq!(world.refused(Method::DELETE, "/v0/pipelines/p", None).await.1, "DeleteRestrictedToClearedStorage");
    let frozen = world.refused(Method::PATCH, "/v0/pipelines/p", Some(json!({"name": "q"}))).await;
    assert_eq!(frozen, (400, "EditRestrictedToClearedStorage".into()));
    assert_eq!(world.post("/v0/pipelines/p/clear").await, (202, json!("Pipeline storage is being cleared")));
    world.becomes("p", "storage_status", "Cleared").await;
    assert!(world.runner.kept.lock().unwrap().is_empty());
    assert_eq!(world.call(Method::DELETE, "/v0/pipelines/p", None).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_start_waits_for_the_program() {
    let world = World::start().await;
    world.compiler.gate.forget_permits(1_000);
    world.create("good", CODE).await;
    world.create("bad", "SELECT 1").await;
    for name in ["good", "bad"] {
        assert_eq!(world.post(&format!("/v0/pipelines/{name}/start")).await.0, 202);
        let (_, waiting) = world.get(&format!("/v0/pipelines/{name}")).await;
        assert_eq!(
            (&waiting["deployment_status"], &waiting["deployment_desired_status"]),
            (&json!("Stopped"), &json!("Running"))
        );
        assert_eq!(waiting["deployment_resources_desired_status"], "Provisioned");
    }
    world.compiler.gate.add_permits(2);
    world.becomes("good", "deployment_status", "Running").await;
    let failed = world.becomes("bad", "deployment_desired_status", "Stopped").await;
    assert_eq!(failed["deployment_error"]["error_code"], "StartFailedDueToFailedCompilation");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_stop_a_pipeline_and_are_dismissed() {
    let world = World::start().await;
    world.create("p", CODE).await;
    assert_eq!(world.post("/v0/pipelines/p/start").await.0, 202);
    world.becomes("p", "deployment_status", "Running").await;
    world.runner.with("p", |running| {
        running.failure = Some(DeploymentError::new("RuntimeError.WorkerPanic", "division by zero"));
    });
    let failed = world.becomes("p", "deployment_status", "Stopped").await;
    assert_eq!(failed["deployment_error"]["error_code"], "RuntimeError.WorkerPanic");
    let refused = world.refused(Method::POST, "/v0/pipelines/p/start?dismiss_error=false", None).await;
    assert_eq!(refused, (400, "CannotStartWithUndismissedError".into()));
    let dismissed = world.post("/v0/pipelines/p/dismiss_error").await;
    assert_eq!(dismissed, (200, json!("Pipeline deployment error has been dismissed")));
    assert_eq!(world.get("/v0/pipelines/p").await.1["deployment_error"], Value::Null);

    world.runner.refused.lock().unwrap().insert("p".into(), Room::Refused);
    world.post("/v0/pipelines/p/start").await;
    world
        .until("it has failed", async |world| !world.get("/v0/pipelines/p").await.1["deployment_error"].is_null())
        .await;
    let failed = world.becomes("p", "deployment_status", "Stopped").await;
    assert_eq!(failed["deployment_error"]["error_code"], "NoRoom");

    world.runner.refused.lock().unwrap().insert("p".into(), Room::Never);
    world.post("/v0/pipelines/p/start").await;
    world.becomes("p", "deployment_status", "Provisioning").await;
    let stop = world.post("/v0/pipelines/p/stop?force=true").await;
    assert_eq!(stop, (202, json!("Pipeline is forcefully stopping")));
    world.becomes("p", "deployment_status", "Stopped").await;
    let body = json!({"name": "late", "program_code": CODE, "runtime_config": {"provisioning_timeout_secs": 1}});
    world.call(Method::POST, "/v0/pipelines", Some(body)).await;
    world.runner.refused.lock().unwrap().insert("late".into(), Room::Never);
    world.post("/v0/pipelines/late/start").await;
    world
        .until("it is late", async |world| !world.get("/v0/pipelines/late").await.1["deployment_error"].is_null())
        .await;
    let late = world.becomes("late", "deployment_status", "Stopped").await;
    assert_eq!(late["deployment_error"]["error_code"], "ProvisioningTimeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_waits_for_approval() {
    let world = World::start().await;
    world.create("differs", CODE).await;
    world.post("/v0/pipelines/differs/start").await;
    world.becomes("differs", "deployment_status", "AwaitingApproval").await;
    let refused = world.refused(Method::POST, "/v0/pipelines/differs/pause", None).await;
    assert_eq!(refused, (503, "AwaitingApproval".into()));
    let approved = world.post("/v0/pipelines/differs/approve").await;
    assert_eq!(approved, (200, json!("Bootstrap approved")));
    assert_eq!(world.get("/v0/pipelines/differs").await.1["deployment_status"], "Running");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_begins_anew_goes_on() {
    let world = World::start().await;
    world.create("p", CODE).await;
    world.post("/v0/pipelines/p/start?initial=paused").await;
    let before = world.becomes("p", "deployment_status", "Paused").await;
    world.compiler.gate.forget_permits(1_000);
    world.create("q", CODE).await;
    world.becomes("q", "program_status", "CompilingSql").await;
    world.stop_driving();
    world.compiler.gate.add_permits(10);
    world.post("/v0/pipelines/p/resume").await;
    // All that ran is gone with the process.
    let runner = Arc::new(NoteRunner::default());
    world.drive(runner.clone());
    world.becomes("q", "program_status", "Success").await;
    let after = world.becomes("p", "deployment_status", "Running").await;
    assert_eq!(after["deployment_id"], before["deployment_id"]);
    runner.with("p", |running| assert!(running.deployed.is_again));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_rows() {
    let world = World::start().await;
    for name in ["p", "q"] {
        world.create(name, CODE).await;
        world.post(&format!("/v0/pipelines/{name}/start")).await;
        world.becomes(name, "deployment_status", "Running").await;
    }
    world.create("gone", CODE).await;
    world.becomes("gone", "program_status", "Success").await;
    world.call(Method::DELETE, "/v0/pipelines/gone", None).await;
    let report = world.projections.verify(alluvium_pipelines::PROJECTION, Pace::default()).await.unwrap();
    assert!(report.differences.is_empty(), "{report:?}");
}
