//! The older form of the resource, over the same pipelines.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod world;

use axum::http::Method;
use serde_json::{Value, json};

use world::World;

const CODE: &str = "CREATE TABLE t (a INT);";

fn outcomes(program: &Value) -> Vec<&str> {
    program["stages"].as_array().unwrap().iter().map(|stage| stage["outcome"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_compiled_used_and_deleted() {
    let world = World::start().await;
    let body = json!({"name": "program", "code": CODE, "description": "d"});
    let (status, program) = world.call(Method::POST, "/api/programs", Some(body)).await;
    assert_eq!((status, &program["code"], &program["version"]), (201, &json!(CODE), &json!(1)), "{program}");
    let path = format!("/api/programs/{}", program["id"].as_str().unwrap());
    world.until("it is compiled", async |world| world.get(&path).await.1["status"] == "Success").await;
    let (_, shown) = world.get("/api/programs/program").await;
    assert_eq!(outcomes(&shown), ["success", "success", "success", "success", "pending"]);
    assert_eq!(shown["schema"]["inputs"][0]["name"], "t");
    let names: Vec<&Value> = shown["stages"].as_array().unwrap().iter().map(|stage| &stage["name"]).collect();
    assert_eq!(names, ["sql_parsing", "dbsp_generation", "rust_compilation", "binary_packaging", "deployment"]);

    let body = json!({"name": "p", "program_id": program["id"], "config": {"workers": 2}});
    let (status, made) = world.call(Method::POST, "/api/pipelines", Some(body)).await;
    assert_eq!((status, &made["program_id"], &made["program_version"]), (201, &program["id"], &json!(1)), "{made}");
    assert_eq!(made["config"]["workers"], 2);
    assert_eq!(world.get("/v0/pipelines/p").await.1["program_code"], CODE);
    let wrong = world.call(Method::PATCH, &path, Some(json!({"code": "SELECT 1"}))).await;
    assert_eq!((wrong.0, &wrong.1["version"]), (200, &json!(2)));
    world.until("it is wrong", async |world| world.get(&path).await.1["status"] == "SqlError").await;
    let (_, wrong) = world.get(&path).await;
    assert_eq!(outcomes(&wrong), ["error", "error", "pending", "pending", "pending"]);
    assert_eq!(wrong["stages"][0]["message"], "not a table: SELECT 1");
    assert_eq!(world.get("/v0/pipelines/p").await.1["program_code"], CODE, "a copy is a copy");

    assert_eq!(world.refused(Method::DELETE, &path, None).await, (409, "ProgramInUse".into()));
    assert_eq!(world.call(Method::DELETE, "/api/pipelines/p", None).await.0, 200);
    assert_eq!(world.call(Method::DELETE, &path, None).await.0, 200);
    assert_eq!(world.refused(Method::GET, &path, None).await, (404, "UnknownPipelineName".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_starts_pauses_and_shuts_down() {
    let world = World::start().await;
    for (body, status, code) in [
        (json!({"name": "p"}), 400, "InvalidRequestBody"),
        (json!({"name": "p", "program_id": "x", "program_code": ""}), 400, "InvalidRequestBody"),
        (json!({"name": "p", "program_id": "x"}), 404, "UnknownProgram"),
    ] {
        assert_eq!(world.refused(Method::POST, "/api/pipelines", Some(body)).await, (status, code.to_owned()));
    }
    let body = json!({"name": "p", "program_code": CODE});
    let (_, made) = world.call(Method::POST, "/api/pipelines", Some(body)).await;
    assert_eq!(made["program_id"], made["id"]);
    world.becomes("p", "program_status", "Success").await;
    let (status, started) = world.post("/api/pipelines/p/start").await;
    assert_eq!((status, &started["desired_status"]), (202, &json!("Running")));
    world.becomes("p", "deployment_status", "Running").await;
    assert_eq!(outcomes(&world.get("/api/programs/p").await.1), ["success"; 5]);
    let (status, paused) = world.post("/api/pipelines/p/pause").await;
    assert_eq!((status, &paused["desired_status"]), (202, &json!("Paused")));
    world.becomes("p", "deployment_status", "Paused").await;
    assert_eq!(world.post("/api/pipelines/p/shutdown").await.0, 202);
    world.becomes("p", "deployment_status", "Stopped").await;
    let (status, changed) = world.call(Method::PATCH, "/api/pipelines/p", Some(json!({"description": "d"}))).await;
    assert_eq!((status, &changed["description"]), (200, &json!("d")));
    assert_eq!(world.get("/api/pipelines").await.1.as_array().unwrap().len(), 1);
}
